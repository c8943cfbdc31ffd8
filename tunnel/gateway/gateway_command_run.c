/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "tunnel/gateway/gateway.h"
#include "tunnel/gateway/gateway_command.h"

enum {
	OPTION_LISTEN,
	OPTION_DEVICE,

	DEVICE_NAME_MAX = 15, /* IFNAMSIZ without its zero */
};

static const struct gateway_option options[] = {
	{ "listen", OPTION_LISTEN },
	{ "device", OPTION_DEVICE },
	{ NULL, 0 },
};

/* What is wrong with the option's value, or NULL. */
static const char *take_option(int option, const char *value,
			       struct gateway_options *o)
{
	switch (option) {
	case OPTION_LISTEN:
		return endpoint_parse(value, &o->listen) == 0
			       ? NULL
			       : "must be an address and a port, like "
				 "192.0.2.1:443 or [::]:443";
	case OPTION_DEVICE:
		o->device = value;
		return *value && strlen(value) <= DEVICE_NAME_MAX &&
				       !strpbrk(value, "/ :%")
			       ? NULL
			       : "must be an interface's name";
	}
	return "is not known";
}

static int run_run(struct gateway_cli *cli)
{
	struct gateway_options o = { .device = GATEWAY_DEVICE_DEFAULT,
				     .out = cli->out };
	struct gateway_error error;
	const char *wrong;
	int option;

	while ((option = gateway_next_option(cli)) >= 0) {
		wrong = take_option(option, cli->value, &o);
		if (wrong)
			return gateway_value_error(cli, wrong);
	}
	if (option == GATEWAY_OPTION_LEAVE)
		return cli->code;
	o.dir = cli->positional[0];
	if (gateway_run(&o, &error))
		return gateway_failed(cli, &error);
	return GATEWAY_EXIT_DONE;
}

const struct gateway_command gateway_command_run = {
	.name = "run",
	.arguments = "DIR [--listen ADDRESS:PORT] [--device NAME]",
	.positionals = 1,
	.options = options,
	.run = run_run,
	.help = gateway_help_run,
};
