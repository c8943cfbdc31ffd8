/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of the host whose content we replace for a while, such as
 * resolv.conf. A write is either a new file renamed over the old one, or in
 * place where the name cannot be replaced (a bind mount); both are synced. A
 * path that is a symbolic link is refused (-ELOOP): name what it points to.
 * Blocks on the disk; control thread.
 */
#ifndef ADIT_HOST_CONTENT_H
#define ADIT_HOST_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/host/journal_entry.h"
#include "tunnel/host/state.h"

/* Fills kind, text, before, existed, mode; after is what `f` wants. 0: the
 * file has another content than `f` wants. 1: it is that already. */
int content_compare(const struct host_file *f, struct entry *ret_entry);
int content_write(const struct host_file *f);
/* 0: as it was before, now or already; -ESTALE: somebody else changed it since,
 * and it is left alone. */
int content_restore(const struct entry *r);

/* The same for a setting under /proc/sys/net/; -EPERM for another path. */
int content_compare_proc(const struct host_proc *p, struct entry *ret_entry);
int content_write_proc(const char *path, const void *value, size_t len);
int content_restore_proc(const struct entry *r);

#endif
