/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/base/clock.h"

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

bool engine_has_rules(const struct engine_entry *entry)
{
	return entry->profile->on_demand && entry->profile->rule_count > 0;
}

void engine_init(struct engine *e)
{
	*e = (struct engine) { .winner = ENGINE_NOBODY };
}

static void free_entries(struct engine_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ondemand_fini(&entries[i].ondemand);
	free(entries);
}

void engine_fini(struct engine *e)
{
	free_entries(e->entries, e->count);
	engine_init(e);
}

size_t engine_find(const struct engine *e, const char *name)
{
	for (size_t i = 0; i < e->count; i++)
		if (strcmp(e->entries[i].name, name) == 0)
			return i;
	return ENGINE_NOBODY;
}

/* --- Holds. --- */

static void end_hold(struct engine_entry *entry, enum hold_end why)
{
	if (entry->hold.state == HOLD_NONE)
		return;
	entry->hold = (struct hold) { .until_ns = CLOCK_NEVER };
	entry->hold_end = why;
	entry->saved = false;
}

static void set_hold(struct engine *e, struct engine_entry *entry,
		     enum hold_state state, const struct engine_order *o)
{
	struct hold *h = &entry->hold;

	*h = (struct hold) {
		.state = state,
		.until_reboot = o->until_reboot,
		.until_ns = CLOCK_NEVER,
		.since_ms = o->wall_ms,
		.place = e->place,
		.fingerprint = entry->fingerprint,
	};
	snprintf(h->reason, sizeof(h->reason), "%s",
		 o->reason ? o->reason : "");
	entry->hold_end = HOLD_END_NONE;
	entry->saved = false;
	entry->pause = ENGINE_PAUSE_NONE;
}

static void limit_hold(struct hold *h, const struct engine_order *o,
		       uint64_t for_ns)
{
	if (for_ns == 0 || o->now_ns + for_ns >= h->until_ns)
		return;
	h->until_ns = o->now_ns + for_ns;
	h->until_ms = o->wall_ms + (int64_t)(for_ns / NS_PER_MS);
}

void engine_restore_hold(struct engine *e, size_t at, const struct hold *h)
{
	struct engine_entry *entry = &e->entries[at];

	entry->hold = *h;
	entry->saved = true;
	if (h->state == HOLD_NONE) {
		entry->hold_end = HOLD_END_REBOOT;
		entry->saved = false;
	} else if (h->fingerprint != entry->fingerprint) {
		end_hold(entry, HOLD_END_PROFILE);
	}
}

void engine_connect(struct engine *e, size_t at, const struct engine_order *o)
{
	/* One tunnel is up at a time, and now it is this one. */
	for (size_t i = 0; i < e->count; i++)
		if (e->entries[i].hold.state == HOLD_UP)
			end_hold(&e->entries[i], HOLD_END_COMMAND);
	set_hold(e, &e->entries[at], HOLD_UP, o);
}

int engine_disconnect(struct engine *e, size_t at, const struct engine_order *o)
{
	struct engine_entry *entry = &e->entries[at];
	const struct profile *p = entry->profile;

	if (p->user_override_disabled && engine_has_rules(entry))
		return -EPERM;
	if (p->require_reason && (o->reason == NULL || *o->reason == '\0'))
		return -ENODATA;
	set_hold(e, entry, HOLD_DOWN, o);
	limit_hold(&entry->hold, o, o->for_ns);
	limit_hold(&entry->hold, o, (uint64_t)p->reconnect_after_s * NS_PER_S);
	return 0;
}

void engine_auto(struct engine *e, size_t at)
{
	end_hold(&e->entries[at], HOLD_END_COMMAND);
	e->entries[at].pause = ENGINE_PAUSE_NONE;
}

uint64_t engine_deadline(const struct engine *e)
{
	uint64_t first = CLOCK_NEVER;

	for (size_t i = 0; i < e->count; i++)
		if (e->entries[i].hold.state != HOLD_NONE &&
		    e->entries[i].hold.until_ns < first)
			first = e->entries[i].hold.until_ns;
	return first;
}

void engine_timeout(struct engine *e, uint64_t now_ns)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->entries[i].hold.until_ns <= now_ns)
			end_hold(&e->entries[i], HOLD_END_TIME);
}

/* --- Profiles. --- */

static int fill_entry(struct engine_entry *entry, const struct engine *e,
		      const struct engine_profile *p)
{
	size_t old = engine_find(e, p->name);

	*entry = (struct engine_entry) {
		.hold.until_ns = CLOCK_NEVER,
		.saved = true,
	};
	if (old != ENGINE_NOBODY) {
		*entry = e->entries[old];
		entry->ondemand = (struct ondemand) { 0 };
	}
	snprintf(entry->name, sizeof(entry->name), "%s", p->name);
	if (entry->fingerprint != p->profile->fingerprint) {
		end_hold(entry, HOLD_END_PROFILE);
		entry->pause = ENGINE_PAUSE_NONE;
	}
	entry->profile = p->profile;
	entry->fingerprint = p->profile->fingerprint;
	entry->unfit = p->unfit;
	return ondemand_init(&entry->ondemand, p->profile, e->generation);
}

/* The old ones' profiles may be gone already: nothing looks into them. */
int engine_set_profiles(struct engine *e, const struct engine_profile *profiles,
			size_t count)
{
	struct engine_entry *entries = calloc(count + 1, sizeof(*entries));
	const char *winner =
		e->winner != ENGINE_NOBODY ? e->entries[e->winner].name : NULL;
	size_t winner_at = ENGINE_NOBODY, filled = 0;
	int r = entries ? 0 : -ENOMEM;

	e->generation++;
	for (; r == 0 && filled < count; filled++) {
		if (winner != NULL &&
		    strcmp(profiles[filled].name, winner) == 0)
			winner_at = filled;
		r = fill_entry(&entries[filled], e, &profiles[filled]);
	}
	if (r < 0) {
		free_entries(entries, filled);
		entries = NULL;
		filled = 0;
		winner_at = ENGINE_NOBODY;
	}
	if (winner != NULL && winner_at == ENGINE_NOBODY)
		e->reason = REASON_PROFILE_REMOVED;
	free_entries(e->entries, e->count);
	e->entries = entries;
	e->count = filled;
	e->winner = winner_at;
	return r;
}

/* --- What happens. --- */

static void ask_anew(struct engine *e)
{
	e->generation++;
	for (size_t i = 0; i < e->count; i++) {
		struct ondemand *o = &e->entries[i].ondemand;

		o->generation = e->generation - 1;
		ondemand_network_changed(o);
	}
}

static bool has_same_names(const struct dns_owner_uplink *a,
			   const struct dns_owner_uplink *b)
{
	if (a->server_count != b->server_count ||
	    a->search_count != b->search_count)
		return false;
	for (size_t i = 0; i < a->server_count; i++)
		if (!endpoint_equal(&a->servers[i], &b->servers[i]))
			return false;
	for (size_t i = 0; i < a->search_count; i++)
		if (strcmp(a->search[i], b->search[i]) != 0)
			return false;
	return true;
}

/* Would a probe's answer be another one? */
static bool is_elsewhere(const struct network *a, const struct network *b)
{
	return a->ifindex != b->ifindex || a->other_vpn != b->other_vpn ||
	       a->identity.type != b->identity.type ||
	       !has_same_names(&a->dns, &b->dns);
}

/* A hold that was said in no network is about the first one that comes. */
static void follow_network(struct engine *e, const struct network_identity *to)
{
	bool moved = !network_identity_same(&e->place, to);

	if (moved)
		e->place = *to;
	else
		network_identity_learn(&e->place, to);
	for (size_t i = 0; i < e->count; i++) {
		struct engine_entry *entry = &e->entries[i];

		if (moved && entry->pause == ENGINE_PAUSE_IDLE)
			entry->pause = ENGINE_PAUSE_NONE;
		if (entry->hold.state == HOLD_NONE)
			continue;
		if (network_identity_same(&entry->hold.place, to))
			network_identity_learn(&entry->hold.place, to);
		else if (!entry->hold.until_reboot && engine_has_rules(entry))
			end_hold(entry, HOLD_END_NETWORK);
	}
}

void engine_network(struct engine *e, const struct network *n)
{
	bool other = !network_identity_same(&e->place, &n->identity) ||
		     is_elsewhere(&e->network, n);

	e->network = *n;
	if (n->identity.type != NETWORK_NONE)
		follow_network(e, &n->identity);
	if (other)
		ask_anew(e);
}

bool engine_answer(struct engine *e, size_t at, uint64_t generation,
		   const char *url, struct ondemand_answer answer)
{
	return at < e->count && ondemand_answer(&e->entries[at].ondemand,
						generation, url, answer);
}

bool engine_trigger(struct engine *e)
{
	struct engine_entry *entry;

	if (e->asleep || e->winner == ENGINE_NOBODY)
		return false;
	entry = &e->entries[e->winner];
	if (entry->want != ENGINE_ARMED)
		return false;
	entry->pause = ENGINE_PAUSE_NONE;
	entry->kept = true;
	return true;
}

void engine_idle(struct engine *e)
{
	struct engine_entry *entry;

	if (e->winner == ENGINE_NOBODY)
		return;
	entry = &e->entries[e->winner];
	if (!entry->profile->idle_disconnect || !engine_has_rules(entry) ||
	    entry->hold.state == HOLD_UP || entry->want != ENGINE_UP)
		return;
	entry->pause = ENGINE_PAUSE_IDLE;
	entry->kept = false;
	entry->ended = ENGINE_CAUSE_IDLE;
}

static void let_go(struct engine_entry *entry, enum engine_cause why)
{
	entry->kept = false;
	entry->ended = why;
	if (entry->hold.state == HOLD_UP)
		end_hold(entry, why == ENGINE_CAUSE_SLEEP ? HOLD_END_SLEEP
							  : HOLD_END_LOGOUT);
}

void engine_sleep(struct engine *e)
{
	e->asleep = true;
	for (size_t i = 0; i < e->count; i++)
		if (e->entries[i].profile->disconnect_on_sleep)
			let_go(&e->entries[i], ENGINE_CAUSE_SLEEP);
}

/* While it slept the network may have become another that looks the same. */
void engine_wake(struct engine *e, uint64_t slept_ns)
{
	e->asleep = false;
	for (size_t i = 0; i < e->count; i++) {
		const struct profile *p = e->entries[i].profile;

		if (p->disconnect_on_wake &&
		    slept_ns / NS_PER_S >= p->disconnect_on_wake_s)
			let_go(&e->entries[i], ENGINE_CAUSE_SLEEP);
	}
	ask_anew(e);
}

static void log_out(struct engine_entry *entry)
{
	let_go(entry, ENGINE_CAUSE_LOGOUT);
	entry->pause = ENGINE_PAUSE_LOGOUT;
}

void engine_logout(struct engine *e)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->entries[i].profile->disconnect_on_logout)
			log_out(&e->entries[i]);
}

void engine_user_switch(struct engine *e)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->entries[i].profile->disconnect_on_user_switch)
			log_out(&e->entries[i]);
}

void engine_login(struct engine *e)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->entries[i].pause == ENGINE_PAUSE_LOGOUT)
			e->entries[i].pause = ENGINE_PAUSE_NONE;
}

void engine_unfit(struct engine *e, size_t at)
{
	e->entries[at].unfit = true;
}

/* --- What is wanted. --- */

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
		room->servers[i] = n->dns.servers[i].addr;
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
	bool armed = entry->want == ENGINE_ARMED;

	return (struct verdict) { entry->kept ? ENGINE_UP
				  : armed     ? ENGINE_ARMED
					      : ENGINE_DOWN,
				  entry->cause };
}

static struct verdict judge(const struct engine *e,
			    const struct engine_entry *entry, bool may_start)
{
	if (entry->unfit && !entry->kept)
		return (struct verdict) { ENGINE_DOWN, ENGINE_CAUSE_UNFIT };
	if (e->asleep && entry->profile->disconnect_on_sleep)
		return (struct verdict) { ENGINE_DOWN, ENGINE_CAUSE_SLEEP };
	if (e->asleep && entry->hold.state == HOLD_NONE)
		return while_asleep(entry);
	if (entry->hold.state != HOLD_NONE)
		return (struct verdict) { entry->hold.state == HOLD_UP
						  ? ENGINE_UP
						  : ENGINE_DOWN,
					  ENGINE_CAUSE_USER };
	if (entry->pause == ENGINE_PAUSE_LOGOUT)
		return (struct verdict) { ENGINE_DOWN, ENGINE_CAUSE_LOGOUT };
	return by_rules(entry, may_start);
}

static size_t first_that_wants(const struct engine *e, enum engine_want want)
{
	size_t i = 0;

	while (i < e->count && e->entries[i].want != want)
		i++;
	return i < e->count ? i : ENGINE_NOBODY;
}

static size_t choose(const struct engine *e)
{
	const struct engine_entry *last =
		e->winner != ENGINE_NOBODY ? &e->entries[e->winner] : NULL;
	size_t up = first_that_wants(e, ENGINE_UP);

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

/* What the end of the tunnel that was up, if this is one, is put down to. */
static enum reason why_not(const struct engine *e, size_t winner)
{
	const struct engine_entry *last =
		e->winner != ENGINE_NOBODY ? &e->entries[e->winner] : NULL;

	if (last == NULL || (winner == e->winner && last->want == ENGINE_UP))
		return e->reason;
	return last->want == ENGINE_UP ? REASON_REPLACED : reasons[last->cause];
}

struct engine_decision engine_look(struct engine *e)
{
	struct engine_decision d = { .entry = ENGINE_NOBODY };
	struct engine_facts room;
	size_t winner;

	engine_facts(e, &room);
	for (size_t i = 0; i < e->count; i++) {
		struct engine_entry *entry = &e->entries[i];
		struct verdict v;

		entry->decision =
			ondemand_evaluate(&entry->ondemand, &room.facts);
		v = judge(e, entry,
			  ondemand_may_start(entry->profile, &room.facts));
		entry->want = v.want;
		entry->cause = v.cause;
	}
	winner = choose(e);
	d.reason = e->reason = why_not(e, winner);
	e->winner = winner;
	for (size_t i = 0; i < e->count; i++) {
		struct engine_entry *entry = &e->entries[i];

		if (entry->kept && entry->want != ENGINE_UP)
			entry->ended = entry->cause;
		entry->kept = i == winner && entry->want == ENGINE_UP;
	}
	if (winner != ENGINE_NOBODY) {
		d.entry = winner;
		d.want = e->entries[winner].want;
	}
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
