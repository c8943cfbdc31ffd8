/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only caller of clock_gettime. Everything below the programs takes
 * `now_ns` as an argument, so that tests own the time.
 */
#ifndef ADIT_BASE_CLOCK_H
#define ADIT_BASE_CLOCK_H

#include <stdint.h>

enum {
	NS_PER_MS = 1000000,
	NS_PER_S = 1000000000,
};

/* "No deadline": later than every time. */
#define CLOCK_NEVER UINT64_MAX

/* Nanoseconds since boot, time asleep included (CLOCK_BOOTTIME). */
uint64_t clock_now_ns(void);
/* Without time asleep: the clock of libuv's timers and of sd-bus. */
uint64_t clock_awake_ns(void);
/* How long the machine has slept since its boot. Only differences mean much. */
uint64_t clock_asleep_ns(void);
/* Since 1970, for people and certificates only. */
int64_t clock_wall_s(void);
int64_t clock_wall_ms(void);

#endif
