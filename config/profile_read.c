/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/profile_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/text.h"

enum {
	OBJECTS_MAX = 1000, /* in an array of objects, such as rules */
};

/* One pass over the JSON: each member is looked up in the table, judged, and
 * stored in the struct at `base` + offset. */
struct walk {
	const struct json *json;
	enum profile_form form;
	struct config_report *report;
	/* Ends it: -ENOMEM, or -EINVAL where this is another document. What
	 * is wrong is in the report. */
	int error;
};

#define COMPLAIN(w, node, ...) \
	json_complain((w)->json, node, NULL, false, (w)->report, __VA_ARGS__)

#define BLAME_KEY(w, node, ...) \
	json_blame_key((w)->json, node, COMPLAIN(w, node, __VA_ARGS__))

static void walk_object(struct walk *w, const struct json_node *object,
			const char *path, char *base);

static void wrong_type(struct walk *w, const struct key *k,
		       const struct json_node *n)
{
	char wanted[CONFIG_TEXT_MAX];

	if (n->type == JSON_NULL)
		COMPLAIN(w, n, "is null: leave the key out instead");
	else
		COMPLAIN(w, n, "must be %s, is %s%s",
			 key_wanted(k, wanted, sizeof(wanted)),
			 json_type_text(n->type),
			 n->type == JSON_STRING && (k->type == KEY_VALUES ||
						    k->type == KEY_NAMES)
				 ? ": put it in brackets"
				 : "");
}

static bool has_type(struct walk *w, const struct key *k,
		     const struct json_node *n, enum json_type type)
{
	if (n->type != type)
		wrong_type(w, k, n);
	return n->type == type;
}

static void read_bool(struct walk *w, const struct key *k,
		      const struct json_node *n, bool *to)
{
	if (n->type == JSON_TRUE || n->type == JSON_FALSE)
		*to = n->type == JSON_TRUE;
	else if (k->type == KEY_FLAG && n->type == JSON_NUMBER && n->whole &&
		 (n->number == 0 || n->number == 1))
		*to = n->number == 1;
	else if (k->type == KEY_FLAG && n->type == JSON_NUMBER)
		COMPLAIN(w, n, "must be true, false, 1 or 0");
	else
		wrong_type(w, k, n);
}

static void read_int(struct walk *w, const struct key *k,
		     const struct json_node *n, uint32_t *to)
{
	if (!has_type(w, k, n, JSON_NUMBER))
		return;
	if (!n->whole)
		COMPLAIN(w, n,
			 "must be a whole number from %u to %u, without point "
			 "and exponent",
			 k->min, k->max);
	else if (n->number < k->min || n->number > k->max)
		COMPLAIN(w, n, "%lld is out of range: %u to %u",
			 (long long)n->number, k->min, k->max);
	else
		*to = (uint32_t)n->number;
}

/* " (did you mean ...?)", the key's own note, or "". */
static void guess_name(const struct key *k, const char *text, char hint[128])
{
	unsigned int best = UINT32_MAX;

	snprintf(hint, 128, k->note ? " (%s)" : "", k->note);
	for (int i = 0; k->names[i]; i++) {
		unsigned int d = text_distance(text, k->names[i]);

		if (d >= best || !text_is_near(d, text))
			continue;
		best = d;
		snprintf(hint, 128, " (did you mean \"%s\"?)", k->names[i]);
	}
}

/* The index in the key's names, or -1 after a complaint. */
static int read_name(struct walk *w, const struct key *k,
		     const struct json_node *n)
{
	char wanted[CONFIG_TEXT_MAX], hint[128];
	const char *foreign;

	if (!has_type(w, k, n, JSON_STRING))
		return -1;
	for (int i = 0; k->names[i]; i++)
		if (*n->text && strcmp(k->names[i], n->text) == 0)
			return i;
	foreign = key_foreign_text(k, n->text);
	if (foreign) {
		COMPLAIN(w, n, "\"%s\" %s", n->text, foreign);
		/* The type of another document: its keys would all be wrong. */
		if (n->parent == 0)
			w->error = -EINVAL;
		return -1;
	}
	guess_name(k, n->text, hint);
	COMPLAIN(w, n, "\"%.48s\" is not %s%s", n->text,
		 key_one_of(k, wanted, sizeof(wanted)), hint);
	return -1;
}

static void read_value(struct walk *w, const struct key *k,
		       const struct json_node *n, void *to)
{
	const struct value_type *v = &value_types[k->kind];
	char why[VALUE_WHY_MAX] = "";
	int r;

	if (n->type != JSON_STRING) {
		if (n->type == JSON_NULL)
			wrong_type(w, k, n);
		else
			COMPLAIN(w, n, "must be a string (%s), is %s", v->noun,
				 json_type_text(n->type));
		return;
	}
	r = v->parse(n->text, to, why);
	if (r == -ENOMEM)
		w->error = r;
	if (r == 0 || r == -ENOMEM)
		return;
	if (!why[0])
		snprintf(why, sizeof(why), "is not %s", v->noun);
	if (v->is_secret || strlen(n->text) > 64)
		COMPLAIN(w, n, "this text %s", why);
	else
		COMPLAIN(w, n, "\"%s\" %s", n->text, why);
}

/* Zeroed items, owned by the struct from here on; NULL when there are none. */
static char *list_create(struct walk *w, const struct key *k,
			 const struct json_node *n, size_t size, char *base)
{
	size_t count = n->count;
	char *items;

	if (count < k->min)
		COMPLAIN(w, n, "must not be empty");
	if (count == 0)
		return NULL;
	items = calloc(count, size);
	if (!items) {
		w->error = -ENOMEM;
		return NULL;
	}
	memcpy(base + k->at, &items, sizeof(items));
	memcpy(base + k->count_at, &count, sizeof(count));
	return items;
}

static void read_values(struct walk *w, const struct key *k,
			const struct json_node *n, char *base)
{
	size_t size = value_types[k->kind].size;
	char *item;

	if (!has_type(w, k, n, JSON_ARRAY))
		return;
	item = list_create(w, k, n, size, base);
	if (!item)
		return;
	for (n = json_first(w->json, n); n && !w->error; item += size) {
		read_value(w, k, n, item);
		n = json_next(w->json, n);
	}
}

static void read_names(struct walk *w, const struct key *k,
		       const struct json_node *n, char *base)
{
	unsigned int seen = 0;
	char **items;

	if (!has_type(w, k, n, JSON_ARRAY))
		return;
	items = (char **)(void *)list_create(w, k, n, sizeof(*items), base);
	if (!items)
		return;
	for (n = json_first(w->json, n); n; n = json_next(w->json, n)) {
		int i = read_name(w, k, n);

		if (i < 0)
			continue;
		if (seen & 1u << i)
			COMPLAIN(w, n, "\"%s\" stands here twice", n->text);
		seen |= 1u << i;
		items[n->index] = strdup(n->text);
		if (!items[n->index])
			w->error = -ENOMEM;
	}
}

static void read_objects(struct walk *w, const struct key *k,
			 const struct json_node *n, char *base)
{
	char path[KEY_PATH_MAX], *item;

	if (!has_type(w, k, n, JSON_ARRAY))
		return;
	if (n->count > OBJECTS_MAX) {
		COMPLAIN(w, n, "has more than %d items", OBJECTS_MAX);
		return;
	}
	item = list_create(w, k, n, k->size, base);
	if (!item)
		return;
	snprintf(path, sizeof(path), "%s/*", k->path[w->form]);
	for (n = json_first(w->json, n); n && !w->error; item += k->size) {
		if (n->type == JSON_OBJECT)
			walk_object(w, n, path, item);
		else
			COMPLAIN(w, n, "must be an object, is %s",
				 json_type_text(n->type));
		n = json_next(w->json, n);
	}
}

static void read_key(struct walk *w, const struct key *k,
		     const struct json_node *n, char *base)
{
	void *to = base + k->at;
	int i;

	if (k->has_at)
		*(bool *)(base + k->has_at) = true;
	switch (k->type) {
	case KEY_OBJECT:
		if (has_type(w, k, n, JSON_OBJECT))
			walk_object(w, n, k->path[w->form], base);
		break;
	case KEY_OBJECTS:
		read_objects(w, k, n, base);
		break;
	case KEY_BOOL:
	case KEY_FLAG:
		read_bool(w, k, n, to);
		break;
	case KEY_INT:
		read_int(w, k, n, to);
		break;
	case KEY_ENUM:
		i = read_name(w, k, n);
		if (i >= 0)
			memcpy(to, &i, sizeof(i));
		break;
	case KEY_NAMES:
		read_names(w, k, n, base);
		break;
	case KEY_VALUE:
		read_value(w, k, n, to);
		break;
	case KEY_VALUES:
		read_values(w, k, n, base);
		break;
	case KEY_IGNORED:
		(void)has_type(w, k, n, JSON_OBJECT);
		break;
	case KEY_REFUSED:
		BLAME_KEY(w, n, "%s", k->note);
		break;
	}
	if (k->flags & KEY_LATER)
		json_complain(w->json, n, NULL, true, w->report,
			      "accepted, not acted on yet");
}

/* Where what stood at `k` of the other form stands here, into buf: the path of
 * the key, or the first paths of what an object held. "" if nowhere. */
static const char *counterpart(const struct walk *w, const struct key *k,
			       enum profile_form other, char *buf, size_t len)
{
	const struct key *member = NULL;
	size_t used = 0;

	buf[0] = '\0';
	if (k->path[w->form])
		return k->path[w->form];
	while (k->type == KEY_OBJECT && used < len / 2 &&
	       (member = key_next_member(other, k->path[other], member)))
		if (member->path[w->form])
			used += (size_t)snprintf(buf + used, len - used, "%s%s",
						 used ? ", " : "",
						 member->path[w->form]);
	return buf;
}

static enum profile_form other_form(const struct walk *w)
{
	return w->form == PROFILE_FORM_DECLARATION ? PROFILE_FORM_PAYLOAD
						   : PROFILE_FORM_DECLARATION;
}

/* A name of the other form. False: it is none. */
static bool tell_other_form(struct walk *w, const struct json_node *n)
{
	static const char *const forms[] = { "the declaration",
					     "the older payload" };
	enum profile_form other = other_form(w);
	char buf[CONFIG_TEXT_MAX / 2];

	for (const struct key *k = keys; k < keys + key_count; k++) {
		const char *here;

		if (!k->path[other] || strcmp(key_name(k, other), n->key) != 0)
			continue;
		here = counterpart(w, k, other, buf, sizeof(buf));
		if (k->type == KEY_REFUSED)
			BLAME_KEY(w, n, "%s", k->note);
		else if (*here)
			BLAME_KEY(w, n, "a name of %s: here it is %s",
				  forms[other], here);
		else
			BLAME_KEY(w, n, "a name of %s: leave it out here",
				  forms[other]);
		return true;
	}
	return false;
}

/* A known name in a wrong place. False: nobody knows it. */
static bool tell_where_it_belongs(struct walk *w, const struct json_node *n)
{
	for (const struct key *k = keys; k < keys + key_count; k++) {
		const char *here = k->path[w->form];

		if (here && strcmp(key_name(k, w->form), n->key) == 0) {
			BLAME_KEY(w, n, "unknown key here: did you mean %s?",
				  here);
			return true;
		}
	}
	return w->form <= PROFILE_FORM_PAYLOAD && tell_other_form(w, n);
}

/* The member of `parent` that somebody meant who wrote `name`, or NULL. */
static const struct key *nearest_member(const struct walk *w,
					const char *parent, const char *name,
					unsigned int *ret_distance)
{
	const struct key *near = NULL, *k = NULL;
	unsigned int best = UINT32_MAX;

	while ((k = key_next_member(w->form, parent, k))) {
		unsigned int d = text_distance(name, key_name(k, w->form));

		if (d < best && text_is_near(d, name)) {
			best = d;
			near = k;
		}
	}
	*ret_distance = best;
	return near;
}

static void unknown_key(struct walk *w, const struct json_node *n,
			const char *parent)
{
	const struct key *near;
	unsigned int distance;

	if (w->report->errors >= CONFIG_ERRORS_MAX) {
		COMPLAIN(w, n, "unknown key"); /* it is only counted */
		return;
	}
	near = nearest_member(w, parent, n->key, &distance);
	/* Another case beats another place, another place beats a typo. */
	if (distance > 0 && tell_where_it_belongs(w, n))
		return;
	if (near)
		BLAME_KEY(w, n, "unknown key (did you mean \"%s\"?)",
			  key_name(near, w->form));
	else
		BLAME_KEY(w, n, "unknown key");
}

/* Was a member told to be this key, misspelled or by its other name? Then
 * that it is missing is no news. */
static bool is_told(const struct walk *w, const struct json_node *object,
		    const char *path, const struct key *k)
{
	const struct json_node *n = json_first(w->json, object);
	enum profile_form other = other_form(w);
	unsigned int distance;

	for (; n; n = json_next(w->json, n)) {
		if (key_find(w->form, path, n->key))
			continue;
		if (k->path[other] && strcmp(key_name(k, other), n->key) == 0)
			return true;
		if (nearest_member(w, path, n->key, &distance) == k)
			return true;
	}
	return false;
}

static void missing_keys(struct walk *w, const struct json_node *object,
			 const char *path)
{
	const struct key *k = NULL;
	char wanted[CONFIG_TEXT_MAX];

	while ((k = key_next_member(w->form, path, k))) {
		const char *name = key_name(k, w->form);

		if ((k->flags & KEY_REQUIRED) &&
		    !json_member(w->json, object, name) &&
		    (w->report->errors >= CONFIG_ERRORS_MAX ||
		     !is_told(w, object, path, k)))
			json_complain(w->json, object, name, false, w->report,
				      "is missing: %s",
				      key_wanted(k, wanted, sizeof(wanted)));
	}
}

static void walk_object(struct walk *w, const struct json_node *object,
			const char *path, char *base)
{
	const struct json_node *n = json_first(w->json, object);

	for (; n && !w->error; n = json_next(w->json, n)) {
		/* A key's own "/" or "*" must not look like a path. */
		const struct key *k = strpbrk(n->key, "/*")
					      ? NULL
					      : key_find(w->form, path, n->key);

		if (k)
			read_key(w, k, n, base);
		else
			unknown_key(w, n, path);
	}
	if (!w->error)
		missing_keys(w, object, path);
}

static void set_defaults(struct profile *p)
{
	for (const struct key *k = keys; k < keys + key_count; k++) {
		char *to = (char *)p + k->at;

		if (!key_in_scope(k, ""))
			continue;
		if (k->type == KEY_BOOL || k->type == KEY_FLAG)
			*(bool *)to = k->standard;
		else if (k->type == KEY_INT || k->type == KEY_ENUM)
			memcpy(to, &k->standard, sizeof(k->standard));
	}
}

static int read_document(struct walk *w, struct profile *p)
{
	const struct json_node *root = w->json->nodes;

	if (root->type != JSON_OBJECT) {
		COMPLAIN(w, root,
			 "the file must hold one object, and this is %s",
			 json_type_text(root->type));
		return -EINVAL;
	}
	walk_object(w, root, "", (char *)p);
	return w->error;
}

int profile_read(struct profile *p, const struct json *j,
		 struct config_report *report)
{
	struct walk w = { .json = j, .report = report };
	int r;

	if (json_find(j, "/PayloadType") && !json_find(j, "/Type"))
		w.form = PROFILE_FORM_PAYLOAD;
	set_defaults(p);
	r = read_document(&w, p);
	p->form = w.form; /* whatever the key said */
	return r;
}

int profile_read_part(struct profile *p, const struct json *j,
		      enum profile_form form, struct config_report *report)
{
	struct walk w = { .json = j, .form = form, .report = report };

	return read_document(&w, p);
}
