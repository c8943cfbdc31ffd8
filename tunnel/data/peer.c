/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/data/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"

static int lane_init(struct peer_lane *l, const struct peer_config *c,
		     uint8_t lane)
{
	enum keys_direction receive = c->send == KEYS_CLIENT_TO_GATEWAY
					      ? KEYS_GATEWAY_TO_CLIENT
					      : KEYS_CLIENT_TO_GATEWAY;
	int r;

	r = keys_tx_init(&l->tx, c->keys, c->send, lane);
	if (r < 0)
		return r;
	return keys_rx_init(&l->rx.keys, c->keys, receive, lane);
}

int peer_create(const struct peer_config *c, struct peer **ret_peer)
{
	size_t size = sizeof(struct peer) + c->lanes * sizeof(struct peer_lane);
	struct peer *p;
	int r = -ENOMEM;

	if (c->lanes == 0 || c->lanes > LANES_MAX)
		return -EINVAL;
	p = aligned_alloc(_Alignof(struct peer), size);
	if (p == NULL)
		return -ENOMEM;
	memset(p, 0, size);
	p->index = c->index;
	p->inner_slot = c->inner_slot;
	p->remote = c->remote;
	p->remote_len = c->remote_len;
	p->lanes = c->lanes;
	p->sources = calloc(c->source_count + 1, sizeof(*p->sources));
	if (p->sources == NULL)
		goto fail;
	for (size_t i = 0; i < c->source_count; i++)
		p->sources[i] = c->sources[i];
	p->source_count = c->source_count;
	for (unsigned int i = 0; i < c->lanes; i++)
		udp_control_init(&p->lane[i].control, &c->local,
				 c->remote.ss_family);
	for (unsigned int i = 0; c->keys && i < c->lanes; i++) {
		r = lane_init(&p->lane[i], c, (uint8_t)i);
		if (r < 0)
			goto fail;
	}
	*ret_peer = p;
	return 0;
fail:
	peer_destroy(p);
	return r;
}

void peer_destroy(struct peer *p)
{
	if (p == NULL)
		return;
	secret_wipe(p->lane, p->lanes * sizeof(p->lane[0]));
	free(p->sources);
	free(p);
}

void peer_stats(const struct peer *p, struct peer_stats *ret_stats)
{
	struct peer_stats s = { 0 };

	for (unsigned int i = 0; i < p->lanes; i++) {
		const struct peer_lane *l = &p->lane[i];
		uint64_t tx = counter_get(&l->tx_records);
		uint64_t before = counter_get(&l->tx_at_last_rx);
		uint64_t heard = counter_get(&l->last_rx_ns);
		uint64_t failures = counter_get(&l->rx_failures);
		uint64_t single = counter_get(&l->single_until_ns);

		s.rx_records += counter_get(&l->rx_records);
		s.rx_bytes += counter_get(&l->rx_bytes);
		s.tx_records += tx;
		s.tx_bytes += counter_get(&l->tx_bytes);
		/* Read a moment apart, so `before` may be the newer one. */
		s.tx_since_rx += tx > before ? tx - before : 0;
		if (heard > s.last_rx_ns)
			s.last_rx_ns = heard;
		if (single > s.single_until_ns)
			s.single_until_ns = single;
		if (failures > s.rx_failures)
			s.rx_failures = failures;
		s.worn_out |= keys_rx_worn_out(&l->rx.keys, failures);
	}
	*ret_stats = s;
}

static bool source_listed(const struct peer *p, const struct ip_addr *a)
{
	for (size_t i = 0; i < p->source_count; i++)
		if (prefix_has(&p->sources[i], a))
			return true;
	return false;
}

bool peer_source_allowed(const struct peer *p, struct peer_lane *l,
			 const uint8_t *packet)
{
	bool four = packet[0] >> 4 == 4;
	const uint8_t *source = packet + (four ? 12 : 8);
	size_t n = four ? 4 : 16;
	uint8_t *last = four ? l->last_source4 : l->last_source6;
	bool *has = four ? &l->has_source4 : &l->has_source6;
	struct ip_addr a = { .family = four ? AF_INET : AF_INET6 };

	if (*has && memcmp(source, last, n) == 0)
		return true;
	memcpy(a.bytes, source, n);
	if (!source_listed(p, &a))
		return false;
	memcpy(last, source, n);
	*has = true;
	return true;
}
