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
#include "tunnel/base/folder.h"
#include "tunnel/base/log.h"
#include "tunnel/daemon/daemon_private.h"

enum {
	TEXT_MAX = 1024,
	NAMES_SHOWN = 6, /* of profiles, in a line */
};

void daemon_reply(struct ctl_peer *peer, bool final, enum ctl_exit code,
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

bool daemon_is_current(const struct daemon *d, const char *name)
{
	return strcmp(session_io_name(d->io), name) == 0;
}

/* Less than it should be, as the others in the status. */
static int put_polling(const struct daemon *d, struct ctl_list *list)
{
	struct ctl_fallback *f;

	if (!folder_watch_polls(d->folder) && !folder_watch_polls(d->assets))
		return 0;
	f = ctl_list_add(list, sizeof(*f));
	if (f == NULL)
		return -ENOMEM;
	f->what = strdup("profiles");
	f->reason = strdup("the kernel cannot tell when their folder changes; "
			   "it is looked at again and again");
	return f->what != NULL && f->reason != NULL ? 0 : -ENOMEM;
}

static void reply_status(struct daemon *d, struct ctl_peer *peer)
{
	struct ctl_reply reply = { .final = true, .has_status = true };

	if (session_io_status(d->io, &reply.status) < 0 ||
	    daemon_engine_status(d, &reply.status) < 0 ||
	    split_dns_status(d->names, &reply.status) < 0 ||
	    put_polling(d, &reply.status.fallbacks) < 0 ||
	    daemon_put_problems(d, &reply.status.problems) < 0 ||
	    daemon_put_warnings(d, &reply.status.warnings) < 0)
		daemon_reply(peer, true, CTL_EXIT_FAILED, "out of memory");
	else
		ctl_server_reply(peer, &reply);
	ctl_reply_fini(&reply);
}

/* "work, home", cut short when there are many. */
static const char *profile_names(const struct daemon *d, char *buf, size_t size)
{
	size_t n = 0, i;

	buf[0] = '\0';
	for (i = 0; i < d->profiles.count && i < NAMES_SHOWN; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "",
				      d->profiles.entries[i]->name);
	if (i < d->profiles.count)
		snprintf(buf + n, size - n, " and %zu more",
			 d->profiles.count - i);
	return buf;
}

void daemon_reply_folder(const struct daemon *d, struct ctl_peer *peer)
{
	daemon_reply(peer, true, CTL_EXIT_FAILED, "%s: %s", d->profiles.folder,
		     folder_error_text(d->folder_error));
}

/* The profile that a request means; NULL: the peer was told why not. */
struct profile_entry *daemon_find_profile(struct daemon *d,
					  struct ctl_peer *peer,
					  const char *name)
{
	struct profile_entry *e;
	bool ambiguous = false;
	char names[NAMES_SHOWN * (PROFILE_NAME_MAX + 2) + 32];

	if (name == NULL &&
	    session_io_session(d->io)->state != SESSION_STATE_DOWN)
		name = session_io_name(d->io);
	if (name == NULL && d->profiles.count == 1)
		return d->profiles.entries[0];
	if (d->profiles.count == 0 && d->folder_error < 0) {
		daemon_reply_folder(d, peer);
		return NULL;
	}
	if (d->profiles.count == 0) {
		daemon_reply(peer, true, CTL_EXIT_USAGE,
			     "there is no profile in %s: \"adit profile add "
			     "FILE\" adds one",
			     d->profiles.folder);
		return NULL;
	}
	profile_names(d, names, sizeof(names));
	if (name == NULL) {
		daemon_reply(peer, true, CTL_EXIT_USAGE,
			     "which profile? There are %s", names);
		return NULL;
	}
	e = profiles_find(&d->profiles, name, &ambiguous);
	if (e == NULL)
		daemon_reply(peer, true, CTL_EXIT_USAGE,
			     ambiguous
				     ? "several profiles are called \"%s\": "
				       "name one of %s"
				     : "there is no profile \"%s\": there are "
				       "%s",
			     name, names);
	return e;
}

/* One line for a file that cannot be used. */
void daemon_reply_refused(struct ctl_peer *peer, const struct profile_entry *e,
			  const struct config_report *report, int error)
{
	const struct config_error *why = config_report_first(report);
	char line[CONFIG_LINE_MAX];

	if (why == NULL)
		daemon_reply(peer, true, CTL_EXIT_USAGE, "%s: %s", e->path,
			     strerror(-error));
	else
		daemon_reply(
			peer, true, CTL_EXIT_USAGE, "%s",
			config_error_text(why, e->path, line, sizeof(line)));
}

static bool needs_profiles(enum ctl_command command)
{
	return command != CTL_COMMAND_STATUS && command != CTL_COMMAND_WATCH &&
	       command != CTL_COMMAND_LOG && command != CTL_COMMAND_RELOAD &&
	       command != CTL_COMMAND_EXPLAIN_DNS &&
	       command != CTL_COMMAND_EXPLAIN_NETWORK;
}

static void on_request(void *arg, struct ctl_peer *peer,
		       const struct ctl_request *request)
{
	struct daemon *d = arg;

	if (d->stopping) {
		daemon_reply(peer, true, CTL_EXIT_FAILED, "aditd is ending");
		return;
	}
	if (needs_profiles(request->command))
		daemon_look(d);
	switch (request->command) {
	case CTL_COMMAND_STATUS:
		reply_status(d, peer);
		break;
	case CTL_COMMAND_WATCH:
		daemon_watch_state(d, peer);
		break;
	case CTL_COMMAND_LOG:
		daemon_show_log(d, peer, request);
		break;
	case CTL_COMMAND_RELOAD:
		log_notice("reading the profiles again");
		daemon_reload_for(d, peer);
		break;
	case CTL_COMMAND_CONNECT:
		daemon_connect(d, peer, request);
		break;
	case CTL_COMMAND_DISCONNECT:
		daemon_disconnect(d, peer, request);
		break;
	case CTL_COMMAND_PROFILE_LIST:
		daemon_list_profiles(d, peer);
		break;
	case CTL_COMMAND_PROFILE_SHOW:
		daemon_show_profile(d, peer, request);
		break;
	case CTL_COMMAND_PROFILE_ADD:
		daemon_add_profile(d, peer, request);
		break;
	case CTL_COMMAND_PROFILE_REMOVE:
		daemon_remove_profile(d, peer, request);
		break;
	case CTL_COMMAND_EXPLAIN_DNS:
		daemon_explain_dns(d, peer, request);
		break;
	case CTL_COMMAND_AUTO:
		daemon_auto(d, peer, request);
		break;
	case CTL_COMMAND_EXPLAIN_NETWORK:
		daemon_explain_network(d, peer, request);
		break;
	case CTL_COMMAND_COUNT:
		break;
	}
}

static void on_gone(void *arg, struct ctl_peer *peer)
{
	daemon_wait_gone(arg, peer);
	daemon_follow_gone(arg, peer);
}

static void on_drained(void *arg, struct ctl_peer *peer)
{
	daemon_follow_drained(arg, peer);
}

const struct ctl_server_callbacks daemon_ctl_callbacks = {
	.request = on_request,
	.gone = on_gone,
	.drained = on_drained,
};
