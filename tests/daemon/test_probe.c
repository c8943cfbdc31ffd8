/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/daemon/probe.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/certificate.h"
#include "tests/lib/allocation.h"
#include "tests/lib/probe_world.h"
#include "tests/lib/suite.h"
#include "tunnel/base/clock.h"
#include "tunnel/daemon/http_reply.h"

enum {
	SHORT_MS = 150, /* where something never comes */
	LONG_MS = 60000,
	TURNS_MAX = 1000,
};

static struct probe_world w; /* the servers of most tests, too */
static struct tls_server_identity identity;

static void set_up(void)
{
	probe_world_init(&w);
}

static void tear_down(void)
{
	probe_world_fini(&w);
}

static void serve_tls(const struct pki_identity *id)
{
	identity = probe_identity(id);
	w.http.tls = &identity;
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

/* R33, R34, R35 */
static const struct {
	const char *reply;
	unsigned int status;
	bool in_pieces, hangs_up;
} replies[] = {
	{ OK, 200, false, false },
	{ OK, 200, true, false },
	{ "HTTP/1.0 200 OK\n\n", 200, false, true },
	{ "HTTP/1.1 204 No Content\r\n\r\n", 204, false, false },
	{ "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1/\r\n\r\n", 301,
	  false, false },
	{ "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n", 302,
	  true, true },
	{ "HTTP/1.1 404 Not Found\r\n\r\n", 404, false, false },
	{ "HTTP/1.1 511 Log in\r\n\r\n", 511, false, false },
	{ "HTTP/1.1 100 Go on\r\n\r\n" OK, 200, true, false },
	/* No reply at all. */
	{ "220 mail.example ESMTP\r\n", 0, false, false },
	{ "\x15\x03\x03\x00\x02\x02\x28", 0, false, false },
	{ "HTTP/1.1 200 OK\r\nContent-Le", 0, false, true },
	{ "HTTP/1.1 2", 0, true, true },
	{ NULL, 0, false, true },
};

START_TEST(tells_the_status)
{
	w.http.reply = replies[_i].reply;
	w.http.in_pieces = replies[_i].in_pieces;
	w.http.hangs_up = replies[_i].hangs_up;
	for (int tls = 0; tls < 2; tls++) {
		if (tls)
			serve_tls(&probe_identities()->good);
		probe_world_get(&w, tls ? "https" : "http", "/x?y=1");
		if (replies[_i].status > 0)
			probe_world_expect(&w, ONDEMAND_PROBE_STATUS,
					   replies[_i].status);
		else
			probe_world_expect(&w, ONDEMAND_PROBE_NO_ANSWER, 0);
		/* A redirect is not followed. */
		ck_assert_uint_eq(w.http.accepted, 1 + tls);
	}
	if (replies[_i].status == 0)
		printf("note: %s\n", w.told.why);
}
END_TEST

START_TEST(says_what_a_server_needs_to_hear)
{
	char wanted[256];

	w.http.reply = OK;
	probe_world_get(&w, "http", "/x?y=1#z");
	snprintf(wanted, sizeof(wanted),
		 "GET /x?y=1 HTTP/1.1\r\nHost: a.test:%u\r\n"
		 "User-Agent: adit\r\nAccept: */*\r\n"
		 "Connection: close\r\n\r\n",
		 w.http.at.port);
	ck_assert_str_eq(w.http.request, wanted);
	probe_world_get(&w, "http", "?y");
	ck_assert(strncmp(w.http.request, "GET /?y HTTP/1.1\r\n", 18) == 0);
}
END_TEST

START_TEST(brings_the_body_when_asked)
{
	const struct probe_target t = {
		.url = probe_world_url(&w, "http", "/"),
		.accept = "application/x",
		.body = true,
	};

	w.http.reply = OK;
	probe_world_start(&w, &t);
	probe_world_wait(&w);
	probe_world_expect(&w, ONDEMAND_PROBE_STATUS, 200);
	ck_assert_uint_eq(w.told.body_len, 2);
	ck_assert_mem_eq(w.told.body, "hi", 2);
	ck_assert_ptr_nonnull(
		strstr(w.http.request, "\r\nAccept: application/x\r\n"));
}
END_TEST

START_TEST(takes_a_huge_header_for_no_answer)
{
	size_t len = 10 * HTTP_REPLY_LINES_MAX;
	char *huge = malloc(len);

	memset(huge, 'x', len);
	memcpy(huge, OK, 17);
	w.http.reply = huge;
	w.http.reply_len = len;
	probe_world_get(&w, "http", "/");
	probe_world_expect(&w, ONDEMAND_PROBE_NO_ANSWER, 0);
	free(huge);
}
END_TEST

/* R36: TLS */
START_TEST(trusts_only_the_right_certificate)
{
	const struct probe_identities *ids = probe_identities();
	const struct pki_identity *const wrong[] = { &ids->other_name,
						     &ids->stranger };

	w.http.reply = OK;
	serve_tls(wrong[_i]);
	probe_world_get(&w, "https", "/");
	probe_world_expect(&w, ONDEMAND_PROBE_TLS, 0);
	ck_assert_uint_eq(w.http.requests, 0);
	printf("note: %s\n", w.told.why);
}
END_TEST

START_TEST(trusts_the_systems_certificates_by_default)
{
	w.http.reply = OK;
	w.options.ca = NULL;
	serve_tls(&probe_identities()->good);
	probe_world_get(&w, "https", "/");
	probe_world_expect(&w, ONDEMAND_PROBE_TLS, 0);
	printf("note: %s\n", w.told.why);
}
END_TEST

START_TEST(takes_no_plain_text_for_tls)
{
	w.http.reply = OK;
	w.http.rash = true;
	probe_world_get(&w, "https", "/");
	probe_world_expect(&w, ONDEMAND_PROBE_TLS, 0);
	printf("note: %s\n", w.told.why);
}
END_TEST

/* The machine may be slow: with limits that grow, until one was long enough
 * for the server to be reached. */
static void run_out_of_time(const struct probe_target *t)
{
	unsigned int ms = SHORT_MS;

	do {
		w.options.limit_ms = ms;
		probe_world_start(&w, t);
		probe_world_wait(&w);
		ms *= 4;
	} while (w.http.accepted == 0 && ms < LONG_MS);
	probe_world_expect(&w, ONDEMAND_PROBE_TIMEOUT, 0);
}

/* R36: time */
START_TEST(waits_no_longer_than_its_limit)
{
	static const struct {
		const char *scheme;
		bool deaf, drips;
		const char *reply;
	} slow[] = {
		{ "http", true, false, OK },
		{ "https", true, false, OK },
		{ "http", false, false, NULL },
		{ "https", false, false, NULL },
		{ "http", false, true, "HTTP/1.1 200 OK\r\nA: x" },
		{ "https", false, true, "HTTP/1.1 200 OK\r\nA: x" },
		{ "http", false, true, "HTTP/1.1 100 x\r\n\r\nHTTP/1.1 200 x" },
	};

	const struct probe_target t = {
		.url = probe_world_url(&w, slow[_i].scheme, "/"),
	};

	if (strcmp(slow[_i].scheme, "https") == 0)
		serve_tls(&probe_identities()->good);
	w.http.deaf = slow[_i].deaf;
	w.http.drips = slow[_i].drips;
	w.http.reply = slow[_i].reply;
	run_out_of_time(&t);
}
END_TEST

/* TrustedProbe. */

static uint8_t pins[3][TLS_PIN_LEN];

static void pin(size_t i, const struct tls_server_identity *id)
{
	ck_assert_int_eq(certificate_key_digest(id->certificate,
						id->certificate_len, pins[i]),
			 0);
}

static struct probe_target key_target(void)
{
	return (struct probe_target) {
		.host = PROBE_WORLD_NAME ".",
		.port = w.http.at.port,
		.pins = (const uint8_t(*)[TLS_PIN_LEN])pins,
		.pin_count = ARRAY_SIZE(pins),
	};
}

/* P-256, Ed25519, RSA, and one whose name and CA are wrong. */
static struct tls_server_identity key_of(int i)
{
	const struct probe_identities *ids = probe_identities();

	switch (i) {
	case 0:
		return probe_identity(&ids->good);
	case 1:
		return probe_identity(&ids->ed25519);
	case 2:
		return *tls_server_rsa();
	default:
		return probe_identity(&ids->other_name);
	}
}

START_TEST(knows_who_has_the_key)
{
	const struct probe_target t = key_target();

	identity = key_of(_i);
	w.http.tls = &identity;
	memset(pins, 0, sizeof(pins));
	pin(1, &identity);
	probe_world_start(&w, &t);
	probe_world_wait(&w);
	probe_world_expect(&w, ONDEMAND_PROBE_KEY_OK, 0);
	ck_assert_uint_eq(w.http.requests, 0);

	pins[1][31] ^= 1;
	probe_world_start(&w, &t);
	probe_world_wait(&w);
	probe_world_expect(&w, ONDEMAND_PROBE_KEY_WRONG, 0);
}
END_TEST

/* The certificate is public: who shows it need not have its key. */
START_TEST(is_not_content_with_the_certificate)
{
	const struct probe_target t = key_target();
	const struct tls_server_identity other =
		_i == 2 ? key_of(0) : key_of(_i + 2);

	identity = key_of(_i);
	memset(pins, 0, sizeof(pins));
	pin(0, &identity);
	identity.key = other.key;
	identity.key_len = other.key_len;
	w.http.tls = &identity;
	probe_world_start(&w, &t);
	probe_world_wait(&w);
	ck_assert_int_ne(w.told.answer.probe, ONDEMAND_PROBE_KEY_OK);
	printf("note: %s\n", w.told.why);
}
END_TEST

START_TEST(finds_no_key_where_none_is)
{
	struct probe_target t = key_target();

	run_out_of_time(&t);
	w.http.hangs_up = true;
	w.options.limit_ms = 0;
	probe_world_start(&w, &t);
	probe_world_wait(&w);
	probe_world_expect(&w, ONDEMAND_PROBE_NO_ANSWER, 0);
	http_server_stop(&w.http);
	probe_world_start(&w, &t);
	probe_world_wait(&w);
	probe_world_expect(&w, ONDEMAND_PROBE_NO_ANSWER, 0);
}
END_TEST

START_TEST(refuses_a_target_that_is_none)
{
	static char long_name[DNS_NAME_MAX + 2];
	const struct probe_target none[] = {
		{ .url = "" },
		{ .url = "ftp://a.test/" },
		{ .url = "http://a.test/ x" },
		{ .host = "", .pins = key_target().pins, .pin_count = 1 },
		{ .host = "a.test" },
		{ .host = long_name,
		  .pins = key_target().pins,
		  .pin_count = 1 },
	};

	memset(long_name, 'x', sizeof(long_name) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		ck_assert_int_eq(probe_start(&w.options, &none[i],
					     probe_world_done, &w, &w.probe),
				 -EINVAL);
}
END_TEST

/* Ends. */

/* A GET by http, one by https, or a key, of that server. */
static struct probe_target target_of(int kind, struct probe_world *of)
{
	struct probe_target t = key_target();

	identity = probe_identity(&probe_identities()->good);
	pin(0, &identity);
	of->http.tls = kind > 0 ? &identity : NULL;
	of->http.reply = OK;
	t.port = of->http.at.port;
	t.body = kind == 1;
	if (kind < 2)
		t.url = probe_world_url(of, kind ? "https" : "http", "/");
	return t;
}

/* After each number of turns of the loop, so in each phase of it. */
START_TEST(can_be_cancelled_at_any_time)
{
	const struct probe_target t = target_of(_i, &w);
	int turns = -1;

	w.http.in_pieces = true;
	while (w.told.count == 0 && ++turns < TURNS_MAX) {
		probe_world_start(&w, &t);
		for (int i = 0; i < turns && w.told.count == 0; i++)
			probe_world_turn(&w);
		if (w.told.count > 0)
			break;
		probe_cancel(w.probe);
		for (int i = 0; i < 5; i++)
			uv_run(&w.loop, UV_RUN_NOWAIT);
		ck_assert_uint_eq(w.told.count, 0);
	}
	probe_world_expect(
		&w, _i < 2 ? ONDEMAND_PROBE_STATUS : ONDEMAND_PROBE_KEY_OK,
		_i < 2 ? 200 : 0);
	ck_assert_int_gt(turns, 3);
	probe_cancel(NULL);
	printf("note: cancelled after each of %d turns\n", turns);
}
END_TEST

static void on_done_next(void *arg, const struct probe_result *r)
{
	const struct probe_target t = {
		.url = probe_world_url(&w, "http", "/"),
	};

	(void)r;
	/* It is over, so this does nothing. */
	probe_cancel(w.probe);
	ck_assert_int_eq(
		probe_start(&w.options, &t, probe_world_done, arg, &w.probe),
		0);
}

START_TEST(may_be_followed_by_another_at_once)
{
	const struct probe_target t = {
		.url = probe_world_url(&w, "http", "/"),
	};

	w.http.reply = OK;
	ck_assert_int_eq(
		probe_start(&w.options, &t, on_done_next, &w, &w.probe), 0);
	probe_world_wait(&w);
	probe_world_expect(&w, ONDEMAND_PROBE_STATUS, 200);
	ck_assert_uint_eq(w.http.requests, 2);
}
END_TEST

START_TEST(lets_a_hundred_run_side_by_side)
{
	const struct probe_target t = {
		.url = probe_world_url(&w, "http", "/"),
	};

	w.http.reply = OK;
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(probe_start(&w.options, &t, probe_world_done,
					     &w, &w.probe),
				 0);
	while (w.told.count < 100)
		probe_world_turn(&w);
	probe_world_expect(&w, ONDEMAND_PROBE_STATUS, 200);
}
END_TEST

/* Servers whose memory does not run out: in a thread of their own. */

static struct probe_world far;
static uv_async_t far_stop;

static void on_far_stop(uv_async_t *async)
{
	uv_stop(async->loop);
}

static void far_run(void *arg)
{
	uv_run(arg, UV_RUN_DEFAULT);
}

/* Memory runs out at each place in turn: the start says so, or an answer comes
 * that is another. */
static void run_out_of_memory(const struct probe_target *t)
{
	int r = probe_start(&w.options, t, probe_world_done, &w, &w.probe);

	while (r == 0 && w.told.count == 0)
		uv_run(&w.loop, UV_RUN_ONCE);
	allocation_fail_at(0);
	ck_assert(r == 0 || r == -ENOMEM);
	for (int i = 0; i < 5; i++)
		uv_run(&w.loop, UV_RUN_NOWAIT);
}

START_TEST(ends_when_memory_runs_out)
{
	struct probe_target t;
	uv_thread_t thread;
	unsigned long n;

	probe_world_init(&far);
	t = target_of(_i, &far);
	w.options.servers = &far.dns.at;
	uv_async_init(&far.loop, &far_stop, on_far_stop);
	uv_thread_create(&thread, far_run, &far.loop);
	for (n = 1; n < 100000; n++) {
		w.told.count = 0;
		allocation_fail_at(n);
		run_out_of_memory(&t);
		if (!allocation_has_failed())
			break;
	}
	probe_world_expect(
		&w, _i < 2 ? ONDEMAND_PROBE_STATUS : ONDEMAND_PROBE_KEY_OK,
		_i < 2 ? 200 : 0);
	printf("note: each of %lu allocations\n", n - 1);
	uv_async_send(&far_stop);
	uv_thread_join(&thread);
	uv_close((uv_handle_t *)&far_stop, NULL);
	probe_world_fini(&far);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("probe");
	TCase *t = tcase_create("probe");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, tells_the_status, 0, ARRAY_SIZE(replies));
	tcase_add_test(t, says_what_a_server_needs_to_hear);
	tcase_add_test(t, brings_the_body_when_asked);
	tcase_add_test(t, takes_a_huge_header_for_no_answer);
	tcase_add_loop_test(t, trusts_only_the_right_certificate, 0, 2);
	tcase_add_test(t, trusts_the_systems_certificates_by_default);
	tcase_add_test(t, takes_no_plain_text_for_tls);
	tcase_add_loop_test(t, waits_no_longer_than_its_limit, 0, 7);
	tcase_add_loop_test(t, knows_who_has_the_key, 0, 4);
	tcase_add_loop_test(t, is_not_content_with_the_certificate, 0, 3);
	tcase_add_test(t, finds_no_key_where_none_is);
	tcase_add_test(t, refuses_a_target_that_is_none);
	tcase_add_loop_test(t, can_be_cancelled_at_any_time, 0, 3);
	tcase_add_test(t, may_be_followed_by_another_at_once);
	tcase_add_test(t, lets_a_hundred_run_side_by_side);
	tcase_add_loop_test(t, ends_when_memory_runs_out, 0, 3);
	suite_add_tcase(s, t);
	return suite_run(s);
}
