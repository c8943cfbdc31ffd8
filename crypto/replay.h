/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sliding window over record counters (RFC 6479): which of the last
 * REPLAY_WINDOW counters have been seen. One window for each session, lane and
 * direction; one thread. Ask and mark only after the record has authenticated.
 */
#ifndef ADIT_CRYPTO_REPLAY_H
#define ADIT_CRYPTO_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

enum {
	REPLAY_WINDOW = 8192,
	/* One word more than the window holds, so that the word which is
	 * being entered can be cleared whole. */
	REPLAY_WORDS = REPLAY_WINDOW / 64 + 1,
};

struct replay {
	uint64_t next; /* one above the highest counter seen */
	uint64_t seen[REPLAY_WORDS];
};

/* A zeroed object is an empty window. True: new, and now marked as seen.
 * False: seen before, or REPLAY_WINDOW or more behind the highest. */
bool replay_accept(struct replay *r, uint64_t counter);
/* Is it so far behind that the window does not know whether it was seen? */
bool replay_is_past(const struct replay *r, uint64_t counter);

#endif
