/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/clock.h"

#include <assert.h>
#include <time.h>

#ifdef CLOCK_BOOTTIME
#define CLOCK_WITH_SLEEP CLOCK_BOOTTIME
#else
/* Darwin's CLOCK_MONOTONIC goes on during sleep. */
#define CLOCK_WITH_SLEEP CLOCK_MONOTONIC
#endif

uint64_t clock_now_ns(void)
{
	struct timespec ts;
	int r = clock_gettime(CLOCK_WITH_SLEEP, &ts);

	assert(r == 0);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

int64_t clock_wall_ms(void)
{
	struct timespec ts;
	int r = clock_gettime(CLOCK_REALTIME, &ts);

	assert(r == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / NS_PER_MS;
}

int64_t clock_wall_s(void)
{
	return clock_wall_ms() / 1000;
}
