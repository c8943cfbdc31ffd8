/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Joins what a peer might send: a byte of choices, then two packets of equal
 * length. */
#include <stdlib.h>
#include <string.h>

#include "tunnel/data/gso.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct gso_join join, spare;

static void take(const uint8_t *p, size_t len, bool csum)
{
	struct gso_packet g;
	uint8_t *at;

	if (!gso_join_may_take(&join, len))
		return;
	at = gso_join_place(&join);
	memcpy(at, p, len);
	if (!gso_packet_parse(at, len, &g) || (csum && !g.plain))
		gso_join_cancel(&join);
	else if (!gso_join_add(&join, &g, len, csum))
		gso_join_move(&join, &spare, &g, len, csum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t half = (len - 1) / 2, out;

	if (len < 1 || len > 60000)
		return 0;
	gso_join_clear(&join);
	gso_join_clear(&spare);
	join.udp = data[0] & 2;
	take(data + 1, half, data[0] & 1);
	take(data + 1 + half, half, data[0] & 1);
	if (join.len == 0)
		return 0;
	(void)gso_join_finish(&join, &out);
	if (out != GSO_VNET_LEN + join.len || join.len > len)
		abort();
	return 0;
}
