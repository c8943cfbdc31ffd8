/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The undo journal: STATE/undo.journal, a header line with the boot it was
 * begun in, then one record a line. A step is added *before* it is made, so
 * that whatever kills the daemon leaves a line for everything it has done.
 * Netlink steps end with the boot and need no fsync to outlive a kill -9;
 * steps on files are synced. A last line without its newline was being
 * written when the daemon died: its step was never made, and it is dropped.
 *
 * STATE/lock holds the pid of the one process that may use the journal, and is
 * locked for as long as it lives. One thread.
 */
#ifndef ADIT_HOST_JOURNAL_H
#define ADIT_HOST_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tunnel/host/journal_entry.h"

struct journal;

enum { JOURNAL_BOOT_MAX = 40 };

/* The kernel's boot id, or "unknown". */
void journal_boot_id(char ret_id[static JOURNAL_BOOT_MAX]);

/* Takes the lock and reads what an earlier process left; makes `dir` if it is
 * missing. 0; -EBUSY: another process has the lock, ret_other is its pid (0 if
 * it cannot be told); -EPERM: somebody else could have written the journal.
 * A journal whose header cannot be read is set aside as undo.journal.bad. */
int journal_open(const char *dir, const char *boot_id, struct journal **ret_j,
		 pid_t *ret_other);
/* Gives the lock back; the file stays. Takes NULL. */
void journal_close(struct journal *j);

size_t journal_count(const struct journal *j);
/* In the order in which they were made; borrowed until the next change. */
const struct entry *journal_at(const struct journal *j, size_t i);
/* Where the same thing is, or -1. */
int journal_find(const struct journal *j, const struct entry *like);
/* True for records of an earlier boot. */
bool journal_is_old(const struct journal *j);
/* Lines that could not be read, or a journal that was set aside. */
unsigned int journal_bad_lines(const struct journal *j);

/* Copies. 1: written. 0: it was in the journal already (a link's index is
 * brought up to date). A file or a setting is a new step each time, undone one
 * after the other. -errno: not recorded, so the step must not be made. */
int journal_add(struct journal *j, const struct entry *r) ATTR_MUST_CHECK;
/* The newest record was made. Steps on one file become one: undo goes back to
 * how it was before the first of them. */
int journal_settle(struct journal *j);
/* The step was undone. Written with the next journal_flush only: to undo a
 * step twice does no harm. */
void journal_forget(struct journal *j, size_t i);
/* Makes the file what the records are now: gone when there are none. */
int journal_flush(struct journal *j);

#endif
