/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway/gateway_cli.h"

int main(int argc, char **argv)
{
	int code = gateway_cli(argc, argv, stdout, stderr);

	/* A full disk or a closed pipe must not look like success. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == 0)
		code = 1;
	return code;
}
