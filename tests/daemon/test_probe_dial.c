/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) By which way probes go, and to whom. */
#include "tunnel/daemon/probe.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/lib/probe_world.h"
#include "tests/lib/suite.h"
#include "tunnel/base/clock.h"

enum {
	SHORT_MS = 150, /* where something never comes */
	MARK = 4711,
	FD_MAX = 1024,
};

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static struct probe_world w;

/* What becomes of each socket, seen in the place of libc. Marks are for root,
 * the devices of the machine are not the test's. */

static bool marked[FD_MAX], bound[FD_MAX];
static unsigned int connects, datagrams, naked;
static bool refuses_mark;

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	if (level == SOL_SOCKET && name == SO_MARK) {
		ck_assert_uint_eq(*(const uint32_t *)value, MARK);
		marked[fd] = true;
		if (!refuses_mark)
			return 0;
		errno = EPERM;
		return -1;
	}
	if (level == SOL_SOCKET && name == SO_BINDTODEVICE) {
		ck_assert_mem_eq(value, "eth-test", len);
		bound[fd] = true;
		return 0;
	}
	return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	connects++;
	naked += !marked[fd] || !bound[fd];
	return (int)syscall(SYS_connect, fd, to, len);
}

ssize_t sendto(int fd, const void *bytes, size_t len, int flags,
	       const struct sockaddr *to, socklen_t to_len)
{
	datagrams++;
	naked += !marked[fd];
	return syscall(SYS_sendto, fd, bytes, len, flags, to, to_len);
}

int close(int fd)
{
	if (fd >= 0 && fd < FD_MAX)
		marked[fd] = bound[fd] = false;
	return (int)syscall(SYS_close, fd);
}

static void set_up(void)
{
	probe_world_init(&w);
	w.options.device = "eth-test";
	w.options.mark = MARK;
	connects = datagrams = naked = 0;
	refuses_mark = false;
}

static void tear_down(void)
{
	probe_world_fini(&w);
}

/* R36: DNS */
START_TEST(tells_that_there_is_no_name)
{
	w.address_count = 0;
	probe_world_get(&w, "http", "/");
	probe_world_expect(&w, ONDEMAND_PROBE_DNS, 0);
	ck_assert_str_eq(w.told.why, "the name has no address");
	ck_assert_uint_ge(w.questions, 2);
}
END_TEST

START_TEST(tells_that_no_dns_server_answers)
{
	w.dns_silent = true;
	w.options.limit_ms = SHORT_MS;
	probe_world_get(&w, "http", "/");
	probe_world_expect(&w, ONDEMAND_PROBE_DNS, 0);
	ck_assert_str_eq(w.told.why, "no DNS server answered in time");
}
END_TEST

START_TEST(tells_that_there_is_no_dns_server)
{
	w.options.server_count = 0;
	probe_world_get(&w, "http", "/");
	probe_world_expect(&w, ONDEMAND_PROBE_DNS, 0);
	w.told.count = 0;
	dns_server_stop(&w.dns);
	w.options.server_count = 1;
	probe_world_get(&w, "http", "/");
	probe_world_expect(&w, ONDEMAND_PROBE_DNS, 0);
	printf("note: %s\n", w.told.why);
}
END_TEST

START_TEST(needs_no_dns_for_an_address)
{
	char url[64];
	const struct probe_target t = { .url = url };

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", w.http.at.port);
	w.options.server_count = 0;
	w.http.reply = OK;
	probe_world_start(&w, &t);
	probe_world_wait(&w);
	probe_world_expect(&w, ONDEMAND_PROBE_STATUS, 200);
}
END_TEST

START_TEST(tells_that_a_connection_is_refused)
{
	http_server_stop(&w.http);
	probe_world_get(&w, "http", "/");
	probe_world_expect(&w, ONDEMAND_PROBE_NO_ANSWER, 0);
	ck_assert_str_eq(w.told.why, "Connection refused");
	ck_assert_uint_eq(connects, 1);
}
END_TEST

START_TEST(tries_eight_addresses_of_a_hundred)
{
	for (w.address_count = 0; w.address_count < 100; w.address_count++) {
		struct ip_addr a = { AF_INET, { 127, 0, 1 } };

		a.bytes[3] = (uint8_t)(1 + w.address_count);
		w.addresses[w.address_count] = a;
	}
	w.dns.udp_only = false;
	probe_world_get(&w, "http", "/");
	probe_world_expect(&w, ONDEMAND_PROBE_NO_ANSWER, 0);
	/* And one to the DNS server, for a hundred do not fit a datagram. */
	ck_assert_uint_gt(w.dns.by_tcp, 0);
	ck_assert_uint_eq(connects - w.dns.accepted, PROBE_ADDRESSES_MAX);
}
END_TEST

START_TEST(finds_the_address_that_works)
{
	for (w.address_count = 0; w.address_count < 5; w.address_count++)
		w.addresses[w.address_count] =
			(struct ip_addr) { AF_INET, { 127, 0, 1, 1 } };
	w.addresses[w.address_count++] = w.http.at.addr;
	/* Nobody listens at ::1 either. */
	w.has_ipv6 = true;
	w.http.reply = OK;
	probe_world_get(&w, "http", "/");
	probe_world_expect(&w, ONDEMAND_PROBE_STATUS, 200);
	ck_assert_uint_ge(connects, 6);
}
END_TEST

/* A listener that takes no more: what knocks there hears nothing. */
static int make_black_hole(struct sockaddr_in *at, int fillers[4])
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*at = (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons(w.http.at.port),
		.sin_addr = { htonl(0x7f000107) },
	};
	ck_assert_int_eq(bind(fd, (struct sockaddr *)at, len), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	for (int i = 0; i < 4; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)syscall(SYS_connect, fillers[i], at, len);
	}
	return fd;
}

START_TEST(does_not_wait_for_an_address_that_is_silent)
{
	struct sockaddr_in at;
	int fillers[4], hole = make_black_hole(&at, fillers);
	uint64_t began_ns = clock_now_ns();

	w.addresses[0] = (struct ip_addr) { AF_INET, { 127, 0, 1, 7 } };
	w.addresses[w.address_count++] = w.http.at.addr;
	w.http.reply = OK;
	probe_world_get(&w, "http", "/");
	probe_world_expect(&w, ONDEMAND_PROBE_STATUS, 200);
	ck_assert_uint_eq(connects, 2);
	printf("note: after %llu ms\n",
	       (unsigned long long)((clock_now_ns() - began_ns) / NS_PER_MS));
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
	close(hole);
}
END_TEST

START_TEST(gives_up_where_all_are_silent)
{
	struct sockaddr_in at;
	int fillers[4], hole = make_black_hole(&at, fillers);

	w.addresses[0] = (struct ip_addr) { AF_INET, { 127, 0, 1, 7 } };
	/* Longer where the machine is so slow that no name is known by then. */
	do {
		w.options.limit_ms += SHORT_MS;
		probe_world_get(&w, "http", "/");
	} while (connects == 0);
	probe_world_expect(&w, ONDEMAND_PROBE_TIMEOUT, 0);
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
	close(hole);
}
END_TEST

START_TEST(can_be_cancelled_while_addresses_are_silent)
{
	struct sockaddr_in at;
	int fillers[4], hole = make_black_hole(&at, fillers);
	const struct probe_target t = {
		.url = probe_world_url(&w, "http", "/"),
	};

	for (w.address_count = 0; w.address_count < 3; w.address_count++)
		w.addresses[w.address_count] =
			(struct ip_addr) { AF_INET, { 127, 0, 1, 7 } };
	probe_world_start(&w, &t);
	while (connects < 3)
		probe_world_turn(&w);
	probe_cancel(w.probe);
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
	close(hole);
}
END_TEST

/* R40 */
START_TEST(leaves_by_the_uplink_alone)
{
	w.http.reply = OK;
	probe_world_get(&w, "http", "/");
	probe_world_expect(&w, ONDEMAND_PROBE_STATUS, 200);
	ck_assert_uint_eq(connects, 1);
	ck_assert_uint_ge(datagrams, 2);
	ck_assert_uint_eq(naked, 0);
	printf("note: %u connections and %u datagrams, all marked\n", connects,
	       datagrams);
}
END_TEST

/* Rather no answer than one by the wrong way. */
START_TEST(asks_nothing_where_it_may_not_mark)
{
	char url[64];
	const struct probe_target t = { .url = url };

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", w.http.at.port);
	refuses_mark = true;
	probe_world_get(&w, "http", "/");
	probe_world_expect(&w, ONDEMAND_PROBE_DNS, 0);
	probe_world_start(&w, &t);
	probe_world_wait(&w);
	probe_world_expect(&w, ONDEMAND_PROBE_NO_ANSWER, 0);
	ck_assert_str_eq(w.told.why, "Operation not permitted");
	ck_assert_uint_eq(connects + datagrams, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("probe dial");
	TCase *t = tcase_create("dial");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, tells_that_there_is_no_name);
	tcase_add_test(t, tells_that_no_dns_server_answers);
	tcase_add_test(t, tells_that_there_is_no_dns_server);
	tcase_add_test(t, needs_no_dns_for_an_address);
	tcase_add_test(t, tells_that_a_connection_is_refused);
	tcase_add_test(t, tries_eight_addresses_of_a_hundred);
	tcase_add_test(t, finds_the_address_that_works);
	tcase_add_test(t, does_not_wait_for_an_address_that_is_silent);
	tcase_add_test(t, gives_up_where_all_are_silent);
	tcase_add_test(t, can_be_cancelled_while_addresses_are_silent);
	tcase_add_test(t, leaves_by_the_uplink_alone);
	tcase_add_test(t, asks_nothing_where_it_may_not_mark);
	suite_add_tcase(s, t);
	return suite_run(s);
}
