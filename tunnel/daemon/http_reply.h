/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One HTTP/1 reply (RFC 9112), as it comes in pieces: its status and, when
 * asked for, the body of a 200. What a stranger sends is bounded by the sizes
 * below and judged strictly; redirects are the caller's to see. Pure; any
 * thread.
 *
 *   1. http_reply_init(), with room for a body or without
 *   2. http_reply_input() until it says something else than -EAGAIN
 *   3. http_reply_end() when the stream ends before that
 */
#ifndef ADIT_DAEMON_HTTP_REPLY_H
#define ADIT_DAEMON_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* Of all lines: status, fields, those of chunks, interim replies. */
	HTTP_REPLY_LINES_MAX = 16 * 1024,
	HTTP_REPLY_BODY_MAX = 64 * 1024,
};

enum http_reply_state {
	HTTP_REPLY_STATUS,
	HTTP_REPLY_FIELDS,
	HTTP_REPLY_BODY,      /* as long as was said */
	HTTP_REPLY_BODY_OPEN, /* until the stream ends */
	HTTP_REPLY_CHUNK_SIZE,
	HTTP_REPLY_CHUNK,
	HTTP_REPLY_CHUNK_END,
	HTTP_REPLY_TRAILER,
	HTTP_REPLY_DONE,
	HTTP_REPLY_BAD,
};

struct http_reply {
	enum http_reply_state state;
	unsigned int status; /* 200 to 599 when done */
	/* More than the header came, or was said to come. */
	bool has_content;
	size_t body_len;

	char *body; /* borrowed, of HTTP_REPLY_BODY_MAX; NULL: not wanted */
	bool has_length, chunked;
	uint64_t left; /* of the body or chunk */
	size_t lines_len, line_len;
	char line[HTTP_REPLY_LINES_MAX];
};

void http_reply_init(struct http_reply *r, char *body);
/* 0: it is whole, what follows is not looked at; -EAGAIN; -EBADMSG. */
int http_reply_input(struct http_reply *r, const uint8_t *bytes, size_t len);
/* 0 or -EBADMSG: it was cut. */
int http_reply_end(struct http_reply *r);

#endif
