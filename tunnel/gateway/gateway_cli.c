/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway/gateway_cli.h"

#include <stdarg.h>
#include <string.h>

#include "config/text.h"
#include "tunnel/gateway/gateway_command.h"

static const struct gateway_command *const commands[] = {
	&gateway_command_init,	 &gateway_command_add, &gateway_command_list,
	&gateway_command_revoke, &gateway_command_run, &gateway_command_status,
};

int gateway_usage_error(const struct gateway_cli *cli, const char *fmt, ...)
{
	const char *space = cli->command ? " " : "";
	const char *name = cli->command ? cli->command->name : "";
	va_list args;

	fprintf(cli->err, "adit-gateway%s%s: ", space, name);
	va_start(args, fmt);
	vfprintf(cli->err, fmt, args);
	va_end(args);
	fprintf(cli->err, "; try adit-gateway%s%s --help\n", space, name);
	return GATEWAY_EXIT_USAGE;
}

int gateway_value_error(const struct gateway_cli *cli, const char *wrong)
{
	return gateway_usage_error(cli, "--%s \"%s\": %s", cli->option,
				   cli->value, wrong);
}

int gateway_failed(const struct gateway_cli *cli,
		   const struct gateway_error *error)
{
	fprintf(cli->err, "adit-gateway %s: %s\n", cli->command->name,
		error->text);
	return GATEWAY_EXIT_FAILED;
}

static int leave(struct gateway_cli *cli, int code)
{
	cli->code = code;
	return GATEWAY_OPTION_LEAVE;
}

static int print_help(const struct gateway_cli *cli)
{
	fprintf(cli->out, "Usage: adit-gateway %s %s\n\n%s", cli->command->name,
		cli->command->arguments, cli->command->help);
	return GATEWAY_EXIT_DONE;
}

/* The known name that somebody may have meant, in steps of near_consider. */
struct near {
	unsigned int distance;
	const char *name; /* NULL: none yet */
};

static void near_consider(struct near *near, const char *text,
			  const char *known)
{
	unsigned int distance = text_distance(text, known);

	if (text_is_near(distance, text) &&
	    (!near->name || distance < near->distance))
		*near = (struct near) { distance, known };
}

static int unknown_option(const struct gateway_cli *cli, const char *text)
{
	struct near near = { 0 };

	for (const struct gateway_option *o = cli->command->options; o->name;
	     o++)
		near_consider(&near, text + strspn(text, "-"), o->name);
	if (near.name)
		return gateway_usage_error(
			cli,
			"there is no option \"%s\" (did you mean \"--%s\"?)",
			text, near.name);
	return gateway_usage_error(cli, "there is no option \"%s\"", text);
}

/* "--name VALUE" or "--name=VALUE", or "--name" of a flag; names are not
 * shortened, so that a new option never changes what an old script means. */
static int take_option(struct gateway_cli *cli, const char *text)
{
	const char *equals = strchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : strlen(text);
	const struct gateway_option *o;
	bool flag;

	if (strcmp(text, "--help") == 0)
		return leave(cli, print_help(cli));
	for (o = cli->command->options; o->name; o++)
		if (len == strlen(o->name) + 2 && strncmp(text, "--", 2) == 0 &&
		    strncmp(text + 2, o->name, len - 2) == 0)
			break;
	if (!o->name)
		return leave(cli, unknown_option(cli, text));
	flag = o->kind == GATEWAY_OPTION_FLAG;
	if (flag && equals)
		return leave(cli,
			     gateway_usage_error(cli, "%.*s takes no value",
						 (int)len, text));
	if (!flag && !equals && cli->at == cli->argc)
		return leave(cli, gateway_usage_error(cli, "%s needs a value",
						      text));
	if (o->kind == GATEWAY_OPTION_ONCE && (cli->seen & 1U << o->value))
		return leave(cli,
			     gateway_usage_error(cli, "%.*s is given twice",
						 (int)len, text));
	cli->seen |= 1U << o->value;
	cli->option = o->name;
	cli->value = flag ? NULL : equals ? equals + 1 : cli->argv[cli->at++];
	return o->value;
}

static int check_positionals(struct gateway_cli *cli)
{
	static const char *const names[GATEWAY_POSITIONALS_MAX] = {
		"DIR", "the client's name"
	};

	if (cli->positionals < cli->command->positionals)
		return leave(cli, gateway_usage_error(cli, "%s is missing",
						      names[cli->positionals]));
	return GATEWAY_OPTION_END;
}

int gateway_next_option(struct gateway_cli *cli)
{
	const char *text;

	while (cli->at < cli->argc) {
		text = cli->argv[cli->at++];
		if (!cli->only_positionals && strcmp(text, "--") == 0)
			cli->only_positionals = true;
		else if (!cli->only_positionals && text[0] == '-' && text[1])
			return take_option(cli, text);
		else if (cli->positionals < cli->command->positionals)
			cli->positional[cli->positionals++] = text;
		else
			return leave(cli,
				     gateway_usage_error(
					     cli,
					     "\"%s\" is one argument too many",
					     text));
	}
	return check_positionals(cli);
}

static int unknown_command(const struct gateway_cli *cli, const char *name)
{
	struct near near = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		near_consider(&near, name, commands[i]->name);
	if (near.name)
		return gateway_usage_error(
			cli,
			"there is no command \"%s\" (did you mean \"%s\"?)",
			name, near.name);
	return gateway_usage_error(cli, "there is no command \"%s\"", name);
}

int gateway_cli(int argc, char **argv, FILE *out, FILE *err)
{
	struct gateway_cli cli = { .out = out, .err = err };
	const char *name = argc > 1 ? argv[1] : "";

	if (argc < 2)
		return gateway_usage_error(&cli, "a command is missing");
	if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0)
		return fputs(gateway_help_overview, out) < 0
			       ? GATEWAY_EXIT_FAILED
			       : GATEWAY_EXIT_DONE;
	if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
		fprintf(out, "adit-gateway %s\n", ADIT_VERSION);
		return GATEWAY_EXIT_DONE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(name, commands[i]->name) == 0)
			cli.command = commands[i];
	if (!cli.command)
		return unknown_command(&cli, name);
	cli.argc = argc - 2;
	cli.argv = argv + 2;
	return cli.command->run(&cli);
}
