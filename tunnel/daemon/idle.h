/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Has nobody used the tunnel for as long as the profile says (`Idle`)? Looked
 * at in coarse steps while it is up, an eighth of that time apart, so that it
 * ends at most a step late and never early. Time asleep does not count: nobody
 * could have used it. Pure. Control thread.
 *
 *   1. idle_start when the session is up
 *   2. idle_step no earlier than it said, one timer in all
 */
#ifndef ADIT_IDLE_H
#define ADIT_IDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "tunnel/base/clock.h"

#define IDLE_STEP_MIN_NS (1ULL * NS_PER_S)
#define IDLE_STEP_MAX_NS (60ULL * NS_PER_S)

struct idle {
	uint64_t limit_ns; /* of `Idle.Timer` */
	uint64_t packets;  /* as of the last look */
	uint64_t looked_ns;
	uint64_t quiet_ns; /* so far */
};

/* `packets` counts inner packets in both directions, ever: no keepalive, echo
 * or other message of ours. A counter that starts again is use as well. */
void idle_start(struct idle *i, uint64_t now_ns, uint32_t timer_s,
		uint64_t packets);
/* Idle? Else `ret_look_ns` is when to look again; never for a timer of 0. */
bool idle_step(struct idle *i, uint64_t now_ns, uint64_t packets,
	       uint64_t *ret_look_ns);

#endif
