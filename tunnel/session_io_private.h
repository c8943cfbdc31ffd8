/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What session_io.c and session_status.c share, and nobody else. */
#ifndef ADIT_SESSION_IO_PRIVATE_H
#define ADIT_SESSION_IO_PRIVATE_H

#include <uv.h>

#include "crypto/lease.h"
#include "tunnel/session_io.h"

enum {
	SESSION_IO_EVENTS_MAX = 16,
};

struct session_io {
	/* set at creation */
	uv_loop_t *loop;
	struct host *host;
	void (*changed)(void *arg);
	void *arg;
	struct datapath *datapath;

	/* what is wanted */
	enum session_hold hold;
	uint64_t hold_ns; /* since when */
	char name[SESSION_IO_NAME_MAX];
	struct profile *profile;

	/* how it goes */
	struct session session;
	struct attempt *attempt; /* NULL: none */
	struct liveness liveness;
	uv_timer_t retry, pulse;
	unsigned int handles; /* of the two above, that libuv still has */
	struct lease lease;   /* in force; index 0: none yet */
	bool published;	      /* the newest lease's keys are with the workers */
	bool strict_filter;   /* the uplink's rp_filter may drop answers */
	uint64_t attempts;
	uint64_t routes_seen; /* digest of the host's own routes */
	char text[SESSION_IO_TEXT_MAX];

	/* reported while actions were being done */
	struct session_input events[SESSION_IO_EVENTS_MAX];
	size_t event_count;
	bool busy;
};

#endif
