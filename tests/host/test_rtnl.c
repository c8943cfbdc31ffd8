/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The recorded messages are from Linux 6.18; links are cut to the attributes
 * that are read. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "tests/lib/suite.h"
#include "tunnel/host/rtnl.h"

enum { TEXT_MAX = 200 };

static const struct {
	const char *what;
	const char *hex;
} recorded[] = {
	{ "link 4 adit0 tun mtu 1400 txqlen 500 down",
	  "540000001000020007000000240d00000000feff0400000090100000000000000a00"
	  "0300616469743000000008000d00f401000008000400780500000800290000000100"
	  "100012000700010074756e0004000200" },
	{ "link 2 up0  mtu 1500 txqlen 1000 up carrier",
	  "400000001000020007000000240d0000000001000200000043100100000000000800"
	  "03007570300008000d00e803000008000400dc0500000800290000000100" },
	{ "addr 3 192.0.2.2/24", "4c0000001400020007000000240d00000218800003000"
				 "00008000100c0000202080002"
				 "00c000020208000300757030000800080080000000140"
				 "00600ffffffffffffffff1a72"
				 "04001a720400" },
	{ "addr 4 10.77.0.2/32", /* with a peer, 10.77.0.1 */
	  "500000001400020007000000240d00000220800004000000080001000a4d00010800"
	  "02"
	  "000a4d00020a0003006164697430000000080008008000000014000600ffffffffff"
	  "ff"
	  "ffff1b7204001b720400" },
	{ "addr 4 fd77::2/64", "480000001400020007000000240d00000a4082000400000"
			       "014000100fd770000000000"
			       "00000000000000000214000600ffffffffffffffff1c720"
			       "4001c720400080008008200"
			       "0000" },
	{ "route 10.9.0.0/16 throw table 21004 proto 210 dev 0 via none",
	  "2c0000001800020007000000240d000002100000fcd200090000000008000f000c52"
	  "00"
	  "00080001000a090000" },
	{ "route 0.0.0.0/0 device table 254 proto 3 dev 3 via 192.0.2.1",
	  "340000001800020007000000240d000002000000fe0300010000000008000f00fe00"
	  "00"
	  "0008000500c00002010800040003000000" },
	{ "route 192.0.2.0/24 device table 254 proto 2 dev 3 via none",
	  "3c0000001800020007000000240d000002180000fe02fd010000000008000f00fe00"
	  "00"
	  "0008000100c000020008000700c00002020800040003000000" },
	{ "route 198.51.100.0/24 device table 254 proto 3 dev 0 via none",
	  "500000001800020007000000240d000002180000fe0300010000000008000f00fe00"
	  "00"
	  "0008000100c633640024000900100000000300000008000500c00002011000000003"
	  "00"
	  "000008000500c0000203" },
	{ "route 10.77.0.2/32 other table 255 proto 2 dev 4 via none",
	  "3c0000001800020007000000240d000002200000ff02fe020000000008000f00ff00"
	  "00"
	  "00080001000a4d0002080007000a4d00020800040004000000" },
	{ "route ::/0 unreachable table 21004 proto 210 dev 1 via none",
	  "600000001800020007000000240d00000a000000fcd200070000000008000f000c52"
	  "00"
	  "000800060000040000080004000100000024000c0000000000000000000000000000"
	  "00"
	  "0000000000000000000000000000000000000500140000000000" },
	{ "route fe80::/64 device table 254 proto 2 dev 2 via none",
	  "740000001800020007000000240d00000a400000fe0200010000000008000f00fe00"
	  "00"
	  "0014000100fe80000000000000000000000000000008000600000100000800040002"
	  "00"
	  "000024000c0000000000000000000000000000000000000000000000000000000000"
	  "00"
	  "0000000500140000000000" },
	{ "rule 4 0 mark 0/0 table 255 proto 2",
	  "340000002000020007000000240d000002000000ff0000010000000008000f00ff00"
	  "00"
	  "0008000e00ffffffff0500150002000000" },
	{ "rule 4 100 mark 0/0 table 7 proto 0 more", /* from 192.0.2.0/24 */
	  "440000002000020007000000240d000002001800070000010000000008000f000700"
	  "00"
	  "0008000e00ffffffff0500150000000000080006006400000008000200c000020"
	  "0" },
	{ "rule 4 101 mark 0/0 table 254 proto 0 more", /* suppress_prefixlen */
	  "3c0000002000020007000000240d000002000000fe0000010000000008000f00fe00"
	  "00"
	  "0008000e000000000005001500000000000800060065000000" },
	{ "rule 4 21004 not mark 2a17/ffffffff table 21004 proto 210",
	  "4c0000002000020007000000240d000002000000fc0000010200000008000f000c52"
	  "00"
	  "0008000e00ffffffff05001500d2000000080006000c52000008000a00172a000008"
	  "00"
	  "1000ffffffff" },
	{ "rule 4 32766 mark 0/0 table 254 proto 2",
	  "3c0000002000020007000000240d000002000000fe0000010000000008000f00fe00"
	  "00"
	  "0008000e00ffffffff050015000200000008000600fe7f0000" },
};

/* A copy of exactly the message's size, so that a sanitizer sees any byte read
 * behind it. */
static struct nlmsghdr *from_hex(const char *hex, size_t *ret_len)
{
	size_t len = strlen(hex) / 2;
	uint8_t *p = malloc(len);

	ck_assert(p);
	for (size_t i = 0; i < len; i++) {
		unsigned int byte;

		ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
		p[i] = (uint8_t)byte;
	}
	*ret_len = len;
	return (struct nlmsghdr *)p;
}

static const char *kind_text(enum rtnl_kind kind)
{
	static const char *const texts[] = { "device", "throw", "unreachable",
					     "other" };

	return texts[kind];
}

static void route_text(const struct rtnl_route *r, char text[static TEXT_MAX])
{
	char to[PREFIX_TEXT_MAX], via[ADDR_TEXT_MAX];

	snprintf(text, TEXT_MAX, "route %s %s table %u proto %u dev %u via %s",
		 prefix_text(&r->to, to), kind_text(r->kind), r->table,
		 r->protocol, r->ifindex, addr_text(&r->gateway, via));
}

static void rule_text(const struct rtnl_rule *r, char text[static TEXT_MAX])
{
	snprintf(text, TEXT_MAX, "rule %d %u %smark %x/%x table %u proto %u%s",
		 r->family == AF_INET ? 4 : 6, r->priority,
		 r->invert ? "not " : "", r->mark, r->mask, r->table,
		 r->protocol, r->more ? " more" : "");
}

static void link_text(const struct rtnl_link *l, char text[static TEXT_MAX])
{
	snprintf(text, TEXT_MAX, "link %u %s %s mtu %u txqlen %u %s%s",
		 l->index, l->name, l->kind, l->mtu, l->txqlen,
		 l->up ? "up" : "down", l->carrier ? " carrier" : "");
}

/* Tries every parser, as a message of unknown sort. */
static int parse_any(const struct nlmsghdr *n, char text[static TEXT_MAX])
{
	char to[PREFIX_TEXT_MAX], why[80];
	struct rtnl_link link;
	struct rtnl_addr addr;
	struct rtnl_route route;
	struct rtnl_rule rule;
	int r = rtnl_parse_link(n, &link);

	strcpy(text, "none");
	if (r == 0)
		link_text(&link, text);
	if (r == -ENOMSG && (r = rtnl_parse_addr(n, &addr)) == 0)
		snprintf(text, TEXT_MAX, "addr %u %s", addr.ifindex,
			 prefix_text(&addr.addr, to));
	if (r == -ENOMSG && (r = rtnl_parse_route(n, &route)) == 0)
		route_text(&route, text);
	if (r == -ENOMSG && (r = rtnl_parse_rule(n, &rule)) == 0)
		rule_text(&rule, text);
	return r == -ENOMSG ? rtnl_parse_ack(n, why, sizeof(why)) : r;
}

START_TEST(reads_what_a_kernel_wrote)
{
	char text[TEXT_MAX];
	size_t len;
	struct nlmsghdr *n = from_hex(recorded[_i].hex, &len);

	ck_assert_uint_eq(n->nlmsg_len, len);
	ck_assert_int_eq(parse_any(n, text), 0);
	ck_assert_str_eq(text, recorded[_i].what);
	free(n);
}
END_TEST

START_TEST(survives_messages_cut_anywhere)
{
	char text[TEXT_MAX];
	size_t len;
	struct nlmsghdr *n = from_hex(recorded[_i].hex, &len);

	for (size_t cut = MNL_NLMSG_HDRLEN; cut < len; cut++) {
		struct nlmsghdr *part = malloc(cut);

		ck_assert(part);
		memcpy(part, n, cut);
		part->nlmsg_len = (uint32_t)cut;
		(void)parse_any(part, text); /* any answer, no crash */
		free(part);
	}
	free(n);
}
END_TEST

START_TEST(survives_any_byte_changed)
{
	static const uint8_t values[] = { 0, 1, 2, 3, 4, 0x7f, 0x80, 0xff };
	char text[TEXT_MAX];
	size_t len;
	struct nlmsghdr *n = from_hex(recorded[_i].hex, &len);
	uint8_t *p = (uint8_t *)n;

	/* The first four bytes are the length, which the socket checked. */
	for (size_t at = 4; at < len; at++) {
		uint8_t was = p[at];

		for (size_t v = 0; v < sizeof(values); v++) {
			p[at] = values[v];
			(void)parse_any(n, text); /* any answer, no crash */
		}
		p[at] = was;
	}
	free(n);
}
END_TEST

START_TEST(refuses_an_address_of_the_wrong_size)
{
	_Alignas(struct nlmsghdr) char buf[RTNL_MSG_MAX];
	struct rtnl_route r;
	struct nlmsghdr *n = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm;

	n->nlmsg_type = RTM_NEWROUTE;
	rtm = mnl_nlmsg_put_extra_header(n, sizeof(*rtm));
	rtm->rtm_family = AF_INET6;
	mnl_attr_put(n, RTA_DST, 4, "\1\2\3\4");
	ck_assert_int_eq(rtnl_parse_route(n, &r), -EBADMSG);
	rtm->rtm_family = AF_INET;
	ck_assert_int_eq(rtnl_parse_route(n, &r), 0);
	rtm->rtm_dst_len = 33;
	ck_assert_int_eq(rtnl_parse_route(n, &r), -EBADMSG);
}
END_TEST

START_TEST(refuses_a_name_that_does_not_end)
{
	_Alignas(struct nlmsghdr) char buf[RTNL_MSG_MAX];
	struct rtnl_link l;
	struct nlmsghdr *n = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;

	n->nlmsg_type = RTM_NEWLINK;
	ifi = mnl_nlmsg_put_extra_header(n, sizeof(*ifi));
	ifi->ifi_index = 7;
	mnl_attr_put(n, IFLA_IFNAME, 16, "0123456789abcdef");
	ck_assert_int_eq(rtnl_parse_link(n, &l), -EBADMSG);
}
END_TEST

static const struct {
	const char *to;
	uint32_t table;
	enum rtnl_kind kind;
	uint32_t ifindex;
	const char *via;
} routes[] = {
	{ "10.0.0.0/8", 21004, RTNL_KIND_DEVICE, 7, NULL },
	{ "0.0.0.0/0", 21004, RTNL_KIND_DEVICE, 7, NULL },
	{ "0.0.0.0/0", 254, RTNL_KIND_DEVICE, 3, "192.0.2.1" },
	{ "192.0.2.0/24", 21004, RTNL_KIND_THROW, 0, NULL },
	{ "::/0", 21004, RTNL_KIND_UNREACHABLE, 0, NULL },
	{ "fd00::/8", 21004, RTNL_KIND_DEVICE, 7, NULL },
	{ "2001:db8::/32", 77, RTNL_KIND_DEVICE, 7, "fe80::1" },
};

START_TEST(reads_back_the_routes_it_builds)
{
	_Alignas(struct nlmsghdr) char buf[RTNL_MSG_MAX];
	struct rtnl_route r = { .table = routes[_i].table,
				.kind = routes[_i].kind,
				.ifindex = routes[_i].ifindex,
				.protocol = 210,
				.metric = (uint32_t)_i },
			  got;
	char want_text[TEXT_MAX], got_text[TEXT_MAX];
	size_t len;

	ck_assert_int_eq(prefix_parse(routes[_i].to, &r.to), 0);
	if (routes[_i].via)
		ck_assert_int_eq(addr_parse(routes[_i].via, &r.gateway), 0);
	len = rtnl_build_route(buf, 5, RTNL_ADD, &r);
	ck_assert_uint_le(len, sizeof(buf));
	ck_assert_int_eq(rtnl_parse_route((void *)buf, &got), 0);
	route_text(&r, want_text);
	route_text(&got, got_text);
	ck_assert_str_eq(got_text, want_text);
	ck_assert_uint_eq(got.metric, r.metric);
	(void)rtnl_build_route(buf, 5, RTNL_DELETE, &r);
	ck_assert_uint_eq(((struct nlmsghdr *)buf)->nlmsg_type, RTM_DELROUTE);
}
END_TEST

START_TEST(reads_back_rules_and_addresses)
{
	_Alignas(struct nlmsghdr) char buf[RTNL_MSG_MAX];
	struct rtnl_rule rule = { .family = AF_INET6,
				  .invert = true,
				  .priority = 21004,
				  .mark = 0x2a17,
				  .mask = UINT32_MAX,
				  .table = 21004,
				  .protocol = 210 },
			 rule_got;
	struct rtnl_addr addr = { .ifindex = 9 }, addr_got;
	char want_text[TEXT_MAX], got_text[TEXT_MAX];

	(void)rtnl_build_rule(buf, 1, RTNL_ADD, &rule);
	ck_assert_int_eq(rtnl_parse_rule((void *)buf, &rule_got), 0);
	rule_text(&rule, want_text);
	rule_text(&rule_got, got_text);
	ck_assert_str_eq(got_text, want_text);

	ck_assert_int_eq(prefix_parse("fd77::2/64", &addr.addr), 0);
	(void)rtnl_build_addr(buf, 1, RTNL_ADD, &addr);
	ck_assert_int_eq(rtnl_parse_addr((void *)buf, &addr_got), 0);
	ck_assert(prefix_equal(&addr_got.addr, &addr.addr));
	ck_assert_uint_eq(addr_got.ifindex, 9);
}
END_TEST

START_TEST(builds_requests_that_ask_for_an_answer)
{
	_Alignas(struct nlmsghdr) char buf[RTNL_MSG_MAX];
	struct nlmsghdr *n = (void *)buf;
	struct rtnl_link_set set = { .index = 7,
				     .mtu = 1400,
				     .txqlen = 500,
				     .up = true,
				     .no_link_local = true };
	struct rtnl_link l;

	ck_assert_uint_eq(rtnl_build_link(buf, 3, &set), n->nlmsg_len);
	ck_assert_uint_eq(n->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	ck_assert_uint_eq(n->nlmsg_seq, 3);
	ck_assert_int_eq(rtnl_parse_link(n, &l), 0);
	ck_assert(l.up && l.mtu == 1400 && l.txqlen == 500);
	ck_assert_uint_eq(rtnl_build_veth(buf, 5, "adit-dns", "adit-dnsp"),
			  n->nlmsg_len);
	ck_assert_int_eq(n->nlmsg_type, RTM_NEWLINK);
	ck_assert(n->nlmsg_flags & NLM_F_EXCL);
	ck_assert_uint_eq(rtnl_build_dump(buf, 4, RTNL_RULES, AF_INET), 28);
	ck_assert_uint_eq(n->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
}
END_TEST

START_TEST(tells_the_kernels_own_reason)
{
	_Alignas(struct nlmsghdr) char buf[RTNL_MSG_MAX] = { 0 };
	struct nlmsghdr *n = mnl_nlmsg_put_header(buf);
	struct nlmsgerr *err;
	char why[16];

	n->nlmsg_type = NLMSG_ERROR;
	n->nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
	err = mnl_nlmsg_put_extra_header(n, sizeof(*err));
	err->error = -ENETUNREACH;
	err->msg.nlmsg_len = 52;
	mnl_attr_put_strz(n, NLMSGERR_ATTR_MSG, "Nexthop is not there");
	ck_assert_int_eq(rtnl_parse_ack(n, why, sizeof(why)), -ENETUNREACH);
	ck_assert_str_eq(why, "Nexthop is not ");

	/* Not capped, and the quoted request is longer than the message. */
	n->nlmsg_flags = NLM_F_ACK_TLVS;
	ck_assert_int_eq(rtnl_parse_ack(n, why, sizeof(why)), -ENETUNREACH);
	ck_assert_str_eq(why, "");
	err->error = 5;
	ck_assert_int_eq(rtnl_parse_ack(n, why, sizeof(why)), -EBADMSG);
	err->error = INT32_MIN;
	ck_assert_int_eq(rtnl_parse_ack(n, why, sizeof(why)), -EBADMSG);
	n->nlmsg_len = MNL_NLMSG_HDRLEN + 3;
	ck_assert_int_eq(rtnl_parse_ack(n, why, sizeof(why)), -EBADMSG);
}
END_TEST

static struct rtnl_link link_made(const char *kind)
{
	_Alignas(struct nlmsghdr) char buf[RTNL_MSG_MAX] = { 0 };
	struct nlmsghdr *n = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;
	struct nlattr *info, *data;
	struct rtnl_link l;

	n->nlmsg_type = RTM_NEWLINK;
	ifi = mnl_nlmsg_put_extra_header(n, sizeof(*ifi));
	ifi->ifi_index = 7;
	ifi->ifi_type = ARPHRD_ETHER;
	ifi->ifi_flags = IFF_UP | IFF_RUNNING;
	mnl_attr_put_u32(n, IFLA_LINK, 3);
	mnl_attr_put_u32(n, IFLA_MASTER, 5);
	info = mnl_attr_nest_start(n, IFLA_LINKINFO);
	mnl_attr_put_strz(n, IFLA_INFO_KIND, kind);
	data = mnl_attr_nest_start(n, IFLA_INFO_DATA);
	mnl_attr_put_u32(n, IFLA_BOND_ACTIVE_SLAVE, 8);
	mnl_attr_nest_end(n, data);
	mnl_attr_nest_end(n, info);
	ck_assert_int_eq(rtnl_parse_link(n, &l), 0);
	return l;
}

START_TEST(tells_what_a_link_is_on)
{
	struct rtnl_link l = link_made("bond");

	ck_assert(l.running && l.up && !l.carrier && !l.elsewhere);
	ck_assert(l.type == ARPHRD_ETHER && l.lower == 3 && l.master == 5);
	ck_assert_uint_eq(l.active, 8);
	/* The number means something else in every other kind. */
	ck_assert_uint_eq(link_made("vlan").active, 0);
}
END_TEST

/* A default route, with what is put by `put`. */
static int default_made(void (*put)(struct nlmsghdr *n),
			struct rtnl_route *ret_route)
{
	_Alignas(struct nlmsghdr) char buf[RTNL_MSG_MAX] = { 0 };
	struct nlmsghdr *n = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm;

	n->nlmsg_type = RTM_NEWROUTE;
	rtm = mnl_nlmsg_put_extra_header(n, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rtm->rtm_type = RTN_UNICAST;
	put(n);
	return rtnl_parse_route(n, ret_route);
}

static void put_via(struct nlmsghdr *n)
{
	mnl_attr_put_u32(n, RTA_OIF, 4);
	mnl_attr_put(n, RTA_VIA, 18, "\12\0\376\200            \0\1");
}

static void put_short_via(struct nlmsghdr *n)
{
	mnl_attr_put(n, RTA_VIA, 17, "\12\0\376\200            \0\1");
}

static void put_hops(struct nlmsghdr *n)
{
	struct nlattr *hops = mnl_attr_nest_start(n, RTA_MULTIPATH);

	for (int i = 0; i < 2; i++) {
		struct rtnexthop hop = { .rtnh_len = sizeof(hop) + 8,
					 .rtnh_ifindex = 4 + i };

		memcpy(mnl_nlmsg_get_payload_tail(n), &hop, sizeof(hop));
		n->nlmsg_len += sizeof(hop);
		mnl_attr_put(n, RTA_GATEWAY, 4, i ? "\12\0\0\2" : "\12\0\0\1");
	}
	mnl_attr_nest_end(n, hops);
}

static void put_long_hop(struct nlmsghdr *n)
{
	struct rtnexthop hop = { .rtnh_len = sizeof(hop) + 8 };

	mnl_attr_put(n, RTA_MULTIPATH, sizeof(hop), &hop);
}

START_TEST(tells_the_first_hop)
{
	char text[ADDR_TEXT_MAX];
	struct rtnl_route r;

	ck_assert_int_eq(default_made(put_hops, &r), 0);
	ck_assert(r.ifindex == 0 && r.hop_ifindex == 4);
	ck_assert_str_eq(addr_text(&r.hop_gateway, text), "10.0.0.1");
	/* RFC 5549: what is not written as a gateway of the route's family. */
	ck_assert_int_eq(default_made(put_via, &r), 0);
	ck_assert(r.gateway.family == 0 && r.hop_ifindex == 4);
	ck_assert_uint_eq(r.hop_gateway.family, AF_INET6);
	ck_assert_int_eq(default_made(put_short_via, &r), -EBADMSG);
	ck_assert_int_eq(default_made(put_long_hop, &r), -EBADMSG);
}
END_TEST

static struct rtnl_rule rule_made(uint8_t action, uint16_t attr, uint32_t value)
{
	_Alignas(struct nlmsghdr) char buf[RTNL_MSG_MAX] = { 0 };
	struct nlmsghdr *n = mnl_nlmsg_put_header(buf);
	struct fib_rule_hdr *frh;
	struct rtnl_rule r;

	n->nlmsg_type = RTM_NEWRULE;
	frh = mnl_nlmsg_put_extra_header(n, sizeof(*frh));
	frh->family = AF_INET;
	frh->action = action;
	frh->table = 100;
	mnl_attr_put_u32(n, attr, value);
	ck_assert_int_eq(rtnl_parse_rule(n, &r), 0);
	return r;
}

START_TEST(tells_how_a_rule_acts)
{
	struct rtnl_rule r = rule_made(FR_ACT_TO_TBL, FRA_PRIORITY, 5);

	ck_assert(r.looks_up && !r.ends && !r.selects && !r.more);
	ck_assert_int_eq(r.suppress_len, -1);
	r = rule_made(FR_ACT_TO_TBL, FRA_SUPPRESS_PREFIXLEN, 0);
	ck_assert(r.more && !r.selects && r.suppress_len == 0);
	r = rule_made(FR_ACT_TO_TBL, FRA_SRC, 1);
	ck_assert(r.more && r.selects);
	r = rule_made(FR_ACT_PROHIBIT, FRA_PRIORITY, 5);
	ck_assert(r.more && r.ends && !r.looks_up);
	r = rule_made(FR_ACT_GOTO, FRA_GOTO, 900);
	ck_assert(r.more && !r.ends && !r.looks_up);
}
END_TEST

int main(void)
{
	const int rows = (int)ARRAY_SIZE(recorded);
	Suite *s = suite_create("rtnl");
	TCase *t = tcase_create("messages");

	tcase_add_loop_test(t, reads_what_a_kernel_wrote, 0, rows);
	tcase_add_loop_test(t, survives_messages_cut_anywhere, 0, rows);
	tcase_add_loop_test(t, survives_any_byte_changed, 0, rows);
	tcase_add_test(t, refuses_an_address_of_the_wrong_size);
	tcase_add_test(t, refuses_a_name_that_does_not_end);
	tcase_add_loop_test(t, reads_back_the_routes_it_builds, 0,
			    (int)ARRAY_SIZE(routes));
	tcase_add_test(t, reads_back_rules_and_addresses);
	tcase_add_test(t, builds_requests_that_ask_for_an_answer);
	tcase_add_test(t, tells_the_kernels_own_reason);
	tcase_add_test(t, tells_what_a_link_is_on);
	tcase_add_test(t, tells_the_first_hop);
	tcase_add_test(t, tells_how_a_rule_acts);
	suite_add_tcase(s, t);
	return suite_run(s);
}
