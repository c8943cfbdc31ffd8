/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/data/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "crypto/secret.h"

/* Neighbouring mappings are one to the kernel, which might back them all with
 * large pages for a single lane that is used. */
static struct peer_lane *map_lanes(unsigned int lanes)
{
	size_t size = lanes * sizeof(struct peer_lane);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, size, MADV_NOHUGEPAGE); /* not all kernels have any */
	return p;
}

int peer_create(const struct peer_config *c, struct peer **ret_peer)
{
	struct peer *p;
	int r = -ENOMEM;

	if (c->lanes == 0 || c->lanes > LANES_MAX)
		return -EINVAL;
	p = calloc(1, sizeof(*p) + c->lanes * sizeof(p->seed[0]));
	if (p == NULL)
		return -ENOMEM;
	p->index = c->index;
	p->inner_slot = c->inner_slot;
	p->remote = c->remote;
	p->remote_len = c->remote_len;
	p->send = c->send;
	udp_control_init(&p->control, &c->local, c->remote.ss_family);
	p->lanes = c->lanes;
	p->lane = map_lanes(c->lanes);
	p->sources = calloc(c->source_count + 1, sizeof(*p->sources));
	if (p->lane == NULL || p->sources == NULL)
		goto fail;
	for (size_t i = 0; i < c->source_count; i++)
		p->sources[i] = c->sources[i];
	p->source_count = c->source_count;
	for (unsigned int i = 0; c->keys && i < c->lanes; i++) {
		r = keys_seed_init(&p->seed[i], c->keys, (uint8_t)i);
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
	for (unsigned int i = 0; i < p->lanes; i++) {
		keys_seed_fini(&p->seed[i]);
		if (peer_lane_made(p, i))
			secret_wipe(&p->lane[i], sizeof(p->lane[i]));
	}
	if (p->lane != NULL)
		munmap(p->lane, p->lanes * sizeof(p->lane[0]));
	free(p->sources);
	free(p);
}

int peer_lane_make(struct peer *p, unsigned int lane)
{
	enum keys_direction receive = p->send == KEYS_CLIENT_TO_GATEWAY
					      ? KEYS_GATEWAY_TO_CLIENT
					      : KEYS_CLIENT_TO_GATEWAY;
	struct peer_lane *l = &p->lane[lane];
	struct keys_seed *seed = &p->seed[lane];
	int r;

	r = keys_tx_grow(&l->tx, seed, p->send);
	if (r < 0)
		return r;
	r = keys_rx_grow(&l->rx.keys, seed, receive);
	if (r < 0) {
		keys_tx_fini(&l->tx);
		return r;
	}
	keys_seed_fini(seed);
	l->control = p->control;
	atomic_fetch_or_explicit(&p->made, 1ULL << lane, memory_order_release);
	return 0;
}

void peer_stats(const struct peer *p, struct peer_stats *ret_stats)
{
	struct peer_stats s = { 0 };

	for (unsigned int i = 0; i < p->lanes; i++) {
		const struct peer_lane *l = &p->lane[i];
		uint64_t heard, failures, single;

		if (!peer_lane_made(p, i))
			continue; /* and its pages stay untouched */
		heard = counter_get(&l->last_rx_ns);
		failures = counter_get(&l->rx_failures);
		single = counter_get(&l->single_until_ns);
		for (int k = 0; k < RECORD_PLACES; k++) {
			s.received.of[k] += counter_get(&l->rx_placed[k]);
			s.sent.of[k] += counter_get(&l->tx_placed[k]);
		}
		s.rx_bytes += counter_get(&l->rx_bytes);
		s.tx_records += counter_get(&l->tx_records);
		s.tx_bytes += counter_get(&l->tx_bytes);
		if (heard > s.last_rx_ns)
			s.last_rx_ns = heard;
		if (single > s.single_until_ns)
			s.single_until_ns = single;
		s.refusals += counter_get(&l->refusals);
		if (failures > s.rx_failures)
			s.rx_failures = failures;
		s.worn_out |= keys_worn_out(p->seed[i].max_failures, failures);
	}
	s.rx_records = record_total(&s.received);
	*ret_stats = s;
}

bool peer_report_due(struct peer *p, const struct peer_stats *s,
		     uint64_t now_ns)
{
	if (s->rx_records == p->reported ||
	    now_ns - p->reported_ns < PEER_REPORT_NS)
		return false;
	p->reported = s->rx_records;
	p->reported_ns = now_ns;
	return true;
}

bool peer_was_told(struct peer *p, const struct record_counts *received,
		   uint64_t now_ns)
{
	struct peer_stats s;

	peer_stats(p, &s);
	if (!tactics_judge(&p->tactics, &s.sent, received, now_ns))
		return false;
	atomic_store_explicit(&p->tactic, p->tactics.tactic,
			      memory_order_relaxed);
	return true;
}

size_t peer_fallbacks(const struct peer *p, uint64_t now_ns,
		      struct fallback ret_fallbacks[static 2])
{
	struct peer_stats s;
	size_t n = 0;

	peer_stats(p, &s);
	if (s.single_until_ns > now_ns)
		ret_fallbacks[n++] = (struct fallback) {
			.way = FALLBACK_REFUSED,
			.since_ns = s.single_until_ns - PEER_SINGLE_NS,
			.times = s.refusals,
		};
	return n + tactics_fallback(&p->tactics, &ret_fallbacks[n]);
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
