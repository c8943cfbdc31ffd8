/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/schema.h"
#include "tests/lib/suite.h"

static const struct {
	const char *file;
	void (*print)(FILE *to);
	/* The forms behind "else" and "then". */
	enum profile_form other, marked;
} schemas[] = {
	{ "profile.schema.json", schema_print_profile, PROFILE_FORM_DECLARATION,
	  PROFILE_FORM_PAYLOAD },
	{ "asset.schema.json", schema_print_asset, PROFILE_FORM_CREDENTIAL,
	  PROFILE_FORM_ASSET },
};

static char *printed_schema(int i)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(to);
	schemas[i].print(to);
	fclose(to);
	return text;
}

/* On failure: cp build/NAME config/ */
START_TEST(is_what_the_published_file_says)
{
	static char published[1 << 18];
	char *text = printed_schema(_i), path[64];
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "config/%s", schemas[_i].file);
	f = fopen(path, "r");
	if (f) {
		len = fread(published, 1, sizeof(published) - 1, f);
		ck_assert_uint_lt(len, sizeof(published) - 1);
		fclose(f);
	}
	published[len] = '\0';
	snprintf(path, sizeof(path), "build/%s", schemas[_i].file);
	if (strcmp(text, published) != 0) {
		f = fopen(path, "w");
		ck_assert_ptr_nonnull(f);
		fputs(text, f);
		fclose(f);
	}
	ck_assert_msg(strcmp(text, published) == 0,
		      "config/%s is old: the new one is %s", schemas[_i].file,
		      path);
	free(text);
}
END_TEST

/* From a path of the table to the place in the schema. */
static const cJSON *place(const cJSON *schema, const char *path)
{
	while (schema && *path == '/') {
		size_t len = strcspn(++path, "/");
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		if (strcmp(name, "*") == 0)
			schema = cJSON_GetObjectItemCaseSensitive(schema,
								  "items");
		else
			schema = cJSON_GetObjectItemCaseSensitive(
				cJSON_GetObjectItemCaseSensitive(schema,
								 "properties"),
				name);
		path += len;
	}
	return schema;
}

static size_t described(const cJSON *root, enum profile_form form)
{
	size_t count = 0;

	for (const struct key *k = keys; k < keys + key_count; k++) {
		const cJSON *at, *description;

		if (!k->path[form] || k->type == KEY_REFUSED)
			continue;
		at = place(root, k->path[form]);
		ck_assert_msg(at, "%s", k->path[form]);
		description =
			cJSON_GetObjectItemCaseSensitive(at, "description");
		ck_assert_str_eq(description->valuestring, k->text);
		count++;
	}
	return count;
}

START_TEST(describes_every_key_in_every_form)
{
	size_t count = 0;

	for (int i = 0; i < (int)ARRAY_SIZE(schemas); i++) {
		char *text = printed_schema(i);
		cJSON *schema = cJSON_Parse(text);

		ck_assert_ptr_nonnull(schema);
		count += described(
			cJSON_GetObjectItemCaseSensitive(schema, "else"),
			schemas[i].other);
		count += described(
			cJSON_GetObjectItemCaseSensitive(schema, "then"),
			schemas[i].marked);
		cJSON_Delete(schema);
		free(text);
	}
	printf("note: %zu keys described\n", count);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("schema");
	TCase *t = tcase_create("schema");

	tcase_add_loop_test(t, is_what_the_published_file_says, 0,
			    (int)ARRAY_SIZE(schemas));
	tcase_add_test(t, describes_every_key_in_every_form);
	suite_add_tcase(s, t);
	return suite_run(s);
}
