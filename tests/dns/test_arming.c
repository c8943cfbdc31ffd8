/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EvaluateConnection through the real forwarder, by the name of the row in the
 * profile's contract. */
#include "dns/arming.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/arming_world.h"
#include "tests/lib/suite.h"
#include "tunnel/base/clock.h"

/* `says` is what who is asked first says: the uplink's servers, or the required
 * ones; `probe` is the status of the URL, 0: no answer yet. */
static const struct row {
	const char *name, *parameters, *host;
	enum says says;
	unsigned int probe;
	bool start;
	enum ondemand_why why;
} rows[] = {
	{ "E1", NED, "my.example.com", NAME_ERROR, 0, false,
	  ONDEMAND_WHY_NEVER },
	{ "E1", NED, "a.my.example.com", SILENCE, 0, false,
	  ONDEMAND_WHY_NEVER },
	{ "E1, order", NEEDED("'example.com'") "," NEVER("'my.example.com'"),
	  "my.example.com", NAME_ERROR, 0, true, ONDEMAND_WHY_NXDOMAIN },
	{ "E2", NED, "www.example.com", NAME_ERROR, 0, true,
	  ONDEMAND_WHY_NXDOMAIN },
	{ "E3", NED, "www.example.com", ADDRESS, 0, false, ONDEMAND_WHY_WORKS },
	{ "E3, another type", NED, "www.example.com", NO_RECORD, 0, false,
	  ONDEMAND_WHY_WORKS },
	{ "redirected", NED, "www.example.com", LIE, 0, true,
	  ONDEMAND_WHY_REDIRECTED },
	{ "no domain", NED, "www.example.org", NAME_ERROR, 0, false,
	  ONDEMAND_WHY_NO_DOMAIN },
	{ "no domain, redirected", NED, "www.example.org", LIE, 0, false,
	  ONDEMAND_WHY_NO_DOMAIN },
	{ "D3", NED, "www.anotherexample.com", NAME_ERROR, 0, false,
	  ONDEMAND_WHY_NO_DOMAIN },
	{ "D3, case", NED, "WWW.Example.COM", NAME_ERROR, 0, true,
	  ONDEMAND_WHY_NXDOMAIN },
	{ "D3, *.", NEEDED("'*.Example.com.'"), "example.com", NAME_ERROR, 0,
	  true, ONDEMAND_WHY_NXDOMAIN },
	{ "E5", NED, "example.com", NAME_ERROR, 0, true,
	  ONDEMAND_WHY_NXDOMAIN },
	{ "E7", EVERY, "a.example.org", NAME_ERROR, 0, true,
	  ONDEMAND_WHY_NXDOMAIN },
	{ "E7", EVERY, "a.example.org", ADDRESS, 0, false, ONDEMAND_WHY_WORKS },
	{ "E8", NED, "www.example.com.", NAME_ERROR, 0, true,
	  ONDEMAND_WHY_NXDOMAIN },
	{ "E8", NED, "my.example.com.", NAME_ERROR, 0, false,
	  ONDEMAND_WHY_NEVER },
	{ "E10", NED, "www.example.com", SILENCE, 0, true,
	  ONDEMAND_WHY_TIMEOUT },
	{ "E10, no route", NED, "www.example.com", NO_ROUTE, 0, true,
	  ONDEMAND_WHY_TIMEOUT },
	{ "E10, SERVFAIL", NED, "www.example.com", SERVER_FAILURE, 0, true,
	  ONDEMAND_WHY_TIMEOUT },
	{ "E12", NEEDED_WITH("'*'", SERVERS), "a.example.org", NO_ROUTE, 0,
	  true, ONDEMAND_WHY_SERVERS },
	{ "E12, silent", NEEDED_WITH("'*'", SERVERS), "a.example.org", SILENCE,
	  0, true, ONDEMAND_WHY_SERVERS },
	{ "E13", NEEDED_WITH("'*'", SERVERS), "a.example.org", NAME_ERROR, 0,
	  true, ONDEMAND_WHY_SERVERS },
	{ "E13, any failure", NEEDED_WITH("'*'", SERVERS), "a.example.org",
	  SERVER_FAILURE, 0, true, ONDEMAND_WHY_SERVERS },
	{ "E14", NEEDED_WITH("'*'", SERVERS), "a.example.org", ADDRESS, 0,
	  false, ONDEMAND_WHY_WORKS },
	{ "E15", NEEDED_WITH("'*'", PROBE), "a.example.org", ADDRESS, 200,
	  false, ONDEMAND_WHY_WORKS },
	{ "E15, unresolved", NEEDED_WITH("'*'", PROBE), "a.example.org",
	  NAME_ERROR, 200, true, ONDEMAND_WHY_NXDOMAIN },
	{ "E15, 302", NEEDED_WITH("'*'", PROBE), "a.example.org", NOT_ASKED,
	  302, true, ONDEMAND_WHY_URL },
	{ "E17", NEEDED_WITH("'*'", PROBE), "a.example.org", NOT_ASKED, 0, true,
	  ONDEMAND_WHY_URL },
	{ "both", NEEDED_WITH("'*'", SERVERS "," PROBE), "a.example.org",
	  ADDRESS, 200, false, ONDEMAND_WHY_WORKS },
	{ "both", NEEDED_WITH("'*'", SERVERS "," PROBE), "a.example.org",
	  NAME_ERROR, 200, true, ONDEMAND_WHY_SERVERS },
	{ "E18",
	  "{'DomainAction': 'NeverConnect', 'Domains': ['*'], " SERVERS "}",
	  "a.example.org", NO_ROUTE, 0, false, ONDEMAND_WHY_NEVER },
	{ "E19", EVERY, "10.1.2.3", NAME_ERROR, 0, false,
	  ONDEMAND_WHY_ADDRESS },
	{ "E20", NEEDED("'example.com'"), "vpn.example.com", NAME_ERROR, 0,
	  false, ONDEMAND_WHY_OWN_NAME },
	{ "E20", EVERY, "VPN.Example.com.", SILENCE, 0, false,
	  ONDEMAND_WHY_OWN_NAME },
	{ "E20, another gateway", EVERY, "vpn2.example.net", NAME_ERROR, 0,
	  false, ONDEMAND_WHY_OWN_NAME },
	{ "E20, ServerName", EVERY, "cert.example.net", NAME_ERROR, 0, false,
	  ONDEMAND_WHY_OWN_NAME },
	{ "E20, TrustedProbe", EVERY, "trust.example", NAME_ERROR, 0, false,
	  ONDEMAND_WHY_OWN_NAME },
	{ "E20, below it", EVERY, "a.vpn.example.com", NAME_ERROR, 0, true,
	  ONDEMAND_WHY_NXDOMAIN },
};

/* Both halves, this and `adit explain network`, say the same. */
static void agrees(const struct row *row)
{
	static const enum ondemand_lookup lookups[] = {
		[NOT_ASKED] = ONDEMAND_LOOKUP_OK,
		[ADDRESS] = ONDEMAND_LOOKUP_OK,
		[NO_RECORD] = ONDEMAND_LOOKUP_OK,
		[NAME_ERROR] = ONDEMAND_LOOKUP_NXDOMAIN,
		[SERVER_FAILURE] = ONDEMAND_LOOKUP_UNREACHABLE,
		[SILENCE] = ONDEMAND_LOOKUP_TIMEOUT,
		[NO_ROUTE] = ONDEMAND_LOOKUP_UNREACHABLE,
		[LIE] = ONDEMAND_LOOKUP_REDIRECTED,
	};
	const struct ondemand_attempt a = {
		.host = row->host,
		.resolves = lookups[row->says],
		.required_dns = lookups[row->says],
		.required_url = { row->probe ? ONDEMAND_PROBE_STATUS
					     : ONDEMAND_PROBE_UNKNOWN,
				  row->probe },
	};
	struct ondemand_connection c =
		ondemand_connect(arming_world.rules->profile,
				 &arming_world.rules->profile->rules[0], &a);

	ck_assert_msg(c.start == row->start && c.why == row->why, "%s: %s: %s",
		      row->name, row->host, ondemand_why_text(c.why));
}

START_TEST(each_row_of_evaluate_connection)
{
	const uint8_t lie[] = { 192, 0, 2, REDIRECT };
	const struct row *row = &rows[_i];
	const struct ondemand_answer probe = { ONDEMAND_PROBE_STATUS,
					       row->probe };
	bool required = strstr(row->parameters, "RequiredDNS") != NULL;
	struct forwarder_client c;

	arming_rule(row->parameters);
	ck_assert_ptr_nonnull(arming_world.rules->profile);
	agrees(row);
	arming_enter(DNS_MODE_ARMED, false, 1);
	ck_assert_uint_eq(arming_randoms(), required ? 0 : 2);
	arming_random_is(row->says == LIE ? DNS_RCODE_NOERROR
					  : DNS_RCODE_NXDOMAIN,
			 row->says == LIE ? lie : NULL);
	if (row->probe != 0)
		ck_assert(dns_forwarder_probe_answered(forwarder_world.f, 1,
						       URL, probe));
	forwarder_ask(&c, row->host);
	ck_assert_uint_eq(forwarder_world.asked_count, row->says != NOT_ASKED);
	if (row->says != NOT_ASKED) {
		ck_assert_int_eq(forwarder_world.asked[0].route,
				 DNS_ROUTE_UPLINK);
		ck_assert_msg(
			(forwarder_world.asked[0].need != NULL) ==
				(required && row->why != ONDEMAND_WHY_NEVER),
			"%s", row->name);
	}
	arming_answer(0, row->says);
	ck_assert_msg(forwarder_world.triggers == row->start, "%s: %s",
		      row->name, row->host);
	if (row->start) {
		ck_assert_int_eq(forwarder_world.why, row->why);
		arming_held_until_up(&c);
	} else {
		ck_assert_uint_eq(c.answers, 1);
	}
}
END_TEST

START_TEST(without_parameters_the_profile_is_refused_E22)
{
	arming_world.rules =
		rules_create("{'Action': 'EvaluateConnection'}", "", true);
	ck_assert_ptr_null(arming_world.rules->profile);
	rules_destroy(arming_world.rules);
	arming_world.rules = NULL;
	arming_rule("");
	ck_assert_ptr_null(arming_world.rules->profile);
}
END_TEST

START_TEST(a_name_in_a_match_domain_is_never_tried_outside)
{
	struct forwarder_client c;

	/* Though a ConnectIfNeeded domain has it, too. */
	arming_arm(NEEDED("'corp.example', '*'"));
	forwarder_ask(&c, "a.corp.example");
	ck_assert_uint_eq(forwarder_world.triggers, 1);
	ck_assert_int_eq(forwarder_world.why, ONDEMAND_WHY_MATCH);
	arming_held_until_up(&c);
}
END_TEST

START_TEST(never_connect_exempts_inside_a_match_domain)
{
	static const struct {
		enum dns_mode mode;
		bool hold;
		enum dns_route route;
	} modes[] = {
		{ DNS_MODE_ARMED, false, DNS_ROUTE_UPLINK },
		{ DNS_MODE_WAITING, true, DNS_ROUTE_UPLINK },
		{ DNS_MODE_WAITING, false, DNS_ROUTE_UPLINK },
		{ DNS_MODE_UP, false, DNS_ROUTE_TUNNEL },
	};
	struct forwarder_client c;

	arming_arm(NEVER("'www.corp.example'") "," NEEDED("'*'"));
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		arming_enter(modes[i].mode, modes[i].hold, 1);
		forwarder_ask(&c, "www.corp.example");
		ck_assert_uint_eq(forwarder_world.asked_count, 1);
		ck_assert_int_eq(forwarder_world.asked[0].route,
				 modes[i].route);
		/* Not even when it fails. */
		forwarder_side_says(0, DNS_RCODE_NXDOMAIN, NULL, 0);
		ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_NXDOMAIN);
	}
	ck_assert_uint_eq(forwarder_world.triggers, 0);
}
END_TEST

START_TEST(the_gateways_name_is_the_uplinks_in_a_match_domain)
{
	struct forwarder_client c;

	/* The gateway is vpn.example.com. */
	arming_arm(EVERY);
	for (int mode = DNS_MODE_ARMED; mode <= DNS_MODE_UP; mode++) {
		arming_enter((enum dns_mode)mode, true, 1);
		forwarder_ask(&c, "vpn.example.com");
		ck_assert_int_eq(forwarder_world.asked[0].route,
				 DNS_ROUTE_UPLINK);
		forwarder_side_fails(0, DNS_ASK_TIMED_OUT);
		ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_SERVFAIL);
	}
	ck_assert_uint_eq(forwarder_world.triggers, 0);
}
END_TEST

START_TEST(names_of_addresses_start_nothing_E19)
{
	static const char *const names[] = {
		"3.2.1.10.in-addr.arpa",
		"1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
		"_dns.resolver.arpa",
	};
	const struct ip_prefix ours = { { AF_INET, { 10 } }, 8 };
	struct dns_forwarder_state state = { .mode = DNS_MODE_ARMED };
	struct dns_policy policy;
	struct forwarder_client c;

	arming_arm(EVERY);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		forwarder_ask_type(&c, names[i], DNS_TYPE_PTR);
		forwarder_side_says(0, DNS_RCODE_NXDOMAIN, NULL, 0);
		ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_NXDOMAIN);
	}
	/* Though the address is of the tunnel's networks. */
	dns_policy_init(&policy);
	ck_assert_int_eq(dns_policy_add_reverse(&policy, &ours, 0), 0);
	dns_forwarder_set(forwarder_world.f, &state, &policy,
			  forwarder_world.now_ns);
	dns_policy_fini(&policy);
	forwarder_ask_type(&c, names[0], DNS_TYPE_PTR);
	ck_assert_int_eq(forwarder_world.asked[0].route, DNS_ROUTE_UPLINK);
	forwarder_side_says(0, DNS_RCODE_NXDOMAIN, NULL, 0);
	ck_assert_uint_eq(forwarder_world.triggers, 0);
	forwarder_enter(DNS_MODE_UP, false);
	forwarder_ask_type(&c, names[0], DNS_TYPE_PTR);
	ck_assert_int_eq(forwarder_world.asked[0].route, DNS_ROUTE_TUNNEL);
}
END_TEST

START_TEST(a_label_that_nothing_completes_starts_it_by_a_star_alone)
{
	struct forwarder_client c;

	arming_arm(NED);
	forwarder_ask(&c, "wiki");
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_NXDOMAIN);
	ck_assert_uint_eq(forwarder_world.triggers, 0);
	arming_arm(EVERY);
	forwarder_ask(&c, "wiki");
	ck_assert_uint_eq(forwarder_world.triggers, 1);
	ck_assert_int_eq(forwarder_world.why, ONDEMAND_WHY_NXDOMAIN);
	ck_assert_uint_eq(c.answers, 0);
	arming_come_up();
	/* The tunnel brought no search domain. */
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_NXDOMAIN);
}
END_TEST

START_TEST(other_names_go_on_while_one_is_held)
{
	struct forwarder_client held, c;
	char name[32];

	arming_arm(NEEDED("'example.com'"));
	forwarder_ask(&held, "www.example.com");
	arming_answer(0, NAME_ERROR);
	ck_assert_uint_eq(forwarder_world.triggers, 1);
	for (int i = 0; i < 1000; i++) {
		if (i == 500)
			arming_enter(DNS_MODE_WAITING, true, 1);
		snprintf(name, sizeof(name), "h%d.example.org", i);
		forwarder_ask(&c, name);
		ck_assert_int_eq(forwarder_world.asked[0].route,
				 DNS_ROUTE_UPLINK);
		forwarder_side_answers(0);
		ck_assert_int_eq(forwarder_look(&c).address, OUTER);
	}
	arming_held_until_up(&held);
	printf("note: 1000 other names answered while one was held\n");
}
END_TEST

START_TEST(holds_are_bounded_in_number_and_time)
{
	static struct forwarder_client c[DNS_HELD_MAX + 10];
	struct dns_forwarder_stats stats;
	char name[32];

	arming_arm(NEEDED("'example.com'"));
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		snprintf(name, sizeof(name), "h%zu.example.com", i);
		forwarder_ask(&c[i], name);
		arming_answer(0, NAME_ERROR);
		ck_assert_uint_eq(c[i].answers, i >= DNS_HELD_MAX);
	}
	ck_assert_int_eq(forwarder_rcode(&c[DNS_HELD_MAX]), DNS_RCODE_SERVFAIL);
	ck_assert_int_eq(forwarder_look(&c[DNS_HELD_MAX]).error,
			 DNS_ERROR_NOT_READY);
	arming_enter(DNS_MODE_WAITING, true, 1);
	ck_assert_uint_eq(dns_forwarder_deadline(forwarder_world.f),
			  forwarder_world.now_ns +
				  (uint64_t)DNS_HOLD_MS * NS_PER_MS);
	forwarder_world.now_ns = dns_forwarder_deadline(forwarder_world.f);
	dns_forwarder_timeout(forwarder_world.f, forwarder_world.now_ns);
	for (size_t i = 0; i < DNS_HELD_MAX; i++) {
		ck_assert_int_eq(forwarder_rcode(&c[i]), DNS_RCODE_SERVFAIL);
		ck_assert_int_eq(forwarder_look(&c[i]).error,
				 DNS_ERROR_NOT_READY);
		ck_assert_ptr_nonnull(
			memmem(c[i].bytes, c[i].len, "does not answer", 15));
	}
	dns_forwarder_stats(forwarder_world.f, &stats);
	ck_assert_uint_eq(stats.judged, ARRAY_SIZE(c));
	ck_assert_uint_eq(stats.triggers[ONDEMAND_WHY_NXDOMAIN], ARRAY_SIZE(c));
	ck_assert_uint_eq(stats.under_way, 0);
	printf("note: %d names held, 10 refused, all failed in time\n",
	       DNS_HELD_MAX);
}
END_TEST

START_TEST(what_is_held_is_judged_anew_on_another_network)
{
	struct forwarder_client c, match;

	arming_arm(NEEDED("'example.com'"));
	forwarder_ask(&c, "www.example.com");
	arming_answer(0, NAME_ERROR);
	forwarder_ask(&match, "a.corp.example");
	/* The same network, once more. */
	arming_enter(DNS_MODE_ARMED, false, 1);
	ck_assert_uint_eq(forwarder_world.asked_count, 0);
	ck_assert_uint_eq(c.answers, 0);
	ck_assert_uint_eq(forwarder_world.triggers, 2);
	/* Another one, where the name works. */
	arming_enter(DNS_MODE_ARMED, false, 2);
	ck_assert_uint_eq(forwarder_world.triggers, 3); /* a.corp.example */
	arming_random_is(DNS_RCODE_NXDOMAIN, NULL);
	ck_assert_uint_eq(forwarder_world.asked_count, 1);
	forwarder_side_answers(0);
	ck_assert_int_eq(forwarder_look(&c).address, OUTER);
	ck_assert_uint_eq(match.answers, 0);
	/* The rules say Disconnect here. */
	forwarder_enter(DNS_MODE_OFF, false);
	ck_assert_int_eq(forwarder_world.asked[0].route, DNS_ROUTE_UPLINK);
	forwarder_side_answers(0);
	ck_assert_int_eq(forwarder_look(&match).address, OUTER);
}
END_TEST

START_TEST(an_answer_may_be_an_edge_for_all_who_wait_for_it)
{
	static struct forwarder_client c[20];

	arming_arm(NEEDED("'example.com'"));
	forwarder_world.on_trigger = arming_come_up;
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		forwarder_ask(&c[i], "www.example.com");
	ck_assert_uint_eq(forwarder_world.asked_count, 1);
	arming_answer(0, NAME_ERROR);
	ck_assert_uint_eq(forwarder_world.triggers, 1);
	ck_assert_uint_eq(forwarder_world.asked_count, 1);
	ck_assert_int_eq(forwarder_world.asked[0].route, DNS_ROUTE_TUNNEL);
	forwarder_side_answers(0);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		ck_assert_int_eq(forwarder_look(&c[i]).address, INNER);
}
END_TEST

START_TEST(only_failures_about_the_name_start_it)
{
	struct forwarder_client c;

	arming_arm(NEEDED("'example.com'"));
	/* A router that drops or refuses what it does not know. */
	forwarder_ask_type(&c, "www.example.com", DNS_TYPE_HTTPS);
	arming_answer(0, SILENCE);
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_SERVFAIL);
	forwarder_ask_type(&c, "www.example.com", DNS_TYPE_HTTPS);
	forwarder_side_says(0, DNS_RCODE_REFUSED, NULL, 0);
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_REFUSED);
	forwarder_ask_type(&c, "www.example.com", DNS_TYPE_AAAA);
	arming_answer(0, NO_RECORD);
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_NOERROR);
	/* We are full, not the network broken. */
	forwarder_ask(&c, "www.example.com");
	forwarder_side_fails(0, DNS_ASK_NO_MEMORY);
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_SERVFAIL);
	ck_assert_uint_eq(forwarder_world.triggers, 0);
	forwarder_ask_type(&c, "www.example.com", DNS_TYPE_HTTPS);
	arming_answer(0, NAME_ERROR);
	ck_assert_uint_eq(forwarder_world.triggers, 1);
}
END_TEST

START_TEST(silence_is_a_failure_before_libc_asks_again)
{
	struct forwarder_client c[2], type;
	const uint64_t begun_ns = forwarder_world.now_ns;

	arming_arm(NEEDED("'example.com'"));
	forwarder_ask(&c[0], "www.example.com");
	forwarder_ask_type(&type, "www.example.com", DNS_TYPE_HTTPS);
	forwarder_world.now_ns += NS_PER_S;
	forwarder_ask(&c[1], "mail.example.com");
	ck_assert_uint_eq(dns_forwarder_deadline(forwarder_world.f),
			  begun_ns + (uint64_t)DNS_JUDGE_MS * NS_PER_MS);
	forwarder_world.now_ns = dns_forwarder_deadline(forwarder_world.f);
	dns_forwarder_timeout(forwarder_world.f, forwarder_world.now_ns);
	ck_assert_uint_eq(forwarder_world.cancels, 1);
	ck_assert_uint_eq(forwarder_world.triggers, 1);
	ck_assert_int_eq(forwarder_world.why, ONDEMAND_WHY_TIMEOUT);
	/* An edge: the other one is asked anew, and nobody watches it. */
	arming_come_up();
	ck_assert_uint_eq(forwarder_world.asked_count, 3);
	while (forwarder_world.asked_count > 0)
		forwarder_side_answers(0);
	ck_assert_int_eq(forwarder_look(&c[0]).address, INNER);
	ck_assert_int_eq(forwarder_look(&c[1]).address, INNER);
	ck_assert_uint_eq(type.answers, 1);
	ck_assert_uint_eq(dns_forwarder_deadline(forwarder_world.f),
			  CLOCK_NEVER);
}
END_TEST

START_TEST(what_works_is_kept_and_what_fails_is_not)
{
	struct forwarder_client c, fails, again;

	arming_arm(NEEDED("'example.com'"));
	forwarder_ask(&c, "www.example.com");
	arming_answer(0, ADDRESS);
	forwarder_ask(&c, "www.example.com");
	ck_assert_uint_eq(forwarder_world.asked_count, 0);
	ck_assert_int_eq(forwarder_look(&c).address, OUTER);
	forwarder_ask(&fails, "no.example.com");
	arming_answer(0, NAME_ERROR);
	/* Nobody started it: the next one asks again. */
	forwarder_ask(&again, "no.example.com");
	ck_assert_uint_eq(forwarder_world.asked_count, 1);
	arming_answer(0, NAME_ERROR);
	ck_assert_uint_eq(forwarder_world.triggers, 2);
}
END_TEST

START_TEST(a_wanted_tunnel_judges_nothing)
{
	struct forwarder_client c;

	/* The user started it: names of the domain work as far as they do,
	 * by the servers that are there for them. */
	arming_arm(NEEDED_WITH("'example.com'", SERVERS));
	arming_enter(DNS_MODE_WAITING, false, 1);
	forwarder_ask(&c, "www.example.com");
	ck_assert_ptr_nonnull(forwarder_world.asked[0].need);
	arming_answer(0, NAME_ERROR);
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_NXDOMAIN);
	ck_assert_uint_eq(forwarder_world.triggers, 0);
	arming_enter(DNS_MODE_UP, false, 1);
	forwarder_ask(&c, "www.example.com");
	ck_assert_int_eq(forwarder_world.asked[0].route, DNS_ROUTE_TUNNEL);
	ck_assert_ptr_null(forwarder_world.asked[0].need);
	arming_answer(0, ADDRESS);
	ck_assert_int_eq(forwarder_look(&c).address, INNER);
}
END_TEST

START_TEST(an_idle_tunnel_is_started_by_the_names_that_the_rule_has)
{
	struct dns_forwarder_state state = { .mode = DNS_MODE_ARMED,
					     .any_name = true };
	struct forwarder_client c, any;
	struct dns_policy policy;

	arming_rule(NED);
	for (int with_rule = 0; with_rule < 2; with_rule++) {
		dns_policy_init(&policy);
		policy.default_tunnel = 0;
		if (with_rule)
			ck_assert_int_eq(
				dns_arming_init(
					&policy.arming,
					&arming_world.rules->profile->rules[0]),
				0);
		dns_forwarder_set(forwarder_world.f, &state, &policy,
				  forwarder_world.now_ns);
		dns_policy_fini(&policy);
		arming_random_is(DNS_RCODE_NXDOMAIN, NULL);
		if (with_rule == 0) {
			forwarder_ask(&any, "www.example.org");
			ck_assert_uint_eq(forwarder_world.triggers, 1);
			dns_forwarder_drop(forwarder_world.f, &any.request);
			continue;
		}
		forwarder_ask(&c, "www.example.org");
		forwarder_side_answers(0);
		ck_assert_int_eq(forwarder_look(&c).address, OUTER);
		forwarder_ask(&c, "my.example.com");
		forwarder_side_answers(0);
		ck_assert_int_eq(forwarder_look(&c).address, OUTER);
	}
	ck_assert_uint_eq(forwarder_world.triggers, 1);
}
END_TEST

START_TEST(a_blocked_name_stays_blocked)
{
	struct forwarder_client c;
	FILE *list = tmpfile();

	arming_world.blocked = dns_blocklist_create();
	fputs("ads.example.com\n", list);
	rewind(list);
	ck_assert_int_eq(
		dns_blocklist_add(arming_world.blocked, list, DNS_LIST_DOMAINS),
		0);
	ck_assert_int_eq(dns_blocklist_seal(arming_world.blocked), 0);
	fclose(list);
	arming_arm(EVERY);
	for (int mode = DNS_MODE_ARMED; mode <= DNS_MODE_UP; mode++) {
		arming_enter((enum dns_mode)mode, true, 1);
		forwarder_ask(&c, "ads.example.com");
		ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_NXDOMAIN);
		ck_assert_int_eq(forwarder_look(&c).error, DNS_ERROR_BLOCKED);
	}
	ck_assert_uint_eq(forwarder_world.triggers, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("arming");
	TCase *t = tcase_create("arming");

	tcase_add_checked_fixture(t, arming_world_init, arming_world_fini);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, each_row_of_evaluate_connection, 0,
			    ARRAY_SIZE(rows));
	tcase_add_test(t, without_parameters_the_profile_is_refused_E22);
	tcase_add_test(t, a_name_in_a_match_domain_is_never_tried_outside);
	tcase_add_test(t, never_connect_exempts_inside_a_match_domain);
	tcase_add_test(t, the_gateways_name_is_the_uplinks_in_a_match_domain);
	tcase_add_test(t, names_of_addresses_start_nothing_E19);
	tcase_add_test(
		t, a_label_that_nothing_completes_starts_it_by_a_star_alone);
	tcase_add_test(t, other_names_go_on_while_one_is_held);
	tcase_add_test(t, holds_are_bounded_in_number_and_time);
	tcase_add_test(t, what_is_held_is_judged_anew_on_another_network);
	tcase_add_test(t, an_answer_may_be_an_edge_for_all_who_wait_for_it);
	tcase_add_test(t, only_failures_about_the_name_start_it);
	tcase_add_test(t, silence_is_a_failure_before_libc_asks_again);
	tcase_add_test(t, what_works_is_kept_and_what_fails_is_not);
	tcase_add_test(t, a_wanted_tunnel_judges_nothing);
	tcase_add_test(
		t, an_idle_tunnel_is_started_by_the_names_that_the_rule_has);
	tcase_add_test(t, a_blocked_name_stays_blocked);
	suite_add_tcase(s, t);
	return suite_run(s);
}
