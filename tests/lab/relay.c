/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * relay LISTEN GATEWAY FIFO
 *
 * The man in the middle: relays UDP port 443 of the address LISTEN to that of
 * GATEWAY, for one client, keeps the last datagram of each sort, and does what
 * the lines of FIFO say. Answers each on standard output.
 *
 *   mode plain | twice | swap | spoil | elsewhere
 *	what becomes of what passes: nothing; each is sent two times; each two
 *	data records change places; cut, longer and (if sealed) changed copies
 *	go in front; records to the gateway leave from another port
 *   gateway|client data|control|handshake ACT A B
 *	sends variants of the last one of this sort there:
 *	cut: each length from A to B - 1; flip: each bit of the bytes A to B - 1
 *	(B 0: to the end); again: A times; grow: by A bytes; counter: with bit A
 *	of the counter turned; copy: A times, from another port
 *   tell
 *	how many data records passed to the gateway and to the client, and how
 *	many datagrams came to that other port
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/envelope.h"
#include "crypto/record.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/bytes.h"

enum {
	PORT = 443,
	DATAGRAM_MAX = 65507,
	COUNTER_AT = 8,
	UNIFIED_HEADER = 0x20, /* of a DTLS 1.3 ciphertext, and above */
};

enum direction { TO_GATEWAY, TO_CLIENT, DIRECTIONS };
enum sort { DATA, CONTROL, HANDSHAKE, SORTS };
enum mode { PLAIN, TWICE, SWAP, SPOIL, ELSEWHERE };

struct datagram {
	size_t len;
	uint8_t bytes[DATAGRAM_MAX];
};

struct relay {
	/* `near` faces the client, `far` the gateway; `other` is a port that
	 * neither knows. */
	int near, far, other;
	struct sockaddr_in client, gateway;
	enum mode mode;
	unsigned int passed[DIRECTIONS], came_to_other;
	struct datagram kept[DIRECTIONS][SORTS], held[DIRECTIONS], now;
	char line[4096]; /* of the FIFO */
	size_t line_len;
};

static const char *const direction_names[] = { "gateway", "client" };
static const char *const sort_names[] = { "data", "control", "handshake" };
static const char *const mode_names[] = { "plain", "twice", "swap", "spoil",
					  "elsewhere" };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void send_from(struct relay *r, int fd, enum direction d,
		      const uint8_t *bytes, size_t len)
{
	const struct sockaddr_in *to =
		d == TO_GATEWAY ? &r->gateway : &r->client;

	if (to->sin_port != 0 &&
	    sendto(fd, bytes, len, 0, (const void *)to, sizeof(*to)) < 0)
		die("sendto");
}

static void send_on(struct relay *r, enum direction d, const uint8_t *bytes,
		    size_t len)
{
	send_from(r, d == TO_GATEWAY ? r->far : r->near, d, bytes, len);
}

static enum sort sort_of(const struct datagram *g)
{
	if (g->len < 2 || g->bytes[0] != RECORD_TYPE)
		return HANDSHAKE;
	return g->bytes[1] == RECORD_LANE_CONTROL ? CONTROL : DATA;
}

/* Variants of a datagram; each returns how many were sent. */

static unsigned int cut(struct relay *r, enum direction d,
			const struct datagram *g, size_t from, size_t to)
{
	unsigned int n = 0;

	for (size_t len = from; len < to && len < g->len; len++, n++)
		send_on(r, d, g->bytes, len);
	return n;
}

static unsigned int flip(struct relay *r, enum direction d,
			 const struct datagram *g, size_t from, size_t to)
{
	unsigned int n = 0;

	r->now = *g;
	if (to == 0 || to > g->len)
		to = g->len;
	for (size_t bit = 8 * from; bit < 8 * to; bit++, n++) {
		r->now.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		send_on(r, d, r->now.bytes, r->now.len);
		r->now.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	return n;
}

static unsigned int grow(struct relay *r, enum direction d,
			 const struct datagram *g, size_t more)
{
	if (g->len + more > DATAGRAM_MAX)
		more = DATAGRAM_MAX - g->len;
	r->now = *g;
	memset(r->now.bytes + g->len, 0x5a, more);
	send_on(r, d, r->now.bytes, g->len + more);
	return 1;
}

static unsigned int turn_counter(struct relay *r, enum direction d,
				 const struct datagram *g, size_t bit)
{
	if (g->len < RECORD_HEADER_LEN || bit > 63)
		return 0;
	r->now = *g;
	store_be64(r->now.bytes + COUNTER_AT,
		   load_be64(r->now.bytes + COUNTER_AT) ^ 1ULL << bit);
	send_on(r, d, r->now.bytes, g->len);
	return 1;
}

static unsigned int again(struct relay *r, int fd, enum direction d,
			  const struct datagram *g, size_t times)
{
	unsigned int n = 0;

	for (; n < times && g->len > 0; n++)
		send_from(r, fd, d, g->bytes, g->len);
	return n;
}

static unsigned int act(struct relay *r, enum direction d, enum sort s,
			const char *what, size_t a, size_t b)
{
	const struct datagram *g = &r->kept[d][s];

	if (g->len == 0)
		return 0;
	if (strcmp(what, "cut") == 0)
		return cut(r, d, g, a, b);
	if (strcmp(what, "flip") == 0)
		return flip(r, d, g, a, b);
	if (strcmp(what, "grow") == 0)
		return grow(r, d, g, a);
	if (strcmp(what, "counter") == 0)
		return turn_counter(r, d, g, a);
	if (strcmp(what, "copy") == 0)
		return again(r, r->other, d, g, a);
	if (strcmp(what, "again") == 0)
		return again(r, d == TO_GATEWAY ? r->far : r->near, d, g, a);
	return 0;
}

/* What passes. */

/* The second of two goes first. */
static void change_places(struct relay *r, enum direction d,
			  const struct datagram *g)
{
	struct datagram *held = &r->held[d];

	if (held->len == 0) {
		*held = *g;
		return;
	}
	send_on(r, d, g->bytes, g->len);
	send_on(r, d, held->bytes, held->len);
	held->len = 0;
}

/* A plaintext hello that was changed is as good as another one: whoever can
 * put it in front of the true one can also keep that back. */
static bool is_sealed(const struct datagram *g)
{
	return sort_of(g) != HANDSHAKE ||
	       (g->len > ENVELOPE_HEADER_LEN &&
		g->bytes[ENVELOPE_HEADER_LEN] >= UNIFIED_HEADER);
}

static void pass(struct relay *r, enum direction d, const struct datagram *g)
{
	enum sort s = sort_of(g);
	int fd = d == TO_GATEWAY ? r->far : r->near;

	r->passed[d] += s == DATA;
	r->kept[d][s] = *g;
	switch (r->mode) {
	case SWAP:
		/* What is no data would decide which data go in pairs. */
		if (s != DATA)
			break;
		change_places(r, d, g);
		return;
	case TWICE:
		send_on(r, d, g->bytes, g->len);
		break;
	case SPOIL:
		(void)cut(r, d, &r->kept[d][s], g->len / 2, g->len / 2 + 1);
		if (is_sealed(g))
			(void)flip(r, d, &r->kept[d][s], g->len - 1, 0);
		(void)grow(r, d, &r->kept[d][s], 100);
		break;
	case ELSEWHERE:
		if (d == TO_GATEWAY && s != HANDSHAKE)
			fd = r->other;
		break;
	case PLAIN:
		break;
	}
	send_from(r, fd, d, r->kept[d][s].bytes, r->kept[d][s].len);
}

static void receive(struct relay *r, int fd)
{
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	struct datagram *g = calloc(1, sizeof(*g));
	ssize_t n;

	if (g == NULL)
		die("calloc");
	n = recvfrom(fd, g->bytes, sizeof(g->bytes), 0, (void *)&from,
		     &from_len);
	if (n > 0) {
		g->len = (size_t)n;
		if (fd == r->near)
			r->client = from;
		if (fd == r->other)
			r->came_to_other++;
		else
			pass(r, fd == r->near ? TO_GATEWAY : TO_CLIENT, g);
	}
	free(g);
}

/* What the FIFO says. */

static int index_of(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

static void set_mode(struct relay *r, const char *name)
{
	int mode = index_of(mode_names, ARRAY_SIZE(mode_names), name);

	for (enum direction d = 0; d < DIRECTIONS; d++) {
		if (r->held[d].len > 0)
			send_on(r, d, r->held[d].bytes, r->held[d].len);
		r->held[d].len = 0;
	}
	if (mode >= 0)
		r->mode = (enum mode)mode;
	printf("mode %s\n", mode_names[r->mode]);
}

static void obey(struct relay *r, const char *line)
{
	char where[16] = "", sort[16] = "", what[16] = "";
	unsigned long a = 0, b = 0;
	int d, s;

	(void)sscanf(line, "%15s %15s %15s %lu %lu", where, sort, what, &a, &b);
	d = index_of(direction_names, ARRAY_SIZE(direction_names), where);
	s = index_of(sort_names, ARRAY_SIZE(sort_names), sort);
	if (strcmp(where, "mode") == 0)
		set_mode(r, sort);
	else if (strcmp(where, "tell") == 0)
		printf("passed %u %u other %u\n", r->passed[TO_GATEWAY],
		       r->passed[TO_CLIENT], r->came_to_other);
	else if (d >= 0 && s >= 0)
		printf("sent %u of %zu bytes\n",
		       act(r, (enum direction)d, (enum sort)s, what, a, b),
		       r->kept[d][s].len);
	else
		printf("what is \"%s\"?\n", line);
	fflush(stdout);
}

static void listen_to(struct relay *r, int fifo)
{
	ssize_t n = read(fifo, r->line + r->line_len,
			 sizeof(r->line) - 1 - r->line_len);
	char *end;

	if (n <= 0)
		return;
	r->line_len += (size_t)n;
	r->line[r->line_len] = '\0';
	while ((end = strchr(r->line, '\n')) != NULL) {
		*end++ = '\0';
		obey(r, r->line);
		r->line_len -= (size_t)(end - r->line);
		memmove(r->line, end, r->line_len + 1);
	}
}

static int open_socket(const char *address, uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &sa.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die(address);
	return fd;
}

int main(int argc, char **argv)
{
	struct relay *r = calloc(1, sizeof(*r));
	struct pollfd p[4] = { 0 };

	if (argc != 4 || r == NULL)
		return 2;
	r->gateway = (struct sockaddr_in) { .sin_family = AF_INET,
					    .sin_port = htons(PORT) };
	if (inet_pton(AF_INET, argv[2], &r->gateway.sin_addr) != 1)
		die(argv[2]);
	r->near = open_socket(argv[1], PORT);
	r->far = open_socket("0.0.0.0", 0);
	r->other = open_socket("0.0.0.0", 0);
	p[0].fd = r->near;
	p[1].fd = r->far;
	p[2].fd = r->other;
	/* For writing, too: there is no end of file between two writers. */
	p[3].fd = open(argv[3], O_RDWR | O_CLOEXEC);
	if (p[3].fd < 0)
		die(argv[3]);
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		p[i].events = POLLIN;
	printf("ready\n");
	fflush(stdout);
	while (poll(p, ARRAY_SIZE(p), -1) > 0 || errno == EINTR) {
		for (size_t i = 0; i < 3; i++)
			if (p[i].revents)
				receive(r, p[i].fd);
		if (p[3].revents)
			listen_to(r, p[3].fd);
	}
	return 1;
}
