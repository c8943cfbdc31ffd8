/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the host is to be told, with texts of its own: made from a policy once,
 * and then only read, also by the thread that carries it out. Counted: each who
 * keeps one holds it. Control thread, except for reading.
 */
#ifndef ADIT_DAEMON_DNS_PLAN_H
#define ADIT_DAEMON_DNS_PLAN_H

#include <stdbool.h>

#include "tunnel/host/dns_owner.h"

struct dns_policy;

struct dns_plan {
	struct dns_owner_plan owner; /* its texts are ours */
	char **match, **search;
	size_t domain_count;	   /* of match; the rest are for routing */
	size_t needed_count;	   /* the last of these are ConnectIfNeeded's */
	const char *canary_domain; /* a name under it must reach the stub */
	unsigned int holders;
};

/* Held once. NULL: out of memory. */
struct dns_plan *dns_plan_create(const struct dns_policy *policy,
				 const struct endpoint *stub, bool everything);
/* Both take NULL; hold returns it. */
struct dns_plan *dns_plan_hold(struct dns_plan *p);
void dns_plan_release(struct dns_plan *p);
bool dns_plan_same(const struct dns_plan *a, const struct dns_plan *b);

#endif
