/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is wrong with a file, collected: each finding has its place (line,
 * column, JSON pointer) and one sentence. Plain data without pointers: copy it
 * freely. Secrets never get into a text. Any thread.
 *
 *   FILE:LINE:COL: /JSON/pointer: what is wrong (did you mean "..."?)
 */
#ifndef ADIT_CONFIG_REPORT_H
#define ADIT_CONFIG_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tunnel/base/attr.h"

enum {
	CONFIG_ERRORS_MAX = 20, /* errors, and as many warnings */
	CONFIG_POINTER_MAX = 160,
	CONFIG_TEXT_MAX = 288,
	CONFIG_LINE_MAX = 512, /* one formatted line with a short file name */
};

struct config_error {
	uint32_t line;	 /* from 1; 0: the file as a whole */
	uint32_t column; /* in characters, from 1 */
	bool warning;
	char pointer[CONFIG_POINTER_MAX]; /* "" is the whole document */
	char text[CONFIG_TEXT_MAX];
};

struct config_report {
	struct config_error items[2 * CONFIG_ERRORS_MAX];
	size_t count;	 /* used items, in the order in which they were found */
	size_t errors;	 /* all that were found, kept or not */
	size_t warnings; /* likewise */
};

/* Adds one item and returns it, or NULL when there are enough already (it is
 * counted all the same). Control characters in the text become '?'. */
struct config_error *config_report_add(struct config_report *r, bool warning,
				       const char *fmt, ...) ATTR_PRINTF(3, 4);

/* "FILE:LINE:COL: /pointer: text"; warnings say "warning: " before the text.
 * Returns buf. */
const char *config_error_text(const struct config_error *e, const char *file,
			      char *buf, size_t len);

/* Every item, one a line, in the order of the file. */
void config_report_print(const struct config_report *r, const char *file,
			 FILE *to);

/* The first error, or NULL. */
const struct config_error *config_report_first(const struct config_report *r);

#endif
