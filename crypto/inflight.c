/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/inflight.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/wolf.h"
#include "tunnel/base/bytes.h"

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
static size_t bucket_of(const struct inflight_table *t, const uint8_t *token)
{
	uint64_t x = load_be64(token) ^ t->seed;

	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	return x % INFLIGHT_BUCKETS;
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

static size_t count_network(const struct inflight_table *t,
			    const struct ip_addr *addr)
{
	struct ip_prefix network = {
		.addr = *addr,
		.len = addr->family == AF_INET ? NETWORK_BITS4 : NETWORK_BITS6,
	};
	size_t n = 0;

	for (const struct inflight *f = t->head; f != NULL; f = f->next)
		n += f->state == INFLIGHT_RUNNING &&
		     prefix_has(&network, &f->from.remote.addr);
	return n;
}

struct inflight *inflight_add(struct inflight_table *t, struct server *owner,
			      const struct path *from,
			      struct handshake *handshake)
{
	struct inflight *f;
	size_t bucket;

	if (count_network(t, &from->remote.addr) >= INFLIGHT_NETWORK_MAX) {
		handshake_destroy(handshake);
		return NULL;
	}
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
	memcpy(f->token, handshake_token(handshake), sizeof(f->token));
	bucket = bucket_of(t, f->token);
	f->hash_next = t->bucket[bucket];
	t->bucket[bucket] = f;
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

void inflight_progressed(struct inflight_table *t, struct inflight *f)
{
	queue_remove(t, f);
	queue_add(t, f);
}

void inflight_remove(struct inflight_table *t, struct inflight *f)
{
	struct inflight **link = &t->bucket[bucket_of(t, f->token)];

	while (*link != f)
		link = &(*link)->hash_next;
	*link = f->hash_next;
	queue_remove(t, f);
	t->count--;
	handshake_destroy(f->handshake);
	free(f);
}
