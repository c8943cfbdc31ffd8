/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each key of the table, in both forms, gets values that it should not have.
 * The texts in tests/config/data/ hold every key there is. */
#include <check.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/profile.h"
#include "tests/lib/suite.h"

#define DATA "tests/config/data/"

static struct config_report report;
static char *printed; /* the report as lines */

static int parse(const char *text, struct profile **ret_profile)
{
	int r = profile_parse(text, strlen(text), PROFILE_FOR_CHECK,
			      ret_profile, &report);
	size_t len;
	FILE *to;

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
static bool is_legal(const struct key *k, const char *substitute)
{
	const char *path = k->path[0] ? k->path[0] : k->path[1];

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
		return k->kind == VALUE_PASSWORD && k->type == KEY_VALUE;
	default:
		return false;
	}
}

static void substitute(const struct key *k, enum profile_form form,
		       const cJSON *whole, const char *value, size_t *legal)
{
	cJSON *copy = cJSON_Duplicate(whole, true), *parent;
	char name[64], *text, pointer[KEY_PATH_MAX], want[KEY_PATH_MAX + 4];
	struct profile *p = NULL;
	int r;

	(void)tree_at(copy, k->path[form], &parent, name);
	cJSON_ReplaceItemInObjectCaseSensitive(parent, name,
					       cJSON_Parse(value));
	text = cJSON_Print(copy);
	r = parse(text, &p);
	if (is_legal(k, value)) {
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
	profile_destroy(p);
	free(text);
	cJSON_Delete(copy);
}

START_TEST(judges_every_key_with_five_odd_values)
{
	static const char *const files[] = { DATA "declaration.json",
					     DATA "declaration-files.json",
					     DATA "declaration-reference.json",
					     DATA "payload.json",
					     DATA "payload-files.json" };
	size_t tried = 0, legal = 0, covered = 0;

	for (const struct key *k = keys; k < keys + key_count; k++) {
		for (enum profile_form form = 0; form < 2; form++) {
			bool found = !k->path[form] || k->type == KEY_REFUSED;

			for (size_t f = form ? 3 : 0; f < (form ? 5u : 3u);
			     f++) {
				cJSON *whole = read_tree(files[f]), *parent;
				char name[64];

				if (!found && tree_at(whole, k->path[form],
						      &parent, name)) {
					found = true;
					covered++;
					for (size_t i = 0;
					     i < ARRAY_SIZE(substitutes);
					     i++, tried++)
						substitute(k, form, whole,
							   substitutes[i],
							   &legal);
				}
				cJSON_Delete(whole);
			}
			ck_assert_msg(found, "%s is in no test profile",
				      k->path[form]);
		}
	}
	printf("note: %zu substitutions at %zu keys: %zu refused by name, %zu "
	       "legal\n",
	       tried, covered, tried - legal, legal);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keys");
	TCase *t = tcase_create("keys");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, judges_every_key_with_five_odd_values);
	suite_add_tcase(s, t);
	return suite_run(s);
}
