/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cuts what a device might hand over, and joins what a peer might send: a
 * virtio header, a byte of choices, then two packets of equal length.
 */
#include <stdlib.h>
#include <string.h>

#include "tunnel/data/gso.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct gso_join join, spare;

/* Cutting writes to its packet only, which is its own allocation here. */
static void cut(const struct gso_vnet *h, const uint8_t *p, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1), *segment;
	size_t n, payload = 0;
	struct gso_cut c;

	memcpy(copy, p, len);
	if (gso_cut_start(&c, h, copy, len) == 0)
		while (gso_cut_next(&c, &segment, &n)) {
			if (segment < copy || segment + n > copy + len)
				abort();
			payload += n - c.headers;
		}
	if (payload > len)
		abort();
	free(copy);
}

static void take(const uint8_t *p, size_t len, bool csum)
{
	struct gso_packet g;
	uint8_t *at;

	if (!gso_join_may_take(&join, len))
		return;
	at = gso_join_place(&join);
	memcpy(at, p, len);
	if (!gso_packet_parse(at, len, &g) || (csum && !g.plain)) {
		gso_join_cancel(&join);
		return;
	}
	if (!gso_join_add(&join, &g, len, csum))
		gso_join_move(&join, &spare, &g, len, csum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct gso_vnet h;
	size_t out;

	if (len < sizeof(h) + 1 || len > 60000)
		return 0;
	memcpy(&h, data, sizeof(h));
	data += sizeof(h);
	len -= sizeof(h) + 1;
	cut(&h, data + 1, len);
	gso_join_clear(&join);
	gso_join_clear(&spare);
	join.udp = data[0] & 2;
	for (size_t i = 0; i < 2; i++)
		take(data + 1 + i * (len / 2), len / 2, data[0] & 1);
	if (join.len > 0) {
		(void)gso_join_finish(&join, &out);
		if (out != GSO_VNET_LEN + join.len || join.len > len)
			abort();
	}
	return 0;
}
