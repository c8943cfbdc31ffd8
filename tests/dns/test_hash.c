/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dns/hash.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

/* From the authors' own list (draft-eastlake-fnv, appendix C). */
static const struct {
	const char *text;
	uint64_t hash;
} fnv[] = {
	{ "", 0xcbf29ce484222325 },
	{ "a", 0xaf63dc4c8601ec8c },
	{ "foobar", 0x85944171f73967e8 },
};

START_TEST(is_fnv_1a)
{
	ck_assert_uint_eq(hash_fnv1a(fnv[_i].text, strlen(fnv[_i].text)),
			  fnv[_i].hash);
}
END_TEST

/* The check of the author's SMHasher: the hashes of 0 to 255 bytes 0, 1, 2,
 * ... with the seed 256 less the length, hashed together; its first four bytes
 * are 0x6384ba69 for MurmurHash3_x64_128. It sees every length of a tail. */
START_TEST(is_murmur_hash_3)
{
	uint64_t hashes[256][2], last[2];
	uint8_t key[256];

	for (unsigned int i = 0; i < 256; i++) {
		key[i] = (uint8_t)i;
		hash_murmur3(key, i, 256 - i, hashes[i]);
	}
	hash_murmur3(hashes, sizeof(hashes), 0, last);
	ck_assert_uint_eq((uint32_t)last[0], 0x6384ba69);
}
END_TEST

START_TEST(hashes_the_quick_brown_fox)
{
	static const char fox[] = "The quick brown fox jumps over the lazy dog";
	uint64_t hash[2];

	hash_murmur3(fox, strlen(fox), 0, hash);
	ck_assert_uint_eq(hash[0], 0xe34bbc7bbc071b6c);
	ck_assert_uint_eq(hash[1], 0x7a433ca9c49a9347);
	hash_murmur3("", 0, 0, hash);
	ck_assert_uint_eq(hash[0] | hash[1], 0);
}
END_TEST

/* The paper's own (appendix A), and the reference code's for no bytes. */
START_TEST(is_siphash_2_4)
{
	static const uint64_t key[] = { 0x0706050403020100,
					0x0f0e0d0c0b0a0908 };
	uint8_t bytes[15];

	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	ck_assert_uint_eq(hash_siphash(bytes, 15, key), 0xa129ca6149be45e5);
	ck_assert_uint_eq(hash_siphash(bytes, 0, key), 0x726fdb47dd0e0e31);
	ck_assert_uint_eq(hash_siphash(bytes, 8, key), 0x93f5f5799a932462);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hash");
	TCase *t = tcase_create("vectors");

	tcase_add_loop_test(t, is_fnv_1a, 0, ARRAY_SIZE(fnv));
	tcase_add_test(t, is_murmur_hash_3);
	tcase_add_test(t, hashes_the_quick_brown_fox);
	tcase_add_test(t, is_siphash_2_4);
	suite_add_tcase(s, t);
	return suite_run(s);
}
