/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cuts what a device might hand over: a virtio header, then a packet. */
#include <stdlib.h>
#include <string.h>

#include "tunnel/data/gso.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy, *segment;
	size_t n, payload = 0;
	struct gso_vnet h;
	struct gso_cut c;

	if (len < sizeof(h) || len > 60000)
		return 0;
	memcpy(&h, data, sizeof(h));
	len -= sizeof(h);
	/* Cutting writes to its packet only, which is its own allocation. */
	copy = malloc(len > 0 ? len : 1);
	memcpy(copy, data + sizeof(h), len);
	if (gso_cut_start(&c, &h, copy, len) == 0)
		while (gso_cut_next(&c, &segment, &n)) {
			if (segment < copy || segment + n > copy + len)
				abort();
			payload += n - c.headers;
		}
	if (payload > len)
		abort();
	free(copy);
	return 0;
}
