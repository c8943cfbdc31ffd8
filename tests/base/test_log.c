/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines go to standard error as well, which each test sends away. */
#include "tunnel/base/log.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/suite.h"
#include "tunnel/base/clock.h"

static struct log_cursor cursor;
static struct log_kept line;
static int standard_error;

static void setup(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	standard_error = dup(STDERR_FILENO);
	ck_assert_int_ge(dup2(null, STDERR_FILENO), 0);
	close(null);
	/* Tests may share a process, and so the lines of those before. */
	while (log_recall(&cursor, &line))
		;
}

static void teardown(void)
{
	dup2(standard_error, STDERR_FILENO);
	close(standard_error);
	log_set_level(LOG_LEVEL_INFO);
}

START_TEST(keeps_what_is_logged_with_level_and_time)
{
	int64_t before = clock_wall_ms();

	log_warning("%s is %d", "one", 1);
	log_debug("is not for us");
	log_error("two\nlines");
	ck_assert(log_recall(&cursor, &line));
	ck_assert_str_eq(line.text, "one is 1");
	ck_assert_int_eq(line.level, LOG_LEVEL_WARNING);
	ck_assert_int_ge(line.at_ms, before);
	ck_assert_int_le(line.at_ms, clock_wall_ms());
	ck_assert_uint_eq(line.lost, 0);
	ck_assert(log_recall(&cursor, &line));
	ck_assert_str_eq(line.text, "two?lines");
	ck_assert(!log_recall(&cursor, &line));
	ck_assert_str_eq(log_level_name(LOG_LEVEL_NOTICE), "notice");
}
END_TEST

/* The journal's prefix is not the line's. */
START_TEST(keeps_a_line_without_the_prefix_for_the_journal)
{
	ck_assert_int_eq(setenv("JOURNAL_STREAM", "8:1", 1), 0);
	log_info("plain");
	unsetenv("JOURNAL_STREAM");
	ck_assert(log_recall(&cursor, &line));
	ck_assert_str_eq(line.text, "plain");
}
END_TEST

/* Every length, twice around: what is kept is whole, in order, and what is not
 * is counted. */
START_TEST(forgets_the_oldest_and_says_how_many)
{
	char text[LOG_LINE_MAX];
	uint64_t seen = 0, lost = 0, bytes = 0;
	int next = -1;

	for (int i = 0; i < 1000; i++) {
		memset(text, 'a' + i % 26, sizeof(text));
		text[i % 900] = '\0';
		log_info("%d %s", i, text);
	}
	while (log_recall(&cursor, &line)) {
		int number = atoi(line.text);

		if (next < 0)
			lost = line.lost;
		else
			ck_assert_int_eq(number, next);
		next = number + 1;
		ck_assert_uint_eq(strlen(strchr(line.text, ' ') + 1),
				  (size_t)(number % 900));
		seen++;
		bytes += strlen(line.text);
	}
	ck_assert_int_eq(next, 1000);
	ck_assert_uint_eq(seen + lost, 1000);
	ck_assert_uint_le(bytes, LOG_KEPT_BYTES);
	ck_assert_uint_ge(bytes, LOG_KEPT_BYTES * 9 / 10);
	printf("note: of 1000 lines the last %d are kept\n", (int)seen);
}
END_TEST

START_TEST(cuts_a_line_that_is_too_long)
{
	char text[2 * LOG_LINE_MAX];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	ck_assert(log_recall(&cursor, &line));
	ck_assert_uint_ge(strlen(line.text), LOG_LINE_MAX - 8);
}
END_TEST

static atomic_uint wakes;

static void wake(void *arg)
{
	atomic_fetch_add((atomic_uint *)arg, 1);
}

static void *log_much(void *arg)
{
	for (int i = 0; i < 2000; i++)
		log_info("%s %d", (const char *)arg, i);
	return NULL;
}

START_TEST(takes_lines_from_any_thread)
{
	static char names[2][8] = { "left", "right" };
	pthread_t threads[2];
	int next[2] = { 0, 0 }, seen = 0;

	atomic_store(&wakes, 0);
	log_set_wake(wake, &wakes);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, log_much, names[i]),
			0);
	while (atomic_load(&wakes) < 4000 || seen == 0) {
		if (!log_recall(&cursor, &line))
			continue;
		seen++;
		for (int i = 0; i < 2; i++) {
			size_t len = strlen(names[i]);

			if (strncmp(line.text, names[i], len) != 0)
				continue;
			ck_assert_int_ge(atoi(line.text + len), next[i]);
			next[i] = atoi(line.text + len) + 1;
		}
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	log_set_wake(NULL, NULL);
	log_info("quiet");
	ck_assert_uint_eq(atomic_load(&wakes), 4000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, keeps_what_is_logged_with_level_and_time);
	tcase_add_test(tc, keeps_a_line_without_the_prefix_for_the_journal);
	tcase_add_test(tc, forgets_the_oldest_and_says_how_many);
	tcase_add_test(tc, cuts_a_line_that_is_too_long);
	tcase_add_test(tc, takes_lines_from_any_thread);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
