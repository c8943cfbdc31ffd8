/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/replay.h"

#include <string.h>

/* Clears the words that come into the window when it moves up to `counter`. */
static void move_to(struct replay *r, uint64_t counter)
{
	uint64_t from = r->next == 0 ? 0 : (r->next - 1) / 64 + 1;
	uint64_t to = counter / 64;

	if (to - from + 1 >= REPLAY_WORDS && to >= from)
		memset(r->seen, 0, sizeof(r->seen));
	else
		for (uint64_t w = from; w <= to; w++)
			r->seen[w % REPLAY_WORDS] = 0;
	r->next = counter + 1;
}

bool replay_is_past(const struct replay *r, uint64_t counter)
{
	return counter < r->next && r->next - 1 - counter >= REPLAY_WINDOW;
}

bool replay_accept(struct replay *r, uint64_t counter)
{
	uint64_t bit = 1ULL << (counter % 64);
	uint64_t *word = &r->seen[counter / 64 % REPLAY_WORDS];

	if (counter >= r->next)
		move_to(r, counter);
	else if (replay_is_past(r, counter) || *word & bit)
		return false;
	*word |= bit;
	return true;
}
