/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/folder.h"

#include <errno.h>
#include <fcntl.h>
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
