/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway_pool.h"

#include <errno.h>

#include "tunnel/base/bytes.h"

/* How many slots a prefix has: all of its addresses but IPv4's broadcast. */
static uint32_t prefix_slots(const struct ip_prefix *p)
{
	const bool is4 = p->addr.family == AF_INET;
	uint32_t bits = addr_bits(&p->addr) - p->len;

	if (bits >= 16)
		return GATEWAY_POOL_SLOTS_MAX - (is4 && bits == 16);
	return (1U << bits) - is4;
}

int gateway_pool_init(struct gateway_pool *pool,
		      const struct ip_prefix *prefix4,
		      const struct ip_prefix *prefix6, const char **ret_why)
{
	const struct ip_prefix masked4 = prefix_masked(prefix4);
	const struct ip_prefix masked6 = prefix_masked(prefix6);
	struct gateway_pool p = { .prefix4 = *prefix4, .prefix6 = *prefix6 };
	uint32_t slots6;

	*ret_why = NULL;
	if (prefix4->addr.family != AF_INET)
		*ret_why = "it is not an IPv4 prefix";
	else if (prefix4->len < GATEWAY_POOL_LEN4_MIN)
		*ret_why = "an IPv4 pool is a /8 or smaller";
	else if (!prefix_equal(prefix4, &masked4))
		*ret_why = "the IPv4 prefix has bits set behind its length";
	else if (prefix6->addr.family != AF_INET6 && prefix6->addr.family != 0)
		*ret_why = "it is not an IPv6 prefix";
	else if (prefix6->addr.family && prefix6->len < GATEWAY_POOL_LEN6_MIN)
		*ret_why = "an IPv6 pool is a /32 or smaller";
	else if (prefix6->addr.family && !prefix_equal(prefix6, &masked6))
		*ret_why = "the IPv6 prefix has bits set behind its length";
	if (*ret_why)
		return -EINVAL;
	p.slots = prefix_slots(prefix4);
	if (prefix6->addr.family) {
		slots6 = prefix_slots(prefix6);
		p.slots = slots6 < p.slots ? slots6 : p.slots;
	}
	if (p.slots <= GATEWAY_POOL_SLOT_FIRST) {
		*ret_why = "it has no address for a client";
		return -EINVAL;
	}
	*pool = p;
	return 0;
}

bool gateway_pool_has(const struct gateway_pool *pool, uint32_t slot)
{
	return slot >= GATEWAY_POOL_SLOT_FIRST && slot < pool->slots;
}

/* The slot is below 2^16 and the prefix leaves it room, so nothing is carried
 * beyond the last 32 bits. */
static struct ip_prefix prefix_at(const struct ip_prefix *p, uint32_t slot)
{
	struct ip_prefix at = *p;
	uint8_t *last = at.addr.bytes + addr_size(&at.addr) - 4;

	store_be32(last, load_be32(last) + slot);
	return at;
}

void gateway_pool_addresses(const struct gateway_pool *pool, uint32_t slot,
			    struct ip_prefix *ret_address4,
			    struct ip_prefix *ret_address6)
{
	*ret_address4 = prefix_at(&pool->prefix4, slot);
	*ret_address6 = (struct ip_prefix) { 0 };
	if (pool->prefix6.addr.family)
		*ret_address6 = prefix_at(&pool->prefix6, slot);
}
