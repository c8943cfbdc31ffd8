/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules across the keys of a profile, and the files that it names. Each
 * key by itself has been judged before. Called by profile_parse() alone.
 */
#ifndef ADIT_CONFIG_VALIDATE_H
#define ADIT_CONFIG_VALIDATE_H

#include "config/json.h"
#include "config/profile.h"

/* Fills what follows from other keys, and with PROFILE_FOR_USE what the files
 * hold; identities by reference are looked for in the folder `assets`, unless
 * that is NULL. Findings go to the report. */
void validate_profile(struct profile *p, const struct json *j,
		      enum profile_flags flags, const char *assets,
		      struct config_report *report);

#endif
