/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/forwarder.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/forwarder_world.h"
#include "tests/lib/suite.h"
#include "tunnel/base/clock.h"

START_TEST(each_name_is_asked_of_its_side)
{
	static const struct {
		const char *name;
		enum dns_route route;
	} names[] = {
		{ "a.corp.example", DNS_ROUTE_TUNNEL },
		{ "CORP.example", DNS_ROUTE_TUNNEL },
		{ "badcorp.example", DNS_ROUTE_UPLINK },
		{ "gw.corp.example", DNS_ROUTE_UPLINK },
		{ "other.org", DNS_ROUTE_UPLINK },
	};
	struct forwarder_client c;

	forwarder_enter_with_policy(DNS_MODE_UP, false);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		forwarder_ask(&c, names[i].name);
		ck_assert_uint_eq(forwarder_world.asked_count, 1);
		ck_assert_int_eq(forwarder_world.asked[0].route,
				 names[i].route);
		forwarder_side_answers(0);
		ck_assert_int_eq(forwarder_look(&c).address,
				 names[i].route == DNS_ROUTE_TUNNEL ? INNER
								    : OUTER);
	}
}
END_TEST

START_TEST(a_wanted_tunnel_that_is_not_up_fails_its_names)
{
	struct forwarder_client c;

	forwarder_enter_with_policy(DNS_MODE_WAITING, false);
	forwarder_enter(DNS_MODE_WAITING, false);
	forwarder_ask(&c, "a.corp.example");
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_SERVFAIL);
	ck_assert_int_eq(forwarder_look(&c).error, DNS_ERROR_NOT_READY);
	ck_assert_ptr_nonnull(memmem(c.bytes, c.len, "it is late", 10));
	/* Short names may be the tunnel's too. */
	forwarder_ask(&c, "wiki");
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_SERVFAIL);
	ck_assert_uint_eq(forwarder_world.asks, 0);
	forwarder_ask(&c, "other.org");
	forwarder_side_answers(0);
	ck_assert_int_eq(forwarder_look(&c).address, OUTER);
}
END_TEST

START_TEST(names_of_the_world_wait_for_no_tunnel)
{
	struct dns_forwarder_state state = { .mode = DNS_MODE_WAITING };
	struct dns_policy policy;
	struct forwarder_client c;

	dns_policy_init(&policy);
	policy.default_tunnel = 0;
	ck_assert_int_eq(dns_policy_add_match(&policy, "corp.example", 0), 0);
	dns_forwarder_set(forwarder_world.f, &state, &policy,
			  forwarder_world.now_ns);
	dns_policy_fini(&policy);
	forwarder_ask(&c, "other.org");
	forwarder_side_answers(0);
	ck_assert_int_eq(forwarder_look(&c).address, OUTER);
	forwarder_ask(&c, "a.corp.example");
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_SERVFAIL);
	forwarder_enter(DNS_MODE_UP, false);
	forwarder_ask(&c, "other.org");
	forwarder_side_answers(0);
	ck_assert_int_eq(forwarder_look(&c).address, INNER);
}
END_TEST

START_TEST(an_armed_tunnel_is_triggered_and_its_names_are_held)
{
	struct forwarder_client inside, more, outside;

	forwarder_enter_with_policy(DNS_MODE_ARMED, false);
	forwarder_ask(&inside, "a.corp.example");
	ck_assert_uint_eq(forwarder_world.triggers, 1);
	forwarder_ask(&outside, "other.org");
	forwarder_side_answers(0);
	ck_assert_int_eq(forwarder_look(&outside).address, OUTER);
	forwarder_enter(DNS_MODE_WAITING, true);
	forwarder_ask(&more, "b.corp.example");
	ck_assert_uint_eq(forwarder_world.triggers, 1);
	ck_assert_uint_eq(inside.answers + more.answers, 0);
	ck_assert_uint_eq(forwarder_world.asked_count, 0);
	forwarder_enter(DNS_MODE_UP, false);
	ck_assert_uint_eq(forwarder_world.asked_count, 2);
	forwarder_side_answers(0);
	forwarder_side_answers(0);
	ck_assert_int_eq(forwarder_look(&inside).address, INNER);
	ck_assert_int_eq(forwarder_look(&more).address, INNER);
}
END_TEST

static void come_up(void)
{
	forwarder_enter(DNS_MODE_UP, false);
}

START_TEST(a_trigger_may_be_an_edge_at_once)
{
	struct forwarder_client c;

	forwarder_enter_with_policy(DNS_MODE_ARMED, false);
	forwarder_world.on_trigger = come_up;
	forwarder_ask(&c, "a.corp.example");
	ck_assert_uint_eq(forwarder_world.asked_count, 1);
	forwarder_side_answers(0);
	ck_assert_int_eq(forwarder_look(&c).address, INNER);
}
END_TEST

START_TEST(what_is_held_fails_in_time)
{
	struct forwarder_client first, second;

	forwarder_enter_with_policy(DNS_MODE_ARMED, false);
	ck_assert_uint_eq(dns_forwarder_deadline(forwarder_world.f),
			  CLOCK_NEVER);
	forwarder_ask(&first, "a.corp.example");
	forwarder_world.now_ns += NS_PER_S;
	forwarder_ask(&second, "b.corp.example");
	ck_assert_uint_eq(dns_forwarder_deadline(forwarder_world.f),
			  forwarder_world.now_ns - NS_PER_S +
				  (uint64_t)DNS_HOLD_MS * NS_PER_MS);
	forwarder_world.now_ns = dns_forwarder_deadline(forwarder_world.f);
	dns_forwarder_timeout(forwarder_world.f, forwarder_world.now_ns);
	ck_assert_int_eq(forwarder_rcode(&first), DNS_RCODE_SERVFAIL);
	ck_assert_uint_eq(second.answers, 0);
	forwarder_world.now_ns = dns_forwarder_deadline(forwarder_world.f);
	dns_forwarder_timeout(forwarder_world.f, forwarder_world.now_ns);
	ck_assert_int_eq(forwarder_rcode(&second), DNS_RCODE_SERVFAIL);
	ck_assert_uint_eq(dns_forwarder_deadline(forwarder_world.f),
			  CLOCK_NEVER);
	ck_assert_uint_eq(forwarder_world.asks, 0);
}
END_TEST

START_TEST(a_tunnel_that_is_not_wanted_is_not_there)
{
	struct forwarder_client c;

	forwarder_enter_with_policy(DNS_MODE_OFF, false);
	forwarder_ask(&c, "a.corp.example");
	ck_assert_int_eq(forwarder_world.asked[0].route, DNS_ROUTE_UPLINK);
	forwarder_side_answers(0);
	ck_assert_int_eq(forwarder_look(&c).address, OUTER);
	forwarder_ask(&c, "wiki");
	ck_assert_uint_eq(dns_name_labels(&forwarder_world.asked[0].query.name),
			  1);
	forwarder_side_says(0, DNS_RCODE_NXDOMAIN, NULL, 0);
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_NXDOMAIN);
}
END_TEST

static void asked_for(size_t i, const char *name, enum dns_route route)
{
	char buf[DNS_TEXT_MAX];

	ck_assert_uint_gt(forwarder_world.asked_count, i);
	ck_assert_str_eq(
		dns_name_text(&forwarder_world.asked[i].query.name, buf), name);
	ck_assert_int_eq(forwarder_world.asked[i].route, route);
}

START_TEST(a_short_name_is_completed_in_order)
{
	struct forwarder_client c;

	forwarder_enter_with_policy(DNS_MODE_UP, false);
	forwarder_ask(&c, "wiki");
	asked_for(0, "wiki.s1.example", DNS_ROUTE_TUNNEL);
	forwarder_side_says(0, DNS_RCODE_NXDOMAIN, NULL, 0);
	asked_for(0, "wiki.s2.example", DNS_ROUTE_TUNNEL);
	forwarder_side_answers(0);
	ck_assert_int_eq(forwarder_look(&c).address, INNER);
	ck_assert_int_eq(forwarder_look(&c).cnames, 1);
	ck_assert_uint_eq(forwarder_world.asks, 2);
}
END_TEST

START_TEST(a_short_name_that_is_nowhere_is_a_name_error)
{
	struct forwarder_client c;

	forwarder_enter_with_policy(DNS_MODE_UP, false);
	forwarder_ask(&c, "wiki");
	for (int i = 0; i < 2; i++)
		forwarder_side_says(0, DNS_RCODE_NXDOMAIN, NULL, 0);
	/* The uplink's own list comes last, at the uplink. */
	asked_for(0, "wiki.lan", DNS_ROUTE_UPLINK);
	forwarder_side_says(0, DNS_RCODE_NXDOMAIN, NULL, 0);
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_NXDOMAIN);
	ck_assert_uint_eq(forwarder_world.asked_count, 0);
	ck_assert_uint_eq(forwarder_world.asks, 3);
}
END_TEST

START_TEST(only_a_name_error_goes_on_to_the_next_domain)
{
	struct forwarder_client c;

	forwarder_enter_with_policy(DNS_MODE_UP, false);
	forwarder_ask(&c, "wiki");
	forwarder_side_says(0, DNS_RCODE_SERVFAIL, NULL, 0);
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_SERVFAIL);
	/* It exists, without an address: A and AAAA must agree on it. */
	forwarder_ask(&c, "wiki");
	forwarder_side_says(0, DNS_RCODE_NOERROR, NULL, 0);
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_NOERROR);
	forwarder_ask(&c, "wiki");
	forwarder_side_fails(0, DNS_ASK_TIMED_OUT);
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_SERVFAIL);
	ck_assert_int_eq(forwarder_look(&c).error, DNS_ERROR_NO_AUTHORITY);
	ck_assert_uint_eq(forwarder_world.asked_count, 0);
}
END_TEST

START_TEST(a_question_about_a_zone_is_not_completed)
{
	struct forwarder_client c;

	forwarder_enter_with_policy(DNS_MODE_UP, false);
	forwarder_ask_type(&c, "org", DNS_TYPE_DS);
	asked_for(0, "org", DNS_ROUTE_UPLINK);
	forwarder_side_says(0, DNS_RCODE_NOERROR, NULL, 0);
	ck_assert_uint_eq(forwarder_world.asked_count, 0);
}
END_TEST

START_TEST(equal_questions_are_asked_once)
{
	static struct forwarder_client c[50];

	forwarder_enter_with_policy(DNS_MODE_UP, false);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		forwarder_ask(&c[i],
			      i % 2 ? "A.corp.example" : "a.CORP.example");
	ck_assert_uint_eq(forwarder_world.asks, 1);
	forwarder_side_answers(0);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		ck_assert_int_eq(forwarder_look(&c[i]).address, INNER);
		/* Each gets its own letters back. */
		ck_assert_mem_eq(c[i].bytes + DNS_HEADER_LEN,
				 c[i].request.query.name.wire,
				 c[i].request.query.name.len);
	}
}
END_TEST

START_TEST(an_answer_is_kept_and_grows_old)
{
	struct forwarder_client c;

	forwarder_enter_with_policy(DNS_MODE_UP, false);
	forwarder_ask(&c, "a.corp.example");
	forwarder_side_answers(0);
	forwarder_world.now_ns += 100ULL * NS_PER_S;
	forwarder_ask(&c, "a.corp.example");
	ck_assert_uint_eq(forwarder_world.asked_count, 0);
	ck_assert_int_eq(forwarder_look(&c).address, INNER);
	ck_assert_uint_eq(forwarder_look(&c).ttl_s, 200);
	forwarder_world.now_ns += 201ULL * NS_PER_S;
	forwarder_ask(&c, "a.corp.example");
	ck_assert_uint_eq(forwarder_world.asked_count, 1);
	forwarder_side_answers(0);
}
END_TEST

START_TEST(no_answer_outlives_an_edge)
{
	struct forwarder_client kept, under_way, after;

	forwarder_enter_with_policy(DNS_MODE_UP, false);
	forwarder_ask(&kept, "a.corp.example");
	forwarder_side_answers(0);
	forwarder_ask(&under_way, "b.corp.example");
	forwarder_enter(DNS_MODE_OFF, false);
	/* What was under way is cancelled, and asked of the other side. */
	ck_assert_uint_eq(forwarder_world.cancels, 1);
	asked_for(0, "b.corp.example", DNS_ROUTE_UPLINK);
	forwarder_ask(&after, "a.corp.example");
	asked_for(1, "a.corp.example", DNS_ROUTE_UPLINK);
	forwarder_side_answers(1);
	forwarder_side_answers(0);
	ck_assert_int_eq(forwarder_look(&under_way).address, OUTER);
	ck_assert_int_eq(forwarder_look(&after).address, OUTER);
}
END_TEST

START_TEST(a_network_that_never_rests_ends_in_an_error)
{
	struct forwarder_client c;

	forwarder_enter_with_policy(DNS_MODE_UP, false);
	forwarder_ask(&c, "other.org");
	for (int i = 0; i < 20; i++)
		forwarder_enter(i % 2 ? DNS_MODE_UP : DNS_MODE_WAITING, false);
	ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_SERVFAIL);
	ck_assert_int_eq(forwarder_look(&c).error, DNS_ERROR_NETWORK);
	ck_assert_uint_eq(forwarder_world.asked_count, 0);
}
END_TEST

START_TEST(outside_names_do_not_point_inside)
{
	static const uint8_t addresses[][4] = {
		{ 10, 1, 2, 3 },    { 192, 168, 1, 1 }, { 127, 0, 0, 1 },
		{ 172, 31, 0, 1 },  { 169, 254, 0, 1 }, { 0, 0, 0, 0 },
		{ 100, 64, 0, 10 },
	};
	const uint8_t public[] = { 172, 32, 0, 9 };
	struct forwarder_client c;

	forwarder_enter_with_policy(DNS_MODE_UP, true);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		forwarder_ask(&c, "evil.org");
		/* Not kept either. */
		ck_assert_uint_eq(forwarder_world.asked_count, 1);
		forwarder_side_says(0, DNS_RCODE_NOERROR, addresses[i], 300);
		ck_assert_int_eq(forwarder_rcode(&c), DNS_RCODE_REFUSED);
		ck_assert_int_eq(forwarder_look(&c).error, DNS_ERROR_FILTERED);
	}
	forwarder_ask(&c, "good.org");
	forwarder_side_says(0, DNS_RCODE_NOERROR, public, 300);
	ck_assert_int_eq(forwarder_look(&c).address, 9);
	/* Names of ours may. */
	forwarder_ask(&c, "a.corp.example");
	forwarder_side_says(0, DNS_RCODE_NOERROR, addresses[0], 300);
	ck_assert_int_eq(forwarder_look(&c).address, 3);
	forwarder_ask(&c, "gw.corp.example");
	forwarder_side_says(0, DNS_RCODE_NOERROR, addresses[0], 300);
	ck_assert_int_eq(forwarder_look(&c).address, 3);
	/* Without the protection all may. */
	forwarder_enter_with_policy(DNS_MODE_UP, false);
	forwarder_ask(&c, "evil.org");
	forwarder_side_says(0, DNS_RCODE_NOERROR, addresses[0], 300);
	ck_assert_int_eq(forwarder_look(&c).address, 3);
}
END_TEST

START_TEST(a_flood_is_refused_and_not_dropped)
{
	static struct forwarder_client c[DNS_REQUESTS_MAX + 10];
	char name[32];
	int refused = 0;

	forwarder_enter_with_policy(DNS_MODE_UP, false);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		snprintf(name, sizeof(name), "h%zu.example.org", i);
		forwarder_ask(&c[i], name);
	}
	ck_assert_uint_eq(forwarder_world.asked_count, DNS_REQUESTS_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		if (c[i].answers > 0) {
			ck_assert_int_eq(forwarder_rcode(&c[i]),
					 DNS_RCODE_SERVFAIL);
			refused++;
		}
	ck_assert_int_eq(refused, 10);
	/* A place that becomes free is taken again. */
	forwarder_side_answers(0);
	forwarder_ask(&c[0], "one-more.example.org");
	ck_assert_uint_eq(forwarder_world.asked_count, DNS_REQUESTS_MAX);
	while (forwarder_world.asked_count > 0)
		forwarder_side_answers(forwarder_world.asked_count - 1);
	printf("note: %d queries under way, %d refused with an error\n",
	       DNS_REQUESTS_MAX, refused);
}
END_TEST

START_TEST(a_client_that_goes_leaves_nothing_behind)
{
	struct forwarder_client first, second;

	forwarder_enter_with_policy(DNS_MODE_UP, false);
	forwarder_ask(&first, "a.corp.example");
	forwarder_ask(&second, "a.corp.example");
	dns_forwarder_drop(forwarder_world.f, &first.request);
	ck_assert_uint_eq(forwarder_world.cancels, 0);
	dns_forwarder_drop(forwarder_world.f, &second.request);
	ck_assert_uint_eq(forwarder_world.cancels, 1);
	ck_assert_uint_eq(forwarder_world.asked_count, 0);
	dns_forwarder_drop(forwarder_world.f, &second.request);
	forwarder_enter(DNS_MODE_ARMED, false);
	forwarder_ask(&first, "a.corp.example");
	dns_forwarder_drop(forwarder_world.f, &first.request);
	ck_assert_uint_eq(dns_forwarder_deadline(forwarder_world.f),
			  CLOCK_NEVER);
	forwarder_enter(DNS_MODE_UP, false);
	ck_assert_uint_eq(forwarder_world.asked_count, 0);
	ck_assert_uint_eq(first.answers + second.answers, 0);
}
END_TEST

START_TEST(the_canary_is_answered_in_every_mode)
{
	struct dns_name canary;
	struct forwarder_client c;

	ck_assert_int_eq(dns_name_from_text("x7.corp.example", &canary), 0);
	dns_forwarder_canary(forwarder_world.f, &canary);
	for (int mode = DNS_MODE_OFF; mode <= DNS_MODE_UP; mode++) {
		forwarder_enter_with_policy((enum dns_mode)mode, true);
		forwarder_ask(&c, "X7.corp.example");
		ck_assert_int_eq(forwarder_look(&c).address, 1);
	}
	dns_forwarder_canary(forwarder_world.f, NULL);
	forwarder_ask(&c, "x7.corp.example");
	ck_assert_uint_eq(forwarder_world.asked_count, 1);
	forwarder_side_answers(0);
}
END_TEST

static uint32_t random_state;

static uint32_t pick(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

/* The rules that hold whatever happens: an answer is never of the wrong side,
 * and each query is answered once, or dropped. */
struct walk {
	enum dns_mode mode;
	bool hold;
	uint64_t edges, answers, wrong, dropped;
};

static struct walk walk;

static void on_walked(struct dns_request *r, const uint8_t *bytes, size_t len)
{
	struct forwarder_client *c = (struct forwarder_client *)r;
	struct forwarder_seen seen;
	bool inside = c->request.query.name.wire[1] == 'i';

	forwarder_client_done(r, bytes, len);
	walk.answers++;
	seen = forwarder_look(c);
	if (seen.address == 0)
		return;
	if (seen.address !=
		    (inside && walk.mode == DNS_MODE_UP ? INNER : OUTER) ||
	    (inside && walk.mode != DNS_MODE_UP && walk.mode != DNS_MODE_OFF))
		walk.wrong++;
}

static void walk_ask(struct forwarder_client *c)
{
	char name[32];

	if (c->request.done != NULL && c->answers == 0) {
		dns_forwarder_drop(forwarder_world.f, &c->request);
		walk.dropped++;
	}
	if (pick(2))
		snprintf(name, sizeof(name), "i%u.corp.example", pick(20));
	else
		snprintf(name, sizeof(name), "o%u.example.org", pick(20));
	memset(c, 0, sizeof(*c));
	c->request.done = on_walked;
	c->request.max = sizeof(c->bytes);
	c->request.query = (struct dns_query) { .type = DNS_TYPE_A,
						.class = DNS_CLASS_IN,
						.edns = true,
						.udp_size = 1232 };
	ck_assert_int_eq(dns_name_from_text(name, &c->request.query.name), 0);
	dns_forwarder_take(forwarder_world.f, &c->request,
			   forwarder_world.now_ns);
}

static void walk_edge(void)
{
	walk.mode = (enum dns_mode)pick(4);
	walk.hold = pick(2);
	walk.edges++;
	forwarder_enter(walk.mode, walk.hold);
}

START_TEST(a_random_walk_never_answers_from_the_wrong_side)
{
	static struct forwarder_client c[64];
	const int steps = 200000;

	random_state = 20261124;
	memset(&walk, 0, sizeof(walk));
	walk.mode = DNS_MODE_OFF;
	forwarder_enter_with_policy(DNS_MODE_OFF, false);
	for (int i = 0; i < steps; i++) {
		uint32_t what = pick(100);

		if (what < 50)
			walk_ask(&c[pick(ARRAY_SIZE(c))]);
		else if (what < 85 && forwarder_world.asked_count > 0)
			forwarder_side_answers(
				pick((uint32_t)forwarder_world.asked_count));
		else if (what < 88 && forwarder_world.asked_count > 0)
			forwarder_side_fails(
				pick((uint32_t)forwarder_world.asked_count),
				DNS_ASK_TIMED_OUT);
		else if (what < 95)
			forwarder_world.now_ns +=
				pick(3000) * (uint64_t)NS_PER_MS;
		else
			walk_edge();
		dns_forwarder_timeout(forwarder_world.f,
				      forwarder_world.now_ns);
		ck_assert_uint_eq(walk.wrong, 0);
	}
	walk.mode = DNS_MODE_OFF;
	forwarder_enter(DNS_MODE_OFF, false);
	while (forwarder_world.asked_count > 0)
		forwarder_side_answers(0);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		ck_assert_uint_eq(c[i].answers, 1);
	ck_assert_uint_eq(walk.wrong, 0);
	printf("note: %d steps, %llu edges, %llu answers, %llu dropped, "
	       "none of the wrong side\n",
	       steps, (unsigned long long)walk.edges,
	       (unsigned long long)walk.answers,
	       (unsigned long long)walk.dropped);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("forwarder");
	TCase *t = tcase_create("forwarder");

	tcase_add_checked_fixture(t, forwarder_world_init,
				  forwarder_world_fini);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, each_name_is_asked_of_its_side);
	tcase_add_test(t, a_wanted_tunnel_that_is_not_up_fails_its_names);
	tcase_add_test(t, names_of_the_world_wait_for_no_tunnel);
	tcase_add_test(t, an_armed_tunnel_is_triggered_and_its_names_are_held);
	tcase_add_test(t, a_trigger_may_be_an_edge_at_once);
	tcase_add_test(t, what_is_held_fails_in_time);
	tcase_add_test(t, a_tunnel_that_is_not_wanted_is_not_there);
	tcase_add_test(t, a_short_name_is_completed_in_order);
	tcase_add_test(t, a_short_name_that_is_nowhere_is_a_name_error);
	tcase_add_test(t, only_a_name_error_goes_on_to_the_next_domain);
	tcase_add_test(t, a_question_about_a_zone_is_not_completed);
	tcase_add_test(t, equal_questions_are_asked_once);
	tcase_add_test(t, an_answer_is_kept_and_grows_old);
	tcase_add_test(t, no_answer_outlives_an_edge);
	tcase_add_test(t, a_network_that_never_rests_ends_in_an_error);
	tcase_add_test(t, outside_names_do_not_point_inside);
	tcase_add_test(t, a_flood_is_refused_and_not_dropped);
	tcase_add_test(t, a_client_that_goes_leaves_nothing_behind);
	tcase_add_test(t, the_canary_is_answered_in_every_mode);
	tcase_add_test(t, a_random_walk_never_answers_from_the_wrong_side);
	suite_add_tcase(s, t);
	return suite_run(s);
}
