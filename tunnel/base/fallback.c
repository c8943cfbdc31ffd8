/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/fallback.h"

#include <stdio.h>

const char *fallback_text(const struct fallback *f,
			  char ret_text[static FALLBACK_TEXT_MAX])
{
	if (f->way == FALLBACK_REFUSED)
		snprintf(ret_text, FALLBACK_TEXT_MAX,
			 "the kernel refused to cut one on this way; packets "
			 "are sent one by one");
	else
		snprintf(ret_text, FALLBACK_TEXT_MAX,
			 "the far end misses %u %% of the last packets of "
			 "batches of equal length, of others %u %%; %s",
			 f->tails_lost, f->others_lost,
			 f->way == FALLBACK_ENDED
				 ? "each ends with an empty one now"
				 : "packets are sent one by one");
	return ret_text;
}
