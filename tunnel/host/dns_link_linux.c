/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/dns_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "tunnel/host/netlink.h"

static bool is_ours(const struct rtnl_link *l)
{
	return strcmp(l->kind, "veth") == 0 || strcmp(l->kind, "bridge") == 0;
}

/* -ENODEV: none of that name. -EEXIST: another sort of device. */
static int find(struct netlink *nl, const char *name, uint32_t *ret_ifindex)
{
	struct rtnl_link *links;
	size_t count;
	int r = netlink_links(nl, &links, &count);

	if (r)
		return r;
	r = -ENODEV;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(links[i].name, name) != 0)
			continue;
		r = is_ours(&links[i]) ? 0 : -EEXIST;
		if (r == 0)
			*ret_ifindex = links[i].index;
	}
	free(links);
	return r;
}

/* The address first: when the link comes up without one NetworkManager gives it
 * a connection of its own and asks there for DHCP. No fe80:: address: then the
 * kernel says nothing on it. */
static int raise_end(struct netlink *nl, uint32_t ifindex, const char *address,
		     uint8_t scope)
{
	struct rtnl_link_set quiet = { .index = ifindex,
				       .no_link_local = true };
	struct rtnl_link_set up = { .index = ifindex, .up = true };
	struct rtnl_addr addr = { .ifindex = ifindex, .scope = scope };
	int r;

	(void)netlink_link(nl, &quiet); /* refused where there is no IPv6 */
	(void)prefix_parse(address, &addr.addr);
	r = netlink_addr(nl, RTNL_ADD, &addr);
	return r && r != -EEXIST ? r : netlink_link(nl, &up);
}

int dns_link_make(uint32_t *ret_ifindex)
{
	struct netlink nl;
	int r = netlink_open(&nl);

	if (r)
		return r;
	r = find(&nl, DNS_LINK_NAME, ret_ifindex);
	if (r == -ENODEV) {
		r = netlink_veth(&nl, DNS_LINK_NAME, DNS_LINK_PEER);
		if (r == 0)
			r = find(&nl, DNS_LINK_NAME, ret_ifindex);
	}
	netlink_close(&nl);
	return r;
}

/* The other end's address is of the scope "host": no link of any use to
 * systemd-resolved, which would ask for single labels there. */
int dns_link_raise(void)
{
	uint32_t ours, peer;
	struct netlink nl;
	int r = netlink_open(&nl);

	if (r)
		return r;
	r = find(&nl, DNS_LINK_PEER, &peer);
	if (r == 0)
		r = raise_end(&nl, peer, DNS_LINK_PEER_ADDRESS, RT_SCOPE_HOST);
	if (r == 0)
		r = find(&nl, DNS_LINK_NAME, &ours);
	if (r == 0)
		r = raise_end(&nl, ours, DNS_LINK_ADDRESS, RT_SCOPE_UNIVERSE);
	netlink_close(&nl);
	return r;
}

int dns_link_find(uint32_t *ret_ifindex)
{
	struct netlink nl;
	int r = netlink_open(&nl);

	if (r)
		return r;
	r = find(&nl, DNS_LINK_NAME, ret_ifindex);
	netlink_close(&nl);
	return r == -EEXIST ? -ENODEV : r;
}

int dns_link_remove(void)
{
	struct netlink nl;
	uint32_t ifindex;
	int r = netlink_open(&nl);

	if (r)
		return r;
	r = find(&nl, DNS_LINK_NAME, &ifindex);
	if (r == 0)
		r = netlink_link_delete(&nl, ifindex);
	netlink_close(&nl);
	return r == -ENODEV || r == -EEXIST ? 0 : r;
}
