/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One table for each object, read by the encoder, the decoder and the function
 * that frees: a field that is added is added once.
 */
#include "tunnel/ctl.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	KIND_TEXT,
	KIND_NUMBER,
	KIND_BOOL,
	KIND_TEXTS,   /* struct ctl_list of char * */
	KIND_OBJECT,  /* fields of the same struct, at offset 0 */
	KIND_OBJECTS, /* struct ctl_list of the sub-table's struct */
};

struct table {
	const struct field *fields;
	size_t count;
	size_t size; /* of the struct */
};

struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	const struct table *sub;
};

#define TABLE(f, type)                                                      \
	{                                                                   \
		.fields = (f), .count = ARRAY_SIZE(f), .size = sizeof(type) \
	}
#define TEXT(type, name, member)                              \
	{                                                     \
		name, KIND_TEXT, offsetof(type, member), NULL \
	}
#define NUMBER(type, name, member)                              \
	{                                                       \
		name, KIND_NUMBER, offsetof(type, member), NULL \
	}
#define BOOL(type, name, member)                              \
	{                                                     \
		name, KIND_BOOL, offsetof(type, member), NULL \
	}
#define TEXTS(type, name, member)                              \
	{                                                      \
		name, KIND_TEXTS, offsetof(type, member), NULL \
	}
#define OBJECT(name, table)                  \
	{                                    \
		name, KIND_OBJECT, 0, &table \
	}
#define OBJECTS(type, name, member, table)                         \
	{                                                          \
		name, KIND_OBJECTS, offsetof(type, member), &table \
	}

static const struct field drop_fields[] = {
	TEXT(struct ctl_drop, "cause", cause),
	NUMBER(struct ctl_drop, "count", count),
};
static const struct table drop_table = TABLE(drop_fields, struct ctl_drop);

static const struct field fallback_fields[] = {
	TEXT(struct ctl_fallback, "what", what),
	TEXT(struct ctl_fallback, "reason", reason),
};
static const struct table fallback_table =
	TABLE(fallback_fields, struct ctl_fallback);

static const struct field transition_fields[] = {
	NUMBER(struct ctl_transition, "at_ms", at_ms),
	TEXT(struct ctl_transition, "from", from),
	TEXT(struct ctl_transition, "to", to),
	TEXT(struct ctl_transition, "event", event),
	TEXT(struct ctl_transition, "reason", reason),
};
static const struct table transition_table =
	TABLE(transition_fields, struct ctl_transition);

static const struct field reason_fields[] = {
	TEXT(struct ctl_status, "code", reason.code),
	TEXT(struct ctl_status, "text", reason.text),
};
static const struct table reason_table =
	TABLE(reason_fields, struct ctl_status);

static const struct field hold_fields[] = {
	TEXT(struct ctl_status, "state", hold.state),
	TEXT(struct ctl_status, "cause", hold.cause),
	NUMBER(struct ctl_status, "since", hold.since),
};
static const struct table hold_table = TABLE(hold_fields, struct ctl_status);

static const struct field gateway_fields[] = {
	TEXT(struct ctl_status, "name", gateway.name),
	TEXT(struct ctl_status, "address", gateway.address),
	NUMBER(struct ctl_status, "certificate_ends", gateway.certificate_ends),
};
static const struct table gateway_table =
	TABLE(gateway_fields, struct ctl_status);

static const struct field dns_fields[] = {
	TEXTS(struct ctl_status, "servers", dns.servers),
	TEXTS(struct ctl_status, "match", dns.match),
	TEXTS(struct ctl_status, "search", dns.search),
	BOOL(struct ctl_status, "applied", dns.applied),
};
static const struct table dns_table = TABLE(dns_fields, struct ctl_status);

static const struct field counter_fields[] = {
	NUMBER(struct ctl_status, "rx_bytes", counters.rx_bytes),
	NUMBER(struct ctl_status, "rx_packets", counters.rx_packets),
	NUMBER(struct ctl_status, "tx_bytes", counters.tx_bytes),
	NUMBER(struct ctl_status, "tx_packets", counters.tx_packets),
	NUMBER(struct ctl_status, "rx_control", counters.rx_control),
	NUMBER(struct ctl_status, "tx_control", counters.tx_control),
};
static const struct table counter_table =
	TABLE(counter_fields, struct ctl_status);

static const struct field status_fields[] = {
	NUMBER(struct ctl_status, "version", version),
	TEXT(struct ctl_status, "daemon", daemon),
	TEXT(struct ctl_status, "state", state),
	OBJECT("reason", reason_table),
	TEXT(struct ctl_status, "detail", detail),
	TEXT(struct ctl_status, "profile", profile),
	NUMBER(struct ctl_status, "since", since),
	NUMBER(struct ctl_status, "retry_at", retry_at),
	NUMBER(struct ctl_status, "attempts", attempts),
	NUMBER(struct ctl_status, "repairs", repairs),
	OBJECT("hold", hold_table),
	OBJECT("gateway", gateway_table),
	TEXT(struct ctl_status, "transport", transport),
	TEXT(struct ctl_status, "group", group),
	TEXT(struct ctl_status, "cipher", cipher),
	NUMBER(struct ctl_status, "rtt_us", rtt_us),
	TEXT(struct ctl_status, "device", device),
	NUMBER(struct ctl_status, "mtu", mtu),
	NUMBER(struct ctl_status, "lanes", lanes),
	TEXTS(struct ctl_status, "addresses", addresses),
	TEXTS(struct ctl_status, "routes", routes),
	TEXTS(struct ctl_status, "excluded_routes", excluded),
	OBJECT("dns", dns_table),
	OBJECT("counters", counter_table),
	OBJECTS(struct ctl_status, "drops", drops, drop_table),
	OBJECTS(struct ctl_status, "fallbacks", fallbacks, fallback_table),
	TEXTS(struct ctl_status, "problems", problems),
	OBJECTS(struct ctl_status, "transitions", transitions,
		transition_table),
};
static const struct table status_table =
	TABLE(status_fields, struct ctl_status);

static const struct field profile_fields[] = {
	TEXT(struct ctl_profile, "name", name),
	TEXT(struct ctl_profile, "visible_name", visible_name),
	TEXT(struct ctl_profile, "gateway", gateway),
	TEXT(struct ctl_profile, "state", state),
	TEXT(struct ctl_profile, "problem", problem),
};
static const struct table profile_table =
	TABLE(profile_fields, struct ctl_profile);

static const struct field reply_fields[] = {
	BOOL(struct ctl_reply, "final", final),
	NUMBER(struct ctl_reply, "exit", exit),
	TEXT(struct ctl_reply, "text", text),
	TEXT(struct ctl_reply, "body", body),
	OBJECTS(struct ctl_reply, "profiles", profiles, profile_table),
};
static const struct table reply_table = TABLE(reply_fields, struct ctl_reply);

static const struct field request_fields[] = {
	TEXT(struct ctl_request, "profile", profile),
	TEXT(struct ctl_request, "text", text),
	BOOL(struct ctl_request, "wait", wait),
	NUMBER(struct ctl_request, "wait_s", wait_s),
	BOOL(struct ctl_request, "replace", replace),
};
static const struct table request_table =
	TABLE(request_fields, struct ctl_request);

static const struct {
	const char *name;
	bool acts;
} commands[CTL_COMMAND_COUNT] = {
	[CTL_COMMAND_STATUS] = { "status", false },
	[CTL_COMMAND_CONNECT] = { "connect", true },
	[CTL_COMMAND_DISCONNECT] = { "disconnect", true },
	[CTL_COMMAND_PROFILE_LIST] = { "profile-list", false },
	[CTL_COMMAND_PROFILE_SHOW] = { "profile-show", true },
	[CTL_COMMAND_PROFILE_ADD] = { "profile-add", true },
	[CTL_COMMAND_PROFILE_REMOVE] = { "profile-remove", true },
};

bool ctl_command_acts(enum ctl_command command)
{
	return commands[command].acts;
}

const char *ctl_command_name(enum ctl_command command)
{
	return commands[command].name;
}

void *ctl_list_add(struct ctl_list *list, size_t size)
{
	/* Doubling at each power of two needs no capacity field. */
	if ((list->count & (list->count - 1)) == 0) {
		size_t room = list->count ? list->count * 2 : 1;
		void *items = reallocarray(list->items, room, size);

		if (items == NULL)
			return NULL;
		list->items = items;
	}
	return memset((char *)list->items + list->count++ * size, 0, size);
}

int ctl_list_add_text(struct ctl_list *list, const char *text)
{
	char *copy = strdup(text);
	char **slot;

	if (copy == NULL)
		return -ENOMEM;
	slot = ctl_list_add(list, sizeof(char *));
	if (slot == NULL) {
		free(copy);
		return -ENOMEM;
	}
	*slot = copy;
	return 0;
}

static void table_fini(const struct table *t, char *base)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct field *f = &t->fields[i];
		struct ctl_list *list = (struct ctl_list *)(base + f->offset);

		switch (f->kind) {
		case KIND_TEXT:
			free(*(char **)(base + f->offset));
			break;
		case KIND_TEXTS:
			for (size_t k = 0; k < list->count; k++)
				free(((char **)list->items)[k]);
			free(list->items);
			break;
		case KIND_OBJECT:
			table_fini(f->sub, base);
			break;
		case KIND_OBJECTS:
			for (size_t k = 0; k < list->count; k++)
				table_fini(f->sub, (char *)list->items +
							   k * f->sub->size);
			free(list->items);
			break;
		case KIND_NUMBER:
		case KIND_BOOL:
			break;
		}
	}
}

void ctl_request_fini(struct ctl_request *r)
{
	table_fini(&request_table, (char *)r);
	*r = (struct ctl_request) { 0 };
}

void ctl_status_fini(struct ctl_status *s)
{
	table_fini(&status_table, (char *)s);
	*s = (struct ctl_status) { 0 };
}

void ctl_reply_fini(struct ctl_reply *r)
{
	table_fini(&status_table, (char *)&r->status);
	table_fini(&reply_table, (char *)r);
	*r = (struct ctl_reply) { 0 };
}

static cJSON *encode(const struct table *t, const char *base);

static cJSON *encode_list(const struct field *f, const struct ctl_list *list)
{
	cJSON *array = cJSON_CreateArray();

	for (size_t k = 0; array != NULL && k < list->count; k++) {
		cJSON *item;

		if (f->kind == KIND_TEXTS)
			item = cJSON_CreateString(((char **)list->items)[k]);
		else
			item = encode(f->sub, (const char *)list->items +
						      k * f->sub->size);
		if (!cJSON_AddItemToArray(array, item)) {
			cJSON_Delete(array);
			return NULL;
		}
	}
	return array;
}

static cJSON *encode_field(const struct field *f, const char *base)
{
	const char *at = base + f->offset;

	switch (f->kind) {
	case KIND_TEXT:
		return cJSON_CreateString(*(char *const *)at);
	case KIND_NUMBER:
		return cJSON_CreateNumber((double)*(const uint64_t *)at);
	case KIND_BOOL:
		return cJSON_CreateBool(*(const bool *)at);
	case KIND_OBJECT:
		return encode(f->sub, base);
	case KIND_TEXTS:
	case KIND_OBJECTS:
		return encode_list(f, (const struct ctl_list *)at);
	}
	return NULL;
}

/* Texts that are not there are left out. NULL (and the object is gone): out
 * of memory. */
static cJSON *encode_into(cJSON *object, const struct table *t,
			  const char *base)
{
	for (size_t i = 0; object != NULL && i < t->count; i++) {
		const struct field *f = &t->fields[i];
		cJSON *item;

		if (f->kind == KIND_TEXT &&
		    *(char *const *)(base + f->offset) == NULL)
			continue;
		item = encode_field(f, base);
		if (!cJSON_AddItemToObject(object, f->name, item)) {
			cJSON_Delete(item);
			cJSON_Delete(object);
			return NULL;
		}
	}
	return object;
}

static cJSON *encode(const struct table *t, const char *base)
{
	return encode_into(cJSON_CreateObject(), t, base);
}

static int decode(const struct table *t, const cJSON *object, char *base);

static int decode_list(const struct field *f, const cJSON *array,
		       struct ctl_list *list)
{
	const cJSON *item;
	int r;

	if (!cJSON_IsArray(array))
		return -EBADMSG;
	cJSON_ArrayForEach(item, array)
	{
		char *slot;

		if (f->kind == KIND_TEXTS) {
			if (!cJSON_IsString(item))
				return -EBADMSG;
			r = ctl_list_add_text(list, item->valuestring);
			if (r < 0)
				return r;
			continue;
		}
		if (!cJSON_IsObject(item))
			return -EBADMSG;
		slot = ctl_list_add(list, f->sub->size);
		if (slot == NULL)
			return -ENOMEM;
		r = decode(f->sub, item, slot);
		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_field(const struct field *f, const cJSON *item, char *base)
{
	char *at = base + f->offset;

	switch (f->kind) {
	case KIND_TEXT:
		if (!cJSON_IsString(item))
			return -EBADMSG;
		*(char **)at = strdup(item->valuestring);
		return *(char **)at ? 0 : -ENOMEM;
	case KIND_NUMBER:
		/* Doubles are whole up to 2^53; this refuses NaN too. */
		if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) ||
		    item->valuedouble > 9007199254740992.0)
			return -EBADMSG;
		*(uint64_t *)at = (uint64_t)item->valuedouble;
		return 0;
	case KIND_BOOL:
		if (!cJSON_IsBool(item))
			return -EBADMSG;
		*(bool *)at = cJSON_IsTrue(item);
		return 0;
	case KIND_OBJECT:
		return cJSON_IsObject(item) ? decode(f->sub, item, base)
					    : -EBADMSG;
	case KIND_TEXTS:
	case KIND_OBJECTS:
		return decode_list(f, item, (struct ctl_list *)at);
	}
	return -EBADMSG;
}

/* Fills a zeroed struct; what it filled before a failure is the caller's. */
static int decode(const struct table *t, const cJSON *object, char *base)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct field *f = &t->fields[i];
		const cJSON *item =
			cJSON_GetObjectItemCaseSensitive(object, f->name);
		int r;

		if (item == NULL)
			continue;
		r = decode_field(f, item, base);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Prints, adds the newline of a line, and deletes the object. */
static char *print_line(cJSON *object)
{
	char *text = NULL, *line;
	size_t len;

	if (object != NULL)
		text = cJSON_PrintUnformatted(object);
	cJSON_Delete(object);
	if (text == NULL)
		return NULL;
	len = strlen(text);
	line = realloc(text, len + 2);
	if (line == NULL) {
		free(text);
		return NULL;
	}
	memcpy(line + len, "\n", 2);
	return line;
}

/* {"version":1}, or NULL. */
static cJSON *message(void)
{
	cJSON *object = cJSON_CreateObject();

	if (object == NULL ||
	    cJSON_AddNumberToObject(object, "version", CTL_VERSION))
		return object;
	cJSON_Delete(object);
	return NULL;
}

char *ctl_request_line(const struct ctl_request *r)
{
	cJSON *object = message();

	if (object != NULL &&
	    cJSON_AddStringToObject(object, "command",
				    commands[r->command].name) == NULL) {
		cJSON_Delete(object);
		return NULL;
	}
	return print_line(encode_into(object, &request_table, (const char *)r));
}

char *ctl_reply_line(const struct ctl_reply *r)
{
	cJSON *object = encode_into(message(), &reply_table, (const char *)r);

	if (object != NULL && r->has_status) {
		cJSON *status = encode(&status_table, (const char *)&r->status);

		if (!cJSON_AddItemToObject(object, "status", status)) {
			cJSON_Delete(object);
			return NULL;
		}
	}
	return print_line(object);
}

char *ctl_status_text(const struct ctl_status *s)
{
	cJSON *object = encode(&status_table, (const char *)s);
	char *text = object ? cJSON_Print(object) : NULL;

	cJSON_Delete(object);
	return text;
}

/* One whole object of our version, or NULL with a sentence. */
static cJSON *parse_message(const char *line, size_t len, const char **ret_why)
{
	const char *end = NULL;
	const cJSON *version;
	cJSON *object;

	object = cJSON_ParseWithLengthOpts(line, len, &end, 0);
	while (object != NULL && end < line + len &&
	       (*end == ' ' || *end == '\r' || *end == '\t'))
		end++;
	if (!cJSON_IsObject(object) || end != line + len) {
		*ret_why = "not one JSON object on a line";
		cJSON_Delete(object);
		return NULL;
	}
	version = cJSON_GetObjectItemCaseSensitive(object, "version");
	if (!cJSON_IsNumber(version) || version->valuedouble != CTL_VERSION) {
		*ret_why = "another version of the control protocol; "
			   "adit and aditd do not belong together";
		cJSON_Delete(object);
		return NULL;
	}
	return object;
}

static int parse_command(const cJSON *object, enum ctl_command *ret_command)
{
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(object, "command");

	if (!cJSON_IsString(name))
		return -EBADMSG;
	for (int i = 0; i < CTL_COMMAND_COUNT; i++) {
		if (strcmp(name->valuestring, commands[i].name) == 0) {
			*ret_command = (enum ctl_command)i;
			return 0;
		}
	}
	return -EBADMSG;
}

int ctl_request_parse(const char *line, size_t len,
		      struct ctl_request *ret_request, const char **ret_why)
{
	struct ctl_request request = { 0 };
	cJSON *object = parse_message(line, len, ret_why);
	int r;

	if (object == NULL)
		return -EBADMSG;
	r = parse_command(object, &request.command);
	if (r < 0) {
		*ret_why = "no such command";
		goto fail;
	}
	if (len > CTL_LINE_MAX && request.command != CTL_COMMAND_PROFILE_ADD) {
		*ret_why = "the request is too long";
		r = -EBADMSG;
		goto fail;
	}
	r = decode(&request_table, object, (char *)&request);
	if (r == -EBADMSG)
		*ret_why = "a field has the wrong type";
	if (r == 0 && request.wait_s > CTL_WAIT_MAX_S) {
		*ret_why = "nobody waits that long";
		r = -EBADMSG;
	}
	if (r < 0)
		goto fail;
	cJSON_Delete(object);
	*ret_request = request;
	return 0;
fail:
	cJSON_Delete(object);
	ctl_request_fini(&request);
	return r;
}

int ctl_reply_parse(const char *line, size_t len, struct ctl_reply *ret_reply,
		    const char **ret_why)
{
	struct ctl_reply reply = { 0 };
	cJSON *object = parse_message(line, len, ret_why);
	const cJSON *status;
	int r;

	if (object == NULL)
		return -EBADMSG;
	r = decode(&reply_table, object, (char *)&reply);
	status = cJSON_GetObjectItemCaseSensitive(object, "status");
	if (r == 0 && cJSON_IsObject(status)) {
		reply.has_status = true;
		r = decode(&status_table, status, (char *)&reply.status);
	}
	cJSON_Delete(object);
	if (r < 0) {
		*ret_why = "a field has the wrong type";
		ctl_reply_fini(&reply);
		return r;
	}
	*ret_reply = reply;
	return 0;
}

int ctl_socket_path(const char *runtime_dir, char ret_path[static CTL_PATH_MAX])
{
	int n = snprintf(NULL, 0, "%s/" CTL_SOCKET_NAME, runtime_dir);

	if (n < 0 || n >= CTL_PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(ret_path, CTL_PATH_MAX, "%s/" CTL_SOCKET_NAME, runtime_dir);
	return 0;
}
