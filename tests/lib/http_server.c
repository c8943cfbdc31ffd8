/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tests/lib/http_server.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	READ_MAX = 64 * 1024,
	DRIP_MS = 1,
};

struct http_connection {
	struct http_server *server;
	struct http_connection *next;
	uv_tcp_t tcp;
	uv_timer_t drip;
	unsigned int handles;
	size_t said; /* of the reply, drop by drop */
	struct tls_server *tls;
	size_t len;
	char request[sizeof(((struct http_server *)0)->request)];
};

struct said {
	uv_write_t write;
	uint8_t bytes[];
};

static uint8_t read_buffer[READ_MAX];

static void on_closed(uv_handle_t *handle)
{
	struct http_connection *c = handle->data;

	if (--c->handles > 0)
		return;
	tls_server_destroy(c->tls);
	free(c);
}

static void hang_up(struct http_connection *c)
{
	struct http_connection **at = &c->server->connections;

	while (*at != NULL && *at != c)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = c->next;
	uv_close((uv_handle_t *)&c->tcp, on_closed);
	uv_close((uv_handle_t *)&c->drip, on_closed);
}

static void on_written(uv_write_t *write, int status)
{
	(void)status;
	free(write);
}

static void put(void *arg, const uint8_t *bytes, size_t len)
{
	struct http_connection *c = arg;
	struct said *s = malloc(sizeof(*s) + len);
	uv_buf_t buf;

	assert(s);
	memcpy(s->bytes, bytes, len);
	buf = uv_buf_init((char *)s->bytes, (unsigned int)len);
	if (uv_write(&s->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written) <
	    0)
		free(s);
}

static void say(struct http_connection *c, const char *text, size_t len)
{
	if (c->tls != NULL)
		tls_server_write(c->tls, (const uint8_t *)text, len);
	else
		put(c, (const uint8_t *)text, len);
}

static size_t reply_len(const struct http_server *s)
{
	return s->reply_len > 0 ? s->reply_len : strlen(s->reply);
}

static void on_drip(uv_timer_t *timer)
{
	struct http_connection *c = timer->data;
	const struct http_server *s = c->server;
	size_t last = reply_len(s) - 1;

	say(c, s->reply + c->said, 1);
	if (c->said < last)
		c->said++;
	else if (s->in_pieces && s->hangs_up)
		hang_up(c);
	else if (s->in_pieces)
		uv_timer_stop(&c->drip);
}

static void answer(struct http_connection *c)
{
	struct http_server *s = c->server;

	s->requests++;
	memcpy(s->request, c->request, sizeof(s->request));
	if (s->reply != NULL && (s->drips || s->in_pieces)) {
		(void)uv_timer_start(&c->drip, on_drip, 0, DRIP_MS);
		return;
	}
	if (s->reply != NULL)
		say(c, s->reply, reply_len(s));
	/* The loop writes it before it closes: it is small. */
	if (s->hangs_up)
		hang_up(c);
}

static void on_plain(void *arg, const uint8_t *bytes, size_t len)
{
	struct http_connection *c = arg;

	assert(len < sizeof(c->request) - c->len);
	memcpy(c->request + c->len, bytes, len);
	c->len += len;
	if (c->server->rash || strstr(c->request, "\r\n\r\n") != NULL)
		answer(c);
}

static void on_room(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	(void)size;
	*buf = uv_buf_init((char *)read_buffer, sizeof(read_buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct http_connection *c = stream->data;
	const uint8_t *bytes = (const uint8_t *)buf->base;

	if (n < 0)
		hang_up(c);
	else if (c->server->deaf)
		return;
	else if (c->tls == NULL)
		on_plain(c, bytes, (size_t)n);
	else if (tls_server_input(c->tls, bytes, (size_t)n) < 0)
		hang_up(c);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct http_server *s = listener->data;
	struct http_connection *c = calloc(1, sizeof(*c));
	const struct tls_server_callbacks callbacks = { put, on_plain, c };

	assert(status == 0 && c);
	c->server = s;
	c->next = s->connections;
	s->connections = c;
	s->accepted++;
	(void)uv_tcp_init(listener->loop, &c->tcp);
	(void)uv_timer_init(listener->loop, &c->drip);
	c->tcp.data = c->drip.data = c;
	c->handles = 2;
	if (s->tls != NULL)
		c->tls = tls_server_create_as(s->tls, &callbacks);
	if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0)
		abort();
	(void)uv_tcp_nodelay(&c->tcp, 1);
	if (s->hangs_up && s->reply == NULL)
		hang_up(c);
	else
		(void)uv_read_start((uv_stream_t *)&c->tcp, on_room, on_read);
}

void http_server_start(struct http_server *s, uv_loop_t *loop)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int len = sizeof(sa);

	(void)uv_tcp_init(loop, &s->tcp);
	s->tcp.data = s;
	if (uv_tcp_bind(&s->tcp, (struct sockaddr *)&sa, 0) < 0 ||
	    uv_listen((uv_stream_t *)&s->tcp, 128, on_connection) < 0)
		abort();
	(void)uv_tcp_getsockname(&s->tcp, (struct sockaddr *)&sa, &len);
	(void)endpoint_from_sockaddr((struct sockaddr *)&sa, &s->at);
}

void http_server_stop(struct http_server *s)
{
	if (s->tcp.data == NULL)
		return;
	uv_close((uv_handle_t *)&s->tcp, NULL);
	s->tcp.data = NULL;
	while (s->connections != NULL)
		hang_up(s->connections);
}

unsigned int http_server_open(const struct http_server *s)
{
	unsigned int n = 0;

	for (const struct http_connection *c = s->connections; c; c = c->next)
		n++;
	return n;
}
