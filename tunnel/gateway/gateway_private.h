/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) What the files of the running gateway share, and nobody else:
 * gateway_start.c makes the parts and takes them apart, gateway.c has the loop,
 * gateway_observe.c answers who asks how it is.
 */
#ifndef ADIT_GATEWAY_PRIVATE_H
#define ADIT_GATEWAY_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "tunnel/data/tun.h"
#include "tunnel/data/udp.h"
#include "tunnel/data/worker.h"
#include "tunnel/gateway/gateway.h"
#include "tunnel/gateway/gateway_http_server.h"
#include "tunnel/gateway/gateway_sessions.h"
#include "tunnel/gateway/gateway_store.h"
#include "tunnel/host/apply.h"

struct gateway {
	/* set at creation */
	const struct gateway_options *o;
	struct gateway_error *error;
	struct gateway_config config;
	struct credentials *credentials;
	int64_t ca_ends; /* seconds since 1970 */
	int64_t started;
	bool nat;

	/* the parts, in the order in which they are made */
	char state_dir[GATEWAY_PATH_MAX];
	char nft_table[48];
	struct host_config host_config; /* the host borrows it */
	struct host *host;
	struct host_state host_state;
	struct tun tun;
	struct udp_sockets sockets;
	int family;
	struct endpoint local;
	struct peer_table *table;
	unsigned int lanes;
	struct worker *worker[LANES_MAX]; /* NULL: not made */
	struct gateway_sessions *sessions;

	/* the loop */
	uv_loop_t loop;
	uv_poll_t control, event[LANES_MAX]; /* of each worker */
	uv_timer_t deadline, tick, ending;
	uv_signal_t term, interrupt, tell;
	bool is_ending;
	struct gateway_http *status, *metrics;
	struct endpoint metrics_at;
	int failure; /* why the loop ended before it was told to */

	unsigned int ticks;
	uint64_t host_repairs, host_repair_errors;
	uint8_t buffer[UDP_RECEIVE_MAX];
};

/* What a failed step means: `rc`, and the error's text. */
int gateway_failed_at(struct gateway *g, int rc, const char *what,
		      const char *why);

/* gateway_start.c: all parts but the loop's; 0 or -errno with the error. */
int gateway_start(struct gateway *g) ATTR_MUST_CHECK;
/* Takes whatever gateway_start() has made. */
void gateway_stop(struct gateway *g);

/* gateway_observe.c: from here on `status` and /metrics are answered. 0 or
 * -errno with the error. */
int gateway_observe_start(struct gateway *g) ATTR_MUST_CHECK;
void gateway_observe_stop(struct gateway *g);
/* Of all workers together. */
void gateway_counters(const struct gateway *g, struct counters *ret_counters);

#endif
