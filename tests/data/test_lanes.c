/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two workers of one end whose sockets get the records of both lanes, as when
 * the kernel glues them. Socket pairs in the place of the device's queues. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/suite.h"
#include "tunnel/base/bytes.h"
#include "tunnel/data/csum.h"
#include "tunnel/data/udp.h"
#include "tunnel/data/worker.h"

enum {
	INDEX = 0x77000003,
	LANES = 2,
	WAIT_MS = 10000,
	INNER_LEN = 48,
	ROUNDS = 100,
	BURST = 64,
};

static struct udp_sockets road, door[LANES];
static int outside[LANES], queue[LANES]; /* the test's ends, the workers' */
static struct peer_table *table;
static struct worker *worker[LANES];
static struct keys_tx sealer[LANES];
static struct keys keys;

static void open_loopback(struct udp_sockets *s)
{
	struct udp_options o = { .lanes = 1 };

	ck_assert_int_eq(addr_parse("127.0.0.1", &o.local.addr), 0);
	ck_assert_int_eq(udp_open(&o, s), 0);
}

static void publish_peer(void)
{
	struct ip_prefix all = { .addr.family = AF_INET };
	struct endpoint e = { .port = road.port };
	struct peer_config c = {
		.index = INDEX,
		.lanes = LANES,
		.keys = &keys,
		.send = KEYS_GATEWAY_TO_CLIENT,
		.sources = &all,
		.source_count = 1,
	};
	struct peer *p;

	ck_assert_int_eq(addr_parse("127.0.0.1", &e.addr), 0);
	c.remote_len = udp_sockaddr(&e, AF_INET, &c.remote);
	ck_assert_int_eq(peer_create(&c, &p), 0);
	ck_assert_int_eq(peer_table_publish(table, p), 0);
}

static void make_worker(unsigned int lane)
{
	struct worker_config w = {
		.lane = lane,
		.tun_fd = queue[lane],
		.table = table,
	};

	open_loopback(&door[lane]);
	ck_assert_int_eq(worker_create(&w, &worker[lane]), 0);
	worker_set_socket(worker[lane], 0, door[lane].lane[0][0]);
	door[lane].lane[0][0] = -1;
}

static void setup(void)
{
	static const uint8_t secret[KEYS_SECRET_LEN] = { 9 };
	struct peer_table_config t = { .inner_slots = 0 };
	int pair[2];

	keys_init(&keys, &aead_aes256gcm, secret);
	keys.shift = 7;
	open_loopback(&road);
	ck_assert_int_eq(peer_table_create(&t, &table), 0);
	publish_peer();
	for (unsigned int i = 0; i < LANES; i++) {
		ck_assert_int_eq(keys_tx_init(&sealer[i], &keys,
					      KEYS_CLIENT_TO_GATEWAY,
					      (uint8_t)i),
				 0);
		ck_assert_int_eq(socketpair(AF_UNIX,
					    SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
					    pair),
				 0);
		outside[i] = pair[0];
		queue[i] = pair[1];
	}
	for (unsigned int i = 0; i < LANES; i++)
		make_worker(i);
	ck_assert_int_eq(worker_join(worker, LANES), 0);
	for (unsigned int i = 0; i < LANES; i++)
		ck_assert_int_eq(worker_start(worker[i]), 0);
}

static void teardown(void)
{
	for (unsigned int i = 0; i < LANES; i++) {
		worker_stop(worker[i]);
		udp_close(&door[i]);
	}
	for (unsigned int i = 0; i < LANES; i++) {
		worker_destroy(worker[i]);
		close(outside[i]);
		close(queue[i]);
		keys_tx_fini(&sealer[i]);
	}
	peer_table_destroy(table);
	udp_close(&road);
}

/* A record of a lane, to any worker's socket. */
static void send_record(unsigned int lane, unsigned int to, uint32_t number)
{
	uint8_t p[INNER_LEN] = { 0x45, 0, 0, INNER_LEN };
	uint8_t record[INNER_LEN + RECORD_OVERHEAD];
	struct endpoint e = { .port = door[to].port };
	struct sockaddr_storage sa;
	socklen_t sa_len;

	p[9] = IPPROTO_UDP;
	memcpy(p + 12, "\x0a\x4d\x00\x02\x0a\x4d\x00\x01", 8);
	csum_ipv4_header(p, 20);
	store_be16(p + 24, INNER_LEN - 20);
	store_be32(p + 28, number);
	ck_assert_uint_eq(record_seal(&sealer[lane], INDEX, (uint8_t)lane, 0, p,
				      sizeof(p), record),
			  sizeof(record));
	ck_assert_int_eq(addr_parse("127.0.0.1", &e.addr), 0);
	sa_len = udp_sockaddr(&e, AF_INET, &sa);
	ck_assert_int_eq(sendto(road.control, record, sizeof(record), 0,
				(struct sockaddr *)&sa, sa_len),
			 sizeof(record));
}

/* What comes out of a queue next. */
static uint32_t take(unsigned int lane)
{
	struct pollfd p = { .fd = outside[lane], .events = POLLIN };
	uint8_t out[2000];

	ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
	ck_assert_int_eq(read(outside[lane], out, sizeof(out)), 10 + INNER_LEN);
	return load_be32(out + 10 + 28);
}

static uint64_t dropped(enum counter c)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < LANES; i++)
		n += counter_get(&worker_counters(worker[i])->of[c]);
	return n;
}

START_TEST(each_goes_to_its_lane_s_queue_in_order)
{
	for (uint32_t first = 0; first < ROUNDS * BURST; first += BURST) {
		for (uint32_t i = first; i < first + BURST; i++)
			send_record(i % 3 == 0, 0, i);
		for (uint32_t i = first; i < first + BURST; i++)
			ck_assert_uint_eq(take(i % 3 == 0), i);
	}
}
END_TEST

/* For SAN=thread: each gets the other's records among its own. */
START_TEST(two_workers_share_both_lanes)
{
	uint32_t n = 0, sum = 0, expected = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < BURST; i++, n++) {
			send_record(n % LANES, n / LANES % LANES, n);
			expected += n;
		}
		for (unsigned int i = 0; i < BURST; i++)
			sum += take(i % LANES);
	}
	ck_assert_uint_eq(sum, expected);
	for (int c = COUNTER_DROP_FIRST; c < COUNTER_COUNT; c++)
		ck_assert_uint_eq(dropped((enum counter)c), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lanes");
	TCase *t = tcase_create("two workers");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, each_goes_to_its_lane_s_queue_in_order);
	tcase_add_test(t, two_workers_share_both_lanes);
	suite_add_tcase(suite, t);
	return suite_run(suite);
}
