/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Another program, run to its end: fixed arguments, no shell, no environment
 * but a PATH of the system's folders. Blocks for as long as it is told; who
 * takes longer is killed with all that it started in its process group. Any
 * thread.
 */
#ifndef ADIT_HOST_PROGRAM_H
#define ADIT_HOST_PROGRAM_H

#include <stddef.h>

#include "tunnel/base/attr.h"

enum { PROGRAM_INPUT_MAX = 4096 }; /* it fits into a pipe, see POSIX PIPE_BUF */

/* Where the first of the system's folders has it; NULL: nowhere. Fills and
 * returns buf. */
const char *program_find(const char *name, char *buf, size_t size);

/* `input` (NULL: nothing) is its standard input; what it prints to standard
 * output fills `output`, cut and ended with a zero. Returns its exit code;
 * -ETIMEDOUT, -ECANCELED (a signal ended it), -E2BIG or another -errno. */
int program_run(const char *const *argv, const char *input, char *output,
		size_t size, unsigned int patience_ms) ATTR_MUST_CHECK;

#endif
