/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) The client's TUN device and the workers behind it. They outlive
 * sessions: a new session is a new peer in the table, and the old one goes
 * when no worker can see it any more. Control thread.
 *
 *   1. datapath_create, datapath_open: the device is there, and leads nowhere
 *   2. datapath_publish for each session, the first and every later one
 *   3. datapath_close: workers stopped, device gone; open again, or destroy
 */
#ifndef ADIT_DATAPATH_H
#define ADIT_DATAPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "tunnel/base/attr.h"
#include "tunnel/data/counters.h"
#include "tunnel/data/peer.h"

struct attempt;
struct datapath;
struct uv_loop_s;

struct datapath_callbacks {
	/* A datagram that is no data record came to a lane's socket. */
	void (*stray)(void *arg, const struct sockaddr_storage *from,
		      uint8_t *datagram, size_t len);
	/* Somebody took the device away. */
	void (*lost)(void *arg);
};

/* NULL: out of memory. The callbacks are static. */
struct datapath *datapath_create(struct uv_loop_s *loop,
				 const struct datapath_callbacks *cb,
				 void *arg);
void datapath_destroy(struct datapath *d);

/* 0 or -errno of tun_open. There is no worker yet. */
int datapath_open(struct datapath *d, const char *device) ATTR_MUST_CHECK;
bool datapath_is_open(const struct datapath *d);
/* The workers leave the device, which stays. */
void datapath_stop(struct datapath *d);
void datapath_close(struct datapath *d);
unsigned int datapath_ifindex(const struct datapath *d);

/* The session of an attempt that is up becomes what the workers use, of which
 * there are as many as it has lanes. The one before is withdrawn. 0 or -errno,
 * and then the one before stays if it has as many lanes. */
int datapath_publish(struct datapath *d, struct attempt *a) ATTR_MUST_CHECK;

/* The session in use has ended: the workers drop what they read, until the next
 * one is published. */
void datapath_withdraw(struct datapath *d);

/* The session in use; NULL: none. Borrowed until the next call. */
struct peer *datapath_peer(const struct datapath *d);
/* Of the session in use; zeros without one. */
void datapath_stats(const struct datapath *d, struct peer_stats *ret_stats);
/* How many workers there are. */
unsigned int datapath_lanes(const struct datapath *d);
/* Over the life of the device, all workers together. False: it is closed. */
bool datapath_counters(const struct datapath *d, struct counters *ret_counters);

#endif
