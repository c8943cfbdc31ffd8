/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) The stub and its clients on loopback, before a forwarder whose servers
 * are the test. */
#include "dns/stub.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "dns/forwarder.h"
#include "tests/lib/loop_time.h"
#include "tests/lib/suite.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"

enum {
	ASKS_MAX = 10000,
	ROUNDS_MAX = 20000, /* of a millisecond: then it has failed */
	RECORDS_MAX = 4000,
	TCP_HEADER = 2,
};

static uv_loop_t loop;
static struct dns_forwarder *forwarder;
static struct dns_stub *stub;
static struct sockaddr_storage where;
static socklen_t where_len;

/* What the forwarder asked of its servers. */
static struct {
	struct dns_ask *ask;
	struct dns_query query;
} asked[ASKS_MAX];
static unsigned int asked_count;
/* What they answer at once: so many addresses; 0: nothing yet. */
static unsigned int records;

static enum dns_ask_result on_ask(void *arg, enum dns_route route,
				  const struct dns_query *q, bool tcp,
				  struct dns_ask *ask)
{
	(void)arg;
	(void)route;
	(void)tcp;
	ck_assert_uint_lt(asked_count, ASKS_MAX);
	ask->exchange = (struct dns_exchange *)&loop;
	asked[asked_count].query = *q;
	asked[asked_count++].ask = ask;
	return DNS_ASK_ANSWERED;
}

static void forget(unsigned int i)
{
	asked[i].ask->exchange = NULL;
	asked[i] = asked[--asked_count];
}

static void on_cancel(void *arg, struct dns_ask *ask)
{
	unsigned int i = 0;

	(void)arg;
	while (asked[i].ask != ask)
		ck_assert_uint_lt(++i, asked_count);
	forget(i);
}

static uint64_t on_now(void *arg)
{
	(void)arg;
	return clock_now_ns();
}

static void side_says(unsigned int i, unsigned int count)
{
	static uint8_t buf[DNS_SHORT_MAX + RECORDS_MAX * 16];
	const struct dns_query q = asked[i].query;
	struct dns_ask *ask = asked[i].ask;
	struct bytes b = bytes_over(buf, sizeof(buf));
	struct dns_answer a;

	bytes_put16(&b, q.id);
	bytes_put16(&b, 0x8180);
	bytes_put16(&b, 1);
	bytes_put16(&b, (uint16_t)count);
	bytes_put32(&b, 0);
	bytes_put(&b, q.name.wire, q.name.len);
	bytes_put16(&b, q.type);
	bytes_put16(&b, q.class);
	for (unsigned int k = 0; k < count; k++) {
		bytes_put16(&b, 0xc00c);
		bytes_put16(&b, DNS_TYPE_A);
		bytes_put16(&b, DNS_CLASS_IN);
		bytes_put32(&b, 60);
		bytes_put16(&b, 4);
		bytes_put32(&b, 0xc0000200 + k);
	}
	ck_assert_int_eq(dns_answer_parse(buf, bytes_done(&b), &q, &a), 0);
	forget(i);
	ask->done(ask, DNS_ASK_ANSWERED, &a);
}

/* A turn of the loop, without a wait. */
static void turn(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
	while (records > 0 && asked_count > 0)
		side_says(asked_count - 1, records);
}

static struct dns_stub_stats stats(void)
{
	struct dns_stub_stats s;

	dns_stub_stats(stub, &s);
	return s;
}

static void set_up(void)
{
	const struct dns_forwarder_options o = {
		.seed = 7,
		.ask = on_ask,
		.cancel = on_cancel,
		.now = on_now,
	};
	struct endpoint at = { .port = 0 };
	int r = -EADDRINUSE;

	signal(SIGPIPE, SIG_IGN);
	loop_time_own();
	uv_loop_init(&loop);
	forwarder = dns_forwarder_create(&o);
	ck_assert_int_eq(addr_parse("127.0.0.1", &at.addr), 0);
	/* A port that is free for UDP may be taken for TCP. */
	for (int i = 0; i < 50 && r == -EADDRINUSE; i++)
		r = dns_stub_create(&loop, &at, forwarder, &stub);
	ck_assert_int_eq(r, 0);
	at = dns_stub_endpoint(stub);
	where_len = endpoint_to_sockaddr(&at, &where);
	asked_count = 0;
	records = 1;
}

static void tear_down(void)
{
	dns_stub_destroy(stub);
	dns_forwarder_destroy(forwarder);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	ck_assert_uint_eq(asked_count, 0);
}

/* Clients. */

static int dial(int type)
{
	int fd = socket(where.ss_family, type, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&where, where_len), 0);
	return fd;
}

/* A query with room for its TCP length before it; returns the message's. */
static size_t query(uint16_t id, const char *name, bool edns, uint8_t *buf)
{
	struct dns_query q = {
		.id = id,
		.recursion_desired = true,
		.type = DNS_TYPE_A,
		.class = DNS_CLASS_IN,
		.edns = edns,
	};
	size_t len;

	ck_assert_int_eq(dns_name_from_text(name, &q.name), 0);
	len = dns_query_build(&q, buf + TCP_HEADER);
	store_be16(buf, (uint16_t)len);
	return len;
}

static void send_udp(int fd, uint16_t id, const char *name)
{
	uint8_t buf[TCP_HEADER + DNS_SHORT_MAX];
	size_t len = query(id, name, true, buf);

	ck_assert_int_eq(send(fd, buf + TCP_HEADER, len, 0), (int)len);
}

static void send_tcp(int fd, uint16_t id, const char *name)
{
	uint8_t buf[TCP_HEADER + DNS_SHORT_MAX];
	size_t len = TCP_HEADER + query(id, name, true, buf);

	ck_assert_int_eq(send(fd, buf, len, 0), (int)len);
}

/* What comes, the loop running meanwhile; 0: the end. */
static size_t receive(int fd, uint8_t *buf, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (int i = 0; i < ROUNDS_MAX; i++) {
		turn();
		if (poll(&p, 1, 1) > 0) {
			ssize_t n = recv(fd, buf, size, MSG_DONTWAIT);

			/* A reset is an end, too. */
			return n < 0 ? 0 : (size_t)n;
		}
	}
	ck_abort_msg("nothing comes");
	return 0;
}

static void receive_all(int fd, uint8_t *buf, size_t len)
{
	size_t at = 0, n;

	while (at < len) {
		n = receive(fd, buf + at, len - at);
		ck_assert_uint_gt(n, 0);
		at += n;
	}
}

/* A message by TCP; its length. */
static size_t receive_tcp(int fd, uint8_t *buf)
{
	uint8_t header[TCP_HEADER];

	receive_all(fd, header, sizeof(header));
	receive_all(fd, buf, load_be16(header));
	return load_be16(header);
}

/* Nothing comes, whatever the stub does in a while. */
static void expect_silence(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (int i = 0; i < 20; i++) {
		turn();
		ck_assert_int_eq(poll(&p, 1, 1), 0);
	}
}

static unsigned int rcode_of(const uint8_t *message)
{
	return message[3] & 15;
}

START_TEST(answers_by_udp_and_tcp)
{
	int udp = dial(SOCK_DGRAM), tcp = dial(SOCK_STREAM);
	uint8_t buf[DNS_SHORT_MAX];

	send_udp(udp, 0x1234, "www.example.com");
	ck_assert_uint_gt(receive(udp, buf, sizeof(buf)), DNS_HEADER_LEN);
	ck_assert_uint_eq(load_be16(buf), 0x1234);
	ck_assert_uint_eq(rcode_of(buf), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(load_be16(buf + 6), 1);
	send_tcp(tcp, 0x4321, "WWW.example.com");
	ck_assert_uint_gt(receive_tcp(tcp, buf), DNS_HEADER_LEN);
	ck_assert_uint_eq(load_be16(buf), 0x4321);
	ck_assert_mem_eq(buf + DNS_HEADER_LEN, "\3WWW", 4);
	ck_assert_uint_eq(stats().udp, 1);
	ck_assert_uint_eq(stats().tcp, 1);
	close(udp);
	close(tcp);
}
END_TEST

START_TEST(answers_a_hundred_datagrams_that_came_at_once)
{
	enum { N = 100 };
	bool came[N] = { false };
	uint8_t buf[DNS_SHORT_MAX];
	int fd = dial(SOCK_DGRAM);
	char name[32];

	for (uint16_t i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "h%u.example", i % 10);
		send_udp(fd, i, name);
	}
	for (int i = 0; i < N; i++) {
		ck_assert_uint_gt(receive(fd, buf, sizeof(buf)), 0);
		ck_assert_uint_lt(load_be16(buf), N);
		ck_assert(!came[load_be16(buf)]);
		came[load_be16(buf)] = true;
	}
	ck_assert_uint_eq(stats().udp, N);
	ck_assert_uint_eq(stats().send_failed, 0);
	close(fd);
}
END_TEST

static const struct {
	const char *what;
	size_t len;
	uint8_t bytes[24];
	int rcode; /* -1: silence */
} oddities[] = {
	{ "nothing", 0, "", -1 },
	{ "one byte", 1, "x", -1 },
	{ "half a header", 6, "\0\1\1\0\0\1", -1 },
	{ "a response", 12, "\0\1\x81\x80\0\0\0\0\0\0\0", -1 },
	{ "no question", 12, "\0\1\1\0\0\0\0\0\0\0\0", DNS_RCODE_FORMERR },
	{ "half a question", 17, "\0\1\1\0\0\1\0\0\0\0\0\0\3www",
	  DNS_RCODE_FORMERR },
	{ "a status request", 17, "\0\1\x11\0\0\1\0\0\0\0\0\0\0\0\1\0\1",
	  DNS_RCODE_NOTIMP },
	{ "another class", 17, "\0\1\1\0\0\1\0\0\0\0\0\0\0\0\1\0\3",
	  DNS_RCODE_REFUSED },
	{ "a zone transfer", 17, "\0\1\1\0\0\1\0\0\0\0\0\0\0\0\xfc\0\1",
	  DNS_RCODE_REFUSED },
};

START_TEST(answers_odd_messages_as_they_deserve)
{
	size_t len = oddities[_i].len;
	uint8_t buf[DNS_SHORT_MAX], framed[64];
	int udp = dial(SOCK_DGRAM), tcp = dial(SOCK_STREAM);

	ck_assert_int_eq(send(udp, oddities[_i].bytes, len, 0), (int)len);
	store_be16(framed, (uint16_t)len);
	memcpy(framed + TCP_HEADER, oddities[_i].bytes, len);
	ck_assert_int_eq(send(tcp, framed, TCP_HEADER + len, 0),
			 (int)(TCP_HEADER + len));
	if (oddities[_i].rcode < 0) {
		expect_silence(udp);
		expect_silence(tcp);
		ck_assert_uint_eq(stats().silent, 2);
	} else {
		receive(udp, buf, sizeof(buf));
		ck_assert_msg(rcode_of(buf) == (unsigned int)oddities[_i].rcode,
			      "%s: %u", oddities[_i].what, rcode_of(buf));
		receive_tcp(tcp, buf);
		ck_assert_uint_eq(rcode_of(buf),
				  (unsigned int)oddities[_i].rcode);
		ck_assert_uint_eq(stats().malformed, 2);
	}
	/* The connection goes on. */
	send_tcp(tcp, 9, "www.example.com");
	receive_tcp(tcp, buf);
	ck_assert_uint_eq(load_be16(buf), 9);
	close(udp);
	close(tcp);
}
END_TEST

START_TEST(lives_through_garbage)
{
	uint8_t buf[DNS_SHORT_MAX];
	int fd = dial(SOCK_DGRAM);

	srandom(7);
	for (int i = 0; i < 20000; i++) {
		size_t len = query(1, "www.example.com", true, buf);

		for (int k = 0; k < 1 + i % 8; k++)
			buf[TCP_HEADER + (size_t)random() % len] =
				(uint8_t)random();
		ck_assert_int_ge(send(fd, buf + TCP_HEADER,
				      (size_t)random() % (len + 1), 0),
				 0);
		if (i % 100 == 0)
			turn();
	}
	for (int i = 0; i < 10; i++)
		turn();
	printf("note: %lu datagrams: %lu silent, %lu malformed\n",
	       (unsigned long)stats().udp, (unsigned long)stats().silent,
	       (unsigned long)stats().malformed);
	close(fd);
	fd = dial(SOCK_DGRAM);
	send_udp(fd, 5, "www.example.com");
	ck_assert_uint_gt(receive(fd, buf, sizeof(buf)), 0);
	close(fd);
}
END_TEST

START_TEST(says_tc_when_an_answer_is_too_large)
{
	static uint8_t buf[DNS_MESSAGE_MAX];
	int udp = dial(SOCK_DGRAM), tcp = dial(SOCK_STREAM);
	size_t len;

	records = 60; /* 960 bytes */
	len = query(1, "big.example", false, buf);
	ck_assert_int_eq(send(udp, buf + TCP_HEADER, len, 0), (int)len);
	len = receive(udp, buf, sizeof(buf));
	ck_assert_uint_le(len, DNS_PLAIN_UDP_MAX);
	ck_assert(buf[2] & 2);
	/* EDNS allows 1232. */
	send_udp(udp, 2, "big.example");
	len = receive(udp, buf, sizeof(buf));
	ck_assert_uint_gt(len, 960);
	ck_assert(!(buf[2] & 2));
	records = RECORDS_MAX;
	send_udp(udp, 3, "huge.example");
	len = receive(udp, buf, sizeof(buf));
	ck_assert_uint_le(len, DNS_EDNS_UDP_SIZE);
	ck_assert(buf[2] & 2);
	send_tcp(tcp, 4, "huge.example");
	len = receive_tcp(tcp, buf);
	ck_assert_uint_gt(len, RECORDS_MAX * 16);
	ck_assert_uint_eq(load_be16(buf + 6), RECORDS_MAX);
	printf("note: %zu bytes by TCP\n", len);
	close(udp);
	close(tcp);
}
END_TEST

START_TEST(answers_tcp_in_the_order_of_the_answers)
{
	static const char *const names[] = { "a.example", "b.example",
					     "c.example" };
	uint8_t buf[DNS_SHORT_MAX];
	int fd = dial(SOCK_STREAM);

	records = 0;
	for (uint16_t i = 0; i < 3; i++)
		send_tcp(fd, i, names[i]);
	while (asked_count < 3)
		turn();
	for (uint16_t i = 3; i-- > 0;) {
		unsigned int k = 0;

		while (asked[k].query.name.wire[1] != 'a' + i)
			k++;
		side_says(k, 1);
		receive_tcp(fd, buf);
		ck_assert_uint_eq(load_be16(buf), i);
	}
	close(fd);
}
END_TEST

START_TEST(reads_no_more_than_it_can_answer)
{
	enum { N = 5000 };
	static uint8_t buf[DNS_MESSAGE_MAX];
	int fd = dial(SOCK_STREAM), other = dial(SOCK_DGRAM);
	size_t len = TCP_HEADER + query(1, "big.example", true, buf);
	unsigned int sent = 0;

	records = 2000; /* 32 KB */
	/* It never reads, and at some time can send no more, either. */
	for (int idle = 0; sent < N && idle < 50;) {
		ssize_t n = send(fd, buf, len, MSG_DONTWAIT);

		if (n > 0 && (size_t)n < len)
			break;
		sent += n > 0;
		idle = n > 0 ? 0 : idle + 1;
		turn();
	}
	printf("note: took %u queries, answered %lu\n", sent,
	       (unsigned long)stats().tcp);
	ck_assert_uint_lt(stats().tcp, 500);
	/* Nobody else is hurt. */
	send_udp(other, 1, "www.example.com");
	ck_assert_uint_gt(receive(other, buf, sizeof(buf)), 0);
	/* It begins to read, and it goes on. */
	for (unsigned int i = 0; i < 200; i++)
		ck_assert_uint_gt(receive_tcp(fd, buf), 32000);
	close(fd);
	close(other);
}
END_TEST

START_TEST(has_64_tcp_clients_and_refuses_the_next)
{
	int fd[DNS_STUB_TCP_CLIENTS + 1];
	uint8_t buf[DNS_SHORT_MAX];

	for (int i = 0; i <= DNS_STUB_TCP_CLIENTS; i++) {
		fd[i] = dial(SOCK_STREAM);
		turn();
	}
	ck_assert_uint_eq(receive(fd[DNS_STUB_TCP_CLIENTS], buf, 1), 0);
	ck_assert_uint_eq(stats().tcp_refused, 1);
	ck_assert_uint_eq(stats().tcp_clients, DNS_STUB_TCP_CLIENTS);
	for (int i = 0; i < DNS_STUB_TCP_CLIENTS; i++) {
		send_tcp(fd[i], 1, "www.example.com");
		ck_assert_uint_gt(receive_tcp(fd[i], buf), 0);
	}
	/* One goes, and there is room. */
	close(fd[0]);
	while (stats().tcp_clients == DNS_STUB_TCP_CLIENTS)
		turn();
	fd[0] = dial(SOCK_STREAM);
	send_tcp(fd[0], 1, "www.example.com");
	ck_assert_uint_gt(receive_tcp(fd[0], buf), 0);
	for (int i = 0; i <= DNS_STUB_TCP_CLIENTS; i++)
		close(fd[i]);
}
END_TEST

START_TEST(cuts_a_query_that_is_too_large)
{
	uint8_t buf[8] = { 0 };
	int fd = dial(SOCK_STREAM);

	store_be16(buf, DNS_STUB_QUERY_MAX + 1);
	ck_assert_int_eq(send(fd, buf, 3, 0), 3);
	ck_assert_uint_eq(receive(fd, buf, sizeof(buf)), 0);
	ck_assert_uint_eq(stats().tcp_cut, 1);
	close(fd);
}
END_TEST

/* Ten seconds, the constant: one byte a second is no query, nor is nothing, and
 * one who waits for us is not cut. */
START_TEST(cuts_those_that_drip_and_those_that_say_nothing)
{
	int drip = dial(SOCK_STREAM), mute = dial(SOCK_STREAM);
	int waits = dial(SOCK_STREAM);
	uint64_t began_ns = clock_now_ns();
	uint8_t buf[DNS_SHORT_MAX], byte = 0;
	unsigned int dripped = 0;

	records = 0;
	send_tcp(waits, 1, "www.example.com");
	while (stats().tcp_cut < 2) {
		uint64_t ms = (clock_now_ns() - began_ns) / NS_PER_MS;

		ck_assert_uint_lt(ms, DNS_STUB_TCP_IDLE_MS + 2000);
		if (ms / 1000 > dripped) {
			(void)send(drip, &byte, 1, MSG_NOSIGNAL);
			dripped++;
		}
		turn();
		loop_time_pass(5);
	}
	ck_assert_uint_eq(stats().tcp_clients, 1);
	ck_assert_uint_eq(asked_count, 1);
	side_says(0, 1);
	ck_assert_uint_gt(receive_tcp(waits, buf), 0);
	close(drip);
	close(mute);
	close(waits);
}
END_TEST

START_TEST(forgets_a_client_that_goes)
{
	int fd = dial(SOCK_STREAM);

	records = 0;
	send_tcp(fd, 1, "www.example.com");
	while (asked_count == 0)
		turn();
	close(fd);
	/* And cancels what only it asked. */
	while (stats().tcp_clients > 0)
		turn();
	ck_assert_uint_eq(asked_count, 0);
}
END_TEST

START_TEST(closes_with_queries_under_way)
{
	int udp = dial(SOCK_DGRAM), tcp = dial(SOCK_STREAM);
	uint8_t buf[8];

	records = 0;
	for (uint16_t i = 0; i < 20; i++) {
		send_udp(udp, i, i % 2 ? "a.example" : "b.example");
		send_tcp(tcp, i, i % 2 ? "b.example" : "c.example");
	}
	while (stats().udp < 20 || stats().tcp < 20)
		turn();
	ck_assert_uint_eq(asked_count, 3);
	dns_stub_destroy(stub);
	stub = NULL;
	ck_assert_uint_eq(asked_count, 0);
	ck_assert_uint_eq(receive(tcp, buf, sizeof(buf)), 0);
	close(udp);
	close(tcp);
}
END_TEST

START_TEST(refuses_an_address_that_is_taken)
{
	const struct endpoint at = dns_stub_endpoint(stub);
	struct endpoint far = { .port = 0 };
	struct dns_stub *second;

	ck_assert_int_eq(dns_stub_create(&loop, &at, forwarder, &second),
			 -EADDRINUSE);
	ck_assert_int_eq(addr_parse("192.0.2.1", &far.addr), 0);
	ck_assert_int_eq(dns_stub_create(&loop, &far, forwarder, &second),
			 -EADDRNOTAVAIL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stub");
	TCase *t = tcase_create("stub");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, answers_by_udp_and_tcp);
	tcase_add_test(t, answers_a_hundred_datagrams_that_came_at_once);
	tcase_add_loop_test(t, answers_odd_messages_as_they_deserve, 0,
			    ARRAY_SIZE(oddities));
	tcase_add_test(t, lives_through_garbage);
	tcase_add_test(t, says_tc_when_an_answer_is_too_large);
	tcase_add_test(t, answers_tcp_in_the_order_of_the_answers);
	tcase_add_test(t, reads_no_more_than_it_can_answer);
	tcase_add_test(t, has_64_tcp_clients_and_refuses_the_next);
	tcase_add_test(t, cuts_a_query_that_is_too_large);
	tcase_add_test(t, cuts_those_that_drip_and_those_that_say_nothing);
	tcase_add_test(t, forgets_a_client_that_goes);
	tcase_add_test(t, closes_with_queries_under_way);
	tcase_add_test(t, refuses_an_address_that_is_taken);
	suite_add_tcase(s, t);
	return suite_run(s);
}
