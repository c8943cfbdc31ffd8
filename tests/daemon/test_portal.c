/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/daemon/portal.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/allocation.h"
#include "tests/lib/probe_world.h"
#include "tests/lib/suite.h"

enum {
	SHORT_MS = 150, /* where something never comes */
	TURNS_MAX = 1000,
	JSON_LONG = 60 * 1024,
};

/* The API's server, which is the world, and the operator's page. */
static struct probe_world w;
static struct http_server page;
static struct portal *portal;
static struct tls_server_identity identity;
static char api_url[128], page_url[128];

static struct {
	unsigned int count;
	enum portal_state state;
	enum portal_source source;
	char url[URL_MAX_LEN + 1], why[256];
} told;

static void set_up(void)
{
	probe_world_init(&w);
	memset(&page, 0, sizeof(page));
	http_server_start(&page, &w.loop);
	identity = probe_identity(&probe_identities()->good);
	w.http.tls = &identity;
	snprintf(api_url, sizeof(api_url), "%s",
		 probe_world_url(&w, "https", "/api"));
	snprintf(page_url, sizeof(page_url), "http://%s:%u/page",
		 PROBE_WORLD_NAME, page.at.port);
	memset(&told, 0, sizeof(told));
	portal = NULL;
}

static void tear_down(void)
{
	http_server_stop(&page);
	probe_world_fini(&w);
}

static void on_done(void *arg, const struct portal_result *r)
{
	allocation_fail_at(0);
	ck_assert_ptr_eq(arg, &w);
	told.count++;
	told.state = r->state;
	told.source = r->source;
	snprintf(told.url, sizeof(told.url), "%s", r->url);
	snprintf(told.why, sizeof(told.why), "%s", r->why);
	ck_assert((r->state == PORTAL_UNKNOWN) ==
		  (r->source == PORTAL_SOURCE_NONE));
}

static int start(const char *api, const char *of_page)
{
	const struct portal_options o = {
		.probe = &w.options,
		.api = api,
		.page = of_page,
	};

	return portal_start(&o, on_done, &w, &portal);
}

static void ask(const char *api, const char *of_page)
{
	told.count = 0;
	ck_assert_int_eq(start(api, of_page), 0);
	ck_assert_uint_eq(told.count, 0);
	while (told.count == 0)
		probe_world_turn(&w);
	ck_assert_uint_eq(told.count, 1);
}

static void expect(enum portal_state state, enum portal_source source)
{
	ck_assert_msg(told.state == state && told.source == source,
		      "%d, %d: %s", told.state, told.source, told.why);
}

#define API "HTTP/1.1 200 OK\r\nContent-Type: application/captive+json\r\n\r\n"
#define LOGIN "https://login.example/"

START_TEST(judges_the_operators_page)
{
	static const struct {
		const char *reply;
		enum portal_state state;
	} rows[] = {
		{ "HTTP/1.1 204 No Content\r\n\r\n", PORTAL_FREE },
		{ "HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n", PORTAL_FREE },
		{ "HTTP/1.1 204 x\r\nContent-Length: 9\r\n\r\n",
		  PORTAL_CAPTIVE },
		{ "HTTP/1.1 204 x\r\n\r\n<html>", PORTAL_CAPTIVE },
		{ "HTTP/1.1 200 OK\r\n\r\n", PORTAL_CAPTIVE },
		{ "HTTP/1.1 302 Found\r\nLocation: " LOGIN "\r\n\r\n",
		  PORTAL_CAPTIVE },
		{ "HTTP/1.1 511 Log in\r\n\r\n", PORTAL_CAPTIVE },
		{ "no HTTP\r\n", PORTAL_UNKNOWN },
		{ NULL, PORTAL_UNKNOWN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		page.reply = rows[i].reply;
		page.hangs_up = rows[i].reply == NULL;
		ask(NULL, page_url);
		ck_assert_msg(told.state == rows[i].state, "row %zu: %d", i,
			      told.state);
		ck_assert_str_eq(told.url, "");
	}
	ck_assert_uint_eq(page.accepted, ARRAY_SIZE(rows));
	ck_assert_uint_eq(w.http.accepted, 0);
}
END_TEST

START_TEST(believes_the_networks_api)
{
	w.http.hangs_up = true;
	w.http.reply =
		API "{\"captive\":true,\"user-portal-url\":\"" LOGIN "\"}";
	/* It has no length, and nobody said that this is its end. */
	ask(api_url, NULL);
	expect(PORTAL_UNKNOWN, PORTAL_SOURCE_NONE);
	w.http.hangs_up = false;
	w.http.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		       "f\r\n{\"captive\":true\r\n"
		       "2c\r\n,\"user-portal-url\":\"https://login.example/\"}"
		       "\r\n0\r\n\r\n";
	w.http.in_pieces = true;
	ask(api_url, page_url);
	expect(PORTAL_CAPTIVE, PORTAL_SOURCE_API);
	ck_assert_str_eq(told.url, LOGIN);
	ck_assert_ptr_nonnull(strstr(
		w.http.request, "\r\nAccept: application/captive+json\r\n"));
	ck_assert_ptr_eq(strstr(w.http.request, "GET /api HTTP/1.1\r\n"),
			 w.http.request);
	w.http.reply = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n"
		       "{\"captive\": false}";
	ask(api_url, NULL);
	expect(PORTAL_UNKNOWN, PORTAL_SOURCE_NONE);
	w.http.reply = "HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n"
		       "{\"captive\": false}";
	ask(api_url, page_url);
	expect(PORTAL_FREE, PORTAL_SOURCE_API);
	ck_assert_str_eq(told.url, "");
}
END_TEST

/* What the API cannot say the page may. */
START_TEST(asks_the_page_where_the_api_is_of_no_use)
{
	static const struct tls_server_identity *who[4];
	struct tls_server_identity stranger =
		probe_identity(&probe_identities()->stranger);
	static const char *const replies[] = {
		"HTTP/1.1 404 Not Found\r\n\r\n",
		"HTTP/1.1 302 Found\r\nContent-Length: 16\r\n\r\n"
		"{\"captive\":false}",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n"
		"{\"captive\":false}",
	};

	who[0] = who[1] = who[2] = &identity;
	who[3] = &stranger;
	page.reply = "HTTP/1.1 204 No Content\r\n\r\n";
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
		w.http.tls = who[i];
		w.http.reply = replies[i];
		ask(api_url, page_url);
		expect(PORTAL_FREE, PORTAL_SOURCE_PAGE);
		ask(api_url, NULL);
		expect(PORTAL_UNKNOWN, PORTAL_SOURCE_NONE);
		printf("note: %s\n", told.why);
	}
	/* By a network that means ill. */
	w.http.accepted = 0;
	ask("http://a.test/", page_url);
	expect(PORTAL_FREE, PORTAL_SOURCE_PAGE);
	ask("https://a.test/\r\nX: y", NULL);
	expect(PORTAL_UNKNOWN, PORTAL_SOURCE_NONE);
	printf("note: %s\n", told.why);
	ck_assert_uint_eq(w.http.accepted, 0);
}
END_TEST

START_TEST(asks_nobody_where_neither_is_known)
{
	ask(NULL, NULL);
	expect(PORTAL_UNKNOWN, PORTAL_SOURCE_NONE);
	ask(PORTAL_UNRESTRICTED, page_url);
	expect(PORTAL_FREE, PORTAL_SOURCE_API);
	ck_assert_uint_eq(w.questions + w.http.accepted + page.accepted, 0);
}
END_TEST

START_TEST(waits_no_longer_than_a_probe)
{
	w.http.drips = true;
	w.http.reply = API "{";
	page.drips = true;
	page.reply = "HTTP/1.1 204 No";
	/* Longer where the machine is so slow that no server is reached. */
	do {
		w.options.limit_ms += SHORT_MS;
		ask(api_url, page_url);
		expect(PORTAL_UNKNOWN, PORTAL_SOURCE_NONE);
	} while (w.http.requests == 0 || page.requests == 0);
	ck_assert_str_eq(told.why, "no answer in time");
}
END_TEST

START_TEST(can_be_cancelled_at_any_time)
{
	int turns = -1;

	w.http.reply = "HTTP/1.1 404 Not Found\r\n\r\n";
	page.reply = "HTTP/1.1 204 No Content\r\n\r\n";
	page.in_pieces = true;
	while (told.count == 0 && ++turns < TURNS_MAX) {
		ck_assert_int_eq(start(api_url, page_url), 0);
		for (int i = 0; i < turns && told.count == 0; i++)
			probe_world_turn(&w);
		if (told.count > 0)
			break;
		portal_cancel(portal);
		for (int i = 0; i < 5; i++)
			uv_run(&w.loop, UV_RUN_NOWAIT);
		ck_assert_uint_eq(told.count, 0);
	}
	expect(PORTAL_FREE, PORTAL_SOURCE_PAGE);
	portal_cancel(NULL);
	printf("note: cancelled after each of %d turns\n", turns);
}
END_TEST

/* portal_read() */

static const struct {
	const char *text;
	enum portal_state state; /* UNKNOWN: it is refused */
	const char *url;
} texts[] = {
	{ "{\"captive\":true}", PORTAL_CAPTIVE, "" },
	{ " {\"captive\" : false }\n", PORTAL_FREE, "" },
	{ "{\"captive\":true,\"user-portal-url\":\"" LOGIN "\"}",
	  PORTAL_CAPTIVE, LOGIN },
	{ "{\"captive\":false,\"user-portal-url\":\"http://a.example/\","
	  "\"seconds-remaining\":326,\"can-extend-session\":true,"
	  "\"venue-info-url\":null,\"x\":[{}]}",
	  PORTAL_FREE, "http://a.example/" },
	{ "{\"captive\":true,\"user-portal-url\":\"https:\\/\\/a.example\"}",
	  PORTAL_CAPTIVE, "https://a.example" },
	/* URLs that nobody should open. */
	{ "{\"captive\":true,\"user-portal-url\":\"javascript:alert(1)\"}",
	  PORTAL_CAPTIVE, "" },
	{ "{\"captive\":true,\"user-portal-url\":\"file:///etc/passwd\"}",
	  PORTAL_CAPTIVE, "" },
	{ "{\"captive\":true,\"user-portal-url\":\"http://a.example/"
	  "\\u001b[2J\"}",
	  PORTAL_CAPTIVE, "" },
	{ "{\"captive\":true,\"user-portal-url\":\"http://u:p@a.example/\"}",
	  PORTAL_CAPTIVE, "" },
	{ "{\"captive\":true,\"user-portal-url\":\"http://a.example/\xc3\xbc"
	  "\"}",
	  PORTAL_CAPTIVE, "" },
	{ "{\"captive\":true,\"user-portal-url\":7}", PORTAL_CAPTIVE, "" },

	{ "", PORTAL_UNKNOWN, "" },
	{ "{}", PORTAL_UNKNOWN, "" },
	{ "true", PORTAL_UNKNOWN, "" },
	{ "[{\"captive\":true}]", PORTAL_UNKNOWN, "" },
	{ "[true]", PORTAL_UNKNOWN, "" },
	{ "{\"captive\":\"true\"}", PORTAL_UNKNOWN, "" },
	{ "{\"captive\":1}", PORTAL_UNKNOWN, "" },
	{ "{\"captive\":null}", PORTAL_UNKNOWN, "" },
	{ "{\"Captive\":true}", PORTAL_UNKNOWN, "" },
	{ "{\"captive\":true,\"captive\":false}", PORTAL_UNKNOWN, "" },
	{ "{\"captive\":true} x", PORTAL_UNKNOWN, "" },
	{ "{\"captive\":true", PORTAL_UNKNOWN, "" },
	{ "<html>", PORTAL_UNKNOWN, "" },
	{ "{\"captive\":true,\"x\":\"\xff\"}", PORTAL_UNKNOWN, "" },
};

START_TEST(reads_what_the_api_says)
{
	struct portal_result r;
	int result = portal_read(texts[_i].text, strlen(texts[_i].text), &r);

	if (texts[_i].state == PORTAL_UNKNOWN) {
		ck_assert_int_eq(result, -EINVAL);
		return;
	}
	ck_assert_int_eq(result, 0);
	ck_assert_int_eq(r.state, texts[_i].state);
	ck_assert_int_eq(r.source, PORTAL_SOURCE_API);
	ck_assert_str_eq(r.url, texts[_i].url);
}
END_TEST

START_TEST(leaves_out_a_url_that_is_too_long)
{
	static const char before[] =
		"{\"captive\":true,\"user-portal-url\":\"http://a.example/";
	char *text = malloc(JSON_LONG);
	struct portal_result r;

	memset(text, 'x', JSON_LONG);
	memcpy(text, before, strlen(before));
	memcpy(text + JSON_LONG - 2, "\"}", 2);
	ck_assert_int_eq(portal_read(text, JSON_LONG, &r), 0);
	ck_assert_int_eq(r.state, PORTAL_CAPTIVE);
	ck_assert_str_eq(r.url, "");
	free(text);
}
END_TEST

static int make_result(void)
{
	struct portal_result r;

	return portal_read(texts[3].text, strlen(texts[3].text), &r);
}

/* No loop runs: what is begun is taken back. */
static int make_portal(void)
{
	int r = start(api_url, page_url);

	if (r == 0)
		portal_cancel(portal);
	return r;
}

START_TEST(fails_as_documented_when_memory_runs_out)
{
	allocation_walk("what the API says", make_result, false);
	allocation_walk("start", make_portal, false);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("portal");
	TCase *t = tcase_create("portal");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, judges_the_operators_page);
	tcase_add_test(t, believes_the_networks_api);
	tcase_add_test(t, asks_the_page_where_the_api_is_of_no_use);
	tcase_add_test(t, asks_nobody_where_neither_is_known);
	tcase_add_test(t, waits_no_longer_than_a_probe);
	tcase_add_test(t, can_be_cancelled_at_any_time);
	tcase_add_test(t, fails_as_documented_when_memory_runs_out);
	suite_add_tcase(s, t);
	t = tcase_create("API");
	tcase_add_loop_test(t, reads_what_the_api_says, 0, ARRAY_SIZE(texts));
	tcase_add_test(t, leaves_out_a_url_that_is_too_long);
	suite_add_tcase(s, t);
	return suite_run(s);
}
