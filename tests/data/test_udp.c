/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Real sockets on the loopback address; the kernel delivers at once. */
#include <check.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/record.h"
#include "tunnel/data/udp.h"

static struct udp_sockets s;

static int open_at(const char *address, uint16_t port, unsigned int lanes)
{
	struct udp_options o = { .lanes = lanes };

	ck_assert_int_eq(addr_parse(address, &o.local.addr), 0);
	o.local.port = port;
	o.dual_stack = strcmp(address, "::") == 0;
	return udp_open(&o, &s);
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
	struct sockaddr_storage from;
	socklen_t from_len;
	size_t segment;

	return udp_receive(fd, buf, sizeof(buf), &from, &from_len, &segment);
}

/* Which socket got the datagram: -1 control, else the lane. */
static void expect_at(int lane, int len)
{
	ck_assert_int_eq(got(s.control), lane < 0 ? len : -EAGAIN);
	for (int i = 0; i < (int)s.lanes; i++)
		ck_assert_int_eq(got(s.lane[i]), lane == i ? len : -EAGAIN);
}

START_TEST(each_lane_gets_its_records_and_control_the_rest)
{
	static const struct {
		uint8_t bytes[2];
		int len;
		int lane;
	} datagram[] = {
		{ { RECORD_TYPE, 0 }, 2, 0 },	 { { RECORD_TYPE, 1 }, 2, 1 },
		{ { RECORD_TYPE, 2 }, 2, 2 },	 { { RECORD_TYPE, 3 }, 2, -1 },
		{ { RECORD_TYPE, 255 }, 2, -1 }, { { 22, 0 }, 2, -1 },
		{ { 0xA0, 1 }, 2, -1 },		 { { 0xA2, 1 }, 2, -1 },
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
	static const uint8_t record[] = { RECORD_TYPE, 0, 0 };
	int fd;

	ck_assert_int_eq(open_at("::", 0, 1), 0);
	fd = sender("127.0.0.1", s.port);
	ck_assert_int_eq(send(fd, record, 3, 0), 3);
	expect_at(0, 3);
	close(fd);
	fd = sender("::1", s.port);
	ck_assert_int_eq(send(fd, record, 3, 0), 3);
	expect_at(0, 3);
	close(fd);
	udp_close(&s);
}
END_TEST

START_TEST(a_run_arrives_as_its_datagrams)
{
	struct sockaddr_storage to, from;
	struct endpoint e = { .port = 0 };
	socklen_t to_len, from_len;
	static uint8_t run[50 * 1000 + 1], buf[UDP_RECEIVE_MAX];
	size_t segment, total = 0, datagrams = 0;
	int n;

	for (size_t i = 0; i < sizeof(run); i += 1000)
		run[i] = RECORD_TYPE;
	ck_assert_int_eq(open_at("127.0.0.1", 0, 1), 0);
	ck_assert_int_eq(addr_parse("127.0.0.1", &e.addr), 0);
	e.port = s.port;
	to_len = udp_sockaddr(&e, AF_INET, &to);
	ck_assert_int_eq(
		udp_send_run(s.control, &to, to_len, run, sizeof(run), 1000),
		0);
	while ((n = udp_receive(s.lane[0], buf, sizeof(buf), &from, &from_len,
				&segment)) >= 0) {
		total += (size_t)n;
		datagrams += ((size_t)n + segment - 1) / segment;
		ck_assert_uint_eq(from_len, sizeof(struct sockaddr_in));
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

int main(void)
{
	Suite *suite = suite_create("udp");
	TCase *t = tcase_create("udp");
	SRunner *r;
	int failed;

	tcase_add_test(t, each_lane_gets_its_records_and_control_the_rest);
	tcase_add_test(t, a_port_belongs_to_one_end);
	tcase_add_test(t, one_gateway_answers_both_families);
	tcase_add_test(t, a_run_arrives_as_its_datagrams);
	tcase_add_test(t, maps_ipv4_for_a_dual_stack_socket);
	suite_add_tcase(suite, t);
	r = srunner_create(suite);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
