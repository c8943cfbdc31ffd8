/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int folder_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
		 (st.st_mode & (S_IWGRP | S_IWOTH)))
		r = -EPERM;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

static int write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

int folder_write(int dir, const char *name, mode_t mode, const char *text)
{
	char second[NAME_MAX + 1];
	int fd, r;

	if ((size_t)snprintf(second, sizeof(second), ".%s.new", name) >=
	    sizeof(second))
		return -ENAMETOOLONG;
	(void)unlinkat(dir, second, 0); /* what a crash left */
	fd = openat(dir, second,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, strlen(text));
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat(dir, second, dir, name) < 0)
		r = -errno;
	if (r)
		(void)unlinkat(dir, second, 0);
	else
		(void)fsync(dir); /* the name; not every file system can */
	return r;
}

const char *folder_error_text(int error)
{
	switch (-error) {
	case ENOSPC:
	case EDQUOT:
		return "its disk is full: make room there";
	case EROFS:
		return "its file system is read-only: make it writable, or "
		       "choose another folder";
	case ENOENT:
		return "the folder above it is not there: make that first";
	case ENOTDIR:
		return "a folder is needed, and a file is in its place";
	case EACCES:
		return "no permission to use it";
	case EPERM:
		return "others may change what is in it, or it is not ours: "
		       "chown it to root, chmod go-w";
	case EMFILE:
	case ENFILE:
		return "too many files are open: raise the limit (ulimit -n, "
		       "or LimitNOFILE= of the service)";
	default:
		return strerror(-error);
	}
}
