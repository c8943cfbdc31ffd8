/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is at the other end of a Unix socket, told by the kernel, and whether
 * they may act: root, and members of group "adit". The kernel answers at once;
 * the user database may ask another machine, so that it is asked only about
 * those who want to act, and its answer serves for a few seconds. One cache a
 * thread.
 */
#ifndef ADIT_CALLER_H
#define ADIT_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CALLER_GROUP "adit"

enum {
	CALLER_CACHE_LEN = 16,
	/* So long may somebody act who was taken out of the group. */
	CALLER_CACHE_S = 5,
};

struct caller {
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

/* Zeroed is empty. */
struct caller_cache {
	struct caller_answer {
		uid_t uid;
		gid_t gid;
		bool may_act;
		uint64_t until_ns;
	} answers[CALLER_CACHE_LEN];
	unsigned int next; /* to be overwritten */
	/* Instead of the user database; for tests. */
	bool (*look_up)(uid_t uid, gid_t gid);
};

/* 0 or -errno. */
int caller_at(int fd, struct caller *ret_caller);
/* May block when the answer is not cached; never for root. */
bool caller_may_act(struct caller_cache *cache, const struct caller *c);
/* Of CALLER_GROUP; (gid_t)-1 when the machine has no such group. May block. */
gid_t caller_group(void);
/* Pure: `group` as above. */
bool caller_is_allowed(uid_t uid, const gid_t *groups, size_t count,
		       gid_t group);

#endif
