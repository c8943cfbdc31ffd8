/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What daemon.c and daemon_ctl.c share, and nobody else. */
#ifndef ADIT_DAEMON_PRIVATE_H
#define ADIT_DAEMON_PRIVATE_H

#include <stdbool.h>
#include <uv.h>

#include "config/profiles.h"
#include "tunnel/ctl_server.h"
#include "tunnel/daemon.h"
#include "tunnel/host/apply.h"
#include "tunnel/session_io.h"

/* Somebody in `adit connect --wait`. */
struct waiter {
	struct ctl_peer *peer; /* NULL: a free place */
	uint64_t deadline_ns;
	enum session_state told; /* last state sent */
};

struct daemon {
	const struct daemon_options *options;
	uv_loop_t loop;
	struct host *host;
	struct host_config host_config; /* borrowed by `host` */
	struct session_io *io;
	struct ctl_server *server;
	struct profiles profiles;
	struct waiter waiters[CTL_SERVER_CLIENTS];
	uv_timer_t waiting;  /* until the first waiter's deadline */
	uv_timer_t settling; /* after the host has moved */
	uv_timer_t last;     /* until the end is forced */
	uv_signal_t term, intr, hangup;
	uv_poll_t watch;
	int watch_fd;
	bool stopping, forced;
};

/* Reads the profiles again and applies what changed to the tunnel. */
void daemon_reload(struct daemon *d);

extern const struct ctl_server_callbacks daemon_ctl_callbacks;
/* The state has changed: tells those who wait. */
void daemon_ctl_changed(struct daemon *d);

#endif
