/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) Tells when something in a folder has changed, or the folder itself: it
 * may be missing, made later, removed and made again, or replaced. A burst is
 * told once, when it is over, or after a second if it does not end. What
 * changed is not told: the caller reads the folder. Control thread.
 *
 *   1. folder_watch_create, and then a first look by the caller: what happens
 *      in between is told
 *   2. `changed`, from the loop
 *   3. folder_watch_close; the memory goes when the loop has run
 *
 * Nothing wakes up for it while nothing happens, except where the kernel
 * cannot tell: on a network's file system, or when it has no watches left.
 * There the folder is looked at every FOLDER_WATCH_POLL_MS.
 */
#ifndef ADIT_FOLDER_WATCH_H
#define ADIT_FOLDER_WATCH_H

#include <stdbool.h>

#include "tunnel/base/attr.h"

struct folder_watch;
struct uv_loop_s;

enum {
	FOLDER_WATCH_QUIET_MS = 200, /* without a change: a burst is over */
	FOLDER_WATCH_BURST_MS = 1000,
	FOLDER_WATCH_POLL_MS = 1500,
};

struct folder_watch_options {
	const char *path; /* copied */
	/* 0: as above; tests take others. */
	unsigned int quiet_ms, burst_ms, poll_ms;
	void (*changed)(void *arg);
	void *arg;
};

/* 0 or -errno. */
int folder_watch_create(struct uv_loop_s *loop,
			const struct folder_watch_options *options,
			struct folder_watch **ret_watch) ATTR_MUST_CHECK;
void folder_watch_close(struct folder_watch *w);
/* The caller saw a change by itself: it is told like the others. */
void folder_watch_notice(struct folder_watch *w);
/* Is it looked at again and again? */
bool folder_watch_polls(const struct folder_watch *w);

/* folder_watch_linux.c: may others change it without this kernel knowing? */
bool folder_watch_is_remote(const char *path);

#endif
