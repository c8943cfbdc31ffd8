/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) An upstream and its servers over loopback: TCP, TLS, many questions at
 * once, and ends in every state. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lib/suite.h"
#include "tests/lib/upstream_world.h"
#include "tunnel/base/bytes.h"

enum {
	BIG = 65000,
};

/* Truncation and TCP. */

static void answers_big_by_tcp(struct question *q)
{
	static uint8_t buf[BIG + DNS_SHORT_MAX];
	size_t len = dns_server_answer(q, DNS_RCODE_NOERROR, LAST, buf);
	unsigned int records = 1;

	if (q->connection == NULL) {
		buf[2] |= 2; /* TC */
		buf[7] = 0;
		dns_server_say(q, buf, len - 16);
		return;
	}
	while (len < BIG) {
		memcpy(buf + len, buf + len - 16, 16);
		len += 16;
		records++;
	}
	store_be16(buf + 6, (uint16_t)records);
	dns_server_say(q, buf, len);
}

START_TEST(fetches_64_kilobytes_by_tcp_after_truncation)
{
	struct asker *a;

	start(1);
	servers[0].on_question = answers_big_by_tcp;
	a = ask("big.example.com", false);
	ck_assert_int_eq(a->result, DNS_ASK_ANSWERED);
	ck_assert_uint_ge(a->answer.len, BIG);
	ck_assert_uint_eq(stats().truncated, 1);
	ck_assert_uint_eq(servers[0].by_udp, 1);
	ck_assert_uint_eq(servers[0].by_tcp, 1);
	printf("note: %u bytes, %u records\n", a->answer.len,
	       a->answer.answers);
}
END_TEST

START_TEST(sends_many_questions_down_one_connection)
{
	enum { N = 200 };
	static struct asker askers[N];

	start(1);
	servers[0].on_question = keeps;
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(begin(&askers[i], "www.example.com", true),
				 DNS_ASK_ANSWERED);
	while (seen_count < N)
		turn();
	/* The last first. */
	for (int i = N; i-- > 0;)
		answers(&seen[i]);
	for (int i = 0; i < N; i++) {
		wait_for(&askers[i]);
		ck_assert_uint_eq(last_of(&askers[i]), LAST);
		dns_answer_fini(&askers[i].answer);
	}
	ck_assert_uint_eq(servers[0].accepted, 1);
	ck_assert_uint_eq(stats().sent_tcp, N);
	ck_assert_uint_eq(stats().sent_udp, 0);
}
END_TEST

START_TEST(closes_an_idle_connection_and_opens_another)
{
	start_with(1, (struct dns_upstream_options) { .idle_ms = 30 });
	ck_assert_uint_eq(last_of(ask("a.example", true)), LAST);
	ck_assert_uint_eq(last_of(ask("b.example", true)), LAST);
	ck_assert_uint_eq(dns_server_open(&servers[0]), 1);
	while (dns_server_open(&servers[0]) > 0)
		turn();
	ck_assert_uint_eq(last_of(ask("c.example", true)), LAST);
	ck_assert_uint_eq(servers[0].accepted, 2);
}
END_TEST

static void hangs_up_at_the_second(struct question *q)
{
	if (q->server->by_tcp == 2)
		dns_server_hang_up(q->connection);
	else
		answers(q);
}

START_TEST(asks_again_when_the_server_hangs_up_in_between)
{
	start(1);
	servers[0].on_question = hangs_up_at_the_second;
	ck_assert_uint_eq(last_of(ask("a.example", true)), LAST);
	ck_assert_uint_eq(last_of(ask("b.example", true)), LAST);
	ck_assert_uint_eq(servers[0].accepted, 2);
	ck_assert_uint_eq(servers[0].by_tcp, 3);
	ck_assert(!state(0).dead);
	/* One that hung up while nobody asked costs nothing. */
	dns_server_hang_up_all(&servers[0]);
	let_pass(5);
	ck_assert_uint_eq(last_of(ask("c.example", true)), LAST);
	ck_assert_uint_eq(servers[0].accepted, 3);
}
END_TEST

static void hangs_up(struct question *q)
{
	dns_server_hang_up(q->connection);
}

START_TEST(gives_up_a_server_that_only_hangs_up)
{
	struct asker *a;

	start(1);
	servers[0].on_question = hangs_up;
	a = ask("a.example", true);
	ck_assert_int_eq(a->result, DNS_ASK_UNREACHABLE);
	ck_assert_uint_lt(a->ms, 100);
	ck_assert_uint_eq(servers[0].accepted, 1);
}
END_TEST

/* Many, and ends. */

START_TEST(has_ten_thousand_in_flight_and_refuses_one_more)
{
	static struct asker askers[DNS_ASKS_MAX + 1];
	unsigned int answered = 0;

	start(1);
	servers[0].on_question = answers;
	for (int i = 0; i < DNS_ASKS_MAX; i++)
		ck_assert_int_eq(begin(&askers[i], "www.example.com", false),
				 DNS_ASK_ANSWERED);
	ck_assert_uint_eq(stats().in_flight, DNS_ASKS_MAX);
	ck_assert_int_eq(begin(&askers[DNS_ASKS_MAX], "www.example.com", false),
			 DNS_ASK_NO_MEMORY);
	/* What the socket's queue did not hold is asked again. */
	while (stats().in_flight > 0)
		turn();
	for (int i = 0; i < DNS_ASKS_MAX; i++) {
		ck_assert(askers[i].done);
		answered += last_of(&askers[i]) == LAST;
		dns_answer_fini(&askers[i].answer);
	}
	ck_assert_uint_eq(stats().answered, answered);
	ck_assert_uint_eq(answered, DNS_ASKS_MAX);
	printf("note: %u of %d in flight at once were answered\n", answered,
	       DNS_ASKS_MAX);
}
END_TEST

START_TEST(cancels_in_every_state)
{
	struct asker a[6];

	start(2);
	servers[0].on_question = servers[1].on_question = keeps;
	/* By UDP: just sent; arrived; raced. By TCP: connecting; waiting. */
	begin(&a[0], "www.example.com", false);
	dns_upstream_cancel(&a[0].ask);
	begin(&a[1], "www.example.com", false);
	while (seen_count < 2)
		turn();
	dns_upstream_cancel(&a[1].ask);
	begin(&a[2], "www.example.com", false);
	while (servers[1].by_udp == 0)
		turn();
	dns_upstream_cancel(&a[2].ask);
	begin(&a[3], "www.example.com", true);
	dns_upstream_cancel(&a[3].ask);
	begin(&a[4], "www.example.com", true);
	begin(&a[5], "www.example.com", true);
	while (servers[0].by_tcp + servers[1].by_tcp < 2)
		turn();
	dns_upstream_cancel(&a[4].ask);
	dns_upstream_cancel(&a[5].ask);
	/* Twice is no harm. */
	dns_upstream_cancel(&a[5].ask);
	/* Answers find nobody. */
	for (unsigned int i = 0; i < seen_count; i++)
		answers(&seen[i]);
	let_pass(20);
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		ck_assert(!a[i].done);
	ck_assert_uint_eq(stats().in_flight, 0);
	ck_assert_uint_ge(stats().late, 3);
}
END_TEST

START_TEST(is_destroyed_with_everything_in_flight)
{
	enum { N = 100 };
	static struct asker askers[2 * N];

	start(3);
	for (size_t i = 0; i < SERVERS; i++)
		servers[i].on_question = keeps;
	for (int i = 0; i < N; i++)
		begin(&askers[i], "www.example.com", i % 2 == 1);
	if (_i > 0)
		let_pass(_i == 1 ? 5 : 250);
	for (int i = N; i < 2 * N; i++)
		begin(&askers[i], "www.example.com", i % 2 == 1);
	dns_upstream_destroy(upstream);
	upstream = NULL;
	let_pass(20);
	for (int i = 0; i < 2 * N; i++)
		ck_assert(!askers[i].done);
}
END_TEST

static void destroys(struct dns_ask *ask, enum dns_ask_result result,
		     struct dns_answer *answer)
{
	on_done(ask, result, answer);
	dns_upstream_destroy(upstream);
	upstream = NULL;
}

START_TEST(is_destroyed_by_one_who_is_told)
{
	struct asker a, others[20];

	start(1);
	ck_assert_int_eq(begin(&a, "www.example.com", _i == 1),
			 DNS_ASK_ANSWERED);
	a.ask.done = destroys;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		begin(&others[i], "www.example.com", i % 2 == 1);
	wait_for(&a);
	dns_answer_fini(&a.answer);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		dns_answer_fini(&others[i].answer);
	ck_assert_ptr_null(upstream);
}
END_TEST

/* TLS. */

static struct pki_identity ca, host;
static char ca_pem[PKI_PEM_MAX];

static void start_tls(const char *certified, const char *expected)
{
	struct pki_request r = {
		.use = PKI_CA,
		.name = "CA",
		.not_before = time(NULL) - 3600,
		.not_after = time(NULL) + 3600,
	};
	struct dns_server server = { .tls = true };
	struct dns_upstream_options o = {
		.loop = &loop,
		.servers = &server,
		.count = 1,
		.ca = ca_pem,
	};

	ck_assert_int_eq(pki_issue(&r, NULL, &ca), 0);
	r.use = PKI_GATEWAY;
	r.name = certified;
	ck_assert_int_eq(pki_issue(&r, &ca, &host), 0);
	ck_assert_int_eq(pki_certificate_pem(&ca, ca_pem), 0);
	servers[0].tls = &host;
	dns_server_start(&servers[0], &loop, 0);
	server.at = servers[0].at;
	snprintf(server.name, sizeof(server.name), "%s", expected);
	upstream = dns_upstream_create(&o);
	ck_assert_ptr_nonnull(upstream);
}

START_TEST(asks_over_tls_with_one_handshake)
{
	enum { N = 50 };
	static struct asker askers[N];
	struct asker *a;

	start_tls("dns.example", "dns.example");
	a = ask("www.example.com", false);
	ck_assert_int_eq(a->result, DNS_ASK_ANSWERED);
	for (int i = 0; i < N; i++)
		begin(&askers[i], "www.example.com", false);
	for (int i = 0; i < N; i++) {
		wait_for(&askers[i]);
		ck_assert_uint_eq(last_of(&askers[i]), LAST);
		dns_answer_fini(&askers[i].answer);
	}
	ck_assert_uint_eq(stats().sent_tls, N + 1);
	ck_assert_uint_eq(stats().sent_udp + stats().sent_tcp, 0);
	ck_assert_uint_eq(servers[0].by_udp, 0);
	ck_assert_uint_eq(servers[0].accepted, 1);
	/* One that the server closed is opened anew. */
	dns_server_hang_up_all(&servers[0]);
	let_pass(5);
	ck_assert_uint_eq(last_of(ask("www.example.com", false)), LAST);
	printf("note: %u handshakes for %d questions\n", servers[0].accepted,
	       N + 2);
	ck_assert_uint_eq(servers[0].accepted, 2);
}
END_TEST

START_TEST(asks_over_tls_by_address_when_there_is_no_name)
{
	start_tls("127.0.0.1", "");
	ck_assert_uint_eq(last_of(ask("www.example.com", false)), LAST);
}
END_TEST

START_TEST(asks_nothing_of_a_tls_server_with_another_name)
{
	struct asker *a;

	start_tls("dns.example", _i == 0 ? "other.example" : "");
	a = ask("www.example.com", false);
	ck_assert_int_eq(a->result, DNS_ASK_TLS);
	/* Which is said where people look. */
	ck_assert_ptr_nonnull(
		strstr(state(0).tls_failure, "the server's certificate"));
	ck_assert_uint_eq(servers[0].by_tcp + servers[0].by_udp, 0);
	ck_assert_str_eq(dns_ask_result_text(a->result),
			 "the DNS server's certificate is not the right one");
}
END_TEST

START_TEST(is_destroyed_while_tls_is_under_way)
{
	struct asker a, b;

	start_tls("dns.example", "dns.example");
	begin(&a, "www.example.com", false);
	for (int i = 0; i < _i && !a.done; i++)
		turn();
	begin(&b, "www.example.com", false);
	dns_upstream_destroy(upstream);
	upstream = NULL;
	let_pass(5);
	ck_assert(!b.done);
	dns_answer_fini(&a.answer);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("upstream streams");
	TCase *t;

	t = tcase_create("TCP");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, world_set_up, world_tear_down);
	tcase_add_test(t, fetches_64_kilobytes_by_tcp_after_truncation);
	tcase_add_test(t, sends_many_questions_down_one_connection);
	tcase_add_test(t, closes_an_idle_connection_and_opens_another);
	tcase_add_test(t, asks_again_when_the_server_hangs_up_in_between);
	tcase_add_test(t, gives_up_a_server_that_only_hangs_up);
	suite_add_tcase(s, t);

	t = tcase_create("many, and ends");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, world_set_up, world_tear_down);
	tcase_add_test(t, has_ten_thousand_in_flight_and_refuses_one_more);
	tcase_add_test(t, cancels_in_every_state);
	tcase_add_loop_test(t, is_destroyed_with_everything_in_flight, 0, 3);
	tcase_add_loop_test(t, is_destroyed_by_one_who_is_told, 0, 2);
	suite_add_tcase(s, t);

	t = tcase_create("TLS");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, world_set_up, world_tear_down);
	tcase_add_test(t, asks_over_tls_with_one_handshake);
	tcase_add_test(t, asks_over_tls_by_address_when_there_is_no_name);
	tcase_add_loop_test(t, asks_nothing_of_a_tls_server_with_another_name,
			    0, 2);
	tcase_add_loop_test(t, is_destroyed_while_tls_is_under_way, 0, 8);
	suite_add_tcase(s, t);
	return suite_run(s);
}
