/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A folder that we keep things in: nobody but its owner, who is root or this
 * process's user, may change what is in it. And what to do when a folder says
 * no, in one wording for all of them. Any thread.
 */
#ifndef ADIT_BASE_FOLDER_H
#define ADIT_BASE_FOLDER_H

#include <sys/types.h>

#include "tunnel/base/attr.h"

/* A descriptor; -EPERM: others may change it; or what open() said. */
int folder_open(const char *path) ATTR_MUST_CHECK;
/* A file in it, through a second name: a crash leaves the old one or the new
 * one. 0 or -errno. */
int folder_write(int dir, const char *name, mode_t mode,
		 const char *text) ATTR_MUST_CHECK;

/* What went wrong in or with a folder, and what to do; `error` is -errno. */
const char *folder_error_text(int error);

#endif
