/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The settings of our link in systemd-resolved: set, and read back. For
 * dns_owner_resolved_linux.c, which has the link and the conversation.
 */
#ifndef ADIT_HOST_RESOLVED_LINK_LINUX_H
#define ADIT_HOST_RESOLVED_LINK_LINUX_H

#include "tunnel/host/bus_linux.h"
#include "tunnel/host/dns_owner.h"

extern const struct bus_place resolved_manager;

/* One conversation about our link. */
struct resolved_link {
	struct bus bus;
	uint32_t ifindex;
	char path[128];			   /* the link's object */
	const struct dns_owner_plan *plan; /* borrowed */
	char *error;			   /* borrowed, DNS_OWNER_TEXT_MAX */
};

/* Makes a sentence of a failure, and returns r. */
int resolved_link_refused(struct resolved_link *t, const char *what, int r);
/* Everything that the plan says of the link. 0 or -errno. */
int resolved_link_set(struct resolved_link *t);
/* 1: it is all there, and names are asked on the link. 0: not. -errno. */
int resolved_link_check(struct resolved_link *t);

#endif
