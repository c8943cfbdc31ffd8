/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/profiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/file.h"
#include "crypto/secret.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/folder.h"

static const char suffix[] = ".json";

bool profile_name_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= PROFILE_NAME_MAX || name[0] == '.')
		return false;
	for (; *name; name++)
		if (!((*name >= '0' && *name <= '9') ||
		      ((*name | 32) >= 'a' && (*name | 32) <= 'z') ||
		      strchr("._-", *name)))
			return false;
	return true;
}

/* A profile's file ends with ".json". Editors' and our own temporary files
 * begin with a dot or end otherwise. */
static bool is_profile_file(const char *file)
{
	size_t len = strlen(file), end = sizeof(suffix) - 1;

	return file[0] != '.' && len > end &&
	       strcmp(file + len - end, suffix) == 0;
}

static char *path_in(const char *folder, const char *file, const char *end)
{
	char *path;

	if (asprintf(&path, "%s/%s%s", folder, file, end) < 0)
		return NULL;
	return path;
}

static void entry_destroy(struct profile_entry *e)
{
	if (!e)
		return;
	profile_destroy(e->profile);
	free(e->path);
	free(e);
}

static struct profile_entry *entry_create(char *path)
{
	struct profile_entry *e = calloc(1, sizeof(*e));
	const char *file = strrchr(path, '/') + 1;

	if (!e)
		return NULL;
	e->path = path;
	snprintf(e->name, sizeof(e->name), "%.*s",
		 (int)(strlen(file) - (sizeof(suffix) - 1)), file);
	return e;
}

int profiles_init(struct profiles *s, const char *folder,
		  enum profile_flags flags)
{
	*s = (struct profiles) { .flags = flags, .folder = strdup(folder) };
	return s->folder ? 0 : -ENOMEM;
}

void profiles_fini(struct profiles *s)
{
	for (size_t i = 0; i < s->count; i++)
		entry_destroy(s->entries[i]);
	free(s->entries);
	free(s->folder);
	*s = (struct profiles) { 0 };
}

static bool same_error(const struct config_report *a,
		       const struct config_report *b)
{
	const struct config_error *x = config_report_first(a);
	const struct config_error *y = config_report_first(b);

	return x && y && a->errors == b->errors && x->line == y->line &&
	       x->column == y->column && strcmp(x->text, y->text) == 0;
}

static const struct config_error *problem(const struct profile_entry *e)
{
	return e->broken  ? config_report_first(&e->report)
	       : e->unfit ? &e->obstacle
			  : NULL;
}

const struct config_error *profiles_problem(const struct profile_entry *e)
{
	return e->change == PROFILES_REMOVED ? NULL : problem(e);
}

/* What would a connect say? */
static void entry_try(struct profile_entry *e)
{
	struct config_report found;
	const struct config_error *why;
	struct profile *p;
	int r = profile_load(e->path, PROFILE_FOR_USE, &p, &found);

	e->unfit = r < 0;
	if (r == 0) {
		profile_destroy(p);
		return;
	}
	if (found.errors == 0)
		config_report_add(&found, false, "%s", strerror(-r));
	why = config_report_first(&found);
	e->obstacle = *why;
}

/* Parsed anew each time: a certificate that the profile names may have been
 * renewed while the profile itself is as before. */
static void entry_parse(struct profile_entry *e, enum profile_flags flags)
{
	struct config_report before = e->report;
	struct profile *p = NULL;
	int r;

	if (profile_name_valid(e->name)) {
		r = profile_load(e->path, flags, &p, &e->report);
	} else {
		r = -EINVAL;
		e->report = (struct config_report) { 0 };
		config_report_add(&e->report, false, PROFILE_NAME_RULE);
	}
	if (r < 0 && e->report.errors == 0)
		config_report_add(&e->report, false, "%s", strerror(-r));
	if (r < 0) {
		e->change = e->broken && same_error(&before, &e->report)
				    ? PROFILES_SAME
				    : PROFILES_BROKEN;
		e->broken = true;
		return;
	}
	e->broken = false;
	e->change = !e->profile ? PROFILES_ADDED
		    : e->profile->fingerprint != p->fingerprint
			    ? PROFILES_CHANGED
			    : PROFILES_SAME;
	/* Whoever borrowed the one before may go on with it. */
	if (e->change == PROFILES_SAME) {
		profile_destroy(p);
		return;
	}
	profile_destroy(e->profile);
	e->profile = p;
}

static void entry_read(struct profile_entry *e, enum profile_flags flags)
{
	const struct config_error *was = problem(e), *is;
	struct config_error before = { 0 };

	if (was)
		before = *was;
	entry_parse(e, flags);
	if (!e->broken)
		entry_try(e);
	is = problem(e);
	if (is &&
	    (!was || is->line != before.line || is->column != before.column ||
	     strcmp(is->text, before.text) != 0))
		e->told = false;
}

static int filter_profiles(const struct dirent *d)
{
	return is_profile_file(d->d_name);
}

static int compare_paths(const void *a, const void *b)
{
	const struct profile_entry *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

static struct profile_entry *entry_by_path(const struct profiles *s,
					   const char *path)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->entries[i]->path, path) == 0)
			return s->entries[i];
	return NULL;
}

void profiles_prune(struct profiles *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		if (s->entries[i]->change == PROFILES_REMOVED)
			entry_destroy(s->entries[i]);
		else
			s->entries[kept++] = s->entries[i];
	}
	s->count = kept;
}

/* For `more` entries. */
static int make_room(struct profiles *s, size_t more)
{
	struct profile_entry **grown =
		realloc(s->entries, (s->count + more + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->entries = grown;
	return 0;
}

/* Consumes the path. */
static int read_path(struct profiles *s, char *path)
{
	struct profile_entry *e = path ? entry_by_path(s, path) : NULL;

	if (e) {
		free(path);
	} else {
		e = path ? entry_create(path) : NULL;
		if (!e) {
			free(path);
			return -ENOMEM;
		}
		s->entries[s->count++] = e;
	}
	entry_read(e, s->flags);
	return 0;
}

static int judge_folder(const char *folder)
{
	int fd = folder_open(folder);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int profiles_reload(struct profiles *s)
{
	struct dirent **files = NULL;
	int r = judge_folder(s->folder), n;

	if (r < 0 && r != -ENOENT)
		return r;
	n = scandir(s->folder, &files, filter_profiles, NULL);
	if (n < 0 && errno != ENOENT)
		return -errno;
	n = n < 0 ? 0 : n;
	profiles_prune(s);
	r = make_room(s, (size_t)n);
	if (r == 0)
		for (size_t i = 0; i < s->count; i++)
			s->entries[i]->change = PROFILES_REMOVED;
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = read_path(s,
				      path_in(s->folder, files[i]->d_name, ""));
		free(files[i]);
	}
	/* Out of memory is no proof that a file is gone. */
	for (size_t i = 0; r < 0 && i < s->count; i++)
		if (s->entries[i]->change == PROFILES_REMOVED)
			s->entries[i]->change = PROFILES_SAME;
	free(files);
	if (s->count > 0)
		qsort(s->entries, s->count, sizeof(struct profile_entry *),
		      compare_paths);
	return r;
}

struct profile_entry *profiles_find(const struct profiles *s, const char *name,
				    bool *ret_ambiguous)
{
	struct profile_entry *found = NULL;

	*ret_ambiguous = false;
	for (size_t i = 0; i < s->count; i++) {
		struct profile_entry *e = s->entries[i];

		if (e->change == PROFILES_REMOVED)
			continue;
		if (strcmp(e->name, name) == 0) {
			*ret_ambiguous = false;
			return e;
		}
		if (!e->profile || strcmp(e->profile->visible_name, name) != 0)
			continue;
		*ret_ambiguous = found != NULL;
		found = e;
	}
	return *ret_ambiguous ? NULL : found;
}

static int write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* Whole or not at all: link() refuses what is there, rename() replaces it. */
static int install(const char *folder, const char *path, const uint8_t *text,
		   size_t len, bool replace)
{
	char *temp = path_in(folder, ".new-", "XXXXXX");
	int fd, r;

	if (!temp)
		return -ENOMEM;
	fd = mkostemp(temp, O_CLOEXEC); /* mode 0600 */
	if (fd < 0) {
		r = -errno;
		free(temp);
		return r;
	}
	r = write_all(fd, text, len);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && (replace ? rename(temp, path) : link(temp, path)) < 0)
		r = -errno;
	if (r < 0 || !replace)
		(void)unlink(temp); /* a dot file is no profile */
	free(temp);
	return r < 0 ? r : sync_folder(folder);
}

/* What is checked is what is written: the file is read once. */
static int read_checked(const char *file, uint8_t **ret_text, size_t *ret_len,
			struct config_report *report)
{
	char why[FILE_WHY_MAX];
	struct profile *p;
	int r = file_read(file, PROFILE_FILE_MAX, FILE_ANY, ret_text, ret_len,
			  why);

	if (r < 0) {
		config_report_add(report, false, "%s", why);
		return -EINVAL;
	}
	r = profile_parse((const char *)*ret_text, *ret_len, PROFILE_FOR_CHECK,
			  &p, report);
	if (r == 0) {
		profile_destroy(p);
		return 0;
	}
	secret_wipe(*ret_text, *ret_len);
	free(*ret_text);
	return r;
}

/* "/tmp/work.json" is named "work". */
static bool name_from_path(const char *file, char name[PROFILE_NAME_MAX])
{
	const char *slash = strrchr(file, '/');
	size_t len;

	file = slash ? slash + 1 : file;
	len = strlen(file);
	if (is_profile_file(file))
		len -= sizeof(suffix) - 1;
	if (len >= PROFILE_NAME_MAX)
		return false;
	memcpy(name, file, len);
	name[len] = '\0';
	return profile_name_valid(name);
}

int profiles_add(const char *folder, const char *file, const char *name,
		 bool replace, struct config_report *ret_report)
{
	char own[PROFILE_NAME_MAX], *path;
	uint8_t *text;
	size_t len;
	int r;

	*ret_report = (struct config_report) { 0 };
	if (!name && name_from_path(file, own))
		name = own;
	if (!name || !profile_name_valid(name)) {
		config_report_add(ret_report, false, PROFILE_NAME_RULE);
		return -EINVAL;
	}
	r = read_checked(file, &text, &len, ret_report);
	if (r < 0)
		return r;
	path = path_in(folder, name, suffix);
	if (!path)
		r = -ENOMEM;
	else if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		r = -errno;
	else
		r = judge_folder(folder);
	if (r == 0)
		r = install(folder, path, text, len, replace);
	secret_wipe(text, len);
	free(text);
	free(path);
	return r;
}

int profiles_remove(const char *folder, const char *name)
{
	char *path;
	int r = 0;

	if (!profile_name_valid(name))
		return -EINVAL;
	path = path_in(folder, name, suffix);
	if (!path)
		return -ENOMEM;
	if (unlink(path) < 0)
		r = -errno;
	free(path);
	return r < 0 ? r : sync_folder(folder);
}
