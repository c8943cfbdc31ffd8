/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/suite.h"
#include "tunnel/base/bytes.h"
#include "tunnel/data/peer_table.h"

static struct peer_table *table;

static struct peer *new_peer(uint32_t index, uint32_t inner_slot)
{
	static const uint8_t secret[KEYS_SECRET_LEN] = { 1 };
	struct ip_prefix sources[2];
	struct peer_config c = {
		.index = index,
		.inner_slot = inner_slot,
		.lanes = 2,
		.send = KEYS_GATEWAY_TO_CLIENT,
		.sources = sources,
		.source_count = 2,
	};
	struct keys keys;
	struct peer *p;

	ck_assert_int_eq(prefix_parse("10.77.0.9", &sources[0]), 0);
	ck_assert_int_eq(prefix_parse("fd77::/64", &sources[1]), 0);
	keys_init(&keys, &aead_aes256gcm, secret);
	c.keys = &keys;
	ck_assert_int_eq(peer_create(&c, &p), 0);
	return p;
}

static void gateway(void)
{
	struct peer_table_config c = { .inner_slots = 4096 };

	ck_assert_int_eq(prefix_parse("10.77.16.0/20", &c.pool4), 0);
	ck_assert_int_eq(prefix_parse("fd77::/64", &c.pool6), 0);
	ck_assert_int_eq(peer_table_create(&c, &table), 0);
}

static void client(void)
{
	struct peer_table_config c = { .inner_slots = 0 };

	ck_assert_int_eq(peer_table_create(&c, &table), 0);
}

static void destroy(void)
{
	peer_table_destroy(table);
}

/* Who gets a packet to this address? */
static struct peer *to(const char *address)
{
	uint8_t packet[40] = { 0 };
	struct ip_addr a;

	ck_assert_int_eq(addr_parse(address, &a), 0);
	packet[0] = a.family == AF_INET ? 0x45 : 0x60;
	memcpy(packet + (a.family == AF_INET ? 16 : 24), a.bytes,
	       addr_size(&a));
	return peer_table_by_inner(table, packet);
}

START_TEST(finds_a_session_by_its_whole_index)
{
	struct peer *p = new_peer(0xabcd0007, 7);

	ck_assert_int_eq(peer_table_publish(table, p), 0);
	ck_assert_ptr_eq(peer_table_by_index(table, 0xabcd0007), p);
	ck_assert_ptr_null(peer_table_by_index(table, 0xabce0007));
	ck_assert_ptr_null(peer_table_by_index(table, 0xabcd0008));
	ck_assert_ptr_null(peer_table_by_index(table, 0));
}
END_TEST

START_TEST(finds_who_has_an_inner_address)
{
	struct peer *p = new_peer(1, 0x107), *last = new_peer(2, 4095);

	ck_assert_int_eq(peer_table_publish(table, p), 0);
	ck_assert_int_eq(peer_table_publish(table, last), 0);
	ck_assert_ptr_eq(to("10.77.17.7"), p);
	ck_assert_ptr_eq(to("fd77::107"), p);
	ck_assert_ptr_eq(to("10.77.31.255"), last);
	/* free, below the pool, above it, and elsewhere */
	ck_assert_ptr_null(to("10.77.17.8"));
	ck_assert_ptr_null(to("10.77.15.255"));
	ck_assert_ptr_null(to("10.77.32.0"));
	ck_assert_ptr_null(to("0.0.0.0"));
	ck_assert_ptr_null(to("255.255.255.255"));
	ck_assert_ptr_null(to("fd77::1:107"));
	ck_assert_ptr_null(to("fd78::107"));
	ck_assert_ptr_null(to("fd77::ffff:ffff"));
}
END_TEST

START_TEST(a_clients_one_peer_takes_everything)
{
	struct peer *p = new_peer(0x12345678, 0);

	ck_assert_ptr_null(to("192.0.2.1"));
	ck_assert_int_eq(peer_table_publish(table, p), 0);
	ck_assert_ptr_eq(to("192.0.2.1"), p);
	ck_assert_ptr_eq(to("2001:db8::1"), p);
	ck_assert_ptr_eq(peer_table_by_index(table, 0x12345678), p);
}
END_TEST

START_TEST(refuses_a_slot_that_is_taken_or_is_none)
{
	struct peer *p = new_peer(0x00010005, 5);
	struct peer *same = new_peer(0x00020005, 6);
	struct peer *outside = new_peer(6, 4096);

	ck_assert_int_eq(peer_table_publish(table, p), 0);
	ck_assert_int_eq(peer_table_publish(table, same), -EEXIST);
	ck_assert_int_eq(peer_table_publish(table, outside), -ERANGE);
	peer_destroy(same);
	peer_destroy(outside);
}
END_TEST

START_TEST(a_later_session_takes_the_traffic_over)
{
	struct peer *old = new_peer(5, 9), *new = new_peer(6, 9);

	ck_assert_int_eq(peer_table_publish(table, old), 0);
	ck_assert_int_eq(peer_table_publish(table, new), 0);
	ck_assert_ptr_eq(to("10.77.16.9"), new);
	ck_assert_ptr_eq(peer_table_by_index(table, 5), old);
	peer_table_withdraw(table, old);
	ck_assert_ptr_eq(to("10.77.16.9"), new);
	ck_assert_ptr_null(peer_table_by_index(table, 5));
	peer_table_withdraw(table, new);
	ck_assert_ptr_null(to("10.77.16.9"));
}
END_TEST

START_TEST(a_withdrawn_peer_lives_until_each_worker_has_passed)
{
	peer_table_pass(table, 0);
	peer_table_pass(table, 3);
	ck_assert_int_eq(peer_table_publish(table, new_peer(1, 1)), 0);
	ck_assert_int_eq(peer_table_publish(table, new_peer(2, 2)), 0);

	peer_table_withdraw(table, peer_table_find(table, 1));
	ck_assert_uint_eq(peer_table_reap(table), 1);
	peer_table_pass(table, 0);
	ck_assert_uint_eq(peer_table_reap(table), 1);
	/* Between the passes comes another: it waits for its own. */
	peer_table_withdraw(table, peer_table_find(table, 2));
	ck_assert_uint_eq(peer_table_reap(table), 2);
	peer_table_pass(table, 3);
	ck_assert_uint_eq(peer_table_reap(table), 1);
	peer_table_leave(table, 0);
	ck_assert_uint_eq(peer_table_reap(table), 0);
	peer_table_leave(table, 3);
}
END_TEST

enum {
	READERS = 2,
	INDICES = 16,
	ROUNDS = 2000,
};

static _Atomic bool stop;
static _Atomic unsigned int finders; /* readers that found something */

/* What a worker does: pass, look up, and use what it found until it passes
 * again. */
static void *read_on(void *arg)
{
	unsigned int lane = *(unsigned int *)arg;
	uint8_t packet[20] = { 0x45, [16] = 10, 77, 16, 0 };
	bool found = false;

	while (!stop) {
		peer_table_pass(table, lane);
		for (uint32_t i = 0; i < INDICES; i++) {
			struct peer *a, *b;
			struct peer_lane *l;

			packet[19] = (uint8_t)i;
			a = peer_table_by_index(table, i);
			b = peer_table_by_inner(table, packet);
			if (a != NULL) {
				ck_assert_uint_eq(a->index, i);
				l = peer_lane_use(a, lane);
				counter_add(&l->rx_placed[0], 1);
				l->tx.counter++;
				finders += !found;
				found = true;
			}
			if (b != NULL)
				peer_lane_use(b, lane)->tx.counter++;
		}
	}
	peer_table_leave(table, lane);
	return NULL;
}

/* For SAN=thread and SAN=address: no worker may touch what was destroyed. */
START_TEST(publishing_and_withdrawing_under_load)
{
	unsigned int lane[READERS];
	pthread_t thread[READERS];
	struct peer_stats stats;
	uint64_t heard = 0;

	stop = false;
	finders = 0;
	for (unsigned int i = 0; i < READERS; i++) {
		lane[i] = i;
		peer_table_pass(table, i);
		pthread_create(&thread[i], NULL, read_on, &lane[i]);
	}
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t index = i % INDICES;
		struct peer *p = peer_table_find(table, index);

		if (p != NULL) {
			peer_stats(p, &stats);
			heard += stats.rx_records;
			peer_table_withdraw(table, p);
		}
		ck_assert_int_eq(
			peer_table_publish(table, new_peer(index, index)), 0);
		(void)peer_table_reap(table);
	}
	/* One may have had no CPU until now; what is published is there. */
	while (finders < READERS)
		sched_yield();
	stop = true;
	for (unsigned int i = 0; i < READERS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_uint_eq(peer_table_reap(table), 0);
	printf("note: %d peers came and went under %llu lookups\n", ROUNDS,
	       (unsigned long long)heard);
}
END_TEST

/* How many pages of a lane are memory. */
static unsigned int pages_of(const struct peer *p, unsigned int lane)
{
	unsigned char there[sizeof(struct peer_lane) / PEER_LANE_ALIGN];
	unsigned int n = 0;

	ck_assert_int_eq(
		mincore(&p->lane[lane], sizeof(struct peer_lane), there), 0);
	for (size_t i = 0; i < sizeof(there); i++)
		n += there[i] & 1;
	return n;
}

START_TEST(a_lane_takes_memory_from_its_first_record_on)
{
	static const uint8_t none[2][KEYS_SECRET_LEN];
	struct peer *p = new_peer(1, 1);
	struct peer_lane *l;

	if (sysconf(_SC_PAGESIZE) == PEER_LANE_ALIGN) {
		ck_assert_uint_eq(pages_of(p, 0), 0);
		ck_assert_uint_eq(pages_of(p, 1), 0);
	}
	l = peer_lane_use(p, 1);
	ck_assert_ptr_eq(l, &p->lane[1]);
	l->tx.counter = 7;
	ck_assert_ptr_eq(peer_lane_use(p, 1), l);
	ck_assert_uint_eq(l->tx.counter, 7);
	if (sysconf(_SC_PAGESIZE) == PEER_LANE_ALIGN) {
		ck_assert_uint_eq(pages_of(p, 0), 0);
		ck_assert_uint_gt(pages_of(p, 1), 0);
	}
	/* Nobody can make its first keys once more. */
	ck_assert_mem_eq(p->seed[1].chain, none, sizeof(none));
	ck_assert_mem_ne(p->seed[0].chain, none, sizeof(none));
	peer_destroy(p);
	printf("note: a peer takes %zu bytes of heap, and %zu for each lane, "
	       "mapped, once it is used\n",
	       sizeof(struct peer) + sizeof(struct keys_seed),
	       sizeof(struct peer_lane));
}
END_TEST

static bool allowed(struct peer *p, const char *source)
{
	uint8_t packet[40] = { 0 };
	struct ip_addr a;

	ck_assert_int_eq(addr_parse(source, &a), 0);
	packet[0] = a.family == AF_INET ? 0x45 : 0x60;
	memcpy(packet + (a.family == AF_INET ? 12 : 8), a.bytes, addr_size(&a));
	return peer_source_allowed(p, &p->lane[0], packet);
}

START_TEST(a_peer_may_use_its_own_sources_only)
{
	struct peer *p = new_peer(1, 1);

	/* Not even before the first good one, whose memory is all zeros. */
	ck_assert(!allowed(p, "0.0.0.0"));
	ck_assert(!allowed(p, "::"));
	for (int i = 0; i < 2; i++) {
		ck_assert(allowed(p, "10.77.0.9"));
		ck_assert(!allowed(p, "10.77.0.8"));
		ck_assert(allowed(p, "fd77::1"));
		ck_assert(allowed(p, "fd77::2"));
		ck_assert(!allowed(p, "fd77:0:0:1::1"));
	}
	peer_destroy(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("peer_table");
	TCase *g = tcase_create("gateway"), *c = tcase_create("client");

	tcase_set_timeout(g, 60);
	tcase_add_checked_fixture(g, gateway, destroy);
	tcase_add_test(g, finds_a_session_by_its_whole_index);
	tcase_add_test(g, finds_who_has_an_inner_address);
	tcase_add_test(g, refuses_a_slot_that_is_taken_or_is_none);
	tcase_add_test(g, a_later_session_takes_the_traffic_over);
	tcase_add_test(g, a_withdrawn_peer_lives_until_each_worker_has_passed);
	tcase_add_test(g, publishing_and_withdrawing_under_load);
	tcase_add_test(g, a_lane_takes_memory_from_its_first_record_on);
	tcase_add_test(g, a_peer_may_use_its_own_sources_only);
	tcase_add_checked_fixture(c, client, destroy);
	tcase_add_test(c, a_clients_one_peer_takes_everything);
	suite_add_tcase(s, g);
	suite_add_tcase(s, c);
	return suite_run(s);
}
