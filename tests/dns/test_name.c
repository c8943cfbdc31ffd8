/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

static const struct {
	const char *name;
	enum dns_name_fault fault;
} rows[] = {
	{ "corp.example.com", DNS_NAME_OK },
	{ "wiki", DNS_NAME_OK },
	{ "_sip._tcp.example", DNS_NAME_OK },
	{ "xn--bcher-kva.example", DNS_NAME_OK },
	{ "1.2", DNS_NAME_OK },
	{ "azAZ09-_", DNS_NAME_OK },
	{ "`", DNS_NAME_CHARACTER },
	{ "{", DNS_NAME_CHARACTER },
	{ "@", DNS_NAME_CHARACTER },
	{ "[", DNS_NAME_CHARACTER },
	{ ":", DNS_NAME_CHARACTER },
	{ "\x7f", DNS_NAME_CHARACTER },
	{ "\x80", DNS_NAME_NOT_ASCII },
	{ "", DNS_NAME_EMPTY },
	{ ".", DNS_NAME_LABEL },
	{ ".corp", DNS_NAME_LABEL },
	{ "corp.", DNS_NAME_LABEL },
	{ "a..b", DNS_NAME_LABEL },
	{ "a b", DNS_NAME_CHARACTER },
	{ "a\nb", DNS_NAME_CHARACTER },
	{ "a/b", DNS_NAME_CHARACTER },
	{ "*.corp", DNS_NAME_CHARACTER },
	{ "b\xc3\xbc"
	  "cher",
	  DNS_NAME_NOT_ASCII },
};

START_TEST(judges_names)
{
	ck_assert_int_eq(dns_name_check(rows[_i].name, strlen(rows[_i].name)),
			 rows[_i].fault);
}
END_TEST

START_TEST(knows_the_limits)
{
	char name[DNS_NAME_MAX + 2];

	memset(name, 'a', sizeof(name));
	ck_assert_int_eq(dns_name_check(name, 63), DNS_NAME_OK);
	ck_assert_int_eq(dns_name_check(name, 64), DNS_NAME_LABEL);
	for (size_t i = 63; i < sizeof(name); i += 64)
		name[i] = '.';
	ck_assert_int_eq(dns_name_check(name, 253), DNS_NAME_OK);
	ck_assert_int_eq(dns_name_check(name, 254), DNS_NAME_LONG);
	/* A zero byte is no letter, and ends nothing. */
	ck_assert_int_eq(dns_name_check("a\0b", 3), DNS_NAME_CHARACTER);
}
END_TEST

/* Text, its wire form as a C string without the root's zero, and the text that
 * is made of that again. */
static const struct {
	const char *text, *wire, *again;
} forms[] = {
	{ "", "", "." },
	{ ".", "", "." },
	{ "wiki", "\4wiki", "wiki" },
	{ "Wiki.Corp.", "\4Wiki\4Corp", "Wiki.Corp" },
	{ "a.b", "\1a\1b", "a.b" },
	{ "a\\.b", "\3a.b", "a\\.b" },
	{ "a\\\\b", "\3a\\b", "a\\\\b" },
	{ "\\255\\032x", "\3\xff x", "\\255\\032x" },
	{ "b\xc3\xbc", "\3b\xc3\xbc", "b\\195\\188" },
	{ "*.x", "\1*\1x", "*.x" },
	{ "\\099\\127!~", "\4c\x7f!~", "c\\127!~" },
	{ "..", NULL, NULL },
	{ ".a", NULL, NULL },
	{ "a..b", NULL, NULL },
	{ "a..", NULL, NULL },
	{ "\\", NULL, NULL },
	{ "a\\", NULL, NULL },
	{ "\\25", NULL, NULL },
	{ "\\2", NULL, NULL },
	{ "\\256", NULL, NULL },
	{ "\\2x5", NULL, NULL },
};

START_TEST(reads_and_writes_text)
{
	struct dns_name n = { .len = 99 };
	char text[DNS_TEXT_MAX];

	if (forms[_i].wire == NULL) {
		ck_assert_int_eq(dns_name_from_text(forms[_i].text, &n),
				 -EINVAL);
		ck_assert_int_eq(n.len, 99);
		return;
	}
	ck_assert_int_eq(dns_name_from_text(forms[_i].text, &n), 0);
	ck_assert_uint_eq(n.len, strlen(forms[_i].wire) + 1);
	ck_assert_mem_eq(n.wire, forms[_i].wire, n.len);
	ck_assert_str_eq(dns_name_text(&n, text), forms[_i].again);
}
END_TEST

/* Labels of 63, 63, 63 and `last` bytes are 193 + last + 1 on the wire. */
static int long_name(size_t last, bool dot, struct dns_name *ret_name)
{
	char text[300];

	memset(text, 'a', sizeof(text));
	text[63] = text[127] = text[191] = '.';
	text[192 + last] = dot ? '.' : '\0';
	text[193 + last] = '\0';
	return dns_name_from_text(text, ret_name);
}

START_TEST(takes_255_bytes_and_no_more)
{
	struct dns_name n = { .len = 0 };
	char text[DNS_TEXT_MAX];

	ck_assert_int_eq(long_name(61, false, &n), 0);
	ck_assert_uint_eq(n.len, DNS_WIRE_MAX);
	ck_assert_int_eq(long_name(61, true, &n), 0);
	ck_assert_uint_eq(n.len, DNS_WIRE_MAX);
	ck_assert_uint_eq(strlen(dns_name_text(&n, text)), DNS_NAME_MAX);
	ck_assert_int_eq(long_name(62, false, &n), -EINVAL);
	ck_assert_int_eq(long_name(62, true, &n), -EINVAL);
	for (size_t i = 0; i < n.len; i++)
		if (n.wire[i] == 'a')
			n.wire[i] = 0xff;
	ck_assert_uint_eq(strlen(dns_name_text(&n, text)), 250 * 4 + 3);

	memset(text, 'b', 64);
	text[64] = '\0';
	ck_assert_int_eq(dns_name_from_text(text, &n), -EINVAL);
	ck_assert_int_eq(dns_name_from_text(text + 1, &n), 0);
	/* 127 labels of one byte are the most. */
	for (size_t i = 0; i < 260; i++)
		text[i] = i % 2 == 0 ? 'c' : '.';
	text[253] = '\0';
	ck_assert_int_eq(dns_name_from_text(text, &n), 0);
	ck_assert_uint_eq(dns_name_labels(&n), 127);
	text[253] = '.';
	text[254] = '\0';
	ck_assert_int_eq(dns_name_from_text(text, &n), 0);
	text[254] = 'c';
	text[255] = '\0';
	ck_assert_int_eq(dns_name_from_text(text, &n), -EINVAL);
}
END_TEST

static struct dns_name name(const char *text)
{
	struct dns_name n;

	ck_assert_int_eq(dns_name_from_text(text, &n), 0);
	return n;
}

static const struct {
	const char *name, *suffix;
	bool under, equal;
} pairs[] = {
	{ "a.example.com", "example.com", true, false },
	{ "EXAMPLE.com", "example.COM", true, true },
	{ "badexample.com", "example.com", false, false },
	{ "example.com", "a.example.com", false, false },
	{ "example.com", ".", true, false },
	{ ".", ".", true, true },
	{ ".", "com", false, false },
	{ "x\\003com", "com", false, false }, /* no border of labels */
	{ "a.b", "a.c", false, false },
	{ "a@", "a`", false, false }, /* 0x40 and 0x60 are no letters */
	{ "a[", "a{", false, false },
	{ "AZ", "az", true, true },
};

START_TEST(compares_whole_labels_without_case)
{
	struct dns_name n = name(pairs[_i].name), s = name(pairs[_i].suffix);

	/* What is behind a name does not count. */
	memset(n.wire + n.len, 1, DNS_WIRE_MAX - n.len);
	memset(s.wire + s.len, 2, DNS_WIRE_MAX - s.len);
	ck_assert_int_eq(dns_name_under(&n, &s), pairs[_i].under);
	ck_assert_int_eq(dns_name_equal(&n, &s), pairs[_i].equal);
	ck_assert_int_eq(dns_name_equal(&s, &n), pairs[_i].equal);
}
END_TEST

START_TEST(takes_names_apart_and_joins_them)
{
	struct dns_name n = name("A.b.C"), tail, joined = { .len = 7 };

	ck_assert_uint_eq(dns_name_labels(&n), 3);
	dns_name_tail(&n, 3, &tail);
	ck_assert(dns_name_equal(&n, &tail));
	dns_name_tail(&n, 0, &tail);
	ck_assert_uint_eq(tail.len, 1);
	dns_name_tail(&n, 2, &tail);
	ck_assert_mem_eq(tail.wire, "\1b\1C", 5);
	dns_name_tail(&n, 1, &n); /* into itself */
	ck_assert_mem_eq(n.wire, "\1C", 3);
	ck_assert_int_eq(dns_name_join(&n, &tail, &joined), 0);
	ck_assert_mem_eq(joined.wire, "\1C\1b\1C", 7);
	ck_assert_int_eq(dns_name_join(&n, &tail, &n), 0);
	ck_assert(dns_name_equal(&n, &joined));
	ck_assert_int_eq(dns_name_join(&joined, &tail, &tail), 0);
	ck_assert_mem_eq(tail.wire, "\1C\1b\1C\1b\1C", 11);
	dns_name_lower(&tail);
	ck_assert_mem_eq(tail.wire, "\1c\1b\1c\1b\1c", 11);
}
END_TEST

START_TEST(joins_up_to_255_bytes)
{
	struct dns_name n, suffix = name("x"), joined = { .len = 9 };

	ck_assert_int_eq(long_name(59, false, &n), 0);
	ck_assert_int_eq(dns_name_join(&n, &suffix, &joined), 0);
	ck_assert_uint_eq(joined.len, DNS_WIRE_MAX);
	ck_assert_int_eq(long_name(60, false, &n), 0);
	joined.len = 9;
	ck_assert_int_eq(dns_name_join(&n, &suffix, &joined), -ENAMETOOLONG);
	ck_assert_uint_eq(joined.len, 9);
}
END_TEST

static const struct {
	const char *prefix;
	size_t count;
	const char *first, *last;
} reverses[] = {
	{ "10.77.0.0/16", 1, "77.10.in-addr.arpa", "77.10.in-addr.arpa" },
	{ "192.0.2.7/32", 1, "7.2.0.192.in-addr.arpa",
	  "7.2.0.192.in-addr.arpa" },
	{ "192.0.2.7/24", 1, "2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa" },
	{ "172.16.0.0/12", 16, "16.172.in-addr.arpa", "31.172.in-addr.arpa" },
	{ "192.0.2.200/25", 128, "128.2.0.192.in-addr.arpa",
	  "255.2.0.192.in-addr.arpa" },
	{ "192.0.2.200/31", 2, "200.2.0.192.in-addr.arpa",
	  "201.2.0.192.in-addr.arpa" },
	{ "0.0.0.0/0", 1, "in-addr.arpa", "in-addr.arpa" },
	{ "0.0.0.0/1", 128, "0.in-addr.arpa", "127.in-addr.arpa" },
	{ "fd00::/8", 1, "d.f.ip6.arpa", "d.f.ip6.arpa" },
	{ "fe80::/10", 4, "8.e.f.ip6.arpa", "b.e.f.ip6.arpa" },
	{ "fc00::/7", 2, "c.f.ip6.arpa", "d.f.ip6.arpa" },
	{ "8000::/1", 8, "8.ip6.arpa", "f.ip6.arpa" },
	{ "2001:db8::/33", 8, "0.8.b.d.0.1.0.0.2.ip6.arpa",
	  "7.8.b.d.0.1.0.0.2.ip6.arpa" },
	{ "2001:db8::1/128", 1,
	  "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
	  "ip6.arpa",
	  "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
	  "ip6.arpa" },
};

START_TEST(knows_reverse_zones)
{
	struct dns_name zones[DNS_REVERSE_MAX];
	char text[DNS_TEXT_MAX];
	struct ip_prefix p;

	ck_assert_int_eq(prefix_parse(reverses[_i].prefix, &p), 0);
	ck_assert_uint_eq(dns_name_reverse(&p, zones), reverses[_i].count);
	ck_assert_str_eq(dns_name_text(&zones[0], text), reverses[_i].first);
	ck_assert_str_eq(dns_name_text(&zones[reverses[_i].count - 1], text),
			 reverses[_i].last);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("name");
	TCase *t = tcase_create("text");

	tcase_add_loop_test(t, judges_names, 0, ARRAY_SIZE(rows));
	tcase_add_test(t, knows_the_limits);
	suite_add_tcase(s, t);
	t = tcase_create("wire");
	tcase_add_loop_test(t, reads_and_writes_text, 0, ARRAY_SIZE(forms));
	tcase_add_test(t, takes_255_bytes_and_no_more);
	tcase_add_loop_test(t, compares_whole_labels_without_case, 0,
			    ARRAY_SIZE(pairs));
	tcase_add_test(t, takes_names_apart_and_joins_them);
	tcase_add_test(t, joins_up_to_255_bytes);
	tcase_add_loop_test(t, knows_reverse_zones, 0, ARRAY_SIZE(reverses));
	suite_add_tcase(s, t);
	return suite_run(s);
}
