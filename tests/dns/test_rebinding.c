/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which answers point at this host's own networks. */
#include "dns/rebinding.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"
#include "tests/lib/draft.h"
#include "tests/lib/suite.h"

enum { ID = 0x1234 };

static struct draft d;
static struct dns_answer answer;

/* An answer of one record to a question of its type. */
static bool points_inside(uint16_t type, const void *data, size_t len)
{
	const struct dns_query sent = {
		.id = ID,
		.name = draft_name("evil.example"),
		.type = type,
		.class = DNS_CLASS_IN,
	};
	uint8_t *exact;
	bool inside;

	draft_start(&d, ID, WIRE_QR);
	draft_question(&d, "evil.example", type);
	draft_record(&d, "evil.example", type, 60, data, len);
	exact = draft_exact(d.message, d.len);
	ck_assert_int_eq(dns_answer_parse(exact, d.len, &sent, &answer),
			 DNS_REPLY_OK);
	free(exact);
	inside = dns_answer_points_inside(&answer);
	dns_answer_fini(&answer);
	return inside;
}

static const struct {
	const char *text;
	bool inside;
} addresses[] = {
	{ "192.0.2.1", false },
	{ "9.255.255.255", false },
	{ "10.0.0.0", true },
	{ "10.255.255.255", true },
	{ "11.0.0.0", false },
	{ "0.1.2.3", true },
	{ "100.63.255.255", false },
	{ "100.64.0.1", true },
	{ "100.128.0.0", false },
	{ "127.8.8.8", true },
	{ "169.254.1.1", true },
	{ "172.15.0.1", false },
	{ "172.31.255.255", true },
	{ "192.168.0.1", true },
	{ "192.169.0.1", false },
	{ "2001:db8::1", false },
	{ "::", true },
	{ "::1", true },
	{ "::2", false },
	{ "fc00::1", true },
	{ "fdff::1", true },
	{ "fe80::1", true },
	{ "fec0::1", false },
	{ "::ffff:10.0.0.1", true },
	{ "::ffff:192.0.2.1", false },
};

START_TEST(knows_the_addresses_of_ones_own)
{
	struct ip_addr a;

	ck_assert_int_eq(addr_parse(addresses[_i].text, &a), 0);
	ck_assert_int_eq(
		points_inside(a.family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA,
			      a.bytes, addr_size(&a)),
		addresses[_i].inside);
}
END_TEST

/* RFC 9460: priority, target, parameters; browsers connect to what a hint says
 * without a look-up. */
static const struct {
	const char *data;
	size_t len;
	bool inside;
} hints[] = {
#define HINT(text, is)                     \
	{                                  \
		text, sizeof(text) - 1, is \
	}
	HINT("\0\1\0", false),
	HINT("\0\1\0\0\4\0\4\300\0\2\1", false),
	HINT("\0\1\0\0\4\0\4\12\0\0\1", true),
	HINT("\0\1\0\0\1\0\3\2h2\0\4\0\10\300\0\2\1\300\250\0\1", true),
	HINT("\0\1\3www\3lan\0\0\4\0\4\177\0\0\1", true),
	HINT("\0\1\0\0\6\0\20\375\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", true),
	HINT("\0\1\0\0\6\0\20\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1", false),
	/* A parameter of another kind. */
	HINT("\0\1\0\0\5\0\4\12\0\0\1", false),
	/* No record's data ends so. */
	HINT("\0\1", false),
	HINT("\0\1\0\0\4\0\5\12\0\0\1", false),
	HINT("\0\1\0\0\4\0\3\12\0\0", false),
	HINT("\0\1\0\0\4\0", false),
	HINT("\0\1\300\14\0\4\0\4\12\0\0\1", false),
	HINT("", false),
#undef HINT
};

START_TEST(knows_what_a_record_hints_at)
{
	ck_assert_int_eq(
		points_inside(DNS_TYPE_HTTPS, hints[_i].data, hints[_i].len),
		hints[_i].inside);
	ck_assert_int_eq(
		points_inside(DNS_TYPE_SVCB, hints[_i].data, hints[_i].len),
		hints[_i].inside);
	/* What only looks like one. */
	ck_assert(!points_inside(DNS_TYPE_TXT, hints[_i].data, hints[_i].len));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rebinding");
	TCase *t = tcase_create("answers");

	tcase_add_loop_test(t, knows_the_addresses_of_ones_own, 0,
			    ARRAY_SIZE(addresses));
	tcase_add_loop_test(t, knows_what_a_record_hints_at, 0,
			    ARRAY_SIZE(hints));
	suite_add_tcase(s, t);
	return suite_run(s);
}
