/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) The client daemon: one loop with the tunnel, the control socket, the
 * profiles and the signals. Blocks until SIGTERM or SIGINT, and leaves the
 * host as it found it.
 *
 * daemon.c composes, daemon_ctl.c answers requests. No state outside the
 * object: two daemons fit in one process, as far as they have folders and
 * devices of their own; only the log is one.
 */
#ifndef ADIT_DAEMON_H
#define ADIT_DAEMON_H

#include "tunnel/host/apply.h"

struct daemon_options {
	const char *config_dir, *state_dir, *runtime_dir;
	/* For the crash test: see tunnel/host/apply.h. */
	enum host_fault fault;
	unsigned int fault_step;
};

/* The exit code of `aditd`: 0 or 1, the reason being logged. */
int daemon_run(const struct daemon_options *o);
/* Undoes what an earlier daemon left, and nothing else. */
int daemon_undo(const struct daemon_options *o);

#endif
