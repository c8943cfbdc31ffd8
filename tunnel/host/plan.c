/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	IPV6_MTU_MIN = 1280,
	/* Shorter than these is a default in pieces. */
	HALF_DEFAULT4 = 2,
	HALF_DEFAULT6 = 4,
};

/* Who wants a prefix: of equal ones the first wins. */
enum rank {
	RANK_EXCLUDED,
	RANK_LOCAL,
	RANK_LEASE,
	RANK_LOCAL_WEAK, /* with enforce_routes */
	RANK_FIXED,
	RANK_DEFAULT,
};

struct want {
	struct ip_prefix to;
	enum rtnl_kind kind;
	enum rank rank;
};

struct plan {
	const struct plan_input *in;
	struct want *entries;
	size_t count;
	size_t room;
	bool has4; /* packets of this family can go through the tunnel */
	bool has6;
	bool failed; /* out of memory, sticky */
};

static void add(struct plan *p, const struct ip_prefix *to, enum rtnl_kind kind,
		enum rank rank)
{
	if (to->addr.family == AF_INET6 && p->in->ipv6 == PLAN_IPV6_ABSENT)
		return;
	if (p->count == p->room) {
		size_t room = p->room ? 2 * p->room : 64;
		struct want *e = reallocarray(p->entries, room, sizeof(*e));

		if (!e) {
			p->failed = true;
			return;
		}
		p->entries = e;
		p->room = room;
	}
	p->entries[p->count++] = (struct want) {
		.to = prefix_masked(to),
		.kind = kind,
		.rank = rank,
	};
}

/* A route of the lease: through the tunnel, or nowhere. */
static void add_lease(struct plan *p, const struct ip_prefix *to,
		      enum rank rank)
{
	bool has = to->addr.family == AF_INET ? p->has4 : p->has6;

	add(p, to, has ? RTNL_KIND_DEVICE : RTNL_KIND_UNREACHABLE, rank);
}

/* What a lease's route and one of the profile's have in common. */
static void add_common(struct plan *p, const struct ip_prefix *lease,
		       const struct ip_prefix *profile)
{
	if (prefix_covers(lease, profile))
		add_lease(p, profile, RANK_LEASE);
	else if (prefix_covers(profile, lease))
		add_lease(p, lease, RANK_LEASE);
}

static void add_lease_routes(struct plan *p)
{
	const struct lease_prefixes *routes = &p->in->lease->routes;
	const struct lease_prefixes *narrow = p->in->routes;

	for (size_t i = 0; i < routes->count; i++) {
		if (!narrow || narrow->count == 0) {
			add_lease(p, &routes->prefix[i], RANK_LEASE);
			continue;
		}
		for (size_t k = 0; k < narrow->count; k++)
			add_common(p, &routes->prefix[i], &narrow->prefix[k]);
	}
}

/* The address itself goes onto the device without its network, so that the
 * main table stays as it is; the network is one more route of ours. */
static int add_address(struct plan *p, struct host_state *s,
		       const struct ip_prefix *inner)
{
	struct ip_prefix host = *inner;

	host.len = addr_bits(&inner->addr);
	if (inner->len > 0 && inner->len < host.len)
		add_lease(p, inner, RANK_LEASE);
	return host_state_add_address(s, &host);
}

static bool is_default(const struct ip_prefix *to)
{
	return to->len <
	       (to->addr.family == AF_INET ? HALF_DEFAULT4 : HALF_DEFAULT6);
}

static bool has_default(const struct plan *p, uint8_t family)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct want *e = &p->entries[i];

		if (e->to.addr.family == family && is_default(&e->to))
			return true;
	}
	return false;
}

static void add_defaults(struct plan *p)
{
	static const struct ip_prefix default4 = { .addr.family = AF_INET };
	static const struct ip_prefix default6 = { .addr.family = AF_INET6 };

	if (p->in->all_networks) {
		add_lease(p, &default4, RANK_DEFAULT);
		add_lease(p, &default6, RANK_DEFAULT);
	} else if (has_default(p, AF_INET) && !has_default(p, AF_INET6)) {
		add(p, &default6, RTNL_KIND_UNREACHABLE, RANK_DEFAULT);
	}
}

/* All that might keep its way; keep_needed() drops what no route of ours would
 * take. */
static void add_throws(struct plan *p)
{
	static const char *const fixed[] = { "224.0.0.0/4",
					     "255.255.255.255/32", "ff00::/8",
					     "fe80::/10" };
	const struct plan_input *in = p->in;
	const struct lease_prefixes *excluded[] = { &in->lease->excluded,
						    in->excluded };
	enum rank rank = in->enforce_routes ? RANK_LOCAL_WEAK : RANK_LOCAL;
	struct ip_prefix prefix;

	for (size_t i = 0; i < in->host_route_count; i++) {
		const struct rtnl_route *r = &in->host_routes[i];

		if (r->table == RTNL_TABLE_MAIN &&
		    r->kind == RTNL_KIND_DEVICE && r->ifindex != in->ifindex &&
		    !is_default(&r->to))
			add(p, &r->to, RTNL_KIND_THROW, rank);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		if (prefix_parse(fixed[i], &prefix) == 0)
			add(p, &prefix, RTNL_KIND_THROW, RANK_FIXED);
	}
	for (size_t i = 0; i < ARRAY_SIZE(excluded); i++) {
		for (size_t k = 0; excluded[i] && k < excluded[i]->count; k++)
			add(p, &excluded[i]->prefix[k], RTNL_KIND_THROW,
			    RANK_EXCLUDED);
	}
}

/* Enclosing prefixes come before what they enclose, equal ones by rank. */
static int compare(const void *left, const void *right)
{
	const struct want *a = left, *b = right;
	int r = (int)a->to.addr.family - (int)b->to.addr.family;

	if (r == 0)
		r = memcmp(a->to.addr.bytes, b->to.addr.bytes,
			   sizeof(a->to.addr.bytes));
	if (r == 0)
		r = (int)a->to.len - (int)b->to.len;
	return r ? r : (int)a->rank - (int)b->rank;
}

/* The chain of kept entries that enclose the one being looked at. */
struct chain {
	const struct want *at[129];
	size_t depth;
};

/* A throw is of use only where our table would answer otherwise. */
static bool is_needed(const struct want *e, const struct chain *c)
{
	if (e->kind != RTNL_KIND_THROW)
		return true;
	if (c->depth == 0 || c->at[c->depth - 1]->kind == RTNL_KIND_THROW)
		return false;
	for (size_t i = 0; e->rank == RANK_LOCAL_WEAK && i < c->depth; i++) {
		if (c->at[i]->rank == RANK_LEASE && c->at[i]->to.len > 0)
			return false;
	}
	return true;
}

static int keep_needed(struct plan *p, struct host_state *s)
{
	struct chain c = { .depth = 0 };
	const struct want *last = NULL;

	if (p->count > 0)
		qsort(p->entries, p->count, sizeof(*p->entries), compare);
	s->routes = calloc(p->count ? p->count : 1, sizeof(*s->routes));
	if (!s->routes)
		return -ENOMEM;
	for (size_t i = 0; i < p->count; i++) {
		const struct want *e = &p->entries[i];
		bool again = last && prefix_equal(&last->to, &e->to);

		last = e;
		while (c.depth > 0 &&
		       !prefix_covers(&c.at[c.depth - 1]->to, &e->to))
			c.depth--;
		if (again || !is_needed(e, &c))
			continue;
		c.at[c.depth++] = e;
		s->routes[s->route_count++] = (struct host_route) {
			.to = e->to,
			.kind = e->kind,
		};
	}
	return 0;
}

static void add_rules(const struct plan *p, struct host_state *s)
{
	bool want4 = false, want6 = false;

	for (size_t i = 0; i < s->route_count; i++) {
		if (s->routes[i].to.addr.family == AF_INET)
			want4 = true;
		else
			want6 = true;
	}
	if (want4)
		s->rules[s->rule_count++] = host_rule(AF_INET);
	if (want6 && p->in->ipv6 != PLAN_IPV6_ABSENT)
		s->rules[s->rule_count++] = host_rule(AF_INET6);
}

int plan_client(const struct plan_input *in, struct host_state *ret_state)
{
	const struct lease *l = in->lease;
	struct host_state s = { .ifindex = in->ifindex,
				.mtu = in->mtu,
				.txqlen = HOST_TXQLEN,
				.table = HOST_TABLE };
	struct plan p = { .in = in,
			  .has4 = l->address4.addr.family == AF_INET,
			  .has6 = l->address6.addr.family == AF_INET6 &&
				  in->ipv6 == PLAN_IPV6_ON &&
				  in->mtu >= IPV6_MTU_MIN };
	int r = 0;

	snprintf(s.device, sizeof(s.device), "%s", in->device);
	add_lease_routes(&p);
	add_defaults(&p);
	add_throws(&p);
	if (p.has4)
		r = add_address(&p, &s, &l->address4);
	if (r == 0 && p.has6)
		r = add_address(&p, &s, &l->address6);
	if (r == 0)
		r = p.failed ? -ENOMEM : keep_needed(&p, &s);
	free(p.entries);
	if (r) {
		host_state_fini(&s);
		return r;
	}
	add_rules(&p, &s);
	*ret_state = s;
	return 0;
}
