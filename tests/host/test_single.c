/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/suite.h"
#include "tunnel/host/single.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static char name[64];
static pid_t other;

static void setup(void)
{
	snprintf(name, sizeof(name), "test-%ld", (long)getpid());
}

START_TEST(refuses_a_second_and_names_the_first)
{
	int fd = single_open(name, &other);

	ck_assert_int_ge(fd, 0);
	/* More than its queue is long: those who ask do not get in the way. */
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(single_open(name, &other), -EBUSY);
		ck_assert_int_eq(other, getpid());
	}
	close(fd);
	fd = single_open(name, &other);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

START_TEST(keeps_names_apart)
{
	char longer[80];
	int a, b;

	snprintf(longer, sizeof(longer), "%s-b", name);
	a = single_open(name, &other);
	b = single_open(longer, &other);
	ck_assert_int_ge(a, 0);
	ck_assert_int_ge(b, 0);
	close(a);
	close(b);
}
END_TEST

/* Says through a pipe how it went, and holds the name until killed. */
static pid_t hold_as(uid_t uid, int *ret_result)
{
	int pipes[2];
	pid_t child;

	ck_assert_int_eq(pipe(pipes), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		int r = setuid(uid) < 0 ? -errno : single_open(name, &other);

		if (write(pipes[1], &r, sizeof(r)) != sizeof(r))
			_exit(1);
		pause();
		_exit(0);
	}
	ck_assert_int_eq(read(pipes[0], ret_result, sizeof(*ret_result)),
			 sizeof(*ret_result));
	close(pipes[0]);
	close(pipes[1]);
	return child;
}

static void end_child(pid_t child)
{
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

START_TEST(is_free_when_its_holder_was_killed)
{
	int r, fd;
	pid_t child = hold_as(getuid(), &r);

	ck_assert_int_ge(r, 0);
	ck_assert_int_eq(single_open(name, &other), -EBUSY);
	ck_assert_int_eq(other, child);
	end_child(child);
	fd = single_open(name, &other);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

START_TEST(tells_a_stranger_from_an_owner)
{
	int r;
	pid_t child;

	if (geteuid() != 0) {
		puts("note: a stranger's name needs root: not tried");
		return;
	}
	child = hold_as(65534, &r);
	ck_assert_int_ge(r, 0);
	ck_assert_int_eq(single_open(name, &other), -EPERM);
	end_child(child);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("single");
	TCase *tc = tcase_create("single");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, refuses_a_second_and_names_the_first);
	tcase_add_test(tc, keeps_names_apart);
	tcase_add_test(tc, is_free_when_its_holder_was_killed);
	tcase_add_test(tc, tells_a_stranger_from_an_owner);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
