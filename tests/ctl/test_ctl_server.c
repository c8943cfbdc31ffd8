/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) Server and clients in one process and one loop, on a socket in a fresh
 * folder: connect() needs only the backlog, so nothing here blocks. In a time
 * of its own: 10 ms of patience are not over because the machine is busy. */
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

#include "tests/lib/loop_time.h"
#include "tests/lib/suite.h"
#include "tunnel/ctl/caller.h"

#define STATUS "{\"version\":1,\"command\":\"status\"}\n"
#define WATCH "{\"version\":1,\"command\":\"watch\"}\n"
#define CONNECT "{\"version\":1,\"command\":\"connect\"}\n"

static char dir[64], path[CTL_PATH_MAX], kept[CTL_PATH_MAX];
static uv_loop_t loop;
static struct ctl_server *server;
static struct ctl_peer *waiting;
static unsigned int requests, gone, drained, following;

/* connect waits until the test answers it, a watch follows if it may; all else
 * is answered at once. */
static void on_request(void *arg, struct ctl_peer *client,
		       const struct ctl_request *request)
{
	char text[] = "here";
	struct ctl_reply reply = { .final = true, .text = text };

	(void)arg;
	requests++;
	if (request->command == CTL_COMMAND_CONNECT) {
		waiting = client;
		return;
	}
	reply.final = request->command != CTL_COMMAND_WATCH ||
		      !ctl_server_follow(client);
	if (!reply.final) {
		waiting = client;
		following++;
		ctl_server_reply(client, &reply);
	} else
		ctl_server_reply(client, &reply);
}

static void on_gone(void *arg, struct ctl_peer *client)
{
	(void)arg;
	gone++;
	if (waiting == client)
		waiting = NULL;
}

static void on_drained(void *arg, struct ctl_peer *client)
{
	(void)arg;
	(void)client;
	drained++;
}

static const struct ctl_server_callbacks callbacks = {
	.request = on_request,
	.gone = on_gone,
	.drained = on_drained,
};

static void start(unsigned int patience_ms)
{
	struct ctl_server_options options = {
		.path = path,
		.patience_ms = patience_ms,
		.stranger_patience_ms = patience_ms,
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
	ck_assert_int_eq(ctl_kept_path(path, kept), 0);
	loop_time_own();
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	requests = gone = drained = following = 0;
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
	ck_assert_int_eq(access(kept, F_OK), -1);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* A descriptor or -errno. */
static int try_dial(const char *at)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(sa.sun_path, at);
	ck_assert_int_ge(fd, 0);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static int dial(void)
{
	int fd = try_dial(path);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* The kernel notes the effective ids of the moment of connect(). */
static int dial_as(uid_t uid, const char *at)
{
	int fd;

	ck_assert_int_eq(seteuid(uid), 0);
	fd = try_dial(at);
	ck_assert_int_eq(seteuid(0), 0);
	return fd;
}

/* Everything that can happen without waiting. */
static void settle(void)
{
	for (int i = 0; i < 50; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void run_until_requests(unsigned int n)
{
	while (requests < n)
		uv_run(&loop, UV_RUN_ONCE);
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
	run_until_requests(2);
	settle();
	ck_assert_int_gt(hear(fd, buf), 0);
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

/* Once the line was copied up to its first zero, and then read up to its end:
 * through the heap. */
START_TEST(refuses_a_line_with_a_zero_in_it)
{
	static const char line[] = "{\"version\":1,\"command\":\"status\"\0}\n";
	char buf[4096];
	int fd;

	start(0);
	fd = dial();
	ck_assert_int_eq(write(fd, line, sizeof(line) - 1), sizeof(line) - 1);
	settle();
	ck_assert_int_gt(hear(fd, buf), 0);
	ck_assert_ptr_nonnull(strstr(buf, "not one JSON object"));
	ck_assert_uint_eq(requests, 0);
	close(fd);
}
END_TEST

START_TEST(refuses_a_line_that_is_nested_too_deep)
{
	char buf[4096], line[8192];
	int fd;

	start(0);
	fd = dial();
	memset(line, '[', sizeof(line));
	memcpy(line, "{\"version\":1,\"command\":", 24);
	line[sizeof(line) - 1] = '\n';
	ck_assert_int_eq(write(fd, line, sizeof(line)), sizeof(line));
	settle();
	ck_assert_int_gt(hear(fd, buf), 0);
	ck_assert_ptr_nonnull(strstr(buf, "\"exit\":2"));
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
	run_until_requests(2);
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
		return; /* others get few of them: a test below */
	start(0);
	for (int i = 0; i < CTL_SERVER_CLIENTS; i++) {
		fd[i] = dial();
		say(fd[i], CONNECT); /* and wait for its end */
	}
	more = dial();
	settle();
	ck_assert_int_gt(hear(more, buf), 0);
	ck_assert_ptr_nonnull(strstr(buf, "busy"));
	close(more);
	for (int i = 0; i < CTL_SERVER_CLIENTS; i++)
		close(fd[i]);
	settle();
	requests = 0;
	more = dial();
	say(more, STATUS);
	ck_assert_uint_eq(requests, 1);
	close(more);
}
END_TEST

/* Once a program of root's that held its connections kept root out. */
START_TEST(a_silent_root_makes_room_for_another)
{
	int fd[CTL_SERVER_CLIENTS], more;
	char buf[4096];

	if (geteuid() != 0)
		return;
	start(0);
	for (int i = 0; i < CTL_SERVER_CLIENTS; i++) {
		fd[i] = dial();
		settle();
	}
	say(fd[0], CONNECT); /* this one is not silent */
	more = dial();
	say(more, STATUS);
	ck_assert_int_gt(hear(more, buf), 0);
	ck_assert_ptr_nonnull(strstr(buf, "here"));
	ck_assert_int_lt(hear(fd[0], buf), 0);
	ck_assert_int_eq(hear(fd[1], buf), 0);
	ck_assert_int_lt(hear(fd[2], buf), 0);
	close(more);
	for (int i = 0; i < CTL_SERVER_CLIENTS; i++)
		close(fd[i]);
}
END_TEST

START_TEST(lets_a_stranger_look_and_not_act)
{
	char buf[4096];
	int fd;

	if (geteuid() != 0)
		return; /* nobody to compare with */
	start(0);
	fd = dial_as(65534, path);
	say(fd, STATUS);
	ck_assert_uint_eq(requests, 1);
	ck_assert_int_gt(hear(fd, buf), 0);
	say(fd, CONNECT);
	ck_assert_uint_eq(requests, 1);
	ck_assert_int_gt(hear(fd, buf), 0);
	ck_assert_ptr_nonnull(strstr(buf, "\"exit\":4"));
	close(fd);
	ck_assert_int_eq(dial_as(65534, kept), -EACCES);
	fd = try_dial(kept);
	say(fd, CONNECT);
	ck_assert_uint_eq(requests, 2);
	close(fd);
}
END_TEST

/* Four a user, sixteen in all, and none of root's. */
START_TEST(gives_strangers_few_places)
{
	int fd[64], n = 0, root;
	char buf[4096];

	if (geteuid() != 0)
		return;
	start(0);
	for (uid_t user = 60000; user < 60008; user++) {
		for (int i = 0; i < 8; i++) {
			fd[n++] = dial_as(user, path);
			settle();
		}
	}
	for (int i = 0; i < n; i++) {
		bool has_place = i < 8 * 4 && i % 8 < CTL_SERVER_SAME_USER;

		ck_assert_int_eq(hear(fd[i], buf) < 0, has_place);
		if (!has_place)
			ck_assert_ptr_nonnull(strstr(buf, "\"busy\":true"));
	}
	root = dial();
	say(root, CONNECT);
	ck_assert_uint_eq(requests, 1);
	close(root);
	while (n > 0)
		close(fd[--n]);
}
END_TEST

static int watch_as(uid_t uid)
{
	int fd = dial_as(uid, path);

	ck_assert_int_ge(fd, 0);
	say(fd, WATCH);
	return fd;
}

/* Two a user, four strangers in all, eight in all; and those who only ask find
 * a place beside them. */
START_TEST(lets_few_follow)
{
	int fd[64], n = 0, one;
	char buf[4096];

	if (geteuid() != 0)
		return;
	start(0);
	for (int i = 0; i < 4; i++)
		fd[n++] = watch_as(60000);
	ck_assert_uint_eq(following, CTL_SERVER_SAME_USER_FOLLOWS);
	ck_assert_int_gt(hear(fd[3], buf), 0);
	ck_assert_ptr_nonnull(strstr(buf, "\"final\":true"));
	/* Who may not follow may go on asking, also through this one. */
	say(fd[3], STATUS);
	ck_assert_int_gt(hear(fd[3], buf), 0);
	for (uid_t user = 60001; user < 60004; user++)
		for (int i = 0; i < 2; i++)
			fd[n++] = watch_as(user);
	ck_assert_uint_eq(following, CTL_SERVER_STRANGERS_FOLLOW);
	for (int i = 0; i < CTL_SERVER_FOLLOWERS; i++)
		fd[n++] = watch_as(0);
	ck_assert_uint_eq(following, CTL_SERVER_FOLLOWERS);
	one = dial_as(60005, path);
	say(one, STATUS);
	ck_assert_int_gt(hear(one, buf), 0);
	ck_assert_ptr_nonnull(strstr(buf, "here"));
	close(one);
	/* A place that is free again. */
	close(fd[0]);
	settle();
	one = watch_as(60006);
	ck_assert_uint_eq(following, CTL_SERVER_FOLLOWERS + 1);
	close(one);
	while (n > 1)
		close(fd[--n]);
}
END_TEST

/* A follower outlives the patience with those who ask nothing. */
START_TEST(tells_when_a_follower_has_read_all)
{
	char text[] = "more", buf[4096];
	struct ctl_reply reply = { .text = text };
	char *big = malloc(512 * 1024);
	size_t unread;
	int fd;

	start(10);
	fd = dial();
	say(fd, WATCH);
	ck_assert_uint_eq(following, 1);
	ck_assert_uint_eq(drained, 1);
	memset(big, 'x', 512 * 1024);
	big[512 * 1024 - 1] = '\0';
	reply.text = big;
	ctl_server_reply(waiting, &reply);
	ctl_server_reply(waiting, &reply);
	settle();
	unread = ctl_server_unread(waiting);
	ck_assert_uint_gt(unread, 0);
	ck_assert_uint_eq(drained, 1); /* not before it has read */
	for (int i = 0; i < 1000 && drained == 1; i++) {
		while (hear(fd, buf) > 0)
			;
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	ck_assert_uint_eq(drained, 2);
	ck_assert_uint_eq(ctl_server_unread(waiting), 0);
	ck_assert_uint_eq(gone, 0);
	/* The end of following: a request like any other. */
	reply.text = text;
	reply.final = true;
	ctl_server_reply(waiting, &reply);
	say(fd, STATUS);
	ck_assert_uint_eq(drained, 2);
	free(big);
	close(fd);
}
END_TEST

static unsigned int open_descriptors(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Once accepting went on until there was nobody left to accept, and each who
 * was turned away kept a descriptor: a loop of connect() locked out root. */
START_TEST(stays_open_to_root_while_strangers_crowd)
{
	unsigned int before, most = 0, turns = 0, refused = 0;
	int root;

	if (geteuid() != 0)
		return;
	start(0);
	before = open_descriptors();
	while (turns < 200) {
		int fd;

		while ((fd = dial_as(65534, path)) >= 0)
			close(fd);
		ck_assert_int_eq(fd, -EAGAIN); /* the backlog is full */
		refused++;
		root = try_dial(kept);
		ck_assert_int_ge(root, 0);
		ck_assert_int_gt(write(root, STATUS, strlen(STATUS)), 0);
		while (requests < refused && turns < 200) {
			uv_run(&loop, UV_RUN_ONCE);
			turns++;
			if (open_descriptors() > most)
				most = open_descriptors();
		}
		close(root);
	}
	printf("note: root was answered %u times in %u turns, at most %u "
	       "descriptors were open\n",
	       requests, turns, most - before);
	ck_assert_uint_ge(requests, 20);
	ck_assert_uint_le(most - before, CTL_SERVER_CLIENTS);
}
END_TEST

START_TEST(cuts_off_a_silent_stranger_before_root)
{
	struct ctl_server_options options = {
		.path = path,
		.stranger_patience_ms = 10,
		.callbacks = &callbacks,
	};
	char buf[4096];
	int fd, root;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(ctl_server_create(&loop, &options, &server), 0);
	root = dial();
	fd = dial_as(65534, path);
	say(fd, "{");
	for (int i = 0; i < 100 && hear(fd, buf) < 0; i++)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_int_eq(hear(fd, buf), 0);
	say(root, STATUS);
	ck_assert_int_gt(hear(root, buf), 0);
	close(root);
	close(fd);
}
END_TEST

/* A piece of a thousand requests must not hold up the loop. */
START_TEST(answers_one_request_a_turn)
{
	char piece[100 * (sizeof(STATUS) - 1) + 1] = "";
	int fd;

	start(0);
	fd = dial();
	for (int i = 0; i < 100; i++)
		strcat(piece, STATUS);
	ck_assert_int_gt(write(fd, piece, strlen(piece)), 0);
	while (requests < 100) {
		unsigned int before = requests;

		uv_run(&loop, UV_RUN_ONCE);
		ck_assert_uint_le(requests - before, 1);
	}
	close(fd);
}
END_TEST

static unsigned int look_ups;

static bool look_up(uid_t uid, gid_t gid)
{
	(void)gid;
	look_ups++;
	return uid == 1000;
}

START_TEST(remembers_for_a_moment_who_may_act)
{
	struct caller_cache cache = { .look_up = look_up };
	struct caller root = { 0 };
	struct caller member = { .uid = 1000, .gid = 1 };
	struct caller other = { .uid = 1001, .gid = 1 };

	look_ups = 0;
	ck_assert(caller_may_act(&cache, &root));
	ck_assert_uint_eq(look_ups, 0);
	for (int i = 0; i < 3; i++) {
		ck_assert(caller_may_act(&cache, &member));
		ck_assert(!caller_may_act(&cache, &other));
	}
	ck_assert_uint_eq(look_ups, 2);
	cache.answers[0].until_ns = 0;
	ck_assert(caller_may_act(&cache, &member));
	ck_assert_uint_eq(look_ups, 3);
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

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, answers_a_status_and_the_next_one);
	tcase_add_test(tc, takes_a_line_byte_by_byte);
	tcase_add_test(tc, answers_a_bad_line_once_and_hangs_up);
	tcase_add_test(tc, refuses_a_line_without_end);
	tcase_add_test(tc, refuses_a_line_with_a_zero_in_it);
	tcase_add_test(tc, refuses_a_line_that_is_nested_too_deep);
	tcase_add_test(tc, cuts_off_who_says_half_a_line);
	tcase_add_test(tc, streams_until_the_final_reply);
	tcase_add_test(tc, tells_when_a_client_that_waits_is_gone);
	tcase_add_test(tc, cuts_off_who_does_not_read);
	tcase_add_test(tc, takes_thirty_two_clients_and_tells_the_next);
	tcase_add_test(tc, a_silent_root_makes_room_for_another);
	tcase_add_test(tc, lets_a_stranger_look_and_not_act);
	tcase_add_test(tc, gives_strangers_few_places);
	tcase_add_test(tc, lets_few_follow);
	tcase_add_test(tc, tells_when_a_follower_has_read_all);
	tcase_add_test(tc, stays_open_to_root_while_strangers_crowd);
	tcase_add_test(tc, cuts_off_a_silent_stranger_before_root);
	tcase_add_test(tc, answers_one_request_a_turn);
	tcase_add_test(tc, remembers_for_a_moment_who_may_act);
	tcase_add_test(tc, lets_in_root_and_the_group);
	tcase_add_test(tc, replaces_a_dead_socket_and_nothing_else);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
