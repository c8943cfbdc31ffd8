/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/daemon/dns_lists.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include "config/profile.h"
#include "dns/blocklist.h"
#include "dns/hash.h"
#include "dns/settings.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/log.h"
#include "tunnel/daemon/folder_watch.h"

enum {
	TEXT_MAX = 320,
	/* Files beyond these are read again by `adit reload`. */
	FILES_MAX = 16,
};

struct dns_lists {
	struct dns_lists_options o;
	struct dns_blocklist *lists;
	char problem[TEXT_MAX];
	uint64_t of; /* the profile's fingerprint; 0: to be read */
	uint64_t stamp;
	struct profile files; /* what of the profile says which: a copy */
	struct folder_watch *watch[FILES_MAX];
	bool closing;

	/* Under way, with what the thread is to read, and found. */
	uv_work_t work;
	bool busy, again;
	struct profile reading;
	struct dns_blocklist *read;
	char read_problem[TEXT_MAX];
	uint64_t read_of, read_stamp;
};

/* Which files are there, as far as stat(2) can tell them apart. */
static uint64_t stamp_of(const struct profile *files)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < files->block_list_count; i++) {
		struct stat st = { 0 };
		int r = stat(files->block_lists[i].file, &st) < 0 ? errno : 0;
		const uint64_t parts[] = {
			seen,
			(uint64_t)r,
			st.st_dev,
			st.st_ino,
			(uint64_t)st.st_size,
			(uint64_t)st.st_mtim.tv_sec,
			(uint64_t)st.st_mtim.tv_nsec,
		};

		seen = hash_fnv1a(parts, sizeof(parts));
	}
	return seen;
}

static void free_files(struct profile *files)
{
	for (size_t i = 0; i < files->block_list_count; i++)
		free(files->block_lists[i].file);
	free(files->block_lists);
	memset(files, 0, sizeof(*files));
}

/* False: out of memory; they are then read, and not watched. */
static bool copy_files(const struct profile *from, struct profile *to)
{
	to->block_lists_fail = from->block_lists_fail;
	to->block_lists =
		calloc(from->block_list_count + 1, sizeof(*to->block_lists));
	if (to->block_lists == NULL)
		return false;
	for (size_t i = 0; i < from->block_list_count; i++) {
		to->block_lists[i] = from->block_lists[i];
		to->block_lists[i].file = strdup(from->block_lists[i].file);
		if (to->block_lists[i].file == NULL) {
			free_files(to);
			return false;
		}
		to->block_list_count++;
	}
	return true;
}

/* The text is "" when all is well. */
static struct dns_blocklist *read_files(const struct profile *p, char *problem)
{
	struct dns_blocklist *lists = NULL;
	const char *file = NULL;
	int r = dns_settings_read_lists(p, &lists, &file);

	problem[0] = '\0';
	if (r < 0)
		snprintf(problem, TEXT_MAX,
			 "the block list %s cannot be read: %s%s",
			 file ? file : "", strerror(-r),
			 p->block_lists_fail == PROFILE_LISTS_FAIL_CLOSED
				 ? "; names outside the match domains are "
				   "blocked"
				 : "");
	return lists;
}

/* Files that are another. */

static void begin(struct dns_lists *l);

static void free_all(struct dns_lists *l)
{
	free_files(&l->files);
	dns_blocklist_destroy(l->lists);
	free(l);
}

static void on_work(uv_work_t *work)
{
	struct dns_lists *l = work->data;

	/* Before the reading: what changes meanwhile is read again. */
	l->read_stamp = stamp_of(&l->reading);
	l->read = read_files(&l->reading, l->read_problem);
}

static void on_worked(uv_work_t *work, int status)
{
	struct dns_lists *l = work->data;
	struct dns_blocklist *old = l->lists;

	(void)status; /* nobody cancels it */
	l->busy = false;
	free_files(&l->reading);
	if (l->closing || l->read_of != l->of) {
		dns_blocklist_destroy(l->read);
		if (l->closing)
			free_all(l);
		else if (l->again)
			begin(l);
		return;
	}
	l->lists = l->read;
	l->stamp = l->read_stamp;
	memcpy(l->problem, l->read_problem, sizeof(l->problem));
	if (l->problem[0] != '\0')
		log_warning("%s", l->problem);
	else
		log_notice("the block lists were read again");
	l->o.changed(l->o.arg);
	dns_blocklist_destroy(old);
	if (l->again)
		begin(l);
}

static void begin(struct dns_lists *l)
{
	l->again = l->busy;
	if (l->busy || stamp_of(&l->files) == l->stamp ||
	    !copy_files(&l->files, &l->reading))
		return;
	l->busy = true;
	l->read_of = l->of;
	l->work.data = l;
	/* Only a missing callback is an error. */
	(void)uv_queue_work(l->o.loop, &l->work, on_work, on_worked);
}

static void on_folder(void *arg)
{
	struct dns_lists *l = arg;

	if (!l->closing && l->of != 0)
		begin(l);
}

static void watch(struct dns_lists *l, const char *file,
		  struct folder_watch **ret_watch)
{
	struct folder_watch_options o = { .changed = on_folder, .arg = l };
	char *folder = strdup(file),
	     *slash = folder ? strrchr(folder, '/') : NULL;

	if (slash == NULL) { /* a profile names them from the root */
		free(folder);
		return;
	}
	slash[slash == folder] = '\0';
	o.path = folder;
	if (folder_watch_create(l->o.loop, &o, ret_watch) < 0)
		log_warning("%s is read again by \"adit reload\" only", file);
	free(folder);
}

static void unwatch(struct dns_lists *l)
{
	for (size_t i = 0; i < FILES_MAX; i++) {
		if (l->watch[i] != NULL)
			folder_watch_close(l->watch[i]);
		l->watch[i] = NULL;
	}
}

/* A profile, and its first reading. */

static void follow(struct dns_lists *l, const struct profile *p)
{
	unwatch(l);
	free_files(&l->files);
	if (!copy_files(p, &l->files))
		return;
	for (size_t i = 0; i < p->block_list_count && i < FILES_MAX; i++)
		watch(l, p->block_lists[i].file, &l->watch[i]);
}

void dns_lists_read(struct dns_lists *l, const struct profile *p)
{
	if (l->of == p->fingerprint)
		return;
	l->of = p->fingerprint;
	/* Watched before it is read, so that nothing is missed. */
	follow(l, p);
	l->stamp = stamp_of(p);
	dns_blocklist_destroy(l->lists);
	l->lists = read_files(p, l->problem);
	if (l->problem[0] != '\0')
		log_warning("%s", l->problem);
}

void dns_lists_forget(struct dns_lists *l)
{
	l->of = 0;
}

const struct dns_blocklist *dns_lists_get(const struct dns_lists *l)
{
	return l->lists;
}

const char *dns_lists_problem(const struct dns_lists *l)
{
	return l->problem;
}

struct dns_lists *dns_lists_create(const struct dns_lists_options *o)
{
	struct dns_lists *l = calloc(1, sizeof(*l));

	if (l != NULL)
		l->o = *o;
	return l;
}

void dns_lists_close(struct dns_lists *l)
{
	if (l == NULL)
		return;
	unwatch(l);
	l->closing = true;
	if (!l->busy)
		free_all(l);
}
