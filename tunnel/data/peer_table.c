/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why a worker never touches a peer that was destroyed. The control thread
 * takes the pointers out of both arrays, then stores generation g (release).
 * A worker's pass loads the generation (acquire) and stores it as `seen`
 * (release), with no pointer in hand. If seen >= g, the worker's load has seen
 * the store of g or a later one, so the cleared pointers happen before all its
 * lookups from then on: none finds the peer. And what it did with the peer
 * before the pass happens before the control thread's acquire load of `seen`,
 * hence before the free. A new peer is whole before the release store of its
 * pointer, which the lookup's acquire load reads.
 */
#include "tunnel/data/peer_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tunnel/base/bytes.h"

static uint32_t index_slot(uint32_t index)
{
	return index & (PEER_TABLE_SLOTS - 1);
}

int peer_table_create(const struct peer_table_config *c,
		      struct peer_table **ret_table)
{
	size_t inner = c->inner_slots > 0 ? c->inner_slots : 1;
	struct ip_prefix base;
	struct peer_table *t;

	/* Mapped, so that slots which are never used cost no memory: a client
	 * has one session. */
	t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t == MAP_FAILED)
		return -ENOMEM;
	t->by_inner = calloc(inner, sizeof(t->by_inner[0]));
	if (t->by_inner == NULL) {
		munmap(t, sizeof(*t));
		return -ENOMEM;
	}
	t->inner_slots = c->inner_slots;
	t->has4 = c->pool4.addr.family == AF_INET;
	t->has6 = c->pool6.addr.family == AF_INET6;
	if (t->has4) {
		base = prefix_masked(&c->pool4);
		memcpy(t->base4, base.addr.bytes, sizeof(t->base4));
	}
	if (t->has6) {
		base = prefix_masked(&c->pool6);
		memcpy(t->base6, base.addr.bytes, sizeof(t->base6));
	}
	for (size_t i = 0; i < LANES_MAX; i++)
		atomic_init(&t->reader[i].seen, UINT64_MAX);
	*ret_table = t;
	return 0;
}

void peer_table_destroy(struct peer_table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < LANES_MAX; i++)
		assert(atomic_load(&t->reader[i].seen) == UINT64_MAX);
	for (size_t i = 0; i < PEER_TABLE_SLOTS; i++)
		peer_destroy(atomic_load_explicit(&t->by_index[i],
						  memory_order_relaxed));
	(void)peer_table_reap(t); /* nobody reads, so it takes all */
	free(t->by_inner);
	munmap(t, sizeof(*t));
}

static uint64_t next_generation(struct peer_table *t)
{
	uint64_t g = atomic_load_explicit(&t->generation, memory_order_relaxed);

	atomic_store_explicit(&t->generation, g + 1, memory_order_release);
	return g + 1;
}

int peer_table_publish(struct peer_table *t, struct peer *p)
{
	uint32_t slot = index_slot(p->index);

	if (p->inner_slot >= (t->inner_slots > 0 ? t->inner_slots : 1))
		return -ERANGE;
	if (atomic_load_explicit(&t->by_index[slot], memory_order_relaxed))
		return -EEXIST;
	atomic_store_explicit(&t->by_index[slot], p, memory_order_release);
	atomic_store_explicit(&t->by_inner[p->inner_slot], p,
			      memory_order_release);
	return 0;
}

void peer_table_withdraw(struct peer_table *t, struct peer *p)
{
	_Atomic(struct peer *) *inner = &t->by_inner[p->inner_slot];

	atomic_store_explicit(&t->by_index[index_slot(p->index)], NULL,
			      memory_order_relaxed);
	/* A later session may have taken the inner traffic over. */
	if (atomic_load_explicit(inner, memory_order_relaxed) == p)
		atomic_store_explicit(inner, NULL, memory_order_relaxed);
	p->retired_at = next_generation(t);
	p->next_retired = t->retired;
	t->retired = p;
}

size_t peer_table_reap(struct peer_table *t)
{
	struct peer **at = &t->retired, *p;
	uint64_t seen = UINT64_MAX;
	size_t waiting = 0;

	for (size_t i = 0; i < LANES_MAX; i++) {
		uint64_t s = atomic_load_explicit(&t->reader[i].seen,
						  memory_order_acquire);

		if (s < seen)
			seen = s;
	}
	while ((p = *at) != NULL) {
		if (p->retired_at > seen) {
			at = &p->next_retired;
			waiting++;
			continue;
		}
		*at = p->next_retired;
		peer_destroy(p);
	}
	return waiting;
}

struct peer *peer_table_find(struct peer_table *t, uint32_t index)
{
	return peer_table_by_index(t, index);
}

void peer_table_pass(struct peer_table *t, unsigned int reader)
{
	uint64_t g = atomic_load_explicit(&t->generation, memory_order_acquire);

	atomic_store_explicit(&t->reader[reader].seen, g, memory_order_release);
}

void peer_table_leave(struct peer_table *t, unsigned int reader)
{
	atomic_store_explicit(&t->reader[reader].seen, UINT64_MAX,
			      memory_order_release);
}

struct peer *peer_table_by_index(struct peer_table *t, uint32_t index)
{
	struct peer *p = atomic_load_explicit(&t->by_index[index_slot(index)],
					      memory_order_acquire);

	return p != NULL && p->index == index ? p : NULL;
}

/* The address less the base, if only the last 32 bits differ and the
 * difference is a slot. */
static bool inner_slot(const struct peer_table *t, const uint8_t *packet,
		       uint32_t *ret_slot)
{
	uint32_t base, address;

	if (packet[0] >> 4 == 4) {
		if (!t->has4)
			return false;
		base = load_be32(t->base4);
		address = load_be32(packet + 16);
	} else {
		if (!t->has6 || memcmp(packet + 24, t->base6, 12) != 0)
			return false;
		base = load_be32(t->base6 + 12);
		address = load_be32(packet + 36);
	}
	/* An address below the base wraps to a slot far outside. */
	*ret_slot = address - base;
	return *ret_slot < t->inner_slots;
}

struct peer *peer_table_by_inner(struct peer_table *t, const uint8_t *packet)
{
	uint32_t slot = 0;

	if (t->inner_slots > 0 && !inner_slot(t, packet, &slot))
		return NULL;
	return atomic_load_explicit(&t->by_inner[slot], memory_order_acquire);
}
