/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) One loop: control socket, workers' events, timers, signals. */
#include "tunnel/gateway/gateway_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tunnel/base/clock.h"
#include "tunnel/base/descriptors.h"
#include "tunnel/base/folder.h"
#include "tunnel/base/log.h"
#include "tunnel/base/notify.h"

/*
 * Timers:
 *   deadline   when the transport's server wants it
 *   tick       always, each 500 ms: the list of clients, what workers released,
 *              what the departed have left in the heap;
 *              each 30 s whether the host is still as we made it
 *   ending     once, from SIGTERM on: BYE is said three times, 50 ms apart
 */
enum {
	TICK_MS = 500,
	VERIFY_TICKS = 30000 / TICK_MS,
	ENDING_MS = 200,
	RECEIVES_MAX = 32, /* in one turn of the loop */
};

/* Receiving. */

static void on_deadline(uv_timer_t *timer);

static void arm(struct gateway *g)
{
	uint64_t at_ns = gateway_sessions_deadline(g->sessions);
	uint64_t now_ns = clock_now_ns(), ms;

	if (at_ns == CLOCK_NEVER) {
		uv_timer_stop(&g->deadline);
		return;
	}
	ms = at_ns > now_ns ? (at_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
	uv_update_time(&g->loop);
	(void)uv_timer_start(&g->deadline, on_deadline, ms, 0);
}

static void on_deadline(uv_timer_t *timer)
{
	struct gateway *g = timer->data;

	gateway_sessions_timeout(g->sessions, clock_now_ns());
	arm(g);
}

/* False: there is nothing more. */
static bool receive(struct gateway *g, uint64_t now_ns)
{
	size_t segment, len;
	struct path from;
	int n;

	n = udp_receive(g->sockets.control, g->buffer, sizeof(g->buffer), &from,
			&segment);
	if (n == -EAGAIN || n == -EINTR)
		return false;
	if (n == 0) /* what is empty is counted */
		gateway_sessions_input(g->sessions, &from, g->buffer, 0,
				       now_ns);
	/* Another error is one datagram's: an ICMP answer to what was sent. */
	for (size_t at = 0; n > 0 && at < (size_t)n; at += segment) {
		len = (size_t)n - at < segment ? (size_t)n - at : segment;
		gateway_sessions_input(g->sessions, &from, g->buffer + at, len,
				       now_ns);
	}
	return true;
}

static void on_control(uv_poll_t *poll, int status, int events)
{
	struct gateway *g = poll->data;
	uint64_t now_ns = clock_now_ns();

	(void)status; /* an error shows in the receive */
	(void)events;
	for (int i = 0; i < RECEIVES_MAX && receive(g, now_ns); i++)
		;
	arm(g);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct gateway *g = poll->data;
	struct worker *w = g->worker[poll - g->event];
	const struct rx_stray *stray;
	uint64_t now_ns = clock_now_ns();
	uint8_t bytes[RX_STRAY_MAX];

	(void)status;
	(void)events;
	worker_event_clear(w);
	while ((stray = worker_stray_next(w)) != NULL) {
		struct path from = { .local = stray->local };
		size_t len = stray->len;
		int r = endpoint_from_sockaddr(
			(const struct sockaddr *)&stray->from, &from.remote);

		memcpy(bytes, stray->bytes, len);
		worker_stray_done(w);
		if (r == 0)
			gateway_sessions_input(g->sessions, &from, bytes, len,
					       now_ns);
	}
	if (worker_state(w) == WORKER_TUN_LOST) {
		g->failure =
			gateway_failed_at(g, -ENODEV, g->o->device,
					  "the TUN device is gone: somebody "
					  "removed it");
		uv_stop(&g->loop);
	}
	arm(g);
}

/* Time. */

/* Another program may have taken an address away, or forwarding. */
static void verify_host(struct gateway *g)
{
	int repaired = host_verify(g->host, &g->host_state);

	if (repaired > 0)
		g->host_repairs += (uint64_t)repaired;
	else if (repaired < 0)
		g->host_repair_errors++;
	if (repaired > 0)
		log_warning("%s: %d settings of the host had changed, and are "
			    "made again",
			    g->o->device, repaired);
	else if (repaired < 0)
		log_warning("%s: %s", g->o->device, host_error(g->host));
}

static void on_tick(uv_timer_t *timer)
{
	struct gateway *g = timer->data;
	uint64_t now_ns = clock_now_ns();

	gateway_sessions_refresh(g->sessions, now_ns);
	gateway_sessions_note_traffic(g->sessions, now_ns);
	if (peer_table_reap(g->table) > 0)
		for (unsigned int i = 0; i < g->lanes; i++)
			worker_wake(g->worker[i]);
	gateway_sessions_tidy(g->sessions, now_ns);
	if (++g->ticks % VERIFY_TICKS == 0)
		verify_host(g);
	arm(g);
}

static void on_ending(uv_timer_t *timer)
{
	struct gateway *g = timer->data;

	uv_stop(&g->loop);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct gateway *g = signal->data;

	log_info("ending: %s", number == SIGTERM ? "SIGTERM" : "SIGINT");
	if (g->is_ending) { /* a second one does not wait for BYE */
		uv_stop(&g->loop);
		return;
	}
	g->is_ending = true;
	notify_send("STOPPING=1");
	gateway_sessions_end_all(g->sessions, clock_now_ns());
	arm(g);
	(void)uv_timer_start(&g->ending, on_ending, ENDING_MS, 0);
}

/* SIGUSR1: what the packet path has counted, into the log. */
static void on_tell(uv_signal_t *signal, int number)
{
	struct gateway *g = signal->data;
	struct counters c;

	(void)number;
	gateway_counters(g, &c);
	for (int i = 0; i < COUNTER_COUNT; i++)
		if (counter_get(&c.of[i]) > 0)
			log_notice("%s %llu", counter_name((enum counter)i),
				   (unsigned long long)counter_get(&c.of[i]));
	log_notice("system_calls %llu", (unsigned long long)counters_calls(&c));
}

/* What came to a lane's socket and is not the lane's. */
static int watch_workers(struct gateway *g)
{
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < g->lanes; i++) {
		g->event[i].data = g;
		rc = uv_poll_init(&g->loop, &g->event[i],
				  worker_event_fd(g->worker[i]))
			     ?: uv_poll_start(&g->event[i], UV_READABLE,
					      on_event);
	}
	return rc;
}

static int start_loop(struct gateway *g)
{
	uv_timer_init(&g->loop, &g->deadline);
	uv_timer_init(&g->loop, &g->tick);
	uv_timer_init(&g->loop, &g->ending);
	g->deadline.data = g->tick.data = g->ending.data = g;
	g->control.data = g;
	g->term.data = g->interrupt.data = g->tell.data = g;
	return uv_poll_init(&g->loop, &g->control, g->sockets.control)	?:
	       watch_workers(g)						?:
	       uv_signal_init(&g->loop, &g->term)			?:
	       uv_signal_init(&g->loop, &g->interrupt)			?:
	       uv_signal_init(&g->loop, &g->tell)			?:
	       uv_poll_start(&g->control, UV_READABLE, on_control)	?:
	       uv_signal_start(&g->term, on_signal, SIGTERM)		?:
	       uv_signal_start(&g->interrupt, on_signal, SIGINT)	?:
	       uv_signal_start(&g->tell, on_tell, SIGUSR1)		?:
	       uv_timer_start(&g->tick, on_tick, TICK_MS, TICK_MS);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void tell_ready(const struct gateway *g)
{
	char local[ENDPOINT_TEXT_MAX], pool[PREFIX_TEXT_MAX];
	char pool6[PREFIX_TEXT_MAX], metrics[ENDPOINT_TEXT_MAX];
	const struct gateway_pool *p = &g->config.pool;
	size_t clients = gateway_clients_living(
		gateway_sessions_clients(g->sessions), clock_wall_s());

	fprintf(g->o->out,
		"adit-gateway: %s on %s, pool %s%s%s, %zu client%s%s%s\n",
		g->config.name, endpoint_text(&g->local, local),
		prefix_text(&p->prefix4, pool),
		p->prefix6.addr.family ? " and " : "",
		p->prefix6.addr.family ? prefix_text(&p->prefix6, pool6) : "",
		clients, clients == 1 ? "" : "s",
		g->metrics ? ", metrics on " : "",
		g->metrics ? endpoint_text(&g->metrics_at, metrics) : "");
	fflush(g->o->out);
	notify_send("READY=1\nSTATUS=%s on %s, %zu client%s", g->config.name,
		    local, clients, clients == 1 ? "" : "s");
}

static int serve(struct gateway *g)
{
	int rc = uv_loop_init(&g->loop);

	if (rc)
		return gateway_failed_at(g, rc, "the loop cannot start",
					 uv_strerror(rc));
	rc = start_loop(g);
	if (rc)
		gateway_failed_at(g, rc, "the loop cannot start",
				  uv_strerror(rc));
	else
		rc = gateway_observe_start(g);
	if (rc == 0) {
		arm(g);
		tell_ready(g);
		/* This thread has the workers' weight, whatever knocks: with
		 * less, HELLO is read after the data behind it, and a client's
		 * first packet is lost (13 of 60 on a busy machine). */
		uv_run(&g->loop, UV_RUN_DEFAULT);
		rc = g->failure;
	}
	gateway_observe_stop(g);
	uv_walk(&g->loop, close_handle, NULL);
	uv_run(&g->loop, UV_RUN_DEFAULT);
	uv_loop_close(&g->loop);
	return rc;
}

/* Every step of the start can be the one that wants a privilege. */
static void explain_privilege(struct gateway_error *error)
{
	size_t n = strlen(error->text);

	snprintf(error->text + n, sizeof(error->text) - n,
		 "; run it as root (sudo), or give it CAP_NET_ADMIN and "
		 "CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=)");
}

int gateway_run(const struct gateway_options *o, struct gateway_error *error)
{
	struct gateway *g = calloc(1, sizeof(*g));
	int rc;

	if (!g) {
		gateway_error_set(error, "out of memory");
		return -ENOMEM;
	}
	g->o = o;
	g->error = error;
	g->started = clock_wall_s();
	g->sockets.control = -1;
	rc = descriptors_ensure();
	if (rc)
		gateway_failed_at(g, rc, "cannot start", folder_error_text(rc));
	if (rc == 0)
		rc = gateway_store_config(o->dir, &g->config, error);
	g->nat = o->nat || g->config.nat;
	if (rc == 0)
		rc = gateway_start(g);
	if (rc == 0)
		rc = serve(g);
	if ((rc == -EACCES || rc == -EPERM) && geteuid() != 0)
		explain_privilege(error);
	gateway_stop(g);
	free(g);
	return rc;
}
