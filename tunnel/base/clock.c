/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/clock.h"

#include <assert.h>
#include <time.h>

#ifdef CLOCK_BOOTTIME
#define CLOCK_WITH_SLEEP CLOCK_BOOTTIME
#define CLOCK_AWAKE CLOCK_MONOTONIC
#else
/* Darwin's CLOCK_MONOTONIC goes on during sleep. */
#define CLOCK_WITH_SLEEP CLOCK_MONOTONIC
#define CLOCK_AWAKE CLOCK_UPTIME_RAW
#endif

static uint64_t read_ns(clockid_t id)
{
	struct timespec ts;
	int r = clock_gettime(id, &ts);

	assert(r == 0);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t clock_now_ns(void)
{
	return read_ns(CLOCK_WITH_SLEEP);
}

uint64_t clock_awake_ns(void)
{
	return read_ns(CLOCK_AWAKE);
}

/* Between two readings this process may lose the CPU, which must not look like
 * sleep: the one with sleep is read between two of the other. */
uint64_t clock_asleep_ns(void)
{
	uint64_t best_ns = UINT64_MAX, asleep = 0;

	for (int i = 0; i < 5 && best_ns > NS_PER_MS; i++) {
		uint64_t before = read_ns(CLOCK_AWAKE);
		uint64_t both = read_ns(CLOCK_WITH_SLEEP);
		uint64_t after = read_ns(CLOCK_AWAKE);

		if (after - before >= best_ns)
			continue;
		best_ns = after - before;
		asleep = both - after;
	}
	return asleep;
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
