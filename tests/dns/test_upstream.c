/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) An upstream and its servers over loopback: UDP, and which is asked. Time
 * is the loop's own (tests/lib/loop_time.h): only waits take some. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lib/suite.h"
#include "tests/lib/upstream_world.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"

START_TEST(brings_an_answer)
{
	struct asker *a;

	start(1);
	a = ask("www.Example.com", false);
	ck_assert_int_eq(a->result, DNS_ASK_ANSWERED);
	ck_assert_uint_eq(last_of(a), LAST);
	ck_assert_uint_eq(a->ask.server, 0);
	ck_assert_uint_eq(stats().asked, 1);
	ck_assert_uint_eq(stats().answered, 1);
	ck_assert_uint_eq(stats().sent_udp, 1);
	ck_assert_uint_eq(stats().in_flight, 0);
	ck_assert_uint_gt(state(0).rtt_us, 0);
}
END_TEST

static int compare(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static unsigned int distinct(uint16_t *values, unsigned int n)
{
	unsigned int count = n > 0;

	qsort(values, n, sizeof(values[0]), compare);
	for (unsigned int i = 1; i < n; i++)
		count += values[i] != values[i - 1];
	return count;
}

START_TEST(varies_id_port_and_letters)
{
	enum { N = 6000, LETTERS = 26 };
	static uint16_t ids[N], ports[N];
	unsigned int bits[16] = { 0 }, large[LETTERS] = { 0 };
	const double tolerance = 6 * sqrt(N / 4.0); /* of six deviations */
	unsigned int id_count, port_count;

	start(1);
	servers[0].on_question = keeps_and_answers;
	for (int i = 0; i < N; i++)
		ck_assert_uint_eq(
			last_of(ask("abcdefghijklmnopqrstuvwxyz.example",
				    false)),
			LAST);
	/* On a busy machine one or two are asked again. */
	ck_assert_uint_ge(seen_count, N);
	ck_assert_uint_le(seen_count, N + N / 100);
	for (int i = 0; i < N; i++) {
		ids[i] = load_be16(seen[i].bytes);
		ports[i] = ntohs(seen[i].from.sin_port);
		for (int k = 0; k < 16; k++)
			bits[k] += ids[i] >> k & 1;
		for (int k = 0; k < LETTERS; k++)
			large[k] += seen[i].bytes[13 + k] < 'a';
	}
	for (int k = 0; k < 16; k++)
		ck_assert_double_eq_tol(bits[k], N / 2.0, tolerance);
	for (int k = 0; k < LETTERS; k++)
		ck_assert_double_eq_tol(large[k], N / 2.0, tolerance);
	id_count = distinct(ids, N);
	port_count = distinct(ports, N);
	/* Of 65,536 ids 6,000 drawings leave 5,733 or so; 16 ports at a time,
	 * each for 200 questions. */
	ck_assert_uint_gt(id_count, 5600);
	ck_assert_uint_gt(port_count, 25);
	printf("note: %d questions: %u ids, %u ports\n", N, id_count,
	       port_count);
}
END_TEST

/* A hostile server. */

static uv_udp_t forger; /* another address or port */

static void forge_from(const char *address, uint16_t port,
		       const struct question *q, const uint8_t *bytes,
		       size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned int)len);
	struct sockaddr_in sa;

	(void)uv_udp_init(&loop, &forger);
	(void)uv_ip4_addr(address, port, &sa);
	ck_assert_int_eq(uv_udp_bind(&forger, (struct sockaddr *)&sa, 0), 0);
	ck_assert_int_eq(uv_udp_try_send(&forger, &buf, 1,
					 (const struct sockaddr *)&q->from),
			 (int)len);
	uv_close((uv_handle_t *)&forger, NULL);
}

enum forgery {
	WRONG_ID,
	WRONG_PORT,
	WRONG_ADDRESS,
	WRONG_NAME,
	WRONG_TYPE,
	NO_QUESTION,
	NO_RESPONSE,
	SHORT_HEADER,
	SHORT_RECORD,
	LOOP_OF_NAMES,
	FORGERIES,
};

static enum forgery forgery;

static void forges_and_answers(struct question *q)
{
	uint8_t buf[DNS_SHORT_MAX];
	size_t len = dns_server_answer(q, DNS_RCODE_NOERROR, 66, buf);
	size_t name = DNS_HEADER_LEN;

	while (buf[name] != 0)
		name += 1U + buf[name];
	switch (forgery) {
	case WRONG_ID:
		buf[1] ^= 1;
		break;
	case WRONG_NAME:
		buf[DNS_HEADER_LEN + 1] ^= 1;
		break;
	case WRONG_TYPE:
		buf[name + 2] ^= 1;
		break;
	case NO_QUESTION:
		buf[5] = buf[7] = 0;
		len = DNS_HEADER_LEN;
		break;
	case NO_RESPONSE:
		buf[2] &= 0x7f;
		break;
	case SHORT_HEADER:
		len = DNS_HEADER_LEN - 1;
		break;
	case SHORT_RECORD:
		len--;
		break;
	case LOOP_OF_NAMES:
		buf[name + 6] = (uint8_t)(name + 5); /* itself */
		break;
	case WRONG_PORT:
		forge_from("127.0.0.1", 0, q, buf, len);
		break;
	case WRONG_ADDRESS:
		forge_from("127.0.0.2", q->server->at.port, q, buf, len);
		break;
	case FORGERIES:
		break;
	}
	if (forgery != WRONG_PORT && forgery != WRONG_ADDRESS)
		dns_server_say(q, buf, len);
	answers(q);
}

/* Which counter a forgery is to move. */
static uint64_t counter_of(const struct dns_upstream_stats *s)
{
	switch (forgery) {
	case WRONG_ID:
		return s->faults[DNS_REPLY_WRONG_ID];
	case WRONG_PORT:
	case WRONG_ADDRESS:
		return s->wrong_source;
	case WRONG_NAME:
	case WRONG_TYPE:
	case NO_QUESTION:
		return s->faults[DNS_REPLY_WRONG_QUESTION];
	default:
		return s->faults[DNS_REPLY_MALFORMED];
	}
}

START_TEST(counts_a_forged_answer_and_takes_the_right_one)
{
	struct dns_upstream_stats s;
	struct asker *a;

	start(1);
	servers[0].on_question = forges_and_answers;
	forgery = (enum forgery)_i;
	for (unsigned int n = 1; n <= 50; n++) {
		a = ask("www.example.com", false);
		ck_assert_uint_eq(last_of(a), LAST);
		s = stats();
		ck_assert_uint_eq(counter_of(&s), n);
	}
	/* And no other one. */
	counter_of(&s);
	for (int i = 0; i < DNS_REPLY_FAULTS; i++)
		ck_assert(s.faults[i] == 0 || s.faults[i] == counter_of(&s));
	ck_assert_uint_eq(s.late, 0);
	ck_assert_uint_eq(s.sent_udp, 50);
}
END_TEST

static void answers_twice(struct question *q)
{
	answers(q);
	answers(q);
}

START_TEST(counts_the_second_copy_of_an_answer)
{
	start(1);
	servers[0].on_question = answers_twice;
	for (int i = 0; i < 20; i++)
		ck_assert_uint_eq(last_of(ask("www.example.com", false)), LAST);
	let_pass(5);
	ck_assert_uint_eq(stats().late, 20);
}
END_TEST

START_TEST(counts_an_answer_that_comes_too_late)
{
	struct asker *a;

	start_with(1, (struct dns_upstream_options) { .patience_ms = 250 });
	servers[0].on_question = keeps;
	a = ask("www.example.com", false);
	ck_assert_int_eq(a->result, DNS_ASK_TIMED_OUT);
	ck_assert(state(0).dead);
	answers(&seen[0]);
	let_pass(5);
	ck_assert_uint_eq(stats().late, 1);
	/* But it lives. */
	ck_assert(!state(0).dead);
}
END_TEST

/* A server that is slow is asked again, and its first answer is taken. */
START_TEST(takes_the_answer_to_the_first_of_two_copies)
{
	struct asker a;

	start(1);
	servers[0].on_question = keeps;
	ck_assert_int_eq(begin(&a, "www.example.com", false), DNS_ASK_ANSWERED);
	while (seen_count < 2)
		turn();
	ck_assert_mem_eq(seen[0].bytes, seen[1].bytes, seen[0].len);
	answers(&seen[0]);
	wait_for(&a);
	ck_assert_uint_eq(last_of(&a), LAST);
	dns_answer_fini(&a.answer);
}
END_TEST

/* Some servers give all names in small letters. */
static void answers_in_small_letters(struct question *q)
{
	keep(q);
	for (size_t i = DNS_HEADER_LEN; q->bytes[i] != 0; i++)
		if (q->bytes[i] >= 'A' && q->bytes[i] <= 'Z')
			q->bytes[i] |= 0x20;
	answers(q);
}

START_TEST(asks_by_tcp_when_letters_come_back_wrong)
{
	start(1);
	servers[0].on_question = answers_in_small_letters;
	for (int i = 0; i < 20; i++)
		ck_assert_uint_eq(last_of(ask("www.example.com", false)), LAST);
	ck_assert_uint_gt(stats().faults[DNS_REPLY_WRONG_CASE], 15);
	ck_assert_uint_eq(servers[0].by_tcp,
			  stats().faults[DNS_REPLY_WRONG_CASE]);
	ck_assert_uint_eq(servers[0].accepted, 1);
}
END_TEST

START_TEST(asks_in_small_letters_a_server_that_knows_no_others)
{
	start(0);
	dns_upstream_destroy(upstream);
	servers[0].udp_only = true;
	servers[0].on_question = answers_in_small_letters;
	start(1);
	for (int i = 0; i < 20; i++)
		ck_assert_uint_eq(last_of(ask("www.example.com", false)), LAST);
	ck_assert_uint_le(stats().faults[DNS_REPLY_WRONG_CASE], 5);
	ck_assert_uint_le(stats().sent_tcp, 1);
}
END_TEST

/* EDNS. */

static void knows_no_edns(struct question *q)
{
	uint8_t buf[DNS_HEADER_LEN];

	if (q->bytes[11] == 0) { /* ARCOUNT */
		answers(q);
		return;
	}
	memcpy(buf, q->bytes, sizeof(buf));
	buf[2] = 0x81;
	buf[3] = 0x80 | DNS_RCODE_FORMERR;
	memset(buf + 4, 0, 8);
	dns_server_say(q, buf, sizeof(buf));
}

START_TEST(asks_without_edns_a_server_that_does_not_know_it)
{
	start(1);
	servers[0].on_question = knows_no_edns;
	for (int i = 0; i < 10; i++)
		ck_assert_uint_eq(last_of(ask("www.example.com", false)), LAST);
	/* It is remembered. */
	ck_assert_uint_eq(servers[0].by_udp, 11);
	ck_assert_uint_eq(stats().without_edns, 1);
}
END_TEST

/* Several servers. */

START_TEST(asks_the_next_after_servfail)
{
	struct asker *a;

	start(2);
	servers[0].on_question = fails;
	a = ask("www.example.com", false);
	ck_assert_uint_eq(last_of(a), LAST);
	ck_assert_uint_eq(a->ask.server, 1);
	ck_assert_uint_lt(a->ms, 100);
}
END_TEST

START_TEST(relays_servfail_at_once_when_all_say_so)
{
	struct asker *a;

	start(2);
	servers[0].on_question = servers[1].on_question = fails;
	a = ask("www.example.com", false);
	ck_assert_int_eq(a->result, DNS_ASK_ANSWERED);
	ck_assert_uint_eq(a->answer.rcode, DNS_RCODE_SERVFAIL);
	ck_assert_uint_lt(a->ms, 100);
	printf("note: after %lu ms\n", (unsigned long)a->ms);
}
END_TEST

START_TEST(waits_for_no_silent_server_with_servfail_in_hand)
{
	struct asker *a;

	start(2);
	servers[0].on_question = fails;
	servers[1].on_question = keeps;
	a = ask("www.example.com", false);
	ck_assert_uint_eq(a->answer.rcode, DNS_RCODE_SERVFAIL);
	ck_assert_uint_lt(a->ms, 300);
	printf("note: %lu ms", (unsigned long)a->ms);
	a = ask("www.example.com", false);
	ck_assert_uint_eq(a->answer.rcode, DNS_RCODE_SERVFAIL);
	ck_assert_uint_lt(a->ms, 50);
	printf(", then %lu ms\n", (unsigned long)a->ms);
}
END_TEST

START_TEST(a_silent_first_server_costs_one_wait)
{
	struct asker *a;
	uint64_t first, worst = 0;
	unsigned int asked;

	start(2);
	servers[0].on_question = keeps;
	a = ask("www.example.com", false);
	first = a->ms;
	ck_assert_uint_eq(last_of(a), LAST);
	ck_assert_uint_lt(first, 300);
	ck_assert_uint_eq(stats().raced, 1);
	for (int i = 0; i < 100; i++) {
		a = ask("www.example.com", false);
		ck_assert_uint_eq(a->ask.server, 1);
		worst = a->ms > worst ? a->ms : worst;
	}
	ck_assert_uint_lt(worst, 50);
	printf("note: the first %lu ms, of the next 100 the worst %lu ms\n",
	       (unsigned long)first, (unsigned long)worst);
	/* It comes back: a copy of a live question finds it. */
	servers[0].on_question = answers;
	asked = servers[0].by_udp;
	while (state(0).dead) {
		let_pass(50);
		a = ask("www.example.com", false);
		ck_assert_uint_lt(a->ms, 50);
	}
	ck_assert_uint_eq(servers[0].by_udp, asked + 1);
	ck_assert_uint_eq(ask("www.example.com", false)->ask.server, 0);
}
END_TEST

START_TEST(says_so_when_all_are_silent)
{
	struct asker *a;

	start_with(2, (struct dns_upstream_options) { .patience_ms = 300 });
	servers[0].on_question = servers[1].on_question = keeps;
	a = ask("www.example.com", false);
	ck_assert_int_eq(a->result, DNS_ASK_TIMED_OUT);
	ck_assert_uint_ge(a->ms, 299);
	ck_assert_uint_lt(a->ms, 400);
	ck_assert_uint_eq(stats().timed_out, 1);
	/* Dead ones are still asked when there are no others. */
	servers[1].on_question = answers;
	a = ask("www.example.com", false);
	ck_assert_uint_eq(last_of(a), LAST);
}
END_TEST

START_TEST(hears_of_a_port_where_nobody_listens)
{
	struct asker *a;

	start(1);
	dns_server_stop(&servers[0]);
	turn();
	for (int i = 0; i < 50; i++) {
		a = ask("www.example.com", false);
		ck_assert_int_eq(a->result, DNS_ASK_UNREACHABLE);
		ck_assert_uint_lt(a->ms, 100);
	}
	a = ask("www.example.com", true);
	ck_assert_int_eq(a->result, DNS_ASK_UNREACHABLE);
	/* Its sockets are not deaf now. */
	dns_server_start(&servers[0], &loop, servers[0].at.port);
	for (int i = 0; i < 50; i++)
		ck_assert_uint_eq(last_of(ask("www.example.com", false)), LAST);
}
END_TEST

START_TEST(a_refused_first_server_delays_nobody)
{
	uint64_t worst = 0;
	clock_t cpu;

	start(2);
	dns_server_stop(&servers[0]);
	turn();
	for (int i = 0; i < 100; i++) {
		struct asker *a = ask("www.example.com", false);

		ck_assert_uint_eq(last_of(a), LAST);
		worst = a->ms > worst ? a->ms : worst;
	}
	ck_assert_uint_lt(worst, 50);
	/* And the error queue does not keep the loop busy. */
	cpu = clock();
	let_pass(200);
	ck_assert_int_lt(clock() - cpu, CLOCKS_PER_SEC / 20);
	printf("note: worst %lu ms\n", (unsigned long)worst);
}
END_TEST

START_TEST(refuses_without_servers)
{
	struct asker a;

	start(0);
	ck_assert_int_eq(begin(&a, "www.example.com", false),
			 DNS_ASK_NO_SERVERS);
	ck_assert(!a.done);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("upstream");
	TCase *t;

	t = tcase_create("one server");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, world_set_up, world_tear_down);
	tcase_add_test(t, brings_an_answer);
	tcase_add_test(t, varies_id_port_and_letters);
	tcase_add_loop_test(t, counts_a_forged_answer_and_takes_the_right_one,
			    0, FORGERIES);
	tcase_add_test(t, counts_the_second_copy_of_an_answer);
	tcase_add_test(t, counts_an_answer_that_comes_too_late);
	tcase_add_test(t, takes_the_answer_to_the_first_of_two_copies);
	tcase_add_test(t, asks_by_tcp_when_letters_come_back_wrong);
	tcase_add_test(t, asks_in_small_letters_a_server_that_knows_no_others);
	tcase_add_test(t, asks_without_edns_a_server_that_does_not_know_it);
	suite_add_tcase(s, t);

	t = tcase_create("several servers");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, world_set_up, world_tear_down);
	tcase_add_test(t, asks_the_next_after_servfail);
	tcase_add_test(t, relays_servfail_at_once_when_all_say_so);
	tcase_add_test(t, waits_for_no_silent_server_with_servfail_in_hand);
	tcase_add_test(t, a_silent_first_server_costs_one_wait);
	tcase_add_test(t, says_so_when_all_are_silent);
	tcase_add_test(t, hears_of_a_port_where_nobody_listens);
	tcase_add_test(t, a_refused_first_server_delays_nobody);
	tcase_add_test(t, refuses_without_servers);
	suite_add_tcase(s, t);
	return suite_run(s);
}
