/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * train_relay LISTEN GATEWAY FIFO
 *
 * A host on the way that treats trains as some do: it relays UDP port 443 of
 * the address LISTEN to that of GATEWAY, for one client, and takes and gives
 * trains (UDP_GRO, UDP_SEGMENT) as they were sent. Where it spoils, the last
 * datagram is lost of each train whose datagrams are all of one length. Does
 * what the lines of FIFO say, and answers each on standard output.
 *
 *   spoil none | up | down
 *	from now on: nothing, what goes to the gateway, or to the client
 *   tell
 *	how many trains of equal datagrams came for the gateway, and how many
 *	lost their last one; the same for the client
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tunnel/base/attr.h"

enum {
	PORT = 443,
	TRAIN_MAX = 65536,
	BUFFER_BYTES = 8 << 20,
};

enum direction { UP, DOWN, DIRECTIONS };

static const char *const direction_names[] = { "up", "down" };

struct relay {
	int near, far; /* towards the client, towards the gateway */
	struct sockaddr_in client, gateway;
	int spoils; /* a direction, or -1 */
	unsigned long trains[DIRECTIONS], spoilt[DIRECTIONS];
	uint8_t bytes[TRAIN_MAX];
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* The size of the datagrams in a train of `len` bytes; `len` for a lone one. */
static size_t segment_of(struct msghdr *m, size_t len)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			int segment;

			memcpy(&segment, CMSG_DATA(c), sizeof(segment));
			return (size_t)segment;
		}
	return len;
}

static void pass_on(struct relay *r, enum direction d, size_t len,
		    size_t segment)
{
	struct sockaddr_in *to = d == UP ? &r->gateway : &r->client;
	struct iovec iov = { r->bytes, len };
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))];
	struct msghdr m = { .msg_name = to,
			    .msg_namelen = sizeof(*to),
			    .msg_iov = &iov,
			    .msg_iovlen = 1 };
	uint16_t size = (uint16_t)segment;
	struct cmsghdr *c;

	if (len > segment) {
		memset(control, 0, sizeof(control));
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(size));
		memcpy(CMSG_DATA(c), &size, sizeof(size));
	}
	/* Waits where there is no room: nothing else is to be lost here. */
	if (to->sin_port != 0 && sendmsg(d == UP ? r->far : r->near, &m, 0) < 0)
		perror("sendmsg");
}

static void receive(struct relay *r, enum direction d)
{
	_Alignas(struct cmsghdr) uint8_t control[64];
	struct iovec iov = { r->bytes, sizeof(r->bytes) };
	struct sockaddr_in from;
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(d == UP ? r->near : r->far, &m, 0);
	size_t len, segment;

	if (n <= 0)
		return;
	len = (size_t)n;
	segment = segment_of(&m, len);
	if (d == UP)
		r->client = from;
	if (len > segment && len % segment == 0) {
		r->trains[d]++;
		if (r->spoils == (int)d) {
			r->spoilt[d]++;
			len -= segment;
		}
	}
	pass_on(r, d, len, segment);
}

static void obey(struct relay *r, const char *line)
{
	char what[16] = "", where[16] = "";

	(void)sscanf(line, "%15s %15s", what, where);
	if (strcmp(what, "spoil") == 0) {
		r->spoils = -1;
		for (int d = 0; d < DIRECTIONS; d++)
			if (strcmp(where, direction_names[d]) == 0)
				r->spoils = d;
	}
	printf("up %lu %lu down %lu %lu\n", r->trains[UP], r->spoilt[UP],
	       r->trains[DOWN], r->spoilt[DOWN]);
	fflush(stdout);
}

static int open_socket(const char *address, uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons(port) };
	int one = 1, bytes = BUFFER_BYTES;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &sa.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) <
		    0)
		die(address);
	return fd;
}

int main(int argc, char **argv)
{
	struct relay *r = calloc(1, sizeof(*r));
	struct pollfd p[3] = { 0 };
	char line[256];

	if (argc != 4 || r == NULL)
		return 2;
	r->spoils = -1;
	r->gateway = (struct sockaddr_in) { .sin_family = AF_INET,
					    .sin_port = htons(PORT) };
	if (inet_pton(AF_INET, argv[2], &r->gateway.sin_addr) != 1)
		die(argv[2]);
	p[0].fd = r->near = open_socket(argv[1], PORT);
	p[1].fd = r->far = open_socket("0.0.0.0", 0);
	/* For writing, too: there is no end of file between two writers. */
	p[2].fd = open(argv[3], O_RDWR | O_CLOEXEC);
	if (p[2].fd < 0)
		die(argv[3]);
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		p[i].events = POLLIN;
	printf("ready\n");
	fflush(stdout);
	while (poll(p, ARRAY_SIZE(p), -1) > 0 || errno == EINTR) {
		ssize_t n;

		if (p[0].revents)
			receive(r, UP);
		if (p[1].revents)
			receive(r, DOWN);
		if (!p[2].revents)
			continue;
		n = read(p[2].fd, line, sizeof(line) - 1);
		line[n > 0 ? n : 0] = '\0';
		obey(r, line);
	}
	return 1;
}
