/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inner addresses that a gateway gives: a slot is a number, and a client's
 * addresses are the pool's bases plus its slot, the same slot in both families.
 * Slot 0 is the network, slot 1 the gateway itself. Plain values, pure; any
 * thread.
 */
#ifndef ADIT_GATEWAY_POOL_H
#define ADIT_GATEWAY_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"

enum {
	GATEWAY_POOL_SLOT_GATEWAY = 1,
	GATEWAY_POOL_SLOT_FIRST = 2, /* of the clients */
	GATEWAY_POOL_SLOTS_MAX = 65536,
	GATEWAY_POOL_LEN4_MIN = 8, /* shorter, and somebody mistyped */
	GATEWAY_POOL_LEN6_MIN = 32,
};

struct gateway_pool {
	struct ip_prefix prefix4;
	struct ip_prefix prefix6; /* family 0: no IPv6 inside */
	uint32_t slots;		  /* the clients' are below this */
};

/* NULL; or what is wrong, a static sentence, and the pool is as it was. */
const char *gateway_pool_init(struct gateway_pool *pool,
			      const struct ip_prefix *prefix4,
			      const struct ip_prefix *prefix6) ATTR_MUST_CHECK;
/* May a client have this slot? */
bool gateway_pool_has(const struct gateway_pool *pool, uint32_t slot);
/* The slot's addresses, with the length of the pool they lie in; family 0
 * where the pool has none. */
void gateway_pool_addresses(const struct gateway_pool *pool, uint32_t slot,
			    struct ip_prefix *ret_address4,
			    struct ip_prefix *ret_address6);

#endif
