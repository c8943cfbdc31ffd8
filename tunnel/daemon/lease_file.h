/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The last lease, in STATE/lease: which names are the tunnel's is often the
 * gateway's to say, and has to be known before it can say it again, else they
 * leave by the uplink after each start. One lease, with the fingerprint of its
 * profile; written whole or not at all. Pure, but for the file; any thread.
 */
#ifndef ADIT_DAEMON_LEASE_FILE_H
#define ADIT_DAEMON_LEASE_FILE_H

#include <stdint.h>

#include "tunnel/base/attr.h"

struct lease;

/* 0 or -errno. */
int lease_file_save(const char *state_dir, uint64_t fingerprint,
		    const struct lease *l) ATTR_MUST_CHECK;
/* 0; -ENOENT: none of this profile; -EBADMSG: it is damaged; or -errno. */
int lease_file_load(const char *state_dir, uint64_t fingerprint,
		    struct lease *ret_lease) ATTR_MUST_CHECK;

#endif
