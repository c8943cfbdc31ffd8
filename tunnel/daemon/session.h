/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The session as a pure machine: what has happened and the time go in, the
 * new state and a short list of things to do come out. It never does them;
 * session_io.c does, in the order of the list. No clock, no random numbers,
 * no allocation. Control thread.
 *
 * The user's hold and the result of the rules are not in here: they decide
 * whether the tunnel is wanted, and reach the machine as ASKED_UP, ASKED_DOWN
 * and ARMED.
 */
#ifndef ADIT_SESSION_H
#define ADIT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/reason.h"

enum session_state {
	SESSION_STATE_DOWN,
	SESSION_STATE_WAITING,	    /* on demand, armed */
	SESSION_STATE_CONNECTING,   /* nothing of the host has changed yet */
	SESSION_STATE_UP,	    /* an authenticated packet came, host set */
	SESSION_STATE_SUSPECT,	    /* sent, and no answer in time */
	SESSION_STATE_RECONNECTING, /* device kept, session being replaced */
	SESSION_STATE_FAILED, /* wanted; tried again at retry_ns or never */
	SESSION_STATE_COUNT,
};

enum session_event {
	SESSION_EVENT_ASKED_UP,	  /* wanted now: a person, or (automatic) a rule
				   */
	SESSION_EVENT_ASKED_DOWN, /* not wanted any more; has a reason */
	SESSION_EVENT_ARMED,	  /* to be started by a trigger */
	SESSION_EVENT_LEASE_CAME, /* authenticated, and usable */
	SESSION_EVENT_HOST_CHANGED,
	SESSION_EVENT_HOST_REFUSED,
	SESSION_EVENT_ENDED, /* the attempt or session is over; has a reason */
	SESSION_EVENT_ECHO_MISSED,
	SESSION_EVENT_HEARD, /* something authentic came */
	SESSION_EVENT_WENT_SILENT,
	SESSION_EVENT_RETRY_CAME_DUE,
	SESSION_EVENT_NETWORK_CHANGED, /* other ways out of this host */
	SESSION_EVENT_NETWORK_LOST,    /* none is left */
	SESSION_EVENT_WENT_ELSEWHERE,  /* the network is known to be another */
	SESSION_EVENT_COUNT,
};

enum session_action {
	SESSION_ACTION_START_ATTEMPT, /* resolve, sockets, handshake */
	SESSION_ACTION_END_ATTEMPT,   /* BYE if anybody listens; forget it */
	SESSION_ACTION_PUBLISH_KEYS,  /* device open, workers have the peer */
	SESSION_ACTION_BRING_HOST_UP, /* addresses, rules, routes */
	SESSION_ACTION_TAKE_HOST_DOWN,
	SESSION_ACTION_ARM_RETRY, /* at retry_ns */
	SESSION_ACTION_STOP_RETRY,
	SESSION_ACTION_START_LIVENESS,
	SESSION_ACTION_STOP_LIVENESS,
	SESSION_ACTION_SEND_ECHO,
	SESSION_ACTION_NOTIFY, /* the state or its reason is another; last */
	SESSION_ACTION_COUNT,
};

enum {
	SESSION_ACTIONS_MAX = 8,
	SESSION_LOG_MAX = 100,
};

struct session_transition {
	uint64_t at_ns;
	enum session_state from, to;
	enum session_event event;
	enum reason reason;
};

/* Readable by all, written by session.c. */
struct session {
	enum session_state state;
	enum reason reason; /* why it is not up, or went down */
	uint64_t since_ns;  /* in this state */
	uint64_t retry_ns;  /* CLOCK_NEVER: no retry is due */
	unsigned int failures;
	bool attempt; /* an attempt or a session exists */
	bool host;    /* the host may have been changed */

	/* The last final reason; REASON_NONE: none is in force. */
	enum reason refusal;
	uint64_t refusal_ns; /* when a start that nobody asked for may be */
	bool moved;	     /* this is another network than that one's */

	/* The last transitions, oldest first from log_count % MAX. */
	struct session_transition log[SESSION_LOG_MAX];
	uint64_t log_count; /* ever */
};

struct session_input {
	enum session_event event;
	enum reason reason; /* of ASKED_DOWN, HOST_REFUSED and ENDED */
	uint64_t now_ns;
	bool automatic;	 /* ASKED_UP: nobody said so */
	uint32_t jitter; /* random, for the back-off */
	/* ENDED: the other end's word for how long a retry makes no sense. */
	uint64_t retry_after_ns;
};

struct session_actions {
	size_t count;
	enum session_action action[SESSION_ACTIONS_MAX];
};

void session_init(struct session *s, uint64_t now_ns);
/* Takes one event. The actions are to be done in order, and what they cause
 * is reported after the last of them. */
void session_report(struct session *s, const struct session_input *in,
		    struct session_actions *ret_actions);

/* Is this a "no" that asking again will not change? */
bool session_reason_is_final(enum reason r);
/* Half to all of the doubling delay: 1 s for the first failure, 60 s at most.
 */
uint64_t session_backoff_ns(unsigned int failures, uint32_t jitter);
/* The i-th oldest transition kept; NULL behind the last. */
const struct session_transition *session_transition_at(const struct session *s,
						       size_t i);

/* "reconnecting", "echo-missed", "start-attempt": stable, for status. */
const char *session_state_name(enum session_state state);
const char *session_event_name(enum session_event event);
const char *session_action_name(enum session_action action);

#endif
