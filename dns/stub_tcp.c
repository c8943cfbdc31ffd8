/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) The stub's clients on TCP (RFC 7766): answers go out in the order in
 * which they come, each with its length before it. */
#include <stdlib.h>
#include <string.h>

#include "dns/stub_private.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"

enum {
	LENGTH_LEN = 2, /* before each message */
	BACKLOG = 64,
};

struct stub_client {
	struct dns_stub *stub;
	struct stub_client *next, **link;
	uv_tcp_t tcp;
	uv_timer_t idle;
	unsigned int handles; /* that libuv still has */
	unsigned int queries; /* under way, or going out */
	struct stub_tcp_query *waiting;
	bool reading, closing;
	size_t len; /* of what has come of the next message */
	uint8_t bytes[LENGTH_LEN + DNS_STUB_QUERY_MAX];
};

struct stub_tcp_query {
	struct dns_request request;
	struct stub_client *client;
	struct stub_tcp_query *next, **link;
};

struct stub_write {
	uv_write_t write;
	struct stub_client *client;
	uint8_t bytes[]; /* length and message */
};

static void on_client_closed(uv_handle_t *handle)
{
	struct stub_client *c = handle->data;
	struct dns_stub *s = c->stub;

	if (--c->handles > 0)
		return;
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	s->stats.tcp_clients--;
	free(c);
	stub_handle_closed(s);
}

static void query_free(struct stub_tcp_query *q)
{
	*q->link = q->next;
	if (q->next != NULL)
		q->next->link = q->link;
	free(q);
}

static void client_close(struct stub_client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	while (c->waiting != NULL) {
		dns_forwarder_drop(c->stub->forwarder, &c->waiting->request);
		query_free(c->waiting);
	}
	uv_close((uv_handle_t *)&c->tcp, on_client_closed);
	uv_close((uv_handle_t *)&c->idle, on_client_closed);
}

static void client_awake(struct stub_client *c);

static void on_idle(uv_timer_t *timer)
{
	struct stub_client *c = timer->data;

	/* It waits for us, not we for it. */
	if (c->waiting != NULL) {
		client_awake(c);
		return;
	}
	c->stub->stats.tcp_cut++;
	client_close(c);
}

/* A whole query has come, or an answer gone: single bytes, or nothing that is a
 * query, keep no connection. */
static void client_awake(struct stub_client *c)
{
	(void)uv_timer_start(&c->idle, on_idle, DNS_STUB_TCP_IDLE_MS, 0);
}

static void client_read(struct stub_client *c);

static void on_written(uv_write_t *write, int status)
{
	struct stub_write *w = (struct stub_write *)write;
	struct stub_client *c = w->client;

	free(w);
	c->queries--;
	if (c->closing)
		return;
	if (status < 0) {
		client_close(c);
		return;
	}
	client_awake(c);
	client_read(c);
}

/* The query is done with when its answer has gone out. */
static void client_answer(struct stub_client *c, const uint8_t *bytes,
			  size_t len)
{
	struct stub_write *w =
		len > 0 ? malloc(sizeof(*w) + LENGTH_LEN + len) : NULL;
	uv_buf_t buf;

	if (w == NULL) {
		c->queries--;
		if (len > 0)
			client_close(c);
		return;
	}
	w->client = c;
	store_be16(w->bytes, (uint16_t)len);
	memcpy(w->bytes + LENGTH_LEN, bytes, len);
	buf = uv_buf_init((char *)w->bytes, (unsigned int)(LENGTH_LEN + len));
	if (uv_write(&w->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written) <
	    0) {
		free(w);
		c->queries--;
		client_close(c);
	}
}

static void on_answer(struct dns_request *r, const uint8_t *bytes, size_t len)
{
	struct stub_tcp_query *q = (struct stub_tcp_query *)r;
	struct stub_client *c = q->client;

	query_free(q);
	client_answer(c, bytes, len);
}

static void take(struct stub_client *c, const uint8_t *bytes, size_t len)
{
	struct stub_tcp_query *q = calloc(1, sizeof(*q));
	uint8_t buf[DNS_SHORT_MAX];
	size_t size;

	c->stub->stats.tcp++;
	if (q == NULL) {
		client_close(c);
		return;
	}
	c->queries++;
	if (!stub_query_take(c->stub, bytes, len, &q->request.query, buf,
			     &size)) {
		free(q);
		if (size > 0)
			client_awake(c);
		client_answer(c, buf, size);
		return;
	}
	client_awake(c);
	q->client = c;
	q->next = c->waiting;
	q->link = &c->waiting;
	if (q->next != NULL)
		q->next->link = &q->next;
	c->waiting = q;
	q->request.max = DNS_MESSAGE_MAX;
	q->request.tcp = true;
	q->request.done = on_answer;
	dns_forwarder_take(c->stub->forwarder, &q->request, clock_now_ns());
}

/* Takes the whole messages that have come, as far as there is place. */
static void client_take(struct stub_client *c)
{
	size_t at = 0;

	while (!c->closing && c->queries < DNS_STUB_TCP_QUERIES &&
	       c->len - at >= LENGTH_LEN) {
		size_t len = load_be16(c->bytes + at);

		if (len > DNS_STUB_QUERY_MAX) {
			c->stub->stats.tcp_cut++;
			client_close(c);
			return;
		}
		if (c->len - at < LENGTH_LEN + len)
			break;
		take(c, c->bytes + at + LENGTH_LEN, len);
		at += LENGTH_LEN + len;
	}
	c->len -= at;
	memmove(c->bytes, c->bytes + at, c->len);
}

static void on_room(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct stub_client *c = handle->data;

	(void)size;
	*buf = uv_buf_init((char *)c->bytes + c->len,
			   (unsigned int)(sizeof(c->bytes) - c->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct stub_client *c = stream->data;

	(void)buf;
	if (n < 0) {
		client_close(c);
		return;
	}
	c->len += (size_t)n;
	client_read(c);
	dns_stub_arm(c->stub);
}

/* Takes what is there, and reads on if there is place for more. */
static void client_read(struct stub_client *c)
{
	bool want;

	client_take(c);
	if (c->closing)
		return;
	want = c->queries < DNS_STUB_TCP_QUERIES;
	if (want && !c->reading)
		(void)uv_read_start((uv_stream_t *)&c->tcp, on_room, on_read);
	else if (!want && c->reading)
		uv_read_stop((uv_stream_t *)&c->tcp);
	c->reading = want;
}

static void on_refused_closed(uv_handle_t *handle)
{
	free(handle);
}

/* Takes the connection from the queue, and ends it. */
static void refuse(uv_stream_t *listener)
{
	uv_tcp_t *tcp = malloc(sizeof(*tcp));

	if (tcp == NULL)
		return;
	if (uv_tcp_init(listener->loop, tcp) < 0) {
		free(tcp);
		return;
	}
	(void)uv_accept(listener, (uv_stream_t *)tcp);
	uv_close((uv_handle_t *)tcp, on_refused_closed);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct dns_stub *s = listener->data;
	struct stub_client *c = NULL;

	if (status < 0)
		return;
	if (s->stats.tcp_clients < DNS_STUB_TCP_CLIENTS)
		c = calloc(1, sizeof(*c));
	if (c == NULL) {
		s->stats.tcp_refused++;
		refuse(listener);
		return;
	}
	c->stub = s;
	c->next = s->clients;
	c->link = &s->clients;
	if (c->next != NULL)
		c->next->link = &c->next;
	s->clients = c;
	s->stats.tcp_clients++;
	s->handles++;
	c->handles = 2;
	(void)uv_timer_init(listener->loop, &c->idle);
	(void)uv_tcp_init(listener->loop, &c->tcp);
	c->idle.data = c->tcp.data = c;
	if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0) {
		client_close(c);
		return;
	}
	(void)uv_tcp_nodelay(&c->tcp, 1);
	client_awake(c);
	client_read(c);
}

static void on_listener_closed(uv_handle_t *handle)
{
	stub_handle_closed(handle->data);
}

int stub_tcp_listen(struct dns_stub *s, uv_loop_t *loop)
{
	struct sockaddr_storage sa;
	int r = uv_tcp_init(loop, &s->listener);

	if (r < 0)
		return r;
	s->listener.data = s;
	s->handles++;
	endpoint_to_sockaddr(&s->at, &sa);
	r = uv_tcp_bind(&s->listener, (const struct sockaddr *)&sa, 0);
	return r < 0 ? r
		     : uv_listen((uv_stream_t *)&s->listener, BACKLOG,
				 on_connection);
}

void stub_tcp_close(struct dns_stub *s)
{
	for (struct stub_client *c = s->clients; c != NULL; c = c->next)
		client_close(c);
	if (s->listener.data != NULL)
		uv_close((uv_handle_t *)&s->listener, on_listener_closed);
}
