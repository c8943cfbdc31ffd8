/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * forge PROFILE GATEWAY COUNT RATE
 *
 * A stranger with many addresses: sends COUNT forged first datagrams, RATE a
 * second, to UDP port 443 of the address GATEWAY, each from an address out of
 * 100.64.0.0/10 and a port of its own. Four sorts in turn: a ClientHello
 * without cookie; one with a cookie that was given to somebody else, changed
 * or not; garbage that begins like a handshake; pieces of a ClientHello. The
 * true ones come from the profile's identity and one honest exchange. Prints
 * how many bytes of each sort went out. Needs root (raw socket).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "config/profile.h"
#include "crypto/client.h"
#include "crypto/credentials.h"
#include "crypto/envelope.h"
#include "crypto/wolf.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"

enum {
	PORT = 443,
	BATCH = 32,
	ANSWER_MS = 2000,
	SOURCES = 0x64400000, /* 100.64.0.0/10 */
	SOURCE_BITS = 22,
	HEADERS = sizeof(struct iphdr) + sizeof(struct udphdr),
	/* In a datagram: envelope, DTLS record, and in its handshake header. */
	RECORD_AT = ENVELOPE_HEADER_LEN,
	FRAGMENT_OFFSET_AT = RECORD_AT + 13 + 6,
};

enum sort { HELLO, COOKIE, GARBAGE, PIECE, SORTS };

struct forge {
	int udp, raw;
	struct sockaddr_in gateway;
	uint64_t random; /* xorshift64: the same run each time */
	/* The honest client's first datagram, and its first with a cookie. */
	unsigned int kept;
	uint8_t honest[2][ENVELOPE_MAX];
	size_t honest_len[2];
	uint64_t bytes[SORTS];
	uint8_t packet[BATCH][HEADERS + ENVELOPE_MAX];
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "forge: %s: %s\n", what, why);
	exit(1);
}

static uint64_t next_random(struct forge *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random;
}

/* The honest exchange: the first datagram is sent, the second one is not. */

static void on_send(void *arg, const uint8_t *datagram, size_t len)
{
	struct forge *f = arg;

	if (f->kept >= 2)
		return;
	memcpy(f->honest[f->kept], datagram, len);
	f->honest_len[f->kept] = len;
	if (f->kept++ == 0 &&
	    sendto(f->udp, datagram, len, 0, (const void *)&f->gateway,
		   sizeof(f->gateway)) < 0)
		die("sendto", strerror(errno));
}

static void on_new_port(void *arg)
{
	(void)arg;
}

static void on_up(void *arg, const struct lease *lease)
{
	(void)arg;
	(void)lease;
}

static void on_down(void *arg, enum reason reason, const char *text)
{
	(void)arg;
	(void)reason;
	die("the honest client", text);
}

static const struct client_callbacks callbacks = {
	.send = on_send,
	.new_port = on_new_port,
	.up = on_up,
	.down = on_down,
};

static struct credentials *load(const char *path)
{
	struct config_report report = { 0 };
	char why[CREDENTIALS_ERROR_MAX];
	struct credentials_source source;
	struct credentials *c;
	struct profile *profile;

	if (profile_load(path, PROFILE_FOR_USE, &profile, &report)) {
		config_report_print(&report, path, stderr);
		exit(2);
	}
	profile_credentials(profile, &source);
	c = credentials_create(CREDENTIALS_CLIENT, &source, why);
	if (c == NULL)
		die(path, why);
	profile_destroy(profile);
	return c;
}

static void learn(struct forge *f, const char *profile)
{
	struct credentials *credentials = load(profile);
	struct client_options o = { .credentials = credentials,
				    .server_name = "vpn.example.com",
				    .lanes = 1 };
	struct client *c = client_create(&o, &callbacks, f);
	struct pollfd p = { .fd = f->udp, .events = POLLIN };
	uint8_t answer[2048];
	ssize_t n;

	if (c == NULL || client_start(c, clock_now_ns()) < 0)
		die("client", "does not start");
	if (poll(&p, 1, ANSWER_MS) != 1)
		die("the gateway", "does not answer a first hello");
	n = recv(f->udp, answer, sizeof(answer), 0);
	if (n > 0)
		client_input(c, answer, (size_t)n, clock_now_ns());
	if (f->kept != 2)
		die("the gateway", "gives no cookie");
	client_destroy(c);
	credentials_destroy(credentials);
}

/* Fills `out` with a datagram; returns its length. */
static size_t make(struct forge *f, enum sort s, uint8_t *out)
{
	const unsigned int which = s == COOKIE ? 1 : 0;
	size_t len = f->honest_len[which];

	memcpy(out, f->honest[which], len);
	if (s != COOKIE || next_random(f) % 2 == 0)
		store_be64(out + 4, next_random(f)); /* the token */
	switch (s) {
	case HELLO:
		break;
	case COOKIE:
		if (next_random(f) % 2 == 0)
			out[len - 1 - next_random(f) % (len / 2)] ^= 1;
		break;
	case GARBAGE:
		for (size_t i = RECORD_AT + 1; i < len; i++)
			out[i] = (uint8_t)next_random(f);
		/* A quarter of it without envelope, as other DTLS has it. */
		if (next_random(f) % 4 == 0)
			out[0] = 22;
		break;
	case PIECE:
		store_be16(out + FRAGMENT_OFFSET_AT + 1,
			   (uint16_t)next_random(f) % 4096);
		break;
	case SORTS:
		break;
	}
	return len;
}

/* The kernel fills in the IP header's sum; UDP's may be left out. */
static size_t wrap(struct forge *f, uint8_t *packet, size_t len)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons((uint16_t)(HEADERS + len)),
		.daddr = f->gateway.sin_addr.s_addr,
	};
	struct udphdr udp = {
		.dest = htons(PORT),
		.len = htons((uint16_t)(sizeof(udp) + len)),
	};
	uint64_t who = next_random(f);

	ip.saddr = htonl(SOURCES | (uint32_t)(who & ((1U << SOURCE_BITS) - 1)));
	udp.source = htons((uint16_t)(1024 + (who >> 32) % 64000));
	memcpy(packet, &ip, sizeof(ip));
	memcpy(packet + sizeof(ip), &udp, sizeof(udp));
	return HEADERS + len;
}

static void send_batch(struct forge *f, unsigned int first, unsigned int count)
{
	struct mmsghdr m[BATCH] = { 0 };
	struct iovec v[BATCH];
	unsigned int sent = 0;

	for (unsigned int i = 0; i < count; i++) {
		enum sort s = (first + i) % SORTS;
		size_t len = make(f, s, f->packet[i] + HEADERS);

		f->bytes[s] += len;
		v[i].iov_base = f->packet[i];
		v[i].iov_len = wrap(f, f->packet[i], len);
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
		m[i].msg_hdr.msg_name = &f->gateway;
		m[i].msg_hdr.msg_namelen = sizeof(f->gateway);
	}
	while (sent < count) {
		int n = sendmmsg(f->raw, m + sent, count - sent, 0);

		if (n < 0 && errno != ENOBUFS && errno != EINTR)
			die("sendmmsg", strerror(errno));
		sent += n > 0 ? (unsigned int)n : 0;
	}
}

static void pace(uint64_t until_ns)
{
	struct timespec at = { .tv_sec = (time_t)(until_ns / NS_PER_S),
			       .tv_nsec = (long)(until_ns % NS_PER_S) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) ==
	       EINTR)
		;
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void flood(struct forge *f, unsigned int count, unsigned int rate)
{
	static const char *const names[] = { "hello", "cookie", "garbage",
					     "piece" };
	const uint64_t began = monotonic_ns();
	uint64_t took;

	for (unsigned int i = 0; i < count; i += BATCH) {
		send_batch(f, i, count - i < BATCH ? count - i : BATCH);
		pace(began + (uint64_t)(i + BATCH) * NS_PER_S / rate);
	}
	took = monotonic_ns() - began;
	printf("sent %u in %u ms\n", count, (unsigned int)(took / NS_PER_MS));
	for (enum sort s = 0; s < SORTS; s++)
		printf("%s %llu\n", names[s], (unsigned long long)f->bytes[s]);
}

int main(int argc, char **argv)
{
	struct forge *f = calloc(1, sizeof(*f));
	unsigned int count = argc == 5 ? (unsigned int)atoi(argv[3]) : 0;
	unsigned int rate = argc == 5 ? (unsigned int)atoi(argv[4]) : 0;

	if (f == NULL || count == 0 || rate == 0 || wolf_init()) {
		fprintf(stderr, "usage: forge PROFILE GATEWAY COUNT RATE\n");
		return 2;
	}
	f->random = 88172645463325252ULL;
	f->gateway.sin_family = AF_INET;
	f->gateway.sin_port = htons(PORT);
	if (inet_pton(AF_INET, argv[2], &f->gateway.sin_addr) != 1)
		die(argv[2], "not an address");
	f->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	f->raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (f->udp < 0 || f->raw < 0)
		die("socket", strerror(errno));
	learn(f, argv[1]);
	flood(f, count, rate);
	close(f->udp);
	close(f->raw);
	free(f);
	return 0;
}
