/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>

#include "tests/lib/suite.h"
#include "tunnel/gateway/gateway_pool.h"

static bool make(const char *four, const char *six, struct gateway_pool *ret)
{
	struct ip_prefix p4 = { 0 }, p6 = { 0 };

	ck_assert_int_eq(prefix_parse(four, &p4), 0);
	if (*six)
		ck_assert_int_eq(prefix_parse(six, &p6), 0);
	return gateway_pool_init(ret, &p4, &p6) == NULL;
}

static const struct {
	const char *four, *six;
	uint32_t slots; /* 0: refused */
} pools[] = {
	{ "10.77.0.0/16", "fd00::/64", 65535 },
	{ "10.0.0.0/8", "fd00::/64", 65536 },
	{ "10.77.0.0/16", "", 65535 },
	{ "10.76.0.0/15", "", 65536 },
	{ "10.77.0.0/24", "fd00::/64", 255 },
	{ "10.77.0.0/30", "fd00::/64", 3 },
	{ "10.77.0.0/16", "fd00::/120", 256 },
	{ "10.77.0.0/31", "fd00::/64", 0 },
	{ "10.77.0.1/32", "fd00::/64", 0 },
	{ "10.77.0.0/16", "fd00::/127", 0 },
	{ "10.77.0.0/16", "fd00::/16", 0 },
	{ "0.0.0.0/0", "", 0 },
	{ "10.77.0.1/16", "", 0 },
	{ "10.77.0.0/16", "fd00::1/64", 0 },
	{ "fd00::/64", "fd00::/64", 0 },
	{ "10.77.0.0/16", "10.78.0.0/16", 0 },
};

START_TEST(counts_the_slots_of_a_pool_or_refuses_it)
{
	struct gateway_pool p;
	uint32_t want = pools[_i].slots;

	ck_assert_int_eq(make(pools[_i].four, pools[_i].six, &p), want > 0);
	if (want)
		ck_assert_uint_eq(p.slots, want);
}
END_TEST

START_TEST(gives_a_client_neither_the_network_nor_the_gateway_nor_broadcast)
{
	struct gateway_pool p;

	ck_assert(make("10.77.0.0/24", "", &p));
	ck_assert(!gateway_pool_has(&p, 0));
	ck_assert(!gateway_pool_has(&p, GATEWAY_POOL_SLOT_GATEWAY));
	ck_assert(gateway_pool_has(&p, GATEWAY_POOL_SLOT_FIRST));
	ck_assert(gateway_pool_has(&p, 254));
	ck_assert(!gateway_pool_has(&p, 255));
}
END_TEST

static const struct {
	const char *four, *six;
	uint32_t slot;
	const char *address4, *address6;
} addresses[] = {
	{ "10.77.0.0/16", "fd00:1:2:3::/64", 1, "10.77.0.1/16",
	  "fd00:1:2:3::1/64" },
	{ "10.77.0.0/16", "fd00:1:2:3::/64", 258, "10.77.1.2/16",
	  "fd00:1:2:3::102/64" },
	{ "10.77.0.0/16", "fd00:1:2:3::/64", 65534, "10.77.255.254/16",
	  "fd00:1:2:3::fffe/64" },
	{ "10.255.255.240/28", "fd00::ff00/120", 14, "10.255.255.254/28",
	  "fd00::ff0e/120" },
};

START_TEST(adds_the_slot_to_the_base_in_both_families)
{
	char text[PREFIX_TEXT_MAX];
	struct ip_prefix a4, a6;
	struct gateway_pool p;

	ck_assert(make(addresses[_i].four, addresses[_i].six, &p));
	gateway_pool_addresses(&p, addresses[_i].slot, &a4, &a6);
	ck_assert_str_eq(prefix_text(&a4, text), addresses[_i].address4);
	ck_assert_str_eq(prefix_text(&a6, text), addresses[_i].address6);
}
END_TEST

START_TEST(keeps_every_slot_of_the_largest_pool_inside_it)
{
	struct ip_prefix a4, a6;
	struct gateway_pool p;

	ck_assert(make("10.77.0.0/16", "fd00::/112", &p));
	for (uint32_t slot = 0; slot < p.slots; slot++) {
		gateway_pool_addresses(&p, slot, &a4, &a6);
		ck_assert(prefix_has(&p.prefix4, &a4.addr));
		ck_assert(prefix_has(&p.prefix6, &a6.addr));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gateway_pool");
	TCase *t = tcase_create("slots");

	tcase_add_loop_test(t, counts_the_slots_of_a_pool_or_refuses_it, 0,
			    sizeof(pools) / sizeof(pools[0]));
	tcase_add_test(
		t,
		gives_a_client_neither_the_network_nor_the_gateway_nor_broadcast);
	tcase_add_loop_test(t, adds_the_slot_to_the_base_in_both_families, 0,
			    sizeof(addresses) / sizeof(addresses[0]));
	tcase_add_test(t, keeps_every_slot_of_the_largest_pool_inside_it);
	suite_add_tcase(s, t);
	return suite_run(s);
}
