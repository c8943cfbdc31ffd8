/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) Answers HTTP at one socket, for few callers at a time, each with so much
 * patience and no more: one request of 4 KiB at most, one answer, the end. What
 * is answered is the owner's. Control thread.
 *
 *   1. gateway_http_serve: a Unix socket at a path, or a TCP port
 *   2. `answer` is called for each good request
 *   3. gateway_http_close: the socket is gone at once, its memory when the loop
 *      has run
 */
#ifndef ADIT_GATEWAY_HTTP_SERVER_H
#define ADIT_GATEWAY_HTTP_SERVER_H

#include <stdio.h>

#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"
#include "tunnel/gateway/gateway_http.h"

struct gateway_http;
struct uv_loop_s;

enum {
	GATEWAY_HTTP_CALLERS = 8, /* more are told to come back */
	GATEWAY_HTTP_REQUEST_MS = 2000,
	GATEWAY_HTTP_ANSWER_MS = 5000, /* until all of it was taken */
	GATEWAY_HTTP_DRAIN_MS = 500,   /* then, for the caller's end */
};

struct gateway_http_options {
	const char *path;      /* of a Unix socket, mode 0600; or NULL: */
	struct endpoint *port; /* a TCP port; 0 is replaced by what it is */
	/* Writes the body for a path and says its type: GATEWAY_HTTP_OK, or
	 * another code, and then what was written is not sent. */
	enum gateway_http_status (*answer)(void *arg, const char *target,
					   FILE *body, const char **ret_type);
	void *arg;
};

/* 0; -EADDRINUSE: somebody answers there; -ENOTSOCK: another kind of file is
 * in the way; -ENAMETOOLONG; or -errno. */
int gateway_http_serve(struct uv_loop_s *loop,
		       const struct gateway_http_options *options,
		       struct gateway_http **ret_http) ATTR_MUST_CHECK;
/* Takes NULL. */
void gateway_http_close(struct gateway_http *h);

#endif
