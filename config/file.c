/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/secret.h"

static const char *open_error_text(int error)
{
	switch (error) {
	case ENOENT:
		return "there is no such file";
	case ELOOP:
		return "its symbolic links lead in a circle";
	case EACCES:
		return "no permission to read it";
	case ENOTDIR:
		return "a part of its path is no folder";
	default:
		return strerror(error);
	}
}

static int judge(const struct stat *st, size_t max, unsigned int demands,
		 char why[FILE_WHY_MAX])
{
	if (!S_ISREG(st->st_mode)) {
		snprintf(why, FILE_WHY_MAX, "it is %s, not a regular file",
			 S_ISDIR(st->st_mode)	 ? "a folder"
			 : S_ISFIFO(st->st_mode) ? "a FIFO"
			 : S_ISSOCK(st->st_mode) ? "a socket"
			 : S_ISCHR(st->st_mode)	 ? "a device"
						 : "something else");
		return -EINVAL;
	}
	if (st->st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(why, FILE_WHY_MAX,
			 "others may write it (mode %04o): chmod go-w",
			 st->st_mode & 07777);
		return -EPERM;
	}
	if ((demands & FILE_PRIVATE) && (st->st_mode & (S_IRGRP | S_IROTH))) {
		snprintf(why, FILE_WHY_MAX,
			 "it holds a private key and others may read it "
			 "(mode %04o): chmod go-r",
			 st->st_mode & 07777);
		return -EPERM;
	}
	if ((demands & FILE_OURS) && st->st_uid != 0 &&
	    st->st_uid != geteuid()) {
		snprintf(why, FILE_WHY_MAX,
			 "its owner (user %u) is neither root nor the user "
			 "who runs this",
			 st->st_uid);
		return -EPERM;
	}
	if ((uintmax_t)st->st_size > max) {
		snprintf(why, FILE_WHY_MAX, "it is bigger than %zu KiB",
			 max / 1024);
		return -EFBIG;
	}
	return 0;
}

/* Opening a device or a FIFO can do things, so that the name is judged before
 * it is opened, and what was opened once more. */
static int file_open(const char *path, size_t max, unsigned int demands,
		     char why[FILE_WHY_MAX])
{
	int r = file_inspect(path, max, demands, why), fd;
	struct stat st;

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		r = -errno;
		snprintf(why, FILE_WHY_MAX, "%s", open_error_text(errno));
	} else {
		r = judge(&st, max, demands, why);
	}
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

/* The size of a moment ago may be another now: `max` holds all the same. */
static int read_all(int fd, uint8_t *text, size_t room, size_t *ret_len)
{
	size_t len = 0;

	for (;;) {
		ssize_t n = read(fd, text + len, room - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (n == 0 || len == room) {
			*ret_len = len;
			return len == room ? -EFBIG : 0;
		}
	}
}

int file_read(const char *path, size_t max, unsigned int demands,
	      uint8_t **ret_text, size_t *ret_len, char why[FILE_WHY_MAX])
{
	int fd = file_open(path, max, demands, why);
	uint8_t *text;
	size_t len = 0;
	int r;

	if (fd < 0)
		return fd;
	text = malloc(max + 1);
	r = text ? read_all(fd, text, max + 1, &len) : -ENOMEM;
	close(fd);
	if (r < 0) {
		snprintf(why, FILE_WHY_MAX, "%s", strerror(-r));
		if (text)
			secret_wipe(text, max + 1);
		free(text);
		return r;
	}
	text[len] = '\0';
	*ret_text = text;
	*ret_len = len;
	return 0;
}

int file_inspect(const char *path, size_t max, unsigned int demands,
		 char why[FILE_WHY_MAX])
{
	struct stat st;
	int error = 0;

	if (stat(path, &st) < 0 ||
	    (S_ISREG(st.st_mode) && access(path, R_OK) < 0))
		error = errno;
	if (!error)
		return judge(&st, max, demands, why);
	if (error == ENOENT && lstat(path, &st) == 0)
		snprintf(why, FILE_WHY_MAX,
			 "it is a symbolic link to a file that is not there");
	else
		snprintf(why, FILE_WHY_MAX, "%s", open_error_text(error));
	return -error;
}
