/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What each request of the control socket does. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tunnel/base/clock.h"
#include "tunnel/base/log.h"
#include "tunnel/daemon_private.h"

enum {
	TEXT_MAX = 512,
};

static void reply_text(struct ctl_peer *peer, bool final, enum ctl_exit code,
		       const char *fmt, ...) ATTR_PRINTF(4, 5);

static void reply_text(struct ctl_peer *peer, bool final, enum ctl_exit code,
		       const char *fmt, ...)
{
	char text[TEXT_MAX];
	struct ctl_reply reply = { .final = final, .exit = code, .text = text };
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	ctl_server_reply(peer, &reply);
}

static bool is_current(const struct daemon *d, const char *name)
{
	return strcmp(session_io_name(d->io), name) == 0;
}

/* Profiles whose file is refused, with the first thing that is wrong. */
static int put_problems(const struct daemon *d, struct ctl_status *s)
{
	for (size_t i = 0; i < d->profiles.count; i++) {
		const struct profile_entry *e = d->profiles.entries[i];
		const struct config_error *why =
			config_report_first(&e->report);
		char line[CONFIG_LINE_MAX];
		char file[PROFILE_NAME_MAX + 8];
		int r;

		if (!e->broken || why == NULL)
			continue;
		snprintf(file, sizeof(file), "%s.json", e->name);
		r = ctl_list_add_text(
			&s->problems,
			config_error_text(why, file, line, sizeof(line)));
		if (r < 0)
			return r;
	}
	return 0;
}

static void reply_status(struct daemon *d, struct ctl_peer *peer)
{
	struct ctl_reply reply = { .final = true, .has_status = true };

	if (session_io_status(d->io, &reply.status) < 0 ||
	    put_problems(d, &reply.status) < 0)
		reply_text(peer, true, CTL_EXIT_FAILED, "out of memory");
	else
		ctl_server_reply(peer, &reply);
	ctl_reply_fini(&reply);
}

/* "work, home", cut short when there are many. */
static const char *profile_names(const struct daemon *d, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < d->profiles.count && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "",
				      d->profiles.entries[i]->name);
	return buf;
}

/* The profile that a request means; NULL: the peer was told why not. */
static struct profile_entry *find_profile(struct daemon *d,
					  struct ctl_peer *peer,
					  const char *name)
{
	struct profile_entry *e;
	bool ambiguous = false;
	char names[256];

	if (name == NULL &&
	    session_io_session(d->io)->state != SESSION_STATE_DOWN)
		name = session_io_name(d->io);
	if (name == NULL && d->profiles.count == 1)
		return d->profiles.entries[0];
	if (d->profiles.count == 0) {
		reply_text(peer, true, CTL_EXIT_USAGE,
			   "there is no profile in %s: \"adit profile add "
			   "FILE\" adds one",
			   d->profiles.folder);
		return NULL;
	}
	profile_names(d, names, sizeof(names));
	if (name == NULL) {
		reply_text(peer, true, CTL_EXIT_USAGE,
			   "which profile? There are %s", names);
		return NULL;
	}
	e = profiles_find(&d->profiles, name, &ambiguous);
	if (e == NULL)
		reply_text(peer, true, CTL_EXIT_USAGE,
			   ambiguous ? "several profiles are called \"%s\": "
				       "name one of %s"
				     : "there is no profile \"%s\": there are "
				       "%s",
			   name, names);
	return e;
}

/* One line for a file that cannot be used. */
static void reply_refused(struct ctl_peer *peer, const struct profile_entry *e,
			  const struct config_report *report, int error)
{
	const struct config_error *why = config_report_first(report);
	char line[CONFIG_LINE_MAX];

	if (why == NULL)
		reply_text(peer, true, CTL_EXIT_USAGE, "%s: %s", e->path,
			   strerror(-error));
	else
		reply_text(peer, true, CTL_EXIT_USAGE, "%s",
			   config_error_text(why, e->path, line, sizeof(line)));
}

static void arm_waiting(struct daemon *d);

static void reply_failed(struct daemon *d, struct ctl_peer *peer)
{
	const struct session *s = session_io_session(d->io);
	const char *text = session_io_text(d->io);

	reply_text(peer, true, (enum ctl_exit)reason_exit_code(s->reason),
		   "%s: %s%s", session_io_name(d->io),
		   *text ? text : reason_text(s->reason),
		   s->retry_ns != CLOCK_NEVER
			   ? "; it is tried again, see \"adit status\""
			   : "");
}

/* What a waiter is told now; true: it was the last. */
static bool tell_waiter(struct daemon *d, struct waiter *w)
{
	const struct session *s = session_io_session(d->io);
	const char *name = session_io_name(d->io);

	switch (s->state) {
	case SESSION_STATE_UP:
		reply_text(w->peer, true, CTL_EXIT_DONE, "%s is up", name);
		return true;
	case SESSION_STATE_FAILED:
		/* The gateway frees a dead session's place by itself. */
		if (s->reason == REASON_BUSY)
			break;
		reply_failed(d, w->peer);
		return true;
	case SESSION_STATE_DOWN:
		reply_failed(d, w->peer);
		return true;
	case SESSION_STATE_WAITING:
	case SESSION_STATE_CONNECTING:
	case SESSION_STATE_SUSPECT:
	case SESSION_STATE_RECONNECTING:
	case SESSION_STATE_COUNT:
		break;
	}
	if (w->told != s->state)
		reply_text(w->peer, false, CTL_EXIT_DONE, "%s: %s%s%s", name,
			   session_state_name(s->state), s->reason ? ", " : "",
			   s->reason ? reason_text(s->reason) : "");
	w->told = s->state;
	return false;
}

static void reply_timed_out(struct daemon *d, struct ctl_peer *peer)
{
	const struct session *s = session_io_session(d->io);

	if (s->state == SESSION_STATE_FAILED)
		reply_failed(d, peer);
	else
		reply_text(peer, true, CTL_EXIT_TIMED_OUT,
			   "%s is not up yet (%s); it is still tried, see "
			   "\"adit status\"",
			   session_io_name(d->io),
			   session_state_name(s->state));
}

static void arm_waiting(struct daemon *d);

static void on_waiting(uv_timer_t *timer)
{
	struct daemon *d = timer->data;
	uint64_t now = clock_now_ns();

	for (size_t i = 0; i < ARRAY_SIZE(d->waiters); i++) {
		struct waiter *w = &d->waiters[i];
		struct ctl_peer *peer = w->peer;

		if (peer == NULL || w->deadline_ns > now)
			continue;
		w->peer = NULL;
		reply_timed_out(d, peer);
	}
	arm_waiting(d);
}

static void arm_waiting(struct daemon *d)
{
	uint64_t first = CLOCK_NEVER, now = clock_now_ns();

	for (size_t i = 0; i < ARRAY_SIZE(d->waiters); i++)
		if (d->waiters[i].peer != NULL &&
		    d->waiters[i].deadline_ns < first)
			first = d->waiters[i].deadline_ns;
	/* Neither fails on a timer that is not being closed. */
	if (first == CLOCK_NEVER)
		(void)uv_timer_stop(&d->waiting);
	else
		(void)uv_timer_start(
			&d->waiting, on_waiting,
			first > now ? (first - now) / NS_PER_MS + 1 : 0, 0);
}

void daemon_ctl_changed(struct daemon *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(d->waiters); i++) {
		struct waiter *w = &d->waiters[i];

		if (w->peer != NULL && tell_waiter(d, w))
			w->peer = NULL;
	}
	if (!d->stopping)
		arm_waiting(d);
}

static void on_gone(void *arg, struct ctl_peer *peer)
{
	struct daemon *d = arg;

	for (size_t i = 0; i < ARRAY_SIZE(d->waiters); i++)
		if (d->waiters[i].peer == peer)
			d->waiters[i].peer = NULL;
	arm_waiting(d);
}

static void wait_for_up(struct daemon *d, struct ctl_peer *peer,
			uint64_t wait_s)
{
	for (size_t i = 0; i < ARRAY_SIZE(d->waiters); i++) {
		struct waiter *w = &d->waiters[i];

		if (w->peer != NULL)
			continue;
		*w = (struct waiter) {
			.peer = peer,
			.deadline_ns = clock_now_ns() + wait_s * NS_PER_S,
		};
		if (tell_waiter(d, w))
			w->peer = NULL;
		arm_waiting(d);
		return;
	}
	/* There are as many places as peers. */
	reply_text(peer, true, CTL_EXIT_FAILED, "too many wait already");
}

static void do_connect(struct daemon *d, struct ctl_peer *peer,
		       const struct ctl_request *request)
{
	struct profile_entry *e = find_profile(d, peer, request->profile);
	struct config_report report = { 0 };
	struct profile *profile = NULL;
	int r;

	if (e == NULL)
		return;
	r = profile_load(e->path, PROFILE_FOR_USE, &profile, &report);
	if (r < 0) {
		reply_refused(peer, e, &report, r);
		return;
	}
	log_info("connect %s", e->name);
	/* The hold is set now; the attempt itself starts from the loop, after
	 * the answer. */
	session_io_connect(d->io, e->name, profile);
	if (request->wait)
		wait_for_up(d, peer, request->wait_s ? request->wait_s : 30);
	else
		reply_text(
			peer, true, CTL_EXIT_DONE, "%s: %s", e->name,
			session_state_name(session_io_session(d->io)->state));
}

static void do_disconnect(struct daemon *d, struct ctl_peer *peer,
			  const struct ctl_request *request)
{
	bool down = session_io_session(d->io)->state == SESSION_STATE_DOWN;
	const struct profile_entry *e = NULL;

	if (request->profile != NULL) {
		e = find_profile(d, peer, request->profile);
		if (e == NULL)
			return;
	}
	if (down || (e != NULL && !is_current(d, e->name))) {
		reply_text(peer, true, CTL_EXIT_DONE, "%s is down already",
			   e ? e->name : "the tunnel");
		return;
	}
	log_info("disconnect %s", session_io_name(d->io));
	session_io_disconnect(d->io, REASON_USER);
	reply_text(peer, true, CTL_EXIT_DONE, "%s is down",
		   session_io_name(d->io));
}

static int put_profile(const struct daemon *d, const struct profile_entry *e,
		       struct ctl_list *list)
{
	const struct config_error *why = config_report_first(&e->report);
	struct ctl_profile *row = ctl_list_add(list, sizeof(*row));
	char line[CONFIG_LINE_MAX];
	const char *state = "-";

	if (row == NULL)
		return -ENOMEM;
	if (is_current(d, e->name))
		state = session_state_name(session_io_session(d->io)->state);
	else if (e->profile == NULL)
		state = "refused";
	row->name = strdup(e->name);
	row->state = strdup(state);
	if (row->name == NULL || row->state == NULL)
		return -ENOMEM;
	if (e->profile != NULL) {
		row->gateway = strdup(e->profile->host_name);
		row->visible_name = strdup(e->profile->visible_name);
		if (row->gateway == NULL || row->visible_name == NULL)
			return -ENOMEM;
	}
	if (e->broken && why != NULL) {
		row->problem = strdup(
			config_error_text(why, e->path, line, sizeof(line)));
		if (row->problem == NULL)
			return -ENOMEM;
	}
	return 0;
}

static void do_list(struct daemon *d, struct ctl_peer *peer)
{
	struct ctl_reply reply = { .final = true };
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->profiles.count; i++)
		r = put_profile(d, d->profiles.entries[i], &reply.profiles);
	if (r < 0)
		reply_text(peer, true, CTL_EXIT_FAILED, "out of memory");
	else
		ctl_server_reply(peer, &reply);
	ctl_reply_fini(&reply);
}

static void do_show(struct daemon *d, struct ctl_peer *peer,
		    const struct ctl_request *request)
{
	struct profile_entry *e = find_profile(d, peer, request->profile);
	struct ctl_reply reply = { .final = true };
	size_t len = 0;
	FILE *to;

	if (e == NULL)
		return;
	if (e->profile == NULL) {
		reply_refused(peer, e, &e->report, -EINVAL);
		return;
	}
	to = open_memstream(&reply.body, &len);
	if (to != NULL) {
		profile_print(e->profile, to);
		fclose(to);
	}
	if (reply.body == NULL)
		reply_text(peer, true, CTL_EXIT_FAILED, "out of memory");
	else
		ctl_server_reply(peer, &reply);
	ctl_reply_fini(&reply);
}

/* profiles_add() takes a file, and copies it whole or not at all: the text
 * goes into one beside the socket first. */
static int write_draft(const struct daemon *d, const char *text,
		       char **ret_path)
{
	size_t left = strlen(text);
	char *path = NULL;
	int fd, r = 0;

	if (asprintf(&path, "%s/draft-XXXXXX", d->options->runtime_dir) < 0)
		return -ENOMEM;
	fd = mkostemp(path, O_CLOEXEC); /* mode 0600 */
	if (fd < 0) {
		r = -errno;
		free(path);
		return r;
	}
	while (left > 0) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = -errno;
			break;
		}
		text += n;
		left -= (size_t)n;
	}
	close(fd);
	if (r < 0) {
		unlink(path);
		free(path);
		return r;
	}
	*ret_path = path;
	return 0;
}

static void do_add(struct daemon *d, struct ctl_peer *peer,
		   const struct ctl_request *request)
{
	struct config_report report = { 0 };
	const struct config_error *why;
	char line[CONFIG_LINE_MAX];
	char *draft = NULL;
	int r;

	if (request->profile == NULL || request->text == NULL ||
	    !profile_name_valid(request->profile)) {
		reply_text(peer, true, CTL_EXIT_USAGE,
			   "a profile needs a name of letters, digits, \".\", "
			   "\"_\" and \"-\", and a text");
		return;
	}
	r = write_draft(d, request->text, &draft);
	if (r == 0) {
		/* profiles_add() makes the folder in it, and says what is
		 * wrong. */
		(void)mkdir(d->options->config_dir, 0755);
		r = profiles_add(d->profiles.folder, draft, request->profile,
				 request->replace, &report);
		unlink(draft);
		free(draft);
	}
	why = config_report_first(&report);
	if (r == 0) {
		log_notice("profile %s was added", request->profile);
		daemon_reload(d);
		reply_text(peer, true, CTL_EXIT_DONE, "%s is added",
			   request->profile);
	} else if (r == -EEXIST) {
		reply_text(peer, true, CTL_EXIT_FAILED,
			   "there is a profile \"%s\" already: add --replace, "
			   "or --name for another name",
			   request->profile);
	} else if (why != NULL) {
		reply_text(peer, true, CTL_EXIT_USAGE, "%s",
			   config_error_text(why, request->profile, line,
					     sizeof(line)));
	} else {
		reply_text(peer, true, CTL_EXIT_FAILED, "%s: %s",
			   d->profiles.folder, strerror(-r));
	}
}

static void do_remove(struct daemon *d, struct ctl_peer *peer,
		      const struct ctl_request *request)
{
	struct profile_entry *e;
	char name[PROFILE_NAME_MAX];
	int r;

	if (request->profile == NULL) {
		reply_text(peer, true, CTL_EXIT_USAGE, "which profile?");
		return;
	}
	e = find_profile(d, peer, request->profile);
	if (e == NULL)
		return;
	memcpy(name, e->name, sizeof(name)); /* the reload frees the entry */
	r = profiles_remove(d->profiles.folder, name);
	if (r < 0) {
		reply_text(peer, true, CTL_EXIT_FAILED, "%s: %s", e->path,
			   strerror(-r));
		return;
	}
	log_notice("profile %s was removed", name);
	daemon_reload(d);
	reply_text(peer, true, CTL_EXIT_DONE, "%s is removed", name);
}

static void on_request(void *arg, struct ctl_peer *peer,
		       const struct ctl_request *request)
{
	struct daemon *d = arg;

	if (d->stopping) {
		reply_text(peer, true, CTL_EXIT_FAILED, "aditd is ending");
		return;
	}
	if (request->command != CTL_COMMAND_STATUS)
		daemon_reload(d);
	switch (request->command) {
	case CTL_COMMAND_STATUS:
		reply_status(d, peer);
		break;
	case CTL_COMMAND_CONNECT:
		do_connect(d, peer, request);
		break;
	case CTL_COMMAND_DISCONNECT:
		do_disconnect(d, peer, request);
		break;
	case CTL_COMMAND_PROFILE_LIST:
		do_list(d, peer);
		break;
	case CTL_COMMAND_PROFILE_SHOW:
		do_show(d, peer, request);
		break;
	case CTL_COMMAND_PROFILE_ADD:
		do_add(d, peer, request);
		break;
	case CTL_COMMAND_PROFILE_REMOVE:
		do_remove(d, peer, request);
		break;
	case CTL_COMMAND_COUNT:
		break;
	}
}

const struct ctl_server_callbacks daemon_ctl_callbacks = {
	.request = on_request,
	.gone = on_gone,
};
