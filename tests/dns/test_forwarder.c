/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/forwarder.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"

enum {
	ASKS_MAX = DNS_REQUESTS_MAX + 64,
	INNER = 1, /* last byte of the addresses that the two sides give */
	OUTER = 2,
};

/* What the forwarder asked of a side and has not heard of. */
struct asked {
	struct dns_ask *ask;
	struct dns_query query;
	enum dns_route route;
};

static struct world {
	struct dns_forwarder *f;
	uint64_t now_ns;
	struct asked asked[ASKS_MAX];
	size_t asked_count;
	uint64_t asks, cancels, triggers;
	void (*on_trigger)(void);
} w;

/* A client that keeps what it was told. */
struct client {
	struct dns_request request;
	unsigned int answers;
	size_t len;
	uint8_t bytes[2048];
};

static enum dns_ask_result on_ask(void *arg, enum dns_route route,
				  const struct dns_query *q, bool tcp,
				  struct dns_ask *ask)
{
	(void)arg;
	(void)tcp;
	ck_assert_uint_lt(w.asked_count, ASKS_MAX);
	ask->exchange = (struct dns_exchange *)&w;
	w.asked[w.asked_count++] = (struct asked) { ask, *q, route };
	w.asks++;
	return DNS_ASK_ANSWERED;
}

static void forget(size_t i)
{
	w.asked[i].ask->exchange = NULL;
	w.asked[i] = w.asked[--w.asked_count];
}

static void on_cancel(void *arg, struct dns_ask *ask)
{
	(void)arg;
	for (size_t i = 0; i < w.asked_count; i++)
		if (w.asked[i].ask == ask) {
			w.cancels++;
			forget(i);
			return;
		}
	ck_abort_msg("it cancels what it did not ask");
}

static void on_trigger(void *arg, const struct dns_name *name)
{
	(void)arg;
	(void)name;
	w.triggers++;
	if (w.on_trigger != NULL)
		w.on_trigger();
}

static uint64_t on_now(void *arg)
{
	(void)arg;
	return w.now_ns;
}

static void setup(void)
{
	const struct dns_forwarder_options o = {
		.seed = 7,
		.ask = on_ask,
		.cancel = on_cancel,
		.trigger = on_trigger,
		.now = on_now,
	};

	memset(&w, 0, sizeof(w));
	w.now_ns = NS_PER_S;
	w.f = dns_forwarder_create(&o);
	ck_assert_ptr_nonnull(w.f);
}

static void teardown(void)
{
	dns_forwarder_destroy(w.f);
	ck_assert_uint_eq(w.asked_count, 0);
}

static void enter(enum dns_mode mode, bool hold)
{
	const struct dns_forwarder_state state = { .mode = mode,
						   .hold = hold,
						   .reason = "it is late" };

	dns_forwarder_set(w.f, &state, NULL, w.now_ns);
}

/* Match corp.example, search s1.example and s2.example, the uplink's list lan.
 */
static void enter_with_policy(enum dns_mode mode, bool guarded)
{
	const struct dns_forwarder_state state = {
		.mode = mode,
		.rebinding_protection = guarded,
	};
	struct dns_policy policy;

	dns_policy_init(&policy);
	ck_assert_int_eq(dns_policy_add_uplink(&policy, "gw.corp.example"), 0);
	ck_assert_int_eq(dns_policy_add_match(&policy, "corp.example", 0), 0);
	ck_assert_int_eq(dns_policy_add_search(&policy, "s1.example", 0), 0);
	ck_assert_int_eq(dns_policy_add_search(&policy, "s2.example", 0), 0);
	ck_assert_int_eq(dns_policy_add_system_search(&policy, "lan"), 0);
	dns_forwarder_set(w.f, &state, &policy, w.now_ns);
	dns_policy_fini(&policy);
}

static void on_done(struct dns_request *r, const uint8_t *bytes, size_t len)
{
	struct client *c = (struct client *)r;

	c->answers++;
	c->len = len;
	ck_assert_uint_le(len, sizeof(c->bytes));
	memcpy(c->bytes, bytes, len);
}

static void ask_type(struct client *c, const char *name, uint16_t type)
{
	memset(c, 0, sizeof(*c));
	c->request.done = on_done;
	c->request.max = sizeof(c->bytes);
	c->request.query = (struct dns_query) {
		.id = 0x1234,
		.recursion_desired = true,
		.type = type,
		.class = DNS_CLASS_IN,
		.edns = true,
		.udp_size = 1232,
	};
	ck_assert_int_eq(dns_name_from_text(name, &c->request.query.name), 0);
	dns_forwarder_take(w.f, &c->request, w.now_ns);
}

static void ask(struct client *c, const char *name)
{
	ask_type(c, name, DNS_TYPE_A);
}

/* An upstream's message: an address, or a code. */
static size_t message(const struct dns_query *q, enum dns_rcode rcode,
		      const uint8_t address[4], uint32_t ttl_s, uint8_t *buf,
		      size_t size)
{
	struct bytes b = bytes_over(buf, size);

	bytes_put16(&b, q->id);
	bytes_put16(&b, 0x8180 | rcode);
	bytes_put16(&b, 1);
	bytes_put16(&b, address ? 1 : 0);
	bytes_put32(&b, 0);
	bytes_put(&b, q->name.wire, q->name.len);
	bytes_put16(&b, q->type);
	bytes_put16(&b, q->class);
	if (address != NULL) {
		bytes_put16(&b, 0xc00c);
		bytes_put16(&b, DNS_TYPE_A);
		bytes_put16(&b, DNS_CLASS_IN);
		bytes_put32(&b, ttl_s);
		bytes_put16(&b, 4);
		bytes_put(&b, address, 4);
	}
	ck_assert(bytes_ok(&b));
	return bytes_done(&b);
}

static void side_says(size_t i, enum dns_rcode rcode, const uint8_t *address,
		      uint32_t ttl_s)
{
	struct asked a = w.asked[i];
	struct dns_answer answer;
	uint8_t buf[512];
	size_t len;

	len = message(&a.query, rcode, address, ttl_s, buf, sizeof(buf));
	ck_assert_int_eq(dns_answer_parse(buf, len, &a.query, &answer),
			 DNS_REPLY_OK);
	forget(i);
	a.ask->done(a.ask, DNS_ASK_ANSWERED, &answer);
}

/* Each side has addresses of its own. */
static void side_answers(size_t i)
{
	const uint8_t inner[] = { 192, 0, 2, INNER };
	const uint8_t outer[] = { 192, 0, 2, OUTER };

	side_says(i, DNS_RCODE_NOERROR,
		  w.asked[i].route == DNS_ROUTE_TUNNEL ? inner : outer, 300);
}

static void side_fails(size_t i, enum dns_ask_result result)
{
	struct asked a = w.asked[i];

	forget(i);
	a.ask->done(a.ask, result, NULL);
}

static int rcode_of(const struct client *c)
{
	ck_assert_uint_eq(c->answers, 1);
	ck_assert_uint_ge(c->len, DNS_HEADER_LEN);
	return c->bytes[3] & 15;
}

static void skip_name(struct bytes *b)
{
	for (;;) {
		uint8_t label = bytes_get8(b);

		if (label >= 0xc0) {
			bytes_get8(b);
			return;
		}
		if (label == 0 || !bytes_ok(b))
			return;
		(void)bytes_take(b, label);
	}
}

/* The last byte of its first A record, 0 without one; the CNAMEs before it, and
 * the code of its Extended DNS Error (-1). */
struct seen {
	int address, cnames, error;
	uint32_t ttl_s;
};

static struct seen look(const struct client *c)
{
	struct seen seen = { .error = -1 };
	struct bytes b = bytes_read(c->bytes, c->len);
	unsigned int records;

	ck_assert_uint_eq(c->answers, 1);
	bytes_get32(&b);
	bytes_get16(&b);
	records = bytes_get16(&b);
	records += bytes_get16(&b);
	records += bytes_get16(&b);
	skip_name(&b);
	bytes_get32(&b);
	while (records-- > 0) {
		uint16_t type, len;
		uint32_t ttl_s;
		const uint8_t *data;

		skip_name(&b);
		type = bytes_get16(&b);
		bytes_get16(&b);
		ttl_s = bytes_get32(&b);
		len = bytes_get16(&b);
		data = bytes_take(&b, len);
		ck_assert_ptr_nonnull(data);
		if (type == DNS_TYPE_CNAME)
			seen.cnames++;
		if (type == DNS_TYPE_A && seen.address == 0) {
			seen.address = data[3];
			seen.ttl_s = ttl_s;
		}
		if (type == DNS_TYPE_OPT && len >= 6 && load_be16(data) == 15)
			seen.error = load_be16(data + 4);
	}
	ck_assert(bytes_ok(&b));
	return seen;
}

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
	struct client c;

	enter_with_policy(DNS_MODE_UP, false);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ask(&c, names[i].name);
		ck_assert_uint_eq(w.asked_count, 1);
		ck_assert_int_eq(w.asked[0].route, names[i].route);
		side_answers(0);
		ck_assert_int_eq(look(&c).address,
				 names[i].route == DNS_ROUTE_TUNNEL ? INNER
								    : OUTER);
	}
}
END_TEST

START_TEST(a_wanted_tunnel_that_is_not_up_fails_its_names)
{
	struct client c;

	enter_with_policy(DNS_MODE_WAITING, false);
	enter(DNS_MODE_WAITING, false);
	ask(&c, "a.corp.example");
	ck_assert_int_eq(rcode_of(&c), DNS_RCODE_SERVFAIL);
	ck_assert_int_eq(look(&c).error, DNS_ERROR_NOT_READY);
	ck_assert_ptr_nonnull(memmem(c.bytes, c.len, "it is late", 10));
	/* Short names may be the tunnel's too. */
	ask(&c, "wiki");
	ck_assert_int_eq(rcode_of(&c), DNS_RCODE_SERVFAIL);
	ck_assert_uint_eq(w.asks, 0);
	ask(&c, "other.org");
	side_answers(0);
	ck_assert_int_eq(look(&c).address, OUTER);
}
END_TEST

START_TEST(names_of_the_world_wait_for_no_tunnel)
{
	struct dns_forwarder_state state = { .mode = DNS_MODE_WAITING };
	struct dns_policy policy;
	struct client c;

	dns_policy_init(&policy);
	policy.default_tunnel = 0;
	ck_assert_int_eq(dns_policy_add_match(&policy, "corp.example", 0), 0);
	dns_forwarder_set(w.f, &state, &policy, w.now_ns);
	dns_policy_fini(&policy);
	ask(&c, "other.org");
	side_answers(0);
	ck_assert_int_eq(look(&c).address, OUTER);
	ask(&c, "a.corp.example");
	ck_assert_int_eq(rcode_of(&c), DNS_RCODE_SERVFAIL);
	enter(DNS_MODE_UP, false);
	ask(&c, "other.org");
	side_answers(0);
	ck_assert_int_eq(look(&c).address, INNER);
}
END_TEST

START_TEST(an_armed_tunnel_is_triggered_and_its_names_are_held)
{
	struct client inside, more, outside;

	enter_with_policy(DNS_MODE_ARMED, false);
	ask(&inside, "a.corp.example");
	ck_assert_uint_eq(w.triggers, 1);
	ask(&outside, "other.org");
	side_answers(0);
	ck_assert_int_eq(look(&outside).address, OUTER);
	enter(DNS_MODE_WAITING, true);
	ask(&more, "b.corp.example");
	ck_assert_uint_eq(w.triggers, 1);
	ck_assert_uint_eq(inside.answers + more.answers, 0);
	ck_assert_uint_eq(w.asked_count, 0);
	enter(DNS_MODE_UP, false);
	ck_assert_uint_eq(w.asked_count, 2);
	side_answers(0);
	side_answers(0);
	ck_assert_int_eq(look(&inside).address, INNER);
	ck_assert_int_eq(look(&more).address, INNER);
}
END_TEST

static void come_up(void)
{
	enter(DNS_MODE_UP, false);
}

START_TEST(a_trigger_may_be_an_edge_at_once)
{
	struct client c;

	enter_with_policy(DNS_MODE_ARMED, false);
	w.on_trigger = come_up;
	ask(&c, "a.corp.example");
	ck_assert_uint_eq(w.asked_count, 1);
	side_answers(0);
	ck_assert_int_eq(look(&c).address, INNER);
}
END_TEST

START_TEST(what_is_held_fails_in_time)
{
	struct client first, second;

	enter_with_policy(DNS_MODE_ARMED, false);
	ck_assert_uint_eq(dns_forwarder_deadline(w.f), CLOCK_NEVER);
	ask(&first, "a.corp.example");
	w.now_ns += NS_PER_S;
	ask(&second, "b.corp.example");
	ck_assert_uint_eq(dns_forwarder_deadline(w.f),
			  w.now_ns - NS_PER_S +
				  (uint64_t)DNS_HOLD_MS * NS_PER_MS);
	w.now_ns = dns_forwarder_deadline(w.f);
	dns_forwarder_timeout(w.f, w.now_ns);
	ck_assert_int_eq(rcode_of(&first), DNS_RCODE_SERVFAIL);
	ck_assert_uint_eq(second.answers, 0);
	w.now_ns = dns_forwarder_deadline(w.f);
	dns_forwarder_timeout(w.f, w.now_ns);
	ck_assert_int_eq(rcode_of(&second), DNS_RCODE_SERVFAIL);
	ck_assert_uint_eq(dns_forwarder_deadline(w.f), CLOCK_NEVER);
	ck_assert_uint_eq(w.asks, 0);
}
END_TEST

START_TEST(a_tunnel_that_is_not_wanted_is_not_there)
{
	struct client c;

	enter_with_policy(DNS_MODE_OFF, false);
	ask(&c, "a.corp.example");
	ck_assert_int_eq(w.asked[0].route, DNS_ROUTE_UPLINK);
	side_answers(0);
	ck_assert_int_eq(look(&c).address, OUTER);
	ask(&c, "wiki");
	ck_assert_uint_eq(dns_name_labels(&w.asked[0].query.name), 1);
	side_says(0, DNS_RCODE_NXDOMAIN, NULL, 0);
	ck_assert_int_eq(rcode_of(&c), DNS_RCODE_NXDOMAIN);
}
END_TEST

static void asked_for(size_t i, const char *name, enum dns_route route)
{
	char buf[DNS_TEXT_MAX];

	ck_assert_uint_gt(w.asked_count, i);
	ck_assert_str_eq(dns_name_text(&w.asked[i].query.name, buf), name);
	ck_assert_int_eq(w.asked[i].route, route);
}

START_TEST(a_short_name_is_completed_in_order)
{
	struct client c;

	enter_with_policy(DNS_MODE_UP, false);
	ask(&c, "wiki");
	asked_for(0, "wiki.s1.example", DNS_ROUTE_TUNNEL);
	side_says(0, DNS_RCODE_NXDOMAIN, NULL, 0);
	asked_for(0, "wiki.s2.example", DNS_ROUTE_TUNNEL);
	side_answers(0);
	ck_assert_int_eq(look(&c).address, INNER);
	ck_assert_int_eq(look(&c).cnames, 1);
	ck_assert_uint_eq(w.asks, 2);
}
END_TEST

START_TEST(a_short_name_that_is_nowhere_is_a_name_error)
{
	struct client c;

	enter_with_policy(DNS_MODE_UP, false);
	ask(&c, "wiki");
	for (int i = 0; i < 2; i++)
		side_says(0, DNS_RCODE_NXDOMAIN, NULL, 0);
	/* The uplink's own list comes last, at the uplink. */
	asked_for(0, "wiki.lan", DNS_ROUTE_UPLINK);
	side_says(0, DNS_RCODE_NXDOMAIN, NULL, 0);
	ck_assert_int_eq(rcode_of(&c), DNS_RCODE_NXDOMAIN);
	ck_assert_uint_eq(w.asked_count, 0);
	ck_assert_uint_eq(w.asks, 3);
}
END_TEST

START_TEST(only_a_name_error_goes_on_to_the_next_domain)
{
	struct client c;

	enter_with_policy(DNS_MODE_UP, false);
	ask(&c, "wiki");
	side_says(0, DNS_RCODE_SERVFAIL, NULL, 0);
	ck_assert_int_eq(rcode_of(&c), DNS_RCODE_SERVFAIL);
	/* It exists, without an address: A and AAAA must agree on it. */
	ask(&c, "wiki");
	side_says(0, DNS_RCODE_NOERROR, NULL, 0);
	ck_assert_int_eq(rcode_of(&c), DNS_RCODE_NOERROR);
	ask(&c, "wiki");
	side_fails(0, DNS_ASK_TIMED_OUT);
	ck_assert_int_eq(rcode_of(&c), DNS_RCODE_SERVFAIL);
	ck_assert_int_eq(look(&c).error, DNS_ERROR_NO_AUTHORITY);
	ck_assert_uint_eq(w.asked_count, 0);
}
END_TEST

START_TEST(a_question_about_a_zone_is_not_completed)
{
	struct client c;

	enter_with_policy(DNS_MODE_UP, false);
	ask_type(&c, "org", DNS_TYPE_DS);
	asked_for(0, "org", DNS_ROUTE_UPLINK);
	side_says(0, DNS_RCODE_NOERROR, NULL, 0);
	ck_assert_uint_eq(w.asked_count, 0);
}
END_TEST

START_TEST(equal_questions_are_asked_once)
{
	static struct client c[50];

	enter_with_policy(DNS_MODE_UP, false);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		ask(&c[i], i % 2 ? "A.corp.example" : "a.CORP.example");
	ck_assert_uint_eq(w.asks, 1);
	side_answers(0);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		ck_assert_int_eq(look(&c[i]).address, INNER);
		/* Each gets its own letters back. */
		ck_assert_mem_eq(c[i].bytes + DNS_HEADER_LEN,
				 c[i].request.query.name.wire,
				 c[i].request.query.name.len);
	}
}
END_TEST

START_TEST(an_answer_is_kept_and_grows_old)
{
	struct client c;

	enter_with_policy(DNS_MODE_UP, false);
	ask(&c, "a.corp.example");
	side_answers(0);
	w.now_ns += 100ULL * NS_PER_S;
	ask(&c, "a.corp.example");
	ck_assert_uint_eq(w.asked_count, 0);
	ck_assert_int_eq(look(&c).address, INNER);
	ck_assert_uint_eq(look(&c).ttl_s, 200);
	w.now_ns += 201ULL * NS_PER_S;
	ask(&c, "a.corp.example");
	ck_assert_uint_eq(w.asked_count, 1);
	side_answers(0);
}
END_TEST

START_TEST(no_answer_outlives_an_edge)
{
	struct client kept, under_way, after;

	enter_with_policy(DNS_MODE_UP, false);
	ask(&kept, "a.corp.example");
	side_answers(0);
	ask(&under_way, "b.corp.example");
	enter(DNS_MODE_OFF, false);
	/* What was under way is cancelled, and asked of the other side. */
	ck_assert_uint_eq(w.cancels, 1);
	asked_for(0, "b.corp.example", DNS_ROUTE_UPLINK);
	ask(&after, "a.corp.example");
	asked_for(1, "a.corp.example", DNS_ROUTE_UPLINK);
	side_answers(1);
	side_answers(0);
	ck_assert_int_eq(look(&under_way).address, OUTER);
	ck_assert_int_eq(look(&after).address, OUTER);
}
END_TEST

START_TEST(a_network_that_never_rests_ends_in_an_error)
{
	struct client c;

	enter_with_policy(DNS_MODE_UP, false);
	ask(&c, "other.org");
	for (int i = 0; i < 20; i++)
		enter(i % 2 ? DNS_MODE_UP : DNS_MODE_WAITING, false);
	ck_assert_int_eq(rcode_of(&c), DNS_RCODE_SERVFAIL);
	ck_assert_int_eq(look(&c).error, DNS_ERROR_NETWORK);
	ck_assert_uint_eq(w.asked_count, 0);
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
	struct client c;

	enter_with_policy(DNS_MODE_UP, true);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		ask(&c, "evil.org");
		/* Not kept either. */
		ck_assert_uint_eq(w.asked_count, 1);
		side_says(0, DNS_RCODE_NOERROR, addresses[i], 300);
		ck_assert_int_eq(rcode_of(&c), DNS_RCODE_REFUSED);
		ck_assert_int_eq(look(&c).error, DNS_ERROR_FILTERED);
	}
	ask(&c, "good.org");
	side_says(0, DNS_RCODE_NOERROR, public, 300);
	ck_assert_int_eq(look(&c).address, 9);
	/* Names of ours may. */
	ask(&c, "a.corp.example");
	side_says(0, DNS_RCODE_NOERROR, addresses[0], 300);
	ck_assert_int_eq(look(&c).address, 3);
	ask(&c, "gw.corp.example");
	side_says(0, DNS_RCODE_NOERROR, addresses[0], 300);
	ck_assert_int_eq(look(&c).address, 3);
	/* Without the protection all may. */
	enter_with_policy(DNS_MODE_UP, false);
	ask(&c, "evil.org");
	side_says(0, DNS_RCODE_NOERROR, addresses[0], 300);
	ck_assert_int_eq(look(&c).address, 3);
}
END_TEST

START_TEST(a_flood_is_refused_and_not_dropped)
{
	static struct client c[DNS_REQUESTS_MAX + 10];
	char name[32];
	int refused = 0;

	enter_with_policy(DNS_MODE_UP, false);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		snprintf(name, sizeof(name), "h%zu.example.org", i);
		ask(&c[i], name);
	}
	ck_assert_uint_eq(w.asked_count, DNS_REQUESTS_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		if (c[i].answers > 0) {
			ck_assert_int_eq(rcode_of(&c[i]), DNS_RCODE_SERVFAIL);
			refused++;
		}
	ck_assert_int_eq(refused, 10);
	/* A place that becomes free is taken again. */
	side_answers(0);
	ask(&c[0], "one-more.example.org");
	ck_assert_uint_eq(w.asked_count, DNS_REQUESTS_MAX);
	while (w.asked_count > 0)
		side_answers(w.asked_count - 1);
	printf("note: %d queries under way, %d refused with an error\n",
	       DNS_REQUESTS_MAX, refused);
}
END_TEST

START_TEST(a_client_that_goes_leaves_nothing_behind)
{
	struct client first, second;

	enter_with_policy(DNS_MODE_UP, false);
	ask(&first, "a.corp.example");
	ask(&second, "a.corp.example");
	dns_forwarder_drop(w.f, &first.request);
	ck_assert_uint_eq(w.cancels, 0);
	dns_forwarder_drop(w.f, &second.request);
	ck_assert_uint_eq(w.cancels, 1);
	ck_assert_uint_eq(w.asked_count, 0);
	dns_forwarder_drop(w.f, &second.request);
	enter(DNS_MODE_ARMED, false);
	ask(&first, "a.corp.example");
	dns_forwarder_drop(w.f, &first.request);
	ck_assert_uint_eq(dns_forwarder_deadline(w.f), CLOCK_NEVER);
	enter(DNS_MODE_UP, false);
	ck_assert_uint_eq(w.asked_count, 0);
	ck_assert_uint_eq(first.answers + second.answers, 0);
}
END_TEST

START_TEST(the_canary_is_answered_in_every_mode)
{
	struct dns_name canary;
	struct client c;

	ck_assert_int_eq(dns_name_from_text("x7.corp.example", &canary), 0);
	dns_forwarder_canary(w.f, &canary);
	for (int mode = DNS_MODE_OFF; mode <= DNS_MODE_UP; mode++) {
		enter_with_policy((enum dns_mode)mode, true);
		ask(&c, "X7.corp.example");
		ck_assert_int_eq(look(&c).address, 1);
	}
	dns_forwarder_canary(w.f, NULL);
	ask(&c, "x7.corp.example");
	ck_assert_uint_eq(w.asked_count, 1);
	side_answers(0);
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
	struct client *c = (struct client *)r;
	struct seen seen;
	bool inside = c->request.query.name.wire[1] == 'i';

	on_done(r, bytes, len);
	walk.answers++;
	seen = look(c);
	if (seen.address == 0)
		return;
	if (seen.address !=
		    (inside && walk.mode == DNS_MODE_UP ? INNER : OUTER) ||
	    (inside && walk.mode != DNS_MODE_UP && walk.mode != DNS_MODE_OFF))
		walk.wrong++;
}

static void walk_ask(struct client *c)
{
	char name[32];

	if (c->request.done != NULL && c->answers == 0) {
		dns_forwarder_drop(w.f, &c->request);
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
	dns_forwarder_take(w.f, &c->request, w.now_ns);
}

static void walk_edge(void)
{
	walk.mode = (enum dns_mode)pick(4);
	walk.hold = pick(2);
	walk.edges++;
	enter(walk.mode, walk.hold);
}

START_TEST(a_random_walk_never_answers_from_the_wrong_side)
{
	static struct client c[64];
	const int steps = 200000;

	random_state = 20261124;
	memset(&walk, 0, sizeof(walk));
	walk.mode = DNS_MODE_OFF;
	enter_with_policy(DNS_MODE_OFF, false);
	for (int i = 0; i < steps; i++) {
		uint32_t what = pick(100);

		if (what < 50)
			walk_ask(&c[pick(ARRAY_SIZE(c))]);
		else if (what < 85 && w.asked_count > 0)
			side_answers(pick((uint32_t)w.asked_count));
		else if (what < 88 && w.asked_count > 0)
			side_fails(pick((uint32_t)w.asked_count),
				   DNS_ASK_TIMED_OUT);
		else if (what < 95)
			w.now_ns += pick(3000) * (uint64_t)NS_PER_MS;
		else
			walk_edge();
		dns_forwarder_timeout(w.f, w.now_ns);
		ck_assert_uint_eq(walk.wrong, 0);
	}
	walk.mode = DNS_MODE_OFF;
	enter(DNS_MODE_OFF, false);
	while (w.asked_count > 0)
		side_answers(0);
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

	tcase_add_checked_fixture(t, setup, teardown);
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
