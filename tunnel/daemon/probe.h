/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) One question to a server beyond the uplink, of which the answer says
 * what kind of network this is: the status of an http or https URL (redirects
 * are not followed), or whether somebody has a key (TrustedProbe). It goes out
 * by the uplink's device with our mark, and so does the question for the name,
 * to the uplink's own DNS servers: the tunnel, its resolver and the kill switch
 * do not see it. Control thread.
 *
 *   1. probe_start(); `done` comes once, from the loop, never from within it
 *   2. probe_cancel() instead, at any time before `done`
 *
 * The probe is the module's: after `done` or probe_cancel() it is gone, and its
 * memory is when the loop has run.
 */
#ifndef ADIT_DAEMON_PROBE_H
#define ADIT_DAEMON_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/ondemand.h"
#include "crypto/tls.h"
#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"

struct probe;
struct uv_loop_s;

enum {
	/* All of it, names and silence included. */
	PROBE_URL_LIMIT_MS = 10000,
	PROBE_KEY_LIMIT_MS = 5000,
	/* Addresses of one name, and connections to them that are begun. */
	PROBE_ADDRESSES_MAX = 8,
	/* Until the next address is tried beside this one (RFC 8305, 5). */
	PROBE_NEXT_MS = 250,
	/* An IPv6 address that comes so late is still the first (3). */
	PROBE_PREFER_MS = 50,
};

/* By which way. All borrowed during the start. */
struct probe_options {
	struct uv_loop_s *loop;
	const char *device; /* SO_BINDTODEVICE; NULL: none */
	uint32_t mark;	    /* SO_MARK; 0: none */
	/* The uplink's DNS servers, the first DNS_SERVERS_MAX of them; port 0
	 * is 53. */
	const struct endpoint *servers;
	size_t server_count;
	const char *ca;	       /* PEM; NULL: the system's */
	unsigned int limit_ms; /* 0: as above; tests take less */
};

/* To whom. All borrowed during the start. */
struct probe_target {
	const char *url;    /* NULL: the key of `host` is wanted */
	const char *accept; /* a media type; NULL: any */
	bool body; /* of a 200 is wanted, HTTP_REPLY_BODY_MAX at most */

	const char *host; /* name or address */
	uint16_t port;
	const uint8_t (*pins)[TLS_PIN_LEN]; /* SHA-256 of SPKI, one fits */
	size_t pin_count;
};

struct probe_result {
	struct ondemand_answer answer;
	/* A sentence when there is neither status nor key, else "". Borrowed
	 * during `done`, as the body is. */
	const char *why;
	bool has_content; /* the reply does not end with its header */
	const char *body;
	size_t body_len;
};

typedef void (*probe_done_cb)(void *arg, const struct probe_result *result);

/* 0; -EINVAL: the URL or host is none; -ENOMEM. */
int probe_start(const struct probe_options *o, const struct probe_target *t,
		probe_done_cb done, void *arg,
		struct probe **ret_probe) ATTR_MUST_CHECK;
/* No `done` comes. Takes NULL. */
void probe_cancel(struct probe *p);

#endif
