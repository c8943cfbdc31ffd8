/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EvaluateConnection, by the name of the row in the profile's contract. */
#include <check.h>
#include <string.h>

#include "tests/lib/rules.h"
#include "tests/lib/suite.h"

#define NEVER(list) "{'DomainAction': 'NeverConnect', 'Domains': [" list "]}"
#define NEEDED(list) \
	"{'DomainAction': 'ConnectIfNeeded', 'Domains': [" list "]}"
#define NEEDED_WITH(list, more) \
	"{'DomainAction': 'ConnectIfNeeded', 'Domains': [" list "], " more "}"
#define NED NEVER("'my.example.com'") "," NEEDED("'example.com'")
#define SERVERS "'RequiredDNSServers': ['10.0.0.53']"
#define PROBE "'RequiredURLStringProbe': 'https://p.example.com/'"
#define FAILS "', 'resolves': 'nxdomain'"
#define EVERY NEEDED("'*'")

static const struct row {
	const char *name, *parameters, *facts;
	bool start;
	enum ondemand_why why;
} rows[] = {
	{ "E1", NED, "'host': 'my.example.com" FAILS, false,
	  ONDEMAND_WHY_NEVER },
	{ "E1", NED, "'host': 'a.my.example.com" FAILS, false,
	  ONDEMAND_WHY_NEVER },
	{ "E1, order", NEEDED("'example.com'") "," NEVER("'my.example.com'"),
	  "'host': 'my.example.com" FAILS, true, ONDEMAND_WHY_NXDOMAIN },
	{ "E2", NED, "'host': 'www.example.com" FAILS, true,
	  ONDEMAND_WHY_NXDOMAIN },
	{ "E3", NED, "'host': 'www.example.com', 'resolves': 'ok'", false,
	  ONDEMAND_WHY_WORKS },
	{ "redirected", NED,
	  "'host': 'www.example.com', 'resolves': 'redirected'", true,
	  ONDEMAND_WHY_REDIRECTED },
	{ "not told", NED, "'host': 'www.example.com'", true,
	  ONDEMAND_WHY_UNKNOWN },
	{ "no domain", NED, "'host': 'www.example.org" FAILS, false,
	  ONDEMAND_WHY_NO_DOMAIN },
	{ "D3", NED, "'host': 'www.anotherexample.com" FAILS, false,
	  ONDEMAND_WHY_NO_DOMAIN },
	{ "D3", NED, "'host': 'example.com.org" FAILS, false,
	  ONDEMAND_WHY_NO_DOMAIN },
	{ "D3, case", NED, "'host': 'WWW.Example.COM" FAILS, true,
	  ONDEMAND_WHY_NXDOMAIN },
	{ "D3, *.", NEEDED("'*.example.com'"), "'host': 'example.com" FAILS,
	  true, ONDEMAND_WHY_NXDOMAIN },
	{ "D3, *.", NEEDED("'*.Example.com.'"), "'host': 'a.example.com" FAILS,
	  true, ONDEMAND_WHY_NXDOMAIN },
	{ "E5", NED, "'host': 'example.com" FAILS, true,
	  ONDEMAND_WHY_NXDOMAIN },
	{ "E7", EVERY, "'host': 'a.example.org" FAILS, true,
	  ONDEMAND_WHY_NXDOMAIN },
	{ "E7", EVERY, "'host': 'wiki" FAILS, true, ONDEMAND_WHY_NXDOMAIN },
	{ "E7", EVERY, "'host': 'wiki', 'resolves': 'ok'", false,
	  ONDEMAND_WHY_WORKS },
	{ "E8", NED, "'host': 'www.example.com." FAILS, true,
	  ONDEMAND_WHY_NXDOMAIN },
	{ "E8", NED, "'host': 'my.example.com." FAILS, false,
	  ONDEMAND_WHY_NEVER },
	{ "E10", NED, "'host': 'www.example.com', 'resolves': 'timeout'", true,
	  ONDEMAND_WHY_TIMEOUT },
	{ "E12", NEEDED_WITH("'*'", SERVERS),
	  "'host': 'a.example', 'required': {'dns': 'unreachable'}", true,
	  ONDEMAND_WHY_SERVERS },
	{ "E12", NEEDED_WITH("'*'", SERVERS),
	  "'host': 'a.example', 'resolves': 'ok', "
	  "'required': {'dns': 'unreachable'}",
	  true, ONDEMAND_WHY_SERVERS },
	{ "E12, not told", NEEDED_WITH("'*'", SERVERS),
	  "'host': 'a.example', 'resolves': 'ok'", true, ONDEMAND_WHY_SERVERS },
	{ "E13", NEEDED_WITH("'*'", SERVERS),
	  "'host': 'a.example', 'required': {'dns': 'nxdomain'}", true,
	  ONDEMAND_WHY_SERVERS },
	{ "E14", NEEDED_WITH("'*'", SERVERS),
	  "'host': 'a.example', 'required': {'dns': 'ok'}", false,
	  ONDEMAND_WHY_WORKS },
	{ "E14, instead of the uplink's", NEEDED_WITH("'*'", SERVERS),
	  "'host': 'a.example', 'resolves': 'nxdomain', "
	  "'required': {'dns': 'ok'}",
	  false, ONDEMAND_WHY_WORKS },
	{ "E15", NEEDED_WITH("'*'", PROBE),
	  "'host': 'a.example', 'resolves': 'ok', 'required': {'probe': 200}",
	  false, ONDEMAND_WHY_WORKS },
	{ "E15, unresolved", NEEDED_WITH("'*'", PROBE),
	  "'host': 'a.example', 'resolves': 'nxdomain', "
	  "'required': {'probe': 200}",
	  true, ONDEMAND_WHY_NXDOMAIN },
	{ "E15, 302", NEEDED_WITH("'*'", PROBE),
	  "'host': 'a.example', 'resolves': 'ok', 'required': {'probe': 302}",
	  true, ONDEMAND_WHY_URL },
	{ "E15, timeout", NEEDED_WITH("'*'", PROBE),
	  "'host': 'a.example', 'resolves': 'ok', "
	  "'required': {'probe': 'timeout'}",
	  true, ONDEMAND_WHY_URL },
	{ "E17", NEEDED_WITH("'*'", PROBE),
	  "'host': 'a.example', 'resolves': 'ok', 'required': {'probe': null}",
	  true, ONDEMAND_WHY_URL },
	{ "E17", NEEDED_WITH("'*'", PROBE),
	  "'host': 'a.example', 'resolves': 'ok'", true, ONDEMAND_WHY_URL },
	{ "both", NEEDED_WITH("'*'", SERVERS "," PROBE),
	  "'host': 'a.example', 'required': {'dns': 'ok', 'probe': 200}", false,
	  ONDEMAND_WHY_WORKS },
	{ "both", NEEDED_WITH("'*'", SERVERS "," PROBE),
	  "'host': 'a.example', 'required': {'dns': 'ok', 'probe': 500}", true,
	  ONDEMAND_WHY_URL },
	{ "both", NEEDED_WITH("'*'", SERVERS "," PROBE),
	  "'host': 'a.example', 'required': {'dns': 'nxdomain', 'probe': 200}",
	  true, ONDEMAND_WHY_SERVERS },
	{ "E18",
	  "{'DomainAction': 'NeverConnect', 'Domains': ['*'], " SERVERS "}",
	  "'host': 'a.example', 'required': {'dns': 'unreachable'}", false,
	  ONDEMAND_WHY_NEVER },
	{ "E19", EVERY, "'host': '10.1.2.3" FAILS, false,
	  ONDEMAND_WHY_ADDRESS },
	{ "E19", EVERY, "'host': '2001:db8::1" FAILS, false,
	  ONDEMAND_WHY_ADDRESS },
	{ "E19", EVERY, "'host': '10.1.2.3." FAILS, false,
	  ONDEMAND_WHY_ADDRESS },
	{ "E19", EVERY, "'resolves': 'nxdomain'", false, ONDEMAND_WHY_NO_NAME },
	{ "E20", NEEDED("'example.com'"), "'host': 'vpn.example.com" FAILS,
	  false, ONDEMAND_WHY_OWN_NAME },
	{ "E20", EVERY, "'host': 'VPN.Example.com." FAILS, false,
	  ONDEMAND_WHY_OWN_NAME },
	{ "E20, another gateway", EVERY, "'host': 'vpn2.example.net" FAILS,
	  false, ONDEMAND_WHY_OWN_NAME },
	{ "E20, ServerName", EVERY, "'host': 'cert.example.net" FAILS, false,
	  ONDEMAND_WHY_OWN_NAME },
	{ "E20, TrustedProbe", EVERY, "'host': 'trust.example" FAILS, false,
	  ONDEMAND_WHY_OWN_NAME },
	{ "E20, below it", EVERY, "'host': 'a.vpn.example.com" FAILS, true,
	  ONDEMAND_WHY_NXDOMAIN },
};

static struct rules_world *world;

static void make(const char *parameters, const char *facts)
{
	char rule[1024];

	snprintf(rule, sizeof(rule),
		 "{'Action': 'EvaluateConnection', 'ActionParameters': [%s]}",
		 parameters);
	world = rules_create(
		rule,
		", 'Gateways': ['vpn2.example.net:443'], "
		"'ServerName': 'cert.example.net', "
		"'TrustedProbe': {'Host': 'trust.example', 'Port': 443, "
		"'PublicKeySHA256': "
		"['RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=']}",
		true);
	ck_assert_msg(world->profile != NULL, "%s: %s", rule,
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
	struct ondemand_connection c;

	make(row->parameters, row->facts);
	c = ondemand_connect(world->profile, &world->profile->rules[0],
			     &world->facts.attempt);
	ck_assert_msg(c.start == row->start && c.why == row->why,
		      "%s: %s: %s, because %s", row->name, row->facts,
		      c.start ? "start" : "no", ondemand_why_text(c.why));
	/* What is not about the host decides nothing. */
	ck_assert_ptr_eq(c.parameter,
			 ondemand_parameter(world->profile,
					    &world->profile->rules[0],
					    world->facts.attempt.host));
	ck_assert(c.parameter != NULL || !c.start);
}
END_TEST

/* What the resolver may hand over; facts in a file cannot say it. */
START_TEST(judges_odd_hosts)
{
	static const struct {
		const char *host;
		enum ondemand_why why;
	} odd[] = {
		{ "", ONDEMAND_WHY_NO_NAME },
		{ ".", ONDEMAND_WHY_NO_NAME },
		{ "[2001:db8::1]", ONDEMAND_WHY_ADDRESS },
		{ "fe80::1%eth0", ONDEMAND_WHY_ADDRESS },
		{ "1.2.3.4.5", ONDEMAND_WHY_NXDOMAIN },
		{ "10.1.2", ONDEMAND_WHY_NXDOMAIN },
	};

	make(EVERY, "'resolves': 'nxdomain'");
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		struct ondemand_connection c;

		world->facts.attempt.host = odd[i].host;
		c = ondemand_connect(world->profile, &world->profile->rules[0],
				     &world->facts.attempt);
		ck_assert_msg(c.why == odd[i].why, "%s: %s", odd[i].host,
			      ondemand_why_text(c.why));
	}
}
END_TEST

START_TEST(says_what_has_to_be_asked)
{
	const struct profile_connection_rule *c;

	make(NEVER("'my.example.com'") "," NEEDED_WITH("'example.com'",
						       SERVERS "," PROBE),
	     "'host': 'www.example.com'");
	c = ondemand_parameter(world->profile, &world->profile->rules[0],
			       world->facts.attempt.host);
	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(c->dns_server_count, 1);
	ck_assert_str_eq(c->probe_url, "https://p.example.com/");
	ck_assert_ptr_null(ondemand_parameter(
		world->profile, &world->profile->rules[0], "vpn.example.com"));
}
END_TEST

START_TEST(starts_nothing_where_it_costs)
{
	world = rules_create("{'Action': 'Connect'}", ", 'OnMetered': 'hold'",
			     true);
	ck_assert(rules_facts(world, "'metered': true"));
	ck_assert(!ondemand_may_start(world->profile, &world->facts.network));
	ck_assert(rules_facts(world, "'metered': false"));
	ck_assert(ondemand_may_start(world->profile, &world->facts.network));
	teardown();
	world = rules_create("{'Action': 'Connect'}", "", true);
	ck_assert(rules_facts(world, "'metered': true"));
	ck_assert(ondemand_may_start(world->profile, &world->facts.network));
}
END_TEST

START_TEST(has_each_row_of_the_table)
{
	static const char *const wanted[] = {
		"E1",  "E2",  "E3",  "E5",  "E7",  "E8",  "E10", "E12",
		"E13", "E14", "E15", "E17", "E18", "E19", "E20"
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		bool there = false;

		for (size_t j = 0; j < ARRAY_SIZE(rows); j++)
			there = there || strcmp(rows[j].name, wanted[i]) == 0;
		ck_assert_msg(there, "%s", wanted[i]);
	}
	printf("note: %zu connections judged\n", ARRAY_SIZE(rows));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ondemand_connection");
	TCase *t = tcase_create("parameters");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_loop_test(t, judges_each_row, 0, ARRAY_SIZE(rows));
	tcase_add_test(t, judges_odd_hosts);
	tcase_add_test(t, says_what_has_to_be_asked);
	tcase_add_test(t, starts_nothing_where_it_costs);
	tcase_add_test(t, has_each_row_of_the_table);
	suite_add_tcase(s, t);
	return suite_run(s);
}
