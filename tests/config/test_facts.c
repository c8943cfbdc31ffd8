/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of facts: what is accepted, and what is refused, and where. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "config/facts.h"
#include "tests/lib/allocation.h"
#include "tests/lib/rules.h"
#include "tests/lib/suite.h"

static const char *const accepted[] = {
	"{}",
	" {\n} \n",
	"{'interface': null, 'ssid': null, 'ssid_hex': null}",
	"{'interface': 'Cellular', 'metered': true, 'primary_is_vpn': true}",
	"{'ssid': '01234567890123456789012345678901'}",
	"{'ssid_hex': '00'}",
	"{'ssid_hex': 'fFFf'}",
	"{'search_domains': [], 'dns_servers': [], 'probes': {}}",
	"{'search_domains': ['.', 'a', 'b.c.'], 'domain_name': '_x.y'}",
	"{'dns_servers': ['127.0.0.53', '::1', '2001:DB8::1']}",
	"{'probes': {'https://p.example/': 200, 'x': 'tls', 'y': 'dns', "
	"'z': 'timeout', '': 599}}",
	"{'trusted_probe': 'wrong key'}",
	"{'host': 'a.example.', 'resolves': 'redirected'}",
	"{'host': '::1'}",
	"{'required': {}}",
	"{'required': {'dns': 'nxdomain', 'probe': null}}",
	"{'required': {'probe': 'timeout'}}",
};

START_TEST(accepts_each_key)
{
	struct config_report report;
	struct facts f;
	char text[512];

	snprintf(text, sizeof(text), "%s", accepted[_i]);
	rules_quote(text);
	ck_assert_msg(facts_parse(text, strlen(text), &f, &report) == 0,
		      "%s: %s", text, report.items[0].text);
	facts_fini(&f);
}
END_TEST

static const struct {
	const char *text, *line; /* "f:LINE:COL: /pointer: words" */
} refused[] = {
	{ "", "the file is empty" },
	{ "[]", "f:1:1: the file must hold one object, and this is an array" },
	{ "{} {}", "f:1:4: more follows the end" },
	{ "{'ssid': 'a', 'ssid': 'a'}", "f:1:15: the key \"ssid\" stands" },
	{ "{\n 'Interface': 'WiFi'}",
	  "f:2:2: /Interface: unknown key (did you mean \"interface\"?)" },
	{ "{'ssids': []}",
	  "f:1:2: /ssids: unknown key (did you mean \"ssid\"?" },
	{ "{'weather': 1}", "f:1:2: /weather: unknown key" },
	{ "{'required': {'dsn': 'ok'}}",
	  "f:1:15: /required/dsn: unknown key (did you mean \"dns\"?)" },
	{ "{'interface': 'wifi'}",
	  "f:1:15: /interface: \"wifi\" is not one of \"WiFi\", \"Ethernet\", "
	  "\"Cellular\" (did you mean \"WiFi\"?)" },
	{ "{'interface': ''}", "f:1:15: /interface: \"\" is not one of" },
	{ "{'interface': 1}",
	  "f:1:15: /interface: must be a string, is a number" },
	{ "{'ssid': ''}", "f:1:10: /ssid: is no SSID" },
	{ "{'ssid': '012345678901234567890123456789012'}",
	  "/ssid: is no SSID: that has 1 to 32 bytes" },
	{ "{'ssid': ['a']}", "/ssid: must be a string, is an array" },
	{ "{'ssid_hex': ''}", "/ssid_hex: must be hexadecimal digits" },
	{ "{'ssid_hex': 'abc'}", "/ssid_hex: must be hexadecimal digits" },
	{ "{'ssid_hex': '0x41'}", "/ssid_hex: must be hexadecimal digits" },
	{ "{'ssid_hex': 'a '}", "/ssid_hex: must be hexadecimal digits" },
	{ "{'ssid_hex': '0000000000000000000000000000000000000000000000000000"
	  "00000000000000'}",
	  "/ssid_hex: must be hexadecimal digits" },
	{ "{'ssid': 'A', 'ssid_hex': '42'}",
	  "f:1:27: /ssid_hex: is another network than \"ssid\" says" },
	{ "{'ssid_hex': '42', 'ssid': 'A'}",
	  "/ssid: is another network than \"ssid_hex\" says" },
	{ "{'search_domains': 'a'}",
	  "/search_domains: must be an array, is a string" },
	{ "{'search_domains': null}",
	  "/search_domains: is null: leave the key out" },
	{ "{'search_domains': ['a', 'b c']}",
	  "f:1:26: /search_domains/1: \"b c\" is not a domain" },
	{ "{'search_domains': ['']}",
	  "/search_domains/0: \"\" is not a domain" },
	{ "{'search_domains': [1]}", "/search_domains/0: must be a string" },
	{ "{'domain_name': 'a..b'}", "/domain_name: \"a..b\" is not a domain" },
	{ "{'dns_servers': ['10.0.0.1', '10.0.0']}",
	  "/dns_servers/1: \"10.0.0\" is not an IP address" },
	{ "{'dns_servers': ['10.*']}", "/dns_servers/0: \"10.*\" is not" },
	{ "{'dns_servers': [null]}", "/dns_servers/0: is null" },
	{ "{'probes': []}", "/probes: must be an object, is an array" },
	{ "{'probes': {'x': 99}}",
	  "/probes/x: 99 is out of range: 100 to 599" },
	{ "{'probes': {'x': -200}}", "/probes/x: -200 is out of range" },
	{ "{'probes': {'x': 2e2}}", "/probes/x: must be a whole number" },
	{ "{'probes': {'a/b': 'ok'}}",
	  "/probes/a~1b: \"ok\" is not one of a status such as 200, "
	  "\"timeout\", \"tls\", \"dns\"" },
	{ "{'probes': {'x': null}}", "/probes/x: is null" },
	{ "{'probes': {'x': true}}", "/probes/x: must be a string, is true" },
	{ "{'trusted_probe': 'wrong'}",
	  "/trusted_probe: \"wrong\" is not one of \"ok\", \"wrong key\"" },
	{ "{'trusted_probe': true}", "/trusted_probe: must be a string" },
	{ "{'primary_is_vpn': 1}",
	  "/primary_is_vpn: must be true or false, is a number" },
	{ "{'metered': 'yes'}", "/metered: must be true or false" },
	{ "{'host': ''}", "/host: \"\" is not a DNS name or an IP address" },
	{ "{'host': 'https://a.example/'}", "/host: \"https://a.example/\"" },
	{ "{'host': '*.a'}", "/host: \"*.a\" is not a DNS name" },
	{ "{'resolves': 'fails'}", "/resolves: \"fails\" is not one of" },
	{ "{'required': null}", "/required: is null" },
	{ "{'required': {'dns': 'timeout'}}",
	  "/required/dns: \"timeout\" is not one of" },
	{ "{'required': {'probe': 1000}}",
	  "/required/probe: 1000 is out of range" },
};

START_TEST(refuses_the_rest_and_says_where)
{
	struct config_report report;
	char text[512], line[CONFIG_LINE_MAX];
	struct facts f;

	snprintf(text, sizeof(text), "%s", refused[_i].text);
	rules_quote(text);
	ck_assert_int_eq(facts_parse(text, strlen(text), &f, &report), -EINVAL);
	ck_assert_uint_eq(report.errors, 1);
	config_error_text(config_report_first(&report), "f", line,
			  sizeof(line));
	ck_assert_msg(strstr(line, refused[_i].line), "%s: %s", text, line);
}
END_TEST

START_TEST(tells_every_error)
{
	char text[] = "{'a1': 1, 'b2': 2, 'metered': 3}";
	struct config_report report;
	struct facts f;

	rules_quote(text);
	ck_assert_int_eq(facts_parse(text, strlen(text), &f, &report), -EINVAL);
	ck_assert_uint_eq(report.errors, 3);
}
END_TEST

START_TEST(warns_of_a_probe_that_no_rule_makes)
{
	struct rules_world *w = rules_create(
		"{'Action': 'Connect', 'URLStringProbe': 'https://p.example/'}",
		"", true);

	ck_assert(rules_facts(w, "'probes': {'https://p.example/': 200, "
				 "'https://q.example/': 200}"));
	facts_answer(&w->facts, &w->ondemand, &w->facts_report);
	ck_assert_uint_eq(w->facts_report.warnings, 1);
	ck_assert_uint_eq(w->facts_report.errors, 0);
	ck_assert_str_eq(w->facts_report.items[0].pointer,
			 "/probes/https:~1~1q.example~1");
	rules_destroy(w);
}
END_TEST

START_TEST(leaves_nothing_behind_when_memory_runs_out)
{
	char text[] = "{'interface': 'WiFi', 'search_domains': ['a', 'b'], "
		      "'dns_servers': ['10.0.0.1'], 'probes': {'x': 200}}";
	struct config_report report;
	struct facts f;
	unsigned long n = 0;
	int r;

	rules_quote(text);
	do {
		allocation_fail_at(++n);
		r = facts_parse(text, strlen(text), &f, &report);
		allocation_fail_at(0);
		ck_assert_int_eq(r, allocation_has_failed() ? -ENOMEM : 0);
	} while (r < 0);
	facts_fini(&f);
	ck_assert_uint_gt(n, 5);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("facts");
	TCase *t = tcase_create("files");

	tcase_add_loop_test(t, accepts_each_key, 0, ARRAY_SIZE(accepted));
	tcase_add_loop_test(t, refuses_the_rest_and_says_where, 0,
			    ARRAY_SIZE(refused));
	tcase_add_test(t, tells_every_error);
	tcase_add_test(t, warns_of_a_probe_that_no_rule_makes);
	tcase_add_test(t, leaves_nothing_behind_when_memory_runs_out);
	suite_add_tcase(s, t);
	return suite_run(s);
}
