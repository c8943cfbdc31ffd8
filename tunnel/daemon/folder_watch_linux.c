/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/folder_watch.h"

#include <stddef.h>
#include <sys/vfs.h>

/* f_type of statfs(2): file systems that other machines write to, or a program
 * behind FUSE. */
static const unsigned long remote[] = {
	0x6969,	    /* NFS */
	0x517b,	    /* SMB */
	0xff534d42, /* CIFS */
	0xfe534d42, /* SMB 2 */
	0x65735546, /* FUSE, virtiofs */
	0x01021997, /* 9p */
	0x00c36400, /* Ceph */
	0x5346414f, /* AFS */
	0x786f4256, /* VirtualBox's shared folders */
};

bool folder_watch_is_remote(const char *path)
{
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(remote); i++)
		if (((unsigned long)fs.f_type & 0xffffffff) == remote[i])
			return true;
	return false;
}
