/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads a file that decides about security: a regular one, which nobody but
 * its owner may change. Never blocks on a FIFO and never reads without end.
 * Any thread.
 */
#ifndef ADIT_CONFIG_FILE_H
#define ADIT_CONFIG_FILE_H

#include <stddef.h>
#include <stdint.h>

enum {
	FILE_WHY_MAX = 160,
};

enum file_demand {
	FILE_ANY = 0,	  /* regular, no writers but the owner */
	FILE_PRIVATE = 1, /* and no readers but the owner */
	FILE_OURS = 2,	  /* and the owner is root or this process's user */
};

/* 0; or -errno with a sentence in `why`: -EPERM for a demand that is not met,
 * -EINVAL for what is no regular file, -EFBIG, or what open() said. The text
 * is the caller's to wipe and free; a zero follows it. */
int file_read(const char *path, size_t max, unsigned int demands,
	      uint8_t **ret_text, size_t *ret_len, char why[FILE_WHY_MAX]);
/* The same judgement, nothing read. */
int file_inspect(const char *path, size_t max, unsigned int demands,
		 char why[FILE_WHY_MAX]);

#endif
