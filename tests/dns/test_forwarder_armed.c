/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an armed forwarder learns of the network: redirecting resolvers,
 * required URLs; and what always holds. */
#include "dns/arming.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/arming_world.h"
#include "tests/lib/suite.h"
#include "tunnel/base/clock.h"

/* --- Resolvers that redirect. --- */

START_TEST(a_random_name_is_asked_once_per_network)
{
	struct dns_name first;

	arming_rule(NED);
	arming_enter(DNS_MODE_ARMED, false, 1);
	ck_assert_uint_eq(arming_randoms(), 2);
	first = forwarder_world.asked[0].query.name;
	ck_assert(dns_name_equal(&first, &forwarder_world.asked[1].query.name));
	ck_assert_mem_eq(first.wire + first.len - 5, "\3com", 5);
	/* Cut off by an edge: the same one again. */
	arming_enter(DNS_MODE_UP, false, 1);
	ck_assert_uint_eq(forwarder_world.asked_count, 0);
	arming_enter(DNS_MODE_ARMED, false, 1);
	ck_assert_uint_eq(arming_randoms(), 2);
	ck_assert(dns_name_equal(&first, &forwarder_world.asked[0].query.name));
	arming_random_is(DNS_RCODE_NXDOMAIN, NULL);
	for (int mode = DNS_MODE_OFF; mode <= DNS_MODE_UP; mode++) {
		arming_enter((enum dns_mode)mode, false, 1);
		arming_enter(DNS_MODE_ARMED, false, 1);
		ck_assert_uint_eq(arming_randoms(), 0);
	}
	arming_enter(DNS_MODE_ARMED, false, 2);
	ck_assert_uint_eq(arming_randoms(), 2);
	ck_assert(
		!dns_name_equal(&first, &forwarder_world.asked[0].query.name));
}
END_TEST

START_TEST(nobody_asks_for_a_random_name_without_need)
{
	arming_rule(NED);
	arming_enter(DNS_MODE_OFF, false, 1);
	arming_enter(DNS_MODE_WAITING, true, 1);
	arming_enter(DNS_MODE_UP, false, 1);
	arming_rule(NEVER("'example.com'"));
	arming_enter(DNS_MODE_ARMED, false, 1);
	arming_rule(NEEDED_WITH("'example.com'", SERVERS));
	arming_enter(DNS_MODE_ARMED, false, 1);
	forwarder_enter_with_policy(DNS_MODE_ARMED, false);
	ck_assert_uint_eq(forwarder_world.asks, 0);
}
END_TEST

START_TEST(judged_names_wait_for_the_random_one)
{
	const uint8_t lie[] = { 192, 0, 2, REDIRECT };
	struct forwarder_client c, gone, other;

	arming_rule(NED);
	arming_enter(DNS_MODE_ARMED, false, 1);
	forwarder_ask(&c, "www.example.com");
	forwarder_ask(&gone, "www.example.com");
	dns_forwarder_drop(forwarder_world.f, &gone.request);
	ck_assert_uint_eq(forwarder_world.asked_count, 2);
	forwarder_ask(&other, "www.example.org");
	forwarder_side_answers(2);
	ck_assert_int_eq(forwarder_look(&other).address, OUTER);
	arming_random_is(DNS_RCODE_NOERROR, lie);
	ck_assert_uint_eq(forwarder_world.asked_count, 1);
	arming_answer(0, LIE);
	ck_assert_int_eq(forwarder_world.why, ONDEMAND_WHY_REDIRECTED);
	ck_assert_uint_eq(forwarder_world.triggers, 1);
	arming_held_until_up(&c);
}
END_TEST

START_TEST(judged_names_wait_a_second_at_most)
{
	const uint8_t lie[] = { 192, 0, 2, REDIRECT };
	struct forwarder_client c;

	arming_rule(NED);
	arming_enter(DNS_MODE_ARMED, false, 1);
	forwarder_ask(&c, "www.example.com");
	ck_assert_uint_eq(dns_forwarder_deadline(forwarder_world.f),
			  forwarder_world.now_ns +
				  (uint64_t)DNS_REDIRECT_MS * NS_PER_MS);
	forwarder_world.now_ns = dns_forwarder_deadline(forwarder_world.f);
	dns_forwarder_timeout(forwarder_world.f, forwarder_world.now_ns);
	ck_assert_uint_eq(dns_forwarder_deadline(forwarder_world.f),
			  forwarder_world.now_ns +
				  (uint64_t)DNS_JUDGE_MS * NS_PER_MS);
	arming_answer(2, LIE);
	ck_assert_int_eq(forwarder_look(&c).address, REDIRECT);
	/* It is known late, but then; what was kept is forgotten. */
	arming_random_is(DNS_RCODE_NOERROR, lie);
	forwarder_ask(&c, "www.example.com");
	arming_answer(0, LIE);
	ck_assert_uint_eq(forwarder_world.triggers, 1);
}
END_TEST

START_TEST(an_edge_takes_those_along_that_wait)
{
	struct forwarder_client c;

	arming_rule(NED);
	arming_enter(DNS_MODE_ARMED, false, 1);
	forwarder_ask(&c, "www.example.com");
	arming_enter(DNS_MODE_UP, false, 1);
	ck_assert_uint_eq(forwarder_world.asked_count, 1);
	ck_assert_int_eq(forwarder_world.asked[0].route, DNS_ROUTE_TUNNEL);
	forwarder_side_answers(0);
	ck_assert_int_eq(forwarder_look(&c).address, INNER);
}
END_TEST

/* --- RequiredURLStringProbe. --- */

START_TEST(a_required_url_is_asked_for_once_per_network)
{
	const struct ondemand_answer ok = { ONDEMAND_PROBE_STATUS, 200 };
	struct forwarder_client c;

	/* Two parameters with one URL. */
	arming_rule(NEEDED_WITH("'a.example'", PROBE) "," NEEDED_WITH(
		"'b.example'",
		PROBE) "," NEEDED_WITH("'c.example'",
				       "'RequiredURLStringProbe': "
				       "'https://q.example/'"));
	arming_enter(DNS_MODE_WAITING, false, 7);
	ck_assert_uint_eq(forwarder_world.probes, 0);
	arming_enter(DNS_MODE_ARMED, false, 7);
	ck_assert_uint_eq(forwarder_world.probes, 2);
	ck_assert_uint_eq(forwarder_world.probe_generation, 7);
	ck_assert_str_eq(forwarder_world.probe_url, "https://q.example/");
	ck_assert(!dns_forwarder_probe_answered(forwarder_world.f, 6, URL, ok));
	ck_assert(!dns_forwarder_probe_answered(forwarder_world.f, 7,
						"https://other.example/", ok));
	ck_assert(dns_forwarder_probe_answered(forwarder_world.f, 7, URL, ok));
	/* What is known lives through edges on the same network. */
	arming_enter(DNS_MODE_UP, false, 7);
	arming_enter(DNS_MODE_ARMED, false, 7);
	ck_assert_uint_eq(forwarder_world.probes, 2);
	arming_random_is(DNS_RCODE_NXDOMAIN, NULL);
	forwarder_ask(&c, "www.b.example");
	ck_assert_uint_eq(forwarder_world.asked_count, 1);
	arming_answer(0, ADDRESS);
	ck_assert_int_eq(forwarder_look(&c).address, OUTER);
	arming_enter(DNS_MODE_ARMED, false, 8);
	ck_assert_uint_eq(forwarder_world.probes, 4);
	ck_assert(!dns_forwarder_probe_answered(forwarder_world.f, 7, URL, ok));
	forwarder_ask(&c, "www.b.example");
	ck_assert_int_eq(forwarder_world.why, ONDEMAND_WHY_URL);
	ck_assert_uint_eq(forwarder_world.triggers, 1);
}
END_TEST

/* --- What is told. --- */

START_TEST(explains_what_a_name_would_do)
{
	static const struct {
		const char *host, *told;
	} names[] = {
		{ "a.corp.example", "\"server\": \"tunnel\", \"match\": "
				    "\"corp.example\"" },
		{ "a.corp.example",
		  "\"armed\": {\"starts\": \"yes\", \"because\": "
		  "\"it is one of the tunnel's own names\"}" },
		{ "www.example.com",
		  "\"server\": \"uplink\", \"match\": \"example.com\", "
		  "\"because\": \"it is in ConnectIfNeeded domain "
		  "example.com\", \"armed\": {\"starts\": \"if it fails\", "
		  "\"because\": \"the uplink's servers are asked first\"}" },
		{ "my.example.com", "\"armed\": {\"starts\": \"no\", "
				    "\"because\": \"its DomainAction is "
				    "NeverConnect\"}" },
		{ "a.required.example", "\"starts\": \"if it fails\", "
					"\"because\": \"RequiredDNSServers "
					"are asked first\"" },
		{ "a.url.example", "\"starts\": \"yes\", \"because\": "
				   "\"RequiredURLStringProbe does not give "
				   "200\"" },
		{ "vpn.example.com", "\"starts\": \"no\", \"because\": \"the "
				     "client itself asks for it\"" },
		{ "other.org", "\"starts\": \"no\", \"because\": \"it is in "
			       "none of the Domains\"" },
	};
	static struct dns_explanation e;
	char *text;
	size_t len;
	FILE *to;

	arming_arm(NED "," NEEDED_WITH("'required.example'",
				       SERVERS) "," NEEDED_WITH("'url.example'",
								PROBE));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		memset(&e, 0, sizeof(e));
		ck_assert_int_eq(dns_name_from_text(names[i].host, &e.name), 0);
		dns_forwarder_explain(forwarder_world.f, &e,
				      forwarder_world.now_ns);
		to = open_memstream(&text, &len);
		dns_explain_json(&e, to);
		fclose(to);
		ck_assert_msg(strstr(text, names[i].told) != NULL, "%s", text);
		free(text);
	}
	/* When it is up there is nothing to start. */
	arming_enter(DNS_MODE_UP, false, 1);
	memset(&e, 0, sizeof(e));
	ck_assert_int_eq(dns_name_from_text("www.example.com", &e.name), 0);
	dns_forwarder_explain(forwarder_world.f, &e, forwarder_world.now_ns);
	ck_assert(!e.armed);
	ck_assert_int_eq(e.first.route, DNS_ROUTE_TUNNEL);
}
END_TEST

/* --- What always holds. --- */

static struct walk {
	enum dns_mode mode;
	bool hold;
	uint64_t generation, edges, answers, dropped, wrong;
} walk;

static uint32_t random_state;

static uint32_t pick(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

/* 'i': of a match domain, 'n': ConnectIfNeeded, 'e': exempt, 'o': outside. */
static char kind_of(const struct dns_name *n)
{
	return (char)n->wire[1];
}

static void on_walked(struct dns_request *r, const uint8_t *bytes, size_t len)
{
	struct forwarder_client *c = (struct forwarder_client *)r;
	char kind = kind_of(&c->request.query.name);
	struct forwarder_seen seen;
	bool up = walk.mode == DNS_MODE_UP;

	forwarder_client_done(r, bytes, len);
	walk.answers++;
	seen = forwarder_look(c);
	if (seen.address == INNER && (!up || kind == 'o'))
		walk.wrong++;
	if (seen.address == OUTER &&
	    ((up && kind != 'o') || (kind == 'i' && walk.mode != DNS_MODE_OFF)))
		walk.wrong++;
	/* Armed, no name error comes that could have started it. */
	if (forwarder_rcode(c) == DNS_RCODE_NXDOMAIN && kind == 'n' &&
	    walk.mode == DNS_MODE_ARMED)
		walk.wrong++;
}

static void walk_ask(struct forwarder_client *c)
{
	static const char *const domains[] = {
		"corp.example",
		"example.com",
		"never.corp.example",
		"example.org",
	};
	uint32_t kind = pick(4);
	char name[64];

	if (c->request.done != NULL && c->answers == 0) {
		dns_forwarder_drop(forwarder_world.f, &c->request);
		walk.dropped++;
	}
	snprintf(name, sizeof(name), "%c%u.%s", "ineo"[kind], pick(20),
		 domains[kind]);
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

static void walk_enter(enum dns_mode mode, bool hold)
{
	walk.mode = mode;
	walk.hold = hold;
	walk.edges++;
	arming_enter(mode, hold, walk.generation);
}

/* A daemon that does what it is asked, half of the time. */
static void walk_triggered(void)
{
	ck_assert_int_eq(walk.mode, DNS_MODE_ARMED);
	if (pick(2))
		walk_enter(DNS_MODE_WAITING, true);
}

static void walk_step(struct forwarder_client *c)
{
	uint32_t what = pick(100);
	size_t count = forwarder_world.asked_count;

	if (what < 45)
		walk_ask(c);
	else if (what < 85 && count > 0)
		arming_answer(pick((uint32_t)count),
			      pick(4) ? ADDRESS
				      : (enum says)(NO_RECORD + pick(5)));
	else if (what < 97)
		forwarder_world.now_ns += pick(3000) * (uint64_t)NS_PER_MS;
	else
		walk_enter((enum dns_mode)pick(4), pick(2));
	if (what == 99 && pick(8) == 0)
		walk.generation++;
	dns_forwarder_timeout(forwarder_world.f, forwarder_world.now_ns);
	for (size_t i = 0; i < forwarder_world.asked_count; i++) {
		const struct asked *a = &forwarder_world.asked[i];

		if (kind_of(&a->query.name) == 'i' &&
		    walk.mode != DNS_MODE_OFF && !arming_is_random(a))
			ck_assert_int_eq(a->route, DNS_ROUTE_TUNNEL);
	}
}

START_TEST(a_random_walk_never_answers_from_the_wrong_side)
{
	static struct forwarder_client c[64];
	struct dns_forwarder_stats stats;
	const int steps = 200000;

	random_state = 20261124;
	memset(&walk, 0, sizeof(walk));
	arming_rule(NEVER("'never.corp.example'") "," NEEDED("'example.com'"));
	walk_enter(DNS_MODE_ARMED, false);
	forwarder_world.on_trigger = walk_triggered;
	for (int i = 0; i < steps; i++) {
		walk_step(&c[pick(ARRAY_SIZE(c))]);
		ck_assert_uint_eq(walk.wrong, 0);
	}
	walk_enter(DNS_MODE_OFF, false);
	while (forwarder_world.asked_count > 0)
		forwarder_side_answers(0);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		ck_assert_uint_eq(c[i].answers, 1);
	dns_forwarder_stats(forwarder_world.f, &stats);
	ck_assert_uint_eq(stats.under_way, 0);
	printf("note: %d steps, %llu edges, %llu answers, %llu dropped, %llu "
	       "judged, %llu triggers by own names, %llu by name errors, %llu "
	       "by no answer; none of the wrong side\n",
	       steps, (unsigned long long)walk.edges,
	       (unsigned long long)walk.answers,
	       (unsigned long long)walk.dropped,
	       (unsigned long long)stats.judged,
	       (unsigned long long)stats.triggers[ONDEMAND_WHY_MATCH],
	       (unsigned long long)stats.triggers[ONDEMAND_WHY_NXDOMAIN],
	       (unsigned long long)stats.triggers[ONDEMAND_WHY_TIMEOUT]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("forwarder_armed");
	TCase *t = tcase_create("forwarder_armed");

	tcase_add_checked_fixture(t, arming_world_init, arming_world_fini);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_random_name_is_asked_once_per_network);
	tcase_add_test(t, nobody_asks_for_a_random_name_without_need);
	tcase_add_test(t, judged_names_wait_for_the_random_one);
	tcase_add_test(t, judged_names_wait_a_second_at_most);
	tcase_add_test(t, an_edge_takes_those_along_that_wait);
	tcase_add_test(t, a_required_url_is_asked_for_once_per_network);
	tcase_add_test(t, explains_what_a_name_would_do);
	tcase_add_test(t, a_random_walk_never_answers_from_the_wrong_side);
	suite_add_tcase(s, t);
	return suite_run(s);
}
