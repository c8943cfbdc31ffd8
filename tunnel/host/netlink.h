/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One netlink socket: a request and its acknowledgement, or a dump.
 * Synchronous (the kernel answers before it returns from the send); control
 * thread.
 */
#ifndef ADIT_HOST_NETLINK_H
#define ADIT_HOST_NETLINK_H

#include <stddef.h>
#include <stdint.h>

#include "tunnel/host/neighbour.h"
#include "tunnel/host/rtnl.h"

enum { NETLINK_WHY_MAX = 160 };

struct netlink {
	int fd;
	uint32_t seq;
	/* The kernel's own sentence about the last failure, or empty. */
	char why[NETLINK_WHY_MAX];
};

/* A message of an answer; anything but 0 ends it, and is what is returned. */
typedef int (*netlink_cb)(void *arg, const struct nlmsghdr *n);

int netlink_open(struct netlink *ret_nl);
/* The same for generic netlink: netlink_ask() alone. */
int netlink_open_generic(struct netlink *ret_nl);
void netlink_close(struct netlink *nl);

/* Sends what was built with nl->seq as its number, and reads the whole answer.
 * 0, or the kernel's -errno; -EAGAIN: the table changed while it was read. */
int netlink_ask(struct netlink *nl, const void *msg, size_t len,
		netlink_cb each, void *arg);

/* Each makes one request. 0, or the kernel's -errno. */
int netlink_link(struct netlink *nl, const struct rtnl_link_set *l);
int netlink_link_delete(struct netlink *nl, uint32_t ifindex);
int netlink_veth(struct netlink *nl, const char *name, const char *peer);
int netlink_addr(struct netlink *nl, enum rtnl_op op,
		 const struct rtnl_addr *a);
int netlink_route(struct netlink *nl, enum rtnl_op op,
		  const struct rtnl_route *r);
int netlink_rule(struct netlink *nl, enum rtnl_op op,
		 const struct rtnl_rule *r);

/* Dumps return an array to be freed (NULL when it is empty). A family that
 * the kernel does not have gives nothing. */
int netlink_links(struct netlink *nl, struct rtnl_link **ret_links,
		  size_t *ret_count);
int netlink_addrs(struct netlink *nl, uint32_t ifindex,
		  struct rtnl_addr **ret_addrs, size_t *ret_count);
int netlink_routes(struct netlink *nl, uint32_t table,
		   struct rtnl_route **ret_routes, size_t *ret_count);
int netlink_rules(struct netlink *nl, struct rtnl_rule **ret_rules,
		  size_t *ret_count);
int netlink_neighbours(struct netlink *nl, uint32_t ifindex,
		       struct neighbour **ret_neighbours, size_t *ret_count);

#endif
