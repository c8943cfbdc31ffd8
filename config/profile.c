/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/profile.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"
#include "config/json.h"
#include "config/keys.h"
#include "config/text.h"
#include "config/validate.h"
#include "crypto/credentials.h"
#include "crypto/secret.h"

enum {
	OBJECTS_MAX = 1000, /* in an array of objects, such as rules */
};

/* One pass over the JSON: each member is looked up in the table, judged, and
 * stored in the struct at `base` + offset. */
struct walk {
	const struct json *json;
	enum profile_form form;
	struct config_report *report;
	int error; /* -ENOMEM ends it; what is wrong is in the report */
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
		COMPLAIN(w, n, "must be %s, is %s",
			 key_wanted(k, wanted, sizeof(wanted)),
			 json_type_text(n->type));
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
		COMPLAIN(w, n, "must be a whole number from %u to %u", k->min,
			 k->max);
	else if (n->number < k->min || n->number > k->max)
		COMPLAIN(w, n, "%lld is out of range: %u to %u",
			 (long long)n->number, k->min, k->max);
	else
		*to = (uint32_t)n->number;
}

/* The index in the key's names, or -1 after a complaint. */
static int read_name(struct walk *w, const struct key *k,
		     const struct json_node *n)
{
	char wanted[CONFIG_TEXT_MAX], hint[128] = "";
	unsigned int best = UINT32_MAX;

	if (!has_type(w, k, n, JSON_STRING))
		return -1;
	for (int i = 0; k->names[i]; i++)
		if (*n->text && strcmp(k->names[i], n->text) == 0)
			return i;
	if (k->note)
		snprintf(hint, sizeof(hint), " (%s)", k->note);
	for (int i = 0; k->names[i]; i++) {
		unsigned int d = text_distance(n->text, k->names[i]);

		if (d >= best || !text_is_near(d, n->text))
			continue;
		best = d;
		snprintf(hint, sizeof(hint), " (did you mean \"%s\"?)",
			 k->names[i]);
	}
	if (k->type == KEY_NAMES) {
		struct key one = *k;

		one.type = KEY_ENUM;
		key_wanted(&one, wanted, sizeof(wanted));
	} else {
		key_wanted(k, wanted, sizeof(wanted));
	}
	COMPLAIN(w, n, "\"%.48s\" is not %s%s", n->text, wanted, hint);
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

/* A known name in a wrong place. False: nobody knows it. */
static bool tell_where_it_belongs(struct walk *w, const struct json_node *n)
{
	static const char *const forms[] = { "declaration", "older payload" };
	enum profile_form other = !w->form;

	for (const struct key *k = keys; k < keys + key_count; k++) {
		const char *here = k->path[w->form];

		if (here && strcmp(key_name(k, w->form), n->key) == 0) {
			BLAME_KEY(w, n, "unknown key here: did you mean %s?",
				  here);
			return true;
		}
	}
	for (const struct key *k = keys; k < keys + key_count; k++) {
		const char *here = k->path[w->form];

		if (!k->path[other] || strcmp(key_name(k, other), n->key) != 0)
			continue;
		if (here)
			BLAME_KEY(w, n, "a name of the %s: in a%s %s it is %s",
				  forms[other], w->form ? "n" : "",
				  forms[w->form], here);
		else
			BLAME_KEY(w, n, "a name of the %s: a%s %s has none",
				  forms[other], w->form ? "n" : "",
				  forms[w->form]);
		return true;
	}
	return false;
}

static void unknown_key(struct walk *w, const struct json_node *n,
			const char *parent)
{
	unsigned int best = UINT32_MAX;
	const struct key *near = NULL, *k = NULL;

	if (w->report->errors >= CONFIG_ERRORS_MAX) {
		COMPLAIN(w, n, "unknown key"); /* it is only counted */
		return;
	}
	while ((k = key_next_member(w->form, parent, k))) {
		unsigned int d = text_distance(n->key, key_name(k, w->form));

		if (d < best && text_is_near(d, n->key)) {
			best = d;
			near = k;
		}
	}
	/* Another case beats another place, another place beats a typo. */
	if (best > 0 && tell_where_it_belongs(w, n))
		return;
	if (near)
		BLAME_KEY(w, n, "unknown key (did you mean \"%s\"?)",
			  key_name(near, w->form));
	else
		BLAME_KEY(w, n, "unknown key");
}

static void walk_object(struct walk *w, const struct json_node *object,
			const char *path, char *base)
{
	const struct json_node *n = json_first(w->json, object);
	const struct key *k = NULL;
	char wanted[CONFIG_TEXT_MAX];

	for (; n && !w->error; n = json_next(w->json, n)) {
		/* A key's own "/" or "*" must not look like a path. */
		k = strpbrk(n->key, "/*") ? NULL
					  : key_find(w->form, path, n->key);
		if (k)
			read_key(w, k, n, base);
		else
			unknown_key(w, n, path);
	}
	for (k = NULL; (k = key_next_member(w->form, path, k));) {
		const char *name = key_name(k, w->form);

		if ((k->flags & KEY_REQUIRED) &&
		    !json_member(w->json, object, name))
			json_complain(w->json, object, name, false, w->report,
				      "is missing: %s",
				      key_wanted(k, wanted, sizeof(wanted)));
	}
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

static void clear_scope(const char *scope, char *base);

static void clear_list(const struct key *k, char *base)
{
	char path[KEY_PATH_MAX], *items;
	size_t count, size;

	memcpy(&items, base + k->at, sizeof(items));
	memcpy(&count, base + k->count_at, sizeof(count));
	size = k->type == KEY_OBJECTS ? k->size
	       : k->type == KEY_NAMES ? sizeof(char *)
				      : value_types[k->kind].size;
	if (k->type == KEY_OBJECTS)
		snprintf(path, sizeof(path), "%s/*", k->path[0]);
	for (size_t i = 0; i < count; i++) {
		if (k->type == KEY_OBJECTS)
			clear_scope(path, items + i * size);
		else if (k->type == KEY_NAMES)
			value_types[VALUE_TEXT].clear(items + i * size);
		else
			value_types[k->kind].clear(items + i * size);
	}
	free(items);
}

static void clear_scope(const char *scope, char *base)
{
	for (const struct key *k = keys; k < keys + key_count; k++) {
		if (!key_in_scope(k, scope))
			continue;
		if (k->type == KEY_VALUE)
			value_types[k->kind].clear(base + k->at);
		else if (k->type == KEY_VALUES || k->type == KEY_NAMES ||
			 k->type == KEY_OBJECTS)
			clear_list(k, base);
	}
}

void profile_destroy(struct profile *p)
{
	if (!p)
		return;
	value_types[VALUE_BASE64].clear(&p->certificate);
	value_types[VALUE_BASE64].clear(&p->private_key);
	clear_scope("", (char *)p);
	free(p);
}

/* FNV-1a: tells changes apart, nothing more. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ b[i]) * 0x100000001b3;
	return hash;
}

static uint64_t fingerprint(const struct profile *p, const char *text,
			    size_t len)
{
	uint64_t hash = mix(0xcbf29ce484222325, text, len);

	if (p->ca)
		hash = mix(hash, p->ca, strlen(p->ca));
	hash = mix(hash, p->certificate.data, p->certificate.len);
	return mix(hash, p->private_key.data, p->private_key.len);
}

int profile_parse(const char *text, size_t len, enum profile_flags flags,
		  struct profile **ret_profile,
		  struct config_report *ret_report)
{
	struct walk w = { .report = ret_report };
	struct profile *p = NULL;
	struct json *j = NULL;
	int r;

	*ret_report = (struct config_report) { 0 };
	r = json_parse(text, len, &j, ret_report);
	if (r < 0)
		return r;
	p = calloc(1, sizeof(*p));
	if (!p) {
		r = -ENOMEM;
		goto fail;
	}
	w.json = j;
	if (json_find(j, "/PayloadType") && !json_find(j, "/Type"))
		w.form = PROFILE_FORM_PAYLOAD;
	set_defaults(p);
	p->form = w.form;
	if (j->nodes[0].type != JSON_OBJECT)
		COMPLAIN(&w, j->nodes, "a profile must be an object, is %s",
			 json_type_text(j->nodes[0].type));
	else
		walk_object(&w, j->nodes, "", (char *)p);
	p->form = w.form;
	if (!w.error && j->nodes[0].type == JSON_OBJECT)
		validate_profile(p, j, flags, ret_report);
	r = w.error ? w.error : ret_report->errors > 0 ? -EINVAL : 0;
	if (r < 0)
		goto fail;
	p->fingerprint = fingerprint(p, text, len);
	json_destroy(j);
	*ret_profile = p;
	return 0;
fail:
	json_destroy(j);
	profile_destroy(p);
	return r;
}

int profile_load(const char *path, enum profile_flags flags,
		 struct profile **ret_profile, struct config_report *ret_report)
{
	bool for_use = flags & PROFILE_FOR_USE;
	unsigned int demands = for_use ? FILE_OURS : FILE_ANY;
	char why[FILE_WHY_MAX];
	struct profile *p = NULL;
	uint8_t *text;
	size_t len;
	int r;

	*ret_report = (struct config_report) { 0 };
	r = file_read(path, PROFILE_FILE_MAX, demands, &text, &len, why);
	if (r < 0) {
		config_report_add(ret_report, false, "%s", why);
		return r;
	}
	r = profile_parse((const char *)text, len, flags, &p, ret_report);
	secret_wipe(text, len);
	free(text);
	/* A PKCS#12 with its password beside it is a private key. */
	if (r == 0 && p->pkcs12.data &&
	    file_inspect(path, PROFILE_FILE_MAX, demands | FILE_PRIVATE, why) <
		    0) {
		config_report_add(ret_report, !for_use, "%s", why);
		r = for_use ? -EPERM : 0;
	}
	if (r < 0)
		profile_destroy(p);
	else
		*ret_profile = p;
	return r;
}

size_t profile_gateway_count(const struct profile *p)
{
	return 1 + p->more_gateway_count;
}

struct profile_gateway profile_gateway(const struct profile *p, size_t i)
{
	assert(i <= p->more_gateway_count);
	if (i > 0)
		return p->more_gateways[i - 1];
	return (struct profile_gateway) { p->host_name, (uint16_t)p->port };
}

const char *profile_server_name(const struct profile *p)
{
	return p->server_name ? p->server_name : p->host_name;
}

void profile_credentials(const struct profile *p,
			 struct credentials_source *ret_source)
{
	struct credentials_source s = {
		.certificate = (const char *)p->certificate.data,
		.certificate_len = p->certificate.len,
		.key = (const char *)p->private_key.data,
		.key_len = p->private_key.len,
		.pkcs12 = p->pkcs12.data,
		.pkcs12_len = p->pkcs12.len,
		.password = p->password,
		.ca = p->ca,
		.ca_len = p->ca ? strlen(p->ca) : 0,
		.group_count = p->group_count,
		.cipher_count = p->cipher_count,
	};

	/* The table lets each name stand once, so they fit. */
	assert(p->group_count <= CREDENTIALS_GROUPS_MAX);
	assert(p->cipher_count <= CREDENTIALS_CIPHERS_MAX);
	for (size_t i = 0; i < p->group_count; i++)
		s.groups[i] = p->groups[i];
	for (size_t i = 0; i < p->cipher_count; i++)
		s.ciphers[i] = p->ciphers[i];
	*ret_source = s;
}
