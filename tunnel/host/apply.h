/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes the host what a struct host_state says, and undoes it. The only door
 * through which adit changes a machine. Synchronous; control thread.
 *
 *   1. host_open() takes the journal and undoes what a crash left.
 *   2. host_link_expected(), then the caller makes the TUN device, then
 *      host_link_made().
 *   3. host_apply() as often as the plan changes; host_verify() every 30 s and
 *      when network.h says that something moved.
 *   4. host_undo() deletes the device too, so stop its readers before;
 *      host_close(). Closing alone leaves the host as it is.
 *
 * Steps are made in an order in which each is harmless until the next: link
 * settings, addresses, up, routes (nobody asks our table yet), nftables, proc,
 * rules, files. Only what differs is touched, only what is ours is removed.
 */
#ifndef ADIT_HOST_APPLY_H
#define ADIT_HOST_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tunnel/host/plan.h"
#include "tunnel/host/rtnl.h"
#include "tunnel/host/state.h"

struct host;

/* For the crash test: kill -9 at the n-th recorded step. */
enum host_fault {
	HOST_FAULT_NONE,
	HOST_FAULT_RECORDED, /* after it was recorded, before it is made */
	HOST_FAULT_MADE,     /* after it was made */
};

/* All borrowed, for as long as the host is open. */
struct host_config {
	const char *state_dir;
	/* Nothing else is ever undone, whatever the journal says: this device,
	 * HOST_TABLE, HOST_RULE_PRIORITY, these files (NULL-terminated, may be
	 * NULL), this table of nftables (may be NULL). */
	const char *device;
	const char *const *files;
	const char *nft_table;
	/* A sentence for the log: what was left alone, and why. May be NULL. */
	void (*notice)(void *arg, const char *sentence);
	void *notice_arg;
	enum host_fault fault;
	unsigned int fault_step; /* from 1 */
};

/* 0; -EBUSY: another process (ret_other) has the state directory, or the device
 * in this network namespace; else -errno, with a sentence sent to `notice`. */
int host_open(const struct host_config *config, struct host **ret_host,
	      pid_t *ret_other) ATTR_MUST_CHECK;
void host_close(struct host *h);

/* -EEXIST: there is a device of that name already, and it is not ours. */
int host_link_expected(struct host *h) ATTR_MUST_CHECK;
int host_link_made(struct host *h, uint32_t ifindex) ATTR_MUST_CHECK;

/* 0, or -errno with the reason in host_error(); what was done until then stays
 * until host_undo(). */
int host_apply(struct host *h, const struct host_state *want) ATTR_MUST_CHECK;
/* The same, but says how many things had drifted from `want`, which was applied
 * before; or -errno. */
int host_verify(struct host *h, const struct host_state *want) ATTR_MUST_CHECK;
/* A tunnel that is wanted and not up has its names, and no routes yet: the two
 * come and go at different times. */
enum host_part {
	HOST_NETWORK = 1 << 0,
	HOST_NAMES = 1 << 1, /* files, and what owners of the DNS were told */
	HOST_ALL = HOST_NETWORK | HOST_NAMES,
};

/* Undoes what is in the journal. 0, or how many steps could not be undone (they
 * stay in the journal). */
int host_undo(struct host *h, enum host_part part);

/* For a person, with that number and host_error(). */
#define HOST_NOT_UNDONE                                                       \
	"%d changes of this machine could not be undone, and the next start " \
	"tries again: %s"

/* What is not of a state's: a call to another program (dns_owner.h) and its
 * undo's text, and a single file. Each is recorded first, stays until it is
 * undone here or by host_undo(), and needs no device. */
int host_call_expected(struct host *h, const char *undo_text) ATTR_MUST_CHECK;
void host_call_undone(struct host *h, const char *undo_text);
int host_put_file(struct host *h, const struct host_file *f) ATTR_MUST_CHECK;
/* 0 also when it never was ours; -ESTALE: somebody changed it since, and it is
 * left alone; -errno: it stays in the journal. */
int host_restore_file(struct host *h, const char *path) ATTR_MUST_CHECK;

/* The last error as a sentence; valid until the next call. */
const char *host_error(const struct host *h);
/* Steps recorded since host_open. */
unsigned int host_steps(const struct host *h);

/* Facts for the plan. Routes are of the main table, both families, and the
 * caller's to free. */
int host_routes(struct host *h, struct rtnl_route **ret_routes,
		size_t *ret_count) ATTR_MUST_CHECK;
enum plan_ipv6 host_ipv6(const char *device);
/* plan.h says what this does to a full tunnel. */
bool host_rp_filter_strict(const char *uplink);

#endif
