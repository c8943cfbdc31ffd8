/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/single.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* unix(7): abstract names belong to the network namespace. */
static socklen_t name_build(const char *device, struct sockaddr_un *ret_name)
{
	int n;

	*ret_name = (struct sockaddr_un) { .sun_family = AF_UNIX };
	n = snprintf(ret_name->sun_path + 1, sizeof(ret_name->sun_path) - 1,
		     "adit/device/%s", device);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)n);
}

/* Anybody may bind such a name, and must not keep us from starting by it: an
 * owner is one that is known to be of our own user. Its credentials are those
 * of its listen(). */
static bool is_owned(const struct sockaddr_un *name, socklen_t len,
		     pid_t *ret_other)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred who = { 0 };
	socklen_t who_len = sizeof(who);
	bool known;

	if (fd < 0)
		return false;
	known = connect(fd, (const struct sockaddr *)name, len) == 0 &&
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_len) == 0;
	(void)close(fd); /* nothing was written */
	*ret_other = who.pid;
	return known && who.uid == geteuid();
}

int single_open(const char *device, pid_t *ret_other)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un name;
	socklen_t len = name_build(device, &name);
	int error;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&name, len) == 0 &&
	    listen(fd, SOMAXCONN) == 0)
		return fd;
	error = errno;
	(void)close(fd); /* it was never used */
	if (error != EADDRINUSE)
		return -error;
	return is_owned(&name, len, ret_other) ? -EBUSY : -EPERM;
}
