/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a lease and the host's own routes to the desired state of a client.
 * Pure; any thread; run again whenever the lease or the main table changes.
 *
 * Every route of the lease goes into a table of our own, "dev adit0", and one
 * rule of each family asks that table before main: "not fwmark MARK lookup
 * TABLE". The tunnel's own sockets carry the mark, so their packets never
 * loop: they see the host as if adit were not there. A gateway on the link is
 * therefore reached without any default route and with nothing done for it.
 *
 * The longest prefix of *both* tables wins, because our table holds a "throw"
 * for each network of the main table that one of our routes would swallow. At
 * equal length the host's own network wins, unless `enforce_routes`: then the
 * lease's routes (not its default) win over every local network inside them.
 * With a default route multicast, limited broadcast and link-local addresses
 * are thrown too, so they keep their way. A default that another VPN has cut
 * in halves (0.0.0.0/1, 128.0.0.0/1, ::/1, 8000::/1, 2000::/3) is a default.
 *
 * What the lease routes to us but gives no address for (a family without an
 * inner address, IPv6 below an MTU of 1280) is unreachable, not leaked; so is
 * IPv6 as a whole when IPv4's default is ours and IPv6's is not.
 *
 * rp_filter. The kernel checks a received IPv4 packet by looking up the way
 * back *without* the mark (src_valid_mark is 0, and a received packet carries
 * none). With a default route in our table that way is adit0, so where
 * rp_filter of the uplink is strict (1) it drops what an off-link gateway
 * sends; on-link gateways pass, by their throw. Loose (2, systemd's default)
 * and off (0, the kernel's) pass. The sysctl is the administrator's, and an
 * exception for the gateway's address would let other programs' packets to it
 * out in the clear, so we change nothing: host_rp_filter_strict() (apply.h)
 * tells, and the daemon says so in its status. A rule for exactly our own
 * datagrams ("to GATEWAY ipproto udp sport OURS dport PORT lookup main") was
 * tried and makes strict pass; it has to follow every change of path. What
 * firewalld's IPv6_rpfilter does to IPv6 is the same and is not looked for.
 */
#ifndef ADIT_HOST_PLAN_H
#define ADIT_HOST_PLAN_H

#include "crypto/lease.h"
#include "tunnel/host/rtnl.h"
#include "tunnel/host/state.h"

/* What IPv6 is on this host, and on our device. */
enum plan_ipv6 {
	PLAN_IPV6_ON,
	PLAN_IPV6_OFF_HERE, /* disable_ipv6 on our device */
	PLAN_IPV6_ABSENT,   /* the kernel has none: no IPv6 rule or route */
};

/* All borrowed. */
struct plan_input {
	const char *device;
	uint32_t ifindex;
	uint32_t mtu;
	const struct lease *lease;

	/* Of the profile. `routes` narrows the lease's routes, never widens
	 * them; NULL or empty: the lease's as they are. */
	const struct lease_prefixes *routes;
	const struct lease_prefixes *excluded;
	bool enforce_routes;
	bool all_networks; /* IncludeAllNetworks: a default in any case */

	/* Of the host; other tables and our own device are skipped here. */
	const struct rtnl_route *host_routes;
	size_t host_route_count;
	enum plan_ipv6 ipv6;
};

/* 0 or -ENOMEM; ret_state is the caller's to host_state_fini. */
int plan_client(const struct plan_input *in, struct host_state *ret_state);

#endif
