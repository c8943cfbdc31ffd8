/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "dns/wire.h"
#include "tests/lib/draft.h"
#include "tests/lib/suite.h"
#include "tunnel/base/clock.h"

enum {
	ID = 0x1234,
	REPLY = WIRE_QR | WIRE_RD | WIRE_RA,
};

static const uint8_t address[4] = { 192, 0, 2, 1 };
static const uint8_t address6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
static struct draft d;
static struct dns_query sent;
static struct dns_answer answer;

static void clear(void)
{
	sent = (struct dns_query) {
		.id = ID,
		.recursion_desired = true,
		.name = draft_name("Wiki.eXample"),
		.type = DNS_TYPE_A,
		.class = DNS_CLASS_IN,
		.edns = true,
	};
	draft_start(&d, ID, REPLY);
}

static void forget(void)
{
	dns_answer_fini(&answer);
}

static enum dns_verdict query_parse(struct dns_query *ret_query)
{
	uint8_t *exact = draft_exact(d.message, d.len);
	enum dns_verdict v = dns_query_parse(exact, d.len, ret_query);

	free(exact);
	return v;
}

static enum dns_reply_fault reply_parse(void)
{
	uint8_t *exact = draft_exact(d.message, d.len);
	enum dns_reply_fault fault;

	dns_answer_fini(&answer);
	fault = dns_answer_parse(exact, d.len, &sent, &answer);
	free(exact);
	return fault;
}

static const char *show(unsigned int section)
{
	return draft_show(answer.message, answer.len, section);
}

START_TEST(reads_a_query)
{
	struct dns_query q;

	draft_start(&d, 0xbeef, WIRE_RD | WIRE_CD | WIRE_AD);
	draft_question(&d, "A.b", DNS_TYPE_HTTPS);
	ck_assert_int_eq(query_parse(&q), DNS_QUERY_GOOD);
	ck_assert_uint_eq(q.id, 0xbeef);
	ck_assert(q.recursion_desired && q.checking_disabled);
	ck_assert(q.authentic_data && !q.edns && !q.dnssec_ok);
	ck_assert_mem_eq(q.name.wire, "\1A\1b", 5);
	ck_assert_uint_eq(q.type, DNS_TYPE_HTTPS);
	ck_assert_uint_eq(q.class, DNS_CLASS_IN);
	ck_assert_uint_eq(q.udp_size, DNS_PLAIN_UDP_MAX);
	draft_start(&d, 1, 0);
	draft_question(&d, ".", DNS_TYPE_NS);
	ck_assert_int_eq(query_parse(&q), DNS_QUERY_GOOD);
	ck_assert_uint_eq(q.name.len, 1);
	ck_assert(!q.recursion_desired && !q.checking_disabled);
	ck_assert(!q.authentic_data);
}
END_TEST

START_TEST(reads_edns_and_skips_unknown_options)
{
	/* A cookie (RFC 7873), an unknown option, an empty one. */
	static const uint8_t options[] = { 0, 10,  0, 8, 1, 2, 3,   4, 5, 6, 7,
					   8, 255, 1, 0, 1, 9, 255, 2, 0, 0 };
	static const uint16_t sizes[][2] = {
		{ 0, 512 },   { 511, 512 },	{ 512, 512 },
		{ 513, 513 }, { 65535, 65535 },
	};
	struct dns_query q;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		draft_start(&d, ID, WIRE_RD);
		draft_question(&d, "a", DNS_TYPE_A);
		draft_opt(&d, sizes[i][0], WIRE_OPT_DO, options,
			  sizeof(options));
		ck_assert_int_eq(query_parse(&q), DNS_QUERY_GOOD);
		ck_assert(q.edns && q.dnssec_ok);
		ck_assert_uint_eq(q.udp_size, sizes[i][1]);
	}
	/* Every option cut short. */
	for (size_t len = 0; len < sizeof(options); len++) {
		bool whole = len == 0 || len == 12 || len == 17;

		draft_start(&d, ID, WIRE_RD);
		draft_question(&d, "a", DNS_TYPE_A);
		draft_opt(&d, 1232, 0, options, len);
		ck_assert_int_eq(query_parse(&q),
				 whole ? DNS_QUERY_GOOD : DNS_QUERY_FORMERR);
		ck_assert_uint_eq(q.id, ID);
		ck_assert(q.edns == whole && !q.dnssec_ok);
	}
}
END_TEST

START_TEST(refuses_edns_out_of_place)
{
	struct dns_query q;

	draft_question(&d, "a", DNS_TYPE_A);
	draft_start(&d, ID, WIRE_RD);
	draft_question(&d, "a", DNS_TYPE_A);
	draft_opt(&d, 1232, 0, NULL, 0);
	draft_opt(&d, 1232, 0, NULL, 0);
	ck_assert_int_eq(query_parse(&q), DNS_QUERY_FORMERR);
	draft_start(&d, ID, WIRE_RD);
	draft_question(&d, "a", DNS_TYPE_A);
	d.section = 2;
	draft_record(&d, "a", DNS_TYPE_OPT, 0, NULL, 0);
	ck_assert_int_eq(query_parse(&q), DNS_QUERY_FORMERR);
	/* Version 1: the question is there to be answered. */
	draft_start(&d, ID, WIRE_RD);
	draft_question(&d, "a", DNS_TYPE_A);
	draft_opt(&d, 1232, 1 << 16, NULL, 0);
	ck_assert_int_eq(query_parse(&q), DNS_QUERY_BADVERS);
	ck_assert(q.edns);
	ck_assert_uint_eq(q.name.len, 3);
}
END_TEST

START_TEST(is_silent_where_nothing_may_go_back)
{
	struct dns_query q;

	draft_question(&d, "a", DNS_TYPE_A);
	ck_assert_int_eq(query_parse(&q), DNS_QUERY_SILENCE);
	for (d.len = 0; d.len < DNS_HEADER_LEN; d.len++)
		ck_assert_int_eq(query_parse(&q), DNS_QUERY_SILENCE);
}
END_TEST

START_TEST(judges_odd_queries)
{
	struct dns_query q;

	for (uint16_t opcode = 1; opcode < 16; opcode++) {
		draft_start(&d, ID, (uint16_t)(opcode << WIRE_OPCODE_SHIFT));
		ck_assert_int_eq(query_parse(&q), DNS_QUERY_NOTIMP);
		ck_assert_uint_eq(q.opcode, opcode);
		ck_assert_uint_eq(q.id, ID);
		ck_assert_uint_eq(q.name.len, 0);
	}
	/* Zero questions, and two of them. */
	draft_start(&d, ID, 0);
	ck_assert_int_eq(query_parse(&q), DNS_QUERY_FORMERR);
	draft_question(&d, "a", DNS_TYPE_A);
	ck_assert_int_eq(query_parse(&q), DNS_QUERY_GOOD);
	draft_question(&d, "a", DNS_TYPE_AAAA);
	ck_assert_int_eq(query_parse(&q), DNS_QUERY_FORMERR);
	ck_assert_uint_eq(q.name.len, 0);
	/* Records where a query has none, each section. */
	for (unsigned int section = 0; section < 3; section++) {
		draft_start(&d, ID, 0);
		draft_question(&d, "a", DNS_TYPE_A);
		d.section = section;
		draft_record(&d, "@", DNS_TYPE_A, 1, address, 4);
		ck_assert_int_eq(query_parse(&q), section == 2
							  ? DNS_QUERY_GOOD
							  : DNS_QUERY_FORMERR);
	}
	/* Zone transfers; another class (version.bind's). */
	draft_start(&d, ID, 0);
	draft_question(&d, "a", DNS_TYPE_AXFR);
	ck_assert_int_eq(query_parse(&q), DNS_QUERY_REFUSED);
	store_be16(d.message + d.len - 4, DNS_TYPE_IXFR);
	ck_assert_int_eq(query_parse(&q), DNS_QUERY_REFUSED);
	store_be16(d.message + d.len - 4, DNS_TYPE_ANY);
	ck_assert_int_eq(query_parse(&q), DNS_QUERY_GOOD);
	store_be16(d.message + d.len - 2, 3);
	ck_assert_int_eq(query_parse(&q), DNS_QUERY_REFUSED);
	ck_assert_uint_eq(q.name.len, 3);
	/* Bytes behind the message. */
	store_be16(d.message + d.len - 2, DNS_CLASS_IN);
	draft_bytes(&d, "xyz", 3);
	ck_assert_int_eq(query_parse(&q), DNS_QUERY_GOOD);
}
END_TEST

START_TEST(refuses_every_shorter_query)
{
	struct dns_query q;
	size_t whole;

	draft_start(&d, ID, WIRE_RD);
	draft_question(&d, "wiki.example", DNS_TYPE_A);
	draft_opt(&d, 1232, 0, "\0\12\0\1x", 5);
	whole = d.len;
	for (d.len = DNS_HEADER_LEN; d.len < whole; d.len++)
		ck_assert_int_eq(query_parse(&q), DNS_QUERY_FORMERR);
	ck_assert_int_eq(query_parse(&q), DNS_QUERY_GOOD);
}
END_TEST

/* The name's bytes at offset 12, after which come type and class; how long the
 * name is, 0 if it is none. */
static const struct {
	const char *what, *bytes;
	size_t len, name_len;
} shapes[] = {
	{ "the root", "\0", 1, 1 },
	{ "a pointer to itself", "\xc0\x0c", 2, 0 },
	{ "a pointer forwards", "\xc0\x0e\0", 3, 0 },
	{ "a pointer into the header", "\xc0\x04", 2, 0 },
	{ "a pointer to the header's first byte", "\xc0\0", 2, 0 },
	{ "a pointer to its own label", "\1a\xc0\x0c", 4, 0 },
	{ "a pointer beyond the end", "\xff\xff", 2, 0 },
	{ "label type 0x40",
	  "\x40"
	  "a",
	  2, 0 },
	{ "label type 0x41, of RFC 2673", "\x41\1a", 3, 0 },
	{ "label type 0x80",
	  "\x80"
	  "a\0",
	  3, 0 },
	{ "label type 0xbf",
	  "\xbf"
	  "a\0",
	  3, 0 },
	{ "a zero byte in a label", "\2a\0\0", 4, 4 },
};

START_TEST(knows_label_types)
{
	static const uint8_t in[] = { 0, DNS_TYPE_A, 0, DNS_CLASS_IN };
	struct dns_query q;

	draft_start(&d, ID, 0);
	store_be16(d.message + WIRE_QUESTIONS_AT, 1);
	draft_bytes(&d, shapes[_i].bytes, shapes[_i].len);
	draft_bytes(&d, in, 4);
	ck_assert_msg(query_parse(&q) == (shapes[_i].name_len > 0
						  ? DNS_QUERY_GOOD
						  : DNS_QUERY_FORMERR),
		      "%s", shapes[_i].what);
	ck_assert_uint_eq(q.name.len, shapes[_i].name_len);
}
END_TEST

/* Three labels of 63 bytes and one of `last`, written out. */
static void put_long_name(size_t last)
{
	uint8_t label[64];

	memset(label, 'x', sizeof(label));
	label[0] = 63;
	for (unsigned int i = 0; i < 3; i++)
		draft_bytes(&d, label, 64);
	label[0] = (uint8_t)last;
	draft_bytes(&d, label, last + 1);
	draft_bytes(&d, "", 1);
}

START_TEST(takes_names_of_255_bytes_and_no_more)
{
	static const uint8_t in[] = { 0, DNS_TYPE_A, 0, DNS_CLASS_IN };
	struct dns_query q;

	for (size_t last = 60; last <= 63; last++) {
		draft_start(&d, ID, 0);
		store_be16(d.message + WIRE_QUESTIONS_AT, 1);
		put_long_name(last);
		draft_bytes(&d, in, 4);
		ck_assert_int_eq(query_parse(&q), last <= 61
							  ? DNS_QUERY_GOOD
							  : DNS_QUERY_FORMERR);
		ck_assert_uint_eq(q.name.len, last <= 61 ? 194 + last : 0);
	}
}
END_TEST

START_TEST(counts_what_pointers_add_to_a_name)
{
	/* Of 254 bytes behind one label: 256 with it. */
	for (size_t last = 58; last <= 60; last++) {
		draft_start(&d, ID, REPLY);
		store_be16(d.message + WIRE_QUESTIONS_AT, 1);
		put_long_name(last);
		draft_bytes(&d, "\0\1\0\1", 4);
		memcpy(sent.name.wire, d.message + 12, 194 + last);
		sent.name.len = (uint8_t)(194 + last);
		draft_bytes(&d, "\1y\xc0\x0c\0\1\0\1\0\0\0\1\0\4abcd", 18);
		store_be16(d.message + WIRE_ANSWERS_AT, 1);
		ck_assert_int_eq(reply_parse(), last <= 59
							? DNS_REPLY_OK
							: DNS_REPLY_MALFORMED);
	}
}
END_TEST

START_TEST(bounds_pointers_to_pointers)
{
	/* Data of an unknown type holds a chain of pointers, each to the one
	 * before; the owner of the next record is the last of them. */
	for (unsigned int hops = 125; hops <= 130; hops++) {
		size_t at;

		draft_start(&d, ID, REPLY);
		draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
		at = draft_record(&d, "@", 65280, 1, NULL, 0);
		for (unsigned int i = 0; i + 1 < hops; i++) {
			uint8_t p[2];

			store_be16(p, (uint16_t)(WIRE_POINTER |
						 (i == 0 ? 12 : d.len - 2)));
			draft_bytes(&d, p, 2);
		}
		store_be16(d.message + at - 2, (uint16_t)(d.len - at));
		store_be16(d.message + d.len,
			   (uint16_t)(WIRE_POINTER | (d.len - 2)));
		d.len += 2;
		draft_bytes(&d, "\0\1\0\1\0\0\0\1\0\4abcd", 14);
		store_be16(d.message + WIRE_ANSWERS_AT, 2);
		ck_assert_int_eq(reply_parse(), hops <= 127
							? DNS_REPLY_OK
							: DNS_REPLY_MALFORMED);
	}
}
END_TEST

START_TEST(reads_an_answer)
{
	struct ip_addr addr;
	size_t at = 0;

	draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
	draft_name_record(&d, "@", DNS_TYPE_CNAME, 300, 0, "www.example");
	draft_record(&d, "www.example", DNS_TYPE_A, 60, address, 4);
	draft_record(&d, "www.example", DNS_TYPE_AAAA, 90, address6, 16);
	draft_section(&d);
	draft_name_record(&d, "example", DNS_TYPE_NS, 900, 0, "ns.example");
	draft_section(&d);
	draft_record(&d, "ns.example", DNS_TYPE_A, 901, "\1\2\3\4", 4);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
	ck_assert_uint_eq(answer.rcode, 0);
	ck_assert_uint_eq(answer.ttl_s, 60);
	ck_assert_uint_eq(answer.ttl_count, 5);
	ck_assert_uint_eq(answer.answers, 3);
	ck_assert_uint_eq(answer.question_len, sent.name.len);
	ck_assert_int_eq(answer.error, DNS_ERROR_NONE);
	ck_assert(!dns_answer_is_negative(&answer));
	ck_assert_uint_eq(answer.len, d.len);
	ck_assert_str_eq(show(0), "wiki.example 5 300 www.example\n"
				  "www.example 1 60 192.0.2.1\n"
				  "www.example 28 90 2001:db8::1\n");
	ck_assert_str_eq(show(1), "example 2 900 ns.example\n");
	ck_assert_str_eq(show(2), "ns.example 1 901 1.2.3.4\n");
	/* Only those of the answer section. */
	ck_assert(dns_answer_address(&answer, &at, &addr));
	ck_assert_int_eq(addr.family, AF_INET);
	ck_assert_mem_eq(addr.bytes, address, 4);
	ck_assert(dns_answer_address(&answer, &at, &addr));
	ck_assert_int_eq(addr.family, AF_INET6);
	ck_assert_mem_eq(addr.bytes, address6, 16);
	ck_assert(!dns_answer_address(&answer, &at, &addr));
	/* Bytes behind the message are not kept. */
	draft_bytes(&d, "junk", 4);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
	ck_assert_uint_eq(answer.len, d.len - 4);
}
END_TEST

START_TEST(refuses_every_shorter_answer_and_survives_every_flip)
{
	size_t whole;
	unsigned int faults[DNS_REPLY_FAULTS] = { 0 };

	draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
	draft_name_record(&d, "@", DNS_TYPE_CNAME, 300, 0, "www.example");
	draft_record(&d, "www.example", DNS_TYPE_A, 60, address, 4);
	draft_section(&d);
	draft_soa(&d, "example", 60, 60);
	draft_section(&d);
	draft_name_record(&d, "@", DNS_TYPE_MX, 300, 2, "@");
	draft_opt(&d, 1232, 0, "\0\17\0\3\0\26x", 7);
	whole = d.len;
	for (d.len = 0; d.len < whole; d.len++)
		ck_assert_int_eq(reply_parse(), DNS_REPLY_MALFORMED);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
	ck_assert_int_eq(answer.error, DNS_ERROR_NO_AUTHORITY);
	for (size_t bit = 0; bit < 8 * whole; bit++) {
		d.message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		faults[reply_parse()]++;
		d.message[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	printf("note: of %zu messages with one wrong bit %u are malformed, "
	       "%u have another id, %u another question, %u other letters\n",
	       8 * whole, faults[DNS_REPLY_MALFORMED],
	       faults[DNS_REPLY_WRONG_ID], faults[DNS_REPLY_WRONG_QUESTION],
	       faults[DNS_REPLY_WRONG_CASE]);
	ck_assert_uint_eq(faults[DNS_REPLY_WRONG_ID], 16);
	/* Those of "Wiki.eXample". */
	ck_assert_uint_eq(faults[DNS_REPLY_WRONG_CASE], 11);
	ck_assert_uint_eq(faults[DNS_REPLY_TRUNCATED], 1);
}
END_TEST

START_TEST(holds_a_reply_against_what_was_sent)
{
	draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
	draft_record(&d, "@", DNS_TYPE_A, 60, address, 4);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
	sent.id++;
	ck_assert_int_eq(reply_parse(), DNS_REPLY_WRONG_ID);
	sent.id--;
	sent.name = draft_name("wiki.example");
	ck_assert_int_eq(reply_parse(), DNS_REPLY_WRONG_CASE);
	sent.name = draft_name("wikj.example");
	ck_assert_int_eq(reply_parse(), DNS_REPLY_WRONG_QUESTION);
	sent.name = draft_name("Wiki.eXample");
	sent.type = DNS_TYPE_AAAA;
	ck_assert_int_eq(reply_parse(), DNS_REPLY_WRONG_QUESTION);
	sent.type = DNS_TYPE_A;
	sent.class = 3;
	ck_assert_int_eq(reply_parse(), DNS_REPLY_WRONG_QUESTION);
	sent.class = DNS_CLASS_IN;
	/* Not a response; another opcode. */
	store_be16(d.message + WIRE_FLAGS_AT, WIRE_RD);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_MALFORMED);
	store_be16(d.message + WIRE_FLAGS_AT, WIRE_QR | 1 << 11);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_MALFORMED);
	/* No question, or two. */
	draft_start(&d, ID, REPLY);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_WRONG_QUESTION);
	draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
	draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_WRONG_QUESTION);
	ck_assert_ptr_null(answer.message);
}
END_TEST

START_TEST(refuses_records_that_do_not_fit)
{
	static const struct {
		uint16_t type;
		size_t len; /* the right one, of zeros */
	} rows[] = {
		{ DNS_TYPE_A, 4 },     { DNS_TYPE_AAAA, 16 },
		{ DNS_TYPE_NS, 1 },    { DNS_TYPE_CNAME, 1 },
		{ DNS_TYPE_PTR, 1 },   { DNS_TYPE_SOA, 22 },
		{ DNS_TYPE_MX, 3 },    { DNS_TYPE_SRV, 7 },
		{ DNS_TYPE_DNAME, 1 }, { 14, 2 } /* MINFO */,
		{ 17, 2 } /* RP */,    { 18, 3 } /* AFSDB */,
		{ 26, 4 } /* PX */,    { 35, 8 } /* NAPTR */,
	};
	static const uint8_t zeros[32];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t len = 0; len < sizeof(zeros); len++) {
			draft_start(&d, ID, REPLY);
			draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
			draft_record(&d, "@", rows[i].type, 60, zeros, len);
			/* What follows is not for a record before it. */
			draft_record(&d, "@", DNS_TYPE_A, 60, zeros, 4);
			ck_assert_msg(reply_parse() ==
					      (len == rows[i].len
						       ? DNS_REPLY_OK
						       : DNS_REPLY_MALFORMED),
				      "type %u, %zu bytes", rows[i].type, len);
		}
}
END_TEST

START_TEST(refuses_wrong_counts_and_classes)
{
	size_t data;

	for (unsigned int section = 0; section < 3; section++) {
		clear();
		draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
		d.section = section;
		data = draft_record(&d, "@", DNS_TYPE_A, 60, address, 4);
		ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
		store_be16(d.message + data - 8, 3);
		ck_assert_int_eq(reply_parse(), DNS_REPLY_MALFORMED);
		store_be16(d.message + data - 8, DNS_CLASS_IN);
		d.message[WIRE_ANSWERS_AT + 1 + 2 * section] = 2;
		ck_assert_int_eq(reply_parse(), DNS_REPLY_MALFORMED);
		d.message[WIRE_ANSWERS_AT + 2 * section] = 255;
		ck_assert_int_eq(reply_parse(), DNS_REPLY_MALFORMED);
	}
}
END_TEST

START_TEST(keeps_what_is_before_opt)
{
	static const uint8_t ede[] = { 0, 15, 0, 2, 0, 18, 0, 15, 0, 2, 0, 3 };

	draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
	draft_record(&d, "@", DNS_TYPE_A, 60, address, 4);
	d.section = 2;
	draft_record(&d, "x.example", DNS_TYPE_A, 50, address, 4);
	draft_opt(&d, 4096, 0, ede, sizeof(ede));
	draft_record(&d, "y.example", DNS_TYPE_A, 40, address, 4);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
	ck_assert_uint_eq(answer.ttl_s, 50);
	ck_assert_uint_eq(answer.ttl_count, 2);
	ck_assert_int_eq(answer.error, DNS_ERROR_PROHIBITED);
	ck_assert_str_eq(show(2), "x.example 1 50 192.0.2.1\n");
	/* A second OPT, and one in another section. */
	draft_opt(&d, 4096, 0, NULL, 0);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_MALFORMED);
	for (unsigned int section = 0; section < 2; section++) {
		clear();
		draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
		d.section = section;
		draft_record(&d, ".", DNS_TYPE_OPT, 0, NULL, 0);
		store_be16(d.message + d.len - 8, 1232);
		ck_assert_int_eq(reply_parse(), DNS_REPLY_MALFORMED);
		store_be16(d.message + d.len - 8, DNS_CLASS_IN);
		ck_assert_int_eq(reply_parse(), DNS_REPLY_MALFORMED);
	}
	/* An error text without its code. */
	clear();
	draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
	draft_opt(&d, 1232, 0, "\0\17\0\1x", 5);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
	ck_assert_int_eq(answer.error, DNS_ERROR_NONE);
}
END_TEST

/* RFC 2308: SOA's TTL and its minimum, and what comes of them. */
static const struct {
	uint32_t ttl, minimum, kept;
} negatives[] = {
	{ 3600, 900, 5 }, { 4, 900, 4 },	{ 900, 3, 3 },
	{ 5, 5, 5 },	  { 6, 6, 5 },		{ 0, 900, 0 },
	{ 900, 0, 0 },	  { 0x80000000, 9, 0 }, { 9, 0xffffffff, 0 },
};

START_TEST(says_how_long_there_is_none)
{
	for (int nx = 0; nx < 2; nx++) {
		clear();
		if (nx)
			d.message[3] |= DNS_RCODE_NXDOMAIN;
		draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
		draft_name_record(&d, "@", DNS_TYPE_CNAME, 700, 0, "w.example");
		draft_section(&d);
		draft_record(&d, "w.example", 47, 800, "\0\0", 2);
		draft_soa(&d, "example", negatives[_i].ttl,
			  negatives[_i].minimum);
		ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
		ck_assert(dns_answer_is_negative(&answer));
		ck_assert_int_eq(answer.rcode, nx ? DNS_RCODE_NXDOMAIN : 0);
		ck_assert_uint_eq(answer.ttl_s, negatives[_i].kept);
		ck_assert_uint_eq(answer.ttl_count, 3);
		/* So is it for who caches after us. */
		for (unsigned int i = 1; i < 3; i++)
			ck_assert_uint_eq(
				load_be32(answer.message + answer.ttls[i]),
				negatives[_i].kept);
		ck_assert_uint_eq(load_be32(answer.message + answer.ttls[0]),
				  700);
	}
}
END_TEST

START_TEST(knows_an_answer_from_none)
{
	draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
	ck_assert(dns_answer_is_negative(&answer));
	ck_assert_uint_eq(answer.ttl_s, 0); /* nobody said how long */
	draft_record(&d, "@", 46, 77, "x", 1);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
	ck_assert(dns_answer_is_negative(&answer));
	ck_assert_uint_eq(answer.ttl_s, 0);
	sent.type = DNS_TYPE_ANY;
	store_be16(d.message + 12 + sent.name.len, DNS_TYPE_ANY);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
	ck_assert(!dns_answer_is_negative(&answer));
	ck_assert_uint_eq(answer.ttl_s, 77);
	/* A TTL with its highest bit is none (RFC 2181, 8). */
	store_be32(d.message + answer.ttls[0], 0x80000001);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
	ck_assert_uint_eq(answer.ttl_s, 0);
	ck_assert_uint_eq(load_be32(answer.message + answer.ttls[0]), 0);
	store_be32(d.message + answer.ttls[0], 0x7fffffff);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
	ck_assert_uint_eq(answer.ttl_s, 0x7fffffff);
}
END_TEST

START_TEST(keeps_of_errors_the_code)
{
	for (uint16_t code = 1; code < 16; code++) {
		bool no_opt =
			code == DNS_RCODE_FORMERR || code == DNS_RCODE_NOTIMP;

		if (code == DNS_RCODE_NXDOMAIN)
			continue;
		draft_start(&d, ID, REPLY | code);
		draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
		draft_record(&d, "@", DNS_TYPE_A, 60, address, 4);
		sent.edns = false;
		ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
		ck_assert_uint_eq(answer.rcode, code);
		ck_assert_uint_eq(answer.ttl_s, 0);
		ck_assert_uint_eq(answer.ttl_count, 0);
		ck_assert_str_eq(show(0), "");
		ck_assert(!dns_answer_is_negative(&answer));
		/* Did it mind our OPT? Not if it speaks EDNS itself. */
		sent.edns = true;
		ck_assert_int_eq(reply_parse(),
				 no_opt ? DNS_REPLY_NO_EDNS : DNS_REPLY_OK);
		draft_opt(&d, 1232, 0, NULL, 0);
		ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
	}
	draft_start(&d, ID, REPLY | 7);
	draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
	draft_opt(&d, 1232, 1 << 24, NULL, 0);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
	ck_assert_uint_eq(answer.rcode, 23); /* BADCOOKIE */
	d.message[3] &= 0xf0;
	ck_assert_int_eq(reply_parse(), DNS_REPLY_NO_EDNS); /* BADVERS */
}
END_TEST

START_TEST(takes_formerr_without_a_question)
{
	draft_start(&d, ID, REPLY | DNS_RCODE_FORMERR);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_NO_EDNS);
	sent.edns = false;
	ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
	ck_assert_uint_eq(answer.len, 12 + sent.name.len + 4);
	ck_assert_mem_eq(answer.message + 12, "\4wiki\7example", 14);
	d.message[1] ^= 1;
	ck_assert_int_eq(reply_parse(), DNS_REPLY_WRONG_ID);
	draft_start(&d, ID, REPLY | DNS_RCODE_SERVFAIL);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_WRONG_QUESTION);
}
END_TEST

START_TEST(asks_again_after_truncation)
{
	draft_start(&d, ID, REPLY | WIRE_TC);
	draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
	draft_record(&d, "@", DNS_TYPE_A, 60, address, 4);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_TRUNCATED);
	d.len -= 2; /* some cut in the middle of a record */
	ck_assert_int_eq(reply_parse(), DNS_REPLY_TRUNCATED);
	sent.name.wire[1] ^= 0x20;
	ck_assert_int_eq(reply_parse(), DNS_REPLY_WRONG_CASE);
}
END_TEST

START_TEST(takes_64_kib_and_all_records_that_fit)
{
	unsigned int records = 0;

	draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
	while (d.len + WIRE_RECORD_MIN <= DNS_MESSAGE_MAX) {
		draft_record(&d, ".", 65280, 60, NULL, 0);
		records++;
	}
	while (d.len < DNS_MESSAGE_MAX)
		draft_bytes(&d, "", 1);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_OK);
	ck_assert_uint_eq(answer.ttl_count, records);
	printf("note: %u records in one message of 64 KiB\n", records);
	draft_bytes(&d, "", 1);
	ck_assert_int_eq(reply_parse(), DNS_REPLY_MALFORMED);
}
END_TEST

START_TEST(is_quick)
{
	enum { ROUNDS = 100000 };
	struct dns_query q;
	uint64_t t, answer_ns, query_ns;

	draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
	draft_record(&d, "@", DNS_TYPE_A, 60, address, 4);
	draft_opt(&d, 1232, 0, NULL, 0);
	t = clock_now_ns();
	for (unsigned int i = 0; i < ROUNDS; i++) {
		(void)dns_answer_parse(d.message, d.len, &sent, &answer);
		dns_answer_fini(&answer);
	}
	answer_ns = (clock_now_ns() - t) / ROUNDS;
	draft_start(&d, ID, WIRE_RD);
	draft_question(&d, "Wiki.eXample", DNS_TYPE_A);
	draft_opt(&d, 1232, 0, NULL, 0);
	t = clock_now_ns();
	for (unsigned int i = 0; i < ROUNDS; i++)
		(void)dns_query_parse(d.message, d.len, &q);
	query_ns = (clock_now_ns() - t) / ROUNDS;
	printf("note: a query is read in %llu ns, an answer in %llu ns\n",
	       (unsigned long long)query_ns, (unsigned long long)answer_ns);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("message_parse");
	TCase *t = tcase_create("query");

	tcase_add_checked_fixture(t, clear, forget);
	tcase_add_test(t, reads_a_query);
	tcase_add_test(t, reads_edns_and_skips_unknown_options);
	tcase_add_test(t, refuses_edns_out_of_place);
	tcase_add_test(t, is_silent_where_nothing_may_go_back);
	tcase_add_test(t, judges_odd_queries);
	tcase_add_test(t, refuses_every_shorter_query);
	tcase_add_loop_test(t, knows_label_types, 0, ARRAY_SIZE(shapes));
	tcase_add_test(t, takes_names_of_255_bytes_and_no_more);
	suite_add_tcase(s, t);
	t = tcase_create("answer");
	tcase_add_checked_fixture(t, clear, forget);
	tcase_add_test(t, counts_what_pointers_add_to_a_name);
	tcase_add_test(t, bounds_pointers_to_pointers);
	tcase_add_test(t, reads_an_answer);
	tcase_add_test(t, refuses_every_shorter_answer_and_survives_every_flip);
	tcase_add_test(t, holds_a_reply_against_what_was_sent);
	tcase_add_test(t, refuses_records_that_do_not_fit);
	tcase_add_test(t, refuses_wrong_counts_and_classes);
	tcase_add_test(t, keeps_what_is_before_opt);
	tcase_add_loop_test(t, says_how_long_there_is_none, 0,
			    ARRAY_SIZE(negatives));
	tcase_add_test(t, knows_an_answer_from_none);
	tcase_add_test(t, keeps_of_errors_the_code);
	tcase_add_test(t, takes_formerr_without_a_question);
	tcase_add_test(t, asks_again_after_truncation);
	tcase_add_test(t, takes_64_kib_and_all_records_that_fit);
	tcase_add_test(t, is_quick);
	suite_add_tcase(s, t);
	return suite_run(s);
}
