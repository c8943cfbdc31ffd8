/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packets OPERATION LENGTH RUNS
 *
 * One step of the packet path by itself, for callgrind to count
 * (tests/bench/instructions.sh): seal, open, cut-tcp, cut-udp, join-tcp or
 * join-udp, over RUNS super-packets whose packets have LENGTH bytes each, IPv4
 * header and all. Prints how many packets that were. Only what goes through
 * counted() is to be counted. AES-256-GCM is wolfCrypt's: valgrind's CPU has
 * no AVX-512.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/record.h"
#include "tunnel/base/bytes.h"
#include "tunnel/data/gso.h"

enum {
	SEGMENTS = 44, /* of 1,400 bytes in a super-packet */
	IPV4_LEN = 20,
	TCP_LEN = 32, /* with a timestamp */
	UDP_LEN = 8,
	INDEX = 7,
};

struct world {
	/* from the command line */
	bool udp;
	size_t len;
	size_t headers;

	uint8_t super[GSO_PACKET_MAX];
	uint8_t packet[SEGMENTS][1500];
	uint8_t record[SEGMENTS][1500 + RECORD_OVERHEAD];
	struct keys_tx tx;
	struct record_rx rx;
	struct gso_cut cut;
	struct gso_join join;
	size_t i; /* of the packet that a step is about */
	size_t packets;
};

void counted(void (*step)(struct world *), struct world *w);

/* callgrind counts from here to the return. */
__attribute__((noinline, noclone)) void counted(void (*step)(struct world *),
						struct world *w)
{
	step(w);
}

static void die(const char *what)
{
	fprintf(stderr, "packets: %s\n", what);
	exit(1);
}

/* A super-packet as the kernel hands it over. */
static void make_super(struct world *w)
{
	size_t payload = (w->len - w->headers) * SEGMENTS;
	uint8_t *p = w->super, *t = p + IPV4_LEN;

	memset(p, 0, w->headers);
	p[0] = 0x45;
	store_be16(p + 2, (uint16_t)(w->headers + payload));
	p[6] = 0x40;
	p[8] = 64;
	p[9] = w->udp ? IPPROTO_UDP : IPPROTO_TCP;
	memcpy(p + 12, "\x0a\x4d\0\2\x0a\x4d\0\1", 8);
	store_be16(t, 40000);
	store_be16(t + 2, 5201);
	if (w->udp) {
		store_be16(t + 4, (uint16_t)(UDP_LEN + payload));
	} else {
		t[12] = TCP_LEN / 4 << 4;
		t[13] = 0x10; /* ACK */
		memcpy(t + 20, "\1\1\x8\xa\0\0\0\1\0\0\0\1", 12);
	}
	memset(p + w->headers, 'x', payload);
}

static void cut_start_step(struct world *w)
{
	struct gso_vnet h = {
		.flags = GSO_VNET_NEEDS_CSUM,
		.gso_type = w->udp ? GSO_VNET_UDP : GSO_VNET_TCP4,
		.hdr_len = (uint16_t)w->headers,
		.gso_size = (uint16_t)(w->len - w->headers),
		.csum_start = IPV4_LEN,
		.csum_offset = w->udp ? 6 : 16,
	};

	if (gso_cut_start(&w->cut, &h, w->super,
			  w->headers + (w->len - w->headers) * SEGMENTS) < 0)
		die("the super-packet is not one");
}

static void cut_step(struct world *w)
{
	uint8_t *segment;
	size_t n;

	if (!gso_cut_next(&w->cut, &segment, &n) || n != w->len)
		die("the super-packet ends early");
	w->i = (size_t)(segment - w->super); /* where it is */
}

static void seal_step(struct world *w)
{
	size_t n = record_seal(&w->tx, INDEX, 0, RECORD_FLAG_CSUM,
			       w->packet[w->i], w->len, w->record[w->i]);

	if (n != w->len + RECORD_OVERHEAD)
		die("a record is not sealed");
}

static void open_step(struct world *w)
{
	size_t n = w->len + RECORD_OVERHEAD;
	struct record_header h;

	if (record_parse(w->record[w->i], n, &h) != RECORD_OK ||
	    record_open(&w->rx, &h, w->record[w->i], n, w->packet[w->i]) !=
		    RECORD_OK)
		die("a record is not opened");
}

/* The payload comes to its place by opening, which is not counted here. */
static void join_step(struct world *w)
{
	struct gso_packet p;

	if (!gso_packet_parse(w->join.buffer + GSO_JOIN_FRONT + w->join.place,
			      w->len, &p) ||
	    !gso_join_add(&w->join, &p, w->len, true))
		die("a packet is not joined");
}

static void place_step(struct world *w)
{
	if (!gso_join_may_take(&w->join, w->len))
		die("the super-packet is full early");
	gso_join_place(&w->join);
}

static void finish_step(struct world *w)
{
	size_t n;

	gso_join_finish(&w->join, &n);
	gso_join_clear(&w->join);
	if (n != GSO_VNET_LEN + w->headers + (w->len - w->headers) * SEGMENTS)
		die("a packet is missing");
}

static void cut(struct world *w, bool count)
{
	make_super(w);
	if (count)
		counted(cut_start_step, w);
	else
		cut_start_step(w);
	for (size_t i = 0; i < SEGMENTS; i++) {
		if (count)
			counted(cut_step, w);
		else
			cut_step(w);
		memcpy(w->packet[i], w->super + w->i, w->len);
	}
}

static void join(struct world *w)
{
	for (size_t i = 0; i < SEGMENTS; i++) {
		counted(place_step, w);
		memcpy(w->join.buffer + GSO_JOIN_FRONT + w->join.place,
		       w->packet[i], w->len);
		counted(join_step, w);
	}
	counted(finish_step, w);
}

static void pass(struct world *w, bool count_seal, bool count_open)
{
	for (w->i = 0; w->i < SEGMENTS; w->i++) {
		if (count_seal)
			counted(seal_step, w);
		else
			seal_step(w);
		if (count_open)
			counted(open_step, w);
		else
			open_step(w);
	}
}

static void run(struct world *w, const char *operation)
{
	bool seal = strcmp(operation, "seal") == 0;

	if (strncmp(operation, "cut-", 4) == 0)
		cut(w, true);
	else if (strncmp(operation, "join-", 5) == 0)
		join(w);
	else
		pass(w, seal, !seal);
	w->packets += SEGMENTS;
}

static void prepare(struct world *w)
{
	static const uint8_t secret[KEYS_SECRET_LEN] = "counted";
	struct keys keys;

	keys_init(&keys, &aead_aes256gcm, secret);
	if (keys_tx_init(&w->tx, &keys, KEYS_CLIENT_TO_GATEWAY, 0) < 0 ||
	    keys_rx_init(&w->rx.keys, &keys, KEYS_CLIENT_TO_GATEWAY, 0) < 0)
		die("no keys");
	w->join.udp = true;
	gso_join_clear(&w->join);
	cut(w, false);
	pass(w, false, false); /* the first record makes its cipher state */
}

int main(int argc, char **argv)
{
	static const char *const operations[] = { "seal",     "open",
						  "cut-tcp",  "cut-udp",
						  "join-tcp", "join-udp" };
	static struct world w;
	size_t known = 0;

	for (size_t i = 0; argc == 4 && i < ARRAY_SIZE(operations); i++)
		known += strcmp(argv[1], operations[i]) == 0;
	if (known == 0) {
		fprintf(stderr, "usage: packets OPERATION LENGTH RUNS\n");
		return 2;
	}
	w.udp = strstr(argv[1], "udp") != NULL;
	w.headers = IPV4_LEN + (w.udp ? UDP_LEN : TCP_LEN);
	w.len = strtoul(argv[2], NULL, 10);
	if (w.len <= w.headers || w.len > 1400)
		die("LENGTH is 53 to 1400");
	prepare(&w);
	for (unsigned long i = strtoul(argv[3], NULL, 10); i > 0; i--)
		run(&w, argv[1]);
	printf("%zu\n", w.packets);
	return 0;
}
