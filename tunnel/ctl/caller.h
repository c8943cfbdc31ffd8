/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is at the other end of a Unix socket, told by the kernel, and whether
 * they may act: root, and members of group "adit". Any thread.
 */
#ifndef ADIT_CALLER_H
#define ADIT_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CALLER_GROUP "adit"

struct caller {
	uid_t uid;
	pid_t pid;
	bool may_act;
};

/* 0 or -errno. */
int caller_at(int fd, struct caller *ret_caller);
/* Pure: `group` is (gid_t)-1 when the machine has no such group. */
bool caller_is_allowed(uid_t uid, const gid_t *groups, size_t count,
		       gid_t group);

#endif
