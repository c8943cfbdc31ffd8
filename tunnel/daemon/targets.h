/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) The addresses that a profile's gateways have, one after the other: a
 * name is looked up when its turn comes. Embedded in an attempt. Control
 * thread.
 *
 *   1. targets_init
 *   2. targets_next, as often as the one before led nowhere; after ASKING
 *      again when `asked` is called, or after targets_give_up
 *   3. targets_fini
 */
#ifndef ADIT_TARGETS_H
#define ADIT_TARGETS_H

#include <stdbool.h>
#include <stddef.h>

#include "tunnel/base/addr.h"
#include "tunnel/daemon/resolver.h"

struct profile;

enum {
	TARGETS_OF_NAME_MAX = 16,
	TARGETS_ERROR_MAX = 256,
};

enum targets_answer {
	TARGETS_HERE,
	TARGETS_ASKING,
	TARGETS_NONE, /* left */
};

struct targets {
	/* set at creation */
	const struct profile *profile; /* borrowed */
	struct resolver *resolver;     /* borrowed */
	/* A lookup is over, well or not; from the loop. */
	void (*asked)(struct targets *t);

	size_t gateway; /* index of the next name */
	struct endpoint address[TARGETS_OF_NAME_MAX];
	size_t count, next; /* of this name; next to try */
	struct resolver_ask ask;
	/* Why the last name led nowhere; "" when none did. */
	char error[TARGETS_ERROR_MAX];
};

void targets_init(struct targets *t, const struct profile *profile,
		  struct resolver *resolver, void (*asked)(struct targets *t));
void targets_fini(struct targets *t);

enum targets_answer targets_next(struct targets *t,
				 struct endpoint *ret_target);
/* Is there an address or a name that was not tried? */
bool targets_left(const struct targets *t);
/* The name that is being looked up, or NULL. */
const char *targets_asking(const struct targets *t);
/* The name's time is over; what is in flight stays so, and a later attempt may
 * have its answer. */
void targets_give_up(struct targets *t, unsigned int waited_s);

#endif
