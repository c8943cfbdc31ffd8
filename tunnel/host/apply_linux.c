/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/apply.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tunnel/host/content.h"
#include "tunnel/host/journal.h"
#include "tunnel/host/netlink.h"
#include "tunnel/host/undo.h"

enum { SENTENCE_MAX = 320, WHAT_MAX = 160 };

struct host {
	/* set at creation */
	const struct host_config *config;
	struct netlink nl;
	struct journal *journal;

	unsigned int steps;
	bool recorded; /* the step being made is new in the journal */
	char error[SENTENCE_MAX];
};

/* --- sentences --- */

static void notice(struct host *h, const char *fmt, ...) ATTR_PRINTF(2, 3);

static void notice(struct host *h, const char *fmt, ...)
{
	char text[SENTENCE_MAX];
	va_list args;

	if (!h->config->notice)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	h->config->notice(h->config->notice_arg, text);
}

/* Keeps the sentence and passes the error on. */
static int fail(struct host *h, int error, const char *verb,
		const struct record *r)
{
	char what[WHAT_MAX];

	snprintf(h->error, sizeof(h->error), "%s %s: %s%s%s", verb,
		 record_text(r, what, sizeof(what)), strerror(-error),
		 h->nl.why[0] ? ": " : "", h->nl.why);
	return error;
}

/* --- steps --- */

static void fault(const struct host *h, enum host_fault at)
{
	if (h->config->fault == at && h->config->fault_step == h->steps)
		kill(getpid(), SIGKILL);
}

static int begin(struct host *h, const struct record *r)
{
	int n = journal_add(h->journal, r);

	h->nl.why[0] = '\0';
	if (n < 0)
		return fail(h, n, "cannot record", r);
	h->recorded = n == 1;
	if (h->recorded) {
		h->steps++;
		fault(h, HOST_FAULT_RECORDED);
	}
	return 0;
}

static void made(struct host *h)
{
	if (h->recorded)
		fault(h, HOST_FAULT_MADE);
}

static struct record link_record(const struct host *h, uint32_t ifindex)
{
	struct record r = { .kind = RECORD_LINK, .ifindex = ifindex };

	snprintf(r.device, sizeof(r.device), "%s", h->config->device);
	return r;
}

static void forget(struct host *h, const struct record *like)
{
	int i = journal_find(h->journal, like);

	if (i >= 0)
		journal_forget(h->journal, (size_t)i);
}

/* --- undo --- */

/* The index that the journal has for our device, or 0. */
static uint32_t known_ifindex(const struct host *h)
{
	struct record like = link_record(h, 0);
	int i = journal_find(h->journal, &like);

	return i < 0 ? 0 : journal_at(h->journal, (size_t)i)->ifindex;
}

/* True when the record has done its duty. */
static bool undo_one(struct host *h, const struct record *r, uint32_t ifindex)
{
	int error = undo_record(&h->nl, h->config, ifindex, r);
	char what[WHAT_MAX];

	record_text(r, what, sizeof(what));
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

int host_undo(struct host *h)
{
	uint32_t ifindex = known_ifindex(h);
	int left = 0, r;

	for (size_t i = journal_count(h->journal); i-- > 0;) {
		if (undo_one(h, journal_at(h->journal, i), ifindex))
			journal_forget(h->journal, i);
		else
			left++;
	}
	r = journal_flush(h->journal);
	if (r < 0)
		notice(h, "undo: the journal cannot be written: %s",
		       strerror(-r));
	return left;
}

static void recover(struct host *h)
{
	size_t count = journal_count(h->journal);

	if (journal_bad_lines(h->journal))
		notice(h, "undo: the journal has %u lines that are none",
		       journal_bad_lines(h->journal));
	for (size_t i = count; journal_is_old(h->journal) && i-- > 0;) {
		if (record_ends_with_boot(journal_at(h->journal, i)))
			journal_forget(h->journal, i);
	}
	if (journal_count(h->journal))
		notice(h, "undo: an earlier run left %zu steps",
		       journal_count(h->journal));
	if (count)
		(void)host_undo(h); /* each failure was noticed */
}

/* --- open and close --- */

int host_open(const struct host_config *config, struct host **ret_host,
	      pid_t *ret_other)
{
	struct host *h = calloc(1, sizeof(*h));
	char boot[JOURNAL_BOOT_MAX];
	int r;

	if (!h)
		return -ENOMEM;
	h->config = config;
	r = netlink_open(&h->nl);
	if (r) {
		free(h);
		return r;
	}
	journal_boot_id(boot);
	r = journal_open(config->state_dir, boot, &h->journal, ret_other);
	if (r) {
		if (r != -EBUSY)
			notice(h, "the undo journal in %s cannot be used: %s",
			       config->state_dir, strerror(-r));
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
	journal_close(h->journal);
	netlink_close(&h->nl);
	free(h);
}

int host_link_expected(struct host *h)
{
	struct record r = link_record(h, 0);
	struct rtnl_link *links;
	size_t count;
	int error;

	error = netlink_links(&h->nl, &links, &count);
	if (error)
		return fail(h, error, "cannot look for", &r);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(links[i].name, r.device) == 0)
			error = -EEXIST;
	}
	free(links);
	return error ? fail(h, error, "cannot make", &r) : begin(h, &r);
}

int host_link_made(struct host *h, uint32_t ifindex)
{
	struct record r = link_record(h, ifindex);
	int n = journal_add(h->journal, &r);

	if (n < 0)
		return fail(h, n, "cannot record", &r);
	made(h);
	return 0;
}

/* --- apply: each function below makes what is missing and counts it --- */

/* MTU first: below 1280 a device takes no IPv6 address. */
static int apply_link(struct host *h, const struct host_state *want, bool up,
		      int *changes)
{
	struct record what = link_record(h, want->ifindex);
	struct rtnl_link_set set = { .index = want->ifindex };
	struct rtnl_link *links, now = { 0 };
	size_t count;
	int r = netlink_links(&h->nl, &links, &count);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (links[i].index == want->ifindex)
			now = links[i];
	}
	if (r == 0)
		free(links);
	if (r == 0 && (now.index == 0 || strcmp(now.name, want->device) != 0))
		r = -ENODEV;
	if (r)
		return fail(h, r, "cannot set", &what);
	if (now.mtu != want->mtu)
		set.mtu = want->mtu;
	if (now.txqlen != want->txqlen)
		set.txqlen = want->txqlen;
	if (now.gso_max_size != want->gso_max_size)
		set.gso_max_size = want->gso_max_size;
	set.up = up && !now.up;
	if (!set.mtu && !set.txqlen && !set.gso_max_size && !set.up)
		return 0;
	r = netlink_link(&h->nl, &set);
	if (r)
		return fail(h, r, "cannot set", &what);
	++*changes;
	return 0;
}

/* Without it the kernel would send router solicitations into the tunnel. A
 * kernel without IPv6 refuses, and needs none of it. */
static void quiet_link(struct host *h, const struct host_state *want)
{
	struct rtnl_link_set set = { .index = want->ifindex,
				     .no_link_local = true };

	(void)netlink_link(&h->nl, &set);
}

static struct record address_record(const struct host *h,
				    const struct ip_prefix *p)
{
	struct record r = { .kind = RECORD_ADDRESS, .prefix = *p };

	snprintf(r.device, sizeof(r.device), "%s", h->config->device);
	return r;
}

static bool has_address(const struct rtnl_addr *addrs, size_t count,
			const struct ip_prefix *p)
{
	for (size_t i = 0; i < count; i++) {
		if (prefix_equal(&addrs[i].addr, p))
			return true;
	}
	return false;
}

static int add_addresses(struct host *h, const struct host_state *want,
			 int *changes)
{
	struct rtnl_addr *addrs;
	size_t count;
	int r = netlink_addrs(&h->nl, want->ifindex, &addrs, &count);

	if (r)
		return r;
	for (size_t i = 0; r == 0 && i < want->address_count; i++) {
		struct rtnl_addr a = { .ifindex = want->ifindex,
				       .addr = want->addresses[i] };
		struct record rec = address_record(h, &a.addr);

		if (has_address(addrs, count, &a.addr))
			continue;
		r = begin(h, &rec);
		if (r)
			break;
		r = netlink_addr(&h->nl, RTNL_ADD, &a);
		if (r && r != -EEXIST) {
			r = fail(h, r, "cannot add", &rec);
			break;
		}
		r = 0;
		made(h);
		++*changes;
	}
	free(addrs);
	return r;
}

static int remove_addresses(struct host *h, const struct host_state *want,
			    int *changes)
{
	for (size_t i = journal_count(h->journal); i-- > 0;) {
		const struct record *rec = journal_at(h->journal, i);
		struct rtnl_addr a = { .ifindex = want->ifindex,
				       .addr = rec->prefix };
		bool wanted = rec->kind != RECORD_ADDRESS;
		int r;

		for (size_t k = 0; k < want->address_count; k++)
			wanted |= prefix_equal(&want->addresses[k], &a.addr);
		if (wanted)
			continue;
		r = netlink_addr(&h->nl, RTNL_DELETE, &a);
		if (r && r != -EADDRNOTAVAIL)
			return fail(h, r, "cannot remove", rec);
		journal_forget(h->journal, i);
		++*changes;
	}
	return 0;
}

static int compare_routes(const void *left, const void *right)
{
	const struct rtnl_route *a = left, *b = right;
	int r = (int)a->to.addr.family - (int)b->to.addr.family;

	if (r == 0)
		r = memcmp(a->to.addr.bytes, b->to.addr.bytes,
			   sizeof(a->to.addr.bytes));
	return r ? r : (int)a->to.len - (int)b->to.len;
}

/* What of our table is ours, sorted. */
static int our_routes(struct host *h, uint32_t table,
		      struct rtnl_route **ret_routes, size_t *ret_count)
{
	struct rtnl_route *routes;
	size_t count, ours = 0;
	int r = netlink_routes(&h->nl, table, &routes, &count);

	if (r)
		return r;
	for (size_t i = 0; i < count; i++) {
		if (routes[i].protocol == HOST_PROTOCOL)
			routes[ours++] = routes[i];
	}
	if (ours > 0)
		qsort(routes, ours, sizeof(*routes), compare_routes);
	*ret_routes = routes;
	*ret_count = ours;
	return 0;
}

static int put_route(struct host *h, enum rtnl_op op,
		     const struct rtnl_route *r)
{
	struct record rec = { .kind = RECORD_ROUTE,
			      .table = r->table,
			      .prefix = r->to };
	int error = begin(h, &rec);

	if (error)
		return error;
	error = netlink_route(&h->nl, op, r);
	if (error)
		return fail(h, error, "cannot add", &rec);
	made(h);
	return 0;
}

/* Adds and replaces; what is left over is marked by the kind OTHER not being
 * set on it: a found route gets it, so that drop_routes can tell. */
static int add_routes(struct host *h, const struct host_state *want,
		      struct rtnl_route *now, size_t count, int *changes)
{
	for (size_t i = 0; i < want->route_count; i++) {
		struct rtnl_route r = { .to = want->routes[i].to,
					.table = want->table,
					.kind = want->routes[i].kind,
					.protocol = HOST_PROTOCOL };
		struct rtnl_route *there =
			count ? bsearch(&r, now, count, sizeof(r),
					compare_routes)
			      : NULL;
		bool same = there && there->kind == r.kind;
		int error;

		if (r.kind == RTNL_KIND_DEVICE) {
			r.ifindex = want->ifindex;
			same = same && there->ifindex == r.ifindex;
		}
		if (there)
			there->kind = RTNL_KIND_OTHER;
		if (same)
			continue;
		error = put_route(h, there ? RTNL_REPLACE : RTNL_ADD, &r);
		if (error)
			return error;
		++*changes;
	}
	return 0;
}

static int drop_routes(struct host *h, const struct rtnl_route *now,
		       size_t count, int *changes)
{
	for (size_t i = 0; i < count; i++) {
		struct record rec = { .kind = RECORD_ROUTE,
				      .table = now[i].table,
				      .prefix = now[i].to };
		int r;

		if (now[i].kind == RTNL_KIND_OTHER)
			continue;
		r = netlink_route(&h->nl, RTNL_DELETE, &now[i]);
		if (r && r != -ESRCH)
			return fail(h, r, "cannot remove", &rec);
		forget(h, &rec);
		++*changes;
	}
	return 0;
}

static bool same_rule(const struct rtnl_rule *a, const struct rtnl_rule *b)
{
	return !a->more && a->family == b->family && a->invert == b->invert &&
	       a->priority == b->priority && a->mark == b->mark &&
	       a->mask == b->mask && a->table == b->table;
}

static int add_rules(struct host *h, const struct host_state *want,
		     const struct rtnl_rule *now, size_t count, int *changes)
{
	for (size_t i = 0; i < want->rule_count; i++) {
		struct record rec = { .kind = RECORD_RULE,
				      .rule = want->rules[i] };
		bool there = false;
		int r;

		for (size_t k = 0; k < count; k++)
			there |= same_rule(&now[k], &rec.rule);
		if (there)
			continue;
		r = begin(h, &rec);
		if (r)
			return r;
		r = netlink_rule(&h->nl, RTNL_ADD, &rec.rule);
		if (r)
			return fail(h, r, "cannot add", &rec);
		made(h);
		++*changes;
	}
	return 0;
}

/* Those of our protocol number that are not wanted any more. */
static int drop_rules(struct host *h, const struct host_state *want,
		      const struct rtnl_rule *now, size_t count, int *changes)
{
	for (size_t i = 0; i < count; i++) {
		struct record rec = { .kind = RECORD_RULE, .rule = now[i] };
		bool wanted = now[i].protocol != HOST_PROTOCOL ||
			      now[i].priority != HOST_RULE_PRIORITY;
		int r;

		for (size_t k = 0; k < want->rule_count; k++)
			wanted |= same_rule(&now[i], &want->rules[k]);
		if (wanted)
			continue;
		r = netlink_rule(&h->nl, RTNL_DELETE, &now[i]);
		if (r && r != -ENOENT)
			return fail(h, r, "cannot remove", &rec);
		forget(h, &rec);
		++*changes;
	}
	return 0;
}

static int apply_procs(struct host *h, const struct host_state *want,
		       int *changes)
{
	for (size_t i = 0; i < want->proc_count; i++) {
		const struct host_proc *p = &want->procs[i];
		struct record rec;
		int r = content_compare_proc(p, &rec);

		if (r < 0) {
			rec = (struct record) { .kind = RECORD_PROC,
						.text = (char *)p->path };
			return fail(h, r, "cannot read", &rec);
		}
		if (r == 0) {
			r = begin(h, &rec);
			if (r == 0)
				r = content_write_proc(p->path, p->value,
						       strlen(p->value));
			if (r == 0) {
				made(h);
				++*changes;
				r = journal_settle(h->journal);
			}
		} else {
			r = 0;
		}
		if (r < 0)
			(void)fail(h, r, "cannot write", &rec);
		record_fini(&rec);
		if (r < 0)
			return r;
	}
	return 0;
}

static int apply_files(struct host *h, const struct host_state *want,
		       int *changes)
{
	for (size_t i = 0; i < want->file_count; i++) {
		const struct host_file *f = &want->files[i];
		struct record rec;
		int r = content_compare(f, &rec);

		if (r < 0) {
			rec = (struct record) { .kind = RECORD_FILE,
						.text = f->path };
			return fail(h, r, "cannot read", &rec);
		}
		if (r == 0) {
			r = begin(h, &rec);
			if (r == 0)
				r = content_write(f);
			if (r == 0) {
				made(h);
				++*changes;
				r = journal_settle(h->journal);
			}
		} else {
			r = 0;
		}
		if (r < 0)
			(void)fail(h, r, "cannot write", &rec);
		record_fini(&rec);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Routes and rules: whatever is added, the rule last; whatever is removed, the
 * rule first. */
static int apply_routing(struct host *h, const struct host_state *want,
			 int *changes)
{
	struct rtnl_route *routes = NULL;
	struct rtnl_rule *rules = NULL;
	size_t route_count = 0, rule_count = 0;
	int r = want->table ? our_routes(h, want->table, &routes, &route_count)
			    : 0;

	if (r == 0)
		r = netlink_rules(&h->nl, &rules, &rule_count);
	if (r == 0)
		r = add_routes(h, want, routes, route_count, changes);
	if (r == 0)
		r = apply_procs(h, want, changes);
	if (r == 0)
		r = add_rules(h, want, rules, rule_count, changes);
	if (r == 0)
		r = drop_rules(h, want, rules, rule_count, changes);
	if (r == 0)
		r = drop_routes(h, routes, route_count, changes);
	free(routes);
	free(rules);
	return r;
}

static int reconcile(struct host *h, const struct host_state *want,
		     int *changes)
{
	int r = apply_link(h, want, false, changes);

	if (r == 0)
		r = add_addresses(h, want, changes);
	if (r == 0)
		r = apply_link(h, want, true, changes);
	if (r == 0)
		r = apply_routing(h, want, changes);
	if (r == 0)
		r = remove_addresses(h, want, changes);
	if (r == 0)
		r = apply_files(h, want, changes);
	return r;
}

int host_apply(struct host *h, const struct host_state *want)
{
	int changes = 0;

	h->error[0] = '\0';
	quiet_link(h, want);
	return reconcile(h, want, &changes);
}

int host_verify(struct host *h, const struct host_state *want)
{
	int changes = 0, r;

	h->error[0] = '\0';
	r = reconcile(h, want, &changes);
	return r ? r : changes;
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
