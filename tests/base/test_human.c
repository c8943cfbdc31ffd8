/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/human.h"

static const struct {
	void (*put)(FILE *to, uint64_t n);
	uint64_t n;
	const char *text;
} rows[] = {
	{ human_duration, 0, "0 s" },
	{ human_duration, 59, "59 s" },
	{ human_duration, 60, "1 min" },
	{ human_duration, 3599, "59 min" },
	{ human_duration, 3600, "1 h 0 min" },
	{ human_duration, 12000, "3 h 20 min" },
	{ human_duration, 48 * 3600 - 1, "47 h 59 min" },
	{ human_duration, 48 * 3600, "2 days" },
	{ human_duration, UINT64_MAX, "213503982334601 days" },
	{ human_bytes, 0, "0 bytes" },
	{ human_bytes, 999, "999 bytes" },
	{ human_bytes, 1000, "1.0 kB" },
	{ human_bytes, 1540000, "1.5 MB" },
	{ human_bytes, 2000000000, "2.0 GB" },
	{ human_bytes, UINT64_MAX, "18446744.1 TB" },
};

START_TEST(says_numbers_as_people_do)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(to);
	rows[_i].put(to, rows[_i].n);
	fclose(to);
	ck_assert_str_eq(text, rows[_i].text);
	free(text);
}
END_TEST

static const struct {
	const char *text;
	uint64_t s; /* UINT64_MAX: refused */
} durations[] = {
	{ "90s", 90 },
	{ "30m", 1800 },
	{ "2h", 7200 },
	{ "1d", 86400 },
	{ "1h30m", 5400 },
	{ "1d2h3m4s", 93784 },
	{ "1d4s", 86404 },
	{ "0s", 0 },
	{ "007s", 7 },
	{ "999999999d", 86399999913600 },
	{ "", UINT64_MAX },
	{ "90", UINT64_MAX },
	{ "s", UINT64_MAX },
	{ "1h30", UINT64_MAX },
	{ "30m1h", UINT64_MAX },
	{ "1h1h", UINT64_MAX },
	{ "1s1s", UINT64_MAX },
	{ "1.5h", UINT64_MAX },
	{ "-1h", UINT64_MAX },
	{ "+1h", UINT64_MAX },
	{ " 1h", UINT64_MAX },
	{ "1 h", UINT64_MAX },
	{ "1h ", UINT64_MAX },
	{ "1H", UINT64_MAX },
	{ "1w", UINT64_MAX },
	{ "0x10s", UINT64_MAX },
	{ "1000000000s", UINT64_MAX },
	{ "1h\n", UINT64_MAX },
};

START_TEST(takes_durations_as_people_write_them)
{
	uint64_t s = UINT64_MAX;
	int r = human_parse_duration(durations[_i].text, &s);

	ck_assert_int_eq(r, durations[_i].s == UINT64_MAX ? -EINVAL : 0);
	ck_assert_uint_eq(s, durations[_i].s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("human");
	TCase *t = tcase_create("human");

	tcase_add_loop_test(t, says_numbers_as_people_do, 0, ARRAY_SIZE(rows));
	tcase_add_loop_test(t, takes_durations_as_people_write_them, 0,
			    ARRAY_SIZE(durations));
	suite_add_tcase(s, t);
	return suite_run(s);
}
