/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Undoes one record of the journal. Whatever a record says, only what is known
 * to be ours is touched: our device, routes and rules of our protocol number,
 * table and priority, the files and the nftables table that the configuration
 * names. Undoing twice, or what is gone already, is success. Control thread.
 */
#ifndef ADIT_HOST_UNDO_H
#define ADIT_HOST_UNDO_H

#include <stdint.h>

#include "tunnel/host/apply.h"
#include "tunnel/host/journal_entry.h"
#include "tunnel/host/netlink.h"

/* `ifindex` is that of our device, or 0 where no record tells it. 0; -EPERM:
 * the record is not about anything of ours; -ESTALE: another program changed
 * the thing since (both: nothing was touched); -ENOTSUP: a later version's
 * business; another -errno: it failed. */
int undo_entry(struct netlink *nl, const struct host_config *config,
	       uint32_t ifindex, const struct entry *r);

#endif
