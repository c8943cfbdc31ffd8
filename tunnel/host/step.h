/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The open host, and one step of a change to it: recorded, then made. For the
 * files of tunnel/host/ only; apply.h is what others see. Control thread.
 *
 *   1. step_begin(h, &record): it is in the journal, or must not be made.
 *   2. The change itself.
 *   3. step_made(h), or step_fail(h, error, "cannot add", &record).
 */
#ifndef ADIT_HOST_STEP_H
#define ADIT_HOST_STEP_H

#include <stdbool.h>

#include "tunnel/base/attr.h"
#include "tunnel/host/apply.h"
#include "tunnel/host/journal.h"
#include "tunnel/host/netlink.h"

enum {
	STEP_SENTENCE_MAX = 320,
	STEP_WHAT_MAX = 160,
};

struct host {
	/* set at creation */
	const struct host_config *config; /* borrowed */
	struct netlink nl;
	struct journal *journal;
	int single; /* the device is ours in this namespace */

	/* Our table of nftables, as nft printed it when it was made. */
	char *nft_made;
	unsigned int steps; /* recorded so far */
	bool recorded;	    /* the step being made is new in the journal */
	char error[STEP_SENTENCE_MAX];
};

int step_begin(struct host *h, const struct entry *r) ATTR_MUST_CHECK;
void step_made(struct host *h);
/* Keeps a sentence for host_error(), and returns the error. */
int step_fail(struct host *h, int error, const char *verb,
	      const struct entry *r);
/* The same for what the journal could not take. */
int step_unrecorded(struct host *h, int error, const struct entry *r);
/* What it was about is gone from the host. */
void step_forget(struct host *h, const struct entry *like);

/* The record of our device. */
struct entry step_link(const struct host *h, uint32_t ifindex);

#endif
