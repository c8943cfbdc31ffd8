/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files in a folder of their own; no root. Each undo is tried from every state
 * that a kill or another program can leave. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/suite.h"
#include "tunnel/host/content.h"

static char folder[64];
static char path[80];
static char leftover[96];

static void setup(void)
{
	strcpy(folder, "/tmp/adit-content-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/resolv.conf", folder);
	snprintf(leftover, sizeof(leftover), "%s.adit-new", path);
}

static void teardown(void)
{
	(void)unlink(path);
	ck_assert_int_eq(access(leftover, F_OK), -1);
	ck_assert_int_eq(rmdir(folder), 0);
}

static void put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void expect(const char *text, unsigned int mode)
{
	char buf[256] = "";
	struct stat st;
	int fd = open(path, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(read(fd, buf, sizeof(buf) - 1), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	close(fd);
	ck_assert_str_eq(buf, text);
	ck_assert_uint_eq(st.st_mode & 07777, mode);
}

static struct host_file want(const char *text, bool in_place)
{
	return (struct host_file) { .path = path,
				    .content = (uint8_t *)text,
				    .len = strlen(text),
				    .mode = 0644,
				    .in_place = in_place };
}

START_TEST(writes_and_puts_back)
{
	struct host_file f = want("ours\n", _i);
	struct entry e;

	put(path, "theirs, and longer\n");
	ck_assert_int_eq(chmod(path, 0640), 0);
	ck_assert_int_eq(content_compare(&f, &e), 0);
	ck_assert_int_eq(content_write(&f), 0);
	expect("ours\n", 0644);
	ck_assert_int_eq(content_restore(&e), 0);
	expect("theirs, and longer\n", 0640);
	ck_assert_int_eq(content_restore(&e), 0); /* twice is once */
	expect("theirs, and longer\n", 0640);
	entry_fini(&e);
}
END_TEST

START_TEST(removes_a_file_that_was_not_there)
{
	struct host_file f = want("ours\n", _i);
	struct entry e;

	ck_assert_int_eq(content_compare(&f, &e), 0);
	ck_assert(!e.existed);
	ck_assert_int_eq(content_write(&f), 0);
	ck_assert_int_eq(content_restore(&e), 0);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(content_restore(&e), 0);
	entry_fini(&e);
}
END_TEST

START_TEST(says_when_nothing_is_to_be_done)
{
	struct host_file f = want("ours\n", false);
	struct entry e;

	put(path, "ours\n");
	ck_assert_int_eq(content_compare(&f, &e), 0); /* another mode */
	entry_fini(&e);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(content_compare(&f, &e), 1);
	entry_fini(&e);
}
END_TEST

/* Killed after any byte of a write in place, with contents of all relations of
 * length. */
START_TEST(puts_back_a_write_cut_anywhere)
{
	static const char *const texts[] = {
		"", "a", "nameserver 1\n", "nameserver 127.0.77.53\nsearch x\n",
		"# other\n"
	};
	unsigned int tried = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(texts); k++) {
			struct host_file f = want(texts[k], true);
			struct entry e;

			put(path, texts[i]);
			ck_assert_int_eq(chmod(path, 0600), 0);
			ck_assert_int_eq(content_compare(&f, &e), 0);
			for (size_t cut = 0; cut <= f.len; cut++) {
				int fd = open(path, O_WRONLY);

				ck_assert_int_eq(write(fd, f.content, cut),
						 (ssize_t)cut);
				close(fd);
				ck_assert_int_eq(content_restore(&e), 0);
				expect(texts[i], 0600);
				tried++;
			}
			entry_fini(&e);
		}
	}
	printf("note: %u writes cut short and put back\n", tried);
}
END_TEST

START_TEST(removes_the_leftover_of_a_rename)
{
	struct host_file f = want("ours\n", false);
	struct entry e;

	put(path, "theirs\n");
	ck_assert_int_eq(content_compare(&f, &e), 0);
	put(leftover, "ou");
	ck_assert_int_eq(content_restore(&e), 0);
	expect("theirs\n", 0600);
	/* And a leftover does not stand in the way of a write. */
	put(leftover, "ou");
	ck_assert_int_eq(content_write(&f), 0);
	expect("ours\n", 0644);
	entry_fini(&e);
}
END_TEST

START_TEST(leaves_what_another_program_wrote)
{
	struct host_file f = want("ours\n", _i);
	struct entry e;

	put(path, "theirs\n");
	ck_assert_int_eq(content_compare(&f, &e), 0);
	ck_assert_int_eq(content_write(&f), 0);
	put(path, "somebody else's\n");
	ck_assert_int_eq(content_restore(&e), -ESTALE);
	expect("somebody else's\n", 0644);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(content_restore(&e), -ESTALE);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_eq(content_restore(&e), -ESTALE);
	entry_fini(&e);
}
END_TEST

START_TEST(refuses_links_folders_and_other_places)
{
	struct host_file f = want("ours\n", false);
	struct host_proc p = { .path = "/proc/sys/kernel/hostname" };
	struct entry e = { .kind = ENTRY_PROC,
			   .text = (char *)"/proc/sys/net/../kernel/hostname" };

	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_eq(content_compare(&f, &e), -ELOOP);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_lt(content_compare(&f, &e), 0);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(content_compare_proc(&p, &e), -EPERM);
	ck_assert_int_eq(content_restore_proc(&e), -EPERM);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("content");
	TCase *t = tcase_create("files");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, writes_and_puts_back, 0, 2);
	tcase_add_loop_test(t, removes_a_file_that_was_not_there, 0, 2);
	tcase_add_test(t, says_when_nothing_is_to_be_done);
	tcase_add_test(t, puts_back_a_write_cut_anywhere);
	tcase_add_test(t, removes_the_leftover_of_a_rename);
	tcase_add_loop_test(t, leaves_what_another_program_wrote, 0, 2);
	tcase_add_test(t, refuses_links_folders_and_other_places);
	suite_add_tcase(s, t);
	return suite_run(s);
}
