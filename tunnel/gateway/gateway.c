/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) One loop: control socket, worker's events, timers, signals. */
#include "tunnel/gateway/gateway.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "crypto/credentials.h"
#include "crypto/secret.h"
#include "crypto/wolf.h"
#include "tunnel/base/clock.h"
#include "tunnel/base/log.h"
#include "tunnel/base/notify.h"
#include "tunnel/data/tun.h"
#include "tunnel/data/udp.h"
#include "tunnel/data/worker.h"
#include "tunnel/gateway/gateway_sessions.h"
#include "tunnel/gateway/gateway_store.h"
#include "tunnel/host/apply.h"

/*
 * Timers:
 *   deadline   when the transport's server wants it
 *   tick       always, each 500 ms: the list of clients, what workers released;
 *              each 30 s whether the host is still as we made it
 *   ending     once, from SIGTERM on: BYE is said three times, 50 ms apart
 */
enum {
	LANES = 1,
	TICK_MS = 500,
	VERIFY_TICKS = 30000 / TICK_MS,
	ENDING_MS = 200,
	/* A directory's time moves in steps of some milliseconds: after a
	 * change it is read until the change is this old. */
	SETTLED_S = 2,
	RECEIVES_MAX = 32, /* in one turn of the loop */
};

struct gateway {
	/* set at creation */
	const struct gateway_options *o;
	struct gateway_error *error;
	struct gateway_config config;
	struct credentials *credentials;

	/* the parts, in the order in which they are made */
	char state_dir[GATEWAY_PATH_MAX];
	struct host_config host_config; /* the host borrows it */
	struct host *host;
	struct host_state host_state;
	struct tun tun;
	struct udp_sockets sockets;
	int family;
	struct endpoint local;
	struct peer_table *table;
	struct worker *worker;
	struct gateway_sessions *sessions;

	/* the loop */
	uv_loop_t loop;
	uv_poll_t control, event;
	uv_timer_t deadline, tick, ending;
	uv_signal_t term, interrupt, tell;
	bool is_ending;
	int failure; /* why the loop ended before it was told to */

	unsigned int ticks;
	struct timespec clients_time; /* of the directory, seen last */
	uint8_t buffer[UDP_RECEIVE_MAX];
};

/* What a failed step means: -errno, and the error's text. */
static int failed(struct gateway *g, int rc, const char *what, const char *why)
{
	gateway_error_set(g->error, "%s: %s", what, why);
	return rc;
}

/* Sending and receiving. */

static void on_send(void *arg, const struct path *to, const uint8_t *datagram,
		    size_t len)
{
	struct gateway *g = arg;
	struct sockaddr_storage sa;
	socklen_t sa_len = udp_sockaddr(&to->remote, g->family, &sa);
	struct udp_control control;

	udp_control_init(&control, &to->local, g->family);
	/* What is lost here is repeated by the handshake's timers. */
	if (sa_len > 0)
		(void)udp_send_run(g->sockets.control, &sa, sa_len, &control,
				   datagram, len, len);
}

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
	const struct rx_stray *stray;
	uint64_t now_ns = clock_now_ns();
	uint8_t bytes[RX_STRAY_MAX];

	(void)status;
	(void)events;
	worker_event_clear(g->worker);
	while ((stray = worker_stray_next(g->worker)) != NULL) {
		struct path from = { .local = stray->local };
		size_t len = stray->len;
		int r = endpoint_from_sockaddr(
			(const struct sockaddr *)&stray->from, &from.remote);

		memcpy(bytes, stray->bytes, len);
		worker_stray_done(g->worker);
		if (r == 0)
			gateway_sessions_input(g->sessions, &from, bytes, len,
					       now_ns);
	}
	if (worker_state(g->worker) == WORKER_TUN_LOST) {
		g->failure = failed(g, -ENODEV, g->o->device,
				    "the TUN device is gone: somebody "
				    "removed it");
		uv_stop(&g->loop);
	}
	arm(g);
}

/* Time. */

/* Has DIR/clients changed, or changed so lately that it may again have? */
static bool clients_changed(struct gateway *g)
{
	char path[GATEWAY_PATH_MAX + 16];
	struct timespec now;
	struct stat st;
	bool same;

	snprintf(path, sizeof(path), "%s/clients", g->o->dir);
	if (stat(path, &st) < 0)
		return false;
	same = st.st_mtim.tv_sec == g->clients_time.tv_sec &&
	       st.st_mtim.tv_nsec == g->clients_time.tv_nsec;
	now.tv_sec = (time_t)clock_wall_s();
	g->clients_time = st.st_mtim;
	return !same || now.tv_sec - st.st_mtim.tv_sec < SETTLED_S;
}

/* Another program may have taken an address away, or forwarding. */
static void verify_host(struct gateway *g)
{
	int repaired = host_verify(g->host, &g->host_state);

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

	if (clients_changed(g))
		gateway_sessions_reload(g->sessions, now_ns);
	gateway_sessions_note_traffic(g->sessions, now_ns);
	if (peer_table_reap(g->table) > 0)
		worker_wake(g->worker);
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

/* Starting, part by part. */

static int load_credentials(struct gateway *g)
{
	/* The last one need not be there: `revoke` works on the clients' list,
	 * and this is for a CA that others run. */
	static const char *const files[] = { "gateway.pem", "gateway.key",
					     "ca.pem", "crl.pem" };
	char crl[PATH_MAX];
	size_t wanted = ARRAY_SIZE(files);
	char *text[ARRAY_SIZE(files)] = { NULL }, why[CREDENTIALS_ERROR_MAX];
	size_t len[ARRAY_SIZE(files)] = { 0 };
	struct credentials_source s;
	int rc = wolf_init();

	if (rc)
		return failed(g, rc, g->o->dir, "the TLS library fails");
	snprintf(crl, sizeof(crl), "%s/crl.pem", g->o->dir);
	if (access(crl, F_OK) != 0)
		wanted--;
	for (size_t i = 0; rc == 0 && i < wanted; i++)
		rc = gateway_store_read(g->o->dir, files[i], &text[i], &len[i],
					g->error);
	if (rc == 0) {
		s = (struct credentials_source) {
			.certificate = text[0],
			.certificate_len = len[0],
			.key = text[1],
			.key_len = len[1],
			.ca = text[2],
			.ca_len = len[2],
			.crl = text[3],
			.crl_len = len[3],
		};
		g->credentials =
			credentials_create(CREDENTIALS_GATEWAY, &s, why);
		if (!g->credentials)
			rc = failed(g, -EINVAL, g->o->dir, why);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (text[i])
			secret_wipe(text[i], len[i]);
		free(text[i]);
	}
	return rc;
}

static void on_notice(void *arg, const char *sentence)
{
	(void)arg;
	log_notice("%s", sentence);
}

static int open_host(struct gateway *g)
{
	char why[64];
	pid_t other;
	int rc;

	snprintf(g->state_dir, sizeof(g->state_dir), "%s/state", g->o->dir);
	g->host_config = (struct host_config) {
		.state_dir = g->state_dir,
		.device = g->o->device,
		.notice = on_notice,
	};
	rc = host_open(&g->host_config, &g->host, &other);
	if (rc == -EBUSY) {
		snprintf(why, sizeof(why),
			 "a gateway runs here already (process %d)",
			 (int)other);
		return failed(g, rc, g->o->dir, why);
	}
	return rc ? failed(g, rc, g->state_dir, strerror(-rc)) : 0;
}

static int open_device(struct gateway *g)
{
	int rc = host_link_expected(g->host);

	if (rc)
		return failed(g, rc, g->o->device, host_error(g->host));
	rc = tun_open(g->o->device, &g->tun);
	if (rc)
		return failed(g, rc, g->o->device, tun_error_text(rc));
	rc = host_link_made(g->host, g->tun.ifindex);
	return rc ? failed(g, rc, g->o->device, host_error(g->host)) : 0;
}

/* The gateway's own addresses, whose network routes bring the pool to the
 * device, and forwarding. */
static int want_host(struct gateway *g)
{
	struct host_state *s = &g->host_state;
	struct ip_prefix a4, a6;
	int rc;

	memcpy(s->device, g->tun.name, sizeof(s->device));
	s->ifindex = g->tun.ifindex;
	s->mtu = g->config.lease.mtu;
	gateway_pool_addresses(&g->config.pool, GATEWAY_POOL_SLOT_GATEWAY, &a4,
			       &a6);
	rc = host_state_add_address(s, &a4);
	if (rc == 0)
		rc = host_state_add_proc(s, "/proc/sys/net/ipv4/ip_forward",
					 "1");
	if (rc == 0 && a6.addr.family)
		rc = host_state_add_address(s, &a6);
	if (rc == 0 && a6.addr.family)
		rc = host_state_add_proc(
			s, "/proc/sys/net/ipv6/conf/all/forwarding", "1");
	return rc;
}

static int change_host(struct gateway *g)
{
	int rc = want_host(g);

	if (rc)
		return failed(g, rc, g->o->device, strerror(-rc));
	rc = host_apply(g->host, &g->host_state);
	return rc ? failed(g, rc, g->o->device, host_error(g->host)) : 0;
}

static int open_sockets(struct gateway *g)
{
	struct udp_options o = { .local = g->o->listen,
				 .tell_local = true,
				 .lanes = LANES };
	char text[ENDPOINT_TEXT_MAX];
	int rc;

	if (!o.local.addr.family) {
		o.local.addr.family = AF_INET6;
		o.local.port = g->config.port;
		o.dual_stack = true;
	}
	rc = udp_open(&o, &g->sockets);
	if (rc == -EAFNOSUPPORT && o.dual_stack) { /* a host without IPv6 */
		o.local.addr.family = AF_INET;
		rc = udp_open(&o, &g->sockets);
	}
	if (rc)
		return failed(g, rc, endpoint_text(&o.local, text),
			      rc == -EADDRINUSE
				      ? "another program has this UDP port; "
					"--listen takes another"
				      : strerror(-rc));
	g->family = o.local.addr.family;
	g->local = o.local;
	g->local.port = g->sockets.port;
	return 0;
}

static int start_worker(struct gateway *g)
{
	struct peer_table_config t = {
		.inner_slots = g->config.pool.slots,
		.pool4 = g->config.pool.prefix4,
		.pool6 = g->config.pool.prefix6,
	};
	struct worker_config w = { .tun_fd = g->tun.fd, .uso = g->tun.uso };
	int rc = peer_table_create(&t, &g->table);

	w.table = g->table;
	if (rc == 0)
		rc = worker_create(&w, &g->worker);
	if (rc == 0) {
		worker_set_socket(g->worker, g->sockets.lane[0]);
		g->sockets.lane[0] = -1;
		rc = worker_start(g->worker);
	}
	return rc ? failed(g, rc, "the worker cannot start", strerror(-rc)) : 0;
}

static int start_sessions(struct gateway *g)
{
	struct gateway_sessions_config c = {
		.dir = g->o->dir,
		.config = &g->config,
		.credentials = g->credentials,
		.table = g->table,
		.family = g->family,
		.lanes = LANES,
		.send = on_send,
		.arg = g,
	};

	return gateway_sessions_create(&c, clock_now_ns(), &g->sessions,
				       g->error);
}

static int start(struct gateway *g)
{
	int rc = load_credentials(g);

	if (rc == 0)
		rc = open_host(g);
	if (rc == 0)
		rc = open_sockets(g);
	if (rc == 0)
		rc = open_device(g);
	if (rc == 0)
		rc = change_host(g);
	if (rc == 0)
		rc = start_worker(g);
	if (rc == 0)
		rc = start_sessions(g);
	return rc;
}

/* Takes whatever start() has made. */
static void stop(struct gateway *g)
{
	int left;

	if (g->worker)
		worker_stop(g->worker);
	gateway_sessions_destroy(g->sessions);
	worker_destroy(g->worker);
	peer_table_destroy(g->table);
	udp_close(&g->sockets);
	left = g->host ? host_undo(g->host) : 0;
	if (left > 0)
		log_warning(HOST_NOT_UNDONE, left, host_error(g->host));
	tun_close(&g->tun);
	host_close(g->host);
	host_state_fini(&g->host_state);
	credentials_destroy(g->credentials);
	gateway_config_fini(&g->config);
}

/* SIGUSR1: what the packet path has counted, into the log. */
static void on_tell(uv_signal_t *signal, int number)
{
	struct gateway *g = signal->data;
	const struct counters *c = worker_counters(g->worker);

	(void)number;
	for (int i = 0; i < COUNTER_COUNT; i++)
		if (counter_get(&c->of[i]) > 0)
			log_notice("%s %llu", counter_name((enum counter)i),
				   (unsigned long long)counter_get(&c->of[i]));
	log_notice("system_calls %llu", (unsigned long long)counters_calls(c));
}

static int start_loop(struct gateway *g)
{
	uv_timer_init(&g->loop, &g->deadline);
	uv_timer_init(&g->loop, &g->tick);
	uv_timer_init(&g->loop, &g->ending);
	g->deadline.data = g->tick.data = g->ending.data = g;
	g->control.data = g->event.data = g;
	g->term.data = g->interrupt.data = g->tell.data = g;
	return uv_poll_init(&g->loop, &g->control, g->sockets.control)	?:
	       uv_poll_init(&g->loop, &g->event,
			    worker_event_fd(g->worker))			?:
	       uv_signal_init(&g->loop, &g->term)			?:
	       uv_signal_init(&g->loop, &g->interrupt)			?:
	       uv_signal_init(&g->loop, &g->tell)			?:
	       uv_poll_start(&g->control, UV_READABLE, on_control)	?:
	       uv_poll_start(&g->event, UV_READABLE, on_event)		?:
	       uv_signal_start(&g->term, on_signal, SIGTERM)		?:
	       uv_signal_start(&g->interrupt, on_signal, SIGINT)	?:
	       uv_signal_start(&g->tell, on_tell, SIGUSR1)		?:
	       uv_timer_start(&g->tick, on_tick, TICK_MS, TICK_MS);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	uv_close(handle, NULL);
}

static void tell_ready(const struct gateway *g)
{
	char local[ENDPOINT_TEXT_MAX], pool[PREFIX_TEXT_MAX];
	char pool6[PREFIX_TEXT_MAX];
	const struct gateway_pool *p = &g->config.pool;
	size_t clients = gateway_clients_living(
		gateway_sessions_clients(g->sessions), clock_wall_s());

	fprintf(g->o->out,
		"adit-gateway: %s on %s, pool %s%s%s, %zu client%s\n",
		g->config.name, endpoint_text(&g->local, local),
		prefix_text(&p->prefix4, pool),
		p->prefix6.addr.family ? " and " : "",
		p->prefix6.addr.family ? prefix_text(&p->prefix6, pool6) : "",
		clients, clients == 1 ? "" : "s");
	fflush(g->o->out);
	notify_send("READY=1\nSTATUS=%s on %s, %zu client%s", g->config.name,
		    local, clients, clients == 1 ? "" : "s");
}

static int serve(struct gateway *g)
{
	int rc = uv_loop_init(&g->loop);

	if (rc)
		return failed(g, rc, "the loop cannot start", uv_strerror(rc));
	rc = start_loop(g);
	if (rc) {
		failed(g, rc, "the loop cannot start", uv_strerror(rc));
	} else {
		arm(g);
		tell_ready(g);
		uv_run(&g->loop, UV_RUN_DEFAULT);
		rc = g->failure;
	}
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
	g->tun.fd = -1;
	g->sockets.control = -1;
	rc = gateway_store_config(o->dir, &g->config, error);
	if (rc == 0)
		rc = start(g);
	if (rc == 0)
		rc = serve(g);
	if ((rc == -EACCES || rc == -EPERM) && geteuid() != 0)
		explain_privilege(error);
	stop(g);
	free(g);
	return rc;
}
