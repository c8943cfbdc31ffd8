/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The limit of open files (ulimit -n). libuv aborts where it cannot have the
 * few that it needs at once, so programs ask before they start it. Once, from
 * main's thread.
 */
#ifndef ADIT_BASE_DESCRIPTORS_H
#define ADIT_BASE_DESCRIPTORS_H

#include "tunnel/base/attr.h"

enum {
	/* Loop, sockets, device and callers, and as many again. */
	DESCRIPTORS_MIN = 64,
};

/* Raises a soft limit that is too low. 0, or -EMFILE. */
int descriptors_ensure(void) ATTR_MUST_CHECK;

#endif
