/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Super-packets are built here by hand, cut, looked at, and joined again: what
 * comes back must be, byte for byte, what the kernel had handed over. */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/bytes.h"
#include "tunnel/data/csum.h"
#include "tunnel/data/gso.h"

enum {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	ACK = 0x10,
	URG = 0x20,
	ECE = 0x40,
	CWR = 0x80,
	ID = 0xfff0, /* wraps within a run */
	SEQ = 0xffffff00u,
};

/* What a test asks for. */
struct shape {
	uint8_t version;
	uint8_t protocol;
	size_t options; /* of TCP, a multiple of 4 */
	size_t payload;
	uint16_t segment;
	uint8_t flags;
	bool df;
};

static uint8_t packet[GSO_PACKET_MAX], original[GSO_PACKET_MAX];
static struct gso_join join, spare;

static void clear(void)
{
	gso_join_clear(&join);
	gso_join_clear(&spare);
	join.udp = spare.udp = true;
	srandom(7);
}

static size_t ip_len(const struct shape *s)
{
	return s->version == 4 ? 20 : 40;
}

static size_t headers_len(const struct shape *s)
{
	return ip_len(s) + (s->protocol == IPPROTO_TCP ? 20 + s->options : 8);
}

/* A packet with its pseudo-header's sum in the checksum field. */
static size_t build(const struct shape *s, uint8_t *p)
{
	size_t ip = ip_len(s), headers = headers_len(s);
	size_t len = headers + s->payload;
	uint8_t *t = p + ip;

	memset(p, 0, headers);
	if (s->version == 4) {
		p[0] = 0x45;
		p[1] = 0x02; /* ECT(0) */
		store_be16(p + 2, (uint16_t)len);
		store_be16(p + 4, ID);
		store_be16(p + 6, s->df ? 0x4000 : 0);
		p[8] = 64;
		p[9] = s->protocol;
		memcpy(p + 12, "\x0a\x4d\x00\x02\x0a\x4d\x00\x01", 8);
		csum_ipv4_header(p, 20);
	} else {
		store_be32(p, 0x602abcde);
		store_be16(p + 4, (uint16_t)(len - 40));
		p[6] = s->protocol;
		p[7] = 64;
		for (size_t i = 8; i < 40; i++)
			p[i] = (uint8_t)(i * 7);
	}
	store_be16(t, 40000);
	store_be16(t + 2, 443);
	if (s->protocol == IPPROTO_TCP) {
		store_be32(t + 4, SEQ);
		store_be32(t + 8, 0x01020304);
		t[12] = (uint8_t)((20 + s->options) / 4 << 4);
		t[13] = s->flags;
		store_be16(t + 14, 501);
		for (size_t i = 0; i < s->options; i++)
			t[20 + i] = (uint8_t)(i + 1);
	} else {
		store_be16(t + 4, (uint16_t)(len - ip));
	}
	store_be16(t + (s->protocol == IPPROTO_TCP ? 16 : 6),
		   csum_fold(csum_pseudo(p, s->protocol, len - ip)));
	for (size_t i = headers; i < len; i++)
		p[i] = (uint8_t)random();
	return len;
}

static struct gso_vnet vnet_of(const struct shape *s)
{
	bool tcp = s->protocol == IPPROTO_TCP;
	struct gso_vnet h = {
		.flags = GSO_VNET_NEEDS_CSUM,
		.csum_start = (uint16_t)ip_len(s),
		.csum_offset = tcp ? 16 : 6,
	};

	if (s->payload > s->segment) {
		h.gso_type = !tcp	       ? GSO_VNET_UDP
			     : s->version == 4 ? GSO_VNET_TCP4
					       : GSO_VNET_TCP6;
		if (tcp && (s->flags & CWR))
			h.gso_type |= GSO_VNET_ECN;
		h.gso_size = s->segment;
		h.hdr_len = (uint16_t)headers_len(s);
	}
	return h;
}

/* Does the transport checksum come out right once it is finished? */
static bool checksum_is_right(const uint8_t *p, size_t len, size_t transport,
			      uint8_t protocol)
{
	return csum_fold(csum_pseudo(p, protocol, len - transport) +
			 csum_add(0, p + transport, len - transport)) == 0xffff;
}

/* Takes a packet as the worker does. False: it did not belong, and now stands
 * alone in `spare`. */
static bool take(const uint8_t *p, size_t len, bool csum)
{
	struct gso_packet g;
	uint8_t *at;

	ck_assert(gso_join_may_take(&join, len));
	at = gso_join_place(&join);
	memcpy(at, p, len);
	ck_assert(gso_packet_parse(at, len, &g));
	if (gso_join_add(&join, &g, len, csum))
		return true;
	gso_join_move(&join, &spare, &g, len, csum);
	return false;
}

static void expect_finished(struct gso_join *j, const struct gso_vnet *h,
			    const uint8_t *p, size_t len)
{
	size_t n;
	const uint8_t *out = gso_join_finish(j, &n);

	ck_assert_uint_eq(n, GSO_VNET_LEN + len);
	ck_assert_mem_eq(out, h, sizeof(*h));
	ck_assert_mem_eq(out + GSO_VNET_LEN, p, len);
}

/* The header of segment `k` of `count`, against RFC 9293 and what the kernel's
 * own segmentation gives. */
static void expect_header(const struct shape *s, const uint8_t *p, size_t len,
			  size_t k, size_t count)
{
	const uint8_t *t = p + ip_len(s);
	uint8_t flags = s->flags;
	struct gso_packet g;

	ck_assert(gso_packet_parse(p, len, &g));
	ck_assert(g.plain);
	ck_assert_uint_eq(g.headers, headers_len(s));
	if (s->version == 4) {
		ck_assert_uint_eq(load_be16(p + 4), (uint16_t)(ID + k));
		ck_assert_uint_eq(csum_fold(csum_add(0, p, 20)), 0xffff);
	}
	if (s->protocol != IPPROTO_TCP)
		return;
	ck_assert_uint_eq(load_be32(t + 4), SEQ + (uint32_t)(k * s->segment));
	if (k > 0)
		flags &= (uint8_t)~CWR;
	if (k + 1 < count)
		flags &= (uint8_t) ~(FIN | PSH);
	ck_assert_uint_eq(t[13], flags);
}

/* Cuts, checks each segment, joins, and compares. */
static void there_and_back(const struct shape *s)
{
	size_t len = build(s, original), headers = headers_len(s);
	size_t count = (s->payload + s->segment - 1) / s->segment, k = 0, n;
	size_t bytes = 0;
	struct gso_vnet h = vnet_of(s);
	struct gso_cut c;
	uint8_t *p;

	memcpy(packet, original, len);
	gso_join_clear(&join);
	ck_assert_int_eq(gso_cut_start(&c, &h, packet, len), 0);
	ck_assert(c.csum);
	while (gso_cut_next(&c, &p, &n)) {
		expect_header(s, p, n, k, count);
		ck_assert_mem_eq(p + headers, original + headers + bytes,
				 n - headers);
		ck_assert(take(p, n, c.csum));
		bytes += n - headers;
		k++;
	}
	ck_assert_uint_eq(k, count);
	ck_assert_uint_eq(bytes, s->payload);
	expect_finished(&join, &h, original, len);
}

START_TEST(cutting_and_joining_gives_back_every_length)
{
	struct shape s = { 4, IPPROTO_TCP, 12, 0, 1368, ACK | PSH, true };
	size_t count = 0;

	for (s.payload = 1; s.payload + 60 <= 65535; s.payload += 11, count++) {
		s.version = s.payload % 2 ? 4 : 6;
		if (headers_len(&s) + s.payload > 65535)
			continue;
		there_and_back(&s);
	}
	printf("note: %zu lengths of 1 to 65535 cut and joined\n", count);
}
END_TEST

START_TEST(cutting_and_joining_gives_back_random_packets)
{
	static const uint8_t flags[] = { ACK,	    ACK | PSH,	     ACK | FIN,
					 ACK | ECE, ACK | CWR | PSH, 0 };

	for (int i = 0; i < 4000; i++) {
		struct shape s = {
			.version = random() % 2 ? 4 : 6,
			.protocol = random() % 3 ? IPPROTO_TCP : IPPROTO_UDP,
			.options = (size_t)(random() % 11) * 4,
			.segment = (uint16_t)(1 + random() % 1400),
			.flags = flags[(size_t)random() % sizeof(flags)],
			.df = random() % 2,
		};
		size_t most = 65535 - headers_len(&s);

		/* Short segments, too: their headers overlap the first's. */
		if (random() % 4 == 0)
			s.segment = (uint16_t)(1 + random() % 30);
		if (most > 64u * s.segment)
			most = 64u * s.segment;
		s.payload = 1 + (size_t)random() % most;
		/* A lone packet that ends a run is as it came. */
		there_and_back(&s);
	}
}
END_TEST

START_TEST(cuts_into_one_byte_segments)
{
	struct shape s = { 6, IPPROTO_TCP, 0, 3000, 1, ACK | PSH | FIN, false };

	there_and_back(&s);
}
END_TEST

START_TEST(leaves_alone_what_is_no_super_packet)
{
	struct shape s = { 4, IPPROTO_UDP, 0, 100, 1000, 0, true };
	struct gso_vnet none = { 0 };
	size_t len = build(&s, original), n;
	struct gso_cut c;
	uint8_t *p;

	memcpy(packet, original, len);
	ck_assert_int_eq(gso_cut_start(&c, &none, packet, len), 0);
	ck_assert(!c.csum);
	ck_assert(gso_cut_next(&c, &p, &n));
	ck_assert_uint_eq(n, len);
	ck_assert_mem_eq(p, original, len);
	ck_assert(!gso_cut_next(&c, &p, &n));
}
END_TEST

START_TEST(hands_out_a_super_packet_without_payload_once)
{
	struct shape s = { 4, IPPROTO_TCP, 0, 0, 1000, ACK, true };
	struct gso_vnet h = vnet_of(&s);
	size_t len = build(&s, packet), n;
	struct gso_cut c;
	uint8_t *p;

	h.gso_type = GSO_VNET_TCP4;
	h.gso_size = 1000;
	ck_assert_int_eq(gso_cut_start(&c, &h, packet, len), 0);
	ck_assert(gso_cut_next(&c, &p, &n));
	ck_assert_uint_eq(n, 40);
	ck_assert(!gso_cut_next(&c, &p, &n));
}
END_TEST

/* Where the receiver could not find the checksum's place by parsing, it is
 * computed before the packet is sealed. */
START_TEST(finishes_the_checksum_of_a_fragment)
{
	struct shape s = { 4, IPPROTO_UDP, 0, 101, 1000, 0, false };
	struct gso_vnet h = vnet_of(&s);
	size_t len = build(&s, packet), n;
	struct gso_cut c;
	uint8_t *p;

	store_be16(packet + 6, 0x2000); /* more fragments */
	ck_assert_int_eq(gso_cut_start(&c, &h, packet, len), 0);
	ck_assert(!c.csum);
	ck_assert(gso_cut_next(&c, &p, &n));
	ck_assert(checksum_is_right(p, n, 20, IPPROTO_UDP));
}
END_TEST

/* IPv6 with an empty destination options header in front of TCP. */
static size_t build_extended(const struct shape *s, uint8_t *p)
{
	size_t len = build(s, p);

	memmove(p + 48, p + 40, len - 40);
	memcpy(p + 40, "\x06\x00\x01\x04\x00\x00\x00\x00", 8);
	p[6] = IPPROTO_DSTOPTS;
	store_be16(p + 4, (uint16_t)(len - 40 + 8));
	return len + 8;
}

START_TEST(finishes_each_checksum_behind_an_extension_header)
{
	struct shape s = { 6, IPPROTO_TCP, 12, 5001, 1000, ACK | PSH, false };
	struct gso_vnet h = vnet_of(&s);
	size_t len = build_extended(&s, packet), n, count = 0;
	struct gso_packet g;
	struct gso_cut c;
	uint8_t *p;

	h.csum_start = 48;
	ck_assert_int_eq(gso_cut_start(&c, &h, packet, len), 0);
	ck_assert(!c.csum);
	while (gso_cut_next(&c, &p, &n)) {
		ck_assert(gso_packet_parse(p, n, &g));
		ck_assert(!g.plain);
		ck_assert(checksum_is_right(p, n, 48, IPPROTO_TCP));
		count++;
	}
	ck_assert_uint_eq(count, 6);
}
END_TEST

START_TEST(finishes_a_single_checksum_behind_an_extension_header)
{
	struct shape s = { 6, IPPROTO_TCP, 0, 77, 1000, ACK, false };
	struct gso_vnet h = vnet_of(&s);
	size_t len = build_extended(&s, packet), n;
	struct gso_cut c;
	uint8_t *p;

	h.csum_start = 48;
	ck_assert_int_eq(gso_cut_start(&c, &h, packet, len), 0);
	ck_assert(!c.csum);
	ck_assert(gso_cut_next(&c, &p, &n));
	ck_assert(checksum_is_right(p, n, 48, IPPROTO_TCP));
}
END_TEST

/* A change to a good super-packet that makes it a bad one. */
static const struct {
	const char *name;
	size_t packet_at; /* SIZE_MAX: none */
	uint8_t byte;
	struct gso_vnet h;
	size_t cut; /* bytes less */
} bad_super[] = {
	{ "no checksum wanted", SIZE_MAX, 0, { 0, 1, 0, 1000, 20, 16 }, 0 },
	{ "segments of nothing", SIZE_MAX, 0, { 1, 1, 0, 0, 20, 16 }, 0 },
	{ "another family", SIZE_MAX, 0, { 1, 4, 0, 1000, 20, 16 }, 0 },
	{ "unknown kind", SIZE_MAX, 0, { 1, 3, 0, 1000, 20, 16 }, 0 },
	{ "inside the IP header", SIZE_MAX, 0, { 1, 1, 0, 1000, 8, 16 }, 0 },
	{ "behind the end", SIZE_MAX, 0, { 1, 1, 0, 1000, 60000, 16 }, 0 },
	{ "at the end", SIZE_MAX, 0, { 1, 1, 0, 1000, 5040, 16 }, 0 },
	{ "too long headers", SIZE_MAX, 0, { 1, 1, 0, 1000, 110, 16 }, 0 },
	{ "UDP too long headers", SIZE_MAX, 0, { 1, 5, 0, 1000, 118, 6 }, 0 },
	{ "short TCP header", 32, 0x40, { 1, 1, 0, 1000, 20, 16 }, 0 },
	{ "version 5", 0, 0x55, { 1, 1, 0, 1000, 20, 16 }, 0 },
	{ "header of 16", 0, 0x44, { 1, 1, 0, 1000, 20, 16 }, 0 },
	{ "a byte less", SIZE_MAX, 0, { 1, 1, 0, 1000, 20, 16 }, 1 },
	{ "cut in the header", SIZE_MAX, 0, { 1, 1, 0, 1000, 20, 16 }, 5030 },
	{ "empty", SIZE_MAX, 0, { 1, 1, 0, 1000, 20, 16 }, 5040 },
	{ "single behind the end", SIZE_MAX, 0, { 1, 0, 0, 0, 5040, 16 }, 0 },
	{ "single across the end", SIZE_MAX, 0, { 1, 0, 0, 0, 5030, 9 }, 0 },
};

START_TEST(refuses_to_cut_what_is_not_what_it_says)
{
	struct shape s = { 4, IPPROTO_TCP, 0, 5000, 1000, ACK, true };
	size_t len = build(&s, packet) - bad_super[_i].cut;
	struct gso_cut c;

	if (bad_super[_i].packet_at != SIZE_MAX)
		packet[bad_super[_i].packet_at] = bad_super[_i].byte;
	ck_assert_msg(gso_cut_start(&c, &bad_super[_i].h, packet, len) ==
			      -EBADMSG,
		      "%s", bad_super[_i].name);
}
END_TEST

/* Which single difference of the second packet keeps it out of the run. */
static const struct {
	const char *name;
	uint8_t version;
	uint8_t protocol;
	size_t at; /* offset in the packet */
	uint8_t flip;
	bool joins;
} difference[] = {
	{ "nothing", 4, IPPROTO_TCP, 0, 0, true },
	{ "ECN", 4, IPPROTO_TCP, 1, 0x01, false },
	{ "DSCP", 4, IPPROTO_TCP, 1, 0x80, false },
	{ "id with DF", 4, IPPROTO_TCP, 5, 0x10, true },
	{ "DF", 4, IPPROTO_TCP, 6, 0x40, false },
	{ "TTL", 4, IPPROTO_TCP, 8, 0x01, false },
	{ "source", 4, IPPROTO_TCP, 15, 0x01, false },
	{ "destination", 4, IPPROTO_TCP, 19, 0x01, false },
	{ "source port", 4, IPPROTO_TCP, 21, 0x01, false },
	{ "destination port", 4, IPPROTO_TCP, 23, 0x01, false },
	{ "sequence", 4, IPPROTO_TCP, 27, 0x01, false },
	{ "acknowledgement", 4, IPPROTO_TCP, 31, 0x01, false },
	{ "reserved bits", 4, IPPROTO_TCP, 32, 0x01, false },
	{ "FIN", 4, IPPROTO_TCP, 33, FIN, true },
	{ "SYN", 4, IPPROTO_TCP, 33, SYN, false },
	{ "RST", 4, IPPROTO_TCP, 33, RST, false },
	{ "PSH", 4, IPPROTO_TCP, 33, PSH, true },
	{ "ACK", 4, IPPROTO_TCP, 33, ACK, false },
	{ "URG", 4, IPPROTO_TCP, 33, URG, false },
	{ "ECE", 4, IPPROTO_TCP, 33, ECE, false },
	{ "CWR", 4, IPPROTO_TCP, 33, CWR, false },
	{ "window", 4, IPPROTO_TCP, 35, 0x01, false },
	{ "checksum", 4, IPPROTO_TCP, 37, 0x01, true },
	{ "urgent pointer", 4, IPPROTO_TCP, 39, 0x01, false },
	{ "first option", 4, IPPROTO_TCP, 40, 0x01, false },
	{ "last option", 4, IPPROTO_TCP, 51, 0x01, false },
	{ "payload", 4, IPPROTO_TCP, 52, 0x01, true },
	{ "traffic class", 6, IPPROTO_TCP, 1, 0x20, false },
	{ "flow label", 6, IPPROTO_TCP, 3, 0x01, false },
	{ "hop limit", 6, IPPROTO_TCP, 7, 0x01, false },
	{ "source", 6, IPPROTO_TCP, 8, 0x01, false },
	{ "destination", 6, IPPROTO_TCP, 39, 0x01, false },
	{ "UDP port", 4, IPPROTO_UDP, 23, 0x01, false },
	{ "UDP checksum", 4, IPPROTO_UDP, 27, 0x01, true },
	{ "UDP port over IPv6", 6, IPPROTO_UDP, 41, 0x01, false },
};

/* Two packets that follow each other, at `original` and `original + 2000`. */
static size_t build_pair(const struct shape *s, uint8_t **ret_second)
{
	uint8_t *b = original + 2000;
	size_t len = build(s, original);

	(void)build(s, b);
	if (s->version == 4)
		store_be16(b + 4, (uint16_t)(ID + 1));
	if (s->protocol == IPPROTO_TCP)
		store_be32(b + ip_len(s) + 4, SEQ + (uint32_t)s->payload);
	*ret_second = b;
	return len;
}

START_TEST(joins_only_what_follows_in_the_same_flow)
{
	struct shape s = { difference[_i].version,
			   difference[_i].protocol,
			   12,
			   1000,
			   1000,
			   ACK,
			   true };
	struct gso_vnet h = vnet_of(&s);
	size_t len, n;
	uint8_t *b;

	len = build_pair(&s, &b);
	b[difference[_i].at] ^= difference[_i].flip;
	ck_assert(take(original, len, true));
	ck_assert_msg(take(b, len, true) == difference[_i].joins, "%s (IPv%d)",
		      difference[_i].name, s.version);
	if (difference[_i].joins) {
		(void)gso_join_finish(&join, &n);
		ck_assert_uint_eq(n, GSO_VNET_LEN + len + 1000);
		return;
	}
	/* Neither has left a trace in the other. */
	expect_finished(&join, &h, original, len);
	ck_assert_uint_eq(spare.len, len);
	ck_assert_mem_eq(spare.buffer + GSO_JOIN_FRONT, b, len);
}
END_TEST

START_TEST(without_df_the_id_must_go_up_by_one)
{
	struct shape s = { 4, IPPROTO_TCP, 0, 1000, 1000, ACK, false };
	size_t len;
	uint8_t *b;

	len = build_pair(&s, &b);
	store_be16(b + 4, ID + 2);
	ck_assert(take(original, len, true));
	ck_assert(!take(b, len, true));
}
END_TEST

START_TEST(a_packet_whose_checksum_is_there_stands_alone)
{
	struct shape s = { 4, IPPROTO_TCP, 0, 1000, 1000, ACK, true };
	struct gso_vnet none = { 0 };
	size_t len;
	uint8_t *b;

	len = build_pair(&s, &b);
	ck_assert(take(original, len, true));
	ck_assert(!take(b, len, false));
	/* And is handed on as it came, with no promise about it. */
	expect_finished(&spare, &none, b, len);

	gso_join_clear(&join);
	ck_assert(take(original, len, false));
	ck_assert(!gso_join_may_take(&join, len));
}
END_TEST

/* What ends a run: nothing can be joined behind it. */
START_TEST(nothing_follows_the_end_of_a_run)
{
	static const struct {
		size_t payload; /* of the second packet */
		uint8_t flags;
	} end[] = { { 999, ACK }, { 1000, ACK | PSH }, { 1000, ACK | FIN } };
	struct shape s = { 4, IPPROTO_TCP, 0, 1000, 1000, ACK, true };
	size_t len;
	uint8_t *b;

	len = build_pair(&s, &b);
	ck_assert(take(original, len, true));
	ck_assert(gso_join_may_take(&join, len));
	s.payload = end[_i].payload;
	s.flags = end[_i].flags;
	len = build(&s, b);
	store_be32(b + 24, SEQ + 1000);
	ck_assert(take(b, len, true));
	ck_assert(!gso_join_may_take(&join, len));
	ck_assert(!gso_join_may_take(&join, 41));
}
END_TEST

START_TEST(some_packets_never_begin_a_run)
{
	static const struct shape alone[] = {
		{ 4, IPPROTO_TCP, 0, 0, 1000, ACK, true },
		{ 4, IPPROTO_TCP, 0, 100, 1000, ACK | PSH, true },
		{ 4, IPPROTO_TCP, 0, 100, 1000, ACK | FIN, true },
		{ 6, IPPROTO_TCP, 0, 100, 1000, SYN, true },
		{ 6, IPPROTO_TCP, 0, 100, 1000, RST, true },
		{ 6, IPPROTO_UDP, 0, 0, 1000, 0, true },
	};
	size_t len = build(&alone[_i], original);

	ck_assert(take(original, len, true));
	ck_assert(!gso_join_may_take(&join, len));
	ck_assert(!gso_join_may_take(&join, len + 100));
}
END_TEST

START_TEST(joins_udp_only_for_a_device_that_takes_it)
{
	struct shape s = { 4, IPPROTO_UDP, 0, 200, 1000, 0, true };
	size_t len = build(&s, original);

	join.udp = false;
	ck_assert(take(original, len, true));
	ck_assert(!gso_join_may_take(&join, len));
}
END_TEST

START_TEST(a_super_packet_never_exceeds_65535_bytes)
{
	struct shape s = { 4, IPPROTO_TCP, 0, 1400, 1400, ACK, true };
	size_t len = build(&s, original), n, count = 1;

	ck_assert(take(original, len, true));
	while (gso_join_may_take(&join, len)) {
		store_be32(original + 24, SEQ + (uint32_t)(count * 1400));
		ck_assert(take(original, len, true));
		count++;
	}
	ck_assert_uint_eq(count, 46);
	(void)gso_join_finish(&join, &n);
	ck_assert_uint_eq(n, GSO_VNET_LEN + 40 + 46 * 1400);
}
END_TEST

START_TEST(what_is_not_authentic_leaves_no_trace)
{
	struct shape s = { 4, IPPROTO_TCP, 0, 20, 1000, ACK, true };
	struct gso_vnet h = vnet_of(&s);
	size_t len = build(&s, original);

	ck_assert(take(original, len, true));
	/* 20 bytes of payload: the next header lies over this packet's. */
	memset(gso_join_place(&join), 0xa5, len);
	gso_join_cancel(&join);
	expect_finished(&join, &h, original, len);
}
END_TEST

/* Nothing is read or written out of bounds, whatever comes (for the
 * sanitizers), and what was parsed is whole. */
START_TEST(survives_random_bytes)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP,
					     IPPROTO_FRAGMENT };
	struct shape s = { 4, IPPROTO_TCP, 0, 500, 1000, ACK, true };
	size_t parsed = 0, len = build(&s, original);

	for (int i = 0; i < 300000; i++) {
		size_t n = (size_t)random() % 200;
		struct gso_packet g;
		struct gso_vnet h;
		struct gso_cut c;
		uint8_t *p = malloc(n > 0 ? n : 1), *at;

		for (size_t k = 0; k < n; k++)
			p[k] = (uint8_t)random();
		if (n >= 40) {
			p[0] = random() % 2 ? 0x45 : 0x60;
			p[p[0] == 0x45 ? 9 : 6] = protocols[random() % 3];
			store_be16(p + (p[0] == 0x45 ? 2 : 4),
				   (uint16_t)(p[0] == 0x45 ? n : n - 40));
		}
		for (size_t k = 0; k < sizeof(h); k++)
			((uint8_t *)&h)[k] = (uint8_t)random();
		h.csum_start %= 256;
		h.csum_offset %= 32;
		h.gso_type %= 6;
		gso_join_clear(&join);
		if (random() % 2)
			ck_assert(take(original, len, true));
		if (gso_join_may_take(&join, n) && gso_packet_parse(p, n, &g)) {
			ck_assert_uint_le(g.transport, n);
			ck_assert_uint_le(g.headers, n);
			parsed++;
			at = gso_join_place(&join);
			memcpy(at, p, n);
			if (!gso_join_add(&join, &g, n, g.plain))
				gso_join_move(&join, &spare, &g, n, g.plain);
		}
		if (gso_cut_start(&c, &h, p, n) == 0)
			while (gso_cut_next(&c, &at, &n))
				;
		free(p);
	}
	ck_assert_uint_gt(parsed, 1000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gso");
	TCase *t = tcase_create("gso");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, clear, NULL);
	tcase_add_test(t, cutting_and_joining_gives_back_every_length);
	tcase_add_test(t, cutting_and_joining_gives_back_random_packets);
	tcase_add_test(t, cuts_into_one_byte_segments);
	tcase_add_test(t, leaves_alone_what_is_no_super_packet);
	tcase_add_test(t, hands_out_a_super_packet_without_payload_once);
	tcase_add_test(t, finishes_the_checksum_of_a_fragment);
	tcase_add_test(t, finishes_each_checksum_behind_an_extension_header);
	tcase_add_test(t,
		       finishes_a_single_checksum_behind_an_extension_header);
	tcase_add_loop_test(t, refuses_to_cut_what_is_not_what_it_says, 0,
			    ARRAY_SIZE(bad_super));
	tcase_add_loop_test(t, joins_only_what_follows_in_the_same_flow, 0,
			    ARRAY_SIZE(difference));
	tcase_add_test(t, without_df_the_id_must_go_up_by_one);
	tcase_add_test(t, a_packet_whose_checksum_is_there_stands_alone);
	tcase_add_loop_test(t, nothing_follows_the_end_of_a_run, 0, 3);
	tcase_add_loop_test(t, some_packets_never_begin_a_run, 0, 6);
	tcase_add_test(t, joins_udp_only_for_a_device_that_takes_it);
	tcase_add_test(t, a_super_packet_never_exceeds_65535_bytes);
	tcase_add_test(t, what_is_not_authentic_leaves_no_trace);
	tcase_add_test(t, survives_random_bytes);
	suite_add_tcase(s, t);
	return suite_run(s);
}
