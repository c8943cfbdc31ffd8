/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) Profiles that change. Whoever writes them may take a while: what is
 * good acts as soon as the folder is quiet; what is bad changes nothing, is in
 * the status at once, and in the log when it has been so for a while.
 *
 * A command looks at the folder before it is answered, so that it may follow
 * a `cp` at once. That look may be in the middle of somebody's writing, so it
 * does not touch the tunnel, which follows when the folder is quiet.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/base/folder.h"
#include "tunnel/base/log.h"
#include "tunnel/daemon/daemon_private.h"

enum {
	GRUMBLE_MS = 1000, /* so long may a file be half written */
};

/* NULL: there is no problem with it. */
static const char *problem_text(const struct daemon *d,
				const struct profile_entry *e, char *buf,
				size_t size)
{
	const struct config_error *why = profiles_problem(e);
	const char *so = "it cannot be used on this machine";
	char line[CONFIG_LINE_MAX];

	if (why == NULL)
		return NULL;
	if (e->broken ? e->profile != NULL
		      : daemon_is_current(d, e->name) &&
				session_io_profile(d->io) != NULL)
		so = "the profile before it stays in force";
	else if (e->broken)
		so = "it is not used";
	snprintf(buf, size, "%s; %s",
		 config_error_text(why, e->path, line, sizeof(line)), so);
	return buf;
}

static void log_change(struct profile_entry *e)
{
	bool good = profiles_problem(e) == NULL;

	if (e->told && good && e->change != PROFILES_CHANGED &&
	    e->change != PROFILES_REMOVED)
		log_notice("profile %s is good again", e->name);
	if (good)
		e->told = false;
	switch (e->change) {
	case PROFILES_SAME:
	case PROFILES_BROKEN: /* grumble() says it */
		break;
	case PROFILES_ADDED:
		log_info("profile %s", e->name);
		break;
	case PROFILES_CHANGED:
		log_notice("profile %s has changed", e->name);
		break;
	case PROFILES_REMOVED:
		log_notice("profile %s is gone", e->name);
		break;
	}
}

static bool must_grumble(const struct daemon *d)
{
	for (size_t i = 0; i < d->profiles.count; i++)
		if (profiles_problem(d->profiles.entries[i]) != NULL &&
		    !d->profiles.entries[i]->told)
			return true;
	return false;
}

/* Reads the folder. Does anything differ from the last time? */
static bool look(struct daemon *d, bool quiet)
{
	int r = profiles_reload(&d->profiles);
	bool differs = false;

	if (r < 0 && r != d->folder_error)
		log_warning("%s: %s", d->profiles.folder, folder_error_text(r));
	else if (r == 0 && d->folder_error < 0)
		log_notice("%s can be read again", d->profiles.folder);
	d->folder_error = r;
	daemon_engine_profiles(d, quiet);
	for (size_t i = 0; r == 0 && i < d->profiles.count; i++) {
		log_change(d->profiles.entries[i]);
		differs |= d->profiles.entries[i]->change != PROFILES_SAME;
	}
	return differs || must_grumble(d);
}

/* What is still bad, and was not said yet. */
static void grumble(struct daemon *d)
{
	char text[2 * CONFIG_LINE_MAX];

	(void)uv_timer_stop(&d->grumbling); /* cannot fail */
	for (size_t i = 0; i < d->profiles.count; i++) {
		struct profile_entry *e = d->profiles.entries[i];

		if (e->told || problem_text(d, e, text, sizeof(text)) == NULL)
			continue;
		log_warning("%s", text);
		e->told = true;
	}
}

static void on_grumbling(uv_timer_t *timer)
{
	grumble(timer->data);
}

void daemon_note_used(struct daemon *d, uint64_t fingerprint,
		      const struct config_report *report)
{
	const struct profile *p = session_io_profile(d->io);

	/* A tunnel that was up already goes on with what it has. */
	if (p == NULL || p->fingerprint == fingerprint)
		d->used = *report;
}

static const struct profile_entry *used_entry(const struct daemon *d)
{
	for (size_t i = 0; i < d->profiles.count; i++) {
		const struct profile_entry *e = d->profiles.entries[i];

		if (e->change != PROFILES_REMOVED &&
		    daemon_is_current(d, e->name))
			return e;
	}
	return NULL;
}

/* The tunnel's profile is made that of its file, whoever saw the change. */
static void follow(struct daemon *d)
{
	const struct profile_entry *e;
	const struct profile *has;
	struct config_report report;
	struct profile *profile;
	uint64_t fingerprint;

	daemon_engine_prune(d);
	daemon_engine_act(d);
	/* Whose it is now. */
	e = used_entry(d);
	has = session_io_profile(d->io);
	if (has == NULL || (e != NULL && profiles_problem(e) != NULL))
		return;
	if (e == NULL) {
		session_io_forget(d->io);
		return;
	}
	/* Bad since it was looked at: that is the next change. */
	if (profile_load(e->path, PROFILE_FOR_USE, &profile, &report) < 0)
		return;
	fingerprint = profile->fingerprint;
	if (fingerprint != has->fingerprint)
		session_io_replace(d->io, profile);
	else
		profile_destroy(profile);
	daemon_note_used(d, fingerprint, &report);
}

void daemon_look(struct daemon *d)
{
	if (look(d, false))
		folder_watch_notice(d->folder);
	profiles_prune(&d->profiles);
}

void daemon_folder_changed(struct daemon *d)
{
	(void)look(d, true);
	if (d->folder_error == 0)
		follow(d);
	profiles_prune(&d->profiles);
	/* Only a timer that is being closed cannot be started. */
	if (must_grumble(d))
		(void)uv_timer_start(&d->grumbling, on_grumbling, GRUMBLE_MS,
				     0);
}

static void reload(struct daemon *d)
{
	(void)look(d, true);
	if (d->folder_error == 0)
		follow(d);
	grumble(d);
}

void daemon_reload(struct daemon *d)
{
	reload(d);
	split_dns_reload(d->names);
	profiles_prune(&d->profiles);
}

static const char *change_name(const struct profile_entry *e)
{
	if (profiles_problem(e) != NULL)
		return "refused";
	switch (e->change) {
	case PROFILES_ADDED:
		return "added";
	case PROFILES_CHANGED:
		return "changed";
	case PROFILES_REMOVED:
		return "removed";
	case PROFILES_SAME:
	case PROFILES_BROKEN:
		break;
	}
	return NULL;
}

static int put_change(struct ctl_list *list, const char *name,
		      const char *state, const char *problem)
{
	struct ctl_profile *row = ctl_list_add(list, sizeof(*row));

	if (row == NULL)
		return -ENOMEM;
	row->name = strdup(name);
	row->state = strdup(state);
	row->problem = problem ? strdup(problem) : NULL;
	return row->name && row->state && (row->problem || !problem) ? 0
								     : -ENOMEM;
}

static int put_changes(const struct daemon *d, struct ctl_list *list,
		       size_t *ret_profiles, size_t *ret_refused)
{
	char text[2 * CONFIG_LINE_MAX];
	size_t profiles = 0, refused = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->profiles.count; i++) {
		const struct profile_entry *e = d->profiles.entries[i];
		const char *change = change_name(e);
		const char *why = problem_text(d, e, text, sizeof(text));

		profiles += e->change != PROFILES_REMOVED;
		refused += why != NULL;
		if (change != NULL)
			r = put_change(list, e->name, change, why);
	}
	*ret_profiles = profiles;
	*ret_refused = refused;
	return r;
}

void daemon_reload_for(struct daemon *d, struct ctl_peer *peer)
{
	struct ctl_reply reply = { .final = true };
	size_t profiles, refused;
	int r;

	reload(d);
	split_dns_reload(d->names);
	if (d->folder_error < 0) {
		daemon_reply_folder(d, peer);
		return;
	}
	r = put_changes(d, &reply.profiles, &profiles, &refused);
	profiles_prune(&d->profiles);
	reply.exit = refused > 0 ? CTL_EXIT_USAGE : CTL_EXIT_DONE;
	if (r == 0 &&
	    asprintf(&reply.text, "%zu profile%s, %zu refused", profiles,
		     profiles == 1 ? "" : "s", refused) < 0) {
		reply.text = NULL;
		r = -ENOMEM;
	}
	if (r < 0)
		daemon_reply(peer, true, CTL_EXIT_FAILED, "out of memory");
	else
		ctl_server_reply(peer, &reply);
	ctl_reply_fini(&reply);
}

int daemon_put_problems(const struct daemon *d, struct ctl_list *list)
{
	char text[2 * CONFIG_LINE_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->profiles.count; i++)
		if (problem_text(d, d->profiles.entries[i], text,
				 sizeof(text)) != NULL)
			r = ctl_list_add_text(list, text);
	for (size_t i = 0; r == 0 && i < d->engine.count; i++)
		if (daemon_hold_problem(&d->engine.entries[i], text,
					sizeof(text)))
			r = ctl_list_add_text(list, text);
	if (r == 0 && d->folder_error < 0) {
		snprintf(text, sizeof(text), "%s: %s", d->profiles.folder,
			 folder_error_text(d->folder_error));
		r = ctl_list_add_text(list, text);
	}
	return r;
}

int daemon_put_warnings(const struct daemon *d, struct ctl_list *list)
{
	char line[CONFIG_LINE_MAX], file[PROFILE_NAME_MAX + 8];
	int r = 0;

	if (session_io_profile(d->io) == NULL)
		return 0;
	snprintf(file, sizeof(file), "%s.json", session_io_name(d->io));
	for (size_t i = 0; r == 0 && i < d->used.count; i++)
		if (d->used.items[i].warning)
			r = ctl_list_add_text(
				list, config_error_text(&d->used.items[i], file,
							line, sizeof(line)));
	return r;
}
