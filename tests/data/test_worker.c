/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two real workers, back to back over the loopback address; socket pairs in
 * the place of TUN devices. Every wait ends by an event, none by a sleep. */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/suite.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"
#include "tunnel/data/csum.h"
#include "tunnel/data/udp.h"
#include "tunnel/data/worker.h"

enum {
	INDEX = 0x77000003,
	WAIT_MS = 10000,
};

struct end {
	int tun[2]; /* [0] is the test's */
	struct udp_sockets sockets;
	struct peer_table *table;
	struct peer *peer; /* the other end; owned by the table */
	struct worker *worker;
};

static struct end a, b;

static void open_loopback(struct udp_sockets *s)
{
	struct udp_options o = { .lanes = 1 };

	ck_assert_int_eq(addr_parse("127.0.0.1", &o.local.addr), 0);
	ck_assert_int_eq(udp_open(&o, s), 0);
}

static struct peer *new_peer(enum keys_direction send, uint16_t port)
{
	static const uint8_t secret[KEYS_SECRET_LEN] = { 9 };
	struct ip_prefix all = { .addr.family = AF_INET };
	struct endpoint e = { .port = port };
	struct peer_config c = {
		.index = INDEX,
		.lanes = 1,
		.send = send,
		.sources = &all,
		.source_count = 1,
	};
	struct keys keys;
	struct peer *p;

	ck_assert_int_eq(addr_parse("127.0.0.1", &e.addr), 0);
	c.remote_len = udp_sockaddr(&e, AF_INET, &c.remote);
	keys_init(&keys, &aead_aes256gcm, secret);
	keys.shift = 7;
	c.keys = &keys;
	ck_assert_int_eq(peer_create(&c, &p), 0);
	return p;
}

static void end_open(struct end *e)
{
	struct peer_table_config c = { .inner_slots = 0 };
	struct worker_config w = { .lane = 0 };

	open_loopback(&e->sockets);
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, e->tun),
		0);
	ck_assert_int_eq(peer_table_create(&c, &e->table), 0);
	w.tun_fd = e->tun[1];
	w.table = e->table;
	ck_assert_int_eq(worker_create(&w, &e->worker), 0);
	worker_set_socket(e->worker, 0, dup(e->sockets.lane[0][0]));
}

static void end_close(struct end *e)
{
	worker_destroy(e->worker);
	peer_table_destroy(e->table);
	udp_close(&e->sockets);
	close(e->tun[0]);
	close(e->tun[1]);
}

static void setup(void)
{
	end_open(&a);
	end_open(&b);
	a.peer = new_peer(KEYS_CLIENT_TO_GATEWAY, b.sockets.port);
	b.peer = new_peer(KEYS_GATEWAY_TO_CLIENT, a.sockets.port);
	ck_assert_int_eq(peer_table_publish(a.table, a.peer), 0);
	ck_assert_int_eq(peer_table_publish(b.table, b.peer), 0);
	ck_assert_int_eq(worker_start(a.worker), 0);
	ck_assert_int_eq(worker_start(b.worker), 0);
}

static void teardown(void)
{
	end_close(&a);
	end_close(&b);
}

static void wait_for(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
}

static void give(struct end *e, uint32_t number)
{
	uint8_t p[10 + 48] = { 0 };

	p[10] = 0x45;
	store_be16(p + 12, 48);
	p[19] = IPPROTO_UDP;
	memcpy(p + 22, "\x0a\x4d\x00\x02\x0a\x4d\x00\x01", 8);
	csum_ipv4_header(p + 10, 20);
	store_be16(p + 34, 28);
	store_be32(p + 38, number);
	ck_assert_int_eq(write(e->tun[0], p, sizeof(p)), sizeof(p));
}

static uint32_t take(struct end *e)
{
	uint8_t p[2000];

	wait_for(e->tun[0]);
	ck_assert_int_eq(read(e->tun[0], p, sizeof(p)), 58);
	return load_be32(p + 38);
}

START_TEST(packets_cross_both_ways_in_order)
{
	for (uint32_t i = 0; i < 3000; i++) {
		give(&a, i);
		give(&b, 5000 + i);
		ck_assert_uint_eq(take(&b), i);
		ck_assert_uint_eq(take(&a), 5000 + i);
	}
}
END_TEST

/* The best of 50: on a busy machine the others tell when it had a CPU. */
START_TEST(starts_and_stops_within_milliseconds)
{
	uint64_t best = UINT64_MAX, all = clock_now_ns();

	for (int i = 0; i < 50; i++) {
		uint64_t ns = clock_now_ns();

		worker_stop(a.worker);
		ck_assert_int_eq(worker_state(a.worker), WORKER_READY);
		ck_assert_int_eq(worker_start(a.worker), 0);
		ck_assert_int_eq(worker_state(a.worker), WORKER_RUNNING);
		ns = clock_now_ns() - ns;
		best = ns < best ? ns : best;
	}
	all = clock_now_ns() - all;
	give(&a, 1);
	ck_assert_uint_eq(take(&b), 1);
	printf("note: a worker's stop and start takes %llu us, at best %llu\n",
	       (unsigned long long)all / 50 / 1000,
	       (unsigned long long)best / 1000);
	ck_assert_uint_lt(best, 100ULL * NS_PER_MS);
	worker_stop(a.worker);
	worker_stop(a.worker); /* takes one that is stopped */
}
END_TEST

START_TEST(moves_to_another_socket)
{
	struct udp_sockets other;
	struct peer *p;

	give(&a, 1);
	ck_assert_uint_eq(take(&b), 1);
	open_loopback(&other);
	/* A second one before the first was taken: none leaks. */
	worker_set_socket(b.worker, 0, dup(other.lane[0][0]));
	worker_set_socket(b.worker, 0, other.lane[0][0]);
	other.lane[0][0] = -1;
	p = new_peer(KEYS_CLIENT_TO_GATEWAY, other.port);
	peer_table_withdraw(a.table, a.peer);
	/* The records of the new one begin at 0 again, which the other end
	 * takes for a replay; so it is new there, too. */
	peer_table_withdraw(b.table, b.peer);
	b.peer = new_peer(KEYS_GATEWAY_TO_CLIENT, a.sockets.port);
	ck_assert_int_eq(peer_table_publish(a.table, p), 0);
	ck_assert_int_eq(peer_table_publish(b.table, b.peer), 0);
	give(&a, 2);
	ck_assert_uint_eq(take(&b), 2);
	udp_close(&other);
}
END_TEST

/* Whoever waits here for ever is ended by check's own limit. */
static void reap_all(struct peer_table *table)
{
	while (peer_table_reap(table) > 0)
		sched_yield();
}

/* An idle worker sleeps in poll(), and passes when it is woken. */
/* The host's routes lead into the device a moment after the socket is given. */
START_TEST(sends_what_comes_right_behind_its_socket)
{
	struct worker_config c = { .lane = 0,
				   .tun_fd = a.tun[1],
				   .table = a.table };
	uint8_t packet[2048];

	for (uint32_t i = 0; i < 300; i++) {
		worker_destroy(a.worker);
		ck_assert_int_eq(worker_create(&c, &a.worker), 0);
		ck_assert_int_eq(worker_start(a.worker), 0);
		usleep(i % 7 * 10); /* before its poll(), and in it */
		worker_set_socket(a.worker, 0, dup(a.sockets.lane[0][0]));
		give(&a, i);
		wait_for(b.tun[0]);
		ck_assert_int_gt(read(b.tun[0], packet, sizeof(packet)), 0);
	}
}
END_TEST

START_TEST(a_woken_worker_lets_go_of_a_withdrawn_peer)
{
	give(&a, 1);
	ck_assert_uint_eq(take(&b), 1);
	peer_table_withdraw(a.table, a.peer);
	worker_wake(a.worker);
	reap_all(a.table);
}
END_TEST

START_TEST(hands_up_what_came_to_the_wrong_socket)
{
	static const uint8_t hello[] = { 22, 1, 2, 3 };
	struct endpoint e = { .port = 0 };
	const struct rx_stray *s;
	struct sockaddr_storage to;
	struct udp_sockets plain;
	socklen_t len;

	/* Without steering, all goes to the lane: a group of its own. */
	open_loopback(&plain);
	close(plain.control);
	plain.control = -1;
	ck_assert_int_eq(addr_parse("127.0.0.1", &e.addr), 0);
	e.port = plain.port;
	worker_set_socket(b.worker, 0, plain.lane[0][0]);
	plain.lane[0][0] = -1;
	len = udp_sockaddr(&e, AF_INET, &to);
	ck_assert_int_eq(sendto(a.sockets.control, hello, sizeof(hello), 0,
				(struct sockaddr *)&to, len),
			 (int)sizeof(hello));
	wait_for(worker_event_fd(b.worker));
	worker_event_clear(b.worker);
	s = worker_stray_next(b.worker);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(s->len, sizeof(hello));
	ck_assert_mem_eq(s->bytes, hello, sizeof(hello));
	ck_assert_uint_eq(
		ntohs(((const struct sockaddr_in *)&s->from)->sin_port),
		a.sockets.port);
	worker_stray_done(b.worker);
	ck_assert_ptr_null(worker_stray_next(b.worker));
}
END_TEST

/* What a busy program behind the device writes; a full device loses some. */
static void give_many(struct end *e, uint32_t first, unsigned int count)
{
	uint8_t p[10 + 28] = { 0 };

	p[10] = 0x45;
	store_be16(p + 12, 28);
	p[19] = IPPROTO_UDP;
	memcpy(p + 22, "\x0a\x4d\x00\x02\x0a\x4d\x00\x01", 8);
	store_be16(p + 34, 8);
	for (unsigned int i = 0; i < count; i++) {
		store_be32(p + 30, first + i); /* the ports */
		(void)!write(e->tun[0], p, sizeof(p));
	}
}

static unsigned int take_all(struct end *e)
{
	uint8_t p[2000];
	unsigned int n = 0;

	while (read(e->tun[0], p, sizeof(p)) > 0)
		n++;
	return n;
}

static void replace(struct end *e, enum keys_direction send, uint16_t port)
{
	peer_table_withdraw(e->table, e->peer);
	e->peer = new_peer(send, port);
	ck_assert_int_eq(peer_table_publish(e->table, e->peer), 0);
	worker_wake(e->worker);
	(void)peer_table_reap(e->table);
}

enum {
	ROUNDS = 400,
	BURST = 128,
	TRIES_MAX = 1000,
};

/* For SAN=thread: keys are handed over, and taken away, while both workers
 * seal and open with those before, and each peer lives through epochs. */
START_TEST(peers_come_and_go_under_traffic)
{
	struct peer_stats of_a, of_b;
	unsigned int taken = 0;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		unsigned int tries = 0;

		/* Until both are in use, and then a bit more. One that had no
		 * CPU for long finds the other too many epochs ahead. */
		do {
			give_many(&a, i * BURST, BURST);
			give_many(&b, i * BURST, BURST);
			sched_yield();
			taken += take_all(&a) + take_all(&b);
			peer_stats(a.peer, &of_a);
			peer_stats(b.peer, &of_b);
		} while ((of_a.last_rx_ns == 0 || of_b.last_rx_ns == 0) &&
			 tries++ < TRIES_MAX);
		give_many(&a, i * BURST, BURST);
		give_many(&b, i * BURST, BURST);
		replace(&a, KEYS_CLIENT_TO_GATEWAY, b.sockets.port);
		replace(&b, KEYS_GATEWAY_TO_CLIENT, a.sockets.port);
	}
	while (peer_table_reap(a.table) + peer_table_reap(b.table) > 0) {
		worker_wake(a.worker);
		worker_wake(b.worker);
		sched_yield();
	}
	printf("note: %u peers came and went under %u packets that arrived\n",
	       2 * ROUNDS, taken);
}
END_TEST

static uint64_t seen_by(const struct worker *w)
{
	const struct counters *c = worker_counters(w);

	return counter_get(&c->of[COUNTER_STRAYS]) +
	       counter_get(&c->of[COUNTER_DROP_STRAY]);
}

/* How many were taken; each is whole, and later than the one before. */
static unsigned int take_strays(struct worker *w, uint32_t *last)
{
	const struct rx_stray *s;
	unsigned int n = 0;

	while ((s = worker_stray_next(w)) != NULL) {
		uint32_t number = load_be32(s->bytes + 1);

		ck_assert_uint_gt(number, *last);
		ck_assert_uint_eq(load_be32(s->bytes + s->len - 4), number);
		*last = number;
		n++;
		worker_stray_done(w);
	}
	return n;
}

/* For SAN=thread: the ring to the control thread is filled while it is
 * emptied. In bursts, since ThreadSanitizer takes a send on any socket for a
 * hand-over to whoever receives. */
START_TEST(what_is_handed_up_is_whole_and_in_order)
{
	struct endpoint e = { .port = 0 };
	struct sockaddr_storage to;
	struct udp_sockets plain;
	uint8_t stray[200] = { 22 };
	uint32_t sent = 0, got = 0, last = 0;
	socklen_t len;

	open_loopback(&plain);
	close(plain.control);
	plain.control = -1;
	ck_assert_int_eq(addr_parse("127.0.0.1", &e.addr), 0);
	e.port = plain.port;
	worker_set_socket(b.worker, 0, plain.lane[0][0]);
	plain.lane[0][0] = -1;
	len = udp_sockaddr(&e, AF_INET, &to);
	while (sent < 200 * BURST) {
		for (unsigned int i = 0; i < BURST; i++) {
			store_be32(stray + 1, ++sent);
			store_be32(stray + sizeof(stray) - 4, sent);
			ck_assert_int_eq(sendto(a.sockets.control, stray,
						sizeof(stray), 0,
						(struct sockaddr *)&to, len),
					 (int)sizeof(stray));
		}
		while (seen_by(b.worker) < sent)
			got += take_strays(b.worker, &last);
		got += take_strays(b.worker, &last);
	}
	ck_assert_uint_gt(got, 1000);
	printf("note: %u of %u strays were handed up, the others found the "
	       "ring full\n",
	       got, sent);
}
END_TEST

START_TEST(a_lost_device_is_told_and_does_not_spin)
{
	uint64_t polls;

	close(a.tun[0]);
	wait_for(worker_event_fd(a.worker));
	worker_event_clear(a.worker);
	ck_assert_int_eq(worker_state(a.worker), WORKER_TUN_LOST);
	polls = counter_get(&worker_counters(a.worker)->of[COUNTER_CALL_POLL]);
	ck_assert_uint_le(polls, 10);
	/* It still passes and ends. */
	peer_table_withdraw(a.table, a.peer);
	worker_wake(a.worker);
	reap_all(a.table);
	worker_stop(a.worker);
	polls = counter_get(&worker_counters(a.worker)->of[COUNTER_CALL_POLL]) -
		polls;
	ck_assert_uint_le(polls, 10);
	a.tun[0] = dup(0);
}
END_TEST

START_TEST(every_counter_has_a_name_of_its_own)
{
	for (enum counter c = 0; c < COUNTER_COUNT; c++)
		for (enum counter d = 0; d <= c; d++)
			ck_assert_int_eq(
				strcmp(counter_name(c), counter_name(d)) == 0,
				c == d);
	ck_assert_str_eq(counter_name(COUNTER_COUNT), "unknown");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("worker");
	TCase *t = tcase_create("worker");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, packets_cross_both_ways_in_order);
	tcase_add_test(t, starts_and_stops_within_milliseconds);
	tcase_add_test(t, moves_to_another_socket);
	tcase_add_test(t, sends_what_comes_right_behind_its_socket);
	tcase_add_test(t, a_woken_worker_lets_go_of_a_withdrawn_peer);
	tcase_add_test(t, hands_up_what_came_to_the_wrong_socket);
	tcase_add_test(t, peers_come_and_go_under_traffic);
	tcase_add_test(t, what_is_handed_up_is_whole_and_in_order);
	tcase_add_test(t, a_lost_device_is_told_and_does_not_spin);
	tcase_add_test(t, every_counter_has_a_name_of_its_own);
	suite_add_tcase(s, t);
	return suite_run(s);
}
