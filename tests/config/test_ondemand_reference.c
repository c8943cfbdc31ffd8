/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random rules on random networks, against a second reading of the contract
 * that works on the JSON itself, with texts; and how long many rules take. */
#include <arpa/inet.h>
#include <check.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lib/rules.h"
#include "tests/lib/suite.h"

enum {
	ROUNDS = 1000,
	TEXT_MAX = 8192,
	MANY_RULES = 200,
	EACH = 33, /* of three lists, and an interface: 100 criteria */
	RUNS = 50,
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	LIMIT_US = 50000, /* the instruments' time is not ours */
#else
	LIMIT_US = 1000,
#endif
};

static uint32_t seed;

static unsigned int below(unsigned int n)
{
	seed = seed * 1664525u + 1013904223u; /* Numerical Recipes */
	return (seed >> 8) % n;
}

static const char *const interfaces[] = { "WiFi", "Ethernet", "Cellular" };
static const char *const ssids[] = { "Corp", "corp", "Corp ", "Caf\\u00e9" };
static const char *const domains[] = { "example.com",	"EXAMPLE.com.",
				       "a.example.com", "bexample.com",
				       "com",		"b.example" };
static const char *const patterns[] = { "*", "*.example.com", "*.b.example" };
static const char *const servers[] = { "10.0.0.53",	"10.1.0.53",
				       "100.0.0.53",	"2001:db8::1",
				       "2001:DB8:0::1", "fd00::53" };
static const char *const fronts[] = { "10.*", "10.0.*", "100.0.0.*" };
static const char *const urls[] = { "https://a.example/",
				    "https://b.example/" };
static const char *const answers[] = { "200", "204", "'timeout'", "'tls'" };
static const char *const actions[] = { "Connect", "Disconnect", "Ignore" };
static const char *const trusts[] = { "ok", "wrong key", "timeout" };

#define PICK(list) (list)[below(ARRAY_SIZE(list))]

/* "'NAME': [...]" of up to three items. */
static void put_list(FILE *to, const char *name, const char *const *from,
		     size_t count, const char *const *more, size_t more_count)
{
	unsigned int n = below(4);

	fprintf(to, ", '%s': [", name);
	for (unsigned int i = 0; i < n; i++) {
		size_t at = below((unsigned int)(count + more_count));

		fprintf(to, "%s'%s'", i ? ", " : "",
			at < count ? from[at] : more[at - count]);
	}
	fputc(']', to);
}

static void put_rule(FILE *to)
{
	fprintf(to, "{'Action': '%s'", PICK(actions));
	if (below(3) == 0)
		fprintf(to, ", 'InterfaceTypeMatch': '%s'", PICK(interfaces));
	if (below(3) == 0)
		put_list(to, "SSIDMatch", ssids, ARRAY_SIZE(ssids), NULL, 0);
	if (below(3) == 0)
		put_list(to, "DNSDomainMatch", domains, ARRAY_SIZE(domains),
			 patterns, ARRAY_SIZE(patterns));
	if (below(3) == 0)
		put_list(to, "DNSServerAddressMatch", servers,
			 ARRAY_SIZE(servers), fronts, ARRAY_SIZE(fronts));
	if (below(4) == 0)
		fprintf(to, ", 'URLStringProbe': '%s'", PICK(urls));
	fputc('}', to);
}

static void make_rules(char text[TEXT_MAX])
{
	FILE *to = fmemopen(text, TEXT_MAX, "w");
	unsigned int n = below(6);

	for (unsigned int i = 0; i <= n; i++) {
		fputs(i ? ", " : "", to);
		put_rule(to);
	}
	fclose(to);
}

static void make_facts(char text[TEXT_MAX])
{
	FILE *to = fmemopen(text, TEXT_MAX, "w");

	fprintf(to, "'metered': %s", below(2) ? "true" : "false");
	if (below(10) > 0)
		fprintf(to, ", 'interface': '%s'", PICK(interfaces));
	if (below(2) == 0)
		fprintf(to, ", 'ssid': '%s'", PICK(ssids));
	if (below(4) > 0)
		put_list(to, "search_domains", domains, ARRAY_SIZE(domains),
			 NULL, 0);
	if (below(4) == 0)
		fprintf(to, ", 'domain_name': '%s'", PICK(domains));
	if (below(4) > 0)
		put_list(to, "dns_servers", servers, ARRAY_SIZE(servers), NULL,
			 0);
	if (below(2) == 0)
		fprintf(to, ", 'probes': {'%s': %s}", PICK(urls),
			PICK(answers));
	if (below(2) == 0)
		fprintf(to, ", 'trusted_probe': '%s'", PICK(trusts));
	if (below(12) == 0)
		fputs(", 'primary_is_vpn': true", to);
	fclose(to);
}

/* --- The second reading. --- */

static const char *text_of(const cJSON *object, const char *key)
{
	const char *text = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(object, key));

	return text ? text : "";
}

/* ".a.example.com." in small letters, so that a suffix is a substring. */
static void dotted(const char *name, char buf[256])
{
	size_t len;

	snprintf(buf, 256, ".%s", strncmp(name, "*.", 2) ? name : name + 2);
	len = strlen(buf);
	if (buf[len - 1] != '.')
		strcat(buf, ".");
	for (char *c = buf; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 32);
}

static bool domain_fits(const char *name, const char *pattern)
{
	char a[256], b[256];

	if (strcmp(pattern, "*") == 0)
		return true;
	dotted(name, a);
	dotted(pattern, b);
	return strlen(a) >= strlen(b) &&
	       strcmp(a + strlen(a) - strlen(b), b) == 0;
}

static bool server_fits(const char *server, const char *pattern)
{
	unsigned char a[16], b[16];
	size_t len = strlen(pattern);

	if (pattern[len - 1] == '*')
		return strncmp(server, pattern, len - 1) == 0;
	if (inet_pton(AF_INET6, server, a) == 1)
		return inet_pton(AF_INET6, pattern, b) == 1 &&
		       memcmp(a, b, 16) == 0;
	return strcmp(server, pattern) == 0;
}

static bool ssid_fits(const char *ssid, const char *pattern)
{
	return strcmp(ssid, pattern) == 0;
}

/* How many of `found` one of `wanted` fits. */
static int fitting(const cJSON *found, const cJSON *wanted,
		   bool (*fits)(const char *, const char *))
{
	const cJSON *f, *w;
	int n = 0;

	cJSON_ArrayForEach(f, found)
	{
		bool any = false;

		cJSON_ArrayForEach(w, wanted) any =
			any || fits(f->valuestring, w->valuestring);
		n += any;
	}
	return n;
}

static bool reference_matches(const cJSON *rule, const cJSON *facts, bool any,
			      bool trusted)
{
	const cJSON *ssid = cJSON_GetObjectItem(rule, "SSIDMatch");
	const cJSON *domain = cJSON_GetObjectItem(rule, "DNSDomainMatch");
	const cJSON *server =
		cJSON_GetObjectItem(rule, "DNSServerAddressMatch");
	const cJSON *found = cJSON_GetObjectItem(facts, "dns_servers");
	const char *type = text_of(rule, "InterfaceTypeMatch");
	const char *url = text_of(rule, "URLStringProbe");
	cJSON *own = cJSON_CreateArray(), *name = cJSON_CreateArray();
	bool fits = !*type || strcmp(type, text_of(facts, "interface")) == 0;

	cJSON_AddItemToArray(own, cJSON_CreateString(text_of(facts, "ssid")));
	cJSON_AddItemToArray(name,
			     cJSON_CreateString(text_of(facts, "domain_name")));
	if (ssid && (strcmp(text_of(facts, "interface"), "WiFi") != 0 ||
		     fitting(own, ssid, ssid_fits) == 0))
		fits = false;
	if (domain &&
	    fitting(cJSON_GetObjectItem(facts, "search_domains"), domain,
		    domain_fits) == 0 &&
	    (!*text_of(facts, "domain_name") ||
	     fitting(name, domain, domain_fits) == 0))
		fits = false;
	if (server && (cJSON_GetArraySize(found) == 0 ||
		       fitting(found, server, server_fits) <
			       (any ? 1 : cJSON_GetArraySize(found))))
		fits = false;
	if (*url && cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(
			    cJSON_GetObjectItem(facts, "probes"), url)) != 200)
		fits = false;
	if (trusted && strcmp(text_of(rule, "Action"), "Disconnect") == 0 &&
	    cJSON_GetArraySize(rule) > 1 &&
	    strcmp(text_of(facts, "trusted_probe"), "ok") != 0)
		fits = false;
	cJSON_Delete(own);
	cJSON_Delete(name);
	return fits;
}

/* -2: nothing is evaluated; -1: none matches. */
static int reference(const char *rules, const char *facts, bool any,
		     bool trusted)
{
	char text[TEXT_MAX + 2];
	cJSON *r, *f;
	int at = -2;

	snprintf(text, sizeof(text), "[%s]", rules);
	rules_quote(text);
	r = cJSON_Parse(text);
	snprintf(text, sizeof(text), "{%s}", facts);
	rules_quote(text);
	f = cJSON_Parse(text);
	if (*text_of(f, "interface") &&
	    !cJSON_IsTrue(cJSON_GetObjectItem(f, "primary_is_vpn"))) {
		at = 0;
		while (at < cJSON_GetArraySize(r) &&
		       !reference_matches(cJSON_GetArrayItem(r, at), f, any,
					  trusted))
			at++;
		if (at == cJSON_GetArraySize(r))
			at = -1;
	}
	cJSON_Delete(r);
	cJSON_Delete(f);
	return at;
}

START_TEST(agrees_with_a_second_reading)
{
	static const char trust[] =
		", 'TrustedProbe': {'Host': 't.example', 'Port': 443, "
		"'PublicKeySHA256': "
		"['RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=']}";
	char rules[TEXT_MAX], facts[TEXT_MAX], vendor[512];
	int seen[3] = { 0 };

	for (seed = 0; seed < ROUNDS; seed++) {
		uint32_t round = seed;
		bool any = below(2), trusted = below(2);
		struct ondemand_decision d;
		struct rules_world *w;
		int wanted, got;

		make_rules(rules);
		make_facts(facts);
		seed = round;
		snprintf(vendor, sizeof(vendor), "%s%s",
			 any ? ", 'DNSServerMatch': 'any'" : "",
			 trusted ? trust : "");
		w = rules_create(rules, vendor, true);
		ck_assert_msg(w->profile && rules_facts(w, facts), "%s %s: %s",
			      rules, facts, w->report.items[0].text);
		facts_answer(&w->facts, &w->ondemand, &w->facts_report);
		d = rules_evaluate(w);
		got = d.outcome == ONDEMAND_MATCH      ? (int)d.rule
		      : d.outcome == ONDEMAND_NO_MATCH ? -1
						       : -2;
		wanted = reference(rules, facts, any, trusted);
		ck_assert_msg(got == wanted, "%u: %s with %s: rule %d, not %d",
			      round, rules, facts, got, wanted);
		seen[got < 0 ? got + 2 : 2]++;
		rules_destroy(w);
	}
	printf("note: %d random networks: %d matches, %d without, %d not "
	       "evaluated\n",
	       ROUNDS, seen[2], seen[1], seen[0]);
	ck_assert(seen[0] > 0 && seen[1] > 0 && seen[2] > 0);
}
END_TEST

/* Each list fits with its last item alone, so nothing is skipped. */
static void put_long_rule(FILE *to, unsigned int rule)
{
	fputs("{'Action': 'Connect', 'InterfaceTypeMatch': 'WiFi'", to);
	fputs(", 'SSIDMatch': [", to);
	for (unsigned int i = 1; i < EACH; i++)
		fprintf(to, "'Network %03u.%03u', ", rule, i);
	fputs("'Corp'], 'DNSDomainMatch': [", to);
	for (unsigned int i = 1; i < EACH; i++)
		fprintf(to, "'d%u.r%u.example.com', ", i, rule);
	fputs("'last.example'], 'DNSServerAddressMatch': [", to);
	for (unsigned int i = 1; i < EACH; i++)
		fprintf(to, "'10.%u.%u.*', ", rule, i);
	fputs("'192.0.2.53'], 'URLStringProbe': 'https://p.example/'}", to);
}

START_TEST(judges_200_rules_of_100_criteria_in_a_millisecond)
{
	char *rules = calloc(1, RULES_TEXT_MAX);
	FILE *to = fmemopen(rules, RULES_TEXT_MAX, "w");
	clock_t best = CLOCKS_PER_SEC; /* CPU time: machines are busy */
	struct rules_world *w;

	for (unsigned int i = 0; i < MANY_RULES; i++) {
		fputs(i ? ", " : "", to);
		put_long_rule(to, i);
	}
	fclose(to);
	w = rules_create(rules, "", true);
	free(rules);
	ck_assert_ptr_nonnull(w->profile);
	ck_assert(rules_facts(
		w, "'interface': 'WiFi', 'ssid': 'Corp', 'search_domains': "
		   "['d1.r999.example.com', 'x.example.com', 'last.example'], "
		   "'dns_servers': ['192.0.2.53', '192.0.2.53'], "
		   "'probes': {'https://p.example/': 404}"));
	facts_answer(&w->facts, &w->ondemand, &w->facts_report);
	for (int i = 0; i < RUNS; i++) {
		clock_t cpu = clock();

		ck_assert_int_eq(rules_evaluate(w).outcome, ONDEMAND_NO_MATCH);
		cpu = clock() - cpu;
		best = cpu < best ? cpu : best;
	}
	printf("note: %d rules of %d criteria judged in %u us\n", MANY_RULES,
	       3 * EACH + 1, (unsigned int)(best * 1000000 / CLOCKS_PER_SEC));
	ck_assert_int_lt(best * 1000000 / CLOCKS_PER_SEC, LIMIT_US);
	rules_destroy(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ondemand_reference");
	TCase *t = tcase_create("random");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, agrees_with_a_second_reading);
	tcase_add_test(t, judges_200_rules_of_100_criteria_in_a_millisecond);
	suite_add_tcase(s, t);
	return suite_run(s);
}
