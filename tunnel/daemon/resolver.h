/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) Asks libc for a name's addresses, beside the loop. A lookup that has
 * begun cannot be stopped, and libuv has few threads for them, so one that
 * nobody waits for any more stays in flight and is shared by whoever asks for
 * the same name next: tries in a row do not fill the threads. How long to wait
 * is the asker's to decide. Control thread.
 *
 *   1. resolver_ask, with a struct resolver_ask in the asker's own object
 *   2. its `done` is called once from the loop, unless resolver_leave came
 *      first
 */
#ifndef ADIT_RESOLVER_H
#define ADIT_RESOLVER_H

#include "tunnel/base/attr.h"

struct addrinfo;
struct resolver;
struct resolver_lookup;
struct uv_loop_s;

struct resolver_ask {
	/* Borrows the addresses; status is 0 or UV_EAI_something. */
	void (*done)(struct resolver_ask *ask, int status,
		     const struct addrinfo *addresses);

	/* the resolver's; NULL: not asking */
	struct resolver_lookup *lookup;
	struct resolver_ask *next;
};

/* NULL: out of memory. */
struct resolver *resolver_create(struct uv_loop_s *loop);
/* After the loop has ended, and with it every lookup. Takes NULL. */
void resolver_destroy(struct resolver *r);

/* 0 or -errno, and then `done` does not come. */
int resolver_ask(struct resolver *r, const char *name,
		 struct resolver_ask *ask) ATTR_MUST_CHECK;
/* Takes one that is not asking. */
void resolver_leave(struct resolver_ask *ask);
/* The network is another: what is in flight is shared by nobody more. */
void resolver_forget(struct resolver *r);

#endif
