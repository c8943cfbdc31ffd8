/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flows serve|echo ADDRESS:PORT
 * flows send ADDRESS:PORT RATE SECONDS [FLOWS [SIZE [shuffle]]]
 * flows search ADDRESS:PORT SECONDS SIZE
 *
 * Numbered UDP packets in flows (one port of ours each), counted at the far
 * end. "send" offers RATE packets a second, of SIZE bytes or (0) of changing
 * sizes, and prints as JSON how many arrived, and how many arrived behind a
 * later one of their flow; "shuffle" sends each two in the wrong order, to see
 * that they are found. "echo" sends all of it back, which is counted likewise,
 * as "back" and "back_late". "search" looks for the highest rate at which, for
 * SECONDS, no more than LOSS_PERCENT are lost. Both end by asking the server
 * what it counted.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tunnel/base/addr.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"

enum {
	FLOWS_MAX = 64,
	BATCH = 64,
	TURN_PACKETS = 4, /* of one flow, before the next one's turn */
	PACKET_MIN = 32,
	PACKET_MAX = 1300,
	SOCKET_BUFFER = 8 << 20,
	TICK_NS = 200000,
	LATE_TICKS_MAX = 10, /* what is later than that is not made up for */
	LOSS_PERCENT = 1,
	SEARCH_FIRST = 8000, /* packets a second */
	SEARCH_HALVINGS = 4,
	ASK_MS = 50,
	ASKS_MAX = 200,
};

/* In each packet, big-endian: kind, run, flow, sequence number. An answer has
 * the two counts instead of the last. */
enum { KIND_DATA, KIND_ASK, KIND_ANSWER };

struct packet {
	uint32_t kind, run, flow;
	uint64_t number, late;
};

struct run {
	uint32_t id;
	uint64_t received, late;
	uint64_t next[FLOWS_MAX];
};

struct sender {
	int socket[FLOWS_MAX];
	unsigned int flows;
	size_t size; /* 0: changing */
	bool shuffle;
	uint32_t run;
	unsigned int turn; /* whose it is */
	uint64_t next[FLOWS_MAX];
	uint64_t sent;
	struct run back; /* what came back */
	struct mmsghdr message[BATCH];
	struct iovec iov[BATCH];
	uint8_t bytes[BATCH][PACKET_MAX];
};

struct result {
	uint64_t sent, received, late;
	double seconds;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void put(uint8_t *to, const struct packet *p)
{
	store_be32(to, p->kind);
	store_be32(to + 4, p->run);
	store_be32(to + 8, p->flow);
	store_be64(to + 12, p->number);
	store_be64(to + 20, p->late);
}

static bool get(const uint8_t *from, size_t len, struct packet *ret)
{
	if (len < PACKET_MIN)
		return false;
	ret->kind = load_be32(from);
	ret->run = load_be32(from + 4);
	ret->flow = load_be32(from + 8);
	ret->number = load_be64(from + 12);
	ret->late = load_be64(from + 20);
	return ret->flow < FLOWS_MAX;
}

static int open_socket(const char *text, bool server)
{
	const int size = SOCKET_BUFFER;
	struct sockaddr_storage sa;
	struct endpoint e;
	socklen_t len;
	int fd;

	if (endpoint_parse(text, &e) < 0) {
		fprintf(stderr, "flows: %s: not an address and port\n", text);
		exit(2);
	}
	len = endpoint_to_sockaddr(&e, &sa);
	fd = socket(e.addr.family, SOCK_DGRAM, 0);
	if (fd < 0 || (server ? bind(fd, (struct sockaddr *)&sa, len)
			      : connect(fd, (struct sockaddr *)&sa, len)) < 0)
		die("flows: socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		die("flows: buffers");
	return fd;
}

/* --- the server ----------------------------------------------------------- */

static void answer(int fd, const struct run *run, const struct msghdr *asked)
{
	struct packet p = { .kind = KIND_ANSWER,
			    .run = run->id,
			    .number = run->received,
			    .late = run->late };
	uint8_t bytes[PACKET_MIN] = { 0 };

	put(bytes, &p);
	(void)!sendto(fd, bytes, sizeof(bytes), 0, asked->msg_name,
		      asked->msg_namelen); /* it asks again */
}

static void count(struct run *run, const struct packet *p)
{
	run->received++;
	if (p->number < run->next[p->flow])
		run->late++;
	else
		run->next[p->flow] = p->number + 1;
}

/* As they came; what the queue does not take is lost. */
static void send_back(int fd, struct mmsghdr *message, struct iovec *iov, int n)
{
	for (int i = 0; i < n; i++)
		iov[i].iov_len = message[i].msg_len;
	for (int done = 0, r; done < n; done += r) {
		r = sendmmsg(fd, message + done, (unsigned int)(n - done), 0);
		if (r <= 0)
			return;
	}
}

static _Noreturn void serve(int fd, bool echo)
{
	static uint8_t bytes[BATCH][PACKET_MAX];
	static struct sockaddr_storage from[BATCH];
	struct mmsghdr message[BATCH];
	struct iovec iov[BATCH];
	struct run run = { 0 };
	struct packet p;

	for (;;) {
		int n;

		for (int i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec) { bytes[i], PACKET_MAX };
			message[i].msg_hdr =
				(struct msghdr) { .msg_name = &from[i],
						  .msg_namelen =
							  sizeof(from[i]),
						  .msg_iov = &iov[i],
						  .msg_iovlen = 1 };
		}
		n = recvmmsg(fd, message, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++) {
			if (!get(bytes[i], message[i].msg_len, &p))
				continue;
			if (p.run != run.id)
				run = (struct run) { .id = p.run };
			if (p.kind == KIND_ASK)
				answer(fd, &run, &message[i].msg_hdr);
			else
				count(&run, &p);
		}
		if (echo && n > 0)
			send_back(fd, message, iov, n);
	}
}

/* --- the sender ----------------------------------------------------------- */

static size_t size_of(const struct sender *s, uint64_t number)
{
	return s->size ? s->size
		       : PACKET_MIN + number * 397 % (PACKET_MAX - PACKET_MIN);
}

static void send_batch(struct sender *s, unsigned int flow, unsigned int n)
{
	struct packet p = { .kind = KIND_DATA, .run = s->run, .flow = flow };

	for (unsigned int i = 0; i < n; i++) {
		uint64_t number = s->next[flow]++;

		p.number = s->shuffle ? number ^ 1 : number;
		put(s->bytes[i], &p);
		s->iov[i].iov_len = size_of(s, number);
	}
	/* What the queue does not take is lost, like what it drops later. */
	(void)sendmmsg(s->socket[flow], s->message, n, MSG_DONTWAIT);
	s->sent += n;
}

static void hear(struct sender *s)
{
	uint8_t bytes[PACKET_MAX];
	struct packet p;
	ssize_t n;

	for (unsigned int i = 0; i < s->flows; i++)
		while ((n = recv(s->socket[i], bytes, sizeof(bytes),
				 MSG_DONTWAIT)) > 0)
			if (get(bytes, (size_t)n, &p) && p.run == s->run &&
			    p.kind == KIND_DATA)
				count(&s->back, &p);
}

/* n packets, the flows in turn. */
static void send_some(struct sender *s, uint64_t n)
{
	unsigned int most = s->flows > 1 ? TURN_PACKETS : BATCH, share;

	for (; n > 0; n -= share) {
		share = n < most ? (unsigned int)n : most;
		send_batch(s, s->turn, share);
		s->turn = (s->turn + 1) % s->flows;
	}
}

static void sleep_until(uint64_t at_ns)
{
	struct timespec t = { .tv_sec = (time_t)(at_ns / NS_PER_S),
			      .tv_nsec = (long)(at_ns % NS_PER_S) };

	clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL);
}

/* Offers `rate` for `seconds`; returns how long that took. */
static double offer(struct sender *s, double rate, double seconds)
{
	uint64_t began = clock_now_ns(), now = began, at = began;
	uint64_t end = began + (uint64_t)(seconds * NS_PER_S);
	double due = 0;

	while (now < end) {
		uint64_t passed = now - at;

		if (passed > LATE_TICKS_MAX * TICK_NS)
			passed = LATE_TICKS_MAX * TICK_NS;
		at = now;
		due += rate * (double)passed / NS_PER_S;
		send_some(s, (uint64_t)due);
		due -= (double)(uint64_t)due;
		hear(s);
		sleep_until(now + TICK_NS);
		now = clock_now_ns();
	}
	return (double)(now - began) / NS_PER_S;
}

static bool ask(struct sender *s, struct packet *ret)
{
	struct packet p = { .kind = KIND_ASK, .run = s->run };
	struct pollfd f = { .fd = s->socket[0], .events = POLLIN };
	uint8_t bytes[PACKET_MAX] = { 0 };
	ssize_t n;

	put(bytes, &p);
	(void)!send(f.fd, bytes, PACKET_MIN, 0);
	while (poll(&f, 1, ASK_MS) > 0) {
		n = recv(f.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n > 0 && get(bytes, (size_t)n, ret) &&
		    ret->kind == KIND_ANSWER && ret->run == s->run)
			return true;
	}
	return false;
}

/* Two answers that are the same: nothing is on its way any more. */
static struct result measure(struct sender *s, double rate, double seconds)
{
	struct packet before = { .number = UINT64_MAX }, now;
	struct result r;

	s->run++;
	s->sent = 0;
	s->back = (struct run) { 0 };
	memset(s->next, 0, sizeof(s->next));
	r.seconds = offer(s, rate, seconds);
	for (int i = 0; i < ASKS_MAX; i++) {
		if (!ask(s, &now))
			continue;
		if (now.number == before.number) {
			r.sent = s->sent;
			r.received = now.number;
			r.late = now.late;
			return r;
		}
		before = now;
	}
	fprintf(stderr, "flows: the server does not answer\n");
	exit(1);
}

static void prepare(struct sender *s, const char *to, unsigned int flows)
{
	s->flows = flows;
	s->run = (uint32_t)clock_now_ns();
	for (unsigned int i = 0; i < flows; i++)
		s->socket[i] = open_socket(to, false);
	for (int i = 0; i < BATCH; i++) {
		s->iov[i].iov_base = s->bytes[i];
		s->message[i].msg_hdr.msg_iov = &s->iov[i];
		s->message[i].msg_hdr.msg_iovlen = 1;
	}
	(void)prctl(PR_SET_TIMERSLACK, 1UL); /* it only paces worse without */
}

/* Both ends go first where they share cores with what is measured, as if they
 * were machines of their own. Without the right to, figures are only worse. */
static void go_first(void)
{
	(void)setpriority(PRIO_PROCESS, 0, -20);
}

static bool holds(const struct result *r)
{
	return (r->sent - r->received) * 100 <= r->sent * LOSS_PERCENT;
}

/* One pause of the machine is not the tunnel's: a rate that fails is tried
 * once more. */
static struct result try_twice(struct sender *s, double rate, double seconds)
{
	struct result r = measure(s, rate, seconds);

	return holds(&r) ? r : measure(s, rate, seconds);
}

/* Doubles the rate while that holds and the sender keeps up, then halves the
 * gap. */
static void search(struct sender *s, double seconds)
{
	double low = 0, high = 0, rate = SEARCH_FIRST, best = 0, offered = 0;
	struct result r;

	printf("{\"steps\": [");
	for (int halvings = 0; halvings <= SEARCH_HALVINGS;) {
		r = try_twice(s, rate, seconds);
		printf("%s[%.0f, %" PRIu64 ", %" PRIu64 "]",
		       offered > 0 ? ", " : "", rate, r.sent, r.received);
		if (!holds(&r)) {
			high = rate;
		} else {
			low = rate;
			if ((double)r.received / r.seconds > best)
				best = (double)r.received / r.seconds;
			if (high == 0 &&
			    (double)r.sent / r.seconds < 1.1 * offered)
				break;
		}
		offered = (double)r.sent / r.seconds;
		halvings += high > 0;
		rate = high > 0 ? (low + high) / 2 : 2 * rate;
	}
	printf("], \"rate\": %.0f}\n", best);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: flows serve|echo ADDRESS:PORT\n"
		"       flows send ADDRESS:PORT RATE SECONDS [FLOWS [SIZE "
		"[shuffle]]]\n"
		"       flows search ADDRESS:PORT SECONDS SIZE\n");
	return 2;
}

int main(int argc, char **argv)
{
	static struct sender s;
	struct result r;
	unsigned long flows, size;

	go_first();
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(open_socket(argv[2], true), false);
	if (argc == 3 && strcmp(argv[1], "echo") == 0)
		serve(open_socket(argv[2], true), true);
	if (argc < 5)
		return usage();
	if (strcmp(argv[1], "search") == 0) {
		s.size = strtoul(argv[4], NULL, 10);
		if (s.size < PACKET_MIN || s.size > PACKET_MAX)
			return usage();
		prepare(&s, argv[2], 1);
		search(&s, strtod(argv[3], NULL));
		return 0;
	}
	flows = argc > 5 ? strtoul(argv[5], NULL, 10) : 1;
	size = argc > 6 ? strtoul(argv[6], NULL, 10) : 0;
	if (strcmp(argv[1], "send") != 0 || flows < 1 || flows > FLOWS_MAX ||
	    size > PACKET_MAX || (size > 0 && size < PACKET_MIN))
		return usage();
	s.size = size;
	s.shuffle = argc > 7 && strcmp(argv[7], "shuffle") == 0;
	prepare(&s, argv[2], (unsigned int)flows);
	r = measure(&s, strtod(argv[3], NULL), strtod(argv[4], NULL));
	printf("{\"sent\": %" PRIu64 ", \"received\": %" PRIu64
	       ", \"late\": %" PRIu64 ", \"seconds\": %.3f, \"back\": %" PRIu64
	       ", \"back_late\": %" PRIu64 "}\n",
	       r.sent, r.received, r.late, r.seconds, s.back.received,
	       s.back.late);
	return 0;
}
