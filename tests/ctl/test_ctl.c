/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/suite.h"
#include "tunnel/ctl/ctl.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse(const char *line, struct ctl_request *ret)
{
	const char *why = NULL;
	int r = ctl_request_parse(line, strlen(line), ret, &why);

	if (r == -EBADMSG)
		ck_assert_ptr_nonnull(why);
	return r;
}

START_TEST(carries_a_request_there_and_back)
{
	struct ctl_request r = {
		.command = CTL_COMMAND_PROFILE_ADD,
		.profile = strdup("work"),
		.text = strdup("{\n\t\"a\": \"\xc3\xa9\"}\n"),
		.wait = true,
		.wait_s = 30,
		.replace = true,
	};
	char *line = ctl_request_line(&r);
	struct ctl_request back;

	ck_assert_ptr_nonnull(line);
	ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
	line[strlen(line) - 1] = '\0';
	ck_assert_int_eq(parse(line, &back), 0);
	ck_assert_int_eq(back.command, r.command);
	ck_assert_str_eq(back.profile, r.profile);
	ck_assert_str_eq(back.text, r.text);
	ck_assert(back.wait && back.replace);
	ck_assert_uint_eq(back.wait_s, 30);
	ctl_request_fini(&r);
	ctl_request_fini(&back);
	free(line);
}
END_TEST

START_TEST(names_every_command)
{
	for (int i = 0; i < CTL_COMMAND_COUNT; i++) {
		struct ctl_request r = { .command = (enum ctl_command)i };
		char *line = ctl_request_line(&r);
		struct ctl_request back;

		line[strlen(line) - 1] = '\0';
		ck_assert_int_eq(parse(line, &back), 0);
		ck_assert_int_eq(back.command, i);
		free(line);
	}
	ck_assert(!ctl_command_acts(CTL_COMMAND_STATUS));
	ck_assert(!ctl_command_acts(CTL_COMMAND_WATCH));
	ck_assert(ctl_command_acts(CTL_COMMAND_CONNECT));
	ck_assert(ctl_command_acts(CTL_COMMAND_LOG));
	ck_assert(ctl_command_acts(CTL_COMMAND_RELOAD));
}
END_TEST

START_TEST(ignores_fields_it_does_not_know)
{
	struct ctl_request r;

	ck_assert_int_eq(parse("{\"later\":[{}],\"command\":\"status\","
			       "\"version\":1} ",
			       &r),
			 0);
	ck_assert_int_eq(r.command, CTL_COMMAND_STATUS);
	ck_assert_ptr_null(r.profile);
	ctl_request_fini(&r);
}
END_TEST

static const char *const bad[] = {
	"",
	"x",
	"[]",
	"\"status\"",
	"{",
	"{}",
	"{\"version\":1}",
	"{\"version\":2,\"command\":\"status\"}",
	"{\"version\":\"1\",\"command\":\"status\"}",
	"{\"version\":1,\"command\":\"fly\"}",
	"{\"version\":1,\"command\":7}",
	"{\"version\":1,\"command\":\"status\"} x",
	"{\"version\":1,\"command\":\"status\"}{}",
	"{\"version\":1,\"command\":\"connect\",\"profile\":7}",
	"{\"version\":1,\"command\":\"connect\",\"wait\":1}",
	"{\"version\":1,\"command\":\"connect\",\"wait_s\":-1}",
	"{\"version\":1,\"command\":\"connect\",\"wait_s\":1e400}",
	"{\"version\":1,\"command\":\"connect\",\"wait_s\":99999}",
	"{\"version\":1,\"command\":\"disconnect\",\"for_s\":2592001}",
	"{\"version\":1,\"command\":\"connect\",\"profile\":\"a\",\"wait\":0}",
	"{\"version\":1,\"command\":\"log\",\"follow\":\"yes\"}",
};

START_TEST(refuses_a_bad_line_with_a_sentence)
{
	struct ctl_request r;

	ck_assert_int_eq(parse(bad[_i], &r), -EBADMSG);
}
END_TEST

START_TEST(refuses_a_long_line_but_for_a_profile)
{
	char *line = malloc(CTL_LINE_MAX * 2);
	struct ctl_request r;

	memset(line, ' ', CTL_LINE_MAX * 2);
	line[CTL_LINE_MAX * 2 - 1] = '\0';
	memcpy(line, "{\"version\":1,\"command\":\"status\"}", 32);
	ck_assert_int_eq(parse(line, &r), -EBADMSG);
	memcpy(line, "{\"version\":1,\"command\":\"profile-add\"}", 37);
	ck_assert_int_eq(parse(line, &r), 0);
	free(line);
}
END_TEST

static void fill(struct ctl_status *s)
{
	struct ctl_transition *t;
	struct ctl_drop *d;

	s->version = 1;
	s->state = strdup("up");
	s->reason.code = strdup("none");
	s->gateway.address = strdup("192.0.2.1:443");
	s->mtu = 1400;
	s->dns.applied = false;
	s->counters.rx_bytes = 1ULL << 52;
	ck_assert_int_eq(ctl_list_add_text(&s->routes, "10.0.0.0/8"), 0);
	ck_assert_int_eq(ctl_list_add_text(&s->routes, "fd00::/8"), 0);
	d = ctl_list_add(&s->drops, sizeof(*d));
	d->cause = strdup("replayed");
	d->count = 3;
	for (int i = 0; i < 100; i++) {
		t = ctl_list_add(&s->transitions, sizeof(*t));
		t->at_ms = (uint64_t)i;
		t->to = strdup("up");
	}
}

START_TEST(carries_a_status_there_and_back)
{
	struct ctl_reply r = { .final = true, .exit = 6, .has_status = true };
	const char *why;
	struct ctl_reply back;
	char *line;

	r.text = strdup("it is up");
	fill(&r.status);
	line = ctl_reply_line(&r);
	ck_assert_int_eq(ctl_reply_parse(line, strlen(line) - 1, &back, &why),
			 0);
	ck_assert(back.final && back.has_status);
	ck_assert_uint_eq(back.exit, 6);
	ck_assert_str_eq(back.status.state, "up");
	ck_assert_str_eq(back.status.reason.code, "none");
	ck_assert_ptr_null(back.status.reason.text);
	ck_assert_str_eq(back.status.gateway.address, "192.0.2.1:443");
	ck_assert_uint_eq(back.status.counters.rx_bytes, 1ULL << 52);
	ck_assert_uint_eq(back.status.routes.count, 2);
	ck_assert_str_eq(((char **)back.status.routes.items)[1], "fd00::/8");
	ck_assert_uint_eq(back.status.drops.count, 1);
	ck_assert_uint_eq(back.status.transitions.count, 100);
	ctl_reply_fini(&r);
	ctl_reply_fini(&back);
	free(line);
}
END_TEST

static void fill_stream(struct ctl_reply *r)
{
	struct ctl_event *e = ctl_list_add(&r->events, sizeof(*e));
	struct ctl_log_line *l;

	e->at_ms = 1700000000123;
	e->state = strdup("up");
	e->was = strdup("connecting");
	e->missed = 7;
	for (int i = 0; i < 3; i++) {
		l = ctl_list_add(&r->lines, sizeof(*l));
		l->at_ms = (uint64_t)i;
		l->level = strdup("notice");
		l->text = strdup("a \"line\" \xff");
		l->missed = 1ULL << 40;
	}
}

START_TEST(carries_events_and_lines_there_and_back)
{
	const struct ctl_log_line *l;
	const struct ctl_event *e;
	struct ctl_reply r = { 0 }, back;
	const char *why;
	char *line, *text;

	fill_stream(&r);
	line = ctl_reply_line(&r);
	ck_assert_int_eq(ctl_reply_parse(line, strlen(line) - 1, &back, &why),
			 0);
	ck_assert(!back.final && !back.has_status);
	ck_assert_uint_eq(back.events.count, 1);
	e = back.events.items;
	ck_assert_uint_eq(e->at_ms, 1700000000123);
	ck_assert_str_eq(e->was, "connecting");
	ck_assert_ptr_null(e->detail);
	ck_assert_uint_eq(e->missed, 7);
	ck_assert_uint_eq(back.lines.count, 3);
	l = back.lines.items;
	ck_assert_str_eq(l[2].text, "a \"line\" \xff");
	ck_assert_uint_eq(l[2].missed, 1ULL << 40);
	text = ctl_event_text(e);
	ck_assert_ptr_nonnull(strstr(text, "{\"version\":1,"));
	ck_assert_ptr_null(strchr(text, '\n'));
	free(text);
	free(line);
	ctl_reply_fini(&r);
	ctl_reply_fini(&back);
}
END_TEST

START_TEST(survives_every_cut_and_every_flip_of_a_line)
{
	struct ctl_reply r = { .final = true, .has_status = true };
	struct ctl_reply back;
	const char *why;
	size_t len, cases = 0;
	char *line;

	fill(&r.status);
	fill_stream(&r);
	line = ctl_reply_line(&r);
	len = strlen(line);
	for (size_t i = 0; i + 1 < len; i++, cases++)
		ck_assert_int_eq(ctl_reply_parse(line, i, &back, &why),
				 -EBADMSG);
	for (size_t i = 0; i + 1 < len; i++) {
		for (int bit = 0; bit < 8; bit++, cases++) {
			line[i] = (char)(line[i] ^ 1 << bit);
			if (ctl_reply_parse(line, len - 1, &back, &why) == 0)
				ctl_reply_fini(&back);
			line[i] = (char)(line[i] ^ 1 << bit);
		}
	}
	printf("note: %zu damaged lines\n", cases);
	ctl_reply_fini(&r);
	free(line);
}
END_TEST

START_TEST(prints_a_status_with_its_version)
{
	struct ctl_status s = { 0 };
	char *text;

	fill(&s);
	text = ctl_status_text(&s);
	ck_assert_ptr_nonnull(strstr(text, "\"version\":\t1"));
	ck_assert_ptr_nonnull(strstr(text, "\"applied\":\tfalse"));
	free(text);
	ctl_status_fini(&s);
}
END_TEST

START_TEST(refuses_a_path_that_a_socket_cannot_have)
{
	char path[CTL_PATH_MAX], dir[CTL_PATH_MAX + 1];

	ck_assert_int_eq(ctl_socket_path("/run/adit", path), 0);
	ck_assert_str_eq(path, "/run/adit/adit.sock");
	memset(dir, 'x', sizeof(dir));
	dir[97] = '\0'; /* 97 + 10 = 107 bytes and the zero */
	ck_assert_int_eq(ctl_socket_path(dir, path), 0);
	dir[97] = 'x';
	dir[98] = '\0';
	ck_assert_int_eq(ctl_socket_path(dir, path), -ENAMETOOLONG);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ctl");
	TCase *tc = tcase_create("ctl");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, carries_a_request_there_and_back);
	tcase_add_test(tc, names_every_command);
	tcase_add_test(tc, ignores_fields_it_does_not_know);
	tcase_add_loop_test(tc, refuses_a_bad_line_with_a_sentence, 0,
			    (int)ARRAY_SIZE(bad));
	tcase_add_test(tc, refuses_a_long_line_but_for_a_profile);
	tcase_add_test(tc, carries_a_status_there_and_back);
	tcase_add_test(tc, carries_events_and_lines_there_and_back);
	tcase_add_test(tc, survives_every_cut_and_every_flip_of_a_line);
	tcase_add_test(tc, prints_a_status_with_its_version);
	tcase_add_test(tc, refuses_a_path_that_a_socket_cannot_have);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
