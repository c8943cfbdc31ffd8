/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is the host in another network than before? Told from its routes: the
 * default ones, the networks on the links that those lead to, and whatever
 * decides about the way to our gateway. Containers and other tunnels that come
 * and go are no other network. Pure. Control thread.
 */
#ifndef ADIT_UPLINK_H
#define ADIT_UPLINK_H

#include <stddef.h>
#include <stdint.h>

#include "tunnel/host/rtnl.h"

/* All borrowed. */
struct uplink_view {
	const struct rtnl_route *routes; /* of the main table, in any order */
	size_t count;
	uint32_t own_ifindex;  /* our device, which says nothing; 0: none */
	struct ip_addr remote; /* the gateway, family 0: not known */
};

/* Two of one value: the same ways, for the same gateway. 0: there is none. */
uint64_t uplink_digest(const struct uplink_view *v);
/* Two of one value: the same routes. */
uint64_t uplink_digest_all(const struct uplink_view *v);

#endif
