/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies of LEASE messages, each behind its length (2 bytes): a lease that was
 * taken can be sent on, and is then taken again. */
#include <assert.h>

#include "crypto/lease.h"
#include "tunnel/base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void send_on(const struct lease *l)
{
	struct lease_collector c = { 0 };
	uint8_t flags, body[LEASE_BODY_MAX];
	int parts = lease_part_count(l), r = 0;
	struct lease again;
	const char *why;

	for (int i = 0; i < parts; i++)
		r = lease_collect(&c, body,
				  lease_build_part(l, (unsigned int)i, 0, body),
				  &flags);
	if (parts > 0) {
		assert(r == 1 && lease_parse(&c, &again, &why) == 0);
		lease_fini(&again);
	}
	lease_collector_fini(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_read(data, size);
	struct lease_collector c = { 0 };
	const uint8_t *body;
	struct lease l;
	const char *why;
	uint8_t flags;
	size_t len;

	do {
		len = bytes_get16(&in);
		body = bytes_take(&in, len);
	} while (body && lease_collect(&c, body, len, &flags) == 0);
	if (lease_collector_whole(&c) && lease_parse(&c, &l, &why) == 0) {
		send_on(&l);
		lease_fini(&l);
	}
	lease_collector_fini(&c);
	return 0;
}
