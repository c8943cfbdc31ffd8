/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) The whole command line against a daemon that answers from a table, in a
 * child process. */
#include "tunnel/cli/cli.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "tests/lib/suite.h"
#include "tunnel/base/clock.h"
#include "tunnel/ctl/ctl_client.h"
#include "tunnel/ctl/ctl_server.h"

static char dir[64], path[CTL_PATH_MAX], kept[CTL_PATH_MAX];
static char *out, *err;
static size_t out_len, err_len;

static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text; /* replies are only read */
}

static void fill_status(struct ctl_status *s)
{
	s->version = 1;
	s->state = strdup("failed");
	s->profile = strdup("work");
	s->reason.code = strdup("unreachable");
	s->reason.text = strdup("the gateway cannot be reached");
	s->detail = strdup("it said \"\033[2J\"\n");
	s->gateway.name = strdup("vpn.example");
	s->retry_at = 1; /* long due: the daemon is about to begin */
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(ctl_list_add_text(&s->routes, "10.0.0.0/8"),
				 0);
	for (int i = 0; i < 30; i++)
		ck_assert_int_eq(ctl_list_add_text(&s->warnings, "in vain"), 0);
}

static void reply_stream(struct ctl_peer *peer, bool of_log)
{
	struct ctl_reply reply = { 0 };
	struct ctl_log_line *line;
	struct ctl_event *e;

	if (of_log) {
		line = ctl_list_add(&reply.lines, sizeof(*line));
		line->at_ms = 1;
		line->level = strdup("notice");
		line->text = strdup("a \033line");
		line->missed = 5;
	} else {
		e = ctl_list_add(&reply.events, sizeof(*e));
		e->at_ms = 1;
		e->profile = strdup("work");
		e->state = strdup("failed");
		e->was = strdup("connecting");
		e->event = strdup("network-changed");
		e->reason_text = strdup("it is far");
		e->detail = strdup("very \nfar");
	}
	ctl_server_reply(peer, &reply);
	ctl_reply_fini(&reply);
	reply.final = true;
	ctl_server_reply(peer, &reply);
}

static void reply_reload(struct ctl_peer *peer)
{
	struct ctl_profile rows[] = {
		{ .name = text_of("good"), .state = text_of("added") },
		{ .name = text_of("bad"),
		  .state = text_of("refused"),
		  .problem = text_of("bad.json:1:1: is bad") },
	};
	struct ctl_reply reply = {
		.final = true,
		.exit = CTL_EXIT_USAGE,
		.text = text_of("2 profiles, 1 refused"),
		.profiles = { rows, ARRAY_SIZE(rows) },
	};

	ctl_server_reply(peer, &reply);
}

/* All that was asked for. */
static void reply_hold(struct ctl_peer *peer, const struct ctl_request *r)
{
	char text[128];
	struct ctl_reply reply = { .final = true, .text = text };

	snprintf(text, sizeof(text), "%s %s for %u%s, because \"%s\"",
		 ctl_command_name(r->command), r->profile ? r->profile : "?",
		 (unsigned int)r->for_s, r->until_reboot ? " until reboot" : "",
		 r->reason ? r->reason : "");
	ctl_server_reply(peer, &reply);
}

static void reply_explanation(struct ctl_peer *peer,
			      const struct ctl_request *r)
{
	struct ctl_reply reply = {
		.final = true,
		.body = text_of(r->json	     ? "{\"ssid\": \"\xe2\x80\xae\"}\n"
				: r->profile ? "rule 0 of \033work\n  more\n"
					     : NULL),
		.text = text_of("which profile?"),
		.exit = r->profile ? CTL_EXIT_DONE : CTL_EXIT_USAGE,
	};

	ctl_server_reply(peer, &reply);
}

/* What is asked for decides the answer. */
static void on_request(void *arg, struct ctl_peer *peer,
		       const struct ctl_request *r)
{
	struct ctl_reply reply = { .final = true };

	(void)arg;
	if (r->command == CTL_COMMAND_STATUS) {
		reply.has_status = true;
		fill_status(&reply.status);
		ctl_server_reply(peer, &reply);
		ctl_status_fini(&reply.status);
		return;
	}
	if (r->command == CTL_COMMAND_WATCH || r->command == CTL_COMMAND_LOG) {
		reply_stream(peer, r->command == CTL_COMMAND_LOG);
		return;
	}
	if (r->command == CTL_COMMAND_RELOAD) {
		reply_reload(peer);
		return;
	}
	if (r->command == CTL_COMMAND_DISCONNECT ||
	    r->command == CTL_COMMAND_AUTO) {
		reply_hold(peer, r);
		return;
	}
	if (r->command == CTL_COMMAND_EXPLAIN_NETWORK) {
		reply_explanation(peer, r);
		return;
	}
	if (r->command == CTL_COMMAND_CONNECT && r->wait) {
		reply.final = false;
		reply.text = text_of("work: connecting");
		ctl_server_reply(peer, &reply);
		reply.final = true;
	}
	reply.text = text_of(r->profile ? r->profile : "only one");
	if (r->profile != NULL && r->profile[0] == 'E')
		reply.exit = (uint64_t)(r->profile[1] - '0');
	ctl_server_reply(peer, &reply);
}

static void on_gone(void *arg, struct ctl_peer *peer)
{
	(void)arg;
	(void)peer;
}

static const struct ctl_server_callbacks callbacks = {
	.request = on_request,
	.gone = on_gone,
};

static int run(int argc, const char **argv)
{
	FILE *o = open_memstream(&out, &out_len);
	FILE *e = open_memstream(&err, &err_len);
	int code = cli_main(argc, (char **)(uintptr_t)argv, o, e);

	fclose(o);
	fclose(e);
	return code;
}

#define RUN(...)                                                 \
	run((int)ARRAY_SIZE(((const char *[]) { __VA_ARGS__ })), \
	    (const char *[]) { __VA_ARGS__, NULL })

static pid_t daemon_pid;

/* Runs until it is killed. */
static void serve(int ready)
{
	struct ctl_server_options options = { .path = path,
					      .callbacks = &callbacks };
	struct ctl_server *server;
	uv_loop_t loop;

	if (uv_loop_init(&loop) == 0 &&
	    ctl_server_create(&loop, &options, &server) == 0 &&
	    write(ready, "", 1) == 1)
		uv_run(&loop, UV_RUN_DEFAULT);
	_exit(1);
}

static void start_daemon(void)
{
	int ready[2];
	char byte;

	ck_assert_int_eq(pipe(ready), 0);
	daemon_pid = fork();
	ck_assert_int_ge(daemon_pid, 0);
	if (daemon_pid == 0)
		serve(ready[1]);
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
}

static void setup(void)
{
	strcpy(dir, "/tmp/adit-cli-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(ctl_socket_path(dir, path), 0);
	ck_assert_int_eq(ctl_kept_path(path, kept), 0);
	ck_assert_int_eq(setenv("ADIT_RUNTIME_DIR", dir, 1), 0);
	ck_assert_int_eq(setenv("ADIT_CONFIG_DIR", dir, 1), 0);
	daemon_pid = 0;
}

static void teardown(void)
{
	if (daemon_pid > 0) {
		kill(daemon_pid, SIGKILL);
		waitpid(daemon_pid, NULL, 0);
	}
	free(out);
	free(err);
	out = err = NULL; /* a test need not run anything */
	unlink(path);
	unlink(kept);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* One line, named after the program. */
static void check_error(const char *part)
{
	ck_assert_msg(strncmp(err, "adit: ", 6) == 0 && strstr(err, part) &&
			      strchr(err, '\n') == err + err_len - 1,
		      "\"%s\" has no \"%s\"", err, part);
}

START_TEST(says_that_there_is_no_daemon)
{
	char advice[128];

	snprintf(advice, sizeof(advice), "\"aditd --runtime-dir %s\"", dir);
	ck_assert_int_eq(RUN("adit", "status"), CTL_EXIT_NO_DAEMON);
	check_error("no aditd answers at");
	check_error(advice);
}
END_TEST

/* Listens, and never accepts. */
static int listen_at(const char *at, int backlog)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(sa.sun_path, at);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(fd, backlog), 0);
	return fd;
}

START_TEST(says_that_a_daemon_has_no_place_for_it)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int listener = listen_at(path, 0);
	int first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t began = clock_now_ns();

	strcpy(sa.sun_path, path);
	ck_assert_int_eq(connect(first, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(RUN("adit", "status"), CTL_EXIT_FAILED);
	check_error("busy with other callers");
	ck_assert_uint_ge(clock_now_ns() - began, NS_PER_S);
	close(first);
	close(listener);
}
END_TEST

/* A busy daemon did nothing, so that it may be asked again. */
START_TEST(asks_a_busy_daemon_again)
{
	static const char busy[] = "{\"version\":1,\"final\":true,\"exit\":1,"
				   "\"busy\":true,\"text\":\"busy\"}\n";
	static const char fine[] = "{\"version\":1,\"final\":true,\"exit\":0,"
				   "\"text\":\"fine\"}\n";
	int listener = listen_at(path, 4);

	daemon_pid = fork();
	for (int i = 0; daemon_pid == 0 && i < 3; i++) {
		int fd = accept(listener, NULL, NULL);

		if (i < 2)
			(void)!write(fd, busy, strlen(busy));
		else
			(void)!write(fd, fine, strlen(fine));
		close(fd);
		if (i == 2)
			_exit(0);
	}
	close(listener);
	ck_assert_int_eq(RUN("adit", "connect"), CTL_EXIT_DONE);
	ck_assert_str_eq(out, "fine\n");
}
END_TEST

START_TEST(takes_the_kept_socket_where_there_is_one)
{
	int anyone = listen_at(path, 4), own = listen_at(kept, 4);
	int fd = ctl_client_open(path), at;

	ck_assert_int_ge(fd, 0);
	at = accept(own, NULL, NULL);
	ck_assert_int_ge(at, 0);
	close(at);
	close(fd);
	close(own);
	/* A dead one is no way, so the other is taken. */
	fd = ctl_client_open(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	close(anyone);
}
END_TEST

static const struct {
	const char *argv[5];
	const char *part;
} wrong[] = {
	{ { "adit", "fly" }, "no command \"fly\"" },
	{ { "adit", "status", "work" }, "one argument too many" },
	{ { "adit", "connect", "--json" }, "--json is not an option here" },
	{ { "adit", "connect", "--wait=0" }, "takes 1 to" },
	{ { "adit", "connect", "--wait=x" }, "takes 1 to" },
	{ { "adit", "connect", "--wait=99999" }, "takes 1 to" },
	{ { "adit", "status", "-f" }, "-f is not an option here" },
	{ { "adit", "log", "--watch" }, "--watch is not an option here" },
	{ { "adit", "log", "x" }, "one argument too many" },
	{ { "adit", "reload", "x" }, "one argument too many" },
	{ { "adit", "status", "--json=1" }, "takes no value" },
	{ { "adit", "status", "--runtime-dir" }, "needs a value" },
	{ { "adit", "--runtime-dir=a", "status", "--runtime-dir=b" },
	  "--runtime-dir is given twice" },
	{ { "adit", "connect", "--wait=1", "--wait=2" },
	  "--wait is given twice" },
	{ { "adit", "connect", "--for=1h" }, "--for is not an option here" },
	{ { "adit", "disconnect", "--for" }, "--for needs a value" },
	{ { "adit", "disconnect", "--for", "soon" },
	  "--for soon: takes 1s to" },
	{ { "adit", "disconnect", "--for=0s" }, "--for 0s: takes 1s to" },
	{ { "adit", "disconnect", "--for=31d" }, "--for 31d: takes 1s to" },
	{ { "adit", "disconnect", "--for=30d1s" }, "--for 30d1s: takes" },
	{ { "adit", "disconnect", "--for=1h", "--until-reboot" },
	  "leave one away" },
	{ { "adit", "disconnect", "--until-reboot=1" }, "takes no value" },
	{ { "adit", "disconnect", "--reason" }, "--reason needs a value" },
	{ { "adit", "auto", "a", "b" }, "one argument too many" },
	{ { "adit", "auto", "--for=1h" }, "--for is not an option here" },
	{ { "adit", "help", "fly" }, "no page" },
	{ { "adit", "profile", "fly" }, "no \"adit profile fly\"" },
	{ { "adit", "profile", "show" }, "which PROFILE" },
	{ { "adit", "profile", "list", "x" }, "one argument too many" },
};

START_TEST(refuses_wrong_usage_in_one_line)
{
	int argc = 0;

	while (wrong[_i].argv[argc] != NULL)
		argc++;
	ck_assert_int_eq(run(argc, (const char **)(uintptr_t)wrong[_i].argv),
			 CTL_EXIT_USAGE);
	check_error(wrong[_i].part);
	ck_assert_uint_eq(out_len, 0);
}
END_TEST

START_TEST(refuses_a_folder_too_long_for_a_socket)
{
	char longer[200];

	memset(longer, 'x', sizeof(longer));
	longer[199] = '\0';
	ck_assert_int_eq(RUN("adit", "status", "--runtime-dir", longer),
			 CTL_EXIT_USAGE);
	check_error("too long for a socket's path");
}
END_TEST

START_TEST(ends_with_the_daemons_exit_code)
{
	char name[] = { 'E', (char)('0' + _i), '\0' };

	start_daemon();
	ck_assert_int_eq(RUN("adit", "connect", name), _i);
	if (_i == 0)
		ck_assert_str_eq(out, "E0\n");
	else
		check_error(name);
}
END_TEST

START_TEST(waits_through_the_steps)
{
	start_daemon();
	ck_assert_int_eq(RUN("adit", "connect", "--wait"), CTL_EXIT_DONE);
	/* Steps are for terminals. */
	ck_assert_str_eq(out, "only one\n");
}
END_TEST

START_TEST(prints_a_status_without_control_characters)
{
	size_t lines = 0;

	start_daemon();
	ck_assert_int_eq(RUN("adit", "status"), CTL_EXIT_DONE);
	ck_assert_ptr_nonnull(strstr(out, "work has failed"));
	ck_assert_ptr_nonnull(strstr(out, "because   the gateway cannot"));
	ck_assert_ptr_nonnull(strstr(out, "and 2 more"));
	ck_assert_ptr_nonnull(strstr(out, "tried again now"));
	ck_assert_ptr_nonnull(strstr(out, "30 about its profile"));
	for (size_t i = 0; i < out_len; i++) {
		ck_assert(out[i] == '\n' || (unsigned char)out[i] >= 0x20);
		lines += out[i] == '\n';
	}
	ck_assert_uint_le(lines, 12);
}
END_TEST

START_TEST(adds_a_profile_with_its_warnings)
{
	start_daemon();
	ck_assert_int_eq(
		RUN("adit", "profile", "add", "config/examples/office.json"),
		CTL_EXIT_DONE);
	ck_assert_ptr_nonnull(strstr(err, "CAFile: warning: "));
	ck_assert_str_eq(out, "office\n");
}
END_TEST

START_TEST(prints_json_for_programs)
{
	start_daemon();
	ck_assert_int_eq(RUN("adit", "--runtime-dir", dir, "status", "--json"),
			 CTL_EXIT_DONE);
	ck_assert_int_eq(out[0], '{');
	ck_assert_ptr_nonnull(strstr(out, "\"version\":\t1"));
	ck_assert_ptr_nonnull(strstr(out, "\"state\":\t\"failed\""));
}
END_TEST

START_TEST(says_down_for_how_long_and_why)
{
	start_daemon();
	ck_assert_int_eq(RUN("adit", "disconnect", "work", "--for", "1h30m",
			     "--reason", "lunch, \"long\""),
			 CTL_EXIT_DONE);
	ck_assert_str_eq(
		out, "disconnect work for 5400, because \"lunch, \"long\"\"\n");
	free(out);
	free(err);
	ck_assert_int_eq(RUN("adit", "disconnect", "--for=30d"), CTL_EXIT_DONE);
	ck_assert_str_eq(out, "disconnect ? for 2592000, because \"\"\n");
	free(out);
	free(err);
	ck_assert_int_eq(RUN("adit", "disconnect", "--until-reboot"),
			 CTL_EXIT_DONE);
	ck_assert_str_eq(out,
			 "disconnect ? for 0 until reboot, because \"\"\n");
	free(out);
	free(err);
	ck_assert_int_eq(RUN("adit", "auto", "work"), CTL_EXIT_DONE);
	ck_assert_str_eq(out, "auto work for 0, because \"\"\n");
}
END_TEST

START_TEST(asks_what_the_rules_see_now)
{
	start_daemon();
	ck_assert_int_eq(RUN("adit", "explain", "network", "work"),
			 CTL_EXIT_DONE);
	ck_assert_str_eq(out, "rule 0 of ?work\n  more\n");
	free(out);
	free(err);
	/* What programs read is left as it is. */
	ck_assert_int_eq(RUN("adit", "explain", "network", "work", "--json"),
			 CTL_EXIT_DONE);
	ck_assert_str_eq(out, "{\"ssid\": \"\xe2\x80\xae\"}\n");
	free(out);
	free(err);
	ck_assert_int_eq(RUN("adit", "explain", "network"), CTL_EXIT_USAGE);
	check_error("explain network: which profile?");
}
END_TEST

START_TEST(prints_changes_a_line_each)
{
	start_daemon();
	setenv("TZ", "UTC", 1);
	ck_assert_int_eq(RUN("adit", "status", "--watch"), CTL_EXIT_DONE);
	ck_assert_str_eq(
		out, "1970-01-01 00:00:00.001 work has failed, was "
		     "connecting (network changed): it is far; very ?far\n");
	free(out);
	free(err);
	ck_assert_int_eq(RUN("adit", "status", "--watch", "--json"),
			 CTL_EXIT_DONE);
	ck_assert_ptr_nonnull(strstr(out, "{\"version\":1,\"at_ms\":1,"));
	ck_assert_ptr_eq(strchr(out, '\n'), out + out_len - 1);
}
END_TEST

START_TEST(prints_the_log_and_what_is_lost_of_it)
{
	start_daemon();
	setenv("TZ", "UTC", 1);
	ck_assert_int_eq(RUN("adit", "log", "--follow"), CTL_EXIT_DONE);
	ck_assert_str_eq(out, "(5 lines before this are lost)\n"
			      "1970-01-01 00:00:00.001 notice  a ?line\n");
}
END_TEST

START_TEST(says_what_a_reload_came_to)
{
	start_daemon();
	ck_assert_int_eq(RUN("adit", "reload"), CTL_EXIT_USAGE);
	ck_assert_str_eq(out, "added: good\n2 profiles, 1 refused\n");
	ck_assert_str_eq(err, "bad.json:1:1: is bad\n");
}
END_TEST

START_TEST(has_a_page_for_every_command)
{
	static const char *const names[] = { "connect", "disconnect", "auto",
					     "status",	"log",	      "reload",
					     "profile", "version",    "help" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ck_assert_int_eq(RUN("adit", "help", names[i]), CTL_EXIT_DONE);
		ck_assert_ptr_nonnull(strstr(out, names[i]));
		free(out);
		free(err);
		ck_assert_int_eq(RUN("adit", names[i], "--help"),
				 CTL_EXIT_DONE);
		free(out);
		free(err);
	}
	ck_assert_int_eq(RUN("adit"), CTL_EXIT_USAGE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli");
	TCase *tc = tcase_create("cli");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, says_that_there_is_no_daemon);
	tcase_add_test(tc, says_that_a_daemon_has_no_place_for_it);
	tcase_add_test(tc, asks_a_busy_daemon_again);
	tcase_add_test(tc, takes_the_kept_socket_where_there_is_one);
	tcase_add_loop_test(tc, refuses_wrong_usage_in_one_line, 0,
			    (int)ARRAY_SIZE(wrong));
	tcase_add_test(tc, refuses_a_folder_too_long_for_a_socket);
	tcase_add_loop_test(tc, ends_with_the_daemons_exit_code, 0,
			    CTL_EXIT_TIMED_OUT + 1);
	tcase_add_test(tc, waits_through_the_steps);
	tcase_add_test(tc, prints_a_status_without_control_characters);
	tcase_add_test(tc, adds_a_profile_with_its_warnings);
	tcase_add_test(tc, prints_json_for_programs);
	tcase_add_test(tc, says_down_for_how_long_and_why);
	tcase_add_test(tc, asks_what_the_rules_see_now);
	tcase_add_test(tc, prints_changes_a_line_each);
	tcase_add_test(tc, prints_the_log_and_what_is_lost_of_it);
	tcase_add_test(tc, says_what_a_reload_came_to);
	tcase_add_test(tc, has_a_page_for_every_command);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
