/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/ctl/ctl_server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "tunnel/ctl/caller.h"

struct ctl_peer {
	struct ctl_server *server;
	struct ctl_peer *next;
	uv_pipe_t pipe;
	uv_timer_t timer;
	struct caller caller;
	unsigned int handles; /* still to close */

	char *line; /* what has come of the next request */
	size_t len, room;
	bool asked; /* a request is being worked on */
	bool last;  /* close when what was written has gone out */
	bool closing;
};

struct ctl_server {
	const struct ctl_server_callbacks *cb;
	void *arg;
	unsigned int patience_ms;
	char path[CTL_PATH_MAX];
	uv_pipe_t listener;
	struct ctl_peer *peers;
	unsigned int count, onlookers;
	bool listening; /* the listener's handle is not closed yet */
	bool closing;
	void (*done)(void *arg);
	void *done_arg;
};

struct write {
	uv_write_t req;
	struct ctl_peer *peer;
	char *line; /* owned */
};

static void server_check_closed(struct ctl_server *s)
{
	void (*done)(void *arg) = s->done;
	void *arg = s->done_arg;

	if (!s->closing || s->listening || s->peers != NULL)
		return;
	free(s);
	if (done != NULL)
		done(arg);
}

static void peer_handle_closed(uv_handle_t *handle)
{
	struct ctl_peer *p = handle->data, **at;
	struct ctl_server *s = p->server;

	if (--p->handles > 0)
		return;
	for (at = &s->peers; *at != p; at = &(*at)->next)
		;
	*at = p->next;
	s->count--;
	if (!p->caller.may_act)
		s->onlookers--;
	free(p->line);
	free(p);
	server_check_closed(s);
}

static void peer_close(struct ctl_peer *p)
{
	if (p->closing)
		return;
	p->closing = true;
	uv_close((uv_handle_t *)&p->pipe, peer_handle_closed);
	uv_close((uv_handle_t *)&p->timer, peer_handle_closed);
	if (p->asked && !p->server->closing)
		p->server->cb->gone(p->server->arg, p);
}

static void on_patience_over(uv_timer_t *timer)
{
	peer_close(timer->data);
}

static void wait_for_request(struct ctl_peer *p)
{
	/* Only a timer that is being closed cannot be started. */
	(void)uv_timer_start(&p->timer, on_patience_over,
			     p->server->patience_ms, 0);
}

static void peer_take_lines(struct ctl_peer *p);

static void on_written(uv_write_t *req, int status)
{
	struct write *w = (struct write *)req;
	struct ctl_peer *p = w->peer;

	free(w->line);
	free(w);
	if (status < 0 || (p->last && uv_stream_get_write_queue_size(
					      (uv_stream_t *)&p->pipe) == 0))
		peer_close(p);
}

static void peer_send(struct ctl_peer *p, const struct ctl_reply *reply)
{
	struct write *w = calloc(1, sizeof(*w));
	char *line = ctl_reply_line(reply);
	uv_buf_t buf;

	if (w == NULL || line == NULL)
		goto fail;
	if (uv_stream_get_write_queue_size((uv_stream_t *)&p->pipe) >
	    CTL_SERVER_UNREAD_MAX)
		goto fail;
	w->peer = p;
	w->line = line;
	buf = uv_buf_init(line, (unsigned int)strlen(line));
	if (uv_write(&w->req, (uv_stream_t *)&p->pipe, &buf, 1, on_written) < 0)
		goto fail;
	return;
fail:
	free(w);
	free(line);
	p->last = true;
	/* The timer cuts it off: the caller may be in the middle of a walk
	 * over those who wait. */
	(void)uv_timer_start(&p->timer, on_patience_over, 0, 0);
}

static void on_next_line(uv_timer_t *timer)
{
	struct ctl_peer *p = timer->data;

	wait_for_request(p);
	peer_take_lines(p);
}

void ctl_server_reply(struct ctl_peer *p, const struct ctl_reply *reply)
{
	if (p->closing)
		return;
	if (reply->final) {
		p->asked = false;
		wait_for_request(p);
	}
	peer_send(p, reply);
	/* From the loop: whoever replies may be in the middle of something. */
	if (reply->final && p->len > 0)
		(void)uv_timer_start(&p->timer, on_next_line, 0, 0);
}

/* One line, and then the end of what this caller may say. */
static void peer_refuse(struct ctl_peer *p, enum ctl_exit code, const char *why)
{
	char text[256];
	struct ctl_reply reply = { .final = true, .exit = code, .text = text };

	snprintf(text, sizeof(text), "%s", why);
	p->last = true;
	(void)uv_read_stop((uv_stream_t *)&p->pipe);
	wait_for_request(p);
	peer_send(p, &reply);
}

static void peer_take_line(struct ctl_peer *p, const char *line, size_t len)
{
	struct ctl_server *s = p->server;
	struct ctl_request request;
	const char *why = "out of memory";

	if (ctl_request_parse(line, len, &request, &why) < 0) {
		peer_refuse(p, CTL_EXIT_USAGE, why);
		return;
	}
	if (ctl_command_acts(request.command) && !p->caller.may_act) {
		peer_refuse(p, CTL_EXIT_NOT_PERMITTED,
			    "this needs root or membership of the "
			    "group \"" CALLER_GROUP "\"");
		ctl_request_fini(&request);
		return;
	}
	p->asked = true;
	(void)uv_timer_stop(&p->timer);
	s->cb->request(s->arg, p, &request);
	ctl_request_fini(&request);
}

static void peer_take_lines(struct ctl_peer *p)
{
	while (!p->asked && !p->last && !p->closing && p->len > 0) {
		char *end = memchr(p->line, '\n', p->len), *line;
		size_t len;

		if (end == NULL)
			return;
		len = (size_t)(end - p->line);
		line = strndup(p->line, len);
		memmove(p->line, end + 1, p->len - len - 1);
		p->len -= len + 1;
		if (line == NULL)
			peer_refuse(p, CTL_EXIT_FAILED, "out of memory");
		else
			peer_take_line(p, line, len);
		free(line);
	}
}

static size_t peer_line_max(const struct ctl_peer *p)
{
	return p->caller.may_act ? CTL_ADD_LINE_MAX : CTL_LINE_MAX;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
	struct ctl_peer *p = handle->data;

	(void)suggested;
	if (p->len == p->room) {
		size_t room = p->room ? p->room * 2 : 1024;
		char *line = NULL;

		if (p->room <= peer_line_max(p))
			line = realloc(p->line, room);
		if (line != NULL) {
			p->line = line;
			p->room = room;
		}
	}
	*ret_buf =
		uv_buf_init(p->line + p->len, (unsigned int)(p->room - p->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct ctl_peer *p = stream->data;

	(void)buf;
	if (n == UV_ENOBUFS) {
		peer_refuse(p, CTL_EXIT_USAGE, "the request is too long");
		return;
	}
	if (n < 0) {
		peer_close(p);
		return;
	}
	p->len += (size_t)n;
	peer_take_lines(p);
	if (!p->closing && !p->last && p->len > peer_line_max(p))
		peer_refuse(p, CTL_EXIT_USAGE, "the request is too long");
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct ctl_server *s = listener->data;
	struct ctl_peer *p;
	uv_os_fd_t fd = -1;

	if (status < 0)
		return;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return;
	p->server = s;
	p->handles = 2;
	/* Neither can fail: they only set fields. */
	(void)uv_pipe_init(listener->loop, &p->pipe, 0);
	(void)uv_timer_init(listener->loop, &p->timer);
	p->pipe.data = p;
	p->timer.data = p;
	p->next = s->peers;
	s->peers = p;
	s->count++;
	if (uv_accept(listener, (uv_stream_t *)&p->pipe) < 0 ||
	    uv_fileno((uv_handle_t *)&p->pipe, &fd) < 0 ||
	    caller_at(fd, &p->caller) < 0) {
		s->onlookers++;
		peer_close(p);
		return;
	}
	if (!p->caller.may_act)
		s->onlookers++;
	if (s->count > CTL_SERVER_CLIENTS ||
	    s->onlookers > CTL_SERVER_ONLOOKERS) {
		peer_refuse(p, CTL_EXIT_FAILED,
			    "aditd has too many callers; try again");
		return;
	}
	wait_for_request(p);
	if (uv_read_start((uv_stream_t *)&p->pipe, on_alloc, on_read) < 0)
		peer_close(p);
}

/* Removes a socket that nobody answers, and nothing else. */
static int remove_stale(const struct sockaddr_un *sa)
{
	struct stat st;
	int fd, r = 0;

	if (lstat(sa->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* EAGAIN: its backlog is full, so it lives. */
	if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0 ||
	    errno == EAGAIN)
		r = -EADDRINUSE;
	close(fd);
	if (r == 0 && unlink(sa->sun_path) < 0)
		r = -errno;
	return r;
}

/* By hand, since uv_pipe_bind cuts long paths and sets the mode late. */
static int bind_socket(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	r = remove_stale(&sa);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Nobody can connect before listen(), so the mode is not late. */
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    chmod(path, 0666) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int ctl_server_create(uv_loop_t *loop, const struct ctl_server_options *options,
		      struct ctl_server **ret_server)
{
	struct ctl_server *s;
	int fd = bind_socket(options->path), r;

	if (fd < 0)
		return fd;
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		close(fd);
		unlink(options->path);
		return -ENOMEM;
	}
	s->cb = options->callbacks;
	s->arg = options->arg;
	s->patience_ms = options->patience_ms ? options->patience_ms
					      : CTL_SERVER_PATIENCE_MS;
	memcpy(s->path, options->path, strlen(options->path) + 1);
	(void)uv_pipe_init(loop, &s->listener, 0); /* only sets fields */
	s->listener.data = s;
	s->listening = true;
	r = uv_pipe_open(&s->listener, fd);
	if (r < 0)
		close(fd);
	else
		r = uv_listen((uv_stream_t *)&s->listener, CTL_SERVER_BACKLOG,
			      on_connection);
	if (r < 0) {
		ctl_server_close(s, NULL, NULL);
		return r;
	}
	*ret_server = s;
	return 0;
}

static void listener_closed(uv_handle_t *handle)
{
	struct ctl_server *s = handle->data;

	s->listening = false;
	server_check_closed(s);
}

void ctl_server_close(struct ctl_server *s, void (*done)(void *arg), void *arg)
{
	s->closing = true;
	s->done = done;
	s->done_arg = arg;
	unlink(s->path);
	uv_close((uv_handle_t *)&s->listener, listener_closed);
	for (struct ctl_peer *p = s->peers; p != NULL; p = p->next)
		peer_close(p);
}
