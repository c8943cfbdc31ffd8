/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "tunnel/base/clock.h"
#include "tunnel/gateway/gateway_command.h"
#include "tunnel/gateway/gateway_store.h"

enum {
	OPTION_NAME,
	OPTION_PORT,
	OPTION_POOL,
	OPTION_POOL6,
	OPTION_ROUTE,
	OPTION_DNS,
	OPTION_MATCH,
	OPTION_SEARCH,
	OPTION_KEYS,
	OPTION_NAT,
};

static const struct gateway_option options[] = {
	{ "name", OPTION_NAME, GATEWAY_OPTION_ONCE },
	{ "port", OPTION_PORT, GATEWAY_OPTION_ONCE },
	{ "pool", OPTION_POOL, GATEWAY_OPTION_ONCE },
	{ "pool6", OPTION_POOL6, GATEWAY_OPTION_ONCE },
	{ "route", OPTION_ROUTE, GATEWAY_OPTION_REPEATS },
	{ "dns", OPTION_DNS, GATEWAY_OPTION_REPEATS },
	{ "match", OPTION_MATCH, GATEWAY_OPTION_REPEATS },
	{ "search", OPTION_SEARCH, GATEWAY_OPTION_REPEATS },
	{ "keys", OPTION_KEYS, GATEWAY_OPTION_ONCE },
	{ "nat", OPTION_NAT, GATEWAY_OPTION_FLAG },
	{ .name = NULL },
};

static const char *set_port(struct gateway_config *c, const char *text)
{
	char *end;
	long port;

	errno = 0;
	port = strtol(text, &end, 10);
	return gateway_config_set_port(c, errno || end == text || *end ? -1
								       : port);
}

/* What is wrong with the option's value, or NULL. */
static const char *take_option(int option, const char *value,
			       struct gateway_init *init, bool *no_pool6)
{
	struct gateway_config *c = init->config;

	switch (option) {
	case OPTION_NAME:
		return gateway_config_set_name(c, value);
	case OPTION_PORT:
		return set_port(c, value);
	case OPTION_POOL:
		return gateway_config_set_pool(c, value);
	case OPTION_POOL6:
		*no_pool6 = strcmp(value, "none") == 0;
		return *no_pool6 ? NULL : gateway_config_set_pool6(c, value);
	case OPTION_ROUTE:
		return gateway_config_add_route(c, value);
	case OPTION_DNS:
		return gateway_config_add_dns(c, value);
	case OPTION_MATCH:
		return gateway_config_add_match(c, value);
	case OPTION_SEARCH:
		return gateway_config_add_search(c, value);
	case OPTION_NAT:
		c->nat = true;
		return NULL;
	case OPTION_KEYS:
		init->algorithm = strcmp(value, "ed25519") == 0
					  ? PKI_ED25519
					  : PKI_ECDSA_P256;
		return init->algorithm == PKI_ED25519 ||
				       strcmp(value, "p256") == 0
			       ? NULL
			       : "must be p256 or ed25519";
	}
	return "is not known";
}

/* Reads the options into `init`; -1: go on, else the exit code. */
static int read_options(struct gateway_cli *cli, struct gateway_init *init,
			bool *ret_no_pool6)
{
	const char *wrong;
	int option;

	while ((option = gateway_next_option(cli)) >= 0) {
		wrong = take_option(option, cli->value, init, ret_no_pool6);
		if (wrong)
			return gateway_value_error(cli, wrong);
	}
	if (option == GATEWAY_OPTION_LEAVE)
		return cli->code;
	if (!init->config->name[0])
		return gateway_usage_error(
			cli, "--name is missing: the DNS name or address that "
			     "clients will dial");
	return -1;
}

/* RFC 4193: 40 random bits, so that two networks hardly ever collide. */
static int random_pool6(struct ip_prefix *ret_prefix)
{
	struct ip_prefix p = { .addr.family = AF_INET6, .len = 64 };

	p.addr.bytes[0] = 0xFD;
	if (getrandom(p.addr.bytes + 1, 5, 0) != 5)
		return -EIO;
	*ret_prefix = p;
	return 0;
}

/* What was not said on the command line. What is wrong, or NULL. */
static const char *complete_config(struct gateway_config *c, bool no_pool6)
{
	struct lease *l = &c->lease;
	const char *wrong;

	if (!c->pool.prefix4.addr.family)
		(void)gateway_config_set_pool(c, GATEWAY_POOL_DEFAULT);
	if (!no_pool6 && !c->pool.prefix6.addr.family &&
	    random_pool6(&c->pool.prefix6))
		return "the system gives no random numbers";
	wrong = gateway_config_check(c);
	if (wrong || l->routes.count > 0)
		return wrong;
	if (lease_add_prefix(&l->routes, &c->pool.prefix4, LEASE_ROUTES_MAX) ||
	    (c->pool.prefix6.addr.family &&
	     lease_add_prefix(&l->routes, &c->pool.prefix6, LEASE_ROUTES_MAX)))
		return "out of memory";
	return NULL;
}

static void print_made(const struct gateway_cli *cli, const char *dir,
		       const struct gateway_config *c)
{
	char pool[PREFIX_TEXT_MAX], pool6[PREFIX_TEXT_MAX] = "no IPv6";

	if (c->pool.prefix6.addr.family)
		prefix_text(&c->pool.prefix6, pool6);
	fprintf(cli->out,
		"%s: a gateway for %s, UDP port %u\n"
		"  pool    %s and %s, room for %u clients\n",
		dir, c->name, c->port, prefix_text(&c->pool.prefix4, pool),
		pool6, c->pool.slots - GATEWAY_POOL_SLOT_FIRST);
	fprintf(cli->out, "  routes ");
	for (size_t i = 0; i < c->lease.routes.count; i++)
		fprintf(cli->out, " %s",
			prefix_text(&c->lease.routes.prefix[i], pool));
	fprintf(cli->out,
		"\n"
		"  secret  %s/ca.key signs clients: back it up, show it "
		"nobody\n"
		"Next: adit-gateway add %s CLIENT, then adit-gateway run %s\n",
		dir, dir, dir);
}

static int run_init(struct gateway_cli *cli)
{
	struct gateway_config config;
	struct gateway_init init = { .config = &config, .now = clock_wall_s() };
	struct gateway_error error;
	bool no_pool6 = false;
	const char *wrong;
	int code;

	gateway_config_init(&config);
	code = read_options(cli, &init, &no_pool6);
	if (code < 0) {
		wrong = complete_config(&config, no_pool6);
		if (wrong) {
			code = gateway_usage_error(cli, "%s", wrong);
		} else if (gateway_store_init(cli->positional[0], &init,
					      &error)) {
			code = gateway_failed(cli, &error);
		} else {
			print_made(cli, cli->positional[0], &config);
			code = GATEWAY_EXIT_DONE;
		}
	}
	gateway_config_fini(&config);
	return code;
}

const struct gateway_command gateway_command_init = {
	.name = "init",
	.arguments = "DIR --name NAME [OPTION]...",
	.positionals = 1,
	.options = options,
	.run = run_init,
	.help = gateway_help_init,
};
