/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The record (PROTOCOL.md, "Record"): one datagram, one inner packet or one
 * run of control messages, sealed under a lane's key.
 *
 *    0      1      2      3      4               8                     16
 *   +------+------+------+------+---------------+---------------------+----
 *   | 0xA1 | lane | flags|  0   | session index | counter             | ...
 *   +------+------+------+------+---------------+---------------------+----
 *
 * Order on receive: length, first byte, index, epoch of the counter, open,
 * then the replay window, then what the caller checks inside. What fails has
 * no effect but on a counter.
 */
#ifndef ADIT_CRYPTO_RECORD_H
#define ADIT_CRYPTO_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/keys.h"
#include "crypto/replay.h"

enum {
	RECORD_TYPE = 0xA1, /* above DTLS's 20 to 63 (RFC 9443) */
	RECORD_HEADER_LEN = 16,
	RECORD_INDEX_LAST = 7, /* the header's byte with the index's low bits */
	RECORD_OVERHEAD = RECORD_HEADER_LEN + AEAD_TAG_LEN,
	RECORD_LANE_CONTROL = 255,
	RECORD_CONTROL_MAX = 1200, /* whole record, until the path is known */

	/* The inner TCP or UDP checksum is not computed yet. */
	RECORD_FLAG_CSUM = 1 << 0,
	/* The last of a run of several records, all of one length; and one that
	 * is a run by itself. */
	RECORD_FLAG_TAIL = 1 << 1,
	RECORD_FLAG_ALONE = 1 << 2,
};

/* A data record's place in its run, as its flags have it. Both ends count by
 * it: some paths lose the tails of runs that others carry. */
enum record_place {
	RECORD_AMONG,
	RECORD_TAIL,
	RECORD_ALONE,
	RECORD_PLACES,
};

struct record_counts {
	uint64_t of[RECORD_PLACES];
};

enum record_verdict {
	RECORD_OK,
	RECORD_SHORT,	 /* not even an empty record */
	RECORD_FOREIGN,	 /* the first byte is another protocol's */
	RECORD_EPOCH,	 /* the counter's epoch is far ahead */
	RECORD_FORGED,	 /* did not authenticate */
	RECORD_REPLAYED, /* seen before */
	RECORD_OLD,	 /* too late for the window, or its epoch is gone */
};

struct record_header {
	uint8_t lane;
	uint8_t flags;
	uint32_t index;
	uint64_t counter;
};

/* The receiving end of one session and lane. */
struct record_rx {
	struct keys_rx keys;
	struct replay replay;
};

/* RECORD_OK, RECORD_SHORT or RECORD_FOREIGN. Reads the header only. */
enum record_verdict record_parse(const uint8_t *record, size_t len,
				 struct record_header *ret_header);

static inline uint8_t record_place_flag(enum record_place place)
{
	return (uint8_t)(place * RECORD_FLAG_TAIL);
}

/* Of one with both flags, which nobody sends: the first that fits. */
static inline enum record_place record_place(uint8_t flags)
{
	if (flags & RECORD_FLAG_TAIL)
		return RECORD_TAIL;
	return flags & RECORD_FLAG_ALONE ? RECORD_ALONE : RECORD_AMONG;
}

static inline uint64_t record_total(const struct record_counts *c)
{
	return c->of[RECORD_AMONG] + c->of[RECORD_TAIL] + c->of[RECORD_ALONE];
}

/* Seals `len` bytes at `in` into a record of len + RECORD_OVERHEAD bytes at
 * `out`. Returns its length, or 0 when the lane's counters are used up. `out +
 * RECORD_HEADER_LEN` is `in`, or they do not overlap. */
size_t record_seal(struct keys_tx *tx, uint32_t index, uint8_t lane,
		   uint8_t flags, const uint8_t *in, size_t len, uint8_t *out);

/* Opens the record whose parsed header is `h`; writes len - RECORD_OVERHEAD
 * bytes to `out` (not authentic, and not to be used, unless RECORD_OK). */
enum record_verdict record_open(struct record_rx *rx,
				const struct record_header *h,
				const uint8_t *record, size_t len,
				uint8_t *out);

#endif
