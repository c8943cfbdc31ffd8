/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/profile.h"

#include <string.h>

#include "config/keys.h"

/* Prints a profile as JSON by walking the table, in the declaration's form. */
static void print_object(const char *path, const char *base, int depth,
			 FILE *to);

static bool has_text(const char *at)
{
	const char *text;

	memcpy(&text, at, sizeof(text));
	return text != NULL;
}

static size_t list_count(const struct key *k, const char *base)
{
	size_t count;

	memcpy(&count, base + k->count_at, sizeof(count));
	return count;
}

/* Optional texts and lists are left out; every default is shown. */
static bool is_shown(const struct key *k, const char *base)
{
	const struct key *member = NULL;
	uint32_t number;

	if (k->has_at && !*(const bool *)(base + k->has_at))
		return false;
	switch (k->type) {
	case KEY_OBJECT:
		while ((member = key_next_member(PROFILE_FORM_DECLARATION,
						 k->path[0], member)))
			if (is_shown(member, base))
				return true;
		return false;
	case KEY_BOOL:
	case KEY_FLAG:
		return true;
	case KEY_INT:
		/* 0 where 0 is no legal value: absent, decided later. */
		memcpy(&number, base + k->at, sizeof(number));
		return number >= k->min;
	case KEY_ENUM:
		memcpy(&number, base + k->at, sizeof(number));
		return k->names[number][0] != '\0';
	case KEY_VALUE:
		/* Every other kind begins with a pointer that is set when it
		 * is. */
		return k->kind != VALUE_IGNORED && has_text(base + k->at);
	case KEY_OBJECTS:
	case KEY_NAMES:
	case KEY_VALUES:
		return k->has_at || list_count(k, base) > 0;
	case KEY_IGNORED:
	case KEY_REFUSED:
		return false;
	}
	return false;
}

static void print_list(const struct key *k, const char *base, int depth,
		       FILE *to)
{
	size_t count = list_count(k, base);
	char path[KEY_PATH_MAX];
	const char *item;

	memcpy(&item, base + k->at, sizeof(item));
	fputc('[', to);
	for (size_t i = 0; i < count; i++) {
		fputs(i > 0 ? ", " : "", to);
		if (k->type == KEY_OBJECTS) {
			snprintf(path, sizeof(path), "%s/*", k->path[0]);
			print_object(path, item, depth, to);
			item += k->size;
		} else if (k->type == KEY_NAMES) {
			value_types[VALUE_TEXT].print(item, to);
			item += sizeof(char *);
		} else {
			value_types[k->kind].print(item, to);
			item += value_types[k->kind].size;
		}
	}
	fputc(']', to);
}

static void print_key(const struct key *k, const char *base, int depth,
		      FILE *to)
{
	uint32_t number;

	switch (k->type) {
	case KEY_OBJECT:
		print_object(k->path[0], base, depth, to);
		break;
	case KEY_BOOL:
	case KEY_FLAG:
		fputs(*(const bool *)(base + k->at) ? "true" : "false", to);
		break;
	case KEY_INT:
		memcpy(&number, base + k->at, sizeof(number));
		fprintf(to, "%u", number);
		break;
	case KEY_ENUM:
		memcpy(&number, base + k->at, sizeof(number));
		value_print_string(k->names[number], to);
		break;
	case KEY_VALUE:
		value_types[k->kind].print(base + k->at, to);
		break;
	case KEY_OBJECTS:
	case KEY_NAMES:
	case KEY_VALUES:
		print_list(k, base, depth, to);
		break;
	case KEY_IGNORED:
	case KEY_REFUSED:
		break;
	}
}

static void print_object(const char *path, const char *base, int depth,
			 FILE *to)
{
	const char *separator = "{\n";
	const struct key *k = NULL;

	while ((k = key_next_member(PROFILE_FORM_DECLARATION, path, k))) {
		if (!is_shown(k, base))
			continue;
		fprintf(to, "%s%*s", separator, 2 * (depth + 1), "");
		value_print_string(key_name(k, PROFILE_FORM_DECLARATION), to);
		fputs(": ", to);
		print_key(k, base, depth + 1, to);
		separator = ",\n";
	}
	fprintf(to, "\n%*s}", 2 * depth, "");
}

void profile_print(const struct profile *p, FILE *to)
{
	struct profile shown = *p;

	/* A profile in the older form is shown in the newer one. What CAFile
	 * and an asset held is not part of it. */
	shown.form = PROFILE_FORM_DECLARATION;
	if (shown.ca_file)
		shown.ca = NULL;
	if (shown.identity_reference) {
		shown.pkcs12 = (struct profile_bytes) { 0 };
		shown.password = NULL;
	}
	print_object("", (const char *)&shown, 0, to);
	fputc('\n', to);
}
