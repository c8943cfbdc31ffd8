/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Strict JSON (RFC 8259) into a flat array of nodes that know their place.
 *
 * Why not cJSON, which the control protocol uses for our own messages: it
 * takes duplicate keys, bad UTF-8 and trailing text in silence and remembers
 * no positions, so a second parser would have to walk the text before it, and
 * two parsers that judge one hostile file can disagree about what it says.
 * With one there is one truth; tests/config/test_json.c compares it with cJSON
 * on everything it accepts.
 *
 *   1. json_parse() copies nothing but decoded strings; `text` is borrowed and
 *      must outlive the tree.
 *   2. node 0 is the root; children follow in order: json_first, json_next.
 *   3. json_destroy() wipes the strings: a profile holds passwords.
 */
#ifndef ADIT_CONFIG_JSON_H
#define ADIT_CONFIG_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/report.h"
#include "tunnel/base/attr.h"

enum {
	JSON_DEPTH_MAX = 32,
	JSON_NODES_MAX = 65536,
	JSON_MEMBERS_MAX = 1024, /* of one object: duplicates cost n^2 */
	JSON_DIGITS_MAX = 15,	 /* of a whole number: exact everywhere */
};

enum json_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json_node {
	enum json_type type;
	bool whole;	  /* a number without fraction and exponent */
	int64_t number;	  /* if whole; at most JSON_DIGITS_MAX digits */
	const char *key;  /* of a member of an object, else NULL */
	const char *text; /* of a string; holds no zero byte */
	uint32_t at;	  /* where the value starts in the text */
	uint32_t key_at;
	uint32_t parent; /* node numbers */
	uint32_t next;	 /* 0: the last child */
	uint32_t index;	 /* among the parent's children */
	uint32_t count;	 /* of children */
};

struct json {
	const char *text; /* borrowed */
	size_t len;
	struct json_node *nodes;
	size_t node_count;
	char *strings; /* all decoded strings, wiped at the end */
	size_t strings_used;
};

/* 0, -EINVAL with one error in the report, or -ENOMEM. */
int json_parse(const char *text, size_t len, struct json **ret_json,
	       struct config_report *report);
void json_destroy(struct json *j);

/* NULL when there is none. */
const struct json_node *json_first(const struct json *j,
				   const struct json_node *n);
const struct json_node *json_next(const struct json *j,
				  const struct json_node *n);
const struct json_node *json_member(const struct json *j,
				    const struct json_node *object,
				    const char *key);
const struct json_node *json_item(const struct json *j,
				  const struct json_node *array, size_t index);
/* By pointer, without escapes: "/Payload/DNS". */
const struct json_node *json_find(const struct json *j, const char *pointer);

/* "a string", "true", "an object": for "must be ..., is ...". */
const char *json_type_text(enum json_type type);

/* Adds a finding about this node to the report, and returns it or NULL like
 * config_report_add. With `member` the finding is about a member of that name,
 * which need not be there: the place is then the object's own. */
struct config_error *json_complain(const struct json *j,
				   const struct json_node *n,
				   const char *member, bool warning,
				   struct config_report *r, const char *fmt,
				   ...) ATTR_PRINTF(6, 7);

/* Moves a finding from the value to the key that is wrong. Takes NULL. */
void json_blame_key(const struct json *j, const struct json_node *n,
		    struct config_error *e);

#endif
