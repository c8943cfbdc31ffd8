/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) Is this network's internet behind a captive portal? Asked of the network
 * itself, where it says whom (RFC 8908, by RFC 8910), then of the operator's
 * own page (PortalURL). Nobody else is asked, and nothing when neither is
 * known. Probes carry the questions; see probe.h. Control thread.
 *
 *   1. portal_start(); `done` comes once, from the loop, never from within it
 *   2. portal_cancel() instead, at any time before `done`
 *
 * It is the module's: after `done` or portal_cancel() it is gone, and its
 * memory is when the loop has run.
 */
#ifndef ADIT_DAEMON_PORTAL_H
#define ADIT_DAEMON_PORTAL_H

#include <stddef.h>

#include "config/url.h"
#include "tunnel/base/attr.h"

struct portal;
struct probe_options;

/* What the network says when it has no portal (RFC 8910, 2). */
#define PORTAL_UNRESTRICTED "urn:ietf:params:capport:unrestricted"

enum portal_state {
	PORTAL_UNKNOWN,
	PORTAL_FREE,
	PORTAL_CAPTIVE,
};

enum portal_source {
	PORTAL_SOURCE_NONE,
	PORTAL_SOURCE_API, /* of the network */
	PORTAL_SOURCE_PAGE,
};

struct portal_options {
	/* Borrowed, with all that it points to, until the end. */
	const struct probe_options *probe;
	/* Borrowed during the start; NULL: not known. */
	const char *api;  /* as the network says it: an https URL, or none */
	const char *page; /* PortalURL */
};

struct portal_result {
	enum portal_state state;
	enum portal_source source; /* that said so */
	/* Where a person goes, http or https, printable ASCII; "": not said. */
	char url[URL_MAX_LEN + 1];
	/* Why the one that was asked last did not say it, a sentence; "".
	 * Borrowed during `done`. */
	const char *why;
};

typedef void (*portal_done_cb)(void *arg, const struct portal_result *result);

/* 0 or -ENOMEM. */
int portal_start(const struct portal_options *o, portal_done_cb done, void *arg,
		 struct portal **ret_portal) ATTR_MUST_CHECK;
/* No `done` comes. Takes NULL. */
void portal_cancel(struct portal *p);

/* What the API says (RFC 8908, 5), state and URL. Pure. 0, -EINVAL or
 * -ENOMEM. */
int portal_read(const char *json, size_t len,
		struct portal_result *ret_result) ATTR_MUST_CHECK;

#endif
