/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TUN device: packets of the inner network, each behind a virtio network
 * header, so that the kernel hands over and takes super-packets whose
 * checksums are not computed. It has a queue for each lane; the kernel gives a
 * flow to the queue into which the flow's other direction was last written in
 * the last three seconds, and else to the one that its hash says. The device
 * lives as long as one of its descriptors. Addresses, MTU, queue length and
 * up/down are tunnel/host's. Control thread.
 */
#ifndef ADIT_DATA_TUN_H
#define ADIT_DATA_TUN_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "tunnel/base/attr.h"
#include "tunnel/data/lane.h"

struct tun {
	int queue[LANES_MAX]; /* nonblocking, closed on exec */
	unsigned int queues;  /* 0: it is closed */
	unsigned int ifindex;
	char name[IF_NAMESIZE];
	/* What the device hands over uncut: always checksums, and TCP of both
	 * families if `tso`, UDP if `uso`. */
	bool tso;
	bool uso;
};

/* name: "adit0", or a pattern like "adit%d" of which the kernel takes the
 * first that is free. `several`: it may have more queues than the first. 0 or
 * -errno: ENOENT there is no /dev/net/tun, EPERM, EBUSY the name is in use,
 * EINVAL the name belongs to another kind of device or is too long. */
int tun_open(const char *name, bool several,
	     struct tun *ret_tun) ATTR_MUST_CHECK;
/* One more behind the last, up to LANES_MAX. 0 or -errno as above. */
int tun_add_queue(struct tun *t) ATTR_MUST_CHECK;
/* The last one goes, and is not the first. */
void tun_drop_queue(struct tun *t);
/* How many packets the kernel has dropped since then, for no queue of the
 * device had room. 0 if that cannot be known. */
uint64_t tun_dropped(const struct tun *t);
/* Takes an object that is closed already, or zeroed. */
void tun_close(struct tun *t);
/* What an error of tun_open means to a person, without final dot. */
const char *tun_error_text(int error);

#endif
