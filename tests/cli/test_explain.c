/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `adit explain dns` as a person or a script runs it: the rows of
 * tests/dns/cases.json, each with a profile made for it, and what is refused.
 */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/suite.h"
#include "tunnel/cli/cli.h"

enum {
	FILE_MAX = 256 * 1024,
};

static cJSON *cases;
static char dir[32], profile_path[64], list_path[64];
static char *out, *err;
static size_t out_len, err_len;

/* NULL: it cannot be read, or is too long. Also used outside of tests, where
 * check's macros may not be. */
static char *read_text(const char *path)
{
	char *text = calloc(1, FILE_MAX);
	FILE *file = fopen(path, "r");

	if (text == NULL || file == NULL ||
	    fread(text, 1, FILE_MAX, file) == FILE_MAX) {
		free(text);
		text = NULL;
	}
	if (file != NULL)
		fclose(file);
	return text;
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
}

static int read_cases(void)
{
	char *text = read_text("tests/dns/cases.json");

	cases = text ? cJSON_Parse(text) : NULL;
	free(text);
	return cases ? 0 : -1;
}

static void setup(void)
{
	strcpy(dir, "/tmp/adit-explain-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(profile_path, sizeof(profile_path), "%s/p.json", dir);
	snprintf(list_path, sizeof(list_path), "%s/list", dir);
}

static void teardown(void)
{
	free(out);
	free(err);
	out = err = NULL;
	unlink(profile_path);
	unlink(list_path);
	ck_assert_int_eq(rmdir(dir), 0);
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

static const char *text_of(const cJSON *row, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItem(row, key));
}

/* Copies row[from] to object[to], if it is there. */
static void take(const cJSON *row, const char *from, cJSON *object,
		 const char *to)
{
	const cJSON *value = cJSON_GetObjectItem(row, from);

	if (value != NULL)
		cJSON_AddItemToObject(object, to, cJSON_Duplicate(value, true));
}

static cJSON *make_dns(const cJSON *row)
{
	cJSON *dns = cJSON_CreateObject();
	cJSON *servers = cJSON_AddArrayToObject(dns, "ServerAddresses");

	cJSON_AddItemToArray(servers, cJSON_CreateString("10.20.0.53"));
	cJSON_AddStringToObject(dns, "Protocol", "Cleartext");
	take(row, "match", dns, "SupplementalMatchDomains");
	take(row, "no_search", dns, "SupplementalMatchDomainsNoSearch");
	take(row, "search", dns, "SearchDomains");
	take(row, "domain_name", dns, "DomainName");
	return dns;
}

static void add_list(const cJSON *row, cJSON *vendor)
{
	cJSON *lists, *list;

	if (text_of(row, "list") == NULL)
		return;
	write_text(list_path, text_of(row, "list"));
	lists = cJSON_AddArrayToObject(vendor, "BlockLists");
	list = cJSON_CreateObject();
	cJSON_AddStringToObject(list, "File", list_path);
	cJSON_AddStringToObject(list, "Format", "domains");
	cJSON_AddItemToArray(lists, list);
}

static void make_profile(const cJSON *row)
{
	static const char frame[] =
		"{\"Type\": \"com.apple.configuration.network.vpn.vpn-plugin\","
		" \"Identifier\": \"test\", \"Payload\": {"
		"\"VisibleName\": \"Test\","
		"\"SubType\": \"org.adit.packet-tunnel\","
		"\"Authentication\": {\"Method\": \"Certificate\"},"
		"\"VendorConfig\": {\"CAFile\": \"/nonexistent/ca.pem\","
		" \"Identity\": {\"CertificateFile\": \"/nonexistent/a.pem\","
		" \"PrivateKeyFile\": \"/nonexistent/a.key\"}}}}";
	cJSON *profile = cJSON_Parse(frame), *routing;
	cJSON *payload = cJSON_GetObjectItem(profile, "Payload");
	cJSON *vendor = cJSON_GetObjectItem(payload, "VendorConfig");
	const cJSON *extra;
	char *text;

	cJSON_AddStringToObject(payload, "HostName",
				text_of(row, "host") ? text_of(row, "host")
						     : "vpn.gateway.test");
	if (!cJSON_IsFalse(cJSON_GetObjectItem(row, "dns")))
		cJSON_AddItemToObject(payload, "DNS", make_dns(row));
	routing = cJSON_AddObjectToObject(payload, "NetworkRouting");
	take(row, "everything", routing, "IncludeAllNetworks");
	take(row, "routes", vendor, "Routes");
	cJSON_ArrayForEach(extra, cJSON_GetObjectItem(row, "vendor"))
		cJSON_AddItemToObject(vendor, extra->string,
				      cJSON_Duplicate(extra, true));
	add_list(row, vendor);
	text = cJSON_Print(profile);
	write_text(profile_path, text);
	cJSON_free(text);
	cJSON_Delete(profile);
}

static int explain(const cJSON *row, bool json)
{
	const char *argv[12] = { "adit", "explain" };
	int argc = 2;

	if (cJSON_IsTrue(cJSON_GetObjectItem(row, "full")))
		argv[argc++] = "--full";
	if (text_of(row, "system") != NULL) {
		argv[argc++] = "--system-search";
		argv[argc++] = text_of(row, "system");
	}
	argv[argc++] = "dns";
	argv[argc++] = "--profile";
	argv[argc++] = profile_path;
	argv[argc++] = text_of(row, "name");
	if (json)
		argv[argc++] = "--json";
	return run(argc, argv);
}

/* Four keys, in this order, and one line. */
static cJSON *parse_answer(void)
{
	static const char *const keys[] = { "asked", "server", "match",
					    "because" };
	cJSON *answer = cJSON_Parse(out);
	const cJSON *item;
	size_t i = 0;

	ck_assert_msg(answer != NULL, "%s%s", out, err);
	cJSON_ArrayForEach(item, answer)
	{
		ck_assert_uint_lt(i, ARRAY_SIZE(keys));
		ck_assert_str_eq(item->string, keys[i++]);
	}
	ck_assert_uint_eq(i, ARRAY_SIZE(keys));
	ck_assert_ptr_eq(strchr(out, '\n'), out + out_len - 1);
	ck_assert_uint_gt(strlen(text_of(answer, "because")), 5);
	return answer;
}

START_TEST(explains_each_row)
{
	const cJSON *row = cJSON_GetArrayItem(cases, _i);
	cJSON *answer;

	make_profile(row);
	ck_assert_msg(explain(row, true) == 0, "%s", err);
	answer = parse_answer();
	ck_assert_msg(
		cJSON_Compare(cJSON_GetObjectItem(row, "asked"),
			      cJSON_GetObjectItem(answer, "asked"), true) &&
			cJSON_Compare(cJSON_GetObjectItem(row, "server"),
				      cJSON_GetObjectItem(answer, "server"),
				      true) &&
			cJSON_Compare(cJSON_GetObjectItem(row, "suffix"),
				      cJSON_GetObjectItem(answer, "match"),
				      true),
		"row %s, case %d: %s: %s", text_of(row, "row"), _i + 1,
		text_of(row, "name"), out);
	/* A person is told the same. */
	ck_assert_int_eq(explain(row, false), 0);
	ck_assert_ptr_nonnull(strstr(out, text_of(answer, "because")));
	cJSON_Delete(answer);
}
END_TEST

START_TEST(has_each_row_of_the_tables)
{
	static const char *const wanted[] = { "M1",  "M2", "M5", "M7",	"M9",
					      "M11", "S1", "S2", "S3",	"S4",
					      "S6",  "S7", "S8", "S11", "S14" };
	const cJSON *row;

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		bool there = false;

		cJSON_ArrayForEach(row, cases) there =
			there || strcmp(text_of(row, "row"), wanted[i]) == 0;
		ck_assert_msg(there, "%s", wanted[i]);
	}
	printf("note: %d cases of tests/dns/cases.json explained\n",
	       cJSON_GetArraySize(cases));
}
END_TEST

START_TEST(speaks_to_a_person)
{
	static const char wanted[] =
		"wiki.corp.ex is asked through the tunnel:\n"
		"  it is completed by search domain corp.ex\n"
		"while a name does not exist, the next one:\n"
		"  wiki.lan is asked of the uplink: it is in no match domain\n"
		"the tunnel's servers: 10.20.0.53\n";
	cJSON *row = cJSON_Parse("{\"match\": [\"corp.ex\"]}");

	make_profile(row);
	cJSON_Delete(row);
	ck_assert_int_eq(RUN("adit", "explain", "dns", "wiki", "--profile",
			     profile_path, "--system-search", "lan"),
			 0);
	ck_assert_str_eq(out, wanted);
	ck_assert_str_eq(err, "");
	ck_assert_int_eq(RUN("adit", "explain", "dns", "wiki.", "--profile",
			     profile_path),
			 0);
	ck_assert_str_eq(out, "wiki is asked of the uplink:\n"
			      "  it is in no match domain\n");
}
END_TEST

START_TEST(takes_options_anywhere)
{
	char *first;

	make_profile(NULL);
	ck_assert_int_eq(RUN("adit", "explain", "dns", "wiki", "--json",
			     "--full", "--system-search=lan", "--profile",
			     profile_path),
			 0);
	first = strdup(out);
	ck_assert_int_eq(RUN("adit", "explain", "--profile", profile_path,
			     "--system-search", "lan", "--full", "dns",
			     "--json", "wiki"),
			 0);
	ck_assert_str_eq(first, out);
	free(first);
}
END_TEST

static const struct {
	const char *name, *search, *part;
} refused[] = {
	{ "", "lan", "\"\" is empty" },
	{ "..", "lan", "label" },
	{ "a..b", "lan", "label" },
	{ ".a", "lan", "label" },
	{ "a b", "lan", "is no DNS name" },
	{ "*.corp", "lan", "is no DNS name" },
	{ "http://wiki/", "lan", "is no DNS name" },
	{ "b\xc3\xbc"
	  "cher.example",
	  "lan", "A-label" },
	{ "10.1.2.3", "lan", "3.2.1.10.in-addr.arpa" },
	{ "::1", "lan", "1.0.0.0." },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "lan", "longer than 63" },
	{ "wiki", "lan,a b", "--system-search: \"a b\"" },
	{ "wiki", "lan,a..b", "label" },
	{ "a\x1b[2J", "lan", "is no DNS name" },
};

/* One line, without a character that steers a terminal. */
static void check_error(const char *part)
{
	ck_assert_msg(strncmp(err, "adit: explain", 13) == 0 &&
			      strstr(err, part) && !strchr(err, '\x1b') &&
			      strchr(err, '\n') == err + err_len - 1,
		      "\"%s\" has no \"%s\"", err, part);
	ck_assert_str_eq(out, "");
}

START_TEST(refuses_what_is_no_question)
{
	make_profile(NULL);
	ck_assert_int_eq(RUN("adit", "explain", "dns", refused[_i].name,
			     "--system-search", refused[_i].search, "--profile",
			     profile_path),
			 CTL_EXIT_USAGE);
	check_error(refused[_i].part);
}
END_TEST

START_TEST(refuses_what_is_incomplete)
{
	ck_assert_int_eq(RUN("adit", "explain"), CTL_EXIT_USAGE);
	check_error("help explain");
	ck_assert_int_eq(RUN("adit", "explain", "weather"), CTL_EXIT_USAGE);
	check_error("\"adit explain weather\"");
	ck_assert_int_eq(RUN("adit", "explain", "dns", "--profile", "x"),
			 CTL_EXIT_USAGE);
	check_error("which NAME?");
	/* Without a profile it is aditd's to say, and there is none. */
	ck_assert_int_eq(RUN("adit", "explain", "dns", "wiki", "--runtime-dir",
			     "/nonexistent"),
			 CTL_EXIT_NO_DAEMON);
	check_error("no aditd answers");
	ck_assert_int_eq(RUN("adit", "explain", "dns", "wiki", "--full"),
			 CTL_EXIT_USAGE);
	check_error("go with --profile");
	ck_assert_int_eq(RUN("adit", "explain", "dns", "wiki", "--full=1"),
			 CTL_EXIT_USAGE);
	check_error("takes no value");
}
END_TEST

START_TEST(says_what_is_wrong_with_the_profile)
{
	char *text, line[128];

	ck_assert_int_eq(RUN("adit", "explain", "dns", "wiki", "--profile",
			     profile_path),
			 CTL_EXIT_USAGE);
	ck_assert_ptr_nonnull(strstr(err, "no such file"));
	make_profile(NULL);
	text = read_text(profile_path);
	ck_assert_ptr_nonnull(text);
	memcpy(strstr(text, "HostName"), "HostMame", 8);
	write_text(profile_path, text);
	free(text);
	ck_assert_int_eq(RUN("adit", "explain", "dns", "wiki", "--profile",
			     profile_path, "--json"),
			 CTL_EXIT_USAGE);
	ck_assert_str_eq(out, "");
	snprintf(line, sizeof(line), "%s:", profile_path);
	ck_assert_ptr_eq(strstr(err, line), err);
	ck_assert_ptr_nonnull(strstr(err, "did you mean \"HostName\"?"));
}
END_TEST

START_TEST(tells_of_a_list_that_it_cannot_read)
{
	cJSON *row = cJSON_Parse("{\"list\": \"ads.example\\n\"}");

	make_profile(row);
	cJSON_Delete(row);
	ck_assert_int_eq(unlink(list_path), 0);
	ck_assert_int_eq(RUN("adit", "explain", "dns", "ads.example",
			     "--profile", profile_path),
			 0);
	ck_assert_ptr_nonnull(strstr(err, list_path));
	ck_assert_ptr_nonnull(strstr(err, "\"open\""));
	/* A FIFO without a writer, on which an open could wait. */
	ck_assert_int_eq(mkfifo(list_path, 0600), 0);
	ck_assert_int_eq(RUN("adit", "explain", "dns", "ads.example",
			     "--profile", profile_path),
			 0);
	ck_assert_ptr_nonnull(strstr(err, list_path));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("explain");
	TCase *t = tcase_create("dns");
	int code;

	if (read_cases() < 0) {
		fputs("tests/dns/cases.json cannot be read\n", stderr);
		return 1;
	}
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, explains_each_row, 0, cJSON_GetArraySize(cases));
	tcase_add_test(t, has_each_row_of_the_tables);
	tcase_add_test(t, speaks_to_a_person);
	tcase_add_test(t, takes_options_anywhere);
	tcase_add_loop_test(t, refuses_what_is_no_question, 0,
			    ARRAY_SIZE(refused));
	tcase_add_test(t, refuses_what_is_incomplete);
	tcase_add_test(t, says_what_is_wrong_with_the_profile);
	tcase_add_test(t, tells_of_a_list_that_it_cannot_read);
	suite_add_tcase(s, t);
	code = suite_run(s);
	cJSON_Delete(cases);
	return code;
}
