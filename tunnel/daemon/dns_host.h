/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) Keeps the host's DNS as it is wanted: told of our stub, or as if adit
 * were not there. A transaction each time: who owns it, a record in the
 * journal, the change, a look at what came of it, a question through libc that
 * must reach the stub; else all of it is undone, and said. What can block runs
 * on a thread beside the loop, one thing at a time. Control thread.
 */
#ifndef ADIT_DAEMON_DNS_HOST_H
#define ADIT_DAEMON_DNS_HOST_H

#include <stdbool.h>

#include "tunnel/daemon/dns_plan.h"
#include "tunnel/host/dns_owner.h"

struct dns_host;
struct host;
struct uv_loop_s;

struct dns_host_options {
	struct uv_loop_s *loop;
	struct host *host; /* borrowed */
	/* dns_host_view() shows something else. */
	void (*changed)(void *arg);
	/* The name that the stub has to answer by itself; NULL: none. */
	void (*canary)(void *arg, const char *name);
	void *arg;
};

struct dns_host_view {
	bool applied; /* and the canary came through */
	bool settled; /* nothing is under way, and nothing is to be done */
	bool known;   /* `owner` and `uplink` are */
	struct dns_owner owner;
	struct dns_owner_uplink uplink; /* of the last look */
	/* What went wrong, or what another program did; "": nothing. */
	char problem[DNS_OWNER_TEXT_MAX];
	unsigned int repairs; /* of what others changed */
};

/* NULL: out of memory. */
struct dns_host *dns_host_create(const struct dns_host_options *o);
/* Puts the host back; what is under way is waited for by the loop, which then
 * does so. The memory goes when the loop has run. Takes NULL. */
void dns_host_end(struct dns_host *h);

/* Holds the plan; NULL: nothing is wanted. */
void dns_host_want(struct dns_host *h, struct dns_plan *plan);
/* The network moved: there may be other servers, or another owner. */
void dns_host_look(struct dns_host *h);
/* What was applied does harm: it is undone, and why is said. */
void dns_host_give_up(struct dns_host *h, const char *why);
const struct dns_host_view *dns_host_view(const struct dns_host *h);

#endif
