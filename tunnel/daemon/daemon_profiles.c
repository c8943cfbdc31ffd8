/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) The requests about profiles: the daemon owns their folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tunnel/base/folder.h"
#include "tunnel/base/log.h"
#include "tunnel/daemon/daemon_private.h"

static int put_profile(const struct daemon *d, const struct profile_entry *e,
		       struct ctl_list *list)
{
	const struct config_error *why = profiles_problem(e);
	struct ctl_profile *row = ctl_list_add(list, sizeof(*row));
	char line[CONFIG_LINE_MAX];
	const char *state = "-";

	if (row == NULL)
		return -ENOMEM;
	if (daemon_is_current(d, e->name))
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
	if (why != NULL) {
		row->problem = strdup(
			config_error_text(why, e->path, line, sizeof(line)));
		if (row->problem == NULL)
			return -ENOMEM;
	}
	return 0;
}

void daemon_list_profiles(struct daemon *d, struct ctl_peer *peer)
{
	struct ctl_reply reply = { .final = true };
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->profiles.count; i++)
		r = put_profile(d, d->profiles.entries[i], &reply.profiles);
	if (d->folder_error < 0) {
		reply.exit = CTL_EXIT_FAILED;
		if (asprintf(&reply.text, "%s: %s", d->profiles.folder,
			     folder_error_text(d->folder_error)) < 0) {
			reply.text = NULL;
			r = -ENOMEM;
		}
	}
	if (r < 0)
		daemon_reply(peer, true, CTL_EXIT_FAILED, "out of memory");
	else
		ctl_server_reply(peer, &reply);
	ctl_reply_fini(&reply);
}

void daemon_show_profile(struct daemon *d, struct ctl_peer *peer,
			 const struct ctl_request *request)
{
	struct profile_entry *e =
		daemon_find_profile(d, peer, request->profile);
	struct ctl_reply reply = { .final = true };
	size_t len = 0;
	FILE *to;

	if (e == NULL)
		return;
	if (e->profile == NULL) {
		daemon_reply_refused(peer, e, &e->report, -EINVAL);
		return;
	}
	to = open_memstream(&reply.body, &len);
	if (to != NULL) {
		profile_print(e->profile, to);
		fclose(to);
	}
	if (reply.body == NULL)
		daemon_reply(peer, true, CTL_EXIT_FAILED, "out of memory");
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

/* Whoever may not take it down may not take it away, either. True: the peer
 * was told. */
static bool refuse_locked(struct ctl_peer *peer, const struct profile_entry *e)
{
	if (e == NULL || e->profile == NULL || !engine_is_locked(e->profile) ||
	    ctl_server_is_root(peer))
		return false;
	daemon_reply(peer, true, CTL_EXIT_NOT_PERMITTED,
		     "%s: only root may remove or replace it: its profile does "
		     "not let you take it down (DisableUserOverride)",
		     e->name);
	return true;
}

static const struct profile_entry *find_to_replace(const struct daemon *d,
						   const char *name)
{
	for (size_t i = 0; i < d->profiles.count; i++)
		if (strcmp(d->profiles.entries[i]->name, name) == 0)
			return d->profiles.entries[i];
	return NULL;
}

void daemon_add_profile(struct daemon *d, struct ctl_peer *peer,
			const struct ctl_request *request)
{
	struct config_report report = { 0 };
	const struct config_error *why;
	char line[CONFIG_LINE_MAX];
	const char *folder = d->options->runtime_dir;
	char *draft = NULL;
	int r;

	if (request->profile == NULL || request->text == NULL ||
	    !profile_name_valid(request->profile)) {
		daemon_reply(peer, true, CTL_EXIT_USAGE, PROFILE_NAME_RULE);
		return;
	}
	if (request->replace &&
	    refuse_locked(peer, find_to_replace(d, request->profile)))
		return;
	r = write_draft(d, request->text, &draft);
	if (r == 0) {
		folder = d->profiles.folder;
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
		daemon_reply(peer, true, CTL_EXIT_DONE, "%s is added",
			     request->profile);
	} else if (r == -EEXIST) {
		daemon_reply(
			peer, true, CTL_EXIT_FAILED,
			"there is a profile \"%s\" already: add --replace, "
			"or --name for another name",
			request->profile);
	} else if (why != NULL) {
		daemon_reply(peer, true, CTL_EXIT_USAGE, "%s",
			     config_error_text(why, request->profile, line,
					       sizeof(line)));
	} else {
		daemon_reply(peer, true, CTL_EXIT_FAILED, "%s: %s", folder,
			     folder_error_text(r));
	}
}

void daemon_remove_profile(struct daemon *d, struct ctl_peer *peer,
			   const struct ctl_request *request)
{
	struct profile_entry *e;
	char name[PROFILE_NAME_MAX];
	int r;

	if (request->profile == NULL) {
		daemon_reply(peer, true, CTL_EXIT_USAGE, "which profile?");
		return;
	}
	e = daemon_find_profile(d, peer, request->profile);
	if (e == NULL || refuse_locked(peer, e))
		return;
	memcpy(name, e->name, sizeof(name)); /* the reload frees the entry */
	r = profiles_remove(d->profiles.folder, name);
	/* Somebody else was a moment faster. */
	if (r < 0 && r != -ENOENT) {
		daemon_reply(peer, true, CTL_EXIT_FAILED, "%s: %s", e->path,
			     strerror(-r));
		return;
	}
	log_notice("profile %s was removed", name);
	daemon_reload(d);
	daemon_reply(peer, true, CTL_EXIT_DONE, "%s is removed", name);
}
