/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/profiles.h"
#include "tests/lib/suite.h"

static char folder[64];
static struct profiles store;
static struct config_report report;

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/adit-profiles-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(profiles_init(&store, folder, PROFILE_FOR_CHECK), 0);
}

static void remove_folder(void)
{
	char command[128];

	profiles_fini(&store);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static const char *path_of(const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	return path;
}

static void write_profile(const char *file, const char *visible_name)
{
	FILE *f = fopen(path_of(file), "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f,
		"{\"Type\": \"" PROFILE_TYPE "\", \"Identifier\": \"x\","
		"\"Payload\": {\"VisibleName\": \"%s\", \"SubType\": "
		"\"" PROFILE_SUB_TYPE "\", \"HostName\": \"192.0.2.1\","
		"\"Authentication\": {\"Method\": \"Certificate\"},"
		"\"VendorConfig\": {\"CAFile\": \"/x\", \"Identity\": "
		"{\"CertificateFile\": \"/x\", \"PrivateKeyFile\": \"/x\"}}}}",
		visible_name);
	fclose(f);
	ck_assert_int_eq(chmod(path_of(file), 0600), 0);
}

static void write_text(const char *file, const char *text)
{
	FILE *f = fopen(path_of(file), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static struct profile_entry *find(const char *name)
{
	bool ambiguous;

	return profiles_find(&store, name, &ambiguous);
}

static void has_problem(const char *name, const char *text)
{
	const struct config_error *why = profiles_problem(find(name));

	ck_assert_ptr_nonnull(why);
	ck_assert_msg(strstr(why->text, text), "\"%s\"", why->text);
}

/* Found by a look at `list`, which had no word about a profile that every
 * connect refused. */
START_TEST(knows_that_a_good_profile_cannot_be_used_here)
{
	write_profile("a.json", "x");
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert(!find("a")->broken && find("a")->unfit);
	ck_assert_ptr_nonnull(find("a")->profile);
	has_problem("a", "/x: there is no such file");
	ck_assert_str_eq(find("a")->obstacle.pointer,
			 "/Payload/VendorConfig/CAFile");

	/* It is told once, until it is another. */
	find("a")->told = true;
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert(find("a")->told);
	ck_assert_int_eq(find("a")->change, PROFILES_SAME);
	write_text("a.json", "{");
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert(!find("a")->told);
	has_problem("a", "cut off");
	write_profile("a.json", "x");
	ck_assert_int_eq(profiles_reload(&store), 0);
	has_problem("a", "/x: there is no such file");

	unlink(path_of("a.json"));
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_ptr_null(profiles_problem(store.entries[0]));
}
END_TEST

START_TEST(has_no_problem_with_what_can_be_used)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "cp config/examples/home.json %s && chmod 600 %s/home.json",
		 folder, folder);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_ptr_null(profiles_problem(find("home")));
	ck_assert_int_eq(chmod(path_of("home.json"), 0644), 0);
	ck_assert_int_eq(profiles_reload(&store), 0);
	has_problem("home", "others may read it (mode 0644)");
}
END_TEST

/* Whoever may write there could give this machine another tunnel. */
START_TEST(takes_nothing_from_a_folder_that_others_may_change)
{
	write_profile("a.json", "A");
	ck_assert_int_eq(profiles_reload(&store), 0);
	write_profile("a.json", "B");
	write_profile("b.json", "B");
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(chmod(folder, i ? 0777 : 0775), 0);
		ck_assert_int_eq(profiles_reload(&store), -EPERM);
		ck_assert_uint_eq(store.count, 1);
		ck_assert_str_eq(find("a")->profile->visible_name, "A");
		ck_assert_int_eq(profiles_add(folder, path_of("b.json"), "c",
					      false, &report),
				 -EPERM);
	}
	ck_assert_int_eq(access(path_of("c.json"), F_OK), -1);
	ck_assert_int_eq(chmod(folder, 0755), 0);
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_uint_eq(store.count, 2);
	ck_assert_str_eq(find("a")->profile->visible_name, "B");
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chown(folder, 1234, 1234), 0);
	ck_assert_int_eq(profiles_reload(&store), -EPERM);
	ck_assert_int_eq(chown(folder, 0, 0), 0);
}
END_TEST

START_TEST(lists_profiles_in_the_order_of_file_names)
{
	static const char *const files[] = { "b.json", "a.json", "a-b.json",
					     "Z.json", "10.json" };
	static const char *const order[] = { "10", "Z", "a-b", "a", "b" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		write_profile(files[i], "x");
	write_text(".new-abc", "half a profile");
	write_text(".hidden.json", "not a profile");
	write_text("a.json~", "an editor's");
	write_text("notes.txt", "a person's");
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_uint_eq(store.count, ARRAY_SIZE(order));
	for (size_t i = 0; i < store.count; i++) {
		ck_assert_str_eq(store.entries[i]->name, order[i]);
		ck_assert_int_eq(store.entries[i]->change, PROFILES_ADDED);
	}
}
END_TEST

START_TEST(has_none_without_a_folder)
{
	struct profiles none;

	ck_assert_int_eq(profiles_init(&none, "/nonexistent/adit", 0), 0);
	ck_assert_int_eq(profiles_reload(&none), 0);
	ck_assert_uint_eq(none.count, 0);
	profiles_fini(&none);
	write_text("file", "");
	ck_assert_int_eq(profiles_init(&none, path_of("file"), 0), 0);
	ck_assert_int_eq(profiles_reload(&none), -ENOTDIR);
	profiles_fini(&none);
}
END_TEST

START_TEST(says_what_changed)
{
	const struct profile *first;

	write_profile("a.json", "A");
	write_profile("b.json", "B");
	ck_assert_int_eq(profiles_reload(&store), 0);
	first = find("a")->profile;
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_int_eq(find("a")->change, PROFILES_SAME);
	ck_assert_int_eq(find("b")->change, PROFILES_SAME);
	ck_assert_ptr_nonnull(first);

	write_profile("b.json", "B2");
	write_profile("c.json", "C");
	ck_assert_int_eq(unlink(path_of("a.json")), 0);
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_uint_eq(store.count, 3);
	ck_assert_int_eq(store.entries[0]->change, PROFILES_REMOVED);
	ck_assert_str_eq(store.entries[0]->profile->visible_name, "A");
	ck_assert_ptr_null(find("a"));
	ck_assert_int_eq(find("b")->change, PROFILES_CHANGED);
	ck_assert_str_eq(find("b")->profile->visible_name, "B2");
	ck_assert_int_eq(find("c")->change, PROFILES_ADDED);

	/* Gone at once for who asks, else with the next reload. */
	profiles_prune(&store);
	ck_assert_uint_eq(store.count, 2);
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_uint_eq(store.count, 2);
	write_profile("a.json", "A");
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_int_eq(find("a")->change, PROFILES_ADDED);
}
END_TEST

START_TEST(keeps_the_old_profile_when_the_file_turns_bad)
{
	write_profile("a.json", "A");
	write_text("never.json", "{");
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_ptr_null(find("never")->profile);
	ck_assert(find("never")->broken);
	ck_assert_int_eq(find("never")->change, PROFILES_BROKEN);

	write_text("a.json", "{\"Type\": ");
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_int_eq(find("a")->change, PROFILES_BROKEN);
	ck_assert(find("a")->broken);
	ck_assert_uint_eq(find("a")->report.errors, 1);
	ck_assert_str_eq(find("a")->profile->visible_name, "A");
	/* It is told once, and again when it is bad in another way. */
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_int_eq(find("a")->change, PROFILES_SAME);
	ck_assert_int_eq(find("never")->change, PROFILES_SAME);
	write_text("a.json", "[]");
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_int_eq(find("a")->change, PROFILES_BROKEN);

	write_profile("a.json", "A");
	write_profile("never.json", "N");
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_int_eq(find("a")->change, PROFILES_SAME);
	ck_assert(!find("a")->broken);
	ck_assert_int_eq(find("never")->change, PROFILES_ADDED);
}
END_TEST

START_TEST(survives_what_is_no_file)
{
	write_profile("a.json", "A");
	ck_assert_int_eq(mkfifo(path_of("fifo.json"), 0600), 0);
	ck_assert_int_eq(mkdir(path_of("dir.json"), 0700), 0);
	ck_assert_int_eq(symlink("loop.json", path_of("loop.json")), 0);
	write_profile("open.json", "O");
	ck_assert_int_eq(chmod(path_of("open.json"), 0666), 0);
	write_profile("a name with spaces.json", "S");
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_uint_eq(store.count, 6);
	for (size_t i = 0; i < store.count; i++) {
		const struct profile_entry *e = store.entries[i];

		ck_assert_int_eq(e->broken, strcmp(e->name, "a") != 0);
		ck_assert_int_eq(e->profile != NULL, !e->broken);
	}
	ck_assert(strstr(
		config_report_first(&find("a name with spaces")->report)->text,
		"a profile's name"));
}
END_TEST

START_TEST(finds_by_file_name_before_visible_name)
{
	bool ambiguous;

	write_profile("work.json", "Office");
	write_profile("home.json", "work");
	write_profile("x.json", "Same");
	write_profile("y.json", "Same");
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_str_eq(find("work")->profile->visible_name, "Office");
	ck_assert_str_eq(find("Office")->name, "work");
	ck_assert_ptr_null(profiles_find(&store, "Same", &ambiguous));
	ck_assert(ambiguous);
	ck_assert_ptr_null(profiles_find(&store, "office", &ambiguous));
	ck_assert(!ambiguous);
}
END_TEST

START_TEST(adds_a_checked_copy)
{
	char sub[128];
	struct stat st;

	write_profile("source.json", "S");
	ck_assert_int_eq(chmod(path_of("source.json"), 0644), 0);
	snprintf(sub, sizeof(sub), "%s/profiles", folder);
	ck_assert_int_eq(
		profiles_add(sub, path_of("source.json"), NULL, false, &report),
		0);
	ck_assert_int_eq(stat(path_of("profiles/source.json"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_uint_eq(st.st_nlink, 1);

	/* What is there stays unless somebody says so. */
	write_profile("source.json", "S2");
	ck_assert_int_eq(
		profiles_add(sub, path_of("source.json"), NULL, false, &report),
		-EEXIST);
	ck_assert_int_eq(
		profiles_add(sub, path_of("source.json"), NULL, true, &report),
		0);
	ck_assert_int_eq(profiles_add(sub, path_of("source.json"), "other",
				      false, &report),
			 0);

	/* A bad one is never written, and nothing is left of the try. */
	write_text("source.json", "{");
	ck_assert_int_eq(
		profiles_add(sub, path_of("source.json"), "bad", true, &report),
		-EINVAL);
	ck_assert_uint_eq(report.errors, 1);
	ck_assert_int_eq(
		profiles_add(sub, "/nonexistent", "bad", true, &report),
		-EINVAL);
	profiles_fini(&store);
	ck_assert_int_eq(profiles_init(&store, sub, PROFILE_FOR_CHECK), 0);
	ck_assert_int_eq(profiles_reload(&store), 0);
	ck_assert_uint_eq(store.count, 2);
	ck_assert_str_eq(find("source")->profile->visible_name, "S2");

	ck_assert_int_eq(profiles_remove(sub, "source"), 0);
	ck_assert_int_eq(profiles_remove(sub, "source"), -ENOENT);
	ck_assert_int_eq(profiles_remove(sub, "other"), 0);
	ck_assert_int_eq(profiles_remove(sub, "../source"), -EINVAL);
	/* Empty, temporary files included. */
	ck_assert_int_eq(rmdir(sub), 0);
}
END_TEST

START_TEST(takes_names_that_are_no_paths)
{
	static const char *const good[] = { "work", "a.b", "A_1-2", "9" };
	static const char *const bad[] = { "",	       ".",   "..",
					   ".a",       "a/b", "a b",
					   "\xc3\xa4", "a\n", "../../etc/x" };
	char longest[PROFILE_NAME_MAX + 1];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ck_assert(profile_name_valid(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert(!profile_name_valid(bad[i]));
	memset(longest, 'a', sizeof(longest));
	longest[PROFILE_NAME_MAX] = '\0';
	ck_assert(!profile_name_valid(longest));
	longest[PROFILE_NAME_MAX - 1] = '\0';
	ck_assert(profile_name_valid(longest));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("profiles");
	TCase *t = tcase_create("folder");

	tcase_add_checked_fixture(t, make_folder, remove_folder);
	tcase_add_test(t, knows_that_a_good_profile_cannot_be_used_here);
	tcase_add_test(t, has_no_problem_with_what_can_be_used);
	tcase_add_test(t, takes_nothing_from_a_folder_that_others_may_change);
	tcase_add_test(t, lists_profiles_in_the_order_of_file_names);
	tcase_add_test(t, has_none_without_a_folder);
	tcase_add_test(t, says_what_changed);
	tcase_add_test(t, keeps_the_old_profile_when_the_file_turns_bad);
	tcase_add_test(t, survives_what_is_no_file);
	tcase_add_test(t, finds_by_file_name_before_visible_name);
	tcase_add_test(t, adds_a_checked_copy);
	tcase_add_test(t, takes_names_that_are_no_paths);
	suite_add_tcase(s, t);
	return suite_run(s);
}
