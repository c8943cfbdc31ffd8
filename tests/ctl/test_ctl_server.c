/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) Server and clients in one process and one loop, on a socket in a fresh
 * folder: connect() needs only the backlog, so nothing here blocks. */
#include "tunnel/ctl/ctl_server.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "tunnel/ctl/caller.h"

#define STATUS "{\"version\":1,\"command\":\"status\"}\n"
#define CONNECT "{\"version\":1,\"command\":\"connect\"}\n"

static char dir[64], path[CTL_PATH_MAX];
static uv_loop_t loop;
static struct ctl_server *server;
static struct ctl_peer *waiting;
static unsigned int requests, gone;

/* connect waits until the test answers it; all else is answered at once. */
static void on_request(void *arg, struct ctl_peer *client,
		       const struct ctl_request *request)
{
	char text[] = "here";
	struct ctl_reply reply = { .final = true, .text = text };

	(void)arg;
	requests++;
	if (request->command == CTL_COMMAND_CONNECT)
		waiting = client;
	else
		ctl_server_reply(client, &reply);
}

static void on_gone(void *arg, struct ctl_peer *client)
{
	(void)arg;
	gone++;
	if (waiting == client)
		waiting = NULL;
}

static const struct ctl_server_callbacks callbacks = {
	.request = on_request,
	.gone = on_gone,
};

static void start(unsigned int patience_ms)
{
	struct ctl_server_options options = {
		.path = path,
		.patience_ms = patience_ms,
		.callbacks = &callbacks,
	};

	ck_assert_int_eq(ctl_server_create(&loop, &options, &server), 0);
}

static void setup(void)
{
	strcpy(dir, "/tmp/adit-ctl-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_int_eq(ctl_socket_path(dir, path), 0);
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	requests = gone = 0;
	server = NULL;
	waiting = NULL;
}

static void teardown(void)
{
	if (server != NULL)
		ctl_server_close(server, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(rmdir(dir), 0);
}

static int dial(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(sa.sun_path, path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* Everything that can happen without waiting. */
static void settle(void)
{
	for (int i = 0; i < 50; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	settle();
}

/* What has come: bytes, 0 at the end, -1 nothing. */
static ssize_t hear(int fd, char buf[static 4096])
{
	ssize_t n = read(fd, buf, 4095);

	buf[n > 0 ? n : 0] = '\0';
	return n;
}

START_TEST(answers_a_status_and_the_next_one)
{
	char buf[4096];
	int fd;

	start(0);
	fd = dial();
	say(fd, STATUS STATUS);
	ck_assert_int_gt(hear(fd, buf), 0);
	ck_assert_uint_eq(requests, 2);
	ck_assert_ptr_nonnull(strstr(buf, "}\n{\"version\":1"));
	say(fd, STATUS);
	ck_assert_int_gt(hear(fd, buf), 0);
	close(fd);
	settle();
	ck_assert_uint_eq(gone, 0);
}
END_TEST

START_TEST(takes_a_line_byte_by_byte)
{
	char buf[4096];
	int fd;

	start(0);
	fd = dial();
	for (const char *at = STATUS; *at; at++) {
		ck_assert_uint_eq(requests, 0);
		say(fd, (char[2]) { *at, '\0' });
	}
	ck_assert_uint_eq(requests, 1);
	ck_assert_int_gt(hear(fd, buf), 0);
	close(fd);
}
END_TEST

START_TEST(answers_a_bad_line_once_and_hangs_up)
{
	char buf[4096];
	int fd;

	start(0);
	fd = dial();
	say(fd, "GET / HTTP/1.1\r\n\r\n" STATUS);
	ck_assert_int_gt(hear(fd, buf), 0);
	ck_assert_ptr_nonnull(strstr(buf, "\"exit\":2"));
	ck_assert_int_eq(hear(fd, buf), 0);
	ck_assert_uint_eq(requests, 0);
	close(fd);
}
END_TEST

START_TEST(refuses_a_line_without_end)
{
	char buf[4096], block[8192];
	size_t sent = 0;
	ssize_t n;
	int fd;

	start(0);
	fd = dial();
	memset(block, ' ', sizeof(block));
	do {
		n = write(fd, block, sizeof(block));
		sent += n > 0 ? (size_t)n : 0;
		settle();
	} while (hear(fd, buf) < 0 && sent < 2 * CTL_ADD_LINE_MAX);
	ck_assert_ptr_nonnull(strstr(buf, "too long"));
	ck_assert_uint_le(sent, 2 * CTL_ADD_LINE_MAX);
	close(fd);
}
END_TEST

START_TEST(cuts_off_who_says_half_a_line)
{
	char buf[4096];
	int fd;

	start(10);
	fd = dial();
	say(fd, "{\"version\"");
	for (int i = 0; i < 100 && hear(fd, buf) < 0; i++)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_int_eq(hear(fd, buf), 0);
	close(fd);
}
END_TEST

START_TEST(streams_until_the_final_reply)
{
	char text[] = "step";
	struct ctl_reply reply = { .text = text };
	char buf[4096];
	int fd;

	start(10);
	fd = dial();
	say(fd, CONNECT STATUS);
	ck_assert_uint_eq(requests, 1); /* one at a time */
	ck_assert_ptr_nonnull(waiting);
	ctl_server_reply(waiting, &reply);
	ctl_server_reply(waiting, &reply);
	ck_assert_int_gt(hear(fd, buf), 0);
	ck_assert_ptr_nonnull(strstr(buf, "\"final\":false"));
	reply.final = true;
	ctl_server_reply(waiting, &reply);
	settle();
	ck_assert_int_gt(hear(fd, buf), 0);
	ck_assert_ptr_nonnull(strstr(buf, "step"));
	ck_assert_ptr_nonnull(strstr(buf, "here")); /* the second request */
	close(fd);
}
END_TEST

START_TEST(tells_when_a_client_that_waits_is_gone)
{
	int fd;

	start(0);
	fd = dial();
	say(fd, CONNECT);
	ck_assert_ptr_nonnull(waiting);
	close(fd);
	settle();
	ck_assert_uint_eq(gone, 1);
	ck_assert_ptr_null(waiting);
}
END_TEST

START_TEST(cuts_off_who_does_not_read)
{
	char *text = malloc(1024 * 1024);
	struct ctl_reply reply = { .text = text };
	int fd, sent = 0;

	memset(text, 'x', 1024 * 1024);
	text[1024 * 1024 - 1] = '\0';
	start(0);
	fd = dial();
	say(fd, CONNECT);
	while (waiting != NULL && sent < 100) {
		ctl_server_reply(waiting, &reply);
		settle();
		sent++;
	}
	ck_assert_int_lt(sent, 20);
	ck_assert_uint_eq(gone, 1);
	free(text);
	close(fd);
}
END_TEST

START_TEST(takes_thirty_two_clients_and_tells_the_next)
{
	int fd[CTL_SERVER_CLIENTS], more;
	char buf[4096];

	if (geteuid() != 0)
		return; /* onlookers get half of it: the test below */
	start(0);
	for (int i = 0; i < CTL_SERVER_CLIENTS; i++) {
		fd[i] = dial();
		settle();
	}
	more = dial();
	settle();
	ck_assert_int_gt(hear(more, buf), 0);
	ck_assert_ptr_nonnull(strstr(buf, "too many"));
	close(more);
	say(fd[31], STATUS);
	ck_assert_int_gt(hear(fd[31], buf), 0);
	for (int i = 0; i < CTL_SERVER_CLIENTS; i++)
		close(fd[i]);
	settle();
	more = dial();
	say(more, STATUS);
	ck_assert_uint_eq(requests, 2);
	close(more);
}
END_TEST

START_TEST(lets_an_onlooker_look_and_not_act)
{
	int fd[CTL_SERVER_ONLOOKERS + 1], root;
	char buf[4096];

	if (geteuid() != 0)
		return; /* nobody to compare with */
	start(0);
	/* The kernel notes the effective ids of the moment of connect(). */
	ck_assert_int_eq(seteuid(65534), 0);
	for (int i = 0; i <= CTL_SERVER_ONLOOKERS; i++) {
		fd[i] = dial();
		settle();
	}
	ck_assert_int_eq(seteuid(0), 0);
	say(fd[0], STATUS);
	ck_assert_uint_eq(requests, 1);
	ck_assert_int_gt(hear(fd[0], buf), 0);
	say(fd[0], CONNECT);
	ck_assert_uint_eq(requests, 1);
	ck_assert_int_gt(hear(fd[0], buf), 0);
	ck_assert_ptr_nonnull(strstr(buf, "\"exit\":4"));
	ck_assert_int_gt(hear(fd[CTL_SERVER_ONLOOKERS], buf), 0);
	ck_assert_ptr_nonnull(strstr(buf, "too many"));
	root = dial();
	say(root, CONNECT);
	ck_assert_uint_eq(requests, 2);
	close(root);
	for (int i = 0; i <= CTL_SERVER_ONLOOKERS; i++)
		close(fd[i]);
}
END_TEST

START_TEST(lets_in_root_and_the_group)
{
	gid_t groups[] = { 4, 1000 };

	ck_assert(caller_is_allowed(0, NULL, 0, (gid_t)-1));
	ck_assert(caller_is_allowed(1000, groups, 2, 1000));
	ck_assert(!caller_is_allowed(1000, groups, 2, 1001));
	ck_assert(!caller_is_allowed(1000, groups, 2, (gid_t)-1));
	ck_assert(!caller_is_allowed(1000, NULL, 0, 1000));
}
END_TEST

START_TEST(replaces_a_dead_socket_and_nothing_else)
{
	struct ctl_server_options options = { .path = path,
					      .callbacks = &callbacks };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct ctl_server *second;
	struct stat st;
	int fd;

	strcpy(sa.sun_path, path);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	ck_assert_int_eq(ctl_server_create(&loop, &options, &second),
			 -ENOTSOCK);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(fd);
	start(0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0666);
	ck_assert_int_eq(ctl_server_create(&loop, &options, &second),
			 -EADDRINUSE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ctl_server");
	TCase *tc = tcase_create("ctl_server");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, answers_a_status_and_the_next_one);
	tcase_add_test(tc, takes_a_line_byte_by_byte);
	tcase_add_test(tc, answers_a_bad_line_once_and_hangs_up);
	tcase_add_test(tc, refuses_a_line_without_end);
	tcase_add_test(tc, cuts_off_who_says_half_a_line);
	tcase_add_test(tc, streams_until_the_final_reply);
	tcase_add_test(tc, tells_when_a_client_that_waits_is_gone);
	tcase_add_test(tc, cuts_off_who_does_not_read);
	tcase_add_test(tc, takes_thirty_two_clients_and_tells_the_next);
	tcase_add_test(tc, lets_an_onlooker_look_and_not_act);
	tcase_add_test(tc, lets_in_root_and_the_group);
	tcase_add_test(tc, replaces_a_dead_socket_and_nothing_else);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
