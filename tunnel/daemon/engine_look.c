/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/engine.h"

#include <string.h>

struct verdict {
	enum engine_want want;
	enum engine_cause cause;
};

static const char *const want_names[ENGINE_WANTS] = {
	[ENGINE_DOWN] = "down",
	[ENGINE_ARMED] = "armed",
	[ENGINE_UP] = "up",
};

static const enum reason reasons[ENGINE_CAUSES] = {
	[ENGINE_CAUSE_USER] = REASON_USER,
	[ENGINE_CAUSE_RULE] = REASON_RULE,
	[ENGINE_CAUSE_METERED] = REASON_METERED,
	[ENGINE_CAUSE_IDLE] = REASON_IDLE,
	[ENGINE_CAUSE_SLEEP] = REASON_SLEEP,
	[ENGINE_CAUSE_LOGOUT] = REASON_LOGOUT,
	[ENGINE_CAUSE_UNFIT] = REASON_PROFILE,
};

const char *engine_want_name(enum engine_want want)
{
	return want_names[want];
}

static enum ondemand_uplink uplink_of(enum network_type type)
{
	switch (type) {
	case NETWORK_NONE:
		break;
	case NETWORK_OTHER:
		return ONDEMAND_UPLINK_OTHER;
	case NETWORK_ETHERNET:
		return ONDEMAND_UPLINK_ETHERNET;
	case NETWORK_WIFI:
		return ONDEMAND_UPLINK_WIFI;
	case NETWORK_CELLULAR:
		return ONDEMAND_UPLINK_CELLULAR;
	}
	return ONDEMAND_UPLINK_NONE;
}

void engine_facts(const struct engine *e, struct engine_facts *room)
{
	const struct network *n = &e->network;

	for (size_t i = 0; i < n->dns.search_count; i++)
		room->search[i] = n->dns.search[i];
	for (size_t i = 0; i < n->dns.server_count; i++)
		room->servers[i] = n->dns.servers[i].at.addr;
	room->facts = (struct ondemand_facts) {
		.uplink = n->other_vpn ? ONDEMAND_UPLINK_OTHER
				       : uplink_of(n->identity.type),
		.primary_is_vpn = n->other_vpn,
		.metered = n->metered,
		.ssid_len = n->identity.ssid_len,
		.search_domains = room->search,
		.search_domain_count = n->dns.search_count,
		.dns_servers = room->servers,
		.dns_server_count = n->dns.server_count,
	};
	memcpy(room->facts.ssid, n->identity.ssid, n->identity.ssid_len);
}

static struct verdict up_if_kept(const struct engine_entry *entry,
				 enum engine_cause otherwise)
{
	if (entry->kept)
		return (struct verdict) { ENGINE_UP, ENGINE_CAUSE_KEPT };
	return (struct verdict) { ENGINE_DOWN, otherwise };
}

static struct verdict by_rule(const struct engine_entry *entry, bool may_start)
{
	bool connect = entry->decision.action == PROFILE_ACTION_CONNECT;

	switch (entry->decision.action) {
	case PROFILE_ACTION_IGNORE:
		return up_if_kept(entry, ENGINE_CAUSE_RULE);
	case PROFILE_ACTION_DISCONNECT:
		break;
	case PROFILE_ACTION_CONNECT:
	case PROFILE_ACTION_EVALUATE:
		if (entry->kept)
			return (struct verdict) { ENGINE_UP,
						  ENGINE_CAUSE_RULE };
		if (!may_start)
			return (struct verdict) { ENGINE_DOWN,
						  ENGINE_CAUSE_METERED };
		if (entry->pause == ENGINE_PAUSE_IDLE)
			return (struct verdict) { ENGINE_ARMED,
						  ENGINE_CAUSE_IDLE };
		return (struct verdict) { connect ? ENGINE_UP : ENGINE_ARMED,
					  ENGINE_CAUSE_RULE };
	}
	return (struct verdict) { ENGINE_DOWN, ENGINE_CAUSE_RULE };
}

static struct verdict by_rules(const struct engine_entry *entry, bool may_start)
{
	switch (entry->decision.outcome) {
	case ONDEMAND_OFF:
		return up_if_kept(entry, entry->ended);
	case ONDEMAND_NO_NETWORK:
		return up_if_kept(entry, ENGINE_CAUSE_NO_NETWORK);
	case ONDEMAND_OTHER_VPN:
		return up_if_kept(entry, ENGINE_CAUSE_OTHER_VPN);
	case ONDEMAND_NO_MATCH:
		return up_if_kept(entry, ENGINE_CAUSE_NO_RULE);
	case ONDEMAND_PENDING:
		return up_if_kept(entry, ENGINE_CAUSE_PENDING);
	case ONDEMAND_MATCH:
		break;
	}
	return by_rule(entry, may_start);
}

/* What was wanted stays, and nothing starts. */
static struct verdict while_asleep(const struct engine_entry *entry)
{
	if (!entry->profile->disconnect_on_sleep) {
		if (entry->kept)
			return (struct verdict) { ENGINE_UP, entry->cause };
		if (entry->want == ENGINE_ARMED)
			return (struct verdict) { ENGINE_ARMED, entry->cause };
	}
	return (struct verdict) { ENGINE_DOWN, ENGINE_CAUSE_SLEEP };
}

static struct verdict judge(const struct engine *e,
			    const struct engine_entry *entry, bool may_start)
{
	if (entry->unfit && !entry->kept)
		return (struct verdict) { ENGINE_DOWN, ENGINE_CAUSE_UNFIT };
	if (entry->hold.state == HOLD_DOWN)
		return (struct verdict) { ENGINE_DOWN, ENGINE_CAUSE_USER };
	if (e->asleep)
		return while_asleep(entry);
	if (entry->hold.state == HOLD_UP)
		return (struct verdict) { ENGINE_UP, ENGINE_CAUSE_USER };
	if (entry->pause == ENGINE_PAUSE_LOGOUT)
		return (struct verdict) { ENGINE_DOWN, ENGINE_CAUSE_LOGOUT };
	if (e->roamed && entry->decision.outcome == ONDEMAND_PENDING &&
	    entry->want == ENGINE_ARMED && !entry->kept)
		return (struct verdict) { ENGINE_ARMED, ENGINE_CAUSE_PENDING };
	return by_rules(entry, may_start);
}

static size_t first_that_wants(const struct engine *e, enum engine_want want)
{
	size_t i = 0;

	while (i < e->count && e->entries[i].want != want)
		i++;
	return i < e->count ? i : ENGINE_NOBODY;
}

size_t engine_insists(const struct engine *e)
{
	size_t i = e->winner;

	if (i != ENGINE_NOBODY && e->entries[i].kept && e->entries[i].insists)
		return i;
	for (i = 0; i < e->count && !e->entries[i].insists; i++)
		;
	return i < e->count ? i : ENGINE_NOBODY;
}

static size_t choose(const struct engine *e)
{
	const struct engine_entry *last =
		e->winner != ENGINE_NOBODY ? &e->entries[e->winner] : NULL;
	size_t up = first_that_wants(e, ENGINE_UP);
	size_t locked = engine_insists(e);

	if (locked != ENGINE_NOBODY)
		return locked;
	for (size_t i = 0; i < e->count; i++)
		if (e->entries[i].hold.state == HOLD_UP &&
		    e->entries[i].want == ENGINE_UP)
			return i;
	if (up != ENGINE_NOBODY)
		return last != NULL && last->kept && last->want == ENGINE_UP
			       ? e->winner
			       : up;
	return last != NULL && last->want == ENGINE_ARMED
		       ? e->winner
		       : first_that_wants(e, ENGINE_ARMED);
}

static bool says_disconnect(const struct ondemand_decision *d)
{
	return d->outcome == ONDEMAND_MATCH &&
	       d->action == PROFILE_ACTION_DISCONNECT;
}

static void judge_entry(const struct engine *e, struct engine_entry *entry,
			const struct ondemand_facts *f)
{
	struct verdict v;

	entry->decision = ondemand_evaluate(&entry->ondemand, f);
	v = judge(e, entry, ondemand_may_start(entry->profile, f));
	entry->want = v.want;
	entry->cause = v.cause;
	/* A hold is no way around that: what is up would stay up without. */
	entry->insists = v.want == ENGINE_UP &&
			 engine_is_locked(entry->profile) &&
			 !says_disconnect(&entry->decision);
}

/* What the end of what was wanted before, if this is one, is put down to. */
static enum reason why_not(const struct engine *e, size_t winner,
			   enum engine_want before)
{
	const struct engine_entry *last;

	if (e->winner == ENGINE_NOBODY)
		return e->reason;
	last = &e->entries[e->winner];
	if (last->want < before) /* an event has let go of it, or this look */
		return reasons[before == ENGINE_UP && !last->kept
				       ? last->ended
				       : last->cause];
	return winner == e->winner ? e->reason : REASON_REPLACED;
}

/* It had the tunnel. One takes another's place by a user's word alone. */
static void let_go(const struct engine *e, struct engine_entry *entry,
		   const struct ondemand_facts *f)
{
	entry->kept = false;
	entry->ended =
		entry->want == ENGINE_UP ? ENGINE_CAUSE_USER : entry->cause;
	judge_entry(e, entry, f);
}

struct engine_decision engine_look(struct engine *e)
{
	enum engine_want before = e->winner != ENGINE_NOBODY
					  ? e->entries[e->winner].want
					  : ENGINE_DOWN;
	struct engine_decision d = { .entry = ENGINE_NOBODY };
	struct engine_facts room;

	engine_facts(e, &room);
	for (size_t i = 0; i < e->count; i++)
		judge_entry(e, &e->entries[i], &room.facts);
	d.entry = choose(e);
	d.reason = e->reason = why_not(e, d.entry, before);
	e->winner = d.entry;
	for (size_t i = 0; i < e->count; i++) {
		struct engine_entry *entry = &e->entries[i];

		if (i == d.entry && entry->want == ENGINE_UP)
			entry->kept = true;
		else if (entry->kept)
			let_go(e, entry, &room.facts);
	}
	if (d.entry != ENGINE_NOBODY)
		d.want = e->entries[d.entry].want;
	return d;
}

bool engine_probe(const struct engine *e, size_t at, const char **ret_url,
		  uint64_t *ret_generation)
{
	const struct ondemand_decision *d = &e->entries[at].decision;

	if (d->outcome != ONDEMAND_PENDING || e->asleep)
		return false;
	*ret_url = d->url;
	*ret_generation = d->generation;
	return true;
}
