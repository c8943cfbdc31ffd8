/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers as people read them, for the statuses of both ends. Pure; any
 * thread.
 */
#ifndef ADIT_HUMAN_H
#define ADIT_HUMAN_H

#include <stdint.h>
#include <stdio.h>

/* "12 s", "5 min", "3 h 20 min", "4 days". */
void human_duration(FILE *to, uint64_t s);
/* "12 bytes", "1.5 MB". */
void human_bytes(FILE *to, uint64_t n);

#endif
