/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "config/json.h"
#include "tests/lib/suite.h"

static struct config_report report;

/* In memory of exactly this size, so that a sanitizer sees every byte that is
 * read too far. */
static int parse(const char *text, size_t len, char **ret_copy,
		 struct json **ret_json)
{
	char *copy = malloc(len ? len : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, len);
	*ret_copy = copy;
	report = (struct config_report) { 0 };
	return json_parse(copy, len, ret_json, &report);
}

static const struct {
	const char *text;
	size_t len; /* 0: strlen */
	uint32_t line, column;
	const char *pointer, *wrong;
} bad[] = {
	{ "", 0, 1, 1, "", "empty" },
	{ " \n\t ", 0, 1, 1, "", "empty" },
	{ "{", 0, 1, 2, "", "ends where a key" },
	{ "[1,\n 2,\n  x]", 0, 3, 3, "/2", "bare word" },
	{ "{\"a\": 1,}", 0, 1, 9, "", "comma before the closing brace" },
	{ "[1, ]", 0, 1, 5, "", "comma before the closing bracket" },
	{ "[1 2]", 0, 1, 4, "", "'2' stands where a comma" },
	{ "{\"a\" 1}", 0, 1, 6, "", "where a colon should" },
	{ "{a: 1}", 0, 1, 2, "", "a key in double quotes" },
	{ "{'a': 1}", 0, 1, 2, "", "double quotes" },
	{ "{ /* no */ }", 0, 1, 3, "", "no comments" },
	{ "{} x", 0, 1, 4, "", "follows the end" },
	{ "{}{}", 0, 1, 3, "", "follows the end" },
	{ "1\0", 2, 1, 2, "", "zero byte" },
	{ "\"a\0b\"", 5, 1, 3, "", "zero byte" },
	{ "\"\\u0000\"", 0, 1, 2, "", "\\u0000" },
	{ "\"\xff\"", 0, 1, 2, "", "not UTF-8" },
	{ "\"\xc0\x80\"", 0, 1, 2, "", "not UTF-8" },
	{ "\"\xed\xa0\x80\"", 0, 1, 2, "", "not UTF-8" },
	{ "\"\xf4\x90\x80\x80\"", 0, 1, 2, "", "not UTF-8" },
	{ "\"\xc3", 0, 1, 2, "", "not UTF-8" },
	{ "\xef\xbb\xbf{}", 0, 1, 1, "", "byte order mark" },
	{ "{\"a\": 1, \"b\": {\"c\": 1, \"c\": 2}}", 0, 1, 24, "/b", "twice" },
	{ "{\"a\": 1, \"\\u0061\": 2}", 0, 1, 10, "",
	  "\"a\" stands here twice" },
	{ "\"a\nb\"", 0, 1, 3, "", "control character" },
	{ "\"\\x\"", 0, 1, 2, "", "no such escape" },
	{ "\"\\u12g4\"", 0, 1, 6, "", "four hex digits" },
	{ "\"\\ud800\"", 0, 1, 2, "", "surrogate" },
	{ "\"\\udc00\"", 0, 1, 2, "", "surrogate" },
	{ "\"\\ud800\\u0041\"", 0, 1, 2, "", "surrogate" },
	{ "\"\\ud800\\n\"", 0, 1, 2, "", "surrogate" },
	{ "\"\\udc00\\ud800\"", 0, 1, 2, "", "surrogate" },
	{ "\"\\ud83d\\ude0\"", 0, 1, 13, "", "four hex digits" },
	{ "\"\\ud83d\\u\"", 0, 1, 10, "", "four hex digits" },
	{ "\"\\ud83d\\u0000\"", 0, 1, 2, "", "surrogate" },
	{ "\"\\U0041\"", 0, 1, 2, "", "no such escape" },
	{ "\"C:\\temp\\adit\"", 0, 1, 9, "", "written \\\\" },
	{ "{\"a/b\": 1, \"a\\/b\": 2}", 0, 1, 12, "",
	  "\"a/b\" stands here twice" },
	{ "{\"\\ud83d\\ude00\": 1, \"\xf0\x9f\x98\x80\": 2}", 0, 1, 21, "",
	  "stands here twice" },
	{ "\"open", 0, 1, 1, "", "not closed" },
	{ "\"open\\", 0, 1, 1, "", "not closed" },
	{ "01", 0, 1, 1, "", "does not start with 0" },
	{ "-", 0, 1, 2, "", "a digit" },
	{ "1.", 0, 1, 3, "", "a digit" },
	{ "1e", 0, 1, 3, "", "a digit" },
	{ "+1", 0, 1, 1, "", "a value" },
	{ ".5", 0, 1, 1, "", "a value" },
	{ "1234567890123456", 0, 1, 1, "", "too big" },
	{ "-1234567890123456", 0, 1, 2, "", "too big" },
	{ "0x10", 0, 1, 1, "", "decimal digits only" },
	{ "[-0x1]", 0, 1, 3, "/0", "decimal digits only" },
	{ "1_000", 0, 1, 1, "", "decimal digits only" },
	{ "10n", 0, 1, 1, "", "decimal digits only" },
	{ "1e5f", 0, 1, 1, "", "decimal digits only" },
	{ "1.2.3", 0, 1, 4, "", "follows the end" },
	{ "1.e5", 0, 1, 3, "", "a digit" },
	{ "1e+", 0, 1, 4, "", "a digit" },
	{ "--1", 0, 1, 2, "", "a digit" },
	{ "-01", 0, 1, 2, "", "does not start with 0" },
	{ "[1,000]", 0, 1, 4, "/1", "does not start with 0" },
	/* A column is a character: a tab is one, and so is a CR. */
	{ "{\r\n\t\"a\":\t?}", 0, 2, 7, "/a", "a value" },
	{ "[1,\r2 3]", 0, 1, 7, "", "a comma" },
	{ "[\"\xf0\x9f\x98\x80\",\n\"\xc3\xa9\" \"x\"]", 0, 2, 5, "",
	  "a comma" },
	{ "\xe2\x80\x9c", 0, 1, 1, "", "typographic quote" },
	{ "{\xe2\x80\x99x", 0, 1, 2, "", "typographic quote" },
	{ "\xe2\x82\xac", 0, 1, 1, "", "expected a value" },
	{ " <plist>", 0, 1, 2, "", "this is XML" },
	{ "[<]", 0, 1, 2, "/0", "'<' stands where" },
	{ "\xff\xfe{\0}\0", 6, 1, 1, "", "UTF-16" },
	{ "\xfe\xff\0{\0}", 6, 1, 1, "", "UTF-16" },
	{ "NaN", 0, 1, 1, "", "bare word" },
	{ "Infinity", 0, 1, 1, "", "bare word" },
	{ "True", 0, 1, 1, "", "did you mean true?" },
	{ "[nul]", 0, 1, 2, "/0", "did you mean null?" },
	{ "{\"\xc3\xa4\": \"\xc3\xb6\", \"x\": ?}", 0, 1, 17, "/x", "a value" },
	/* A value is blamed by its own name, and what is around it by its. */
	{ "{\"a\": {\"Port\": 1234567890123456}}", 0, 1, 16, "/a/Port",
	  "too big" },
	{ "{\"a\": {\"b\": 1 2}}", 0, 1, 15, "/a", "where a comma" },
	{ "{\"a\": [[], \"open", 0, 1, 12, "/a/1", "not closed" },
	{ "{\"a\": {}, 1", 0, 1, 11, "", "a key" },
};

START_TEST(says_where_and_what_is_wrong)
{
	const char *text = bad[_i].text;
	size_t len = bad[_i].len ? bad[_i].len : strlen(text);
	struct json *j = NULL;
	char *copy;

	ck_assert_int_eq(parse(text, len, &copy, &j), -EINVAL);
	ck_assert_ptr_null(j);
	ck_assert_uint_eq(report.errors, 1);
	ck_assert_msg(strstr(report.items[0].text, bad[_i].wrong),
		      "\"%s\" instead of \"%s\"", report.items[0].text,
		      bad[_i].wrong);
	ck_assert_uint_eq(report.items[0].line, bad[_i].line);
	ck_assert_uint_eq(report.items[0].column, bad[_i].column);
	ck_assert_str_eq(report.items[0].pointer, bad[_i].pointer);
	free(copy);
}
END_TEST

START_TEST(refuses_what_is_too_deep_long_or_wide)
{
	static char text[JSON_NODES_MAX * 8];
	struct json *j = NULL;
	size_t used = 0;
	char *copy;

	memset(text, '[', 1000);
	memset(text + 1000, ']', 1000);
	ck_assert_int_eq(parse(text, 2000, &copy, &j), -EINVAL);
	ck_assert_uint_eq(report.items[0].column, JSON_DEPTH_MAX + 1);
	free(copy);

	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	ck_assert_int_eq(parse(text, 2 * JSON_DEPTH_MAX, &copy, &j), 0);
	json_destroy(j);
	free(copy);

	text[0] = '[';
	for (used = 1; used < 2 * JSON_NODES_MAX; used += 2)
		memcpy(text + used, "1,", 2);
	memcpy(text + used, "1]", 2);
	ck_assert_int_eq(parse(text, used + 2, &copy, &j), -EINVAL);
	ck_assert(strstr(report.items[0].text, "more than 65536 values"));
	free(copy);

	used = (size_t)sprintf(text, "{");
	for (int i = 0; i <= JSON_MEMBERS_MAX; i++)
		used += (size_t)sprintf(text + used, "\"%d\":1,", i);
	ck_assert_int_eq(parse(text, used, &copy, &j), -EINVAL);
	ck_assert(strstr(report.items[0].text, "more than 1024 members"));
	free(copy);
}
END_TEST

START_TEST(knows_which_numbers_are_whole)
{
	static const char text[] = "[0, -0, 999999999999999, -7, "
				   "1.0, 1e2, 1E+2, -1.5e-3, 1e400, 0.1]";
	static const int64_t numbers[] = { 0, 0, 999999999999999, -7 };
	const struct json_node *n;
	struct json *j;
	char *copy;

	ck_assert_int_eq(parse(text, strlen(text), &copy, &j), 0);
	for (n = json_first(j, j->nodes); n; n = json_next(j, n)) {
		ck_assert_int_eq(n->type, JSON_NUMBER);
		ck_assert_int_eq(n->whole, n->index < ARRAY_SIZE(numbers));
		if (n->whole)
			ck_assert_int_eq(n->number, numbers[n->index]);
	}
	json_destroy(j);
	free(copy);
}
END_TEST

START_TEST(cuts_a_long_key_between_characters)
{
	char text[1024] = "{\"";
	struct json *j;
	char *copy;

	for (int i = 0; i < 200; i++)
		strcat(text, "\xe2\x82\xac");
	strcat(text, "\": {\"b\": x}}");
	ck_assert_int_eq(parse(text, strlen(text), &copy, &j), -EINVAL);
	ck_assert_uint_eq(strlen(report.items[0].pointer), 1 + 52 * 3);
	ck_assert_uint_eq(report.items[0].column, 212);
	free(copy);
}
END_TEST

START_TEST(keeps_values_positions_and_pointers)
{
	static const char text[] =
		"{\"a\": [true, {\"b/~\": -12}],\n"
		" \"s\": \"x\\u00e4\\ud83d\\ude00\\\"\\n\", \"n\": 1.5e3}";
	const struct json_node *n, *list;
	struct json *j;
	char *copy;

	ck_assert_int_eq(parse(text, strlen(text), &copy, &j), 0);
	list = json_find(j, "/a");
	ck_assert_uint_eq(list->count, 2);
	ck_assert_int_eq(json_item(j, list, 0)->type, JSON_TRUE);
	ck_assert_ptr_null(json_item(j, list, 2));
	n = json_member(j, json_item(j, list, 1), "b/~");
	ck_assert(n->whole);
	ck_assert_int_eq(n->number, -12);
	json_complain(j, n, NULL, false, &report, "here");
	ck_assert_str_eq(report.items[0].pointer, "/a/1/b~1~0");
	ck_assert_uint_eq(report.items[0].column, 22);
	n = json_find(j, "/s");
	ck_assert_str_eq(n->text, "x\xc3\xa4\xf0\x9f\x98\x80\"\n");
	json_complain(j, n, NULL, false, &report, "there");
	ck_assert_uint_eq(report.items[1].line, 2);
	ck_assert_uint_eq(report.items[1].column, 7);
	ck_assert(!json_find(j, "/n")->whole);
	ck_assert_ptr_null(json_find(j, "/a/b"));
	json_destroy(j);
	free(copy);
}
END_TEST

static void same_tree(const struct json *j, const struct json_node *n,
		      const cJSON *c)
{
	const cJSON *child = c->child;

	switch (n->type) {
	case JSON_NULL:
		ck_assert(cJSON_IsNull(c));
		break;
	case JSON_FALSE:
	case JSON_TRUE:
		ck_assert(n->type == JSON_TRUE ? cJSON_IsTrue(c)
					       : cJSON_IsFalse(c));
		break;
	case JSON_NUMBER:
		ck_assert(cJSON_IsNumber(c));
		if (n->whole)
			ck_assert(c->valuedouble == (double)n->number);
		break;
	case JSON_STRING:
		ck_assert(cJSON_IsString(c));
		ck_assert_str_eq(n->text, c->valuestring);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		ck_assert(n->type == JSON_ARRAY ? cJSON_IsArray(c)
						: cJSON_IsObject(c));
		break;
	}
	for (n = json_first(j, n); n; n = json_next(j, n)) {
		ck_assert_ptr_nonnull(child);
		if (n->key)
			ck_assert_str_eq(n->key, child->string);
		same_tree(j, n, child);
		child = child->next;
	}
	ck_assert_ptr_null(child);
}

static char *read_file(const char *path, size_t *ret_len)
{
	char *text = malloc(65536);
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	*ret_len = fread(text, 1, 65536, f);
	fclose(f);
	return text;
}

/* What we accept, cJSON accepts, and reads it as we do: profiles, and the same
 * with one byte changed. */
START_TEST(agrees_with_cjson_on_what_it_accepts)
{
	static const char bytes[] = "\"\\{}[],:0e-. \nnt\x80\xc3";
	size_t len, tried = 0, accepted = 0;
	unsigned int seed = 1;
	glob_t files = { 0 };

	ck_assert_int_eq(glob("config/examples/*.json", 0, NULL, &files), 0);
	ck_assert_int_eq(
		glob("tests/config/data/*.json", GLOB_APPEND, NULL, &files), 0);
	for (size_t f = 0; f < files.gl_pathc; f++) {
		char *text = read_file(files.gl_pathv[f], &len);

		for (int i = 0; i < 400; i++) {
			size_t at = (size_t)rand_r(&seed) % len;
			char old = text[at], *copy;
			struct json *j;
			cJSON *c;

			if (i > 0)
				text[at] = bytes[(size_t)rand_r(&seed) %
						 (sizeof(bytes) - 1)];
			tried++;
			if (parse(text, len, &copy, &j) == 0) {
				c = cJSON_ParseWithLength(text, len);
				ck_assert_ptr_nonnull(c);
				same_tree(j, j->nodes, c);
				cJSON_Delete(c);
				json_destroy(j);
				accepted++;
			}
			text[at] = old;
			free(copy);
		}
		free(text);
	}
	globfree(&files);
	ck_assert_uint_gt(accepted, 0);
	printf("note: %zu texts, %zu accepted and read as cJSON does\n", tried,
	       accepted);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json");
	TCase *t = tcase_create("parse");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, says_where_and_what_is_wrong, 0,
			    (int)ARRAY_SIZE(bad));
	tcase_add_test(t, refuses_what_is_too_deep_long_or_wide);
	tcase_add_test(t, knows_which_numbers_are_whole);
	tcase_add_test(t, cuts_a_long_key_between_characters);
	tcase_add_test(t, keeps_values_positions_and_pointers);
	tcase_add_test(t, agrees_with_cjson_on_what_it_accepts);
	suite_add_tcase(s, t);
	return suite_run(s);
}
