/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/data/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tunnel/data/gso.h"

/* Newer than the oldest kernel headers that we build with. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* Asks for as much as the kernel has. */
static int set_offload(struct tun *t)
{
	unsigned int tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	unsigned int udp = TUN_F_USO4 | TUN_F_USO6;

	t->tso = true;
	t->uso = true;
	if (ioctl(t->fd, TUNSETOFFLOAD, tcp | udp) == 0)
		return 0;
	t->uso = false;
	if (ioctl(t->fd, TUNSETOFFLOAD, tcp) == 0)
		return 0;
	t->tso = false;
	return ioctl(t->fd, TUNSETOFFLOAD, TUN_F_CSUM) == 0 ? 0 : -errno;
}

int tun_open(const char *name, struct tun *ret_tun)
{
	struct tun t = { .fd = -1 };
	struct ifreq r = { 0 };
	int header = GSO_VNET_LEN, error;

	if (strlen(name) >= sizeof(r.ifr_name))
		return -EINVAL;
	t.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t.fd < 0)
		return -errno;
	r.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
	memcpy(r.ifr_name, name, strlen(name));
	if (ioctl(t.fd, TUNSETIFF, &r) < 0 ||
	    ioctl(t.fd, TUNSETVNETHDRSZ, &header) < 0)
		goto fail;
	memcpy(t.name, r.ifr_name, sizeof(t.name));
	t.ifindex = if_nametoindex(t.name);
	if (t.ifindex == 0 || set_offload(&t) < 0)
		goto fail;
	*ret_tun = t;
	return 0;
fail:
	error = errno;
	(void)close(t.fd); /* the first error is the one to report */
	return -error;
}

void tun_close(struct tun *t)
{
	if (t->fd >= 0)
		(void)close(t->fd); /* the device goes with it either way */
	t->fd = -1;
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
