/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The world of the packet path's tests: tx.c and rx.c without threads. A
 * client's tx, a gateway's rx, and a road between them on which the test sits,
 * takes each datagram and does with it what it likes. The TUN devices are
 * socket pairs. All of it is synchronous; one for each test program, its parts
 * are the tests' to touch.
 */
#ifndef ADIT_TESTS_PATH_WORLD_H
#define ADIT_TESTS_PATH_WORLD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tunnel/data/rx.h"
#include "tunnel/data/tx.h"

enum {
	INDEX = 0x77000003,
	ROAD_MAX = 256,
};

extern struct tx tx;
extern struct rx rx;
extern int udp; /* where it receives */
extern struct counters counters;
extern struct peer *client, *gateway; /* the ends' peers: each other */
extern struct peer_table *client_table, *gateway_table;
extern struct udp_sockets client_sockets, gateway_sockets, road;
extern int client_tun[2], gateway_tun[2]; /* [0] is the test's */

/* What the test took from the road. */
extern struct taken {
	size_t len;
	uint8_t bytes[2048];
} taken[ROAD_MAX];

void setup_with(uint8_t epoch_shift);
void setup(void);
void teardown(void);

uint64_t count(enum counter c);

/* A UDP packet from the client's address; its payload begins with `number`. */
size_t build_udp(uint8_t *p, uint32_t number, size_t payload);
/* A TCP packet with `payload` bytes and an unfinished checksum. */
size_t build_tcp(uint8_t *p, size_t payload);
/* The client's kernel sends a packet. */
void give(const struct gso_vnet *h, const uint8_t *p, size_t len);
void give_udp(uint32_t number, size_t payload);

/* Takes what is on the road; returns how many datagrams. */
size_t take_road(void);
/* Sends one datagram to the gateway's lane, without waiting for its turn, */
void post(const uint8_t *p, size_t len);
/* or with that. */
void deliver(const uint8_t *p, size_t len);
/* What the gateway's kernel got: bytes, or -1. */
ssize_t arrived(uint8_t *buf, size_t size);

#endif
