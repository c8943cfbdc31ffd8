/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The other end of the status socket: asks a running gateway for one of its
 * texts. Blocks, for some seconds at most. Any thread.
 */
#ifndef ADIT_GATEWAY_ASK_H
#define ADIT_GATEWAY_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/attr.h"

/* The body, to be freed. -ENOENT or -ECONNREFUSED: nobody runs there;
 * -ENAMETOOLONG; -EAGAIN: it is busy with other callers; -ETIMEDOUT; -EBADMSG:
 * it does not answer like a gateway; or -errno. */
int gateway_ask(const char *path, const char *target, uint64_t deadline_ns,
		char **ret_body, size_t *ret_len) ATTR_MUST_CHECK;

#endif
