/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int output_finish(const char *program, int code)
{
	errno = 0;
	if ((fflush(stdout) == 0 && !ferror(stdout)) || code != 0)
		return code;
	fprintf(stderr, "%s: the output cannot be written: %s\n", program,
		strerror(errno ? errno : EIO));
	return 1;
}
