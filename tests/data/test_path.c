/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tx.c and rx.c, on the road of path_world.h. */
#include <check.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/path_world.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/bytes.h"
#include "tunnel/data/csum.h"

START_TEST(a_packet_arrives_as_it_was)
{
	uint8_t p[2000], out[2000];
	size_t len = build_udp(p, 1, 300);

	give_udp(1, 300);
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	ck_assert_uint_eq(take_road(), 1);
	ck_assert_uint_eq(taken[0].len, len + RECORD_OVERHEAD);
	deliver(taken[0].bytes, taken[0].len);
	ck_assert_int_eq(arrived(out, sizeof(out)),
			 (ssize_t)(GSO_VNET_LEN + len));
	ck_assert_mem_eq(out + GSO_VNET_LEN, p, len);
	ck_assert_uint_eq(count(COUNTER_TX_PACKETS), 1);
	ck_assert_uint_eq(count(COUNTER_RX_BYTES), len);
}
END_TEST

START_TEST(a_batch_is_counted_by_the_power_of_two_that_holds_it)
{
	static const size_t n[] = { 1, 2, 3, 4, 5, 64, 65, 512, 513, 1 << 20 };
	static const int bucket[] = { 0, 1, 2, 2, 3, 6, 7, 9, 9, 9 };
	_Atomic uint64_t batch[BATCH_BUCKETS] = { 0 };

	counters_add_batch(batch, n[_i]);
	for (int i = 0; i < BATCH_BUCKETS; i++)
		ck_assert_uint_eq(counter_get(&batch[i]), i == bucket[_i]);
}
END_TEST

START_TEST(a_super_packet_is_one_send_and_one_write)
{
	static const struct gso_vnet h = {
		GSO_VNET_NEEDS_CSUM, GSO_VNET_TCP4, 40, 1380, 20, 16
	};
	static uint8_t p[65536], out[70000];
	size_t len = build_tcp(p, 43 * 1380 + 100);

	give(&h, p, len);
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	ck_assert_uint_eq(count(COUNTER_CALL_SENDMSG), 1);
	ck_assert_uint_eq(count(COUNTER_TX_PACKETS), 44);
	ck_assert_uint_eq(counter_get(&counters.sent[6]), 1); /* 33 to 64 */
	ck_assert_uint_eq(take_road(), 44);
	for (size_t i = 0; i < 44; i++) {
		ck_assert_uint_eq(taken[i].bytes[2], RECORD_FLAG_CSUM);
		post(taken[i].bytes, taken[i].len);
	}
	/* More than one pump's worth of single datagrams would be. */
	for (int i = 0; i < 2; i++)
		ck_assert_int_ge(rx_pump(&rx, udp, 5), 0);
	ck_assert_uint_eq(count(COUNTER_RX_PACKETS), 44);
	ck_assert_uint_le(count(COUNTER_CALL_WRITE), 2);
	if (count(COUNTER_CALL_WRITE) == 1) {
		ck_assert_int_eq(arrived(out, sizeof(out)),
				 (ssize_t)(GSO_VNET_LEN + len));
		ck_assert_mem_eq(out, &h, sizeof(h));
		ck_assert_mem_eq(out + GSO_VNET_LEN, p, len);
	}
}
END_TEST

START_TEST(packets_of_one_size_leave_together)
{
	for (uint32_t i = 0; i < 20; i++)
		give_udp(i, 200);
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	ck_assert_uint_eq(count(COUNTER_CALL_SENDMSG), 1);
	ck_assert_uint_eq(take_road(), 20);
}
END_TEST

/* 3 equal and a shorter; then longer ones begin anew; order is kept. */
START_TEST(a_shorter_record_ends_a_run)
{
	static const size_t payload[] = { 200, 200, 200, 100, 100,
					  300, 200, 200, 300 };
	uint8_t out[2000];

	for (uint32_t i = 0; i < ARRAY_SIZE(payload); i++)
		give_udp(i, payload[i]);
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	/* 200 200 200 100 | 100 | 300 200 | 200 | 300 */
	ck_assert_uint_eq(count(COUNTER_CALL_SENDMSG), 5);
	ck_assert_uint_eq(take_road(), ARRAY_SIZE(payload));
	for (uint32_t i = 0; i < ARRAY_SIZE(payload); i++) {
		deliver(taken[i].bytes, taken[i].len);
		ck_assert_int_gt(arrived(out, sizeof(out)), 0);
		ck_assert_uint_eq(load_be32(out + GSO_VNET_LEN + 28), i);
	}
}
END_TEST

/* Each datagram number of a stream that is reordered by up to 127, loses 5 %
 * and doubles 5 %, with a new key every 128 packets. */
START_TEST(nothing_authentic_is_lost_to_keys)
{
	enum { ROUNDS = 1000, EACH = 100 };
	static uint8_t seen[ROUNDS * EACH];
	uint64_t dropped = 0, doubled = 0, delivered = 0;
	uint8_t out[2000];

	teardown();
	setup_with(7);
	for (uint32_t k = 0; k < ROUNDS; k++) {
		size_t order[EACH];

		for (uint32_t i = 0; i < EACH; i++) {
			give_udp(k * EACH + i, 40);
			if (i % TX_READS == TX_READS - 1 || i == EACH - 1)
				ck_assert_int_eq(tx_pump(&tx, 1), 0);
		}
		ck_assert_uint_eq(take_road(), EACH);
		for (size_t i = 0; i < EACH; i++)
			order[i] = i;
		for (size_t i = EACH - 1; i > 0; i--) {
			size_t j = (size_t)random() % (i + 1), swap = order[i];

			order[i] = order[j];
			order[j] = swap;
		}
		for (size_t i = 0; i < EACH; i++) {
			size_t at = order[i];
			long luck = random() % 100;

			if (luck < 5) {
				dropped++;
				continue;
			}
			deliver(taken[at].bytes, taken[at].len);
			if (luck >= 95) {
				deliver(taken[at].bytes, taken[at].len);
				doubled++;
			}
			ck_assert_int_gt(arrived(out, sizeof(out)), 0);
			ck_assert_int_eq(arrived(out, sizeof(out)), -1);
			seen[load_be32(out + GSO_VNET_LEN + 28)]++;
			delivered++;
		}
	}
	for (size_t i = 0; i < sizeof(seen); i++)
		ck_assert_uint_le(seen[i], 1);
	ck_assert_uint_eq(delivered + dropped, sizeof(seen));
	ck_assert_uint_eq(count(COUNTER_RX_PACKETS), delivered);
	ck_assert_uint_eq(count(COUNTER_DROP_REPLAYED), doubled);
	ck_assert_uint_eq(count(COUNTER_DROP_EPOCH), 0);
	ck_assert_uint_eq(count(COUNTER_DROP_FORGED), 0);
	printf("note: %zu packets in %zu epochs, %llu lost on the road, %llu "
	       "doubled there, 0 lost to keys\n",
	       sizeof(seen), sizeof(seen) >> 7, (unsigned long long)dropped,
	       (unsigned long long)doubled);
}
END_TEST

/* Which counter goes up when a bit of the byte at `at` is flipped. */
static const struct {
	size_t at;
	uint8_t flip;
	enum counter counts;
} flipped[] = {
	{ 0, 0x01, COUNTER_COUNT }, /* not ours: to the control socket */
	{ 1, 0xff, COUNTER_COUNT }, /* the control lane: likewise */
	{ 2, 0x01, COUNTER_DROP_FORGED },   { 2, 0x80, COUNTER_DROP_FORGED },
	{ 3, 0x01, COUNTER_DROP_FORGED },   { 4, 0x01, COUNTER_DROP_INDEX },
	{ 5, 0x01, COUNTER_DROP_INDEX },    { 6, 0x01, COUNTER_DROP_INDEX },
	{ 7, 0x01, COUNTER_DROP_INDEX },    { 8, 0x80, COUNTER_DROP_EPOCH },
	{ 9, 0x01, COUNTER_DROP_EPOCH },    { 10, 0x01, COUNTER_DROP_EPOCH },
	{ 11, 0x10, COUNTER_DROP_EPOCH },   { 12, 0x01, COUNTER_DROP_FORGED },
	{ 13, 0x01, COUNTER_DROP_FORGED },  { 14, 0x01, COUNTER_DROP_FORGED },
	{ 15, 0x01, COUNTER_DROP_FORGED },  { 16, 0x01, COUNTER_DROP_FORGED },
	{ 43, 0x80, COUNTER_DROP_FORGED },  { 44, 0x01, COUNTER_DROP_FORGED },
	{ 100, 0x10, COUNTER_DROP_FORGED }, { 155, 0x01, COUNTER_DROP_FORGED },
};

START_TEST(a_flipped_bit_is_dropped_and_moves_nothing)
{
	uint8_t out[2000];
	uint64_t drops = 0;

	give_udp(1, 100 - 4);
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	ck_assert_uint_eq(take_road(), 1);
	ck_assert_uint_eq(taken[0].len, 156);
	taken[0].bytes[flipped[_i].at] ^= flipped[_i].flip;
	deliver(taken[0].bytes, taken[0].len);
	ck_assert_int_eq(arrived(out, sizeof(out)), -1);
	for (enum counter c = COUNTER_DROP_FIRST; c < COUNTER_COUNT; c++)
		drops += count(c);
	if (flipped[_i].counts == COUNTER_COUNT) {
		ck_assert_uint_eq(drops, 0);
	} else {
		ck_assert_uint_eq(drops, 1);
		ck_assert_uint_eq(count(flipped[_i].counts), 1);
	}
	/* The true one is still new. */
	taken[0].bytes[flipped[_i].at] ^= flipped[_i].flip;
	deliver(taken[0].bytes, taken[0].len);
	ck_assert_int_gt(arrived(out, sizeof(out)), 0);
}
END_TEST

/* Seals what no honest end would send. */
static void deliver_sealed(uint8_t lane, uint8_t flags, const uint8_t *p,
			   size_t len)
{
	uint8_t record[2000];
	size_t n = record_seal(&gateway->lane[0].tx, INDEX, lane, flags, p, len,
			       record);

	deliver(record, n);
}

START_TEST(an_authentic_packet_is_checked_inside)
{
	uint8_t p[2000], out[2000];
	size_t len = build_udp(p, 1, 100);

	p[15] = 3; /* 10.77.0.3 is another client's */
	deliver_sealed(0, 0, p, len);
	ck_assert_uint_eq(count(COUNTER_DROP_SOURCE), 1);
	len = build_udp(p, 1, 100);
	p[0] = 0x55;
	deliver_sealed(0, 0, p, len);
	ck_assert_uint_eq(count(COUNTER_DROP_INNER), 1);
	len = build_udp(p, 1, 100);
	deliver_sealed(0, 0, p, len - 1);
	ck_assert_uint_eq(count(COUNTER_DROP_INNER), 2);
	/* An empty one only ends a run: it is not missed. */
	deliver_sealed(0, 0, p, 0);
	ck_assert_uint_eq(count(COUNTER_DROP_INNER), 2);
	/* A promise about a checksum that is not there. */
	p[9] = IPPROTO_ICMP;
	deliver_sealed(0, RECORD_FLAG_CSUM, p, len);
	ck_assert_uint_eq(count(COUNTER_DROP_INNER), 3);
	ck_assert_int_eq(arrived(out, sizeof(out)), -1);
	ck_assert_uint_eq(count(COUNTER_RX_PACKETS), 0);
	/* The peer was heard all the same. */
	ck_assert_uint_eq(counter_get(&client->lane[0].rx_placed[RECORD_AMONG]),
			  4);
}
END_TEST

/* Bad records between good ones of a run leave no trace in it. */
START_TEST(a_run_survives_what_comes_between)
{
	uint8_t p[2000], bad[2000], out[2000];
	size_t len = build_tcp(p, 500), n, bad_len;

	bad_len = build_tcp(bad, 500);
	bad[15] = 3;
	for (uint32_t i = 0; i < 3; i++) {
		uint8_t record[2000];

		store_be32(p + 24, i * 500);
		n = record_seal(&gateway->lane[0].tx, INDEX, 0,
				RECORD_FLAG_CSUM, p, len, record);
		post(record, n);
		record[n - 1] ^= 1;
		post(record, n); /* forged */
		record[n - 1] ^= 1;
		if (i == 1)
			post(record, n); /* replayed */
		n = record_seal(&gateway->lane[0].tx, INDEX, 0,
				RECORD_FLAG_CSUM, bad, bad_len, record);
		if (i == 1)
			post(record, n); /* another's source */
	}
	ck_assert_int_eq(rx_pump(&rx, udp, 5), 0);
	ck_assert_uint_eq(count(COUNTER_DROP_FORGED), 3);
	ck_assert_uint_eq(count(COUNTER_DROP_REPLAYED), 1);
	ck_assert_uint_eq(count(COUNTER_DROP_SOURCE), 1);
	ck_assert_uint_eq(count(COUNTER_CALL_WRITE), 1);
	ck_assert_int_eq(arrived(out, sizeof(out)), GSO_VNET_LEN + 40 + 1500);
	for (size_t i = 0; i < 3; i++)
		ck_assert_mem_eq(out + GSO_VNET_LEN + 40 + 500 * i, p + 40,
				 500);
}
END_TEST

START_TEST(datagrams_that_are_no_records_go_up_until_the_ring_is_full)
{
	uint8_t control[RECORD_OVERHEAD] = { RECORD_TYPE, 0xff };
	int i;

	/* The kernel steers them elsewhere; glued, they can come here. */
	for (i = 0; i < RX_STRAYS + 8; i++) {
		rx.message[0].msg_len = sizeof(control);
		rx.message[0].msg_hdr.msg_namelen = 16;
		rx.message[0].msg_hdr.msg_controllen = 0;
		memcpy(rx.buffer[0], control, sizeof(control));
		rx_message(&rx, &rx.message[0]);
	}
	ck_assert_uint_eq(count(COUNTER_STRAYS), RX_STRAYS);
	ck_assert_uint_eq(count(COUNTER_DROP_STRAY), 8);
	i = ring_next(&rx.ring);
	ck_assert_int_eq(i, 0);
	ck_assert_uint_eq(rx.stray[i].len, sizeof(control));
	ck_assert_mem_eq(rx.stray[i].bytes, control, sizeof(control));
}
END_TEST

START_TEST(short_and_strange_records_are_counted)
{
	uint8_t p[RECORD_OVERHEAD] = { RECORD_TYPE, 0 };

	deliver(p, RECORD_OVERHEAD - 1);
	ck_assert_uint_eq(count(COUNTER_DROP_SHORT), 1);
	deliver(p, RECORD_INDEX_LAST + 1); /* less is not a lane's */
	ck_assert_uint_eq(count(COUNTER_DROP_SHORT), 2);
	deliver(p, RECORD_OVERHEAD); /* index 0 */
	ck_assert_uint_eq(count(COUNTER_DROP_INDEX), 1);
}
END_TEST

START_TEST(sends_singly_where_the_kernel_does_not_cut)
{
	int one = 1;

	/* Without a UDP checksum the kernel refuses UDP_SEGMENT: EINVAL. */
	ck_assert_int_eq(
		setsockopt(tx.udp, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one)),
		0);
	for (uint32_t k = 1; k <= 2; k++) {
		for (uint32_t i = 0; i < 10; i++)
			give_udp(i, 100);
		ck_assert_int_eq(tx_pump(&tx, 1), 0);
		ck_assert_uint_eq(take_road(), 10);
		/* It is asked once. */
		ck_assert_uint_eq(count(COUNTER_GSO_FALLBACKS), 1);
		ck_assert_uint_eq(count(COUNTER_CALL_SENDMSG), 1 + 10 * k);
	}
}
END_TEST

START_TEST(asks_the_kernel_again_whether_it_cuts)
{
	int one = 1, zero = 0;
	struct peer_stats s;

	ck_assert_int_eq(
		setsockopt(tx.udp, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one)),
		0);
	give_udp(1, 100);
	give_udp(2, 100);
	ck_assert_int_eq(tx_pump(&tx, 5), 0);
	ck_assert_uint_eq(count(COUNTER_CALL_SENDMSG), 3);
	peer_stats(gateway, &s);
	ck_assert_uint_eq(s.single_until_ns, 5 + PEER_SINGLE_NS);

	/* It would cut now, and nobody has asked yet. */
	ck_assert_int_eq(setsockopt(tx.udp, SOL_SOCKET, SO_NO_CHECK, &zero,
				    sizeof(zero)),
			 0);
	for (uint64_t at = 4; at <= 6; at++) {
		give_udp(1, 100);
		give_udp(2, 100);
		ck_assert_int_eq(tx_pump(&tx, at + PEER_SINGLE_NS), 0);
		/* Two sends before that time, one from then on. */
		ck_assert_uint_eq(count(COUNTER_CALL_SENDMSG), at + 1);
	}
	ck_assert_uint_eq(count(COUNTER_GSO_FALLBACKS), 1);
	ck_assert_uint_eq(take_road(), 8);
}
END_TEST

START_TEST(drops_on_the_way_out_have_their_counters)
{
	static const struct gso_vnet none;
	static uint8_t p[65535];
	struct endpoint e = { .port = 9 };

	p[0] = 0x45; /* whose length says 0 */
	give(&none, p, 100);
	give_udp(1, 100);
	tx.udp = -1;
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	ck_assert_uint_eq(count(COUNTER_DROP_MALFORMED), 1);
	ck_assert_uint_eq(count(COUNTER_DROP_NO_SOCKET), 1);

	tx.udp = client_sockets.lane[0][0];
	give(&none, p, build_udp(p, 1, 65500));
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	ck_assert_uint_eq(count(COUNTER_DROP_TOO_BIG), 1);

	/* A broadcast address without SO_BROADCAST: EACCES. */
	ck_assert_int_eq(addr_parse("255.255.255.255", &e.addr), 0);
	gateway->remote_len = udp_sockaddr(&e, AF_INET, &gateway->remote);
	give_udp(1, 100);
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	ck_assert_uint_eq(count(COUNTER_DROP_UNREACHABLE), 1);

	gateway->lane[0].tx.counter = KEYS_COUNTER_MAX;
	give_udp(1, 100);
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	ck_assert_uint_eq(count(COUNTER_DROP_USED_UP), 1);

	peer_table_withdraw(client_table, gateway);
	give_udp(1, 100);
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	ck_assert_uint_eq(count(COUNTER_DROP_NO_PEER), 1);
}
END_TEST

START_TEST(a_device_that_ends_is_reported)
{
	uint8_t p[2000];
	size_t len = build_udp(p, 1, 10);

	close(client_tun[0]);
	ck_assert_int_lt(tx_pump(&tx, 1), 0);
	close(gateway_tun[0]);
	signal(SIGPIPE, SIG_IGN);
	post(p, 0);
	len = record_seal(&gateway->lane[0].tx, INDEX, 0, 0, p, len, p + 500);
	post(p + 500, len);
	ck_assert_int_lt(rx_pump(&rx, udp, 1), 0);
	ck_assert_uint_eq(count(COUNTER_DROP_TUN), 1);
	client_tun[0] = dup(0);
	gateway_tun[0] = dup(0);
}
END_TEST

START_TEST(a_sign_of_life_is_authentic)
{
	struct peer_stats s;

	peer_stats(client, &s);
	ck_assert_uint_eq(s.last_rx_ns, 0);
	give_udp(1, 100);
	give_udp(2, 100);
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	peer_stats(gateway, &s);
	ck_assert_uint_eq(s.tx_records, 2);
	ck_assert_uint_eq(take_road(), 2);
	post(taken[0].bytes, taken[0].len);
	ck_assert_int_eq(rx_pump(&rx, udp, 1234), 0);
	peer_stats(client, &s);
	ck_assert_uint_eq(s.rx_records, 1);
	ck_assert_uint_eq(s.last_rx_ns, 1234);
	/* A forged one is no sign of life. */
	taken[1].bytes[40] ^= 1;
	post(taken[1].bytes, taken[1].len);
	ck_assert_int_eq(rx_pump(&rx, udp, 5678), 0);
	peer_stats(client, &s);
	ck_assert_uint_eq(s.last_rx_ns, 1234);
	ck_assert_uint_eq(s.rx_failures, 1);
	ck_assert(!s.worn_out);
	/* A key may see only so many of them. */
	client->seed[0].max_failures = 2;
	post(taken[1].bytes, taken[1].len);
	ck_assert_int_eq(rx_pump(&rx, udp, 5678), 0);
	peer_stats(client, &s);
	ck_assert(s.worn_out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("path");
	TCase *t = tcase_create("path");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_packet_arrives_as_it_was);
	tcase_add_loop_test(
		t, a_batch_is_counted_by_the_power_of_two_that_holds_it, 0, 10);
	tcase_add_test(t, a_super_packet_is_one_send_and_one_write);
	tcase_add_test(t, packets_of_one_size_leave_together);
	tcase_add_test(t, a_shorter_record_ends_a_run);
	tcase_add_test(t, nothing_authentic_is_lost_to_keys);
	tcase_add_loop_test(t, a_flipped_bit_is_dropped_and_moves_nothing, 0,
			    ARRAY_SIZE(flipped));
	tcase_add_test(t, an_authentic_packet_is_checked_inside);
	tcase_add_test(t, a_run_survives_what_comes_between);
	tcase_add_test(
		t, datagrams_that_are_no_records_go_up_until_the_ring_is_full);
	tcase_add_test(t, short_and_strange_records_are_counted);
	tcase_add_test(t, sends_singly_where_the_kernel_does_not_cut);
	tcase_add_test(t, asks_the_kernel_again_whether_it_cuts);
	tcase_add_test(t, drops_on_the_way_out_have_their_counters);
	tcase_add_test(t, a_device_that_ends_is_reported);
	tcase_add_test(t, a_sign_of_life_is_authentic);
	suite_add_tcase(s, t);
	return suite_run(s);
}
