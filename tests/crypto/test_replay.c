/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In the style of RFC 6479's tests: a numbered list of calls and answers that
 * reads like a proof. */
#include <check.h>
#include <stdlib.h>

#include "crypto/replay.h"
#include "tests/lib/suite.h"

static struct replay window;

static void clear(void)
{
	window = (struct replay) { 0 };
}

START_TEST(accepts_each_counter_once)
{
	for (uint64_t i = 0; i < 3 * REPLAY_WINDOW; i++) {
		ck_assert(replay_accept(&window, i));
		ck_assert(!replay_accept(&window, i));
	}
}
END_TEST

START_TEST(accepts_the_last_window_in_any_order)
{
	const uint64_t top = 5 * REPLAY_WINDOW + 17;

	ck_assert(replay_accept(&window, top));
	for (uint64_t back = REPLAY_WINDOW - 1; back > 0; back--)
		ck_assert(replay_accept(&window, top - back));
	for (uint64_t back = 0; back < REPLAY_WINDOW; back++)
		ck_assert(!replay_accept(&window, top - back));
}
END_TEST

START_TEST(accepts_8191_late_and_refuses_8192_late)
{
	for (uint64_t top = 100000; top < 100200; top++) {
		clear();
		ck_assert(replay_accept(&window, top));
		ck_assert(!replay_accept(&window, top - 8192));
		ck_assert(replay_accept(&window, top - 8191));
		ck_assert(!replay_accept(&window, top - 8191));
	}
}
END_TEST

START_TEST(forgets_nothing_when_it_jumps)
{
	static const uint64_t steps[] = { 1,	63,   64,   65,	   127,
					  4096, 8127, 8128, 8191,  8192,
					  8193, 8255, 8256, 16384, 1000000 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		clear();
		for (uint64_t c = 0; c < 300; c++)
			ck_assert(replay_accept(&window, c));
		ck_assert(replay_accept(&window, 299 + steps[i]));
		/* What was seen is never new again, in the window or behind. */
		for (uint64_t c = 0; c < 300; c++)
			ck_assert(!replay_accept(&window, c));
		/* What was jumped over is new if it is in the window. */
		for (uint64_t c = 300; c < 299 + steps[i]; c++)
			ck_assert_int_eq(replay_accept(&window, c),
					 299 + steps[i] - c < REPLAY_WINDOW);
	}
}
END_TEST

START_TEST(takes_the_largest_counters)
{
	const uint64_t top = (1ULL << 48) - 1;

	ck_assert(replay_accept(&window, 0));
	ck_assert(replay_accept(&window, top));
	ck_assert(!replay_accept(&window, top));
	ck_assert(replay_accept(&window, top - 1));
	ck_assert(!replay_accept(&window, 0));
}
END_TEST

START_TEST(tells_what_it_has_seen_from_what_is_past)
{
	ck_assert(!replay_is_past(&window, 0));
	ck_assert(replay_accept(&window, 100000));
	ck_assert(!replay_is_past(&window, 100001));
	ck_assert(!replay_is_past(&window, 100000));
	ck_assert(!replay_is_past(&window, 100000 - 8191));
	ck_assert(replay_is_past(&window, 100000 - 8192));
	ck_assert(replay_is_past(&window, 0));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("replay");
	TCase *t = tcase_create("window");

	tcase_add_checked_fixture(t, clear, NULL);
	tcase_add_test(t, accepts_each_counter_once);
	tcase_add_test(t, accepts_the_last_window_in_any_order);
	tcase_add_test(t, accepts_8191_late_and_refuses_8192_late);
	tcase_add_test(t, forgets_nothing_when_it_jumps);
	tcase_add_test(t, takes_the_largest_counters);
	tcase_add_test(t, tells_what_it_has_seen_from_what_is_past);
	suite_add_tcase(s, t);
	return suite_run(s);
}
