/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way out of this machine beneath our own tunnel: rules and routes are
 * walked as the kernel walks them for a packet that carries our mark, so our
 * own table does not count, and another program's counts wherever its rules
 * reach it. Pure; control thread.
 *
 * A default that is cut in halves (0.0.0.0/1 and 128.0.0.0/1; in IPv6 what
 * covers 2000::/3, all that is routed) is a default. IPv4's is preferred:
 * IPv6's counts where IPv4 has none.
 */
#ifndef ADIT_HOST_WAY_OUT_H
#define ADIT_HOST_WAY_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/host/network.h"
#include "tunnel/host/rtnl.h"

enum { WAY_OUT_BELOW_MAX = 8 };

/* All borrowed, as dumped. */
struct way_out_input {
	const struct rtnl_link *links;
	size_t link_count;
	const struct rtnl_route *routes; /* of every table */
	size_t route_count;
	const struct rtnl_rule *rules;
	size_t rule_count;
	const char *device; /* our own tunnel's */
};

struct way_out {
	const struct rtnl_link *link; /* borrowed; NULL: there is none */
	bool tunnel;		      /* it is another program's tunnel */
	/* Without link addresses. */
	struct network_path ipv4, ipv6;
};

void way_out_find(const struct way_out_input *in, struct way_out *ret_way);
/* The devices that carry a link: the one that a VLAN is on, a bridge's ports,
 * a bond's port in use; itself if there is none such. Running ones, at most
 * WAY_OUT_BELOW_MAX. */
size_t way_out_below(
	const struct way_out_input *in, const struct rtnl_link *link,
	const struct rtnl_link *ret_below[static WAY_OUT_BELOW_MAX]);

#endif
