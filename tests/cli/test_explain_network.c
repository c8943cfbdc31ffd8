/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `adit explain network` as a person or a script runs it, on files. */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/rules.h"
#include "tests/lib/suite.h"
#include "tunnel/cli/cli.h"

static char dir[32], profile_path[64], facts_path[64];
static char *out, *err;
static size_t out_len, err_len;
static cJSON *answer;

static void setup(void)
{
	strcpy(dir, "/tmp/adit-network-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(profile_path, sizeof(profile_path), "%s/p.json", dir);
	snprintf(facts_path, sizeof(facts_path), "%s/f.json", dir);
}

static void teardown(void)
{
	free(out);
	free(err);
	out = err = NULL;
	cJSON_Delete(answer);
	answer = NULL;
	unlink(profile_path);
	unlink(facts_path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
}

static void write_profile(const char *rules, const char *vendor, bool enabled)
{
	char *text = rules_profile_text(rules, vendor, enabled);

	write_text(profile_path, text);
	free(text);
}

static void write_facts(const char *facts)
{
	char text[4096];

	snprintf(text, sizeof(text), "%s", facts);
	rules_quote(text);
	write_text(facts_path, text);
}

static int run(int argc, const char **argv)
{
	FILE *o, *e;
	int code;

	free(out);
	free(err);
	o = open_memstream(&out, &out_len);
	e = open_memstream(&err, &err_len);
	code = cli_main(argc, (char **)(uintptr_t)argv, o, e);
	fclose(o);
	fclose(e);
	return code;
}

#define RUN(...)                                                 \
	run((int)ARRAY_SIZE(((const char *[]) { __VA_ARGS__ })), \
	    (const char *[]) { __VA_ARGS__, NULL })
#define EXPLAIN(...)                                                 \
	RUN("adit", "explain", "network", "--profile", profile_path, \
	    "--facts", facts_path, ##__VA_ARGS__)

/* The answer as JSON, on one line. */
static void explain(const char *rules, const char *vendor, const char *facts)
{
	write_profile(rules, vendor, true);
	write_facts(facts);
	ck_assert_msg(EXPLAIN("--json") == 0, "%s", err);
	ck_assert_str_eq(err, "");
	ck_assert_ptr_eq(strchr(out, '\n'), out + out_len - 1);
	cJSON_Delete(answer);
	answer = cJSON_Parse(out);
	ck_assert_msg(answer != NULL, "%s", out);
}

static const cJSON *get(const cJSON *object, const char *key)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);

	ck_assert_msg(value != NULL, "%s in %s", key, out);
	return value;
}

static void ck_json(const cJSON *value, const char *wanted)
{
	char text[512], *got = cJSON_PrintUnformatted(value);
	cJSON *json;

	snprintf(text, sizeof(text), "%s", wanted);
	rules_quote(text);
	json = cJSON_Parse(text);
	ck_assert_msg(cJSON_Compare(json, value, true), "%s, not %s", got,
		      text);
	cJSON_Delete(json);
	cJSON_free(got);
}

static const cJSON *criterion(int rule, int at)
{
	return cJSON_GetArrayItem(
		get(cJSON_GetArrayItem(get(answer, "because"), rule),
		    "criteria"),
		at);
}

/* Has it a warning with this part? */
static bool warns(const char *part)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, get(answer, "warnings"))
	{
		if (strstr(item->valuestring, part))
			return true;
	}
	return false;
}

#define CONNECT "{'Action': 'Connect'}"
#define CORP                                                                   \
	"{'Action': 'Disconnect', 'InterfaceTypeMatch': 'WiFi', "              \
	"'SSIDMatch': ['Corp', 'Corp5'], 'DNSDomainMatch': ['corp.example'], " \
	"'DNSServerAddressMatch': ['10.*', '2001:db8::1'], "                   \
	"'URLStringProbe': 'https://p.example/'}"
#define EVALUATE                                                        \
	"{'Action': 'EvaluateConnection', 'ActionParameters': ["        \
	"{'Domains': ['my.example'], 'DomainAction': 'NeverConnect'}, " \
	"{'Domains': ['*.example'], 'DomainAction': 'ConnectIfNeeded'}]}"

START_TEST(says_what_each_criterion_wants_and_finds)
{
	explain(CORP "," CONNECT, "",
		"{'interface': 'WiFi', 'ssid': 'Corp', "
		"'search_domains': ['a.corp.example'], 'domain_name': 'x', "
		"'dns_servers': ['10.1.2.3', '2001:0db8::0001'], "
		"'probes': {'https://p.example/': 301}}");
	ck_json(get(answer, "rule"), "1");
	ck_json(get(answer, "action"), "'Connect'");
	ck_assert_int_eq(cJSON_GetArraySize(get(answer, "because")), 2);
	ck_json(criterion(0, 0), "{'name': 'InterfaceTypeMatch', "
				 "'wanted': 'WiFi', 'found': 'WiFi', "
				 "'ok': true}");
	ck_json(criterion(0, 1), "{'name': 'SSIDMatch', 'wanted': "
				 "['Corp', 'Corp5'], 'found': 'Corp', "
				 "'ok': true}");
	ck_json(criterion(0, 2), "{'name': 'DNSDomainMatch', 'wanted': "
				 "['corp.example'], 'found': "
				 "['a.corp.example', 'x'], 'ok': true}");
	ck_json(criterion(0, 3), "{'name': 'DNSServerAddressMatch', 'wanted': "
				 "['10.*', '2001:db8::1'], 'found': "
				 "['10.1.2.3', '2001:db8::1'], 'ok': true}");
	ck_json(criterion(0, 4), "{'name': 'URLStringProbe', 'wanted': "
				 "'https://p.example/', 'found': 301, "
				 "'ok': false}");
	ck_assert_ptr_null(criterion(0, 5));
	ck_assert_ptr_null(criterion(1, 0));
	ck_assert(!cJSON_HasObjectItem(answer, "connection"));
}
END_TEST

START_TEST(says_that_a_probe_was_not_asked)
{
	explain(CORP "," CONNECT, "",
		"{'interface': 'Ethernet', 'ssid': 'Corp', "
		"'probes': {'https://p.example/': 200}}");
	ck_json(get(criterion(0, 0), "ok"), "false");
	ck_json(get(criterion(0, 1), "ok"), "false");
	ck_json(get(criterion(0, 2), "found"), "[]");
	ck_json(criterion(0, 4), "{'name': 'URLStringProbe', 'wanted': "
				 "'https://p.example/', 'found': null, "
				 "'ok': false}");
	ck_assert(warns("an SSID is there on Wi-Fi only"));
}
END_TEST

START_TEST(says_what_the_trusted_probe_found)
{
	static const char vendor[] =
		", 'TrustedProbe': {'Host': 't.example', 'Port': 8443, "
		"'PublicKeySHA256': "
		"['RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=']}";
	static const char rules[] =
		"{'Action': 'Disconnect', 'SSIDMatch': ['Corp']}," CONNECT;

	explain(rules, vendor,
		"{'interface': 'WiFi', 'ssid': 'Corp', "
		"'trusted_probe': 'wrong key'}");
	ck_json(get(answer, "rule"), "1");
	ck_json(criterion(0, 1), "{'name': 'TrustedProbe', 'wanted': "
				 "'t.example port 8443', "
				 "'found': 'wrong key', 'ok': false}");
	explain(rules, vendor,
		"{'interface': 'WiFi', 'ssid': 'Corp', 'trusted_probe': 'ok'}");
	ck_json(get(answer, "action"), "'Disconnect'");
	explain(rules, vendor, "{'interface': 'WiFi', 'ssid': 'Corp'}");
	ck_json(get(criterion(0, 1), "found"), "'no answer'");
}
END_TEST

START_TEST(says_why_nothing_is_evaluated)
{
	static const struct {
		const char *facts, *text;
		bool enabled;
	} rows[] = {
		{ "{}", "there is no network", true },
		{ "{'interface': 'WiFi', 'primary_is_vpn': true}",
		  "another VPN is the primary network", true },
		{ "{'interface': 'WiFi'}", "on demand is not enabled", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		write_profile(CONNECT, "", rows[i].enabled);
		write_facts(rows[i].facts);
		ck_assert_int_eq(EXPLAIN("--json"), 0);
		cJSON_Delete(answer);
		answer = cJSON_Parse(out);
		ck_json(get(answer, "rule"), "null");
		ck_json(get(answer, "action"), "null");
		ck_json(get(answer, "because"), "[]");
		ck_assert_ptr_nonnull(strstr(get(answer, "state")->valuestring,
					     rows[i].text));
		ck_assert_int_eq(EXPLAIN(), 0);
		ck_assert_ptr_nonnull(strstr(out, rows[i].text));
	}
}
END_TEST

START_TEST(no_match_has_no_action)
{
	explain("{'Action': 'Connect', 'InterfaceTypeMatch': 'WiFi'}", "",
		"{'interface': 'Cellular'}");
	ck_json(get(answer, "rule"), "null");
	ck_json(get(answer, "action"), "null");
	ck_assert_int_eq(cJSON_GetArraySize(get(answer, "because")), 1);
	ck_assert(warns("no rule without criteria ends the list"));
	ck_assert_int_eq(EXPLAIN(), 0);
	ck_assert_ptr_nonnull(strstr(out, "no rule matches"));
}
END_TEST

START_TEST(r11_says_that_the_ssid_is_unavailable)
{
	explain(CORP "," CONNECT, "", "{'interface': 'WiFi', 'ssid': null}");
	ck_assert(warns("SSID unavailable"));
	ck_json(get(criterion(0, 1), "found"), "null");
	/* Nobody needs it. */
	explain(CONNECT, "", "{'interface': 'WiFi'}");
	ck_assert(!warns("SSID unavailable"));
}
END_TEST

START_TEST(shows_bytes_that_are_no_text)
{
	explain(CORP "," CONNECT, "",
		"{'interface': 'WiFi', 'ssid_hex': '436166e90a00'}");
	ck_json(get(criterion(0, 1), "found"), "'Caf\\\\xe9\\n\\\\x00'");
	ck_json(get(criterion(0, 1), "found_hex"), "'436166e90a00'");
	/* A person's terminal is not steered. */
	explain(CORP "," CONNECT, "",
		"{'interface': 'WiFi', 'ssid_hex': '1b5b324a'}");
	ck_json(get(criterion(0, 1), "found"), "'\\u001b[2J'");
	ck_assert_int_eq(EXPLAIN(), 0);
	ck_assert_ptr_null(strchr(out, '\x1b'));
}
END_TEST

START_TEST(judges_a_connection)
{
	explain(EVALUATE, "",
		"{'interface': 'WiFi', 'host': 'a.example', "
		"'resolves': 'nxdomain'}");
	ck_json(get(answer, "action"), "'EvaluateConnection'");
	ck_json(get(answer, "connection"), "'start'");
	ck_json(get(answer, "parameter"), "1");
	explain(EVALUATE, "",
		"{'interface': 'WiFi', 'host': 'my.example', "
		"'resolves': 'nxdomain'}");
	ck_json(get(answer, "connection"), "'no'");
	ck_json(get(answer, "parameter"), "0");
	ck_assert_int_eq(EXPLAIN(), 0);
	ck_assert_ptr_nonnull(strstr(out, "my.example: starts nothing: its "
					  "DomainAction is NeverConnect\n"));
	explain(EVALUATE, "", "{'interface': 'WiFi'}");
	ck_json(get(answer, "connection"), "'no'");
	ck_json(get(answer, "parameter"), "null");
	/* Another rule decides: nobody asks about the host. */
	explain(CONNECT "," EVALUATE, "",
		"{'interface': 'WiFi', 'host': 'a.example', "
		"'resolves': 'nxdomain'}");
	ck_assert(!cJSON_HasObjectItem(answer, "connection"));
}
END_TEST

START_TEST(starts_nothing_where_it_costs)
{
	explain(EVALUATE, ", 'OnMetered': 'hold'",
		"{'interface': 'Cellular', 'metered': true, "
		"'host': 'a.example', 'resolves': 'timeout'}");
	ck_json(get(answer, "connection"), "'no'");
	ck_assert(warns("OnMetered is \"hold\""));
	explain(CONNECT, ", 'OnMetered': 'hold'",
		"{'interface': 'Cellular', 'metered': true}");
	ck_json(get(answer, "action"), "'Connect'");
	ck_assert(warns("nothing is started"));
}
END_TEST

START_TEST(tells_the_warnings_of_the_rules_again)
{
	explain("{'Action': 'Connect', 'SSIDMatch': ['Corp ']}," CONNECT, "",
		"{'interface': 'WiFi', 'ssid': 'Corp', "
		"'probes': {'https://typo.example/': 200}}");
	ck_assert(warns("has a space at an end"));
	ck_assert(warns("no rule has this URLStringProbe"));
	ck_assert(!warns("nonexistent")); /* not about the rules */
}
END_TEST

START_TEST(speaks_to_a_person)
{
	static const char wanted[] =
		"Connect, by rule 1\n"
		"rule 0 (Disconnect) does not match:\n"
		"  InterfaceTypeMatch fits: wants \"WiFi\", found \"WiFi\"\n"
		"  SSIDMatch fails: wants [\"Corp\"], found \"Caf\\\"e\"\n"
		"rule 1 (Connect) matches:\n"
		"  it has no criteria\n";

	write_profile("{'Action': 'Disconnect', 'InterfaceTypeMatch': 'WiFi', "
		      "'SSIDMatch': ['Corp']}," CONNECT,
		      "", true);
	write_facts("{'interface': 'WiFi', 'ssid': 'Caf\\\"e'}");
	ck_assert_int_eq(EXPLAIN(), 0);
	ck_assert_msg(strncmp(out, wanted, strlen(wanted)) == 0, "%s", out);
	ck_assert_str_eq(err, "");
}
END_TEST

static void ck_refused(const char *part)
{
	ck_assert_msg(strstr(err, part) &&
			      strchr(err, '\n') == err + err_len - 1,
		      "\"%s\" has no \"%s\"", err, part);
	ck_assert_str_eq(out, "");
}

START_TEST(says_what_is_missing)
{
	write_profile(CONNECT, "", true);
	ck_assert_int_eq(
		RUN("adit", "explain", "network", "--profile", profile_path),
		CTL_EXIT_USAGE);
	ck_refused("--facts FILE is missing");
	ck_assert_int_eq(
		RUN("adit", "explain", "network", "--facts", facts_path),
		CTL_EXIT_USAGE);
	ck_refused("--profile FILE is missing");
	ck_assert_int_eq(EXPLAIN("wiki"), CTL_EXIT_USAGE);
	ck_refused("one argument too many");
	ck_assert_int_eq(EXPLAIN("--full"), CTL_EXIT_USAGE);
	ck_refused("explain dns");
	ck_assert_int_eq(RUN("adit", "explain", "dns", "wiki", "--facts", "x"),
			 CTL_EXIT_USAGE);
	ck_refused("--facts goes with");
}
END_TEST

START_TEST(says_what_is_wrong_with_the_files)
{
	char line[128];

	write_profile(CONNECT, "", true);
	ck_assert_int_eq(EXPLAIN("--json"), CTL_EXIT_USAGE);
	snprintf(line, sizeof(line), "%s: there is no such file", facts_path);
	ck_refused(line);
	write_facts("{'interface': 'WiFi',\n 'weather': 'fine'}");
	ck_assert_int_eq(EXPLAIN("--json"), CTL_EXIT_USAGE);
	snprintf(line, sizeof(line), "%s:2:2: /weather: unknown key",
		 facts_path);
	ck_refused(line);
	write_facts("{}");
	write_profile("{'Action': 'Allow'}", "", true);
	ck_assert_int_eq(EXPLAIN("--json"), CTL_EXIT_USAGE);
	snprintf(line, sizeof(line), "%s:", profile_path);
	ck_assert_ptr_eq(strstr(err, line), err);
	ck_assert_ptr_nonnull(strstr(err, "EvaluateConnection"));
	ck_assert_str_eq(out, "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("explain_network");
	TCase *t = tcase_create("files");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, says_what_each_criterion_wants_and_finds);
	tcase_add_test(t, says_that_a_probe_was_not_asked);
	tcase_add_test(t, says_what_the_trusted_probe_found);
	tcase_add_test(t, says_why_nothing_is_evaluated);
	tcase_add_test(t, no_match_has_no_action);
	tcase_add_test(t, r11_says_that_the_ssid_is_unavailable);
	tcase_add_test(t, shows_bytes_that_are_no_text);
	tcase_add_test(t, judges_a_connection);
	tcase_add_test(t, starts_nothing_where_it_costs);
	tcase_add_test(t, tells_the_warnings_of_the_rules_again);
	tcase_add_test(t, speaks_to_a_person);
	tcase_add_test(t, says_what_is_missing);
	tcase_add_test(t, says_what_is_wrong_with_the_files);
	suite_add_tcase(s, t);
	return suite_run(s);
}
