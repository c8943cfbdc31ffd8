/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the rules want, and what becomes of it: rows R and E of profile.md, and
 * the life of a tunnel. */
#include "tunnel/daemon/engine.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/allocation.h"
#include "tests/lib/engine_world.h"
#include "tests/lib/suite.h"
#include "tunnel/base/clock.h"

enum {
	MANY = 200,
	MANY_CRITERIA = 100, /* of each of so many rules */
};

#define WANTS(w, what) ck_assert_str_eq(engine_world_look(w), what)

static const struct network nothing;

static struct engine_world *one(struct engine_spec spec)
{
	spec.name = "a";
	return engine_world_create(&spec, 1);
}

static struct engine_world *with_rules(const char *rules)
{
	return one((struct engine_spec) { .rules = rules });
}

static void go(struct engine_world *w, struct network n)
{
	engine_network(&w->engine, &n);
}

static void connect_to(struct engine_world *w, size_t entry)
{
	struct engine_order o = engine_world_order(w);

	engine_connect(&w->engine, entry, &o);
}

static enum engine_cause cause(const struct engine_world *w)
{
	return w->engine.entries[0].cause;
}

/* --- Rules. --- */

START_TEST(r1_connects_where_the_rules_want_it)
{
	struct engine_world *w =
		with_rules("{'Action': 'Connect', 'InterfaceTypeMatch': "
			   "'WiFi'}," RULE_DISCONNECT);

	WANTS(w, "down");
	go(w, engine_world_wifi(1, "Corp"));
	WANTS(w, "up a");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_RULE);
	go(w, engine_world_ethernet(2));
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.reason, REASON_RULE);
	engine_world_destroy(w);
}
END_TEST

START_TEST(r3_keeps_what_is_up_where_no_rule_matches)
{
	struct engine_world *w = with_rules(
		"{'Action': 'Connect', 'InterfaceTypeMatch': 'WiFi'}");

	go(w, engine_world_wifi(1, "Corp"));
	WANTS(w, "up a");
	go(w, engine_world_ethernet(2));
	WANTS(w, "up a");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_KEPT);
	ck_assert(!engine_trigger(&w->engine));
	engine_world_destroy(w);

	w = with_rules("{'Action': 'Connect', 'InterfaceTypeMatch': 'WiFi'}");
	go(w, engine_world_ethernet(2));
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_NO_RULE);
	engine_world_destroy(w);
}
END_TEST

START_TEST(r18_judges_no_rule_beneath_another_vpn)
{
	struct engine_world *w = with_rules(RULE_CONNECT);

	go(w, engine_world_vpn());
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_OTHER_VPN);
	go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	go(w, engine_world_vpn());
	WANTS(w, "up a");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_KEPT);
	engine_world_destroy(w);
}
END_TEST

START_TEST(r19_does_and_asks_nothing_without_a_network)
{
	struct engine_world *w = with_rules(RULE_PROBE "," RULE_CONNECT);
	uint64_t generation;
	const char *url;

	go(w, nothing);
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_NO_NETWORK);
	ck_assert(!engine_probe(&w->engine, 0, &url, &generation));
	ck_assert(!engine_trigger(&w->engine));
	engine_world_destroy(w);
}
END_TEST

static bool answer(struct engine_world *w, uint64_t generation,
		   unsigned int status)
{
	struct ondemand_answer a = {
		.probe = ONDEMAND_PROBE_STATUS,
		.status = status,
	};

	return engine_answer(&w->engine, 0, generation, ENGINE_WORLD_URL, a);
}

START_TEST(r38_keeps_a_tunnel_while_a_probe_is_not_answered)
{
	struct engine_world *w = with_rules(RULE_PROBE "," RULE_DISCONNECT);
	uint64_t generation;
	const char *url;

	go(w, engine_world_ethernet(1));
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_PENDING);
	ck_assert(!engine_trigger(&w->engine));
	ck_assert(engine_probe(&w->engine, 0, &url, &generation));
	ck_assert_str_eq(url, ENGINE_WORLD_URL);
	ck_assert(answer(w, generation, 200));
	WANTS(w, "up a");
	ck_assert(!engine_probe(&w->engine, 0, &url, &generation));
	go(w, engine_world_ethernet(2));
	WANTS(w, "up a");
	ck_assert_int_eq(w->engine.entries[0].decision.outcome,
			 ONDEMAND_PENDING);
	ck_assert(engine_probe(&w->engine, 0, &url, &generation));
	ck_assert(answer(w, generation, 404));
	WANTS(w, "down");
	engine_world_destroy(w);
}
END_TEST

START_TEST(r39_drops_an_answer_of_another_network)
{
	struct engine_world *w = with_rules(RULE_PROBE);
	uint64_t late, generation;
	const char *url;

	go(w, engine_world_ethernet(1));
	WANTS(w, "down");
	ck_assert(engine_probe(&w->engine, 0, &url, &late));
	go(w, engine_world_ethernet(2));
	WANTS(w, "down");
	ck_assert(!answer(w, late, 200));
	WANTS(w, "down");
	ck_assert(engine_probe(&w->engine, 0, &url, &generation));
	ck_assert(answer(w, generation, 200));
	WANTS(w, "up a");
	ck_assert(!engine_answer(&w->engine, 1, generation, url,
				 (struct ondemand_answer) { 0 }));
	engine_world_destroy(w);
}
END_TEST

START_TEST(asks_again_when_the_network_looks_another)
{
	struct engine_world *w = with_rules(RULE_PROBE);
	struct network n = engine_world_ethernet(1);
	uint64_t first, again;
	const char *url;

	go(w, n);
	WANTS(w, "down");
	ck_assert(engine_probe(&w->engine, 0, &url, &first));
	/* A link address that becomes known is no other network. */
	n.identity.ipv4.has_link_address = true;
	go(w, n);
	WANTS(w, "down");
	ck_assert(engine_probe(&w->engine, 0, &url, &again));
	ck_assert_uint_eq(first, again);
	n.dns.servers[0].addr.bytes[3] = 54;
	go(w, n);
	WANTS(w, "down");
	ck_assert(engine_probe(&w->engine, 0, &url, &again));
	ck_assert_uint_ne(first, again);
	/* Nor is what was asked before a sleep, or of other profiles. */
	first = again;
	engine_sleep(&w->engine);
	WANTS(w, "down");
	ck_assert(!engine_probe(&w->engine, 0, &url, &again));
	engine_wake(&w->engine, NS_PER_S);
	ck_assert(!answer(w, first, 200));
	engine_world_set(
		w, &(struct engine_spec) { .name = "a", .rules = RULE_PROBE },
		1);
	ck_assert(!engine_probe(&w->engine, 0, &url, &again));
	WANTS(w, "down");
	ck_assert(engine_probe(&w->engine, 0, &url, &again));
	ck_assert(answer(w, again, 200));
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(r43_ignore_keeps_and_starts_nothing)
{
	struct engine_world *w = with_rules(RULE_IGNORE);

	go(w, engine_world_ethernet(1));
	WANTS(w, "down");
	ck_assert(!engine_trigger(&w->engine));
	connect_to(w, 0);
	WANTS(w, "up a");
	engine_auto(&w->engine, 0);
	WANTS(w, "up a");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_KEPT);
	engine_world_destroy(w);
}
END_TEST

START_TEST(r44_disconnect_takes_down_and_nothing_starts_it)
{
	struct engine_world *w =
		with_rules("{'Action': 'Disconnect', 'SSIDMatch': "
			   "['Home']}," RULE_CONNECT);

	go(w, engine_world_wifi(1, "CafeNet"));
	WANTS(w, "up a");
	go(w, engine_world_wifi(2, "Home"));
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.reason, REASON_RULE);
	ck_assert(!engine_trigger(&w->engine));
	WANTS(w, "down");
	engine_world_destroy(w);
}
END_TEST

START_TEST(r45_rules_that_are_off_end_nothing)
{
	struct engine_world *w = one(
		(struct engine_spec) { .rules = RULE_DISCONNECT, .off = true });

	go(w, engine_world_ethernet(1));
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_NEVER);
	connect_to(w, 0);
	WANTS(w, "up a");
	/* Nor does another network: there is nobody else to decide. */
	go(w, engine_world_ethernet(2));
	WANTS(w, "up a");
	ck_assert_int_eq(w->engine.entries[0].hold.state, HOLD_UP);
	engine_auto(&w->engine, 0);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(r46_evaluate_keeps_what_is_up)
{
	struct engine_world *w =
		with_rules("{'Action': 'Connect', 'InterfaceTypeMatch': "
			   "'WiFi'}," RULE_EVALUATE);

	go(w, engine_world_wifi(1, "Corp"));
	WANTS(w, "up a");
	go(w, engine_world_ethernet(2));
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(r47_judges_again_when_the_dns_servers_change)
{
	struct engine_world *w =
		with_rules("{'Action': 'Disconnect', 'DNSServerAddressMatch': "
			   "['10.1.0.53']}," RULE_CONNECT);
	struct network n = engine_world_ethernet(1);

	go(w, n);
	WANTS(w, "down");
	n.dns.servers[0].addr.bytes[3] = 99;
	go(w, n);
	WANTS(w, "up a");
	n.dns.search_count = 1;
	strcpy(n.dns.search[0], "corp.example.com");
	go(w, n);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

/* --- EvaluateConnection. --- */

START_TEST(e2_a_name_that_is_needed_starts_what_is_armed)
{
	struct engine_world *w = with_rules(RULE_EVALUATE);

	ck_assert(!engine_trigger(&w->engine));
	go(w, engine_world_ethernet(1));
	WANTS(w, "armed a");
	ck_assert(engine_trigger(&w->engine));
	WANTS(w, "up a");
	ck_assert(!engine_trigger(&w->engine));
	/* It stays wanted on other networks of the same rule, and on none. */
	go(w, engine_world_ethernet(2));
	WANTS(w, "up a");
	go(w, nothing);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(e3_nothing_starts_that_nobody_needs)
{
	struct engine_world *w = with_rules(RULE_EVALUATE);

	go(w, engine_world_ethernet(1));
	for (int i = 0; i < 3; i++)
		WANTS(w, "armed a");
	ck_assert_int_eq(w->engine.reason, REASON_NONE);
	go(w, nothing);
	WANTS(w, "down");
	engine_world_destroy(w);
}
END_TEST

/* --- OnMetered, Idle. --- */

START_TEST(a_metered_network_holds_a_start_back)
{
	struct engine_world *w = one((struct engine_spec) {
		.rules = _i ? RULE_EVALUATE : RULE_CONNECT,
		.vendor = ", 'OnMetered': 'hold'",
	});
	struct network metered = engine_world_cellular(1), free = metered;

	metered.metered = true;
	go(w, metered);
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_METERED);
	ck_assert(!engine_trigger(&w->engine));
	connect_to(w, 0);
	WANTS(w, "up a");
	engine_auto(&w->engine, 0);
	WANTS(w, "up a");
	go(w, free);
	WANTS(w, "up a");
	/* What is up stays. */
	go(w, metered);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_metered_network_starts_it_by_default)
{
	struct engine_world *w = with_rules(RULE_CONNECT);
	struct network metered = engine_world_cellular(1);

	metered.metered = true;
	go(w, metered);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

static struct engine_world *idling(const char *rules)
{
	return one((struct engine_spec) {
		.rules = rules,
		.payload = ", 'Idle': {'Disconnect': true, 'Timer': 60}",
	});
}

START_TEST(idle_goes_down_and_comes_back_on_need)
{
	struct engine_world *w = idling(_i ? RULE_EVALUATE : RULE_CONNECT);

	go(w, engine_world_ethernet(1));
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

	go(w, engine_world_wifi(1, "Corp"));
	WANTS(w, "up a");
	go(w, engine_world_ethernet(2));
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

	go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	engine_idle(&w->engine);
	WANTS(w, "armed a");
	go(w, nothing);
	WANTS(w, "down");
	go(w, engine_world_ethernet(1));
	WANTS(w, "armed a");
	go(w, engine_world_ethernet(2));
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(idle_is_for_what_the_rules_started)
{
	struct engine_world *w = with_rules(RULE_CONNECT);

	go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	engine_idle(&w->engine); /* it has no Idle */
	WANTS(w, "up a");
	engine_world_destroy(w);

	w = idling(RULE_CONNECT);
	engine_idle(&w->engine);
	go(w, engine_world_ethernet(1));
	connect_to(w, 0);
	WANTS(w, "up a");
	engine_idle(&w->engine); /* the user holds it */
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

/* --- Sleep, logout. --- */

START_TEST(u11_goes_down_asleep_and_starts_only_after_the_wake)
{
	struct engine_world *w = one((struct engine_spec) {
		.rules = RULE_CONNECT,
		.vendor = ", 'DisconnectOnSleep': true",
	});

	go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	engine_sleep(&w->engine);
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.reason, REASON_SLEEP);
	ck_assert(!engine_trigger(&w->engine));
	go(w, engine_world_ethernet(2));
	WANTS(w, "down");
	connect_to(w, 0);
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
	struct engine_world *w = one((struct engine_spec) {
		.off = true,
		.vendor = ", 'DisconnectOnSleep': true",
	});

	go(w, engine_world_ethernet(1));
	connect_to(w, 0);
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
	struct engine_world *w = with_rules(RULE_CONNECT);

	engine_sleep(&w->engine);
	go(w, engine_world_ethernet(1));
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_SLEEP);
	connect_to(w, 0);
	WANTS(w, "down");
	engine_wake(&w->engine, NS_PER_S);
	WANTS(w, "up a");
	engine_sleep(&w->engine);
	WANTS(w, "up a");
	go(w, nothing);
	WANTS(w, "up a");
	engine_wake(&w->engine, NS_PER_S);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_wake_ends_it_after_a_long_sleep)
{
	struct engine_world *w = one((struct engine_spec) {
		.rules = RULE_EVALUATE,
		.vendor = ", 'DisconnectOnWake': true, "
			  "'DisconnectOnWakeTimer': 600",
	});

	go(w, engine_world_ethernet(1));
	WANTS(w, "armed a");
	ck_assert(engine_trigger(&w->engine));
	WANTS(w, "up a");
	engine_sleep(&w->engine);
	WANTS(w, "up a");
	engine_wake(&w->engine, 599ULL * NS_PER_S);
	WANTS(w, "up a");
	engine_sleep(&w->engine);
	WANTS(w, "up a");
	engine_wake(&w->engine, 601ULL * NS_PER_S);
	WANTS(w, "armed a");
	ck_assert_int_eq(w->engine.reason, REASON_SLEEP);
	engine_world_destroy(w);
}
END_TEST

START_TEST(u14_a_user_switch_is_a_logout_when_not_said_otherwise)
{
	struct engine_world *w = one((struct engine_spec) {
		.rules = RULE_CONNECT,
		.vendor = ", 'DisconnectOnLogout': true",
	});

	go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	engine_user_switch(&w->engine);
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.reason, REASON_LOGOUT);
	go(w, engine_world_ethernet(2));
	WANTS(w, "down");
	engine_login(&w->engine);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_logout_ends_it_only_if_the_profile_says_so)
{
	struct engine_world *w = with_rules(RULE_CONNECT);

	go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	engine_logout(&w->engine);
	engine_user_switch(&w->engine);
	WANTS(w, "up a");
	engine_world_destroy(w);

	w = one((struct engine_spec) {
		.rules = RULE_CONNECT,
		.vendor = ", 'DisconnectOnLogout': true, "
			  "'DisconnectOnFastUserSwitch': false",
	});
	go(w, engine_world_ethernet(1));
	connect_to(w, 0);
	WANTS(w, "up a");
	engine_user_switch(&w->engine);
	WANTS(w, "up a");
	engine_logout(&w->engine);
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.entries[0].hold_end, HOLD_END_LOGOUT);
	/* Nobody is logged in, and somebody says so all the same. */
	connect_to(w, 0);
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

	go(w, engine_world_ethernet(1));
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
	struct engine_world *w = with_rules(RULE_CONNECT);
	struct engine_spec spec = { .name = "a", .rules = RULE_IGNORE };

	go(w, engine_world_ethernet(1));
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

	go(w, engine_world_ethernet(1));
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_UNFIT);
	connect_to(w, 0);
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
	struct engine_spec spec = { .name = "a", .rules = RULE_CONNECT };
	struct engine_world *w = engine_world_create(&spec, 1);
	struct engine_profile set = { .name = "a", .profile = w->profiles[0] };

	go(w, engine_world_ethernet(1));
	for (unsigned long n = 1; n <= 2; n++) {
		WANTS(w, "up a");
		allocation_fail_at(n);
		ck_assert_int_eq(engine_set_profiles(&w->engine, &set, 1),
				 -ENOMEM);
		allocation_fail_at(0);
		WANTS(w, "down");
		ck_assert_int_eq(w->engine.reason, REASON_INTERNAL);
		ck_assert_int_eq(engine_set_profiles(&w->engine, &set, 1), 0);
	}
	engine_world_destroy(w);
}
END_TEST

/* --- Big ones. --- */

static char *many_rules(void)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	for (int i = 0; i < MANY; i++) {
		fprintf(to, "{'Action': 'Disconnect', 'DNSDomainMatch': [");
		for (int k = 0; k < MANY_CRITERIA; k++)
			fprintf(to, "%s'n%d.r%d.example.com'", k ? ", " : "", k,
				i);
		fprintf(to, "]},\n");
	}
	fputs(RULE_CONNECT, to);
	fclose(to);
	return text;
}

START_TEST(judges_many_rules_in_no_time)
{
	enum { TIMES = 50 };
	char *rules = many_rules();
	struct engine_world *w = with_rules(rules);
	struct network n = engine_world_ethernet(1);
	uint64_t start_ns, each_ns;

	n.dns.search_count = _i ? DNS_OWNER_DOMAINS_MAX : 2;
	for (size_t i = 0; i < n.dns.search_count; i++)
		snprintf(n.dns.search[i], sizeof(n.dns.search[i]),
			 "s%zu.example.net", i);
	go(w, n);
	start_ns = clock_now_ns();
	for (int i = 0; i < TIMES; i++)
		WANTS(w, "up a");
	each_ns = (clock_now_ns() - start_ns) / TIMES;
	printf("note: %d rules of %d criteria, %zu search domains: %llu us\n",
	       MANY, MANY_CRITERIA, n.dns.search_count,
	       (unsigned long long)each_ns / 1000);
	ck_assert_uint_lt(each_ns, 5ULL * NS_PER_S);
	engine_world_destroy(w);
	free(rules);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine");
	TCase *tc = tcase_create("engine");

	tcase_set_timeout(tc, 60); /* a sanitizer on a busy machine */
	tcase_add_test(tc, r1_connects_where_the_rules_want_it);
	tcase_add_test(tc, r3_keeps_what_is_up_where_no_rule_matches);
	tcase_add_test(tc, r18_judges_no_rule_beneath_another_vpn);
	tcase_add_test(tc, r19_does_and_asks_nothing_without_a_network);
	tcase_add_test(tc, r38_keeps_a_tunnel_while_a_probe_is_not_answered);
	tcase_add_test(tc, r39_drops_an_answer_of_another_network);
	tcase_add_test(tc, asks_again_when_the_network_looks_another);
	tcase_add_test(tc, r43_ignore_keeps_and_starts_nothing);
	tcase_add_test(tc, r44_disconnect_takes_down_and_nothing_starts_it);
	tcase_add_test(tc, r45_rules_that_are_off_end_nothing);
	tcase_add_test(tc, r46_evaluate_keeps_what_is_up);
	tcase_add_test(tc, r47_judges_again_when_the_dns_servers_change);
	tcase_add_test(tc, e2_a_name_that_is_needed_starts_what_is_armed);
	tcase_add_test(tc, e3_nothing_starts_that_nobody_needs);
	tcase_add_loop_test(tc, a_metered_network_holds_a_start_back, 0, 2);
	tcase_add_test(tc, a_metered_network_starts_it_by_default);
	tcase_add_loop_test(tc, idle_goes_down_and_comes_back_on_need, 0, 2);
	tcase_add_test(tc, idle_is_put_down_to_itself_where_a_rule_ignores);
	tcase_add_test(tc, another_network_ends_an_idle_rest);
	tcase_add_test(tc, idle_is_for_what_the_rules_started);
	tcase_add_test(tc, u11_goes_down_asleep_and_starts_only_after_the_wake);
	tcase_add_test(tc, u13_stays_down_after_a_sleep_without_rules);
	tcase_add_test(tc, nothing_starts_asleep_and_what_is_up_stays);
	tcase_add_test(tc, a_wake_ends_it_after_a_long_sleep);
	tcase_add_test(tc,
		       u14_a_user_switch_is_a_logout_when_not_said_otherwise);
	tcase_add_test(tc, a_logout_ends_it_only_if_the_profile_says_so);
	tcase_add_test(tc, a_profile_that_is_gone_is_wanted_no_more);
	tcase_add_test(tc, another_content_is_judged_at_once);
	tcase_add_test(tc, an_unfit_profile_does_not_start_and_may_stay_up);
	tcase_add_test(tc, says_when_memory_runs_out);
	tcase_add_loop_test(tc, judges_many_rules_in_no_time, 0, 2);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
