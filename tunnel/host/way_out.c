/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/way_out.h"

#include "tunnel/base/attr.h"
#include "tunnel/host/dns_link.h"
#include "tunnel/host/state.h"

#include <string.h>

#include <linux/if_arp.h>

enum {
	DEPTH_MAX = 4, /* of VLANs on bridges on bonds */
	TABLE_LOCAL = 255,
	HALF_DEFAULT4 = 1, /* bits of its prefix */
	HALF_GLOBAL6 = 4,  /* half of 2000::/3 */
};

enum answer {
	ANSWER_NONE, /* the next rule is asked */
	ANSWER_ROUTE,
	ANSWER_REFUSED,
};

/* One look-up: for whom, and out of which device only (0: any). */
struct look_up {
	const struct way_out_input *in;
	struct ip_prefix to;
	uint32_t only;
};

static const struct rtnl_link *link_of(const struct way_out_input *in,
				       uint32_t index)
{
	for (size_t i = 0; i < in->link_count; i++) {
		if (in->links[i].index == index)
			return &in->links[i];
	}
	return NULL;
}

static bool is_ours(const struct way_out_input *in, const struct rtnl_link *l)
{
	return strcmp(l->name, in->device) == 0 ||
	       strcmp(l->name, DNS_LINK_NAME) == 0 ||
	       strcmp(l->name, DNS_LINK_PEER) == 0;
}

/* A link without carrier keeps its routes for a while: the kernel would still
 * send into it, and nothing comes of it. */
static bool leads_out(const struct way_out_input *in,
		      const struct rtnl_route *r, uint32_t only)
{
	const struct rtnl_link *l = link_of(in, r->hop_ifindex);

	return l && l->running && !is_ours(in, l) &&
	       (only == 0 || only == l->index);
}

/* Of two that cover what is asked for, as the kernel: the longer prefix, the
 * lower metric. Routers of one metric have no order that lasts; the lower
 * address does. */
static bool is_better(const struct rtnl_route *r, const struct rtnl_route *best)
{
	if (!best || r->to.len != best->to.len)
		return !best || r->to.len > best->to.len;
	if (r->metric != best->metric)
		return r->metric < best->metric;
	return memcmp(&r->hop_gateway, &best->hop_gateway,
		      sizeof(r->hop_gateway)) < 0;
}

static enum answer ask_table(const struct look_up *l, uint32_t table,
			     int32_t suppress_len,
			     const struct rtnl_route **ret_route)
{
	const struct rtnl_route *best = NULL;

	for (size_t i = 0; i < l->in->route_count; i++) {
		const struct rtnl_route *r = &l->in->routes[i];

		if (r->table != table || !prefix_covers(&r->to, &l->to) ||
		    (r->kind == RTNL_KIND_DEVICE &&
		     !leads_out(l->in, r, l->only)))
			continue;
		if (is_better(r, best))
			best = r;
	}
	if (!best || best->kind == RTNL_KIND_THROW ||
	    best->to.len <= suppress_len)
		return ANSWER_NONE;
	if (best->kind != RTNL_KIND_DEVICE)
		return ANSWER_REFUSED;
	*ret_route = best;
	return ANSWER_ROUTE;
}

/* Does it select the packets of our own sockets to anywhere? A rule for some
 * sources, users or ports says nothing about the machine as a whole. */
static bool selects_us(const struct rtnl_rule *rule)
{
	bool marked = ((rule->mark ^ HOST_MARK) & rule->mask) == 0;

	return !rule->selects && marked != rule->invert;
}

static const struct rtnl_route *ask(const struct look_up *l)
{
	const struct rtnl_route *found = NULL;
	enum answer answer = ANSWER_NONE;
	bool has_rules = false;

	for (size_t i = 0; i < l->in->rule_count; i++) {
		const struct rtnl_rule *rule = &l->in->rules[i];

		if (rule->family != l->to.addr.family)
			continue;
		has_rules = true;
		if (!selects_us(rule))
			continue;
		if (rule->ends)
			return NULL;
		if (rule->looks_up)
			answer = ask_table(l, rule->table, rule->suppress_len,
					   &found);
		if (answer != ANSWER_NONE)
			return found;
	}
	if (!has_rules) /* a kernel without them */
		(void)ask_table(l, RTNL_TABLE_MAIN, -1, &found);
	return found;
}

/* The best default route, whole or in halves. */
static const struct rtnl_route *find_default(const struct way_out_input *in,
					     uint8_t family, uint32_t only)
{
	/* Of all that is routed in the world, in IPv6: 2000::/3. */
	const uint8_t halves[2] = { family == AF_INET ? 0 : 0x20,
				    family == AF_INET ? 0x80 : 0x30 };
	const struct rtnl_route *found[2];
	struct look_up l = { .in = in, .only = only };

	l.to.addr.family = family;
	l.to.len = family == AF_INET ? HALF_DEFAULT4 : HALF_GLOBAL6;
	for (size_t i = 0; i < ARRAY_SIZE(halves); i++) {
		l.to.addr.bytes[0] = halves[i];
		found[i] = ask(&l);
	}
	if (found[0] && found[1] &&
	    found[0]->hop_ifindex == found[1]->hop_ifindex)
		return found[0];
	l.to = (struct ip_prefix) { .addr.family = family };
	return ask(&l);
}

/* A network of the link's own that another link has not as well. */
static bool is_on_link(const struct rtnl_route *r)
{
	static const struct ip_prefix link_local[] = {
		{ { AF_INET, { 169, 254 } }, 16 },
		{ { AF_INET6, { 0xfe, 0x80 } }, 10 },
	};
	uint8_t longest_default =
		r->to.addr.family == AF_INET ? HALF_DEFAULT4 : HALF_GLOBAL6;

	return r->kind == RTNL_KIND_DEVICE && r->table != TABLE_LOCAL &&
	       r->hop_gateway.family == 0 && r->to.len > longest_default &&
	       r->to.len < addr_bits(&r->to.addr) &&
	       !prefix_covers(&link_local[0], &r->to) &&
	       !prefix_covers(&link_local[1], &r->to);
}

static void add_prefix(struct network_path *path, const struct ip_prefix *p)
{
	for (size_t i = 0; i < path->prefix_count; i++) {
		if (prefix_equal(&path->prefixes[i], p))
			return;
	}
	if (path->prefix_count < NETWORK_PREFIXES_MAX)
		path->prefixes[path->prefix_count++] = *p;
}

static struct network_path read_path(const struct way_out_input *in,
				     uint8_t family, uint32_t ifindex)
{
	const struct rtnl_route *best = find_default(in, family, ifindex);
	struct network_path path = { 0 };

	if (best)
		path.gateway = best->hop_gateway;
	for (size_t i = 0; i < in->route_count; i++) {
		const struct rtnl_route *r = &in->routes[i];

		if (r->to.addr.family == family && r->hop_ifindex == ifindex &&
		    is_on_link(r))
			add_prefix(&path, &r->to);
	}
	return path;
}

static bool is_one_of(const char *kind, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(kind, list[i]) == 0)
			return true;
	}
	return false;
}

/* A veth's other end is told as its lower link, too, but carries nothing. */
static bool is_on_another(const struct rtnl_link *l)
{
	static const char *const kinds[] = { "vlan",   "macvlan", "macvtap",
					     "ipvlan", "ipvtap",  "macsec",
					     "rmnet" };

	return l->lower && !l->elsewhere &&
	       is_one_of(l->kind, kinds, ARRAY_SIZE(kinds));
}

struct below {
	const struct way_out_input *in;
	const struct rtnl_link **list;
	size_t count;
};

static void add_below(struct below *b, const struct rtnl_link *l,
		      unsigned int depth)
{
	size_t before = b->count;

	for (size_t i = 0; depth < DEPTH_MAX && i < b->in->link_count; i++) {
		const struct rtnl_link *other = &b->in->links[i];
		bool carries = is_on_another(l) ? other->index == l->lower
						: other->master == l->index;

		if (carries && other->running && !is_ours(b->in, other) &&
		    (!l->active || l->active == other->index))
			add_below(b, other, depth + 1);
	}
	if (b->count == before && b->count < WAY_OUT_BELOW_MAX)
		b->list[b->count++] = l;
}

size_t way_out_below(
	const struct way_out_input *in, const struct rtnl_link *link,
	const struct rtnl_link *ret_below[static WAY_OUT_BELOW_MAX])
{
	struct below b = { .in = in, .list = ret_below };

	add_below(&b, link, 0);
	return b.count;
}

static bool is_ppp(const struct rtnl_link *l)
{
	return l->type == ARPHRD_PPP;
}

static bool is_tunnel_device(const struct rtnl_link *l)
{
	static const char *const kinds[] = {
		"tun", "wireguard", "ovpn",   "ipip",	   "sit",  "ip6tnl",
		"gre", "gretap",    "ip6gre", "ip6gretap", "vti",  "vti6",
		"gtp", "geneve",    "vxlan",  "erspan",	   "xfrm",
	};
	static const uint16_t types[] = { ARPHRD_NONE,	ARPHRD_TUNNEL,
					  ARPHRD_SIT,	ARPHRD_TUNNEL6,
					  ARPHRD_IPGRE, ARPHRD_IP6GRE };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (l->type == types[i])
			return true;
	}
	return is_one_of(l->kind, kinds, ARRAY_SIZE(kinds));
}

/* PPP is both: a VPN has a gateway of other hardware beneath it, a DSL line or
 * a modem is the hardware. */
static bool has_gateway_beneath(const struct way_out_input *in)
{
	for (size_t i = 0; i < in->route_count; i++) {
		const struct rtnl_route *r = &in->routes[i];
		const struct rtnl_link *l = link_of(in, r->hop_ifindex);

		if (r->hop_gateway.family && leads_out(in, r, 0) &&
		    !is_ppp(l) && !is_tunnel_device(l))
			return true;
	}
	return false;
}

static bool is_tunnel(const struct way_out_input *in,
		      const struct rtnl_link *link)
{
	const struct rtnl_link *below[WAY_OUT_BELOW_MAX];
	size_t count = way_out_below(in, link, below);

	for (size_t i = 0; i < count; i++) {
		if (!is_tunnel_device(below[i]) &&
		    !(is_ppp(below[i]) && has_gateway_beneath(in)))
			return false;
	}
	return true;
}

void way_out_find(const struct way_out_input *in, struct way_out *ret_way)
{
	const struct rtnl_route *best = find_default(in, AF_INET, 0);
	struct way_out way = { 0 };

	if (!best)
		best = find_default(in, AF_INET6, 0);
	if (best) {
		way.link = link_of(in, best->hop_ifindex);
		way.tunnel = is_tunnel(in, way.link);
		way.ipv4 = read_path(in, AF_INET, way.link->index);
		way.ipv6 = read_path(in, AF_INET6, way.link->index);
	}
	*ret_way = way;
}
