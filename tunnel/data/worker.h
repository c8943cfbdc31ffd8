/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The packet path: one thread that reads its queue of the TUN device, seals
 * and sends, and receives, opens and writes to the device. One worker for each
 * lane that an end sends on; they share nothing but the peer table. What comes
 * on lane k is worker k's modulo their number, and is written into that
 * worker's queue, so that the kernel leads the other direction of a flow to
 * the same worker. Every function here is the control thread's.
 *
 *   1. worker_create(&config, &w) for each, then worker_join() for all
 *   2. worker_set_socket(w, share, fd), now or at any time later
 *   3. worker_start(w)
 *   4. when worker_event_fd(w) is readable: worker_event_clear(w), then
 *      worker_stray_next / worker_stray_done until there is none, and
 *      worker_state(w)
 *   5. worker_stop(w) for each, then worker_destroy(w)
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
	unsigned int lane;
	int tun_fd;		  /* borrowed: this lane's queue */
	bool uso;		  /* struct tun's */
	struct peer_table *table; /* borrowed */
};

int worker_create(const struct worker_config *c,
		  struct worker **ret_worker) ATTR_MUST_CHECK;
/* Stops it; none that it was joined with may run. Takes NULL. */
void worker_destroy(struct worker *w);
/* Tells those of one device, in the order of their lanes, about each other.
 * Before any is started; one alone needs it not. 0 or -errno. */
int worker_join(struct worker *const *w, unsigned int count) ATTR_MUST_CHECK;
int worker_start(struct worker *w) ATTR_MUST_CHECK;
/* Returns when the thread has ended; takes a worker that is not running. */
void worker_stop(struct worker *w);

/* Consumes `fd`, the socket of one of the lane's shares (0 to
 * UDP_SHARES_MAX - 1), of which number 0 also sends; the one before is closed
 * when the worker has left it. */
void worker_set_socket(struct worker *w, unsigned int share, int fd);
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
