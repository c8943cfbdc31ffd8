/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/way_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int way_socket_open(int family, int type, uint32_t mark, const char *device)
{
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return -errno;
	if (mark != 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0)
		goto fail;
	if (device != NULL && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE,
					 device, (socklen_t)strlen(device)) < 0)
		goto fail;
	return fd;
fail:
	r = -errno;
	close(fd);
	return r;
}
