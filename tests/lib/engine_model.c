/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/engine_model.h"

#include <errno.h>

#include "tunnel/base/clock.h"

bool model_has_rules(const struct model_entry *m)
{
	return !m->content.flags[MODEL_OFF] && m->content.rule_count > 0;
}

void model_end_hold(struct model_entry *m, enum hold_end why)
{
	if (m->hold == HOLD_NONE)
		return;
	m->hold = HOLD_NONE;
	m->until_ns = CLOCK_NEVER;
	m->hold_end = why;
}

/* The rule that decides; NULL: none matches. */
static const struct model_rule *find_rule(const struct model *m,
					  const struct model_entry *e,
					  bool *pending)
{
	for (size_t i = 0; i < e->content.rule_count; i++) {
		const struct model_rule *r = e->content.rules[i];

		if (r->type != NETWORK_NONE && r->type != m->spot->type)
			continue;
		*pending = r->probe && e->answer == 0;
		if (*pending || !r->probe || e->answer == 200)
			return r;
	}
	return NULL;
}

bool model_is_pending(const struct model *m, const struct model_entry *e)
{
	bool pending = false;

	if (model_has_rules(e) && m->spot->place != 0)
		(void)find_rule(m, e, &pending);
	return pending;
}

static void decide(struct model_entry *e, enum engine_want want,
		   enum engine_cause cause)
{
	e->want = want;
	e->cause = cause;
}

/* What is up stays, and else it is down. */
static void stay(struct model_entry *e, enum engine_cause otherwise)
{
	if (e->kept)
		decide(e, ENGINE_UP, ENGINE_CAUSE_KEPT);
	else
		decide(e, ENGINE_DOWN, otherwise);
}

static void judge_rules(const struct model *m, struct model_entry *e)
{
	bool pending = false;
	const struct model_rule *r;

	if (!model_has_rules(e)) {
		stay(e, e->ended);
		return;
	}
	if (m->spot->place == 0) {
		stay(e, m->spot->vpn ? ENGINE_CAUSE_OTHER_VPN
				     : ENGINE_CAUSE_NO_NETWORK);
		return;
	}
	r = find_rule(m, e, &pending);
	if (r == NULL)
		stay(e, ENGINE_CAUSE_NO_RULE);
	else if (pending)
		stay(e, ENGINE_CAUSE_PENDING);
	else if (r->action == PROFILE_ACTION_IGNORE)
		stay(e, ENGINE_CAUSE_RULE);
	else if (r->action == PROFILE_ACTION_DISCONNECT)
		decide(e, ENGINE_DOWN, ENGINE_CAUSE_RULE);
	else if (e->kept)
		decide(e, ENGINE_UP, ENGINE_CAUSE_RULE);
	else if (m->spot->metered && e->content.flags[MODEL_METERED])
		decide(e, ENGINE_DOWN, ENGINE_CAUSE_METERED);
	else if (e->pause == ENGINE_PAUSE_IDLE)
		decide(e, ENGINE_ARMED, ENGINE_CAUSE_IDLE);
	else if (r->action == PROFILE_ACTION_CONNECT)
		decide(e, ENGINE_UP, ENGINE_CAUSE_RULE);
	else
		decide(e, ENGINE_ARMED, ENGINE_CAUSE_RULE);
}

/* Would its rules leave it up, and may nobody say otherwise? */
static void judge_lock(const struct model *m, struct model_entry *e)
{
	bool pending = false;
	const struct model_rule *r =
		m->spot->place != 0 ? find_rule(m, e, &pending) : NULL;

	e->insists = e->want == ENGINE_UP && model_has_rules(e) &&
		     e->content.flags[MODEL_LOCKED] &&
		     !(r != NULL && !pending &&
		       r->action == PROFILE_ACTION_DISCONNECT);
}

static void judge(const struct model *m, struct model_entry *e)
{
	if (e->unfit && !e->kept)
		decide(e, ENGINE_DOWN, ENGINE_CAUSE_UNFIT);
	else if (e->hold == HOLD_DOWN)
		decide(e, ENGINE_DOWN, ENGINE_CAUSE_USER);
	else if (m->asleep && e->content.flags[MODEL_SLEEP])
		decide(e, ENGINE_DOWN, ENGINE_CAUSE_SLEEP);
	else if (m->asleep && e->kept)
		decide(e, ENGINE_UP, e->cause);
	else if (m->asleep && e->want == ENGINE_ARMED)
		decide(e, ENGINE_ARMED, e->cause);
	else if (m->asleep)
		decide(e, ENGINE_DOWN, ENGINE_CAUSE_SLEEP);
	else if (e->hold == HOLD_UP)
		decide(e, ENGINE_UP, ENGINE_CAUSE_USER);
	else if (e->pause == ENGINE_PAUSE_LOGOUT)
		decide(e, ENGINE_DOWN, ENGINE_CAUSE_LOGOUT);
	else if (m->roamed && e->want == ENGINE_ARMED && !e->kept &&
		 model_is_pending(m, e))
		decide(e, ENGINE_ARMED, ENGINE_CAUSE_PENDING);
	else
		judge_rules(m, e);
	judge_lock(m, e);
}

static int insisting(const struct model *m)
{
	if (m->winner != MODEL_NOBODY && m->entries[m->winner].kept &&
	    m->entries[m->winner].insists)
		return m->winner;
	for (int i = 0; i < MODEL_PROFILES; i++)
		if (m->entries[i].present && m->entries[i].insists)
			return i;
	return MODEL_NOBODY;
}

static int first(const struct model *m, enum engine_want want, bool held)
{
	for (int i = 0; i < MODEL_PROFILES; i++) {
		const struct model_entry *e = &m->entries[i];

		if (e->present && e->want == want &&
		    (!held || e->hold == HOLD_UP))
			return i;
	}
	return MODEL_NOBODY;
}

static int choose(const struct model *m)
{
	const struct model_entry *last =
		m->winner != MODEL_NOBODY ? &m->entries[m->winner] : NULL;
	int held = first(m, ENGINE_UP, true);
	int up = first(m, ENGINE_UP, false);

	if (insisting(m) != MODEL_NOBODY)
		return insisting(m);
	if (held != MODEL_NOBODY)
		return held;
	if (up != MODEL_NOBODY)
		return last && last->kept && last->want == ENGINE_UP ? m->winner
								     : up;
	return last && last->want == ENGINE_ARMED
		       ? m->winner
		       : first(m, ENGINE_ARMED, false);
}

void model_look(struct model *m)
{
	for (int i = 0; i < MODEL_PROFILES; i++)
		if (m->entries[i].present)
			judge(m, &m->entries[i]);
	m->winner = choose(m);
	for (int i = 0; i < MODEL_PROFILES; i++) {
		struct model_entry *e = &m->entries[i];
		bool has_it = i == m->winner && e->want == ENGINE_UP;
		bool ends = e->kept && !has_it;

		if (ends)
			e->ended = e->want == ENGINE_UP ? ENGINE_CAUSE_USER
							: e->cause;
		e->kept = has_it;
		if (ends)
			judge(m, e);
	}
}

void model_ask_anew(struct model *m)
{
	for (int i = 0; i < MODEL_PROFILES; i++)
		m->entries[i].answer = 0;
	m->roamed = false;
}

void model_go(struct model *m, const struct model_spot *to)
{
	const struct model_spot *from = m->spot;
	bool moved = to->place && m->place && to->place != m->place;

	m->spot = to;
	if (to->place)
		m->place = to->place;
	if (moved || to->type != from->type || to->vpn != from->vpn ||
	    to->dns != from->dns) {
		model_ask_anew(m);
	} else if (to->access_point != from->access_point) {
		model_ask_anew(m);
		m->roamed = true;
	}
	for (int i = 0; to->place && i < MODEL_PROFILES; i++) {
		struct model_entry *e = &m->entries[i];

		if (moved && e->pause == ENGINE_PAUSE_IDLE)
			e->pause = ENGINE_PAUSE_NONE;
		if (e->hold_place == 0)
			e->hold_place = to->place;
		else if (e->hold_place != to->place && !e->until_reboot &&
			 model_has_rules(e))
			model_end_hold(e, HOLD_END_NETWORK);
	}
}

void model_let_go(struct model_entry *e, enum engine_cause why,
		  enum hold_end end)
{
	e->kept = false;
	e->ended = why;
	if (e->hold == HOLD_UP)
		model_end_hold(e, end);
}

void model_hold(const struct model *m, struct model_entry *e,
		enum hold_state state, const struct engine_order *o)
{
	e->hold = state;
	e->until_reboot = o->until_reboot;
	e->until_ns = o->for_ns ? o->now_ns + o->for_ns : CLOCK_NEVER;
	e->hold_place = m->spot->place;
	e->hold_end = HOLD_END_NONE;
	e->pause = ENGINE_PAUSE_NONE;
}

int model_connect(struct model *m, int i, const struct engine_order *o)
{
	int locked = insisting(m);

	if (locked != MODEL_NOBODY && locked != i)
		return -EPERM;
	for (int k = 0; k < MODEL_PROFILES; k++)
		if (m->entries[k].hold == HOLD_UP)
			model_end_hold(&m->entries[k], HOLD_END_COMMAND);
	model_hold(m, &m->entries[i], HOLD_UP, o);
	return 0;
}

int model_disconnect(const struct model *m, struct model_entry *e,
		     const struct engine_order *o)
{
	if (e->content.flags[MODEL_LOCKED] && model_has_rules(e))
		return -EPERM;
	if (e->content.flags[MODEL_REASON] && !o->reason)
		return -ENODATA;
	model_hold(m, e, HOLD_DOWN, o);
	if (e->content.flags[MODEL_RECONNECT] &&
	    e->until_ns > o->now_ns + 3600ULL * NS_PER_S)
		e->until_ns = o->now_ns + 3600ULL * NS_PER_S;
	return 0;
}
