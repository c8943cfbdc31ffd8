/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the plan wants to know of the host and the routing tables do not say. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tunnel/host/apply.h"

/* The number in /proc/sys/net/FAMILY/conf/DEVICE/KEY, or -1. */
static int read_conf(const char *family, const char *device, const char *key)
{
	char path[128], text[16] = { 0 };
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family,
		 device, key);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? atoi(text) : -1;
}

enum plan_ipv6 host_ipv6(const char *device)
{
	int off = read_conf("ipv6", device, "disable_ipv6");

	/* Not there yet: it will be made with the default's value. */
	if (off < 0)
		off = read_conf("ipv6", "default", "disable_ipv6");
	if (off < 0)
		return PLAN_IPV6_ABSENT;
	return off ? PLAN_IPV6_OFF_HERE : PLAN_IPV6_ON;
}

bool host_rp_filter_strict(const char *uplink)
{
	int all = read_conf("ipv4", "all", "rp_filter");
	int one = read_conf("ipv4", uplink, "rp_filter");

	/* The kernel takes the larger one. */
	return (all > one ? all : one) == 1;
}
