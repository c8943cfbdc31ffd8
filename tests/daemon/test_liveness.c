/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/liveness.h"

#include <check.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

static const struct {
	uint64_t at_ms, sent, received, rtt_ms;
	enum liveness_verdict verdict;
} calls[] = {
	/* Idle for a day: nothing. */
	{ 0, 10, 10, 5, LIVENESS_QUIET },
	{ 86400000, 10, 10, 5, LIVENESS_QUIET },
	/* Sent and answered. */
	{ 86400250, 11, 10, 5, LIVENESS_QUIET },
	{ 86400500, 11, 11, 5, LIVENESS_QUIET },
	{ 86410000, 11, 11, 5, LIVENESS_QUIET },
	/* Sent and not answered: asked three times, a second apart. */
	{ 86410250, 12, 11, 5, LIVENESS_QUIET },
	{ 86411249, 13, 11, 5, LIVENESS_QUIET },
	{ 86411250, 14, 11, 5, LIVENESS_ECHO },
	{ 86411500, 15, 11, 5, LIVENESS_QUIET },
	{ 86412250, 15, 11, 5, LIVENESS_MISSED },
	/* Heard again. */
	{ 86412500, 16, 12, 5, LIVENESS_HEARD },
	{ 86412750, 16, 12, 5, LIVENESS_QUIET },
	/* A long way: three round trips of patience. */
	{ 86413000, 17, 12, 900, LIVENESS_QUIET },
	{ 86415699, 17, 12, 900, LIVENESS_QUIET },
	{ 86415700, 17, 12, 900, LIVENESS_ECHO },
	{ 86418400, 18, 12, 900, LIVENESS_MISSED },
	{ 86421100, 19, 12, 900, LIVENESS_MISSED },
	{ 86423799, 20, 12, 900, LIVENESS_QUIET },
	{ 86423800, 20, 12, 900, LIVENESS_SILENT },
	/* One answer that took half a minute: no more than 3 s of patience. */
	{ 86424000, 21, 13, 30000, LIVENESS_HEARD },
	{ 86424250, 22, 13, 30000, LIVENESS_QUIET },
	{ 86427249, 22, 13, 30000, LIVENESS_QUIET },
	{ 86427250, 22, 13, 30000, LIVENESS_ECHO },
};

START_TEST(answers_each_call_as_the_table_says)
{
	struct liveness l;

	liveness_start(&l, 10, 10);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		enum liveness_verdict v = liveness_step(
			&l, calls[i].at_ms * NS_PER_MS, calls[i].sent,
			calls[i].received, calls[i].rtt_ms * NS_PER_MS);

		ck_assert_msg(v == calls[i].verdict, "call %zu: %d, wanted %d",
			      i, (int)v, (int)calls[i].verdict);
	}
}
END_TEST

START_TEST(asks_an_idle_path_when_told_to)
{
	struct liveness l;

	liveness_start(&l, 5, 5);
	liveness_ask(&l, 0);
	ck_assert_int_eq(liveness_step(&l, NS_PER_S / 2, 6, 5, 0),
			 LIVENESS_QUIET);
	ck_assert_int_eq(liveness_step(&l, NS_PER_S, 6, 5, 0), LIVENESS_MISSED);
	ck_assert_int_eq(liveness_step(&l, NS_PER_S * 2ULL, 7, 5, 0),
			 LIVENESS_MISSED);
	ck_assert_int_eq(liveness_step(&l, NS_PER_S * 3ULL, 8, 5, 0),
			 LIVENESS_SILENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("liveness");
	TCase *tc = tcase_create("liveness");

	tcase_add_test(tc, answers_each_call_as_the_table_says);
	tcase_add_test(tc, asks_an_idle_path_when_told_to);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
