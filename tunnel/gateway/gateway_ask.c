/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway/gateway_ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tunnel/base/clock.h"
#include "tunnel/gateway/gateway_http.h"

enum {
	ANSWER_MAX = 64 << 20, /* 65,000 clients are less */
};

/* 0 when the socket is ready. */
static int wait_for(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now_ns = clock_now_ns();
	int n;

	if (now_ns >= deadline_ns)
		return -ETIMEDOUT;
	n = poll(&p, 1, (int)((deadline_ns - now_ns) / NS_PER_MS) + 1);
	if (n < 0 && errno != EINTR)
		return -errno;
	return 0;
}

static int open_socket(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, rc;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* EAGAIN: its queue is full. */
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int send_request(int fd, const char *target)
{
	char request[128];
	int len = snprintf(request, sizeof(request),
			   "GET %s HTTP/1.1\r\n"
			   "Host: gateway\r\n"
			   "Connection: close\r\n"
			   "\r\n",
			   target);

	/* It fits into a fresh socket, whose other end may be closed again:
	 * then there is an answer, too. */
	return send(fd, request, (size_t)len, MSG_NOSIGNAL) == len ||
			       errno == EPIPE
		       ? 0
		       : -EIO;
}

/* All that comes until the end, with a final zero. */
static int read_all(int fd, uint64_t deadline_ns, char **ret_text,
		    size_t *ret_len)
{
	size_t room = 16384, len = 0;
	char *text = malloc(room), *more;
	ssize_t n = -1;
	int rc = text ? 0 : -ENOMEM;

	while (rc == 0 && n != 0) {
		if (len + 1 == room) {
			more = room < ANSWER_MAX ? realloc(text, 2 * room)
						 : NULL;
			if (!more) {
				rc = -ENOMEM;
				break;
			}
			text = more;
			room *= 2;
		}
		rc = wait_for(fd, POLLIN, deadline_ns);
		if (rc)
			break;
		n = recv(fd, text + len, room - len - 1, 0);
		if (n > 0)
			len += (size_t)n;
		else if (n < 0 && errno == ECONNRESET)
			n = 0; /* turned away before it had asked */
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			rc = -errno;
	}
	if (rc) {
		free(text);
		return rc;
	}
	text[len] = '\0';
	*ret_text = text;
	*ret_len = len;
	return 0;
}

/* Where the body starts, if the answer is good and whole. */
static int judge(const char *text, size_t len, size_t *ret_body)
{
	static const char length[] = "\r\nContent-Length: ";
	const char *end = strstr(text, "\r\n\r\n"), *at = strstr(text, length);
	int status;

	if (len == 0)
		return -EAGAIN;
	if (!end || !at || at > end ||
	    sscanf(text, "HTTP/1.1 %d ", &status) != 1)
		return -EBADMSG;
	if (status == GATEWAY_HTTP_BUSY)
		return -EAGAIN;
	if (status != GATEWAY_HTTP_OK)
		return -EBADMSG;
	*ret_body = (size_t)(end - text) + 4;
	if (strtoull(at + strlen(length), NULL, 10) != len - *ret_body)
		return -EBADMSG; /* it ended in the middle */
	return 0;
}

int gateway_ask(const char *path, const char *target, uint64_t deadline_ns,
		char **ret_body, size_t *ret_len)
{
	char *text = NULL;
	size_t len, body;
	int fd = open_socket(path), rc;

	if (fd < 0)
		return fd;
	rc = send_request(fd, target);
	if (rc == 0)
		rc = read_all(fd, deadline_ns, &text, &len);
	close(fd);
	if (rc == 0)
		rc = judge(text, len, &body);
	if (rc) {
		free(text);
		return rc;
	}
	memmove(text, text + body, len - body + 1);
	*ret_body = text;
	*ret_len = len - body;
	return 0;
}
