/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listens to logind (or elogind) on the system bus, and tells a presence what
 * it hears; can delay a sleep. Never blocks and has no loop: the caller polls.
 * One that lives in another network namespace than we do counts as absent.
 * One thread.
 *
 *   1. logind_create; logind_connect, again when there may be a bus
 *   2. poll logind_fd for logind_events until logind_timeout_ns, all three
 *      anew after each call of a function here; then logind_process
 *   3. -errno from it: stop polling the descriptor, logind_disconnect
 *   4. logind_destroy, not from within an event
 *
 * logind may come, go and start again meanwhile: that is not an error.
 */
#ifndef ADIT_HOST_LOGIND_H
#define ADIT_HOST_LOGIND_H

#include <stdbool.h>
#include <stdint.h>

#include "tunnel/base/attr.h"

struct logind;
struct presence;

/* Borrows the presence. NULL: out of memory. */
struct logind *logind_create(struct presence *p);
void logind_destroy(struct logind *l);

/* 0 or -errno: -ENOENT when the bus has no socket. */
int logind_connect(struct logind *l) ATTR_MUST_CHECK;
void logind_disconnect(struct logind *l);

/* While connected. */
int logind_fd(const struct logind *l);
int logind_events(const struct logind *l); /* of poll(2) */
/* From now; 0: process at once. CLOCK_NEVER: nothing is awaited. */
uint64_t logind_timeout_ns(const struct logind *l);
/* A bounded number of messages. 0; or -errno: the connection is over. */
int logind_process(struct logind *l) ATTR_MUST_CHECK;

/* Logind tells all but the end of a session whose programs stay: who has seen
 * its folder change says so, while connected. */
void logind_read_users(struct logind *l);

/* Should a sleep wait until logind_sleep_done? Kept over all disconnections.
 * logind waits for a few seconds at most (InhibitDelayMaxSec). */
void logind_delay_sleep(struct logind *l, bool wanted);
/* After PRESENCE_SLEEP: it may go on. The next sleep is delayed again. */
void logind_sleep_done(struct logind *l);

/* For people: does one talk to us, and would a sleep wait for us? */
bool logind_is_there(const struct logind *l);
bool logind_delays_sleep(const struct logind *l);

#endif
