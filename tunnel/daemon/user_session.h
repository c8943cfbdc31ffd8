/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) Tells the daemon when the machine goes to sleep and wakes, and when
 * people log in, log out or take turns at it (tunnel/host/presence.h has the
 * events), and delays a sleep until a tunnel is down. Control thread.
 *
 *   1. user_session_create; there need be neither bus nor logind
 *   2. `event`, from the loop. What was before is not told
 *   3. user_session_close; the memory goes when the loop has run
 *
 * Nothing wakes up for it while nothing happens: two folders are watched, the
 * bus's and that of logind's sessions. Where the bus has no socket nothing else
 * is done; where it has one and nobody answers, it is tried again after 1 s,
 * and in the end every 256 s. A sleep that nobody announces is noticed when the
 * loop next wakes for anything.
 */
#ifndef ADIT_USER_SESSION_H
#define ADIT_USER_SESSION_H

#include <stdbool.h>

#include "tunnel/base/attr.h"
#include "tunnel/host/presence.h"

struct user_session;
struct uv_loop_s;

/* 0 or -errno. */
int user_session_create(struct uv_loop_s *loop, presence_cb event, void *arg,
			struct user_session **ret_session) ATTR_MUST_CHECK;
/* Takes NULL. */
void user_session_close(struct user_session *u);

/* While true, logind holds a sleep back after PRESENCE_SLEEP until
 * user_session_sleep_done, for a few seconds at most. To be asked for only
 * while a tunnel is up that has to go down first. */
void user_session_delay_sleep(struct user_session *u, bool wanted);
void user_session_sleep_done(struct user_session *u);

/* For people: does a logind talk to us, and would a sleep wait for us? */
bool user_session_is_told(const struct user_session *u);
bool user_session_delays_sleep(const struct user_session *u);

#endif
