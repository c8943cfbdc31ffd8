/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Structs to JSON objects and back, by tables: one row says what a field is
 * called, what it is and where it lies, and serves the encoder, the decoder
 * and the function that frees. For ctl.c alone. Pure; any thread.
 */
#ifndef ADIT_CTL_CODEC_H
#define ADIT_CTL_CODEC_H

#include <cjson/cJSON.h>
#include <stddef.h>

enum ctl_kind {
	CTL_KIND_TEXT,
	CTL_KIND_NUMBER,
	CTL_KIND_INDEX, /* a number, kept plus one; 0 is null */
	CTL_KIND_BOOL,
	CTL_KIND_TEXTS,	  /* struct ctl_list of char * */
	CTL_KIND_OBJECT,  /* fields of the same struct, at offset 0 */
	CTL_KIND_OBJECTS, /* struct ctl_list of the sub-table's struct */
};

struct ctl_table {
	const struct ctl_field *fields;
	size_t count;
	size_t size; /* of the struct */
};

struct ctl_field {
	const char *name;
	enum ctl_kind kind;
	size_t offset;
	const struct ctl_table *sub;
};

/* Adds the fields of the struct at `base`; texts that are not there are left
 * out. NULL, and the object is gone: out of memory. Takes NULL. */
cJSON *ctl_encode_into(cJSON *object, const struct ctl_table *t,
		       const char *base);
/* Fills a zeroed struct; fields that are not there stay so. 0, -EBADMSG (a
 * wrong type) or -ENOMEM; what it filled is the caller's also then. */
int ctl_decode(const struct ctl_table *t, const cJSON *object, char *base);
void ctl_table_fini(const struct ctl_table *t, char *base);

#endif
