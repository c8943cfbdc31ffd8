/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway/gateway_clients.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tunnel/base/clock.h"
#include "tunnel/gateway/gateway_store.h"
#include "tunnel/gateway/gateway_store_json.h"

#define JSON_SUFFIX ".json"

enum {
	/* A directory's time moves in steps of some milliseconds: what was
	 * read this soon after a change may be from before the next one. */
	SETTLED_S = 2,
};

void gateway_clients_fini(struct gateway_clients *c)
{
	free(c->by_fingerprint);
	free(c->client);
	*c = (struct gateway_clients) { 0 };
}

static int compare_fingerprint(const void *a, const void *b)
{
	struct gateway_client *const *x = a, *const *y = b;

	return memcmp((*x)->fingerprint, (*y)->fingerprint,
		      PKI_FINGERPRINT_LEN);
}

const struct gateway_client *gateway_clients_by_fingerprint(
	const struct gateway_clients *c,
	const uint8_t fingerprint[static PKI_FINGERPRINT_LEN])
{
	struct gateway_client key, *wanted = &key, **found;

	if (c->count == 0)
		return NULL;
	memcpy(key.fingerprint, fingerprint, sizeof(key.fingerprint));
	found = bsearch(&wanted, c->by_fingerprint, c->count, sizeof(wanted),
			compare_fingerprint);
	return found ? *found : NULL;
}

static int compare_name(const void *a, const void *b)
{
	const struct gateway_client *x = a, *y = b;

	return strcmp(x->name, y->name);
}

struct gateway_client *gateway_clients_by_name(const struct gateway_clients *c,
					       const char *name)
{
	struct gateway_client key = { 0 };

	if (c->count == 0 || strlen(name) > GATEWAY_CLIENT_NAME_MAX)
		return NULL;
	strcpy(key.name, name);
	return bsearch(&key, c->client, c->count, sizeof(key), compare_name);
}

size_t gateway_clients_living(const struct gateway_clients *c, int64_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++)
		n += !c->client[i].revoked && c->client[i].expires > now;
	return n;
}

bool gateway_client_name_valid(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	size_t len = strlen(name);

	/* A dot in front is a hidden file, or the directory itself. */
	return len > 0 && len <= GATEWAY_CLIENT_NAME_MAX && name[0] != '.' &&
	       strspn(name, allowed) == len;
}

/* "laptop" of "laptop.json", or false. */
static bool client_of_file(const char *file,
			   char ret_name[static GATEWAY_CLIENT_NAME_MAX + 1])
{
	size_t len = strlen(file), suffix = strlen(JSON_SUFFIX);

	if (len <= suffix || len - suffix > GATEWAY_CLIENT_NAME_MAX ||
	    strcmp(file + len - suffix, JSON_SUFFIX) != 0)
		return false;
	memcpy(ret_name, file, len - suffix);
	ret_name[len - suffix] = '\0';
	return gateway_client_name_valid(ret_name);
}

static int load_client(const char *dir, const char *name, const struct stat *st,
		       struct gateway_client *ret_client,
		       struct gateway_error *error)
{
	char file[NAME_MAX + 1], path[GATEWAY_PATH_MAX], *text;
	struct gateway_client c;
	size_t len;
	int rc;

	snprintf(file, sizeof(file), "clients/%s" JSON_SUFFIX, name);
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	rc = gateway_store_read(dir, file, &text, &len, error);
	if (rc)
		return rc;
	rc = gateway_client_parse(text, len, path, &c, error);
	free(text);
	if (rc == 0 && strcmp(c.name, name) != 0) {
		gateway_error_set(error,
				  "%s: is the file of \"%s\"; rename it back",
				  path, c.name);
		rc = -EINVAL;
	}
	if (rc)
		return rc;
	/* Files are replaced, never changed: a new one is another inode. */
	c.file_inode = st->st_ino;
	c.file_time = st->st_mtim;
	*ret_client = c;
	return 0;
}

static bool is_same_file(const struct gateway_client *c, const struct stat *st)
{
	return c->file_inode == st->st_ino &&
	       c->file_time.tv_sec == st->st_mtim.tv_sec &&
	       c->file_time.tv_nsec == st->st_mtim.tv_nsec;
}

static int append(struct gateway_clients *c, size_t *room,
		  const struct gateway_client *client)
{
	struct gateway_client *more;

	if (c->count == *room) {
		*room = *room ? *room * 2 : 16;
		more = realloc(c->client, *room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		c->client = more;
	}
	c->client[c->count++] = *client;
	return 0;
}

/* One entry of the directory into `next`; what is no client's file is passed
 * over. -ENOMEM, else 0. */
static int take_entry(const char *dir, DIR *d, const char *file,
		      const struct gateway_clients *before,
		      struct gateway_clients *next, size_t *room,
		      struct gateway_error *error)
{
	char name[GATEWAY_CLIENT_NAME_MAX + 1];
	const struct gateway_client *known;
	struct gateway_client client;
	struct stat st;
	int rc;

	if (!client_of_file(file, name))
		return 0;
	if (fstatat(dirfd(d), file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* removed meanwhile */
	known = gateway_clients_by_name(before, name);
	if (known && is_same_file(known, &st))
		return append(next, room, known);
	/* A client whose file is bad is not let in, and the error says so; one
	 * that only memory was short for stays in the list that is in force. */
	rc = load_client(dir, name, &st, &client, error);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	return append(next, room, &client);
}

/* 0 or -ENOMEM. */
static int sort(struct gateway_clients *c)
{
	if (c->count == 0)
		return 0;
	c->by_fingerprint = calloc(c->count, sizeof(*c->by_fingerprint));
	if (!c->by_fingerprint)
		return -ENOMEM;
	qsort(c->client, c->count, sizeof(*c->client), compare_name);
	for (size_t i = 0; i < c->count; i++)
		c->by_fingerprint[i] = &c->client[i];
	qsort(c->by_fingerprint, c->count, sizeof(*c->by_fingerprint),
	      compare_fingerprint);
	return 0;
}

static void directory(const char *dir, char ret_path[static GATEWAY_PATH_MAX])
{
	snprintf(ret_path, GATEWAY_PATH_MAX, "%s/clients", dir);
}

int gateway_clients_load(struct gateway_clients *c, const char *dir,
			 struct gateway_error *error)
{
	struct gateway_clients next = { 0 };
	struct dirent *entry;
	char path[GATEWAY_PATH_MAX];
	size_t room = 0;
	struct stat st;
	int rc = 0;
	DIR *d;

	error->text[0] = '\0';
	directory(dir, path);
	if (stat(path, &st) == 0)
		next.dir_time = st.st_mtim;
	next.read = clock_wall_s();
	d = opendir(path);
	if (!d) {
		rc = -errno;
		gateway_error_set(error, "%s: %s%s", path, strerror(-rc),
				  rc == -ENOENT ? "; adit-gateway init makes it"
						: "");
		return rc;
	}
	while (rc == 0 && (entry = readdir(d)) != NULL)
		rc = take_entry(dir, d, entry->d_name, c, &next, &room, error);
	closedir(d);
	if (rc == 0)
		rc = sort(&next);
	if (rc) {
		gateway_error_set(error, "%s: out of memory", path);
		gateway_clients_fini(&next);
		return rc;
	}
	gateway_clients_fini(c);
	*c = next;
	return 0;
}

bool gateway_clients_outdated(const struct gateway_clients *c, const char *dir)
{
	char path[GATEWAY_PATH_MAX];
	struct stat st;

	directory(dir, path);
	if (stat(path, &st) < 0)
		return false;
	return st.st_mtim.tv_sec != c->dir_time.tv_sec ||
	       st.st_mtim.tv_nsec != c->dir_time.tv_nsec ||
	       c->read - st.st_mtim.tv_sec < SETTLED_S;
}
