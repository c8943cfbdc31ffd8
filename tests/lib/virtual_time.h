/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wolfSSL reads the wall clock by itself; test programs are linked with
 * --wrap=gettimeofday,--wrap=time, so that a test can own that clock too.
 * Until virtual_time_set is called the real clock is read.
 */
#ifndef ADIT_TESTS_VIRTUAL_TIME_H
#define ADIT_TESTS_VIRTUAL_TIME_H

#include <stdint.h>

/* Nanoseconds since 1970; 0 gives the real clock back. */
void virtual_time_set(uint64_t ns);

#endif
