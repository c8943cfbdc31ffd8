/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) Prints what tunnel/daemon/user_session.h tells, one event a line, and
 * obeys lines on standard input: "delay yes", "delay no", "done" (with a sleep
 * that was announced), "state", "jump SECONDS" (as if the machine had slept so
 * long: it goes to a time namespace of its own) and "quit".
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "tunnel/daemon/user_session.h"

struct program {
	struct user_session *session;
	uv_check_t turns;
	uv_poll_t input;
	unsigned int turn_count;
	char line[256];
	size_t len;
};

static void on_event(void *arg, const struct presence_event *e)
{
	(void)arg;
	switch (e->kind) {
	case PRESENCE_SLEEP:
		printf("sleep\n");
		break;
	case PRESENCE_WAKE:
		printf("wake after %llu s\n",
		       (unsigned long long)((e->slept_ns + NS_PER_S / 2) /
					    NS_PER_S));
		break;
	case PRESENCE_LOGIN:
		printf("login %u, now %zu\n", e->uid, e->users);
		break;
	case PRESENCE_LOGOUT:
		printf("logout %u, now %zu\n", e->uid, e->users);
		break;
	case PRESENCE_SWITCH:
		printf("switch %u to %u\n", e->before, e->uid);
		break;
	}
}

static bool jump(const char *seconds)
{
	int fd;
	bool ok;

	if (unshare(CLONE_NEWTIME) < 0)
		return false;
	fd = open("/proc/self/timens_offsets", O_WRONLY);
	ok = fd >= 0 && dprintf(fd, "boottime %s 0\n", seconds) > 0;
	if (fd >= 0)
		close(fd);
	fd = open("/proc/self/ns/time_for_children", O_RDONLY);
	ok = ok && fd >= 0 && setns(fd, CLONE_NEWTIME) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

static void quit(struct program *p)
{
	user_session_close(p->session);
	uv_close((uv_handle_t *)&p->turns, NULL);
	uv_close((uv_handle_t *)&p->input, NULL);
}

static void obey(struct program *p, const char *line)
{
	if (strncmp(line, "delay ", 6) == 0)
		user_session_delay_sleep(p->session, line[6] == 'y');
	else if (strcmp(line, "done") == 0)
		user_session_sleep_done(p->session);
	else if (strcmp(line, "state") == 0)
		printf("state %s, %s; turn %u\n",
		       user_session_is_told(p->session) ? "told" : "alone",
		       user_session_delays_sleep(p->session) ? "delays"
							     : "lets sleep",
		       p->turn_count);
	else if (strncmp(line, "jump ", 5) == 0)
		printf(jump(line + 5) ? "jumped\n" : "cannot jump\n");
	else if (strcmp(line, "quit") == 0)
		quit(p);
	else
		printf("what?\n");
}

static void on_input(uv_poll_t *poll, int status, int events)
{
	struct program *p = poll->data;
	ssize_t n = read(0, p->line + p->len, sizeof(p->line) - p->len);
	char *end;

	(void)status;
	(void)events;
	if (n <= 0 || p->len + (size_t)n == sizeof(p->line)) {
		quit(p);
		return;
	}
	p->len += (size_t)n;
	while ((end = memchr(p->line, '\n', p->len)) != NULL) {
		size_t used = (size_t)(end - p->line) + 1;

		*end = '\0';
		obey(p, p->line);
		memmove(p->line, p->line + used, p->len - used);
		p->len -= used;
	}
}

static void on_turn(uv_check_t *check)
{
	struct program *p = check->data;

	p->turn_count++;
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	struct program p = { .len = 0 };

	setlinebuf(stdout);
	if (user_session_create(loop, on_event, NULL, &p.session) < 0 ||
	    uv_check_init(loop, &p.turns) < 0 ||
	    uv_check_start(&p.turns, on_turn) < 0 ||
	    uv_poll_init(loop, &p.input, 0) < 0 ||
	    uv_poll_start(&p.input, UV_READABLE, on_input) < 0)
		return 1;
	p.turns.data = p.input.data = &p;
	uv_run(loop, UV_RUN_DEFAULT);
	return uv_loop_close(loop) < 0;
}
