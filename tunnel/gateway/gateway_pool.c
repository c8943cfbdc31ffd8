/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway/gateway_pool.h"

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

static const char *check_prefix(const struct ip_prefix *p, uint8_t len_min)
{
	const struct ip_prefix masked = prefix_masked(p);

	if (p->len < len_min)
		return "the pool is too big to be meant";
	if (!prefix_equal(p, &masked))
		return "the pool has bits behind its length";
	return NULL;
}

const char *gateway_pool_init(struct gateway_pool *pool,
			      const struct ip_prefix *prefix4,
			      const struct ip_prefix *prefix6)
{
	struct gateway_pool p = { .prefix4 = *prefix4, .prefix6 = *prefix6 };
	const char *wrong;
	uint32_t slots6;

	if (prefix4->addr.family != AF_INET)
		return "the pool is not an IPv4 prefix";
	wrong = check_prefix(prefix4, GATEWAY_POOL_LEN4_MIN);
	if (wrong)
		return wrong;
	p.slots = prefix_slots(prefix4);
	if (prefix6->addr.family) {
		if (prefix6->addr.family != AF_INET6)
			return "the IPv6 pool is not an IPv6 prefix";
		wrong = check_prefix(prefix6, GATEWAY_POOL_LEN6_MIN);
		if (wrong)
			return wrong;
		slots6 = prefix_slots(prefix6);
		p.slots = slots6 < p.slots ? slots6 : p.slots;
	}
	if (p.slots <= GATEWAY_POOL_SLOT_FIRST)
		return "the pool has no address for a client";
	*pool = p;
	return NULL;
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
