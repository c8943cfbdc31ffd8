/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For SAN=thread: two ends of two lanes each, a thread that feeds and empties
 * the devices of each end without a pause, and a control thread that meanwhile
 * changes peers and sockets under the four workers. It wakes no worker and
 * touches no descriptor for a peer: to ThreadSanitizer each of these would be
 * a hand-over, behind which a missing one could not be seen.
 */
#include <check.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/suite.h"
#include "tunnel/base/bytes.h"
#include "tunnel/data/csum.h"
#include "tunnel/data/udp.h"
#include "tunnel/data/worker.h"

enum {
	STRESS_LANES = 2,
	STRESS_SHARES = 2, /* sockets of each */
	ROUNDS = 300,
	MOVE_EVERY = 8, /* rounds; then the sockets change, too */
	BURST = 32,	/* packets, before a feeder lets others run */
	PACKET_LEN = GSO_VNET_LEN + 28 + 12,
	NUMBER_AT = GSO_VNET_LEN + 28,
};

struct end {
	/* set at creation */
	enum keys_direction send;
	struct peer_table *table;
	struct worker *worker[STRESS_LANES];
	int tun[STRESS_LANES][2]; /* [0] is the feeder's */
	pthread_t feeder;
	_Atomic bool stop;

	/* control thread */
	struct udp_sockets sockets; /* whose lanes the workers own */
	struct peer *peer;	    /* the other end; owned by the table */

	/* feeder */
	uint32_t number;
	uint64_t taken, spoiled;
};

static struct end a, b;

/* One of the far end's: both copies of its number are the same. */
static bool is_whole(const uint8_t *p, ssize_t len)
{
	return len == PACKET_LEN &&
	       load_be32(p + NUMBER_AT) == ~load_be32(p + NUMBER_AT + 4);
}

static void take_all(struct end *e, int tun)
{
	uint8_t p[2 * PACKET_LEN];
	ssize_t n;

	while ((n = read(tun, p, sizeof(p))) > 0) {
		e->taken++;
		e->spoiled += !is_whole(p, n);
	}
}

/* What does not fit into the device is dropped there. */
static void give_burst(struct end *e, int tun)
{
	uint8_t p[PACKET_LEN] = { [GSO_VNET_LEN] = 0x45 };
	uint8_t *ip = p + GSO_VNET_LEN;

	store_be16(ip + 2, PACKET_LEN - GSO_VNET_LEN);
	ip[9] = IPPROTO_UDP;
	memcpy(ip + 12, "\x0a\x4d\x00\x02\x0a\x4d\x00\x01", 8);
	csum_ipv4_header(ip, 20);
	store_be16(ip + 24, PACKET_LEN - GSO_VNET_LEN - 20);
	for (unsigned int i = 0; i < BURST; i++) {
		store_be32(p + NUMBER_AT, ++e->number);
		store_be32(p + NUMBER_AT + 4, ~e->number);
		(void)!write(tun, p, sizeof(p));
	}
}

static void *feed(void *arg)
{
	struct end *e = arg;

	while (!atomic_load_explicit(&e->stop, memory_order_relaxed)) {
		for (unsigned int i = 0; i < STRESS_LANES; i++) {
			give_burst(e, e->tun[i][0]);
			take_all(e, e->tun[i][0]);
		}
		sched_yield();
	}
	return NULL;
}

static void open_loopback(struct udp_sockets *s)
{
	struct udp_options o = { .lanes = STRESS_LANES,
				 .shares = STRESS_SHARES };

	ck_assert_int_eq(addr_parse("127.0.0.1", &o.local.addr), 0);
	ck_assert_int_eq(udp_open(&o, s), 0);
}

/* The workers' sockets become those of a port of its own. */
static void move(struct end *e)
{
	struct udp_sockets before = e->sockets;

	open_loopback(&e->sockets);
	for (unsigned int i = 0; i < STRESS_LANES; i++)
		for (unsigned int k = 0; k < STRESS_SHARES; k++) {
			worker_set_socket(e->worker[i], k,
					  e->sockets.lane[i][k]);
			e->sockets.lane[i][k] = -1;
		}
	udp_close(&before);
}

/* Each generation has an index and keys of its own, so that a record which is
 * sealed or opened by a peer of two generations is no authentic one. */
static void replace(struct end *e, uint32_t generation, uint16_t port)
{
	uint8_t secret[KEYS_SECRET_LEN] = { 9 };
	struct ip_prefix all = { .addr.family = AF_INET };
	struct endpoint to = { .port = port };
	struct peer_config c = {
		.index = 0x77000000 + generation,
		.lanes = STRESS_LANES,
		.send = e->send,
		.sources = &all,
		.source_count = 1,
	};
	struct keys keys;
	struct peer *p;

	ck_assert_int_eq(addr_parse("127.0.0.1", &to.addr), 0);
	c.remote_len = udp_sockaddr(&to, AF_INET, &c.remote);
	store_be32(secret + 1, generation);
	keys_init(&keys, &aead_aes256gcm, secret);
	c.keys = &keys;
	ck_assert_int_eq(peer_create(&c, &p), 0);
	ck_assert_int_eq(peer_table_publish(e->table, p), 0);
	if (e->peer != NULL)
		peer_table_withdraw(e->table, e->peer);
	e->peer = p;
	(void)peer_table_reap(e->table);
}

static bool is_heard(const struct end *e)
{
	struct peer_stats s;

	peer_stats(e->peer, &s);
	return s.last_rx_ns != 0;
}

static void end_open(struct end *e, enum keys_direction send)
{
	struct peer_table_config c = { .inner_slots = 0 };

	*e = (struct end) { .send = send, .sockets.control = -1 };
	ck_assert_int_eq(peer_table_create(&c, &e->table), 0);
	for (unsigned int i = 0; i < STRESS_LANES; i++) {
		struct worker_config w = { .lane = i, .table = e->table };

		ck_assert_int_eq(socketpair(AF_UNIX,
					    SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
					    e->tun[i]),
				 0);
		w.tun_fd = e->tun[i][1];
		ck_assert_int_eq(worker_create(&w, &e->worker[i]), 0);
	}
	ck_assert_int_eq(worker_join(e->worker, STRESS_LANES), 0);
	for (unsigned int i = 0; i < STRESS_LANES; i++)
		ck_assert_int_eq(worker_start(e->worker[i]), 0);
	move(e);
}

static uint64_t counted(const struct end *e, enum counter c)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < STRESS_LANES; i++)
		n += counter_get(&worker_counters(e->worker[i])->of[c]);
	return n;
}

static void end_feed(struct end *e)
{
	ck_assert_int_eq(pthread_create(&e->feeder, NULL, feed, e), 0);
}

/* Nothing was taken for what it is not. (Another lane's record may come, and
 * be handed over, while a group of sockets that is given up falls apart.) */
static void must_be_clean(const struct end *e)
{
	ck_assert_uint_eq(e->spoiled, 0);
	ck_assert_uint_gt(e->taken, ROUNDS);
	ck_assert_uint_eq(counted(e, COUNTER_DROP_FORGED), 0);
	ck_assert_uint_eq(counted(e, COUNTER_DROP_REPLAYED), 0);
	ck_assert_uint_eq(counted(e, COUNTER_DROP_INNER), 0);
	ck_assert_uint_eq(counted(e, COUNTER_DROP_SOURCE), 0);
	ck_assert_uint_eq(counted(e, COUNTER_DROP_MALFORMED), 0);
}

static void end_close(struct end *e)
{
	for (unsigned int i = 0; i < STRESS_LANES; i++)
		worker_stop(e->worker[i]);
	for (unsigned int i = 0; i < STRESS_LANES; i++) {
		worker_destroy(e->worker[i]);
		close(e->tun[i][0]);
		close(e->tun[i][1]);
	}
	ck_assert_uint_eq(peer_table_reap(e->table), 0);
	peer_table_destroy(e->table);
	udp_close(&e->sockets);
}

START_TEST(peers_and_sockets_change_under_full_traffic)
{
	end_open(&a, KEYS_CLIENT_TO_GATEWAY);
	end_open(&b, KEYS_GATEWAY_TO_CLIENT);
	end_feed(&a);
	end_feed(&b);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		if (i % MOVE_EVERY == 1) {
			move(&a);
			move(&b);
		}
		replace(&a, i, b.sockets.port);
		replace(&b, i, a.sockets.port);
		/* Whoever waits here for ever is ended by check's limit. */
		while (!is_heard(&a) || !is_heard(&b))
			sched_yield();
	}
	atomic_store(&a.stop, true);
	atomic_store(&b.stop, true);
	pthread_join(a.feeder, NULL);
	pthread_join(b.feeder, NULL);
	must_be_clean(&a);
	must_be_clean(&b);
	printf("note: %u peers and %u sockets changed while %llu packets "
	       "crossed\n",
	       2 * ROUNDS,
	       2 * STRESS_LANES * STRESS_SHARES * (ROUNDS / MOVE_EVERY),
	       (unsigned long long)(a.taken + b.taken));
	end_close(&a);
	end_close(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("worker under stress");
	TCase *t = tcase_create("stress");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, peers_and_sockets_change_under_full_traffic);
	suite_add_tcase(s, t);
	return suite_run(s);
}
