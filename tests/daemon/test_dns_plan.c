/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What whoever owns the host's DNS is told, from a policy. */
#include "tunnel/daemon/dns_plan.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dns/policy.h"
#include "tests/lib/suite.h"

static const struct endpoint stub = { .addr = { AF_INET, { 127, 0, 77, 53 } },
				      .port = 53 };
static struct dns_policy policy;
static struct dns_plan *plan;

static void setup(void)
{
	dns_policy_init(&policy);
	plan = NULL;
}

static void teardown(void)
{
	dns_plan_release(plan);
	dns_policy_fini(&policy);
}

static void add_match(const char *domain)
{
	ck_assert_int_eq(dns_policy_add_match(&policy, domain, 0), 0);
}

static void add_reverse(const char *text)
{
	struct ip_prefix p;

	ck_assert_int_eq(prefix_parse(text, &p), 0);
	ck_assert_int_eq(dns_policy_add_reverse(&policy, &p, 0), 0);
}

static void check_match(size_t count, ...)
{
	va_list args;

	ck_assert_uint_eq(plan->owner.match_count, count);
	va_start(args, count);
	for (size_t i = 0; i < count; i++)
		ck_assert_str_eq(plan->owner.match[i],
				 va_arg(args, const char *));
	va_end(args);
	ck_assert_ptr_null(plan->owner.match[count]);
}

static void make(bool everything)
{
	dns_plan_release(plan);
	plan = dns_plan_create(&policy, &stub, everything);
	ck_assert_ptr_nonnull(plan);
}

START_TEST(has_the_reverse_zones_of_the_lease_behind_the_domains)
{
	add_match("corp.example");
	add_match("m.ex");
	add_reverse("10.77.0.0/16");
	add_reverse("10.77.0.2/16"); /* the same network */
	add_reverse("192.0.2.0/23");
	add_reverse("fd77::/16");
	make(false);
	check_match(6, "corp.example", "m.ex", "77.10.in-addr.arpa",
		    "2.0.192.in-addr.arpa", "3.0.192.in-addr.arpa",
		    "7.7.d.f.ip6.arpa");
	ck_assert_uint_eq(plan->domain_count, 2);
	ck_assert_str_eq(plan->canary_domain, "corp.example");
	/* Everything comes to us: nothing is left to be told. */
	make(true);
	check_match(2, "corp.example", "m.ex");
}
END_TEST

START_TEST(has_a_canary_where_there_are_no_domains)
{
	make(true);
	ck_assert_str_eq(plan->canary_domain, "adit.invalid");
	add_reverse("10.0.0.0/8");
	make(false);
	check_match(1, "10.in-addr.arpa");
	ck_assert_uint_eq(plan->domain_count, 0);
	ck_assert_str_eq(plan->canary_domain, "10.in-addr.arpa");
	ck_assert_int_eq(dns_policy_add_search(&policy, "s.ex", 0), 0);
	make(false);
	ck_assert_str_eq(plan->canary_domain, "s.ex");
}
END_TEST

START_TEST(has_the_names_that_may_start_the_tunnel)
{
	static char n_ex[] = "n.ex";
	static char m_ex[] = "m.ex";
	static char star[] = "*";
	static char never_ex[] = "never.ex";
	static char *needed[] = { n_ex, m_ex, star };
	static char *exempt[] = { never_ex };
	static struct profile_connection_rule parameters[] = {
		{ .domains = exempt,
		  .domain_count = 1,
		  .action = PROFILE_DOMAIN_NEVER_CONNECT },
		{ .domains = needed, .domain_count = ARRAY_SIZE(needed) },
	};
	static const struct profile_rule rule = {
		.action = PROFILE_ACTION_EVALUATE,
		.connections = parameters,
		.connection_count = ARRAY_SIZE(parameters),
	};

	add_match("m.ex");
	add_reverse("10.0.0.0/8");
	ck_assert_int_eq(dns_arming_init(&policy.arming, &rule), 0);
	make(false);
	check_match(3, "m.ex", "n.ex", "10.in-addr.arpa");
	ck_assert_uint_eq(plan->domain_count, 2);
	ck_assert_uint_eq(plan->needed_count, 1);
	make(true);
	check_match(2, "m.ex", "n.ex");
}
END_TEST

/* glibc tries NAME and the uplink's domain when NAME fails, and asks whoever
 * routes by domain for that, too. */
START_TEST(has_our_domains_with_those_of_the_uplink_behind)
{
	char text[32];

	add_match("corp.example");
	add_match("");
	ck_assert_int_eq(dns_policy_add_search(&policy, "s.ex", 0), 0);
	ck_assert_int_eq(dns_policy_add_system_search(&policy, "lan"), 0);
	ck_assert_int_eq(dns_policy_add_system_search(&policy, "home.arpa"), 0);
	add_reverse("10.0.0.0/8");
	make(false);
	check_match(6, "corp.example", "10.in-addr.arpa", "corp.example.lan",
		    "s.ex.lan", "corp.example.home.arpa", "s.ex.home.arpa");
	ck_assert_uint_eq(plan->domain_count, 1);
	make(true);
	check_match(1, "corp.example");
	for (int i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "m%d.ex", i);
		add_match(text);
	}
	make(false);
	ck_assert_uint_eq(plan->owner.match_count, 501 + 128 + 256);
}
END_TEST

START_TEST(leaves_out_the_root)
{
	add_match("");
	add_match("m.ex");
	make(true);
	check_match(1, "m.ex");
}
END_TEST

START_TEST(is_bounded)
{
	add_match("m.ex");
	for (int i = 0; i < 16; i++)
		add_reverse("10.0.0.0/9");
	add_reverse("172.0.0.0/9");
	make(false);
	ck_assert_uint_eq(plan->owner.match_count, 1 + DNS_REVERSE_MAX);
}
END_TEST

START_TEST(knows_its_like)
{
	struct dns_plan *other;

	add_match("m.ex");
	make(false);
	other = dns_plan_create(&policy, &stub, false);
	ck_assert(dns_plan_same(plan, other));
	ck_assert(!dns_plan_same(plan, NULL));
	ck_assert(dns_plan_same(NULL, NULL));
	dns_plan_release(other);
	add_reverse("10.0.0.0/8");
	other = dns_plan_create(&policy, &stub, false);
	ck_assert(!dns_plan_same(plan, other));
	dns_plan_release(other);
	other = dns_plan_create(&policy, &stub, true);
	ck_assert(!dns_plan_same(plan, other));
	dns_plan_release(other);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dns_plan");
	TCase *t = tcase_create("plan");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t,
		       has_the_reverse_zones_of_the_lease_behind_the_domains);
	tcase_add_test(t, has_a_canary_where_there_are_no_domains);
	tcase_add_test(t, has_the_names_that_may_start_the_tunnel);
	tcase_add_test(t, has_our_domains_with_those_of_the_uplink_behind);
	tcase_add_test(t, leaves_out_the_root);
	tcase_add_test(t, is_bounded);
	tcase_add_test(t, knows_its_like);
	suite_add_tcase(s, t);
	return suite_run(s);
}
