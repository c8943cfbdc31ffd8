/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/engine.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "tunnel/base/clock.h"

static struct engine_entry *entry_at(struct engine *e, size_t at)
{
	assert(at < e->count);
	return &e->entries[at];
}

static bool has_rules(const struct profile *p)
{
	return p->on_demand && p->rule_count > 0;
}

bool engine_has_rules(const struct engine_entry *entry)
{
	return has_rules(entry->profile);
}

bool engine_is_locked(const struct profile *p)
{
	return p->user_override_disabled && has_rules(p);
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
		.fingerprint = entry->fingerprint,
	};
	/* What is said in no network is about the first one that comes. */
	if (o->place != NULL && o->place->type != NETWORK_NONE)
		h->place = *o->place;
	else if (o->place == NULL && e->network.identity.type != NETWORK_NONE)
		h->place = e->place;
	snprintf(h->reason, sizeof(h->reason), "%s",
		 o->reason ? o->reason : "");
	text_make_printable(h->reason);
	entry->hold_end = HOLD_END_NONE;
	entry->saved = false;
	entry->pause = ENGINE_PAUSE_NONE;
}

static void limit_hold(struct hold *h, const struct engine_order *o,
		       uint64_t for_ns)
{
	if (for_ns == 0 || for_ns >= h->until_ns - o->now_ns)
		return;
	h->until_ns = o->now_ns + for_ns;
	h->until_ms = o->wall_ms + (int64_t)(for_ns / NS_PER_MS);
}

/* A hold until the reboot outlives another content, unless that forbids it. */
static void meet_profile(struct engine_entry *entry)
{
	struct hold *h = &entry->hold;
	bool forbidden =
		h->state == HOLD_DOWN && engine_is_locked(entry->profile);

	if (!h->until_reboot || forbidden) {
		end_hold(entry, HOLD_END_PROFILE);
	} else {
		h->fingerprint = entry->fingerprint;
		entry->saved = false;
	}
}

static void learn_place(struct engine_entry *entry,
			const struct network_identity *to)
{
	struct network_identity before;

	memcpy(&before, &entry->hold.place, sizeof(before));
	network_identity_learn(&entry->hold.place, to);
	if (memcmp(&before, &entry->hold.place, sizeof(before)) != 0)
		entry->saved = false;
}

/* Without rules there is nothing to give the decision back to. */
static void follow_hold(struct engine_entry *entry,
			const struct network_identity *to)
{
	if (entry->hold.state == HOLD_NONE)
		return;
	if (network_identity_same(&entry->hold.place, to))
		learn_place(entry, to);
	else if (!entry->hold.until_reboot && engine_has_rules(entry))
		end_hold(entry, HOLD_END_NETWORK);
}

void engine_restore_hold(struct engine *e, size_t at, const struct hold *h)
{
	struct engine_entry *entry = entry_at(e, at);

	entry->hold = *h;
	entry->saved = true;
	if (h->state == HOLD_NONE) {
		entry->hold_end = HOLD_END_REBOOT;
		entry->saved = false;
		return;
	}
	if (h->fingerprint != entry->fingerprint)
		meet_profile(entry);
	if (e->network.identity.type != NETWORK_NONE)
		follow_hold(entry, &e->network.identity);
}

int engine_connect(struct engine *e, size_t at, const struct engine_order *o)
{
	size_t locked = engine_insists(e);

	if (locked != ENGINE_NOBODY && locked != at)
		return -EPERM;
	/* One tunnel is up at a time, and now it is this one. */
	for (size_t i = 0; i < e->count; i++)
		if (e->entries[i].hold.state == HOLD_UP)
			end_hold(&e->entries[i], HOLD_END_COMMAND);
	set_hold(e, entry_at(e, at), HOLD_UP, o);
	limit_hold(&e->entries[at].hold, o, o->for_ns);
	return 0;
}

int engine_disconnect(struct engine *e, size_t at, const struct engine_order *o)
{
	struct engine_entry *entry = entry_at(e, at);
	const struct profile *p = entry->profile;

	if (engine_is_locked(p))
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
	end_hold(entry_at(e, at), HOLD_END_COMMAND);
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

/* Takes over from the old one what stays. */
static int fill_entry(struct engine_entry *entry, struct engine *e,
		      const struct engine_profile *p)
{
	size_t old = engine_find(e, p->name);

	*entry = (struct engine_entry) {
		.hold.until_ns = CLOCK_NEVER,
		.saved = true,
	};
	if (old != ENGINE_NOBODY) {
		*entry = e->entries[old];
		e->entries[old].ondemand = (struct ondemand) { 0 };
	}
	snprintf(entry->name, sizeof(entry->name), "%s", p->name);
	entry->unfit = p->unfit;
	if (entry->profile == p->profile &&
	    entry->fingerprint == p->profile->fingerprint)
		return 0; /* with the answers that its probes got */
	entry->profile = p->profile;
	if (entry->fingerprint != p->profile->fingerprint) {
		entry->fingerprint = p->profile->fingerprint;
		entry->pause = ENGINE_PAUSE_NONE;
		meet_profile(entry);
	}
	entry->decision = (struct ondemand_decision) { 0 };
	ondemand_fini(&entry->ondemand);
	e->generation++;
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
		e->reason = r < 0 ? REASON_INTERNAL : REASON_PROFILE_REMOVED;
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
	e->networks++;
	e->roamed = false;
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
		if (!endpoint_equal(&a->servers[i].at, &b->servers[i].at))
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

/* Another access point or router of the same network; or somebody's who has
 * its name, and not the key that a TrustedProbe asks for. */
static bool has_roamed(const struct engine *e, const struct network *to)
{
	const struct network *from = &e->network;

	return from->has_bssid != to->has_bssid ||
	       memcmp(from->bssid, to->bssid, sizeof(to->bssid)) != 0 ||
	       from->security != to->security ||
	       network_link_differs(&e->place, &to->identity);
}

/* Is it another? */
static bool follow_network(struct engine *e, const struct network_identity *to)
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
		follow_hold(entry, to);
	}
	return moved;
}

bool engine_network(struct engine *e, const struct network *n)
{
	bool other = !network_identity_same(&e->place, &n->identity) ||
		     is_elsewhere(&e->network, n);
	bool roamed = !other && has_roamed(e, n), moved = false;

	e->network = *n;
	if (n->identity.type != NETWORK_NONE)
		moved = follow_network(e, &n->identity);
	if (other || roamed)
		ask_anew(e);
	e->roamed |= roamed;
	return moved;
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

bool engine_idle(struct engine *e)
{
	struct engine_entry *entry;

	if (e->winner == ENGINE_NOBODY)
		return false;
	entry = &e->entries[e->winner];
	if (!entry->profile->idle_disconnect || !engine_has_rules(entry) ||
	    entry->hold.state == HOLD_UP || entry->want != ENGINE_UP)
		return false;
	entry->pause = ENGINE_PAUSE_IDLE;
	entry->kept = false;
	entry->ended = ENGINE_CAUSE_IDLE;
	return true;
}

/* Was it up? */
static bool let_go(struct engine_entry *entry, enum engine_cause why)
{
	bool up = entry->kept;

	entry->kept = false;
	entry->ended = why;
	if (entry->hold.state == HOLD_UP)
		end_hold(entry, why == ENGINE_CAUSE_SLEEP ? HOLD_END_SLEEP
							  : HOLD_END_LOGOUT);
	return up;
}

void engine_sleep(struct engine *e)
{
	e->asleep = true;
	for (size_t i = 0; i < e->count; i++)
		if (e->entries[i].profile->disconnect_on_sleep)
			(void)let_go(&e->entries[i], ENGINE_CAUSE_SLEEP);
}

/* While it slept the network may have become another that looks the same. */
bool engine_wake(struct engine *e, uint64_t slept_ns)
{
	bool ended = false;

	e->asleep = false;
	for (size_t i = 0; i < e->count; i++) {
		const struct profile *p = e->entries[i].profile;

		/* A sleep that was called off is none. */
		if (p->disconnect_on_wake && slept_ns > 0 &&
		    slept_ns / NS_PER_S >= p->disconnect_on_wake_s)
			ended |= let_go(&e->entries[i], ENGINE_CAUSE_SLEEP);
	}
	ask_anew(e);
	return ended;
}

/* With nobody there the rules rest until the next login. Whoever is there
 * already will not log in again. */
bool engine_logout(struct engine *e, bool was_in_front, size_t users)
{
	bool ended = false;

	if (!was_in_front && users > 0)
		return false;
	for (size_t i = 0; i < e->count; i++) {
		struct engine_entry *entry = &e->entries[i];

		if (!entry->profile->disconnect_on_logout)
			continue;
		ended |= let_go(entry, ENGINE_CAUSE_LOGOUT);
		if (users == 0)
			entry->pause = ENGINE_PAUSE_LOGOUT;
	}
	return ended;
}

bool engine_user_switch(struct engine *e)
{
	bool ended = false;

	for (size_t i = 0; i < e->count; i++)
		if (e->entries[i].profile->disconnect_on_user_switch)
			ended |= let_go(&e->entries[i], ENGINE_CAUSE_LOGOUT);
	return ended;
}

void engine_login(struct engine *e)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->entries[i].pause == ENGINE_PAUSE_LOGOUT)
			e->entries[i].pause = ENGINE_PAUSE_NONE;
}

void engine_unfit(struct engine *e, size_t at)
{
	entry_at(e, at)->unfit = true;
	e->entries[at].kept = false;
	e->entries[at].ended = ENGINE_CAUSE_UNFIT;
}
