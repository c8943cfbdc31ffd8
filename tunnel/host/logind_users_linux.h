/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads from logind who sits at the machine, and tells a presence: a part of
 * logind_linux.c. One reading at a time, anew if something changed meanwhile,
 * and only a whole one counts.
 *
 *   1. logind_users_start reads for the first time
 *   2. logind_users_read after whatever may have changed it
 *   3. logind_users_stop, also of a zeroed one; nothing is told afterwards
 */
#ifndef ADIT_HOST_LOGIND_USERS_LINUX_H
#define ADIT_HOST_LOGIND_USERS_LINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-bus.h>

#include "tunnel/host/presence.h"

#define LOGIND_NAME "org.freedesktop.login1"
#define LOGIND_PATH "/org/freedesktop/login1"
#define LOGIND_MANAGER LOGIND_NAME ".Manager"
#define LOGIND_SESSION LOGIND_NAME ".Session"

enum {
	LOGIND_SESSIONS_MAX = 128,
	LOGIND_PATIENCE_US = 5 * 1000 * 1000, /* for an answer */
};

/* A session whose properties were asked for. */
struct logind_asked {
	struct logind_users *users;
	sd_bus_slot *slot;
	uint32_t uid;
	bool first_seat;
};

struct logind_users {
	/* borrowed, set at the start */
	sd_bus *bus;
	const char *owner; /* of logind's name */
	struct presence *presence;

	/* one reading */
	bool again;	   /* something changed since it began */
	sd_bus_slot *list; /* the sessions were asked for */
	struct presence_users seen;
	struct logind_asked asked[LOGIND_SESSIONS_MAX];
	size_t asked_count, unanswered;
};

void logind_users_start(struct logind_users *u, sd_bus *bus, const char *owner,
			struct presence *p);
void logind_users_read(struct logind_users *u);
void logind_users_stop(struct logind_users *u);

#endif
