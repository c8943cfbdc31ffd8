/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages that pass for the kernel's, one after another as in a dump. */
#include <assert.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/host/neighbour.h"
#include "tunnel/host/rtnl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of its own size, so that a sanitizer sees the first byte behind it. */
static void parse(const uint8_t *data, size_t len)
{
	struct nlmsghdr *n = malloc(len);
	struct neighbour_portal portal;
	struct neighbour neighbour;
	struct rtnl_route route;
	struct rtnl_link link;
	struct rtnl_addr addr;
	struct rtnl_rule rule;
	char why[40];

	memcpy(n, data, len);
	n->nlmsg_len = (uint32_t)len;
	(void)rtnl_parse_link(n, &link);
	(void)rtnl_parse_addr(n, &addr);
	(void)rtnl_parse_route(n, &route);
	(void)rtnl_parse_rule(n, &rule);
	(void)neighbour_parse(n, &neighbour);
	if (neighbour_parse_portal(n, &portal) == 0)
		assert(strnlen(portal.url, sizeof(portal.url)) <
		       sizeof(portal.url));
	(void)rtnl_parse_ack(n, why, sizeof(why));
	free(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	while (size >= sizeof(struct nlmsghdr)) {
		uint32_t len;

		memcpy(&len, data, sizeof(len));
		if (len < sizeof(struct nlmsghdr) || len > size)
			len = (uint32_t)size;
		parse(data, len);
		data += len;
		size -= len;
	}
	return 0;
}
