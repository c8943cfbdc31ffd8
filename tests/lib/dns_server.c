/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tests/lib/dns_server.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/tls_server.h"
#include "tunnel/base/bytes.h"

enum {
	PORT_TRIES = 20,
	READ_MAX = 64 * 1024,
	LENGTH_LEN = 2,
};

struct dns_server_connection {
	struct test_server *server;
	struct dns_server_connection *next;
	uv_tcp_t tcp;
	struct tls_server *tls;
	size_t len;
	uint8_t bytes[READ_MAX];
};

struct reply {
	uv_write_t write;
	uint8_t bytes[];
};

static uint8_t read_buffer[READ_MAX];

static void on_room(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	(void)size;
	*buf = uv_buf_init((char *)read_buffer, sizeof(read_buffer));
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf,
			const struct sockaddr *from, unsigned int flags)
{
	struct question q = { .server = udp->data };

	(void)flags;
	if (n <= 0 || from == NULL)
		return;
	q.server->by_udp++;
	memcpy(&q.from, from, sizeof(q.from));
	assert((size_t)n <= sizeof(q.bytes));
	q.len = (size_t)n;
	memcpy(q.bytes, buf->base, q.len);
	q.server->on_question(&q);
}

static void on_connection_closed(uv_handle_t *handle)
{
	struct dns_server_connection *c = handle->data;

	tls_server_destroy(c->tls);
	free(c);
}

void dns_server_hang_up(struct dns_server_connection *c)
{
	struct dns_server_connection **at = &c->server->connections;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	uv_close((uv_handle_t *)&c->tcp, on_connection_closed);
}

static bool is_open(const struct test_server *s,
		    const struct dns_server_connection *c)
{
	const struct dns_server_connection *o = s->connections;

	while (o != NULL && o != c)
		o = o->next;
	return o != NULL;
}

static void on_written(uv_write_t *write, int status)
{
	(void)status;
	free(write);
}

static void put(void *arg, const uint8_t *bytes, size_t len)
{
	struct dns_server_connection *c = arg;
	struct reply *r = malloc(sizeof(*r) + len);
	uv_buf_t buf;

	assert(r);
	memcpy(r->bytes, bytes, len);
	buf = uv_buf_init((char *)r->bytes, (unsigned int)len);
	if (uv_write(&r->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written) <
	    0)
		free(r);
}

/* Plain text. */
static void on_bytes(void *arg, const uint8_t *bytes, size_t len)
{
	struct dns_server_connection *c = arg;
	struct test_server *s = c->server;
	size_t at = 0;

	assert(len <= sizeof(c->bytes) - c->len);
	memcpy(c->bytes + c->len, bytes, len);
	c->len += len;
	while (c->len - at >= LENGTH_LEN) {
		struct question q = { .server = s, .connection = c };

		q.len = load_be16(c->bytes + at);
		if (c->len - at < LENGTH_LEN + q.len)
			break;
		memcpy(q.bytes, c->bytes + at + LENGTH_LEN, q.len);
		at += LENGTH_LEN + q.len;
		s->by_tcp++;
		s->on_question(&q);
		if (!is_open(s, c))
			return;
	}
	c->len -= at;
	memmove(c->bytes, c->bytes + at, c->len);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct dns_server_connection *c = stream->data;
	const uint8_t *bytes = (const uint8_t *)buf->base;

	if (n < 0)
		dns_server_hang_up(c);
	else if (c->tls == NULL)
		on_bytes(c, bytes, (size_t)n);
	else if (tls_server_input(c->tls, bytes, (size_t)n) < 0)
		dns_server_hang_up(c);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct test_server *s = listener->data;
	struct dns_server_connection *c = calloc(1, sizeof(*c));
	const struct tls_server_callbacks callbacks = { put, on_bytes, c };

	assert(status == 0 && c);
	c->server = s;
	c->next = s->connections;
	s->connections = c;
	s->accepted++;
	(void)uv_tcp_init(listener->loop, &c->tcp);
	c->tcp.data = c;
	if (s->tls != NULL)
		c->tls = tls_server_create(s->tls, &callbacks);
	if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0)
		abort();
	(void)uv_tcp_nodelay(&c->tcp, 1);
	(void)uv_read_start((uv_stream_t *)&c->tcp, on_room, on_read);
}

/* False: the port is taken. */
static bool listen_on(struct test_server *s, uv_loop_t *loop, uint16_t port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int len = sizeof(sa);

	(void)uv_udp_init(loop, &s->udp);
	(void)uv_tcp_init(loop, &s->tcp);
	s->udp.data = s->tcp.data = s;
	if (uv_udp_bind(&s->udp, (struct sockaddr *)&sa, 0) < 0)
		return false;
	(void)uv_udp_getsockname(&s->udp, (struct sockaddr *)&sa, &len);
	(void)endpoint_from_sockaddr((struct sockaddr *)&sa, &s->at);
	(void)uv_udp_recv_start(&s->udp, on_room, on_datagram);
	if (s->udp_only)
		return true;
	return uv_tcp_bind(&s->tcp, (struct sockaddr *)&sa, 0) == 0 &&
	       uv_listen((uv_stream_t *)&s->tcp, 128, on_connection) == 0;
}

void dns_server_start(struct test_server *s, uv_loop_t *loop, uint16_t port)
{
	for (int i = 0; i < PORT_TRIES; i++) {
		if (listen_on(s, loop, port))
			return;
		dns_server_stop(s);
		uv_run(loop, UV_RUN_NOWAIT);
	}
	abort();
}

void dns_server_hang_up_all(struct test_server *s)
{
	while (s->connections != NULL)
		dns_server_hang_up(s->connections);
}

void dns_server_stop(struct test_server *s)
{
	if (s->udp.data == NULL)
		return;
	uv_close((uv_handle_t *)&s->udp, NULL);
	uv_close((uv_handle_t *)&s->tcp, NULL);
	s->udp.data = NULL;
	dns_server_hang_up_all(s);
}

size_t dns_server_answer(const struct question *q, enum dns_rcode rcode,
			 uint8_t last, uint8_t buf[static DNS_SHORT_MAX])
{
	size_t name = DNS_HEADER_LEN;
	struct bytes b;

	while (q->bytes[name] != 0)
		name += 1U + q->bytes[name];
	name += 1 + 4; /* type and class */
	memcpy(buf, q->bytes, name);
	b = bytes_over(buf, DNS_SHORT_MAX);
	(void)bytes_take(&b, 2);
	bytes_put8(&b, 0x81);
	bytes_put8(&b, (uint8_t)(0x80 | rcode));
	bytes_put16(&b, 1);
	bytes_put16(&b, rcode == 0);
	bytes_put16(&b, 0);
	bytes_put16(&b, 0);
	(void)bytes_take(&b, name - DNS_HEADER_LEN);
	if (rcode != 0)
		return name;
	bytes_put16(&b, 0xc00c); /* the question's name */
	bytes_put16(&b, load_be16(buf + name - 4));
	bytes_put16(&b, DNS_CLASS_IN);
	bytes_put32(&b, 300);
	if (load_be16(buf + name - 4) == DNS_TYPE_A) {
		const uint8_t address[] = { 192, 0, 2, last };

		bytes_put16(&b, sizeof(address));
		bytes_put(&b, address, sizeof(address));
	} else {
		const uint8_t address[16] = { 0x20, 1, 0xd, 0xb8, [15] = last };

		bytes_put16(&b, sizeof(address));
		bytes_put(&b, address, sizeof(address));
	}
	return bytes_done(&b);
}

void dns_server_say(const struct question *q, const uint8_t *bytes, size_t len)
{
	struct dns_server_connection *c = q->connection;
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned int)len);
	uint8_t *framed;

	if (c == NULL) {
		(void)uv_udp_try_send(&q->server->udp, &buf, 1,
				      (const struct sockaddr *)&q->from);
		return;
	}
	if (!is_open(q->server, c))
		return;
	framed = malloc(LENGTH_LEN + len);
	assert(framed);
	store_be16(framed, (uint16_t)len);
	memcpy(framed + LENGTH_LEN, bytes, len);
	if (c->tls != NULL)
		tls_server_write(c->tls, framed, LENGTH_LEN + len);
	else
		put(c, framed, LENGTH_LEN + len);
	free(framed);
}

unsigned int dns_server_open(const struct test_server *s)
{
	unsigned int n = 0;

	for (const struct dns_server_connection *c = s->connections; c != NULL;
	     c = c->next)
		n++;
	return n;
}
