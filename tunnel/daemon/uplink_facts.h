/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) What about the uplink only other programs know: its DNS servers and
 * search list, as whoever keeps this host's names tells them, and whether it is
 * metered. Asked on a thread beside the loop, one look at a time; the folders
 * where answers change are watched. Control thread.
 */
#ifndef ADIT_DAEMON_UPLINK_FACTS_H
#define ADIT_DAEMON_UPLINK_FACTS_H

#include "dns/upstream.h"
#include "tunnel/host/network.h"

struct uplink_facts;
struct uv_loop_s;

struct uplink_facts_options {
	struct uv_loop_s *loop;
	/* From the loop: `dns` and `metered` of this one are what they are now,
	 * the rest is what uplink_facts_look() was given. */
	void (*answered)(void *arg, const struct network *network);
	/* It may be worth a look. */
	void (*moved)(void *arg);
	void *arg;
};

/* NULL: out of memory. */
struct uplink_facts *uplink_facts_create(const struct uplink_facts_options *o);
/* No callback comes any more; the memory goes when the loop has run. Takes
 * NULL. */
void uplink_facts_end(struct uplink_facts *u);
/* Copies the network. One that comes while another is under way is asked after
 * it, and of several the last. */
void uplink_facts_look(struct uplink_facts *u, const struct network *network);

/* How to ask one of its servers. */
struct dns_server uplink_facts_server(const struct dns_owner_server *from);

#endif
