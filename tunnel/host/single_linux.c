/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/single.h"

#include <errno.h>
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

/* Whoever listens; its credentials are those of its listen(). */
static pid_t owner_of(const struct sockaddr_un *name, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred who = { 0 };
	socklen_t who_len = sizeof(who);

	if (fd < 0)
		return 0;
	if (connect(fd, (const struct sockaddr *)name, len) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_len) != 0)
		who.pid = 0;
	(void)close(fd); /* nothing was written */
	return who.pid;
}

int single_open(const char *device, pid_t *ret_other)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un name;
	socklen_t len = name_build(device, &name);
	int error;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&name, len) == 0 && listen(fd, 1) == 0)
		return fd;
	error = errno;
	(void)close(fd); /* it was never used */
	if (error != EADDRINUSE)
		return -error;
	*ret_other = owner_of(&name, len);
	return -EBUSY;
}
