/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/text.h"
#include "tunnel/base/clock.h"
#include "tunnel/base/human.h"
#include "tunnel/ctl/ctl_client.h"

#define RUNTIME_DIR "/run/adit"
#define CONFIG_DIR "/etc/adit"
/* aditd answers at once, or it hangs. */
#define ANSWER_NS (10ULL * NS_PER_S)

enum {
	BUSY_MS = 50, /* between two tries for a place */
};

int cli_fail(const struct cli *c, enum ctl_exit code, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(c->err, "adit: %s%s", c->command ? c->command : "",
		c->command ? ": " : "");
	cli_put_clean(c->err, text);
	fputc('\n', c->err);
	return (int)code;
}

/* Out of memory it is left out: better nothing than something dangerous. */
void cli_put_clean(FILE *to, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return;
	text_make_printable(copy);
	fputs(copy, to);
	free(copy);
}

void cli_put_clean_lines(FILE *to, const char *text)
{
	char *copy = strdup(text), *at = copy, *line;

	while ((line = strsep(&at, "\n")) != NULL) {
		cli_put_clean(to, line);
		if (at != NULL)
			fputc('\n', to);
	}
	free(copy);
}

/* The daemon's steps on the way up, dimmed, for a person who waits. */
static void print_step(void *arg, const struct ctl_reply *reply)
{
	const struct cli *c = arg;

	if (!c->colour || reply->text == NULL)
		return;
	fputs("\033[2m", c->out);
	cli_put_clean(c->out, reply->text);
	fputs("\033[0m\n", c->out);
	fflush(c->out);
}

/* Only what is installed is advised. */
static const char *how_to_start(void)
{
	static const char *const units[] = {
		"/etc/systemd/system/aditd.service",
		"/usr/local/lib/systemd/system/aditd.service",
		"/usr/lib/systemd/system/aditd.service",
		"/lib/systemd/system/aditd.service",
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (access(units[i], F_OK) == 0)
			return "\"systemctl start aditd\"";
	return "\"aditd\", as root";
}

static int fail_no_daemon(const struct cli *c, int error, const char *path)
{
	switch (error) {
	case -EAGAIN:
		return cli_fail(c, CTL_EXIT_FAILED,
				"aditd is busy with other callers (%s); try "
				"again",
				path);
	case -EACCES:
		return cli_fail(c, CTL_EXIT_NOT_PERMITTED,
				"%s may not be opened by this user: run adit "
				"as root",
				path);
	case -ENOENT:
	case -ECONNREFUSED:
		/* A runtime directory of one's own: it may be the wrong one. */
		if (strcmp(c->runtime_dir, RUNTIME_DIR) != 0)
			return cli_fail(c, CTL_EXIT_NO_DAEMON,
					"no aditd answers at %s: start it "
					"with \"aditd --runtime-dir %s\", as "
					"root, or name the directory of the "
					"one that runs",
					path, c->runtime_dir);
		return cli_fail(c, CTL_EXIT_NO_DAEMON,
				"aditd is not running (nothing answers at "
				"%s): start it with %s",
				path, how_to_start());
	}
	return cli_fail(c, CTL_EXIT_FAILED, "%s: %s", path, strerror(-error));
}

/* Without a daemon its folder may be worked on, if it is known which one that
 * is: a runtime directory of one's own belongs to a folder of one's own. */
static bool folder_is_known(const struct cli *c)
{
	return strcmp(c->runtime_dir, RUNTIME_DIR) == 0 ||
	       strcmp(c->config_dir, CONFIG_DIR) != 0;
}

/* One try. */
static int ask_once(const struct ctl_request *request, const char *path,
		    const struct ctl_steps *steps, bool *ret_opened,
		    struct ctl_reply *ret_reply)
{
	uint64_t timeout_ns = ANSWER_NS;
	int fd = ctl_client_open(path), r;

	*ret_opened = fd >= 0;
	if (fd < 0)
		return fd;
	if (request->wait)
		timeout_ns += request->wait_s * NS_PER_S;
	r = ctl_client_ask(fd, request, timeout_ns, steps, ret_reply);
	close(fd);
	return r;
}

/* A daemon that has no place for us has done nothing, and is asked again. */
int cli_converse(const struct ctl_request *request, const char *path,
		 const struct ctl_steps *steps, bool *ret_opened,
		 struct ctl_reply *ret_reply)
{
	uint64_t give_up_ns =
		clock_now_ns() + CTL_CLIENT_BUSY_S * (uint64_t)NS_PER_S;
	int r;

	for (;;) {
		r = ask_once(request, path, steps, ret_opened, ret_reply);
		if (r < 0 || !ret_reply->busy || clock_now_ns() >= give_up_ns)
			return r;
		ctl_reply_fini(ret_reply);
		poll(NULL, 0, BUSY_MS);
	}
}

int cli_fail_converse(const struct cli *c, int error, bool opened,
		      const char *path)
{
	if (!opened)
		return fail_no_daemon(c, error, path);
	switch (error) {
	case -ETIMEDOUT:
		return cli_fail(c, CTL_EXIT_TIMED_OUT,
				"aditd at %s does not answer; its log may say "
				"why",
				path);
	case -EBADMSG:
		return cli_fail(c, CTL_EXIT_FAILED,
				"what answers at %s is no aditd of this "
				"version: restart aditd",
				path);
	case -ECONNRESET:
	case -EPIPE:
		return cli_fail(c, CTL_EXIT_FAILED,
				"aditd at %s hung up: is it ending? See \"adit "
				"status\"",
				path);
	}
	return cli_fail(c, CTL_EXIT_FAILED, "%s: %s", path, strerror(-error));
}

int cli_socket_path(const struct cli *c, char ret_path[static CTL_PATH_MAX])
{
	if (ctl_socket_path(c->runtime_dir, ret_path) == 0)
		return CTL_EXIT_DONE;
	return cli_fail(c, CTL_EXIT_USAGE, CTL_PATH_TOO_LONG, c->runtime_dir);
}

int cli_ask(struct cli *c, const struct ctl_request *request, bool *absent,
	    struct ctl_reply *ret_reply)
{
	const struct ctl_steps steps = { print_step, c, -1 };
	char path[CTL_PATH_MAX];
	bool opened;
	int r = cli_socket_path(c, path);

	if (r != CTL_EXIT_DONE)
		return r;
	r = cli_converse(request, path, &steps, &opened, ret_reply);
	if (r == 0)
		return CTL_EXIT_DONE;
	if (absent != NULL && folder_is_known(c) && !opened &&
	    (r == -ENOENT || r == -ECONNREFUSED)) {
		*absent = true;
		return CTL_EXIT_NO_DAEMON;
	}
	return cli_fail_converse(c, r, opened, path);
}

int cli_finish(struct cli *c, struct ctl_reply *reply)
{
	int code = (int)reply->exit;

	if (code != CTL_EXIT_DONE) {
		cli_fail(c, (enum ctl_exit)code, "%s",
			 reply->text ? reply->text : "aditd does not say why");
	} else if (reply->text != NULL) {
		cli_put_clean(c->out, reply->text);
		fputc('\n', c->out);
	}
	ctl_reply_fini(reply);
	return code;
}

static int read_for(const struct cli *c, uint64_t *ret_s)
{
	if (c->until_reboot)
		return cli_fail(c, CTL_EXIT_USAGE,
				"--for and --until-reboot both say when it "
				"ends: leave one away");
	if (human_parse_duration(c->for_text, ret_s) == 0 && *ret_s >= 1 &&
	    *ret_s <= CTL_FOR_MAX_S)
		return CTL_EXIT_DONE;
	return cli_fail(c, CTL_EXIT_USAGE,
			"--for %s: takes 1s to 30d, such as 90s, 30m, 2h, 1d "
			"or 1h30m",
			c->for_text);
}

static int ask_and_finish(struct cli *c, enum ctl_command command)
{
	struct ctl_request request = {
		.command = command,
		.profile = (char *)(uintptr_t)c->word[0], /* only read */
		.wait = c->wait,
		.wait_s = c->wait_s,
		.until_reboot = c->until_reboot,
		.reason = (char *)(uintptr_t)c->reason,
	};
	struct ctl_reply reply;
	int code = CTL_EXIT_DONE;

	if (c->for_text != NULL)
		code = read_for(c, &request.for_s);
	if (code == CTL_EXIT_DONE)
		code = cli_ask(c, &request, NULL, &reply);
	return code == CTL_EXIT_DONE ? cli_finish(c, &reply) : code;
}

static int run_connect(struct cli *c)
{
	return ask_and_finish(c, CTL_COMMAND_CONNECT);
}

static int run_disconnect(struct cli *c)
{
	return ask_and_finish(c, CTL_COMMAND_DISCONNECT);
}

static int run_auto(struct cli *c)
{
	return ask_and_finish(c, CTL_COMMAND_AUTO);
}

static int run_status(struct cli *c)
{
	struct ctl_request request = { .command = CTL_COMMAND_STATUS };
	struct ctl_reply reply;
	int code;

	if (c->follow)
		return cli_watch(c);
	code = cli_ask(c, &request, NULL, &reply);
	if (code != CTL_EXIT_DONE)
		return code;
	if (reply.exit != CTL_EXIT_DONE || !reply.has_status)
		return cli_finish(c, &reply);
	if (c->json) {
		char *text = ctl_status_text(&reply.status);

		if (text != NULL)
			fprintf(c->out, "%s\n", text);
		free(text);
	} else {
		cli_print_status(c->out, c->colour, &reply.status,
				 (uint64_t)clock_wall_s());
	}
	ctl_reply_fini(&reply);
	return CTL_EXIT_DONE;
}

static int run_version(struct cli *c)
{
	fputs("adit " ADIT_VERSION "\n", c->out);
	return CTL_EXIT_DONE;
}

static int run_help(struct cli *c)
{
	if (cli_print_help(c->out, c->word[0]))
		return CTL_EXIT_DONE;
	return cli_fail(c, CTL_EXIT_USAGE,
			"there is no page \"%s\": \"adit help\" lists them",
			c->word[0]);
}

enum {
	OPTION_WAIT = 1,
	OPTION_JSON = 2,
	OPTION_NAME = 4,
	OPTION_REPLACE = 8,
	OPTION_WATCH = 16,
	OPTION_FOLLOW = 32,
	OPTION_EXPLAIN = 64,
	OPTION_HOLD = 128,
	OPTION_ALWAYS = 256, /* --help, and where aditd is */
};

static const struct command {
	const char *name;
	int (*run)(struct cli *c);
	int options;
	int words; /* at most */
} commands[] = {
	{ "connect", run_connect, OPTION_WAIT, 1 },
	{ "disconnect", run_disconnect, OPTION_HOLD, 1 },
	{ "auto", run_auto, 0, 1 },
	{ "status", run_status, OPTION_JSON | OPTION_WATCH, 0 },
	{ "reload", cli_reload, 0, 0 },
	{ "log", cli_log, OPTION_FOLLOW, 0 },
	{ "profile", cli_profile, OPTION_NAME | OPTION_REPLACE, 2 },
	{ "explain", cli_explain, OPTION_EXPLAIN | OPTION_JSON, 2 },
	{ "version", run_version, 0, 0 },
	{ "help", run_help, 0, 1 },
};

static const struct option {
	const char *name;
	int bit;
	size_t text; /* where in struct cli; 0: it takes no value */
	size_t flag;
} options[] = {
	{ "--wait", OPTION_WAIT, 0, offsetof(struct cli, wait) },
	{ "--json", OPTION_JSON, 0, offsetof(struct cli, json) },
	{ "--watch", OPTION_WATCH, 0, offsetof(struct cli, follow) },
	{ "--follow", OPTION_FOLLOW, 0, offsetof(struct cli, follow) },
	{ "-f", OPTION_FOLLOW, 0, offsetof(struct cli, follow) },
	{ "--name", OPTION_NAME, offsetof(struct cli, name), 0 },
	{ "--replace", OPTION_REPLACE, 0, offsetof(struct cli, replace) },
	{ "--for", OPTION_HOLD, offsetof(struct cli, for_text), 0 },
	{ "--until-reboot", OPTION_HOLD, 0,
	  offsetof(struct cli, until_reboot) },
	{ "--reason", OPTION_HOLD, offsetof(struct cli, reason), 0 },
	{ "--profile", OPTION_EXPLAIN, offsetof(struct cli, profile), 0 },
	{ "--facts", OPTION_EXPLAIN, offsetof(struct cli, facts), 0 },
	{ "--full", OPTION_EXPLAIN, 0, offsetof(struct cli, full) },
	{ "--system-search", OPTION_EXPLAIN,
	  offsetof(struct cli, system_search), 0 },
	{ "--runtime-dir", OPTION_ALWAYS, offsetof(struct cli, runtime_dir),
	  0 },
	{ "--config-dir", OPTION_ALWAYS, offsetof(struct cli, config_dir), 0 },
	{ "--help", OPTION_ALWAYS, 0, offsetof(struct cli, help) },
	{ "-h", OPTION_ALWAYS, 0, offsetof(struct cli, help) },
};

static int set_wait(struct cli *c, const char *value)
{
	char *end;
	unsigned long n;

	c->wait = true;
	c->wait_s = CLI_WAIT_S;
	if (value == NULL)
		return 0;
	errno = 0;
	n = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end != '\0' || errno != 0 ||
	    n < 1 || n > CTL_WAIT_MAX_S)
		return cli_fail(c, CTL_EXIT_USAGE,
				"--wait=%s: takes 1 to %d seconds", value,
				CTL_WAIT_MAX_S);
	c->wait_s = n;
	return 0;
}

static int set_option(struct cli *c, const struct option *o, const char *value)
{
	if (o->bit == OPTION_WAIT)
		return set_wait(c, value);
	if (value != NULL && o->text == 0)
		return cli_fail(c, CTL_EXIT_USAGE, "%s takes no value",
				o->name);
	if (o->text != 0)
		*(const char **)((char *)c + o->text) = value;
	else
		*(bool *)((char *)c + o->flag) = true;
	return 0;
}

/* One argument that begins with '-'; may take the next one as its value. */
static int parse_option(struct cli *c, int allowed, char **argv, int *at)
{
	const char *arg = argv[*at];
	const char *value = strchr(arg, '=');
	size_t len = value ? (size_t)(value - arg) : strlen(arg);

	if (value != NULL)
		value++;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];

		if (strlen(o->name) != len || memcmp(o->name, arg, len) != 0)
			continue;
		if (!(o->bit & (allowed | OPTION_ALWAYS)))
			break;
		if ((c->seen & 1U << i) && (o->text != 0 || value != NULL))
			return cli_fail(c, CTL_EXIT_USAGE, "%s is given twice",
					o->name);
		c->seen |= 1U << i;
		if (o->text != 0 && value == NULL) {
			value = argv[*at + 1];
			if (value == NULL)
				return cli_fail(c, CTL_EXIT_USAGE,
						"%s needs a value", o->name);
			(*at)++;
		}
		return set_option(c, o, value);
	}
	return cli_fail(c, CTL_EXIT_USAGE,
			"%.*s is not an option here: see \"adit help%s%s\"",
			(int)len, arg, c->command ? " " : "",
			c->command ? c->command : "");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* Options may stand anywhere; the first other argument is the command. */
static int parse(struct cli *c, int argc, char **argv,
		 const struct command **ret_command)
{
	const struct command *command = NULL;
	int words = 0, r;

	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-' && argv[i][1] != '\0') {
			if (strcmp(argv[i], "--version") == 0)
				argv[i] += 2;
			else {
				r = parse_option(c,
						 command ? command->options : 0,
						 argv, &i);
				if (r != 0)
					return r;
				continue;
			}
		}
		if (command == NULL) {
			command = find_command(argv[i]);
			if (command == NULL)
				return cli_fail(
					c, CTL_EXIT_USAGE,
					"there is no command \"%s\": see "
					"\"adit help\"",
					argv[i]);
			c->command = command->name;
		} else if (words == command->words) {
			return cli_fail(c, CTL_EXIT_USAGE,
					"\"%s\" is one argument too many: see "
					"\"adit help %s\"",
					argv[i], command->name);
		} else {
			c->word[words++] = argv[i];
		}
	}
	*ret_command = command;
	return 0;
}

static const char *or_default(const char *value, const char *otherwise)
{
	return value != NULL && *value != '\0' ? value : otherwise;
}

int cli_main(int argc, char **argv, FILE *out, FILE *err)
{
	struct cli c = {
		.out = out,
		.err = err,
		.runtime_dir =
			or_default(getenv("ADIT_RUNTIME_DIR"), RUNTIME_DIR),
		.config_dir = or_default(getenv("ADIT_CONFIG_DIR"), CONFIG_DIR),
		.colour = isatty(fileno(out)) == 1 &&
			  *or_default(getenv("NO_COLOR"), "") == '\0',
	};
	const struct command *command = NULL;
	int r = parse(&c, argc, argv, &command);

	if (r != 0)
		return r;
	if (c.help) {
		cli_print_help(out, c.command);
		return CTL_EXIT_DONE;
	}
	if (command == NULL) {
		cli_print_help(err, NULL);
		return CTL_EXIT_USAGE;
	}
	return command->run(&c);
}
