/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>

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

int main(void)
{
	Suite *s = suite_create("inflight");
	TCase *t = tcase_create("table");

	tcase_add_test(t, nobody_comes_in_while_all_of_them_move);
	tcase_add_test(t, a_network_has_a_share_of_what_runs);
	suite_add_tcase(s, t);
	return suite_run(s);
}
