/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/url.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

static const struct {
	const char *text;
	bool tls;
	const char *host;
	uint16_t port;
	const char *path;
} good[] = {
	{ "http://a.example", false, "a.example", 80, "" },
	{ "https://a.example/", true, "a.example", 443, "/" },
	{ "HTTPS://A.example:8443/x?y#z", true, "A.example", 8443, "/x?y" },
	{ "http://a.example?q", false, "a.example", 80, "?q" },
	{ "http://a.example#f", false, "a.example", 80, "" },
	{ "http://a.example:/x", false, "a.example", 80, "/x" },
	{ "http://a.example./x", false, "a.example", 80, "/x" },
	{ "http://192.0.2.1:1/", false, "192.0.2.1", 1, "/" },
	{ "http://[2001:db8::1]/", false, "2001:db8::1", 80, "/" },
	{ "https://[2001:db8::1]:65535", true, "2001:db8::1", 65535, "" },
	{ "https://a.example/@:[]", true, "a.example", 443, "/@:[]" },
	{ "https://xn--bcher-kva.example/%20", true, "xn--bcher-kva.example",
	  443, "/%20" },
};

START_TEST(takes_a_url_apart)
{
	char why[VALUE_WHY_MAX] = "";
	struct url u;

	ck_assert_int_eq(url_parse(good[_i].text, &u, why), 0);
	ck_assert_int_eq(u.tls, good[_i].tls);
	ck_assert_str_eq(u.host, good[_i].host);
	ck_assert_uint_eq(u.port, good[_i].port);
	ck_assert_uint_eq(u.path_len, strlen(good[_i].path));
	ck_assert_mem_eq(u.path, good[_i].path, u.path_len);
}
END_TEST

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "" },
	{ "a.example", "" },
	{ "ftp://a.example/", "" },
	{ "http:/a.example/", "" },
	{ "http://", "has no host" },
	{ "http:///x", "has no host" },
	{ "http://:80/", "has no host" },
	{ "http://a.example:0/", "has a port" },
	{ "http://a.example:65536/", "has a port" },
	{ "http://a.example:18446744073709551697/", "has a port" },
	{ "http://a.example:8o/", "has a port" },
	{ "http://a.example:-1/", "has a port" },
	{ "http://2001:db8::1/", "" },
	{ "http://[2001:db8::1/", "" },
	{ "http://[2001:db8::1]x/", "" },
	{ "http://[a.example]/", "" },
	{ "http://[192.0.2.1]/", "" },
	{ "http://[]/", "has no host" },
	{ "http://u@a.example/", "holds a user name" },
	{ "http://u:p@a.example/", "holds a user name" },
	{ "http://a..example/", "has a label" },
	{ "http://1.2.3/", "is neither an address nor a name" },
	{ "http://a.example/ x", "escapes" },
	{ "http://a.example/\r\nHost: b", "escapes" },
	{ "http://a.example/\x7f", "escapes" },
	{ "http://a.example/\xc3\xbc", "escapes" },
	{ "http://a.example/<b>", "escapes" },
};

START_TEST(refuses_what_is_none)
{
	char why[VALUE_WHY_MAX] = "";
	struct url u;

	ck_assert_int_eq(url_parse(bad[_i].text, &u, why), -EINVAL);
	ck_assert_msg(strstr(why, bad[_i].why) != NULL, "%s: %s", bad[_i].text,
		      why);
}
END_TEST

START_TEST(has_a_longest)
{
	char text[URL_MAX_LEN + 2] = "http://a.example/", why[VALUE_WHY_MAX];
	size_t len = strlen(text);
	struct url u;

	memset(text + len, 'x', sizeof(text) - 1 - len);
	ck_assert_int_eq(url_parse(text, &u, why), -EINVAL);
	text[URL_MAX_LEN] = '\0';
	ck_assert_int_eq(url_parse(text, &u, why), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("url");
	TCase *t = tcase_create("url");

	tcase_add_loop_test(t, takes_a_url_apart, 0, ARRAY_SIZE(good));
	tcase_add_loop_test(t, refuses_what_is_none, 0, ARRAY_SIZE(bad));
	tcase_add_test(t, has_a_longest);
	suite_add_tcase(s, t);
	return suite_run(s);
}
