/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/http_reply.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

static struct http_reply reply;
static char body[HTTP_REPLY_BODY_MAX];

/* In pieces of `step`; the last result. */
static int feed(const char *text, size_t len, size_t step, bool want_body)
{
	const uint8_t *bytes = (const uint8_t *)text;
	int r = -EAGAIN;

	http_reply_init(&reply, want_body ? body : NULL);
	for (size_t at = 0; at < len && r == -EAGAIN; at += step)
		r = http_reply_input(&reply, bytes + at,
				     step < len - at ? step : len - at);
	return r;
}

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

/* `body` NULL: it is bad. */
static const struct {
	const char *text;
	unsigned int status;
	const char *body;
	bool open; /* until the stream ends */
} rows[] = {
	{ OK "Content-Length: 2\r\n\r\nhi", 200, "hi", false },
	{ OK "content-length:2 \t\r\n\r\nhi and more", 200, "hi", false },
	{ OK "Content-Length: 0\r\n\r\n", 200, "", false },
	{ OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 200, "x",
	  false },
	{ OK "\r\nuntil the end", 200, "until the end", true },
	{ "HTTP/1.0 200 OK\n\nbare ends", 200, "bare ends", true },
	{ "HTTP/1.1 204 No Content\r\n\r\n", 204, "", false },
	{ "HTTP/1.1 204\r\n\r\n", 204, "", false },
	{ "HTTP/1.1 304 \r\nContent-Length: 7\r\n\r\n", 304, "", false },
	{ "HTTP/1.1 301 Moved\r\nLocation: http://b/\r\n"
	  "Content-Length: 1\r\n\r\n.",
	  301, "", false },
	{ "HTTP/1.1 511 Log in\r\n\r\nhello", 511, "", false },
	{ "HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n"
	  "Content-Length: 9\r\n\r\n" OK "Content-Length: 1\r\n\r\n1",
	  200, "1", false },
	{ CHUNKED "2\r\nhi\r\n0\r\n\r\n", 200, "hi", false },
	{ CHUNKED "2;x=\"y\"\r\nhi\r\nA\r\n0123456789\r\n000\r\nEtag: "
		  "z\r\n\r\n",
	  200, "hi0123456789", false },
	{ CHUNKED "a\r\n0123456789\r\n0\r\n\r\nmore", 200, "0123456789",
	  false },
	{ CHUNKED "0\r\n\r\n", 200, "", false },

	{ "\r\n" OK "\r\n", 0, NULL, false },
	{ "220 mail.example ESMTP\r\n", 0, NULL, false },
	{ "SSH-2.0-OpenSSH\r\n", 0, NULL, false },
	{ "HTTP/2 200\r\n\r\n", 0, NULL, false },
	{ "HTTP/1.x 200 OK\r\n\r\n", 0, NULL, false },
	{ "http/1.1 200 OK\r\n\r\n", 0, NULL, false },
	{ "HTTP/1.1  200 OK\r\n\r\n", 0, NULL, false },
	{ "HTTP/1.1 20 OK\r\n\r\n", 0, NULL, false },
	{ "HTTP/1.1 2000 OK\r\n\r\n", 0, NULL, false },
	{ "HTTP/1.1 099 OK\r\n\r\n", 0, NULL, false },
	{ "HTTP/1.1 600 OK\r\n\r\n", 0, NULL, false },
	{ "HTTP/1.1 101 Switching\r\n\r\n", 0, NULL, false },
	{ "HTTP/1.1\r\n\r\n", 0, NULL, false },
	{ OK "no colon\r\n\r\n", 0, NULL, false },
	{ OK ": no name\r\n\r\n", 0, NULL, false },
	{ OK "Name : space\r\n\r\n", 0, NULL, false },
	{ OK "A: b\r\n folded\r\n\r\n", 0, NULL, false },
	{ OK "A: \rB: c\r\n\r\n", 0, NULL, false },
	{ OK "A: \x01\r\n\r\n", 0, NULL, false },
	{ OK "Content-Length: \r\n\r\n", 0, NULL, false },
	{ OK "Content-Length: -1\r\n\r\n", 0, NULL, false },
	{ OK "Content-Length: 0x2\r\n\r\n", 0, NULL, false },
	{ OK "Content-Length: 1, 1\r\n\r\n", 0, NULL, false },
	{ OK "Content-Length: 18446744073709551618\r\n\r\n", 0, NULL, false },
	{ OK "Content-Length: 65537\r\n\r\n", 0, NULL, false },
	{ OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", 0, NULL,
	  false },
	{ OK "Transfer-Encoding: gzip, chunked\r\n\r\n", 0, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 0, NULL,
	  false },
	{ CHUNKED "\r\n", 0, NULL, false },
	{ CHUNKED "x\r\n", 0, NULL, false },
	{ CHUNKED "2x\r\n", 0, NULL, false },
	{ CHUNKED "10001\r\n", 0, NULL, false },
	{ CHUNKED "ffffffff\r\n", 0, NULL, false },
	{ CHUNKED "000000001\r\n", 0, NULL, false },
	{ CHUNKED "1\r\nab\r\n", 0, NULL, false },
};

/* The same, whatever the pieces. */
START_TEST(judges_a_reply)
{
	const char *text = rows[_i].text;
	size_t len = strlen(text);

	for (size_t step = 1; step <= len; step++) {
		int r = feed(text, len, step, true);

		if (rows[_i].body == NULL) {
			ck_assert_msg(r == -EBADMSG, "%s", text);
			continue;
		}
		ck_assert_msg(r == (rows[_i].open ? -EAGAIN : 0), "%s", text);
		ck_assert_int_eq(http_reply_end(&reply), 0);
		ck_assert_uint_eq(reply.status, rows[_i].status);
		ck_assert_uint_eq(reply.body_len, strlen(rows[_i].body));
		ck_assert_mem_eq(body, rows[_i].body, reply.body_len);
	}
}
END_TEST

START_TEST(knows_a_cut_reply)
{
	size_t len = strlen(rows[_i].text);

	if (rows[_i].body == NULL)
		return;
	for (size_t cut = 0; cut < len; cut++) {
		int r = feed(rows[_i].text, cut, len, true);

		/* Behind the end of it, or within what only the end ends. */
		if (r == 0 || reply.state == HTTP_REPLY_BODY_OPEN)
			continue;
		ck_assert_int_eq(http_reply_end(&reply), -EBADMSG);
		ck_assert_int_eq(http_reply_input(&reply, (uint8_t *)"x", 1),
				 -EBADMSG);
	}
}
END_TEST

START_TEST(needs_no_body_for_a_status)
{
	static const char huge[] = OK "Content-Length: 99999999999\r\n\r\nx";
	static const char open[] = OK "\r\n";

	ck_assert_int_eq(feed(huge, strlen(huge), 1, false), 0);
	ck_assert(reply.has_content);
	ck_assert_int_eq(feed(open, strlen(open), 1, false), 0);
	ck_assert(!reply.has_content);
}
END_TEST

START_TEST(sees_a_204_that_has_content)
{
	static const struct {
		const char *text;
		bool content;
	} replies[] = {
		{ "HTTP/1.1 204 x\r\n\r\n", false },
		{ "HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n", false },
		{ "HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", true },
		{ "HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n",
		  true },
		{ "HTTP/1.1 204 x\r\n\r\n<html>", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
		ck_assert_int_eq(feed(replies[i].text, strlen(replies[i].text),
				      SIZE_MAX, false),
				 0);
		ck_assert_int_eq(reply.has_content, replies[i].content);
	}
}
END_TEST

/* Endless lines, fields, interim replies and chunks. */
START_TEST(reads_no_more_than_its_bounds)
{
	static const char *const endless[] = {
		OK "Name: ",
		"x",
		OK,
		"A: b\r\n",
		"",
		"HTTP/1.1 100 x\r\n\r\n",
		CHUNKED,
		"1\r\nx\r\n",
		CHUNKED "1;",
		"x",
		CHUNKED "0\r\n",
		"A: b\r\n",
		"HTTP/1.1 200 ",
		"x",
		OK "\r\n",
		"0123456789",
		CHUNKED "fff0\r\n",
		"x",
	};

	for (size_t i = 0; i < ARRAY_SIZE(endless); i += 2) {
		const char *more = endless[i + 1];
		size_t fed = strlen(endless[i]);
		int r;

		http_reply_init(&reply, body);
		r = fed == 0 ? -EAGAIN
			     : http_reply_input(&reply,
						(const uint8_t *)endless[i],
						fed);
		ck_assert_int_eq(r, -EAGAIN);
		while (r == -EAGAIN) {
			r = http_reply_input(&reply, (const uint8_t *)more,
					     strlen(more));
			fed += strlen(more);
		}
		ck_assert_int_eq(r, -EBADMSG);
		ck_assert_uint_le(fed, HTTP_REPLY_LINES_MAX +
					       HTTP_REPLY_BODY_MAX + 20);
	}
}
END_TEST

START_TEST(takes_what_just_fits)
{
	size_t size = HTTP_REPLY_LINES_MAX + HTTP_REPLY_BODY_MAX;
	char *text = malloc(size + 1);
	int n = snprintf(text, size, OK "Content-Length: %d\r\nName: ",
			 HTTP_REPLY_BODY_MAX);

	memset(text + n, 'x', size - (size_t)n);
	memcpy(text + HTTP_REPLY_LINES_MAX - 4, "\r\n\r\n", 4);
	ck_assert_int_eq(feed(text, size - 1, 1000, true), -EAGAIN);
	ck_assert_int_eq(feed(text, size, 1000, true), 0);
	ck_assert_uint_eq(reply.body_len, HTTP_REPLY_BODY_MAX);
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http reply");
	TCase *t = tcase_create("reply");

	tcase_add_loop_test(t, judges_a_reply, 0, ARRAY_SIZE(rows));
	tcase_add_loop_test(t, knows_a_cut_reply, 0, ARRAY_SIZE(rows));
	tcase_add_test(t, needs_no_body_for_a_status);
	tcase_add_test(t, sees_a_204_that_has_content);
	tcase_add_test(t, reads_no_more_than_its_bounds);
	tcase_add_test(t, takes_what_just_fits);
	suite_add_tcase(s, t);
	return suite_run(s);
}
