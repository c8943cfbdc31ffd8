/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/reason.h"

static const struct {
	const char *text, *back; /* back NULL: refused */
} prefixes[] = {
	{ "10.0.0.0/8", "10.0.0.0/8" },
	{ "10.1.2.3", "10.1.2.3/32" },
	{ "0.0.0.0/0", "0.0.0.0/0" },
	{ "::/0", "::/0" },
	{ "2001:DB8:0:0::1/64", "2001:db8::1/64" },
	{ "fd00::1", "fd00::1/128" },
	{ "10.0.0.0/33", NULL },
	{ "::/129", NULL },
	{ "10.0.0.0/", NULL },
	{ "10.0.0.0/ 8", NULL },
	{ "10.0.0.0/08", NULL },
	{ "10.0.0.0/-1", NULL },
	{ "10.0.0/8", NULL },
	{ "10.0.0.0.0/8", NULL },
	{ "", NULL },
	{ "fe80::1%eth0/64", NULL },
};

START_TEST(reads_and_writes_prefixes)
{
	char text[PREFIX_TEXT_MAX];
	struct ip_prefix p;

	if (prefixes[_i].back == NULL) {
		ck_assert_int_eq(prefix_parse(prefixes[_i].text, &p), -EINVAL);
		return;
	}
	ck_assert_int_eq(prefix_parse(prefixes[_i].text, &p), 0);
	ck_assert_str_eq(prefix_text(&p, text), prefixes[_i].back);
}
END_TEST

static const struct {
	const char *text;
	bool right;
} endpoints[] = {
	{ "192.0.2.1:443", true },
	{ "[2001:db8::1]:65535", true },
	{ "192.0.2.1", false },
	{ "192.0.2.1:0", false },
	{ "192.0.2.1:65536", false },
	{ "192.0.2.1:443x", false },
	{ "[192.0.2.1]:443", false },
	{ "2001:db8::1:443", false },
	{ "[2001:db8::1]", false },
	{ "[]:443", false },
	{ ":443", false },
};

START_TEST(reads_and_writes_endpoints)
{
	char text[ENDPOINT_TEXT_MAX];
	struct sockaddr_storage sa;
	struct endpoint e, back;

	if (!endpoints[_i].right) {
		ck_assert_int_eq(endpoint_parse(endpoints[_i].text, &e),
				 -EINVAL);
		return;
	}
	ck_assert_int_eq(endpoint_parse(endpoints[_i].text, &e), 0);
	ck_assert_str_eq(endpoint_text(&e, text), endpoints[_i].text);
	ck_assert_uint_gt(endpoint_to_sockaddr(&e, &sa), 0);
	ck_assert_int_eq(endpoint_from_sockaddr((struct sockaddr *)&sa, &back),
			 0);
	ck_assert(endpoint_equal(&e, &back));
}
END_TEST

START_TEST(takes_a_mapped_address_for_ipv4)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct endpoint e;

	memcpy(&in6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01",
	       16);
	ck_assert_int_eq(endpoint_from_sockaddr((struct sockaddr *)&in6, &e),
			 0);
	ck_assert_int_eq(e.addr.family, AF_INET);
	ck_assert_mem_eq(e.addr.bytes, "\xc0\x00\x02\x01", 4);
}
END_TEST

/* Every prefix length, against a comparison bit by bit. */
START_TEST(knows_what_lies_in_a_prefix)
{
	struct ip_prefix p = { .addr = { .family = AF_INET6 } };

	memset(p.addr.bytes, 0xa5, 16);
	for (unsigned int len = 0; len <= 128; len++) {
		p.len = (uint8_t)len;
		for (unsigned int bit = 0; bit < 128; bit++) {
			struct ip_prefix other = p;
			struct ip_prefix masked;

			other.addr.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			ck_assert_int_eq(prefix_has(&p, &other.addr),
					 bit >= len);
			other.len = 128;
			ck_assert_int_eq(prefix_covers(&p, &other), bit >= len);
			masked = prefix_masked(&other);
			ck_assert(addr_equal(&masked.addr, &other.addr));
			other.len = p.len;
			masked = prefix_masked(&other);
			ck_assert(prefix_has(&other, &masked.addr));
		}
	}
	ck_assert(!prefix_has(&p, &(struct ip_addr) { .family = AF_INET }));
}
END_TEST

START_TEST(keeps_the_first_failure_of_a_cursor)
{
	uint8_t buf[4] = { 1, 2, 3, 4 };
	struct bytes b = bytes_over(buf, sizeof(buf));

	ck_assert_uint_eq(bytes_get16(&b), 0x0102);
	ck_assert_uint_eq(bytes_get32(&b), 0);
	ck_assert(!bytes_ok(&b));
	/* Two bytes are left, and still nothing is given. */
	ck_assert_uint_eq(bytes_get8(&b), 0);
	ck_assert_uint_eq(bytes_left(&b), 0);
	bytes_put8(&b, 9);
	ck_assert_mem_eq(buf, "\1\2\3\4", 4);
	b = bytes_over(buf, sizeof(buf));
	bytes_put64(&b, 1);
	ck_assert(!bytes_ok(&b));
	ck_assert_mem_eq(buf, "\1\2\3\4", 4);
	b = bytes_over(buf, sizeof(buf));
	bytes_put32(&b, 0xfffefdfc);
	ck_assert(bytes_ok(&b));
	ck_assert_uint_eq(bytes_done(&b), 4);
	ck_assert_mem_eq(buf, "\xff\xfe\xfd\xfc", 4);
}
END_TEST

START_TEST(has_a_code_a_text_and_an_exit_code_for_each_reason)
{
	for (int r = 0; r < REASON_COUNT; r++) {
		ck_assert_ptr_nonnull(reason_code((enum reason)r));
		ck_assert_ptr_nonnull(reason_text((enum reason)r));
		ck_assert_int_ge(reason_exit_code((enum reason)r), 0);
		ck_assert_int_le(reason_exit_code((enum reason)r), 7);
		for (int k = 0; k < r; k++)
			ck_assert_str_ne(reason_code((enum reason)r),
					 reason_code((enum reason)k));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base");
	TCase *t = tcase_create("values");

	tcase_add_loop_test(t, reads_and_writes_prefixes, 0,
			    ARRAY_SIZE(prefixes));
	tcase_add_loop_test(t, reads_and_writes_endpoints, 0,
			    ARRAY_SIZE(endpoints));
	tcase_add_test(t, takes_a_mapped_address_for_ipv4);
	tcase_add_test(t, knows_what_lies_in_a_prefix);
	tcase_add_test(t, keeps_the_first_failure_of_a_cursor);
	tcase_add_test(t, has_a_code_a_text_and_an_exit_code_for_each_reason);
	suite_add_tcase(s, t);
	return suite_run(s);
}
