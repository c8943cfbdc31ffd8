/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/idle.h"

void idle_start(struct idle *i, uint64_t now_ns, uint32_t timer_s,
		uint64_t packets)
{
	*i = (struct idle) {
		.limit_ns = (uint64_t)timer_s * NS_PER_S,
		.packets = packets,
		.looked_ns = now_ns,
	};
}

static uint64_t step_ns(const struct idle *i)
{
	uint64_t step = i->limit_ns / 8;

	if (step < IDLE_STEP_MIN_NS)
		return IDLE_STEP_MIN_NS;
	return step < IDLE_STEP_MAX_NS ? step : IDLE_STEP_MAX_NS;
}

bool idle_step(struct idle *i, uint64_t now_ns, uint64_t packets,
	       uint64_t *ret_look_ns)
{
	uint64_t step = step_ns(i), passed = now_ns - i->looked_ns, left;

	if (i->limit_ns == 0) {
		*ret_look_ns = CLOCK_NEVER;
		return false;
	}
	/* A look that is later than that was not late: the machine slept. */
	if (passed > 2 * step)
		passed = step;
	/* When the packets passed is not known: perhaps just now. */
	i->quiet_ns = packets == i->packets ? i->quiet_ns + passed : 0;
	i->packets = packets;
	i->looked_ns = now_ns;
	if (i->quiet_ns >= i->limit_ns)
		return true;
	left = i->limit_ns - i->quiet_ns;
	*ret_look_ns = now_ns + (left < step ? left : step);
	return false;
}
