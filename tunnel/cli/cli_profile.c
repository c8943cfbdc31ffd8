/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adit profile ... and adit reload. The daemon owns the folder of the profiles,
 * so what reads or changes it is asked of the daemon; where none is running,
 * the folder is read or changed directly, which needs the right to.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/check.h"
#include "config/profiles.h"
#include "tunnel/base/folder.h"
#include "tunnel/cli/cli.h"

static char *readable(const char *text)
{
	return (char *)(uintptr_t)text; /* requests are only read */
}

/* CONFIG/profiles, to be freed. */
static char *profiles_folder(const struct cli *c)
{
	char *folder = NULL;

	if (asprintf(&folder, "%s/profiles", c->config_dir) < 0)
		return NULL;
	return folder;
}

static int fail_folder(struct cli *c, const char *name, int error)
{
	switch (error) {
	case -ENOENT:
		return cli_fail(c, CTL_EXIT_FAILED,
				"there is no profile \"%s\" in %s/profiles: "
				"see \"adit profile list\"",
				name, c->config_dir);
	case -EEXIST:
		return cli_fail(c, CTL_EXIT_FAILED,
				"there is a profile \"%s\" already: add "
				"--replace, or --name for another name",
				name);
	case -EACCES:
		return cli_fail(c, CTL_EXIT_NOT_PERMITTED,
				"%s/profiles: %s; aditd is not running, so "
				"this needs root",
				c->config_dir, strerror(-error));
	case -EINVAL:
		return cli_fail(c, CTL_EXIT_USAGE, "\"%s\": " PROFILE_NAME_RULE,
				name);
	}
	return cli_fail(c, CTL_EXIT_FAILED, "%s/profiles: %s", c->config_dir,
			folder_error_text(error));
}

static void print_row(struct cli *c, const struct ctl_profile *p)
{
	const char *cells[] = { p->name, p->gateway, p->state };
	static const int widths[] = { 20, 32, 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
		const char *text = cells[i] ? cells[i] : "-";

		cli_put_clean(c->out, text);
		if (widths[i] > 0)
			fprintf(c->out, " %*s",
				widths[i] - (int)strlen(text) - 1 > 0
					? widths[i] - (int)strlen(text) - 1
					: 0,
				"");
	}
	if (p->problem != NULL) {
		fputs("  ", c->out);
		cli_put_clean(c->out, p->problem);
	}
	fputc('\n', c->out);
}

static void print_no_profiles(struct cli *c)
{
	fputs("no profiles: \"adit profile add FILE\" adds one\n", c->out);
}

static int list_folder(struct cli *c)
{
	char *folder = profiles_folder(c);
	struct profiles s;
	int r;

	if (folder == NULL)
		return cli_fail(c, CTL_EXIT_FAILED, "out of memory");
	r = profiles_init(&s, folder, PROFILE_FOR_CHECK);
	free(folder);
	if (r == 0) {
		r = profiles_reload(&s);
		for (size_t i = 0; r == 0 && i < s.count; i++) {
			const struct profile_entry *e = s.entries[i];
			const struct config_error *why = profiles_problem(e);
			struct ctl_profile row = {
				.name = readable(e->name),
				.gateway = e->profile ? e->profile->host_name
						      : NULL,
				.state = readable(e->profile ? "-" : "refused"),
				.problem = why ? readable(why->text) : NULL,
			};

			print_row(c, &row);
		}
		if (r == 0 && s.count == 0)
			print_no_profiles(c);
		profiles_fini(&s);
	}
	return r == 0 ? CTL_EXIT_DONE : fail_folder(c, "", r);
}

static int run_list(struct cli *c)
{
	struct ctl_request request = { .command = CTL_COMMAND_PROFILE_LIST };
	struct ctl_reply reply;
	bool absent = false;
	int code = cli_ask(c, &request, &absent, &reply);

	if (absent)
		return list_folder(c);
	if (code != CTL_EXIT_DONE)
		return code;
	for (size_t i = 0; i < reply.profiles.count; i++)
		print_row(c, (struct ctl_profile *)reply.profiles.items + i);
	if (reply.profiles.count == 0 && reply.text == NULL)
		print_no_profiles(c);
	return cli_finish(c, &reply);
}

static int show_folder(struct cli *c)
{
	struct config_report report;
	struct profile *p = NULL;
	char *path = NULL;
	int r;

	if (!profile_name_valid(c->word[1]))
		return fail_folder(c, c->word[1], -EINVAL);
	if (asprintf(&path, "%s/profiles/%s.json", c->config_dir, c->word[1]) <
	    0)
		return cli_fail(c, CTL_EXIT_FAILED, "out of memory");
	r = profile_load(path, PROFILE_FOR_CHECK, &p, &report);
	if (r == 0)
		profile_print(p, c->out);
	else if (r == -EINVAL)
		config_report_print(&report, path, c->err);
	profile_destroy(p);
	free(path);
	if (r == -EINVAL)
		return CTL_EXIT_USAGE;
	return r == 0 ? CTL_EXIT_DONE : fail_folder(c, c->word[1], r);
}

static int run_show(struct cli *c)
{
	struct ctl_request request = {
		.command = CTL_COMMAND_PROFILE_SHOW,
		.profile = readable(c->word[1]),
	};
	struct ctl_reply reply;
	bool absent = false;
	int code = cli_ask(c, &request, &absent, &reply);

	if (absent)
		return show_folder(c);
	if (code == CTL_EXIT_DONE && reply.body != NULL)
		fputs(reply.body, c->out);
	return code == CTL_EXIT_DONE ? cli_finish(c, &reply) : code;
}

static int run_check(struct cli *c)
{
	return profile_check(c->word[1], c->out, c->err);
}

/* The whole file as a text, to be freed; or NULL, with errno. */
static char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = malloc(PROFILE_FILE_MAX + 2);
	size_t len = 0;
	ssize_t n = 1;

	while (fd >= 0 && text != NULL && n > 0 && len <= PROFILE_FILE_MAX) {
		n = read(fd, text + len, PROFILE_FILE_MAX + 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (len > PROFILE_FILE_MAX) {
		errno = EFBIG;
		n = -1;
	}
	if (fd < 0 || text == NULL || n < 0) {
		int error = errno;

		free(text);
		text = NULL;
		if (fd >= 0)
			close(fd);
		errno = error;
		return NULL;
	}
	close(fd);
	text[len] = '\0';
	return text;
}

/* The file's own name without ".json", to be freed. */
static char *name_of(const char *path)
{
	const char *base = strrchr(path, '/');
	char *name = strdup(base ? base + 1 : path);
	size_t len = name ? strlen(name) : 0;

	if (len > 5 && strcmp(name + len - 5, ".json") == 0)
		name[len - 5] = '\0';
	return name;
}

static int add_to_folder(struct cli *c, const char *name)
{
	struct config_report report;
	char *folder = profiles_folder(c);
	int r;

	if (folder == NULL)
		return cli_fail(c, CTL_EXIT_FAILED, "out of memory");
	/* profiles_add() makes the folder in it, and says what is wrong. */
	(void)mkdir(c->config_dir, 0755);
	r = profiles_add(folder, c->word[1], name, c->replace, &report);
	free(folder);
	if (r < 0)
		return fail_folder(c, name, r);
	fprintf(c->out, "%s is added; aditd is not running\n", name);
	return CTL_EXIT_DONE;
}

static int run_add(struct cli *c)
{
	struct ctl_request request = {
		.command = CTL_COMMAND_PROFILE_ADD,
		.replace = c->replace,
	};
	struct config_report report;
	struct profile *p = NULL;
	struct ctl_reply reply;
	bool absent = false;
	int code;

	code = profile_load(c->word[1], PROFILE_FOR_CHECK, &p, &report);
	/* Also the warnings of a profile that is good. */
	config_report_print(&report, c->word[1], c->err);
	if (code < 0 && report.errors == 0)
		return cli_fail(c, CTL_EXIT_USAGE, "%s: %s", c->word[1],
				strerror(-code));
	if (code < 0)
		return CTL_EXIT_USAGE;
	profile_destroy(p);
	request.text = read_file(c->word[1]);
	if (request.text == NULL)
		return cli_fail(c, CTL_EXIT_FAILED, "%s: %s", c->word[1],
				strerror(errno));
	request.profile = c->name ? strdup(c->name) : name_of(c->word[1]);
	if (request.profile == NULL)
		code = cli_fail(c, CTL_EXIT_FAILED, "out of memory");
	else if (!profile_name_valid(request.profile))
		code = fail_folder(c, request.profile, -EINVAL);
	else
		code = cli_ask(c, &request, &absent, &reply);
	if (absent)
		code = add_to_folder(c, request.profile);
	else if (code == CTL_EXIT_DONE)
		code = cli_finish(c, &reply);
	/* The identity's key is in it. */
	explicit_bzero(request.text, strlen(request.text));
	ctl_request_fini(&request);
	return code;
}

static int remove_from_folder(struct cli *c)
{
	char *folder = profiles_folder(c);
	int r;

	if (folder == NULL)
		return cli_fail(c, CTL_EXIT_FAILED, "out of memory");
	r = profiles_remove(folder, c->word[1]);
	free(folder);
	if (r < 0)
		return fail_folder(c, c->word[1], r);
	fprintf(c->out, "%s is removed; aditd is not running\n", c->word[1]);
	return CTL_EXIT_DONE;
}

static int run_remove(struct cli *c)
{
	struct ctl_request request = {
		.command = CTL_COMMAND_PROFILE_REMOVE,
		.profile = readable(c->word[1]),
	};
	struct ctl_reply reply;
	bool absent = false;
	int code = cli_ask(c, &request, &absent, &reply);

	if (absent)
		return remove_from_folder(c);
	return code == CTL_EXIT_DONE ? cli_finish(c, &reply) : code;
}

/* What changed goes to standard output, what is refused to the other. */
int cli_reload(struct cli *c)
{
	struct ctl_request request = { .command = CTL_COMMAND_RELOAD };
	const struct ctl_profile *p;
	struct ctl_reply reply;
	int code = cli_ask(c, &request, NULL, &reply);

	if (code != CTL_EXIT_DONE)
		return code;
	if (reply.exit != CTL_EXIT_DONE && reply.exit != CTL_EXIT_USAGE)
		return cli_finish(c, &reply);
	code = (int)reply.exit;
	p = reply.profiles.items;
	for (size_t i = 0; i < reply.profiles.count; i++, p++) {
		FILE *to = p->problem ? c->err : c->out;

		if (p->problem == NULL)
			fprintf(to, "%s: ", p->state ? p->state : "");
		cli_put_clean(to, p->problem ? p->problem
				  : p->name  ? p->name
					     : "");
		fputc('\n', to);
	}
	if (reply.text != NULL) {
		cli_put_clean(c->out, reply.text);
		fputc('\n', c->out);
	}
	ctl_reply_fini(&reply);
	return code;
}

static const struct {
	const char *name, *full;
	const char *operand; /* NULL: takes none */
	int (*run)(struct cli *c);
} verbs[] = {
	{ "list", "profile list", NULL, run_list },
	{ "show", "profile show", "PROFILE", run_show },
	{ "check", "profile check", "FILE", run_check },
	{ "add", "profile add", "FILE", run_add },
	{ "remove", "profile remove", "PROFILE", run_remove },
};

int cli_profile(struct cli *c)
{
	const char *verb = c->word[0] ? c->word[0] : "list";

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, verb) != 0)
			continue;
		c->command = verbs[i].full;
		if (verbs[i].operand != NULL && c->word[1] == NULL)
			return cli_fail(c, CTL_EXIT_USAGE,
					"which %s? See \"adit help profile\"",
					verbs[i].operand);
		if (verbs[i].operand == NULL && c->word[1] != NULL)
			return cli_fail(c, CTL_EXIT_USAGE,
					"\"%s\" is one argument too many",
					c->word[1]);
		return verbs[i].run(c);
	}
	return cli_fail(c, CTL_EXIT_USAGE,
			"there is no \"adit profile %s\": see \"adit help "
			"profile\"",
			verb);
}
