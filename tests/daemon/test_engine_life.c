/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What ends a tunnel beside rules and the user: Idle, sleep, a logout, and the
 * profile's own end. */
#include <check.h>
#include <errno.h>

#include "tests/lib/allocation.h"
#include "tests/lib/engine_world.h"
#include "tests/lib/suite.h"
#include "tunnel/base/clock.h"
#include "tunnel/daemon/engine.h"

static const struct network nothing;

static enum engine_cause cause(const struct engine_world *w)
{
	return w->engine.entries[0].cause;
}

/* --- Idle. --- */

static struct engine_world *idling(const char *rules)
{
	return engine_world_one((struct engine_spec) {
		.rules = rules,
		.payload = ", 'Idle': {'Disconnect': true, 'Timer': 60}",
	});
}

START_TEST(idle_goes_down_and_comes_back_on_need)
{
	struct engine_world *w = idling(_i ? RULE_EVALUATE : RULE_CONNECT);

	engine_world_go(w, engine_world_ethernet(1));
	engine_world_look(w);
	(void)engine_trigger(&w->engine);
	WANTS(w, "up a");
	engine_idle(&w->engine);
	WANTS(w, "armed a");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_IDLE);
	ck_assert_int_eq(w->engine.reason, REASON_IDLE);
	ck_assert_int_eq(w->engine.entries[0].hold.state, HOLD_NONE);
	WANTS(w, "armed a");
	ck_assert_int_eq(w->engine.reason, REASON_IDLE);
	ck_assert(engine_trigger(&w->engine));
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(idle_is_put_down_to_itself_where_a_rule_ignores)
{
	struct engine_world *w =
		idling("{'Action': 'Connect', 'InterfaceTypeMatch': "
		       "'WiFi'}," RULE_IGNORE);

	engine_world_go(w, engine_world_wifi(1, "Corp"));
	WANTS(w, "up a");
	engine_world_go(w, engine_world_ethernet(2));
	WANTS(w, "up a");
	engine_idle(&w->engine);
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.reason, REASON_IDLE);
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.reason, REASON_IDLE);
	engine_world_destroy(w);
}
END_TEST

START_TEST(another_network_ends_an_idle_rest)
{
	struct engine_world *w = idling(RULE_CONNECT);

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	engine_idle(&w->engine);
	WANTS(w, "armed a");
	engine_world_go(w, nothing);
	WANTS(w, "down");
	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "armed a");
	engine_world_go(w, engine_world_ethernet(2));
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(idle_is_for_what_the_rules_started)
{
	struct engine_world *w = engine_world_with_rules(RULE_CONNECT);

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	engine_idle(&w->engine); /* it has no Idle */
	WANTS(w, "up a");
	engine_world_destroy(w);

	w = idling(RULE_CONNECT);
	engine_idle(&w->engine);
	engine_world_go(w, engine_world_ethernet(1));
	engine_world_connect(w, 0);
	WANTS(w, "up a");
	engine_idle(&w->engine); /* the user holds it */
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

/* --- Sleep, logout. --- */

START_TEST(u11_goes_down_asleep_and_starts_only_after_the_wake)
{
	struct engine_world *w = engine_world_one((struct engine_spec) {
		.rules = RULE_CONNECT,
		.vendor = ", 'DisconnectOnSleep': true",
	});

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	engine_sleep(&w->engine);
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.reason, REASON_SLEEP);
	ck_assert(!engine_trigger(&w->engine));
	engine_world_go(w, engine_world_ethernet(2));
	WANTS(w, "down");
	engine_world_connect(w, 0);
	WANTS(w, "down");
	engine_auto(&w->engine, 0);
	WANTS(w, "down");
	engine_wake(&w->engine, NS_PER_S);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(u13_stays_down_after_a_sleep_without_rules)
{
	struct engine_world *w = engine_world_one((struct engine_spec) {
		.off = true,
		.vendor = ", 'DisconnectOnSleep': true",
	});

	engine_world_go(w, engine_world_ethernet(1));
	engine_world_connect(w, 0);
	WANTS(w, "up a");
	engine_sleep(&w->engine);
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.entries[0].hold_end, HOLD_END_SLEEP);
	engine_wake(&w->engine, NS_PER_S);
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_SLEEP);
	engine_world_destroy(w);
}
END_TEST

START_TEST(nothing_starts_asleep_and_what_is_up_stays)
{
	struct engine_world *w = engine_world_with_rules(RULE_CONNECT);

	engine_sleep(&w->engine);
	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_SLEEP);
	engine_world_connect(w, 0);
	WANTS(w, "down");
	engine_wake(&w->engine, NS_PER_S);
	WANTS(w, "up a");
	engine_sleep(&w->engine);
	WANTS(w, "up a");
	engine_world_go(w, nothing);
	WANTS(w, "up a");
	engine_wake(&w->engine, NS_PER_S);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_wake_ends_it_after_a_long_sleep)
{
	struct engine_world *w = engine_world_one((struct engine_spec) {
		.rules = RULE_EVALUATE,
		.vendor = ", 'DisconnectOnWake': true, "
			  "'DisconnectOnWakeTimer': 600",
	});

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "armed a");
	ck_assert(engine_trigger(&w->engine));
	WANTS(w, "up a");
	engine_sleep(&w->engine);
	WANTS(w, "up a");
	ck_assert(!engine_wake(&w->engine, 599ULL * NS_PER_S));
	WANTS(w, "up a");
	engine_sleep(&w->engine);
	WANTS(w, "up a");
	ck_assert(engine_wake(&w->engine, 601ULL * NS_PER_S));
	WANTS(w, "armed a");
	ck_assert_int_eq(w->engine.reason, REASON_SLEEP);
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_sleep_that_is_called_off_ends_nothing)
{
	struct engine_world *w = engine_world_one((struct engine_spec) {
		.rules = RULE_CONNECT,
		.vendor = ", 'DisconnectOnWake': true",
	});

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	engine_sleep(&w->engine);
	ck_assert(!engine_wake(&w->engine, 0));
	WANTS(w, "up a");
	engine_sleep(&w->engine);
	ck_assert(engine_wake(&w->engine, NS_PER_S));
	WANTS(w, "up a"); /* another one */
	engine_world_destroy(w);
}
END_TEST

START_TEST(u14_a_user_switch_is_a_logout_when_not_said_otherwise)
{
	struct engine_world *w = engine_world_one((struct engine_spec) {
		.rules = RULE_CONNECT,
		.vendor = ", 'DisconnectOnLogout': true",
	});

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	/* Who is in front now has the rules' word: another tunnel. */
	ck_assert(engine_user_switch(&w->engine));
	WANTS(w, "up a");
	engine_world_connect(w, 0);
	WANTS(w, "up a");
	ck_assert(engine_user_switch(&w->engine));
	ck_assert_int_eq(w->engine.entries[0].hold_end, HOLD_END_LOGOUT);
	engine_world_destroy(w);

	w = engine_world_one((struct engine_spec) {
		.rules = RULE_IGNORE,
		.vendor = ", 'DisconnectOnLogout': true",
	});
	engine_world_go(w, engine_world_ethernet(1));
	engine_world_connect(w, 0);
	WANTS(w, "up a");
	ck_assert(engine_user_switch(&w->engine));
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.reason, REASON_LOGOUT);
	ck_assert(!engine_user_switch(&w->engine));
	engine_world_destroy(w);
}
END_TEST

/* A login is told before the switch to who has logged in, and after it; none
 * is for somebody who comes back. */
START_TEST(a_switch_leaves_nobody_without_a_tunnel)
{
	struct engine_world *w = engine_world_one((struct engine_spec) {
		.rules = RULE_CONNECT,
		.vendor = ", 'DisconnectOnLogout': true",
	});

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	if (_i == 0)
		engine_login(&w->engine);
	ck_assert(engine_user_switch(&w->engine));
	WANTS(w, "up a");
	if (_i == 1)
		engine_login(&w->engine);
	WANTS(w, "up a");
	for (int i = 0; i < 3; i++) {
		ck_assert(engine_user_switch(&w->engine));
		WANTS(w, "up a");
	}
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_logout_is_for_who_is_there)
{
	struct engine_world *w = engine_world_one((struct engine_spec) {
		.rules = RULE_CONNECT,
		.vendor = ", 'DisconnectOnLogout': true",
	});

	engine_world_go(w, engine_world_ethernet(1));
	engine_world_connect(w, 0);
	WANTS(w, "up a");
	/* Of two the one in the background: nothing to the other. */
	ck_assert(!engine_logout(&w->engine, false, 1));
	WANTS(w, "up a");
	ck_assert_int_eq(w->engine.entries[0].hold.state, HOLD_UP);
	/* The one in front: let go, and the rules are the other one's. */
	ck_assert(engine_logout(&w->engine, true, 1));
	ck_assert_int_eq(w->engine.entries[0].hold_end, HOLD_END_LOGOUT);
	WANTS(w, "up a");
	/* The last one, wherever. */
	ck_assert(engine_logout(&w->engine, _i != 0, 0));
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.reason, REASON_LOGOUT);
	ck_assert(!engine_logout(&w->engine, false, 0));
	engine_world_go(w, engine_world_ethernet(2));
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_LOGOUT);
	engine_login(&w->engine);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_logout_ends_it_only_if_the_profile_says_so)
{
	struct engine_world *w = engine_world_with_rules(RULE_CONNECT);

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	ck_assert(!engine_logout(&w->engine, true, 0));
	ck_assert(!engine_user_switch(&w->engine));
	WANTS(w, "up a");
	engine_world_destroy(w);

	w = engine_world_one((struct engine_spec) {
		.rules = RULE_CONNECT,
		.vendor = ", 'DisconnectOnLogout': true, "
			  "'DisconnectOnFastUserSwitch': false",
	});
	engine_world_go(w, engine_world_ethernet(1));
	engine_world_connect(w, 0);
	WANTS(w, "up a");
	ck_assert(!engine_user_switch(&w->engine));
	WANTS(w, "up a");
	ck_assert(engine_logout(&w->engine, true, 0));
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.entries[0].hold_end, HOLD_END_LOGOUT);
	/* Nobody is logged in, and somebody says so all the same. */
	engine_world_connect(w, 0);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

/* --- Profiles come and go. --- */

START_TEST(a_profile_that_is_gone_is_wanted_no_more)
{
	struct engine_spec both[] = { { .name = "a", .rules = RULE_IGNORE },
				      { .name = "b", .rules = RULE_CONNECT } };
	struct engine_world *w = engine_world_create(both, 2);

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up b");
	engine_world_set(w, both, 1);
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.reason, REASON_PROFILE_REMOVED);
	ck_assert_uint_eq(engine_find(&w->engine, "b"), ENGINE_NOBODY);
	engine_world_set(w, NULL, 0);
	WANTS(w, "down");
	engine_world_set(w, both, 2);
	WANTS(w, "up b");
	ck_assert_uint_eq(engine_find(&w->engine, "b"), 1);
	engine_world_destroy(w);
}
END_TEST

START_TEST(another_content_is_judged_at_once)
{
	struct engine_world *w = engine_world_with_rules(RULE_CONNECT);
	struct engine_spec spec = { .name = "a", .rules = RULE_IGNORE };

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	engine_world_set(w, &spec, 1);
	WANTS(w, "up a");
	spec.rules = RULE_DISCONNECT;
	engine_world_set(w, &spec, 1);
	WANTS(w, "down");
	spec.rules = RULE_EVALUATE;
	engine_world_set(w, &spec, 1);
	WANTS(w, "armed a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(an_unfit_profile_does_not_start_and_may_stay_up)
{
	struct engine_spec spec = { .name = "a",
				    .rules = RULE_CONNECT,
				    .unfit = true };
	struct engine_world *w = engine_world_create(&spec, 1);

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_UNFIT);
	engine_world_connect(w, 0);
	WANTS(w, "down");
	spec.unfit = false;
	engine_world_set(w, &spec, 1);
	WANTS(w, "up a");
	spec.unfit = true;
	engine_world_set(w, &spec, 1);
	WANTS(w, "up a");
	engine_unfit(&w->engine, 0); /* nor can it be started again */
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.reason, REASON_PROFILE);
	engine_world_destroy(w);
}
END_TEST

START_TEST(says_when_memory_runs_out)
{
	struct engine_spec old = { .name = "a", .rules = RULE_CONNECT };
	struct engine_spec new = { .name = "a", .rules = RULE_IGNORE };
	struct profile *p = engine_world_profile(&new);
	struct engine_profile set = { .name = "a", .profile = p };

	for (unsigned long n = 1; n <= 2; n++) {
		struct engine_world *w = engine_world_create(&old, 1);
		int r;

		engine_world_go(w, engine_world_ethernet(1));
		WANTS(w, "up a");
		allocation_fail_at(n);
		r = engine_set_profiles(&w->engine, &set, 1);
		allocation_fail_at(0);
		ck_assert_int_eq(r, -ENOMEM);
		WANTS(w, "down");
		ck_assert_int_eq(w->engine.reason, REASON_INTERNAL);
		engine_world_destroy(w);
	}
	profile_destroy(p);
}
END_TEST

/* The daemon says again what has not changed. */
START_TEST(a_profile_that_stays_keeps_the_answers_of_its_probes)
{
	struct engine_world *w = engine_world_with_rules(RULE_PROBE);
	struct engine_profile set = { .name = "a", .profile = w->profiles[0] };
	struct ondemand_answer a = { ONDEMAND_PROBE_STATUS, 200 };
	uint64_t generation;
	const char *url;

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "down");
	ck_assert(engine_probe(&w->engine, 0, &url, &generation));
	ck_assert_int_eq(engine_set_profiles(&w->engine, &set, 1), 0);
	ck_assert(engine_answer(&w->engine, 0, generation, url, a));
	WANTS(w, "up a");
	ck_assert_int_eq(engine_set_profiles(&w->engine, &set, 1), 0);
	WANTS(w, "up a");
	ck_assert_int_eq(w->engine.entries[0].decision.outcome, ONDEMAND_MATCH);
	engine_world_destroy(w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine_life");
	TCase *tc = tcase_create("engine_life");

	tcase_add_loop_test(tc, idle_goes_down_and_comes_back_on_need, 0, 2);
	tcase_add_test(tc, idle_is_put_down_to_itself_where_a_rule_ignores);
	tcase_add_test(tc, another_network_ends_an_idle_rest);
	tcase_add_test(tc, idle_is_for_what_the_rules_started);
	tcase_add_test(tc, u11_goes_down_asleep_and_starts_only_after_the_wake);
	tcase_add_test(tc, u13_stays_down_after_a_sleep_without_rules);
	tcase_add_test(tc, nothing_starts_asleep_and_what_is_up_stays);
	tcase_add_test(tc, a_wake_ends_it_after_a_long_sleep);
	tcase_add_test(tc, a_sleep_that_is_called_off_ends_nothing);
	tcase_add_test(tc,
		       u14_a_user_switch_is_a_logout_when_not_said_otherwise);
	tcase_add_loop_test(tc, a_switch_leaves_nobody_without_a_tunnel, 0, 2);
	tcase_add_loop_test(tc, a_logout_is_for_who_is_there, 0, 2);
	tcase_add_test(tc, a_logout_ends_it_only_if_the_profile_says_so);
	tcase_add_test(tc, a_profile_that_is_gone_is_wanted_no_more);
	tcase_add_test(tc, another_content_is_judged_at_once);
	tcase_add_test(tc, an_unfit_profile_does_not_start_and_may_stay_up);
	tcase_add_test(tc, says_when_memory_runs_out);
	tcase_add_test(tc,
		       a_profile_that_stays_keeps_the_answers_of_its_probes);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
