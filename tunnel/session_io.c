/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/session_io.h"

#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "config/profile.h"
#include "crypto/client.h"
#include "tunnel/base/clock.h"
#include "tunnel/base/log.h"
#include "tunnel/data/tun.h"
#include "tunnel/datapath.h"
#include "tunnel/host/apply.h"
#include "tunnel/session_io_private.h"

static void perform(struct session_io *io, enum session_action action);

static uint32_t random_jitter(void)
{
	uint32_t n;

	/* 4 bytes are never cut short; without entropy there is no jitter. */
	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
		n = 0;
	return n;
}

/* An action may cause an event: it waits here until the list is done. */
static void report(struct session_io *io, enum session_event event,
		   enum reason reason)
{
	assert(io->event_count < SESSION_IO_EVENTS_MAX);
	io->events[io->event_count++] = (struct session_input) {
		.event = event,
		.reason = reason,
		.now_ns = clock_now_ns(),
		.jitter = random_jitter(),
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

/* The sentence beside the next reason. */
static void explain(struct session_io *io, const char *text)
{
	snprintf(io->text, sizeof(io->text), "%s", text);
	if (*text != '\0')
		log_warning("%s: %s", io->name, text);
}

static void on_attempt_up(void *arg)
{
	struct session_io *io = arg;

	report(io, SESSION_EVENT_LEASE_CAME, REASON_NONE);
}

static void on_attempt_ended(void *arg, enum reason reason, const char *text)
{
	struct session_io *io = arg;

	explain(io, text);
	report(io, SESSION_EVENT_ENDED, reason);
}

static const struct attempt_callbacks attempt_callbacks = {
	.up = on_attempt_up,
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

	explain(io, SESSION_IO_DEVICE " was taken away");
	report(io, SESSION_EVENT_HOST_REFUSED, REASON_HOST);
}

static const struct datapath_callbacks datapath_callbacks = {
	.stray = on_stray,
	.lost = on_device_lost,
};

static bool is_ours(const struct session_io *io, const struct rtnl_route *r)
{
	return r->ifindex != 0 && r->ifindex == datapath_ifindex(io->datapath);
}

/* FNV-1a over what a route is, added up: the order does not matter. */
static uint64_t routes_digest(const struct session_io *io,
			      const struct rtnl_route *routes, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		const struct rtnl_route *r = &routes[i];
		uint64_t parts[] = { r->to.len, r->ifindex, r->gateway.family,
				     r->metric, r->to.addr.family };
		uint64_t h = 0xcbf29ce484222325;

		if (is_ours(io, r))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(parts); k++)
			h = (h ^ parts[k]) * 0x100000001b3;
		for (size_t k = 0; k < sizeof(r->to.addr.bytes); k++) {
			h = (h ^ r->to.addr.bytes[k]) * 0x100000001b3;
			h = (h ^ r->gateway.bytes[k]) * 0x100000001b3;
		}
		sum += h;
	}
	return sum;
}

/* What the host looks like while we begin: a later change is a change. */
static void note_routes(struct session_io *io)
{
	struct rtnl_route *routes = NULL;
	size_t count = 0;

	if (host_routes(io->host, &routes, &count) == 0)
		io->routes_seen = routes_digest(io, routes, count);
	free(routes);
}

static void start_attempt(struct session_io *io)
{
	struct attempt_options o = {
		.loop = io->loop,
		.profile = io->profile,
		.mark = HOST_MARK,
		.callbacks = &attempt_callbacks,
		.arg = io,
	};
	char error[ATTEMPT_ERROR_MAX] = "out of memory";
	int r;

	if (io->lease.index == 0)
		note_routes(io);
	io->attempts++;
	r = attempt_start(&o, &io->attempt, error);
	if (r < 0) {
		explain(io, error);
		report(io, SESSION_EVENT_ENDED,
		       r == -EINVAL ? REASON_PROFILE : REASON_INTERNAL);
	}
}

static void end_attempt(struct session_io *io)
{
	if (io->attempt != NULL)
		attempt_end(io->attempt);
	io->attempt = NULL;
}

static void refuse_host(struct session_io *io, const char *what,
			const char *why)
{
	char text[SESSION_IO_TEXT_MAX];

	snprintf(text, sizeof(text), "%s: %s", what, why);
	explain(io, text);
	report(io, SESSION_EVENT_HOST_REFUSED, REASON_HOST);
}

/* The device comes with the first lease and stays. */
static int open_device(struct session_io *io)
{
	int r;

	if (datapath_is_open(io->datapath))
		return 0;
	r = host_link_expected(io->host);
	if (r < 0) {
		refuse_host(io, SESSION_IO_DEVICE, host_error(io->host));
		return r;
	}
	r = datapath_open(io->datapath, SESSION_IO_DEVICE);
	if (r < 0) {
		refuse_host(io, SESSION_IO_DEVICE, tun_error_text(r));
		return r;
	}
	r = host_link_made(io->host, datapath_ifindex(io->datapath));
	if (r < 0)
		refuse_host(io, SESSION_IO_DEVICE, host_error(io->host));
	return r;
}

static void publish_keys(struct session_io *io)
{
	struct lease lease = { 0 };
	int r;

	io->published = false;
	if (open_device(io) < 0)
		return;
	r = lease_copy(attempt_lease(io->attempt), &lease);
	if (r == 0)
		r = datapath_publish(io->datapath, io->attempt);
	if (r < 0) {
		lease_fini(&lease);
		refuse_host(io, SESSION_IO_DEVICE, strerror(-r));
		return;
	}
	lease_fini(&io->lease);
	io->lease = lease;
	io->published = true;
}

static int apply_plan(struct session_io *io, const struct rtnl_route *routes,
		      size_t route_count)
{
	const struct profile *p = io->profile;
	const struct lease *lease = &io->lease;
	struct lease_prefixes narrow = { p->route_count, p->routes };
	struct lease_prefixes excluded = { p->excluded_route_count,
					   p->excluded_routes };
	struct plan_input in = {
		.device = SESSION_IO_DEVICE,
		.ifindex = datapath_ifindex(io->datapath),
		.mtu = p->mtu != 0 && p->mtu < lease->mtu ? p->mtu : lease->mtu,
		.lease = lease,
		.routes = p->has_routes ? &narrow : NULL,
		.excluded = &excluded,
		.enforce_routes = p->enforce_routes,
		.all_networks = p->include_all_networks,
		.host_routes = routes,
		.host_route_count = route_count,
		.ipv6 = host_ipv6(SESSION_IO_DEVICE),
	};
	struct host_state want = { 0 };
	int r = plan_client(&in, &want);

	if (r == 0) {
		r = host_apply(io->host, &want);
		host_state_fini(&want);
	}
	return r;
}

/* With a default route of ours the uplink's strict rp_filter drops what an
 * off-link gateway sends (plan.h): said, not changed. */
static bool uplink_is_strict(const struct rtnl_route *routes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char name[IF_NAMESIZE];

		if (routes[i].to.len == 0 && routes[i].ifindex != 0 &&
		    if_indextoname(routes[i].ifindex, name) != NULL &&
		    host_rp_filter_strict(name))
			return true;
	}
	return false;
}

static int change_host(struct session_io *io)
{
	struct rtnl_route *routes = NULL;
	size_t count = 0;
	int r = host_routes(io->host, &routes, &count);

	if (r == 0) {
		io->routes_seen = routes_digest(io, routes, count);
		io->strict_filter = uplink_is_strict(routes, count);
		r = apply_plan(io, routes, count);
	}
	free(routes);
	return r;
}

static void bring_host_up(struct session_io *io)
{
	if (!io->published)
		return; /* that was reported, and its event waits */
	if (change_host(io) < 0)
		refuse_host(io, "the network of this machine",
			    host_error(io->host));
	else
		report(io, SESSION_EVENT_HOST_CHANGED, REASON_NONE);
}

static void take_host_down(struct session_io *io)
{
	int left = host_undo(io->host);

	if (left != 0)
		log_error("%d changes of this machine could not be undone: %s",
			  left, host_error(io->host));
	datapath_close(io->datapath);
	lease_fini(&io->lease);
	io->lease = (struct lease) { 0 };
}

static void on_retry(uv_timer_t *timer)
{
	report(timer->data, SESSION_EVENT_RETRY_CAME_DUE, REASON_NONE);
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

/* Authentic records, data and control, ever. */
static void count_records(const struct session_io *io, uint64_t *ret_sent,
			  uint64_t *ret_received)
{
	const struct client_facts *f =
		client_facts(attempt_client(io->attempt));
	struct peer_stats stats;

	datapath_stats(io->datapath, &stats);
	*ret_sent = stats.tx_records + f->tx_control;
	*ret_received = stats.rx_records + f->rx_control;
}

static void on_pulse(uv_timer_t *timer)
{
	struct session_io *io = timer->data;
	uint64_t sent, received;

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
		report(io, SESSION_EVENT_ECHO_MISSED, REASON_NONE);
		break;
	case LIVENESS_HEARD:
		report(io, SESSION_EVENT_HEARD, REASON_NONE);
		break;
	case LIVENESS_SILENT:
		explain(io, "the gateway answered none of the last packets");
		report(io, SESSION_EVENT_WENT_SILENT, REASON_SILENT);
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
		publish_keys(io);
		break;
	case SESSION_ACTION_BRING_HOST_UP:
		bring_host_up(io);
		break;
	case SESSION_ACTION_TAKE_HOST_DOWN:
		take_host_down(io);
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
	if (io->datapath == NULL) {
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
	report(io, SESSION_EVENT_ASKED_DOWN, REASON_SHUTDOWN);
	uv_close((uv_handle_t *)&io->retry, on_timer_closed);
	uv_close((uv_handle_t *)&io->pulse, on_timer_closed);
}

void session_io_destroy(struct session_io *io)
{
	if (io == NULL)
		return;
	assert(io->handles == 0);
	datapath_destroy(io->datapath);
	lease_fini(&io->lease);
	profile_destroy(io->profile);
	free(io);
}

static void set_hold(struct session_io *io, enum session_hold hold)
{
	io->hold = hold;
	io->hold_ns = clock_now_ns();
}

/* Only without an attempt, which would have borrowed the one before. */
static void set_profile(struct session_io *io, struct profile *profile)
{
	assert(io->attempt == NULL);
	profile_destroy(io->profile);
	io->profile = profile;
}

void session_io_connect(struct session_io *io, const char *name,
			struct profile *profile)
{
	if (strcmp(io->name, name) != 0) {
		report(io, SESSION_EVENT_ASKED_DOWN, REASON_REPLACED);
		snprintf(io->name, sizeof(io->name), "%s", name);
	}
	set_hold(io, SESSION_HOLD_UP);
	if (io->attempt == NULL && io->session.state != SESSION_STATE_UP) {
		set_profile(io, profile);
		io->attempts = 0;
	} else {
		profile_destroy(profile); /* what is in force goes on */
	}
	report(io, SESSION_EVENT_ASKED_UP, REASON_NONE);
}

void session_io_disconnect(struct session_io *io, enum reason reason)
{
	set_hold(io, SESSION_HOLD_DOWN);
	report(io, SESSION_EVENT_ASKED_DOWN, reason);
}

void session_io_replace(struct session_io *io, struct profile *profile)
{
	bool wanted = io->session.state != SESSION_STATE_DOWN;

	report(io, SESSION_EVENT_ASKED_DOWN, REASON_REPLACED);
	set_profile(io, profile);
	if (wanted)
		report(io, SESSION_EVENT_ASKED_UP, REASON_NONE);
}

/* Our own changes are among what is told, so only other routes count. */
void session_io_host_moved(struct session_io *io)
{
	struct rtnl_route *routes = NULL;
	size_t count = 0;
	uint64_t digest;

	if (io->session.state == SESSION_STATE_DOWN ||
	    host_routes(io->host, &routes, &count) < 0)
		return;
	digest = routes_digest(io, routes, count);
	if (digest != io->routes_seen) {
		io->routes_seen = digest;
		if (io->lease.index != 0 && apply_plan(io, routes, count) < 0)
			log_warning("%s: %s", io->name, host_error(io->host));
		report(io, SESSION_EVENT_NETWORK_CHANGED, REASON_NONE);
	}
	free(routes);
}

const struct session *session_io_session(const struct session_io *io)
{
	return &io->session;
}

const char *session_io_name(const struct session_io *io)
{
	return io->name;
}

const char *session_io_text(const struct session_io *io)
{
	return io->text;
}
