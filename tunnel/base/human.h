/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers as people read and write them. Pure; any thread.
 */
#ifndef ADIT_HUMAN_H
#define ADIT_HUMAN_H

#include <stdint.h>
#include <stdio.h>

#include "tunnel/base/attr.h"

/* "12 s", "5 min", "3 h 20 min", "4 days". */
void human_duration(FILE *to, uint64_t s);
/* "12 bytes", "1.5 MB". */
void human_bytes(FILE *to, uint64_t n);

/* "90s", "30m", "2h", "1d", or several in this order: "1d12h". At most nine
 * digits each. 0 or -EINVAL. */
int human_parse_duration(const char *text, uint64_t *ret_s) ATTR_MUST_CHECK;

#endif
