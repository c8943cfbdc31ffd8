/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/daemon/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/url.h"
#include "tunnel/daemon/probe_private.h"

struct probe_write {
	uv_write_t write;
	uint8_t bytes[];
};

/* The end. */

static void probe_free(struct probe *p)
{
	tls_client_destroy(p->tls);
	free(p->device);
	free(p->ca);
	free(p->request);
	free(p->pins);
	free(p->body);
	free(p);
}

void probe_handle_closed(uv_handle_t *handle)
{
	struct probe *p = handle->data;

	if (--p->handles == 0)
		probe_free(p);
}

static void probe_end(struct probe *p)
{
	p->closing = true;
	if (p->tls != NULL)
		tls_client_close(p->tls);
	p->connected = NULL;
	dial_stop(p);
	uv_close((uv_handle_t *)&p->limit, probe_handle_closed);
	uv_close((uv_handle_t *)&p->next, probe_handle_closed);
}

void probe_finish(struct probe *p, enum ondemand_probe kind, const char *why)
{
	bool status = kind == ONDEMAND_PROBE_STATUS;
	const struct probe_result result = {
		.answer = { kind, status ? p->reply.status : 0 },
		.why = why,
		.has_content = p->reply.has_content,
		.body = p->body,
		.body_len = p->reply.body_len,
	};

	probe_end(p);
	p->done(p->arg, &result);
}

void probe_cancel(struct probe *p)
{
	if (p != NULL && !p->closing)
		probe_end(p);
}

/* With no address yet it is the name that took so long. */
static void on_limit(uv_timer_t *timer)
{
	struct probe *p = timer->data;

	if (dial_has_address(p))
		probe_finish(p, ONDEMAND_PROBE_TIMEOUT, "no answer in time");
	else
		probe_finish(p, ONDEMAND_PROBE_DNS,
			     dns_ask_result_text(DNS_ASK_TIMED_OUT));
}

static void on_broken(uv_timer_t *timer)
{
	struct probe *p = timer->data;

	probe_finish(p, ONDEMAND_PROBE_NO_ANSWER, strerror(-p->error));
}

/* It may be found out within TLS's functions, where nothing can end. */
static void write_failed(struct probe *p, int error)
{
	p->error = error;
	if (!p->closing)
		(void)uv_timer_start(&p->limit, on_broken, 0, 0);
}

/* Asking. */

static void on_written(uv_write_t *write, int status)
{
	struct probe *p = write->handle->data;

	free((struct probe_write *)write);
	if (status < 0)
		write_failed(p, status);
}

static void put(void *arg, const uint8_t *bytes, size_t len)
{
	struct probe *p = arg;
	struct probe_write *w = malloc(sizeof(*w) + len);
	uv_buf_t buf;
	int r;

	if (w == NULL) {
		write_failed(p, -ENOMEM);
		return;
	}
	memcpy(w->bytes, bytes, len);
	buf = uv_buf_init((char *)w->bytes, (unsigned int)len);
	r = uv_write(&w->write, (uv_stream_t *)&p->connected->tcp, &buf, 1,
		     on_written);
	if (r < 0) {
		free(w);
		write_failed(p, r);
	}
}

static void on_plain(void *arg, const uint8_t *bytes, size_t len)
{
	struct probe *p = arg;

	if (p->request != NULL && p->replied == -EAGAIN)
		p->replied = http_reply_input(&p->reply, bytes, len);
}

static void judge_reply(struct probe *p)
{
	if (p->replied == 0)
		probe_finish(p, ONDEMAND_PROBE_STATUS, "");
	else if (p->replied != -EAGAIN)
		probe_finish(p, ONDEMAND_PROBE_NO_ANSWER,
			     "the reply is no HTTP that can be read");
}

/* In order, that is; some replies have no other end. */
static void stream_ended(struct probe *p)
{
	if (p->request != NULL && http_reply_end(&p->reply) == 0)
		probe_finish(p, ONDEMAND_PROBE_STATUS, "");
	else
		probe_finish(p, ONDEMAND_PROBE_NO_ANSWER,
			     "the server closed the connection");
}

static void tls_failed(struct probe *p)
{
	const char *why = tls_client_failure_text(p->tls);

	switch (tls_client_failure(p->tls)) {
	case TLS_FAILURE_CLOSED:
		stream_ended(p);
		break;
	case TLS_FAILURE_PIN:
		probe_finish(p, ONDEMAND_PROBE_KEY_WRONG, why);
		break;
	case TLS_FAILURE_MEMORY:
		probe_finish(p, ONDEMAND_PROBE_NO_ANSWER, why);
		break;
	case TLS_FAILURE_NONE:
	case TLS_FAILURE_PROTOCOL:
	case TLS_FAILURE_CERTIFICATE:
	case TLS_FAILURE_NAME:
		probe_finish(p, ONDEMAND_PROBE_TLS, why);
	}
}

/* After each step of TLS, of which `r` is the result. */
static void judge_tls(struct probe *p, int r)
{
	if (p->replied != -EAGAIN) {
		judge_reply(p);
	} else if (r < 0) {
		tls_failed(p);
	} else if (!tls_client_is_open(p->tls)) {
		return;
	} else if (p->request == NULL) {
		probe_finish(p, ONDEMAND_PROBE_KEY_OK, "");
	} else if (!p->asked) {
		p->asked = true;
		if (tls_client_write(p->tls, (const uint8_t *)p->request,
				     strlen(p->request)) < 0)
			tls_failed(p);
	}
}

static void on_room(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct probe *p = handle->data;

	(void)size;
	*buf = uv_buf_init((char *)p->received, sizeof(p->received));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct probe *p = stream->data;

	(void)buf;
	if (n == UV_EOF && p->tls == NULL) {
		stream_ended(p);
	} else if (n == UV_EOF) {
		probe_finish(p, ONDEMAND_PROBE_NO_ANSWER,
			     "the server closed the connection");
	} else if (n < 0) {
		probe_finish(p, ONDEMAND_PROBE_NO_ANSWER, strerror((int)-n));
	} else if (p->tls == NULL) {
		on_plain(p, p->received, (size_t)n);
		judge_reply(p);
	} else {
		judge_tls(p, tls_client_input(p->tls, p->received, (size_t)n));
	}
}

static void start_tls(struct probe *p)
{
	const struct tls_callbacks callbacks = {
		.send = put,
		.received = on_plain,
		.arg = p,
	};
	const struct tls_peer peer = {
		.name = p->request ? p->host : NULL,
		.sni = p->host,
		.ca = p->ca,
		.pins = p->pins,
		.pin_count = p->pin_count,
	};
	int r = tls_client_create(&peer, &callbacks, &p->tls);

	if (r == -ENOKEY)
		probe_finish(p, ONDEMAND_PROBE_TLS,
			     "there is no CA certificate to trust");
	else if (r < 0)
		probe_finish(p, ONDEMAND_PROBE_NO_ANSWER, strerror(-r));
	else
		judge_tls(p, tls_client_start(p->tls));
}

void probe_ask(struct probe *p)
{
	(void)uv_tcp_nodelay(&p->connected->tcp, 1);
	(void)uv_read_start((uv_stream_t *)&p->connected->tcp, on_room,
			    on_read);
	if (p->by_tls)
		start_tls(p);
	else
		put(p, (const uint8_t *)p->request, strlen(p->request));
}

/* The beginning. */

static int set_url(struct probe *p, const struct probe_target *t)
{
	char why[VALUE_WHY_MAX];
	struct url u;
	int r = url_parse(t->url, &u, why);

	if (r < 0)
		return r;
	memcpy(p->host, u.host, sizeof(p->host));
	p->port = u.port;
	p->by_tls = u.tls;
	if (asprintf(&p->request,
		     "GET %s%.*s HTTP/1.1\r\nHost: %.*s\r\n"
		     "User-Agent: adit\r\nAccept: %s\r\n"
		     "Connection: close\r\n\r\n",
		     u.path_len > 0 && *u.path == '/' ? "" : "/",
		     (int)u.path_len, u.path, (int)u.authority_len, u.authority,
		     t->accept ? t->accept : "*/*") < 0) {
		p->request = NULL;
		return -ENOMEM;
	}
	if (t->body) {
		p->body = malloc(HTTP_REPLY_BODY_MAX);
		if (p->body == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int set_key(struct probe *p, const struct probe_target *t)
{
	size_t len = strlen(t->host);

	if (len > 0 && t->host[len - 1] == '.')
		len--;
	if (len == 0 || len > DNS_NAME_MAX || t->pin_count == 0)
		return -EINVAL;
	memcpy(p->host, t->host, len);
	p->port = t->port;
	p->by_tls = true;
	p->pins = calloc(t->pin_count, sizeof(p->pins[0]));
	if (p->pins == NULL)
		return -ENOMEM;
	memcpy(p->pins, t->pins, t->pin_count * sizeof(p->pins[0]));
	p->pin_count = t->pin_count;
	return 0;
}

/* NULL stays NULL. False: out of memory. */
static bool copy_text(const char *from, char **ret_to)
{
	*ret_to = from ? strdup(from) : NULL;
	return from == NULL || *ret_to != NULL;
}

static int set_options(struct probe *p, const struct probe_options *o,
		       const struct probe_target *t)
{
	unsigned int standard =
		t->url ? PROBE_URL_LIMIT_MS : PROBE_KEY_LIMIT_MS;

	p->loop = o->loop;
	p->mark = o->mark;
	p->limit_ms = o->limit_ms ? o->limit_ms : standard;
	while (p->server_count < o->server_count &&
	       p->server_count < DNS_SERVERS_MAX) {
		p->servers[p->server_count] = o->servers[p->server_count];
		p->server_count++;
	}
	if (!copy_text(o->device, &p->device) || !copy_text(o->ca, &p->ca))
		return -ENOMEM;
	return t->url ? set_url(p, t) : set_key(p, t);
}

static void on_begin(uv_timer_t *timer)
{
	dial_start(timer->data);
}

int probe_start(const struct probe_options *o, const struct probe_target *t,
		probe_done_cb done, void *arg, struct probe **ret_probe)
{
	struct probe *p = calloc(1, sizeof(*p));
	int r;

	if (p == NULL)
		return -ENOMEM;
	r = set_options(p, o, t);
	if (r < 0) {
		probe_free(p);
		return r;
	}
	http_reply_init(&p->reply, p->body);
	p->replied = -EAGAIN;
	p->done = done;
	p->arg = arg;
	/* These only get their fields set. */
	(void)uv_timer_init(p->loop, &p->limit);
	(void)uv_timer_init(p->loop, &p->next);
	p->limit.data = p->next.data = p;
	p->handles = 2;
	uv_update_time(p->loop);
	(void)uv_timer_start(&p->limit, on_limit, p->limit_ms, 0);
	/* Whatever fails then is told from the loop. */
	(void)uv_timer_start(&p->next, on_begin, 0, 0);
	*ret_probe = p;
	return 0;
}
