/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why packets leave for an end otherwise than in whole batches, as it is told
 * to people. Pure; any thread.
 */
#ifndef ADIT_BASE_FALLBACK_H
#define ADIT_BASE_FALLBACK_H

#include <stdint.h>

enum {
	FALLBACK_TEXT_MAX = 160,
};

enum fallback_way {
	FALLBACK_REFUSED, /* by our kernel; so one by one */
	FALLBACK_ENDED,	  /* tails get lost; so an empty packet behind each */
	FALLBACK_SINGLY,  /* likewise; so one by one */
};

struct fallback {
	enum fallback_way way;
	uint64_t since_ns;
	uint64_t times; /* that batches were given up, in this session */
	/* percent, of the last time; but for FALLBACK_REFUSED */
	unsigned int tails_lost, others_lost;
};

const char *fallback_text(const struct fallback *f,
			  char ret_text[static FALLBACK_TEXT_MAX]);

#endif
