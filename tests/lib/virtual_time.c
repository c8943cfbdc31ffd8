/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/virtual_time.h"

#include <stddef.h>
#include <sys/time.h>
#include <time.h>

static uint64_t now_ns;

int __real_gettimeofday(struct timeval *tv, void *tz);
time_t __real_time(time_t *t);
int __wrap_gettimeofday(struct timeval *tv, void *tz);
time_t __wrap_time(time_t *t);

void virtual_time_set(uint64_t ns)
{
	now_ns = ns;
}

int __wrap_gettimeofday(struct timeval *tv, void *tz)
{
	if (now_ns == 0)
		return __real_gettimeofday(tv, tz);
	tv->tv_sec = (time_t)(now_ns / 1000000000);
	tv->tv_usec = (suseconds_t)(now_ns / 1000 % 1000000);
	return 0;
}

time_t __wrap_time(time_t *t)
{
	time_t s = (time_t)(now_ns / 1000000000);

	if (now_ns == 0)
		return __real_time(t);
	if (t != NULL)
		*t = s;
	return s;
}
