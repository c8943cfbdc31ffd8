/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory that runs out: the n-th allocation from now on fails, once, in the
 * thread that said so. Of our own code and of wolfSSL, which are linked with
 * --wrap (Makefile, HOOKS); shared libraries are told of malloc() by the test.
 */
#ifndef ADIT_TESTS_ALLOCATION_H
#define ADIT_TESTS_ALLOCATION_H

#include <stdbool.h>

/* n from 1; 0: none fails any more (check's own neither). */
void allocation_fail_at(unsigned long n);
/* Makes `make` fail at each of its allocations in turn, until none is left; it
 * returns -ENOMEM then, and 0 when it worked. `others`: libraries also ask for
 * memory in there; they do without some of it, and give no reason for a
 * failure, so that any result will do. */
void allocation_walk(const char *name, int (*make)(void), bool others);
/* One has failed since the last n above 0. */
bool allocation_has_failed(void);

#endif
