/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What profile and lease say together. */
#include "dns/settings.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/lease.h"
#include "tests/lib/suite.h"

static char host[] = "vpn.gateway.test", s_ex[] = "s.ex", m_ex[] = "m.ex",
	    every[] = "", dot[] = "dot.example";
static char *profile_search[] = { s_ex }, *profile_match[] = { m_ex },
	    *everything[] = { every };
static struct ip_addr profile_server[] = { { AF_INET, { 10, 20, 0, 53 } } };

static struct profile profile;
static struct lease lease;
static struct dns_settings settings;
static struct dns_settings_input input;

static void add_route(const char *text)
{
	struct ip_prefix p;

	ck_assert_int_eq(prefix_parse(text, &p), 0);
	ck_assert_int_eq(lease_add_prefix(&lease.routes, &p, LEASE_ROUTES_MAX),
			 0);
}

/* A profile without DNS, and a lease with all of it. */
static void setup(void)
{
	profile = (struct profile) { .host_name = host };
	lease = (struct lease) { .dns_count = 1 };
	ck_assert_int_eq(addr_parse("10.77.0.1", &lease.dns[0]), 0);
	ck_assert_int_eq(prefix_parse("10.77.0.5/16", &lease.address4), 0);
	ck_assert_int_eq(lease_add_name(&lease.match, "lease.ex"), 0);
	ck_assert_int_eq(lease_add_name(&lease.search, "short.ex"), 0);
	add_route("192.168.7.0/24");
	input = (struct dns_settings_input) { .profile = &profile,
					      .lease = &lease };
}

static void teardown(void)
{
	lease_fini(&lease);
	dns_settings_fini(&settings);
}

static void make(void)
{
	ck_assert_int_eq(dns_settings_init(&settings, &input), 0);
}

static void give_profile_dns(void)
{
	profile.has_dns = true;
	profile.dns.servers = profile_server;
	profile.dns.server_count = 1;
}

static struct dns_decision decide(const char *text)
{
	struct dns_decision d;
	struct dns_name n;

	ck_assert_int_eq(dns_name_from_text(text, &n), 0);
	dns_policy_decide(&settings.policy, &n, &d);
	return d;
}

static void check_route(const char *text, enum dns_route wanted)
{
	enum dns_route found = decide(text).route;

	ck_assert_msg(found == wanted, "%s: %s, not %s", text,
		      dns_route_name(found), dns_route_name(wanted));
}

static void check_completions(const char *first, const char *second)
{
	static struct dns_candidate c[DNS_CANDIDATES_MAX];
	const char *const wanted[] = { first, second };
	char text[DNS_TEXT_MAX];
	struct dns_name wiki;
	size_t count;

	ck_assert_int_eq(dns_name_from_text("wiki", &wiki), 0);
	count = dns_policy_candidates(&settings.policy, &wiki, false, c);
	for (size_t i = 0; i < ARRAY_SIZE(wanted) && wanted[i]; i++) {
		ck_assert_uint_gt(count, i);
		ck_assert_str_eq(dns_name_text(&c[i].name, text), wanted[i]);
	}
	ck_assert_uint_eq(count, !!first + !!second);
}

START_TEST(takes_the_lease_where_the_profile_is_silent)
{
	make();
	ck_assert_uint_eq(settings.server_count, 1);
	ck_assert(addr_equal(&settings.servers[0], &lease.dns[0]));
	ck_assert_int_eq(settings.protocol, PROFILE_DNS_CLEARTEXT);
	check_route("a.lease.ex", DNS_ROUTE_TUNNEL);
	check_route("other.org", DNS_ROUTE_UPLINK);
	check_route("vpn.gateway.test", DNS_ROUTE_UPLINK);
	check_completions("wiki.short.ex", "wiki.lease.ex");
}
END_TEST

/* M11: no list is no list, also where the lease has one. */
START_TEST(takes_nothing_from_the_lease_where_the_profile_speaks)
{
	give_profile_dns();
	make();
	ck_assert(addr_equal(&settings.servers[0], &profile_server[0]));
	ck_assert_int_eq(decide("a.lease.ex").because, DNS_BECAUSE_NO_DOMAINS);
	check_completions(NULL, NULL);
	dns_settings_fini(&settings);

	profile.dns.search_domains = profile_search;
	profile.dns.search_domain_count = 1;
	profile.dns.match_domains = profile_match;
	profile.dns.match_domain_count = 1;
	make();
	check_route("a.lease.ex", DNS_ROUTE_UPLINK);
	check_route("a.m.ex", DNS_ROUTE_TUNNEL);
	check_completions("wiki.s.ex", "wiki.m.ex");
}
END_TEST

START_TEST(asks_over_tls_as_the_profile_says)
{
	give_profile_dns();
	profile.dns.protocol = PROFILE_DNS_TLS;
	profile.dns.server_name = dot;
	make();
	ck_assert_int_eq(settings.protocol, PROFILE_DNS_TLS);
	ck_assert_str_eq(settings.server_name, dot);
}
END_TEST

START_TEST(asks_the_tunnel_for_names_of_its_addresses)
{
	make();
	check_route("9.7.168.192.in-addr.arpa", DNS_ROUTE_TUNNEL);
	check_route("9.8.168.192.in-addr.arpa", DNS_ROUTE_UPLINK);
	/* The network of the tunnel itself. */
	check_route("1.0.77.10.in-addr.arpa", DNS_ROUTE_TUNNEL);
	check_route("1.0.78.10.in-addr.arpa", DNS_ROUTE_UPLINK);
}
END_TEST

static struct ip_prefix narrow[2];

static void narrow_to(const char *text, const char *other)
{
	ck_assert_int_eq(prefix_parse(text, &narrow[0]), 0);
	ck_assert_int_eq(prefix_parse(other, &narrow[1]), 0);
	profile.has_routes = true;
	profile.routes = narrow;
	profile.route_count = 2;
}

START_TEST(narrows_the_lease_as_the_routes_are)
{
	add_route("172.16.0.0/12");
	narrow_to("172.20.0.0/16", "192.168.0.0/16");
	make();
	check_route("1.0.20.172.in-addr.arpa", DNS_ROUTE_TUNNEL);
	check_route("1.0.21.172.in-addr.arpa", DNS_ROUTE_UPLINK);
	check_route("9.7.168.192.in-addr.arpa", DNS_ROUTE_TUNNEL);
	check_route("9.8.168.192.in-addr.arpa", DNS_ROUTE_UPLINK);
	dns_settings_fini(&settings);
	profile.route_count = 0;
	make();
	check_route("9.7.168.192.in-addr.arpa", DNS_ROUTE_UPLINK);
}
END_TEST

static const struct {
	const char *route[2]; /* of the lease */
	const char *narrow;   /* of the profile */
	bool all_networks, full, is_full;
} defaults[] = {
	{ { "10.0.0.0/8" }, NULL, false, false, false },
	{ { "0.0.0.0/0" }, NULL, false, false, true },
	{ { "::/0" }, NULL, false, false, true },
	{ { "0.0.0.0/1", "128.0.0.0/1" }, NULL, false, false, true },
	{ { "::/1", "8000::/1" }, NULL, false, false, true },
	{ { "0.0.0.0/1", "0.0.0.0/1" }, NULL, false, false, false },
	{ { "0.0.0.0/1", "8000::/1" }, NULL, false, false, false },
	{ { "0.0.0.0/1", "128.0.0.0/2" }, NULL, false, false, false },
	{ { "0.0.0.0/0" }, "10.0.0.0/8", false, false, false },
	{ { "0.0.0.0/0" }, "0.0.0.0/0", false, false, true },
	{ { "10.0.0.0/8" }, "0.0.0.0/0", false, false, false },
	{ { "10.0.0.0/8" }, NULL, true, false, true },
	{ { "10.0.0.0/8" }, NULL, false, true, true },
	{ { "0.0.0.0/0" }, "10.0.0.0/8", true, false, true },
};

START_TEST(knows_a_default_route)
{
	for (size_t i = 0; i < ARRAY_SIZE(defaults[_i].route); i++)
		if (defaults[_i].route[i])
			add_route(defaults[_i].route[i]);
	if (defaults[_i].narrow)
		narrow_to(defaults[_i].narrow, defaults[_i].narrow);
	profile.include_all_networks = defaults[_i].all_networks;
	input.full = defaults[_i].full;
	make();
	ck_assert_int_eq(settings.is_full, defaults[_i].is_full);
	check_route("other.org",
		    defaults[_i].is_full ? DNS_ROUTE_TUNNEL : DNS_ROUTE_UPLINK);
	check_route("a.lease.ex", DNS_ROUTE_TUNNEL);
	check_route("vpn.gateway.test", DNS_ROUTE_UPLINK);
}
END_TEST

START_TEST(leaves_a_tunnel_without_servers_its_match_domains_alone)
{
	lease.dns_count = 0;
	input.full = true;
	make();
	ck_assert(settings.is_full);
	check_route("a.lease.ex", DNS_ROUTE_TUNNEL);
	check_route("other.org", DNS_ROUTE_UPLINK);
	check_route("1.0.77.10.in-addr.arpa", DNS_ROUTE_UPLINK);
}
END_TEST

START_TEST(is_the_resolver_of_every_name_if_asked_to)
{
	give_profile_dns();
	profile.dns.match_domains = everything;
	profile.dns.match_domain_count = 1;
	make();
	check_route("other.org", DNS_ROUTE_TUNNEL);
	ck_assert(decide("other.org").has_match);
	check_completions(NULL, NULL);
}
END_TEST

START_TEST(fails_open_or_closed_as_the_profile_says)
{
	input.lists_unread = true;
	make();
	check_route("other.org", DNS_ROUTE_UPLINK);
	dns_settings_fini(&settings);
	profile.block_lists_fail = PROFILE_LISTS_FAIL_CLOSED;
	make();
	check_route("other.org", DNS_ROUTE_BLOCKED);
	check_route("a.lease.ex", DNS_ROUTE_TUNNEL);
	check_route("vpn.gateway.test", DNS_ROUTE_UPLINK);
	check_route("printer.local", DNS_ROUTE_UPLINK);
	dns_settings_fini(&settings);
	input.lists_unread = false;
	make();
	check_route("other.org", DNS_ROUTE_UPLINK);
}
END_TEST

static struct profile_rule evaluate_connection(void)
{
	static char needed_ex[] = "needed.ex";
	static char *needed[] = { needed_ex };
	static struct profile_connection_rule parameter = {
		.domains = needed,
		.domain_count = 1,
	};

	return (struct profile_rule) { .action = PROFILE_ACTION_EVALUATE,
				       .connections = &parameter,
				       .connection_count = 1 };
}

START_TEST(has_the_domains_of_the_rule_that_matched)
{
	const struct profile_rule rule = evaluate_connection();

	make();
	check_route("a.needed.ex", DNS_ROUTE_UPLINK);
	dns_settings_fini(&settings);
	input.rule = &rule;
	make();
	check_route("a.needed.ex", DNS_ROUTE_TUNNEL);
	ck_assert_int_eq(decide("a.needed.ex").because, DNS_BECAUSE_NEEDED);
	ck_assert_int_eq(decide("a.lease.ex").because, DNS_BECAUSE_MATCH);
	check_route("other.org", DNS_ROUTE_UPLINK);
	/* A tunnel without servers can resolve none of them. */
	dns_settings_fini(&settings);
	lease.dns_count = 0;
	make();
	check_route("a.needed.ex", DNS_ROUTE_UPLINK);
	ck_assert_ptr_nonnull(decide("a.needed.ex").need);
}
END_TEST

/* The uplink's list is whatever a network said. */
START_TEST(ignores_what_is_no_domain_in_the_uplinks_list)
{
	static const char *const list[] = { "lan", "a..b",  ".",
					    "",	   "\\999", "home" };

	give_profile_dns();
	input.system_search = list;
	input.system_search_count = ARRAY_SIZE(list);
	make();
	check_completions("wiki.lan", "wiki.home");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("settings");
	TCase *t = tcase_create("settings");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, takes_the_lease_where_the_profile_is_silent);
	tcase_add_test(t,
		       takes_nothing_from_the_lease_where_the_profile_speaks);
	tcase_add_test(t, asks_over_tls_as_the_profile_says);
	tcase_add_test(t, asks_the_tunnel_for_names_of_its_addresses);
	tcase_add_test(t, narrows_the_lease_as_the_routes_are);
	tcase_add_loop_test(t, knows_a_default_route, 0, ARRAY_SIZE(defaults));
	tcase_add_test(t,
		       leaves_a_tunnel_without_servers_its_match_domains_alone);
	tcase_add_test(t, is_the_resolver_of_every_name_if_asked_to);
	tcase_add_test(t, fails_open_or_closed_as_the_profile_says);
	tcase_add_test(t, has_the_domains_of_the_rule_that_matched);
	tcase_add_test(t, ignores_what_is_no_domain_in_the_uplinks_list);
	suite_add_tcase(s, t);
	return suite_run(s);
}
