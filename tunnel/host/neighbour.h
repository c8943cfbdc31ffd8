/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What routing netlink tells of the others on a link: their link addresses,
 * and what a router advertises of a captive portal. Pure, as rtnl.h is; any
 * thread; bytes of a router's advertisement come from anybody in the network.
 */
#ifndef ADIT_HOST_NEIGHBOUR_H
#define ADIT_HOST_NEIGHBOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/addr.h"
#include "tunnel/host/portal_url.h"

struct nlmsghdr;

enum {
	NEIGHBOUR_LINK_ADDRESS_LEN = 6,
};

struct neighbour {
	uint32_t ifindex;
	struct ip_addr addr;
	bool has_link_address; /* it is known, and has six bytes */
	uint8_t link_address[NEIGHBOUR_LINK_ADDRESS_LEN];
};

struct neighbour_portal {
	uint32_t ifindex;
	/* https:// and printable; "": the router says that there is none, or
	 * something that is none. */
	char url[PORTAL_URL_MAX];
};

/* A request for all of one link, of both families; RTNL_MSG_MAX bytes. */
size_t neighbour_build_dump(void *buf, uint32_t seq, uint32_t ifindex);
/* 0; -ENOMSG: another sort of message, or no IP; -EBADMSG: malformed. */
int neighbour_parse(const struct nlmsghdr *n, struct neighbour *ret_neighbour);
/* RFC 8910's option 37 of a router's advertisement. 0; -ENOMSG: it has none,
 * or it is another message; -EBADMSG: malformed. */
int neighbour_parse_portal(const struct nlmsghdr *n,
			   struct neighbour_portal *ret_portal);

#endif
