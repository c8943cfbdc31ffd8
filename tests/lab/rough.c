/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rough LISTEN GATEWAY SEED [loss=PERCENT] [twice=PERCENT] [held=PERCENT,MOST]
 *
 * A rough path: relays UDP port 443 of the address LISTEN to that of GATEWAY,
 * for one client. Of what passes, each direction by itself, it loses some,
 * sends some two times, and holds some back until up to MOST later ones have
 * passed (or nothing came for a while). What becomes of the n-th datagram of a
 * direction depends on SEED and n alone. At SIGUSR1, and at its end by SIGTERM,
 * it prints what it did, a line for each direction and sort of datagram:
 *
 *   gateway data came 100 lost 1 twice 2 held 3 sent 101 unsent 0
 *
 * "unsent" is what the kernel refused; whatever is not in "sent", "lost" or
 * there is still held. "empty" is a data record without a packet. Records keep
 * their borders: nothing is glued here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/record.h"
#include "tunnel/base/attr.h"

enum {
	PORT = 443,
	DATAGRAM_MAX = 2048,
	BATCH = 64,
	HELD_MAX = 512, /* in one direction; those beyond pass */
	HELD_MS = 5,
	SOCKET_BUFFER = 32 << 20, /* the path loses, and nothing else */
};

enum direction { TO_GATEWAY, TO_CLIENT, DIRECTIONS };
enum sort { DATA, EMPTY, CONTROL, HANDSHAKE, SORTS };
enum count { CAME, LOST, TWICE, HELD, SENT, UNSENT, COUNTS };

struct datagram {
	enum sort sort;
	size_t len;
	uint64_t due; /* of a held one: goes behind the datagram of this number
		       */
	uint8_t bytes[DATAGRAM_MAX];
};

struct plan {
	uint64_t seed;
	double loss, twice, held; /* percent */
	unsigned int held_most;
};

/*
 * One direction. A datagram is in `in` (received now), in `held`, or in
 * `spare`; none is copied. What leaves `held` goes to `spare`, where its bytes
 * are good until the next receive.
 */
struct way {
	enum direction direction;
	int from, to;
	uint64_t number; /* of the datagram that came last */
	uint64_t counts[SORTS][COUNTS];
	struct datagram *in[BATCH];
	struct datagram *held[HELD_MAX], *spare[HELD_MAX + BATCH];
	size_t held_count, spare_count;

	struct mmsghdr message[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_in sender[BATCH];

	/* what goes out after this receive */
	struct mmsghdr out[2 * BATCH + HELD_MAX];
	struct iovec out_iov[2 * BATCH + HELD_MAX];
	enum sort out_sort[2 * BATCH + HELD_MAX];
	unsigned int out_count;
};

struct relay {
	struct plan plan;
	struct sockaddr_in client, gateway;
	struct way way[DIRECTIONS];
};

static const char *const direction_names[] = { "gateway", "client" };
static const char *const sort_names[] = { "data", "empty", "control",
					  "handshake" };
static const char *const count_names[] = { "came", "lost", "twice",
					   "held", "sent", "unsent" };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static enum sort sort_of(const uint8_t *bytes, size_t len)
{
	if (len < 2 || bytes[0] != RECORD_TYPE)
		return HANDSHAKE;
	if (bytes[1] == RECORD_LANE_CONTROL)
		return CONTROL;
	return len > RECORD_OVERHEAD ? DATA : EMPTY;
}

/* SplitMix64's output for one of its states: a number of its own for each
 * datagram of each direction, and each question about it. */
static uint64_t draw(const struct plan *p, const struct way *w,
		     unsigned int question)
{
	uint64_t z = (w->number * 8 + question) * DIRECTIONS + w->direction;

	z = (z + 1) * 0x9e3779b97f4a7c15 + p->seed * 0xd1342543de82ef95;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static bool happens(const struct plan *p, const struct way *w,
		    unsigned int question, double percent)
{
	return (double)(draw(p, w, question) >> 11) * 0x1p-53 * 100 < percent;
}

static void put_out(struct way *w, struct datagram *g)
{
	unsigned int i = w->out_count++;

	w->out_iov[i] = (struct iovec) { g->bytes, g->len };
	w->out_sort[i] = g->sort;
}

/* All that are due, the one held for the longest time first. */
static void release(struct way *w, uint64_t number)
{
	size_t left = 0;

	for (size_t i = 0; i < w->held_count; i++) {
		struct datagram *g = w->held[i];

		if (g->due > number) {
			w->held[left++] = g;
			continue;
		}
		put_out(w, g);
		w->spare[w->spare_count++] = g;
	}
	w->held_count = left;
}

/* True: it was kept, and is not the caller's any more. */
static bool take(struct way *w, const struct plan *p, struct datagram *g)
{
	uint64_t *counts = w->counts[g->sort];
	bool twice, held;

	w->number++;
	counts[CAME]++;
	if (happens(p, w, 0, p->loss)) {
		counts[LOST]++;
		return false;
	}
	twice = happens(p, w, 1, p->twice);
	held = happens(p, w, 2, p->held) && w->held_count < HELD_MAX;
	counts[TWICE] += twice;
	counts[HELD] += held;
	if (twice || !held)
		put_out(w, g);
	if (twice && !held)
		put_out(w, g);
	if (!held)
		return false;
	g->due = w->number + 1 + draw(p, w, 3) % p->held_most;
	w->held[w->held_count++] = g;
	return true;
}

static void send_out(struct way *w, struct sockaddr_in *to)
{
	unsigned int done = 0;

	for (unsigned int i = 0; i < w->out_count; i++)
		w->out[i].msg_hdr = (struct msghdr) {
			.msg_name = to,
			.msg_namelen = sizeof(*to),
			.msg_iov = &w->out_iov[i],
			.msg_iovlen = 1,
		};
	while (done < w->out_count) {
		int n = sendmmsg(w->to, w->out + done, w->out_count - done, 0);

		if (n < 0 && errno == EINTR)
			continue;
		/* The first of them was refused: a port that is closed. */
		if (n <= 0)
			w->counts[w->out_sort[done++]][UNSENT]++;
		for (; n > 0; n--)
			w->counts[w->out_sort[done++]][SENT]++;
	}
	w->out_count = 0;
}

static struct sockaddr_in *receiver_of(struct relay *r, const struct way *w)
{
	return w->direction == TO_GATEWAY ? &r->gateway : &r->client;
}

static int receive(struct way *w)
{
	for (size_t i = 0; i < BATCH; i++) {
		if (w->in[i] == NULL)
			w->in[i] = w->spare[--w->spare_count];
		w->iov[i] = (struct iovec) { w->in[i]->bytes, DATAGRAM_MAX };
		w->message[i].msg_hdr = (struct msghdr) {
			.msg_name = &w->sender[i],
			.msg_namelen = sizeof(w->sender[i]),
			.msg_iov = &w->iov[i],
			.msg_iovlen = 1,
		};
	}
	return recvmmsg(w->from, w->message, BATCH, MSG_DONTWAIT, NULL);
}

static void pass(struct relay *r, struct way *w)
{
	int n = receive(w);

	for (int i = 0; i < n; i++) {
		struct datagram *g = w->in[i];

		if (w->message[i].msg_hdr.msg_flags & MSG_TRUNC) {
			fprintf(stderr, "rough: a datagram is too long\n");
			exit(1);
		}
		g->len = w->message[i].msg_len;
		g->sort = sort_of(g->bytes, g->len);
		/* A record may be a late goodbye, from a port that was. */
		if (w->direction == TO_GATEWAY && g->sort == HANDSHAKE)
			r->client = w->sender[i];
		if (take(w, &r->plan, g))
			w->in[i] = NULL;
		release(w, w->number);
	}
	send_out(w, receiver_of(r, w));
}

/* Nothing comes behind what is held. */
static void let_go(struct relay *r, struct way *w)
{
	release(w, UINT64_MAX);
	send_out(w, receiver_of(r, w));
}

static void tell(const struct relay *r)
{
	for (int d = 0; d < DIRECTIONS; d++) {
		for (int s = 0; s < SORTS; s++) {
			printf("%s %s", direction_names[d], sort_names[s]);
			for (int c = 0; c < COUNTS; c++)
				printf(" %s %" PRIu64, count_names[c],
				       r->way[d].counts[s][c]);
			printf("\n");
		}
	}
	printf("end\n");
	fflush(stdout);
}

static int open_socket(const char *address, uint16_t port)
{
	const int size = SOCKET_BUFFER;
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &sa.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		die(address);
	return fd;
}

static void way_init(struct way *w, enum direction d, int from, int to)
{
	struct datagram *g = calloc(BATCH + HELD_MAX, sizeof(*g));

	if (g == NULL)
		die("calloc");
	w->direction = d;
	w->from = from;
	w->to = to;
	for (size_t i = 0; i < BATCH; i++)
		w->in[i] = g++;
	for (; w->spare_count < HELD_MAX; w->spare_count++)
		w->spare[w->spare_count] = g++;
}

static struct plan plan_of(int argc, char **argv)
{
	struct plan p = { .seed = strtoull(argv[3], NULL, 0), .held_most = 1 };

	for (int i = 4; i < argc; i++) {
		if (sscanf(argv[i], "loss=%lf", &p.loss) == 1 ||
		    sscanf(argv[i], "twice=%lf", &p.twice) == 1 ||
		    (sscanf(argv[i], "held=%lf,%u", &p.held, &p.held_most) ==
			     2 &&
		     p.held_most > 0))
			continue;
		fprintf(stderr, "rough: what is \"%s\"?\n", argv[i]);
		exit(2);
	}
	return p;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* False: it was the one that ends. */
static bool take_signal(const struct relay *r, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		die("signal");
	tell(r);
	return info.ssi_signo != SIGTERM;
}

static void run(struct relay *r, int signals)
{
	struct way *up = &r->way[TO_GATEWAY], *down = &r->way[TO_CLIENT];
	struct pollfd p[] = { { up->from, POLLIN, 0 },
			      { down->from, POLLIN, 0 },
			      { signals, POLLIN, 0 } };

	for (;;) {
		bool held = up->held_count + down->held_count > 0;
		int n = poll(p, ARRAY_SIZE(p), held ? HELD_MS : -1);

		if (n < 0 && errno != EINTR)
			die("poll");
		for (int d = 0; d < DIRECTIONS && n >= 0; d++) {
			if (n == 0)
				let_go(r, &r->way[d]);
			else if (p[d].revents)
				pass(r, &r->way[d]);
		}
		if (n > 0 && p[2].revents && !take_signal(r, signals))
			return;
	}
}

int main(int argc, char **argv)
{
	struct relay *r = calloc(1, sizeof(*r));
	int near, far, signals;

	if (argc < 4 || r == NULL)
		return 2;
	r->plan = plan_of(argc, argv);
	r->gateway = (struct sockaddr_in) { .sin_family = AF_INET,
					    .sin_port = htons(PORT) };
	if (inet_pton(AF_INET, argv[2], &r->gateway.sin_addr) != 1)
		die(argv[2]);
	near = open_socket(argv[1], PORT);
	far = open_socket("0.0.0.0", 0);
	way_init(&r->way[TO_GATEWAY], TO_GATEWAY, near, far);
	way_init(&r->way[TO_CLIENT], TO_CLIENT, far, near);
	signals = open_signals();
	if (signals < 0)
		die("signalfd");
	printf("ready\n");
	fflush(stdout);
	run(r, signals);
	return 0;
}
