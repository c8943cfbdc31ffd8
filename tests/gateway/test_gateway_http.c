/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/gateway/gateway_http.h"

#define HOST "Host: x\r\n"

/* `target` for what is taken. 0: more is to come. */
static const struct row {
	const char *text;
	int status;
	const char *target;
} rows[] = {
	{ "GET /metrics HTTP/1.1\r\n" HOST "\r\n", 200, "/metrics" },
	{ "HEAD /metrics HTTP/1.1\r\n" HOST "\r\n", 200, "/metrics" },
	{ "GET / HTTP/1.1\r\nhOsT:\r\nA: b\r\n\r\n", 200, "/" },
	{ "GET /metrics?x=/?y HTTP/1.1\r\n" HOST "\r\n", 200, "/metrics" },
	/* What comes behind the request is nobody's. */
	{ "GET /a HTTP/1.1\r\n" HOST "\r\n\x01\r\nGET", 200, "/a" },
	{ "GET /a HTTP/1.0\r\n\r\n", 200, "/a" },
	{ "GET /a HTTP/1.1\n" HOST "\n", 200, "/a" },
	{ "GET /a HTTP/1.1\r\n" HOST "A: \t ~\xff\r\n\r\n", 200, "/a" },

	{ "", 0, NULL },
	{ "GET", 0, NULL },
	{ "GET /metrics HTTP/1.1\r\n" HOST, 0, NULL },
	{ "GET /metrics HTTP/1.1\r\n" HOST "\r", 0, NULL },
	{ "\x16\x03\x01\x02", 0, NULL }, /* a TLS client: it times out */

	{ "\r\n\r\n", 400, NULL },
	{ "GET\r\n" HOST "\r\n", 400, NULL },
	{ "GET /a\r\n" HOST "\r\n", 400, NULL },
	{ "GET  /a HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
	{ "GET /a  HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
	{ "GET /a b HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
	{ "GET /a\tb HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
	{ "GET metrics HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
	{ "GET http://x/metrics HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
	{ "GET /a HTTP/1.1 \r\n" HOST "\r\n", 400, NULL },
	{ "GET /a HTTP/11\r\n" HOST "\r\n", 400, NULL },
	{ "GET /a http/1.1\r\n" HOST "\r\n", 400, NULL },
	{ "G\x01T /a HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
	{ " GET /a HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
	{ "GET /a HTTP/1.1\r\n\r\n", 400, NULL },
	{ "GET /a HTTP/1.1\r\n" HOST HOST "\r\n", 400, NULL },
	{ "GET /a HTTP/1.0\r\n" HOST HOST "\r\n", 400, NULL },
	{ "GET /a HTTP/1.1\r\n" HOST " folded\r\n\r\n", 400, NULL },
	{ "GET /a HTTP/1.1\r\n" HOST "no colon\r\n\r\n", 400, NULL },
	{ "GET /a HTTP/1.1\r\n" HOST "A : b\r\n\r\n", 400, NULL },
	{ "GET /a HTTP/1.1\r\n" HOST ": b\r\n\r\n", 400, NULL },
	{ "GET /a HTTP/1.1\r\n" HOST "A: b\rc: d\r\n\r\n", 400, NULL },
	{ "GET /a HTTP/1.1\r\n" HOST "A: \x01\r\n\r\n", 400, NULL },
	{ "POST a HTTP/1.1\r\n" HOST "\r\n", 400, NULL },

	{ "GET /"
	  "01234567890123456789012345678901234567890123456789012345678901234"
	  " HTTP/1.1\r\n" HOST "\r\n",
	  404, NULL },
	{ "POST /metrics HTTP/1.1\r\n" HOST "\r\n", 405, NULL },
	{ "get /metrics HTTP/1.1\r\n" HOST "\r\n", 405, NULL },
	{ "GETS /metrics HTTP/1.1\r\n" HOST "\r\n", 405, NULL },
	{ "PRI /x HTTP/2.0\r\n\r\n", 505, NULL },
};

START_TEST(takes_a_request_or_says_what_is_wrong)
{
	const struct row *row = &rows[_i];
	struct gateway_http_request r;
	size_t len = strlen(row->text);

	ck_assert_msg(gateway_http_parse(row->text, len, &r) == row->status,
		      "%s: %d", row->text,
		      gateway_http_parse(row->text, len, &r));
	if (!row->target)
		return;
	ck_assert_str_eq(r.target, row->target);
	ck_assert_int_eq(r.head, row->text[0] == 'H');
}
END_TEST

/* In however many pieces it comes, it is one request, and not before its end.
 */
START_TEST(waits_for_the_last_byte)
{
	static const char text[] = "GET /metrics HTTP/1.1\r\n" HOST "\r\n";
	struct gateway_http_request r;

	for (size_t n = 0; n < sizeof(text) - 1; n++)
		ck_assert_int_eq(gateway_http_parse(text, n, &r), 0);
	ck_assert_int_eq(gateway_http_parse(text, sizeof(text) - 1, &r), 200);
}
END_TEST

START_TEST(takes_no_zero_byte)
{
	static const char text[] = "GET /a HTTP/1.1\r\n" HOST "A: \0\r\n\r\n";
	struct gateway_http_request r;

	ck_assert_int_eq(gateway_http_parse(text, sizeof(text) - 1, &r), 400);
}
END_TEST

START_TEST(takes_four_kibibytes_and_no_more)
{
	char text[GATEWAY_HTTP_REQUEST_MAX];
	struct gateway_http_request r;
	int n;

	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(gateway_http_parse(text, sizeof(text) - 1, &r), 0);
	ck_assert_int_eq(gateway_http_parse(text, sizeof(text), &r), 431);
	n = snprintf(text, sizeof(text), "GET /a HTTP/1.1\r\n" HOST "A: ");
	text[n] = 'x';
	ck_assert_int_eq(gateway_http_parse(text, sizeof(text), &r), 431);
	memcpy(text + sizeof(text) - 4, "\r\n\r\n", 4);
	ck_assert_int_eq(gateway_http_parse(text, sizeof(text), &r), 200);
}
END_TEST

START_TEST(writes_the_head_of_an_answer)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	gateway_http_head(GATEWAY_HTTP_NOT_ALLOWED, "text/plain", 7, to);
	fclose(to);
	ck_assert_str_eq(text, "HTTP/1.1 405 Method Not Allowed\r\n"
			       "Content-Type: text/plain\r\n"
			       "Content-Length: 7\r\n"
			       "Allow: GET, HEAD\r\n"
			       "Connection: close\r\n"
			       "\r\n");
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gateway_http");
	TCase *t = tcase_create("http");

	tcase_add_loop_test(t, takes_a_request_or_says_what_is_wrong, 0,
			    ARRAY_SIZE(rows));
	tcase_add_test(t, waits_for_the_last_byte);
	tcase_add_test(t, takes_no_zero_byte);
	tcase_add_test(t, takes_four_kibibytes_and_no_more);
	tcase_add_test(t, writes_the_head_of_an_answer);
	suite_add_tcase(s, t);
	return suite_run(s);
}
