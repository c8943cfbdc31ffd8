/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What the session is to the host's names (design.md, "wanted"). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/explain.h"
#include "tunnel/daemon/daemon_private.h"

static enum dns_mode mode_of(enum session_state state)
{
	switch (state) {
	case SESSION_STATE_DOWN:
	case SESSION_STATE_COUNT:
		break;
	case SESSION_STATE_WAITING:
		return DNS_MODE_ARMED;
	case SESSION_STATE_CONNECTING:
	case SESSION_STATE_RECONNECTING:
	case SESSION_STATE_FAILED:
		return DNS_MODE_WAITING;
	case SESSION_STATE_UP:
	case SESSION_STATE_SUSPECT:
		return DNS_MODE_UP;
	}
	return DNS_MODE_OFF;
}

/* NULL: it has none. */
static const struct engine_entry *entry_of(const struct daemon *d)
{
	size_t at = engine_find(&d->engine, session_io_name(d->io));

	return at != ENGINE_NOBODY ? &d->engine.entries[at] : NULL;
}

/* Of the profile that the session has: EvaluateConnection's, if that matched.
 */
static const struct profile_rule *rule_of(const struct daemon *d)
{
	const struct profile *p = session_io_profile(d->io);
	const struct engine_entry *e = entry_of(d);
	const struct ondemand_decision *made;

	if (p == NULL || e == NULL)
		return NULL;
	made = &e->decision;
	return made->outcome == ONDEMAND_MATCH &&
			       made->action == PROFILE_ACTION_EVALUATE &&
			       made->rule < p->rule_count
		       ? &p->rules[made->rule]
		       : NULL;
}

void daemon_names_changed(struct daemon *d)
{
	const struct session *s = session_io_session(d->io);
	const struct engine_entry *e = entry_of(d);
	char reason[256];
	const struct split_dns_input in = {
		.mode = mode_of(s->state),
		.hold = d->triggered,
		.any_name = e != NULL && e->pause == ENGINE_PAUSE_IDLE,
		.profile = session_io_profile(d->io),
		.lease = session_io_lease(d->io),
		.reason = reason,
		.rule = rule_of(d),
		.generation = d->engine.networks,
	};

	snprintf(reason, sizeof(reason), "the tunnel %s is %s%s%s",
		 session_io_name(d->io), session_state_name(s->state),
		 s->reason ? ": " : "",
		 s->reason ? reason_text(s->reason) : "");
	split_dns_update(d->names, &in);
}

static void on_names_changed(void *arg)
{
	struct daemon *d = arg;

	daemon_names_changed(d);
	daemon_network_names_changed(d);
	daemon_wait_changed(d);
}

static void on_trigger(void *arg, const char *name, const char *because)
{
	struct daemon *d = arg;

	if (d->wanted != ENGINE_ARMED)
		return;
	log_notice("somebody asks for %s: %s", name, because);
	d->triggered = true;
	if (!daemon_engine_trigger(d))
		d->triggered = false;
}

static void on_need_probe(void *arg, uint64_t generation, const char *url)
{
	daemon_probe_for_names(arg, generation, url);
}

int daemon_names_start(struct daemon *d)
{
	const struct split_dns_options o = {
		.loop = &d->loop,
		.host = d->host,
		.device = SESSION_IO_DEVICE,
		.state_dir = d->options->state_dir,
		.changed = on_names_changed,
		.trigger = on_trigger,
		.need_probe = on_need_probe,
		.arg = d,
	};

	d->names = split_dns_create(&o);
	return d->names ? 0 : -ENOMEM;
}

void daemon_explain_dns(struct daemon *d, struct ctl_peer *peer,
			const struct ctl_request *request)
{
	struct ctl_reply reply = { .final = true };
	struct dns_explanation *e = calloc(1, sizeof(*e));
	const char *name = request->text ? request->text : "";
	size_t len = strlen(name);

	if (e == NULL) {
		daemon_reply(peer, true, CTL_EXIT_FAILED, "out of memory");
		return;
	}
	if (len == 0 || dns_name_from_text(name, &e->name) < 0) {
		daemon_reply(peer, true, CTL_EXIT_USAGE,
			     "\"%s\" is no DNS name", name);
		free(e);
		return;
	}
	e->is_full = name[len - 1] == '.';
	reply.body = split_dns_explain(d->names, e, request->json);
	if (reply.body == NULL)
		daemon_reply(peer, true, CTL_EXIT_FAILED, "out of memory");
	else
		ctl_server_reply(peer, &reply);
	ctl_reply_fini(&reply);
	free(e);
}
