/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The indices of a bounded ring between two threads, one that puts and one
 * that takes. The slots are the caller's array of `capacity` elements.
 *
 *   putting                             taking
 *   1. i = ring_free(&r), -1: full      1. i = ring_next(&r), -1: empty
 *   2. fill slot[i]                     2. use slot[i]
 *   3. ring_put(&r)                     3. ring_taken(&r)
 *
 * The put is a release store that the other's acquire load sees, so slot[i] is
 * whole when it is taken, and free when it is filled again.
 */
#ifndef ADIT_BASE_RING_H
#define ADIT_BASE_RING_H

#include <stdatomic.h>
#include <stdint.h>

struct ring {
	/* set at creation: a power of two */
	uint32_t capacity;
	/* written by the thread that puts */
	_Alignas(64) _Atomic uint32_t put;
	/* written by the thread that takes */
	_Alignas(64) _Atomic uint32_t taken;
};

static inline int ring_free(struct ring *r)
{
	uint32_t put = atomic_load_explicit(&r->put, memory_order_relaxed);

	if (put - atomic_load_explicit(&r->taken, memory_order_acquire) ==
	    r->capacity)
		return -1;
	return (int)(put & (r->capacity - 1));
}

static inline void ring_put(struct ring *r)
{
	uint32_t put = atomic_load_explicit(&r->put, memory_order_relaxed);

	atomic_store_explicit(&r->put, put + 1, memory_order_release);
}

static inline int ring_next(struct ring *r)
{
	uint32_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed);

	if (taken == atomic_load_explicit(&r->put, memory_order_acquire))
		return -1;
	return (int)(taken & (r->capacity - 1));
}

static inline void ring_taken(struct ring *r)
{
	uint32_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed);

	atomic_store_explicit(&r->taken, taken + 1, memory_order_release);
}

#endif
