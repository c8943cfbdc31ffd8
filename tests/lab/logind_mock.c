/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * As much of logind on the system bus as tests/netns/logind.sh needs. Obeys
 * lines on standard input, each with one line for an answer:
 *
 *   session ID UID SEAT CLASS   a new one ("-": no seat)
 *   state ID STATE              without a signal, as logind does it
 *   active ID                   in front of its seat, alone
 *   remove ID
 *   sleep yes|no                PrepareForSleep
 *   refuse yes|no               locks
 *   absurd WHAT                 list, session, empty: wrong answers; signals:
 *                               wrong signals, at once; no: no more
 *   spoof                       PrepareForSleep, sent to all without the name
 *
 * and prints "locked WHAT WHO MODE", "released", and "absurd WHAT" for each
 * wrong answer.
 *
 * With the argument "preparing" it is about to sleep from the start; with
 * "systemd" it is as much of systemd as the real logind needs for a suspend,
 * prints "StartUnit UNIT" and the like, and obeys "finish UNIT", and as a
 * terminal's login "login UID PID" (prints "logged in ID") and "logout".
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#include "tunnel/base/attr.h"

#define NAME "org.freedesktop.login1"
#define PATH "/org/freedesktop/login1"
#define MANAGER NAME ".Manager"
#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SEAT0 PATH "/seat/seat0"

enum { MAX = 300 };

struct session {
	char id[32], seat[32], class[32], state[32], path[96];
	unsigned int uid;
	int active;
};

struct mock {
	sd_bus *bus;
	struct session sessions[MAX];
	size_t count;
	char absurd[32];
	bool refuse;
	int preparing;
	int login;
	int lock; /* our end of the one that was given last, or -1 */
};

static struct session *find(struct mock *m, const char *id)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->sessions[i].id, id) == 0)
			return &m->sessions[i];
	return NULL;
}

static bool is_absurd(const struct mock *m, const char *what)
{
	if (strcmp(m->absurd, what) != 0)
		return false;
	printf("absurd %s\n", what);
	return true;
}

static int on_list(sd_bus_message *call, void *arg, sd_bus_error *error)
{
	struct mock *m = arg;
	sd_bus_message *reply;
	int r;

	(void)error;
	if (is_absurd(m, "list"))
		return sd_bus_reply_method_return(call, "a(us)", 1, 7, "x");
	if (is_absurd(m, "empty"))
		return sd_bus_reply_method_return(call, "");
	r = sd_bus_message_new_method_return(call, &reply);
	if (r < 0)
		return r;
	(void)sd_bus_message_open_container(reply, 'a', "(susso)");
	for (size_t i = 0; i < m->count; i++)
		(void)sd_bus_message_append(
			reply, "(susso)", m->sessions[i].id, m->sessions[i].uid,
			"name", m->sessions[i].seat, m->sessions[i].path);
	(void)sd_bus_message_close_container(reply);
	r = sd_bus_send(m->bus, reply, NULL);
	sd_bus_message_unref(reply);
	return r;
}

static int on_inhibit(sd_bus_message *call, void *arg, sd_bus_error *error)
{
	struct mock *m = arg;
	const char *what, *who, *why, *mode;
	int pipes[2], r;

	if (m->refuse)
		return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED,
					"no");
	r = sd_bus_message_read(call, "ssss", &what, &who, &why, &mode);
	if (r < 0 || pipe2(pipes, O_CLOEXEC) < 0)
		return -EINVAL;
	printf("locked %s %s %s\n", what, who, mode);
	m->lock = pipes[0];
	r = sd_bus_reply_method_return(call, "h", pipes[1]);
	close(pipes[1]);
	return r;
}

static int get_preparing(sd_bus *bus, const char *path, const char *interface,
			 const char *property, sd_bus_message *reply, void *arg,
			 sd_bus_error *error)
{
	const struct mock *m = arg;

	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	return sd_bus_message_append(reply, "b", m->preparing);
}

static const sd_bus_vtable manager[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("ListSessions", "", "a(susso)", on_list,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Inhibit", "ssss", "h", on_inhibit,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("PreparingForSleep", "b", get_preparing, 0, 0),
	SD_BUS_VTABLE_END,
};

/* Answered by hand, so that the answer may be a wrong one. */
static int on_session_call(sd_bus_message *call, void *arg, sd_bus_error *error)
{
	struct mock *m = arg;
	const char *path = sd_bus_message_get_path(call);
	const struct session *s = NULL;

	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->sessions[i].path, path) == 0)
			s = &m->sessions[i];
	if (s == NULL)
		return sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_OBJECT,
					"no such session");
	if (is_absurd(m, "session"))
		return sd_bus_reply_method_return(call, "a{sv}", 3, "Class",
						  "u", 7, "State", "b", 1,
						  "Active", "s", "perhaps");
	return sd_bus_reply_method_return(
		call, "a{sv}", 6, "Id", "s", s->id, "User", "(uo)", s->uid, "/",
		"Class", "s", s->class, "Idle", "t", (uint64_t)7, "State", "s",
		s->state, "Active", "b", s->active);
}

static void emit(struct mock *m, const char *member, const struct session *s)
{
	(void)sd_bus_emit_signal(m->bus, PATH, MANAGER, member, "so", s->id,
				 s->path);
}

static void add(struct mock *m, char **word)
{
	struct session *s = &m->sessions[m->count++];

	*s = (struct session) { .uid = (unsigned int)atoi(word[2]),
				.state = "online" };
	snprintf(s->id, sizeof(s->id), "%s", word[1]);
	snprintf(s->seat, sizeof(s->seat), "%s",
		 strcmp(word[3], "-") == 0 ? "" : word[3]);
	snprintf(s->class, sizeof(s->class), "%s", word[4]);
	snprintf(s->path, sizeof(s->path), PATH "/session/_3%s", word[1]);
	emit(m, "SessionNew", s);
}

static void remove_session(struct mock *m, struct session *s)
{
	struct session gone = *s;

	*s = m->sessions[--m->count];
	emit(m, "SessionRemoved", &gone);
}

static void activate(struct mock *m, struct session *s)
{
	for (size_t i = 0; i < m->count; i++) {
		m->sessions[i].active = &m->sessions[i] == s;
		if (strcmp(m->sessions[i].state, "closing") != 0)
			strcpy(m->sessions[i].state,
			       m->sessions[i].active ? "active" : "online");
	}
	(void)sd_bus_emit_signal(m->bus, SEAT0,
				 "org.freedesktop.DBus.Properties",
				 "PropertiesChanged", "sa{sv}as", NAME ".Seat",
				 1, "ActiveSession", "(so)", s->id, s->path, 0);
}

static void absurd_signals(struct mock *m)
{
	sd_bus *b = m->bus;

	(void)sd_bus_emit_signal(b, PATH, MANAGER, "PrepareForSleep", "s",
				 "now");
	(void)sd_bus_emit_signal(b, PATH, MANAGER, "PrepareForSleep", "");
	(void)sd_bus_emit_signal(b, PATH, MANAGER, "PrepareForSleep", "v", "b",
				 1);
	(void)sd_bus_emit_signal(b, PATH, MANAGER, "SessionRemoved", "ay", 2, 1,
				 2);
	(void)sd_bus_emit_signal(b, PATH, MANAGER, "SessionNew", "");
	(void)sd_bus_emit_signal(b, PATH, MANAGER, "Nothing", "u", 7);
	(void)sd_bus_emit_signal(b, SEAT0, "org.freedesktop.DBus.Properties",
				 "PropertiesChanged", "u", 7);
	(void)sd_bus_emit_signal(
		b, PATH "/session/_31", "org.freedesktop.DBus.Properties",
		"PropertiesChanged", "sas", NAME ".Session", 1, "Active");
}

/* From a connection of its own, which does not own the name. */
static bool spoof(void)
{
	sd_bus *other;
	bool ok;

	if (sd_bus_open_system(&other) < 0)
		return false;
	ok = sd_bus_emit_signal(other, PATH, MANAGER, "PrepareForSleep", "b",
				1) >= 0 &&
	     sd_bus_flush(other) >= 0;
	sd_bus_close(other);
	sd_bus_unref(other);
	return ok;
}

/* All of systemd's objects: every unit is there, every job begins. */
static int on_systemd_call(sd_bus_message *call, void *arg, sd_bus_error *error)
{
	const char *member = sd_bus_message_get_member(call), *unit;

	(void)arg;
	(void)error;
	if (strcmp(member, "Get") == 0)
		return sd_bus_reply_method_return(call, "v", "s", "loaded");
	if (strcmp(member, "StartUnit") != 0 &&
	    strcmp(member, "StartTransientUnit") != 0 &&
	    strcmp(member, "StopUnit") != 0)
		return sd_bus_reply_method_return(call, "");
	if (sd_bus_message_read(call, "s", &unit) < 0)
		return -EINVAL;
	printf("%s %s\n", member, unit);
	return sd_bus_reply_method_return(call, "o", SYSTEMD_PATH "/job/7");
}

static void end_job(struct mock *m, const char *unit)
{
	(void)sd_bus_emit_signal(m->bus, SYSTEMD_PATH, SYSTEMD ".Manager",
				 "JobRemoved", "uoss", 7, SYSTEMD_PATH "/job/7",
				 unit, "done");
}

/* The session lasts as long as the descriptor in the answer is open. */
static int on_logged_in(sd_bus_message *reply, void *arg, sd_bus_error *error)
{
	struct mock *m = arg;
	const char *id, *path, *folder;
	int fd;

	(void)error;
	if (sd_bus_message_read(reply, "sosh", &id, &path, &folder, &fd) < 0) {
		printf("no login\n");
		return 0;
	}
	m->login = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	printf("logged in %s\n", id);
	return 0;
}

static bool log_in(struct mock *m, const char *uid, const char *pid)
{
	return sd_bus_call_method_async(m->bus, NULL, NAME, PATH, MANAGER,
					"CreateSession", on_logged_in, m,
					"uusssssussbssa(sv)", atoi(uid),
					atoi(pid), "login", "tty", "user", "",
					"seat0", 0, "", "", 0, "", "", 0) >= 0;
}

static bool obey(struct mock *m, char **word, size_t words)
{
	bool yes = words > 1 && strcmp(word[1], "yes") == 0;
	struct session *s = words > 1 ? find(m, word[1]) : NULL;

	if (strcmp(word[0], "session") == 0 && words == 5 && m->count < MAX)
		add(m, word);
	else if (strcmp(word[0], "state") == 0 && words == 3 && s)
		snprintf(s->state, sizeof(s->state), "%s", word[2]);
	else if (strcmp(word[0], "active") == 0 && s)
		activate(m, s);
	else if (strcmp(word[0], "remove") == 0 && s)
		remove_session(m, s);
	else if (strcmp(word[0], "sleep") == 0) {
		m->preparing = yes;
		(void)sd_bus_emit_signal(m->bus, PATH, MANAGER,
					 "PrepareForSleep", "b", (int)yes);
	} else if (strcmp(word[0], "refuse") == 0)
		m->refuse = yes;
	else if (strcmp(word[0], "absurd") == 0 && words == 2) {
		if (strcmp(word[1], "signals") == 0)
			absurd_signals(m);
		else
			snprintf(m->absurd, sizeof(m->absurd), "%s", word[1]);
	} else if (strcmp(word[0], "finish") == 0 && words == 2)
		end_job(m, word[1]);
	else if (strcmp(word[0], "login") == 0 && words == 3)
		return log_in(m, word[1], word[2]);
	else if (strcmp(word[0], "logout") == 0)
		close(m->login);
	else if (strcmp(word[0], "spoof") == 0)
		return spoof();
	else
		return false;
	return true;
}

/* A line at a time: the input is a pipe that gets one and waits. */
static bool read_line(struct mock *m)
{
	char line[256], *word[8] = { NULL }, *at = line;
	size_t words = 0;
	ssize_t n = read(0, line, sizeof(line) - 1);

	if (n <= 0)
		return false;
	line[n] = '\0';
	while (words < ARRAY_SIZE(word) &&
	       (word[words] = strsep(&at, " \n")) != NULL &&
	       word[words][0] != '\0')
		words++;
	printf(words > 0 && obey(m, word, words) ? "ok\n" : "what?\n");
	return true;
}

static void look_at_lock(struct mock *m)
{
	struct pollfd p = { .fd = m->lock };

	if (m->lock < 0 || poll(&p, 1, 0) <= 0)
		return;
	close(m->lock);
	m->lock = -1;
	printf("released\n");
}

static int serve(struct mock *m)
{
	for (;;) {
		struct pollfd p[] = {
			{ .fd = sd_bus_get_fd(m->bus),
			  .events = (short)sd_bus_get_events(m->bus) },
			{ .fd = 0, .events = POLLIN },
			{ .fd = m->lock },
		};
		int r;

		do
			r = sd_bus_process(m->bus, NULL);
		while (r > 0);
		if (r < 0)
			return r;
		p[0].events = (short)sd_bus_get_events(m->bus);
		p[2].fd = m->lock;
		if (poll(p, ARRAY_SIZE(p), -1) < 0)
			return -errno;
		look_at_lock(m);
		if (p[1].revents && !read_line(m))
			return 0;
	}
}

static int be_logind(struct mock *m)
{
	int r = sd_bus_add_object_vtable(m->bus, NULL, PATH, MANAGER, manager,
					 m);

	if (r >= 0)
		r = sd_bus_add_fallback(m->bus, NULL, PATH "/session",
					on_session_call, m);
	return r < 0 ? r : sd_bus_request_name(m->bus, NAME, 0);
}

static int be_systemd(struct mock *m)
{
	int r = sd_bus_add_fallback(m->bus, NULL, SYSTEMD_PATH, on_systemd_call,
				    m);

	return r < 0 ? r : sd_bus_request_name(m->bus, SYSTEMD, 0);
}

int main(int argc, char **argv)
{
	struct mock *m = calloc(1, sizeof(*m));
	int r = m ? sd_bus_open_system(&m->bus) : -ENOMEM;

	setlinebuf(stdout);
	if (r >= 0) {
		m->lock = -1;
		m->preparing = argc > 1 && strcmp(argv[1], "preparing") == 0;
		r = argc > 1 && strcmp(argv[1], "systemd") == 0 ? be_systemd(m)
								: be_logind(m);
	}
	if (r >= 0) {
		printf("ready\n");
		r = serve(m);
	}
	if (r < 0)
		fprintf(stderr, "logind_mock: %s\n", strerror(-r));
	if (m)
		sd_bus_unref(m->bus);
	free(m);
	return r < 0;
}
