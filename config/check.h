/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `adit profile check FILE`: needs no daemon, no root and no network.
 */
#ifndef ADIT_CONFIG_CHECK_H
#define ADIT_CONFIG_CHECK_H

#include <stdio.h>

/* Findings go to `errors`, one a line; the verdict to `out`. Returns the exit
 * code: 0, or 2 for an invalid profile. */
int profile_check(const char *path, FILE *out, FILE *errors);

#endif
