/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How runs of records leave for one peer. Some kernels, drivers and hosts lose
 * the last segment of a run whose segments are all of one length (the tail),
 * and of no other. Which ones they are is not known beforehand: what the peer
 * says that it received tells. Pure; the owner's thread.
 *
 *   WHOLE    one send for the run
 *   ENDED    one, with an empty record behind a tail: not all of one length
 *   SINGLY   one for each record
 *
 * When tails get lost and others do not, the next of these is taken; when that
 * goes on with SINGLY, it is not for how they are sent, and WHOLE is right
 * after all. What was left is tried again after TACTICS_AGAIN_NS, doubled each
 * time up to TACTICS_AGAIN_MAX_NS.
 */
#ifndef ADIT_DATA_TACTICS_H
#define ADIT_DATA_TACTICS_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/record.h"
#include "tunnel/base/clock.h"
#include "tunnel/base/fallback.h"

enum {
	/* Tails are lost when so many more of a hundred are than of others, and
	 * so many times as many; twice in a row. Chance does not do that to
	 * enough of them; a flow that its losses have slowed down has but a
	 * few, and then more have to be missing. */
	TACTICS_ENOUGH = 64,
	TACTICS_MORE_PERCENT = 20,
	TACTICS_FEW = 16,
	TACTICS_FEW_MORE_PERCENT = 50,
	TACTICS_TIMES = 4,
	TACTICS_NEARLY_ALL_PERCENT = 90,
};

/* What was sent before a change has to arrive before one is judged. */
#define TACTICS_BLIND_NS (2ULL * NS_PER_S)
#define TACTICS_AGAIN_NS (300ULL * NS_PER_S)
#define TACTICS_AGAIN_MAX_NS (16 * TACTICS_AGAIN_NS)

enum tactic {
	TACTIC_WHOLE,
	TACTIC_ENDED,
	TACTIC_SINGLY,
};

/* Zeroed at the start. */
struct tactics {
	enum tactic tactic;
	unsigned int left; /* how often WHOLE was given up */
	uint64_t since_ns; /* that it is not WHOLE */
	uint64_t again_ns; /* when WHOLE is tried again */
	uint64_t again_wait_ns;
	/* percent, when it was given up */
	unsigned int tails_lost, others_lost;

	/* Since then is judged, */
	struct record_counts sent, received;
	uint64_t blind_ns; /* but not before. */
	bool begun;
	bool suspect; /* the last time it looked bad */
};

/* Should be called for each report of the peer: what was sent to it by now, and
 * what it has received. True: the tactic is another. */
bool tactics_judge(struct tactics *t, const struct record_counts *sent,
		   const struct record_counts *received, uint64_t now_ns);

/* What is in force, for people; false: WHOLE. */
bool tactics_fallback(const struct tactics *t, struct fallback *ret_fallback);
#endif
