/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/daemon/session_io.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "config/profile.h"
#include "crypto/client.h"
#include "crypto/message.h"
#include "tunnel/base/clock.h"
#include "tunnel/base/log.h"
#include "tunnel/daemon/datapath.h"
#include "tunnel/daemon/resolver.h"
#include "tunnel/daemon/session_io_private.h"
#include "tunnel/host/state.h"

static void perform(struct session_io *io, enum session_action action);

static uint32_t random_jitter(void)
{
	uint32_t n;

	/* 4 bytes are never cut short; without entropy there is no jitter. */
	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
		n = 0;
	return n;
}

/* How long a refusal said that trying again makes no sense; 0: nothing. */
static uint64_t retry_after_ns(const struct session_io *io)
{
	const struct client *c =
		io->attempt != NULL ? attempt_client(io->attempt) : NULL;

	return c != NULL ? (uint64_t)client_facts(c)->retry_s * NS_PER_S : 0;
}

/* An action may cause an event: it waits here until the list is done. */
static void report(struct session_io *io, enum session_event event,
		   enum reason reason, bool automatic)
{
	assert(io->event_count < SESSION_IO_EVENTS_MAX);
	io->events[io->event_count++] = (struct session_input) {
		.event = event,
		.reason = reason,
		.automatic = automatic,
		.now_ns = clock_now_ns(),
		.jitter = random_jitter(),
		.retry_after_ns =
			event == SESSION_EVENT_ENDED ? retry_after_ns(io) : 0,
	};
	if (io->busy)
		return;
	io->busy = true;
	for (size_t i = 0; i < io->event_count; i++) {
		enum session_state before = io->session.state;
		struct session_actions actions;

		session_report(&io->session, &io->events[i], &actions);
		if (io->session.state != before)
			log_notice("%s: %s, was %s (%s%s%s)", io->name,
				   session_state_name(io->session.state),
				   session_state_name(before),
				   session_event_name(io->events[i].event),
				   io->session.reason ? ": " : "",
				   io->session.reason
					   ? reason_code(io->session.reason)
					   : "");
		for (size_t k = 0; k < actions.count; k++)
			perform(io, actions.action[k]);
	}
	io->event_count = 0;
	io->busy = false;
}

void session_io_report(struct session_io *io, enum session_event event,
		       enum reason reason)
{
	report(io, event, reason, false);
}

/* The sentence beside the next reason. */
void session_io_explain(struct session_io *io, const char *text)
{
	snprintf(io->text, sizeof(io->text), "%s", text);
	if (*text != '\0')
		log_warning("%s: %s", io->name, text);
}

static void on_attempt_up(void *arg)
{
	struct session_io *io = arg;

	session_io_report(io, SESSION_EVENT_LEASE_CAME, REASON_NONE);
}

static void on_attempt_ended(void *arg, enum reason reason, const char *text)
{
	struct session_io *io = arg;

	session_io_explain(io, text);
	session_io_report(io, SESSION_EVENT_ENDED, reason);
}

/* What gets lost may be for how it was sent. */
static void on_attempt_reported(void *arg, const struct message_report *report)
{
	struct session_io *io = arg;
	struct peer *p = datapath_peer(io->datapath);
	char text[FALLBACK_TEXT_MAX];
	struct fallback f;

	if (p == NULL || !peer_was_told(p, &report->received, clock_now_ns()))
		return;
	io->tactics_left += p->tactics.tactic == TACTIC_ENDED;
	if (tactics_fallback(&p->tactics, &f))
		log_notice("%s: batches: %s", io->name,
			   fallback_text(&f, text));
	else
		log_notice("%s: packets leave in whole batches again",
			   io->name);
}

static const struct attempt_callbacks attempt_callbacks = {
	.up = on_attempt_up,
	.reported = on_attempt_reported,
	.ended = on_attempt_ended,
};

static void on_stray(void *arg, const struct sockaddr_storage *from,
		     uint8_t *datagram, size_t len)
{
	struct session_io *io = arg;

	if (io->attempt != NULL)
		attempt_input(io->attempt, from, datagram, len);
}

static void on_device_lost(void *arg)
{
	struct session_io *io = arg;

	session_io_explain(io, SESSION_IO_DEVICE " was taken away");
	session_io_report(io, SESSION_EVENT_HOST_REFUSED, REASON_HOST);
}

static const struct datapath_callbacks datapath_callbacks = {
	.stray = on_stray,
	.lost = on_device_lost,
};

static void start_attempt(struct session_io *io)
{
	struct attempt_options o = {
		.loop = io->loop,
		.resolver = io->resolver,
		.profile = io->profile,
		.mark = HOST_MARK,
		.callbacks = &attempt_callbacks,
		.arg = io,
	};
	char error[ATTEMPT_ERROR_MAX] = "out of memory";
	int r;

	if (io->lease.index == 0)
		session_host_note(io);
	io->attempts++;
	r = attempt_start(&o, &io->attempt, error);
	if (r < 0) {
		session_io_explain(io, error);
		session_io_report(io, SESSION_EVENT_ENDED,
				  r == -EINVAL ? REASON_PROFILE
					       : REASON_INTERNAL);
	}
}

/* Its peer goes with it: what the workers still sent would keep the session
 * alive at the gateway, which would then refuse the next one. */
static void end_attempt(struct session_io *io)
{
	datapath_withdraw(io->datapath);
	if (io->attempt != NULL) {
		io->remote = *attempt_remote(io->attempt);
		attempt_end(io->attempt);
	}
	io->attempt = NULL;
}

static void on_retry(uv_timer_t *timer)
{
	session_io_report(timer->data, SESSION_EVENT_RETRY_CAME_DUE,
			  REASON_NONE);
}

static void arm_retry(struct session_io *io)
{
	uint64_t now = clock_now_ns();
	uint64_t at = io->session.retry_ns;

	uv_update_time(io->loop);
	/* Only a closing timer cannot be started. */
	(void)uv_timer_start(&io->retry, on_retry,
			     at > now ? (at - now) / NS_PER_MS + 1 : 0, 0);
}

/* Authentic records, data and control, ever. Nobody answers a report. */
static void count_records(const struct session_io *io, uint64_t *ret_sent,
			  uint64_t *ret_received)
{
	const struct client_facts *f =
		client_facts(attempt_client(io->attempt));
	struct peer_stats stats;

	datapath_stats(io->datapath, &stats);
	*ret_sent = stats.tx_records + f->tx_control - f->tx_reports;
	*ret_received = stats.rx_records + f->rx_control;
}

static void report_received(struct session_io *io, const struct peer_stats *s)
{
	struct peer *p = datapath_peer(io->datapath);
	struct message_report report = { s->received, s->sent };

	if (p != NULL && peer_report_due(p, s, clock_now_ns()))
		client_report(attempt_client(io->attempt), &report);
}

static void on_pulse(uv_timer_t *timer)
{
	struct session_io *io = timer->data;
	struct peer_stats stats;
	uint64_t sent, received;

	datapath_stats(io->datapath, &stats);
	if (stats.worn_out) {
		attempt_wear_out(io->attempt);
		return;
	}
	report_received(io, &stats);
	count_records(io, &sent, &received);
	switch (liveness_step(
		&io->liveness, clock_now_ns(), sent, received,
		client_facts(attempt_client(io->attempt))->rtt_ns)) {
	case LIVENESS_QUIET:
		break;
	case LIVENESS_ECHO:
		attempt_echo(io->attempt);
		break;
	case LIVENESS_MISSED:
		attempt_echo(io->attempt);
		session_io_report(io, SESSION_EVENT_ECHO_MISSED, REASON_NONE);
		break;
	case LIVENESS_HEARD:
		session_io_report(io, SESSION_EVENT_HEARD, REASON_NONE);
		break;
	case LIVENESS_SILENT:
		session_io_explain(
			io, "the gateway answered none of the last packets");
		session_io_report(io, SESSION_EVENT_WENT_SILENT, REASON_SILENT);
		break;
	}
}

static void start_liveness(struct session_io *io)
{
	uint64_t sent, received;

	count_records(io, &sent, &received);
	liveness_start(&io->liveness, sent, received);
	(void)uv_timer_start(&io->pulse, on_pulse, LIVENESS_STEP_NS / NS_PER_MS,
			     LIVENESS_STEP_NS / NS_PER_MS);
}

static void perform(struct session_io *io, enum session_action action)
{
	switch (action) {
	case SESSION_ACTION_START_ATTEMPT:
		start_attempt(io);
		break;
	case SESSION_ACTION_END_ATTEMPT:
		end_attempt(io);
		break;
	case SESSION_ACTION_PUBLISH_KEYS:
		session_host_publish(io);
		break;
	case SESSION_ACTION_BRING_HOST_UP:
		session_host_up(io);
		break;
	case SESSION_ACTION_TAKE_HOST_DOWN:
		session_host_down(io);
		break;
	case SESSION_ACTION_ARM_RETRY:
		arm_retry(io);
		break;
	case SESSION_ACTION_STOP_RETRY:
		(void)uv_timer_stop(&io->retry); /* cannot fail */
		break;
	case SESSION_ACTION_START_LIVENESS:
		start_liveness(io);
		break;
	case SESSION_ACTION_STOP_LIVENESS:
		(void)uv_timer_stop(&io->pulse); /* cannot fail */
		break;
	case SESSION_ACTION_SEND_ECHO:
		liveness_ask(&io->liveness, clock_now_ns());
		attempt_echo(io->attempt);
		break;
	case SESSION_ACTION_NOTIFY:
		if (io->session.state == SESSION_STATE_UP ||
		    io->session.state == SESSION_STATE_DOWN)
			io->text[0] = '\0';
		io->changed(io->arg);
		break;
	case SESSION_ACTION_COUNT:
		assert(false);
	}
}

struct session_io *session_io_create(const struct session_io_options *o)
{
	struct session_io *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return NULL;
	io->loop = o->loop;
	io->host = o->host;
	io->changed = o->changed;
	io->arg = o->arg;
	io->datapath = datapath_create(o->loop, &datapath_callbacks, io);
	io->resolver = resolver_create(o->loop);
	if (io->datapath == NULL || io->resolver == NULL) {
		datapath_destroy(io->datapath);
		resolver_destroy(io->resolver);
		free(io);
		return NULL;
	}
	/* These only set fields. */
	(void)uv_timer_init(o->loop, &io->retry);
	(void)uv_timer_init(o->loop, &io->pulse);
	io->retry.data = io;
	io->pulse.data = io;
	io->handles = 2;
	session_init(&io->session, clock_now_ns());
	return io;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct session_io *io = handle->data;

	io->handles--;
}

void session_io_end(struct session_io *io)
{
	session_io_report(io, SESSION_EVENT_ASKED_DOWN, REASON_SHUTDOWN);
	uv_close((uv_handle_t *)&io->retry, on_timer_closed);
	uv_close((uv_handle_t *)&io->pulse, on_timer_closed);
}

void session_io_destroy(struct session_io *io)
{
	if (io == NULL)
		return;
	assert(io->handles == 0);
	datapath_destroy(io->datapath);
	resolver_destroy(io->resolver);
	lease_fini(&io->lease);
	host_state_fini(&io->applied);
	free(io->routes);
	profile_destroy(io->profile);
	free(io);
}

/* Only without an attempt, which would have borrowed the one before. */
static void set_profile(struct session_io *io, struct profile *profile)
{
	assert(io->attempt == NULL);
	profile_destroy(io->profile);
	io->profile = profile;
}

/* Another's tunnel goes down; with the profile, as long as nobody uses the one
 * that is there. */
static void turn_to(struct session_io *io, const char *name,
		    struct profile *profile)
{
	assert(!io->busy); /* what is told leads to no new order */
	if (strcmp(io->name, name) != 0) {
		session_io_report(io, SESSION_EVENT_ASKED_DOWN,
				  REASON_REPLACED);
		snprintf(io->name, sizeof(io->name), "%s", name);
	}
	if (io->attempt == NULL && io->session.state != SESSION_STATE_UP) {
		if (profile != NULL)
			set_profile(io, profile);
		io->attempts = 0;
	} else {
		profile_destroy(profile);
	}
}

void session_io_up(struct session_io *io, const char *name,
		   struct profile *profile, bool automatic)
{
	turn_to(io, name, profile);
	report(io, SESSION_EVENT_ASKED_UP, REASON_NONE, automatic);
}

void session_io_arm(struct session_io *io, const char *name,
		    struct profile *profile, enum reason reason)
{
	if (io->session.state != SESSION_STATE_WAITING)
		session_io_report(io, SESSION_EVENT_ASKED_DOWN, reason);
	turn_to(io, name, profile);
	session_io_report(io, SESSION_EVENT_ARMED, reason);
}

void session_io_down(struct session_io *io, enum reason reason)
{
	assert(!io->busy);
	session_io_report(io, SESSION_EVENT_ASKED_DOWN, reason);
}

void session_io_replace(struct session_io *io, struct profile *profile)
{
	enum session_state was = io->session.state;

	assert(!io->busy);
	session_io_report(io, SESSION_EVENT_ASKED_DOWN, REASON_REPLACED);
	set_profile(io, profile);
	if (was == SESSION_STATE_WAITING)
		session_io_report(io, SESSION_EVENT_ARMED, REASON_NONE);
	else if (was != SESSION_STATE_DOWN)
		session_io_report(io, SESSION_EVENT_ASKED_UP, REASON_NONE);
}

void session_io_forget(struct session_io *io)
{
	assert(!io->busy);
	session_io_report(io, SESSION_EVENT_ASKED_DOWN, REASON_PROFILE_REMOVED);
	set_profile(io, NULL);
}

void session_io_woke(struct session_io *io)
{
	session_host_ways_changed(io);
}

void session_io_went_elsewhere(struct session_io *io)
{
	session_io_report(io, SESSION_EVENT_WENT_ELSEWHERE, REASON_NONE);
}

uint64_t session_io_packets(const struct session_io *io)
{
	struct counters c;

	return datapath_counters(io->datapath, &c)
		       ? counter_get(&c.of[COUNTER_RX_PACKETS]) +
				 counter_get(&c.of[COUNTER_TX_PACKETS])
		       : 0;
}

const struct session *session_io_session(const struct session_io *io)
{
	return &io->session;
}

const char *session_io_name(const struct session_io *io)
{
	return io->name;
}

const struct lease *session_io_lease(const struct session_io *io)
{
	return io->lease.index != 0 ? &io->lease : NULL;
}

const struct profile *session_io_profile(const struct session_io *io)
{
	return io->profile;
}

const char *session_io_text(const struct session_io *io)
{
	return io->text;
}
