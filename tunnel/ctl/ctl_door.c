/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/ctl/ctl_door.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void on_callers(uv_poll_t *poll, int status, int events);

static void listen_again(struct ctl_door *d)
{
	/* Fails only for a descriptor that cannot be polled, which
	 * ctl_door_open would have noticed. */
	(void)uv_poll_start(&d->poll, UV_READABLE, on_callers);
}

static void on_rested(uv_timer_t *timer)
{
	listen_again(timer->data);
}

static void on_callers(uv_poll_t *poll, int status, int events)
{
	struct ctl_door *d = poll->data;

	(void)status;
	(void)events;
	for (int i = 0; i < CTL_DOOR_TURN; i++) {
		int fd = accept4(d->fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			d->admit(d, fd);
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR && errno != ECONNABORTED)
			break; /* no descriptor or no memory, for now */
	}
	(void)uv_poll_stop(&d->poll);
	(void)uv_timer_start(&d->rest, on_rested, CTL_DOOR_REST_MS, 0);
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
static int bind_and_listen(const struct ctl_door *d)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, r;

	memcpy(sa.sun_path, d->path, strlen(d->path) + 1);
	r = remove_stale(&sa);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	/* Nobody can connect before listen(), so the mode is not late. */
	if ((d->group != (gid_t)-1 &&
	     chown(d->path, (uid_t)-1, d->group) < 0) ||
	    chmod(d->path, d->mode) < 0 || listen(fd, CTL_DOOR_BACKLOG) < 0) {
		r = -errno;
		unlink(d->path);
		close(fd);
		return r;
	}
	return fd;
}

static void remove_path(const struct ctl_door *d)
{
	if (d->path[0])
		unlink(d->path);
}

int ctl_door_open(struct ctl_door *d, uv_loop_t *loop)
{
	int fd = bind_and_listen(d);

	return fd < 0 ? fd : ctl_door_take(d, loop, fd);
}

int ctl_door_take(struct ctl_door *d, uv_loop_t *loop, int fd)
{
	int r = uv_poll_init(loop, &d->poll, fd);

	if (r < 0) {
		remove_path(d);
		close(fd);
		return r;
	}
	d->fd = fd;
	(void)uv_timer_init(loop, &d->rest); /* only sets fields */
	d->poll.data = d->rest.data = d;
	d->handles = 2;
	listen_again(d);
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct ctl_door *d = handle->data;

	if (--d->handles == 0)
		d->closed(d);
}

void ctl_door_close(struct ctl_door *d)
{
	remove_path(d);
	uv_close((uv_handle_t *)&d->poll, on_closed);
	uv_close((uv_handle_t *)&d->rest, on_closed);
	/* uv_close has taken it out of the loop's set. */
	close(d->fd);
}
