/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/cache.h"
#include "dns/wire.h"
#include "tests/lib/draft.h"
#include "tests/lib/suite.h"
#include "tunnel/base/clock.h"

enum {
	ID = 1,
	MEBIBYTE = 1 << 20,
	NAMES = 100000,
};

static const uint64_t s = 1000000000;
static const uint8_t address[4] = { 192, 0, 2, 1 };
static struct dns_cache *cache;
static struct draft d;
static struct dns_name name;
static struct dns_cache_key key;

static void create(void)
{
	cache = dns_cache_create(MEBIBYTE, 42);
	ck_assert_ptr_nonnull(cache);
	name = draft_name("Wiki.example");
	key = (struct dns_cache_key) {
		.name = &name,
		.type = DNS_TYPE_A,
		.class = DNS_CLASS_IN,
	};
}

static void destroy(void)
{
	dns_cache_destroy(cache);
}

/* What an upstream says of `key`, in the draft. */
static struct dns_answer parse(void)
{
	const struct dns_query sent = {
		.id = ID,
		.name = *key.name,
		.type = key.type,
		.class = key.class,
	};
	struct dns_answer a = { 0 };

	ck_assert_int_eq(dns_answer_parse(d.message, d.len, &sent, &a),
			 DNS_REPLY_OK);
	return a;
}

/* One with an address, whose last byte tells it from others. */
static struct dns_answer address_answer(uint32_t ttl, uint8_t last)
{
	char text[DNS_TEXT_MAX];

	draft_start(&d, ID, WIRE_QR);
	draft_question(&d, dns_name_text(key.name, text), key.type);
	draft_record(&d, "@", DNS_TYPE_A, ttl, address, 4);
	d.message[d.len - 1] = last;
	return parse();
}

static void put(uint32_t ttl, uint8_t last, uint64_t now_ns)
{
	struct dns_answer a = address_answer(ttl, last);

	ck_assert(dns_cache_put(cache, &key, &a, now_ns));
	ck_assert_ptr_null(a.message);
}

/* The last byte of the address, or -1; its age in seconds. */
static int find(uint64_t now_ns, uint32_t *ret_age_s)
{
	const struct dns_answer *a =
		dns_cache_find(cache, &key, now_ns, ret_age_s);

	return a != NULL ? a->message[a->len - 1] : -1;
}

static struct dns_cache_stats stats(void)
{
	struct dns_cache_stats st;

	dns_cache_stats(cache, &st);
	return st;
}

START_TEST(finds_an_answer_until_its_time_is_over)
{
	uint32_t age = 99;

	ck_assert_int_eq(find(0, &age), -1);
	put(60, 7, 10 * s);
	ck_assert_int_eq(find(10 * s, &age), 7);
	ck_assert_uint_eq(age, 0);
	ck_assert_int_eq(find(70 * s - 1, &age), 7);
	ck_assert_uint_eq(age, 59);
	ck_assert_int_eq(find(70 * s, &age), -1);
	/* Then it is gone. */
	ck_assert_uint_eq(stats().entries, 0);
	ck_assert_int_eq(find(10 * s, &age), -1);
	ck_assert_uint_eq(stats().hits, 2);
	ck_assert_uint_eq(stats().misses, 3);
}
END_TEST

START_TEST(asks_without_case)
{
	uint32_t age;

	put(60, 7, 0);
	name = draft_name("wIKI.eXAMPLE");
	ck_assert_int_eq(find(0, &age), 7);
	name = draft_name("wiki.example1");
	ck_assert_int_eq(find(0, &age), -1);
	name = draft_name("wiki.exampl");
	ck_assert_int_eq(find(0, &age), -1);
}
END_TEST

START_TEST(keeps_keys_apart)
{
	struct dns_cache_key keys[8];
	uint32_t age;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		keys[i] = key;
	keys[1].type = DNS_TYPE_AAAA;
	keys[2].class = 3;
	keys[3].route = 1;
	keys[4].route = 2;
	keys[5].dnssec_ok = true;
	keys[6].checking_disabled = true;
	keys[7].checking_disabled = keys[7].dnssec_ok = true;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct dns_answer a;

		key = keys[0];
		a = address_answer(60, (uint8_t)i);
		key = keys[i];
		ck_assert_int_eq(find(0, &age), -1);
		ck_assert(dns_cache_put(cache, &key, &a, 0));
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		key = keys[i];
		ck_assert_int_eq(find(0, &age), (int)i);
	}
	ck_assert_uint_eq(stats().entries, 8);
}
END_TEST

START_TEST(replaces_what_it_had)
{
	uint32_t age;
	size_t bytes;

	put(60, 1, 0);
	bytes = stats().bytes;
	put(30, 2, 5 * s);
	ck_assert_int_eq(find(5 * s, &age), 2);
	ck_assert_uint_eq(age, 0);
	ck_assert_int_eq(find(35 * s, &age), -1);
	put(30, 3, 36 * s);
	ck_assert_uint_eq(stats().entries, 1);
	ck_assert_uint_eq(stats().bytes, bytes);
	ck_assert_uint_eq(stats().evicted, 0);
}
END_TEST

START_TEST(keeps_no_errors_and_nothing_without_time)
{
	struct dns_answer a;

	for (uint16_t rcode = 0; rcode < 16; rcode++) {
		draft_start(&d, ID, WIRE_QR | rcode);
		draft_question(&d, "Wiki.example", DNS_TYPE_A);
		draft_section(&d);
		draft_soa(&d, "example", 900, rcode == 0 ? 0 : 900);
		a = parse();
		ck_assert_int_eq(dns_cache_put(cache, &key, &a, 0),
				 rcode == DNS_RCODE_NXDOMAIN);
		ck_assert_int_eq(a.message == NULL,
				 rcode == DNS_RCODE_NXDOMAIN);
		dns_answer_fini(&a);
	}
	a = address_answer(0, 1);
	ck_assert(!dns_cache_put(cache, &key, &a, 0));
	dns_answer_fini(&a);
	/* And what it had stays until its time is over. */
	ck_assert_uint_eq(stats().entries, 1);
}
END_TEST

START_TEST(caps_times)
{
	struct dns_answer a;
	uint32_t age;

	put(DNS_CACHE_TTL_MAX_S + 1, 1, 0);
	ck_assert_int_eq(find(DNS_CACHE_TTL_MAX_S * s - 1, &age), 1);
	ck_assert_int_eq(find(DNS_CACHE_TTL_MAX_S * s, &age), -1);
	a = address_answer(60, 2);
	a.negative = true; /* whatever the parser says */
	ck_assert(dns_cache_put(cache, &key, &a, 0));
	ck_assert_int_eq(find(5 * s - 1, &age), 2);
	ck_assert_int_eq(find(5 * s, &age), -1);
}
END_TEST

static void set_name(unsigned int i)
{
	char text[64];

	snprintf(text, sizeof(text), "host-%u.web.example.com", i);
	name = draft_name(text);
}

START_TEST(lets_the_least_lately_used_go_first)
{
	unsigned int i = 0, held;
	uint32_t age;

	while (stats().evicted == 0) {
		set_name(i++);
		put(60, 0, 0);
		ck_assert_uint_le(stats().bytes, MEBIBYTE);
		/* The first one is used all the time. */
		set_name(0);
		ck_assert_int_eq(find(0, &age), 0);
	}
	held = i - 1;
	ck_assert_uint_eq(stats().entries, held);
	set_name(1);
	ck_assert_int_eq(find(0, &age), -1);
	for (unsigned int k = 2; k < i; k++) {
		set_name(k);
		ck_assert_int_eq(find(0, &age), 0);
	}
	printf("note: %u answers in a cache of 1 MiB\n", held);
}
END_TEST

START_TEST(fills_its_room_to_the_last_byte)
{
	size_t empty, one;
	uint32_t age;

	for (size_t less = 0; less < 2; less++) {
		dns_cache_destroy(cache);
		cache = dns_cache_create(4000, 1);
		empty = stats().bytes;
		put(60, 0, 0);
		one = stats().bytes - empty;
		dns_cache_destroy(cache);
		cache = dns_cache_create(empty + 2 * one - less, 1);
		put(60, 0, 0);
		key.type = DNS_TYPE_ANY;
		put(60, 0, 0);
		ck_assert_uint_eq(stats().evicted, less);
		ck_assert_int_eq(find(0, &age), 0);
		key.type = DNS_TYPE_A;
	}
	dns_cache_destroy(NULL);
}
END_TEST

START_TEST(makes_room_for_a_large_answer_and_refuses_a_larger)
{
	struct dns_answer a;
	uint32_t age;

	dns_cache_destroy(cache);
	cache = dns_cache_create(40000, 1);
	for (unsigned int i = 0; i < 50; i++) {
		set_name(i);
		put(60, 0, 0);
	}
	name = draft_name("big.example");
	for (size_t len = 30000; len <= 60000; len += 30000) {
		static const uint8_t data[60000];

		draft_start(&d, ID, WIRE_QR);
		draft_question(&d, "big.example", DNS_TYPE_A);
		draft_record(&d, "@", DNS_TYPE_A, 60, address, 4);
		draft_record(&d, "@", DNS_TYPE_TXT, 60, data, len);
		a = parse();
		ck_assert_int_eq(dns_cache_put(cache, &key, &a, 0),
				 len == 30000);
		ck_assert_uint_le(stats().bytes, 40000);
		if (len == 30000) {
			ck_assert_uint_gt(stats().entries, 1);
			ck_assert_uint_gt(stats().evicted, 0);
			ck_assert_int_eq(find(0, &age), 0);
		}
		dns_answer_fini(&a);
	}
	/* What it was to replace is not true any more. */
	ck_assert_int_eq(find(0, &age), -1);
}
END_TEST

START_TEST(forgets_all_at_once)
{
	const size_t empty = stats().bytes;
	uint32_t age;

	for (unsigned int i = 0; i < 1000; i++) {
		set_name(i);
		put(60, 0, 0);
	}
	dns_cache_flush(cache);
	ck_assert_uint_eq(stats().entries, 0);
	ck_assert_uint_eq(stats().bytes, empty);
	ck_assert_uint_eq(stats().flushes, 1);
	for (unsigned int i = 0; i < 1000; i++) {
		set_name(i);
		ck_assert_int_eq(find(0, &age), -1);
	}
	put(60, 5, 0);
	ck_assert_int_eq(find(0, &age), 5);
}
END_TEST

START_TEST(holds_100000_names_in_less_than_32_mib)
{
	struct dns_name *names = calloc(NAMES, sizeof(*names));
	const size_t before = mallinfo2().uordblks;
	unsigned int found = 0;
	uint64_t find_ns, flush_ns, t;
	struct dns_cache_stats st;
	size_t used;
	uint32_t age;

	dns_cache_destroy(cache);
	cache = dns_cache_create(32 * (size_t)MEBIBYTE, 7);
	for (unsigned int i = 0; i < NAMES; i++) {
		set_name(i);
		names[i] = name;
		put(60, (uint8_t)i, 0);
	}
	used = mallinfo2().uordblks - before;
	st = stats();
	ck_assert_uint_eq(st.entries, NAMES);
	ck_assert_uint_eq(st.evicted, 0);
	ck_assert_uint_lt(st.bytes, 32 * MEBIBYTE);
	/* What is counted is what is taken (a sanitizer's malloc says 0). */
	ck_assert_uint_le(used, st.bytes + st.bytes / 50);
	t = clock_now_ns();
	for (unsigned int i = 0; i < NAMES; i++) {
		key.name = &names[i];
		found += find(0, &age) == (uint8_t)i;
	}
	find_ns = clock_now_ns() - t;
	ck_assert_uint_eq(found, NAMES);
	t = clock_now_ns();
	dns_cache_flush(cache);
	flush_ns = clock_now_ns() - t;
	free(names);
	printf("note: 100,000 names in %.1f MiB (malloc's own count: %.1f); "
	       "find %llu ns, flush of all %.1f ms\n",
	       (double)st.bytes / MEBIBYTE, (double)used / MEBIBYTE,
	       (unsigned long long)(find_ns / NAMES), (double)flush_ns / 1e6);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cache");
	TCase *t = tcase_create("cache");

	tcase_add_checked_fixture(t, create, destroy);
	tcase_add_test(t, finds_an_answer_until_its_time_is_over);
	tcase_add_test(t, asks_without_case);
	tcase_add_test(t, keeps_keys_apart);
	tcase_add_test(t, replaces_what_it_had);
	tcase_add_test(t, keeps_no_errors_and_nothing_without_time);
	tcase_add_test(t, caps_times);
	tcase_add_test(t, lets_the_least_lately_used_go_first);
	tcase_add_test(t, makes_room_for_a_large_answer_and_refuses_a_larger);
	tcase_add_test(t, fills_its_room_to_the_last_byte);
	tcase_add_test(t, forgets_all_at_once);
	tcase_add_test(t, holds_100000_names_in_less_than_32_mib);
	suite_add_tcase(suite, t);
	return suite_run(suite);
}
