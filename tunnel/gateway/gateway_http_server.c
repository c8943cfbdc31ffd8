/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/gateway/gateway_http_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "tunnel/ctl/ctl_door.h"

/*
 * A caller is READING until the request is whole, WRITING until the answer has
 * gone out, and DRAINING until the other end closes: closing first, with
 * something unread, would take the answer away from it.
 */
enum state {
	READING,
	WRITING,
	DRAINING,
};

struct caller {
	struct gateway_http *http;
	struct caller *next;
	int fd;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned int handles; /* still to close */
	bool closing;

	enum state state;
	char request[GATEWAY_HTTP_REQUEST_MAX];
	size_t got;
	char *answer;
	size_t len, sent;
};

struct gateway_http {
	struct gateway_http_options o;
	uv_loop_t *loop; /* borrowed */
	struct ctl_door door;
	bool open; /* the door is */
	struct caller *callers;
	unsigned int count;
	bool closing;
};

static void check_closed(struct gateway_http *h)
{
	if (h->closing && !h->open && !h->callers)
		free(h);
}

static void on_caller_closed(uv_handle_t *handle)
{
	struct caller *c = handle->data, **at;
	struct gateway_http *h = c->http;

	if (--c->handles > 0)
		return;
	for (at = &h->callers; *at != c; at = &(*at)->next)
		;
	*at = c->next;
	h->count--;
	free(c->answer);
	free(c);
	check_closed(h);
}

static void caller_close(struct caller *c)
{
	if (c->closing)
		return;
	c->closing = true;
	uv_close((uv_handle_t *)&c->poll, on_caller_closed);
	uv_close((uv_handle_t *)&c->timer, on_caller_closed);
	/* uv_close has taken it out of the loop's set. */
	close(c->fd);
}

static void on_io(uv_poll_t *poll, int status, int events);
static void on_patience_over(uv_timer_t *timer);

static void enter(struct caller *c, enum state state, unsigned int patience_ms)
{
	c->state = state;
	/* Neither fails for handles that are open. */
	(void)uv_timer_start(&c->timer, on_patience_over, patience_ms, 0);
	(void)uv_poll_start(
		&c->poll, state == WRITING ? UV_WRITABLE : UV_READABLE, on_io);
}

/* The whole answer. NULL: out of memory. */
static char *build_answer(enum gateway_http_status status, const char *type,
			  const char *body, size_t body_len, bool head,
			  size_t *ret_len)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, ret_len);

	if (!to)
		return NULL;
	gateway_http_head(status, type, body_len, to);
	if (!head)
		fwrite(body, 1, body_len, to);
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

static void send_some(struct caller *c)
{
	ssize_t n = 0;

	while (c->sent < c->len) {
		n = send(c->fd, c->answer + c->sent, c->len - c->sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			break;
		c->sent += (size_t)n;
	}
	if (c->sent == c->len) {
		shutdown(c->fd, SHUT_WR);
		enter(c, DRAINING, GATEWAY_HTTP_DRAIN_MS);
	} else if (errno != EAGAIN && errno != EINTR) {
		caller_close(c);
	}
}

/* What is no answer of the owner's is one line that says so. */
static void refuse(struct caller *c, enum gateway_http_status status, bool head)
{
	char body[64];
	int len = snprintf(body, sizeof(body), "%s\n",
			   gateway_http_reason(status));

	c->answer = build_answer(status, "text/plain", body, (size_t)len, head,
				 &c->len);
	if (c->answer)
		enter(c, WRITING, GATEWAY_HTTP_ANSWER_MS);
	else
		caller_close(c);
}

static void answer(struct caller *c, const struct gateway_http_request *r)
{
	const struct gateway_http_options *o = &c->http->o;
	enum gateway_http_status status = GATEWAY_HTTP_FAILED;
	const char *type = "";
	char *body = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&body, &len);

	if (to) {
		status = o->answer(o->arg, r->target, to, &type);
		if (fclose(to) != 0)
			status = GATEWAY_HTTP_FAILED;
	}
	if (status == GATEWAY_HTTP_OK)
		c->answer =
			build_answer(status, type, body, len, r->head, &c->len);
	free(body);
	if (c->answer)
		enter(c, WRITING, GATEWAY_HTTP_ANSWER_MS);
	else
		refuse(c,
		       status == GATEWAY_HTTP_OK ? GATEWAY_HTTP_FAILED : status,
		       r->head);
}

static void receive_some(struct caller *c)
{
	struct gateway_http_request r;
	int status;
	ssize_t n = recv(c->fd, c->request + c->got,
			 sizeof(c->request) - c->got, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) { /* it left */
		caller_close(c);
		return;
	}
	c->got += (size_t)n;
	status = gateway_http_parse(c->request, c->got, &r);
	if (status == GATEWAY_HTTP_OK)
		answer(c, &r);
	else if (status != 0)
		refuse(c, (enum gateway_http_status)status, false);
}

/* Until the other end has closed; the timer ends it for one that sends on. */
static void drain(struct caller *c)
{
	char nothing[4096];
	ssize_t n = recv(c->fd, nothing, sizeof(nothing), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		caller_close(c);
}

static void on_io(uv_poll_t *poll, int status, int events)
{
	struct caller *c = poll->data;

	(void)status; /* an error shows in what follows */
	(void)events;
	switch (c->state) {
	case READING:
		receive_some(c);
		break;
	case WRITING:
		send_some(c);
		break;
	case DRAINING:
		drain(c);
		break;
	}
}

static void on_patience_over(uv_timer_t *timer)
{
	struct caller *c = timer->data;

	if (c->state == READING && c->got > 0)
		refuse(c, GATEWAY_HTTP_TIMEOUT, false);
	else
		caller_close(c);
}

/* A caller too many costs one descriptor for a moment, and no memory. */
static void turn_away(int fd)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\n"
				   "Content-Length: 0\r\n"
				   "Connection: close\r\n"
				   "\r\n";

	/* Fits into a fresh socket; who is gone needs no answer. */
	(void)send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void admit(struct ctl_door *d, int fd)
{
	struct gateway_http *h = container_of(d, struct gateway_http, door);
	struct caller *c = NULL;

	if (h->count < GATEWAY_HTTP_CALLERS)
		c = calloc(1, sizeof(*c));
	if (!c || uv_poll_init(h->loop, &c->poll, fd) < 0) {
		free(c);
		turn_away(fd);
		return;
	}
	(void)uv_timer_init(h->loop, &c->timer); /* only sets fields */
	c->poll.data = c->timer.data = c;
	c->handles = 2;
	c->http = h;
	c->fd = fd;
	c->next = h->callers;
	h->callers = c;
	h->count++;
	enter(c, READING, GATEWAY_HTTP_REQUEST_MS);
}

static void on_door_closed(struct ctl_door *d)
{
	struct gateway_http *h = container_of(d, struct gateway_http, door);

	h->open = false;
	check_closed(h);
}

/* A descriptor that listens there, or -errno. */
static int listen_at(struct endpoint *at)
{
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(at, &sa);
	int fd, one = 1, r;

	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	if (fd < 0)
		return -errno;
	/* Or a restart would have to wait for old connections to be over. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sa, len) < 0 ||
	    listen(fd, CTL_DOOR_BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return endpoint_from_sockaddr((struct sockaddr *)&sa, at) == 0
		       ? fd
		       : -EAFNOSUPPORT;
}

static int open_door(struct gateway_http *h)
{
	const struct gateway_http_options *o = &h->o;
	int fd;

	h->door.mode = 0600;
	h->door.group = (gid_t)-1;
	h->door.admit = admit;
	h->door.closed = on_door_closed;
	if (o->path) {
		if (strlen(o->path) >= sizeof(h->door.path))
			return -ENAMETOOLONG;
		strcpy(h->door.path, o->path);
		return ctl_door_open(&h->door, h->loop);
	}
	fd = listen_at(o->port);
	return fd < 0 ? fd : ctl_door_take(&h->door, h->loop, fd);
}

int gateway_http_serve(uv_loop_t *loop,
		       const struct gateway_http_options *options,
		       struct gateway_http **ret_http)
{
	struct gateway_http *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->o = *options;
	h->loop = loop;
	r = open_door(h);
	if (r) {
		free(h);
		return r;
	}
	h->open = true;
	*ret_http = h;
	return 0;
}

void gateway_http_close(struct gateway_http *h)
{
	if (!h)
		return;
	h->closing = true;
	ctl_door_close(&h->door);
	for (struct caller *c = h->callers; c; c = c->next)
		caller_close(c);
}
