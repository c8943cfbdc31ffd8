/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/inflight.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/wolf.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"

enum {
	NETWORK_BITS4 = 24,
	NETWORK_BITS6 = 56,
};

void inflight_table_init(struct inflight_table *t)
{
	memset(t, 0, sizeof(*t));
	wolf_random(&t->seed, sizeof(t->seed));
}

void inflight_table_fini(struct inflight_table *t)
{
	while (t->head != NULL)
		inflight_remove(t, t->head);
}

/* The finaliser of MurmurHash3: every bit of the token reaches the bucket.
 * Strangers do not get this far, and each network has its share. */
static size_t bucket_of(const struct inflight_table *t, const uint8_t *eight)
{
	uint64_t x = load_be64(eight) ^ t->seed;

	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	return x % INFLIGHT_BUCKETS;
}

static struct ip_prefix network_of(const struct ip_addr *addr)
{
	struct ip_prefix p = {
		.addr = *addr,
		.len = addr->family == AF_INET ? NETWORK_BITS4 : NETWORK_BITS6,
	};

	return prefix_masked(&p);
}

static void queue_add(struct inflight_table *t, struct inflight *f)
{
	f->prev = t->tail;
	f->next = NULL;
	if (t->tail != NULL)
		t->tail->next = f;
	else
		t->head = f;
	t->tail = f;
}

static void queue_remove(struct inflight_table *t, struct inflight *f)
{
	if (f->prev != NULL)
		f->prev->next = f->next;
	else
		t->head = f->next;
	if (f->next != NULL)
		f->next->prev = f->prev;
	else
		t->tail = f->prev;
}

static void network_add(struct inflight_table *t, struct inflight *f)
{
	struct ip_prefix network = network_of(&f->from.remote.addr);
	struct inflight **first = &t->network[bucket_of(t, network.addr.bytes)];

	f->network_link = first;
	f->network_next = *first;
	if (*first != NULL)
		(*first)->network_link = &f->network_next;
	*first = f;
}

static void network_remove(struct inflight *f)
{
	if (f->network_link == NULL)
		return;
	*f->network_link = f->network_next;
	if (f->network_next != NULL)
		f->network_next->network_link = f->network_link;
	f->network_link = NULL;
}

bool inflight_network_is_full(const struct inflight_table *t,
			      const struct ip_addr *from)
{
	struct ip_prefix network = network_of(from);
	const struct inflight *f = t->network[bucket_of(t, network.addr.bytes)];
	size_t n = 0;

	for (; f != NULL; f = f->network_next)
		n += prefix_has(&network, &f->from.remote.addr);
	return n >= INFLIGHT_NETWORK_MAX;
}

bool inflight_is_full(const struct inflight_table *t, uint64_t now_ns)
{
	const uint64_t stalled_ns = (uint64_t)INFLIGHT_STALLED_MS * NS_PER_MS;

	return t->count >= INFLIGHT_MAX &&
	       now_ns - t->head->progressed_ns < stalled_ns;
}

struct inflight *inflight_add(struct inflight_table *t, struct server *owner,
			      const struct path *from,
			      struct handshake *handshake, uint64_t now_ns)
{
	struct inflight *f;
	size_t bucket;

	if (t->count >= INFLIGHT_MAX) {
		t->evicted += t->head->state == INFLIGHT_RUNNING;
		inflight_remove(t, t->head);
	}
	f = calloc(1, sizeof(*f));
	if (f == NULL) {
		handshake_destroy(handshake);
		return NULL;
	}
	f->owner = owner;
	f->from = *from;
	f->handshake = handshake;
	f->progressed_ns = now_ns;
	memcpy(f->token, handshake_token(handshake), sizeof(f->token));
	bucket = bucket_of(t, f->token);
	f->hash_next = t->bucket[bucket];
	t->bucket[bucket] = f;
	network_add(t, f);
	queue_add(t, f);
	t->count++;
	return f;
}

struct inflight *inflight_find(const struct inflight_table *t,
			       const struct endpoint *from,
			       const uint8_t token[static ENVELOPE_TOKEN_LEN])
{
	struct inflight *f = t->bucket[bucket_of(t, token)];

	while (f != NULL && (memcmp(f->token, token, ENVELOPE_TOKEN_LEN) != 0 ||
			     !endpoint_equal(&f->from.remote, from)))
		f = f->hash_next;
	return f;
}

void inflight_progressed(struct inflight_table *t, struct inflight *f,
			 uint64_t now_ns)
{
	f->progressed_ns = now_ns;
	queue_remove(t, f);
	queue_add(t, f);
}

void inflight_settle(struct inflight *f, enum inflight_state state)
{
	f->state = state;
	network_remove(f);
}

void inflight_remove(struct inflight_table *t, struct inflight *f)
{
	struct inflight **link = &t->bucket[bucket_of(t, f->token)];

	while (*link != f)
		link = &(*link)->hash_next;
	*link = f->hash_next;
	network_remove(f);
	queue_remove(t, f);
	t->count--;
	handshake_destroy(f->handshake);
	free(f);
}
