/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What happens is told to the engine, and what it wants is done. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/base/clock.h"
#include "tunnel/base/folder.h"
#include "tunnel/base/log.h"
#include "tunnel/daemon/daemon_private.h"
#include "tunnel/host/journal.h"

#define SAVE_AGAIN_NS (30ULL * NS_PER_S)

enum {
	HOLD_PROBLEM_MAX = PROFILE_NAME_MAX + 192,
};

/* --- Holds outlive us. --- */

bool daemon_hold_problem(const struct engine_entry *e, char *buf, size_t size)
{
	const char *why = e->hold_error == -EBADMSG
				  ? "the file is damaged"
				  : folder_error_text(e->hold_error);

	if (e->hold_error == 0)
		return false;
	if (e->hold_unread)
		snprintf(buf, size,
			 "%s: its hold cannot be read, and counts as none: %s",
			 e->name, why);
	else
		snprintf(buf, size,
			 "%s: its hold cannot be written, and ends with aditd: "
			 "%s",
			 e->name, why);
	return true;
}

static void save_hold(struct daemon *d, struct engine_entry *e)
{
	int before = e->hold_error;
	char text[HOLD_PROBLEM_MAX];

	if (before == 0 && e->hold_end != HOLD_END_NONE &&
	    e->hold_end != HOLD_END_COMMAND)
		log_notice("%s: the user's word holds no more: %s", e->name,
			   hold_end_text(e->hold_end));
	e->hold_error =
		hold_save(d->options->state_dir, e->name, &e->hold, d->boot);
	e->hold_unread = false;
	e->saved = e->hold_error == 0;
	if (e->hold_error != before &&
	    daemon_hold_problem(e, text, sizeof(text)))
		log_warning("%s", text);
}

/* One that cannot be written is tried again with everything that happens, and
 * in time. */
static void save_holds(struct daemon *d)
{
	for (size_t i = 0; i < d->engine.count; i++)
		if (!d->engine.entries[i].saved)
			save_hold(d, &d->engine.entries[i]);
}

static bool all_saved(const struct daemon *d)
{
	bool saved = true;

	for (size_t i = 0; i < d->engine.count; i++)
		saved &= d->engine.entries[i].saved;
	return saved;
}

static void restore_hold(struct daemon *d, size_t at)
{
	struct engine_entry *e = &d->engine.entries[at];
	char text[HOLD_PROBLEM_MAX];
	struct hold hold;
	int r;

	if (e->restored)
		return;
	e->restored = true;
	r = hold_load(d->options->state_dir, e->name, d->boot, &hold);
	if (r == 0) {
		engine_restore_hold(&d->engine, at, &hold);
	} else if (r != -ENOENT) {
		e->hold_error = r;
		e->hold_unread = true;
		(void)daemon_hold_problem(e, text, sizeof(text));
		log_warning("%s", text);
	}
}

/* --- What is wanted is done. --- */

static struct profile *load(struct daemon *d, const struct engine_entry *e)
{
	bool ambiguous;
	const struct profile_entry *file =
		profiles_find(&d->profiles, e->name, &ambiguous);
	struct config_report report;
	struct profile *profile = NULL;

	if (file == NULL ||
	    profile_load(file->path, PROFILE_FOR_USE, &profile, &report) < 0)
		return NULL;
	d->used = report;
	return profile;
}

/* What a file that turned bad has left in force goes on, and starts again. */
static bool has_already(const struct daemon *d, const struct engine_entry *e)
{
	return daemon_is_current(d, e->name) &&
	       session_io_profile(d->io) != NULL;
}

static bool is_news(const struct daemon *d, const struct engine_decision *to)
{
	return to->want != d->wanted ||
	       (to->want != ENGINE_DOWN &&
		strcmp(d->engine.entries[to->entry].name, d->wanted_name) != 0);
}

/* Takes the profile; NULL: the one of its file. False: it cannot be used, and
 * somebody else's turn may have come. */
static bool carry_out(struct daemon *d, const struct engine_decision *to,
		      struct profile *profile, bool automatic)
{
	struct engine_entry *e;

	d->wanted = to->want;
	if (to->want == ENGINE_DOWN) {
		session_io_down(d->io, to->reason);
		return true;
	}
	e = &d->engine.entries[to->entry];
	if (profile == NULL)
		profile = load(d, e);
	if (profile == NULL && !has_already(d, e)) {
		engine_unfit(&d->engine, to->entry);
		return false;
	}
	snprintf(d->wanted_name, sizeof(d->wanted_name), "%s", e->name);
	if (to->want == ENGINE_UP)
		session_io_up(d->io, e->name, profile, automatic);
	else
		session_io_arm(d->io, e->name, profile, to->reason);
	return true;
}

static void on_holding(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	engine_timeout(&d->engine, clock_now_ns());
	daemon_engine_act(d);
}

static void arm_timer(struct daemon *d)
{
	uint64_t at = engine_deadline(&d->engine), now = clock_now_ns();

	if (!all_saved(d) && at > now + SAVE_AGAIN_NS)
		at = now + SAVE_AGAIN_NS;
	(void)uv_timer_stop(&d->holding); /* cannot fail */
	if (at == CLOCK_NEVER)
		return;
	uv_update_time(&d->loop);
	(void)uv_timer_start(&d->holding, on_holding,
			     at > now ? (at - now) / NS_PER_MS + 1 : 0, 0);
}

void daemon_engine_act(struct daemon *d)
{
	struct engine_decision to;

	/* First the word, then the deed: a crash between them keeps it. */
	save_holds(d);
	to = engine_look(&d->engine);
	while (is_news(d, &to) && !carry_out(d, &to, NULL, true))
		to = engine_look(&d->engine);
	arm_timer(d);
	daemon_names_changed(d); /* another rule may have matched */
	daemon_probes_follow(d);
}

int daemon_engine_connect(struct daemon *d, size_t at, struct profile *profile)
{
	struct network_identity place;
	const struct engine_order order = {
		.now_ns = clock_now_ns(),
		.wall_ms = clock_wall_ms(),
		.place = daemon_network_place(d, &place),
	};
	struct engine_decision to;
	int r = engine_connect(&d->engine, at, &order);

	if (r < 0) {
		profile_destroy(profile);
		return r;
	}
	d->engine.entries[at].unfit = false; /* it was loaded just now */
	save_holds(d);
	to = engine_look(&d->engine);
	if (to.want == ENGINE_UP && to.entry == at)
		(void)carry_out(d, &to, profile, false);
	else
		profile_destroy(profile);
	daemon_engine_act(d);
	return 0;
}

/* --- What happens. --- */

/* A profile whose file is gone, but perhaps only until somebody has written it
 * anew: it is kept until the folder is quiet. */
struct daemon_ghost {
	struct daemon_ghost *next;
	char name[PROFILE_NAME_MAX];
	struct profile *profile;
};

static bool is_in_folder(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->profiles.count; i++)
		if (d->profiles.entries[i]->change != PROFILES_REMOVED &&
		    d->profiles.entries[i]->profile != NULL &&
		    strcmp(d->profiles.entries[i]->name, name) == 0)
			return true;
	return false;
}

/* Out of memory it is gone at once. */
static void keep_ghosts(struct daemon *d)
{
	for (size_t i = 0; i < d->profiles.count; i++) {
		struct profile_entry *e = d->profiles.entries[i];
		struct daemon_ghost *ghost;

		if (e->change != PROFILES_REMOVED || e->profile == NULL)
			continue;
		ghost = calloc(1, sizeof(*ghost));
		if (ghost == NULL)
			continue;
		memcpy(ghost->name, e->name, sizeof(ghost->name));
		ghost->profile = e->profile;
		e->profile = NULL;
		ghost->next = d->ghosts;
		d->ghosts = ghost;
	}
}

static void drop_ghosts(struct daemon *d, bool all)
{
	struct daemon_ghost **at = &d->ghosts;

	while (*at != NULL) {
		struct daemon_ghost *ghost = *at;

		if (!all && !is_in_folder(d, ghost->name)) {
			at = &ghost->next;
			continue;
		}
		*at = ghost->next;
		profile_destroy(ghost->profile);
		free(ghost);
	}
}

static size_t list_profiles(const struct daemon *d, bool quiet,
			    struct engine_profile *list)
{
	size_t count = 0;

	for (size_t i = 0; i < d->profiles.count; i++) {
		const struct profile_entry *e = d->profiles.entries[i];

		if (e->profile != NULL && e->change != PROFILES_REMOVED)
			list[count++] = (struct engine_profile) {
				.name = e->name,
				.profile = e->profile,
				.unfit = e->unfit &&
					 !daemon_is_current(d, e->name),
			};
	}
	for (const struct daemon_ghost *g = d->ghosts; g && !quiet; g = g->next)
		if (!is_in_folder(d, g->name))
			list[count++] = (struct engine_profile) {
				.name = g->name,
				.profile = g->profile,
			};
	return count;
}

void daemon_engine_profiles(struct daemon *d, bool quiet)
{
	struct engine_profile *list;
	size_t max = d->profiles.count, count = 0;

	keep_ghosts(d);
	for (const struct daemon_ghost *g = d->ghosts; g; g = g->next)
		max++;
	list = calloc(max + 1, sizeof(*list));
	if (list != NULL)
		count = list_profiles(d, quiet, list);
	/* Also without memory: the profiles before are gone. */
	if (engine_set_profiles(&d->engine, list, count) < 0 || list == NULL)
		log_warning("the rules on demand rest: out of memory");
	free(list);
	drop_ghosts(d, quiet);
	for (size_t i = 0; i < d->engine.count; i++)
		restore_hold(d, i);
	daemon_network_rules_changed(d);
}

static bool is_known(void *arg, const char *name)
{
	const struct daemon *d = arg;

	for (size_t i = 0; i < d->profiles.count; i++)
		if (d->profiles.entries[i]->change != PROFILES_REMOVED &&
		    strcmp(d->profiles.entries[i]->name, name) == 0)
			return true;
	return false;
}

void daemon_engine_prune(struct daemon *d)
{
	int r = d->folder_error == 0
			? hold_prune(d->options->state_dir, is_known, d)
			: 0;

	if (r < 0)
		log_warning("%s: a hold of a profile that is gone cannot be "
			    "removed: %s",
			    d->options->state_dir, strerror(-r));
}

void daemon_engine_end_tunnel(struct daemon *d, enum reason reason)
{
	session_io_down(d->io, reason);
	d->wanted = ENGINE_DOWN;
}

void daemon_engine_network(struct daemon *d, const struct network *n)
{
	if (engine_network(&d->engine, n))
		session_io_went_elsewhere(d->io);
	daemon_engine_act(d);
}

bool daemon_engine_trigger(struct daemon *d)
{
	if (!engine_trigger(&d->engine))
		return false;
	daemon_engine_act(d);
	return true;
}

void daemon_engine_start(struct daemon *d)
{
	engine_init(&d->engine);
	journal_boot_id(d->boot);
	/* A timer only gets its fields set. */
	(void)uv_timer_init(&d->loop, &d->holding);
	d->holding.data = d;
}

void daemon_engine_fini(struct daemon *d)
{
	engine_fini(&d->engine);
	drop_ghosts(d, true);
}

void daemon_engine_end(struct daemon *d)
{
	uv_close((uv_handle_t *)&d->holding, NULL);
}
