/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/neighbour.h"

#include "tunnel/base/bytes.h"
#include "tunnel/host/nlattrs.h"
#include "tunnel/host/rtnl.h"

#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

enum {
	ND_ROUTER_ADVERTISEMENT = 134, /* RFC 4861, 4.2 */
	ND_OPTION_PORTAL = 37,	       /* RFC 8910, 2.3 */
	ND_OPTION_UNIT = 8,	       /* of an option's length */
};

size_t neighbour_build_dump(void *buf, uint32_t seq, uint32_t ifindex)
{
	struct nlmsghdr *n;

	memset(buf, 0, RTNL_MSG_MAX);
	n = mnl_nlmsg_put_header(buf);
	n->nlmsg_type = RTM_GETNEIGH;
	n->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	n->nlmsg_seq = seq;
	mnl_nlmsg_put_extra_header(n, sizeof(struct ndmsg));
	mnl_attr_put_u32(n, NDA_IFINDEX, ifindex);
	return n->nlmsg_len;
}

int neighbour_parse(const struct nlmsghdr *n, struct neighbour *ret_neighbour)
{
	struct neighbour it = { 0 };
	const struct nlattr *link;
	const struct ndmsg *ndm;
	struct nlattrs a;

	if (n->nlmsg_type != RTM_NEWNEIGH && n->nlmsg_type != RTM_DELNEIGH)
		return -ENOMSG;
	ndm = nlattrs_read_message(n, sizeof(*ndm), &a);
	if (!ndm)
		return -EBADMSG;
	if ((ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6) ||
	    !a.at[NDA_DST])
		return -ENOMSG;
	it.ifindex = (uint32_t)ndm->ndm_ifindex;
	it.addr.family = ndm->ndm_family;
	if (mnl_attr_get_payload_len(a.at[NDA_DST]) != addr_size(&it.addr))
		return -EBADMSG;
	memcpy(it.addr.bytes, mnl_attr_get_payload(a.at[NDA_DST]),
	       addr_size(&it.addr));
	link = a.at[NDA_LLADDR];
	/* A failed or unfinished entry may still carry zeros. */
	if (n->nlmsg_type == RTM_NEWNEIGH && link &&
	    !(ndm->ndm_state & (NUD_INCOMPLETE | NUD_FAILED | NUD_NOARP)) &&
	    mnl_attr_get_payload_len(link) == sizeof(it.link_address)) {
		it.has_link_address = true;
		memcpy(it.link_address, mnl_attr_get_payload(link),
		       sizeof(it.link_address));
	}
	*ret_neighbour = it;
	return 0;
}

int neighbour_parse_portal(const struct nlmsghdr *n,
			   struct neighbour_portal *ret_portal)
{
	const struct nduseroptmsg *head = mnl_nlmsg_get_payload(n);
	struct neighbour_portal portal = { 0 };
	bool found = false;
	struct bytes b;

	if (n->nlmsg_type != RTM_NEWNDUSEROPT)
		return -ENOMSG;
	if (n->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(*head) ||
	    n->nlmsg_len - MNL_NLMSG_HDRLEN - sizeof(*head) <
		    head->nduseropt_opts_len)
		return -EBADMSG;
	if (head->nduseropt_family != AF_INET6 ||
	    head->nduseropt_icmp_type != ND_ROUTER_ADVERTISEMENT)
		return -ENOMSG;
	b = bytes_read(head + 1, head->nduseropt_opts_len);
	while (bytes_left(&b) > 0) {
		uint8_t type = bytes_get8(&b);
		size_t len = (size_t)bytes_get8(&b) * ND_OPTION_UNIT;
		const uint8_t *value;

		if (len == 0)
			return -EBADMSG;
		value = bytes_take(&b, len - 2);
		if (!value)
			return -EBADMSG;
		if (type != ND_OPTION_PORTAL)
			continue;
		portal_url_take(value, len - 2, portal.url);
		found = true;
	}
	portal.ifindex = (uint32_t)head->nduseropt_ifindex;
	if (!found)
		return -ENOMSG;
	*ret_portal = portal;
	return 0;
}
