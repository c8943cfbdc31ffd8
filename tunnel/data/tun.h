/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TUN device: packets of the inner network, each behind a virtio network
 * header, so that the kernel hands over and takes super-packets whose
 * checksums are not computed. The device lives as long as the descriptor.
 * Addresses, MTU, queue length and up/down are tunnel/host's. Control thread.
 */
#ifndef ADIT_DATA_TUN_H
#define ADIT_DATA_TUN_H

#include <net/if.h>
#include <stdbool.h>

#include "tunnel/base/attr.h"

struct tun {
	int fd; /* nonblocking, closed on exec */
	unsigned int ifindex;
	char name[IF_NAMESIZE];
	/* What the device hands over uncut: always checksums, and TCP of both
	 * families if `tso`, UDP if `uso`. */
	bool tso;
	bool uso;
};

/* name: "adit0", or a pattern like "adit%d" of which the kernel takes the
 * first that is free. 0 or -errno: ENOENT there is no /dev/net/tun, EPERM,
 * EBUSY the name is in use, EINVAL the name belongs to another kind of
 * device or is too long. */
int tun_open(const char *name, struct tun *ret_tun) ATTR_MUST_CHECK;
/* Takes an object that is closed already (fd < 0). */
void tun_close(struct tun *t);
/* What an error of tun_open means to a person, without final dot. */
const char *tun_error_text(int error);

#endif
