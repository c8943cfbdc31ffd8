/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The profiles of a machine: FOLDER/NAME.json, in the order of their file
 * names. A file that turns bad leaves the profile that was in force where it
 * is, with the report beside it. The caller watches the folder and calls
 * profiles_reload(). Pointers to entries last until the next reload. Control
 * thread.
 */
#ifndef ADIT_CONFIG_PROFILES_H
#define ADIT_CONFIG_PROFILES_H

#include <stdbool.h>
#include <stddef.h>

#include "config/profile.h"

/* What a person is told about another one. */
#define PROFILE_NAME_RULE                                                   \
	"a profile's name has up to 127 letters, digits, \".\", \"_\" and " \
	"\"-\", and no dot first"

enum {
	PROFILE_NAME_MAX = 128, /* final zero included; the rule says 127 */
};

enum profiles_change {
	PROFILES_SAME,	  /* and so is `profile`; a broken file may be good
			     again: `broken` */
	PROFILES_ADDED,	  /* also: was bad from the start, is good now */
	PROFILES_CHANGED, /* another content is in force */
	PROFILES_BROKEN,  /* bad in another way than before; what was in force
			     stays */
	PROFILES_REMOVED, /* told once; gone with the next reload */
};

struct profile_entry {
	char name[PROFILE_NAME_MAX]; /* the file's name without ".json" */
	char *path;
	struct profile *profile; /* in force; NULL: never was a good one */
	bool broken;		 /* the file now there is refused: `report` */
	struct config_report report; /* of the last read of the file */
	bool unfit; /* good, and cannot be used on this machine: `obstacle` */
	struct config_error obstacle;
	bool told; /* the caller's; cleared when the problem is another */
	enum profiles_change change; /* of the last reload */
};

struct profiles {
	char *folder;
	enum profile_flags flags;
	struct profile_entry **entries; /* by file name */
	size_t count;
};

/* Remembers the folder, which need not exist yet; reads nothing. */
int profiles_init(struct profiles *s, const char *folder,
		  enum profile_flags flags);
void profiles_fini(struct profiles *s);

/* Reads every file again, with the files that profiles name. 0 (each entry's
 * `change` says what happened to it), or -errno when the folder cannot be read,
 * or, as -EPERM, when others may change what is in it: which changes nothing. A
 * folder that is not there has no profiles. */
int profiles_reload(struct profiles *s);

/* Those that were told to be gone are gone now; else with the next reload. */
void profiles_prune(struct profiles *s);

/* Why the file cannot be used, now that it is there; NULL: it can. */
const struct config_error *profiles_problem(const struct profile_entry *e);

/* By file name without ".json", else by VisibleName. NULL: none, or (with
 * `ret_ambiguous` set) several bear this VisibleName. */
struct profile_entry *profiles_find(const struct profiles *s, const char *name,
				    bool *ret_ambiguous);

/* May this be a profile's name? Letters, digits, ".", "_", "-", no dot first.
 */
bool profile_name_valid(const char *name);

/* Checks FILE and puts a copy (mode 0600, whole or not at all) into the folder
 * as NAME.json; `name` NULL: FILE's own. 0, -EINVAL with a report, -EEXIST
 * when it is there and `replace` is false, or -errno. */
int profiles_add(const char *folder, const char *file, const char *name,
		 bool replace, struct config_report *ret_report);
/* 0, -EINVAL (no such name is possible), -ENOENT, or -errno. */
int profiles_remove(const char *folder, const char *name);

#endif
