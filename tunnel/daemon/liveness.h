/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is the other end there? Liveness is authenticated receive: when packets were
 * sent and nothing authentic came back in 3 x RTT (1 to 3 s), an echo is sent,
 * and again after as long; the third that is not answered is the end. An idle
 * tunnel sends nothing and needs no timer. Pure. Control thread.
 *
 *   1. liveness_start when the session is up
 *   2. liveness_step whenever the counters may have moved, at least each
 *      LIVENESS_STEP_NS, with what was sent and heard in all
 */
#ifndef ADIT_LIVENESS_H
#define ADIT_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

#include "tunnel/base/clock.h"

enum {
	LIVENESS_ECHOES = 3,
};

#define LIVENESS_STEP_NS (250ULL * NS_PER_MS)
#define LIVENESS_PATIENCE_NS (1ULL * NS_PER_S)
/* One that was late by chance must not make us patient for long. */
#define LIVENESS_RTT_MAX_NS (1ULL * NS_PER_S)

enum liveness_verdict {
	LIVENESS_QUIET,	 /* nothing to do */
	LIVENESS_ECHO,	 /* ask now */
	LIVENESS_MISSED, /* one was not answered; ask again */
	LIVENESS_HEARD,	 /* back, after an echo was sent */
	LIVENESS_SILENT, /* gone */
};

struct liveness {
	uint64_t sent, received; /* as of the last step */
	uint64_t unanswered_ns;	 /* when the oldest unanswered left, or NEVER */
	uint64_t asked_ns;	 /* when the last echo left */
	unsigned int asked;	 /* echoes out, none answered */
};

void liveness_start(struct liveness *l, uint64_t sent, uint64_t received);
/* `sent` and `received` count authentic records ever, in both lanes' kinds;
 * the caller counts the echoes it is told to send too. */
enum liveness_verdict liveness_step(struct liveness *l, uint64_t now_ns,
				    uint64_t sent, uint64_t received,
				    uint64_t rtt_ns);
/* Asks now, whatever was sent: another network may not carry us. */
void liveness_ask(struct liveness *l, uint64_t now_ns);

#endif
