/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/ctl/ctl_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tunnel/base/clock.h"

static int open_at(const char *path)
{
	/* connect() waits so long for a place in the backlog, in line with the
	 * others who wait, and then fails with EAGAIN. */
	const struct timeval patience = { .tv_sec = CTL_CLIENT_BUSY_S };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		       sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int ctl_client_open(const char *path)
{
	char kept[CTL_PATH_MAX];
	int fd = ctl_kept_path(path, kept);

	if (fd == 0)
		fd = open_at(kept);
	/* Most often: this caller may not open that one. */
	return fd >= 0 || fd == -EAGAIN ? fd : open_at(path);
}

/* A write to `out` says that its reader is gone, but the next one may be hours
 * away; poll() says so at once, asked for nothing. */
static int wait_for(int fd, short events, int out, uint64_t deadline_ns)
{
	struct pollfd p[] = { { .fd = fd, .events = events }, { .fd = out } };
	uint64_t now = clock_now_ns();
	int r;

	if (now >= deadline_ns)
		return -ETIMEDOUT;
	r = poll(p, ARRAY_SIZE(p),
		 deadline_ns == CLOCK_NEVER
			 ? -1
			 : (int)((deadline_ns - now) / NS_PER_MS) + 1);
	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	return p[1].revents & (POLLERR | POLLHUP) ? -ECANCELED : 0;
}

static int send_all(int fd, const char *text, uint64_t deadline_ns)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = send(fd, text, left, MSG_NOSIGNAL);
		int r;

		if (n > 0) {
			text += n;
			left -= (size_t)n;
			continue;
		}
		/* It refused us already, and says why: read that. */
		if (errno == EPIPE || errno == ECONNRESET)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(fd, POLLOUT, -1, deadline_ns);
		if (r < 0)
			return r;
	}
	return 0;
}

struct reader {
	int fd, out;
	char *buf;
	size_t len, room;
};

/* Appends what is there, waiting for something. */
static int read_more(struct reader *in, uint64_t deadline_ns)
{
	ssize_t n;

	if (in->len == in->room) {
		size_t room = in->room ? in->room * 2 : 4096;
		char *buf;

		if (in->len >= CTL_REPLY_MAX)
			return -EBADMSG;
		buf = realloc(in->buf, room);
		if (buf == NULL)
			return -ENOMEM;
		in->buf = buf;
		in->room = room;
	}
	for (;;) {
		int r;

		n = read(in->fd, in->buf + in->len, in->room - in->len);
		if (n > 0) {
			in->len += (size_t)n;
			return 0;
		}
		if (n == 0)
			return -ECONNRESET;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(in->fd, POLLIN, in->out, deadline_ns);
		if (r < 0)
			return r;
	}
}

static int read_reply(struct reader *in, uint64_t deadline_ns,
		      struct ctl_reply *ret_reply)
{
	const char *why;
	size_t seen = 0, len;
	char *end;
	int r;

	while (in->len == seen ||
	       (end = memchr(in->buf + seen, '\n', in->len - seen)) == NULL) {
		seen = in->len;
		r = read_more(in, deadline_ns);
		if (r < 0)
			return r;
	}
	len = (size_t)(end - in->buf);
	r = ctl_reply_parse(in->buf, len, ret_reply, &why);
	memmove(in->buf, end + 1, in->len - len - 1);
	in->len -= len + 1;
	return r;
}

int ctl_client_ask(int fd, const struct ctl_request *request,
		   uint64_t timeout_ns, const struct ctl_steps *steps,
		   struct ctl_reply *ret_final)
{
	uint64_t deadline_ns = clock_now_ns() + timeout_ns;
	struct reader in = { .fd = fd, .out = steps->out };
	struct ctl_reply reply;
	char *line = ctl_request_line(request);
	int r;

	if (line == NULL)
		return -ENOMEM;
	r = send_all(fd, line, deadline_ns);
	free(line);
	while (r == 0) {
		r = read_reply(&in, deadline_ns, &reply);
		if (r < 0)
			break;
		if (reply.final) {
			*ret_final = reply;
			break;
		}
		steps->step(steps->arg, &reply);
		ctl_reply_fini(&reply);
		if (request->follow)
			deadline_ns = CLOCK_NEVER;
	}
	free(in.buf);
	return r;
}
