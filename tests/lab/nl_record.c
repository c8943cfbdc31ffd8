/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nl_record WHAT FILE [DEVICE]: netlink messages of this kernel as they are
 * read, one after the other, for the tests of the codecs.
 *
 *   family      what the kernel tells of nl80211, with its groups
 *   scan        the dump of the networks that DEVICE knows
 *   interface   DEVICE as nl80211 sees it
 *   link addr route neigh rule    rtnetlink's dumps
 *   mlme        what the group of that name is told, until killed
 *   rtnl        the same of links, addresses, routes and neighbours
 */
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/nl80211.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SEQ = 1 };

struct record {
	struct mnl_socket *sock;
	int out;
	uint16_t family;
	uint32_t mlme;
	char buf[65536];
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "nl_record: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void record_open(struct record *r, int bus)
{
	r->sock = mnl_socket_open(bus);
	if (!r->sock || mnl_socket_bind(r->sock, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink");
}

static size_t record_read(struct record *r)
{
	ssize_t n = mnl_socket_recvfrom(r->sock, r->buf, sizeof(r->buf));

	if (n < 0)
		die("receive");
	return (size_t)n;
}

static void record_write(const struct record *r, size_t len)
{
	if (write(r->out, r->buf, len) != (ssize_t)len)
		die("write");
}

/* Everything up to the end of the dump, or the one answer, is recorded. */
static void record_ask(struct record *r, struct nlmsghdr *nlh, int out)
{
	int more = MNL_CB_OK;

	nlh->nlmsg_seq = SEQ;
	nlh->nlmsg_flags |= NLM_F_REQUEST;
	if (mnl_socket_sendto(r->sock, nlh, nlh->nlmsg_len) < 0)
		die("send");
	while (more > MNL_CB_STOP) {
		size_t n = record_read(r);
		const struct nlmsghdr *first = (void *)r->buf;
		bool multi = first->nlmsg_flags & NLM_F_MULTI;

		if (out >= 0)
			record_write(r, n);
		more = mnl_cb_run(r->buf, n, SEQ,
				  mnl_socket_get_portid(r->sock), NULL, NULL);
		if (more < 0)
			die("answer");
		if (!multi)
			return;
	}
}

static struct nlmsghdr *genl_request(char *buf, uint16_t family, uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = family;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = 1;
	return nlh;
}

static void find_mlme(struct record *r, const struct nlattr *groups)
{
	const struct nlattr *group, *attr;

	mnl_attr_for_each_nested(group, groups)
	{
		const char *name = "";
		uint32_t id = 0;

		mnl_attr_for_each_nested(attr, group)
		{
			if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_NAME)
				name = mnl_attr_get_str(attr);
			if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_ID)
				id = mnl_attr_get_u32(attr);
		}
		if (!strcmp(name, "mlme"))
			r->mlme = id;
	}
}

static void find_family(struct record *r, int out)
{
	char request[256];
	struct nlmsghdr *nlh =
		genl_request(request, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	const struct nlattr *attr;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "nl80211");
	record_ask(r, nlh, out);
	mnl_attr_for_each(attr, (struct nlmsghdr *)r->buf,
			  sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			r->family = mnl_attr_get_u16(attr);
		if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GROUPS)
			find_mlme(r, attr);
	}
}

static void record_nl80211(struct record *r, uint8_t cmd, uint16_t flags,
			   const char *device)
{
	char request[256];
	struct nlmsghdr *nlh;

	find_family(r, -1);
	nlh = genl_request(request, r->family, cmd);
	nlh->nlmsg_flags = flags;
	mnl_attr_put_u32(nlh, NL80211_ATTR_IFINDEX, if_nametoindex(device));
	record_ask(r, nlh, r->out);
}

static void record_dump(struct record *r, uint16_t type)
{
	char request[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct rtmsg));
	record_ask(r, nlh, r->out);
}

static _Noreturn void record_events(struct record *r)
{
	for (;;)
		record_write(r, record_read(r));
}

static void join(struct record *r, int group)
{
	if (mnl_socket_setsockopt(r->sock, NETLINK_ADD_MEMBERSHIP, &group,
				  sizeof(group)) < 0)
		die("group");
}

static const struct {
	const char *what;
	uint16_t type;
} dumps[] = {
	{ "link", RTM_GETLINK },   { "addr", RTM_GETADDR },
	{ "route", RTM_GETROUTE }, { "neigh", RTM_GETNEIGH },
	{ "rule", RTM_GETRULE },
};

static const int rtnl_groups[] = {
	RTNLGRP_LINK,	     RTNLGRP_NEIGH,	 RTNLGRP_IPV4_IFADDR,
	RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
};

static int record_rtnl(struct record *r, const char *what)
{
	record_open(r, NETLINK_ROUTE);
	for (size_t i = 0; i < sizeof(dumps) / sizeof(*dumps); i++) {
		if (!strcmp(what, dumps[i].what)) {
			record_dump(r, dumps[i].type);
			return 0;
		}
	}
	if (strcmp(what, "rtnl"))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(rtnl_groups) / sizeof(*rtnl_groups); i++)
		join(r, rtnl_groups[i]);
	record_events(r);
}

static int record_wifi(struct record *r, const char *what, const char *device)
{
	record_open(r, NETLINK_GENERIC);
	if (!strcmp(what, "family")) {
		find_family(r, r->out);
	} else if (!strcmp(what, "scan")) {
		record_nl80211(r, NL80211_CMD_GET_SCAN, NLM_F_DUMP, device);
	} else if (!strcmp(what, "interface")) {
		record_nl80211(r, NL80211_CMD_GET_INTERFACE, 0, device);
	} else if (!strcmp(what, "mlme")) {
		find_family(r, -1);
		join(r, (int)r->mlme);
		record_events(r);
	} else {
		return -EINVAL;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct record r;
	const char *device = argc > 3 ? argv[3] : "wlan0";

	if (argc < 3) {
		fprintf(stderr, "usage: nl_record WHAT FILE [DEVICE]\n");
		return 2;
	}
	r.out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
	if (r.out < 0)
		die(argv[2]);
	if (record_wifi(&r, argv[1], device) && record_rtnl(&r, argv[1])) {
		fprintf(stderr, "nl_record: what is \"%s\"?\n", argv[1]);
		return 2;
	}
	return 0;
}
