/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/rtnl.h"

#include "tunnel/host/nlattrs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

static struct nlmsghdr *put_header(void *buf, uint16_t type, uint16_t flags,
				   uint32_t seq)
{
	struct nlmsghdr *n;

	memset(buf, 0, RTNL_MSG_MAX);
	n = mnl_nlmsg_put_header(buf);
	n->nlmsg_type = type;
	n->nlmsg_flags = NLM_F_REQUEST | flags;
	n->nlmsg_seq = seq;
	return n;
}

static struct nlmsghdr *put_op(void *buf, enum rtnl_op op, uint16_t add,
			       uint16_t del, uint32_t seq)
{
	switch (op) {
	case RTNL_ADD:
		return put_header(buf, add,
				  NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, seq);
	case RTNL_REPLACE:
		return put_header(buf, add,
				  NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
				  seq);
	case RTNL_DELETE:
		break;
	}
	return put_header(buf, del, NLM_F_ACK, seq);
}

static void put_addr(struct nlmsghdr *n, uint16_t type, const struct ip_addr *a)
{
	mnl_attr_put(n, type, addr_size(a), a->bytes);
}

size_t rtnl_build_link(void *buf, uint32_t seq, const struct rtnl_link_set *l)
{
	struct nlmsghdr *n = put_header(buf, RTM_NEWLINK, NLM_F_ACK, seq);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(n, sizeof(*ifi));

	ifi->ifi_index = (int)l->index;
	if (l->up) {
		ifi->ifi_flags = IFF_UP;
		ifi->ifi_change = IFF_UP;
	}
	if (l->mtu)
		mnl_attr_put_u32(n, IFLA_MTU, l->mtu);
	if (l->txqlen)
		mnl_attr_put_u32(n, IFLA_TXQLEN, l->txqlen);
	if (l->no_link_local) {
		struct nlattr *spec = mnl_attr_nest_start(n, IFLA_AF_SPEC);
		struct nlattr *inet6 = mnl_attr_nest_start(n, AF_INET6);

		mnl_attr_put_u8(n, IFLA_INET6_ADDR_GEN_MODE,
				IN6_ADDR_GEN_MODE_NONE);
		mnl_attr_nest_end(n, inet6);
		mnl_attr_nest_end(n, spec);
	}
	return n->nlmsg_len;
}

size_t rtnl_build_link_delete(void *buf, uint32_t seq, uint32_t ifindex)
{
	struct nlmsghdr *n = put_header(buf, RTM_DELLINK, NLM_F_ACK, seq);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(n, sizeof(*ifi));

	ifi->ifi_index = (int)ifindex;
	return n->nlmsg_len;
}

size_t rtnl_build_veth(void *buf, uint32_t seq, const char *name,
		       const char *peer)
{
	struct nlmsghdr *n = put_op(buf, RTNL_ADD, RTM_NEWLINK, 0, seq);
	struct nlattr *info, *data, *other;

	mnl_nlmsg_put_extra_header(n, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(n, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(n, IFLA_LINKINFO);
	mnl_attr_put_strz(n, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(n, IFLA_INFO_DATA);
	other = mnl_attr_nest_start(n, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(n, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(n, IFLA_IFNAME, peer);
	mnl_attr_nest_end(n, other);
	mnl_attr_nest_end(n, data);
	mnl_attr_nest_end(n, info);
	return n->nlmsg_len;
}

size_t rtnl_build_addr(void *buf, uint32_t seq, enum rtnl_op op,
		       const struct rtnl_addr *a)
{
	struct nlmsghdr *n = put_op(buf, op, RTM_NEWADDR, RTM_DELADDR, seq);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(n, sizeof(*ifa));

	ifa->ifa_family = a->addr.addr.family;
	ifa->ifa_prefixlen = a->addr.len;
	ifa->ifa_scope = a->scope;
	/* Nobody else is on a tunnel's link to have the address already. */
	if (ifa->ifa_family == AF_INET6)
		ifa->ifa_flags = IFA_F_NODAD;
	ifa->ifa_index = a->ifindex;
	put_addr(n, IFA_LOCAL, &a->addr.addr);
	put_addr(n, IFA_ADDRESS, &a->addr.addr);
	return n->nlmsg_len;
}

static uint8_t route_type(enum rtnl_kind kind)
{
	switch (kind) {
	case RTNL_KIND_DEVICE:
		return RTN_UNICAST;
	case RTNL_KIND_THROW:
		return RTN_THROW;
	case RTNL_KIND_UNREACHABLE:
		return RTN_UNREACHABLE;
	case RTNL_KIND_OTHER:
		break;
	}
	return RTN_UNSPEC;
}

size_t rtnl_build_route(void *buf, uint32_t seq, enum rtnl_op op,
			const struct rtnl_route *r)
{
	struct nlmsghdr *n = put_op(buf, op, RTM_NEWROUTE, RTM_DELROUTE, seq);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(n, sizeof(*rtm));

	rtm->rtm_family = r->to.addr.family;
	rtm->rtm_dst_len = r->to.len;
	rtm->rtm_type = route_type(r->kind);
	rtm->rtm_protocol = r->protocol;
	rtm->rtm_table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC;
	/* Throws too: when the kernel looks for the device of a new route's
	 * gateway it skips wider scopes, and would find our default instead of
	 * the throw in front of it. */
	if (op == RTNL_DELETE)
		rtm->rtm_scope = RT_SCOPE_NOWHERE;
	else if (r->gateway.family == 0 && rtm->rtm_family == AF_INET)
		rtm->rtm_scope = RT_SCOPE_LINK;
	put_addr(n, RTA_DST, &r->to.addr);
	mnl_attr_put_u32(n, RTA_TABLE, r->table);
	if (r->kind == RTNL_KIND_DEVICE && r->ifindex)
		mnl_attr_put_u32(n, RTA_OIF, r->ifindex);
	if (r->gateway.family)
		put_addr(n, RTA_GATEWAY, &r->gateway);
	if (r->metric)
		mnl_attr_put_u32(n, RTA_PRIORITY, r->metric);
	return n->nlmsg_len;
}

size_t rtnl_build_rule(void *buf, uint32_t seq, enum rtnl_op op,
		       const struct rtnl_rule *r)
{
	struct nlmsghdr *n = put_op(buf, op, RTM_NEWRULE, RTM_DELRULE, seq);
	struct fib_rule_hdr *frh = mnl_nlmsg_put_extra_header(n, sizeof(*frh));

	frh->family = r->family;
	frh->action = FR_ACT_TO_TBL;
	frh->table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC;
	if (r->invert)
		frh->flags = FIB_RULE_INVERT;
	mnl_attr_put_u32(n, FRA_PRIORITY, r->priority);
	mnl_attr_put_u32(n, FRA_FWMARK, r->mark);
	mnl_attr_put_u32(n, FRA_FWMASK, r->mask);
	mnl_attr_put_u32(n, FRA_TABLE, r->table);
	mnl_attr_put_u8(n, FRA_PROTOCOL, r->protocol);
	return n->nlmsg_len;
}

size_t rtnl_build_dump(void *buf, uint32_t seq, enum rtnl_dump what,
		       uint8_t family)
{
	static const uint16_t types[] = {
		[RTNL_LINKS] = RTM_GETLINK,
		[RTNL_ADDRS] = RTM_GETADDR,
		[RTNL_ROUTES] = RTM_GETROUTE,
		[RTNL_RULES] = RTM_GETRULE,
	};
	static const size_t sizes[] = {
		[RTNL_LINKS] = sizeof(struct ifinfomsg),
		[RTNL_ADDRS] = sizeof(struct ifaddrmsg),
		[RTNL_ROUTES] = sizeof(struct rtmsg),
		[RTNL_RULES] = sizeof(struct fib_rule_hdr),
	};
	struct nlmsghdr *n = put_header(buf, types[what], NLM_F_DUMP, seq);
	uint8_t *family_first = mnl_nlmsg_put_extra_header(n, sizes[what]);

	*family_first = family; /* in all four headers */
	return n->nlmsg_len;
}

static bool read_addr(const struct nlattrs *a, int type, uint8_t family,
		      struct ip_addr *addr)
{
	if (!a->at[type])
		return true;
	addr->family = family;
	if (mnl_attr_get_payload_len(a->at[type]) != addr_size(addr))
		return false;
	memcpy(addr->bytes, mnl_attr_get_payload(a->at[type]), addr_size(addr));
	return true;
}

static bool read_name(const struct nlattr *a, char name[static RTNL_NAME_MAX])
{
	const char *text;
	size_t len;

	if (!a)
		return true;
	text = mnl_attr_get_payload(a);
	len = strnlen(text, mnl_attr_get_payload_len(a));
	if (len >= RTNL_NAME_MAX)
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	return true;
}

static bool read_link_info(const struct nlattr *info, struct rtnl_link *l)
{
	struct nlattrs a, data;

	if (!info)
		return true;
	if (!nlattrs_read_nested(info, &a))
		return false;
	/* A kind too long for us is none that we know. */
	(void)read_name(a.at[IFLA_INFO_KIND], l->kind);
	if (strcmp(l->kind, "bond") != 0 || !a.at[IFLA_INFO_DATA])
		return true;
	return nlattrs_read_nested(a.at[IFLA_INFO_DATA], &data) &&
	       nlattrs_u32(&data, IFLA_BOND_ACTIVE_SLAVE, &l->active);
}

int rtnl_parse_link(const struct nlmsghdr *n, struct rtnl_link *ret_link)
{
	struct rtnl_link l = { 0 };
	const struct ifinfomsg *ifi;
	struct nlattrs a;

	if (n->nlmsg_type != RTM_NEWLINK && n->nlmsg_type != RTM_DELLINK)
		return -ENOMSG;
	ifi = nlattrs_read_message(n, sizeof(*ifi), &a);
	if (!ifi || ifi->ifi_index <= 0)
		return -EBADMSG;
	l.index = (uint32_t)ifi->ifi_index;
	l.up = ifi->ifi_flags & IFF_UP;
	l.carrier = ifi->ifi_flags & IFF_LOWER_UP;
	l.running = ifi->ifi_flags & IFF_RUNNING;
	l.type = ifi->ifi_type;
	l.elsewhere = a.at[IFLA_LINK_NETNSID] != NULL;
	if (!read_name(a.at[IFLA_IFNAME], l.name) ||
	    !nlattrs_u32(&a, IFLA_MTU, &l.mtu) ||
	    !nlattrs_u32(&a, IFLA_TXQLEN, &l.txqlen) ||
	    !nlattrs_u32(&a, IFLA_LINK, &l.lower) ||
	    !nlattrs_u32(&a, IFLA_MASTER, &l.master) ||
	    !read_link_info(a.at[IFLA_LINKINFO], &l))
		return -EBADMSG;
	*ret_link = l;
	return 0;
}

static bool is_ip(uint8_t family)
{
	return family == AF_INET || family == AF_INET6;
}

int rtnl_parse_addr(const struct nlmsghdr *n, struct rtnl_addr *ret_addr)
{
	struct rtnl_addr addr = { 0 };
	const struct ifaddrmsg *ifa;
	struct nlattrs a;

	if (n->nlmsg_type != RTM_NEWADDR && n->nlmsg_type != RTM_DELADDR)
		return -ENOMSG;
	ifa = nlattrs_read_message(n, sizeof(*ifa), &a);
	if (!ifa)
		return -EBADMSG;
	if (!is_ip(ifa->ifa_family))
		return -ENOMSG;
	addr.ifindex = ifa->ifa_index;
	addr.addr.len = ifa->ifa_prefixlen;
	/* With a peer, IFA_ADDRESS is the peer's: IFA_LOCAL is ours. */
	if (!read_addr(&a, IFA_ADDRESS, ifa->ifa_family, &addr.addr.addr) ||
	    !read_addr(&a, IFA_LOCAL, ifa->ifa_family, &addr.addr.addr) ||
	    addr.addr.addr.family == 0 ||
	    addr.addr.len > addr_bits(&addr.addr.addr))
		return -EBADMSG;
	*ret_addr = addr;
	return 0;
}

static enum rtnl_kind route_kind(uint8_t type)
{
	switch (type) {
	case RTN_UNICAST:
		return RTNL_KIND_DEVICE;
	case RTN_THROW:
		return RTNL_KIND_THROW;
	case RTN_UNREACHABLE:
		return RTNL_KIND_UNREACHABLE;
	default:
		return RTNL_KIND_OTHER;
	}
}

/* A gateway of another family than the route's. */
static bool read_via(const struct nlattrs *a, struct ip_addr *addr)
{
	const struct rtvia *via;
	size_t len;

	if (!a->at[RTA_VIA])
		return true;
	via = mnl_attr_get_payload(a->at[RTA_VIA]);
	len = mnl_attr_get_payload_len(a->at[RTA_VIA]);
	if (len < sizeof(*via) || !is_ip((uint8_t)via->rtvia_family))
		return false;
	addr->family = (uint8_t)via->rtvia_family;
	if (len != sizeof(*via) + addr_size(addr))
		return false;
	memcpy(addr->bytes, via->rtvia_addr, addr_size(addr));
	return true;
}

/* Into the route's own next hop, or into the first of several. */
static bool read_hop(const struct nlattrs *a, struct rtnl_route *r)
{
	const struct nlattr *several = a->at[RTA_MULTIPATH];
	const struct rtnexthop *hop;
	struct nlattrs nested;
	size_t len;

	if (!several) {
		r->hop_ifindex = r->ifindex;
		r->hop_gateway = r->gateway;
		return read_via(a, &r->hop_gateway);
	}
	hop = mnl_attr_get_payload(several);
	len = mnl_attr_get_payload_len(several);
	if (len < sizeof(*hop) || hop->rtnh_len < sizeof(*hop) ||
	    hop->rtnh_len > len ||
	    !nlattrs_read(hop + 1, hop->rtnh_len - sizeof(*hop), &nested))
		return false;
	r->hop_ifindex = (uint32_t)hop->rtnh_ifindex;
	return read_addr(&nested, RTA_GATEWAY, r->to.addr.family,
			 &r->hop_gateway) &&
	       read_via(&nested, &r->hop_gateway);
}

int rtnl_parse_route(const struct nlmsghdr *n, struct rtnl_route *ret_route)
{
	struct rtnl_route r = { 0 };
	const struct rtmsg *rtm;
	struct nlattrs a;

	if (n->nlmsg_type != RTM_NEWROUTE && n->nlmsg_type != RTM_DELROUTE)
		return -ENOMSG;
	rtm = nlattrs_read_message(n, sizeof(*rtm), &a);
	if (!rtm)
		return -EBADMSG;
	if (!is_ip(rtm->rtm_family) || rtm->rtm_flags & RTM_F_CLONED)
		return -ENOMSG;
	r.to.addr.family = rtm->rtm_family;
	r.to.len = rtm->rtm_dst_len;
	r.table = rtm->rtm_table;
	r.kind = route_kind(rtm->rtm_type);
	r.protocol = rtm->rtm_protocol;
	if (!read_addr(&a, RTA_DST, rtm->rtm_family, &r.to.addr) ||
	    !read_addr(&a, RTA_GATEWAY, rtm->rtm_family, &r.gateway) ||
	    !nlattrs_u32(&a, RTA_TABLE, &r.table) ||
	    !nlattrs_u32(&a, RTA_OIF, &r.ifindex) ||
	    !nlattrs_u32(&a, RTA_PRIORITY, &r.metric) || !read_hop(&a, &r) ||
	    r.to.len > addr_bits(&r.to.addr))
		return -EBADMSG;
	*ret_route = r;
	return 0;
}

/* How a rule selects or acts otherwise than struct rtnl_rule can build.
 * Defaults of these (suppress_prefixlen -1) are always sent. */
static bool read_more(const struct fib_rule_hdr *frh, const struct nlattrs *a,
		      struct rtnl_rule *r)
{
	static const uint8_t others[] = { FRA_SRC,	   FRA_DST,
					  FRA_IIFNAME,	   FRA_OIFNAME,
					  FRA_TUN_ID,	   FRA_L3MDEV,
					  FRA_IP_PROTO,	   FRA_SPORT_RANGE,
					  FRA_DPORT_RANGE, FRA_UID_RANGE };
	uint32_t suppress = UINT32_MAX, group = UINT32_MAX;
	uint32_t flags = frh->flags & ~(uint32_t)FIB_RULE_INVERT;

	if (!nlattrs_u32(a, FRA_SUPPRESS_PREFIXLEN, &suppress) ||
	    !nlattrs_u32(a, FRA_SUPPRESS_IFGROUP, &group))
		return false;
	r->selects = frh->tos || frh->src_len || frh->dst_len;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		r->selects |= a->at[others[i]] != NULL;
	r->looks_up = frh->action == FR_ACT_TO_TBL;
	r->ends = frh->action == FR_ACT_BLACKHOLE ||
		  frh->action == FR_ACT_UNREACHABLE ||
		  frh->action == FR_ACT_PROHIBIT;
	r->suppress_len = (int32_t)suppress;
	r->more = r->selects || !r->looks_up || a->at[FRA_GOTO] || flags ||
		  suppress != UINT32_MAX || group != UINT32_MAX;
	return true;
}

int rtnl_parse_rule(const struct nlmsghdr *n, struct rtnl_rule *ret_rule)
{
	struct rtnl_rule r = { 0 };
	const struct fib_rule_hdr *frh;
	struct nlattrs a;

	if (n->nlmsg_type != RTM_NEWRULE && n->nlmsg_type != RTM_DELRULE)
		return -ENOMSG;
	frh = nlattrs_read_message(n, sizeof(*frh), &a);
	if (!frh)
		return -EBADMSG;
	if (!is_ip(frh->family))
		return -ENOMSG;
	r.family = frh->family;
	r.invert = frh->flags & FIB_RULE_INVERT;
	r.table = frh->table;
	if (!nlattrs_u32(&a, FRA_PRIORITY, &r.priority) ||
	    !nlattrs_u32(&a, FRA_FWMARK, &r.mark) ||
	    !nlattrs_u32(&a, FRA_FWMASK, &r.mask) ||
	    !nlattrs_u32(&a, FRA_TABLE, &r.table) || !read_more(frh, &a, &r))
		return -EBADMSG;
	if (a.at[FRA_PROTOCOL] &&
	    mnl_attr_get_payload_len(a.at[FRA_PROTOCOL]) >= 1)
		r.protocol = mnl_attr_get_u8(a.at[FRA_PROTOCOL]);
	*ret_rule = r;
	return 0;
}

/* The extended acknowledgement's attributes lie behind the error and what of
 * the request is quoted: its header only when NLM_F_CAPPED is set. */
static void read_why(const struct nlmsghdr *n, char *why, size_t why_size)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(n);
	size_t skip = sizeof(*err);
	size_t len = mnl_nlmsg_get_payload_len(n);
	const struct nlattr *msg;
	struct nlattrs a;

	if (!(n->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(n->nlmsg_flags & NLM_F_CAPPED)) {
		if (err->msg.nlmsg_len < sizeof(err->msg) ||
		    err->msg.nlmsg_len > len)
			return;
		skip += MNL_ALIGN(err->msg.nlmsg_len - sizeof(err->msg));
	}
	if (skip > len ||
	    !nlattrs_read((const char *)err + skip, len - skip, &a))
		return;
	msg = a.at[NLMSGERR_ATTR_MSG];
	if (msg)
		snprintf(why, why_size, "%.*s",
			 (int)strnlen(mnl_attr_get_payload(msg),
				      mnl_attr_get_payload_len(msg)),
			 (const char *)mnl_attr_get_payload(msg));
}

int rtnl_parse_ack(const struct nlmsghdr *n, char *why, size_t why_size)
{
	int32_t error;

	why[0] = '\0';
	if (n->nlmsg_type != NLMSG_ERROR && n->nlmsg_type != NLMSG_DONE)
		return -ENOMSG;
	/* Old kernels end a dump with an empty message. */
	if (n->nlmsg_type == NLMSG_DONE && n->nlmsg_len <= MNL_NLMSG_HDRLEN)
		return 0;
	if (n->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(error))
		return -EBADMSG;
	memcpy(&error, mnl_nlmsg_get_payload(n), sizeof(error));
	if (error > 0 || error < -4095)
		return -EBADMSG;
	if (error && n->nlmsg_type == NLMSG_ERROR) {
		if (n->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(struct nlmsgerr))
			return -EBADMSG;
		read_why(n, why, why_size);
	}
	return error;
}
