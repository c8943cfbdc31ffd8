/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "tunnel/cli/cli.h"

int main(int argc, char **argv)
{
	int code = cli_main(argc, argv, stdout, stderr);

	/* A full disk or a closed pipe must not look like success. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == CTL_EXIT_DONE)
		code = CTL_EXIT_FAILED;
	return code;
}
