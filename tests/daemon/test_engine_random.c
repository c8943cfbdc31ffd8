/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random events through the engine, and through a model of it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/engine_model.h"
#include "tests/lib/engine_world.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/clock.h"
#include "tunnel/daemon/engine.h"

enum {
	SEQUENCES = 1000,
	EVENTS = 200, /* of each */
};

/* --- What a profile may be. --- */

static const struct model_rule pool[] = {
	{ RULE_CONNECT, PROFILE_ACTION_CONNECT, NETWORK_NONE, false },
	{ RULE_DISCONNECT, PROFILE_ACTION_DISCONNECT, NETWORK_NONE, false },
	{ RULE_IGNORE, PROFILE_ACTION_IGNORE, NETWORK_NONE, false },
	{ RULE_EVALUATE, PROFILE_ACTION_EVALUATE, NETWORK_NONE, false },
	{ "{'Action': 'Connect', 'InterfaceTypeMatch': 'WiFi'}",
	  PROFILE_ACTION_CONNECT, NETWORK_WIFI, false },
	{ "{'Action': 'Disconnect', 'InterfaceTypeMatch': 'Ethernet'}",
	  PROFILE_ACTION_DISCONNECT, NETWORK_ETHERNET, false },
	{ "{'Action': 'Ignore', 'InterfaceTypeMatch': 'Cellular'}",
	  PROFILE_ACTION_IGNORE, NETWORK_CELLULAR, false },
	{ RULE_PROBE, PROFILE_ACTION_CONNECT, NETWORK_NONE, true },
};

static const char *const vendor_flags[] = {
	", 'OnMetered': 'hold'",
	", 'RequireReason': true",
	", 'ReconnectAfter': 3600",
	", 'DisconnectOnSleep': true",
	", 'DisconnectOnLogout': true",
	", 'DisconnectOnWake': true",
	", 'DisconnectOnWakeTimer': 1800",
	", 'DisconnectOnFastUserSwitch': "
	"true",
};

static const char *const names[MODEL_PROFILES] = { "a", "b", "c" };

/* --- Where a machine may be. --- */

static const struct model_spot spots[] = {
	{ 0, NETWORK_NONE, 0, false, false, false, 0 },
	{ 0, NETWORK_NONE, 0, true, false, false, 0 },
	{ 1, NETWORK_WIFI, 1, false, false, false, 1 },
	{ 1, NETWORK_WIFI, 1, false, false, false, 2 },
	{ 1, NETWORK_WIFI, 9, false, false, true, 1 },
	{ 2, NETWORK_WIFI, 2, false, false, false, 1 },
	{ 3, NETWORK_ETHERNET, 3, false, false, false, 0 },
	{ 3, NETWORK_ETHERNET, 3, false, false, true, 0 },
	{ 4, NETWORK_ETHERNET, 4, false, false, false, 0 },
	{ 5, NETWORK_CELLULAR, 5, false, false, false, 0 },
	{ 5, NETWORK_CELLULAR, 5, false, true, false, 0 },
};

static struct network network_of(const struct model_spot *s)
{
	uint8_t n = (uint8_t)s->place;
	struct network net = { 0 };

	switch (s->type) {
	case NETWORK_NONE:
	case NETWORK_OTHER:
		return s->vpn ? engine_world_vpn() : net;
	case NETWORK_ETHERNET:
		net = engine_world_ethernet(n);
		break;
	case NETWORK_WIFI:
		net = engine_world_wifi(n, n == 1 ? "Home" : "CafeNet");
		break;
	case NETWORK_CELLULAR:
		net = engine_world_cellular(n);
		break;
	}
	net.dns.servers[0].at.addr.bytes[3] = (uint8_t)s->dns;
	net.identity.ipv4.has_link_address = s->link_address;
	net.metered = s->metered;
	net.has_bssid = s->access_point != 0;
	net.bssid[5] = (uint8_t)s->access_point;
	return net;
}

/* The shell around the engine: what it would write, and what it was given. */
struct shell {
	struct engine_world *world;
	struct hold files[MODEL_PROFILES];
	unsigned int seed, contents;
};

/* --- Both at once. --- */

static unsigned int roll(struct shell *s, unsigned int sides)
{
	return (unsigned int)rand_r(&s->seed) / 7 % sides;
}

static struct model_content random_content(struct shell *s)
{
	struct model_content c = { .id = s->contents++ };

	for (int i = 0; i < MODEL_FLAGS; i++)
		c.flags[i] = roll(s, 4) == 0;
	if (!c.flags[MODEL_WAKE])
		c.flags[MODEL_WAKE_TIMER] = false;
	if (c.flags[MODEL_LOGOUT]) /* absent, it takes logout's value */
		c.flags[MODEL_SWITCH] = true;
	c.rule_count = roll(s, MODEL_RULES_MAX + 1);
	for (size_t i = 0; i < c.rule_count; i++)
		c.rules[i] = &pool[roll(s, ARRAY_SIZE(pool))];
	return c;
}

struct texts {
	char rules[1024], vendor[512];
};

static struct engine_spec spec_of(int i, const struct model_entry *m,
				  struct texts *t)
{
	const struct model_content *c = &m->content;
	size_t n = (size_t)snprintf(t->vendor, sizeof(t->vendor),
				    ", 'KeepAlive': %u", c->id);

	for (int k = 0; k < MODEL_VENDOR_FLAGS; k++)
		if (c->flags[k])
			n += (size_t)snprintf(t->vendor + n,
					      sizeof(t->vendor) - n, "%s",
					      vendor_flags[k]);
	t->rules[0] = '\0';
	n = 0;
	for (size_t k = 0; k < c->rule_count; k++)
		n += (size_t)snprintf(t->rules + n, sizeof(t->rules) - n,
				      "%s%s", k ? "," : "", c->rules[k]->text);
	return (struct engine_spec) {
		.name = names[i],
		.rules = t->rules,
		.vendor = t->vendor,
		.on_demand = c->flags[MODEL_LOCKED]
				     ? ", 'DisableUserOverride': true"
				     : "",
		.payload = c->flags[MODEL_IDLE]
				   ? ", 'Idle': {'Disconnect': true, "
				     "'Timer': 60}"
				   : "",
		.off = c->flags[MODEL_OFF],
		.unfit = m->unfit,
	};
}

static void set_profiles(struct shell *s, struct model *m)
{
	struct engine_spec specs[MODEL_PROFILES];
	struct texts texts[MODEL_PROFILES];
	size_t count = 0;

	for (int i = 0; i < MODEL_PROFILES; i++) {
		if (m->entries[i].present) {
			specs[count] =
				spec_of(i, &m->entries[i], &texts[count]);
			count++;
		}
	}
	if (s->world == NULL)
		s->world = engine_world_create(specs, count);
	else
		engine_world_set(s->world, specs, count);
	model_ask_anew(m);
}

static void add_profile(struct shell *s, struct model *m, int i)
{
	m->entries[i] = (struct model_entry) {
		.present = true,
		.content = random_content(s),
		.until_ns = CLOCK_NEVER,
	};
}

static void change_profile(struct shell *s, struct model_entry *e)
{
	e->content = random_content(s);
	e->pause = ENGINE_PAUSE_NONE;
	if (!e->until_reboot ||
	    (e->hold == HOLD_DOWN && e->content.flags[MODEL_LOCKED] &&
	     model_has_rules(e)))
		model_end_hold(e, HOLD_END_PROFILE);
}

/* A profile changes, goes, comes, or is found (un)fit; or none does. */
static void reload(struct shell *s, struct model *m)
{
	int i = (int)roll(s, MODEL_PROFILES);
	struct model_entry *e = &m->entries[i];

	for (int k = 0; k < MODEL_PROFILES; k++)
		m->entries[k].unfit = false;
	switch (roll(s, 4)) {
	case 0:
		if (e->present)
			change_profile(s, e);
		break;
	case 1:
		if (e->present && m->winner == i)
			m->winner = MODEL_NOBODY;
		s->files[i] = (struct hold) { 0 };
		if (e->present)
			*e = (struct model_entry) { .until_ns = CLOCK_NEVER };
		else
			add_profile(s, m, i);
		break;
	case 2:
		e->unfit = e->present;
		break;
	default:
		break;
	}
	set_profiles(s, m);
}

/* The daemon, or with it the machine, starts again. */
static void restart(struct shell *s, struct model *m, bool reboot)
{
	struct network net = network_of(m->spot);
	const struct model_spot *spot = m->spot;

	engine_world_destroy(s->world);
	s->world = NULL;
	for (int i = 0; i < MODEL_PROFILES; i++) {
		struct model_entry *e = &m->entries[i];

		e->unfit = e->kept = false;
		e->pause = ENGINE_PAUSE_NONE;
		e->want = ENGINE_DOWN;
		e->cause = e->ended = ENGINE_CAUSE_NEVER;
		e->hold_end = HOLD_END_NONE;
		if (reboot)
			model_end_hold(e, HOLD_END_REBOOT);
	}
	m->place = 0;
	m->spot = &spots[0];
	m->asleep = m->roamed = false;
	m->winner = MODEL_NOBODY;
	set_profiles(s, m);
	for (int i = 0; i < MODEL_PROFILES; i++) {
		static const struct hold none = { .until_ns = CLOCK_NEVER };

		if (s->files[i].state != HOLD_NONE)
			engine_restore_hold(
				&s->world->engine,
				engine_find(&s->world->engine, names[i]),
				reboot ? &none : &s->files[i]);
	}
	engine_network(&s->world->engine, &net);
	model_go(m, spot);
}

enum event {
	NETWORK,
	ANSWER,
	TRIGGER,
	IDLED,
	SLEPT,
	WOKE,
	LOGGED_OUT,
	SWITCHED,
	LOGGED_IN,
	UNFIT,
	CONNECTED,
	DISCONNECTED,
	AUTOMATIC,
	TIME,
	RELOADED,
	RESTARTED,
	REBOOTED,
	EVENT_COUNT,
};

/* And the wants that can follow one another by it: of down, of armed, of up;
 * each to down, armed, up. "?" is seldom: a locked one takes the tunnel. */
static const struct {
	const char *name, *possible;
} event_table[EVENT_COUNT] = {
	[NETWORK] = { "network", "111 111 111" },
	/* What is armed waits for one only after roaming. */
	[ANSWER] = { "answer", "111 ?1? 1?1" },
	[TRIGGER] = { "trigger", "100 011 001" },
	[IDLED] = { "idle", "100 010 111" },
	[SLEPT] = { "sleep", "100 110 101" },
	[WOKE] = { "wake", "111 111 111" },
	[LOGGED_OUT] = { "logout", "100 110 111" },
	[SWITCHED] = { "user switch", "100 010 111" },
	[LOGGED_IN] = { "login", "111 010 ??1" },
	[UNFIT] = { "unfit", "100 110 101" },
	/* Down and armed are those whose place it takes. */
	[CONNECTED] = { "connect", "101 011 111" },
	[DISCONNECTED] = { "disconnect", "100 110 101" },
	/* What was held up goes by its rules, and was up: is not armed. */
	[AUTOMATIC] = { "auto", "111 011 1?1" },
	[TIME] = { "time", "111 010 101" },
	[RELOADED] = { "reload", "111 111 111" },
	[RESTARTED] = { "restart", "111 111 111" },
	[REBOOTED] = { "reboot", "111 111 111" },
};

/* Was one of them up? */
static bool let_go_all(struct model *m, enum model_flag flag,
		       enum engine_cause why, enum hold_end end,
		       enum engine_pause pause)
{
	bool up = false;

	for (int i = 0; i < MODEL_PROFILES; i++) {
		struct model_entry *e = &m->entries[i];

		if (!e->content.flags[flag])
			continue;
		up |= e->kept;
		model_let_go(e, why, end);
		if (pause != ENGINE_PAUSE_NONE)
			e->pause = pause;
	}
	return up;
}

static void log_out(struct shell *s, struct model *m)
{
	bool was_in_front = roll(s, 2);
	size_t users = roll(s, 3);
	bool ended = false;

	if (users == 0)
		ended = let_go_all(m, MODEL_LOGOUT, ENGINE_CAUSE_LOGOUT,
				   HOLD_END_LOGOUT, ENGINE_PAUSE_LOGOUT);
	else if (was_in_front)
		ended = let_go_all(m, MODEL_LOGOUT, ENGINE_CAUSE_LOGOUT,
				   HOLD_END_LOGOUT, ENGINE_PAUSE_NONE);
	ck_assert(engine_logout(&s->world->engine, was_in_front, users) ==
		  ended);
}

static void answer_probe(struct shell *s, struct model_entry *m, size_t at)
{
	struct ondemand_answer a = { .probe = ONDEMAND_PROBE_STATUS };
	uint64_t generation;
	const char *url;

	if (!m->present ||
	    !engine_probe(&s->world->engine, at, &url, &generation))
		return;
	a.status = roll(s, 2) ? 200 : 404;
	/* Another network's is dropped. */
	ck_assert(
		!engine_answer(&s->world->engine, at, generation - 1, url, a));
	ck_assert(engine_answer(&s->world->engine, at, generation, url, a));
	m->answer = (int)a.status;
}

static void trigger(struct engine *e, struct model *m)
{
	bool armed = !m->asleep && m->winner != MODEL_NOBODY &&
		     m->entries[m->winner].want == ENGINE_ARMED;

	ck_assert(engine_trigger(e) == armed);
	if (!armed)
		return;
	m->entries[m->winner].kept = true;
	m->entries[m->winner].pause = ENGINE_PAUSE_NONE;
}

static void idle(struct engine *e, struct model *m)
{
	struct model_entry *w =
		m->winner != MODEL_NOBODY ? &m->entries[m->winner] : NULL;

	engine_idle(e);
	if (!w || !w->content.flags[MODEL_IDLE] || !model_has_rules(w) ||
	    w->hold == HOLD_UP || w->want != ENGINE_UP)
		return;
	w->kept = false;
	w->pause = ENGINE_PAUSE_IDLE;
	w->ended = ENGINE_CAUSE_IDLE;
}

/* What a person says about a profile that is there. */
static void command(struct shell *s, struct model *m, enum event event, int i,
		    size_t at)
{
	struct engine_order o = engine_world_order(s->world);
	struct model_entry *e = &m->entries[i];

	o.for_ns = roll(s, 3) ? 0 : (uint64_t)(roll(s, 7200) + 1) * NS_PER_S;
	o.until_reboot = event == DISCONNECTED && roll(s, 4) == 0;
	o.reason = roll(s, 2) ? "because" : NULL;
	if (event == DISCONNECTED) {
		ck_assert_int_eq(engine_disconnect(&s->world->engine, at, &o),
				 model_disconnect(m, e, &o));
	} else if (event == CONNECTED) {
		ck_assert_int_eq(engine_connect(&s->world->engine, at, &o),
				 model_connect(m, i, &o));
	} else {
		engine_auto(&s->world->engine, at);
		model_end_hold(e, HOLD_END_COMMAND);
		e->pause = ENGINE_PAUSE_NONE;
	}
}

static void pass_time(struct shell *s, struct model *m)
{
	s->world->now_ns += (uint64_t)roll(s, 3600) * NS_PER_S;
	engine_timeout(&s->world->engine, s->world->now_ns);
	for (int i = 0; i < MODEL_PROFILES; i++)
		if (m->entries[i].until_ns <= s->world->now_ns)
			model_end_hold(&m->entries[i], HOLD_END_TIME);
}

static void wake(struct shell *s, struct model *m)
{
	uint64_t slept_ns = (uint64_t)roll(s, 3600) * NS_PER_S;

	engine_wake(&s->world->engine, slept_ns);
	m->asleep = false;
	for (int i = 0; i < MODEL_PROFILES; i++) {
		struct model_entry *e = &m->entries[i];

		if (e->content.flags[MODEL_WAKE] && slept_ns > 0 &&
		    (!e->content.flags[MODEL_WAKE_TIMER] ||
		     slept_ns >= 1800ULL * NS_PER_S))
			model_let_go(e, ENGINE_CAUSE_SLEEP, HOLD_END_SLEEP);
	}
	model_ask_anew(m);
}

static void happen_to_all(struct shell *s, struct model *m, enum event event)
{
	struct engine *e = &s->world->engine;
	const struct model_spot *spot = &spots[roll(s, ARRAY_SIZE(spots))];
	struct network net = network_of(spot);

	if (event == NETWORK) {
		engine_network(e, &net);
		model_go(m, spot);
	} else if (event == ANSWER) {
		for (int i = 0; i < MODEL_PROFILES; i++)
			answer_probe(s, &m->entries[i],
				     engine_find(e, names[i]));
	} else if (event == TRIGGER) {
		trigger(e, m);
	} else if (event == IDLED) {
		idle(e, m);
	} else if (event == SLEPT) {
		engine_sleep(e);
		m->asleep = true;
		(void)let_go_all(m, MODEL_SLEEP, ENGINE_CAUSE_SLEEP,
				 HOLD_END_SLEEP, ENGINE_PAUSE_NONE);
	} else if (event == WOKE) {
		wake(s, m);
	} else if (event == LOGGED_OUT) {
		log_out(s, m);
	} else if (event == SWITCHED) {
		ck_assert(engine_user_switch(e) ==
			  let_go_all(m, MODEL_SWITCH, ENGINE_CAUSE_LOGOUT,
				     HOLD_END_LOGOUT, ENGINE_PAUSE_NONE));
	} else if (event == LOGGED_IN) {
		engine_login(e);
		for (int i = 0; i < MODEL_PROFILES; i++)
			if (m->entries[i].pause == ENGINE_PAUSE_LOGOUT)
				m->entries[i].pause = ENGINE_PAUSE_NONE;
	} else if (event == TIME) {
		pass_time(s, m);
	} else if (event == RELOADED) {
		reload(s, m);
	} else {
		restart(s, m, event == REBOOTED);
	}
}

static void happen(struct shell *s, struct model *m, enum event event)
{
	int i = (int)roll(s, MODEL_PROFILES);
	size_t at = engine_find(&s->world->engine, names[i]);
	bool of_one = event == UNFIT || event == CONNECTED ||
		      event == DISCONNECTED || event == AUTOMATIC;

	if (!of_one) {
		happen_to_all(s, m, event);
	} else if (at == ENGINE_NOBODY) {
		ck_assert(!m->entries[i].present);
	} else if (event == UNFIT) {
		engine_unfit(&s->world->engine, at);
		m->entries[i].unfit = true;
		m->entries[i].kept = false;
		m->entries[i].ended = ENGINE_CAUSE_UNFIT;
	} else {
		command(s, m, event, i, at);
	}
}

/* --- What always has to hold. --- */

static void check_entry(const struct engine *e, size_t at,
			const struct model_entry *before)
{
	const struct engine_entry *now = &e->entries[at];
	enum hold_state hold = now->hold.state;

	if (before->present && before->hold != HOLD_NONE && hold == HOLD_NONE)
		ck_assert_int_ne(now->hold_end, HOLD_END_NONE);
	if (hold != HOLD_NONE)
		ck_assert_int_eq(now->hold_end, HOLD_END_NONE);
	if (hold == HOLD_DOWN)
		ck_assert_int_eq(now->want, ENGINE_DOWN);
	if (hold == HOLD_UP && !e->asleep && !now->unfit)
		ck_assert_int_eq(now->want, ENGINE_UP);
	if (e->asleep && now->want == ENGINE_UP)
		ck_assert_int_eq(before->want, ENGINE_UP);
	ck_assert(now->kept == (at == e->winner && now->want == ENGINE_UP));
}

static void check_against_model(const struct engine *e, size_t at,
				const struct model *m, int i)
{
	const struct engine_entry *now = &e->entries[at];
	const struct model_entry *want = &m->entries[i];
	uint64_t generation;
	const char *url;

	ck_assert_int_eq(now->want, want->want);
	ck_assert_int_eq(now->cause, want->cause);
	ck_assert_int_eq(now->kept, want->kept);
	ck_assert_int_eq(now->hold.state, want->hold);
	ck_assert_int_eq(now->hold_end, want->hold_end);
	ck_assert_uint_eq(now->hold.until_ns, want->until_ns);
	ck_assert_int_eq(engine_probe(e, at, &url, &generation),
			 !m->asleep && model_is_pending(m, want));
	ck_assert_int_eq(m->winner == i, e->winner == at);
}

/* Nothing has happened, and nothing is another. */
static void check_second_look(struct engine *e, const struct engine_decision *d)
{
	struct engine_entry before[MODEL_PROFILES];
	struct engine_decision again;

	memcpy(before, e->entries, e->count * sizeof(*before));
	again = engine_look(e);
	ck_assert_int_eq(again.want, d->want);
	ck_assert_uint_eq(again.entry, d->entry);
	ck_assert_int_eq(again.reason, d->reason);
	for (size_t i = 0; i < e->count; i++) {
		ck_assert_int_eq(e->entries[i].want, before[i].want);
		ck_assert_int_eq(e->entries[i].cause, before[i].cause);
		ck_assert_int_eq(e->entries[i].kept, before[i].kept);
		ck_assert_int_eq(e->entries[i].ended, before[i].ended);
		ck_assert(e->entries[i].insists == before[i].insists);
	}
}

/* As the daemon does after each look. */
static void save(struct shell *s, size_t at, int i)
{
	struct engine_entry *entry = &s->world->engine.entries[at];

	if (!entry->saved)
		s->files[i] = entry->hold;
	entry->saved = true;
	ck_assert_int_eq(s->files[i].state, entry->hold.state);
}

static unsigned long counts[EVENT_COUNT][ENGINE_WANTS][ENGINE_WANTS];

static void step(struct shell *s, struct model *m, enum event event)
{
	struct model before = *m;
	uint64_t deadline = CLOCK_NEVER;
	struct engine_decision d;
	struct engine *e;

	happen(s, m, event);
	e = &s->world->engine;
	d = engine_look(e);
	model_look(m);
	ck_assert_int_eq(m->winner == MODEL_NOBODY, d.entry == ENGINE_NOBODY);
	ck_assert_int_eq(d.want, m->winner == MODEL_NOBODY
					 ? ENGINE_DOWN
					 : m->entries[m->winner].want);
	ck_assert_uint_eq(d.entry, e->winner);
	for (int i = 0; i < MODEL_PROFILES; i++) {
		const struct model_entry *was = &before.entries[i];
		size_t at = engine_find(e, names[i]);

		ck_assert_int_eq(at != ENGINE_NOBODY, m->entries[i].present);
		if (at == ENGINE_NOBODY)
			continue;
		check_entry(e, at, was);
		check_against_model(e, at, m, i);
		save(s, at, i);
		if (m->entries[i].until_ns < deadline)
			deadline = m->entries[i].until_ns;
		if (was->present)
			counts[event][was->want][e->entries[at].want]++;
	}
	ck_assert_uint_eq(engine_deadline(e), deadline);
	check_second_look(e, &d);
}

/* Often what happens often, seldom what ends all. */
static enum event any_event(struct shell *s)
{
	enum event event = (enum event)roll(s, EVENT_COUNT);

	if ((event == UNFIT || event >= RESTARTED) && roll(s, 3))
		event = NETWORK;
	if (event == SLEPT && roll(s, 3))
		event = WOKE;
	return event;
}

static void run_sequence(unsigned int seed)
{
	struct shell s = { .seed = seed };
	struct model m = { .spot = &spots[0], .winner = MODEL_NOBODY };

	for (int i = 0; i < MODEL_PROFILES; i++)
		add_profile(&s, &m, i);
	set_profiles(&s, &m);
	for (int i = 0; i < EVENTS; i++)
		step(&s, &m, any_event(&s));
	engine_world_destroy(s.world);
}

static void print_counts(enum event event)
{
	const char *possible = event_table[event].possible;
	char line[256];
	size_t n = 0;

	for (int from = 0; from < ENGINE_WANTS; from++) {
		for (int to = 0; to < ENGINE_WANTS; to++) {
			unsigned long count = counts[event][from][to];

			if (possible[4 * from + to] == '0')
				ck_assert_uint_eq(count, 0);
			if (count == 0 && possible[4 * from + to] != '1')
				continue;
			n += (size_t)snprintf(
				line + n, sizeof(line) - n, "  %s-%s %lu",
				engine_want_name((enum engine_want)from),
				engine_want_name((enum engine_want)to), count);
			ck_assert_uint_gt(count, 0);
		}
	}
	printf("note: %-11s%s\n", event_table[event].name, line);
}

START_TEST(does_what_the_model_does_over_random_events)
{
	for (unsigned int seed = 1; seed <= SEQUENCES; seed++)
		run_sequence(seed);
	printf("note: %d sequences of %d events, %d profiles each; the wants "
	       "before and after, by event:\n",
	       SEQUENCES, EVENTS, MODEL_PROFILES);
	for (int i = 0; i < EVENT_COUNT; i++)
		print_counts((enum event)i);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine_random");
	TCase *tc = tcase_create("engine_random");

	tcase_set_timeout(tc, 900); /* a sanitizer on a busy machine */
	tcase_add_test(tc, does_what_the_model_does_over_random_events);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
