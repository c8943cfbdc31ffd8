/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/keys.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* The name of a direct member of `parent`, or NULL. */
static const char *member_name(const struct key *k, enum profile_form form,
			       const char *parent)
{
	const char *path = k->path[form];
	size_t len = strlen(parent);

	if (!path || strncmp(path, parent, len) != 0 || path[len] != '/' ||
	    strchr(path + len + 1, '/'))
		return NULL;
	return path + len + 1;
}

const struct key *key_find(enum profile_form form, const char *parent,
			   const char *name)
{
	for (const struct key *k = keys; k < keys + key_count; k++) {
		const char *member = member_name(k, form, parent);

		if (member && strcmp(member, name) == 0)
			return k;
	}
	return NULL;
}

const struct key *key_next_member(enum profile_form form, const char *parent,
				  const struct key *after)
{
	for (const struct key *k = after ? after + 1 : keys;
	     k < keys + key_count; k++)
		if (member_name(k, form, parent))
			return k;
	return NULL;
}

const char *key_path(const struct key *k)
{
	enum profile_form form = 0;

	while (!k->path[form])
		form++;
	return k->path[form];
}

const char *key_name(const struct key *k, enum profile_form form)
{
	return strrchr(k->path[form], '/') + 1;
}

bool key_in_scope(const struct key *k, const char *scope)
{
	const char *path = key_path(k);
	const char *star = strrchr(path, '*');
	size_t len = star ? (size_t)(star - path) + 1 : 0;

	return len == strlen(scope) && strncmp(path, scope, len) == 0;
}

const struct key *key_of(const char *declaration_path)
{
	for (const struct key *k = keys; k < keys + key_count; k++) {
		const char *path = k->path[PROFILE_FORM_DECLARATION];

		if (path && strcmp(path, declaration_path) == 0)
			return k;
	}
	assert(!"a path that is in the table");
	return NULL;
}

const char *key_foreign_text(const struct key *k, const char *word)
{
	const struct key_foreign *f = k->foreign;

	while (f && f->word && strcmp(f->word, word) != 0)
		f++;
	return f && f->word ? f->text : NULL;
}

const char *key_one_of(const struct key *k, char *buf, size_t len)
{
	size_t used = 0, count = 0;
	const char *separator;

	for (const char *const *name = k->names; *name; name++)
		count += **name != '\0';
	separator = count > 1 ? "one of " : "";

	buf[0] = '\0';
	for (const char *const *name = k->names; *name; name++) {
		if (!**name)
			continue; /* "absent", which nobody writes */
		used += (size_t)snprintf(buf + used, len - used, "%s\"%s\"",
					 separator, *name);
		if (used >= len)
			break;
		separator = ", ";
	}
	return buf;
}

const char *key_wanted(const struct key *k, char *buf, size_t len)
{
	switch (k->type) {
	case KEY_OBJECT:
	case KEY_IGNORED:
	case KEY_REFUSED:
		return "an object";
	case KEY_OBJECTS:
		return "an array of objects";
	case KEY_BOOL:
		return "true or false";
	case KEY_FLAG:
		return "true, false, 1 or 0";
	case KEY_INT:
		snprintf(buf, len, "a whole number from %u to %u", k->min,
			 k->max);
		return buf;
	case KEY_ENUM:
		return key_one_of(k, buf, len);
	case KEY_NAMES:
		return "an array of names";
	case KEY_VALUE:
		return value_types[k->kind].noun;
	case KEY_VALUES:
		snprintf(buf, len, "an array, each %s",
			 value_types[k->kind].noun);
		return buf;
	}
	return "";
}
