/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/undo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/host/content.h"
#include "tunnel/host/dns_owner.h"
#include "tunnel/host/nft.h"

/* Our device, if there is one by its name that can be ours. 0; -ENODEV: none;
 * -EPERM: another sort of device; -ESTALE: another one than we made. */
static int find_device(struct netlink *nl, const struct host_config *config,
		       uint32_t ifindex, uint32_t *ret_ifindex)
{
	struct rtnl_link *links;
	size_t count;
	int r = netlink_links(nl, &links, &count);

	if (r)
		return r;
	r = -ENODEV;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(links[i].name, config->device) != 0)
			continue;
		r = strcmp(links[i].kind, "tun") != 0		? -EPERM
		    : ifindex != 0 && links[i].index != ifindex ? -ESTALE
								: 0;
		if (r == 0)
			*ret_ifindex = links[i].index;
	}
	free(links);
	return r;
}

static int undo_link(struct netlink *nl, const struct host_config *config,
		     uint32_t ifindex, const struct entry *e)
{
	uint32_t found;
	int r;

	if (strcmp(e->device, config->device) != 0)
		return -EPERM;
	r = find_device(nl, config, ifindex, &found);
	if (r == 0)
		r = netlink_link_delete(nl, found);
	return r == -ENODEV ? 0 : r;
}

static int undo_address(struct netlink *nl, const struct host_config *config,
			uint32_t ifindex, const struct entry *e)
{
	struct rtnl_addr addr = { .addr = e->prefix };
	int r;

	if (strcmp(e->device, config->device) != 0)
		return -EPERM;
	r = find_device(nl, config, ifindex, &addr.ifindex);
	/* A device that is another's never had the address from us. */
	if (r == -ENODEV || r == -ESTALE || r == -EPERM)
		return 0;
	if (r == 0)
		r = netlink_addr(nl, RTNL_DELETE, &addr);
	return r == -EADDRNOTAVAIL || r == -ENODEV ? 0 : r;
}

/* Whatever kind of route it has become: by table, prefix and protocol. */
static int undo_route(struct netlink *nl, const struct entry *e)
{
	struct rtnl_route route = { .to = e->prefix,
				    .table = e->table,
				    .kind = RTNL_KIND_OTHER,
				    .protocol = HOST_PROTOCOL };
	int r;

	if (e->table != HOST_TABLE)
		return -EPERM;
	r = netlink_route(nl, RTNL_DELETE, &route);
	/* No such route; no such table; no such family. */
	return r == -ESRCH || r == -ENOENT || r == -EAFNOSUPPORT ? 0 : r;
}

static int undo_rule(struct netlink *nl, const struct entry *e)
{
	struct rtnl_rule rule = e->rule;
	int r;

	if (rule.table != HOST_TABLE || rule.priority != HOST_RULE_PRIORITY)
		return -EPERM;
	rule.protocol = HOST_PROTOCOL;
	r = netlink_rule(nl, RTNL_DELETE, &rule);
	return r == -ENOENT || r == -EAFNOSUPPORT ? 0 : r;
}

/* The table is added first, so that deleting it succeeds when it is gone. */
static int undo_nft(const struct host_config *config, const struct entry *e)
{
	char script[256], why[NFT_WHY_MAX];

	if (!config->nft_table || strcmp(e->text, config->nft_table) != 0)
		return -EPERM;
	if (snprintf(script, sizeof(script), "add table %s\ndelete table %s\n",
		     e->text, e->text) >= (int)sizeof(script))
		return -EPERM;
	return nft_run(script, why);
}

static int undo_file(const struct host_config *config, const struct entry *e)
{
	const char *const *path = config->files;

	for (; path && *path; path++) {
		if (strcmp(*path, e->text) == 0)
			return content_restore(e);
	}
	return -EPERM;
}

/* -ENOTSUP: a text that this version does not know. */
static int undo_call(const struct entry *e)
{
	int r = dns_owner_undo(e->text);

	return r == -EINVAL ? -ENOTSUP : r;
}

int undo_entry(struct netlink *nl, const struct host_config *config,
	       uint32_t ifindex, const struct entry *r)
{
	switch (r->kind) {
	case ENTRY_LINK:
		return undo_link(nl, config, ifindex, r);
	case ENTRY_ADDRESS:
		return undo_address(nl, config, ifindex, r);
	case ENTRY_ROUTE:
		return undo_route(nl, r);
	case ENTRY_RULE:
		return undo_rule(nl, r);
	case ENTRY_NFT:
		return undo_nft(config, r);
	case ENTRY_FILE:
		return undo_file(config, r);
	case ENTRY_PROC:
		return content_restore_proc(r);
	case ENTRY_CALL:
		return undo_call(r);
	}
	return -EPERM;
}
