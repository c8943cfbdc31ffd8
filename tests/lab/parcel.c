/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * parcel serve ADDRESS:PORT
 * parcel up|down ADDRESS:PORT STREAMS MB SECONDS [CONGESTION]
 *
 * Bytes over TCP, in STREAMS connections, that the far end knows in advance:
 * each stream's are made from its seed on both ends, and whoever receives
 * compares every one. MB is for all streams together; after SECONDS nothing
 * more is made, and what was made has to arrive. CONGESTION is what the sender
 * uses, if the kernel has it. Prints "BYTES bytes MS ms"; exit code 1 if one
 * stream was not what it should have been, and then why.
 *
 * On the wire: a line of what is asked for, and blocks, each with its length
 * in front (8 bytes, big-endian); an empty one is the end. What went up is
 * answered by how much arrived, in the same way.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tunnel/base/addr.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"

enum {
	BLOCK = 64 << 10,
	STREAMS_MAX = 64,
	ORDER_LEN = 64, /* the line, filled up with zeros */
	STUCK_S = 60,	/* nothing moves for so long: an error */
	BACKLOG = STREAMS_MAX,
};

struct order {
	bool up; /* away from who asks */
	uint64_t seed, bytes;
	unsigned int seconds;
	char congestion[16]; /* "-": the system's */
};

/* Of one connection. */
struct stream {
	int fd;
	struct order order;
	pthread_t thread;
	uint64_t moved;
	char why[80]; /* it failed; empty: it did not */
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static bool give_up(struct stream *s, const char *what)
{
	snprintf(s->why, sizeof(s->why), "%s: %s after %" PRIu64 " bytes", what,
		 errno ? strerror(errno) : "the end", s->moved);
	return false;
}

static bool write_all(struct stream *s, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len > 0) {
		ssize_t n = send(s->fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return give_up(s, "write");
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool read_all(struct stream *s, void *bytes, size_t len)
{
	uint8_t *p = bytes;

	while (len > 0) {
		ssize_t n;

		errno = 0;
		n = recv(s->fd, p, len, MSG_WAITALL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return give_up(s, "read");
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool write_number(struct stream *s, uint64_t n)
{
	uint8_t bytes[8];

	store_be64(bytes, n);
	return write_all(s, bytes, sizeof(bytes));
}

static bool read_number(struct stream *s, uint64_t *ret_n)
{
	uint8_t bytes[8];

	if (!read_all(s, bytes, sizeof(bytes)))
		return false;
	*ret_n = load_be64(bytes);
	return true;
}

/* xorshift64*, begun anew for each block: no block is like another. */
static void make_block(uint64_t seed, uint64_t at, uint64_t *block)
{
	uint64_t x = (seed + 1) * 0x9e3779b97f4a7c15 ^ (at + 1);

	for (size_t i = 0; i < BLOCK / sizeof(*block); i++) {
		x ^= x >> 12;
		x ^= x << 25;
		x ^= x >> 27;
		block[i] = x * 0x2545f4914f6cdd1d;
	}
}

static size_t next_len(const struct stream *s)
{
	uint64_t left = s->order.bytes - s->moved;

	return left < BLOCK ? (size_t)left : BLOCK;
}

static bool send_stream(struct stream *s)
{
	uint64_t end_ns =
		clock_now_ns() + s->order.seconds * (uint64_t)NS_PER_S;
	uint64_t block[BLOCK / sizeof(uint64_t)];
	const char *congestion = s->order.congestion;
	size_t len;

	if (strcmp(congestion, "-") != 0 &&
	    setsockopt(s->fd, IPPROTO_TCP, TCP_CONGESTION, congestion,
		       (socklen_t)strlen(congestion)) < 0)
		return give_up(s, congestion);
	while ((len = next_len(s)) > 0 && clock_now_ns() < end_ns) {
		make_block(s->order.seed, s->moved, block);
		if (!write_number(s, len) || !write_all(s, block, len))
			return false;
		s->moved += len;
	}
	return write_number(s, 0);
}

static bool receive_stream(struct stream *s)
{
	uint64_t want[BLOCK / sizeof(uint64_t)], got[BLOCK / sizeof(uint64_t)];
	uint64_t len;

	for (;;) {
		if (!read_number(s, &len))
			return false;
		if (len == 0)
			return true;
		if (len > BLOCK || len != next_len(s)) {
			errno = EBADMSG;
			return give_up(s, "a length");
		}
		if (!read_all(s, got, len))
			return false;
		make_block(s->order.seed, s->moved, want);
		if (memcmp(want, got, len) != 0) {
			errno = EBADMSG;
			return give_up(s, "other bytes in the block");
		}
		s->moved += len;
	}
}

static void set_patience(int fd)
{
	const struct timeval patience = { .tv_sec = STUCK_S };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		       sizeof(patience)))
		die("parcel: patience");
}

static int open_socket(const char *text, bool server)
{
	struct sockaddr_storage sa;
	struct endpoint e;
	socklen_t len;
	int fd, one = 1;

	if (endpoint_parse(text, &e) < 0) {
		fprintf(stderr, "parcel: %s: not an address and port\n", text);
		exit(2);
	}
	len = endpoint_to_sockaddr(&e, &sa);
	fd = socket(e.addr.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    (server ? bind(fd, (struct sockaddr *)&sa, len) ||
			      listen(fd, BACKLOG)
		    : connect(fd, (struct sockaddr *)&sa, len)))
		die(text);
	return fd;
}

/* --- the server ----------------------------------------------------------- */

static bool read_order(struct stream *s)
{
	char line[ORDER_LEN], way[8];

	if (!read_all(s, line, sizeof(line)))
		return false;
	line[sizeof(line) - 1] = '\0';
	errno = EBADMSG;
	if (sscanf(line, "%7s %" SCNu64 " %" SCNu64 " %u %15s", way,
		   &s->order.seed, &s->order.bytes, &s->order.seconds,
		   s->order.congestion) != 5)
		return give_up(s, "an order");
	s->order.up = strcmp(way, "up") == 0;
	return true;
}

static void *serve_one(void *arg)
{
	struct stream *s = arg;
	bool good =
		read_order(s) &&
		(s->order.up ? receive_stream(s) && write_number(s, s->moved)
			     : send_stream(s));

	if (!good)
		fprintf(stderr, "parcel: %s\n", s->why);
	close(s->fd);
	free(s);
	return NULL;
}

static void serve(const char *address)
{
	int listener = open_socket(address, true);

	for (;;) {
		int fd = accept(listener, NULL, NULL);
		struct stream *s;

		if (fd < 0)
			continue;
		set_patience(fd);
		s = calloc(1, sizeof(*s));
		if (s == NULL)
			die("calloc");
		s->fd = fd;
		if (pthread_create(&s->thread, NULL, serve_one, s) ||
		    pthread_detach(s->thread))
			die("pthread_create");
	}
}

/* --- who asks ------------------------------------------------------------- */

static void *ask_one(void *arg)
{
	struct stream *s = arg;
	const struct order *o = &s->order;
	char line[ORDER_LEN] = "";
	uint64_t arrived;

	snprintf(line, sizeof(line), "%s %" PRIu64 " %" PRIu64 " %u %s",
		 o->up ? "up" : "down", o->seed, o->bytes, o->seconds,
		 o->congestion);
	if (!write_all(s, line, sizeof(line)))
		return NULL;
	if (!o->up) {
		receive_stream(s);
	} else if (send_stream(s) && read_number(s, &arrived) &&
		   arrived != s->moved) {
		errno = EBADMSG;
		give_up(s, "not all arrived");
	}
	return NULL;
}

static int ask(const char *address, unsigned int streams,
	       const struct order *each)
{
	struct stream s[STREAMS_MAX] = { 0 };
	uint64_t began_ns = clock_now_ns(), bytes = 0;
	int code = 0;

	for (unsigned int i = 0; i < streams; i++) {
		s[i].order = *each;
		s[i].order.seed = i;
		s[i].fd = open_socket(address, false);
		set_patience(s[i].fd);
		if (pthread_create(&s[i].thread, NULL, ask_one, &s[i]))
			die("pthread_create");
	}
	for (unsigned int i = 0; i < streams; i++) {
		pthread_join(s[i].thread, NULL);
		close(s[i].fd);
		bytes += s[i].moved;
		if (s[i].why[0] == '\0')
			continue;
		fprintf(stderr, "parcel: stream %u: %s\n", i, s[i].why);
		code = 1;
	}
	printf("%" PRIu64 " bytes %" PRIu64 " ms\n", bytes,
	       (clock_now_ns() - began_ns) / NS_PER_MS);
	return code;
}

int main(int argc, char **argv)
{
	struct order each = { .congestion = "-" };
	unsigned int streams;

	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(argv[2]);
	streams = argc >= 6 ? (unsigned int)atoi(argv[3]) : 0;
	if (streams < 1 || streams > STREAMS_MAX) {
		fprintf(stderr, "parcel: see its source\n");
		return 2;
	}
	each.up = strcmp(argv[1], "up") == 0;
	each.bytes = strtoull(argv[4], NULL, 10) * 1000000 / streams;
	each.seconds = (unsigned int)atoi(argv[5]);
	if (argc > 6)
		snprintf(each.congestion, sizeof(each.congestion), "%s",
			 argv[6]);
	return ask(argv[2], streams, &each);
}
