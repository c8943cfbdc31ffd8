/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/idle.h"

#include <check.h>
#include <stdio.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

#define S(n) ((uint64_t)(n)*NS_PER_S)

/* Each look at the time that the one before asked for, with one more packet
 * for each second of use. */
struct run {
	uint64_t idle_at_ns; /* CLOCK_NEVER: it never was */
	unsigned int looks;
};

static struct run run(uint32_t timer_s, uint64_t last_use_ns, uint64_t until_ns)
{
	struct run result = { .idle_at_ns = CLOCK_NEVER };
	uint64_t now = S(1000), look = now;
	struct idle i;

	idle_start(&i, now, timer_s, 0);
	for (; now < S(1000) + until_ns; now = look) {
		uint64_t used = now - S(1000);

		if (used > last_use_ns)
			used = last_use_ns;
		result.looks++;
		ck_assert_uint_lt(result.looks, 100000);
		if (idle_step(&i, now, used / NS_PER_S, &look)) {
			result.idle_at_ns = now - S(1000);
			break;
		}
		ck_assert_uint_gt(look, now);
	}
	return result;
}

static const uint32_t timers[] = { 1, 2, 7, 60, 300, 600, 86400 };

START_TEST(is_idle_after_its_time_and_a_step_later_at_most)
{
	uint32_t timer = timers[_i];
	uint64_t step = S(timer) / 8;

	if (step < IDLE_STEP_MIN_NS)
		step = IDLE_STEP_MIN_NS;
	for (unsigned int used_s = 0; used_s < 200; used_s += 13) {
		struct run r = run(timer, S(used_s), S(10 * 86400));

		ck_assert_uint_ge(r.idle_at_ns, S(used_s + timer));
		ck_assert_uint_le(r.idle_at_ns, S(used_s + timer) + step);
	}
}
END_TEST

START_TEST(is_never_idle_in_use_and_looks_seldom)
{
	struct run r = run(600, S(86400), S(86400));

	ck_assert_uint_eq(r.idle_at_ns, CLOCK_NEVER);
	ck_assert_uint_le(r.looks, 86400 / 60 + 1);
	printf("note: Idle.Timer 600, a day of use: a look each %.0f s\n",
	       86400.0 / r.looks);
}
END_TEST

START_TEST(does_not_count_the_time_asleep)
{
	uint64_t look, now = S(5);
	struct idle i;

	idle_start(&i, now, 600, 7);
	for (int n = 0; n < 5; n++) {
		ck_assert(!idle_step(&i, now, 7, &look));
		now = look;
	}
	/* 8 hours, and the look that was due is made. */
	now += S(8 * 3600);
	ck_assert(!idle_step(&i, now, 7, &look));
	ck_assert_uint_le(look, now + S(60));
	/* Time goes on from where it was: 5 of 10 minutes. */
	for (int n = 5; n < 9; n++) {
		now = look;
		ck_assert(!idle_step(&i, now, 7, &look));
	}
	ck_assert(idle_step(&i, look, 7, &look));
}
END_TEST

START_TEST(counts_a_counter_that_starts_again_as_use)
{
	uint64_t look = 0;
	struct idle i;

	idle_start(&i, 0, 8, 1000);
	for (int n = 1; n < 8; n++)
		ck_assert(!idle_step(&i, S(n), 1000, &look));
	ck_assert(!idle_step(&i, S(8), 3, &look));
	ck_assert_uint_eq(look, S(9));
	for (int n = 9; n < 16; n++)
		ck_assert(!idle_step(&i, S(n), 3, &look));
	ck_assert(idle_step(&i, S(16), 3, &look));
}
END_TEST

START_TEST(looks_more_often_than_asked_do_not_hurt)
{
	uint64_t look = 0;
	struct idle i;

	idle_start(&i, 0, 600, 0);
	for (int n = 0; n < 599; n++)
		ck_assert(!idle_step(&i, S(n), 0, &look));
	ck_assert_uint_eq(look, S(600));
	ck_assert(idle_step(&i, S(600), 0, &look));
}
END_TEST

START_TEST(without_a_timer_there_is_nothing_to_look_at)
{
	uint64_t look = 0;
	struct idle i;

	idle_start(&i, 0, 0, 0);
	ck_assert(!idle_step(&i, S(86400), 0, &look));
	ck_assert_uint_eq(look, CLOCK_NEVER);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("idle");
	TCase *tc = tcase_create("idle");

	tcase_add_loop_test(tc, is_idle_after_its_time_and_a_step_later_at_most,
			    0, ARRAY_SIZE(timers));
	tcase_add_test(tc, is_never_idle_in_use_and_looks_seldom);
	tcase_add_test(tc, does_not_count_the_time_asleep);
	tcase_add_test(tc, counts_a_counter_that_starts_again_as_use);
	tcase_add_test(tc, looks_more_often_than_asked_do_not_hurt);
	tcase_add_test(tc, without_a_timer_there_is_nothing_to_look_at);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
