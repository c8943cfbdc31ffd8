/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) An HTTP server for tests, in the loop of the test: it says what it is
 * told to say to each request, right or wrong, whole, byte by byte, or never.
 * On 127.0.0.1, a port that is free.
 */
#ifndef ADIT_TESTS_HTTP_SERVER_H
#define ADIT_TESTS_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "tests/lib/tls_server.h"
#include "tunnel/base/addr.h"

struct http_connection;

struct http_server {
	/* Set by the test. */
	const struct tls_server_identity *tls; /* NULL: none */
	const char *reply;		       /* NULL: it is silent */
	size_t reply_len;		       /* 0: that of a text */
	bool drips;	/* a byte at a time, the last one again and again */
	bool in_pieces; /* a byte at a time, and no more than all */
	bool hangs_up;	/* after the reply; without one, at once */
	bool deaf;	/* says nothing at all, not even of TLS */
	bool rash;	/* takes whatever comes for a request */
	/* For the test to read. */
	unsigned int accepted, requests; /* ever */
	char request[4096];		 /* the last */
	struct endpoint at;

	uv_tcp_t tcp;
	struct http_connection *connections;
};

void http_server_start(struct http_server *s, uv_loop_t *loop);
/* The loop has to run after it. Takes one that was not started. */
void http_server_stop(struct http_server *s);
unsigned int http_server_open(const struct http_server *s);

#endif
