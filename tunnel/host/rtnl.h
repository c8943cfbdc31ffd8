/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Routing netlink as plain data: messages are built into the caller's buffer
 * and parsed into structs. No socket, no allocation; pure, any thread. What a
 * parser reads may be truncated or hostile: it looks at nlmsg_len bytes and at
 * nothing behind them.
 */
#ifndef ADIT_HOST_RTNL_H
#define ADIT_HOST_RTNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"

struct nlmsghdr;

enum {
	RTNL_MSG_MAX = 512, /* room that every builder here needs */
	RTNL_NAME_MAX = 16, /* IFNAMSIZ, final zero included */
	RTNL_TABLE_MAIN = 254,
};

enum rtnl_op {
	RTNL_ADD,     /* fails with -EEXIST if it is there */
	RTNL_REPLACE, /* routes only */
	RTNL_DELETE,
};

enum rtnl_kind {
	RTNL_KIND_DEVICE,      /* unicast, out of a device or by a gateway */
	RTNL_KIND_THROW,       /* ends this table's lookup: the next rule */
	RTNL_KIND_UNREACHABLE, /* answered with an ICMP error at once */
	RTNL_KIND_OTHER,       /* parsed only: local, broadcast, blackhole */
};

struct rtnl_link {
	uint32_t index;
	char name[RTNL_NAME_MAX];
	char kind[RTNL_NAME_MAX]; /* "tun", "veth"; empty for hardware */
	uint32_t mtu;
	uint32_t txqlen;
	bool up;
	bool carrier;
	/* Parsed only, from here. */
	bool running;	 /* packets can go: after authentication, too */
	bool elsewhere;	 /* `lower` is in another namespace */
	uint16_t type;	 /* ARPHRD_* */
	uint32_t lower;	 /* what a VLAN or macvlan is on; 0: none */
	uint32_t master; /* the bridge or bond that it is a port of; 0: none */
	uint32_t active; /* of a bond: the port in use; 0: not told */
};

/* What to set on a link; 0 and false leave a thing as it is. */
struct rtnl_link_set {
	uint32_t index;
	uint32_t mtu;
	uint32_t txqlen;
	bool up;
	bool no_link_local; /* the kernel makes no fe80:: address of its own */
};

struct rtnl_addr {
	uint32_t ifindex;
	struct ip_prefix addr; /* host bits kept */
	uint8_t scope;	       /* RT_SCOPE_*, 0 is global; not parsed */
};

struct rtnl_route {
	struct ip_prefix to;
	uint32_t table;
	enum rtnl_kind kind;
	uint8_t protocol;	/* who made it: RTPROT_* or ours */
	uint32_t ifindex;	/* 0: none, or several next hops */
	struct ip_addr gateway; /* family 0: on the link */
	uint32_t metric;
	/* Parsed only: the first of several next hops, or the only one; its
	 * gateway may be an IPv6 address in a route of IPv4 (RFC 5549). */
	uint32_t hop_ifindex;
	struct ip_addr hop_gateway;
};

/* "[not] fwmark MARK/MASK lookup TABLE" */
struct rtnl_rule {
	uint8_t family;
	bool invert;
	uint32_t priority;
	uint32_t mark;
	uint32_t mask;
	uint32_t table;
	uint8_t protocol;
	/* Parsed only: it has a selector or an action which this struct does
	 * not tell, so it is never one of ours. */
	bool more;
	bool selects; /* ... and it is (also) a selector */
	bool ends;    /* it refuses what it selects */
	bool looks_up;
	/* Routes whose prefix is no longer than this do not count; -1: all. */
	int32_t suppress_len;
};

/* Builders fill `buf` (RTNL_MSG_MAX bytes, aligned for a struct nlmsghdr) with
 * one request that asks for an acknowledgement, and return its length. */
size_t rtnl_build_link(void *buf, uint32_t seq, const struct rtnl_link_set *l);
size_t rtnl_build_link_delete(void *buf, uint32_t seq, uint32_t ifindex);
/* Makes two devices that are each other's cable. */
size_t rtnl_build_veth(void *buf, uint32_t seq, const char *name,
		       const char *peer);
size_t rtnl_build_addr(void *buf, uint32_t seq, enum rtnl_op op,
		       const struct rtnl_addr *a);
/* A route of kind DEVICE goes out of r->ifindex, by r->gateway if it has one.
 * On delete a protocol or metric of 0 means any. */
size_t rtnl_build_route(void *buf, uint32_t seq, enum rtnl_op op,
			const struct rtnl_route *r);
size_t rtnl_build_rule(void *buf, uint32_t seq, enum rtnl_op op,
		       const struct rtnl_rule *r);

enum rtnl_dump { RTNL_LINKS, RTNL_ADDRS, RTNL_ROUTES, RTNL_RULES };

/* Everything of one sort and family (0: every family). */
size_t rtnl_build_dump(void *buf, uint32_t seq, enum rtnl_dump what,
		       uint8_t family);

/* One message each. 0; -ENOMSG: another sort of message (or a cached route,
 * or a family that is not IP); -EBADMSG: it is malformed. */
int rtnl_parse_link(const struct nlmsghdr *n, struct rtnl_link *ret_link);
int rtnl_parse_addr(const struct nlmsghdr *n, struct rtnl_addr *ret_addr);
int rtnl_parse_route(const struct nlmsghdr *n, struct rtnl_route *ret_route);
int rtnl_parse_rule(const struct nlmsghdr *n, struct rtnl_rule *ret_rule);

/* What an NLMSG_ERROR or NLMSG_DONE says: 0 or -errno, -EBADMSG when it is
 * cut short. `why` gets the kernel's sentence, or becomes empty. */
int rtnl_parse_ack(const struct nlmsghdr *n, char *why, size_t why_size);

#endif
