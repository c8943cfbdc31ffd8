/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A socket whose packets leave by a device of the caller's choice and carry a
 * mark, so that the routes of a tunnel are not theirs. Any thread.
 */
#ifndef ADIT_BASE_WAY_SOCKET_H
#define ADIT_BASE_WAY_SOCKET_H

#include <stdint.h>

#include "tunnel/base/attr.h"

/* A nonblocking descriptor, the caller's to close; or -errno: then nothing may
 * be sent, for it would go another way. `type`: SOCK_STREAM or SOCK_DGRAM;
 * `mark` 0 and `device` NULL: none. */
int way_socket_open(int family, int type, uint32_t mark,
		    const char *device) ATTR_MUST_CHECK;

#endif
