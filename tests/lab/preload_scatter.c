/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (Preloaded.) Takes a program's flows off their lanes: what it writes into a
 * queue of its TUN device goes into the next one, so that the kernel moves each
 * flow on with every packet. With it the order of packets in a flow is lost,
 * which shows that a test of that order can fail.
 */
#include <dlfcn.h>
#include <linux/if_tun.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	QUEUES_MAX = 64,
};

static int queue[QUEUES_MAX];
static unsigned int queues;

int ioctl(int fd, unsigned long request, ...)
{
	static int (*real)(int, unsigned long, ...);
	va_list args;
	void *arg;
	int r;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (real == NULL)
		real = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT,
							       "ioctl");
	r = real(fd, request, arg);
	if (r == 0 && request == TUNSETIFF && queues < QUEUES_MAX)
		queue[queues++] = fd;
	return r;
}

int close(int fd)
{
	static int (*real)(int);

	if (real == NULL)
		real = (int (*)(int))dlsym(RTLD_NEXT, "close");
	for (unsigned int i = 0; i < queues; i++)
		if (queue[i] == fd)
			queue[i--] = queue[--queues];
	return real(fd);
}

ssize_t write(int fd, const void *buf, size_t len)
{
	static ssize_t (*real)(int, const void *, size_t);

	if (real == NULL)
		real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT,
								    "write");
	for (unsigned int i = 0; i < queues; i++)
		if (fd == queue[i])
			return real(queue[(i + 1) % queues], buf, len);
	return real(fd, buf, len);
}
