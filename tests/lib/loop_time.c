/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In the place of libc's functions, also for libuv, which --wrap does not
 * reach. A sanitizer's own are next in line, and stay in use. */
#include "tests/lib/loop_time.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tunnel/base/clock.h"

static bool owned;
static uint64_t now_ns;

void loop_time_own(void)
{
	owned = true;
	now_ns = 1000ULL * NS_PER_S;
}

void loop_time_pass(unsigned int ms)
{
	now_ns += ms * (uint64_t)NS_PER_MS;
}

static bool is_monotonic(clockid_t id)
{
	return id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE ||
	       id == CLOCK_BOOTTIME;
}

int clock_gettime(clockid_t id, struct timespec *ret_ts)
{
	if (!owned || !is_monotonic(id))
		return (int)syscall(SYS_clock_gettime, id, ret_ts);
	ret_ts->tv_sec = (time_t)(now_ns / NS_PER_S);
	ret_ts->tv_nsec = (long)(now_ns % NS_PER_S);
	return 0;
}

typedef int (*epoll_pwait_cb)(int fd, struct epoll_event *events, int max,
			      int timeout_ms, const sigset_t *mask);

int epoll_pwait(int fd, struct epoll_event *events, int max, int timeout_ms,
		const sigset_t *mask)
{
	epoll_pwait_cb next = (epoll_pwait_cb)dlsym(RTLD_NEXT, "epoll_pwait");
	int n = next(fd, events, max, timeout_ms, mask);

	if (owned && n == 0 && timeout_ms > 0)
		loop_time_pass((unsigned int)timeout_ms);
	if (owned && n > 0)
		now_ns += LOOP_TIME_EVENT_US * 1000ULL;
	return n;
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms)
{
	return epoll_pwait(fd, events, max, timeout_ms, NULL);
}
