/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/uplink.h"

#include "tunnel/base/attr.h"

static bool is_ours(const struct uplink_view *v, const struct rtnl_route *r)
{
	return r->ifindex != 0 && r->ifindex == v->own_ifindex;
}

static bool is_default(const struct rtnl_route *r)
{
	return r->to.len == 0;
}

/* FNV-1a over what a route is. */
static uint64_t route_digest(const struct rtnl_route *r)
{
	const uint64_t prime = 0x100000001b3;
	const uint64_t parts[] = { r->to.len,	      r->ifindex,
				   r->gateway.family, r->metric,
				   r->to.addr.family, (uint64_t)r->kind };
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		h = (h ^ parts[i]) * prime;
	for (size_t i = 0; i < sizeof(r->to.addr.bytes); i++) {
		h = (h ^ r->to.addr.bytes[i]) * prime;
		h = (h ^ r->gateway.bytes[i]) * prime;
	}
	return h;
}

static bool leads_outside(const struct uplink_view *v, uint32_t ifindex)
{
	for (size_t i = 0; i < v->count; i++)
		if (is_default(&v->routes[i]) && !is_ours(v, &v->routes[i]) &&
		    v->routes[i].ifindex == ifindex)
			return true;
	return false;
}

static bool is_of_network(const struct uplink_view *v,
			  const struct rtnl_route *r)
{
	if (is_default(r) ||
	    (v->remote.family != 0 && prefix_has(&r->to, &v->remote)))
		return true;
	return r->gateway.family == 0 && r->ifindex != 0 &&
	       leads_outside(v, r->ifindex);
}

/* Added up, the order does not matter. */
uint64_t uplink_digest(const struct uplink_view *v)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < v->count; i++)
		if (!is_ours(v, &v->routes[i]) &&
		    is_of_network(v, &v->routes[i]))
			sum += route_digest(&v->routes[i]);
	return sum;
}

uint64_t uplink_digest_all(const struct uplink_view *v)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < v->count; i++)
		if (!is_ours(v, &v->routes[i]))
			sum += route_digest(&v->routes[i]);
	return sum;
}
