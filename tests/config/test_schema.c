/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/schema.h"
#include "tests/lib/suite.h"

static char *printed_schema(void)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(to);
	schema_print(to);
	fclose(to);
	return text;
}

/* On failure: cp build/profile.schema.json config/ */
START_TEST(is_what_the_published_file_says)
{
	static char published[1 << 18];
	char *text = printed_schema();
	FILE *f = fopen("config/profile.schema.json", "r");

	if (f) {
		ck_assert_uint_lt(fread(published, 1, sizeof(published) - 1, f),
				  sizeof(published) - 1);
		fclose(f);
	}
	if (strcmp(text, published) != 0) {
		f = fopen("build/profile.schema.json", "w");
		ck_assert_ptr_nonnull(f);
		fputs(text, f);
		fclose(f);
	}
	ck_assert_msg(strcmp(text, published) == 0,
		      "config/profile.schema.json is old: the new one is "
		      "build/profile.schema.json");
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

START_TEST(describes_every_key_in_both_forms)
{
	char *text = printed_schema();
	cJSON *schema = cJSON_Parse(text);
	const cJSON *forms[] = {
		cJSON_GetObjectItemCaseSensitive(schema, "else"),
		cJSON_GetObjectItemCaseSensitive(schema, "then"),
	};
	size_t described = 0;

	ck_assert_ptr_nonnull(schema);
	for (const struct key *k = keys; k < keys + key_count; k++) {
		for (int form = 0; form < 2; form++) {
			const cJSON *at, *description;

			if (!k->path[form] || k->type == KEY_REFUSED)
				continue;
			at = place(forms[form], k->path[form]);
			ck_assert_msg(at, "%s", k->path[form]);
			description = cJSON_GetObjectItemCaseSensitive(
				at, "description");
			ck_assert_str_eq(description->valuestring, k->text);
			described++;
		}
	}
	printf("note: %zu keys described\n", described);
	cJSON_Delete(schema);
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("schema");
	TCase *t = tcase_create("schema");

	tcase_add_test(t, is_what_the_published_file_says);
	tcase_add_test(t, describes_every_key_in_both_forms);
	suite_add_tcase(s, t);
	return suite_run(s);
}
