/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/descriptors.h"

#include <errno.h>
#include <sys/resource.h>

int descriptors_ensure(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -EMFILE;
	if (limit.rlim_cur >= DESCRIPTORS_MIN)
		return 0;
	limit.rlim_cur = DESCRIPTORS_MIN;
	if (limit.rlim_max < DESCRIPTORS_MIN ||
	    setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -EMFILE;
	return 0;
}
