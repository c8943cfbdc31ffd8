/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) Those who wait for the tunnel: `adit connect --wait`. */
#include <inttypes.h>
#include <stdio.h>

#include "tunnel/base/clock.h"
#include "tunnel/daemon/daemon_private.h"

static void reply_failed(struct daemon *d, struct ctl_peer *peer)
{
	const struct session *s = session_io_session(d->io);
	const char *text = session_io_text(d->io);
	uint64_t now = clock_now_ns();
	uint64_t left = s->retry_ns > now ? s->retry_ns - now : 0;
	char next[64] = "";

	if (s->retry_ns != CLOCK_NEVER)
		snprintf(next, sizeof(next),
			 "; it is tried again in %" PRIu64 " s",
			 left / NS_PER_S + 1);
	daemon_reply(peer, true, (enum ctl_exit)reason_exit_code(s->reason),
		     "%s: %s%s", session_io_name(d->io),
		     *text ? text : reason_text(s->reason), next);
}

/* What a waiter is told now; true: it was the last. */
static bool tell_waiter(struct daemon *d, struct waiter *w)
{
	const struct session *s = session_io_session(d->io);
	const char *name = session_io_name(d->io);

	switch (s->state) {
	case SESSION_STATE_UP:
		/* Whoever waits goes on to use names. */
		if (!split_dns_settled(d->names))
			break;
		daemon_reply(w->peer, true, CTL_EXIT_DONE, "%s is up", name);
		return true;
	case SESSION_STATE_FAILED:
		/* The gateway frees a dead session's place by itself. */
		if (s->reason == REASON_BUSY)
			break;
		reply_failed(d, w->peer);
		return true;
	case SESSION_STATE_DOWN:
		reply_failed(d, w->peer);
		return true;
	case SESSION_STATE_WAITING:
	case SESSION_STATE_CONNECTING:
	case SESSION_STATE_SUSPECT:
	case SESSION_STATE_RECONNECTING:
	case SESSION_STATE_COUNT:
		break;
	}
	if (w->told != s->state)
		daemon_reply(w->peer, false, CTL_EXIT_DONE, "%s: %s%s%s", name,
			     session_state_name(s->state),
			     s->reason ? ", " : "",
			     s->reason ? reason_text(s->reason) : "");
	w->told = s->state;
	return false;
}

static void reply_timed_out(struct daemon *d, struct ctl_peer *peer)
{
	const struct session *s = session_io_session(d->io);

	if (s->state == SESSION_STATE_FAILED)
		reply_failed(d, peer);
	else
		daemon_reply(peer, true, CTL_EXIT_TIMED_OUT,
			     "%s is not up yet (%s); it is still tried, see "
			     "\"adit status\"",
			     session_io_name(d->io),
			     session_state_name(s->state));
}

static void arm_waiting(struct daemon *d);

static void on_waiting(uv_timer_t *timer)
{
	struct daemon *d = timer->data;
	uint64_t now = clock_now_ns();

	for (size_t i = 0; i < ARRAY_SIZE(d->waiters); i++) {
		struct waiter *w = &d->waiters[i];
		struct ctl_peer *peer = w->peer;

		if (peer == NULL || w->deadline_ns > now)
			continue;
		w->peer = NULL;
		reply_timed_out(d, peer);
	}
	arm_waiting(d);
}

static void arm_waiting(struct daemon *d)
{
	uint64_t first = CLOCK_NEVER, now = clock_now_ns();

	for (size_t i = 0; i < ARRAY_SIZE(d->waiters); i++)
		if (d->waiters[i].peer != NULL &&
		    d->waiters[i].deadline_ns < first)
			first = d->waiters[i].deadline_ns;
	/* Neither fails on a timer that is not being closed. */
	if (first == CLOCK_NEVER)
		(void)uv_timer_stop(&d->waiting);
	else
		(void)uv_timer_start(
			&d->waiting, on_waiting,
			first > now ? (first - now) / NS_PER_MS + 1 : 0, 0);
}

void daemon_wait_changed(struct daemon *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(d->waiters); i++) {
		struct waiter *w = &d->waiters[i];

		if (w->peer != NULL && tell_waiter(d, w))
			w->peer = NULL;
	}
	if (!d->stopping)
		arm_waiting(d);
}

void daemon_wait_gone(struct daemon *d, struct ctl_peer *peer)
{
	for (size_t i = 0; i < ARRAY_SIZE(d->waiters); i++)
		if (d->waiters[i].peer == peer)
			d->waiters[i].peer = NULL;
	arm_waiting(d);
}

void daemon_wait_for_up(struct daemon *d, struct ctl_peer *peer,
			uint64_t wait_s)
{
	for (size_t i = 0; i < ARRAY_SIZE(d->waiters); i++) {
		struct waiter *w = &d->waiters[i];

		if (w->peer != NULL)
			continue;
		*w = (struct waiter) {
			.peer = peer,
			.deadline_ns = clock_now_ns() + wait_s * NS_PER_S,
		};
		if (tell_waiter(d, w))
			w->peer = NULL;
		arm_waiting(d);
		return;
	}
	/* There are as many places as peers. */
	daemon_reply(peer, true, CTL_EXIT_FAILED, "too many wait already");
}
