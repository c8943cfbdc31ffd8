/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) Block lists that change while they act: real files, a real loop. */
#include "tunnel/daemon/dns_lists.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "config/profile.h"
#include "dns/blocklist.h"
#include "tests/lib/suite.h"

enum { PATIENCE_MS = 30000 };

static uv_loop_t loop;
static char folder[] = "/tmp/adit-lists-XXXXXX";
static char path[64];
static struct profile_block_list file = { path, PROFILE_LIST_DOMAINS };
static struct profile profile = {
	.block_lists = &file,
	.block_list_count = 1,
	.block_lists_fail = PROFILE_LISTS_FAIL_CLOSED,
};
static struct dns_lists *lists;
static unsigned int told;

static void on_changed(void *arg)
{
	(void)arg;
	told++;
	uv_stop(&loop);
}

static void on_too_late(uv_timer_t *timer)
{
	(void)timer;
	ck_abort_msg("nobody saw the change");
}

/* The loop, until a change is told. */
static void wait_for_change(void)
{
	unsigned int before = told;
	uv_timer_t timer;

	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, on_too_late, PATIENCE_MS, 0);
	while (told == before)
		uv_run(&loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
}

static void write_list(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static bool blocks(const char *name)
{
	struct dns_name n;
	unsigned int labels;

	ck_assert_int_eq(dns_name_from_text(name, &n), 0);
	return dns_lists_get(lists) != NULL &&
	       dns_blocklist_has(dns_lists_get(lists), &n, &labels);
}

static void setup(void)
{
	const struct dns_lists_options o = { .loop = &loop,
					     .changed = on_changed };

	strcpy(folder, "/tmp/adit-lists-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/block", folder);
	uv_loop_init(&loop);
	told = 0;
	profile.fingerprint = 1;
	profile.block_list_count = 1;
	lists = dns_lists_create(&o);
	ck_assert_ptr_nonnull(lists);
}

static void teardown(void)
{
	dns_lists_close(lists);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	unlink(path);
	rmdir(folder);
}

START_TEST(reads_a_file_again_when_it_is_another)
{
	write_list("ads.example\n");
	dns_lists_read(lists, &profile);
	ck_assert(blocks("x.ads.example"));
	ck_assert_str_eq(dns_lists_problem(lists), "");
	write_list("ads.example\nmore.example\n");
	wait_for_change();
	ck_assert(blocks("more.example"));
	ck_assert(blocks("ads.example"));
	unlink(path);
	wait_for_change();
	ck_assert(!blocks("ads.example"));
	ck_assert_ptr_nonnull(strstr(dns_lists_problem(lists), path));
	write_list("more.example\n");
	wait_for_change();
	ck_assert(blocks("more.example"));
	ck_assert_str_eq(dns_lists_problem(lists), "");
	ck_assert_uint_eq(told, 3);
}
END_TEST

/* A reading that is under way is for nobody then. */
START_TEST(forgets_the_lists_of_another_profile)
{
	write_list("ads.example\n");
	dns_lists_read(lists, &profile);
	write_list("more.example\n");
	profile.fingerprint = 2;
	profile.block_list_count = 0;
	dns_lists_read(lists, &profile);
	ck_assert_ptr_null(dns_lists_get(lists));
	profile.fingerprint = 3;
	profile.block_list_count = 1;
	dns_lists_read(lists, &profile);
	ck_assert(blocks("more.example"));
	write_list("ads.example\n");
	wait_for_change();
	ck_assert(blocks("ads.example"));
	ck_assert(!blocks("more.example"));
}
END_TEST

START_TEST(reads_again_when_it_is_told_to)
{
	write_list("ads.example\n");
	dns_lists_read(lists, &profile);
	write_list("more.example\n");
	dns_lists_read(lists, &profile);
	ck_assert(blocks("ads.example"));
	dns_lists_forget(lists);
	dns_lists_read(lists, &profile);
	ck_assert(blocks("more.example"));
}
END_TEST

/* In each turn of the loop that a change takes, by way of teardown. */
START_TEST(is_closed_while_it_reads)
{
	write_list("ads.example\n");
	dns_lists_read(lists, &profile);
	write_list("more.example\n");
	for (int i = 0; i < _i && told == 0; i++)
		uv_run(&loop, UV_RUN_ONCE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dns_lists");
	TCase *t = tcase_create("lists");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, reads_a_file_again_when_it_is_another);
	tcase_add_test(t, forgets_the_lists_of_another_profile);
	tcase_add_test(t, reads_again_when_it_is_told_to);
	tcase_add_loop_test(t, is_closed_while_it_reads, 0, 6);
	suite_add_tcase(s, t);
	return suite_run(s);
}
