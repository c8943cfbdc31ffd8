/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The packet path: one thread that reads the TUN device, seals and sends, and
 * receives, opens and writes to the device. One worker for each lane; they
 * share nothing but the peer table. Every function here is the control
 * thread's.
 *
 *   1. worker_create(&config, &w)
 *   2. worker_set_socket(w, fd), now or at any time later
 *   3. worker_start(w)
 *   4. when worker_event_fd(w) is readable: worker_event_clear(w), then
 *      worker_stray_next / worker_stray_done until there is none, and
 *      worker_state(w)
 *   5. worker_destroy(w), which stops it
 */
#ifndef ADIT_DATA_WORKER_H
#define ADIT_DATA_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "tunnel/base/attr.h"
#include "tunnel/data/counters.h"
#include "tunnel/data/peer_table.h"
#include "tunnel/data/rx.h"

struct worker;

enum worker_state {
	WORKER_READY, /* not started, or stopped */
	WORKER_RUNNING,
	WORKER_TUN_LOST, /* the device is gone; it only waits for the end */
};

struct worker_config {
	uint8_t lane;
	int tun_fd;		  /* borrowed: this lane's queue */
	bool uso;		  /* struct tun's */
	struct peer_table *table; /* borrowed */
};

int worker_create(const struct worker_config *c,
		  struct worker **ret_worker) ATTR_MUST_CHECK;
/* Stops it. Takes NULL. */
void worker_destroy(struct worker *w);
int worker_start(struct worker *w) ATTR_MUST_CHECK;
/* Returns when the thread has ended; takes a worker that is not running. */
void worker_stop(struct worker *w);

/* Consumes `fd`, this lane's UDP socket; the one before is closed when the
 * worker has left it. */
void worker_set_socket(struct worker *w, int fd);
/* Makes an idle worker pass its loop's top (peer_table_reap). */
void worker_wake(struct worker *w);

enum worker_state worker_state(const struct worker *w);
const struct counters *worker_counters(const struct worker *w);
int worker_event_fd(const struct worker *w);
void worker_event_clear(struct worker *w);
/* NULL: there is none. Good until worker_stray_done(). */
const struct rx_stray *worker_stray_next(struct worker *w);
void worker_stray_done(struct worker *w);

#endif
