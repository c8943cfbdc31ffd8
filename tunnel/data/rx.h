/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the peers to the TUN device: receive, open, check, join, write. What is
 * no data record goes into a ring for the control thread. Belongs to a
 * worker's thread; embedded in the worker, of whose memory it expects zeros.
 */
#ifndef ADIT_DATA_RX_H
#define ADIT_DATA_RX_H

#include "crypto/record.h"
#include "tunnel/base/ring.h"
#include "tunnel/data/counters.h"
#include "tunnel/data/gso.h"
#include "tunnel/data/peer_table.h"
#include "tunnel/data/udp.h"

enum {
	RX_MESSAGES = 8, /* in one receive; each up to 64 datagrams */
	RX_RECEIVES = 4, /* in one pump */

	RX_STRAY_MAX = 2048, /* longer ones are dropped */
	RX_STRAYS = 32,	     /* slots of the ring, a power of two */
};

/* A datagram that is no data record. */
struct rx_stray {
	struct sockaddr_storage from;
	socklen_t from_len;
	struct ip_addr local; /* of ours; family 0: not told */
	size_t len;
	uint8_t bytes[RX_STRAY_MAX];
};

struct rx {
	/* set at creation */
	unsigned int lane;
	unsigned int lanes;	   /* of this end: workers */
	int tun;		   /* borrowed */
	int inbox[LANES_MAX];	   /* borrowed: of each other worker */
	struct peer_table *table;  /* borrowed */
	struct counters *counters; /* borrowed */

	/* worker and control thread */
	struct ring ring;
	struct rx_stray stray[RX_STRAYS];

	/* worker */
	uint64_t now_ns;  /* of this pump */
	bool strayed;	  /* this pump put something into the ring */
	int tun_error;	  /* the device is gone */
	size_t datagrams; /* of this receive */
	/* What is being joined, and an empty one to change places with. */
	struct gso_join *join, *spare;
	struct gso_join joins[2];
	struct mmsghdr message[RX_MESSAGES];
	struct iovec iov[RX_MESSAGES];
	struct sockaddr_storage from[RX_MESSAGES];
	_Alignas(8) uint8_t control[RX_MESSAGES][UDP_CMSG_MAX];
	uint8_t buffer[RX_MESSAGES][UDP_RECEIVE_MAX];
};

/* After the fields set at creation. `uso`: the device takes joined UDP. */
void rx_init(struct rx *r, bool uso);
/* Receives what is there in the socket, up to a bound. 0: it is empty, 1: that
 * may be not all; or -errno: ENODEV when the TUN device is gone, EBADF when the
 * socket is. */
int rx_pump(struct rx *r, int udp, uint64_t now_ns);
/* Does what is to be done with one message: one datagram, or several of one
 * size glued by the kernel. Part of the above; tests call it. */
void rx_message(struct rx *r, struct mmsghdr *message);

#endif
