/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/network.h"

#include "tunnel/host/netlink.h"
#include "tunnel/host/nl80211.h"
#include "tunnel/host/way_out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

enum {
	DRAIN_MAX = 1024,
	RECEIVE_MAX = 32768,
	PORTALS_MAX = 4, /* links whose routers told of one */
	UEVENT_MAX = 512,
};

struct network_reader {
	char device[RTNL_NAME_MAX];
	/* What multicast groups say. */
	int route_fd;
	int wifi_fd;
	uint32_t mlme; /* the group that wifi_fd is in; 0: none yet */
	/* For questions. */
	struct netlink route;
	struct netlink generic;
	struct nl80211_family family; /* id 0: this kernel has none */
	/* As read last, without a family where there was none. */
	struct neighbour gateways[2];
	/* Nobody can be asked for them again. */
	struct neighbour_portal portals[PORTALS_MAX];
	size_t next_portal;
};

/* All dumps that make one picture. */
struct dumps {
	struct rtnl_link *links;
	struct rtnl_route *routes;
	struct rtnl_rule *rules;
	struct way_out_input in;
};

/* Unbound, a socket gets no event: its address would be the kernel's. */
static int open_events(int protocol)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			protocol);
	int error;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&me, sizeof(me)) == 0)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

static int join(int fd, int option, uint32_t group)
{
	return setsockopt(fd, SOL_NETLINK, option, &group, sizeof(group)) < 0
		       ? -errno
		       : 0;
}

static int open_route_events(struct network_reader *r)
{
	static const uint32_t groups[] = {
		RTNLGRP_LINK,	    RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
		RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,	 RTNLGRP_IPV4_RULE,
		RTNLGRP_IPV6_RULE,  RTNLGRP_ND_USEROPT,	 RTNLGRP_NEIGH,
	};
	int error = 0;

	r->route_fd = open_events(NETLINK_ROUTE);
	if (r->route_fd < 0)
		return r->route_fd;
	for (size_t i = 0; i < ARRAY_SIZE(groups) && !error; i++)
		error = join(r->route_fd, NETLINK_ADD_MEMBERSHIP, groups[i]);
	return error;
}

static int keep_family(void *arg, const struct nlmsghdr *n)
{
	int r = nl80211_parse_family(n, arg);

	return r == -ENOMSG ? 0 : r;
}

/* The family comes and goes with a kernel module, with other numbers each
 * time; a question of microseconds before each reading finds out. */
static void find_wifi(struct network_reader *r)
{
	_Alignas(struct nlmsghdr) char msg[NL80211_MSG_MAX];
	struct nl80211_family family = { 0 };
	size_t len = nl80211_build_family(msg, r->generic.seq);

	if (netlink_ask(&r->generic, msg, len, keep_family, &family) < 0)
		family = (struct nl80211_family) { 0 };
	if (r->mlme && r->mlme != family.mlme) {
		(void)join(r->wifi_fd, NETLINK_DROP_MEMBERSHIP, r->mlme);
		r->mlme = 0;
	}
	/* Without its events a change is still seen by the link's carrier. */
	if (family.mlme && !r->mlme &&
	    join(r->wifi_fd, NETLINK_ADD_MEMBERSHIP, family.mlme) == 0)
		r->mlme = family.mlme;
	r->family = family;
}

int network_reader_create(const char *device,
			  struct network_reader **ret_reader)
{
	struct network_reader *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return -ENOMEM;
	r->route_fd = r->wifi_fd = r->route.fd = r->generic.fd = -1;
	snprintf(r->device, sizeof(r->device), "%s", device);
	error = open_route_events(r);
	if (error == 0)
		error = netlink_open(&r->route);
	if (error == 0)
		error = netlink_open_generic(&r->generic);
	if (error == 0) {
		r->wifi_fd = open_events(NETLINK_GENERIC);
		error = r->wifi_fd < 0 ? r->wifi_fd : 0;
	}
	if (error) {
		network_reader_destroy(r);
		return error;
	}
	find_wifi(r);
	*ret_reader = r;
	return 0;
}

void network_reader_destroy(struct network_reader *r)
{
	if (!r)
		return;
	netlink_close(&r->route);
	netlink_close(&r->generic);
	if (r->route_fd >= 0)
		close(r->route_fd);
	if (r->wifi_fd >= 0)
		close(r->wifi_fd);
	free(r);
}

size_t network_descriptors(const struct network_reader *r,
			   int ret_fds[static NETWORK_DESCRIPTORS_MAX])
{
	ret_fds[0] = r->route_fd;
	ret_fds[1] = r->wifi_fd;
	return 2;
}

/* --- What the kernel says by itself. --- */

/* Neighbours are heard of all the time. What counts is that a gateway's link
 * address becomes known, or another one. */
static bool is_news(const struct network_reader *r, const struct nlmsghdr *n)
{
	struct neighbour it;

	if (neighbour_parse(n, &it) < 0 || !it.has_link_address)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(r->gateways); i++) {
		const struct neighbour *g = &r->gateways[i];

		if (it.ifindex == g->ifindex &&
		    addr_equal(&it.addr, &g->addr) &&
		    (!g->has_link_address ||
		     memcmp(it.link_address, g->link_address,
			    sizeof(it.link_address)) != 0))
			return true;
	}
	return false;
}

static struct neighbour_portal *portal_of(struct network_reader *r,
					  uint32_t ifindex)
{
	for (size_t i = 0; i < PORTALS_MAX; i++) {
		if (r->portals[i].ifindex == ifindex)
			return &r->portals[i];
	}
	return NULL;
}

static bool keep_portal(struct network_reader *r, const struct nlmsghdr *n)
{
	struct neighbour_portal portal, *kept;

	if (neighbour_parse_portal(n, &portal) < 0)
		return false;
	kept = portal_of(r, portal.ifindex);
	if (kept && strcmp(kept->url, portal.url) == 0)
		return false;
	if (!kept)
		kept = &r->portals[r->next_portal++ % PORTALS_MAX];
	*kept = portal;
	return true;
}

/* Whoever joins another network loses its carrier on the way. */
static void forget_portal(struct network_reader *r, const struct nlmsghdr *n)
{
	struct neighbour_portal *kept;
	struct rtnl_link l;

	if (rtnl_parse_link(n, &l) < 0)
		return;
	kept = portal_of(r, l.index);
	if (kept && (!l.running || n->nlmsg_type == RTM_DELLINK))
		*kept = (struct neighbour_portal) { 0 };
}

static bool take_message(struct network_reader *r, const struct nlmsghdr *n)
{
	switch (n->nlmsg_type) {
	case RTM_NEWNEIGH:
		return is_news(r, n);
	case RTM_DELNEIGH:
		return false;
	case RTM_NEWNDUSEROPT:
		return keep_portal(r, n);
	case RTM_NEWLINK:
	case RTM_DELLINK:
		forget_portal(r, n);
		return true;
	default:
		return true;
	}
}

static bool take_datagram(struct network_reader *r, int fd, const void *buf,
			  ssize_t len)
{
	const struct nlmsghdr *n = buf;
	bool changed = false;
	int left = (int)len;

	for (; mnl_nlmsg_ok(n, left); n = mnl_nlmsg_next(n, &left))
		changed |= fd == r->wifi_fd ? nl80211_is_change(n, r->family.id)
					    : take_message(r, n);
	return changed;
}

/* Bounded: a storm leaves the rest for the next turn of the loop. */
static bool drain(struct network_reader *r, int fd)
{
	_Alignas(struct nlmsghdr) char buf[RECEIVE_MAX];
	bool changed = false;

	for (int i = 0; i < DRAIN_MAX; i++) {
		struct sockaddr_nl from = { 0 };
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(fd, buf, sizeof(buf), MSG_TRUNC,
				     (struct sockaddr *)&from, &from_len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != ENOBUFS)
			break;
		if (n < 0 || (size_t)n > sizeof(buf))
			changed = true;
		else if (from.nl_pid == 0)
			changed |= take_datagram(r, fd, buf, n);
	}
	return changed;
}

bool network_drain(struct network_reader *r)
{
	bool moved = drain(r, r->route_fd);

	return drain(r, r->wifi_fd) || moved;
}

/* --- What it is asked. --- */

static int read_dumps(struct network_reader *r, struct dumps *d)
{
	struct netlink *nl = &r->route;
	int error;

	d->in.device = r->device;
	error = netlink_links(nl, &d->links, &d->in.link_count);
	if (error == 0)
		error = netlink_rules(nl, &d->rules, &d->in.rule_count);
	if (error == 0)
		error = netlink_routes(nl, 0, &d->routes, &d->in.route_count);
	d->in.links = d->links;
	d->in.rules = d->rules;
	d->in.routes = d->routes;
	return error;
}

static void free_dumps(struct dumps *d)
{
	free(d->links);
	free(d->rules);
	free(d->routes);
}

static bool is_wwan(const struct rtnl_link *l)
{
	char path[64], text[UEVENT_MAX];
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/uevent", l->name);
	f = fopen(path, "re");
	if (f) {
		len = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[len] = '\0';
	return strstr(text, "DEVTYPE=wwan\n") != NULL;
}

struct scan {
	uint16_t family;
	bool found;
	struct nl80211_associated bss;
};

/* A device of several links (802.11be) has several, of one network. */
static int keep_bss(void *arg, const struct nlmsghdr *n)
{
	struct scan *s = arg;

	if (!s->found && nl80211_parse_bss(n, s->family, &s->bss) == 0)
		s->found = true;
	return 0;
}

/* Is it Wi-Fi? The kernel refuses to tell of a scan on anything else. */
static bool scan_wifi(struct network_reader *r, const struct rtnl_link *l,
		      struct scan *s)
{
	_Alignas(struct nlmsghdr) char msg[NL80211_MSG_MAX];
	char path[64];
	size_t len;

	*s = (struct scan) { .family = r->family.id };
	if (s->family) {
		len = nl80211_build_scan(msg, r->generic.seq, s->family,
					 l->index);
		if (netlink_ask(&r->generic, msg, len, keep_bss, s) == 0)
			return true;
	}
	snprintf(path, sizeof(path), "/sys/class/net/%s/phy80211", l->name);
	return access(path, F_OK) == 0;
}

static void set_wifi(struct network *n, const struct nl80211_associated *bss)
{
	n->has_bssid = true;
	memcpy(n->bssid, bss->bssid, sizeof(n->bssid));
	n->security = bss->security;
	n->identity.ssid_len = bss->ssid_len;
	memcpy(n->identity.ssid, bss->ssid, bss->ssid_len);
}

/* Several: the ports of a bridge, among them perhaps an access point of our
 * own, which is no way out. */
static enum network_type read_type(struct network_reader *r,
				   const struct dumps *d,
				   const struct rtnl_link *link,
				   struct network *n)
{
	const struct rtnl_link *below[WAY_OUT_BELOW_MAX];
	size_t count = way_out_below(&d->in, link, below);
	enum network_type type = NETWORK_OTHER;
	struct scan scan;

	for (size_t i = 0; i < count; i++) {
		if (is_wwan(below[i]))
			return NETWORK_CELLULAR;
		if (below[i]->type != ARPHRD_ETHER)
			continue;
		if (scan_wifi(r, below[i], &scan) &&
		    (count == 1 || scan.found)) {
			if (scan.found)
				set_wifi(n, &scan.bss);
			return NETWORK_WIFI;
		}
		type = NETWORK_ETHERNET;
	}
	return type;
}

/* A gateway that was never talked to has no link address yet. */
static int read_gateways(struct network_reader *r, struct network *n)
{
	struct network_path *paths[] = { &n->identity.ipv4, &n->identity.ipv6 };
	struct neighbour *list;
	size_t count;
	int error = netlink_neighbours(&r->route, n->ifindex, &list, &count);

	if (error)
		return error;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct neighbour *g = &r->gateways[i];

		*g = (struct neighbour) { .ifindex = n->ifindex,
					  .addr = paths[i]->gateway };
		for (size_t k = 0; g->addr.family && k < count; k++) {
			if (addr_equal(&list[k].addr, &g->addr))
				*g = list[k];
		}
		paths[i]->has_link_address = g->has_link_address;
		memcpy(paths[i]->link_address, g->link_address,
		       sizeof(g->link_address));
	}
	free(list);
	return 0;
}

/* What network_read_metered() found out of the same device still holds. */
static void keep_told(struct network *n, const struct network *before,
		      enum network_type *type)
{
	if (*type == NETWORK_OTHER && before->identity.type == NETWORK_CELLULAR)
		*type = NETWORK_CELLULAR;
	n->metered = before->metered;
	memcpy(n->metered_by, before->metered_by, sizeof(n->metered_by));
}

/* What network_read_portal() found out holds in the same network alone: its
 * address is asked, and is nobody else's business. */
static void read_portal(struct network_reader *r, const struct network *before,
			struct network *n)
{
	const struct neighbour_portal *portal = portal_of(r, n->ifindex);

	if (portal && portal->url[0]) {
		memcpy(n->portal_api, portal->url, sizeof(n->portal_api));
		return;
	}
	if (!before->portal_by_dhcp || n->ifindex != before->ifindex ||
	    !network_identity_same(&before->identity, &n->identity))
		return;
	memcpy(n->portal_api, before->portal_api, sizeof(n->portal_api));
	n->portal_by_dhcp = true;
}

static int fill(struct network_reader *r, const struct dumps *d,
		const struct network *before, struct network *n)
{
	struct way_out way;
	enum network_type type;
	int error;

	memset(r->gateways, 0, sizeof(r->gateways));
	way_out_find(&d->in, &way);
	if (!way.link)
		return 0;
	n->ifindex = way.link->index;
	memcpy(n->device, way.link->name, sizeof(n->device));
	type = read_type(r, d, way.link, n);
	if (n->ifindex == before->ifindex)
		keep_told(n, before, &type);
	/* A modem's device looks like a tunnel's: packets without a header. */
	n->other_vpn = way.tunnel && type != NETWORK_CELLULAR;
	if (n->other_vpn)
		return 0;
	n->identity.type = type;
	n->identity.ipv4 = way.ipv4;
	n->identity.ipv6 = way.ipv6;
	error = read_gateways(r, n);
	read_portal(r, before, n);
	return error;
}

int network_read(struct network_reader *r, struct network *network)
{
	struct dumps d = { 0 };
	struct network n = { .dns = network->dns };
	int error;

	find_wifi(r);
	error = read_dumps(r, &d);
	if (error == 0)
		error = fill(r, &d, network, &n);
	free_dumps(&d);
	if (error)
		return error;
	*network = n;
	return 0;
}
