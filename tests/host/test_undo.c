/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A corrupt or hostile journal never makes us touch what is not ours. The
 * netlink socket here is closed: what is tried in spite of that fails with
 * -EBADF, so -EPERM proves that nothing was tried.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/host/undo.h"

static const char *const files[] = { "/tmp/adit-test/resolv.conf", NULL };

static const struct host_config config = { .state_dir = "/nowhere",
					   .device = "adit0",
					   .files = files,
					   .nft_table = "inet adit" };

static const char *const foreign[] = {
	"link eth0 0",
	"link eth0 2",
	"link adit00 0",
	"address eth0 192.0.2.1/24",
	"address adit 10.77.0.2/32",
	"route 254 0.0.0.0/0",
	"route 255 127.0.0.1/32",
	"route 0 0.0.0.0/0",
	"rule 4 0 0 0 0 255",
	"rule 4 32766 0 0 0 254",
	"rule 4 21004 0 0 0 254",
	"rule 6 32766 1 10775 4294967295 21004",
	"nft inet%20filter",
	"nft inet%20adit%3b%20flush%20ruleset",
	"file /etc/shadow 1 0 384 root a",
	"file /tmp/adit-test/../shadow 0 0 0 = a",
	"proc /etc/shadow 0 1",
	"proc /proc/sys/kernel/core_pattern core x",
	"proc /proc/sys/net/../kernel/core_pattern core x",
};

START_TEST(touches_nothing_foreign)
{
	struct netlink nl = { .fd = -1 };
	struct entry e;

	ck_assert_int_eq(entry_parse(foreign[_i], strlen(foreign[_i]), &e), 0);
	ck_assert_msg(undo_entry(&nl, &config, 0, &e) == -EPERM,
		      "\"%s\" was tried", foreign[_i]);
	entry_fini(&e);
}
END_TEST

START_TEST(tries_what_is_ours)
{
	static const char *const ours[] = { "link adit0 7",
					    "address adit0 10.77.0.2/32",
					    "route 21004 10.0.0.0/8",
					    "rule 4 21004 1 10775 4294967295 "
					    "21004" };
	struct netlink nl = { .fd = -1 };
	struct entry e;

	ck_assert_int_eq(entry_parse(ours[_i], strlen(ours[_i]), &e), 0);
	ck_assert_int_eq(undo_entry(&nl, &config, 0, &e), -EBADF);
	entry_fini(&e);
}
END_TEST

START_TEST(keeps_calls_for_who_knows_them)
{
	struct netlink nl = { .fd = -1 };
	struct entry e = { .kind = ENTRY_CALL, .text = (char *)"resolved 7" };

	ck_assert_int_eq(undo_entry(&nl, &config, 0, &e), -ENOTSUP);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("undo");
	TCase *t = tcase_create("ours");

	tcase_add_loop_test(t, touches_nothing_foreign, 0,
			    (int)ARRAY_SIZE(foreign));
	tcase_add_loop_test(t, tries_what_is_ours, 0, 4);
	tcase_add_test(t, keeps_calls_for_who_knows_them);
	suite_add_tcase(s, t);
	return suite_run(s);
}
