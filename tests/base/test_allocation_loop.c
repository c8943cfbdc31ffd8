/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) Memory runs out at each place in turn, in what lives on a loop: when
 * the loop has run, nothing of it is left, neither handle nor (with ASan) byte.
 * libuv's own memory does not run out; it ends the program then. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "dns/forwarder.h"
#include "dns/stub.h"
#include "dns/upstream.h"
#include "tests/lib/allocation.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/ctl/ctl_server.h"
#include "tunnel/daemon/folder_watch.h"
#include "tunnel/daemon/session_io.h"
#include "tunnel/daemon/split_dns.h"
#include "tunnel/daemon/user_session.h"
#include "tunnel/gateway/gateway_http_server.h"

static char folder[64], place[80];
static uv_loop_t loop;

static void set_up(void)
{
	strcpy(folder, "/tmp/adit-allocation-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(place, sizeof(place), "%s/adit.sock", folder);
	ck_assert_int_eq(uv_loop_init(&loop), 0);
}

static void tear_down(void)
{
	char line[128];

	ck_assert_int_eq(uv_loop_close(&loop), 0);
	snprintf(line, sizeof(line), "rm -rf %s", folder);
	ck_assert_int_eq(system(line), 0);
}

static void nothing(void *arg)
{
	(void)arg;
}

static int make_session(void)
{
	struct session_io_options o = { .loop = &loop };
	struct session_io *io = session_io_create(&o);

	if (io)
		session_io_end(io);
	uv_run(&loop, UV_RUN_DEFAULT);
	session_io_destroy(io);
	return io ? 0 : -ENOMEM;
}

static int make_folder_watch(void)
{
	const struct folder_watch_options o = {
		.path = folder,
		.changed = nothing,
	};
	struct folder_watch *w;
	int r = folder_watch_create(&loop, &o, &w);

	if (r == 0)
		folder_watch_close(w);
	uv_run(&loop, UV_RUN_DEFAULT);
	return r;
}

static void on_presence(void *arg, const struct presence_event *e)
{
	(void)arg;
	(void)e;
}

static int make_user_session(void)
{
	struct user_session *u;
	int r = user_session_create(&loop, on_presence, NULL, &u);

	if (r == 0)
		user_session_close(u);
	uv_run(&loop, UV_RUN_DEFAULT);
	return r;
}

static int make_ctl_server(void)
{
	static const struct ctl_server_callbacks callbacks;
	const struct ctl_server_options o = {
		.path = place,
		.callbacks = &callbacks,
	};
	struct ctl_server *s;
	int r = ctl_server_create(&loop, &o, &s);

	if (r == 0)
		ctl_server_close(s, nothing, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	return r;
}

static enum gateway_http_status on_question(void *arg, const char *target,
					    FILE *body, const char **ret_type)
{
	(void)arg;
	(void)target;
	(void)body;
	(void)ret_type;
	return GATEWAY_HTTP_NOT_FOUND;
}

static int make_http(void)
{
	const struct gateway_http_options o = {
		.path = place,
		.answer = on_question,
	};
	struct gateway_http *h;
	int r = gateway_http_serve(&loop, &o, &h);

	if (r == 0)
		gateway_http_close(h);
	uv_run(&loop, UV_RUN_DEFAULT);
	return r;
}

static void on_done(struct dns_ask *ask, enum dns_ask_result result,
		    struct dns_answer *answer)
{
	(void)ask;
	(void)result;
	(void)answer;
}

/* With a question that is given up. */
static int make_upstream(void)
{
	const struct dns_server server = {
		.at = { .addr = { AF_INET, { 127, 0, 0, 1 } }, .port = 9 },
	};
	const struct dns_upstream_options o = {
		.loop = &loop,
		.servers = &server,
		.count = 1,
		.device = "lo",
		.ca = "",
	};
	const struct dns_query q = { .type = DNS_TYPE_A, .class = 1 };
	struct dns_ask ask = { .done = on_done };
	struct dns_upstream *u = dns_upstream_create(&o);
	int r = -ENOMEM;

	if (u && dns_upstream_ask(u, &q, false, &ask) == DNS_ASK_ANSWERED)
		r = 0;
	if (r == 0)
		dns_upstream_cancel(&ask);
	dns_upstream_destroy(u);
	uv_run(&loop, UV_RUN_DEFAULT);
	return r;
}

static int make_stub(void)
{
	const struct endpoint at = { .addr = { AF_INET, { 127, 0, 0, 1 } } };
	const struct dns_forwarder_options o = { .seed = 1 };
	struct dns_forwarder *f = dns_forwarder_create(&o);
	struct dns_stub *s;
	int r = f ? dns_stub_create(&loop, &at, f, &s) : -ENOMEM;

	if (r == 0)
		dns_stub_destroy(s);
	uv_run(&loop, UV_RUN_DEFAULT);
	dns_forwarder_destroy(f);
	return r;
}

static void nothing_by_name(void *arg, const char *name, const char *because)
{
	(void)arg;
	(void)name;
	(void)because;
}

static int make_split_dns(void)
{
	const struct split_dns_options o = {
		.loop = &loop,
		.device = "none9",
		.changed = nothing,
		.trigger = nothing_by_name,
	};
	struct split_dns *d = split_dns_create(&o);

	split_dns_end(d);
	uv_run(&loop, UV_RUN_DEFAULT);
	return d ? 0 : -ENOMEM;
}

static const struct {
	const char *name;
	int (*make)(void);
	bool others; /* what cannot be sent is tried again by a timer */
} constructors[] = {
	{ "session", make_session, false },
	{ "folder watch", make_folder_watch, false },
	{ "user session", make_user_session, false },
	{ "control socket", make_ctl_server, false },
	{ "gateway's HTTP", make_http, false },
	{ "DNS upstream", make_upstream, true },
	{ "DNS stub", make_stub, false },
	{ "split DNS", make_split_dns, false },
};

START_TEST(fails_as_documented_when_memory_runs_out)
{
	allocation_walk(constructors[_i].name, constructors[_i].make,
			constructors[_i].others);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("allocation on a loop");
	TCase *t = tcase_create("allocation");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, fails_as_documented_when_memory_runs_out, 0,
			    ARRAY_SIZE(constructors));
	suite_add_tcase(s, t);
	return suite_run(s);
}
