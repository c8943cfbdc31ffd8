/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the TUN device to the peers: read, cut, seal, send. Records for one
 * peer and of one size are laid out back to back, whatever super-packets they
 * came from, and leave with one call. Belongs to a worker's thread; embedded
 * in the worker, of whose memory it expects zeros.
 */
#ifndef ADIT_DATA_TX_H
#define ADIT_DATA_TX_H

#include "crypto/record.h"
#include "tunnel/data/counters.h"
#include "tunnel/data/gso.h"
#include "tunnel/data/peer_table.h"
#include "tunnel/data/udp.h"

enum {
	/* In one pump: as many small packets as one send takes, and as many
	 * super-packets as what was received can wait for. */
	TX_READS = UDP_SEGMENTS_MAX,
	TX_BYTES = 2 << 20,
};

/* A packet that is not sealed before it is known what follows: its record says
 * whether it is the last of its run. */
struct tx_held {
	struct peer *peer;
	const uint8_t *packet; /* NULL: nothing is held */
	size_t len;
	bool csum;
};

struct tx {
	/* set at creation */
	uint8_t lane;
	int tun;		   /* borrowed */
	struct peer_table *table;  /* borrowed */
	struct counters *counters; /* borrowed */

	/* worker */
	int udp;	 /* borrowed, -1: none */
	uint64_t now_ns; /* of this pump */
	/* The run: sealed records that wait to be sent. */
	struct peer *peer;
	size_t len;
	size_t record; /* size of each but the last */
	size_t count, most;
	enum record_place place; /* of the last one */
	enum tactic tactic;
	/* It lies in one of two buffers, the next packet comes to the other. */
	struct tx_held held;
	unsigned int turn;
	uint8_t in[2][GSO_VNET_LEN + GSO_PACKET_MAX];
	/* A single record may be longer than a run. */
	uint8_t out[UDP_RUN_MAX + GSO_PACKET_MAX + RECORD_OVERHEAD];
};

/* Takes packets from the device, up to the bounds, and sends them all. 0, or
 * -errno when the device is gone. */
int tx_pump(struct tx *t, uint64_t now_ns);

#endif
