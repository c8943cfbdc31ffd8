/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) The block lists of the profile in force: read when it is another, and
 * again when one of its files is. The first reading is waited for, since names
 * are answered after it; the later ones run on a thread beside the loop, and
 * the old lists act until they are done. Control thread.
 */
#ifndef ADIT_DAEMON_DNS_LISTS_H
#define ADIT_DAEMON_DNS_LISTS_H

#include <stdint.h>

struct dns_blocklist;
struct dns_lists;
struct profile;
struct uv_loop_s;

struct dns_lists_options {
	struct uv_loop_s *loop;
	/* Files were read again. Whoever borrowed the lists has new ones when
	 * this returns. */
	void (*changed)(void *arg);
	void *arg;
};

/* NULL: out of memory. */
struct dns_lists *dns_lists_create(const struct dns_lists_options *o);
/* The memory goes when the loop has run. Takes NULL. */
void dns_lists_close(struct dns_lists *l);

/* Reads what it has not read yet. The lists of before are gone. */
void dns_lists_read(struct dns_lists *l, const struct profile *p);
/* The next dns_lists_read() reads in any case. */
void dns_lists_forget(struct dns_lists *l);
/* Borrowed; NULL: there are none. */
const struct dns_blocklist *dns_lists_get(const struct dns_lists *l);
/* Why one of them could not be read, a sentence; "": all were. */
const char *dns_lists_problem(const struct dns_lists *l);

#endif
