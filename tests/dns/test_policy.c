/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose a name is. The rows that one profile can say are in cases.json, and
 * run through `adit explain` (tests/cli/test_explain.c); here are several
 * tunnels, the limits, the speed, and a second opinion on the index. */
#include "dns/policy.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lib/suite.h"

enum {
	NAMES_MAX = 4,
};

static struct dns_policy policy;
static struct dns_candidate candidates[DNS_CANDIDATES_MAX];

static void setup(void)
{
	dns_policy_init(&policy);
}

static void teardown(void)
{
	dns_policy_fini(&policy);
}

static struct dns_name name_of(const char *text)
{
	struct dns_name n;

	ck_assert_int_eq(dns_name_from_text(text, &n), 0);
	return n;
}

static struct dns_decision decide(const char *text)
{
	struct dns_name n = name_of(text);
	struct dns_decision d;

	dns_policy_decide(&policy, &n, &d);
	return d;
}

static size_t complete(const char *text, bool is_full)
{
	struct dns_name n = name_of(text);

	return dns_policy_candidates(&policy, &n, is_full, candidates);
}

static void check_asked(size_t i, const char *wanted)
{
	char text[DNS_TEXT_MAX];

	ck_assert_str_eq(dns_name_text(&candidates[i].name, text), wanted);
}

static void add_match(const char *domain, int tunnel)
{
	ck_assert_int_eq(dns_policy_add_match(&policy, domain, tunnel), 0);
}

static void add_search(const char *domain, int tunnel)
{
	ck_assert_int_eq(dns_policy_add_search(&policy, domain, tunnel), 0);
}

static void add_system(const char *domain)
{
	ck_assert_int_eq(dns_policy_add_system_search(&policy, domain), 0);
}

/* Several tunnels: the domains of the first, of the second, of the third. */
static const struct {
	const char *row;
	const char *match[3][NAMES_MAX];
	const char *name;
	enum dns_route route;
	int tunnel, next;
} tunnels[] = {
	{ "M1",
	  { { "example.com" } },
	  "a.example.com",
	  DNS_ROUTE_TUNNEL,
	  0,
	  -1 },
	{ "M2",
	  { { "example.com" } },
	  "badexample.com",
	  DNS_ROUTE_UPLINK,
	  -1,
	  -1 },
	{ "M4",
	  { { "example.com" }, { "eng.example.com" } },
	  "eng.example.com",
	  DNS_ROUTE_TUNNEL,
	  1,
	  -1 },
	{ "M4",
	  { { "example.com" }, { "eng.example.com" } },
	  "a.eng.example.com",
	  DNS_ROUTE_TUNNEL,
	  1,
	  -1 },
	{ "M4",
	  { { "example.com" }, { "eng.example.com" } },
	  "example.com",
	  DNS_ROUTE_TUNNEL,
	  0,
	  -1 },
	{ "M4",
	  { { "eng.example.com" }, { "example.com" } },
	  "sales.example.com",
	  DNS_ROUTE_TUNNEL,
	  1,
	  -1 },
	{ "M7", { { "x.org" }, { "" } }, "a.org", DNS_ROUTE_TUNNEL, 1, -1 },
	{ "M7", { { "" }, { "x.org" } }, "a.x.org", DNS_ROUTE_TUNNEL, 1, -1 },
	{ "M7", { { "" }, { "" } }, "a.org", DNS_ROUTE_TUNNEL, 0, 1 },
	{ "M12",
	  { { "x.org" }, { "x.org" } },
	  "x.org",
	  DNS_ROUTE_TUNNEL,
	  0,
	  1 },
	{ "M12",
	  { { "x.org" }, { "X.ORG." } },
	  "a.x.org",
	  DNS_ROUTE_TUNNEL,
	  0,
	  1 },
	{ "M12",
	  { { "a.org" }, { "x.org" }, { "x.org" } },
	  "x.org",
	  DNS_ROUTE_TUNNEL,
	  1,
	  2 },
	{ "M12",
	  { { "x.org" }, { "x.org" }, { "x.org" } },
	  "x.org",
	  DNS_ROUTE_TUNNEL,
	  0,
	  1 },
	{ "M12", { { "x.org", "x.org" } }, "x.org", DNS_ROUTE_TUNNEL, 0, -1 },
};

START_TEST(finds_the_tunnel)
{
	struct dns_decision d;

	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < NAMES_MAX; k++)
			if (tunnels[_i].match[i][k] != NULL)
				add_match(tunnels[_i].match[i][k], i);
	d = decide(tunnels[_i].name);
	ck_assert_msg(d.route == tunnels[_i].route &&
			      d.tunnel == tunnels[_i].tunnel &&
			      d.next == tunnels[_i].next,
		      "%s: %s is tunnel %d's, then %d's (%s)", tunnels[_i].row,
		      tunnels[_i].name, d.tunnel, d.next,
		      dns_route_name(d.route));
}
END_TEST

/* M14: while the tunnel is wanted and down the decision is the same, and there
 * is nobody else in it to ask. */
START_TEST(has_no_second_choice_for_a_name_of_one_tunnel)
{
	struct dns_decision d;

	add_match("example.com", 0);
	add_search("s.ex", 0);
	d = decide("a.example.com");
	ck_assert_int_eq(d.route, DNS_ROUTE_TUNNEL);
	ck_assert_int_eq(d.next, DNS_TUNNEL_NONE);
	ck_assert_uint_eq(complete("wiki", false), 1);
	ck_assert_int_eq(candidates[0].decision.route, DNS_ROUTE_TUNNEL);
	ck_assert_int_eq(candidates[0].decision.next, DNS_TUNNEL_NONE);
}
END_TEST

START_TEST(knows_nothing_when_it_is_empty)
{
	struct dns_decision d = decide("a.example.com");

	ck_assert_int_eq(d.route, DNS_ROUTE_UPLINK);
	ck_assert_int_eq(d.because, DNS_BECAUSE_NO_DOMAINS);
	ck_assert_int_eq(d.tunnel, DNS_TUNNEL_NONE);
	ck_assert_uint_eq(complete("wiki", false), 0);
	ck_assert_uint_eq(complete("wiki", true), 1);
	ck_assert_uint_eq(complete("wiki.lan", false), 1);
	ck_assert_uint_eq(complete(".", false), 1);
	check_asked(0, ".");
}
END_TEST

/* The system's list is often known first. */
START_TEST(keeps_the_first_of_doubles_in_either_order_of_adding)
{
	add_system("lan");
	add_system("m.ex");
	add_system("LAN.");
	add_search("s.ex", 0);
	add_search("m.ex", 0);
	add_search("S.ex", 1);
	add_system("s.ex");
	ck_assert_uint_eq(complete("wiki", false), 3);
	check_asked(0, "wiki.s.ex");
	check_asked(1, "wiki.m.ex");
	check_asked(2, "wiki.lan");
	ck_assert_int_eq(candidates[0].decision.tunnel, 0);
	ck_assert_int_eq(candidates[2].decision.route, DNS_ROUTE_UPLINK);
}
END_TEST

START_TEST(asks_each_completion_of_its_own_server)
{
	add_search("s.ex", 1);
	add_match("deep.lan", 0);
	add_system("deep.lan");
	add_system("lan");
	ck_assert_uint_eq(complete("wiki", false), 3);
	ck_assert_int_eq(candidates[0].decision.tunnel, 1);
	ck_assert_int_eq(candidates[0].decision.because, DNS_BECAUSE_COMPLETED);
	ck_assert_int_eq(candidates[1].decision.tunnel, 0);
	ck_assert_int_eq(candidates[1].decision.because, DNS_BECAUSE_MATCH);
	ck_assert_int_eq(candidates[2].decision.route, DNS_ROUTE_UPLINK);
}
END_TEST

/* A domain as long as this, so that "wiki" in front is just too long. */
static void long_domain(char *to, size_t len)
{
	memset(to, 'a', len);
	to[len] = '\0';
	for (size_t i = 63; i + 1 < len; i += 64)
		to[i] = '.';
}

START_TEST(skips_what_would_be_too_long)
{
	char domain[DNS_NAME_MAX + 1];

	long_domain(domain, DNS_NAME_MAX - 4);
	add_search(domain, 0);
	add_search("s.ex", 0);
	long_domain(domain, DNS_NAME_MAX - 5);
	add_system(domain);
	ck_assert_uint_eq(complete("wiki", false), 2);
	check_asked(0, "wiki.s.ex");
	ck_assert_uint_eq(candidates[1].name.len, DNS_WIRE_MAX);
}
END_TEST

START_TEST(completes_with_64_domains_at_most)
{
	char domain[32];

	for (int i = 0; i < 63; i++) {
		snprintf(domain, sizeof(domain), "s%d.ex", i);
		add_search(domain, 0);
	}
	add_system("lan");
	add_system("late");
	ck_assert_uint_eq(complete("wiki", false), DNS_CANDIDATES_MAX);
	check_asked(63, "wiki.lan");
	add_search("s63.ex", 0);
	ck_assert_uint_eq(complete("wiki", false), DNS_CANDIDATES_MAX);
	check_asked(63, "wiki.s63.ex");
	add_search("s64.ex", 0);
	ck_assert_uint_eq(complete("wiki", false), DNS_CANDIDATES_MAX);
	/* A gateway of one label, asked as it is at last, has no place left
	 * when the uplink has just as many domains. */
	for (int i = 0; i < DNS_CANDIDATES_MAX - 2; i++) {
		snprintf(domain, sizeof(domain), "y%d.ex", i);
		add_system(domain);
	}
	ck_assert_uint_eq(policy.system_search_count, DNS_CANDIDATES_MAX);
	ck_assert_int_eq(dns_policy_add_uplink(&policy, "wiki"), 0);
	ck_assert_uint_eq(complete("wiki", false), DNS_CANDIDATES_MAX);
	check_asked(0, "wiki.lan");
	check_asked(63, "wiki.y61.ex");
	add_system("more");
	ck_assert_uint_eq(complete("wiki", false), DNS_CANDIDATES_MAX);
}
END_TEST

START_TEST(refuses_what_is_no_name)
{
	char domain[300];

	memset(domain, 'a', sizeof(domain) - 1);
	domain[sizeof(domain) - 1] = '\0';
	ck_assert_int_eq(dns_policy_add_match(&policy, domain, 0), -EINVAL);
	ck_assert_int_eq(dns_policy_add_match(&policy, "a..b", 0), -EINVAL);
	ck_assert_int_eq(dns_policy_add_search(&policy, "a..b", 0), -EINVAL);
	ck_assert_int_eq(dns_policy_add_system_search(&policy, domain),
			 -EINVAL);
	ck_assert_int_eq(dns_policy_add_uplink(&policy, "a..b"), -EINVAL);
	ck_assert_uint_eq(policy.match_count + policy.search_count, 0);
	/* An address is no name, and no error: gateways may have one. */
	ck_assert_int_eq(dns_policy_add_uplink(&policy, "2001:db8::1"), 0);
	ck_assert_int_eq(dns_policy_add_uplink(&policy, "192.0.2.1"), 0);
	ck_assert_uint_eq(policy.uplink_count, 0);
}
END_TEST

/* The reverse zones that dns_name_reverse makes are those that are found. */
START_TEST(agrees_with_the_zones_of_a_prefix)
{
	static const char *const texts[] = { "10.77.0.0/20",  "10.0.0.0/8",
					     "10.8.0.0/13",   "192.0.2.64/26",
					     "192.0.2.1/32",  "128.0.0.0/1",
					     "fd00::/7",      "fd20::/48",
					     "2001:db8::/33", "2001:db8::1/128",
					     "2001:db8::/126" };
	struct dns_name zones[DNS_REVERSE_MAX], outside;
	struct dns_decision d;
	struct ip_prefix p;
	size_t count, checked = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		dns_policy_fini(&policy);
		ck_assert_int_eq(prefix_parse(texts[i], &p), 0);
		ck_assert_int_eq(dns_policy_add_reverse(&policy, &p, 0), 0);
		count = dns_name_reverse(&p, zones);
		for (size_t k = 0; k < count; k++, checked++) {
			dns_policy_decide(&policy, &zones[k], &d);
			ck_assert_int_eq(d.because, DNS_BECAUSE_REVERSE);
			ck_assert(dns_name_equal(&d.match, &zones[k]));
			dns_name_tail(&zones[k], dns_name_labels(&zones[k]) - 1,
				      &outside);
			dns_policy_decide(&policy, &outside, &d);
			ck_assert_int_eq(d.route, DNS_ROUTE_UPLINK);
		}
	}
	printf("note: %zu reverse zones of %zu prefixes found, none above "
	       "them\n",
	       checked, ARRAY_SIZE(texts));
}
END_TEST

/* xorshift64 (Marsaglia); the same names in each run. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Labels from a few letters, so that names often meet. */
static void random_name(uint64_t *state, unsigned int min, unsigned int max,
			char *to)
{
	unsigned int count = min + next_random(state) % (max - min + 1);

	for (unsigned int i = 0; i < count; i++)
		to += sprintf(to, "%s%c%s", i ? "." : "",
			      (char)((next_random(state) % 2 ? 'a' : 'A') +
				     next_random(state) % 4),
			      next_random(state) % 4 ? "" : "x");
}

static const struct dns_zone *longest(const struct dns_name *n)
{
	const struct dns_zone *best = NULL;

	for (size_t i = 0; i < policy.match_count; i++) {
		const struct dns_zone *z = &policy.match[i];

		if (dns_name_under(n, &z->name) &&
		    (best == NULL || z->name.len > best->name.len))
			best = z;
	}
	return best;
}

START_TEST(finds_what_a_look_at_each_domain_finds)
{
	uint64_t state = 1;
	size_t found = 0, names = 200000;
	char text[64];

	for (int i = 0; i < 100; i++) {
		random_name(&state, 2, 4, text);
		add_match(text, i);
	}
	for (size_t i = 0; i < names; i++) {
		const struct dns_zone *wanted;
		struct dns_decision d;
		struct dns_name n;
		bool same;

		random_name(&state, 1, 6, text);
		(void)!dns_name_from_text(text, &n); /* it is one */
		wanted = longest(&n);
		dns_policy_decide(&policy, &n, &d);
		same = wanted == NULL ? d.because == DNS_BECAUSE_OUTSIDE
				      : d.because == DNS_BECAUSE_MATCH &&
						d.tunnel == wanted->tunnel &&
						dns_name_equal(&d.match,
							       &wanted->name);
		/* check's macros would cost most of the time. */
		if (!same)
			ck_abort_msg("%s", text);
		found += wanted != NULL;
	}
	ck_assert_uint_gt(found, names / 10);
	ck_assert_uint_lt(found, names - names / 10);
	printf("note: %zu of %zu random names in one of %zu match domains, as "
	       "by a look at each\n",
	       found, names, policy.match_count);
}
END_TEST

static double cpu_us_since(clock_t began)
{
	return (double)(clock() - began) * 1e6 / CLOCKS_PER_SEC;
}

/* CPU time, and the best of several rounds, since machines are busy; the bound
 * is the promise of a plain build. */
static double best_us(void (*step)(void), unsigned int times)
{
	double best = 1e9;

	for (int round = 0; round < 10; round++) {
		clock_t began = clock();
		double us;

		for (unsigned int i = 0; i < times; i++)
			step();
		us = cpu_us_since(began) / times;
		if (us < best)
			best = us;
	}
	return best;
}

static struct dns_name asked;
static size_t sum;

/* check's own calls would cost more than what is measured. */
static void step_decide(void)
{
	struct dns_decision d;

	dns_policy_decide(&policy, &asked, &d);
	sum += d.route;
}

static void step_complete(void)
{
	sum += dns_policy_candidates(&policy, &asked, false, candidates);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const double slower = 200;
#else
static const double slower = 1;
#endif

START_TEST(decides_among_1024_domains_in_2_us)
{
	char text[DNS_TEXT_MAX];
	double near, far, deep;

	for (int i = 0; i < 1024; i++) {
		snprintf(text, sizeof(text), "d%d.corp.example.com", i);
		add_match(text, 0);
	}
	asked = name_of("www.D777.corp.example.com");
	near = best_us(step_decide, 10000);
	ck_assert_int_eq(decide("www.D777.corp.example.com").route,
			 DNS_ROUTE_TUNNEL);
	asked = name_of("www.somewhere.example.org");
	far = best_us(step_decide, 10000);
	/* 127 labels, as somebody hostile might ask. */
	for (size_t i = 0; i < DNS_NAME_MAX; i++)
		text[i] = i % 2 ? '.' : 'a';
	text[DNS_NAME_MAX] = '\0';
	asked = name_of(text);
	deep = best_us(step_decide, 10000);
	ck_assert_int_eq(decide(text).route, DNS_ROUTE_UPLINK);
	printf("note: decided among 1,024 match domains in %.2f us (inside), "
	       "%.2f us (outside), %.2f us (127 labels)\n",
	       near, far, deep);
	ck_assert_double_lt(near, 2 * slower);
	ck_assert_double_lt(far, 2 * slower);
	ck_assert_double_lt(deep, 20 * slower);
}
END_TEST

START_TEST(completes_among_200_domains_in_20_us)
{
	char text[64];
	double ours, theirs;

	for (int i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "d%d.corp.example.com", i);
		add_match(text, 0);
	}
	for (int i = 0; i < DNS_CANDIDATES_MAX; i++) {
		snprintf(text, sizeof(text), "s%d.corp.example.com", i);
		add_system(text);
	}
	asked = name_of("wiki");
	theirs = best_us(step_complete, 1000);
	for (int i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "d%d.corp.example.com", i);
		add_search(text, 0);
	}
	ours = best_us(step_complete, 1000);
	printf("note: 64 completions among 200 match domains in %.1f us "
	       "(ours), %.1f us (the system's)\n",
	       ours, theirs);
	ck_assert_double_lt(ours, 20 * slower);
	ck_assert_double_lt(theirs, 20 * slower);
}
END_TEST

START_TEST(is_filled_with_1024_domains_in_a_moment)
{
	clock_t began = clock();
	char text[64];
	double ms;

	for (int i = 0; i < 1024; i++) {
		snprintf(text, sizeof(text), "d%d.corp.example.com", i);
		add_match(text, 0);
		add_search(text, 0);
	}
	ms = cpu_us_since(began) / 1e3;
	ck_assert_uint_eq(policy.match_count + policy.search_count, 2048);
	printf("note: filled with 1,024 match and search domains in %.1f ms\n",
	       ms);
	ck_assert_double_lt(ms, 100 * slower);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy");
	TCase *t = tcase_create("decisions");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, finds_the_tunnel, 0, ARRAY_SIZE(tunnels));
	tcase_add_test(t, has_no_second_choice_for_a_name_of_one_tunnel);
	tcase_add_test(t, knows_nothing_when_it_is_empty);
	tcase_add_test(t, refuses_what_is_no_name);
	tcase_add_test(t, agrees_with_the_zones_of_a_prefix);
	tcase_add_test(t, finds_what_a_look_at_each_domain_finds);
	suite_add_tcase(s, t);
	t = tcase_create("completions");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, keeps_the_first_of_doubles_in_either_order_of_adding);
	tcase_add_test(t, asks_each_completion_of_its_own_server);
	tcase_add_test(t, skips_what_would_be_too_long);
	tcase_add_test(t, completes_with_64_domains_at_most);
	suite_add_tcase(s, t);
	t = tcase_create("speed");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, decides_among_1024_domains_in_2_us);
	tcase_add_test(t, completes_among_200_domains_in_20_us);
	tcase_add_test(t, is_filled_with_1024_domains_in_a_moment);
	suite_add_tcase(s, t);
	return suite_run(s);
}
