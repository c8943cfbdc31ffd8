/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

static const struct {
	const char *name;
	enum dns_name_fault fault;
} rows[] = {
	{ "corp.example.com", DNS_NAME_OK },
	{ "wiki", DNS_NAME_OK },
	{ "_sip._tcp.example", DNS_NAME_OK },
	{ "xn--bcher-kva.example", DNS_NAME_OK },
	{ "1.2", DNS_NAME_OK },
	{ "", DNS_NAME_EMPTY },
	{ ".", DNS_NAME_LABEL },
	{ ".corp", DNS_NAME_LABEL },
	{ "corp.", DNS_NAME_LABEL },
	{ "a..b", DNS_NAME_LABEL },
	{ "a b", DNS_NAME_CHARACTER },
	{ "a\nb", DNS_NAME_CHARACTER },
	{ "a/b", DNS_NAME_CHARACTER },
	{ "*.corp", DNS_NAME_CHARACTER },
	{ "b\xc3\xbc"
	  "cher",
	  DNS_NAME_NOT_ASCII },
};

START_TEST(judges_names)
{
	ck_assert_int_eq(dns_name_check(rows[_i].name, strlen(rows[_i].name)),
			 rows[_i].fault);
}
END_TEST

START_TEST(knows_the_limits)
{
	char name[DNS_NAME_MAX + 2];

	memset(name, 'a', sizeof(name));
	ck_assert_int_eq(dns_name_check(name, 63), DNS_NAME_OK);
	ck_assert_int_eq(dns_name_check(name, 64), DNS_NAME_LABEL);
	for (size_t i = 63; i < sizeof(name); i += 64)
		name[i] = '.';
	ck_assert_int_eq(dns_name_check(name, 253), DNS_NAME_OK);
	ck_assert_int_eq(dns_name_check(name, 254), DNS_NAME_LONG);
	/* A zero byte is no letter, and ends nothing. */
	ck_assert_int_eq(dns_name_check("a\0b", 3), DNS_NAME_CHARACTER);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("name");
	TCase *t = tcase_create("text");

	tcase_add_loop_test(t, judges_names, 0, ARRAY_SIZE(rows));
	tcase_add_test(t, knows_the_limits);
	suite_add_tcase(s, t);
	return suite_run(s);
}
