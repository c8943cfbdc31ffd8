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
static struct draft d;
static struct dns_query client, sent;
static struct dns_answer answer;
static uint8_t out[DNS_MESSAGE_MAX];
static size_t out_len;

static struct dns_query query(uint16_t id, const char *name, uint16_t type)
{
	return (struct dns_query) {
		.id = id,
		.recursion_desired = true,
		.name = draft_name(name),
		.type = type,
		.class = DNS_CLASS_IN,
		.udp_size = DNS_PLAIN_UDP_MAX,
	};
}

static void clear(void)
{
	sent = query(ID, "WiKi.eXample", DNS_TYPE_A);
	client = query(0xc11e, "wiki.EXAMPLE", DNS_TYPE_A);
	draft_start(&d, ID, REPLY);
	draft_question(&d, "WiKi.eXample", DNS_TYPE_A);
}

static void forget(void)
{
	dns_answer_fini(&answer);
}

static void take(void)
{
	dns_answer_fini(&answer);
	ck_assert_int_eq(dns_answer_parse(d.message, d.len, &sent, &answer),
			 DNS_REPLY_OK);
}

static void build(const char *full, uint32_t age_s, size_t max)
{
	struct dns_name n = draft_name(full != NULL ? full : ".");

	/* Of the size that it may fill. */
	uint8_t *exact = malloc(max);

	ck_assert_ptr_nonnull(exact);
	out_len = dns_answer_build(&answer, &client, full != NULL ? &n : NULL,
				   age_s, NULL, exact, max);
	ck_assert_uint_ge(out_len, DNS_HEADER_LEN);
	ck_assert_uint_le(out_len, max);
	memcpy(out, exact, out_len);
	free(exact);
}

static const char *show(unsigned int section)
{
	return draft_show(out, out_len, section);
}

static unsigned int count(unsigned int section)
{
	return load_be16(out + WIRE_ANSWERS_AT + 2 * section);
}

static uint16_t flags(void)
{
	return load_be16(out + WIRE_FLAGS_AT);
}

START_TEST(builds_a_query_that_it_reads_again)
{
	struct dns_query q = query(7, "A.b", DNS_TYPE_SRV), again;

	for (unsigned int bits = 0; bits < 32; bits++) {
		q.recursion_desired = bits & 1;
		q.checking_disabled = bits & 2;
		q.authentic_data = bits & 4;
		q.edns = bits & 8;
		q.dnssec_ok = q.edns && bits & 16;
		out_len = dns_query_build(&q, out);
		ck_assert_int_eq(dns_query_parse(out, out_len, &again),
				 DNS_QUERY_GOOD);
		ck_assert_uint_eq(again.id, 7);
		ck_assert_uint_eq(again.type, DNS_TYPE_SRV);
		ck_assert_mem_eq(again.name.wire, "\1A\1b", 5);
		ck_assert(again.recursion_desired == q.recursion_desired);
		ck_assert(again.checking_disabled == q.checking_disabled);
		ck_assert(again.authentic_data == q.authentic_data);
		ck_assert(again.edns == q.edns);
		ck_assert(again.dnssec_ok == q.dnssec_ok);
		ck_assert_uint_eq(again.udp_size, q.edns ? 1232 : 512);
	}
}
END_TEST

START_TEST(gives_an_answer_to_another_client)
{
	draft_record(&d, "@", DNS_TYPE_A, 60, address, 4);
	draft_record(&d, "@", DNS_TYPE_A, 9, address, 4);
	draft_section(&d);
	draft_name_record(&d, "example", DNS_TYPE_NS, 900, 0, "@");
	take();
	build(NULL, 10, DNS_SHORT_MAX);
	ck_assert_uint_eq(load_be16(out), 0xc11e);
	ck_assert_uint_eq(flags(), WIRE_QR | WIRE_RD | WIRE_RA);
	ck_assert_mem_eq(out + 12, client.name.wire, client.name.len);
	/* No TTL goes below zero; all owners have the client's letters. */
	ck_assert_str_eq(show(0), "wiki.EXAMPLE 1 50 192.0.2.1\n"
				  "wiki.EXAMPLE 1 0 192.0.2.1\n");
	ck_assert_str_eq(show(1), "example 2 890 wiki.EXAMPLE\n");
	ck_assert_uint_eq(count(2), 0);
	/* It was not changed by that. */
	build(NULL, 0, DNS_SHORT_MAX);
	ck_assert_str_eq(show(1), "example 2 900 wiki.EXAMPLE\n");
}
END_TEST

START_TEST(sets_the_bits_of_the_client)
{
	store_be16(d.message + WIRE_FLAGS_AT,
		   REPLY | WIRE_AD | 0x0400 /* AA */ | 0x40 /* Z */);
	draft_record(&d, "@", DNS_TYPE_A, 60, address, 4);
	take();
	client.recursion_desired = false;
	client.checking_disabled = true;
	build(NULL, 0, DNS_SHORT_MAX);
	ck_assert_uint_eq(flags(), WIRE_QR | WIRE_RA | WIRE_CD);
	/* "Authentic" only for who asks (RFC 6840, 5.8). */
	client.authentic_data = true;
	build(NULL, 0, DNS_SHORT_MAX);
	ck_assert_uint_eq(flags(), WIRE_QR | WIRE_RA | WIRE_CD | WIRE_AD);
	client.authentic_data = false;
	client.edns = client.dnssec_ok = true;
	build(NULL, 0, DNS_SHORT_MAX);
	ck_assert_uint_eq(flags(), WIRE_QR | WIRE_RA | WIRE_CD | WIRE_AD);
	ck_assert_mem_eq(out + out_len - 11, "\0\0\51\4\320\0\0\x80\0\0\0", 11);
	/* What upstream did not say is not said. */
	store_be16(d.message + WIRE_FLAGS_AT, REPLY);
	take();
	build(NULL, 0, DNS_SHORT_MAX);
	ck_assert_uint_eq(flags(), WIRE_QR | WIRE_RA | WIRE_CD);
}
END_TEST

START_TEST(says_errors_to_who_has_edns)
{
	const struct dns_error_text not_ready = { DNS_ERROR_NOT_READY, "wait" };
	char *text = malloc(1000);

	client.opcode = 0;
	out_len = dns_error_build(&client, DNS_RCODE_SERVFAIL, &not_ready, out);
	ck_assert_uint_eq(out_len, 12 + client.name.len + 4);
	ck_assert_uint_eq(flags(), WIRE_QR | WIRE_RD | WIRE_RA | 2);
	client.edns = true;
	out_len = dns_error_build(&client, DNS_RCODE_SERVFAIL, &not_ready, out);
	ck_assert_uint_eq(out_len, 12 + client.name.len + 4 + 11 + 10);
	ck_assert_mem_eq(out + out_len - 21,
			 "\0\0\51\4\320\0\0\0\0\0\12\0\17\0\6\0\16wait", 21);
	ck_assert_uint_eq(count(2), 1);
	/* The longest name with the longest text, and longer. */
	memset(client.name.wire, 1, sizeof(client.name.wire));
	client.name.wire[254] = 0;
	client.name.len = DNS_WIRE_MAX;
	memset(text, 'x', 999);
	text[999] = '\0';
	out_len = dns_error_build(
		&client, DNS_RCODE_REFUSED,
		&(struct dns_error_text) { DNS_ERROR_BLOCKED, text }, out);
	ck_assert_uint_eq(out_len, 12 + 255 + 4 + 11 + 6 + DNS_ERROR_TEXT_MAX);
	ck_assert_uint_lt(out_len, DNS_SHORT_MAX);
	ck_assert_str_eq(draft_show(out, out_len, 2), ". 41 0 206 bytes\n");
	free(text);
	/* A text alone says nothing. */
	out_len = dns_error_build(
		&client, DNS_RCODE_REFUSED,
		&(struct dns_error_text) { DNS_ERROR_NONE, "x" }, out);
	ck_assert_uint_eq(out_len, 12 + 255 + 4 + 11);
}
END_TEST

START_TEST(answers_what_it_did_not_understand)
{
	struct dns_query q;

	/* Opcode UPDATE: it is echoed, with no question. */
	draft_start(&d, 99, 5 << WIRE_OPCODE_SHIFT | WIRE_RD);
	ck_assert_int_eq(dns_query_parse(d.message, d.len, &q),
			 DNS_QUERY_NOTIMP);
	out_len = dns_error_build(&q, DNS_RCODE_NOTIMP, NULL, out);
	ck_assert_uint_eq(out_len, DNS_HEADER_LEN);
	ck_assert_mem_eq(out, "\0\x63\xa9\x84\0\0\0\0\0\0\0\0", 12);
	/* Version 1 of EDNS: RFC 6891, 6.1.3. */
	draft_start(&d, 99, 0);
	draft_question(&d, "a", DNS_TYPE_A);
	draft_opt(&d, 1232, 1 << 16, NULL, 0);
	ck_assert_int_eq(dns_query_parse(d.message, d.len, &q),
			 DNS_QUERY_BADVERS);
	out_len = dns_error_build(&q, DNS_RCODE_BADVERS, NULL, out);
	ck_assert_uint_eq(flags() & WIRE_RCODE, 0);
	ck_assert_mem_eq(out + out_len - 11, "\0\0\51\4\320\1\0\0\0\0\0", 11);
}
END_TEST

START_TEST(gives_on_errors_of_upstream)
{
	draft_start(&d, ID, REPLY | 7);
	draft_question(&d, "WiKi.eXample", DNS_TYPE_A);
	draft_opt(&d, 1232, 1 << 24, "\0\17\0\2\0\26", 6);
	take();
	/* BADCOOKIE cannot be said without OPT. */
	build(NULL, 0, DNS_SHORT_MAX);
	ck_assert_uint_eq(flags() & WIRE_RCODE, DNS_RCODE_SERVFAIL);
	client.edns = true;
	for (int full = 0; full < 2; full++) {
		if (full)
			client.name = draft_name("WIKI");
		build(full ? "wiki.example" : NULL, 0, DNS_SHORT_MAX);
		ck_assert_uint_eq(flags() & WIRE_RCODE, 7);
		ck_assert_mem_eq(out + out_len - 17,
				 "\0\0\51\4\320\1\0\0\0\0\6\0\17\0\2\0\26", 17);
		ck_assert_uint_eq(count(0), 0);
		ck_assert_mem_eq(out + 12, client.name.wire, client.name.len);
	}
}
END_TEST

START_TEST(gives_on_the_largest_plain_code)
{
	draft_start(&d, ID, REPLY | 15);
	draft_question(&d, "WiKi.eXample", DNS_TYPE_A);
	take();
	build(NULL, 0, DNS_SHORT_MAX);
	ck_assert_uint_eq(flags() & WIRE_RCODE, 15);
}
END_TEST

START_TEST(cuts_at_the_limit_to_the_byte)
{
	size_t exact, additional;

	for (unsigned int i = 0; i < 40; i++)
		draft_record(&d, "@", DNS_TYPE_A, 60 + i, address, 4);
	d.section = 2;
	additional = d.len;
	draft_record(&d, "ns.example", DNS_TYPE_A, 60, address, 4);
	draft_record(&d, "@", DNS_TYPE_A, 60, address, 4);
	take();
	for (int edns = 0; edns < 2; edns++) {
		client.edns = edns;
		exact = d.len + (edns ? WIRE_OPT_LEN : 0);
		build(NULL, 0, exact);
		ck_assert_uint_eq(out_len, exact);
		ck_assert_uint_eq(flags() & WIRE_TC, 0);
		/* RFC 2181, 9: it is whole without its additional section. */
		build(NULL, 0, exact - 1);
		ck_assert_uint_eq(flags() & WIRE_TC, 0);
		ck_assert_uint_eq(count(0), 40);
		ck_assert_uint_eq(count(2), edns);
		exact = additional + (edns ? WIRE_OPT_LEN : 0);
		ck_assert_uint_eq(out_len, exact);
		build(NULL, 0, exact);
		ck_assert_uint_eq(flags() & WIRE_TC, 0);
		build(NULL, 0, exact - 1);
		ck_assert_uint_eq(flags() & WIRE_TC, WIRE_TC);
		ck_assert_uint_eq(count(0) + count(1), 0);
		ck_assert_uint_eq(count(2), edns);
		ck_assert_uint_eq(out_len,
				  12 + client.name.len + 4 + (edns ? 11 : 0));
		ck_assert_ptr_nonnull(show(2));
	}
}
END_TEST

START_TEST(puts_an_alias_before_a_completed_name)
{
	sent.name = draft_name("wiki.Corp.example");
	draft_start(&d, ID, REPLY);
	draft_question(&d, "wiki.Corp.example", DNS_TYPE_A);
	draft_name_record(&d, "@", DNS_TYPE_CNAME, 300, 0, "www.corp.example");
	draft_record(&d, "www.corp.example", DNS_TYPE_A, 60, address, 4);
	draft_section(&d);
	draft_name_record(&d, "corp.example", DNS_TYPE_NS, 70, 0, "@");
	draft_section(&d);
	draft_record(&d, "@", DNS_TYPE_A, 80, "\1\2\3\4", 4);
	take();
	client.name = draft_name("WIKI");
	build("wiki.corp.example", 10, DNS_SHORT_MAX);
	ck_assert_str_eq(show(0), "WIKI 5 50 wiki.corp.example\n"
				  "wiki.corp.example 5 290 www.corp.example\n"
				  "www.corp.example 1 50 192.0.2.1\n");
	ck_assert_str_eq(show(1), "corp.example 2 60 wiki.corp.example\n");
	ck_assert_str_eq(show(2), "wiki.corp.example 1 70 1.2.3.4\n");
	ck_assert_mem_eq(out + 12, client.name.wire, client.name.len);
	ck_assert_uint_eq(load_be16(out), 0xc11e);
	/* Each name is there once. */
	ck_assert_uint_eq(out_len, 12 + 10 + (12 + 19) + (12 + 6) + (12 + 4) +
					   (12 + 2) + (12 + 4));
	client.edns = true;
	build("wiki.corp.example", 0, DNS_SHORT_MAX);
	ck_assert_str_eq(show(2), "wiki.corp.example 1 80 1.2.3.4\n"
				  ". 41 0 0 bytes\n");
}
END_TEST

START_TEST(knows_that_there_is_none_of_a_completed_name)
{
	sent.name = draft_name("wiki.corp.example");
	draft_start(&d, ID, REPLY | DNS_RCODE_NXDOMAIN);
	draft_question(&d, "wiki.corp.example", DNS_TYPE_A);
	draft_section(&d);
	draft_soa(&d, "corp.example", 900, 900);
	take();
	client.name = draft_name("wiki");
	build("wiki.corp.example", 2, DNS_SHORT_MAX);
	ck_assert_uint_eq(flags() & WIRE_RCODE, DNS_RCODE_NXDOMAIN);
	ck_assert_str_eq(show(0), "wiki 5 3 wiki.corp.example\n");
	ck_assert_str_eq(show(1), "corp.example 6 3 ns.example\n");
	/* Of NOERROR without data the same. */
	d.message[3] &= 0xf0;
	take();
	build("wiki.corp.example", 9, DNS_SHORT_MAX);
	ck_assert_uint_eq(flags() & WIRE_RCODE, 0);
	ck_assert_str_eq(show(0), "wiki 5 0 wiki.corp.example\n");
}
END_TEST

START_TEST(answers_a_question_for_the_alias_with_it_alone)
{
	for (int nx = 0; nx < 2; nx++) {
		sent = query(ID, "wiki.example", DNS_TYPE_CNAME);
		draft_start(&d, ID, REPLY | (nx ? DNS_RCODE_NXDOMAIN : 0));
		draft_question(&d, "wiki.example", DNS_TYPE_CNAME);
		if (!nx)
			draft_name_record(&d, "@", DNS_TYPE_CNAME, 300, 0,
					  "www.example");
		draft_section(&d);
		draft_soa(&d, "example", 900, 900);
		take();
		client = query(1, "wiki", DNS_TYPE_CNAME);
		build("wiki.example", 0, DNS_SHORT_MAX);
		ck_assert_uint_eq(flags() & WIRE_RCODE, 0);
		ck_assert_uint_eq(count(0), 1);
		ck_assert_uint_eq(count(1) + count(2), 0);
		ck_assert_str_eq(show(0), nx ? "wiki 5 5 wiki.example\n"
					     : "wiki 5 300 wiki.example\n");
	}
	/* ANY: the alias, then all. */
	sent.type = client.type = DNS_TYPE_ANY;
	draft_start(&d, ID, REPLY);
	draft_question(&d, "wiki.example", DNS_TYPE_ANY);
	draft_record(&d, "@", DNS_TYPE_A, 60, address, 4);
	draft_record(&d, "@", DNS_TYPE_TXT, 60, "\1x", 2);
	take();
	build("wiki.example", 0, DNS_SHORT_MAX);
	ck_assert_str_eq(show(0), "wiki 5 60 wiki.example\n"
				  "wiki.example 1 60 192.0.2.1\n"
				  "wiki.example 16 60 2 bytes\n");
}
END_TEST

/* Data with a compressed name, as upstream may send it (RFC 3597, 4), and as
 * it is when the message is another: "@" at the end of the first line, in the
 * second written out, or a pointer to where the full name is now (36). */
static const struct {
	uint16_t type;
	const char *before;
	size_t before_len;
	const char *after;
	size_t after_len;
	bool compressed;
} copies[] = {
	{ DNS_TYPE_NS, "", 0, "", 0, true },
	{ DNS_TYPE_PTR, "", 0, "", 0, true },
	{ DNS_TYPE_CNAME, "", 0, "", 0, true },
	{ 3, "", 0, "", 0, true },
	{ 4, "", 0, "", 0, true },
	{ 7, "", 0, "", 0, true },
	{ 8, "", 0, "", 0, true },
	{ 9, "", 0, "", 0, true },
	{ DNS_TYPE_MX, "\0\5", 2, "", 0, true },
	{ DNS_TYPE_SOA, "\0", 1, "12345678901234567890", 20, true },
	{ 14, "\0", 1, "", 0, true },
	{ DNS_TYPE_SRV, "123456", 6, "", 0, false },
	{ DNS_TYPE_DNAME, "", 0, "", 0, false },
	{ 17, "\0", 1, "", 0, false },
	{ 18, "\0\5", 2, "", 0, false },
	{ 21, "\0\5", 2, "", 0, false },
	{ 24, "123456789012345678", 18, "signature", 9, false },
	{ 26, "\0\5\0", 3, "", 0, false },
	{ 30, "", 0, "bits", 4, false },
	{ 35, "\0\1\0\2\1S\7SIP+D2U\0", 15, "", 0, false },
};

START_TEST(moves_names_in_data)
{
	const struct dns_name full = draft_name("wiki.example");
	struct bytes b;
	struct wire_record r;
	uint8_t data[300];
	size_t len = 0;

	memcpy(data, copies[_i].before, copies[_i].before_len);
	len += copies[_i].before_len;
	memcpy(data + len, "\xc0\x0c", 2);
	memcpy(data + len + 2, copies[_i].after, copies[_i].after_len);
	draft_record(&d, "@", copies[_i].type, 60, data,
		     len + 2 + copies[_i].after_len);
	take();
	client.name = draft_name("w");
	build("wiki.example", 0, DNS_SHORT_MAX);
	b = bytes_read(out, out_len);
	b.at += 12 + 3 + 4;
	ck_assert(wire_get_record(&b, &r) && wire_get_record(&b, &r));
	ck_assert_uint_eq(bytes_left(&b), 0);
	if (copies[_i].compressed) {
		/* Behind the alias' fixed part. */
		store_be16(data + len, WIRE_POINTER | (12 + 3 + 4 + 2 + 10));
		len += 2;
	} else {
		memcpy(data + len, full.wire, full.len);
		len += full.len;
	}
	memcpy(data + len, copies[_i].after, copies[_i].after_len);
	len += copies[_i].after_len;
	ck_assert_uint_eq(r.len, len);
	ck_assert_mem_eq(out + r.data, data, len);
}
END_TEST

START_TEST(copies_unknown_data_byte_for_byte)
{
	/* NSEC and RRSIG names are never compressed (RFC 4034), and what looks
	 * like a pointer in a type that we do not know is none (RFC 3597). */
	static const uint16_t types[] = {
		46, 47, DNS_TYPE_SVCB, DNS_TYPE_HTTPS, DNS_TYPE_TXT, 65280
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		draft_start(&d, ID, REPLY);
		draft_question(&d, "WiKi.eXample", DNS_TYPE_A);
		draft_record(&d, "@", types[i], 60, "\xc0\x0c\xff\xff\x40", 5);
		take();
		client.name = draft_name("w");
		build("wiki.example", 0, DNS_SHORT_MAX);
		ck_assert_mem_eq(out + out_len - 7, "\0\5\xc0\x0c\xff\xff\x40",
				 7);
	}
}
END_TEST

START_TEST(cuts_a_rebuilt_answer_at_the_limit)
{
	size_t whole, core;

	for (unsigned int i = 0; i < 40; i++)
		draft_record(&d, "@", DNS_TYPE_A, 60, address, 4);
	draft_section(&d);
	draft_name_record(&d, "example", DNS_TYPE_NS, 70, 0, "ns.example");
	draft_section(&d);
	draft_record(&d, "ns.example", DNS_TYPE_A, 80, address, 4);
	draft_record(&d, "other.example", DNS_TYPE_A, 80, address, 4);
	take();
	client.name = draft_name("w");
	client.edns = true;
	build("wiki.example", 0, DNS_MESSAGE_MAX);
	whole = out_len;
	ck_assert_uint_eq(count(2), 3);
	build("wiki.example", 0, whole);
	ck_assert_uint_eq(out_len, whole);
	build("wiki.example", 0, whole - 1);
	ck_assert_uint_eq(count(0), 41);
	ck_assert_uint_eq(count(1), 1);
	ck_assert_uint_eq(count(2), 1);
	ck_assert_uint_eq(flags() & WIRE_TC, 0);
	ck_assert_str_eq(show(2), ". 41 0 0 bytes\n");
	core = out_len;
	for (size_t max = core; max < whole; max++) {
		build("wiki.example", 0, max);
		ck_assert_uint_eq(out_len, core);
	}
	for (size_t max = DNS_SHORT_MAX; max < core; max++) {
		build("wiki.example", 0, max);
		ck_assert_uint_eq(flags() & WIRE_TC, WIRE_TC);
		ck_assert_uint_eq(count(0) + count(1), 0);
		ck_assert_uint_eq(out_len, 12 + 3 + 4 + 11);
	}
}
END_TEST

/* The alias itself finds no room: two names of 255 bytes. */
START_TEST(cuts_an_alias_that_does_not_fit)
{
	char name[260], full[260];

	memset(name, 'a', sizeof(name));
	name[63] = name[127] = name[191] = '.';
	name[253] = '\0';
	memcpy(full, name, sizeof(full));
	memset(name + 192, 'b', 61);
	for (unsigned int i = 0; i < 2; i++) {
		uint16_t type = i == 0 ? DNS_TYPE_CNAME : DNS_TYPE_A;

		sent = query(ID, full, type);
		draft_start(&d, ID, REPLY);
		draft_question(&d, full, type);
		take();
		client = query(1, name, type);
		build(full, 0, DNS_SHORT_MAX);
		ck_assert_uint_eq(out_len, 12 + 255 + 4);
		ck_assert_uint_eq(flags() & WIRE_TC, WIRE_TC);
		ck_assert_uint_eq(count(0), 0);
		build(full, 0, 12 + 255 + 4 + 2 + 10 + 255);
		ck_assert_uint_eq(flags() & WIRE_TC, 0);
		ck_assert_uint_eq(count(0), 1);
		build(full, 0, 12 + 255 + 4 + 2 + 10 + 255 - 1);
		ck_assert_uint_eq(flags() & WIRE_TC, WIRE_TC);
	}
}
END_TEST

/* A chain of 1000 aliases that ends in its first name, on TCP. */
START_TEST(rebuilds_chains_and_loops)
{
	char from[40] = "@", to[40];

	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(to, sizeof(to), "n%u.of.the.loop.example", i);
		draft_name_record(&d, from, DNS_TYPE_CNAME, 60, 0,
				  i < 999 ? to : "@");
		memcpy(from, to, sizeof(from));
	}
	ck_assert_uint_gt(d.len, WIRE_POINTER_REACH);
	take();
	ck_assert(dns_answer_is_negative(&answer));
	client.name = draft_name("w");
	build("wiki.example", 0, DNS_MESSAGE_MAX);
	ck_assert_uint_eq(count(0), 1001);
	ck_assert_ptr_nonnull(show(0));
	ck_assert_uint_eq(memcmp(show(0),
				 "w 5 0 wiki.example\n"
				 "wiki.example 5 60 n0.of.the.loop.",
				 51),
			  0);
}
END_TEST

/* Of 14 bits: a name that begins at 0x3fff is pointed to, one at 0x4000 is
 * written again. */
START_TEST(points_to_the_first_16_kib)
{
	static const uint8_t zeros[0x4000];
	/* Header, question "w", alias, the head of the record with zeros. */
	const size_t before = 12 + 3 + 4 + (12 + 14) + 12;
	size_t len[2];

	for (size_t i = 0; i < 2; i++) {
		draft_start(&d, ID, REPLY);
		draft_question(&d, "WiKi.eXample", DNS_TYPE_A);
		draft_record(&d, "@", DNS_TYPE_TXT, 60, zeros,
			     0x3fff + i - before);
		draft_record(&d, "b", DNS_TYPE_A, 60, address, 4);
		draft_record(&d, "b", DNS_TYPE_A, 60, address, 4);
		take();
		client.name = draft_name("w");
		build("wiki.example", 0, DNS_MESSAGE_MAX);
		ck_assert_mem_eq(out + 0x3fff + i, "\1b\0\0\1", 5);
		ck_assert_ptr_nonnull(show(0));
		len[i] = out_len;
	}
	ck_assert_uint_eq(len[0], 0x3fff + 17 + 16);
	ck_assert_uint_eq(len[1], 0x4000 + 17 + 17);
}
END_TEST

START_TEST(gives_fixed_answers)
{
	struct ip_addr loopback[12];

	ck_assert_int_eq(addr_parse("127.0.0.1", &loopback[0]), 0);
	for (size_t i = 1; i < ARRAY_SIZE(loopback); i++)
		ck_assert_int_eq(addr_parse("::1", &loopback[i]), 0);
	client = query(1, "LocalHost", DNS_TYPE_A);
	out_len = dns_fixed_build(&client, loopback, 2, 86400, out);
	ck_assert_str_eq(show(0), "LocalHost 1 86400 127.0.0.1\n");
	ck_assert_uint_eq(flags(), WIRE_QR | WIRE_RD | WIRE_RA);
	client.type = DNS_TYPE_AAAA;
	client.edns = true;
	out_len = dns_fixed_build(&client, loopback, 2, 5, out);
	ck_assert_str_eq(show(0), "LocalHost 28 5 ::1\n");
	ck_assert_str_eq(show(2), ". 41 0 0 bytes\n");
	client.type = DNS_TYPE_ANY;
	out_len = dns_fixed_build(&client, loopback, 2, 5, out);
	ck_assert_uint_eq(count(0), 2);
	client.type = DNS_TYPE_MX;
	out_len = dns_fixed_build(&client, loopback, 2, 5, out);
	ck_assert_uint_eq(count(0), 0);
	ck_assert_ptr_nonnull(show(2));
	/* As many as fit behind the longest name. */
	memset(client.name.wire, 1, sizeof(client.name.wire));
	client.name.wire[254] = 0;
	client.name.len = DNS_WIRE_MAX;
	client.type = DNS_TYPE_AAAA;
	out_len = dns_fixed_build(&client, loopback, 12, 5, out);
	ck_assert_uint_eq(count(0), (512 - 11 - 12 - 259) / 28);
	ck_assert_uint_le(out_len, DNS_SHORT_MAX);
	ck_assert_ptr_nonnull(show(2));
	/* To the last byte: labels of 2, then 120 of 1. */
	client.edns = false;
	client.name.wire[0] = 2;
	client.name.wire[243] = 0;
	client.name.len = 244;
	out_len = dns_fixed_build(&client, loopback, 12, 5, out);
	ck_assert_uint_eq(count(0), 9);
	ck_assert_uint_eq(out_len, DNS_SHORT_MAX);
}
END_TEST

START_TEST(is_quick)
{
	enum { ROUNDS = 200000 };
	uint64_t ns, best[2] = { UINT64_MAX, UINT64_MAX };

	draft_record(&d, "@", DNS_TYPE_A, 60, address, 4);
	draft_opt(&d, 1232, 0, NULL, 0);
	take();
	client.edns = true;
	for (unsigned int round = 0; round < 5; round++)
		for (unsigned int full = 0; full < 2; full++) {
			ns = clock_now_ns();
			for (unsigned int i = 0; i < ROUNDS; i++)
				(void)dns_answer_build(&answer, &client,
						       full ? &sent.name : NULL,
						       i % 50, NULL, out,
						       DNS_EDNS_UDP_SIZE);
			ns = (clock_now_ns() - ns) / ROUNDS;
			if (ns < best[full])
				best[full] = ns;
		}
	printf("note: an answer with one address: %llu ns; %llu ns with an "
	       "alias\n",
	       (unsigned long long)best[0], (unsigned long long)best[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("message_build");
	TCase *t = tcase_create("answers");

	tcase_add_checked_fixture(t, clear, forget);
	tcase_add_test(t, builds_a_query_that_it_reads_again);
	tcase_add_test(t, gives_an_answer_to_another_client);
	tcase_add_test(t, sets_the_bits_of_the_client);
	tcase_add_test(t, says_errors_to_who_has_edns);
	tcase_add_test(t, answers_what_it_did_not_understand);
	tcase_add_test(t, gives_on_errors_of_upstream);
	tcase_add_test(t, gives_on_the_largest_plain_code);
	tcase_add_test(t, cuts_at_the_limit_to_the_byte);
	tcase_add_test(t, gives_fixed_answers);
	tcase_add_test(t, is_quick);
	suite_add_tcase(s, t);
	t = tcase_create("completed names");
	tcase_add_checked_fixture(t, clear, forget);
	tcase_add_test(t, puts_an_alias_before_a_completed_name);
	tcase_add_test(t, knows_that_there_is_none_of_a_completed_name);
	tcase_add_test(t, answers_a_question_for_the_alias_with_it_alone);
	tcase_add_loop_test(t, moves_names_in_data, 0, ARRAY_SIZE(copies));
	tcase_add_test(t, copies_unknown_data_byte_for_byte);
	tcase_add_test(t, cuts_a_rebuilt_answer_at_the_limit);
	tcase_add_test(t, cuts_an_alias_that_does_not_fit);
	tcase_add_test(t, rebuilds_chains_and_loops);
	tcase_add_test(t, points_to_the_first_16_kib);
	suite_add_tcase(s, t);
	return suite_run(s);
}
