/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/ctl/ctl_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/ctl/ctl.h"

void ctl_table_fini(const struct ctl_table *t, char *base)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct ctl_field *f = &t->fields[i];
		struct ctl_list *list = (struct ctl_list *)(base + f->offset);

		switch (f->kind) {
		case CTL_KIND_TEXT:
			free(*(char **)(base + f->offset));
			break;
		case CTL_KIND_TEXTS:
			for (size_t k = 0; k < list->count; k++)
				free(((char **)list->items)[k]);
			free(list->items);
			break;
		case CTL_KIND_OBJECT:
			ctl_table_fini(f->sub, base);
			break;
		case CTL_KIND_OBJECTS:
			for (size_t k = 0; k < list->count; k++)
				ctl_table_fini(f->sub,
					       (char *)list->items +
						       k * f->sub->size);
			free(list->items);
			break;
		case CTL_KIND_NUMBER:
		case CTL_KIND_INDEX:
		case CTL_KIND_BOOL:
			break;
		}
	}
}

static cJSON *encode(const struct ctl_table *t, const char *base);

static cJSON *encode_list(const struct ctl_field *f,
			  const struct ctl_list *list)
{
	cJSON *array = cJSON_CreateArray();

	for (size_t k = 0; array != NULL && k < list->count; k++) {
		cJSON *item;

		if (f->kind == CTL_KIND_TEXTS)
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

static cJSON *encode_field(const struct ctl_field *f, const char *base)
{
	const char *at = base + f->offset;

	switch (f->kind) {
	case CTL_KIND_TEXT:
		return cJSON_CreateString(*(char *const *)at);
	case CTL_KIND_NUMBER:
		return cJSON_CreateNumber((double)*(const uint64_t *)at);
	case CTL_KIND_INDEX:
		return *(const uint64_t *)at > 0
			       ? cJSON_CreateNumber(
					 (double)(*(const uint64_t *)at - 1))
			       : cJSON_CreateNull();
	case CTL_KIND_BOOL:
		return cJSON_CreateBool(*(const bool *)at);
	case CTL_KIND_OBJECT:
		return encode(f->sub, base);
	case CTL_KIND_TEXTS:
	case CTL_KIND_OBJECTS:
		return encode_list(f, (const struct ctl_list *)at);
	}
	return NULL;
}

cJSON *ctl_encode_into(cJSON *object, const struct ctl_table *t,
		       const char *base)
{
	for (size_t i = 0; object != NULL && i < t->count; i++) {
		const struct ctl_field *f = &t->fields[i];
		cJSON *item;

		if (f->kind == CTL_KIND_TEXT &&
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

static cJSON *encode(const struct ctl_table *t, const char *base)
{
	return ctl_encode_into(cJSON_CreateObject(), t, base);
}

static int decode_list(const struct ctl_field *f, const cJSON *array,
		       struct ctl_list *list)
{
	const cJSON *item;
	int r;

	if (!cJSON_IsArray(array))
		return -EBADMSG;
	cJSON_ArrayForEach(item, array)
	{
		char *slot;

		if (f->kind == CTL_KIND_TEXTS) {
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
		r = ctl_decode(f->sub, item, slot);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Doubles are whole up to 2^53; this refuses NaN too. */
static int decode_number(const cJSON *item, uint64_t *number)
{
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) ||
	    item->valuedouble > 9007199254740992.0)
		return -EBADMSG;
	*number = (uint64_t)item->valuedouble;
	return 0;
}

static int decode_field(const struct ctl_field *f, const cJSON *item,
			char *base)
{
	char *at = base + f->offset;
	int r;

	switch (f->kind) {
	case CTL_KIND_TEXT:
		if (!cJSON_IsString(item))
			return -EBADMSG;
		*(char **)at = strdup(item->valuestring);
		return *(char **)at ? 0 : -ENOMEM;
	case CTL_KIND_INDEX:
		if (cJSON_IsNull(item))
			return 0;
		r = decode_number(item, (uint64_t *)at);
		*(uint64_t *)at += r == 0;
		return r;
	case CTL_KIND_NUMBER:
		return decode_number(item, (uint64_t *)at);
	case CTL_KIND_BOOL:
		if (!cJSON_IsBool(item))
			return -EBADMSG;
		*(bool *)at = cJSON_IsTrue(item);
		return 0;
	case CTL_KIND_OBJECT:
		return cJSON_IsObject(item) ? ctl_decode(f->sub, item, base)
					    : -EBADMSG;
	case CTL_KIND_TEXTS:
	case CTL_KIND_OBJECTS:
		return decode_list(f, item, (struct ctl_list *)at);
	}
	return -EBADMSG;
}

int ctl_decode(const struct ctl_table *t, const cJSON *object, char *base)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct ctl_field *f = &t->fields[i];
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
