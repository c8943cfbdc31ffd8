/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/daemon/attempt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "config/profile.h"
#include "crypto/client.h"
#include "crypto/credentials.h"
#include "tunnel/base/clock.h"
#include "tunnel/daemon/client_peer.h"
#include "tunnel/daemon/targets.h"
#include "tunnel/data/lane.h"
#include "tunnel/data/peer.h"
#include "tunnel/data/udp.h"

enum {
	RECEIVES_MAX = 32, /* before other handles get their turn */
};

#define PATIENCE_NS (10ULL * NS_PER_S)
/* While there is another address to try. */
#define PATIENCE_SHORT_NS (3ULL * NS_PER_S)
/* With a name; libc's own can be half a minute. */
#define PATIENCE_NAME_S 5

/* A poll handle lives until libuv has closed it, whatever its socket does. */
struct socket_poll {
	uv_poll_t handle;
	struct attempt *attempt;
};

struct attempt {
	/* set at creation */
	uv_loop_t *loop;
	const struct attempt_callbacks *cb;
	void *arg;
	const struct profile *profile; /* borrowed; NULL when ending */
	struct credentials *credentials;
	uint32_t mark;

	/* what is being tried */
	struct targets targets;
	struct endpoint remote;
	struct udp_sockets sockets; /* open if `poll` is there */
	struct socket_poll *poll;   /* NULL: closed */
	struct client *client;
	struct lease lease;
	struct peer *peer; /* up, and not taken yet */
	uv_timer_t timer;
	unsigned int handles; /* that libuv still has */
	uint64_t strange;     /* datagrams of other addresses */
	uint8_t *buf;	      /* UDP_RECEIVE_MAX */

	/* left by the client's callbacks for attempt_settle */
	bool came_up, told_up, over, told_over, no_way, ending;
	bool refused; /* says ICMP: a port where nothing listens */
	enum reason reason;
	char text[CLIENT_TEXT_MAX];
	char way_text[ENDPOINT_TEXT_MAX + 64]; /* if no_way */
};

static void attempt_settle(struct attempt *a);

static void attempt_free(struct attempt *a)
{
	if (a->handles > 0)
		return;
	client_destroy(a->client);
	peer_destroy(a->peer);
	credentials_destroy(a->credentials);
	lease_fini(&a->lease);
	free(a->buf);
	free(a);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct attempt *a = handle->data;

	a->handles--;
	attempt_free(a);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct socket_poll *p = handle->data;
	struct attempt *a = p->attempt;

	free(p);
	a->handles--;
	if (a->ending)
		attempt_free(a);
}

static void close_sockets(struct attempt *a)
{
	if (a->poll == NULL)
		return;
	(void)uv_poll_stop(&a->poll->handle); /* cannot fail */
	uv_close((uv_handle_t *)&a->poll->handle, on_poll_closed);
	a->poll = NULL;
	udp_close(&a->sockets);
}

/* The last BYE has gone out, or there was nobody to tell. */
static void attempt_close(struct attempt *a)
{
	close_sockets(a);
	if (!uv_is_closing((uv_handle_t *)&a->timer))
		uv_close((uv_handle_t *)&a->timer, on_timer_closed);
}

static void on_timer(uv_timer_t *timer);

static void arm_timer(struct attempt *a)
{
	uint64_t deadline =
		a->client ? client_deadline(a->client) : CLOCK_NEVER;
	uint64_t now = clock_now_ns();

	if (deadline == CLOCK_NEVER) {
		(void)uv_timer_stop(&a->timer); /* cannot fail */
		return;
	}
	uv_update_time(a->loop);
	/* Only a closing timer cannot be started, and that is not one. */
	(void)uv_timer_start(
		&a->timer, on_timer,
		deadline > now ? (deadline - now) / NS_PER_MS + 1 : 0, 0);
}

/* What other addresses send does not even reach the client. */
static void take(struct attempt *a, const struct endpoint *from,
		 uint8_t *datagram, size_t len, uint64_t now_ns)
{
	if (addr_equal(&from->addr, &a->remote.addr) &&
	    from->port == a->remote.port)
		client_input(a->client, datagram, len, now_ns);
	else
		a->strange++;
}

static void receive(struct attempt *a)
{
	const struct socket_poll *from_poll = a->poll;
	uint64_t now = clock_now_ns();

	for (int i = 0; i < RECEIVES_MAX; i++) {
		struct path from;
		size_t segment = 0;
		int n = udp_receive(a->sockets.control, a->buf, UDP_RECEIVE_MAX,
				    &from, &segment);

		if (n < 0)
			return;
		if (n == 0) /* what is empty is counted */
			take(a, &from.remote, a->buf, 0, now);
		for (size_t at = 0; at < (size_t)n; at += segment) {
			size_t left = (size_t)n - at;

			take(a, &from.remote, a->buf + at,
			     left < segment ? left : segment, now);
			/* It wanted another port, or is done. */
			if (a->poll != from_poll || a->over)
				return;
		}
	}
}

/* What ICMP says is nobody's word: it changes the text, and no decision. The
 * kernel hands it to any socket of the group. */
static void note_errors(struct attempt *a)
{
	int error = udp_take_error(a->sockets.control);

	for (unsigned int i = 0; i < a->sockets.lanes; i++)
		if (error == 0 && a->sockets.lane[i][0] >= 0)
			error = udp_take_error(a->sockets.lane[i][0]);
	if (error == 0)
		return;
	a->refused = error == -ECONNREFUSED;
	if (a->client != NULL)
		client_unreachable(a->client, error);
}

/* Until the session is up, whose workers could not use it. */
static void watch_errors(const struct attempt *a, bool on)
{
	/* Without it a text says less. */
	(void)!udp_watch_errors(a->sockets.control, on);
	for (unsigned int i = 0; i < a->sockets.lanes; i++)
		(void)!udp_watch_errors(a->sockets.lane[i][0], on);
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
	struct attempt *a = ((struct socket_poll *)handle->data)->attempt;

	(void)events;
	if (status < 0) { /* POLLERR, for which libuv stops the handle */
		note_errors(a);
		(void)!uv_poll_start(handle, UV_READABLE, on_readable);
	}
	receive(a);
	attempt_settle(a);
}

static unsigned int lanes_wanted(const struct profile *p)
{
	return p->lanes ? p->lanes : lanes_default();
}

static int open_sockets(struct attempt *a)
{
	struct udp_options o = {
		.local.addr.family = a->remote.addr.family,
		.mark = a->mark,
		.lanes = lanes_wanted(a->profile),
	};
	struct socket_poll *p = calloc(1, sizeof(*p));
	int r;

	if (p == NULL)
		return -ENOMEM;
	r = udp_open(&o, &a->sockets);
	if (r < 0) {
		free(p);
		return r;
	}
	r = uv_poll_init(a->loop, &p->handle, a->sockets.control);
	if (r < 0) {
		udp_close(&a->sockets);
		free(p);
		return r;
	}
	p->handle.data = p;
	p->attempt = a;
	a->poll = p;
	a->handles++;
	watch_errors(a, true);
	return uv_poll_start(&p->handle, UV_READABLE, on_readable);
}

static void on_send(void *arg, const uint8_t *datagram, size_t len)
{
	struct attempt *a = arg;
	struct sockaddr_storage sa;
	socklen_t sa_len = udp_sockaddr(&a->remote, a->remote.addr.family, &sa);
	int error;

	if (a->poll == NULL)
		return;
	if (!a->told_up)
		note_errors(a);
	if (sendto(a->sockets.control, datagram, len, 0, (struct sockaddr *)&sa,
		   sa_len) >= 0)
		return;
	/* A full buffer is loss, and is repeated like loss. */
	if (errno == EAGAIN || errno == ENOBUFS)
		return;
	error = -errno;
	if (errno == ENETUNREACH || errno == EHOSTUNREACH ||
	    errno == EADDRNOTAVAIL) {
		char where[ENDPOINT_TEXT_MAX];

		a->no_way = true;
		snprintf(a->way_text, sizeof(a->way_text), "%s: %s",
			 endpoint_text(&a->remote, where), strerror(-error));
	}
	if (a->client != NULL)
		client_unreachable(a->client, error);
}

static void on_new_port(void *arg)
{
	struct attempt *a = arg;

	close_sockets(a);
	/* What cannot be sent now is repeated; in the end it is a timeout. */
	(void)open_sockets(a);
}

static void end_here(struct attempt *a, enum reason reason, const char *text)
{
	a->over = true;
	a->reason = reason;
	snprintf(a->text, sizeof(a->text), "%s", text);
}

static void on_up(void *arg, const struct lease *lease)
{
	struct attempt *a = arg;

	if (lease_copy(lease, &a->lease) == 0 &&
	    client_peer_create(a->client, lease, &a->remote, &a->peer) == 0)
		a->came_up = true;
	else
		end_here(a, REASON_INTERNAL, "out of memory");
}

static void on_reported(void *arg, const struct message_report *report)
{
	struct attempt *a = arg;

	if (a->told_up && !a->ending)
		a->cb->reported(a->arg, report);
}

/* The way there is closed, and not by the gateway's decision. */
static bool is_about_the_way(enum reason r)
{
	return r == REASON_UNREACHABLE || r == REASON_TIMEOUT;
}

static void on_down(void *arg, enum reason reason, const char *text)
{
	struct attempt *a = arg;
	char where[ENDPOINT_TEXT_MAX];

	end_here(a, reason, text);
	/* A way is named by where it leads. */
	if (!a->told_up && is_about_the_way(reason))
		snprintf(a->text, sizeof(a->text), "%s: %s",
			 endpoint_text(&a->remote, where), text);
}

static const struct client_callbacks client_callbacks = {
	.send = on_send,
	.new_port = on_new_port,
	.up = on_up,
	.reported = on_reported,
	.down = on_down,
};

/* Begins the handshake with a->remote. What fails is an end like others. */
static void start_client(struct attempt *a)
{
	struct client_options o = {
		.credentials = a->credentials,
		.server_name = profile_server_name(a->profile),
		.lanes = (uint8_t)lanes_wanted(a->profile),
		.mtu = (uint16_t)a->profile->mtu,
		.timeout_ns = targets_left(&a->targets) ? PATIENCE_SHORT_NS
							: PATIENCE_NS,
	};
	char where[ENDPOINT_TEXT_MAX];
	int r = open_sockets(a);

	if (r == 0) {
		a->client = client_create(&o, &client_callbacks, a);
		r = a->client ? client_start(a->client, clock_now_ns())
			      : -ENOMEM;
	}
	if (r < 0 && !a->over) {
		a->over = true;
		a->reason = r == -ENOMEM ? REASON_INTERNAL : REASON_UNREACHABLE;
		snprintf(a->text, sizeof(a->text), "%s: %s",
			 endpoint_text(&a->remote, where), strerror(-r));
	}
	attempt_settle(a);
}

static void try_next(struct attempt *a);

/* A name that led nowhere is the newest of what went wrong. */
static void note_name_error(struct attempt *a)
{
	if (a->targets.error[0] == '\0')
		return;
	a->reason = REASON_NAME_UNRESOLVED;
	snprintf(a->text, sizeof(a->text), "%s", a->targets.error);
	a->targets.error[0] = '\0';
}

static void try_next(struct attempt *a)
{
	enum targets_answer answer = targets_next(&a->targets, &a->remote);

	note_name_error(a);
	switch (answer) {
	case TARGETS_HERE:
		start_client(a);
		break;
	case TARGETS_ASKING:
		uv_update_time(a->loop);
		(void)uv_timer_start(&a->timer, on_timer,
				     PATIENCE_NAME_S * 1000, 0);
		break;
	case TARGETS_NONE:
		(void)uv_timer_stop(&a->timer); /* cannot fail */
		a->told_over = true;
		a->cb->ended(a->arg, a->reason, a->text);
		break;
	}
}

static void on_asked(struct targets *t)
{
	try_next(container_of(t, struct attempt, targets));
}

static void refused_text(const struct attempt *a,
			 char ret_text[static ATTEMPT_ERROR_MAX])
{
	char where[ENDPOINT_TEXT_MAX];

	snprintf(ret_text, ATTEMPT_ERROR_MAX,
		 "%s: nothing listens there (connection refused): is the "
		 "gateway running, is the port right?",
		 endpoint_text(&a->remote, where));
}

/* Should be called after every call into the client: does what its callbacks
 * left to do. The last use of `a` by its caller. */
static void attempt_settle(struct attempt *a)
{
	if (a->ending) {
		if (a->client == NULL || a->over || client_closed(a->client))
			attempt_close(a);
		else
			arm_timer(a);
		return;
	}
	if (a->told_over)
		return;
	if (a->came_up && !a->told_up) {
		a->told_up = true;
		watch_errors(a, false);
		arm_timer(a);
		a->cb->up(a->arg);
		if (a->ending)
			return;
	}
	/* Waiting does not open a way: another address may have one, and the
	 * owner hears of it when the network changes. */
	if (a->no_way && !a->told_up && !a->over)
		end_here(a, REASON_UNREACHABLE, a->way_text);
	if (!a->over) {
		arm_timer(a);
		return;
	}
	if (!a->told_up && a->refused && a->reason == REASON_UNREACHABLE)
		refused_text(a, a->text);
	if (!a->told_up && targets_left(&a->targets) &&
	    is_about_the_way(a->reason)) {
		client_destroy(a->client);
		a->client = NULL;
		a->over = a->no_way = a->refused = false;
		close_sockets(a);
		try_next(a);
		return;
	}
	(void)uv_timer_stop(&a->timer); /* cannot fail */
	a->told_over = true;
	a->cb->ended(a->arg, a->reason, a->text);
}

static void on_timer(uv_timer_t *timer)
{
	struct attempt *a = timer->data;
	uint64_t now = clock_now_ns();

	if (targets_asking(&a->targets) != NULL)
		targets_give_up(&a->targets, PATIENCE_NAME_S);
	if (a->client == NULL && !a->ending) {
		try_next(a);
		return;
	}
	if (a->client != NULL && client_deadline(a->client) <= now)
		client_timeout(a->client, now);
	attempt_settle(a);
}

int attempt_start(const struct attempt_options *o, struct attempt **ret_attempt,
		  char ret_error[static ATTEMPT_ERROR_MAX])
{
	struct credentials_source source;
	struct attempt *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	a->buf = malloc(UDP_RECEIVE_MAX);
	if (a->buf == NULL) {
		free(a);
		return -ENOMEM;
	}
	profile_credentials(o->profile, &source);
	a->credentials =
		credentials_create(CREDENTIALS_CLIENT, &source, ret_error);
	if (a->credentials == NULL) {
		free(a->buf);
		free(a);
		return -EINVAL;
	}
	a->loop = o->loop;
	targets_init(&a->targets, o->profile, o->resolver, on_asked);
	a->cb = o->callbacks;
	a->arg = o->arg;
	a->profile = o->profile;
	a->mark = o->mark;
	(void)uv_timer_init(a->loop, &a->timer); /* only sets fields */
	a->timer.data = a;
	a->handles = 1;
	(void)uv_timer_start(&a->timer, on_timer, 0, 0);
	*ret_attempt = a;
	return 0;
}

void attempt_end(struct attempt *a)
{
	a->ending = true;
	a->profile = NULL;
	targets_fini(&a->targets);
	if (a->client != NULL && !a->over)
		client_close(a->client, clock_now_ns());
	else
		close_sockets(a);
	/* From the loop: the caller may be inside one of our callbacks. */
	(void)uv_timer_start(&a->timer, on_timer, 0, 0);
}

void attempt_input(struct attempt *a, const struct sockaddr_storage *from,
		   uint8_t *datagram, size_t len)
{
	struct endpoint e;

	if (a->client == NULL || a->ending ||
	    endpoint_from_sockaddr((const struct sockaddr *)from, &e) < 0)
		return;
	take(a, &e, datagram, len, clock_now_ns());
	attempt_settle(a);
}

void attempt_echo(struct attempt *a)
{
	if (a->client == NULL)
		return;
	client_echo(a->client, clock_now_ns());
	arm_timer(a);
}

void attempt_wear_out(struct attempt *a)
{
	if (a->client == NULL)
		return;
	client_wear_out(a->client);
	attempt_settle(a);
}

struct client *attempt_client(const struct attempt *a)
{
	return a->client;
}

const struct lease *attempt_lease(const struct attempt *a)
{
	return &a->lease;
}

bool attempt_obstacle(const struct attempt *a,
		      char ret_text[static ATTEMPT_ERROR_MAX])
{
	const char *name = targets_asking(&a->targets);

	if (name != NULL)
		snprintf(ret_text, ATTEMPT_ERROR_MAX, "asking for the name %s",
			 name);
	else if (a->refused && !a->told_up)
		refused_text(a, ret_text);
	else
		return false;
	return true;
}

const struct endpoint *attempt_remote(const struct attempt *a)
{
	return &a->remote;
}

uint64_t attempt_strange(const struct attempt *a)
{
	return a->strange;
}

struct peer *attempt_take_peer(struct attempt *a)
{
	struct peer *p = a->peer;

	a->peer = NULL;
	return p;
}

unsigned int attempt_lanes(const struct attempt *a)
{
	return a->lease.lanes < a->sockets.lanes ? a->lease.lanes
						 : a->sockets.lanes;
}

int attempt_take_socket(struct attempt *a, unsigned int lane)
{
	int fd = -1;

	if (a->poll != NULL && lane < a->sockets.lanes) {
		fd = a->sockets.lane[lane][0];
		a->sockets.lane[lane][0] = -1;
	}
	return fd;
}
