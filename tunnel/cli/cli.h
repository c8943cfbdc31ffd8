/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program `adit`: reads its arguments, asks the daemon, prints. Every
 * error is one line: what, where, why, what to do. The exit codes are those of
 * enum ctl_exit.
 *
 * cli.c has the arguments and the commands of the tunnel, cli_profile.c those
 * of the profiles, cli_follow.c those that go on, cli_explain*.c the answers to
 * "why"; cli_status*.c and cli_help.c are what a person reads.
 */
#ifndef ADIT_CLI_H
#define ADIT_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tunnel/base/attr.h"
#include "tunnel/ctl/ctl.h"

struct ctl_steps;

enum {
	CLI_WORDS_MAX = 4,
	CLI_WAIT_S = 30, /* --wait without a number */
};

struct cli {
	FILE *out, *err;
	bool colour;	     /* out is a terminal, and NO_COLOR is not set */
	const char *command; /* for messages: "profile add" */

	/* Arguments; borrowed. */
	const char *word[CLI_WORDS_MAX]; /* behind the command; NULL: absent */
	const char *runtime_dir, *config_dir;
	const char *name;
	const char *profile, *facts, *system_search;
	const char *for_text, *reason;
	bool json, replace, wait, follow, help, full, until_reboot;
	uint64_t wait_s;
	unsigned int seen; /* a bit for each option */
};

/* The whole program. */
int cli_main(int argc, char **argv, FILE *out, FILE *err);

/* One line on standard error: "adit: COMMAND: ...". Returns `code`. */
int cli_fail(const struct cli *c, enum ctl_exit code, const char *fmt, ...)
	ATTR_PRINTF(3, 4);
/* Asks the daemon. CTL_EXIT_DONE with its final reply, which is the caller's
 * (and may carry another exit code); or an exit code, the error being printed.
 * `absent` given: set when there is no daemon, instead of printing that. */
int cli_ask(struct cli *c, const struct ctl_request *request, bool *absent,
	    struct ctl_reply *ret_reply);
/* The conversation alone, nothing printed. 0 or -errno; `opened` says whether
 * there was a daemon. */
int cli_converse(const struct ctl_request *request, const char *path,
		 const struct ctl_steps *steps, bool *ret_opened,
		 struct ctl_reply *ret_reply);
/* Says why a conversation failed. */
int cli_fail_converse(const struct cli *c, int error, bool opened,
		      const char *path);
/* CTL_EXIT_DONE, or the error was printed. */
int cli_socket_path(const struct cli *c, char ret_path[static CTL_PATH_MAX]);
/* Prints the text of a final reply where it belongs, frees it, and returns
 * its exit code. */
int cli_finish(struct cli *c, struct ctl_reply *reply);
/* Text of others, made fit for a terminal: what would steer it becomes '?'. */
void cli_put_clean(FILE *to, const char *text);
/* Several lines of it. */
void cli_put_clean_lines(FILE *to, const char *text);

/* `now_s`: seconds since 1970. */
void cli_print_status(FILE *to, bool colour, const struct ctl_status *s,
		      uint64_t now_s);

int cli_profile(struct cli *c);
int cli_reload(struct cli *c);
int cli_log(struct cli *c);
int cli_watch(struct cli *c);
int cli_explain(struct cli *c);
int cli_explain_network(struct cli *c);

/* `topic` NULL: the overview. False: there is no such topic. */
bool cli_print_help(FILE *to, const char *topic);

#endif
