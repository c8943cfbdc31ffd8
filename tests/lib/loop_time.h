/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The time of tests that have a real loop, real sockets and real files, and
 * must not care how busy the machine is. Once owned, the monotonic clocks, as
 * libuv and we read them, stand still, except:
 *
 *   - a loop that waits for a timer, and hears of nothing else meanwhile, is
 *     as long ahead as it wanted to wait; it does wait, so that whatever the
 *     kernel still has to deliver comes first
 *   - an event takes LOOP_TIME_EVENT_US
 *   - loop_time_pass
 *
 * What the program computes, and how long it is kept from the CPU, takes no
 * time. For tests with one thread.
 */
#ifndef ADIT_TESTS_LOOP_TIME_H
#define ADIT_TESTS_LOOP_TIME_H

enum {
	LOOP_TIME_EVENT_US = 1,
};

void loop_time_own(void);
/* A loop sees it in its next turn. */
void loop_time_pass(unsigned int ms);

#endif
