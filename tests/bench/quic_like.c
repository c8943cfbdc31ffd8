/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * quic_like serve ADDRESS:PORT
 * quic_like send ADDRESS:PORT SECONDS
 *
 * Bulk data in UDP, moved as a QUIC stack moves it, without the cryptography:
 * up to BURST datagrams leave with one call (UDP_SEGMENT) as a congestion
 * window allows, the far end takes what the kernel has glued (UDP_GRO) and
 * acknowledges. The window doubles until something is lost, then grows by one
 * burst each round trip and shrinks by three tenths with each loss (as Reno,
 * with CUBIC's factor). Prints what was acknowledged, as JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tunnel/base/addr.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"

enum {
	SIZE = 1350, /* of a datagram: fits an inner MTU of 1420 */
	BURST = 32,
	WINDOW_FIRST = 2 * BURST, /* in datagrams */
	WINDOW_MAX = 4096,
	ACK_EVERY = 16,
	ACK_LEN = 20, /* run, highest number and one, how many */
	SILENCE_MS = 200,
	SOCKET_BUFFER = 8 << 20,
};

struct sender {
	int fd;
	uint32_t run;
	uint64_t next;	   /* number of the next datagram */
	uint64_t edge;	   /* the highest acknowledged, and one */
	uint64_t received; /* of those below the edge */
	uint64_t recovery; /* a loss below it was answered already */
	double window;
	bool slow_start;
	uint8_t out[BURST * SIZE];
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_socket(const char *text, bool server)
{
	const int size = SOCKET_BUFFER, one = 1;
	struct sockaddr_storage sa;
	struct endpoint e;
	socklen_t len;
	int fd;

	if (endpoint_parse(text, &e) < 0) {
		fprintf(stderr, "quic_like: %s: not an address and port\n",
			text);
		exit(2);
	}
	len = endpoint_to_sockaddr(&e, &sa);
	fd = socket(e.addr.family, SOCK_DGRAM, 0);
	if (fd < 0 || (server ? bind(fd, (struct sockaddr *)&sa, len)
			      : connect(fd, (struct sockaddr *)&sa, len)) < 0)
		die("quic_like: socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) ||
	    (server && setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof(one))))
		die("quic_like: socket options");
	return fd;
}

/* --- the receiver --------------------------------------------------------- */

struct receiver {
	int fd;
	uint32_t run;
	uint64_t edge, received, unacknowledged;
	struct sockaddr_storage from;
	socklen_t from_len;
};

static void acknowledge(struct receiver *r)
{
	uint8_t ack[ACK_LEN];

	store_be32(ack, r->run);
	store_be64(ack + 4, r->edge);
	store_be64(ack + 12, r->received);
	(void)!sendto(r->fd, ack, sizeof(ack), 0, (struct sockaddr *)&r->from,
		      r->from_len); /* the next one says it again */
	r->unacknowledged = 0;
}

static void take(struct receiver *r, const uint8_t *p, size_t len)
{
	uint64_t number;

	if (len < ACK_LEN)
		return;
	if (load_be32(p) != r->run) {
		r->run = load_be32(p);
		r->edge = r->received = 0;
	}
	number = load_be64(p + 4);
	if (number >= r->edge)
		r->edge = number + 1;
	r->received++;
	r->unacknowledged++;
}

static _Noreturn void serve(int fd)
{
	static uint8_t bytes[65536];
	struct receiver r = { .fd = fd };
	_Alignas(8) char control[64];
	struct iovec v = { bytes, sizeof(bytes) };

	for (;;) {
		struct msghdr m = { .msg_name = &r.from,
				    .msg_namelen = sizeof(r.from),
				    .msg_iov = &v,
				    .msg_iovlen = 1,
				    .msg_control = control,
				    .msg_controllen = sizeof(control) };
		/* The socket is empty: wait, but not with an ack owed. */
		ssize_t n =
			recvmsg(fd, &m, r.unacknowledged ? MSG_DONTWAIT : 0);
		int segment = (int)n;

		if (n <= 0) {
			if (r.unacknowledged)
				acknowledge(&r);
			continue;
		}
		r.from_len = m.msg_namelen;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c;
		     c = CMSG_NXTHDR(&m, c))
			if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
				memcpy(&segment, CMSG_DATA(c), sizeof(segment));
		for (ssize_t done = 0; done < n; done += segment)
			take(&r, bytes + done,
			     (size_t)(n - done < segment ? n - done : segment));
		if (r.unacknowledged >= ACK_EVERY)
			acknowledge(&r);
	}
}

/* --- the sender ----------------------------------------------------------- */

static void send_burst(struct sender *s, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		store_be32(s->out + i * SIZE, s->run);
		store_be64(s->out + i * SIZE + 4, s->next + i);
	}
	/* What the queue does not take was lost on the way. */
	(void)!send(s->fd, s->out, count * SIZE, 0);
	s->next += count;
}

static void lose(struct sender *s)
{
	s->slow_start = false;
	s->recovery = s->next;
	s->window *= 0.7;
	if (s->window < BURST)
		s->window = BURST;
}

static void take_ack(struct sender *s, const uint8_t *p, size_t len)
{
	uint64_t edge, received, moved, arrived;

	if (len != ACK_LEN || load_be32(p) != s->run)
		return;
	edge = load_be64(p + 4);
	received = load_be64(p + 12);
	if (edge <= s->edge || edge > s->next)
		return;
	moved = edge - s->edge;
	arrived = received - s->received;
	s->edge = edge;
	s->received = received;
	if (arrived < moved && edge > s->recovery)
		lose(s);
	else if (s->slow_start)
		s->window += (double)arrived;
	else
		s->window += BURST * (double)arrived / s->window;
	if (s->window > WINDOW_MAX)
		s->window = WINDOW_MAX;
}

/* Takes what is there, after waiting for the first if that is asked. */
static void take_acks(struct sender *s, bool wait)
{
	struct pollfd f = { .fd = s->fd, .events = POLLIN };
	uint8_t ack[64];
	ssize_t n;

	if (wait && poll(&f, 1, SILENCE_MS) == 0) {
		/* Nothing for that long: all of it is gone. */
		s->edge = s->next;
		lose(s);
		return;
	}
	while ((n = recv(s->fd, ack, sizeof(ack), MSG_DONTWAIT)) > 0)
		take_ack(s, ack, (size_t)n);
}

static void run(struct sender *s, double seconds)
{
	uint64_t began = clock_now_ns(), now = began;
	uint64_t end = began + (uint64_t)(seconds * NS_PER_S);

	while (now < end) {
		uint64_t flying = s->next - s->edge;
		bool room = (double)(flying + BURST) <= s->window;

		if (room)
			send_burst(s, BURST);
		take_acks(s, !room);
		now = clock_now_ns();
	}
	seconds = (double)(now - began) / NS_PER_S;
	printf("{\"bytes\": %" PRIu64 ", \"lost\": %" PRIu64
	       ", \"sent\": %" PRIu64 ", \"seconds\": %.3f, "
	       "\"bits_per_second\": %.0f}\n",
	       s->received * SIZE, s->edge - s->received, s->next, seconds,
	       (double)s->received * SIZE * 8 / seconds);
}

int main(int argc, char **argv)
{
	static struct sender s = { .window = WINDOW_FIRST, .slow_start = true };
	const int segment = SIZE;

	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(open_socket(argv[2], true));
	if (argc != 4 || strcmp(argv[1], "send") != 0) {
		fprintf(stderr, "usage: quic_like serve ADDRESS:PORT\n"
				"       quic_like send ADDRESS:PORT SECONDS\n");
		return 2;
	}
	s.fd = open_socket(argv[2], false);
	s.run = (uint32_t)clock_now_ns();
	if (setsockopt(s.fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)))
		die("quic_like: UDP_SEGMENT");
	run(&s, strtod(argv[3], NULL));
	return 0;
}
