/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) Every folder on the way is watched, from the root down: "/", "/etc",
 * "/etc/adit", "/etc/adit/profiles". Of those above only the next name on the
 * way matters. After each burst all of them are watched anew, and only then is
 * the caller told to look: whatever is made, moved or replaced afterwards has
 * a watch that sees it.
 */
#include "tunnel/daemon/folder_watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

/* A folder on the way. */
struct step {
	uv_fs_event_t event;
	struct folder_watch *watch;
	char *path;
	const char *next; /* in `path` of the next step; NULL: everything */
};

struct folder_watch {
	/* set at creation */
	void (*changed)(void *arg);
	void *arg;
	unsigned int quiet_ms, burst_ms, poll_ms;
	struct step *steps; /* the folder itself is the last */
	size_t step_count;

	uv_timer_t quiet, poll;
	unsigned int handles; /* still to close */
	uint64_t began_ms;    /* the burst, while `quiet` is active */
	uint64_t seen;	      /* the folder's digest, while `poll` is */
};

static const char *folder_path(const struct folder_watch *w)
{
	return w->steps[w->step_count - 1].path;
}

static void on_event(uv_fs_event_t *event, const char *name, int events,
		     int status)
{
	const struct step *s = event->data;

	(void)events;
	/* Without a name it may be the one. What happens to the folder itself
	 * bears the folder's own name. */
	if (status < 0 || s->next == NULL || name == NULL ||
	    strcmp(name, s->next) == 0 ||
	    strcmp(name, strrchr(s->path, '/') + 1) == 0)
		folder_watch_notice(s->watch);
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ b[i]) * 0x100000001b3; /* FNV-1a */
	return hash;
}

static uint64_t entry_digest(int folder, const char *name)
{
	uint64_t hash = mix(0xcbf29ce484222325, name, strlen(name));
	struct stat st;

	if (fstatat(folder, name, &st, 0) < 0)
		return hash;
	hash = mix(hash, &st.st_ino, sizeof(st.st_ino));
	hash = mix(hash, &st.st_size, sizeof(st.st_size));
	hash = mix(hash, &st.st_mtim, sizeof(st.st_mtim));
	return mix(hash, &st.st_ctim, sizeof(st.st_ctim));
}

/* Another one when anything in the folder is; 0 for a folder that is not
 * there. */
static uint64_t folder_digest(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *d;
	uint64_t sum = 1; /* over the entries, which have no order */

	if (folder == NULL)
		return 0;
	while ((d = readdir(folder)) != NULL)
		if (strcmp(d->d_name, "..") != 0)
			sum += entry_digest(dirfd(folder), d->d_name);
	closedir(folder);
	return sum;
}

static void on_poll(uv_timer_t *timer)
{
	struct folder_watch *w = timer->data;
	uint64_t now = folder_digest(folder_path(w));

	if (now != w->seen)
		folder_watch_notice(w);
	w->seen = now;
}

/* Is the kernel able to tell? */
static bool watch_steps(struct folder_watch *w)
{
	int r = 0;

	for (size_t i = 0; i < w->step_count; i++)
		(void)uv_fs_event_stop(&w->steps[i].event); /* never fails */
	/* From above: who replaces a folder after it was watched is seen by
	 * the one above it. */
	for (size_t i = 0; r == 0 && i < w->step_count; i++)
		r = uv_fs_event_start(&w->steps[i].event, on_event,
				      w->steps[i].path, 0);
	return (r == 0 || r == -ENOENT || r == -ENOTDIR) &&
	       !folder_watch_is_remote(folder_path(w));
}

static void begin(struct folder_watch *w)
{
	if (watch_steps(w)) {
		(void)uv_timer_stop(&w->poll); /* never fails */
		return;
	}
	if (!uv_is_active((const uv_handle_t *)&w->poll))
		w->seen = folder_digest(folder_path(w));
	/* Fails only for a timer that is being closed. */
	(void)uv_timer_start(&w->poll, on_poll, w->poll_ms, w->poll_ms);
}

static void on_quiet(uv_timer_t *timer)
{
	struct folder_watch *w = timer->data;

	begin(w);
	w->changed(w->arg);
}

void folder_watch_notice(struct folder_watch *w)
{
	uint64_t now = uv_now(w->quiet.loop), left, wait = w->quiet_ms;

	if (!uv_is_active((const uv_handle_t *)&w->quiet))
		w->began_ms = now;
	left = w->began_ms + w->burst_ms - now;
	if (now >= w->began_ms + w->burst_ms)
		left = 0;
	if (wait > left)
		wait = left;
	/* Fails only for a timer that is being closed. */
	(void)uv_timer_start(&w->quiet, on_quiet, wait, 0);
}

bool folder_watch_polls(const struct folder_watch *w)
{
	return uv_is_active((const uv_handle_t *)&w->poll);
}

/* Absolute, without a slash at the end or two in a row; to be freed. */
static char *clean_path(const char *path)
{
	char cwd[PATH_MAX] = "", *clean, *to;

	if (path[0] != '/' && getcwd(cwd, sizeof(cwd)) == NULL)
		return NULL;
	if (asprintf(&clean, "%s/%s", cwd, path) < 0)
		return NULL;
	to = clean;
	for (const char *from = clean; *from; from++)
		if (*from != '/' || (from[1] != '/' && from[1] != '\0'))
			*to++ = *from;
	*to = '\0';
	return clean;
}

static void destroy(struct folder_watch *w)
{
	for (size_t i = 0; i < w->step_count; i++)
		free(w->steps[i].path);
	free(w->steps);
	free(w);
}

/* "/a/b": "/", "/a" and "/a/b". */
static int make_steps(struct folder_watch *w, const char *path)
{
	size_t count = 1;

	for (const char *at = path; *at; at++)
		count += *at == '/';
	w->steps = calloc(count, sizeof(*w->steps));
	if (w->steps == NULL)
		return -ENOMEM;
	for (const char *end = path; end != NULL; end = strchr(end + 1, '/')) {
		struct step *s = &w->steps[w->step_count];

		s->path = end == path ? strdup("/")
				      : strndup(path, (size_t)(end - path));
		if (s->path == NULL)
			return -ENOMEM;
		w->step_count++;
	}
	w->steps[w->step_count].path = strdup(path);
	if (w->steps[w->step_count].path == NULL)
		return -ENOMEM;
	w->step_count++;
	for (size_t i = 0; i + 1 < w->step_count; i++)
		w->steps[i].next = strrchr(w->steps[i + 1].path, '/') + 1;
	return 0;
}

int folder_watch_create(uv_loop_t *loop,
			const struct folder_watch_options *options,
			struct folder_watch **ret_watch)
{
	const struct folder_watch_options *o = options;
	struct folder_watch *w = calloc(1, sizeof(*w));
	char *path = clean_path(o->path);
	int r = w != NULL && path != NULL ? make_steps(w, path) : -ENOMEM;

	free(path);
	if (r < 0) {
		if (w != NULL)
			destroy(w);
		return r;
	}
	w->changed = o->changed;
	w->arg = o->arg;
	w->quiet_ms = o->quiet_ms ? o->quiet_ms : FOLDER_WATCH_QUIET_MS;
	w->burst_ms = o->burst_ms ? o->burst_ms : FOLDER_WATCH_BURST_MS;
	w->poll_ms = o->poll_ms ? o->poll_ms : FOLDER_WATCH_POLL_MS;
	/* None of these fails: they only set fields. */
	(void)uv_timer_init(loop, &w->quiet);
	(void)uv_timer_init(loop, &w->poll);
	w->quiet.data = w->poll.data = w;
	for (size_t i = 0; i < w->step_count; i++) {
		(void)uv_fs_event_init(loop, &w->steps[i].event);
		w->steps[i].event.data = &w->steps[i];
		w->steps[i].watch = w;
	}
	w->handles = 2 + (unsigned int)w->step_count;
	begin(w);
	*ret_watch = w;
	return 0;
}

static void on_closed(struct folder_watch *w)
{
	if (--w->handles == 0)
		destroy(w);
}

static void on_timer_closed(uv_handle_t *handle)
{
	on_closed(handle->data);
}

static void on_step_closed(uv_handle_t *handle)
{
	const struct step *s = handle->data;

	on_closed(s->watch);
}

void folder_watch_close(struct folder_watch *w)
{
	uv_close((uv_handle_t *)&w->quiet, on_timer_closed);
	uv_close((uv_handle_t *)&w->poll, on_timer_closed);
	for (size_t i = 0; i < w->step_count; i++)
		uv_close((uv_handle_t *)&w->steps[i].event, on_step_closed);
}
