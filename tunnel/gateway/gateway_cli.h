/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line of adit-gateway: parses, calls the store or the gateway,
 * and prints. Results go to `out`, errors to `err`, one line each. Main thread.
 */
#ifndef ADIT_GATEWAY_CLI_H
#define ADIT_GATEWAY_CLI_H

#include <stdio.h>

enum {
	GATEWAY_EXIT_DONE = 0,
	GATEWAY_EXIT_FAILED = 1,
	GATEWAY_EXIT_USAGE = 2,
	GATEWAY_EXIT_NOT_RUNNING = 3,
};

/* Returns the exit code. argv[0] is the program. */
int gateway_cli(int argc, char **argv, FILE *out, FILE *err);

#endif
