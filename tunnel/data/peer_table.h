/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which peer a record is from (by its index), and which peer an inner packet
 * goes to (by its destination). The control thread publishes and withdraws;
 * the workers look up without a lock.
 *
 *   1. peer_table_create, then peer_table_reader for each worker
 *   2. peer_table_publish(t, p): the table owns p
 *   3. peer_table_withdraw(t, p): p is out of sight, and lives on until each
 *      worker has passed its loop's top
 *   4. now and then, after waking the workers: peer_table_reap(t)
 *
 * At a gateway the inner addresses are the pool's base plus a slot, the same
 * slot in both families; at a client one peer takes everything.
 */
#ifndef ADIT_DATA_PEER_TABLE_H
#define ADIT_DATA_PEER_TABLE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"
#include "tunnel/data/lane.h"
#include "tunnel/data/peer.h"

enum {
	PEER_TABLE_SLOTS = 65536, /* of indices: their low 16 bits */
};

struct peer_table_config {
	/* 0: one peer takes all inner destinations (slot 0). */
	uint32_t inner_slots;
	struct ip_prefix pool4; /* family 0: none */
	struct ip_prefix pool6;
};

/* A worker's word that it holds no pointer from before `seen`. */
struct peer_table_reader {
	_Alignas(64) _Atomic uint64_t seen; /* UINT64_MAX: not reading */
};

struct peer_table {
	/* set at creation */
	uint32_t inner_slots;
	uint8_t base4[4];
	uint8_t base6[16];
	bool has4, has6;
	_Atomic(struct peer *) *by_inner;

	/* written by the control thread */
	_Atomic uint64_t generation;
	struct peer *retired; /* newest first */

	/* written by the workers, each its own */
	struct peer_table_reader reader[LANES_MAX];

	_Atomic(struct peer *) by_index[PEER_TABLE_SLOTS];
};

/* Control thread. */
int peer_table_create(const struct peer_table_config *c,
		      struct peer_table **ret_table) ATTR_MUST_CHECK;
/* Destroys the peers in it, too. No worker may be running. Takes NULL. */
void peer_table_destroy(struct peer_table *t);
/* The table owns the peer. A peer with the same inner slot loses its inner
 * traffic to the new one, and still receives (make before break). -EEXIST:
 * the index's slot is taken; -ERANGE: the inner slot is not in the pool; the
 * peer is then still the caller's. */
int peer_table_publish(struct peer_table *t, struct peer *p) ATTR_MUST_CHECK;
/* The peer is not the caller's any more. */
void peer_table_withdraw(struct peer_table *t, struct peer *p);
/* Destroys what no worker can see any more; returns how many still wait (an
 * idle worker must be woken: worker_wake). */
size_t peer_table_reap(struct peer_table *t);
/* For the control thread, which alone changes the table. */
struct peer *peer_table_find(struct peer_table *t, uint32_t index);

/* Workers. Pointers are good until the next peer_table_pass(). */
void peer_table_pass(struct peer_table *t, unsigned int reader);
void peer_table_leave(struct peer_table *t, unsigned int reader);
struct peer *peer_table_by_index(struct peer_table *t, uint32_t index);
/* packet: with a whole IP header. */
struct peer *peer_table_by_inner(struct peer_table *t, const uint8_t *packet);

#endif
