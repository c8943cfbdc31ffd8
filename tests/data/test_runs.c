/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a record says of its run, and how runs leave, on the road of
 * path_world.h. */
#include <check.h>
#include <string.h>

#include "tests/lib/path_world.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

/* By their flags: among others, tail, alone. */
static void expect_marks(const char *marks)
{
	static const char mark[] = { '-', 't', 'a' };

	ck_assert_uint_eq(take_road(), strlen(marks));
	for (size_t i = 0; marks[i] != '\0'; i++)
		ck_assert_int_eq(mark[record_place(taken[i].bytes[2])],
				 marks[i]);
}

START_TEST(a_record_says_whether_it_ends_a_run_of_equals)
{
	static const struct gso_vnet h = {
		GSO_VNET_NEEDS_CSUM, GSO_VNET_TCP4, 40, 172, 20, 16
	};
	static const size_t payload[] = { 184, 184, 184, 300, 100,
					  400, 500, 184, 184 };
	static uint8_t p[65536];

	for (uint32_t i = 0; i < ARRAY_SIZE(payload); i++)
		give_udp(i, payload[i]);
	give(&h, p, build_tcp(p, 3 * 172));
	give_udp(1, 184);
	give(&h, p, build_tcp(p, 2 * 172 + 1));
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	/* 3 | 300 100 | 400 | 500 184 | 184, 3 of TCP, 184, 2 and a short one
	 */
	expect_marks("--t--a----------");
	/* More than one run can hold. */
	give(&h, p, build_tcp(p, (UDP_SEGMENTS_MAX + 2) * 172));
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	ck_assert_uint_eq(take_road(), UDP_SEGMENTS_MAX + 2);
	for (unsigned int i = 0; i < UDP_SEGMENTS_MAX + 2; i++)
		ck_assert_int_eq(record_place(taken[i].bytes[2]) == RECORD_TAIL,
				 i % UDP_SEGMENTS_MAX == UDP_SEGMENTS_MAX - 1 ||
					 i == UDP_SEGMENTS_MAX + 1);
}
END_TEST

/* What the kernel took is counted by its place, and what comes likewise. */
static void expect_placed(const struct record_counts *c, uint64_t among,
			  uint64_t tails, uint64_t alone)
{
	ck_assert_uint_eq(c->of[RECORD_AMONG], among);
	ck_assert_uint_eq(c->of[RECORD_TAIL], tails);
	ck_assert_uint_eq(c->of[RECORD_ALONE], alone);
}

START_TEST(runs_leave_as_the_tactic_says)
{
	static const size_t calls[] = { 1, 1, 4 };
	static const char *const marks[] = { "---t", "---t-", "---t" };
	struct peer_stats s;
	uint64_t before;

	atomic_store(&gateway->tactic, (enum tactic)_i);
	for (uint32_t i = 0; i < 4; i++)
		give_udp(i, 200);
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	expect_marks(marks[_i]);
	ck_assert_uint_eq(count(COUNTER_CALL_SENDMSG), calls[_i]);
	for (size_t i = 0; i < strlen(marks[_i]); i++)
		deliver(taken[i].bytes, taken[i].len);
	/* The empty one goes through all checks, and no further. */
	ck_assert_uint_eq(count(COUNTER_RX_PACKETS), 4);
	ck_assert_uint_eq(count(COUNTER_DROP_INNER), 0);
	peer_stats(gateway, &s);
	expect_placed(&s.sent, 3, 1, 0);
	peer_stats(client, &s);
	expect_placed(&s.received, 3, 1, 0);

	/* Those that end shorter by nature, and single ones, always leave the
	 * same way, but for the calls. */
	before = count(COUNTER_CALL_SENDMSG);
	give_udp(1, 200);
	give_udp(2, 100);
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	expect_marks("--");
	give_udp(3, 200);
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	expect_marks("a");
	ck_assert_uint_eq(count(COUNTER_CALL_SENDMSG) - before,
			  _i == TACTIC_SINGLY ? 3 : 2);
	peer_stats(gateway, &s);
	expect_placed(&s.sent, 5, 1, 1);
}
END_TEST

/* With the empty one it is not more than the kernel cuts. */
START_TEST(the_longest_run_has_room_for_its_end)
{
	static const struct gso_vnet h = {
		GSO_VNET_NEEDS_CSUM, GSO_VNET_TCP4, 40, 172, 20, 16
	};
	static uint8_t p[65536];

	atomic_store(&gateway->tactic, TACTIC_ENDED);
	give(&h, p, build_tcp(p, UDP_SEGMENTS_MAX * 172));
	ck_assert_int_eq(tx_pump(&tx, 1), 0);
	ck_assert_uint_eq(count(COUNTER_GSO_FALLBACKS), 0);
	ck_assert_uint_eq(take_road(), UDP_SEGMENTS_MAX + 1);
	ck_assert_uint_eq(taken[UDP_SEGMENTS_MAX - 1].len, RECORD_OVERHEAD);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("runs");
	TCase *t = tcase_create("runs");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_record_says_whether_it_ends_a_run_of_equals);
	tcase_add_loop_test(t, runs_leave_as_the_tactic_says, TACTIC_WHOLE,
			    TACTIC_SINGLY + 1);
	tcase_add_test(t, the_longest_run_has_room_for_its_end);
	suite_add_tcase(s, t);
	return suite_run(s);
}
