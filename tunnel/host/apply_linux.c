/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each function makes what is missing of its sort, and counts it. */
#include "tunnel/host/apply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/host/content.h"
#include "tunnel/host/nft.h"
#include "tunnel/host/step.h"

static int find_link(struct host *h, const struct host_state *want,
		     struct rtnl_link *ret_link)
{
	struct rtnl_link *links;
	size_t count;
	int r = netlink_links(&h->nl, &links, &count);

	if (r)
		return r;
	r = -ENODEV;
	for (size_t i = 0; i < count; i++) {
		if (links[i].index == want->ifindex &&
		    strcmp(links[i].name, want->device) == 0) {
			*ret_link = links[i];
			r = 0;
		}
	}
	free(links);
	return r;
}

/* Without this the kernel would send router solicitations into the tunnel. A
 * kernel without IPv6 refuses, and needs none of it. */
static void quiet_link(struct host *h, uint32_t ifindex)
{
	struct rtnl_link_set set = { .index = ifindex, .no_link_local = true };

	(void)netlink_link(&h->nl, &set);
}

/* MTU first: below 1280 a device takes no IPv6 address. */
static int apply_link(struct host *h, const struct host_state *want, bool up,
		      int *changes)
{
	struct entry what = step_link(h, want->ifindex);
	struct rtnl_link_set set = { .index = want->ifindex };
	struct rtnl_link now;
	int r = find_link(h, want, &now);

	if (r)
		return step_fail(h, r, "cannot set", &what);
	if (now.mtu != want->mtu)
		set.mtu = want->mtu;
	if (now.txqlen != want->txqlen)
		set.txqlen = want->txqlen;
	set.up = up && !now.up;
	if (set.up)
		quiet_link(h, want->ifindex);
	if (!set.mtu && !set.txqlen && !set.up)
		return 0;
	r = netlink_link(&h->nl, &set);
	if (r)
		return step_fail(h, r, "cannot set", &what);
	++*changes;
	return 0;
}

static struct entry address_entry(const struct host *h,
				  const struct ip_prefix *p)
{
	struct entry r = { .kind = ENTRY_ADDRESS, .prefix = *p };

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
		struct entry e = address_entry(h, &a.addr);

		if (has_address(addrs, count, &a.addr))
			continue;
		r = step_begin(h, &e);
		if (r)
			break;
		r = netlink_addr(&h->nl, RTNL_ADD, &a);
		if (r && r != -EEXIST) {
			r = step_fail(h, r, "cannot add", &e);
			break;
		}
		r = 0;
		step_made(h);
		++*changes;
	}
	free(addrs);
	return r;
}

static int remove_addresses(struct host *h, const struct host_state *want,
			    int *changes)
{
	for (size_t i = journal_count(h->journal); i-- > 0;) {
		const struct entry *e = journal_at(h->journal, i);
		struct rtnl_addr a = { .ifindex = want->ifindex,
				       .addr = e->prefix };
		bool wanted = e->kind != ENTRY_ADDRESS;
		int r;

		for (size_t k = 0; k < want->address_count; k++)
			wanted |= prefix_equal(&want->addresses[k], &a.addr);
		if (wanted)
			continue;
		r = netlink_addr(&h->nl, RTNL_DELETE, &a);
		if (r && r != -EADDRNOTAVAIL)
			return step_fail(h, r, "cannot remove", e);
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
	struct entry e = { .kind = ENTRY_ROUTE,
			   .table = r->table,
			   .prefix = r->to };
	int error = step_begin(h, &e);

	if (error)
		return error;
	error = netlink_route(&h->nl, op, r);
	if (error)
		return step_fail(h, error, "cannot add", &e);
	step_made(h);
	return 0;
}

/* Adds and replaces. A route of `now` that is wanted gets the kind OTHER, which
 * drop_routes leaves alone. */
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
		struct entry e = { .kind = ENTRY_ROUTE,
				   .table = now[i].table,
				   .prefix = now[i].to };
		int r;

		if (now[i].kind == RTNL_KIND_OTHER)
			continue;
		r = netlink_route(&h->nl, RTNL_DELETE, &now[i]);
		if (r && r != -ESRCH)
			return step_fail(h, r, "cannot remove", &e);
		step_forget(h, &e);
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
		struct entry e = { .kind = ENTRY_RULE, .rule = want->rules[i] };
		bool there = false;
		int r;

		for (size_t k = 0; k < count; k++)
			there |= same_rule(&now[k], &e.rule);
		if (there)
			continue;
		r = step_begin(h, &e);
		if (r)
			return r;
		r = netlink_rule(&h->nl, RTNL_ADD, &e.rule);
		if (r)
			return step_fail(h, r, "cannot add", &e);
		step_made(h);
		++*changes;
	}
	return 0;
}

/* Those of our protocol number that are not wanted any more. */
static int drop_rules(struct host *h, const struct host_state *want,
		      const struct rtnl_rule *now, size_t count, int *changes)
{
	for (size_t i = 0; i < count; i++) {
		struct entry e = { .kind = ENTRY_RULE, .rule = now[i] };
		bool wanted = now[i].protocol != HOST_PROTOCOL ||
			      now[i].priority != HOST_RULE_PRIORITY ||
			      now[i].table != want->table;
		int r;

		for (size_t k = 0; k < want->rule_count; k++)
			wanted |= same_rule(&now[i], &want->rules[k]);
		if (wanted)
			continue;
		r = netlink_rule(&h->nl, RTNL_DELETE, &now[i]);
		if (r && r != -ENOENT)
			return step_fail(h, r, "cannot remove", &e);
		step_forget(h, &e);
		++*changes;
	}
	return 0;
}

/* A file (`f`) or a setting (`p`), the other one NULL. */
static int apply_content(struct host *h, const struct host_file *f,
			 const struct host_proc *p, int *changes)
{
	struct entry e = { .kind = f ? ENTRY_FILE : ENTRY_PROC };
	int r = f ? content_compare(f, &e) : content_compare_proc(p, &e);

	if (r < 0) {
		e.text = f ? f->path : (char *)p->path; /* borrowed */
		return step_fail(h, r, "cannot read", &e);
	}
	if (r == 1) {
		entry_fini(&e);
		return 0;
	}
	r = step_begin(h, &e);
	if (r == 0) {
		r = f ? content_write(f)
		      : content_write_proc(p->path, p->value, strlen(p->value));
		if (r)
			(void)step_fail(h, r, "cannot write", &e);
	}
	entry_fini(&e);
	if (r)
		return r;
	step_made(h);
	++*changes;
	return journal_settle(h->journal);
}

static int apply_procs(struct host *h, const struct host_state *want,
		       int *changes)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < want->proc_count; i++)
		r = apply_content(h, NULL, &want->procs[i], changes);
	return r;
}

static int apply_files(struct host *h, const struct host_state *want,
		       int *changes)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < want->file_count; i++)
		r = apply_content(h, &want->files[i], NULL, changes);
	return r;
}

/* The whole table in one transaction, so that it is never half there. */
static int run_nft(struct host *h, const struct host_state *want,
		   const struct entry *e)
{
	char why[NFT_WHY_MAX], what[STEP_WHAT_MAX], *script;
	const char *table = want->nft_table;
	int r;

	if (asprintf(&script,
		     "add table %s\ndelete table %s\ntable %s {\n%s}\n", table,
		     table, table, want->nft_content) < 0)
		return -ENOMEM;
	r = nft_run(script, why);
	free(script);
	if (r)
		snprintf(h->error, sizeof(h->error), "cannot make %s: %s",
			 entry_text(e, what, sizeof(what)), why);
	return r;
}

static int make_nft(struct host *h, const struct host_state *want)
{
	struct entry e = { .kind = ENTRY_NFT, .text = want->nft_table };
	int r = step_begin(h, &e);

	if (r)
		return r;
	r = run_nft(h, want, &e);
	if (r) {
		/* There may be no nft to undo it with, and nothing to undo. */
		if (h->recorded)
			step_forget(h, &e);
		return r;
	}
	step_made(h);
	/* What nft prints of it is what it must go on printing. */
	free(h->nft_made);
	h->nft_made = nft_list(want->nft_table);
	return h->nft_made ? 0 : -ENOMEM;
}

static int apply_nft(struct host *h, const struct host_state *want,
		     int *changes)
{
	bool same;
	char *now;
	int r;

	if (!want->nft_table)
		return 0;
	if (h->nft_made) {
		now = nft_list(want->nft_table);
		same = now && strcmp(now, h->nft_made) == 0;
		free(now);
		if (same)
			return 0;
	}
	r = make_nft(h, want);
	if (r)
		return r;
	++*changes;
	return 0;
}

int host_put_file(struct host *h, const struct host_file *f)
{
	int changes = 0;

	h->error[0] = '\0';
	return apply_content(h, f, NULL, &changes);
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
		r = apply_nft(h, want, changes);
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

static int reconcile_or_say(struct host *h, const struct host_state *want,
			    int *changes)
{
	int r;

	h->error[0] = '\0';
	r = reconcile(h, want, changes);
	if (r && h->error[0] == '\0')
		snprintf(h->error, sizeof(h->error),
			 "cannot read the host's network: %s", strerror(-r));
	return r;
}

int host_apply(struct host *h, const struct host_state *want)
{
	int changes = 0;

	return reconcile_or_say(h, want, &changes);
}

int host_verify(struct host *h, const struct host_state *want)
{
	int changes = 0;
	int r = reconcile_or_say(h, want, &changes);

	return r ? r : changes;
}
