/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lease and the control messages as hostile bytes. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/lease.h"
#include "crypto/message.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

static size_t tlv(uint8_t *p, uint16_t type, const void *value, size_t len)
{
	store_be16(p, type);
	store_be16(p + 2, (uint16_t)len);
	memcpy(p + 4, value, len);
	return 4 + len;
}

/* A body with one part that is right; returns its length. */
static size_t body_begin(uint8_t *body)
{
	size_t n = LEASE_HEADER_LEN;

	memcpy(body, "\x12\x34\x00\x0a\x00\x01\x00\x00", n);
	n += tlv(body + n, 1, "\x10\x0a\x4d\x00\x0a", 5);
	n += tlv(body + n, 3, "\x05\x8c", 2);
	n += tlv(body + n, 4, "\x01", 1);
	return n;
}

/* "" when the client takes it, else why not. */
static const char *judge(const uint8_t *body, size_t len)
{
	struct lease_collector c = { 0 };
	const char *why = "";
	struct lease l;
	uint8_t flags;
	int r = lease_collect(&c, body, len, &flags);

	if (r < 0)
		why = "not a LEASE";
	else if (r == 1 && lease_parse(&c, &l, &why) == 0)
		lease_fini(&l);
	lease_collector_fini(&c);
	return why;
}

static const struct {
	const char *name;
	uint16_t type;
	uint8_t len;
	uint8_t value[24];
	const char *wanted;
} rows[] = {
	{ "unknown type", 4000, 3, { 1, 2, 3 }, "" },
	{ "second IPv4", 1, 5, { 16, 10, 77, 0, 11 }, "two addresses of one" },
	{ "0.0.0.0", 2, 17, { 64 }, "no host can have" },
	{ "IPv4 as IPv6", 2, 5, { 16, 10, 0, 0, 1 }, "wrong length" },
	{ "multicast", 2, 17, { 64, 0xff, 2, [16] = 1 }, "no host can have" },
	{ "link-local", 2, 17, { 64, 0xfe, 0x80, [16] = 1 }, "no host" },
	{ "long prefix", 2, 17, { 129, 0xfd, [16] = 1 }, "too long" },
	{ "MTU 575", 3, 2, { 2, 63 }, "MTU" },
	{ "MTU 9001", 3, 2, { 35, 41 }, "MTU" },
	{ "MTU of 3 bytes", 3, 3, { 0, 5, 1 }, "MTU" },
	{ "no lanes", 4, 1, { 0 }, "lanes" },
	{ "65 lanes", 4, 1, { 65 }, "lanes" },
	{ "route of 33 bits", 7, 5, { 33, 10 }, "too long" },
	{ "route of 3 bytes", 7, 3, { 8, 10, 0 }, "wrong length" },
	{ "empty route", 7, 0, { 0 }, "empty prefix" },
	{ "DNS of 5 bytes", 9, 5, { 1 }, "wrong length" },
	{ "empty domain", 10, 0, { 0 }, "no name" },
	{ "dot domain", 10, 1, { '.' }, "no name" },
	{ "two dots", 10, 4, { 'a', '.', '.', 'b' }, "no name" },
	{ "blank", 11, 3, { 'a', ' ', 'b' }, "no name" },
	{ "newline", 11, 3, { 'a', '\n', 'b' }, "no name" },
	{ "NUL", 11, 3, { 'a', 0, 'b' }, "no name" },
	{ "final dot", 11, 4, { 'A', '.', 'b', '.' }, "" },
	{ "gateway name", 6, 4, { 'a', '\'', ';', 'b' }, "no name" },
};

START_TEST(judges_each_field)
{
	uint8_t body[LEASE_BODY_MAX];
	size_t n = body_begin(body);
	const char *why;

	ck_assert_str_eq(judge(body, n), "");
	n += tlv(body + n, rows[_i].type, rows[_i].value, rows[_i].len);
	why = judge(body, n);
	ck_assert_msg(rows[_i].wanted[0] ? strstr(why, rows[_i].wanted) != NULL
					 : why[0] == '\0',
		      "%s: \"%s\"", rows[_i].name, why);
}
END_TEST

START_TEST(survives_every_cut_and_every_changed_byte)
{
	uint8_t body[LEASE_BODY_MAX], changed[LEASE_BODY_MAX];
	size_t n = body_begin(body), refused = 0;

	n += tlv(body + n, 10, "corp.example.com", 16);
	n += tlv(body + n, 7, "\x08\x0a\x00\x00\x00", 5);
	for (size_t cut = 0; cut < n; cut++)
		refused += judge(body, cut)[0] != '\0';
	for (size_t at = 0; at < n; at++) {
		for (unsigned int v = 0; v < 256; v++) {
			memcpy(changed, body, n);
			changed[at] = (uint8_t)v;
			refused += judge(changed, n)[0] != '\0';
		}
	}
	ck_assert_uint_gt(refused, n);
	printf("note: %zu bodies judged, %zu refused\n", n + 256 * n, refused);
}
END_TEST

START_TEST(refuses_parts_of_another_lease)
{
	struct lease_collector c = { 0 };
	uint8_t body[LEASE_BODY_MAX], flags;
	size_t n = body_begin(body);

	body[5] = 3;
	ck_assert_int_eq(lease_collect(&c, body, n, &flags), 0);
	ck_assert_int_eq(lease_collect(&c, body, n, &flags), 0);
	body[4] = 1;
	body[5] = 4;
	ck_assert_int_eq(lease_collect(&c, body, n, &flags), -EBADMSG);
	body[5] = 3;
	body[0] ^= 1;
	ck_assert_int_eq(lease_collect(&c, body, n, &flags), -EBADMSG);
	body[0] ^= 1;
	body[4] = 3;
	ck_assert_int_eq(lease_collect(&c, body, n, &flags), -EBADMSG);
	ck_assert(!lease_collector_whole(&c));
	lease_collector_fini(&c);
}
END_TEST

START_TEST(refuses_more_than_its_limits)
{
	struct ip_prefix p;
	struct lease l = { 0 };
	char name[64];

	ck_assert_int_eq(prefix_parse("10.0.0.0/8", &p), 0);
	for (unsigned int i = 0; i < LEASE_ROUTES_MAX; i++)
		ck_assert_int_eq(
			lease_add_prefix(&l.routes, &p, LEASE_ROUTES_MAX), 0);
	ck_assert_int_eq(lease_add_prefix(&l.routes, &p, LEASE_ROUTES_MAX),
			 -E2BIG);
	for (unsigned int i = 0; i < LEASE_DOMAINS_MAX; i++) {
		snprintf(name, sizeof(name), "d%u.example", i);
		ck_assert_int_eq(lease_add_name(&l.match, name), 0);
	}
	ck_assert_int_eq(lease_add_name(&l.match, "one.more"), -E2BIG);
	ck_assert_int_eq(lease_add_name(&l.search, "no name"), -EINVAL);
	ck_assert_int_gt(lease_part_count(&l), 40);
	ck_assert_int_le(lease_part_count(&l), LEASE_PARTS_MAX);
	lease_fini(&l);
}
END_TEST

START_TEST(walks_messages_and_stops_at_padding)
{
	uint8_t buf[64];
	struct bytes run = bytes_over(buf, sizeof(buf));
	struct message m;

	message_put(&run, MESSAGE_ECHO, "12345678", 8);
	message_put(&run, (enum message_type)77, "", 0);
	message_put(&run, MESSAGE_BYE, "\0\0\0\0", 4);
	bytes_put(&run, "\0\xff\xff", 3);
	run = bytes_read(buf, bytes_done(&run));
	ck_assert_int_eq(message_next(&run, &m), 1);
	ck_assert_uint_eq(m.type, MESSAGE_ECHO);
	ck_assert_uint_eq(m.len, 8);
	ck_assert_int_eq(message_next(&run, &m), 1);
	ck_assert_uint_eq(m.type, 77);
	ck_assert_int_eq(message_next(&run, &m), 1);
	ck_assert_int_eq(message_next(&run, &m), 0);
}
END_TEST

START_TEST(refuses_a_message_longer_than_its_record)
{
	static const uint8_t buf[] = { MESSAGE_ECHO, 0, 9, 1, 2, 3 };

	for (size_t len = 1; len <= sizeof(buf); len++) {
		struct bytes run = bytes_read(buf, len);
		struct message m;

		ck_assert_int_eq(message_next(&run, &m), -EBADMSG);
	}
}
END_TEST

START_TEST(shows_only_what_is_printable_of_a_refusal)
{
	static const uint8_t body[] = "\0\3\0\x1eno\x1b[31m\nway\xc3\xa9\x7f";
	struct message m = { .body = body, .len = sizeof(body) - 1 };
	struct message_refuse r;

	ck_assert_int_eq(message_parse_ending(&m, &r), 0);
	ck_assert_str_eq(r.text, "no?[31m?way???");
	ck_assert_uint_eq(r.reason, 3);
	ck_assert_uint_eq(r.retry_s, 30);
	for (size_t len = 0; len < 4; len++) {
		m.len = len;
		ck_assert_int_eq(message_parse_ending(&m, &r), -EBADMSG);
		ck_assert_int_eq(
			message_parse_hello(&m, &(struct message_hello) { 0 }),
			-EBADMSG);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lease");
	TCase *t = tcase_create("lease and messages");

	tcase_add_loop_test(t, judges_each_field, 0, ARRAY_SIZE(rows));
	tcase_add_test(t, survives_every_cut_and_every_changed_byte);
	tcase_add_test(t, refuses_parts_of_another_lease);
	tcase_add_test(t, refuses_more_than_its_limits);
	tcase_add_test(t, walks_messages_and_stops_at_padding);
	tcase_add_test(t, refuses_a_message_longer_than_its_record);
	tcase_add_test(t, shows_only_what_is_printable_of_a_refusal);
	suite_add_tcase(s, t);
	return suite_run(s);
}
