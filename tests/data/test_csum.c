/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/base/bytes.h"
#include "tunnel/data/csum.h"

/* As RFC 1071 defines it: word by word, carry by carry. */
static uint16_t reference(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return (uint16_t)sum;
}

START_TEST(adds_up_the_example_of_rfc_1071)
{
	static const uint8_t example[] = { 0x00, 0x01, 0xf2, 0x03,
					   0xf4, 0xf5, 0xf6, 0xf7 };

	ck_assert_uint_eq(csum_fold(csum_add(0, example, 8)), 0xddf2);
}
END_TEST

START_TEST(agrees_with_the_definition_at_every_length)
{
	uint8_t p[300];

	srandom(1);
	for (size_t len = 0; len < sizeof(p); len++) {
		for (size_t i = 0; i < len; i++)
			p[i] = (uint8_t)random();
		ck_assert_uint_eq(csum_fold(csum_add(0, p, len)),
				  reference(p, len));
	}
	/* The most that can be carried. */
	memset(p, 0xff, sizeof(p));
	ck_assert_uint_eq(csum_fold(csum_add(0, p, 300)), 0xffff);
}
END_TEST

START_TEST(checks_the_header_of_a_real_packet)
{
	/* An IPv4 header from the standard example, checksum b861. */
	uint8_t ip[] = { 0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40,
			 0x00, 0x40, 0x11, 0x00, 0x00, 0xc0, 0xa8,
			 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7 };

	csum_ipv4_header(ip, sizeof(ip));
	ck_assert_uint_eq(load_be16(ip + 10), 0xb861);
}
END_TEST

START_TEST(sums_the_pseudo_header_of_both_families)
{
	uint8_t four[20] = { 0x45 }, six[40] = { 0x60 };
	uint8_t pseudo[40] = { 0 };

	for (size_t i = 12; i < 20; i++)
		four[i] = (uint8_t)(17 * i);
	memcpy(pseudo, four + 12, 8);
	pseudo[9] = 6;
	store_be16(pseudo + 10, 1234);
	ck_assert_uint_eq(csum_fold(csum_pseudo(four, 6, 1234)),
			  reference(pseudo, 12));

	for (size_t i = 8; i < 40; i++)
		six[i] = (uint8_t)(29 * i);
	memset(pseudo, 0, sizeof(pseudo));
	memcpy(pseudo, six + 8, 32);
	store_be32(pseudo + 32, 1234);
	pseudo[39] = 17;
	ck_assert_uint_eq(csum_fold(csum_pseudo(six, 17, 1234)),
			  reference(pseudo, 40));
}
END_TEST

START_TEST(never_writes_a_zero)
{
	/* With this pseudo sum the complement is 0, which in UDP over IPv4
	 * would say "no checksum" (RFC 768). */
	uint8_t udp[] = { 0x12, 0x34, 0x00, 0x35, 0x00, 0x08, 0x00, 0x00 };

	store_be16(udp + 6, (uint16_t)~reference(udp, 6));
	csum_finish(udp, sizeof(udp), 6);
	ck_assert_uint_eq(load_be16(udp + 6), 0xffff);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("csum");
	TCase *t = tcase_create("csum");

	tcase_add_test(t, adds_up_the_example_of_rfc_1071);
	tcase_add_test(t, agrees_with_the_definition_at_every_length);
	tcase_add_test(t, checks_the_header_of_a_real_packet);
	tcase_add_test(t, sums_the_pseudo_header_of_both_families);
	tcase_add_test(t, never_writes_a_zero);
	suite_add_tcase(s, t);
	return suite_run(s);
}
