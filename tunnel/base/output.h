/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of a program that prints. Main thread. */
#ifndef ADIT_OUTPUT_H
#define ADIT_OUTPUT_H

/* A full disk or a closed pipe must not look like success: returns `code`, or,
 * when that is 0 and not all of standard output arrived, 1 after a line on
 * standard error. */
int output_finish(const char *program, int code);

#endif
