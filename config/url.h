/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http and https URLs (RFC 3986), taken apart as far as a request needs it. One
 * parser for profiles and for what a network says of itself: hostile text is
 * refused. Pure; any thread.
 */
#ifndef ADIT_CONFIG_URL_H
#define ADIT_CONFIG_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/value.h"
#include "dns/name.h"
#include "tunnel/base/attr.h"

enum {
	URL_MAX_LEN = 2048,
};

struct url {
	bool tls;		     /* https */
	char host[DNS_NAME_MAX + 1]; /* without brackets and final dot */
	uint16_t port;
	/* Within the text; borrowed. */
	const char *authority; /* host and port as they stand there */
	size_t authority_len;
	const char *path; /* and query, without fragment; may be empty */
	size_t path_len;
};

/* 0; -EINVAL, and `why` may hold a sentence that says more; -ENOMEM. Of what is
 * taken each byte is printable ASCII. */
int url_parse(const char *text, struct url *ret_url,
	      char why[VALUE_WHY_MAX]) ATTR_MUST_CHECK;

#endif
