/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What session_io.c, session_host.c and session_status.c share, and nobody
 * else. */
#ifndef ADIT_SESSION_IO_PRIVATE_H
#define ADIT_SESSION_IO_PRIVATE_H

#include <uv.h>

#include "crypto/lease.h"
#include "tunnel/daemon/session_io.h"
#include "tunnel/host/rtnl.h"
#include "tunnel/host/state.h"

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
	struct resolver *resolver;

	/* what is wanted */
	char name[SESSION_IO_NAME_MAX];
	struct profile *profile;

	/* how it goes */
	struct session session;
	struct attempt *attempt; /* NULL: none */
	struct liveness liveness;
	uv_timer_t retry, pulse;
	unsigned int handles;	   /* of the two above, that libuv still has */
	struct lease lease;	   /* in force; index 0: none yet */
	struct host_state applied; /* what the host was told */
	uint64_t repairs;	   /* of what others changed of it */
	uint64_t tactics_left;	   /* how often whole runs were given up */
	bool published;	    /* the newest lease's keys are with the workers */
	bool strict_filter; /* the uplink's rp_filter may drop answers */
	uint64_t attempts;
	struct rtnl_route *routes; /* of the host, as seen last */
	size_t route_count;
	struct endpoint remote; /* that an attempt tried last */
	char text[SESSION_IO_TEXT_MAX];

	/* reported while actions were being done */
	struct session_input events[SESSION_IO_EVENTS_MAX];
	size_t event_count;
	bool busy;
};

/* session_io.c */
void session_io_report(struct session_io *io, enum session_event event,
		       enum reason reason);
/* Keeps the sentence that goes with the next reason, and logs it. */
void session_io_explain(struct session_io *io, const char *text);

/* session_host.c: each reports what came of it. */
void session_host_note(struct session_io *io);
void session_host_publish(struct session_io *io);
void session_host_up(struct session_io *io);
void session_host_down(struct session_io *io);
/* There may be others, as far as was seen. */
void session_host_ways_changed(struct session_io *io);

static inline uint16_t session_io_mtu(const struct session_io *io)
{
	uint32_t wish = io->profile->mtu;

	return wish != 0 && wish < io->lease.mtu ? (uint16_t)wish
						 : io->lease.mtu;
}

#endif
