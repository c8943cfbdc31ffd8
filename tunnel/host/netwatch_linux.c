/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/netwatch.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

enum { DRAIN_MAX = 1024 };

int netwatch_open(void)
{
	static const int groups[] = { RTNLGRP_LINK,	   RTNLGRP_IPV4_IFADDR,
				      RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
				      RTNLGRP_IPV6_ROUTE,  RTNLGRP_IPV4_RULE,
				      RTNLGRP_IPV6_RULE };
	struct sockaddr_nl me = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_ROUTE);
	int error;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&me, sizeof(me)) < 0)
		goto fail;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
			       &groups[i], sizeof(groups[i])) < 0)
			goto fail;
	}
	return fd;
fail:
	error = errno;
	close(fd);
	return -error;
}

bool netwatch_drain(int fd)
{
	bool changed = false;

	/* Bounded: a storm leaves the rest for the next turn of the loop. */
	for (int i = 0; i < DRAIN_MAX; i++) {
		struct sockaddr_nl from = { 0 };
		socklen_t len = sizeof(from);
		char byte;
		ssize_t n = recvfrom(fd, &byte, sizeof(byte), MSG_TRUNC,
				     (struct sockaddr *)&from, &len);

		if (n < 0 && errno == ENOBUFS)
			changed = true;
		else if (n < 0 && errno != EINTR)
			break;
		else if (n > 0 && from.nl_pid == 0)
			changed = true;
	}
	return changed;
}
