/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "crypto/secret.h"
#include "tunnel/base/clock.h"
#include "tunnel/gateway/gateway_clients.h"
#include "tunnel/gateway/gateway_command.h"
#include "tunnel/gateway/gateway_store.h"

enum {
	OPTION_OUTPUT,
};

static const struct gateway_option add_options[] = {
	{ "output", OPTION_OUTPUT, GATEWAY_OPTION_ONCE },
	{ .name = NULL },
};

static const struct gateway_option no_options[] = { { .name = NULL } };

/* To standard output, or to the file, whole or not at all. */
static int write_profile(const struct gateway_cli *cli, const char *path,
			 const char *profile, struct gateway_error *error)
{
	if (path)
		return gateway_store_write(path, profile, error);
	if (fputs(profile, cli->out) < 0 || fflush(cli->out) != 0) {
		gateway_error_set(error, "the profile cannot be printed: %s",
				  strerror(errno));
		return -EIO;
	}
	return 0;
}

static int add_client(const struct gateway_cli *cli, const char *dir,
		      const char *name, const char *output)
{
	struct gateway_error error, undo;
	struct stat st;
	char *profile;
	int rc;

	/* What is written takes the name's place: a device would be gone. */
	if (output && lstat(output, &st) == 0 && !S_ISREG(st.st_mode)) {
		gateway_error_set(&error,
				  "%s: is there, and is no regular file: take "
				  "another name, or leave --output out",
				  output);
		return gateway_failed(cli, &error);
	}
	rc = gateway_store_add(dir, name, clock_wall_s(), &profile, &error);
	if (rc)
		return gateway_failed(cli, &error);
	rc = write_profile(cli, output, profile, &error);
	secret_wipe(profile, strlen(profile));
	free(profile);
	if (rc) {
		/* Nobody has this identity: the name is free again. */
		if (gateway_store_revoke(dir, name, clock_wall_s(), &undo))
			(void)gateway_failed(cli, &undo);
		return gateway_failed(cli, &error);
	}
	if (output)
		fprintf(cli->out,
			"%s: the profile of %s; it holds its key, so hand it "
			"over in private\n"
			"Next, on that device: adit profile add %s\n",
			output, name, output);
	return GATEWAY_EXIT_DONE;
}

static int run_add(struct gateway_cli *cli)
{
	const char *output = NULL;
	int option;

	while ((option = gateway_next_option(cli)) >= 0)
		output = cli->value;
	if (option == GATEWAY_OPTION_LEAVE)
		return cli->code;
	if (!gateway_client_name_valid(cli->positional[1]))
		return gateway_usage_error(
			cli,
			"\"%s\" is no client's name: take up to %d letters, "
			"digits, dots, _ and -",
			cli->positional[1], GATEWAY_CLIENT_NAME_MAX);
	return add_client(cli, cli->positional[0], cli->positional[1], output);
}

static const char *day_text(int64_t when, char buf[static 16])
{
	time_t t = (time_t)when;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(buf, 16, "%Y-%m-%d", &tm) == 0)
		snprintf(buf, 16, "?");
	return buf;
}

static void print_client(const struct gateway_cli *cli,
			 const struct gateway_pool *pool,
			 const struct gateway_client *c, int name_width)
{
	char address4[ADDR_TEXT_MAX], address6[ADDR_TEXT_MAX] = "-";
	char added[16], day[16], state[40];
	struct ip_prefix a4, a6;

	gateway_pool_addresses(pool, c->slot, &a4, &a6);
	if (a6.addr.family)
		addr_text(&a6.addr, address6);
	if (c->revoked)
		snprintf(state, sizeof(state), "revoked %s",
			 day_text(c->revoked, day));
	else
		snprintf(state, sizeof(state), "%s %s",
			 c->expires <= clock_wall_s() ? "expired" : "until",
			 day_text(c->expires, day));
	fprintf(cli->out, "%-*s  %-15s  %-24s  %-10s  %s\n", name_width,
		c->name, addr_text(&a4.addr, address4), address6,
		day_text(c->added, added), state);
}

static void print_clients(const struct gateway_cli *cli,
			  const struct gateway_pool *pool,
			  const struct gateway_clients *clients)
{
	int width = 6, len;

	for (size_t i = 0; i < clients->count; i++) {
		len = (int)strlen(clients->client[i].name);
		width = len > width ? len : width;
	}
	fprintf(cli->out, "%-*s  %-15s  %-24s  %-10s  %s\n", width, "CLIENT",
		"IPV4", "IPV6", "SINCE", "STATE");
	for (size_t i = 0; i < clients->count; i++)
		print_client(cli, pool, &clients->client[i], width);
}

static int run_list(struct gateway_cli *cli)
{
	struct gateway_clients clients = { 0 };
	struct gateway_config config;
	struct gateway_error error;
	const char *dir;
	int code = GATEWAY_EXIT_DONE;

	if (gateway_next_option(cli) == GATEWAY_OPTION_LEAVE)
		return cli->code;
	dir = cli->positional[0];
	if (gateway_store_config(dir, &config, &error))
		return gateway_failed(cli, &error);
	/* A file that cannot be read is told, and the others are listed. */
	if (gateway_clients_load(&clients, dir, &error) || error.text[0])
		code = gateway_failed(cli, &error);
	if (clients.count > 0)
		print_clients(cli, &config.pool, &clients);
	else if (code == GATEWAY_EXIT_DONE)
		fprintf(cli->out,
			"no clients yet: adit-gateway add %s CLIENT\n", dir);
	gateway_clients_fini(&clients);
	gateway_config_fini(&config);
	return code;
}

static int run_revoke(struct gateway_cli *cli)
{
	struct gateway_error error;

	if (gateway_next_option(cli) == GATEWAY_OPTION_LEAVE)
		return cli->code;
	if (gateway_store_revoke(cli->positional[0], cli->positional[1],
				 clock_wall_s(), &error))
		return gateway_failed(cli, &error);
	fprintf(cli->out,
		"%s: revoked; a running gateway ends its session within a "
		"second\n",
		cli->positional[1]);
	return GATEWAY_EXIT_DONE;
}

const struct gateway_command gateway_command_add = {
	.name = "add",
	.arguments = "DIR CLIENT [--output FILE]",
	.positionals = 2,
	.options = add_options,
	.run = run_add,
	.help = gateway_help_add,
};

const struct gateway_command gateway_command_list = {
	.name = "list",
	.arguments = "DIR",
	.positionals = 1,
	.options = no_options,
	.run = run_list,
	.help = gateway_help_list,
};

const struct gateway_command gateway_command_revoke = {
	.name = "revoke",
	.arguments = "DIR CLIENT",
	.positionals = 2,
	.options = no_options,
	.run = run_revoke,
	.help = gateway_help_revoke,
};
