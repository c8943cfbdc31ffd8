/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) Questions by TCP or TLS: one connection for each server, which many
 * questions share and which is closed when it has been idle. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/tls.h"
#include "dns/upstream_private.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"
#include "tunnel/base/way_socket.h"

enum {
	LENGTH_LEN = 2,
	RECEIVE_LEN = LENGTH_LEN + DNS_MESSAGE_MAX,
	TLS_RECEIVE_LEN = 16 * 1024,
	ID_TRIES = 16,
};

/* A connection that owes an answer for so long gets no more questions. */
#define STUCK_NS (2ULL * NS_PER_S)

struct dns_stream {
	struct dns_upstream *upstream;
	struct upstream_server *server;
	struct dns_attempt *attempts; /* that wait for an answer */
	uv_tcp_t tcp;
	uv_timer_t idle;
	uv_connect_t connect;
	unsigned int handles; /* that libuv still has */
	struct tls_client *tls;
	bool open;   /* questions may be written */
	bool reused; /* it has answered before */
	bool closing;
	size_t len;
	uint8_t bytes[RECEIVE_LEN];
	uint8_t sealed[TLS_RECEIVE_LEN];
};

struct stream_write {
	uv_write_t write;
	uint8_t bytes[];
};

static void on_handle_closed(uv_handle_t *handle)
{
	struct dns_stream *s = handle->data;
	struct dns_upstream *u = s->upstream;

	if (--s->handles > 0)
		return;
	tls_client_destroy(s->tls);
	free(s);
	upstream_handle_closed(u);
}

static struct dns_attempt *stream_detach(struct dns_attempt *a)
{
	*a->link = a->next;
	if (a->next != NULL)
		a->next->link = a->link;
	a->next = NULL;
	a->stream = NULL;
	return a;
}

static void stream_end(struct dns_stream *s)
{
	if (s->closing)
		return;
	s->closing = true;
	if (s->server->stream == s)
		s->server->stream = NULL;
	uv_close((uv_handle_t *)&s->tcp, on_handle_closed);
	uv_close((uv_handle_t *)&s->idle, on_handle_closed);
}

/* What it owed is asked again over a new connection, if this one was only
 * closed because it was old; else it has failed. */
static void stream_failed(struct dns_stream *s, enum dns_ask_result why)
{
	bool again = s->reused && s->len == 0;
	struct dns_attempt *a;

	if (s->closing)
		return;
	stream_end(s);
	while ((a = s->attempts) != NULL) {
		if (again) {
			stream_detach(a);
			if (stream_send(s->upstream, a) == 0)
				continue;
			/* To be counted off by upstream_failed(). */
			a->stream = s;
			a->next = NULL;
			a->link = &s->attempts;
			s->attempts = a;
		}
		upstream_failed(a, why);
	}
}

static void on_idle(uv_timer_t *timer)
{
	struct dns_stream *s = timer->data;

	if (s->tls != NULL)
		tls_client_close(s->tls);
	stream_end(s);
}

/* Writing. */

static void on_written(uv_write_t *write, int status)
{
	struct dns_stream *s = write->handle->data;

	free((struct stream_write *)write);
	if (status < 0)
		stream_failed(s, DNS_ASK_UNREACHABLE);
}

/* By way of TLS it may be called from within its functions. */
static void stream_put(void *arg, const uint8_t *bytes, size_t len)
{
	struct dns_stream *s = arg;
	struct stream_write *w = malloc(sizeof(*w) + len);
	uv_buf_t buf;

	if (w == NULL)
		return; /* the answer does not come, and time tells */
	memcpy(w->bytes, bytes, len);
	buf = uv_buf_init((char *)w->bytes, (unsigned int)len);
	if (uv_write(&w->write, (uv_stream_t *)&s->tcp, &buf, 1, on_written) <
	    0)
		free(w);
}

static void write_question(struct dns_stream *s, const struct dns_attempt *a)
{
	uint8_t buf[LENGTH_LEN + DNS_SHORT_MAX];
	size_t len = upstream_build(a, buf + LENGTH_LEN);

	store_be16(buf, (uint16_t)len);
	len += LENGTH_LEN;
	if (s->tls == NULL)
		stream_put(s, buf, len);
	else
		(void)tls_client_write(s->tls, buf, len);
}

static void write_waiting(struct dns_stream *s)
{
	s->open = true;
	for (const struct dns_attempt *a = s->attempts; a != NULL; a = a->next)
		write_question(s, a);
}

/* Reading. */

static void take(struct dns_stream *s, const uint8_t *bytes, size_t len)
{
	struct dns_attempt *a = s->attempts;
	uint16_t id;

	if (len < DNS_HEADER_LEN) {
		s->upstream->stats.faults[DNS_REPLY_MALFORMED]++;
		return;
	}
	id = load_be16(bytes);
	while (a != NULL && a->id != id)
		a = a->next;
	if (a == NULL) {
		s->upstream->stats.late++;
		return;
	}
	s->reused = true;
	upstream_reply(a, bytes, len);
}

/* Takes what is whole of s->bytes. */
static void take_messages(struct dns_stream *s)
{
	size_t at = 0;

	while (!s->closing && s->len - at >= LENGTH_LEN) {
		size_t len = load_be16(s->bytes + at);

		if (s->len - at < LENGTH_LEN + len)
			break;
		take(s, s->bytes + at + LENGTH_LEN, len);
		at += LENGTH_LEN + len;
	}
	s->len -= at;
	memmove(s->bytes, s->bytes + at, s->len);
}

/* Plain text from inside TLS. */
static void on_plain(void *arg, const uint8_t *bytes, size_t len)
{
	struct dns_stream *s = arg;

	while (len > 0 && !s->closing) {
		size_t n = sizeof(s->bytes) - s->len;

		n = len < n ? len : n;
		memcpy(s->bytes + s->len, bytes, n);
		s->len += n;
		bytes += n;
		len -= n;
		take_messages(s);
	}
}

/* The sentence stays with the server, for who looks at it. */
static enum dns_ask_result tls_result(const struct dns_stream *s)
{
	snprintf(s->server->state.tls_failure,
		 sizeof(s->server->state.tls_failure), "%s",
		 tls_client_failure_text(s->tls));
	switch (tls_client_failure(s->tls)) {
	case TLS_FAILURE_CERTIFICATE:
	case TLS_FAILURE_NAME:
	case TLS_FAILURE_PIN:
		return DNS_ASK_TLS;
	default:
		return DNS_ASK_UNREACHABLE;
	}
}

static void on_room(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct dns_stream *s = handle->data;

	(void)size;
	if (s->tls != NULL)
		*buf = uv_buf_init((char *)s->sealed, sizeof(s->sealed));
	else
		*buf = uv_buf_init((char *)s->bytes + s->len,
				   (unsigned int)(sizeof(s->bytes) - s->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct dns_stream *s = stream->data;

	(void)buf;
	if (n < 0) {
		stream_failed(s, DNS_ASK_UNREACHABLE);
	} else if (s->tls == NULL) {
		s->len += (size_t)n;
		take_messages(s);
	} else if (tls_client_input(s->tls, s->sealed, (size_t)n) < 0) {
		stream_failed(s, tls_result(s));
	} else if (!s->open && tls_client_is_open(s->tls)) {
		write_waiting(s);
	}
}

/* Connecting. */

static void on_connected(uv_connect_t *connect, int status)
{
	struct dns_stream *s = connect->data;

	if (s->closing)
		return;
	if (status < 0) {
		stream_failed(s, DNS_ASK_UNREACHABLE);
		return;
	}
	(void)uv_tcp_nodelay(&s->tcp, 1);
	(void)uv_read_start((uv_stream_t *)&s->tcp, on_room, on_read);
	if (s->tls == NULL)
		write_waiting(s);
	else if (tls_client_start(s->tls) < 0)
		stream_failed(s, tls_result(s));
}

static int stream_connect(struct dns_stream *s)
{
	struct dns_upstream *u = s->upstream;
	struct endpoint at = upstream_endpoint(s->server);
	struct sockaddr_storage sa;
	int fd = way_socket_open(at.addr.family, SOCK_STREAM, u->mark,
				 u->device),
	    r;

	if (fd < 0)
		return fd;
	r = uv_tcp_open(&s->tcp, fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	endpoint_to_sockaddr(&at, &sa);
	s->connect.data = s;
	return uv_tcp_connect(&s->connect, &s->tcp,
			      (const struct sockaddr *)&sa, on_connected);
}

static int stream_start_tls(struct dns_stream *s)
{
	const struct tls_callbacks callbacks = {
		.send = stream_put,
		.received = on_plain,
		.arg = s,
	};
	const struct dns_server *server = &s->server->server;
	char address[ADDR_TEXT_MAX];
	const struct tls_peer peer = {
		.name = server->name[0] != '\0'
				? server->name
				: addr_text(&server->at.addr, address),
		.ca = s->upstream->ca,
		.alpn = "dot",
	};

	return tls_client_create(&peer, &callbacks, &s->tls);
}

static int stream_create(struct dns_upstream *u, struct upstream_server *server)
{
	struct dns_stream *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return -ENOMEM;
	s->upstream = u;
	s->server = server;
	/* These only get their fields set. */
	(void)uv_tcp_init(u->loop, &s->tcp);
	(void)uv_timer_init(u->loop, &s->idle);
	s->tcp.data = s->idle.data = s;
	s->handles = 2;
	u->handles++;
	r = server->server.tls ? stream_start_tls(s) : 0;
	if (r == 0)
		r = stream_connect(s);
	if (r < 0) {
		stream_end(s);
		return r;
	}
	server->stream = s;
	return 0;
}

/* The oldest is the last in the list. */
static bool is_stuck(const struct dns_stream *s)
{
	const struct dns_attempt *a = s->attempts;

	while (a != NULL && a->next != NULL)
		a = a->next;
	return a != NULL && clock_now_ns() - a->sent_ns > STUCK_NS;
}

static bool id_is_free(const struct dns_stream *s, uint16_t id)
{
	const struct dns_attempt *a = s->attempts;

	while (a != NULL && a->id != id)
		a = a->next;
	return a == NULL;
}

int stream_send(struct dns_upstream *u, struct dns_attempt *a)
{
	struct upstream_server *server = upstream_server_of(a);
	struct dns_stream *s;
	int tries = ID_TRIES, r;

	/* It may still answer those that wait for it. */
	if (server->stream != NULL && is_stuck(server->stream))
		server->stream = NULL;
	if (server->stream == NULL) {
		r = stream_create(u, server);
		if (r < 0)
			return r;
	}
	s = server->stream;
	do {
		if (tries-- == 0)
			return -EBUSY;
		a->id = (uint16_t)upstream_random(u);
	} while (!id_is_free(s, a->id));
	if (server->server.tls)
		u->stats.sent_tls++;
	else
		u->stats.sent_tcp++;
	a->stream = s;
	a->next = s->attempts;
	a->link = &s->attempts;
	if (a->next != NULL)
		a->next->link = &a->next;
	s->attempts = a;
	uv_timer_stop(&s->idle);
	if (s->open)
		write_question(s, a);
	return 0;
}

void stream_forget(struct dns_attempt *a)
{
	struct dns_stream *s = a->stream;

	stream_detach(a);
	if (s->attempts != NULL || s->closing)
		return;
	/* One that never came to be, or has a successor, is of no use. */
	if (!s->open || s->server->stream != s)
		stream_end(s);
	else
		(void)uv_timer_start(&s->idle, on_idle, s->upstream->idle_ms,
				     0);
}

void stream_close(struct dns_upstream *u)
{
	/* Nobody waits any more, so that others have ended by themselves. */
	for (size_t i = 0; i < u->count; i++)
		if (u->servers[i].stream != NULL)
			stream_end(u->servers[i].stream);
}
