/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/ctl/caller.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>

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

/*
 * The groups that the user database gives now, not those that the process was
 * born with: taking somebody out of the group acts at once.
 */
static bool user_is_allowed(uid_t uid, gid_t gid)
{
	const struct group *adit = getgrnam(CALLER_GROUP);
	gid_t group = adit ? adit->gr_gid : (gid_t)-1;
	const struct passwd *user;
	gid_t *groups;
	int count = 0;
	bool allowed;

	if (uid == 0 || group == (gid_t)-1)
		return caller_is_allowed(uid, NULL, 0, group);
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

int caller_at(int fd, struct caller *ret_caller)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*ret_caller = (struct caller) {
		.uid = cred.uid,
		.pid = cred.pid,
		.may_act = user_is_allowed(cred.uid, cred.gid),
	};
	return 0;
}
