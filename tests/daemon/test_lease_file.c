/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last lease, written and read again: real files. */
#include "tunnel/daemon/lease_file.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/lease.h"
#include "tests/lib/suite.h"

enum { DOMAINS = 200, OF = 0x1234 };

static char folder[32];
static char path[64];
static struct lease lease;

static void setup(void)
{
	char name[32];

	strcpy(folder, "/tmp/adit-lease-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/lease", folder);
	memset(&lease, 0, sizeof(lease));
	lease.index = 7;
	ck_assert_int_eq(prefix_parse("10.77.0.2/16", &lease.address4), 0);
	lease.mtu = 1420;
	lease.lanes = 1;
	strcpy(lease.gateway, "vpn.example.com");
	ck_assert_int_eq(addr_parse("198.51.100.10", &lease.dns[0]), 0);
	lease.dns_count = 1;
	for (int i = 0; i < DOMAINS; i++) {
		snprintf(name, sizeof(name), "d%d.corp.example", i);
		ck_assert_int_eq(lease_add_name(&lease.match, name), 0);
	}
}

static void teardown(void)
{
	lease_fini(&lease);
	unlink(path);
	rmdir(folder);
}

START_TEST(is_read_as_it_was_written)
{
	struct lease again = { 0 };

	ck_assert_int_eq(lease_file_load(folder, OF, &again), -ENOENT);
	ck_assert_int_eq(lease_file_save(folder, OF, &lease), 0);
	ck_assert_int_eq(lease_file_load(folder, OF, &again), 0);
	ck_assert_uint_eq(again.index, 7);
	ck_assert_uint_eq(again.match.count, DOMAINS);
	ck_assert_str_eq(again.match.name[199], "d199.corp.example");
	ck_assert(addr_equal(&again.dns[0], &lease.dns[0]));
	lease_fini(&again);
	/* Another profile's is nobody's. */
	ck_assert_int_eq(lease_file_load(folder, OF + 1, &again), -ENOENT);
	ck_assert_int_eq(lease_file_save(folder, OF + 1, &lease), 0);
	ck_assert_int_eq(lease_file_load(folder, OF, &again), -ENOENT);
}
END_TEST

static void write_file(const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, len, f), len);
	fclose(f);
}

START_TEST(is_refused_when_it_is_damaged)
{
	static char text[65536];
	struct lease again = { 0 };
	size_t len, refused = 0;
	FILE *f;

	ck_assert_int_eq(lease_file_save(folder, OF, &lease), 0);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	len = fread(text, 1, sizeof(text), f);
	fclose(f);
	/* The last line's end may be missing, and no more. */
	for (size_t n = 0; n + 1 < len; n += n < 64 ? 1 : 97) {
		write_file(text, n);
		ck_assert_int_lt(lease_file_load(folder, OF, &again), 0);
	}
	for (size_t n = 0; n < len; n += n < 128 ? 1 : 97) {
		char was = text[n];
		int r;

		text[n] = was == 'g' ? 'h' : 'g';
		write_file(text, len);
		r = lease_file_load(folder, OF, &again);
		ck_assert_int_lt(r, 0);
		refused += r == -EBADMSG;
		text[n] = was;
	}
	ck_assert_uint_gt(refused, 100);
	ck_assert_uint_eq(again.match.count, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lease_file");
	TCase *t = tcase_create("file");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, is_read_as_it_was_written);
	tcase_add_test(t, is_refused_when_it_is_damaged);
	suite_add_tcase(s, t);
	return suite_run(s);
}
