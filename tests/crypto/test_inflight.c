/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/inflight.h"
#include "tests/lib/duo.h"
#include "tests/lib/suite.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"

static struct inflight_table table;

static uint64_t ms(uint64_t n)
{
	return n * NS_PER_MS;
}

/* The n-th host of a /24. */
static struct path from(uint32_t network, uint8_t host)
{
	struct path p = { .remote = { .addr = { .family = AF_INET },
				      .port = 5000 } };

	store_be32(p.remote.addr.bytes, 20U << 24 | network << 8 | host);
	return p;
}

static struct inflight *add(const struct path *p, uint64_t now_ns)
{
	struct handshake *h =
		handshake_listener(duo_gateway("p256"), NULL, NULL);
	struct inflight *f;

	ck_assert_ptr_nonnull(h);
	f = inflight_add(&table, NULL, p, h, now_ns);
	ck_assert_ptr_nonnull(f);
	return f;
}

static bool network_is_full(uint32_t network)
{
	struct path p = from(network, 200);

	return inflight_network_is_full(&table, &p.remote.addr);
}

static void fill(void)
{
	for (uint32_t i = 0; i < INFLIGHT_MAX; i++) {
		struct path p = from(i, 1);

		ck_assert(!inflight_is_full(&table, 0));
		add(&p, 0);
	}
}

START_TEST(nobody_comes_in_while_all_of_them_move)
{
	struct path p = from(INFLIGHT_MAX, 1);
	struct inflight *first;

	inflight_table_init(&table);
	fill();
	first = table.head;
	ck_assert(inflight_is_full(&table, 0));
	ck_assert(inflight_is_full(&table, ms(INFLIGHT_STALLED_MS - 1)));
	ck_assert(!inflight_is_full(&table, ms(INFLIGHT_STALLED_MS)));
	/* The first of them is heard, so it is the second that goes. */
	inflight_progressed(&table, first, ms(500));
	add(&p, ms(INFLIGHT_STALLED_MS));
	ck_assert_uint_eq(table.count, INFLIGHT_MAX);
	ck_assert_uint_eq(table.evicted, 1);
	p = from(0, 1);
	ck_assert_ptr_eq(inflight_find(&table, &p.remote, first->token), first);
	p = from(1, 1);
	ck_assert_ptr_null(inflight_find(&table, &p.remote, first->token));
	inflight_table_fini(&table);
}
END_TEST

START_TEST(a_network_has_a_share_of_what_runs)
{
	struct inflight *f[INFLIGHT_NETWORK_MAX];

	inflight_table_init(&table);
	for (uint8_t i = 0; i < INFLIGHT_NETWORK_MAX; i++) {
		struct path p = from(7, i);

		ck_assert(!network_is_full(7));
		f[i] = add(&p, 0);
	}
	ck_assert(network_is_full(7));
	ck_assert(!network_is_full(8));
	/* One that is over, or gone, is none of its network's, once. */
	inflight_settle(f[3], INFLIGHT_LINGERING);
	ck_assert(!network_is_full(7));
	f[3] = NULL;
	for (uint8_t i = 0; i < INFLIGHT_NETWORK_MAX; i += 2)
		inflight_settle(f[i], INFLIGHT_REFUSED);
	for (uint8_t i = 0; i < INFLIGHT_NETWORK_MAX; i++)
		if (f[i] != NULL)
			inflight_remove(&table, f[i]);
	ck_assert_uint_eq(table.count, 1);
	for (uint8_t i = 100; i < 100 + INFLIGHT_NETWORK_MAX; i++) {
		struct path p = from(7, i);

		ck_assert(!network_is_full(7));
		add(&p, 0);
	}
	ck_assert(network_is_full(7));
	inflight_table_fini(&table);
}
END_TEST

/* One who knocks, takes the gateway's first answer, and is not heard of again
 * after the second. */
struct knocker {
	struct client *client;
	struct duo *duo;
	struct path from;
	uint8_t answer[ENVELOPE_MAX];
	size_t len;
};

static struct knocker *knocking; /* or nobody */

static void knocker_send(void *arg, const uint8_t *datagram, size_t len)
{
	struct knocker *k = arg;
	uint8_t copy[ENVELOPE_MAX];

	memcpy(copy, datagram, len);
	server_input(k->duo->server, &k->from, copy, len, k->duo->now_ns);
}

static void knocker_new_port(void *arg)
{
	(void)arg;
}

static enum duo_fate take_answer(struct duo *d, bool to_gateway, unsigned int n,
				 uint8_t *datagram, size_t len)
{
	(void)d;
	(void)n;
	if (to_gateway)
		return DUO_DELIVER;
	if (knocking != NULL && knocking->len == 0) {
		memcpy(knocking->answer, datagram, len);
		knocking->len = len;
	}
	return DUO_DROP;
}

static void knock(struct duo *d, struct knocker *k, uint8_t host)
{
	static const struct client_callbacks callbacks = {
		.send = knocker_send,
		.new_port = knocker_new_port,
	};
	const struct client_options o = { .credentials = duo_client("p256"),
					  .server_name = "gw.test",
					  .lanes = 1 };

	*k = (struct knocker) { .duo = d, .from.remote.port = 5000 };
	ck_assert_int_eq(addr_parse("203.0.113.50", &k->from.local), 0);
	ck_assert_int_eq(addr_parse("198.51.100.0", &k->from.remote.addr), 0);
	k->from.remote.addr.bytes[3] = host;
	k->client = client_create(&o, &callbacks, k);
	ck_assert_ptr_nonnull(k->client);
	knocking = k;
	ck_assert_int_eq(client_start(k->client, d->now_ns), 0);
	ck_assert_uint_gt(k->len, 0);
	client_input(k->client, k->answer, k->len, d->now_ns);
	knocking = NULL;
}

/* What was computed for one too many was thrown away, and the flight that it
 * had been sent by then led nowhere. */
START_TEST(one_too_many_is_sent_nothing_and_comes_in_later)
{
	static struct knocker k[INFLIGHT_NETWORK_MAX];
	const struct duo_options usual = { 0 };
	struct server_counters c;
	struct duo d;

	duo_init(&d, &usual);
	d.hook = take_answer;
	for (uint8_t i = 0; i < INFLIGHT_NETWORK_MAX; i++)
		knock(&d, &k[i], 100 + i);
	server_counters(d.server, &c);
	ck_assert_uint_eq(c.handshakes_now, INFLIGHT_NETWORK_MAX);
	/* They have ten seconds, and the client of the duo as many. */
	duo_run(&d, 5000);
	d.hook = NULL;
	duo_start(&d);
	duo_run(&d, 1000);
	server_counters(d.server, &c);
	ck_assert_uint_gt(c.drop_full, 0);
	ck_assert_uint_eq(c.cookies_sent, INFLIGHT_NETWORK_MAX);
	ck_assert_uint_eq(c.handshakes_started, INFLIGHT_NETWORK_MAX);
	ck_assert_uint_eq(d.up, 0);
	ck_assert_msg(duo_run_until_up(&d, 20000), "%s", d.text);
	server_counters(d.server, &c);
	ck_assert_uint_eq(c.handshakes_expired, INFLIGHT_NETWORK_MAX);
	ck_assert_uint_eq(c.handshakes_started, INFLIGHT_NETWORK_MAX + 1);
	for (size_t i = 0; i < INFLIGHT_NETWORK_MAX; i++)
		client_destroy(k[i].client);
	duo_fini(&d);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("inflight");
	TCase *t = tcase_create("table");

	tcase_add_test(t, nobody_comes_in_while_all_of_them_move);
	tcase_add_test(t, a_network_has_a_share_of_what_runs);
	tcase_add_test(t, one_too_many_is_sent_nothing_and_comes_in_later);
	suite_add_tcase(s, t);
	return suite_run(s);
}
