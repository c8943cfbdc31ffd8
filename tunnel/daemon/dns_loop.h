/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) Which of this host's own name servers ask us in turn. A resolver at
 * 127.0.0.1 that reads resolv.conf finds our stub there, and what we asked it
 * would come back to us: each of them is asked for a random name, and if the
 * stub sees that, the server is no way out. Control thread.
 */
#ifndef ADIT_DAEMON_DNS_LOOP_H
#define ADIT_DAEMON_DNS_LOOP_H

#include <stdbool.h>

#include "tunnel/host/dns_owner.h"

struct dns_forwarder;
struct dns_loop;
struct uv_loop_s;

struct dns_loop_options {
	struct uv_loop_s *loop;
	struct dns_forwarder *forwarder; /* of the stub; borrowed */
	/* dns_loop_has() says something else. */
	void (*changed)(void *arg);
	void *arg;
};

/* NULL: out of memory. */
struct dns_loop *dns_loop_create(const struct dns_loop_options *o);
/* Takes NULL. */
void dns_loop_destroy(struct dns_loop *l);

/* The host asks our stub, and these are the uplink's servers: those at loopback
 * addresses are asked, now and then (they may read resolv.conf a while later).
 * Nothing is done while that is under way. */
void dns_loop_look(struct dns_loop *l, const struct dns_owner_uplink *uplink);
/* The host does not ask us any more. */
void dns_loop_forget(struct dns_loop *l);
bool dns_loop_has(const struct dns_loop *l, const struct endpoint *server);

#endif
