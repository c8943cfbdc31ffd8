/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Journals in a folder of their own; no root. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/suite.h"
#include "tunnel/host/journal.h"

enum { SIZE_MAX_HERE = 65536 };

static char folder[64];
static char path[128];

static void setup(void)
{
	strcpy(folder, "/tmp/adit-journal-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/undo.journal", folder);
}

static void remove_name(const char *name)
{
	char file[128];

	snprintf(file, sizeof(file), "%s/%s", folder, name);
	(void)unlink(file);
}

static void teardown(void)
{
	remove_name("undo.journal");
	remove_name("undo.journal.next");
	remove_name("undo.journal.bad");
	remove_name("lock");
	ck_assert_int_eq(rmdir(folder), 0);
}

static struct journal *open_as(const char *boot)
{
	struct journal *j;
	pid_t other = 0;

	ck_assert_int_eq(journal_open(folder, boot, &j, &other), 0);
	return j;
}

static size_t read_file(char *text)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, SIZE_MAX_HERE);

	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (size_t)n;
}

static void write_file(const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	close(fd);
}

static struct entry link_record(uint32_t ifindex)
{
	return (struct entry) { .kind = ENTRY_LINK,
				.device = "adit0",
				.ifindex = ifindex };
}

static struct entry route_record(const char *to)
{
	struct entry r = { .kind = ENTRY_ROUTE, .table = 21004 };

	ck_assert_int_eq(prefix_parse(to, &r.prefix), 0);
	return r;
}

static struct entry file_record(const char *name, const char *before,
				const char *after)
{
	return (struct entry) {
		.kind = ENTRY_FILE,
		.text = (char *)name,
		.before = { (uint8_t *)before, strlen(before) },
		.after = { (uint8_t *)after, strlen(after) },
		.existed = true,
		.mode = 0644,
	};
}

static void add(struct journal *j, struct entry r)
{
	ck_assert_int_eq(journal_add(j, &r), 1);
}

/* One record of each kind but CALL. */
static void add_some(struct journal *j)
{
	struct entry address = { .kind = ENTRY_ADDRESS, .device = "adit0" };
	struct entry rule = { .kind = ENTRY_RULE,
			      .rule = { .family = AF_INET6,
					.invert = true,
					.priority = 21004,
					.mark = 0x2a17,
					.mask = UINT32_MAX,
					.table = 21004 } };

	add(j, link_record(0));
	ck_assert_int_eq(prefix_parse("fd77::2/64", &address.prefix), 0);
	add(j, address);
	add(j, route_record("10.0.0.0/8"));
	add(j, rule);
	add(j,
	    (struct entry) { .kind = ENTRY_NFT, .text = (char *)"inet adit" });
	add(j, file_record("/etc/re%solv conf", "a\nb\0c", ""));
	add(j, (struct entry) { .kind = ENTRY_PROC,
				.text = (char *)"/proc/sys/net/x",
				.before = { (uint8_t *)"0", 1 },
				.after = { (uint8_t *)"1", 1 } });
}

START_TEST(reads_back_what_it_recorded)
{
	struct journal *j = open_as("boot-1");
	const struct entry *r;

	add_some(j);
	journal_close(j);
	j = open_as("boot-1");
	ck_assert_uint_eq(journal_count(j), 7);
	ck_assert(!journal_is_old(j));
	ck_assert_uint_eq(journal_bad_lines(j), 0);
	ck_assert_str_eq(journal_at(j, 0)->device, "adit0");
	ck_assert_uint_eq(journal_at(j, 1)->prefix.len, 64);
	ck_assert_uint_eq(journal_at(j, 2)->table, 21004);
	r = journal_at(j, 3);
	ck_assert(r->rule.invert && r->rule.mark == 0x2a17 &&
		  r->rule.mask == UINT32_MAX && r->rule.family == AF_INET6);
	ck_assert_str_eq(journal_at(j, 4)->text, "inet adit");
	r = journal_at(j, 5);
	ck_assert_str_eq(r->text, "/etc/re%solv conf");
	ck_assert_uint_eq(r->before.len, 3);
	ck_assert_mem_eq(r->before.data, "a\nb", 3);
	ck_assert_uint_eq(r->after.len, 0);
	ck_assert(r->existed && !r->in_place && r->mode == 0644);
	ck_assert_uint_eq(journal_at(j, 6)->after.len, 1);
	journal_close(j);
}
END_TEST

START_TEST(tells_an_earlier_boot)
{
	struct journal *j = open_as("boot-1");
	int stay = 0;

	add_some(j);
	journal_close(j);
	j = open_as("boot-2");
	ck_assert(journal_is_old(j));
	for (size_t i = 0; i < journal_count(j); i++)
		stay += !entry_ends_with_boot(journal_at(j, i));
	ck_assert_int_eq(stay, 1); /* the file */
	journal_close(j);
}
END_TEST

/* kill -9 in the middle of any write: the records before it are all there. */
START_TEST(survives_being_cut_anywhere)
{
	struct journal *j = open_as("boot-1");
	static char text[SIZE_MAX_HERE];
	size_t len, lines = 0;

	add_some(j);
	journal_close(j);
	len = read_file(text);
	for (size_t cut = 0; cut <= len; cut++) {
		if (cut > 0 && text[cut - 1] == '\n')
			lines++;
		write_file(text, cut);
		j = open_as("boot-1");
		ck_assert_uint_eq(journal_count(j), lines ? lines - 1 : 0);
		ck_assert_uint_eq(journal_bad_lines(j), 0);
		journal_close(j);
	}
	ck_assert_uint_eq(lines, 8);
}
END_TEST

START_TEST(survives_any_byte_changed)
{
	struct journal *j = open_as("boot-1");
	static char text[SIZE_MAX_HERE];
	static const char values[] = { '\0', '\n', ' ', '%', '9', '=', '\xff' };
	size_t len;

	add_some(j);
	journal_close(j);
	len = read_file(text);
	for (size_t at = 0; at < len; at++) {
		char was = text[at];

		for (size_t v = 0; v < sizeof(values); v++) {
			text[at] = values[v];
			write_file(text, len);
			j = open_as("boot-1");
			/* One line may be lost or two; never more of them. */
			ck_assert_uint_le(journal_count(j), 8);
			journal_close(j);
			remove_name("undo.journal.bad");
		}
		text[at] = was;
	}
}
END_TEST

START_TEST(sets_aside_what_is_no_journal)
{
	static const char *const texts[] = { "hello\n", "\n",
					     "adit-undo 2 x\nlink adit0 0\n",
					     "adit-undo 1 \nlink adit0 0\n" };
	struct journal *j;
	char bad[128];

	snprintf(bad, sizeof(bad), "%s/undo.journal.bad", folder);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		write_file(texts[i], strlen(texts[i]));
		j = open_as("boot-1");
		ck_assert_uint_eq(journal_count(j), 0);
		ck_assert_uint_eq(journal_bad_lines(j), 1);
		journal_close(j);
		ck_assert_int_eq(unlink(bad), 0);
		ck_assert_int_eq(access(path, F_OK), -1);
	}
}
END_TEST

START_TEST(skips_lines_that_are_no_records)
{
	static const char *const lines[] = {
		"link",
		"link adit0",
		"link adit0 x",
		"link adit0 0 0",
		"link 0123456789abcdef 0",
		"link adit0 4294967295",
		"address adit0 10.0.0.0/33",
		"route 21004",
		"route 99999999999 10.0.0.0/8",
		"rule 5 1 1 1 1 1",
		"rule 4 1 2 1 1 1",
		"file /etc/x 1 0 99999 a b",
		"file = 1 0 420 a b",
		"file %00 1 0 420 a b",
		"file /x 1 0 420 %4 b",
		"file /x 1 0 420 %GG b",
		"file /x 1 0 420 a",
		"nft",
		"call",
		"proc /x a",
		"",
		" ",
		"unknown x",
		"route 21004  10.0.0.0/8",
	};
	struct entry r;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		ck_assert_msg(entry_parse(lines[i], strlen(lines[i]), &r) ==
				      -EBADMSG,
			      "\"%s\" was taken", lines[i]);
	printf("note: %zu malformed records refused\n", ARRAY_SIZE(lines));
}
END_TEST

START_TEST(refuses_a_second_process_and_tells_the_first)
{
	struct journal *j = open_as("boot-1"), *second;
	pid_t other = 0;

	ck_assert_int_eq(journal_open(folder, "boot-1", &second, &other),
			 -EBUSY);
	ck_assert_int_eq(other, getpid());
	journal_close(j);
	j = open_as("boot-1");
	journal_close(j);
}
END_TEST

START_TEST(refuses_what_others_could_have_written)
{
	struct journal *j = open_as("boot-1");
	pid_t other;

	add_some(j);
	journal_close(j);
	ck_assert_int_eq(chmod(path, 0620), 0);
	ck_assert_int_eq(journal_open(folder, "boot-1", &j, &other), -EPERM);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_eq(journal_open(folder, "boot-1", &j, &other), -ELOOP);
}
END_TEST

START_TEST(records_one_thing_once)
{
	struct journal *j = open_as("boot-1");
	struct entry r = route_record("10.0.0.0/8");

	add(j, r);
	ck_assert_int_eq(journal_add(j, &r), 0);
	ck_assert_uint_eq(journal_count(j), 1);
	r = route_record("10.0.0.0/9");
	ck_assert_int_eq(journal_add(j, &r), 1);
	journal_close(j);
}
END_TEST

/* The device is undone last, so its record must stay the first. */
START_TEST(learns_an_index_in_its_place)
{
	struct journal *j = open_as("boot-1");
	struct entry known = link_record(7);

	add(j, link_record(0));
	add(j, route_record("10.0.0.0/8"));
	ck_assert_int_eq(journal_add(j, &known), 0);
	journal_close(j);
	j = open_as("boot-1");
	ck_assert_uint_eq(journal_count(j), 2);
	ck_assert_int_eq(journal_at(j, 0)->kind, ENTRY_LINK);
	ck_assert_uint_eq(journal_at(j, 0)->ifindex, 7);
	journal_close(j);
}
END_TEST

START_TEST(goes_back_to_a_files_first_content)
{
	struct journal *j = open_as("boot-1");

	add(j, file_record("/x", "theirs", "ours 1"));
	ck_assert_int_eq(journal_settle(j), 0);
	add(j, file_record("/x", "ours 1", "ours 2"));
	/* Until it is made there are two steps, each undone by itself. */
	ck_assert_uint_eq(journal_count(j), 2);
	ck_assert_int_eq(journal_settle(j), 0);
	journal_close(j);
	j = open_as("boot-1");
	ck_assert_uint_eq(journal_count(j), 1);
	ck_assert_mem_eq(journal_at(j, 0)->before.data, "theirs", 6);
	ck_assert_mem_eq(journal_at(j, 0)->after.data, "ours 2", 6);
	journal_close(j);
}
END_TEST

START_TEST(leaves_no_file_when_all_is_undone)
{
	struct journal *j = open_as("boot-1");

	add_some(j);
	while (journal_count(j) > 3)
		journal_forget(j, journal_count(j) - 1);
	ck_assert_int_eq(journal_flush(j), 0);
	journal_close(j);
	j = open_as("boot-2");
	ck_assert_uint_eq(journal_count(j), 3);
	while (journal_count(j) > 0)
		journal_forget(j, 0);
	ck_assert_int_eq(journal_flush(j), 0);
	ck_assert_int_eq(access(path, F_OK), -1);
	add(j, link_record(0));
	ck_assert_int_eq(access(path, F_OK), 0);
	journal_close(j);
}
END_TEST

START_TEST(does_not_grow_without_end)
{
	struct journal *j = open_as("boot-1");
	static char text[SIZE_MAX_HERE];

	for (unsigned int i = 0; i < 20000; i++) {
		add(j, route_record("10.0.0.0/8"));
		journal_forget(j, 0);
	}
	add(j, route_record("10.0.0.0/8"));
	ck_assert_uint_lt(read_file(text), 16384);
	journal_close(j);
	j = open_as("boot-1");
	ck_assert_uint_eq(journal_count(j), 1);
	journal_close(j);
}
END_TEST

/* A program that the daemon starts must not keep the lock. */
START_TEST(hands_nothing_to_children)
{
	struct journal *j = open_as("boot-1");
	int found = 0;

	add(j, link_record(0));
	for (int fd = 3; fd < 64; fd++) {
		char name[32], target[128] = "";

		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		if (readlink(name, target, sizeof(target) - 1) < 0 ||
		    strncmp(target, folder, strlen(folder)) != 0)
			continue;
		ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		found++;
	}
	ck_assert_int_eq(found, 3); /* folder, lock, journal */
	journal_close(j);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("journal");
	TCase *t = tcase_create("file");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, reads_back_what_it_recorded);
	tcase_add_test(t, tells_an_earlier_boot);
	tcase_add_test(t, survives_being_cut_anywhere);
	tcase_add_test(t, survives_any_byte_changed);
	tcase_add_test(t, sets_aside_what_is_no_journal);
	tcase_add_test(t, skips_lines_that_are_no_records);
	tcase_add_test(t, refuses_a_second_process_and_tells_the_first);
	tcase_add_test(t, refuses_what_others_could_have_written);
	tcase_add_test(t, records_one_thing_once);
	tcase_add_test(t, learns_an_index_in_its_place);
	tcase_add_test(t, goes_back_to_a_files_first_content);
	tcase_add_test(t, leaves_no_file_when_all_is_undone);
	tcase_add_test(t, does_not_grow_without_end);
	tcase_add_test(t, hands_nothing_to_children);
	suite_add_tcase(s, t);
	return suite_run(s);
}
