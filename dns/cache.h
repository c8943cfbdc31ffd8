/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers that were got before, bounded in bytes: the least lately used goes
 * first. Time is an argument. There is no stale answer: one whose time is over
 * is not found, and dns_cache_flush() at every edge of the session, the lease
 * or the uplink forgets all. Control thread.
 */
#ifndef ADIT_DNS_CACHE_H
#define ADIT_DNS_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/message.h"

enum {
	DNS_CACHE_NEGATIVE_MAX_S = DNS_NEGATIVE_TTL_MAX_S,
	DNS_CACHE_TTL_MAX_S = 86400,
};

struct dns_cache;

/* Who was asked is part of the question: inner and outer answers for one name
 * never meet. `name` is the question of the answer, so a full one. */
struct dns_cache_key {
	const struct dns_name *name;
	uint16_t type, class;
	uint8_t route; /* enum dns_route */
	bool dnssec_ok, checking_disabled;
};

struct dns_cache_stats {
	uint64_t hits, misses;
	uint64_t evicted; /* to make room */
	uint64_t flushes;
	size_t entries, bytes;
};

/* `bytes_max` counts all that entries and table take. NULL: out of memory. The
 * table's hash is keyed with the seed, so that names cannot be chosen to
 * collide. */
struct dns_cache *dns_cache_create(size_t bytes_max, uint64_t seed);
void dns_cache_destroy(struct dns_cache *c);

/* Borrowed until the next call; NULL: not there, or its time is over. */
const struct dns_answer *dns_cache_find(struct dns_cache *c,
					const struct dns_cache_key *key,
					uint64_t now_ns, uint32_t *ret_age_s);
/* Takes the answer over (it is empty afterwards), unless it is not to be kept
 * (TTL 0, SERVFAIL and the like): false, and it stays the caller's. */
bool dns_cache_put(struct dns_cache *c, const struct dns_cache_key *key,
		   struct dns_answer *answer, uint64_t now_ns);
void dns_cache_flush(struct dns_cache *c);
void dns_cache_stats(const struct dns_cache *c, struct dns_cache_stats *ret);

#endif
