/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every pair of state and event. A name is the state entered; "." is nothing
 * at all; "=" stays and does something, told below.
 *
 *                   DOWN    WAITING CONNECT UP      SUSPECT RECONN  FAILED
 *   asked-up        CONNECT CONNECT .       .       .       = (a)   CONNECT
 *    automatic      CONN(f) CONN(f) .       .       .       .       .
 *   asked-down      .       DOWN    DOWN    DOWN    DOWN    DOWN    DOWN
 *   armed           WAITING .       .       .       .       .       .
 *   lease-came      .       .       = (b)   .       .       = (b)   .
 *   host-changed    .       .       UP      .       .       UP      .
 *   host-refused    .       .       FAILED  FAILED  FAILED  FAILED  .
 *   ended           .       .       FAILED  RECONN* RECONN* = (c)*  .
 *   echo-missed     .       .       .       SUSPECT .       .       .
 *   heard           .       .       .       .       UP      .       .
 *   went-silent     .       .       .       RECONN  RECONN  .       .
 *   retry-came-due  .       .       .       .       .       = (a)   CONNECT
 *   network-changed .       .       = (d)   SUSPECT = (e)   = (d)   CONN(f)
 *   network-lost    .       .       .       SUSPECT = (e)   .       .
 *   went-elsewhere  .       .       .       .       .       .       CONN(f)
 *
 *   *    FAILED when the reason is final: a gateway that refuses us does so
 *        again, and a device that leads nowhere is taken away
 *   (a)  an attempt starts now, unless one is running
 *   (b)  the workers get the keys, then the host is changed
 *   (c)  the next attempt is timed, as it is for a session that ended; one
 *        that went silent is replaced at once
 *   (d)  the attempt starts again, from the new network, without back-off
 *   (e)  an echo asks whether the new network carries us
 *   (f)  FAILED while a refusal is in force
 *
 * Timers. Retry: armed when an attempt failed and another is allowed, stopped
 * by leaving FAILED and by a new attempt; its length is session_backoff_ns of
 * the failures in a row, or what a refusal asks for if that is longer, and a
 * session that was up for SESSION_STEADY_NS ends the row. A final reason arms
 * none: it is a refusal, in force also while DOWN and WAITING. Nothing starts
 * by itself for SESSION_REFUSAL_NS, whatever happens, nor after that until this
 * is another network (went-elsewhere; other ways out of the same one are none);
 * then at once, or (retry) when that time is over. A person's asked-up ends it,
 * another profile, and a gateway that lets us in. Liveness: runs in UP and
 * SUSPECT; liveness.h has its lengths.
 *
 * The device and all that the host was told outlive the session: they come
 * with the first lease and go when the tunnel is not wanted, or has failed.
 */
#include "tunnel/daemon/session.h"

#include <assert.h>

#include "tunnel/base/clock.h"

#define SESSION_BACKOFF_MIN_NS (1ULL * NS_PER_S)
#define SESSION_BACKOFF_MAX_NS (60ULL * NS_PER_S)
#define SESSION_STEADY_NS (60ULL * NS_PER_S)
#define SESSION_REFUSAL_NS (10ULL * NS_PER_S)

static const char *const state_names[SESSION_STATE_COUNT] = {
	[SESSION_STATE_DOWN] = "down",
	[SESSION_STATE_WAITING] = "waiting",
	[SESSION_STATE_CONNECTING] = "connecting",
	[SESSION_STATE_UP] = "up",
	[SESSION_STATE_SUSPECT] = "suspect",
	[SESSION_STATE_RECONNECTING] = "reconnecting",
	[SESSION_STATE_FAILED] = "failed",
};

static const char *const event_names[SESSION_EVENT_COUNT] = {
	[SESSION_EVENT_ASKED_UP] = "asked-up",
	[SESSION_EVENT_ASKED_DOWN] = "asked-down",
	[SESSION_EVENT_ARMED] = "armed",
	[SESSION_EVENT_LEASE_CAME] = "lease-came",
	[SESSION_EVENT_HOST_CHANGED] = "host-changed",
	[SESSION_EVENT_HOST_REFUSED] = "host-refused",
	[SESSION_EVENT_ENDED] = "ended",
	[SESSION_EVENT_ECHO_MISSED] = "echo-missed",
	[SESSION_EVENT_HEARD] = "heard",
	[SESSION_EVENT_WENT_SILENT] = "went-silent",
	[SESSION_EVENT_RETRY_CAME_DUE] = "retry-came-due",
	[SESSION_EVENT_NETWORK_CHANGED] = "network-changed",
	[SESSION_EVENT_NETWORK_LOST] = "network-lost",
	[SESSION_EVENT_WENT_ELSEWHERE] = "went-elsewhere",
};

static const char *const action_names[SESSION_ACTION_COUNT] = {
	[SESSION_ACTION_START_ATTEMPT] = "start-attempt",
	[SESSION_ACTION_END_ATTEMPT] = "end-attempt",
	[SESSION_ACTION_PUBLISH_KEYS] = "publish-keys",
	[SESSION_ACTION_BRING_HOST_UP] = "bring-host-up",
	[SESSION_ACTION_TAKE_HOST_DOWN] = "take-host-down",
	[SESSION_ACTION_ARM_RETRY] = "arm-retry",
	[SESSION_ACTION_STOP_RETRY] = "stop-retry",
	[SESSION_ACTION_START_LIVENESS] = "start-liveness",
	[SESSION_ACTION_STOP_LIVENESS] = "stop-liveness",
	[SESSION_ACTION_SEND_ECHO] = "send-echo",
	[SESSION_ACTION_NOTIFY] = "notify",
};

const char *session_state_name(enum session_state state)
{
	return state_names[state];
}

const char *session_event_name(enum session_event event)
{
	return event_names[event];
}

const char *session_action_name(enum session_action action)
{
	return action_names[action];
}

bool session_reason_is_final(enum reason r)
{
	return r == REASON_GATEWAY_CERTIFICATE ||
	       r == REASON_DEVICE_CERTIFICATE || r == REASON_REFUSED ||
	       r == REASON_PROFILE;
}

uint64_t session_backoff_ns(unsigned int failures, uint32_t jitter)
{
	uint64_t whole = SESSION_BACKOFF_MIN_NS;

	for (; failures > 1 && whole < SESSION_BACKOFF_MAX_NS; failures--)
		whole *= 2;
	if (whole > SESSION_BACKOFF_MAX_NS)
		whole = SESSION_BACKOFF_MAX_NS;
	return whole / 2 + whole / 2 / UINT16_MAX * (jitter >> 16);
}

const struct session_transition *session_transition_at(const struct session *s,
						       size_t i)
{
	uint64_t kept =
		s->log_count < SESSION_LOG_MAX ? s->log_count : SESSION_LOG_MAX;

	if (i >= kept)
		return NULL;
	return &s->log[(s->log_count - kept + i) % SESSION_LOG_MAX];
}

static void add(struct session_actions *out, enum session_action action)
{
	assert(out->count < SESSION_ACTIONS_MAX);
	out->action[out->count++] = action;
}

static bool state_has_liveness(enum session_state state)
{
	return state == SESSION_STATE_UP || state == SESSION_STATE_SUSPECT;
}

static void stop_retry(struct session *s, struct session_actions *out)
{
	if (s->retry_ns == CLOCK_NEVER)
		return;
	s->retry_ns = CLOCK_NEVER;
	add(out, SESSION_ACTION_STOP_RETRY);
}

static void start_attempt(struct session *s, struct session_actions *out)
{
	stop_retry(s, out);
	s->attempt = true;
	add(out, SESSION_ACTION_START_ATTEMPT);
}

static void end_attempt(struct session *s, struct session_actions *out)
{
	if (!s->attempt)
		return;
	s->attempt = false;
	add(out, SESSION_ACTION_END_ATTEMPT);
}

static void take_host_down(struct session *s, struct session_actions *out)
{
	if (!s->host)
		return;
	s->host = false;
	add(out, SESSION_ACTION_TAKE_HOST_DOWN);
}

static void time_next_attempt(struct session *s, const struct session_input *in,
			      struct session_actions *out)
{
	uint64_t wait = session_backoff_ns(++s->failures, in->jitter);

	if (in->retry_after_ns > wait)
		wait = in->retry_after_ns < SESSION_BACKOFF_MAX_NS
			       ? in->retry_after_ns
			       : SESSION_BACKOFF_MAX_NS;
	s->retry_ns = in->now_ns + wait;
	add(out, SESSION_ACTION_ARM_RETRY);
}

static bool may_start(const struct session *s, const struct session_input *in)
{
	return s->refusal == REASON_NONE ||
	       (s->moved && in->now_ns >= s->refusal_ns);
}

/* What happens to a refusal, whatever the state. */
static void note_refusal(struct session *s, const struct session_input *in)
{
	bool other = in->event == SESSION_EVENT_ASKED_DOWN &&
		     (in->reason == REASON_REPLACED ||
		      in->reason == REASON_PROFILE_REMOVED);
	bool person = in->event == SESSION_EVENT_ASKED_UP && !in->automatic;

	if (other || person)
		s->refusal = REASON_NONE;
	if (in->event == SESSION_EVENT_WENT_ELSEWHERE)
		s->moved = true;
}

static void refuse(struct session *s, const struct session_input *in)
{
	s->refusal = in->reason;
	s->refusal_ns = in->now_ns + SESSION_REFUSAL_NS;
	s->moved = false;
}

/* The network has changed, and the refusal is not old enough. */
static void await_refusal(struct session *s, struct session_actions *out)
{
	if (!s->moved || s->retry_ns != CLOCK_NEVER)
		return;
	s->retry_ns = s->refusal_ns;
	add(out, SESSION_ACTION_ARM_RETRY);
}

/* What leaving a state does, whatever comes next. */
static void leave(struct session *s, enum session_state to, uint64_t now_ns,
		  struct session_actions *out)
{
	if (state_has_liveness(s->state) && !state_has_liveness(to))
		add(out, SESSION_ACTION_STOP_LIVENESS);
	if (s->state == SESSION_STATE_UP &&
	    now_ns - s->since_ns >= SESSION_STEADY_NS)
		s->failures = 0;
}

/* What entering one does. */
static void enter(struct session *s, enum session_state from,
		  const struct session_input *in, struct session_actions *out)
{
	switch (s->state) {
	case SESSION_STATE_DOWN:
		stop_retry(s, out);
		end_attempt(s, out);
		take_host_down(s, out);
		s->failures = 0;
		break;
	case SESSION_STATE_WAITING:
	case SESSION_STATE_SUSPECT:
		break;
	case SESSION_STATE_CONNECTING:
		start_attempt(s, out);
		break;
	case SESSION_STATE_UP:
		s->refusal = REASON_NONE;
		if (!state_has_liveness(from))
			add(out, SESSION_ACTION_START_LIVENESS);
		break;
	case SESSION_STATE_RECONNECTING:
		end_attempt(s, out);
		/* What ended soon after it came up is not tried at once. A
		 * gateway that ended it in words has all its clients coming:
		 * each after a while of its own. */
		if (s->failures > 0 || in->event == SESSION_EVENT_ENDED)
			time_next_attempt(s, in, out);
		else
			start_attempt(s, out);
		break;
	case SESSION_STATE_FAILED:
		end_attempt(s, out);
		take_host_down(s, out);
		stop_retry(s, out);
		if (!session_reason_is_final(in->reason))
			time_next_attempt(s, in, out);
		else if (in->event != SESSION_EVENT_ASKED_UP)
			refuse(s, in);
		else
			await_refusal(s, out);
		break;
	case SESSION_STATE_COUNT:
		assert(false);
	}
}

/* The only writer of the state. */
static void session_enter(struct session *s, enum session_state to,
			  const struct session_input *in,
			  struct session_actions *out)
{
	enum session_state from = s->state;

	leave(s, to, in->now_ns, out);
	s->log[s->log_count++ % SESSION_LOG_MAX] = (struct session_transition) {
		.at_ns = in->now_ns,
		.from = from,
		.to = to,
		.event = in->event,
		.reason = in->reason,
	};
	s->state = to;
	s->since_ns = in->now_ns;
	s->reason = in->reason;
	enter(s, from, in, out);
	add(out, SESSION_ACTION_NOTIFY);
}

/* Where a state goes that has an attempt or a session, when that is over. */
static void session_ended(struct session *s, const struct session_input *in,
			  struct session_actions *out)
{
	if (s->state == SESSION_STATE_CONNECTING ||
	    session_reason_is_final(in->reason)) {
		session_enter(s, SESSION_STATE_FAILED, in, out);
	} else if (s->state == SESSION_STATE_RECONNECTING) {
		end_attempt(s, out);
		stop_retry(s, out);
		time_next_attempt(s, in, out);
		s->reason = in->reason;
		add(out, SESSION_ACTION_NOTIFY);
	} else {
		session_enter(s, SESSION_STATE_RECONNECTING, in, out);
	}
}

/* From DOWN or WAITING. */
static void start(struct session *s, const struct session_input *in,
		  struct session_actions *out)
{
	struct session_input again = *in;

	if (may_start(s, in)) {
		session_enter(s, SESSION_STATE_CONNECTING, in, out);
		return;
	}
	again.reason = s->refusal;
	session_enter(s, SESSION_STATE_FAILED, &again, out);
}

static void report_down(struct session *s, const struct session_input *in,
			struct session_actions *out)
{
	if (in->event == SESSION_EVENT_ASKED_UP)
		start(s, in, out);
	else if (in->event == SESSION_EVENT_ARMED)
		session_enter(s, SESSION_STATE_WAITING, in, out);
}

static void report_waiting(struct session *s, const struct session_input *in,
			   struct session_actions *out)
{
	if (in->event == SESSION_EVENT_ASKED_UP)
		start(s, in, out);
	else if (in->event == SESSION_EVENT_ASKED_DOWN)
		session_enter(s, SESSION_STATE_DOWN, in, out);
}

/* CONNECTING and RECONNECTING: an attempt runs, or its time will come. */
static void report_attempting(struct session *s, const struct session_input *in,
			      struct session_actions *out)
{
	switch (in->event) {
	case SESSION_EVENT_ASKED_UP:
	case SESSION_EVENT_RETRY_CAME_DUE:
		if (!s->attempt && !in->automatic)
			start_attempt(s, out);
		break;
	case SESSION_EVENT_ASKED_DOWN:
		session_enter(s, SESSION_STATE_DOWN, in, out);
		break;
	case SESSION_EVENT_LEASE_CAME:
		s->host = true;
		add(out, SESSION_ACTION_PUBLISH_KEYS);
		add(out, SESSION_ACTION_BRING_HOST_UP);
		break;
	case SESSION_EVENT_HOST_CHANGED:
		session_enter(s, SESSION_STATE_UP, in, out);
		break;
	case SESSION_EVENT_HOST_REFUSED:
		session_enter(s, SESSION_STATE_FAILED, in, out);
		break;
	case SESSION_EVENT_ENDED:
		session_ended(s, in, out);
		break;
	case SESSION_EVENT_NETWORK_CHANGED:
		s->failures = 0;
		end_attempt(s, out);
		start_attempt(s, out);
		break;
	case SESSION_EVENT_ARMED:
	case SESSION_EVENT_ECHO_MISSED:
	case SESSION_EVENT_HEARD:
	case SESSION_EVENT_WENT_SILENT:
	case SESSION_EVENT_NETWORK_LOST:
	case SESSION_EVENT_WENT_ELSEWHERE:
	case SESSION_EVENT_COUNT:
		break;
	}
}

/* UP and SUSPECT: packets flow, or should. */
static void report_running(struct session *s, const struct session_input *in,
			   struct session_actions *out)
{
	bool up = s->state == SESSION_STATE_UP;

	switch (in->event) {
	case SESSION_EVENT_ASKED_DOWN:
		session_enter(s, SESSION_STATE_DOWN, in, out);
		break;
	case SESSION_EVENT_HOST_REFUSED:
		session_enter(s, SESSION_STATE_FAILED, in, out);
		break;
	case SESSION_EVENT_ENDED:
		session_ended(s, in, out);
		break;
	case SESSION_EVENT_ECHO_MISSED:
		if (up)
			session_enter(s, SESSION_STATE_SUSPECT, in, out);
		break;
	case SESSION_EVENT_HEARD:
		if (!up)
			session_enter(s, SESSION_STATE_UP, in, out);
		break;
	case SESSION_EVENT_WENT_SILENT:
		session_enter(s, SESSION_STATE_RECONNECTING, in, out);
		break;
	case SESSION_EVENT_NETWORK_CHANGED:
	case SESSION_EVENT_NETWORK_LOST:
		if (up)
			session_enter(s, SESSION_STATE_SUSPECT, in, out);
		add(out, SESSION_ACTION_SEND_ECHO);
		break;
	case SESSION_EVENT_ASKED_UP:
	case SESSION_EVENT_ARMED:
	case SESSION_EVENT_LEASE_CAME:
	case SESSION_EVENT_HOST_CHANGED:
	case SESSION_EVENT_RETRY_CAME_DUE:
	case SESSION_EVENT_WENT_ELSEWHERE:
	case SESSION_EVENT_COUNT:
		break;
	}
}

static void report_failed(struct session *s, const struct session_input *in,
			  struct session_actions *out)
{
	switch (in->event) {
	case SESSION_EVENT_ASKED_UP:
	case SESSION_EVENT_NETWORK_CHANGED:
	case SESSION_EVENT_WENT_ELSEWHERE:
		if (in->automatic)
			break;
		s->failures = 0;
		if (may_start(s, in))
			session_enter(s, SESSION_STATE_CONNECTING, in, out);
		else
			await_refusal(s, out);
		break;
	case SESSION_EVENT_RETRY_CAME_DUE:
		session_enter(s, SESSION_STATE_CONNECTING, in, out);
		break;
	case SESSION_EVENT_ASKED_DOWN:
		session_enter(s, SESSION_STATE_DOWN, in, out);
		break;
	case SESSION_EVENT_ARMED:
	case SESSION_EVENT_LEASE_CAME:
	case SESSION_EVENT_HOST_CHANGED:
	case SESSION_EVENT_HOST_REFUSED:
	case SESSION_EVENT_ENDED:
	case SESSION_EVENT_ECHO_MISSED:
	case SESSION_EVENT_HEARD:
	case SESSION_EVENT_WENT_SILENT:
	case SESSION_EVENT_NETWORK_LOST:
	case SESSION_EVENT_COUNT:
		break;
	}
}

void session_init(struct session *s, uint64_t now_ns)
{
	*s = (struct session) {
		.state = SESSION_STATE_DOWN,
		.since_ns = now_ns,
		.retry_ns = CLOCK_NEVER,
	};
}

void session_report(struct session *s, const struct session_input *in,
		    struct session_actions *ret_actions)
{
	ret_actions->count = 0;
	note_refusal(s, in);
	switch (s->state) {
	case SESSION_STATE_DOWN:
		report_down(s, in, ret_actions);
		break;
	case SESSION_STATE_WAITING:
		report_waiting(s, in, ret_actions);
		break;
	case SESSION_STATE_CONNECTING:
	case SESSION_STATE_RECONNECTING:
		report_attempting(s, in, ret_actions);
		break;
	case SESSION_STATE_UP:
	case SESSION_STATE_SUSPECT:
		report_running(s, in, ret_actions);
		break;
	case SESSION_STATE_FAILED:
		report_failed(s, in, ret_actions);
		break;
	case SESSION_STATE_COUNT:
		assert(false);
	}
}
