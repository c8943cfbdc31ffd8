/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Last words to clients whose session is gone, or never was: a sealed datagram
 * each, said again a few times because nobody answers it. Repetitions are the
 * same bytes, so that no key has to live on for them. Control thread.
 */
#ifndef ADIT_CRYPTO_FAREWELL_H
#define ADIT_CRYPTO_FAREWELL_H

#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/addr.h"

struct farewell;

enum {
	FAREWELL_LEN_MAX = 256,
	FAREWELLS_MAX = 1024, /* beyond it, once has to do */
};

enum farewell_pace {
	FAREWELL_REFUSE, /* four times in all: 250 ms apart, doubling */
	FAREWELL_BYE,	 /* three times in all, 50 ms apart */
};

/* Zeroed is empty. */
struct farewells {
	struct farewell *first;
	size_t count;
};

typedef void (*farewell_send_cb)(void *arg, const struct path *to,
				 const uint8_t *datagram, size_t len);

void farewells_fini(struct farewells *f);
/* The first time is the caller's to send. Returns when the next one is due,
 * CLOCK_NEVER if there is no room or the datagram is too long. */
uint64_t farewells_add(struct farewells *f, const struct path *to,
		       const uint8_t *datagram, size_t len,
		       enum farewell_pace pace, uint64_t now_ns);
/* Sends what is due; returns the next deadline. */
uint64_t farewells_run(struct farewells *f, farewell_send_cb send, void *arg,
		       uint64_t now_ns);

#endif
