/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening, undoing and closing; apply_linux.c has the changes. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tunnel/host/apply.h"
#include "tunnel/host/content.h"
#include "tunnel/host/single.h"
#include "tunnel/host/step.h"
#include "tunnel/host/undo.h"

static void notice(struct host *h, const char *fmt, ...) ATTR_PRINTF(2, 3);

static void notice(struct host *h, const char *fmt, ...)
{
	char text[STEP_SENTENCE_MAX];
	va_list args;

	if (!h->config->notice)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	h->config->notice(h->config->notice_arg, text);
}

/* The index that the journal has for our device, or 0. */
static uint32_t known_ifindex(const struct host *h)
{
	struct entry like = step_link(h, 0);
	int i = journal_find(h->journal, &like);

	return i < 0 ? 0 : journal_at(h->journal, (size_t)i)->ifindex;
}

/* True when the record has done its duty. */
static bool undo_one(struct host *h, const struct entry *r, uint32_t ifindex)
{
	int error = undo_entry(&h->nl, h->config, ifindex, r);
	char what[STEP_WHAT_MAX];

	entry_text(r, what, sizeof(what));
	switch (error) {
	case 0:
		return true;
	case -EPERM:
		notice(h, "undo: %s is not ours: left alone", what);
		return true;
	case -ESTALE:
		notice(h, "undo: another program changed %s: left alone", what);
		return true;
	case -ENOTSUP:
		notice(h, "undo: %s is kept: this version cannot undo it",
		       what);
		return false;
	default:
		notice(h, "undo: %s failed: %s", what, strerror(-error));
		return false;
	}
}

static enum host_part part_of(const struct entry *e)
{
	return e->kind == ENTRY_FILE || e->kind == ENTRY_CALL ? HOST_NAMES
							      : HOST_NETWORK;
}

/* Backwards; only rules, or all but rules. */
static int undo_pass(struct host *h, enum host_part part, bool rules,
		     uint32_t ifindex)
{
	int left = 0;

	for (size_t i = journal_count(h->journal); i-- > 0;) {
		const struct entry *e = journal_at(h->journal, i);

		if (!(part & part_of(e)) || (e->kind == ENTRY_RULE) != rules)
			continue;
		if (undo_one(h, e, ifindex))
			journal_forget(h->journal, i);
		else
			left++;
	}
	return left;
}

int host_undo(struct host *h, enum host_part part)
{
	uint32_t ifindex = known_ifindex(h);
	int left, r;

	/* The rules first: some throws were added after them, and without
	 * those the host's own networks would lead into the tunnel. */
	left = undo_pass(h, part, true, ifindex) +
	       undo_pass(h, part, false, ifindex);
	r = journal_flush(h->journal);
	if (r < 0)
		notice(h, "undo: the journal cannot be written: %s",
		       strerror(-r));
	return left;
}

static void recover(struct host *h)
{
	if (journal_bad_lines(h->journal))
		notice(h, "undo: the journal has %u lines that are none",
		       journal_bad_lines(h->journal));
	for (size_t i = journal_count(h->journal);
	     journal_is_old(h->journal) && i-- > 0;) {
		if (entry_ends_with_boot(journal_at(h->journal, i)))
			journal_forget(h->journal, i);
	}
	if (journal_count(h->journal))
		notice(h, "undo: an earlier run left %zu steps",
		       journal_count(h->journal));
	(void)host_undo(h, HOST_ALL); /* each failure was noticed */
}

int host_open(const struct host_config *config, struct host **ret_host,
	      pid_t *ret_other)
{
	struct host *h = calloc(1, sizeof(*h));
	char boot[JOURNAL_BOOT_MAX];
	int r;

	if (!h)
		return -ENOMEM;
	h->config = config;
	h->single = -1;
	r = netlink_open(&h->nl);
	if (r) {
		free(h);
		return r;
	}
	journal_boot_id(boot);
	r = journal_open(config->state_dir, boot, &h->journal, ret_other);
	if (r) {
		host_close(h);
		return r;
	}
	h->single = single_open(config->device, ret_other);
	if (h->single == -EPERM) {
		notice(h,
		       "a stranger has the name that keeps a second adit away "
		       "from %s: going on without it",
		       config->device);
	} else if (h->single < 0) {
		r = h->single;
		host_close(h);
		return r;
	}
	recover(h);
	*ret_host = h;
	return 0;
}

void host_close(struct host *h)
{
	if (!h)
		return;
	free(h->nft_made);
	journal_close(h->journal);
	netlink_close(&h->nl);
	if (h->single >= 0)
		(void)close(h->single); /* only its name mattered */
	free(h);
}

int host_link_expected(struct host *h)
{
	struct entry r = step_link(h, 0);
	struct rtnl_link *links;
	size_t count;
	int error;

	error = netlink_links(&h->nl, &links, &count);
	if (error)
		return step_fail(h, error, "cannot look for", &r);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(links[i].name, r.device) == 0)
			error = -EEXIST;
	}
	free(links);
	return error ? step_fail(h, error, "cannot make", &r)
		     : step_begin(h, &r);
}

int host_link_made(struct host *h, uint32_t ifindex)
{
	struct entry r = step_link(h, ifindex);
	int n = journal_add(h->journal, &r);

	if (n < 0)
		return step_unrecorded(h, n, &r);
	step_made(h);
	return 0;
}

int host_call_expected(struct host *h, const char *undo_text)
{
	struct entry e = { .kind = ENTRY_CALL,
			   .text = (char *)(uintptr_t)undo_text };
	int r = step_begin(h, &e);

	if (r == 0)
		step_made(h);
	return r;
}

/* A journal that cannot be written makes a call be undone twice, which does no
 * harm. */
void host_call_undone(struct host *h, const char *undo_text)
{
	struct entry e = { .kind = ENTRY_CALL,
			   .text = (char *)(uintptr_t)undo_text };

	step_forget(h, &e);
	(void)journal_flush(h->journal);
}

int host_restore_file(struct host *h, const char *path)
{
	struct entry like = { .kind = ENTRY_FILE,
			      .text = (char *)(uintptr_t)path };
	int i = journal_find(h->journal, &like), r;

	if (i < 0)
		return 0;
	/* The caller names the file, not the journal: where resolv.conf leads
	 * may be another than when the host was opened. */
	r = content_restore(journal_at(h->journal, (size_t)i));
	if (r && r != -ESTALE)
		return step_fail(h, r, "cannot restore", &like);
	journal_forget(h->journal, (size_t)i);
	(void)journal_flush(h->journal); /* undone twice does no harm */
	return r;
}

const char *host_error(const struct host *h)
{
	return h->error;
}

unsigned int host_steps(const struct host *h)
{
	return h->steps;
}

int host_routes(struct host *h, struct rtnl_route **ret_routes,
		size_t *ret_count)
{
	return netlink_routes(&h->nl, RTNL_TABLE_MAIN, ret_routes, ret_count);
}
