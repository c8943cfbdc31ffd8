/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line's end of the control socket: one request, its replies,
 * with a limit on the time. Blocks. Any thread.
 */
#ifndef ADIT_CTL_CLIENT_H
#define ADIT_CTL_CLIENT_H

#include <stdint.h>

#include "tunnel/base/attr.h"
#include "tunnel/ctl/ctl.h"

enum {
	CTL_CLIENT_BUSY_S = 2, /* so long is a place waited for */
};

/* What becomes of the replies before the final one. */
struct ctl_steps {
	void (*step)(void *arg, const struct ctl_reply *reply);
	void *arg;
	int out; /* the pipe or terminal they are printed to; -1: none */
};

/* A descriptor, to be closed. `path` is of adit.sock; kept.sock is taken where
 * it may be. -EAGAIN: there is a daemon, but so many want to talk to it that
 * CTL_CLIENT_BUSY_S was not enough; -ENOENT or -ECONNREFUSED: no daemon;
 * -errno. */
int ctl_client_open(const char *path) ATTR_MUST_CHECK;
/* Sends the request and calls `step` for each reply but the final one, which
 * is the caller's to ctl_reply_fini. A request that follows has the time until
 * its first reply, and any after that. 0; -ETIMEDOUT; -ECONNRESET: it hung up;
 * -ECANCELED: nobody reads steps->out any more; -EBADMSG: it does not speak
 * like a daemon; or -errno. */
int ctl_client_ask(int fd, const struct ctl_request *request,
		   uint64_t timeout_ns, const struct ctl_steps *steps,
		   struct ctl_reply *ret_final) ATTR_MUST_CHECK;

#endif
