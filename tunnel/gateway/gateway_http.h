/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * As much of HTTP/1.1 (RFC 9112) as /metrics and the status need: one request
 * without a body, one answer, and the connection is closed. Pure; any thread.
 */
#ifndef ADIT_GATEWAY_HTTP_H
#define ADIT_GATEWAY_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tunnel/base/attr.h"

enum {
	GATEWAY_HTTP_REQUEST_MAX = 4096, /* request line and headers */
	GATEWAY_HTTP_TARGET_MAX = 63,
};

/* Codes of answers (RFC 9110). */
enum gateway_http_status {
	GATEWAY_HTTP_OK = 200,
	GATEWAY_HTTP_BAD_REQUEST = 400,
	GATEWAY_HTTP_NOT_FOUND = 404,
	GATEWAY_HTTP_NOT_ALLOWED = 405, /* neither GET nor HEAD */
	GATEWAY_HTTP_TIMEOUT = 408,
	GATEWAY_HTTP_TOO_LONG = 431,
	GATEWAY_HTTP_FAILED = 500,
	GATEWAY_HTTP_BUSY = 503,
	GATEWAY_HTTP_VERSION = 505,
};

struct gateway_http_request {
	bool head; /* HEAD: the answer has no body */
	char target[GATEWAY_HTTP_TARGET_MAX + 1]; /* its path, no query */
};

/* 0: there is more to come. Else GATEWAY_HTTP_OK and the request, or the code
 * of the answer that is due. */
int gateway_http_parse(const char *text, size_t len,
		       struct gateway_http_request *ret_request);
/* The answer up to its body of `len` bytes. */
void gateway_http_head(enum gateway_http_status status, const char *type,
		       size_t len, FILE *to);
/* "404 Not Found" */
const char *gateway_http_reason(enum gateway_http_status status);

#endif
