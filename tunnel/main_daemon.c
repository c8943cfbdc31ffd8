/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tunnel/base/log.h"
#include "tunnel/daemon/daemon.h"

static const char usage[] =
	"aditd " ADIT_VERSION ": the service that owns adit's tunnel\n"
	"\n"
	"  aditd [--config-dir DIR] [--state-dir DIR] [--runtime-dir DIR]\n"
	"        [--foreground] [--log-level LEVEL]\n"
	"  aditd --undo [--state-dir DIR]\n"
	"\n"
	"--config-dir DIR   profiles are DIR/profiles/*.json (/etc/adit)\n"
	"--state-dir DIR    the journal of what was changed on this machine,\n"
	"                   so that a crash can be undone (/var/lib/adit)\n"
	"--runtime-dir DIR  the socket that \"adit\" talks to (/run/adit)\n"
	"--foreground       stay attached to the terminal, which aditd does\n"
	"                   anyway\n"
	"--log-level LEVEL  error, warning, notice, info or debug (info), on\n"
	"                   standard error\n"
	"--undo             put back what a killed aditd left, and end; each\n"
	"                   start does so as well\n"
	"\n"
	"Needs root. SIGTERM and SIGINT end it and put the machine's network\n"
	"back, SIGHUP reads the profiles again. \"adit help\" says how to use\n"
	"it.\n";

struct arguments {
	struct daemon_options options;
	bool undo;
};

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "aditd: %s %s; see \"aditd --help\"\n", what, why);
	return 2;
}

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct arguments *a)
{
	const struct {
		const char *name;
		const char **value;
	} with_value[] = {
		{ "--config-dir", &a->options.config_dir },
		{ "--state-dir", &a->options.state_dir },
		{ "--runtime-dir", &a->options.runtime_dir },
		{ "--log-level", NULL },
	};

	for (int i = 1; i < argc; i++) {
		const char *value = strchr(argv[i], '=');
		size_t len =
			value ? (size_t)(value - argv[i]) : strlen(argv[i]);
		size_t k = 0;
		enum log_level level;

		if (strcmp(argv[i], "--foreground") == 0)
			continue;
		if (strcmp(argv[i], "--undo") == 0) {
			a->undo = true;
			continue;
		}
		if (strcmp(argv[i], "--version") == 0) {
			puts("aditd " ADIT_VERSION);
			return 0;
		}
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0) {
			fputs(usage, stdout);
			return 0;
		}
		while (k < ARRAY_SIZE(with_value) &&
		       (strlen(with_value[k].name) != len ||
			memcmp(with_value[k].name, argv[i], len) != 0))
			k++;
		if (k == ARRAY_SIZE(with_value))
			return complain(argv[i], "is not an option here");
		value = value ? value + 1 : argv[++i];
		if (value == NULL)
			return complain(with_value[k].name, "needs a value");
		if (with_value[k].value != NULL)
			*with_value[k].value = value;
		else if (log_level_parse(value, &level) == 0)
			log_set_level(level);
		else
			return complain(value, "is not a log level");
	}
	return -1;
}

/* ADIT_FAULT=recorded:N or made:N: the crash test's kill -9 at the N-th change
 * of the host. */
static void read_fault(struct daemon_options *o)
{
	const char *text = getenv("ADIT_FAULT");

	if (text == NULL)
		return;
	if (sscanf(text, "recorded:%u", &o->fault_step) == 1)
		o->fault = HOST_FAULT_RECORDED;
	else if (sscanf(text, "made:%u", &o->fault_step) == 1)
		o->fault = HOST_FAULT_MADE;
}

int main(int argc, char **argv)
{
	struct arguments a = {
		.options = {
			.config_dir = "/etc/adit",
			.state_dir = "/var/lib/adit",
			.runtime_dir = "/run/adit",
		},
	};
	int code = parse(argc, argv, &a);

	if (code >= 0)
		return code;
	read_fault(&a.options);
	if (geteuid() != 0) {
		fprintf(stderr, "aditd: needs root, to change this machine's "
				"network\n");
		return 4;
	}
	return a.undo ? daemon_undo(&a.options) : daemon_run(&a.options);
}
