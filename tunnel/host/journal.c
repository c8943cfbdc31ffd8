/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tunnel/base/folder.h"

#define JOURNAL_NAME "undo.journal"
#define JOURNAL_NEXT "undo.journal.next"
#define JOURNAL_BAD "undo.journal.bad"
#define JOURNAL_MAGIC "adit-undo 1 "

enum {
	JOURNAL_SIZE_MAX = 64 << 20,
	/* Lines in the file that are not records any more, before it is
	 * written anew. */
	SLACK_LINES = 256,
};

struct journal {
	int dir;
	int lock;
	int fd; /* -1: there is no file yet */
	char boot[JOURNAL_BOOT_MAX];
	bool old;
	unsigned int bad_lines;
	struct entry *records;
	size_t count;
	size_t lines; /* in the file, header apart */
};

void journal_boot_id(char ret_id[static JOURNAL_BOOT_MAX])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret_id, JOURNAL_BOOT_MAX - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0) {
		strcpy(ret_id, "unknown");
		return;
	}
	ret_id[n] = '\0';
	ret_id[strcspn(ret_id, "\n")] = '\0';
}

static int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* --- the lock --- */

static pid_t read_pid(int fd)
{
	char text[16] = { 0 };
	char *end;
	long pid;

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	pid = strtol(text, &end, 10);
	return *end == '\n' && pid > 0 ? (pid_t)pid : 0;
}

static int take_lock(struct journal *j, pid_t *ret_other)
{
	char text[16];
	int n;

	j->lock = openat(j->dir, "lock",
			 O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->lock < 0)
		return -errno;
	if (flock(j->lock, LOCK_EX | LOCK_NB) < 0) {
		int error = errno;

		if (error == EWOULDBLOCK && ret_other)
			*ret_other = read_pid(j->lock);
		return error == EWOULDBLOCK ? -EBUSY : -error;
	}
	/* Only told to people: a full disk keeps nobody from undoing. */
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	(void)!pwrite(j->lock, text, (size_t)n, 0);
	(void)!ftruncate(j->lock, n);
	return 0;
}

/* --- reading --- */

/* What only we and root could have written; anything else could make us undo
 * what we never did. */
static int check_owner(int fd, size_t *ret_size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_mode & (S_IWGRP | S_IWOTH))
		return -EPERM;
	if (st.st_size > JOURNAL_SIZE_MAX)
		return -EFBIG;
	*ret_size = (size_t)st.st_size;
	return 0;
}

static int read_whole(int fd, char **ret_text, size_t *ret_len)
{
	size_t size = 0, len = 0;
	char *text;
	int r = check_owner(fd, &size);

	if (r)
		return r;
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	while (len < size) {
		ssize_t n = pread(fd, text + len, size - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}

/* Takes the record over. */
static int append(struct journal *j, struct entry *r)
{
	struct entry *records =
		reallocarray(j->records, j->count + 1, sizeof(*records));

	if (!records)
		return -ENOMEM;
	j->records = records;
	j->records[j->count++] = *r;
	return 0;
}

int journal_find(const struct journal *j, const struct entry *like)
{
	for (size_t i = 0; i < j->count; i++) {
		if (entry_same(&j->records[i], like))
			return (int)i;
	}
	return -1;
}

static bool is_content(const struct entry *r)
{
	return r->kind == ENTRY_FILE || r->kind == ENTRY_PROC;
}

static int read_line(struct journal *j, const char *line, size_t len)
{
	struct entry r;
	int i, error = entry_parse(line, len, &r);

	if (error == -ENOMEM)
		return error;
	j->lines++;
	if (error) {
		j->bad_lines++;
		return 0;
	}
	i = is_content(&r) ? -1 : journal_find(j, &r);
	if (i < 0) {
		error = append(j, &r);
		if (error)
			entry_fini(&r);
		return error;
	}
	entry_fini(&j->records[i]);
	j->records[i] = r;
	return 0;
}

/* 0; -EBADMSG: the first line is not a journal's. */
static int read_text(struct journal *j, const char *text, size_t len)
{
	const size_t magic = strlen(JOURNAL_MAGIC);
	const char *end = memchr(text, '\n', len);
	size_t boot;

	/* The header itself was being written: no step was made yet. */
	if (!end)
		return 0;
	boot = (size_t)(end - text);
	if (boot <= magic || memcmp(text, JOURNAL_MAGIC, magic) != 0)
		return -EBADMSG;
	boot -= magic;
	j->old = boot != strlen(j->boot) ||
		 memcmp(text + magic, j->boot, boot) != 0;
	while (end) {
		const char *line = end + 1;
		size_t left = len - (size_t)(line - text);
		int r;

		end = memchr(line, '\n', left);
		if (!end)
			break;
		r = read_line(j, line, (size_t)(end - line));
		if (r)
			return r;
	}
	return 0;
}

static int load(struct journal *j)
{
	int fd = openat(j->dir, JOURNAL_NAME,
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char *text = NULL;
	size_t len;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = read_whole(fd, &text, &len);
	if (r == 0)
		r = read_text(j, text, len);
	free(text);
	close(fd);
	if (r == -EBADMSG) {
		j->bad_lines++;
		r = renameat(j->dir, JOURNAL_NAME, j->dir, JOURNAL_BAD) < 0
			    ? -errno
			    : 0;
	}
	return r;
}

/* --- writing --- */

static int write_record(int fd, const struct entry *r)
{
	char *line = entry_format(r);
	int error = line ? write_all(fd, line, strlen(line)) : -ENOMEM;

	free(line);
	return error;
}

/* A file of this boot's with all records in it, under the name `name`. */
static int write_new(struct journal *j, const char *name, int *ret_fd)
{
	char header[sizeof(JOURNAL_MAGIC) + JOURNAL_BOOT_MAX + 1];
	int fd, r, n;

	(void)unlinkat(j->dir, name, 0); /* a leftover, if there is one */
	fd = openat(j->dir, name,
		    O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	n = snprintf(header, sizeof(header), JOURNAL_MAGIC "%s\n", j->boot);
	r = write_all(fd, header, (size_t)n);
	for (size_t i = 0; r == 0 && i < j->count; i++)
		r = write_record(fd, &j->records[i]);
	if (r) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static void close_file(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
}

/* Steps that end with the boot are read again in this boot or never, and a
 * page cache outlives every kill: only files are worth a wait for the disk. */
static bool must_sync(const struct journal *j)
{
	for (size_t i = 0; i < j->count; i++) {
		if (!entry_ends_with_boot(&j->records[i]))
			return true;
	}
	return false;
}

int journal_flush(struct journal *j)
{
	int fd = -1, r;

	if (j->count == 0) {
		close_file(j);
		j->lines = 0;
		j->old = false;
		r = unlinkat(j->dir, JOURNAL_NAME, 0);
		return r < 0 && errno != ENOENT ? -errno : 0;
	}
	r = write_new(j, JOURNAL_NEXT, &fd);
	if (r)
		return r;
	if ((must_sync(j) && fsync(fd) < 0) ||
	    renameat(j->dir, JOURNAL_NEXT, j->dir, JOURNAL_NAME) < 0 ||
	    (must_sync(j) && fsync(j->dir) < 0)) {
		r = -errno;
		close(fd);
		return r;
	}
	close_file(j);
	j->fd = fd;
	j->lines = j->count;
	j->old = false;
	return 0;
}

/* Until there is a file that this boot may append to, flush makes one. */
static int write_line(struct journal *j, const struct entry *r)
{
	int error;

	if (j->fd < 0 || j->lines > 2 * j->count + SLACK_LINES)
		return journal_flush(j);
	error = write_record(j->fd, r);
	if (error == 0 && !entry_ends_with_boot(r) && fsync(j->fd) < 0)
		error = -errno;
	/* Half a line would spoil the next one: begin a new file then. */
	if (error)
		close_file(j);
	else
		j->lines++;
	return error;
}

/* Our device's index became known. Its place stays: it is undone last. */
static int update(struct journal *j, struct entry *r, uint32_t ifindex)
{
	if (r->ifindex == ifindex)
		return 0;
	r->ifindex = ifindex;
	return write_line(j, r);
}

int journal_add(struct journal *j, const struct entry *r)
{
	struct entry copy;
	int error, i = is_content(r) ? -1 : journal_find(j, r);

	if (i >= 0)
		return update(j, &j->records[i], r->ifindex);
	error = entry_copy(r, &copy);
	if (error)
		return error;
	error = append(j, &copy);
	if (error) {
		entry_fini(&copy);
		return error;
	}
	error = write_line(j, &copy);
	if (error) {
		journal_forget(j, j->count - 1);
		return error;
	}
	return 1;
}

int journal_settle(struct journal *j)
{
	struct entry *last, *first;
	int i;

	if (j->count == 0)
		return 0;
	last = &j->records[j->count - 1];
	i = is_content(last) ? journal_find(j, last) : -1;
	if (i < 0 || &j->records[i] == last)
		return 0;
	first = &j->records[i];
	free(first->after.data);
	first->after = last->after;
	last->after = (struct entry_bytes) { 0 };
	journal_forget(j, j->count - 1);
	return journal_flush(j);
}

void journal_forget(struct journal *j, size_t i)
{
	entry_fini(&j->records[i]);
	j->count--;
	memmove(&j->records[i], &j->records[i + 1],
		(j->count - i) * sizeof(*j->records));
}

/* --- open, close, look --- */

int journal_open(const char *dir, const char *boot_id, struct journal **ret_j,
		 pid_t *ret_other)
{
	struct journal *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return -ENOMEM;
	j->dir = j->lock = j->fd = -1;
	snprintf(j->boot, sizeof(j->boot), "%s", boot_id);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		goto fail;
	r = j->dir = folder_open(dir);
	if (r >= 0)
		r = take_lock(j, ret_other);
	if (r == 0)
		r = load(j);
	if (r) {
		journal_close(j);
		return r;
	}
	*ret_j = j;
	return 0;
fail:
	r = -errno;
	journal_close(j);
	return r;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	while (j->count > 0)
		journal_forget(j, j->count - 1);
	free(j->records);
	close_file(j);
	if (j->lock >= 0)
		close(j->lock);
	if (j->dir >= 0)
		close(j->dir);
	free(j);
}

size_t journal_count(const struct journal *j)
{
	return j->count;
}

const struct entry *journal_at(const struct journal *j, size_t i)
{
	return &j->records[i];
}

bool journal_is_old(const struct journal *j)
{
	return j->old;
}

unsigned int journal_bad_lines(const struct journal *j)
{
	return j->bad_lines;
}
