/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands that go on until somebody interrupts them: adit log -f and adit
 * status --watch. They outlive an aditd that is started again within
 * BACK_S seconds.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tunnel/base/clock.h"
#include "tunnel/cli/cli.h"
#include "tunnel/ctl/ctl_client.h"

enum {
	BACK_S = 10,
	BACK_STEP_MS = 100,
};

struct following {
	struct cli *c;
	bool heard; /* a daemon has answered */
};

static void put_time(FILE *to, uint64_t at_ms)
{
	time_t at = (time_t)(at_ms / 1000);
	struct tm tm;
	char text[32] = "?";

	if (localtime_r(&at, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	fprintf(to, "%s.%03u ", text, (unsigned int)(at_ms % 1000));
}

/* A line about the following itself. */
static void put_remark(const struct cli *c, const char *event, const char *text)
{
	uint64_t now = (uint64_t)clock_wall_ms();

	if (c->json) {
		fprintf(c->out,
			"{\"version\":1,\"at_ms\":%" PRIu64
			",\"event\":\"%s\"}\n",
			now, event);
	} else {
		put_time(c->out, now);
		fprintf(c->out, "%s\n", text);
	}
	fflush(c->out);
}

static void put_missed(FILE *to, uint64_t missed, const char *what)
{
	if (missed > 0)
		fprintf(to, "(%" PRIu64 " %s before this are lost)\n", missed,
			what);
}

static const char *or_none(const char *text)
{
	return text ? text : "";
}

/* "host-changed": "host changed". */
static void put_cause(FILE *to, const char *event)
{
	char text[64];

	snprintf(text, sizeof(text), "%s", event);
	for (char *at = text; *at != '\0'; at++)
		if (*at == '-')
			*at = ' ';
	fputs(" (", to);
	cli_put_clean(to, text);
	fputc(')', to);
}

/* "work is up, was connecting (host changed)", "work has failed, was connecting
 * (ended): the gateway cannot be reached". */
static void put_event(const struct cli *c, const struct ctl_event *e)
{
	put_missed(c->out, e->missed, "changes");
	put_time(c->out, e->at_ms);
	cli_put_clean(c->out, e->profile ? e->profile : "the tunnel");
	fputs(strcmp(or_none(e->state), "failed") == 0 ? " has " : " is ",
	      c->out);
	cli_put_clean(c->out, or_none(e->state));
	if (e->was != NULL) {
		fputs(", was ", c->out);
		cli_put_clean(c->out, e->was);
	}
	if (e->event != NULL)
		put_cause(c->out, e->event);
	if (e->reason_text != NULL || e->detail != NULL) {
		fputs(": ", c->out);
		cli_put_clean(c->out, or_none(e->reason_text));
		fputs(e->reason_text && e->detail ? "; " : "", c->out);
		cli_put_clean(c->out, or_none(e->detail));
	}
	fputc('\n', c->out);
}

static void put_line(const struct cli *c, const struct ctl_log_line *l)
{
	put_missed(c->out, l->missed, "lines");
	put_time(c->out, l->at_ms);
	fprintf(c->out, "%-7s ", or_none(l->level));
	cli_put_clean(c->out, or_none(l->text));
	fputc('\n', c->out);
}

static void print_reply(void *arg, const struct ctl_reply *reply)
{
	struct following *f = arg;
	const struct ctl_event *event = reply->events.items;
	const struct ctl_log_line *line = reply->lines.items;

	f->heard = true;
	for (size_t i = 0; i < reply->events.count; i++, event++) {
		if (f->c->json) {
			char *text = ctl_event_text(event);

			fprintf(f->c->out, "%s\n", or_none(text));
			free(text);
		} else {
			put_event(f->c, event);
		}
	}
	for (size_t i = 0; i < reply->lines.count; i++, line++)
		put_line(f->c, line);
	/* Whoever reads this may wait for it. */
	fflush(f->c->out);
}

/* 0; -ETIMEDOUT; or -ECANCELED: nobody reads `out` any more. */
static int wait_for_daemon(const char *path, int out)
{
	uint64_t end_ns = clock_now_ns() + BACK_S * (uint64_t)NS_PER_S;

	while (clock_now_ns() < end_ns) {
		struct pollfd reader = { .fd = out };
		int fd;

		if (poll(&reader, 1, BACK_STEP_MS) > 0 &&
		    (reader.revents & (POLLERR | POLLHUP)))
			return -ECANCELED;
		fd = ctl_client_open(path);
		if (fd >= 0) {
			close(fd);
			return 0;
		}
	}
	return -ETIMEDOUT;
}

static bool is_gone(int error)
{
	return error == -ECONNRESET || error == -EPIPE || error == -ENOENT ||
	       error == -ECONNREFUSED;
}

static int follow(struct cli *c, const struct ctl_request *request)
{
	struct following f = { .c = c };
	const struct ctl_steps steps = { print_reply, &f, fileno(c->out) };
	char path[CTL_PATH_MAX];
	struct ctl_reply reply;
	bool opened;
	int r = cli_socket_path(c, path);

	if (r != CTL_EXIT_DONE)
		return r;
	for (;;) {
		r = cli_converse(request, path, &steps, &opened, &reply);
		if (r == 0)
			return cli_finish(c, &reply);
		if (r == -ECANCELED || ferror(c->out))
			return CTL_EXIT_FAILED; /* nobody reads this */
		if (!request->follow || !f.heard || !is_gone(r))
			return cli_fail_converse(c, r, opened, path);
		put_remark(c, "daemon-gone",
			   "aditd hung up; waiting for it to come back");
		r = wait_for_daemon(path, steps.out);
		if (r == -ECANCELED)
			return CTL_EXIT_FAILED;
		if (r < 0)
			return cli_fail(c, CTL_EXIT_NO_DAEMON,
					"aditd has ended, and did not come "
					"back in %d s",
					BACK_S);
		put_remark(c, "daemon-back", "aditd is back");
	}
}

int cli_watch(struct cli *c)
{
	struct ctl_request request = {
		.command = CTL_COMMAND_WATCH,
		.follow = true,
	};

	return follow(c, &request);
}

int cli_log(struct cli *c)
{
	struct ctl_request request = {
		.command = CTL_COMMAND_LOG,
		.follow = c->follow,
	};

	return follow(c, &request);
}
