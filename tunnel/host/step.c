/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/step.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tunnel/base/folder.h"

static void fault(const struct host *h, enum host_fault at)
{
	if (h->config->fault == at && h->config->fault_step == h->steps)
		kill(getpid(), SIGKILL);
}

int step_begin(struct host *h, const struct entry *r)
{
	int n = journal_add(h->journal, r);

	h->nl.why[0] = '\0';
	if (n < 0)
		return step_unrecorded(h, n, r);
	h->recorded = n == 1;
	if (h->recorded) {
		h->steps++;
		fault(h, HOST_FAULT_RECORDED);
	}
	return 0;
}

void step_made(struct host *h)
{
	if (h->recorded)
		fault(h, HOST_FAULT_MADE);
}

int step_unrecorded(struct host *h, int error, const struct entry *r)
{
	char what[STEP_WHAT_MAX];

	snprintf(h->error, sizeof(h->error),
		 "%s is not changed, since it cannot be recorded in %s: %s",
		 entry_text(r, what, sizeof(what)), h->config->state_dir,
		 folder_error_text(error));
	return error;
}

int step_fail(struct host *h, int error, const char *verb,
	      const struct entry *r)
{
	char what[STEP_WHAT_MAX];

	snprintf(h->error, sizeof(h->error), "%s %s: %s%s%s", verb,
		 entry_text(r, what, sizeof(what)), strerror(-error),
		 h->nl.why[0] ? ": " : "", h->nl.why);
	return error;
}

void step_forget(struct host *h, const struct entry *like)
{
	int i = journal_find(h->journal, like);

	if (i >= 0)
		journal_forget(h->journal, (size_t)i);
}

struct entry step_link(const struct host *h, uint32_t ifindex)
{
	struct entry r = { .kind = ENTRY_LINK, .ifindex = ifindex };

	snprintf(r.device, sizeof(r.device), "%s", h->config->device);
	return r;
}
