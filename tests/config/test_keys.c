/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each key of the table, in every form, gets values that it should not have.
 * The texts in tests/config/data/ hold every key there is. */
#include <check.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/json.h"
#include "config/keys.h"
#include "config/profile.h"
#include "config/profile_read.h"
#include "tests/lib/suite.h"

#define DATA "tests/config/data/"

static struct config_report report;
static char *printed; /* the report as lines */

/* A part of a profile is judged key by key only. */
static int parse_part(const char *text, enum profile_form form)
{
	struct profile *p = calloc(1, sizeof(*p));
	struct json *j;
	int r;

	ck_assert_ptr_nonnull(p);
	report = (struct config_report) { 0 };
	ck_assert_int_eq(json_parse(text, strlen(text), &j, &report), 0);
	r = profile_read_part(p, j, form, &report);
	json_destroy(j);
	profile_destroy(p);
	return report.errors > 0 ? -EINVAL : r;
}

static int parse(const char *text, enum profile_form form)
{
	struct profile *p = NULL;
	size_t len;
	FILE *to;
	int r;

	if (form > PROFILE_FORM_PAYLOAD)
		r = parse_part(text, form);
	else
		r = profile_parse(text, strlen(text), PROFILE_FOR_CHECK, &p,
				  &report);
	profile_destroy(p);
	free(printed);
	to = open_memstream(&printed, &len);
	ck_assert_ptr_nonnull(to);
	config_report_print(&report, "p", to);
	fclose(to);
	return r;
}

static cJSON *read_tree(const char *path)
{
	static char text[65536];
	FILE *f = fopen(path, "r");
	cJSON *tree;

	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	tree = cJSON_Parse(text);
	ck_assert_ptr_nonnull(tree);
	return tree;
}

/* The place of a key in a tree, an array standing for its first item. */
static cJSON *tree_at(cJSON *root, const char *path, cJSON **ret_parent,
		      char name[64])
{
	cJSON *at = root;

	*ret_parent = NULL;
	while (at && *path == '/') {
		size_t len = strcspn(++path, "/");

		snprintf(name, 64, "%.*s", (int)len, path);
		*ret_parent = at;
		at = strcmp(name, "*") == 0
			     ? cJSON_GetArrayItem(at, 0)
			     : cJSON_GetObjectItemCaseSensitive(at, name);
		path += len;
	}
	return at;
}

static const char *const substitutes[] = { "16", "{}", "[]", "\"\"", "null" };

/* The only ones that mean something, by the documentation. */
static bool is_legal(const struct key *k, enum profile_form form,
		     const char *substitute)
{
	const char *path = key_path(k);

	switch (*substitute) {
	case '1':
		return k->type == KEY_INT && k->min <= 16 && k->max >= 16;
	case '{':
		return k->type == KEY_IGNORED ||
		       (k->type == KEY_OBJECT &&
			(strcmp(path, "/Payload/Provider") == 0 ||
			 strcmp(path, "/Payload/NetworkRouting") == 0 ||
			 strcmp(path, "/Payload/Idle") == 0 ||
			 strcmp(path, "/Payload/OnDemand") == 0));
	case '[':
		/* A rule that evaluates needs parameters. */
		if (strstr(path, "/ActionParameters") && k->type == KEY_OBJECTS)
			return false;
		return k->type == KEY_OBJECTS ||
		       (k->type == KEY_VALUES && k->min == 0);
	case '"':
		/* An empty password does not open the example's PKCS#12, which
		 * a part does not try. */
		return k->type == KEY_VALUE && ((k->kind == VALUE_PASSWORD &&
						 form > PROFILE_FORM_PAYLOAD) ||
						k->kind == VALUE_IGNORED);
	default:
		return false;
	}
}

static void substitute(const struct key *k, enum profile_form form,
		       const cJSON *whole, const char *value, size_t *legal)
{
	cJSON *copy = cJSON_Duplicate(whole, true), *parent;
	char name[64], *text, pointer[KEY_PATH_MAX], want[KEY_PATH_MAX + 4];
	int r;

	(void)tree_at(copy, k->path[form], &parent, name);
	cJSON_ReplaceItemInObjectCaseSensitive(parent, name,
					       cJSON_Parse(value));
	text = cJSON_Print(copy);
	r = parse(text, form);
	if (is_legal(k, form, value)) {
		ck_assert_msg(r == 0, "%s = %s\n%s", k->path[form], value,
			      printed);
		(*legal)++;
	} else {
		ck_assert_msg(r == -EINVAL, "%s = %s was accepted",
			      k->path[form], value);
		snprintf(pointer, sizeof(pointer), "%s", k->path[form]);
		for (char *c = pointer; *c; c++)
			*c = *c == '*' ? '0' : *c;
		/* The key itself, or what is missing inside it. */
		snprintf(want, sizeof(want), ": %s", pointer);
		ck_assert_msg(strstr(printed, want), "%s = %s\n%s",
			      k->path[form], value, printed);
	}
	free(text);
	cJSON_Delete(copy);
}

static const struct {
	const char *file;
	enum profile_form form;
} wholes[] = {
	{ DATA "declaration.json", PROFILE_FORM_DECLARATION },
	{ DATA "declaration-files.json", PROFILE_FORM_DECLARATION },
	{ DATA "declaration-reference.json", PROFILE_FORM_DECLARATION },
	{ DATA "payload.json", PROFILE_FORM_PAYLOAD },
	{ DATA "payload-files.json", PROFILE_FORM_PAYLOAD },
	{ DATA "asset.json", PROFILE_FORM_ASSET },
	{ DATA "credential.json", PROFILE_FORM_CREDENTIAL },
};

/* The first text of this form that has the key. */
static cJSON *tree_with(const struct key *k, enum profile_form form)
{
	cJSON *whole = NULL, *parent;
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(wholes); i++) {
		if (wholes[i].form != form)
			continue;
		whole = read_tree(wholes[i].file);
		if (tree_at(whole, k->path[form], &parent, name))
			return whole;
		cJSON_Delete(whole);
	}
	ck_abort_msg("%s is in no test profile", k->path[form]);
	return NULL;
}

START_TEST(judges_every_key_with_five_odd_values)
{
	static const char *const forms[] = { "declaration", "older payload",
					     "asset", "its data" };
	size_t tried = 0, legal = 0;

	for (enum profile_form form = 0; form < PROFILE_FORMS; form++) {
		size_t covered = 0;

		for (const struct key *k = keys; k < keys + key_count; k++) {
			cJSON *whole;

			if (!k->path[form] || k->type == KEY_REFUSED)
				continue;
			whole = tree_with(k, form);
			for (size_t i = 0; i < ARRAY_SIZE(substitutes); i++)
				substitute(k, form, whole, substitutes[i],
					   &legal);
			cJSON_Delete(whole);
			covered++;
		}
		printf("note: %s: %zu keys\n", forms[form], covered);
		tried += covered * ARRAY_SIZE(substitutes);
	}
	printf("note: %zu substitutions: %zu refused by name, %zu legal\n",
	       tried, tried - legal, legal);
}
END_TEST

/* U18 */
START_TEST(takes_flags_as_true_false_1_and_0_alone)
{
	static const char *const values[] = { "true",  "false",	  "1",	"0",
					      "\"1\"", "2",	  "-1", "1.0",
					      "1e0",   "\"true\"" };
	size_t count = 0;

	for (enum profile_form form = 0; form < PROFILE_FORM_ASSET; form++) {
		for (const struct key *k = keys; k < keys + key_count; k++) {
			cJSON *whole, *parent;
			char name[64], *text;

			if (k->type != KEY_FLAG || !k->path[form] ||
			    strcmp(k->path[form], "/PayloadEnabled") == 0)
				continue;
			for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
				whole = tree_with(k, form);
				(void)tree_at(whole, k->path[form], &parent,
					      name);
				cJSON_ReplaceItemInObjectCaseSensitive(
					parent, name,
					cJSON_CreateRaw(values[i]));
				text = cJSON_Print(whole);
				ck_assert_msg((parse(text, form) == 0) ==
						      (i < 4),
					      "%s = %s\n%s", k->path[form],
					      values[i], printed);
				free(text);
				cJSON_Delete(whole);
			}
			count++;
		}
	}
	printf("note: %zu flags, each with %zu values\n", count,
	       ARRAY_SIZE(values));
}
END_TEST

/* Where others' habits deserve more than "unknown key", they get it. */
START_TEST(refuses_every_key_of_others_with_what_to_do)
{
	size_t count = 0;

	for (const struct key *k = keys; k < keys + key_count; k++) {
		enum profile_form form = k->path[0] ? PROFILE_FORM_DECLARATION
						    : PROFILE_FORM_PAYLOAD;
		char above[KEY_PATH_MAX], name[64], *text;
		cJSON *whole, *at, *parent;

		if (k->type != KEY_REFUSED)
			continue;
		whole = read_tree(form ? DATA "payload.json"
				       : DATA "declaration.json");
		snprintf(above, sizeof(above), "%s", k->path[form]);
		*strrchr(above, '/') = '\0';
		at = above[0] ? tree_at(whole, above, &parent, name) : whole;
		cJSON_AddStringToObject(at, key_name(k, form), "x");
		text = cJSON_Print(whole);
		ck_assert_int_eq(parse(text, form), -EINVAL);
		ck_assert_msg(strstr(printed, k->note) &&
				      strstr(printed, k->path[form]),
			      "%s", printed);
		free(text);
		cJSON_Delete(whole);
		count++;
	}
	printf("note: %zu keys of others refused\n", count);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keys");
	TCase *t = tcase_create("keys");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, judges_every_key_with_five_odd_values);
	tcase_add_test(t, takes_flags_as_true_false_1_and_0_alone);
	tcase_add_test(t, refuses_every_key_of_others_with_what_to_do);
	suite_add_tcase(s, t);
	return suite_run(s);
}
