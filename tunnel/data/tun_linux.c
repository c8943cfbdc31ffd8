/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/data/tun.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tunnel/data/gso.h"

/* Newer than the oldest kernel headers that we build with. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* Asks for as much as the kernel has. It is the device's, for all queues. */
static int set_offload(struct tun *t)
{
	unsigned int tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	unsigned int udp = TUN_F_USO4 | TUN_F_USO6;

	t->tso = true;
	t->uso = true;
	if (ioctl(t->queue[0], TUNSETOFFLOAD, tcp | udp) == 0)
		return 0;
	t->uso = false;
	if (ioctl(t->queue[0], TUNSETOFFLOAD, tcp) == 0)
		return 0;
	t->tso = false;
	return ioctl(t->queue[0], TUNSETOFFLOAD, TUN_F_CSUM) == 0 ? 0 : -errno;
}

/* A queue of the device `name`, made if there is none. *ret_name is its name
 * if the kernel chose it. */
static int open_queue(const char *name, bool several,
		      char ret_name[static IF_NAMESIZE])
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq r = { 0 };
	int header = GSO_VNET_LEN, error;

	if (fd < 0)
		return -errno;
	r.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
	if (several)
		r.ifr_flags |= IFF_MULTI_QUEUE;
	memcpy(r.ifr_name, name, strlen(name));
	if (ioctl(fd, TUNSETIFF, &r) < 0 ||
	    ioctl(fd, TUNSETVNETHDRSZ, &header) < 0) {
		error = errno;
		(void)close(fd); /* the first error is the one to report */
		return -error;
	}
	memcpy(ret_name, r.ifr_name, IF_NAMESIZE);
	return fd;
}

int tun_open(const char *name, bool several, struct tun *ret_tun)
{
	struct tun t = { .queues = 1 };
	int error;

	if (strlen(name) >= sizeof(t.name))
		return -EINVAL;
	t.queue[0] = open_queue(name, several, t.name);
	if (t.queue[0] < 0)
		return t.queue[0];
	t.ifindex = if_nametoindex(t.name);
	if (t.ifindex == 0 || set_offload(&t) < 0) {
		error = errno;
		tun_close(&t);
		return -error;
	}
	*ret_tun = t;
	return 0;
}

int tun_add_queue(struct tun *t)
{
	char same[IF_NAMESIZE];
	int fd;

	if (t->queues == LANES_MAX)
		return -E2BIG;
	fd = open_queue(t->name, true, same);
	if (fd < 0)
		return fd;
	t->queue[t->queues++] = fd;
	return 0;
}

void tun_drop_queue(struct tun *t)
{
	assert(t->queues > 1);
	(void)close(t->queue[--t->queues]); /* it is gone either way */
}

/* In the form of /proc/net/dev: "name: 8 numbers received, 8 sent". */
uint64_t tun_dropped(const struct tun *t)
{
	char line[512], name[IF_NAMESIZE + 1];
	unsigned long long dropped = 0, n;
	FILE *f = fopen("/proc/thread-self/net/dev", "re");

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line,
			   " %16[^:]: %*u %*u %*u %*u %*u %*u %*u %*u "
			   "%*u %*u %*u %llu",
			   name, &n) == 2 &&
		    strcmp(name, t->name) == 0)
			dropped = n;
	(void)fclose(f); /* was only read */
	return dropped;
}

void tun_close(struct tun *t)
{
	while (t->queues > 0)
		(void)close(t->queue[--t->queues]); /* the same */
}

const char *tun_error_text(int error)
{
	switch (error) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		return "this kernel has no TUN devices (no /dev/net/tun; try "
		       "\"modprobe tun\")";
	case -EPERM:
	case -EACCES:
		return "not permitted to make a TUN device (this needs root or "
		       "CAP_NET_ADMIN)";
	case -EBUSY:
		return "the device's name is in use by another program";
	case -EINVAL:
		return "the name is too long, or belongs to a device of "
		       "another kind";
	default:
		return strerror(-error);
	}
}
