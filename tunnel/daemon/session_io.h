/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) The one tunnel of this machine: a struct session with hands. It reports
 * what happens to the machine and does what the machine answers, in that
 * order; what an action causes waits until the list is done. Control thread.
 *
 *   1. session_io_create
 *   2. session_io_up, session_io_arm and session_io_down, as it is wanted
 *      (engine.h)
 *   3. session_io_end: down, with the host put back; then run the loop until
 *      it has nothing left, and session_io_destroy
 */
#ifndef ADIT_SESSION_IO_H
#define ADIT_SESSION_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "tunnel/base/attr.h"
#include "tunnel/base/reason.h"
#include "tunnel/daemon/attempt.h"
#include "tunnel/daemon/liveness.h"
#include "tunnel/daemon/session.h"

struct ctl_event;
struct ctl_status;
struct datapath;
struct host;
struct lease;
struct profile;
struct session_io;
struct uv_loop_s;

enum {
	SESSION_IO_NAME_MAX = 128,
	SESSION_IO_TEXT_MAX = 384,
};

#define SESSION_IO_DEVICE "adit0"
#define SESSION_IO_EVENT_NOW UINT64_MAX

struct session_io_options {
	struct uv_loop_s *loop;
	struct host *host; /* borrowed */
	/* The state or its reason has changed. */
	void (*changed)(void *arg);
	void *arg;
};

/* NULL: out of memory. */
struct session_io *session_io_create(const struct session_io_options *o);
void session_io_destroy(struct session_io *io);
void session_io_end(struct session_io *io);

/* Wanted with this profile, which is the io's from here on; another profile's
 * tunnel goes down first. NULL: with the one that it has of that name. What is
 * up already goes on with what it has.
 * `automatic`: nobody said so just now. */
void session_io_up(struct session_io *io, const char *name,
		   struct profile *profile, bool automatic);
/* Not wanted, and named by somebody it may be: down first, for `reason`, if it
 * is up. */
void session_io_arm(struct session_io *io, const char *name,
		    struct profile *profile, enum reason reason);
/* Not wanted. */
void session_io_down(struct session_io *io, enum reason reason);
/* The profile's content has changed: a tunnel that is wanted starts again. */
void session_io_replace(struct session_io *io, struct profile *profile);
/* The profile is gone for good: down, and nothing of it is kept. */
void session_io_forget(struct session_io *io);
/* After a sleep: is the gateway still there? */
void session_io_woke(struct session_io *io);
/* Links, addresses or routes of the host moved. */
void session_io_host_moved(struct session_io *io);
/* This is another network than the last one. */
void session_io_went_elsewhere(struct session_io *io);

const struct session *session_io_session(const struct session_io *io);
/* "" before the first connect. */
const char *session_io_name(const struct session_io *io);
/* NULL: none, or it was forgotten. */
const struct profile *session_io_profile(const struct session_io *io);
/* In force; NULL: none. */
const struct lease *session_io_lease(const struct session_io *io);
/* Inner packets in both directions, ever. */
uint64_t session_io_packets(const struct session_io *io);
/* What went wrong last, or "". */
const char *session_io_text(const struct session_io *io);

/* Appends to a zeroed status. 0 or -ENOMEM. */
int session_io_status(const struct session_io *io, struct ctl_status *s);
/* Fills a zeroed event and steps to the next: the present state for
 * SESSION_IO_EVENT_NOW, and each transition after that. 0; -ENOENT: there is
 * none yet; or -ENOMEM, with what was filled. */
int session_io_event(const struct session_io *io, uint64_t *next,
		     struct ctl_event *ret_event);

#endif
