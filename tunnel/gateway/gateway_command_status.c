/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tunnel/base/clock.h"
#include "tunnel/gateway/gateway.h"
#include "tunnel/gateway/gateway_ask.h"
#include "tunnel/gateway/gateway_command.h"
#include "tunnel/gateway/gateway_store.h"

enum {
	OPTION_JSON,

	PATIENCE_S = 5,
	RETRY_MS = 50, /* while it is busy */
};

static const struct gateway_option options[] = {
	{ "json", OPTION_JSON, GATEWAY_OPTION_FLAG },
	{ .name = NULL },
};

/* Comes back while the gateway is busy with others. */
static int ask(const char *path, const char *target, char **ret_body,
	       size_t *ret_len)
{
	const struct timespec a_moment = { .tv_nsec = RETRY_MS * NS_PER_MS };
	uint64_t end_ns = clock_now_ns() + (uint64_t)PATIENCE_S * NS_PER_S;
	int rc;

	for (;;) {
		rc = gateway_ask(path, target, end_ns, ret_body, ret_len);
		if (rc != -EAGAIN || clock_now_ns() >= end_ns)
			return rc;
		(void)nanosleep(&a_moment, NULL);
	}
}

static const char *explain(int rc)
{
	switch (rc) {
	case -ENAMETOOLONG:
		return GATEWAY_SOCKET_TOO_LONG;
	case -EAGAIN:
		return "the gateway is busy with other callers; try again";
	case -ETIMEDOUT:
		return "the gateway does not answer: it is stopped, or stuck";
	case -EBADMSG:
		return "what runs here does not answer like a gateway";
	case -EACCES:
	case -EPERM:
		return "Permission denied; ask as root (sudo), or as the user "
		       "that runs the gateway";
	default:
		return strerror(-rc);
	}
}

static int fail(const struct gateway_cli *cli, const char *path, int rc)
{
	const char *dir = cli->positional[0];
	struct gateway_error error;

	/* A directory that is not there has no gateway either, but that is
	 * not what is wrong with it. */
	if ((rc == -ENOENT || rc == -ECONNREFUSED) && access(dir, X_OK) < 0) {
		rc = -errno;
		gateway_error_set(&error, "%s: %s%s", dir, explain(rc),
				  rc == -ENOENT ? "; adit-gateway init makes it"
						: "");
		return gateway_failed(cli, &error);
	}
	if (rc == -ENOENT || rc == -ECONNREFUSED) {
		fprintf(cli->err,
			"adit-gateway status: %s: no gateway runs here; "
			"adit-gateway run %s starts it\n",
			dir, dir);
		return GATEWAY_EXIT_NOT_RUNNING;
	}
	gateway_error_set(&error, "%s: %s", path, explain(rc));
	return gateway_failed(cli, &error);
}

static int run_status(struct gateway_cli *cli)
{
	const char *target = GATEWAY_STATUS_TEXT;
	char path[GATEWAY_PATH_MAX + 32], *body;
	int option, rc;
	size_t len;

	while ((option = gateway_next_option(cli)) >= 0)
		target = GATEWAY_STATUS_JSON;
	if (option == GATEWAY_OPTION_LEAVE)
		return cli->code;
	snprintf(path, sizeof(path), "%s/" GATEWAY_STATUS_SOCKET,
		 cli->positional[0]);
	rc = ask(path, target, &body, &len);
	if (rc)
		return fail(cli, path, rc);
	fwrite(body, 1, len, cli->out);
	free(body);
	return GATEWAY_EXIT_DONE;
}

const struct gateway_command gateway_command_status = {
	.name = "status",
	.arguments = "DIR [--json]",
	.positionals = 1,
	.options = options,
	.run = run_status,
	.help = gateway_help_status,
};
