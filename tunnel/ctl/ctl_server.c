/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/ctl/ctl_server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "tunnel/ctl/caller.h"
#include "tunnel/ctl/ctl_door.h"

struct ctl_peer {
	struct ctl_server *server;
	struct ctl_peer *next;
	uv_pipe_t pipe;
	uv_timer_t timer;
	struct caller caller;
	bool stranger;	      /* has one of the strangers' places */
	unsigned int handles; /* still to close */

	char *line; /* what has come of the next request */
	size_t len, room;
	bool asked;   /* a request is being worked on */
	bool follows; /* it is answered without end */
	bool last;    /* close when what was written has gone out */
	bool closing;
};

struct ctl_server {
	const struct ctl_server_callbacks *cb;
	void *arg;
	unsigned int patience_ms, stranger_patience_ms;
	uv_loop_t *loop; /* borrowed */
	struct ctl_door anyone, kept;
	unsigned int doors; /* that are not closed yet */
	struct ctl_peer *peers;
	struct caller_cache callers;
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

	if (!s->closing || s->doors > 0 || s->peers != NULL)
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
	const struct ctl_server *s = p->server;

	/* Only a timer that is being closed cannot be started. */
	(void)uv_timer_start(
		&p->timer, on_patience_over,
		p->stranger ? s->stranger_patience_ms : s->patience_ms, 0);
}

bool ctl_server_is_root(const struct ctl_peer *p)
{
	return p->caller.uid == 0;
}

size_t ctl_server_unread(const struct ctl_peer *p)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&p->pipe);
}

static void on_written(uv_write_t *req, int status)
{
	struct write *w = (struct write *)req;
	struct ctl_peer *p = w->peer;

	free(w->line);
	free(w);
	if (status < 0 || (p->last && ctl_server_unread(p) == 0))
		peer_close(p);
	else if (p->follows && !p->last && !p->closing &&
		 ctl_server_unread(p) == 0)
		p->server->cb->drained(p->server->arg, p);
}

static void peer_send(struct ctl_peer *p, const struct ctl_reply *reply)
{
	struct write *w = calloc(1, sizeof(*w));
	char *line = ctl_reply_line(reply);
	uv_buf_t buf;

	if (w == NULL || line == NULL)
		goto fail;
	if (ctl_server_unread(p) > CTL_SERVER_UNREAD_MAX)
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

static void on_next_line(uv_timer_t *timer);

/* Not at once: whoever replies may be in the middle of something. */
static void peer_take_line_in(struct ctl_peer *p, uint64_t ms)
{
	if (!p->asked && !p->last && !p->closing && p->len > 0 &&
	    memchr(p->line, '\n', p->len) != NULL)
		(void)uv_timer_start(&p->timer, on_next_line, ms, 0);
}

void ctl_server_reply(struct ctl_peer *p, const struct ctl_reply *reply)
{
	if (p->closing)
		return;
	if (reply->final) {
		p->asked = p->follows = false;
		wait_for_request(p);
	}
	peer_send(p, reply);
	/* Thousands of requests may have come in one piece, and a timer of 0
	 * that is started in a timer's callback fires in the same turn. */
	if (reply->final)
		peer_take_line_in(p, 1);
}

bool ctl_server_follow(struct ctl_peer *p)
{
	unsigned int all = 0, strangers = 0, same = 0;

	for (const struct ctl_peer *q = p->server->peers; q; q = q->next) {
		if (!q->follows || q->closing)
			continue;
		all++;
		strangers += q->stranger;
		same += q->caller.uid == p->caller.uid;
	}
	p->follows =
		all < CTL_SERVER_FOLLOWERS &&
		(p->caller.uid == 0 || same < CTL_SERVER_SAME_USER_FOLLOWS) &&
		(!p->stranger || strangers < CTL_SERVER_STRANGERS_FOLLOW);
	return p->follows;
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

static bool peer_may_act(const struct ctl_peer *p)
{
	return caller_may_act(&p->server->callers, &p->caller);
}

static void peer_take_request(struct ctl_peer *p, const char *line, size_t len)
{
	struct ctl_server *s = p->server;
	struct ctl_request request;
	const char *why = "out of memory";

	if (ctl_request_parse(line, len, &request, &why) < 0) {
		peer_refuse(p, CTL_EXIT_USAGE, why);
		return;
	}
	if (ctl_command_acts(request.command) && !peer_may_act(p)) {
		peer_refuse(p, CTL_EXIT_NOT_PERMITTED,
			    "only root and members of the group \"" CALLER_GROUP
			    "\" may do this: run it as root, or have root add "
			    "you to it (usermod -aG " CALLER_GROUP " NAME)");
		ctl_request_fini(&request);
		return;
	}
	p->asked = true;
	(void)uv_timer_stop(&p->timer);
	s->cb->request(s->arg, p, &request);
	ctl_request_fini(&request);
}

static void on_next_line(uv_timer_t *timer)
{
	struct ctl_peer *p = timer->data;
	char *end = memchr(p->line, '\n', p->len);
	size_t len = (size_t)(end - p->line);
	char *line = malloc(len + 1); /* it may have zeros in it */

	wait_for_request(p);
	if (line != NULL)
		memcpy(line, p->line, len);
	memmove(p->line, end + 1, p->len - len - 1);
	p->len -= len + 1;
	if (line == NULL)
		peer_refuse(p, CTL_EXIT_FAILED, "out of memory");
	else
		peer_take_request(p, line, len);
	free(line);
}

/* What is longer than CTL_LINE_MAX can only be a profile, so that it is asked
 * here whether the caller may add one. */
static bool peer_is_too_long(const struct ctl_peer *p)
{
	return p->len > CTL_ADD_LINE_MAX ||
	       (p->len > CTL_LINE_MAX && !peer_may_act(p));
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
	struct ctl_peer *p = handle->data;

	(void)suggested;
	if (p->len == p->room && !peer_is_too_long(p)) {
		size_t room = p->room ? p->room * 2 : 1024;
		char *line = realloc(p->line, room);

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
	if (peer_is_too_long(p))
		peer_refuse(p, CTL_EXIT_USAGE, "the request is too long");
	else
		peer_take_line_in(p, 0);
}

/* A caller too many costs one descriptor for a moment, and no memory. */
static void turn_away(int fd)
{
	char text[] = "aditd is busy with other callers; try again";
	struct ctl_reply reply = {
		.final = true,
		.busy = true,
		.exit = CTL_EXIT_FAILED,
		.text = text,
	};
	char *line = ctl_reply_line(&reply);

	/* Fits into a fresh socket; a caller who is gone needs no answer. */
	if (line != NULL)
		(void)send(fd, line, strlen(line), MSG_NOSIGNAL);
	free(line);
	close(fd);
}

static bool has_place(const struct ctl_server *s, const struct ctl_peer *p)
{
	unsigned int all = 0, strangers = 0, same = 0;

	for (const struct ctl_peer *q = s->peers; q != NULL; q = q->next) {
		if (q->closing)
			continue;
		all++;
		strangers += q->stranger;
		same += q->caller.uid == p->caller.uid;
	}
	return all < CTL_SERVER_CLIENTS &&
	       (p->caller.uid == 0 || same < CTL_SERVER_SAME_USER) &&
	       (!p->stranger || strangers < CTL_SERVER_STRANGERS);
}

/* A program of root's that holds connections must not keep root from asking:
 * the one that has asked nothing for longest gives its place. */
static void make_room_for_root(struct ctl_server *s)
{
	struct ctl_peer *oldest = NULL;

	for (struct ctl_peer *q = s->peers; q != NULL; q = q->next)
		if (q->caller.uid == 0 && !q->asked && !q->closing)
			oldest = q; /* the newest is first */
	if (oldest != NULL)
		peer_close(oldest);
}

static void admit(struct ctl_server *s, int fd, bool kept)
{
	struct ctl_peer *p, q = { .server = s, .handles = 2 };

	if (caller_at(fd, &q.caller) < 0) {
		close(fd);
		return;
	}
	q.stranger = !kept && q.caller.uid != 0;
	if (q.caller.uid == 0 && !has_place(s, &q))
		make_room_for_root(s);
	p = has_place(s, &q) ? malloc(sizeof(*p)) : NULL;
	if (p == NULL) {
		turn_away(fd);
		return;
	}
	*p = q;
	/* Neither can fail: they only set fields. */
	(void)uv_pipe_init(s->loop, &p->pipe, 0);
	(void)uv_timer_init(s->loop, &p->timer);
	p->pipe.data = p;
	p->timer.data = p;
	p->next = s->peers;
	s->peers = p;
	if (uv_pipe_open(&p->pipe, fd) < 0) {
		close(fd);
		peer_close(p);
		return;
	}
	wait_for_request(p);
	if (uv_read_start((uv_stream_t *)&p->pipe, on_alloc, on_read) < 0)
		peer_close(p);
}

static void admit_anyone(struct ctl_door *d, int fd)
{
	admit(container_of(d, struct ctl_server, anyone), fd, false);
}

static void admit_kept(struct ctl_door *d, int fd)
{
	admit(container_of(d, struct ctl_server, kept), fd, true);
}

static void door_closed(struct ctl_server *s)
{
	s->doors--;
	server_check_closed(s);
}

static void anyone_closed(struct ctl_door *d)
{
	door_closed(container_of(d, struct ctl_server, anyone));
}

static void kept_closed(struct ctl_door *d)
{
	door_closed(container_of(d, struct ctl_server, kept));
}

static int open_doors(struct ctl_server *s)
{
	int r;

	s->anyone.mode = 0666;
	s->anyone.group = (gid_t)-1;
	s->anyone.admit = admit_anyone;
	s->anyone.closed = anyone_closed;
	r = ctl_door_open(&s->anyone, s->loop);
	if (r < 0)
		return r;
	s->doors++;
	/* A daemon that may not give files away is not root's. */
	s->kept.group = geteuid() == 0 ? caller_group() : (gid_t)-1;
	s->kept.mode = s->kept.group == (gid_t)-1 ? 0600 : 0660;
	s->kept.admit = admit_kept;
	s->kept.closed = kept_closed;
	r = ctl_door_open(&s->kept, s->loop);
	if (r < 0) {
		s->closing = true;
		ctl_door_close(&s->anyone);
		return r;
	}
	s->doors++;
	return 0;
}

int ctl_server_create(uv_loop_t *loop, const struct ctl_server_options *options,
		      struct ctl_server **ret_server)
{
	const struct ctl_server_options *o = options;
	struct ctl_server *s;
	int r;

	if (strlen(o->path) >= CTL_PATH_MAX)
		return -ENAMETOOLONG;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->cb = o->callbacks;
	s->arg = o->arg;
	s->loop = loop;
	s->patience_ms =
		o->patience_ms ? o->patience_ms : CTL_SERVER_PATIENCE_MS;
	s->stranger_patience_ms = o->stranger_patience_ms
					  ? o->stranger_patience_ms
					  : CTL_SERVER_STRANGER_PATIENCE_MS;
	memcpy(s->anyone.path, o->path, strlen(o->path) + 1);
	r = ctl_kept_path(o->path, s->kept.path);
	if (r == 0)
		r = open_doors(s);
	if (r < 0) {
		/* Else it goes when the loop has closed the first door. */
		if (s->doors == 0)
			free(s);
		return r;
	}
	*ret_server = s;
	return 0;
}

void ctl_server_close(struct ctl_server *s, void (*done)(void *arg), void *arg)
{
	s->closing = true;
	s->done = done;
	s->done_arg = arg;
	ctl_door_close(&s->anyone);
	ctl_door_close(&s->kept);
	for (struct ctl_peer *p = s->peers; p != NULL; p = p->next)
		peer_close(p);
}
