/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One table: what a lease, a profile and the host's own routes come to. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/host/plan.h"

enum { OURS = 7, UPLINK = 2, HOST_ROUTES = 32 };

#define A4 "10.77.0.2/32"
#define A6 "fd77::2/128"
#define LAN                                                                    \
	"0.0.0.0/0 192.168.1.0/24 10.1.0.0/16 ::/0 2001:db8:1::/64 fe80::/64 " \
	"fe80::/64"

struct row {
	const char *what;
	const char *addresses; /* of the lease */
	const char *routes;
	const char *excluded;
	const char *profile_routes;
	const char *profile_excluded;
	const char *host; /* main table, out of the uplink */
	bool enforce;
	bool all;
	uint32_t mtu; /* 0: 1400 */
	enum plan_ipv6 ipv6;
	const char *want; /* routes: d device, t throw, u unreachable */
	const char *rules;
};

static const struct row rows[] = {
	{ .what = "a split tunnel takes its routes and no more",
	  .addresses = A4 " " A6,
	  .routes = "10.0.0.0/8 172.16.0.0/12 fd00:1::/32",
	  .host = "0.0.0.0/0 192.168.1.0/24 ::/0 fe80::/64",
	  .want = "d10.0.0.0/8 d172.16.0.0/12 dfd00:1::/32",
	  .rules = "4 6" },
	{ .what = "a network of the host inside a route keeps its way",
	  .addresses = A4,
	  .routes = "10.0.0.0/8",
	  .host = LAN,
	  .want = "d10.0.0.0/8 t10.1.0.0/16",
	  .rules = "4" },
	{ .what = "a route inside a network of the host is taken",
	  .addresses = A4,
	  .routes = "10.1.2.0/24",
	  .host = LAN,
	  .want = "d10.1.2.0/24",
	  .rules = "4" },
	{ .what = "of equal prefixes the host's wins",
	  .addresses = A4,
	  .routes = "10.1.0.0/16 10.2.0.0/16",
	  .host = LAN,
	  .want = "d10.2.0.0/16",
	  .rules = "4" },
	{ .what = "EnforceRoutes: of equal prefixes the lease's wins",
	  .addresses = A4,
	  .routes = "10.1.0.0/16",
	  .host = LAN,
	  .enforce = true,
	  .want = "d10.1.0.0/16",
	  .rules = "4" },
	{ .what = "EnforceRoutes: a route wins over a network inside it",
	  .addresses = A4,
	  .routes = "10.0.0.0/8",
	  .host = LAN,
	  .enforce = true,
	  .want = "d10.0.0.0/8",
	  .rules = "4" },
	{ .what = "EnforceRoutes: the default route wins over nothing",
	  .addresses = A4,
	  .routes = "0.0.0.0/0",
	  .host = "0.0.0.0/0 192.168.1.0/24",
	  .enforce = true,
	  .ipv6 = PLAN_IPV6_ABSENT,
	  .want = "d0.0.0.0/0 t192.168.1.0/24 t224.0.0.0/4 "
		  "t255.255.255.255/32",
	  .rules = "4" },
	{ .what = "EnforceRoutes: what is excluded stays excluded",
	  .addresses = A4,
	  .routes = "10.0.0.0/8",
	  .excluded = "10.1.0.0/16",
	  .host = LAN,
	  .enforce = true,
	  .want = "d10.0.0.0/8 t10.1.0.0/16",
	  .rules = "4" },
	{ .what = "a full tunnel leaves the links alone",
	  .addresses = A4 " " A6,
	  .routes = "0.0.0.0/0 ::/0",
	  .host = LAN,
	  .want = "d0.0.0.0/0 t10.1.0.0/16 t192.168.1.0/24 t224.0.0.0/4 "
		  "t255.255.255.255/32 d::/0 t2001:db8:1::/64 tfe80::/10 "
		  "tff00::/8",
	  .rules = "4 6" },
	{ .what = "without IPv6 a full tunnel makes it unreachable",
	  .addresses = A4,
	  .routes = "0.0.0.0/0",
	  .host = LAN,
	  .want = "d0.0.0.0/0 t10.1.0.0/16 t192.168.1.0/24 t224.0.0.0/4 "
		  "t255.255.255.255/32 u::/0 t2001:db8:1::/64 tfe80::/10 "
		  "tff00::/8",
	  .rules = "4 6" },
	{ .what = "an IPv6 default without an IPv6 address is unreachable",
	  .addresses = A4,
	  .routes = "0.0.0.0/0 ::/0",
	  .host = "::/0 2001:db8:1::/64",
	  .want = "d0.0.0.0/0 t224.0.0.0/4 t255.255.255.255/32 u::/0 "
		  "t2001:db8:1::/64 tfe80::/10 tff00::/8",
	  .rules = "4 6" },
	{ .what = "an IPv6 address without a default: its routes only",
	  .addresses = A4 " " A6,
	  .routes = "0.0.0.0/0 fd00:1::/32",
	  .host = "",
	  .want = "d0.0.0.0/0 t224.0.0.0/4 t255.255.255.255/32 u::/0 "
		  "dfd00:1::/32 tfe80::/10 tff00::/8",
	  .rules = "4 6" },
	{ .what = "a lease of IPv6 alone leaves IPv4 alone",
	  .addresses = A6,
	  .routes = "::/0",
	  .host = LAN,
	  .want = "d::/0 t2001:db8:1::/64 tfe80::/10 tff00::/8",
	  .rules = "6" },
	{ .what = "an IPv4 route without an IPv4 address is unreachable",
	  .addresses = A6,
	  .routes = "10.0.0.0/8",
	  .host = "0.0.0.0/0",
	  .want = "u10.0.0.0/8",
	  .rules = "4" },
	{ .what = "below an MTU of 1280 there is no IPv6 inside",
	  .addresses = A4 " " A6,
	  .routes = "0.0.0.0/0 ::/0",
	  .host = "",
	  .mtu = 1279,
	  .want = "d0.0.0.0/0 t224.0.0.0/4 t255.255.255.255/32 u::/0 "
		  "tfe80::/10 tff00::/8",
	  .rules = "4 6" },
	{ .what = "where our device has no IPv6 it is unreachable",
	  .addresses = A4 " " A6,
	  .routes = "10.0.0.0/8 fd00:1::/32",
	  .host = LAN,
	  .ipv6 = PLAN_IPV6_OFF_HERE,
	  .want = "d10.0.0.0/8 t10.1.0.0/16 ufd00:1::/32",
	  .rules = "4 6" },
	{ .what = "a kernel without IPv6 is not asked for it",
	  .addresses = A4 " " A6,
	  .routes = "0.0.0.0/0 ::/0",
	  .host = "0.0.0.0/0",
	  .ipv6 = PLAN_IPV6_ABSENT,
	  .want = "d0.0.0.0/0 t224.0.0.0/4 t255.255.255.255/32",
	  .rules = "4" },
	{ .what = "IncludeAllNetworks takes all, whatever the lease says",
	  .addresses = A4,
	  .routes = "10.0.0.0/8",
	  .host = "0.0.0.0/0 192.168.1.0/24 ::/0",
	  .all = true,
	  .want = "d0.0.0.0/0 d10.0.0.0/8 t192.168.1.0/24 t224.0.0.0/4 "
		  "t255.255.255.255/32 u::/0 tfe80::/10 tff00::/8",
	  .rules = "4 6" },
	{ .what = "excluded routes of lease and profile stay out",
	  .addresses = A4,
	  .routes = "0.0.0.0/0",
	  .excluded = "198.51.100.0/24",
	  .profile_excluded = "203.0.113.0/24 8.8.8.8/32",
	  .host = "0.0.0.0/0",
	  .ipv6 = PLAN_IPV6_ABSENT,
	  .want = "d0.0.0.0/0 t8.8.8.8/32 t198.51.100.0/24 t203.0.113.0/24 "
		  "t224.0.0.0/4 t255.255.255.255/32",
	  .rules = "4" },
	{ .what = "an excluded route equal to one of the lease wins",
	  .addresses = A4,
	  .routes = "10.1.0.0/16 10.0.0.0/8",
	  .profile_excluded = "10.1.0.0/16",
	  .host = "",
	  .want = "d10.0.0.0/8 t10.1.0.0/16",
	  .rules = "4" },
	{ .what = "a route inside an excluded one is taken",
	  .addresses = A4,
	  .routes = "10.0.0.0/8 10.1.2.0/24",
	  .excluded = "10.1.0.0/16",
	  .host = "",
	  .want = "d10.0.0.0/8 t10.1.0.0/16 d10.1.2.0/24",
	  .rules = "4" },
	{ .what = "the profile's routes narrow the lease's",
	  .addresses = A4,
	  .routes = "10.0.0.0/8 172.16.5.0/24",
	  .profile_routes = "10.5.0.0/16 172.16.0.0/12 192.168.0.0/16",
	  .host = "",
	  .want = "d10.5.0.0/16 d172.16.5.0/24",
	  .rules = "4" },
	{ .what = "a narrowed default is no default",
	  .addresses = A4,
	  .routes = "0.0.0.0/0 ::/0",
	  .profile_routes = "10.0.0.0/8",
	  .host = "",
	  .want = "d10.0.0.0/8",
	  .rules = "4" },
	{ .what = "another VPN's halves are its default, not its networks",
	  .addresses = A4,
	  .routes = "0.0.0.0/0",
	  .host = "0.0.0.0/1 128.0.0.0/1 ::/1 8000::/1 2000::/3 10.8.0.0/24",
	  .want = "d0.0.0.0/0 t10.8.0.0/24 t224.0.0.0/4 t255.255.255.255/32 "
		  "u::/0 tfe80::/10 tff00::/8",
	  .rules = "4 6" },
	{ .what = "a default in halves is a default of the lease's too",
	  .addresses = A4,
	  .routes = "0.0.0.0/1 128.0.0.0/1",
	  .host = "",
	  .want = "d0.0.0.0/1 d128.0.0.0/1 t224.0.0.0/4 t255.255.255.255/32 "
		  "u::/0 tfe80::/10 tff00::/8",
	  .rules = "4 6" },
	{ .what = "a route to a group wins over the throw around it",
	  .addresses = A4,
	  .routes = "0.0.0.0/0 239.1.0.0/16",
	  .host = "",
	  .ipv6 = PLAN_IPV6_ABSENT,
	  .want = "d0.0.0.0/0 t224.0.0.0/4 d239.1.0.0/16 t255.255.255.255/32",
	  .rules = "4" },
	{ .what = "the network of the inner address is routed",
	  .addresses = "10.77.0.2/16 fd77::2/64",
	  .routes = "192.168.7.0/24",
	  .host = "",
	  .want = "d10.77.0.0/16 d192.168.7.0/24 dfd77::/64",
	  .rules = "4 6" },
	{ .what = "networks in networks: only what changes the answer is told",
	  .addresses = A4,
	  .routes = "10.0.0.0/8 10.1.2.0/24",
	  .host = "10.1.0.0/16 10.1.1.0/24 10.1.2.128/25 10.1.2.0/30",
	  .want = "d10.0.0.0/8 t10.1.0.0/16 d10.1.2.0/24 t10.1.2.0/30 "
		  "t10.1.2.128/25",
	  .rules = "4" },
	{ .what = "a gateway on the link needs no default route",
	  .addresses = A4,
	  .routes = "0.0.0.0/0",
	  .host = "192.0.2.0/24",
	  .ipv6 = PLAN_IPV6_ABSENT,
	  .want = "d0.0.0.0/0 t192.0.2.0/24 t224.0.0.0/4 t255.255.255.255/32",
	  .rules = "4" },
	{ .what = "host bits and repetitions in a lease do no harm",
	  .addresses = A4,
	  .routes = "10.1.2.3/8 10.0.0.0/8 10.255.0.0/8",
	  .host = "",
	  .want = "d10.0.0.0/8",
	  .rules = "4" },
	{ .what = "a lease without routes changes no routing",
	  .addresses = A4 " " A6,
	  .routes = "",
	  .host = LAN,
	  .want = "",
	  .rules = "" },
};

/* Calls back for each blank-separated prefix of a text. */
static size_t prefixes(const char *text, struct ip_prefix *ret, size_t max)
{
	size_t count = 0;
	char word[PREFIX_TEXT_MAX];
	int used;

	while (text && sscanf(text, "%49s%n", word, &used) == 1) {
		ck_assert_uint_lt(count, max);
		ck_assert_int_eq(prefix_parse(word, &ret[count++]), 0);
		text += used;
	}
	return count;
}

struct input {
	struct plan_input in;
	struct lease lease;
	struct lease_prefixes routes, excluded;
	struct ip_prefix space[4][16];
	struct rtnl_route host[HOST_ROUTES];
};

static void fill(const struct row *row, struct input *i)
{
	struct ip_prefix list[16];
	size_t n = prefixes(row->addresses, list, 16);

	*i = (struct input) { 0 };
	for (size_t k = 0; k < n; k++) {
		if (list[k].addr.family == AF_INET)
			i->lease.address4 = list[k];
		else
			i->lease.address6 = list[k];
	}
	i->lease.routes.prefix = i->space[0];
	i->lease.routes.count = prefixes(row->routes, i->space[0], 16);
	i->lease.excluded.prefix = i->space[1];
	i->lease.excluded.count = prefixes(row->excluded, i->space[1], 16);
	i->routes.prefix = i->space[2];
	i->routes.count = prefixes(row->profile_routes, i->space[2], 16);
	i->excluded.prefix = i->space[3];
	i->excluded.count = prefixes(row->profile_excluded, i->space[3], 16);
	n = prefixes(row->host, list, 16);
	for (size_t k = 0; k < n; k++)
		i->host[k] = (struct rtnl_route) { .to = list[k],
						   .table = RTNL_TABLE_MAIN,
						   .kind = RTNL_KIND_DEVICE,
						   .ifindex = UPLINK };
	i->in = (struct plan_input) {
		.device = "adit0",
		.ifindex = OURS,
		.mtu = row->mtu ? row->mtu : 1400,
		.lease = &i->lease,
		.routes = &i->routes,
		.excluded = &i->excluded,
		.enforce_routes = row->enforce,
		.all_networks = row->all,
		.host_routes = i->host,
		.host_route_count = n,
		.ipv6 = row->ipv6,
	};
}

static void add_word(char *text, size_t size, const char *a, const char *b)
{
	size_t n = strlen(text);

	snprintf(text + n, size - n, "%s%s%s", n ? " " : "", a, b);
}

static void routes_text(const struct host_state *s, char *text, size_t size)
{
	static const char *const kinds[] = { "d", "t", "u", "o" };
	char to[PREFIX_TEXT_MAX];

	*text = '\0';
	for (size_t i = 0; i < s->route_count; i++)
		add_word(text, size, kinds[s->routes[i].kind],
			 prefix_text(&s->routes[i].to, to));
}

START_TEST(plans_what_the_table_says)
{
	const struct row *row = &rows[_i];
	struct input input;
	struct host_state s;
	char text[2048], rules[16] = "";

	fill(row, &input);
	ck_assert_int_eq(plan_client(&input.in, &s), 0);
	routes_text(&s, text, sizeof(text));
	ck_assert_msg(strcmp(text, row->want) == 0, "%s:\n  want %s\n  got  %s",
		      row->what, row->want, text);
	for (size_t i = 0; i < s.rule_count; i++) {
		add_word(rules, sizeof(rules),
			 s.rules[i].family == AF_INET ? "4" : "6", "");
		ck_assert(s.rules[i].invert && s.rules[i].mark == HOST_MARK &&
			  s.rules[i].mask == UINT32_MAX &&
			  s.rules[i].table == HOST_TABLE &&
			  s.rules[i].priority < 32766);
	}
	ck_assert_str_eq(rules, row->rules);
	host_state_fini(&s);
}
END_TEST

/* So that the main table never gets a route from an address of ours. */
START_TEST(puts_addresses_on_without_their_networks)
{
	static const struct row row = { .addresses = "10.77.0.2/16 fd77::2/64",
					.host = "" };
	struct input input;
	struct host_state s;
	char text[PREFIX_TEXT_MAX];

	fill(&row, &input);
	ck_assert_int_eq(plan_client(&input.in, &s), 0);
	ck_assert_uint_eq(s.address_count, 2);
	ck_assert_str_eq(prefix_text(&s.addresses[0], text), "10.77.0.2/32");
	ck_assert_str_eq(prefix_text(&s.addresses[1], text), "fd77::2/128");
	ck_assert_uint_eq(s.mtu, 1400);
	ck_assert_uint_eq(s.txqlen, HOST_TXQLEN);
	ck_assert_uint_eq(s.ifindex, OURS);
	ck_assert_str_eq(s.device, "adit0");
	host_state_fini(&s);
}
END_TEST

START_TEST(skips_what_is_ours_or_of_another_table)
{
	static const struct row row = {
		.addresses = A4,
		.routes = "10.0.0.0/8",
		.host = "10.1.0.0/16 10.2.0.0/16 10.3.0.0/16 10.4.0.0/16"
	};
	struct input input;
	struct host_state s;
	char text[256];

	fill(&row, &input);
	input.host[0].ifindex = OURS;
	input.host[1].table = HOST_TABLE;
	input.host[2].kind = RTNL_KIND_UNREACHABLE;
	input.host[3].ifindex = 0; /* several next hops */
	ck_assert_int_eq(plan_client(&input.in, &s), 0);
	routes_text(&s, text, sizeof(text));
	ck_assert_str_eq(text, "d10.0.0.0/8 t10.4.0.0/16");
	host_state_fini(&s);
}
END_TEST

/* What the plan promises, checked against a plain search of both tables for
 * many addresses and random networks: the longest prefix wins, the host's at
 * equal length. */
START_TEST(agrees_with_a_search_of_both_tables)
{
	static const struct row row = { .addresses = A4, .host = "" };
	struct input input;
	unsigned int asked = 0;
	uint32_t seed = 1 + (uint32_t)_i;

	fill(&row, &input);
	input.lease.routes.count = 12;
	input.in.host_route_count = 20;
	for (size_t i = 0; i < 32; i++) {
		struct ip_prefix p = { .addr.family = AF_INET };

		/* Few bits, so that they nest and meet. */
		seed = seed * 1103515245 + 12345;
		p.addr.bytes[0] = 10;
		p.addr.bytes[1] = (uint8_t)(seed >> 16 & 0xe0);
		p.len = (uint8_t)(8 + (seed >> 24) % 6);
		p = prefix_masked(&p);
		if (i < 12)
			input.space[0][i] = p;
		else
			input.host[i - 12] = (struct rtnl_route) {
				.to = p,
				.table = RTNL_TABLE_MAIN,
				.kind = RTNL_KIND_DEVICE,
				.ifindex = UPLINK,
			};
	}

	struct host_state s;

	ck_assert_int_eq(plan_client(&input.in, &s), 0);
	for (unsigned int b = 0; b < 256; b++) {
		struct ip_addr a = { .family = AF_INET,
				     .bytes = { 10, (uint8_t)b, 1, 1 } };
		int lease = -1, host = -1, best = -1;
		enum rtnl_kind kind = RTNL_KIND_THROW;

		for (size_t i = 0; i < 12; i++) {
			if (prefix_has(&input.space[0][i], &a) &&
			    input.space[0][i].len > lease)
				lease = input.space[0][i].len;
		}
		for (size_t i = 0; i < 20; i++) {
			if (prefix_has(&input.host[i].to, &a) &&
			    input.host[i].to.len > host)
				host = input.host[i].to.len;
		}
		for (size_t i = 0; i < s.route_count; i++) {
			if (prefix_has(&s.routes[i].to, &a) &&
			    s.routes[i].to.len > best) {
				best = s.routes[i].to.len;
				kind = s.routes[i].kind;
			}
		}
		ck_assert_int_eq(kind == RTNL_KIND_DEVICE, lease > host);
		asked++;
	}
	ck_assert_uint_eq(asked, 256);
	host_state_fini(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plan");
	TCase *t = tcase_create("routes");

	tcase_add_loop_test(t, plans_what_the_table_says, 0,
			    (int)ARRAY_SIZE(rows));
	tcase_add_test(t, puts_addresses_on_without_their_networks);
	tcase_add_test(t, skips_what_is_ours_or_of_another_table);
	tcase_add_loop_test(t, agrees_with_a_search_of_both_tables, 0, 200);
	suite_add_tcase(s, t);
	return suite_run(s);
}
