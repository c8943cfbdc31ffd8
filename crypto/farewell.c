/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/farewell.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/base/clock.h"

enum {
	REFUSE_COUNT = 4,
	REFUSE_APART_MS = 250,
	BYE_COUNT = 3,
	BYE_APART_MS = 50,
};

struct farewell {
	struct farewell *next;
	struct path to;
	unsigned int left;
	bool doubling;
	uint64_t at_ns, wait_ns;
	size_t len;
	uint8_t datagram[FAREWELL_LEN_MAX];
};

void farewells_fini(struct farewells *f)
{
	while (f->first != NULL) {
		struct farewell *one = f->first;

		f->first = one->next;
		free(one);
	}
	f->count = 0;
}

uint64_t farewells_add(struct farewells *f, const struct path *to,
		       const uint8_t *datagram, size_t len,
		       enum farewell_pace pace, uint64_t now_ns)
{
	struct farewell *one;

	if (f->count >= FAREWELLS_MAX || len > FAREWELL_LEN_MAX)
		return CLOCK_NEVER;
	one = calloc(1, sizeof(*one));
	if (one == NULL)
		return CLOCK_NEVER;
	one->to = *to;
	one->doubling = pace == FAREWELL_REFUSE;
	one->left = (one->doubling ? REFUSE_COUNT : BYE_COUNT) - 1;
	one->wait_ns = (uint64_t)NS_PER_MS *
		       (one->doubling ? REFUSE_APART_MS : BYE_APART_MS);
	one->at_ns = now_ns + one->wait_ns;
	memcpy(one->datagram, datagram, len);
	one->len = len;
	one->next = f->first;
	f->first = one;
	f->count++;
	return one->at_ns;
}

uint64_t farewells_run(struct farewells *f, farewell_send_cb send, void *arg,
		       uint64_t now_ns)
{
	struct farewell **link = &f->first, *one;
	uint64_t deadline = CLOCK_NEVER;

	while ((one = *link) != NULL) {
		if (now_ns >= one->at_ns) {
			send(arg, &one->to, one->datagram, one->len);
			if (one->doubling)
				one->wait_ns *= 2;
			one->at_ns = now_ns + one->wait_ns;
			if (--one->left == 0) {
				*link = one->next;
				f->count--;
				free(one);
				continue;
			}
		}
		if (one->at_ns < deadline)
			deadline = one->at_ns;
		link = &one->next;
	}
	return deadline;
}
