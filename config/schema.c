/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/schema.h"

#include "config/keys.h"

static void schema_object(enum profile_form form, const char *path, int depth,
			  FILE *to);

static void line(int depth, FILE *to)
{
	fprintf(to, "\n%*s", 2 * depth, "");
}

static void print_names(const struct key *k, FILE *to)
{
	const char *separator = "[";

	for (const char *const *name = k->names; *name; name++) {
		if (!**name)
			continue;
		fputs(separator, to);
		value_print_string(*name, to);
		separator = ", ";
	}
	fputc(']', to);
}

static void print_pattern(const struct key *k, FILE *to)
{
	if (!value_types[k->kind].pattern)
		return;
	fputs(", \"pattern\": ", to);
	value_print_string(value_types[k->kind].pattern, to);
}

/* What a value of this key may be; the description stands before it. */
static void schema_type(const struct key *k, enum profile_form form, int depth,
			FILE *to)
{
	char path[KEY_PATH_MAX];

	switch (k->type) {
	case KEY_OBJECT:
		schema_object(form, k->path[form], depth, to);
		break;
	case KEY_OBJECTS:
		snprintf(path, sizeof(path), "%s/*", k->path[form]);
		fputs("\"type\": \"array\", \"items\": {", to);
		line(depth + 1, to);
		schema_object(form, path, depth + 1, to);
		line(depth, to);
		fputc('}', to);
		break;
	case KEY_BOOL:
		fprintf(to, "\"type\": \"boolean\", \"default\": %s",
			k->standard ? "true" : "false");
		break;
	case KEY_FLAG:
		fprintf(to, "\"enum\": [true, false, 1, 0], \"default\": %s",
			k->standard ? "true" : "false");
		break;
	case KEY_INT:
		fprintf(to,
			"\"type\": \"integer\", \"minimum\": %u, "
			"\"maximum\": %u",
			k->min, k->max);
		if (k->standard)
			fprintf(to, ", \"default\": %u", k->standard);
		break;
	case KEY_ENUM:
		fputs("\"enum\": ", to);
		print_names(k, to);
		break;
	case KEY_NAMES:
		fprintf(to,
			"\"type\": \"array\", \"minItems\": %u, "
			"\"uniqueItems\": true,",
			k->min);
		line(depth, to);
		fputs("\"items\": {\"enum\": ", to);
		print_names(k, to);
		fputc('}', to);
		break;
	case KEY_VALUE:
		fputs("\"type\": \"string\"", to);
		print_pattern(k, to);
		break;
	case KEY_VALUES:
		fprintf(to, "\"type\": \"array\", \"minItems\": %u,", k->min);
		line(depth, to);
		fputs("\"items\": {\"type\": \"string\"", to);
		print_pattern(k, to);
		fputc('}', to);
		break;
	case KEY_IGNORED:
		fputs("\"type\": \"object\"", to);
		break;
	case KEY_REFUSED:
		break;
	}
}

static void schema_required(enum profile_form form, const char *path, int depth,
			    FILE *to)
{
	const char *separator = "";
	const struct key *k = NULL;

	fputs("\"required\": [", to);
	while ((k = key_next_member(form, path, k))) {
		if (!(k->flags & KEY_REQUIRED))
			continue;
		fputs(separator, to);
		value_print_string(key_name(k, form), to);
		separator = ", ";
	}
	fputs("],", to);
	line(depth, to);
}

static void schema_object(enum profile_form form, const char *path, int depth,
			  FILE *to)
{
	const char *separator = "";
	const struct key *k = NULL;

	fputs("\"type\": \"object\", \"additionalProperties\": false,", to);
	line(depth, to);
	schema_required(form, path, depth, to);
	fputs("\"properties\": {", to);
	while ((k = key_next_member(form, path, k))) {
		if (k->type == KEY_REFUSED)
			continue;
		fputs(separator, to);
		line(depth + 1, to);
		value_print_string(key_name(k, form), to);
		fputs(": {", to);
		line(depth + 2, to);
		fputs("\"description\": ", to);
		value_print_string(k->text, to);
		fputc(',', to);
		line(depth + 2, to);
		if (k->flags & KEY_LATER) {
			fputs("\"$comment\": \"accepted, not acted on yet\",",
			      to);
			line(depth + 2, to);
		}
		schema_type(k, form, depth + 2, to);
		line(depth + 1, to);
		fputc('}', to);
		separator = ",";
	}
	line(depth, to);
	fputc('}', to);
}

/* `other` is the form of a document that has no `mark`. */
static void schema_of_two(const char *title, const char *mark,
			  enum profile_form form, enum profile_form other,
			  FILE *to)
{
	fprintf(to,
		"{\n"
		"  \"$schema\": "
		"\"https://json-schema.org/draft/2020-12/schema\",\n"
		"  \"title\": \"%s\",\n"
		"  \"if\": {\"type\": \"object\", \"required\": [\"%s\"]},\n"
		"  \"then\": {\n    ",
		title, mark);
	schema_object(form, "", 2, to);
	fputs("\n  },\n  \"else\": {\n    ", to);
	schema_object(other, "", 2, to);
	fputs("\n  }\n}\n", to);
}

void schema_print_profile(FILE *to)
{
	schema_of_two("adit profile", "PayloadType", PROFILE_FORM_PAYLOAD,
		      PROFILE_FORM_DECLARATION, to);
}

void schema_print_asset(FILE *to)
{
	schema_of_two("adit identity by reference: its declaration, its data",
		      "Type", PROFILE_FORM_ASSET, PROFILE_FORM_CREDENTIAL, to);
}
