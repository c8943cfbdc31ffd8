/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Real sockets on the loopback address; the kernel delivers at once. */
#include <check.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/record.h"
#include "tests/lib/suite.h"
#include "tunnel/data/udp.h"

static struct udp_sockets s;

static int open_with(struct udp_options *o, const char *address)
{
	ck_assert_int_eq(addr_parse(address, &o->local.addr), 0);
	o->dual_stack = strcmp(address, "::") == 0;
	return udp_open(o, &s);
}

static int open_at(const char *address, uint16_t port, unsigned int lanes)
{
	struct udp_options o = { .lanes = lanes, .local.port = port };

	return open_with(&o, address);
}

/* As a gateway does. */
static int open_to_tell(const char *address)
{
	struct udp_options o = { .lanes = 1, .tell_local = true };

	return open_with(&o, address);
}

/* Sends from a socket of its own; -1 where the family is missing. */
static int sender(const char *to, uint16_t port)
{
	struct endpoint e = { .port = port };
	struct sockaddr_storage sa = { 0 };
	socklen_t len;
	int fd;

	ck_assert_int_eq(addr_parse(to, &e.addr), 0);
	len = endpoint_to_sockaddr(&e, &sa);
	fd = socket(sa.ss_family, SOCK_DGRAM, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, len), 0);
	return fd;
}

static int got(int fd)
{
	uint8_t buf[UDP_RECEIVE_MAX];
	struct path from;
	size_t segment;

	return udp_receive(fd, buf, sizeof(buf), &from, &segment);
}

/* Which socket got the datagram: -1 control, else the lane. */
static void expect_at(int lane, int len)
{
	ck_assert_int_eq(got(s.control), lane < 0 ? len : -EAGAIN);
	for (int i = 0; i < (int)s.lanes; i++)
		ck_assert_int_eq(got(s.lane[i][0]), lane == i ? len : -EAGAIN);
}

START_TEST(each_lane_gets_its_records_and_control_the_rest)
{
	static const struct {
		uint8_t bytes[8];
		int len;
		int lane;
	} datagram[] = {
		{ { RECORD_TYPE, 0 }, 8, 0 },	 { { RECORD_TYPE, 1 }, 8, 1 },
		{ { RECORD_TYPE, 2 }, 8, 2 },	 { { RECORD_TYPE, 3 }, 8, 0 },
		{ { RECORD_TYPE, 62 }, 8, 2 },	 { { RECORD_TYPE, 63 }, 8, 0 },
		{ { RECORD_TYPE, 64 }, 8, -1 },	 { { RECORD_TYPE, 1 }, 7, -1 },
		{ { RECORD_TYPE, 255 }, 8, -1 }, { { 22, 0 }, 8, -1 },
		{ { 0xA0, 1 }, 8, -1 },		 { { 0xA2, 1 }, 8, -1 },
		{ { RECORD_TYPE }, 1, -1 },	 { { 0 }, 0, -1 },
	};
	int fd;

	ck_assert_int_eq(open_at("127.0.0.1", 0, 3), 0);
	ck_assert_uint_ne(s.port, 0);
	fd = sender("127.0.0.1", s.port);
	for (size_t i = 0; i < ARRAY_SIZE(datagram); i++) {
		ck_assert_int_eq(
			send(fd, datagram[i].bytes, (size_t)datagram[i].len, 0),
			datagram[i].len);
		expect_at(datagram[i].lane, datagram[i].len);
	}
	close(fd);
	udp_close(&s);
}
END_TEST

START_TEST(each_share_gets_its_sessions)
{
	struct udp_options o = { .lanes = 2, .shares = 4 };
	uint8_t record[8] = { RECORD_TYPE };
	int fd;

	ck_assert_int_eq(open_with(&o, "127.0.0.1"), 0);
	fd = sender("127.0.0.1", s.port);
	for (int i = 0; i < 256; i++) {
		record[1] = (uint8_t)(i / 128);
		record[RECORD_INDEX_LAST] = (uint8_t)i;
		ck_assert_int_eq(send(fd, record, sizeof(record), 0),
				 sizeof(record));
		ck_assert_int_eq(got(s.control), -EAGAIN);
		for (int k = 0; k < 8; k++)
			ck_assert_int_eq(got(s.lane[k / 4][k % 4]),
					 k == i / 128 * 4 + i % 4 ? 8
								  : -EAGAIN);
	}
	close(fd);
	udp_close(&s);
	o.shares = 3; /* no power of two */
	ck_assert_int_eq(open_with(&o, "127.0.0.1"), -EINVAL);
	o.shares = 2 * UDP_SHARES_MAX;
	ck_assert_int_eq(open_with(&o, "127.0.0.1"), -EINVAL);
}
END_TEST

static int hops_of(int fd, int level, int option)
{
	socklen_t len = sizeof(int);
	int hops;

	ck_assert_int_eq(getsockopt(fd, level, option, &hops, &len), 0);
	return hops;
}

/* Else a kernel that glues by address, port and size glues lanes. */
START_TEST(no_two_sockets_share_a_hop_limit)
{
	struct udp_options o = { .lanes = LANES_MAX, .dual_stack = true };
	int four, six;

	ck_assert_int_eq(open_with(&o, "::"), 0);
	four = hops_of(s.control, IPPROTO_IP, IP_TTL);
	six = hops_of(s.control, IPPROTO_IPV6, IPV6_UNICAST_HOPS);
	for (int i = 0; i < LANES_MAX; i++) {
		ck_assert_int_eq(hops_of(s.lane[i][0], IPPROTO_IP, IP_TTL),
				 four + 1 + i);
		ck_assert_int_eq(
			hops_of(s.lane[i][0], IPPROTO_IPV6, IPV6_UNICAST_HOPS),
			six + 1 + i);
	}
	udp_close(&s);
}
END_TEST

START_TEST(tells_what_a_full_queue_has_lost)
{
	struct udp_options o = { .lanes = 1, .buffer_bytes = 4096 };
	uint8_t record[1000] = { RECORD_TYPE };
	uint32_t came = 0;
	int fd;

	ck_assert_int_eq(open_with(&o, "127.0.0.1"), 0);
	fd = sender("127.0.0.1", s.port);
	ck_assert_uint_eq(udp_dropped(s.lane[0][0]), 0);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(send(fd, record, sizeof(record), 0),
				 sizeof(record));
	while (got(s.lane[0][0]) > 0)
		came++;
	ck_assert_uint_lt(came, 100);
	ck_assert_uint_eq(udp_dropped(s.lane[0][0]), 100 - came);
	close(fd);
	udp_close(&s);
}
END_TEST

START_TEST(a_port_belongs_to_one_end)
{
	struct udp_sockets first;

	ck_assert_int_eq(open_at("127.0.0.1", 0, 2), 0);
	first = s;
	ck_assert_int_eq(open_at("127.0.0.1", first.port, 2), -EADDRINUSE);
	udp_close(&first);
	ck_assert_int_eq(open_at("127.0.0.1", first.port, 2), 0);
	udp_close(&s);
	/* Takes what is closed. */
	udp_close(&s);
}
END_TEST

START_TEST(one_gateway_answers_both_families)
{
	static const uint8_t record[8] = { RECORD_TYPE };
	int fd;

	ck_assert_int_eq(open_at("::", 0, 1), 0);
	fd = sender("127.0.0.1", s.port);
	ck_assert_int_eq(send(fd, record, 8, 0), 8);
	expect_at(0, 8);
	close(fd);
	fd = sender("::1", s.port);
	ck_assert_int_eq(send(fd, record, 8, 0), 8);
	expect_at(0, 8);
	close(fd);
	udp_close(&s);
}
END_TEST

START_TEST(a_run_arrives_as_its_datagrams)
{
	struct endpoint e = { .port = 0 };
	struct sockaddr_storage to;
	struct udp_control control;
	struct path from = { .local.family = 0 };
	socklen_t to_len;
	static uint8_t run[50 * 1000 + 1], buf[UDP_RECEIVE_MAX];
	size_t segment, total = 0, datagrams = 0;
	int n;

	for (size_t i = 0; i < sizeof(run); i += 1000)
		run[i] = RECORD_TYPE;
	ck_assert_int_eq(open_at("127.0.0.1", 0, 1), 0);
	ck_assert_int_eq(addr_parse("127.0.0.1", &e.addr), 0);
	e.port = s.port;
	to_len = udp_sockaddr(&e, AF_INET, &to);
	udp_control_init(&control, &from.local, AF_INET);
	ck_assert_int_eq(udp_send_run(s.control, &to, to_len, &control, run,
				      sizeof(run), 1000),
			 0);
	while ((n = udp_receive(s.lane[0][0], buf, sizeof(buf), &from,
				&segment)) >= 0) {
		total += (size_t)n;
		datagrams += ((size_t)n + segment - 1) / segment;
		ck_assert_int_eq(from.remote.addr.family, AF_INET);
		/* It did not ask to be told. */
		ck_assert_int_eq(from.local.family, 0);
	}
	ck_assert_uint_eq(total, sizeof(run));
	ck_assert_uint_eq(datagrams, 51);
	udp_close(&s);
}
END_TEST

START_TEST(maps_ipv4_for_a_dual_stack_socket)
{
	struct endpoint four = { .port = 443 }, six = { .port = 443 }, back;
	struct sockaddr_storage sa;

	ck_assert_int_eq(addr_parse("192.0.2.1", &four.addr), 0);
	ck_assert_int_eq(addr_parse("2001:db8::1", &six.addr), 0);
	ck_assert_uint_eq(udp_sockaddr(&four, AF_INET6, &sa),
			  sizeof(struct sockaddr_in6));
	ck_assert_int_eq(sa.ss_family, AF_INET6);
	ck_assert_int_eq(endpoint_from_sockaddr((struct sockaddr *)&sa, &back),
			 0);
	ck_assert(endpoint_equal(&four, &back));
	ck_assert_uint_eq(udp_sockaddr(&six, AF_INET, &sa), 0);
	ck_assert_uint_eq(udp_sockaddr(&six, AF_INET6, &sa),
			  sizeof(struct sockaddr_in6));
}
END_TEST

/* Each address of ours that a stranger may ask, and where he asks from. */
static const struct asked {
	const char *socket, *asked;
} asked[] = {
	{ "0.0.0.0", "127.0.0.1" },   { "0.0.0.0", "127.0.0.2" },
	{ "127.0.0.2", "127.0.0.2" }, { "::", "127.0.0.1" },
	{ "::", "127.0.0.2" },	      { "::", "::1" },
};

/* A gateway with several addresses once answered from the one that the kernel
 * picked; clients drop that. */
START_TEST(answers_come_from_the_address_that_was_asked)
{
	static const uint8_t record[8] = { RECORD_TYPE };
	const struct asked *a = &asked[_i];
	static uint8_t run[20 * 1000 + 1], buf[UDP_RECEIVE_MAX];
	struct sockaddr_storage to;
	struct udp_control control;
	char text[ADDR_TEXT_MAX];
	size_t segment, total = 0;
	struct path from;
	socklen_t to_len;
	int fd, family;
	ssize_t n;

	ck_assert_int_eq(open_to_tell(a->socket), 0);
	family = strchr(a->socket, ':') ? AF_INET6 : AF_INET;
	/* Connected: it hears what comes from where it asks, and no other. */
	fd = sender(a->asked, s.port);
	for (int lane = -1; lane < 1; lane++) {
		ck_assert_int_eq(send(fd, record, lane < 0 ? 1 : 8, 0),
				 lane < 0 ? 1 : 8);
		n = udp_receive(lane < 0 ? s.control : s.lane[lane][0], buf,
				sizeof(buf), &from, &segment);
		ck_assert_int_gt(n, 0);
		ck_assert_str_eq(addr_text(&from.local, text), a->asked);
	}
	to_len = udp_sockaddr(&from.remote, family, &to);
	udp_control_init(&control, &from.local, family);
	ck_assert_uint_gt(control.source_len, 0);
	/* One datagram, then several that the kernel cuts. */
	ck_assert_int_eq(
		udp_send_run(s.control, &to, to_len, &control, run, 10, 10), 0);
	ck_assert_int_eq(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), 10);
	ck_assert_int_eq(udp_send_run(s.lane[0][0], &to, to_len, &control, run,
				      sizeof(run), 1000),
			 0);
	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		ck_assert_int_le(n, 1000);
		total += (size_t)n;
	}
	ck_assert_uint_eq(total, sizeof(run));
	close(fd);
	udp_close(&s);
}
END_TEST

/* Both control messages that the kernel writes have room together. */
START_TEST(tells_the_address_of_glued_datagrams_too)
{
	static uint8_t run[20 * 1000], buf[UDP_RECEIVE_MAX];
	struct udp_control control;
	struct sockaddr_storage to;
	const struct asked *a = &asked[_i];
	struct ip_addr any = { 0 };
	struct endpoint e = { 0 };
	char text[ADDR_TEXT_MAX];
	size_t segment = 0;
	struct path from;
	socklen_t to_len;
	int fd, n;

	for (size_t i = 0; i < sizeof(run); i += 1000)
		run[i] = RECORD_TYPE;
	ck_assert_int_eq(open_to_tell(a->socket), 0);
	fd = sender(a->asked, s.port);
	ck_assert_int_eq(addr_parse(a->asked, &e.addr), 0);
	e.port = s.port;
	to_len = udp_sockaddr(&e, e.addr.family, &to);
	udp_control_init(&control, &any, e.addr.family);
	ck_assert_int_eq(
		udp_send_run(fd, &to, to_len, &control, run, sizeof(run), 1000),
		0);
	n = udp_receive(s.lane[0][0], buf, sizeof(buf), &from, &segment);
	ck_assert_int_eq(n, (int)sizeof(run));
	ck_assert_uint_eq(segment, 1000);
	ck_assert_str_eq(addr_text(&from.local, text), a->asked);
	close(fd);
	udp_close(&s);
}
END_TEST

START_TEST(a_source_of_another_family_is_left_to_the_kernel)
{
	struct udp_control control;
	struct ip_addr six;

	ck_assert_int_eq(addr_parse("2001:db8::1", &six), 0);
	udp_control_init(&control, &six, AF_INET);
	ck_assert_uint_eq(control.source_len, 0);
}
END_TEST

static const char *const loopbacks[] = { "127.0.0.1", "::1" };

static int send_to(int fd, const char *address, uint16_t port)
{
	struct endpoint e = { .port = port };
	struct sockaddr_storage sa = { 0 };
	socklen_t len;

	ck_assert_int_eq(addr_parse(address, &e.addr), 0);
	len = endpoint_to_sockaddr(&e, &sa);
	return sendto(fd, "?", 1, 0, (struct sockaddr *)&sa, len) < 0 ? -errno
								      : 0;
}

START_TEST(tells_of_a_port_where_nothing_listens)
{
	const char *here = loopbacks[_i];
	uint16_t closed;

	ck_assert_int_eq(open_at(here, 0, 1), 0);
	closed = s.port;
	udp_close(&s);
	ck_assert_int_eq(open_at(here, 0, 1), 0);
	ck_assert_int_eq(udp_watch_errors(s.control, true), 0);
	ck_assert_int_eq(udp_watch_errors(s.lane[0][0], true), 0);
	for (int i = 0; i < 20; i++) {
		int one, other;

		ck_assert_int_eq(send_to(s.control, here, closed), 0);
		one = udp_take_error(s.control);
		other = udp_take_error(s.lane[0][0]);
		/* By hash, to any of the group. */
		ck_assert_int_eq(one ? one : other, -ECONNREFUSED);
		ck_assert_int_eq(udp_take_error(s.control), 0);
		ck_assert_int_eq(udp_take_error(s.lane[0][0]), 0);
	}
	/* Nothing of it is left for whoever has the socket next. */
	ck_assert_int_eq(send_to(s.control, here, closed), 0);
	ck_assert_int_eq(udp_watch_errors(s.control, false), 0);
	ck_assert_int_eq(udp_watch_errors(s.lane[0][0], false), 0);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(send_to(s.control, here, closed), 0);
		ck_assert_int_eq(send_to(s.lane[0][0], here, closed), 0);
		ck_assert_int_eq(udp_take_error(s.control), 0);
		ck_assert_int_eq(udp_take_error(s.lane[0][0]), 0);
	}
	udp_close(&s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("udp");
	TCase *t = tcase_create("udp");

	tcase_add_test(t, each_lane_gets_its_records_and_control_the_rest);
	tcase_add_test(t, each_share_gets_its_sessions);
	tcase_add_test(t, no_two_sockets_share_a_hop_limit);
	tcase_add_test(t, tells_what_a_full_queue_has_lost);
	tcase_add_test(t, a_port_belongs_to_one_end);
	tcase_add_test(t, one_gateway_answers_both_families);
	tcase_add_test(t, a_run_arrives_as_its_datagrams);
	tcase_add_test(t, maps_ipv4_for_a_dual_stack_socket);
	tcase_add_loop_test(t, answers_come_from_the_address_that_was_asked, 0,
			    ARRAY_SIZE(asked));
	tcase_add_loop_test(t, tells_the_address_of_glued_datagrams_too, 0,
			    ARRAY_SIZE(asked));
	tcase_add_test(t, a_source_of_another_family_is_left_to_the_kernel);
	tcase_add_loop_test(t, tells_of_a_port_where_nothing_listens, 0,
			    ARRAY_SIZE(loopbacks));
	suite_add_tcase(suite, t);
	return suite_run(suite);
}
