/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) A libc whose lookups hang until they are let go: ours, below, in the
 * place of the real one. */
#include "tunnel/daemon/resolver.h"

#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static unsigned int begun; /* lookups that reached libc */
static bool hangs;

int getaddrinfo(const char *name, const char *service,
		const struct addrinfo *hints, struct addrinfo **ret)
{
	(void)service;
	(void)hints;
	pthread_mutex_lock(&lock);
	begun++;
	pthread_cond_broadcast(&moved);
	while (hangs && strncmp(name, "slow", 4) == 0)
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
	*ret = NULL;
	return EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *a)
{
	(void)a;
}

static void wait_begun(unsigned int n)
{
	pthread_mutex_lock(&lock);
	while (begun < n)
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
}

static void let_go(void)
{
	pthread_mutex_lock(&lock);
	hangs = false;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
}

struct asker {
	struct resolver_ask ask;
	struct asker *leaves; /* when this one is answered */
	int status;
	unsigned int answers;
};

static uv_loop_t loop;
static struct resolver *r;

static void on_done(struct resolver_ask *ask, int status,
		    const struct addrinfo *addresses)
{
	struct asker *a = container_of(ask, struct asker, ask);

	ck_assert_ptr_null(addresses);
	a->status = status;
	a->answers++;
	if (a->leaves != NULL)
		resolver_leave(&a->leaves->ask);
}

static void ask_for(struct asker *a, const char *name)
{
	a->ask.done = on_done;
	ck_assert_int_eq(resolver_ask(r, name, &a->ask), 0);
}

static void setup(void)
{
	begun = 0;
	hangs = true;
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	r = resolver_create(&loop);
	ck_assert_ptr_nonnull(r);
}

static void teardown(void)
{
	let_go();
	uv_run(&loop, UV_RUN_DEFAULT);
	resolver_destroy(r);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

START_TEST(shares_a_lookup_between_all_who_ask)
{
	struct asker a[3] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		ask_for(&a[i], "slow.test");
	wait_begun(1);
	resolver_leave(&a[1].ask);
	let_go();
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(a[0].answers, 1);
	ck_assert_uint_eq(a[1].answers, 0);
	ck_assert_uint_eq(a[2].answers, 1);
	ck_assert_int_eq(a[2].status, UV_EAI_NONAME);
	ck_assert_uint_eq(begun, 1);
}
END_TEST

/* A name that nobody answers for, tried again and again, once took every
 * thread that libuv has for lookups. */
START_TEST(tries_in_a_row_do_not_keep_another_name_waiting)
{
	struct asker other = { 0 };

	for (int i = 0; i < 50; i++) {
		struct asker a = { 0 };

		ask_for(&a, "slow.test");
		wait_begun(1);
		resolver_leave(&a.ask);
	}
	ask_for(&other, "quick.test");
	while (other.answers == 0)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_uint_eq(begun, 2);
}
END_TEST

START_TEST(gives_the_late_answer_to_who_comes_back)
{
	struct asker first = { 0 }, second = { 0 };

	ask_for(&first, "slow.test");
	wait_begun(1);
	resolver_leave(&first.ask);
	resolver_leave(&first.ask);
	ask_for(&second, "slow.test");
	let_go();
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(first.answers, 0);
	ck_assert_uint_eq(second.answers, 1);
	ck_assert_uint_eq(begun, 1);
}
END_TEST

START_TEST(asks_again_in_another_network)
{
	struct asker first = { 0 }, second = { 0 };

	ask_for(&first, "slow.test");
	wait_begun(1);
	resolver_forget(r);
	ask_for(&second, "slow.test");
	wait_begun(2);
	let_go();
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(first.answers, 1);
	ck_assert_uint_eq(second.answers, 1);
}
END_TEST

START_TEST(lets_one_leave_while_another_is_answered)
{
	struct asker last = { 0 }, first = { .leaves = &last };

	ask_for(&last, "slow.test");
	ask_for(&first, "slow.test");
	let_go();
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(first.answers, 1);
	ck_assert_uint_eq(last.answers, 0);
}
END_TEST

/* With both of libuv's threads for lookups taken, a third one waits; cancelled
 * there, its error is nobody's answer. */
START_TEST(shares_no_lookup_that_was_cancelled)
{
	struct asker stuck[2] = { 0 }, gone = { 0 }, late = { 0 };

	ask_for(&stuck[0], "slow-1.test");
	ask_for(&stuck[1], "slow-2.test");
	wait_begun(2);
	ask_for(&gone, "quick.test");
	resolver_leave(&gone.ask);
	ask_for(&late, "quick.test");
	let_go();
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(gone.answers, 0);
	ck_assert_uint_eq(late.answers, 1);
	ck_assert_int_eq(late.status, UV_EAI_NONAME);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resolver");
	TCase *tc = tcase_create("resolver");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, shares_a_lookup_between_all_who_ask);
	tcase_add_test(tc, tries_in_a_row_do_not_keep_another_name_waiting);
	tcase_add_test(tc, gives_the_late_answer_to_who_comes_back);
	tcase_add_test(tc, asks_again_in_another_network);
	tcase_add_test(tc, lets_one_leave_while_another_is_answered);
	tcase_add_test(tc, shares_no_lookup_that_was_cancelled);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
