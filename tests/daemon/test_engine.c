/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the rules want, and what becomes of it: rows R and E of profile.md. */
#include "tunnel/daemon/engine.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lib/engine_world.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/clock.h"

enum {
	MANY = 200,
	MANY_CRITERIA = 100, /* of each of so many rules */
};

static const struct network nothing;

static enum engine_cause cause(const struct engine_world *w)
{
	return w->engine.entries[0].cause;
}

/* --- Rules. --- */

START_TEST(r1_connects_where_the_rules_want_it)
{
	struct engine_world *w = engine_world_with_rules(
		"{'Action': 'Connect', 'InterfaceTypeMatch': "
		"'WiFi'}," RULE_DISCONNECT);

	WANTS(w, "down");
	engine_world_go(w, engine_world_wifi(1, "Corp"));
	WANTS(w, "up a");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_RULE);
	engine_world_go(w, engine_world_ethernet(2));
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.reason, REASON_RULE);
	engine_world_destroy(w);
}
END_TEST

START_TEST(r3_keeps_what_is_up_where_no_rule_matches)
{
	struct engine_world *w = engine_world_with_rules(
		"{'Action': 'Connect', 'InterfaceTypeMatch': 'WiFi'}");

	engine_world_go(w, engine_world_wifi(1, "Corp"));
	WANTS(w, "up a");
	engine_world_go(w, engine_world_ethernet(2));
	WANTS(w, "up a");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_KEPT);
	ck_assert(!engine_trigger(&w->engine));
	engine_world_destroy(w);

	w = engine_world_with_rules(
		"{'Action': 'Connect', 'InterfaceTypeMatch': 'WiFi'}");
	engine_world_go(w, engine_world_ethernet(2));
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_NO_RULE);
	engine_world_destroy(w);
}
END_TEST

START_TEST(r18_judges_no_rule_beneath_another_vpn)
{
	struct engine_world *w = engine_world_with_rules(RULE_CONNECT);

	engine_world_go(w, engine_world_vpn());
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_OTHER_VPN);
	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	engine_world_go(w, engine_world_vpn());
	WANTS(w, "up a");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_KEPT);
	engine_world_destroy(w);
}
END_TEST

START_TEST(r19_does_and_asks_nothing_without_a_network)
{
	struct engine_world *w =
		engine_world_with_rules(RULE_PROBE "," RULE_CONNECT);
	uint64_t generation;
	const char *url;

	engine_world_go(w, nothing);
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
	struct engine_world *w =
		engine_world_with_rules(RULE_PROBE "," RULE_DISCONNECT);
	uint64_t generation;
	const char *url;

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_PENDING);
	ck_assert(!engine_trigger(&w->engine));
	ck_assert(engine_probe(&w->engine, 0, &url, &generation));
	ck_assert_str_eq(url, ENGINE_WORLD_URL);
	ck_assert(answer(w, generation, 200));
	WANTS(w, "up a");
	ck_assert(!engine_probe(&w->engine, 0, &url, &generation));
	engine_world_go(w, engine_world_ethernet(2));
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
	struct engine_world *w = engine_world_with_rules(RULE_PROBE);
	uint64_t late, generation;
	const char *url;

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "down");
	ck_assert(engine_probe(&w->engine, 0, &url, &late));
	engine_world_go(w, engine_world_ethernet(2));
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
	struct engine_world *w = engine_world_with_rules(RULE_PROBE);
	struct network n = engine_world_ethernet(1);
	uint64_t first, again;
	const char *url;

	engine_world_go(w, n);
	WANTS(w, "down");
	ck_assert(engine_probe(&w->engine, 0, &url, &first));
	/* A link address that becomes known is no other network. */
	n.identity.ipv4.has_link_address = true;
	engine_world_go(w, n);
	WANTS(w, "down");
	ck_assert(engine_probe(&w->engine, 0, &url, &again));
	ck_assert_uint_eq(first, again);
	n.dns.servers[0].at.addr.bytes[3] = 54;
	engine_world_go(w, n);
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

/* 'key ok' is of this access point: the next may be anybody's. Roaming asks
 * anew, and changes nothing until that is answered. */
static void roam(struct network *n, int how)
{
	if (how == 0)
		n->bssid[5]++;
	else if (how == 1)
		n->security = n->security == NETWORK_SECURITY_OPEN
				      ? NETWORK_SECURITY_PERSONAL
				      : NETWORK_SECURITY_OPEN;
	else
		n->identity.ipv4.link_address[5]++;
}

START_TEST(roaming_asks_a_trusted_host_for_its_key_again)
{
	struct engine_world *w = engine_world_one((struct engine_spec) {
		.rules = "{'Action': 'Disconnect', 'SSIDMatch': "
			 "['Corp']}," RULE_CONNECT,
		.vendor = ", 'TrustedProbe': {'Host': 'in.corp.example', "
			  "'PublicKeySHA256': ['AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			  "AAAAAAAAAAAAA=']}",
	});
	struct ondemand_answer a = { .probe = ONDEMAND_PROBE_KEY_OK };
	struct network n = engine_world_wifi(1, "Corp");
	uint64_t generation, again;
	const char *url;

	n.has_bssid = true;
	n.security = NETWORK_SECURITY_ENTERPRISE;
	n.identity.ipv4.has_link_address = true;
	engine_world_go(w, n);
	engine_world_look(w);
	ck_assert(engine_probe(&w->engine, 0, &url, &generation));
	ck_assert(engine_answer(&w->engine, 0, generation, NULL, a));
	WANTS(w, "down");
	ck_assert(!engine_probe(&w->engine, 0, &url, &again));
	/* For a moment its link address is not known. */
	n.identity.ipv4.has_link_address = false;
	engine_world_go(w, n);
	WANTS(w, "down");
	ck_assert(!engine_probe(&w->engine, 0, &url, &again));
	n.identity.ipv4.has_link_address = true;
	roam(&n, _i);
	engine_world_go(w, n);
	WANTS(w, "down");
	ck_assert(!engine_answer(&w->engine, 0, generation, NULL, a));
	ck_assert(engine_probe(&w->engine, 0, &url, &generation));
	a.probe = ONDEMAND_PROBE_KEY_WRONG;
	ck_assert(engine_answer(&w->engine, 0, generation, NULL, a));
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(roaming_leaves_what_is_up_armed_or_held)
{
	struct engine_world *w = engine_world_with_rules(
		"{'Action': 'Disconnect', 'URLStringProbe': '" ENGINE_WORLD_URL
		"'}," RULE_EVALUATE);
	struct network n = engine_world_wifi(1, "Corp");
	uint64_t generation;
	const char *url;

	n.has_bssid = n.identity.ipv4.has_link_address = true;
	engine_world_go(w, n);
	WANTS(w, "down");
	ck_assert(engine_probe(&w->engine, 0, &url, &generation));
	ck_assert(answer(w, generation, 404));
	WANTS(w, "armed a");
	for (int i = 0; i < 4; i++) {
		roam(&n, _i);
		engine_world_go(w, n);
		WANTS(w, i < 2 ? "armed a" : "up a");
		WANTS(w, i < 2 ? "armed a" : "up a");
		if (i == 1)
			ck_assert(engine_trigger(&w->engine));
	}
	WANTS(w, "up a");
	ck_assert(engine_disconnect(&w->engine, 0,
				    &(struct engine_order) { 0 }) == 0);
	roam(&n, _i);
	engine_world_go(w, n);
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.entries[0].hold.state, HOLD_DOWN);
	engine_world_destroy(w);
}
END_TEST

/* U8: a cable out and in again, a second family, a link address. */
START_TEST(says_when_this_is_another_network)
{
	struct engine_world *w = engine_world_with_rules(RULE_CONNECT);
	struct network none = { 0 }, one = engine_world_ethernet(1);
	struct network other = engine_world_ethernet(2);

	ck_assert(!engine_network(&w->engine, &one));
	ck_assert(!engine_network(&w->engine, &none));
	ck_assert(!engine_network(&w->engine, &one));
	one.identity.ipv4.has_link_address = true;
	ck_assert(!engine_network(&w->engine, &one));
	one.dns.servers[0].at.addr.bytes[3]++;
	ck_assert(!engine_network(&w->engine, &one));
	ck_assert(engine_network(&w->engine, &other));
	ck_assert(!engine_network(&w->engine, &none));
	ck_assert(engine_network(&w->engine, &one));
	engine_world_destroy(w);
}
END_TEST

START_TEST(r43_ignore_keeps_and_starts_nothing)
{
	struct engine_world *w = engine_world_with_rules(RULE_IGNORE);

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "down");
	ck_assert(!engine_trigger(&w->engine));
	engine_world_connect(w, 0);
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
		engine_world_with_rules("{'Action': 'Disconnect', 'SSIDMatch': "
					"['Home']}," RULE_CONNECT);

	engine_world_go(w, engine_world_wifi(1, "CafeNet"));
	WANTS(w, "up a");
	engine_world_go(w, engine_world_wifi(2, "Home"));
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.reason, REASON_RULE);
	ck_assert(!engine_trigger(&w->engine));
	WANTS(w, "down");
	engine_world_destroy(w);
}
END_TEST

START_TEST(r45_rules_that_are_off_end_nothing)
{
	struct engine_world *w = engine_world_one(
		(struct engine_spec) { .rules = RULE_DISCONNECT, .off = true });

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_NEVER);
	engine_world_connect(w, 0);
	WANTS(w, "up a");
	/* Nor does another network: there is nobody else to decide. */
	engine_world_go(w, engine_world_ethernet(2));
	WANTS(w, "up a");
	ck_assert_int_eq(w->engine.entries[0].hold.state, HOLD_UP);
	engine_auto(&w->engine, 0);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(r46_evaluate_keeps_what_is_up)
{
	struct engine_world *w = engine_world_with_rules(
		"{'Action': 'Connect', 'InterfaceTypeMatch': "
		"'WiFi'}," RULE_EVALUATE);

	engine_world_go(w, engine_world_wifi(1, "Corp"));
	WANTS(w, "up a");
	engine_world_go(w, engine_world_ethernet(2));
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(r47_judges_again_when_the_dns_servers_change)
{
	struct engine_world *w = engine_world_with_rules(
		"{'Action': 'Disconnect', 'DNSServerAddressMatch': "
		"['10.1.0.53']}," RULE_CONNECT);
	struct network n = engine_world_ethernet(1);

	engine_world_go(w, n);
	WANTS(w, "down");
	n.dns.servers[0].at.addr.bytes[3] = 99;
	engine_world_go(w, n);
	WANTS(w, "up a");
	n.dns.search_count = 1;
	strcpy(n.dns.search[0], "corp.example.com");
	engine_world_go(w, n);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

/* --- EvaluateConnection. --- */

START_TEST(e2_a_name_that_is_needed_starts_what_is_armed)
{
	struct engine_world *w = engine_world_with_rules(RULE_EVALUATE);

	ck_assert(!engine_trigger(&w->engine));
	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "armed a");
	ck_assert(engine_trigger(&w->engine));
	WANTS(w, "up a");
	ck_assert(!engine_trigger(&w->engine));
	/* It stays wanted on other networks of the same rule, and on none. */
	engine_world_go(w, engine_world_ethernet(2));
	WANTS(w, "up a");
	engine_world_go(w, nothing);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(e3_nothing_starts_that_nobody_needs)
{
	struct engine_world *w = engine_world_with_rules(RULE_EVALUATE);

	engine_world_go(w, engine_world_ethernet(1));
	for (int i = 0; i < 3; i++)
		WANTS(w, "armed a");
	ck_assert_int_eq(w->engine.reason, REASON_NONE);
	engine_world_go(w, nothing);
	WANTS(w, "down");
	engine_world_destroy(w);
}
END_TEST

/* --- OnMetered. --- */

START_TEST(a_metered_network_holds_a_start_back)
{
	struct engine_world *w = engine_world_one((struct engine_spec) {
		.rules = _i ? RULE_EVALUATE : RULE_CONNECT,
		.vendor = ", 'OnMetered': 'hold'",
	});
	struct network metered = engine_world_cellular(1), free = metered;

	metered.metered = true;
	engine_world_go(w, metered);
	WANTS(w, "down");
	ck_assert_int_eq(cause(w), ENGINE_CAUSE_METERED);
	ck_assert(!engine_trigger(&w->engine));
	engine_world_connect(w, 0);
	WANTS(w, "up a");
	engine_auto(&w->engine, 0);
	WANTS(w, "up a");
	engine_world_go(w, free);
	WANTS(w, "up a");
	/* What is up stays. */
	engine_world_go(w, metered);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_metered_network_starts_it_by_default)
{
	struct engine_world *w = engine_world_with_rules(RULE_CONNECT);
	struct network metered = engine_world_cellular(1);

	metered.metered = true;
	engine_world_go(w, metered);
	WANTS(w, "up a");
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

static const struct {
	const char *what;
	size_t count;
	bool alike; /* the rules' own */
} searched[] = {
	{ "2 search domains", 2, false },
	{ "32 search domains", DNS_OWNER_DOMAINS_MAX, false },
	{ "32 that are nearly the rules'", DNS_OWNER_DOMAINS_MAX, true },
};

/* By the time of the processor: others have it for seconds. */
START_TEST(judges_many_rules_in_no_time)
{
	enum { TIMES = 50 };
	char *rules = many_rules();
	struct engine_world *w = engine_world_with_rules(rules);
	struct network n = engine_world_ethernet(1);
	clock_t start, used;

	n.dns.search_count = searched[_i].count;
	for (size_t i = 0; i < n.dns.search_count; i++)
		snprintf(n.dns.search[i], sizeof(n.dns.search[i]),
			 searched[_i].alike ? "n%zu.r777.example.com"
					    : "s%zu.example.net",
			 i);
	engine_world_go(w, n);
	start = clock();
	for (int i = 0; i < TIMES; i++)
		WANTS(w, "up a");
	used = clock() - start;
	printf("note: %d rules of %d criteria, %s: %lld us\n", MANY,
	       MANY_CRITERIA, searched[_i].what,
	       (long long)used * 1000000 / CLOCKS_PER_SEC / TIMES);
	ck_assert_int_lt(used / TIMES, 5 * CLOCKS_PER_SEC);
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
	tcase_add_loop_test(tc, roaming_asks_a_trusted_host_for_its_key_again,
			    0, 3);
	tcase_add_loop_test(tc, roaming_leaves_what_is_up_armed_or_held, 0, 3);
	tcase_add_test(tc, says_when_this_is_another_network);
	tcase_add_test(tc, r43_ignore_keeps_and_starts_nothing);
	tcase_add_test(tc, r44_disconnect_takes_down_and_nothing_starts_it);
	tcase_add_test(tc, r45_rules_that_are_off_end_nothing);
	tcase_add_test(tc, r46_evaluate_keeps_what_is_up);
	tcase_add_test(tc, r47_judges_again_when_the_dns_servers_change);
	tcase_add_test(tc, e2_a_name_that_is_needed_starts_what_is_armed);
	tcase_add_test(tc, e3_nothing_starts_that_nobody_needs);
	tcase_add_loop_test(tc, a_metered_network_holds_a_start_back, 0, 2);
	tcase_add_test(tc, a_metered_network_starts_it_by_default);
	tcase_add_loop_test(tc, judges_many_rules_in_no_time, 0,
			    (int)ARRAY_SIZE(searched));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
