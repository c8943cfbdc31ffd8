/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is the machine awake, and who sits at it? What others announce and what two
 * clocks show becomes one row of events, each told once. Pure. One thread.
 *
 *   1. presence_start
 *   2. whoever hears of a sleep, of the end of one, or of who is logged in,
 *      says so; whoever told falls silent: presence_lost
 *   3. presence_look on any wake-up: a sleep that nobody announced
 *
 * `asleep_ns` is clock_asleep_ns(). Events come from within these calls.
 */
#ifndef ADIT_HOST_PRESENCE_H
#define ADIT_HOST_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/clock.h"

enum {
	PRESENCE_USERS_MAX = 64,
};

/* Shorter ones are no sleep: the two clocks are not read at one moment. */
#define PRESENCE_SLEEP_MIN_NS (1ULL * NS_PER_S)
#define PRESENCE_NOBODY UINT32_MAX /* (uid_t)-1 is no user */

enum presence_kind {
	PRESENCE_SLEEP, /* about to; until PRESENCE_WAKE nothing may start */
	PRESENCE_WAKE, /* also of a sleep that was called off, or unannounced */
	PRESENCE_LOGIN,	 /* a user's first session on a seat */
	PRESENCE_LOGOUT, /* the last one's end */
	PRESENCE_SWITCH, /* another user is in front, the one before stays */
};

struct presence_event {
	enum presence_kind kind;
	uint64_t slept_ns; /* WAKE; 0: it was called off */
	uint32_t uid;	   /* LOGIN, LOGOUT, SWITCH: who is in front now */
	uint32_t before;   /* SWITCH: who was */
	size_t users;	   /* LOGIN, LOGOUT: how many there are now */
	bool was_in_front; /* LOGOUT: and not switched away from */
};

typedef void (*presence_cb)(void *arg, const struct presence_event *e);

/* People with a session on a seat that is not being closed: no greeter, and
 * nobody who came over the network. */
struct presence_users {
	uint32_t uid[PRESENCE_USERS_MAX]; /* each once */
	size_t count;
	uint32_t in_front; /* of the first seat, or PRESENCE_NOBODY */
};

struct presence {
	/* set at the start */
	presence_cb tell;
	void *arg;

	bool preparing;	    /* SLEEP was told, and no WAKE since */
	uint64_t asleep_ns; /* as of the last look, or of SLEEP */
	bool known;	    /* `users` is */
	struct presence_users users;
	uint32_t last_in_front; /* the last who was, and is still logged in */
};

void presence_start(struct presence *p, uint64_t asleep_ns, presence_cb tell,
		    void *arg);
void presence_sleep_announced(struct presence *p, uint64_t asleep_ns);
void presence_sleep_ended(struct presence *p, uint64_t asleep_ns);
void presence_look(struct presence *p, uint64_t asleep_ns);
/* The first time nothing is told: who is there has not come just now. */
void presence_users_seen(struct presence *p, const struct presence_users *now);
/* Nobody will say when this sleep ends. Who is logged in is kept, and compared
 * with what the next one says. */
void presence_lost(struct presence *p, uint64_t asleep_ns);

/* -ENOSPC: more than there can be. */
int presence_users_add(struct presence_users *u, uint32_t uid);

#endif
