/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/content.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_SUFFIX ".adit-new"
#define PROC_ROOT "/proc/sys/net/"

struct content {
	struct entry_bytes bytes;
	bool exists;
	struct stat st;
};

static int read_all(int fd, struct entry_bytes *ret)
{
	struct entry_bytes b = { .data = malloc(ENTRY_BYTES_MAX + 1) };

	if (!b.data)
		return -ENOMEM;
	while (b.len <= ENTRY_BYTES_MAX) {
		ssize_t n =
			read(fd, b.data + b.len, ENTRY_BYTES_MAX + 1 - b.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int error = errno;

			free(b.data);
			return -error;
		}
		if (n == 0)
			break;
		b.len += (size_t)n;
	}
	if (b.len > ENTRY_BYTES_MAX) {
		free(b.data);
		return -EFBIG;
	}
	*ret = b;
	return 0;
}

/* A file that is not there is empty and does not exist. */
static int content_read(const char *path, struct content *ret)
{
	struct content c = { .exists = true };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int r = 0;

	if (fd < 0 && errno == ENOENT) {
		*ret = (struct content) { 0 };
		return 0;
	}
	if (fd < 0)
		return -errno;
	if (fstat(fd, &c.st) < 0)
		r = -errno;
	else if (!S_ISREG(c.st.st_mode))
		r = -EINVAL;
	else
		r = read_all(fd, &c.bytes);
	close(fd);
	if (r == 0)
		*ret = c;
	return r;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(fd, data + done, len - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

/* The content first and the length last: at every moment the file is a piece
 * of the new content followed by the rest of the old (is_ours). */
static int write_in_place(const struct host_file *f)
{
	int fd = open(f->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		      f->mode);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, f->content, f->len);
	if (r == 0 && (ftruncate(fd, (off_t)f->len) < 0 ||
		       fchmod(fd, f->mode) < 0 || fsync(fd) < 0))
		r = -errno;
	close(fd);
	return r;
}

static int sync_folder(const char *path)
{
	char folder[PATH_MAX];
	char *slash;
	int fd, r;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash)
		return -EINVAL;
	slash[slash == folder ? 1 : 0] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int new_name(const char *path, char name[static PATH_MAX])
{
	int n = snprintf(name, PATH_MAX, "%s" NEW_SUFFIX, path);

	return n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int write_renamed(const struct host_file *f)
{
	char name[PATH_MAX];
	struct stat st;
	int fd, r = new_name(f->path, name);

	if (r)
		return r;
	(void)unlink(name); /* a leftover, if there is one */
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, f->content, f->len);
	/* The owner stays who it was. */
	if (r == 0 && stat(f->path, &st) == 0 &&
	    fchown(fd, st.st_uid, st.st_gid) < 0)
		r = -errno;
	if (r == 0 && (fchmod(fd, f->mode) < 0 || fsync(fd) < 0))
		r = -errno;
	close(fd);
	if (r == 0 && rename(name, f->path) < 0)
		r = -errno;
	if (r == 0)
		return sync_folder(f->path);
	(void)unlink(name); /* the error that counts is the first */
	return r;
}

int content_write(const struct host_file *f)
{
	return f->in_place ? write_in_place(f) : write_renamed(f);
}

static bool same_bytes(const struct entry_bytes *a, const void *data,
		       size_t len)
{
	return a->len == len && (len == 0 || memcmp(a->data, data, len) == 0);
}

static int copy_text(struct entry_bytes *to, const void *data, size_t len)
{
	to->data = malloc(len ? len : 1);
	if (!to->data)
		return -ENOMEM;
	memcpy(to->data, data, len);
	to->len = len;
	return 0;
}

int content_compare(const struct host_file *f, struct entry *ret_entry)
{
	struct entry r = { .kind = ENTRY_FILE, .in_place = f->in_place };
	struct content c;
	int error;

	if (f->len > ENTRY_BYTES_MAX)
		return -EFBIG;
	error = content_read(f->path, &c);
	if (error)
		return error;
	r.before = c.bytes;
	r.existed = c.exists;
	r.mode = c.exists ? c.st.st_mode & 07777 : 0;
	r.text = strdup(f->path);
	if (!r.text || copy_text(&r.after, f->content, f->len) < 0) {
		entry_fini(&r);
		return -ENOMEM;
	}
	*ret_entry = r;
	return c.exists && same_bytes(&c.bytes, f->content, f->len) &&
	       r.mode == f->mode;
}

/* Is this what we wrote, or, in place, some moment of our writing it? */
static bool is_ours(const struct entry *r, const struct entry_bytes *now)
{
	const struct entry_bytes *before = &r->before, *after = &r->after;
	size_t same = 0;

	if (same_bytes(now, after->data, after->len))
		return true;
	if (!r->in_place)
		return false;
	while (same < now->len && same < after->len &&
	       now->data[same] == after->data[same])
		same++;
	if (same == now->len)
		return now->len >= before->len;
	return now->len == before->len &&
	       memcmp(now->data + same, before->data + same, now->len - same) ==
		       0;
}

static int put_back(const struct entry *r)
{
	struct host_file f = { .path = r->text,
			       .content = r->before.data,
			       .len = r->before.len,
			       .mode = r->mode,
			       .in_place = r->in_place };

	if (r->existed)
		return content_write(&f);
	if (unlink(r->text) < 0)
		return -errno;
	return sync_folder(r->text);
}

int content_restore(const struct entry *r)
{
	char name[PATH_MAX];
	struct content now;
	int error;

	if (new_name(r->text, name) == 0)
		(void)unlink(name); /* of a write that was cut short */
	error = content_read(r->text, &now);
	if (error == -ELOOP || error == -EINVAL || error == -EFBIG)
		return -ESTALE;
	if (error)
		return error;
	if (now.exists == r->existed &&
	    same_bytes(&now.bytes, r->before.data, r->before.len))
		error = 0;
	else if (now.exists && is_ours(r, &now.bytes))
		error = put_back(r);
	else
		error = -ESTALE;
	free(now.bytes.data);
	return error;
}

/* --- /proc/sys/net --- */

static int proc_open(const char *path, int flags)
{
	int fd;

	if (strncmp(path, PROC_ROOT, strlen(PROC_ROOT)) != 0 ||
	    strstr(path, ".."))
		return -EPERM;
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* Without the newline that the kernel adds. */
static int proc_read(const char *path, struct entry_bytes *ret)
{
	int fd = proc_open(path, O_RDONLY);
	int r;

	if (fd < 0)
		return fd;
	r = read_all(fd, ret);
	close(fd);
	if (r == 0 && ret->len > 0 && ret->data[ret->len - 1] == '\n')
		ret->len--;
	return r;
}

int content_write_proc(const char *path, const void *value, size_t len)
{
	int fd = proc_open(path, O_WRONLY);
	int r = 0;

	if (fd < 0)
		return fd;
	if (write(fd, value, len) < 0)
		r = -errno;
	close(fd);
	return r;
}

int content_compare_proc(const struct host_proc *p, struct entry *ret_entry)
{
	struct entry r = { .kind = ENTRY_PROC };
	int error = proc_read(p->path, &r.before);

	if (error)
		return error;
	r.text = strdup(p->path);
	if (!r.text || copy_text(&r.after, p->value, strlen(p->value)) < 0) {
		entry_fini(&r);
		return -ENOMEM;
	}
	*ret_entry = r;
	return same_bytes(&r.before, p->value, strlen(p->value));
}

int content_restore_proc(const struct entry *r)
{
	struct entry_bytes now = { 0 };
	int error = proc_read(r->text, &now);

	if (error)
		return error == -ENOENT ? 0 : error;
	if (same_bytes(&now, r->before.data, r->before.len))
		error = 0;
	else if (same_bytes(&now, r->after.data, r->after.len))
		error = content_write_proc(r->text, r->before.data,
					   r->before.len);
	else
		error = -ESTALE;
	free(now.data);
	return error;
}
