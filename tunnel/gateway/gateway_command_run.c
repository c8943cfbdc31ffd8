/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "tunnel/data/lane.h"
#include "tunnel/gateway/gateway.h"
#include "tunnel/gateway/gateway_command.h"

enum {
	OPTION_LISTEN,
	OPTION_DEVICE,
	OPTION_LANES,
	OPTION_METRICS,
	OPTION_NAT,

	DEVICE_NAME_MAX = 15, /* IFNAMSIZ without its zero */
};

static const struct gateway_option options[] = {
	{ "listen", OPTION_LISTEN, GATEWAY_OPTION_ONCE },
	{ "device", OPTION_DEVICE, GATEWAY_OPTION_ONCE },
	{ "lanes", OPTION_LANES, GATEWAY_OPTION_ONCE },
	{ "metrics", OPTION_METRICS, GATEWAY_OPTION_ONCE },
	{ "nat", OPTION_NAT, GATEWAY_OPTION_FLAG },
	{ .name = NULL },
};

/* Linux takes more; scripts, and nftables, do not. */
static bool is_device_name(const char *name)
{
	static const char signs[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._-";
	size_t len = strlen(name);

	return len > 0 && len <= DEVICE_NAME_MAX && name[0] != '.' &&
	       strspn(name, signs) == len;
}

static bool is_loopback(const struct ip_addr *a)
{
	static const uint8_t loopback6[16] = { [15] = 1 };

	return a->family == AF_INET
		       ? a->bytes[0] == 127
		       : memcmp(a->bytes, loopback6, sizeof(loopback6)) == 0;
}

static bool parse_lanes(const char *text, unsigned int *ret_lanes)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*ret_lanes = (unsigned int)n;
	return text[0] >= '1' && text[0] <= '9' && *end == '\0' &&
	       n <= LANES_MAX;
}

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
		return is_device_name(value)
			       ? NULL
			       : "must be an interface's name: 15 letters, "
				 "digits, dots, _ and - at most";
	case OPTION_LANES:
		return parse_lanes(value, &o->lanes)
			       ? NULL
			       : "must be a number from 1 to 64";
	case OPTION_METRICS:
		if (endpoint_parse(value, &o->metrics) < 0)
			return "must be a loopback address and a port, like "
			       "127.0.0.1:9464 or [::1]:9464";
		return is_loopback(&o->metrics.addr)
			       ? NULL
			       : "must be a loopback address, 127.0.0.1 or "
				 "[::1]: whoever reaches it is answered "
				 "without a question; a proxy on this machine "
				 "can show it to others";
	case OPTION_NAT:
		o->nat = true;
		return NULL;
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
	.arguments = "DIR [OPTION]...",
	.positionals = 1,
	.options = options,
	.run = run_run,
	.help = gateway_help_run,
};
