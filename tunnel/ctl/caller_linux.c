/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/ctl/caller.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "tunnel/base/clock.h"

bool caller_is_allowed(uid_t uid, const gid_t *groups, size_t count,
		       gid_t group)
{
	if (uid == 0)
		return true;
	if (group == (gid_t)-1)
		return false;
	for (size_t i = 0; i < count; i++)
		if (groups[i] == group)
			return true;
	return false;
}

gid_t caller_group(void)
{
	const struct group *adit = getgrnam(CALLER_GROUP);

	return adit ? adit->gr_gid : (gid_t)-1;
}

/*
 * The groups that the user database gives now, not those that the process was
 * born with: putting somebody into the group, or taking them out, acts without
 * a new login.
 */
static bool user_is_allowed(uid_t uid, gid_t gid)
{
	gid_t group = caller_group();
	const struct passwd *user;
	gid_t *groups;
	int count = 0;
	bool allowed;

	if (group == (gid_t)-1)
		return false;
	user = getpwuid(uid);
	if (user == NULL)
		return caller_is_allowed(uid, &gid, 1, group);
	(void)getgrouplist(user->pw_name, gid, NULL,
			   &count); /* asks how many */
	groups = calloc((size_t)count + 1, sizeof(*groups));
	if (groups == NULL)
		return false;
	/* Fails when the database grew meanwhile: then nobody is let in. */
	if (getgrouplist(user->pw_name, gid, groups, &count) < 0)
		count = 0;
	allowed = caller_is_allowed(uid, groups, (size_t)count, group);
	free(groups);
	return allowed;
}

bool caller_may_act(struct caller_cache *cache, const struct caller *c)
{
	uint64_t now_ns = clock_now_ns();
	struct caller_answer *a;
	bool may_act;

	if (c->uid == 0)
		return true;
	for (size_t i = 0; i < CALLER_CACHE_LEN; i++) {
		a = &cache->answers[i];
		if (a->uid == c->uid && a->gid == c->gid &&
		    now_ns < a->until_ns)
			return a->may_act;
	}
	may_act = cache->look_up ? cache->look_up(c->uid, c->gid)
				 : user_is_allowed(c->uid, c->gid);
	cache->answers[cache->next++ % CALLER_CACHE_LEN] =
		(struct caller_answer) {
			.uid = c->uid,
			.gid = c->gid,
			.may_act = may_act,
			/* From now: the answer may have taken longer to come
			 * than it serves. */
			.until_ns = clock_now_ns() +
				    CALLER_CACHE_S * (uint64_t)NS_PER_S,
		};
	return may_act;
}

int caller_at(int fd, struct caller *ret_caller)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*ret_caller = (struct caller) {
		.uid = cred.uid,
		.gid = cred.gid,
		.pid = cred.pid,
	};
	return 0;
}
