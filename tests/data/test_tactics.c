/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tactics.c, with counts made up: reports in, decisions out. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/data/tactics.h"

static struct tactics t;
static struct record_counts sent, received;
static uint64_t now_ns;
static unsigned int changes;

static void setup(void)
{
	memset(&t, 0, sizeof(t));
	memset(&sent, 0, sizeof(sent));
	memset(&received, 0, sizeof(received));
	now_ns = 7ULL * NS_PER_S;
	changes = 0;
}

static void report(void)
{
	now_ns += NS_PER_S / 2;
	changes += tactics_judge(&t, &sent, &received, now_ns);
}

static uint64_t left_of(uint64_t n, unsigned int percent_lost)
{
	return n - n * percent_lost / 100;
}

/* Half a second's trains of ten, and single ones. */
static void half_a_second(uint64_t trains, unsigned int tails_lost,
			  unsigned int others_lost)
{
	sent.of[RECORD_AMONG] += 9 * trains;
	sent.of[RECORD_TAIL] += trains;
	sent.of[RECORD_ALONE] += trains;
	received.of[RECORD_AMONG] += left_of(9 * trains, others_lost);
	received.of[RECORD_TAIL] += left_of(trains, tails_lost);
	received.of[RECORD_ALONE] += left_of(trains, others_lost);
	report();
}

static void seconds(unsigned int n, unsigned int tails_lost,
		    unsigned int others_lost)
{
	for (unsigned int i = 0; i < 2 * n; i++)
		half_a_second(200, tails_lost, others_lost);
}

START_TEST(lost_tails_are_noticed_within_two_seconds)
{
	struct fallback f;
	char text[FALLBACK_TEXT_MAX];

	ck_assert(!tactics_fallback(&t, &f));
	half_a_second(200, 100, 0);
	half_a_second(200, 100, 0);
	ck_assert_int_eq(t.tactic, TACTIC_WHOLE);
	half_a_second(200, 97, 1);
	ck_assert_int_eq(t.tactic, TACTIC_ENDED);
	ck_assert_uint_eq(changes, 1);
	ck_assert_uint_eq(t.left, 1);
	ck_assert_uint_eq(t.since_ns, now_ns);
	ck_assert(tactics_fallback(&t, &f));
	ck_assert_uint_eq(f.since_ns, now_ns);
	ck_assert_str_eq(fallback_text(&f, text),
			 "the far end misses 97 % of the last packets of "
			 "batches of equal length, of others 1 %; each ends "
			 "with an empty one now");
	/* It helped: nothing more is done. */
	seconds(290, 1, 1);
	ck_assert_uint_eq(changes, 1);
}
END_TEST

START_TEST(one_bad_report_is_none)
{
	/* What was on its way: the next report makes up for it. */
	for (int i = 0; i < 50; i++) {
		half_a_second(200, 100, 0);
		received.of[RECORD_TAIL] += 200;
		half_a_second(200, 0, 0);
	}
	ck_assert_uint_eq(changes, 0);
}
END_TEST

START_TEST(a_few_lost_ones_tell_nothing)
{
	for (int i = 0; i < 4; i++)
		half_a_second(TACTICS_FEW / 4 - 1, 100, 0);
	ck_assert_uint_eq(changes, 0);
	/* They are not forgotten, either. */
	for (int i = 0; i < 10; i++)
		half_a_second(TACTICS_FEW / 4 - 1, 100, 0);
	ck_assert_uint_eq(changes, 1);
}
END_TEST

/* Percent lost of tails and of others, where tails are not to blame. */
static const unsigned int alike[][2] = {
	{ 0, 0 },   { 1, 1 },	{ 5, 5 },    { 19, 0 },	   { 25, 7 },
	{ 60, 45 }, { 90, 30 }, { 100, 90 }, { 100, 100 }, { 0, 50 },
};

START_TEST(loss_that_hits_others_too_changes_nothing)
{
	seconds(600, alike[_i][0], alike[_i][1]);
	ck_assert_uint_eq(changes, 0);
}
END_TEST

/* A million judgements of loss by chance. */
START_TEST(chance_is_not_taken_for_a_rule)
{
	unsigned int percent = (unsigned int)_i;

	srandom(5);
	for (int i = 0; i < 100000; i++) {
		for (int k = 0; k < TACTICS_FEW; k++) {
			received.of[RECORD_TAIL] += random() % 100 >= percent;
			received.of[RECORD_AMONG] += random() % 100 >= percent;
		}
		sent.of[RECORD_TAIL] += TACTICS_FEW;
		sent.of[RECORD_AMONG] += TACTICS_FEW;
		report();
	}
	ck_assert_uint_eq(changes, 0);
}
END_TEST

/* Less than all is enough of a sign when there are enough of them. */
START_TEST(a_part_of_the_tails_takes_more_of_them)
{
	for (int i = 0; i < 2; i++)
		half_a_second(TACTICS_FEW, 40, 1);
	ck_assert_uint_eq(changes, 0);
	for (int i = 0; i < 8; i++)
		half_a_second(TACTICS_FEW, 40, 1);
	ck_assert_uint_eq(changes, 1);
}
END_TEST

/* As above, and percent lost of single records apart from whole batches. */
static void whole_batches(unsigned int batches_lost, unsigned int alone_lost)
{
	for (int i = 0; i < 4; i++) {
		sent.of[RECORD_AMONG] += 900;
		sent.of[RECORD_TAIL] += 100;
		sent.of[RECORD_ALONE] += 100;
		received.of[RECORD_AMONG] += left_of(900, batches_lost);
		received.of[RECORD_TAIL] += left_of(100, batches_lost);
		received.of[RECORD_ALONE] += left_of(100, alone_lost);
		report();
	}
}

START_TEST(whole_batches_that_vanish_show_beside_single_ones)
{
	whole_batches(95, 3);
	ck_assert_int_eq(t.tactic, TACTIC_ENDED);
	ck_assert_uint_eq(t.others_lost, 3);
}
END_TEST

/* Where there is no room, the large ones are the first to be lost. */
START_TEST(a_crowded_way_is_not_taken_for_that)
{
	whole_batches(60, 5);
	whole_batches(89, 0);
	whole_batches(95, 40);
	ck_assert_uint_eq(changes, 0);
}
END_TEST

START_TEST(what_does_not_help_gives_way_to_single_sends_and_those_to_peace)
{
	struct fallback f;
	uint64_t since_ns;

	seconds(2, 100, 0);
	ck_assert_int_eq(t.tactic, TACTIC_ENDED);
	since_ns = t.since_ns;
	/* What is under way may be of before. */
	seconds(2, 100, 0);
	ck_assert_int_eq(t.tactic, TACTIC_ENDED);
	seconds(2, 100, 0);
	ck_assert_int_eq(t.tactic, TACTIC_SINGLY);
	ck_assert_uint_eq(t.since_ns, since_ns);
	ck_assert(tactics_fallback(&t, &f));
	ck_assert_int_eq(f.way, FALLBACK_SINGLY);
	seconds(5, 100, 0);
	/* Not for how they are sent, then; and nothing is tried for a while. */
	ck_assert_int_eq(t.tactic, TACTIC_WHOLE);
	ck_assert_uint_eq(changes, 3);
	seconds(280, 100, 0);
	ck_assert_uint_eq(changes, 3);
	seconds(30, 100, 0);
	ck_assert_uint_gt(changes, 3);
}
END_TEST

START_TEST(whole_runs_are_tried_again_and_each_time_later)
{
	uint64_t wait = TACTICS_AGAIN_NS, given_up_ns;

	for (unsigned int i = 1; i <= 8; i++) {
		seconds(2, 100, 0);
		ck_assert_int_eq(t.tactic, TACTIC_ENDED);
		ck_assert_uint_eq(t.left, i);
		given_up_ns = t.since_ns;
		ck_assert_uint_eq(t.again_ns, given_up_ns + wait);
		now_ns = t.again_ns - NS_PER_S / 2;
		report();
		ck_assert_int_eq(t.tactic, TACTIC_WHOLE);
		if (wait < TACTICS_AGAIN_MAX_NS)
			wait *= 2;
	}
}
END_TEST

START_TEST(reports_that_lie_or_come_late_change_nothing)
{
	struct record_counts old;

	seconds(1, 0, 0);
	old = received;
	half_a_second(200, 0, 0);
	/* Overtaken. */
	now_ns++;
	changes += tactics_judge(&t, &sent, &old, now_ns);
	seconds(1, 0, 0);
	/* Of more than was sent. */
	received.of[RECORD_TAIL] = UINT64_MAX;
	report();
	seconds(5, 0, 0);
	memset(&received, 0, sizeof(received));
	seconds(5, 100, 0);
	ck_assert_uint_eq(changes, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tactics");
	TCase *c = tcase_create("tactics");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, lost_tails_are_noticed_within_two_seconds);
	tcase_add_test(c, one_bad_report_is_none);
	tcase_add_test(c, a_few_lost_ones_tell_nothing);
	tcase_add_loop_test(c, loss_that_hits_others_too_changes_nothing, 0,
			    ARRAY_SIZE(alike));
	tcase_add_loop_test(c, chance_is_not_taken_for_a_rule, 1, 11);
	tcase_add_test(c, a_part_of_the_tails_takes_more_of_them);
	tcase_add_test(c, whole_batches_that_vanish_show_beside_single_ones);
	tcase_add_test(c, a_crowded_way_is_not_taken_for_that);
	tcase_add_test(
		c,
		what_does_not_help_gives_way_to_single_sends_and_those_to_peace);
	tcase_add_test(c, whole_runs_are_tried_again_and_each_time_later);
	tcase_add_test(c, reports_that_lie_or_come_late_change_nothing);
	suite_add_tcase(s, c);
	return suite_run(s);
}
