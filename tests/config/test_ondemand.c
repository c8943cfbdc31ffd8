/* SPDX-License-Identifier: GPL-3.0-or-later */
/* On-demand rules, by the name of the row in the profile's contract, and what
 * is around those rows. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/rules.h"
#include "tests/lib/suite.h"

enum {
	NONE = -1,     /* no rule matches */
	UNJUDGED = -2, /* no rule was evaluated */
};

#define CONNECT "{'Action': 'Connect'}"
#define DISCONNECT "{'Action': 'Disconnect'}"
#define WIFI_CORP                                              \
	"{'Action': 'Connect', 'InterfaceTypeMatch': 'WiFi', " \
	"'SSIDMatch': ['Corp']}"
#define RULE(criterion) "{'Action': 'Connect', " criterion "}"
#define SSID(list) RULE("'SSIDMatch': [" list "]")
#define DOMAIN(list) RULE("'DNSDomainMatch': [" list "]")
#define SERVERS(list) RULE("'DNSServerAddressMatch': [" list "]")
#define PROBE RULE("'URLStringProbe': 'https://p.example/'")
#define W "'interface': 'WiFi'"
#define E "'interface': 'Ethernet'"
#define C "'interface': 'Cellular'"
#define ON(ssid) W ", 'ssid': '" ssid "'"
#define SEARCH(list) E ", 'search_domains': [" list "]"
#define DNS(list) E ", 'dns_servers': [" list "]"
#define ANSWER(what) E ", 'probes': {'https://p.example/': " what "}"
#define ANY ", 'DNSServerMatch': 'any'"
#define DIGEST "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o="
#define TRUST                                                       \
	", 'TrustedProbe': {'Host': 'trust.example', 'Port': 443, " \
	"'PublicKeySHA256': ['" DIGEST "']}"
#define HOME "{'Action': 'Disconnect', 'SSIDMatch': ['Corp']}"

static const struct row {
	const char *name, *rules, *facts;
	int rule;
	const char *vendor;
} rows[] = {
	{ "R1", RULE("'InterfaceTypeMatch': 'WiFi'") "," DISCONNECT, W, 0,
	  NULL },
	{ "R2", RULE("'InterfaceTypeMatch': 'WiFi'") "," DISCONNECT, E, 1,
	  NULL },
	{ "R2", RULE("'InterfaceTypeMatch': 'WiFi'") "," DISCONNECT, C, 1,
	  NULL },
	{ "R3", RULE("'InterfaceTypeMatch': 'WiFi'"), E, NONE, NULL },
	{ "R3", RULE("'InterfaceTypeMatch': 'WiFi'"), C, NONE, NULL },
	{ "R4", "{'Action': 'Ignore'}," CONNECT, W, 0, NULL },
	{ "R4", "{'Action': 'Ignore'}," CONNECT, E, 0, NULL },
	{ "R5", WIFI_CORP, ON("Corp"), 0, NULL },
	{ "R5", WIFI_CORP, ON("Guest"), NONE, NULL },
	{ "R5", WIFI_CORP, E ", 'ssid': 'Corp'", NONE, NULL },
	{ "R6", SSID("'Corp'"), E, NONE, NULL },
	{ "R6", SSID("'Corp'"), C, NONE, NULL },
	{ "R6", SSID("'Corp'"), E ", 'ssid': 'Corp'", NONE, NULL },
	{ "R6", SSID("'Corp'"), C ", 'ssid': 'Corp'", NONE, NULL },
	{ "R7", RULE("'InterfaceTypeMatch': 'WiFi'"), W, 0, NULL },
	{ "R7", RULE("'InterfaceTypeMatch': 'WiFi'"), W ", 'ssid': null", 0,
	  NULL },
	{ "R8", SSID("'corp'"), ON("Corp"), NONE, NULL },
	{ "R8", SSID("'CORP'"), ON("Corp"), NONE, NULL },
	{ "R8", SSID("'Corp', 'corp'"), ON("corp"), 0, NULL },
	{ "R9", SSID("'Corp '"), ON("Corp"), NONE, NULL },
	{ "R9", SSID("'Corp '"), ON("Corp "), 0, NULL },
	{ "R9", SSID("'Corp'"), ON("Corp "), NONE, NULL },
	{ "R9", SSID("' Corp'"), ON("Corp"), NONE, NULL },
	{ "R10", SSID(""), ON("Corp"), NONE, NULL },
	{ "R10", SSID(""), W, NONE, NULL },
	{ "R10", SSID("") "," CONNECT, ON("Corp"), 1, NULL },
	{ "R11", SSID("'Corp'"), W, NONE, NULL },
	{ "R11", SSID("'Corp'"), W ", 'ssid': null, 'ssid_hex': null", NONE,
	  NULL },
	{ "R12", SSID("'Corp'"), ON("Corp"), 0,
	  NULL }, /* hidden, once joined */
	{ "SSID part", SSID("'Corp'"), ON("Corporate"), NONE, NULL },
	{ "SSID part", SSID("'Corporate'"), ON("Corp"), NONE, NULL },
	{ "SSID no pattern", SSID("'*'"), ON("Corp"), NONE, NULL },
	{ "SSID no pattern", SSID("'Corp*'"), ON("Corp"), NONE, NULL },
	{ "SSID second", SSID("'A', 'B'"), ON("B"), 0, NULL },
	{ "SSID escape", SSID("'\\u00e9'"), W ", 'ssid_hex': 'c3a9'", 0, NULL },
	{ "SSID other bytes", SSID("'\\u00e9'"), W ", 'ssid_hex': 'e9'", NONE,
	  NULL },
	{ "SSID composed", SSID("'\\u00e9'"), ON("e\\u0301"), NONE, NULL },
	{ "SSID quotes", SSID("'a\\\"b'"), ON("a\\\"b"), 0, NULL },
	{ "SSID hex", SSID("'Corp'"), W ", 'ssid_hex': '436F7270'", 0, NULL },
	{ "SSID both", SSID("'Corp'"), ON("Corp") ", 'ssid_hex': '436f7270'", 0,
	  NULL },
	{ "SSID zero", SSID("'Corp'"), W ", 'ssid_hex': '436f727000'", NONE,
	  NULL },
	{ "SSID 32", SSID("'01234567890123456789012345678901'"),
	  ON("01234567890123456789012345678901"), 0, NULL },
	{ "R15", RULE("'InterfaceTypeMatch': 'Cellular'"), C, 0, NULL },
	{ "R15", RULE("'InterfaceTypeMatch': 'Cellular'"), W, NONE, NULL },
	{ "R17", RULE("'InterfaceTypeMatch': 'WiFi'"),
	  W ", 'primary_is_vpn': false", 0, NULL },
	{ "R18", CONNECT, W ", 'primary_is_vpn': true", UNJUDGED, NULL },
	{ "R18", DISCONNECT, E ", 'primary_is_vpn': true", UNJUDGED, NULL },
	{ "R19", CONNECT, "", UNJUDGED, NULL },
	{ "R19", DISCONNECT, "'interface': null", UNJUDGED, NULL },
	{ "R19", CONNECT, "'ssid': 'Corp', 'dns_servers': ['10.0.0.1']",
	  UNJUDGED, NULL },
	{ "R19", CONNECT, "'primary_is_vpn': true", UNJUDGED, NULL },
	{ "R20", DOMAIN("'example.com'"), SEARCH("'corp.example.com'"), 0,
	  NULL },
	{ "R20", DOMAIN("'*.example.com'"), SEARCH("'corp.example.com'"), 0,
	  NULL },
	{ "R20", DOMAIN("'*.example.com'"), SEARCH("'example.com'"), 0, NULL },
	{ "R20", DOMAIN("'corp.example.com'"), SEARCH("'example.com'"), NONE,
	  NULL },
	{ "R21", DOMAIN("'example.com'"), SEARCH("'mydomain-example.com'"),
	  NONE, NULL },
	{ "R21", DOMAIN("'example.com'"), SEARCH("'badexample.com'"), NONE,
	  NULL },
	{ "R21", DOMAIN("'example.com'"), SEARCH("'example.com.net'"), NONE,
	  NULL },
	{ "R21", DOMAIN("'example.com'"), SEARCH("'com'"), NONE, NULL },
	{ "R23", DOMAIN("'EXAMPLE.com.'"), SEARCH("'example.com'"), 0, NULL },
	{ "R23", DOMAIN("'example.com'"), SEARCH("'Corp.EXAMPLE.Com.'"), 0,
	  NULL },
	{ "R24", DOMAIN("'b.example'"), SEARCH("'a.example', 'b.example'"), 0,
	  NULL },
	{ "R24", DOMAIN("'x.example', 'b.example'"), SEARCH("'b.example'"), 0,
	  NULL },
	{ "R24", DOMAIN("'b.example'"), E ", 'domain_name': 'b.example'", 0,
	  NULL },
	{ "R24", DOMAIN("'b.example'"),
	  SEARCH("'a.example'") ", 'domain_name': 'x.b.example'", 0, NULL },
	{ "R25", DOMAIN("'*'"), E, NONE, NULL },
	{ "R25", DOMAIN("'*'"), SEARCH(""), NONE, NULL },
	{ "R25", DOMAIN("'*'"), SEARCH("'.'"), NONE, NULL },
	{ "R25", DOMAIN("'*'"), SEARCH("'a'"), 0, NULL },
	{ "R25", DOMAIN("'*'"), E ", 'domain_name': 'lan'", 0, NULL },
	{ "R25, empty list", DOMAIN(""), SEARCH("'a'"), NONE, NULL },
	{ "R26", SERVERS("'10.0.0.53'"), DNS("'10.0.0.53'"), 0, NULL },
	{ "R26", SERVERS("'10.0.0.53'"), DNS("'10.0.0.5'"), NONE, NULL },
	{ "R28", SERVERS("'10.0.0.53', '8.8.8.8'"), DNS("'8.8.8.8'"), 0, NULL },
	{ "all", SERVERS("'10.0.0.53'"), DNS("'10.0.0.53', '8.8.8.8'"), NONE,
	  NULL },
	{ "all", SERVERS("'10.0.0.53'"), DNS("'8.8.8.8', '10.0.0.53'"), NONE,
	  NULL },
	{ "all", SERVERS("'10.*'"), DNS("'10.0.0.53', '10.9.9.9'"), 0, NULL },
	{ "any", SERVERS("'10.0.0.53'"), DNS("'8.8.8.8', '10.0.0.53'"), 0,
	  ANY },
	{ "any", SERVERS("'10.0.0.53'"), DNS("'8.8.8.8'"), NONE, ANY },
	{ "any", SERVERS("'10.0.0.53'"), DNS(""), NONE, ANY },
	{ "R29", SERVERS("'17.*'"), DNS("'17.1.2.3'"), 0, NULL },
	{ "R29", SERVERS("'17.*'"), DNS("'170.1.2.3'"), NONE, NULL },
	{ "R29", SERVERS("'17.1.*'"), DNS("'17.1.2.3'"), 0, NULL },
	{ "R29", SERVERS("'17.1.*'"), DNS("'17.10.2.3'"), NONE, NULL },
	{ "R29", SERVERS("'17.1.2.*'"), DNS("'17.1.2.3'"), 0, NULL },
	{ "R29", SERVERS("'17.1.2.*'"), DNS("'17.1.20.3'"), NONE, NULL },
	{ "R29", SERVERS("'0.*'"), DNS("'0.0.0.1'"), 0, NULL },
	{ "R29", SERVERS("'17.*'"), DNS("'::ffff:17.1.2.3'"), NONE, NULL },
	{ "R32", SERVERS("'17.*'"), DNS(""), NONE, NULL },
	{ "R32", SERVERS("'17.*'"), E, NONE, NULL },
	{ "R32, empty list", SERVERS(""), DNS("'17.1.2.3'"), NONE, NULL },
	{ "R32, empty list", SERVERS(""), DNS(""), NONE, NULL },
	{ "IPv6", SERVERS("'2001:db8::1'"), DNS("'2001:0DB8:0:0:0:0:0:1'"), 0,
	  NULL },
	{ "IPv6", SERVERS("'2001:DB8:0::0:1'"), DNS("'2001:db8::1'"), 0, NULL },
	{ "IPv6", SERVERS("'2001:db8::1'"), DNS("'2001:db8::10'"), NONE, NULL },
	{ "IPv6", SERVERS("'10.*', 'fd00::53'"), DNS("'fd00::53', '10.1.1.1'"),
	  0, NULL },
	{ "IPv6", SERVERS("'0.*'"), DNS("'::1'"), NONE, NULL },
	{ "R33", PROBE, ANSWER("200"), 0, NULL },
	{ "R35", PROBE, ANSWER("204"), NONE, NULL },
	{ "R35", PROBE, ANSWER("301"), NONE, NULL },
	{ "R35", PROBE, ANSWER("404"), NONE, NULL },
	{ "R36", PROBE "," DISCONNECT, ANSWER("'timeout'"), 1, NULL },
	{ "R36", PROBE "," DISCONNECT, ANSWER("'tls'"), 1, NULL },
	{ "R36", PROBE "," DISCONNECT, ANSWER("'dns'"), 1, NULL },
	{ "R36, not told", PROBE "," DISCONNECT, E, 1, NULL },
	{ "R36, another URL", PROBE "," DISCONNECT,
	  E ", 'probes': {'https://P.example/': 200}", 1, NULL },
	{ "one URL twice",
	  RULE("'URLStringProbe': 'https://p.example/', "
	       "'InterfaceTypeMatch': 'WiFi'") "," PROBE,
	  ANSWER("200"), 1, NULL },
	{ "R43", "{'Action': 'Ignore'}", W, 0, NULL },
	{ "R44", DISCONNECT, W, 0, NULL },
	{ "R46",
	  "{'Action': 'EvaluateConnection', 'ActionParameters': [{"
	  "'Domains': ['*'], 'DomainAction': 'ConnectIfNeeded'}]}",
	  W, 0, NULL },
	{ "all criteria",
	  "{'Action': 'Connect', 'InterfaceTypeMatch': 'WiFi', "
	  "'SSIDMatch': ['Corp'], 'DNSDomainMatch': ['a.example'], "
	  "'DNSServerAddressMatch': ['10.*'], "
	  "'URLStringProbe': 'https://p.example/'}",
	  ON("Corp") ", 'search_domains': ['a.example'], "
		     "'dns_servers': ['10.1.1.1'], "
		     "'probes': {'https://p.example/': 200}",
	  0, NULL },
	{ "no rules", "", W, UNJUDGED, NULL },
	{ "metered", CONNECT, W ", 'metered': true", 0,
	  ", 'OnMetered': 'hold'" },
	{ "trusted", HOME "," CONNECT, ON("Corp") ", 'trusted_probe': 'ok'", 0,
	  TRUST },
	{ "trusted", HOME "," CONNECT,
	  ON("Corp") ", 'trusted_probe': 'wrong key'", 1, TRUST },
	{ "trusted", HOME "," CONNECT,
	  ON("Corp") ", 'trusted_probe': 'timeout'", 1, TRUST },
	{ "trusted, not told", HOME "," CONNECT, ON("Corp"), 1, TRUST },
	{ "trusted, not there", HOME "," CONNECT, ON("Corp"), 0, NULL },
	{ "trusted, but another", HOME "," CONNECT,
	  ON("Guest") ", 'trusted_probe': 'ok'", 1, TRUST },
	{ "trusted, no criterion", DISCONNECT,
	  ON("Corp") ", 'trusted_probe': 'wrong key'", 0, TRUST },
	{ "trusted, Connect", SSID("'Corp'"),
	  ON("Corp") ", 'trusted_probe': 'wrong key'", 0, TRUST },
	{ "trusted, Ignore", "{'Action': 'Ignore', 'SSIDMatch': ['Corp']}",
	  ON("Corp") ", 'trusted_probe': 'wrong key'", 0, TRUST },
	{ "trusted, interface alone",
	  "{'Action': 'Disconnect', 'InterfaceTypeMatch': 'Ethernet'}," CONNECT,
	  E, 1, TRUST },
};

static struct rules_world *world;

static void make(const char *rules, const char *vendor, const char *facts)
{
	world = rules_create(rules, vendor ? vendor : "", true);
	ck_assert_msg(world->profile != NULL, "%s",
		      world->report.items[0].text);
	ck_assert_msg(rules_facts(world, facts), "%s: %s", facts,
		      world->facts_report.items[0].text);
}

static void teardown(void)
{
	if (world)
		rules_destroy(world);
	world = NULL;
}

START_TEST(judges_each_row)
{
	const struct row *row = &rows[_i];
	struct ondemand_decision d;
	int rule;

	make(row->rules, row->vendor, row->facts);
	facts_answer(&world->facts, &world->ondemand, &world->facts_report);
	d = rules_evaluate(world);
	rule = d.outcome == ONDEMAND_MATCH	? (int)d.rule
	       : d.outcome == ONDEMAND_NO_MATCH ? NONE
						: UNJUDGED;
	ck_assert_msg(rule == row->rule && d.outcome != ONDEMAND_PENDING,
		      "%s: %s with %s: rule %d, not %d", row->name, row->rules,
		      row->facts, rule, row->rule);
	/* What is to be done where no rule decides is nothing. */
	ck_assert_int_eq(d.action, rule >= 0
					   ? world->profile->rules[rule].action
					   : PROFILE_ACTION_IGNORE);
}
END_TEST

static const struct {
	const char *name, *rules, *part;
} refused[] = {
	{ "R14", RULE("'InterfaceTypeMatch': 'wifi'"), "\"wifi\" is not" },
	{ "R30", SERVERS("'17*'"), "\"17*\" has its" },
	{ "R30", SERVERS("'*.53'"), "\"*.53\" has its" },
	{ "R30", SERVERS("'1.*.2.*'"), "more than one" },
	{ "R30", SERVERS("'1.2.3.4.*'"), "is not an address" },
	{ "R30", SERVERS("'300.*'"), "is not an address" },
	{ "R30", SERVERS("'2001:db8.*'"), "is not an address" },
	{ "R42", "{'Action': 'Allow'}", "EvaluateConnection" },
	{ "E22", "{'Action': 'EvaluateConnection'}", "is missing" },
	{ "E22", "{'Action': 'EvaluateConnection', 'ActionParameters': []}",
	  "is empty" },
};

START_TEST(refuses_each_bad_rule)
{
	world = rules_create(refused[_i].rules, "", true);
	ck_assert_ptr_null(world->profile);
	ck_assert_msg(strstr(config_report_first(&world->report)->text,
			     refused[_i].part),
		      "%s", config_report_first(&world->report)->text);
}
END_TEST

static enum ondemand_verdict verdict(size_t rule, enum ondemand_criterion c)
{
	struct ondemand_trial t;

	ondemand_try(&world->ondemand, &world->facts.network, rule, &t);
	return t.verdicts[c];
}

static bool answer(uint64_t generation, const char *url, unsigned int status)
{
	return ondemand_answer(&world->ondemand, generation, url,
			       (struct ondemand_answer) {
				       .probe = ONDEMAND_PROBE_STATUS,
				       .status = status,
			       });
}

static bool trust(uint64_t generation, enum ondemand_probe probe)
{
	return ondemand_answer(&world->ondemand, generation, NULL,
			       (struct ondemand_answer) { .probe = probe });
}

START_TEST(r37_sends_no_probe_when_something_else_fails)
{
	make(RULE("'SSIDMatch': ['Corp'], "
		  "'URLStringProbe': 'https://p.example/'"),
	     NULL, ON("Guest"));
	ck_assert_int_eq(rules_evaluate(world).outcome, ONDEMAND_NO_MATCH);
	ck_assert_int_eq(verdict(0, ONDEMAND_URL), ONDEMAND_NOT_ASKED);
	ck_assert_int_eq(verdict(0, ONDEMAND_SSID), ONDEMAND_FAILS);
	ck_assert_int_eq(verdict(0, ONDEMAND_INTERFACE), ONDEMAND_ABSENT);
}
END_TEST

/* Nothing is done meanwhile, whatever the tunnel is; and R40's pure half: the
 * request is one, tunnel up or not. */
START_TEST(r38_waits_for_a_probe_and_does_nothing)
{
	struct ondemand_decision d;

	make(PROBE "," DISCONNECT, NULL, E);
	d = rules_evaluate(world);
	ck_assert_int_eq(d.outcome, ONDEMAND_PENDING);
	ck_assert_int_eq(d.action, PROFILE_ACTION_IGNORE);
	ck_assert_str_eq(d.url, "https://p.example/");
	ck_assert_uint_eq(d.rule, 0);
	ck_assert_int_eq(verdict(0, ONDEMAND_URL), ONDEMAND_WAITS);
	/* As often as it is asked. */
	ck_assert_int_eq(rules_evaluate(world).outcome, ONDEMAND_PENDING);
	ck_assert(answer(d.generation, d.url, 200));
	d = rules_evaluate(world);
	ck_assert_int_eq(d.outcome, ONDEMAND_MATCH);
	ck_assert_int_eq(d.action, PROFILE_ACTION_CONNECT);
}
END_TEST

START_TEST(r39_drops_the_answer_of_another_network)
{
	struct ondemand_decision d, now;

	make(PROBE "," DISCONNECT, NULL, E);
	d = rules_evaluate(world);
	ondemand_network_changed(&world->ondemand);
	ck_assert(!answer(d.generation, d.url, 200));
	now = rules_evaluate(world);
	ck_assert_int_eq(now.outcome, ONDEMAND_PENDING);
	ck_assert_uint_ne(now.generation, d.generation);
	ck_assert(!answer(now.generation + 1, d.url, 200));
	ck_assert(answer(now.generation, d.url, 204));
	ck_assert_int_eq(rules_evaluate(world).action,
			 PROFILE_ACTION_DISCONNECT);
	/* What was known of the old network is not of the new one. */
	ondemand_network_changed(&world->ondemand);
	ck_assert_int_eq(rules_evaluate(world).outcome, ONDEMAND_PENDING);
}
END_TEST

START_TEST(r45_does_nothing_when_it_is_not_enabled)
{
	struct ondemand_decision d;

	world = rules_create(DISCONNECT, "", false);
	ck_assert(rules_facts(world, W));
	d = rules_evaluate(world);
	ck_assert_int_eq(d.outcome, ONDEMAND_OFF);
	ck_assert_int_eq(d.action, PROFILE_ACTION_IGNORE);
}
END_TEST

START_TEST(r47_judges_again_when_the_servers_change)
{
	make(SERVERS("'10.*'") "," DISCONNECT, NULL, DNS("'10.0.0.1'"));
	ck_assert_uint_eq(rules_evaluate(world).rule, 0);
	ck_assert(rules_facts(world, DNS("'8.8.8.8'")));
	ck_assert_uint_eq(rules_evaluate(world).rule, 1);
}
END_TEST

START_TEST(asks_one_url_once_and_in_order)
{
	struct ondemand_decision d;

	make(RULE("'URLStringProbe': 'https://a.example/'") "," RULE(
		     "'URLStringProbe': 'https://b.example/'") "," RULE("'URLSt"
									"ringPr"
									"obe': "
									"'https"
									"://"
									"a."
									"exampl"
									"e/'"),
	     NULL, E);
	d = rules_evaluate(world);
	ck_assert_str_eq(d.url, "https://a.example/");
	ck_assert(!answer(d.generation, "https://c.example/", 200));
	ck_assert(answer(d.generation, d.url, 500));
	d = rules_evaluate(world);
	ck_assert_str_eq(d.url, "https://b.example/");
	ck_assert(answer(d.generation, d.url, 500));
	ck_assert_int_eq(rules_evaluate(world).outcome, ONDEMAND_NO_MATCH);
	ck_assert_int_eq(verdict(2, ONDEMAND_URL), ONDEMAND_FAILS);
	/* A later word of the same network counts. */
	ck_assert(answer(d.generation, "https://a.example/", 200));
	ck_assert_uint_eq(rules_evaluate(world).rule, 0);
}
END_TEST

START_TEST(a_match_before_a_probe_needs_none)
{
	make(CONNECT "," PROBE, NULL, E);
	ck_assert_int_eq(rules_evaluate(world).outcome, ONDEMAND_MATCH);
}
END_TEST

START_TEST(asks_the_trusted_probe_last_and_once)
{
	struct ondemand_decision d;

	make("{'Action': 'Disconnect', 'SSIDMatch': ['Corp'], "
	     "'URLStringProbe': 'https://p.example/'}," HOME "," CONNECT,
	     TRUST, ON("Corp"));
	d = rules_evaluate(world);
	ck_assert_str_eq(d.url, "https://p.example/");
	ck_assert_int_eq(verdict(0, ONDEMAND_TRUSTED), ONDEMAND_NOT_ASKED);
	ck_assert(answer(d.generation, d.url, 200));
	d = rules_evaluate(world);
	ck_assert_int_eq(d.outcome, ONDEMAND_PENDING);
	ck_assert_ptr_null(d.url);
	ck_assert_int_eq(verdict(0, ONDEMAND_TRUSTED), ONDEMAND_WAITS);
	ck_assert(trust(d.generation, ONDEMAND_PROBE_KEY_WRONG));
	/* The second rule does not ask again. */
	d = rules_evaluate(world);
	ck_assert_int_eq(d.outcome, ONDEMAND_MATCH);
	ck_assert_uint_eq(d.rule, 2);
	ondemand_network_changed(&world->ondemand);
	ck_assert(!trust(d.generation, ONDEMAND_PROBE_KEY_OK));
	ck_assert_int_eq(rules_evaluate(world).outcome, ONDEMAND_PENDING);
}
END_TEST

START_TEST(takes_no_answer_to_a_probe_that_is_not_there)
{
	make(CONNECT, NULL, E);
	ck_assert(!trust(1, ONDEMAND_PROBE_KEY_OK));
	ck_assert(!answer(1, "https://p.example/", 200));
}
END_TEST

START_TEST(an_unknown_type_of_interface_fits_no_type)
{
	make(RULE("'InterfaceTypeMatch': 'Ethernet'") "," SSID(
		     "'Corp'") "," SERVERS("'10.*'"),
	     NULL, DNS("'10.1.1.1'"));
	world->facts.network.uplink = ONDEMAND_UPLINK_OTHER;
	ck_assert_uint_eq(rules_evaluate(world).rule, 2);
}
END_TEST

static const struct {
	const char *rule, *text;
} texts[] = {
	{ CONNECT, "any network" },
	{ WIFI_CORP, "WiFi, SSID Corp" },
	{ SSID("'Corp', 'Guest'"), "SSID Corp or Guest" },
	{ SSID(""), "SSID of no name" },
	{ DOMAIN("'a.example', 'b.example'"),
	  "search domain a.example or b.example" },
	{ SERVERS("'10.0.0.53'"), "DNS server 10.0.0.53/32" },
	{ SERVERS("'17.*', '10.0.0.53'"),
	  "DNS server 17.0.0.0/8 or 10.0.0.53/32" },
	{ PROBE, "probe https://p.example/" },
	{ RULE("'InterfaceTypeMatch': 'Ethernet', "
	       "'DNSServerAddressMatch': ['17.*'], "
	       "'URLStringProbe': 'https://p.example/'"),
	  "Ethernet, DNS server 17.0.0.0/8, probe https://p.example/" },
};

START_TEST(calls_a_rule_by_its_criteria)
{
	char text[160];

	make(texts[_i].rule, NULL, E);
	ck_assert_str_eq(ondemand_rule_text(&world->profile->rules[0], text,
					    sizeof(text)),
			 texts[_i].text);
}
END_TEST

START_TEST(has_each_row_of_the_table)
{
	static const char *const wanted[] = {
		"R1",  "R2",  "R3",  "R4",  "R5",  "R6",  "R7",	 "R8",	"R9",
		"R10", "R11", "R12", "R14", "R15", "R17", "R18", "R19", "R20",
		"R21", "R23", "R24", "R25", "R26", "R28", "R29", "R30", "R32",
		"R33", "R35", "R36", "R42", "R43", "R44", "R46", "E22",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		bool there = false;

		for (size_t j = 0; j < ARRAY_SIZE(rows); j++)
			there = there || strcmp(rows[j].name, wanted[i]) == 0;
		for (size_t j = 0; j < ARRAY_SIZE(refused); j++)
			there = there ||
				strcmp(refused[j].name, wanted[i]) == 0;
		ck_assert_msg(there, "%s", wanted[i]);
	}
	printf("note: %zu networks judged, %zu rules refused\n",
	       ARRAY_SIZE(rows), ARRAY_SIZE(refused));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ondemand");
	TCase *t = tcase_create("rules");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_loop_test(t, judges_each_row, 0, ARRAY_SIZE(rows));
	tcase_add_loop_test(t, calls_a_rule_by_its_criteria, 0,
			    ARRAY_SIZE(texts));
	tcase_add_loop_test(t, refuses_each_bad_rule, 0, ARRAY_SIZE(refused));
	tcase_add_test(t, r37_sends_no_probe_when_something_else_fails);
	tcase_add_test(t, r38_waits_for_a_probe_and_does_nothing);
	tcase_add_test(t, r39_drops_the_answer_of_another_network);
	tcase_add_test(t, r45_does_nothing_when_it_is_not_enabled);
	tcase_add_test(t, r47_judges_again_when_the_servers_change);
	tcase_add_test(t, asks_one_url_once_and_in_order);
	tcase_add_test(t, a_match_before_a_probe_needs_none);
	tcase_add_test(t, asks_the_trusted_probe_last_and_once);
	tcase_add_test(t, takes_no_answer_to_a_probe_that_is_not_there);
	tcase_add_test(t, an_unknown_type_of_interface_fits_no_type);
	tcase_add_test(t, has_each_row_of_the_table);
	suite_add_tcase(s, t);
	return suite_run(s);
}
