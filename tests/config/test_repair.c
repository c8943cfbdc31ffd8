/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Could somebody who has nothing but the output of `adit profile check` repair
 * the profile? tests/config/repair/ has profiles broken in the ways in which
 * people break them, and beside each what check says, to be read.
 *
 * After a change of wording, and after reading what it changes:
 *   for f in tests/config/repair/?*.json; do
 *       build/bin/adit profile check $f >${f%.json}.txt 2>&1; done */
#include <check.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

static char *said_about(const char *path)
{
	char *errors, *said;
	size_t errors_len, out_len;
	FILE *e = open_memstream(&errors, &errors_len), *o;
	char *out;

	o = open_memstream(&out, &out_len);
	ck_assert(e && o);
	ck_assert_int_eq(profile_check(path, o, e), 2);
	fclose(o);
	fclose(e);
	ck_assert_int_gt(asprintf(&said, "%s%s", errors, out), 0);
	free(errors);
	free(out);
	return said;
}

START_TEST(says_of_each_broken_profile_what_is_written_beside_it)
{
	static char expected[65536];
	glob_t files;

	ck_assert_int_eq(glob("tests/config/repair/*.json", 0, NULL, &files),
			 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		const char *path = files.gl_pathv[i];
		char *said = said_about(path), text[256];
		FILE *f;

		snprintf(text, sizeof(text), "%.*s.txt", (int)strlen(path) - 5,
			 path);
		f = fopen(text, "r");
		ck_assert_msg(f, "%s is missing", text);
		expected[fread(expected, 1, sizeof(expected) - 1, f)] = '\0';
		fclose(f);
		ck_assert_msg(strcmp(said, expected) == 0,
			      "%s says\n%s\ninstead of\n%s", path, said,
			      expected);
		free(said);
	}
	printf("note: %zu broken profiles, each with its own words\n",
	       files.gl_pathc);
	globfree(&files);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("repair");
	TCase *t = tcase_create("repair");

	tcase_add_test(t,
		       says_of_each_broken_profile_what_is_written_beside_it);
	suite_add_tcase(s, t);
	return suite_run(s);
}
