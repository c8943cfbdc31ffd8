/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one table of what a profile, and an identity that it refers to, may
 * hold. The parser, the destroyer, the printer and the JSON Schema all walk it,
 * so that a key is added by one row. keys.c has the rows, key.c the questions.
 *
 * A path names a key in its form: "/Payload/DNS/Protocol" in the declaration,
 * "/DNS/DNSProtocol" in the older payload; "*" stands for each object of an
 * array. A row is found by its parent's path and a name.
 */
#ifndef ADIT_CONFIG_KEYS_H
#define ADIT_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/profile.h"
#include "config/value.h"

enum {
	KEY_PATH_MAX = 128,
};

enum key_type {
	KEY_OBJECT,  /* members in the same struct */
	KEY_OBJECTS, /* array of objects: `size` each, members relative to it */
	KEY_BOOL,    /* bool: true, false */
	KEY_FLAG,    /* bool: true, false, 1, 0 */
	KEY_INT,     /* uint32_t: min to max */
	KEY_ENUM,    /* enum: the index in `names` */
	KEY_NAMES,   /* char *[]: each one of `names`, none twice; min items */
	KEY_VALUE,   /* one `kind` */
	KEY_VALUES,  /* array of `kind`; min items */
	KEY_IGNORED, /* any object: accepted, not looked at */
	KEY_REFUSED, /* a key of others that deserves a better error: `note` */
};

/* What others write where a key has `names`, and what to do instead. */
struct key_foreign {
	const char *word, *text; /* text: behind the quoted word */
};

enum key_flags {
	KEY_REQUIRED = 1, /* when its parent is there */
	KEY_LATER = 2,	  /* "accepted, not acted on yet" */
};

struct key {
	const char *path[PROFILE_FORMS]; /* NULL: not in this form */
	enum key_type type;
	enum value_kind kind;
	unsigned int flags;
	uint32_t min, max;
	uint32_t standard;	  /* the default of BOOL, FLAG, INT, ENUM */
	const char *const *names; /* ends with NULL */
	const struct key_foreign *foreign; /* likewise, or NULL */
	/* Offsets into struct profile, or into the item of an array. */
	size_t at;
	size_t count_at;
	size_t has_at; /* a bool: was the key there? 0: nobody asks */
	size_t size;
	const char *text; /* one sentence for people who write profiles */
	/* KEY_REFUSED: what to do instead. KEY_ENUM: a word about any name
	 * that is near none of `names`, or NULL. */
	const char *note;
};

extern const struct key keys[];
extern const size_t key_count;

/* The row of a member of the object at `parent` (as a path of that form), or
 * NULL. */
const struct key *key_find(enum profile_form form, const char *parent,
			   const char *name);
/* Steps through the direct members of `parent`: start with NULL. */
const struct key *key_next_member(enum profile_form form, const char *parent,
				  const struct key *after);
/* The path in the first form that has the key. */
const char *key_path(const struct key *k);
/* The last part of the path. */
const char *key_name(const struct key *k, enum profile_form form);
/* Does the row belong to this struct: "" for struct profile, else the path of
 * the array's items, "/Payload/OnDemand/Rules/" and a star? */
bool key_in_scope(const struct key *k, const char *scope);
/* The row with this path in the declaration. It is there: our own mistake
 * otherwise. */
const struct key *key_of(const char *declaration_path);

/* "a whole number from 1 to 65535", for errors. Returns buf. */
const char *key_wanted(const struct key *k, char *buf, size_t len);
/* The text for a word of others that it must not have, or NULL. */
const char *key_foreign_text(const struct key *k, const char *word);
/* The names that it may have: one of "a", "b". Returns buf. */
const char *key_one_of(const struct key *k, char *buf, size_t len);

#endif
