/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/uplink.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

enum {
	WIFI = 2,
	DOCKER = 3,
	ADIT = 9,
	ROUTES_MAX = 8,
};

struct text_route {
	const char *to, *by; /* "": on the link */
	uint32_t ifindex;
	enum rtnl_kind kind;
};

/* A laptop in a cafe, with containers. */
static const struct text_route cafe[] = {
	{ "0.0.0.0/0", "192.0.2.1", WIFI, RTNL_KIND_DEVICE },
	{ "192.0.2.0/24", "", WIFI, RTNL_KIND_DEVICE },
	{ "::/0", "2001:db8:1::1", WIFI, RTNL_KIND_DEVICE },
	{ "172.17.0.0/16", "", DOCKER, RTNL_KIND_DEVICE },
};

static const struct {
	const char *what;
	struct text_route more;
	bool another; /* network */
} rows[] = {
	{ "a container's network",
	  { "172.18.0.0/16", "", 4, RTNL_KIND_DEVICE },
	  false },
	{ "another program's route",
	  { "10.9.0.0/16", "192.0.2.7", WIFI, RTNL_KIND_DEVICE },
	  false },
	{ "our own default",
	  { "0.0.0.0/0", "", ADIT, RTNL_KIND_DEVICE },
	  false },
	{ "a second default",
	  { "0.0.0.0/0", "192.0.2.9", WIFI, RTNL_KIND_DEVICE },
	  true },
	{ "a default of another link",
	  { "0.0.0.0/0", "172.17.0.1", DOCKER, RTNL_KIND_DEVICE },
	  true },
	{ "a second network on the uplink",
	  { "192.0.3.0/24", "", WIFI, RTNL_KIND_DEVICE },
	  true },
	{ "a route to the gateway",
	  { "203.0.113.0/24", "172.17.0.2", DOCKER, RTNL_KIND_DEVICE },
	  true },
	{ "the gateway made unreachable",
	  { "203.0.113.5/32", "", 0, RTNL_KIND_UNREACHABLE },
	  true },
};

static struct rtnl_route routes[ROUTES_MAX];
static struct uplink_view view;

static void add(const struct text_route *t)
{
	struct rtnl_route *r = &routes[view.count++];

	ck_assert_uint_le(view.count, ROUTES_MAX);
	*r = (struct rtnl_route) { .ifindex = t->ifindex, .kind = t->kind };
	ck_assert_int_eq(prefix_parse(t->to, &r->to), 0);
	if (*t->by != '\0')
		ck_assert_int_eq(addr_parse(t->by, &r->gateway), 0);
}

static void setup(void)
{
	view = (struct uplink_view) { .routes = routes, .own_ifindex = ADIT };
	ck_assert_int_eq(addr_parse("203.0.113.5", &view.remote), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cafe); i++)
		add(&cafe[i]);
}

START_TEST(knows_another_network_when_it_sees_one)
{
	uint64_t before = uplink_digest(&view);
	uint64_t all_before = uplink_digest_all(&view);
	bool ours = rows[_i].more.ifindex == ADIT;

	add(&rows[_i].more);
	ck_assert_msg((uplink_digest(&view) != before) == rows[_i].another,
		      "%s", rows[_i].what);
	ck_assert((uplink_digest_all(&view) != all_before) == !ours);
}
END_TEST

START_TEST(takes_routes_in_any_order)
{
	uint64_t before = uplink_digest(&view);
	struct rtnl_route first = routes[0];

	memmove(routes, routes + 1, (view.count - 1) * sizeof(routes[0]));
	routes[view.count - 1] = first;
	ck_assert_uint_eq(uplink_digest(&view), before);
}
END_TEST

START_TEST(sees_each_part_of_the_uplink_go)
{
	uint64_t before = uplink_digest(&view);

	for (size_t i = 0; i < ARRAY_SIZE(cafe); i++) {
		struct rtnl_route gone = routes[i];

		routes[i] = routes[--view.count];
		ck_assert((uplink_digest(&view) != before) ==
			  (cafe[i].ifindex == WIFI));
		routes[view.count++] = routes[i];
		routes[i] = gone;
	}
	ck_assert_uint_eq(uplink_digest(&view), before);
}
END_TEST

START_TEST(sees_no_way_where_there_is_none)
{
	ck_assert_uint_ne(uplink_digest(&view), 0);
	view.count = 0;
	ck_assert_uint_eq(uplink_digest(&view), 0);
	/* Our own leads nowhere. */
	add(&(struct text_route) {
		.to = "0.0.0.0/0", .by = "", .ifindex = ADIT });
	ck_assert_uint_eq(uplink_digest(&view), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("uplink");
	TCase *tc = tcase_create("uplink");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, knows_another_network_when_it_sees_one, 0,
			    ARRAY_SIZE(rows));
	tcase_add_test(tc, takes_routes_in_any_order);
	tcase_add_test(tc, sees_each_part_of_the_uplink_go);
	tcase_add_test(tc, sees_no_way_where_there_is_none);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
