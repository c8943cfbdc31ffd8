/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) The requests that are the user's hand above the rules, and the one that
 * asks what the rules see. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/base/clock.h"
#include "tunnel/base/folder.h"
#include "tunnel/base/human.h"
#include "tunnel/base/log.h"
#include "tunnel/daemon/daemon_private.h"

enum {
	WAIT_S = 30,
	UNSAVED_MAX = 192,
};

/* A bad file, or a folder that anybody may put another into, leaves in force
 * what the tunnel had of it. Not so a good one that names what cannot be used
 * here, such as an identity that was changed. */
static bool has_one_in_force(const struct daemon *d,
			     const struct profile_entry *e)
{
	return (e->broken || d->folder_error == -EPERM) && e->profile != NULL &&
	       daemon_is_current(d, e->name) &&
	       session_io_profile(d->io) != NULL;
}

/* NULL with 0: the one in force is used. < 0: the peer was told why not. */
static int load(struct daemon *d, struct ctl_peer *peer,
		const struct profile_entry *e, struct profile **ret_profile,
		struct config_report *ret_report)
{
	int r = d->folder_error == -EPERM
			? -EPERM
			: profile_load(e->path, PROFILE_FOR_USE, ret_profile,
				       ret_report);

	if (r == 0)
		return 0;
	*ret_profile = NULL;
	if (has_one_in_force(d, e)) {
		log_notice("connect %s as it was before its file turned bad",
			   e->name);
		daemon_reply(peer, false, CTL_EXIT_DONE,
			     "%s: its file is refused, see \"adit status\"; "
			     "the profile before it is used",
			     e->name);
		return 0;
	}
	if (d->folder_error == -EPERM)
		daemon_reply_folder(d, peer);
	else
		daemon_reply_refused(peer, e, ret_report, r);
	return r;
}

static void reply_locked(const struct daemon *d, struct ctl_peer *peer,
			 const char *name)
{
	const struct engine_entry *locked =
		&d->engine.entries[engine_insists(&d->engine)];

	daemon_reply(peer, true, CTL_EXIT_NOT_PERMITTED,
		     "%s: the profile of %s does not let you take its tunnel "
		     "(DisableUserOverride): ask whoever manages this machine",
		     name, locked->name);
}

/* What is added to the answer when the user's word is not on the disk. */
static const char *unsaved(const struct engine_entry *e,
			   char buf[static UNSAVED_MAX])
{
	buf[0] = '\0';
	if (e->hold_error < 0)
		snprintf(buf, UNSAVED_MAX,
			 "; this cannot be written, and ends with aditd: %s",
			 folder_error_text(e->hold_error));
	return buf;
}

void daemon_connect(struct daemon *d, struct ctl_peer *peer,
		    const struct ctl_request *request)
{
	struct profile_entry *e =
		daemon_find_profile(d, peer, request->profile);
	struct config_report report = { 0 };
	struct profile *profile = NULL;
	char text[UNSAVED_MAX];
	uint64_t fingerprint;
	size_t at;

	if (e == NULL || load(d, peer, e, &profile, &report) < 0)
		return;
	fingerprint = profile != NULL ? profile->fingerprint : 0;
	at = engine_find(&d->engine, e->name);
	if (at == ENGINE_NOBODY) {
		/* It was no profile a moment ago, when we looked. */
		profile_destroy(profile);
		daemon_reply(peer, true, CTL_EXIT_FAILED,
			     "%s: its file is being written: try again",
			     e->name);
		return;
	}
	log_info("connect %s", e->name);
	/* The hold is set now; the attempt itself starts from the loop, after
	 * the answer. */
	if (daemon_engine_connect(d, at, profile) < 0) {
		reply_locked(d, peer, e->name);
		return;
	}
	if (fingerprint != 0)
		daemon_note_used(d, fingerprint, &report);
	if (request->wait)
		daemon_wait_for_up(d, peer,
				   request->wait_s ? request->wait_s : WAIT_S);
	else
		daemon_reply(
			peer, true, CTL_EXIT_DONE, "%s: %s%s", e->name,
			session_state_name(session_io_session(d->io)->state),
			unsaved(&d->engine.entries[at], text));
}

/* Is there anything that a hold would change? */
static bool rules_act(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->engine.count; i++) {
		const struct engine_entry *e = &d->engine.entries[i];

		if ((name == NULL || strcmp(name, e->name) == 0) &&
		    engine_has_rules(e))
			return true;
	}
	return false;
}

static void reply_refused(struct ctl_peer *peer, const char *name, int error)
{
	if (error == -EPERM)
		daemon_reply(peer, true, CTL_EXIT_NOT_PERMITTED,
			     "%s: its profile does not let you take it down "
			     "(DisableUserOverride): ask whoever manages this "
			     "machine",
			     name);
	else
		daemon_reply(peer, true, CTL_EXIT_USAGE,
			     "%s: its profile wants to know why (RequireReason)"
			     ": add --reason TEXT",
			     name);
}

/* "work is down until this network changes". */
static void reply_down(const struct daemon *d, struct ctl_peer *peer,
		       const struct engine_entry *e)
{
	const struct hold *h = &e->hold;
	uint64_t now = clock_now_ns();
	char end[96] = "", other[PROFILE_NAME_MAX + 64] = "";
	char text[UNSAVED_MAX];

	if (h->until_ns != CLOCK_NEVER) {
		FILE *to = fmemopen(end, sizeof(end), "w");

		if (to != NULL) {
			fputs(" for ", to);
			human_duration(to, (h->until_ns - now) / NS_PER_S + 1);
			if (engine_has_rules(e) && !h->until_reboot)
				fputs(", or until this network changes", to);
			fclose(to);
		}
	} else if (h->until_reboot) {
		snprintf(end, sizeof(end), " until the next reboot");
	} else if (engine_has_rules(e)) {
		snprintf(end, sizeof(end), " until this network changes");
	}
	if (d->wanted == ENGINE_UP)
		snprintf(other, sizeof(other), "; now it is the turn of %s",
			 d->wanted_name);
	daemon_reply(peer, true, CTL_EXIT_DONE, "%s is down%s%s%s", e->name,
		     end, other, unsaved(e, text));
}

/* The one that is meant; ENGINE_NOBODY: the peer has its answer. */
static size_t find_to_disconnect(struct daemon *d, struct ctl_peer *peer,
				 const char *name)
{
	bool down = session_io_session(d->io)->state == SESSION_STATE_DOWN;
	const struct profile_entry *e = NULL;
	size_t at;

	if (name != NULL || !down || rules_act(d, NULL)) {
		e = daemon_find_profile(d, peer, name);
		if (e == NULL)
			return ENGINE_NOBODY;
	}
	at = e != NULL ? engine_find(&d->engine, e->name) : ENGINE_NOBODY;
	if (at == ENGINE_NOBODY || (!rules_act(d, e->name) &&
				    (down || !daemon_is_current(d, e->name)))) {
		daemon_reply(peer, true, CTL_EXIT_DONE, "%s is down already",
			     e ? e->name : "the tunnel");
		return ENGINE_NOBODY;
	}
	return at;
}

void daemon_disconnect(struct daemon *d, struct ctl_peer *peer,
		       const struct ctl_request *request)
{
	struct network_identity place;
	const struct engine_order order = {
		.now_ns = clock_now_ns(),
		.wall_ms = clock_wall_ms(),
		.place = daemon_network_place(d, &place),
		.for_ns = request->for_s * NS_PER_S,
		.until_reboot = request->until_reboot,
		.reason = request->reason,
	};
	size_t at = find_to_disconnect(d, peer, request->profile);
	const struct engine_entry *e;
	int r;

	if (at == ENGINE_NOBODY)
		return;
	e = &d->engine.entries[at];
	r = engine_disconnect(&d->engine, at, &order);
	if (r < 0) {
		reply_refused(peer, e->name, r);
		return;
	}
	log_notice("disconnect %s%s%s", e->name,
		   request->reason ? ", because: " : "",
		   request->reason ? request->reason : "");
	daemon_engine_act(d);
	reply_down(d, peer, e);
}

void daemon_auto(struct daemon *d, struct ctl_peer *peer,
		 const struct ctl_request *request)
{
	const struct profile_entry *file =
		daemon_find_profile(d, peer, request->profile);
	const struct engine_entry *e;
	size_t at;

	if (file == NULL)
		return;
	at = engine_find(&d->engine, file->name);
	if (at == ENGINE_NOBODY || !rules_act(d, file->name)) {
		daemon_reply(peer, true, CTL_EXIT_FAILED,
			     "%s has no rules on demand: it is up or down as "
			     "you say",
			     file->name);
		return;
	}
	e = &d->engine.entries[at];
	log_notice("the rules of %s decide again", e->name);
	engine_auto(&d->engine, at);
	daemon_engine_act(d);
	daemon_reply(peer, true, CTL_EXIT_DONE, "%s: its rules decide: %s",
		     e->name, engine_want_name(e->want));
}

static char *explain(const struct daemon *d, const struct engine_entry *e,
		     bool json)
{
	struct engine_facts room;
	const struct ondemand_explanation explanation = {
		.ondemand = &e->ondemand,
		.facts = &room.facts,
		.decision = e->decision,
	};
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return NULL;
	engine_facts(&d->engine, &room);
	if (json)
		ondemand_print_json(&explanation, to);
	else
		ondemand_print_text(&explanation, to);
	if (fclose(to) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

void daemon_explain_network(struct daemon *d, struct ctl_peer *peer,
			    const struct ctl_request *request)
{
	struct ctl_reply reply = { .final = true };
	const struct profile_entry *file =
		daemon_find_profile(d, peer, request->profile);
	size_t at;

	if (file == NULL)
		return;
	at = engine_find(&d->engine, file->name);
	if (at == ENGINE_NOBODY) {
		daemon_reply(peer, true, CTL_EXIT_USAGE,
			     "%s cannot be used, see \"adit status\"",
			     file->name);
		return;
	}
	reply.body = explain(d, &d->engine.entries[at], request->json);
	if (reply.body == NULL)
		daemon_reply(peer, true, CTL_EXIT_FAILED, "out of memory");
	else
		ctl_server_reply(peer, &reply);
	ctl_reply_fini(&reply);
}
