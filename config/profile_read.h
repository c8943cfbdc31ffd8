/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the JSON tree to the fields of a struct profile, key by key along the
 * table. Rules across keys are validate.h's. Called by profile.c and asset.c.
 */
#ifndef ADIT_CONFIG_PROFILE_READ_H
#define ADIT_CONFIG_PROFILE_READ_H

#include "config/json.h"
#include "config/profile.h"

/* Fills a zeroed struct, defaults first. What is wrong is in the report, and
 * the rest is read all the same. 0; -EINVAL when the text is another document
 * than a profile, or -ENOMEM. */
int profile_read(struct profile *p, const struct json *j,
		 struct config_report *report);
/* Adds a part that lies in a file of its own; likewise. */
int profile_read_part(struct profile *p, const struct json *j,
		      enum profile_form form, struct config_report *report);

#endif
