/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/control.h"

#include "tunnel/base/clock.h"

int control_init(struct control *c, const struct keys *k,
		 enum control_side side)
{
	enum keys_direction out = side == CONTROL_CLIENT
					  ? KEYS_CLIENT_TO_GATEWAY
					  : KEYS_GATEWAY_TO_CLIENT;
	enum keys_direction in = side == CONTROL_CLIENT
					 ? KEYS_GATEWAY_TO_CLIENT
					 : KEYS_CLIENT_TO_GATEWAY;
	int r;

	memset(&c->rx.replay, 0, sizeof(c->rx.replay));
	r = keys_tx_init(&c->tx, k, out, RECORD_LANE_CONTROL);
	if (r < 0)
		return r;
	r = keys_rx_init(&c->rx.keys, k, in, RECORD_LANE_CONTROL);
	if (r < 0)
		keys_tx_fini(&c->tx);
	return r;
}

void control_fini(struct control *c)
{
	keys_tx_fini(&c->tx);
	keys_rx_fini(&c->rx.keys);
}

size_t control_seal(struct control *c, uint32_t index, const struct bytes *run,
		    uint8_t ret_datagram[static RECORD_CONTROL_MAX])
{
	size_t len = bytes_done(run);

	if (!bytes_ok(run) || len > CONTROL_RUN_MAX)
		return 0;
	return record_seal(&c->tx, index, RECORD_LANE_CONTROL, 0, run->start,
			   len, ret_datagram);
}

enum record_verdict control_open(struct control *c,
				 const struct record_header *h,
				 uint8_t *datagram, size_t len,
				 struct bytes *ret_run)
{
	uint8_t *plain = datagram + RECORD_HEADER_LEN;
	enum record_verdict v;

	v = record_open(&c->rx, h, datagram, len, plain);
	if (v == RECORD_OK)
		*ret_run = bytes_over(plain, len - RECORD_OVERHEAD);
	return v;
}

bool control_rate_allows(struct control_rate *r, uint64_t now_ns)
{
	if (now_ns - r->second_ns >= NS_PER_S) {
		r->second_ns = now_ns;
		r->count = 0;
	}
	return r->count++ < CONTROL_MESSAGES_PER_S;
}
