/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One command of adit-gateway: its arguments, its help, and what it does. The
 * table of all of them is in gateway_cli.c, which also parses; commands use
 * the functions below. Main thread.
 */
#ifndef ADIT_GATEWAY_COMMAND_H
#define ADIT_GATEWAY_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tunnel/base/attr.h"
#include "tunnel/gateway/gateway_cli.h"
#include "tunnel/gateway/gateway_config.h"

enum {
	GATEWAY_POSITIONALS_MAX = 2,
	/* Results of gateway_next_option beside the command's own. */
	GATEWAY_OPTION_END = -1,
	GATEWAY_OPTION_LEAVE = -2, /* with cli->code */
};

enum gateway_option_kind {
	GATEWAY_OPTION_ONCE,	/* has a value */
	GATEWAY_OPTION_REPEATS, /* each value is one more */
	GATEWAY_OPTION_FLAG,	/* has none */
};

/* There are no short ones. The last of a list has no name. */
struct gateway_option {
	const char *name; /* without the dashes */
	int value;	  /* 0 to 31 */
	enum gateway_option_kind kind;
};

struct gateway_cli {
	const struct gateway_command *command;
	int argc; /* behind the command's name */
	char **argv;
	FILE *out, *err;

	/* while parsing */
	int at;
	bool only_positionals; /* behind "--" */
	unsigned int seen;     /* a bit for each option's value */
	const char *option;    /* the name last found, and its value or NULL */
	const char *value;
	const char *positional[GATEWAY_POSITIONALS_MAX]; /* DIR, CLIENT */
	size_t positionals;
	int code; /* the exit code, once it is known */
};

struct gateway_command {
	const char *name;
	const char *arguments; /* as they stand in the usage line */
	size_t positionals;
	const struct gateway_option *options;
	int (*run)(struct gateway_cli *cli);
	const char *help;
};

extern const struct gateway_command gateway_command_init;
extern const struct gateway_command gateway_command_add;
extern const struct gateway_command gateway_command_list;
extern const struct gateway_command gateway_command_revoke;
extern const struct gateway_command gateway_command_run;
extern const struct gateway_command gateway_command_status;

#define GATEWAY_POOL_DEFAULT "10.77.0.0/16"
#define GATEWAY_DEVICE_DEFAULT "adit-gw"

/* gateway_help.c */
extern const char gateway_help_overview[];
extern const char gateway_help_init[];
extern const char gateway_help_add[];
extern const char gateway_help_list[];
extern const char gateway_help_revoke[];
extern const char gateway_help_run[];
extern const char gateway_help_status[];

/* The next option's `value`; GATEWAY_OPTION_END when all are read and the
 * positionals are there; GATEWAY_OPTION_LEAVE after --help or an error. */
int gateway_next_option(struct gateway_cli *cli);

/* "adit-gateway init: what is wrong; try adit-gateway init --help". Returns
 * the exit code. */
int gateway_usage_error(const struct gateway_cli *cli, const char *fmt, ...)
	ATTR_PRINTF(2, 3);
/* The same about the option that was read last and its value. */
int gateway_value_error(const struct gateway_cli *cli, const char *wrong);
int gateway_failed(const struct gateway_cli *cli,
		   const struct gateway_error *error);

#endif
