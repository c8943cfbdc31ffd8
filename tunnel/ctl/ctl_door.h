/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) A socket that listens at a path, and lets in only so many callers per
 * turn of the loop, with a moment's rest after that: libuv's own listener
 * accepts until there is nobody left, which those who come faster than that
 * can keep it at. Embedded in what owns it; control thread.
 *
 *   1. ctl_door_open, or ctl_door_take with a socket that listens already
 *   2. `admit` takes each new descriptor
 *   3. ctl_door_close: the path is gone at once, `closed` says when the memory
 *      may be; only for a door that was opened
 */
#ifndef ADIT_CTL_DOOR_H
#define ADIT_CTL_DOOR_H

#include <sys/types.h>
#include <uv.h>

#include "tunnel/base/attr.h"
#include "tunnel/ctl/ctl.h"

enum {
	CTL_DOOR_BACKLOG = 64,
	CTL_DOOR_TURN = 16, /* callers per turn */
	CTL_DOOR_REST_MS = 10,
};

struct ctl_door {
	/* Set by the owner. */
	char path[CTL_PATH_MAX]; /* empty: of a socket that was given */
	mode_t mode;
	gid_t group; /* of the file; (gid_t)-1: ours */
	void (*admit)(struct ctl_door *d, int fd); /* owns fd */
	void (*closed)(struct ctl_door *d);

	int fd;
	uv_poll_t poll;
	uv_timer_t rest;
	unsigned int handles; /* still to close */
};

/* 0; -EADDRINUSE: somebody answers there; -ENOTSOCK: another kind of file is
 * in the way; or -errno. A socket that nobody answers is replaced. */
int ctl_door_open(struct ctl_door *d, uv_loop_t *loop) ATTR_MUST_CHECK;
/* Consumes the descriptor. */
int ctl_door_take(struct ctl_door *d, uv_loop_t *loop, int fd) ATTR_MUST_CHECK;
void ctl_door_close(struct ctl_door *d);

#endif
