/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/portal_url.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

#define URL "https://portal.example/api"

static const struct {
	const char *what, *text, *want;
} files[] = {
	{ "one line", "CAPTIVE_PORTAL=" URL, URL },
	{ "one of many",
	  "# private\nADMIN_STATE=configured\nCAPTIVE_PORTAL=" URL "\nDNS=\n",
	  URL },
	{ "the last one counts",
	  "CAPTIVE_PORTAL=https://a.example/\nCAPTIVE_PORTAL=" URL "\n", URL },
	{ "parameters", "CAPTIVE_PORTAL=" URL "?a=b&c=d\n", URL "?a=b&c=d" },
	{ "nothing", "", "" },
	{ "no such line (systemd before 254)", "DNS=192.0.2.1\n\n", "" },
	{ "no value", "CAPTIVE_PORTAL=\n", "" },
	{ "no value at the end", "CAPTIVE_PORTAL=", "" },
	{ "a part of the key", "CAPTIVE_PORTAL", "" },
	{ "another key", "XCAPTIVE_PORTAL=" URL "\n", "" },
	{ "a page without TLS", "CAPTIVE_PORTAL=http://portal.example/\n", "" },
	{ "the URN that says there is no portal",
	  "CAPTIVE_PORTAL=urn:ietf:params:capport:unrestricted\n", "" },
	{ "a control character", "CAPTIVE_PORTAL=" URL "\033[2J\n", "" },
	{ "a carriage return", "CAPTIVE_PORTAL=" URL "\r\n", "" },
	{ "a space", "CAPTIVE_PORTAL=" URL " x\n", "" },
	{ "a scheme alone", "CAPTIVE_PORTAL=https://\n", "" },
};

/* Of a copy of exactly its size. */
static void read_file(const char *text, size_t len,
		      char url[static PORTAL_URL_MAX])
{
	char *exact = malloc(len + (len == 0));

	ck_assert(exact);
	memcpy(exact, text, len);
	portal_url_of_networkd(exact, len, url);
	free(exact);
}

START_TEST(reads_what_networkd_writes)
{
	char url[PORTAL_URL_MAX] = "?";

	read_file(files[_i].text, strlen(files[_i].text), url);
	ck_assert_msg(strcmp(url, files[_i].want) == 0, "%s: %s",
		      files[_i].what, url);
}
END_TEST

START_TEST(takes_no_more_than_there_is_room_for)
{
	char text[PORTAL_URL_MAX + 1], url[PORTAL_URL_MAX];

	memset(text, 'a', sizeof(text));
	memcpy(text, "https://", 8);
	portal_url_take(text, PORTAL_URL_MAX - 1, url);
	ck_assert_uint_eq(strlen(url), PORTAL_URL_MAX - 1);
	portal_url_take(text, PORTAL_URL_MAX, url);
	ck_assert_str_eq(url, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("portal_url");
	TCase *t = tcase_create("portal_url");

	tcase_add_loop_test(t, reads_what_networkd_writes, 0,
			    (int)ARRAY_SIZE(files));
	tcase_add_test(t, takes_no_more_than_there_is_room_for);
	suite_add_tcase(suite, t);
	return suite_run(suite);
}
