/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What is shown of the engine: who decided, and what the network is. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/base/clock.h"
#include "tunnel/daemon/daemon_private.h"

enum {
	RULE_TEXT_MAX = 160,
	BECAUSE_MAX = RULE_TEXT_MAX + 96,
};

static const char *const sentences[ENGINE_CAUSES] = {
	[ENGINE_CAUSE_NEVER] = "nobody has asked for it",
	[ENGINE_CAUSE_USER] = "you said so",
	[ENGINE_CAUSE_KEPT] = "it was started, and nothing has ended it",
	[ENGINE_CAUSE_NO_RULE] = "no rule matches this network",
	[ENGINE_CAUSE_NO_NETWORK] = "there is no network",
	[ENGINE_CAUSE_OTHER_VPN] = "another VPN carries this machine's traffic",
	[ENGINE_CAUSE_PENDING] = "a probe that decides is not answered yet",
	[ENGINE_CAUSE_METERED] = "this network is metered, and its profile "
				 "starts nothing on one",
	[ENGINE_CAUSE_IDLE] = "nothing went through it; it starts when "
			      "somebody needs it",
	[ENGINE_CAUSE_SLEEP] = "this machine slept, and its profile ends it "
			       "then",
	[ENGINE_CAUSE_LOGOUT] = "the user went away, and its profile ends it "
				"then",
	[ENGINE_CAUSE_UNFIT] = "its profile cannot be used on this machine",
};

static const char *const outcomes[] = {
	[ONDEMAND_OFF] = "off",
	[ONDEMAND_NO_NETWORK] = "no-network",
	[ONDEMAND_OTHER_VPN] = "other-vpn",
	[ONDEMAND_NO_MATCH] = "no-match",
	[ONDEMAND_MATCH] = "match",
	[ONDEMAND_PENDING] = "pending",
};

static const struct profile_rule *rule_of(const struct engine_entry *e)
{
	return e->decision.outcome == ONDEMAND_MATCH ||
			       e->decision.outcome == ONDEMAND_PENDING
		       ? &e->profile->rules[e->decision.rule]
		       : NULL;
}

static const char *because(const struct engine_entry *e,
			   char buf[static BECAUSE_MAX])
{
	const struct profile_rule *rule = rule_of(e);
	char text[RULE_TEXT_MAX];

	if (e->cause == ENGINE_CAUSE_RULE && rule != NULL)
		snprintf(buf, BECAUSE_MAX, "rule %zu (%s) says %s",
			 e->decision.rule,
			 ondemand_rule_text(rule, text, sizeof(text)),
			 ondemand_action_name(rule->action));
	else
		snprintf(buf, BECAUSE_MAX, "%s",
			 sentences[e->cause] ? sentences[e->cause] : "");
	return buf;
}

/* Whom the status is about: the tunnel that is there, else who may be next. */
static const struct engine_entry *subject(const struct daemon *d)
{
	size_t at = engine_find(&d->engine, session_io_name(d->io));

	if (at == ENGINE_NOBODY)
		at = d->engine.winner;
	for (size_t i = 0; at == ENGINE_NOBODY && i < d->engine.count; i++)
		if (engine_has_rules(&d->engine.entries[i]))
			at = i;
	return at != ENGINE_NOBODY ? &d->engine.entries[at] : NULL;
}

static const char *ends_of(const struct engine_entry *e)
{
	if (e->hold.until_reboot)
		return "reboot";
	if (e->hold.until_ns != CLOCK_NEVER)
		return "time";
	return engine_has_rules(e) ? "network" : "command";
}

static bool put_hold(const struct engine_entry *e, struct ctl_status *s)
{
	const struct hold *h = &e->hold;

	if (h->state == HOLD_NONE)
		return ctl_set_text(&s->hold.state,
				    hold_state_name(h->state)) &&
		       (e->hold_end == HOLD_END_NONE ||
			ctl_set_text(&s->hold.ended,
				     hold_end_text(e->hold_end)));
	s->hold.since = (uint64_t)h->since_ms / 1000;
	if (h->until_ns != CLOCK_NEVER)
		s->hold.until = (uint64_t)h->until_ms / 1000;
	return ctl_set_text(&s->hold.state, hold_state_name(h->state)) &&
	       ctl_set_text(&s->hold.cause, "a user's command") &&
	       ctl_set_text(&s->hold.reason, h->reason) &&
	       ctl_set_text(&s->hold.ends, ends_of(e));
}

static bool put_rule(const struct engine_entry *e, struct ctl_status *s)
{
	const struct profile_rule *rule = rule_of(e);
	char text[RULE_TEXT_MAX];

	if (!ctl_set_text(&s->rule.outcome, outcomes[e->decision.outcome]))
		return false;
	if (rule == NULL)
		return true;
	s->rule.index = e->decision.rule + 1;
	return ctl_set_text(&s->rule.action,
			    ondemand_action_name(rule->action)) &&
	       ctl_set_text(&s->rule.text,
			    ondemand_rule_text(rule, text, sizeof(text)));
}

static bool put_entry(const struct engine_entry *e, struct ctl_status *s)
{
	char text[BECAUSE_MAX];

	return (s->profile != NULL || ctl_set_text(&s->profile, e->name)) &&
	       put_hold(e, s) && put_rule(e, s) &&
	       ctl_set_text(&s->want.state, engine_want_name(e->want)) &&
	       ctl_set_text(&s->want.because, because(e, text));
}

static bool put_others(const struct daemon *d, struct ctl_status *s)
{
	for (size_t i = 0; i < d->engine.count; i++) {
		const struct engine_entry *e = &d->engine.entries[i];
		const struct profile_rule *rule = rule_of(e);
		struct ctl_demand *row;
		char text[BECAUSE_MAX];

		if (!engine_has_rules(e) && e->hold.state == HOLD_NONE)
			continue;
		row = ctl_list_add(&s->on_demand, sizeof(*row));
		if (row == NULL)
			return false;
		row->index = rule != NULL ? e->decision.rule + 1 : 0;
		if (!ctl_set_text(&row->profile, e->name) ||
		    !ctl_set_text(&row->want, engine_want_name(e->want)) ||
		    !ctl_set_text(&row->because, because(e, text)) ||
		    !ctl_set_text(&row->hold, hold_state_name(e->hold.state)) ||
		    (rule != NULL &&
		     !ctl_set_text(&row->action,
				   ondemand_action_name(rule->action))))
			return false;
	}
	return true;
}

static const char *hex(const uint8_t *bytes, size_t len, const char *separator,
		       char *buf)
{
	char *at = buf;

	*at = '\0';
	for (size_t i = 0; i < len; i++)
		at += sprintf(at, "%s%02x", i > 0 ? separator : "", bytes[i]);
	return buf;
}

static bool put_gateway(const struct network_identity *id, struct ctl_status *s)
{
	const struct network_path *p =
		id->ipv4.gateway.family != 0 ? &id->ipv4 : &id->ipv6;
	char text[ADDR_TEXT_MAX];

	if (p->gateway.family == 0)
		return true;
	if (!ctl_set_text(&s->network.gateway, addr_text(&p->gateway, text)))
		return false;
	return !p->has_link_address ||
	       ctl_set_text(&s->network.gateway_link,
			    hex(p->link_address, sizeof(p->link_address), ":",
				text));
}

static bool put_wifi(const struct network *n, struct ctl_status *s)
{
	const struct network_identity *id = &n->identity;
	char text[ONDEMAND_SSID_TEXT_MAX], bytes[2 * NETWORK_SSID_MAX + 1];

	if (id->type != NETWORK_WIFI)
		return true;
	if (id->ssid_len > 0) {
		(void)ondemand_ssid_text(id->ssid, id->ssid_len, text);
		if (!ctl_set_text(&s->network.ssid, text) ||
		    !ctl_set_text(&s->network.ssid_hex,
				  hex(id->ssid, id->ssid_len, "", bytes)))
			return false;
	}
	if (n->has_bssid &&
	    !ctl_set_text(&s->network.bssid,
			  hex(n->bssid, sizeof(n->bssid), ":", bytes)))
		return false;
	return ctl_set_text(&s->network.security,
			    network_security_name(n->security));
}

static bool put_names(const struct dns_owner_uplink *dns, struct ctl_status *s)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < dns->server_count; i++)
		if (ctl_list_add_text(
			    &s->network.servers,
			    addr_text(&dns->servers[i].at.addr, text)) < 0)
			return false;
	for (size_t i = 0; i < dns->search_count; i++)
		if (ctl_list_add_text(&s->network.search, dns->search[i]) < 0)
			return false;
	return true;
}

static bool put_network(const struct network *n, struct ctl_status *s)
{
	s->network.metered = n->metered;
	s->network.other_vpn = n->other_vpn;
	return ctl_set_text(&s->network.type,
			    network_type_name(n->identity.type)) &&
	       ctl_set_text(&s->network.device, n->device) &&
	       ctl_set_text(&s->network.metered_by, n->metered_by) &&
	       put_wifi(n, s) && put_gateway(&n->identity, s) &&
	       put_names(&n->dns, s);
}

static bool put_portal(const struct portal_result *p, struct ctl_status *s)
{
	static const char *const names[] = {
		[PORTAL_UNKNOWN] = NULL,
		[PORTAL_FREE] = "free",
		[PORTAL_CAPTIVE] = "captive",
	};

	return ctl_set_text(&s->network.portal, names[p->state]) &&
	       ctl_set_text(&s->network.portal_url, p->url);
}

int daemon_engine_status(const struct daemon *d, struct ctl_status *s)
{
	const struct engine_entry *e = subject(d);

	if (e != NULL && !put_entry(e, s))
		return -ENOMEM;
	if (e == NULL &&
	    !ctl_set_text(&s->hold.state, hold_state_name(HOLD_NONE)))
		return -ENOMEM;
	return put_network(&d->engine.network, s) &&
			       put_portal(&d->captive, s) && put_others(d, s)
		       ? 0
		       : -ENOMEM;
}
