/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateway running (uv): owns the loop, the UDP sockets, the TUN device, the
 * workers, what it changed on the host, and the sessions. Everything is undone
 * when it ends. Main thread.
 */
#ifndef ADIT_GATEWAY_H
#define ADIT_GATEWAY_H

#include <stdbool.h>
#include <stdio.h>

#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"
#include "tunnel/gateway/gateway_config.h"

/* What a running gateway answers on, under DIR, and for which targets. */
#define GATEWAY_STATUS_SOCKET "state/gateway.sock"
#define GATEWAY_STATUS_TEXT "/status"
#define GATEWAY_STATUS_JSON "/status.json"
#define GATEWAY_SOCKET_TOO_LONG                            \
	"a socket's path has 107 bytes at most; move the " \
	"directory to a shorter path"

struct gateway_options {
	const char *dir;
	/* Family 0: every address of both families, at the configured port. */
	struct endpoint listen;
	const char *device;	 /* the TUN device's name */
	bool nat;		 /* also if the configuration does not say so */
	struct endpoint metrics; /* family 0: nobody is told */
	unsigned int lanes;	 /* workers, 1 to LANES_MAX; 0: as fits here */
	FILE *out;		 /* gets one line when clients are answered */
};

/* Runs until SIGTERM or SIGINT. 0 when it ended so; -errno with the error when
 * it could not start, or could not go on. */
int gateway_run(const struct gateway_options *o,
		struct gateway_error *error) ATTR_MUST_CHECK;

#endif
