/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hosts are told as text, a line each:
 *
 *   link INDEX NAME KIND TYPE [off] [on INDEX] [in INDEX] [uses INDEX]
 *   route PREFIX [via ADDRESS] dev INDEX [metric N] [table N]
 *   throw|unreachable|blackhole PREFIX [metric N] [table N]
 *   rule FAMILY [not] [mark HEX/HEX] [selects] [suppress N] table N|refuse
 *
 * "off": no carrier; "on": a VLAN's device; "in": a port's bridge or bond;
 * "uses": a bond's port in use. Without rules of its own a host has the three
 * of every kernel. */
#include "tunnel/host/way_out.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>

#include "tests/lib/suite.h"
#include "tunnel/host/state.h"

enum {
	ROOM = 32,
	TEXT_MAX = 2048,
	TABLE_LOCAL = 255,
	TABLE_DEFAULT = 253,
};

#define ETH "link 2 eth0 - ether\n"
#define WLAN "link 3 wlan0 - ether\n"
#define TUN "link 7 tun0 tun none\n"
#define ADIT "link 9 adit0 tun none\n"
#define LAN                                     \
	"route 0.0.0.0/0 via 192.0.2.1 dev 2\n" \
	"route 192.0.2.0/24 dev 2\n"
#define LAN6                                         \
	"route ::/0 via fe80::1 dev 2 metric 1024\n" \
	"route 2001:db8::/64 dev 2 metric 256\n"
/* What the plan of a full tunnel adds. */
#define FULL                                               \
	ADIT "rule 4 table 255\n"                          \
	     "rule 4 not mark 2a17/ffffffff table 21004\n" \
	     "rule 4 table 254\nrule 4 table 253\n"        \
	     "rule 6 table 255\n"                          \
	     "rule 6 not mark 2a17/ffffffff table 21004\n" \
	     "rule 6 table 254\n"                          \
	     "route 0.0.0.0/0 dev 9 table 21004\n"         \
	     "throw 192.0.2.0/24 table 21004\n"            \
	     "unreachable ::/0 table 21004\n"

static const struct {
	const char *what;
	const char *host;
	const char *way; /* "DEVICE|VPN DEVICE [GATEWAY] [PREFIX]..." */
} rows[] = {
	/* --- which device --- */
	{ "a host without a route is nowhere", ETH, "none" },
	{ "a network without a default route is no way out",
	  ETH "route 192.0.2.0/24 dev 2\n", "none" },
	{ "the default route's device is the way out", ETH LAN,
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "the lower metric wins",
	  ETH WLAN "route 0.0.0.0/0 via 192.0.2.1 dev 2 metric 600\n"
		   "route 0.0.0.0/0 via 198.51.100.1 dev 3 metric 100\n",
	  "wlan0 198.51.100.1" },
	{ "no metric is the lowest one",
	  ETH WLAN "route 0.0.0.0/0 via 198.51.100.1 dev 3 metric 100\n" LAN,
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "a cable that is out leaves the way to the next one",
	  "link 2 eth0 - ether off\n" WLAN LAN
	  "route 0.0.0.0/0 via 198.51.100.1 dev 3 metric 600\n",
	  "wlan0 198.51.100.1" },
	{ "a cable that is out with nothing else is nowhere",
	  "link 2 eth0 - ether off\n" LAN, "none" },
	{ "a route to a link that is gone is none", LAN, "none" },
	{ "IPv4 decides when IPv6 leads elsewhere",
	  ETH WLAN LAN "route ::/0 via fe80::9 dev 3 metric 1024\n",
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "IPv6 decides where IPv4 has no way", ETH LAN6,
	  "eth0 fe80::1 2001:db8::/64" },
	{ "both families of one device are told", ETH LAN LAN6,
	  "eth0 192.0.2.1 192.0.2.0/24 fe80::1 2001:db8::/64" },
	{ "IPv6 out of the same device is told, though another has a better "
	  "one",
	  ETH WLAN LAN "route ::/0 via fe80::9 dev 3 metric 100\n" LAN6,
	  "eth0 192.0.2.1 192.0.2.0/24 fe80::1 2001:db8::/64" },
	{ "of routers with one metric the lower address is taken",
	  ETH "route ::/0 via fe80::2 dev 2 metric 1024\n"
	      "route ::/0 via fe80::1 dev 2 metric 1024\n",
	  "eth0 fe80::1" },
	{ "a default without a gateway is one",
	  "link 4 ppp0 - ppp\nroute 0.0.0.0/0 dev 4\n", "ppp0" },
	{ "a gateway may be of the other family",
	  ETH "route 0.0.0.0/0 via fe80::1 dev 2\n", "eth0 fe80::1" },

	/* --- networks on the link --- */
	{ "link-local networks and single addresses are no network",
	  ETH LAN "route 169.254.0.0/16 dev 2\nroute 192.0.2.7/32 dev 2\n"
		  "route fe80::/64 dev 2\nroute 2001:db8::7/128 dev 2\n",
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "networks behind a gateway or on another link are not on ours",
	  ETH WLAN LAN "route 10.0.0.0/8 via 192.0.2.9 dev 2\n"
		       "route 172.17.0.0/16 dev 3\n",
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "a network that is told twice is one",
	  ETH LAN "route 192.0.2.0/24 dev 2 metric 100\n"
		  "route 192.0.2.0/24 dev 2 table 100\n",
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "eight networks are kept, no more",
	  ETH LAN "route 10.1.0.0/16 dev 2\nroute 10.2.0.0/16 dev 2\n"
		  "route 10.3.0.0/16 dev 2\nroute 10.4.0.0/16 dev 2\n"
		  "route 10.5.0.0/16 dev 2\nroute 10.6.0.0/16 dev 2\n"
		  "route 10.7.0.0/16 dev 2\nroute 10.8.0.0/16 dev 2\n",
	  "eth0 192.0.2.1 192.0.2.0/24 10.1.0.0/16 10.2.0.0/16 10.3.0.0/16 "
	  "10.4.0.0/16 10.5.0.0/16 10.6.0.0/16 10.7.0.0/16" },

	/* --- beneath our own tunnel (R17) --- */
	{ "our own full tunnel is looked beneath", ETH LAN LAN6 FULL,
	  "eth0 192.0.2.1 192.0.2.0/24 fe80::1 2001:db8::/64" },
	{ "our own device is never the way out, whatever the table",
	  ETH LAN ADIT "route 0.0.0.0/1 dev 9\nroute 128.0.0.0/1 dev 9\n",
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "our own tunnel with nothing beneath is nowhere", ETH FULL, "none" },
	{ "the links that carry our names are never the way out",
	  "link 4 adit-dns veth ether\nlink 5 adit-dnsp veth ether\n"
	  "route 0.0.0.0/0 via 169.254.77.54 dev 4\n"
	  "route 0.0.0.0/0 via 169.254.77.53 dev 5 metric 7\n",
	  "none" },

	/* --- other tunnels (R18) --- */
	{ "another tunnel's default route",
	  ETH TUN "route 0.0.0.0/0 dev 7\n"
		  "route 0.0.0.0/0 via 192.0.2.1 dev 2 metric 100\n",
	  "VPN tun0" },
	{ "another tunnel with a higher metric does not matter",
	  ETH LAN TUN "route 0.0.0.0/0 dev 7 metric 50\n",
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "another tunnel with routes of its own only does not matter",
	  ETH LAN TUN "route 10.0.0.0/8 dev 7\n",
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "halves of the default (OpenVPN's def1)",
	  ETH LAN TUN "route 0.0.0.0/1 via 10.8.0.1 dev 7\n"
		      "route 128.0.0.0/1 via 10.8.0.1 dev 7\n",
	  "VPN tun0 10.8.0.1" },
	{ "one half alone is no default",
	  ETH LAN TUN "route 0.0.0.0/1 via 10.8.0.1 dev 7\n",
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "halves through two devices are no default of either",
	  ETH WLAN LAN TUN "route 0.0.0.0/1 dev 7\nroute 128.0.0.0/1 dev 3\n",
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "2000::/3 is IPv6's default",
	  ETH TUN LAN6 "route 2000::/3 dev 7 metric 1024\n", "VPN tun0" },
	{ "OpenVPN's four pieces of IPv6 are its default",
	  ETH TUN LAN6 "route ::/3 dev 7 metric 1024\n"
		       "route 2000::/4 dev 7 metric 1024\n"
		       "route 3000::/4 dev 7 metric 1024\n"
		       "route fc00::/7 dev 7 metric 1024\n",
	  "VPN tun0 fc00::/7" },
	{ "wg-quick's table and rules",
	  ETH LAN "link 8 wg0 wireguard none\n"
		  "rule 4 table 255\n"
		  "rule 4 suppress 0 table 254\n"
		  "rule 4 not mark ca6c/ffffffff table 51820\n"
		  "rule 4 table 254\n"
		  "route 0.0.0.0/0 dev 8 table 51820\n",
	  "VPN wg0" },
	{ "wg-quick's suppressed rule finds halves in the main table",
	  ETH LAN "link 8 wg0 wireguard none\n" TUN
		  "rule 4 suppress 0 table 254\n"
		  "rule 4 not mark ca6c/ffffffff table 51820\n"
		  "rule 4 table 254\n"
		  "route 0.0.0.0/1 dev 7\nroute 128.0.0.0/1 dev 7\n"
		  "route 0.0.0.0/0 dev 8 table 51820\n",
	  "VPN tun0" },
	{ "wg-quick's in front of ours",
	  ETH LAN ADIT "link 8 wg0 wireguard none\n"
		       "rule 4 not mark 2a17/ffffffff table 21004\n"
		       "rule 4 not mark ca6c/ffffffff table 51820\n"
		       "rule 4 table 254\n"
		       "route 0.0.0.0/0 dev 9 table 21004\n"
		       "route 0.0.0.0/0 dev 8 table 51820\n",
	  "VPN wg0" },
	{ "another tunnel's table without a default does not matter",
	  ETH LAN "link 8 ts0 tun none\n"
		  "rule 4 mark 80000/ff0000 table 254\n"
		  "rule 4 table 52\n"
		  "rule 4 table 254\n"
		  "route 100.64.0.0/10 dev 8 table 52\n",
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "a table that no rule reaches does not matter",
	  ETH LAN TUN "route 0.0.0.0/0 dev 7 table 99\n",
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "a rule for some sources or users says nothing about the machine",
	  ETH LAN TUN "rule 4 selects table 99\nrule 4 table 254\n"
		      "route 0.0.0.0/0 dev 7 table 99\n",
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "a rule for another mark does not select us",
	  ETH LAN TUN "rule 4 mark 7/ff table 99\nrule 4 table 254\n"
		      "route 0.0.0.0/0 dev 7 table 99\n",
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "a throw leads to the next rule",
	  ETH LAN "rule 4 table 99\nrule 4 table 254\n"
		  "throw 0.0.0.0/0 table 99\n",
	  "eth0 192.0.2.1 192.0.2.0/24" },
	{ "a rule that refuses leaves nothing",
	  ETH LAN "rule 4 refuse\nrule 4 table 254\n", "none" },
	{ "a rule that refuses IPv4 leaves IPv6",
	  ETH LAN LAN6 "rule 4 refuse\nrule 4 table 254\nrule 6 table 254\n",
	  "eth0 192.0.2.0/24 fe80::1 2001:db8::/64" },
	{ "an unreachable default with the lowest metric is none",
	  ETH "route 0.0.0.0/0 via 192.0.2.1 dev 2 metric 9\n"
	      "unreachable 0.0.0.0/0 metric 5\n",
	  "none" },
	{ "the kernel's last resort in IPv6 hides nothing",
	  ETH LAN6 "unreachable ::/0 metric 4294967295\n",
	  "eth0 fe80::1 2001:db8::/64" },
	{ "a blackhole is none",
	  ETH "blackhole 0.0.0.0/0\n"
	      "route 0.0.0.0/0 via 192.0.2.1 dev 2 metric 9\n",
	  "none" },

	/* --- what is a tunnel --- */
	{ "a tap device is one",
	  "link 7 tap0 tun ether\nroute 0.0.0.0/0 dev 7\n", "VPN tap0" },
	{ "an unknown device without link addresses is one",
	  "link 7 awg0 amneziawg none\nroute 0.0.0.0/0 dev 7\n", "VPN awg0" },
	{ "IPsec's xfrm device is one",
	  "link 7 ipsec0 xfrm none\nroute 0.0.0.0/0 dev 7\n", "VPN ipsec0" },
	{ "PPP with a gateway beneath is one",
	  ETH "link 4 ppp0 ppp ppp\nroute 0.0.0.0/0 dev 4\n"
	      "route 203.0.113.5/32 via 192.0.2.1 dev 2\n",
	  "VPN ppp0" },
	{ "PPP with nothing beneath is a line of its own",
	  ETH "link 4 ppp0 ppp ppp\nroute 0.0.0.0/0 dev 4\n"
	      "route 192.168.1.0/24 dev 2\n",
	  "ppp0" },
	{ "PPP beside another tunnel is a line of its own",
	  TUN "link 4 ppp0 ppp ppp\nroute 0.0.0.0/0 dev 4\n"
	      "route 10.0.0.0/8 via 10.8.0.1 dev 7\n",
	  "ppp0" },
	{ "a veth is hardware to whoever is inside",
	  "link 2 eth0 veth ether on 3\nroute 0.0.0.0/0 dev 2\n", "eth0" },
	{ "a bridge of hardware and a tunnel is none",
	  "link 5 br0 bridge ether\nlink 2 eth0 - ether in 5\n"
	  "link 7 tap0 tun ether in 5\nroute 0.0.0.0/0 dev 5\n",
	  "br0" },
	{ "a bridge of a tunnel alone is one",
	  "link 5 br0 bridge ether\nlink 7 tap0 tun ether in 5\n"
	  "route 0.0.0.0/0 dev 5\n",
	  "VPN br0" },
	{ "a VLAN on a tunnel is one",
	  "link 7 tap0 tun ether\nlink 5 tap0.5 vlan ether on 7\n"
	  "route 0.0.0.0/0 dev 5\n",
	  "VPN tap0.5" },
};

static struct rtnl_link links[ROOM];
static struct rtnl_route routes[ROOM];
static struct rtnl_rule rules[ROOM];
static struct way_out_input input;

static uint32_t number(void)
{
	return (uint32_t)strtoul(strtok(NULL, " "), NULL, 10);
}

static void add_link(void)
{
	static const struct {
		const char *name;
		uint16_t type;
	} types[] = { { "ether", ARPHRD_ETHER },
		      { "none", ARPHRD_NONE },
		      { "ppp", ARPHRD_PPP } };
	struct rtnl_link *l = &links[input.link_count++];
	const char *word;

	*l = (struct rtnl_link) { .index = number(), .running = true };
	snprintf(l->name, sizeof(l->name), "%s", strtok(NULL, " "));
	word = strtok(NULL, " ");
	if (strcmp(word, "-") != 0)
		snprintf(l->kind, sizeof(l->kind), "%s", word);
	word = strtok(NULL, " ");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strcmp(word, types[i].name) == 0)
			l->type = types[i].type;
	}
	while ((word = strtok(NULL, " "))) {
		if (strcmp(word, "off") == 0)
			l->running = false;
		else if (strcmp(word, "on") == 0)
			l->lower = number();
		else if (strcmp(word, "in") == 0)
			l->master = number();
		else
			l->active = number();
	}
}

static void add_route(enum rtnl_kind kind)
{
	struct rtnl_route *r = &routes[input.route_count++];
	const char *word;

	*r = (struct rtnl_route) { .kind = kind, .table = RTNL_TABLE_MAIN };
	ck_assert_int_eq(prefix_parse(strtok(NULL, " "), &r->to), 0);
	while ((word = strtok(NULL, " "))) {
		if (strcmp(word, "via") == 0)
			ck_assert_int_eq(
				addr_parse(strtok(NULL, " "), &r->hop_gateway),
				0);
		else if (strcmp(word, "dev") == 0)
			r->ifindex = r->hop_ifindex = number();
		else if (strcmp(word, "metric") == 0)
			r->metric = number();
		else
			r->table = number();
	}
}

static void add_rule(void)
{
	struct rtnl_rule *r = &rules[input.rule_count++];
	const char *word = strtok(NULL, " ");

	*r = (struct rtnl_rule) {
		.family = word[0] == '4' ? AF_INET : AF_INET6,
		.suppress_len = -1,
	};
	while ((word = strtok(NULL, " "))) {
		if (strcmp(word, "not") == 0)
			r->invert = true;
		else if (strcmp(word, "mark") == 0)
			ck_assert_int_eq(sscanf(strtok(NULL, " "), "%x/%x",
						&r->mark, &r->mask),
					 2);
		else if (strcmp(word, "selects") == 0)
			r->selects = true;
		else if (strcmp(word, "suppress") == 0)
			r->suppress_len = (int32_t)number();
		else if (strcmp(word, "refuse") == 0)
			r->ends = true;
		else
			r->looks_up = true, r->table = number();
	}
}

static void add_line(char *line)
{
	const char *word = strtok(line, " ");

	if (strcmp(word, "link") == 0)
		add_link();
	else if (strcmp(word, "rule") == 0)
		add_rule();
	else if (strcmp(word, "throw") == 0)
		add_route(RTNL_KIND_THROW);
	else if (strcmp(word, "unreachable") == 0)
		add_route(RTNL_KIND_UNREACHABLE);
	else if (strcmp(word, "blackhole") == 0)
		add_route(RTNL_KIND_OTHER);
	else
		add_route(RTNL_KIND_DEVICE);
}

static void make_host(const char *text)
{
	static const uint32_t tables[] = { TABLE_LOCAL, RTNL_TABLE_MAIN,
					   TABLE_DEFAULT };
	char copy[TEXT_MAX], *next = copy, *line;

	input = (struct way_out_input) { .links = links,
					 .routes = routes,
					 .rules = rules,
					 .device = "adit0" };
	ck_assert_uint_lt(strlen(text), sizeof(copy));
	strcpy(copy, text);
	while ((line = strsep(&next, "\n"))) {
		if (line[0])
			add_line(line);
	}
	for (size_t i = 0; input.rule_count < 6 && !strstr(text, "rule"); i++)
		rules[input.rule_count++] = (struct rtnl_rule) {
			.family = i < 3 ? AF_INET : AF_INET6,
			.table = tables[i % 3],
			.suppress_len = -1,
			.looks_up = true,
		};
}

static void append(char *text, const char *word)
{
	size_t len = strlen(text);

	snprintf(text + len, TEXT_MAX - len, "%s%s", len ? " " : "", word);
}

static void path_text(const struct network_path *path, char *text)
{
	char word[PREFIX_TEXT_MAX];

	if (path->gateway.family)
		append(text, addr_text(&path->gateway, word));
	for (size_t i = 0; i < path->prefix_count; i++)
		append(text, prefix_text(&path->prefixes[i], word));
}

static void way_text(char *text)
{
	struct way_out way;

	way_out_find(&input, &way);
	if (way.tunnel)
		append(text, "VPN");
	append(text, way.link ? way.link->name : "none");
	path_text(&way.ipv4, text);
	path_text(&way.ipv6, text);
}

START_TEST(finds_the_way_out)
{
	char text[TEXT_MAX] = "";

	make_host(rows[_i].host);
	way_text(text);
	ck_assert_msg(strcmp(text, rows[_i].way) == 0, "%s: \"%s\", not \"%s\"",
		      rows[_i].what, text, rows[_i].way);
}
END_TEST

static const struct {
	const char *what;
	const char *host; /* link 5 is looked at */
	const char *below;
} belows[] = {
	{ "a device is carried by itself", "link 5 eth0 - ether\n", "eth0" },
	{ "a VLAN by what it is on", WLAN "link 5 wlan0.5 vlan ether on 3\n",
	  "wlan0" },
	{ "a macvlan by what it is on", WLAN "link 5 m0 macvlan ether on 3\n",
	  "wlan0" },
	{ "a veth by itself, not by its other end",
	  WLAN "link 5 veth0 veth ether on 3\n", "veth0" },
	{ "a bridge by its ports",
	  "link 5 br0 bridge ether\nlink 2 eth0 - ether in 5\n"
	  "link 3 wlan0 - ether in 5\n",
	  "eth0 wlan0" },
	{ "a bridge without ports by itself", "link 5 br0 bridge ether\n",
	  "br0" },
	{ "a port that is off carries nothing",
	  "link 5 br0 bridge ether\nlink 2 eth0 - ether in 5 off\n"
	  "link 3 wlan0 - ether in 5\n",
	  "wlan0" },
	{ "a bond by its port in use",
	  "link 5 bond0 bond ether uses 2\nlink 2 eth0 - ether in 5\n"
	  "link 3 wlan0 - ether in 5\n",
	  "eth0" },
	{ "a VLAN on a bridge on a bond by the bond's port",
	  "link 5 br0.7 vlan ether on 6\nlink 6 br0 bridge ether\n"
	  "link 8 bond0 bond ether in 6 uses 3\nlink 2 eth0 - ether in 8\n"
	  "link 3 wlan0 - ether in 8\n",
	  "wlan0" },
	{ "links that carry each other end somewhere",
	  "link 5 a vlan ether on 6\nlink 6 b vlan ether on 5\n", "a" },
	{ "eight at most",
	  "link 5 br0 bridge ether\nlink 10 p0 - ether in 5\n"
	  "link 11 p1 - ether in 5\nlink 12 p2 - ether in 5\n"
	  "link 13 p3 - ether in 5\nlink 14 p4 - ether in 5\n"
	  "link 15 p5 - ether in 5\nlink 16 p6 - ether in 5\n"
	  "link 17 p7 - ether in 5\nlink 18 p8 - ether in 5\n",
	  "p0 p1 p2 p3 p4 p5 p6 p7" },
};

START_TEST(tells_what_carries_a_link)
{
	const struct rtnl_link *below[WAY_OUT_BELOW_MAX], *link = NULL;
	char text[TEXT_MAX] = "";
	size_t count;

	make_host(belows[_i].host);
	for (size_t i = 0; i < input.link_count; i++) {
		if (links[i].index == 5)
			link = &links[i];
	}
	ck_assert(link);
	count = way_out_below(&input, link, below);
	for (size_t i = 0; i < count; i++)
		append(text, below[i]->name);
	ck_assert_msg(strcmp(text, belows[_i].below) == 0,
		      "%s: \"%s\", not \"%s\"", belows[_i].what, text,
		      belows[_i].below);
}
END_TEST

START_TEST(walks_without_rules_in_a_kernel_that_has_none)
{
	struct way_out way;

	make_host(ETH LAN);
	input.rule_count = 0;
	way_out_find(&input, &way);
	ck_assert(way.link && way.link->index == 2);
}
END_TEST

/* --- a host as a kernel tells of it --- */

static size_t read_recorded(const char *name, char *data, size_t size)
{
	char path[128];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "tests/host/data/nl80211/%s.bin", name);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s", path);
	len = fread(data, 1, size, f);
	fclose(f);
	return len;
}

static void add_recorded(const char *name)
{
	_Alignas(struct nlmsghdr) char data[8192];
	int left = (int)read_recorded(name, data, sizeof(data));
	const struct nlmsghdr *n = (void *)data;

	for (; mnl_nlmsg_ok(n, left); n = mnl_nlmsg_next(n, &left)) {
		ck_assert_uint_lt(input.route_count, ROOM);
		if (rtnl_parse_link(n, &links[input.link_count]) == 0)
			input.link_count++;
		else if (rtnl_parse_route(n, &routes[input.route_count]) == 0)
			input.route_count++;
		else if (rtnl_parse_rule(n, &rules[input.rule_count]) == 0)
			input.rule_count++;
	}
}

START_TEST(finds_the_way_out_of_a_recorded_host)
{
	char text[TEXT_MAX] = "";

	input = (struct way_out_input) { .links = links,
					 .routes = routes,
					 .rules = rules,
					 .device = "adit0" };
	add_recorded("rtnl-link");
	add_recorded("rtnl-rule");
	add_recorded("rtnl-route");
	way_text(text);
	ck_assert_str_eq(text, "up0 192.0.2.1 192.0.2.0/24 2001:db8:1::1 "
			       "2001:db8:1::/64");
	/* And its Wi-Fi, when the cable is out. */
	for (size_t i = 0; i < input.link_count; i++)
		links[i].running &= strcmp(links[i].name, "up0") != 0;
	text[0] = '\0';
	way_text(text);
	ck_assert_str_eq(text, "wlan0 10.26.0.1 10.26.0.0/24");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("way_out");
	TCase *t = tcase_create("hosts");

	tcase_add_loop_test(t, finds_the_way_out, 0, (int)ARRAY_SIZE(rows));
	tcase_add_loop_test(t, tells_what_carries_a_link, 0,
			    (int)ARRAY_SIZE(belows));
	tcase_add_test(t, walks_without_rules_in_a_kernel_that_has_none);
	tcase_add_test(t, finds_the_way_out_of_a_recorded_host);
	suite_add_tcase(s, t);
	return suite_run(s);
}
