/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "config/base64.h"
#include "config/text.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

static const struct {
	const char *text;
	size_t good;
} utf8[] = {
	{ "", 0 },
	{ "abc", 3 },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9 },
	{ "a\x80", 1 }, /* continuation without a lead */
	{ "a\xc3", 1 }, /* cut off */
	{ "a\xc3z", 1 },
	{ "\xc0\x80", 0 }, /* overlong */
	{ "\xe0\x80\x80", 0 },
	{ "\xf0\x80\x80\x80", 0 },
	{ "\xed\xa0\x80", 0 }, /* a surrogate */
	{ "\xf4\x8f\xbf\xbf", 4 },
	{ "\xf4\x90\x80\x80", 0 }, /* behind the last code point */
	{ "\xff", 0 },
};

START_TEST(tells_utf8_from_other_bytes)
{
	ck_assert_uint_eq(
		text_utf8_prefix(utf8[_i].text, strlen(utf8[_i].text)),
		utf8[_i].good);
}
END_TEST

START_TEST(writes_every_code_point_as_utf8)
{
	char buf[4];

	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		size_t n;

		if (code == 0xd800) /* surrogates are none */
			code = 0xe000;
		n = text_utf8_put(code, buf);
		ck_assert_uint_eq(text_utf8_prefix(buf, n), n);
	}
}
END_TEST

static const struct {
	const char *text, *printed;
} unprintable[] = {
	{ "plain \xc3\xa4", "plain \xc3\xa4" },
	{ "\x1b[31mred", "?[31mred" },
	{ "a\nb\tc\x7f", "a?b?c?" },
	{ "\xc2\x9b"
	  "31m",
	  "??31m" }, /* CSI in one character */
	{ "\xe2\x80\xae"
	  "evil",
	  "???evil" }, /* right to left */
	{ "\xe2\x81\xa6x", "???x" },
	{ "cut \xe2\x82", "cut " },
	{ "\xff\xff\xff\xff\xff", "??" }, /* at most three go */
};

START_TEST(makes_text_harmless_for_a_terminal)
{
	char buf[32];

	strcpy(buf, unprintable[_i].text);
	text_make_printable(buf);
	ck_assert_str_eq(buf, unprintable[_i].printed);
}
END_TEST

static const struct {
	const char *a, *b;
	unsigned int distance;
} pairs[] = {
	{ "HostName", "hostname", 0 },
	{ "Prot", "Port", 1 },
	{ "Port", "Por", 1 },
	{ "MTU", "MTUs", 1 },
	{ "kitten", "sitting", 3 },
	{ "", "abc", 3 },
	{ "abc", "", 3 },
	{ "Gatewasy", "Gateways", 1 },
};

START_TEST(measures_how_far_names_are_apart)
{
	ck_assert_uint_eq(text_distance(pairs[_i].a, pairs[_i].b),
			  pairs[_i].distance);
	ck_assert_uint_eq(text_distance(pairs[_i].b, pairs[_i].a),
			  pairs[_i].distance);
}
END_TEST

/* RFC 4648 section 10, and what it leaves to us. */
static const struct {
	const char *text, *bytes; /* bytes NULL: refused */
} base64[] = {
	{ "", "" },
	{ "Zg==", "f" },
	{ "Zm8=", "fo" },
	{ "Zm9v", "foo" },
	{ "Zm9vYg==", "foob" },
	{ "Zm9vYmE=", "fooba" },
	{ "Zm9vYmFy", "foobar" },
	{ " Zm9v\r\nYmFy\t", "foobar" },
	{ "Zg", NULL }, /* no padding */
	{ "Zg=", NULL },
	{ "Zh==", NULL }, /* bits behind the end */
	{ "Zm9=", NULL },
	{ "Zg==Zg==", NULL },
	{ "=", NULL },
	{ "====", NULL },
	{ "A===", NULL },
	{ "Zm9-", NULL }, /* another alphabet's */
	{ "Zm\xc3\xa4", NULL },
};

START_TEST(reads_and_writes_base64)
{
	const char *bytes = base64[_i].bytes;
	uint8_t *got = NULL;
	char again[16];
	size_t len;
	int r = base64_decode(base64[_i].text, strlen(base64[_i].text), &got,
			      &len);

	if (!bytes) {
		ck_assert_int_lt(r, 0);
		return;
	}
	ck_assert_int_eq(r, 0);
	ck_assert_str_eq((char *)got, bytes);
	base64_encode(got, len, again);
	if (!strpbrk(base64[_i].text, " \t"))
		ck_assert_str_eq(again, base64[_i].text);
	free(got);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("text");
	TCase *t = tcase_create("text");

	tcase_add_loop_test(t, tells_utf8_from_other_bytes, 0,
			    (int)ARRAY_SIZE(utf8));
	tcase_add_test(t, writes_every_code_point_as_utf8);
	tcase_add_loop_test(t, makes_text_harmless_for_a_terminal, 0,
			    (int)ARRAY_SIZE(unprintable));
	tcase_add_loop_test(t, measures_how_far_names_are_apart, 0,
			    (int)ARRAY_SIZE(pairs));
	tcase_add_loop_test(t, reads_and_writes_base64, 0,
			    (int)ARRAY_SIZE(base64));
	suite_add_tcase(s, t);
	return suite_run(s);
}
