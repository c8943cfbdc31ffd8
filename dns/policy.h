/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose a name is: the tunnel's, the uplink's, blocked or fixed, and why. And
 * what a short name is completed to. The order (profile.md 0a, section 3):
 *
 *   1. the gateway's names, and TrustedProbe's host      uplink
 *   2. localhost and below                               fixed
 *   3. ".local", link-local reverse zones                uplink
 *   4. reverse zones of the lease's prefixes             tunnel
 *   5. a name that our own search list completed         tunnel
 *   6. match domains, most labels first, then in order   tunnel
 *   7. a block list                                      blocked
 *   8. the tunnel if it has the default route, or the
 *      match domain ""                                   tunnel
 *   9. the rest                                          uplink
 *
 * A match domain is not subject to the block lists: the administrator named
 * it. While the tunnel is not wanted nothing of this holds, and everything is
 * the uplink's; the caller knows. Plain data; pure; any thread.
 */
#ifndef ADIT_DNS_POLICY_H
#define ADIT_DNS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"
#include "tunnel/base/attr.h"

struct dns_blocklist;

enum dns_route {
	DNS_ROUTE_UPLINK,
	DNS_ROUTE_TUNNEL,
	DNS_ROUTE_BLOCKED,
	DNS_ROUTE_FIXED,
	DNS_ROUTE_COUNT,
};

enum dns_because {
	DNS_BECAUSE_GATEWAY,	/* it names the gateway, or the probe's host */
	DNS_BECAUSE_LOCALHOST,	/* RFC 6761, 6.3 */
	DNS_BECAUSE_LOCAL,	/* ".local" (RFC 6762) or link-local reverse */
	DNS_BECAUSE_REVERSE,	/* an address of the lease */
	DNS_BECAUSE_COMPLETED,	/* by a search domain of ours */
	DNS_BECAUSE_MATCH,	/* a match domain */
	DNS_BECAUSE_LIST,	/* a block list has it */
	DNS_BECAUSE_LISTS_FAIL, /* a list cannot be read, and that blocks */
	DNS_BECAUSE_DEFAULT,	/* the tunnel has the default route, or "" */
	DNS_BECAUSE_OUTSIDE,	/* of all match domains */
	DNS_BECAUSE_NO_DOMAINS, /* there are none: the servers go unused */
	DNS_BECAUSE_NOT_COMPLETED, /* single label, and no search domain */
	DNS_BECAUSE_COUNT,
};

enum {
	DNS_CANDIDATES_MAX = 64,
	DNS_TUNNEL_NONE = -1,
};

/* One tunnel's domains; several tunnels are in one policy in the order of
 * their profiles (one of them is up; the others are for explaining). */
struct dns_zone {
	struct dns_name name; /* the root: every name */
	int tunnel;
};

/* Owns its arrays; zeroed is "everything is the uplink's". Fill with the
 * functions below; names are kept in small letters. */
struct dns_policy {
	struct dns_name *uplink; /* gateway's names and the like */
	size_t uplink_count;
	struct dns_name *reverse; /* of the lease */
	size_t reverse_count;
	struct dns_zone *match; /* in the order of the profile */
	size_t match_count;
	struct dns_zone *search; /* ours: SearchDomains, then match domains */
	size_t search_count;
	struct dns_name *system_search; /* the uplink's */
	size_t system_search_count;
	int default_tunnel; /* that has the default route; DNS_TUNNEL_NONE */
	const struct dns_blocklist *blocklist; /* borrowed, or NULL */
	bool lists_fail_closed; /* a list could not be read, and blocks all */
};

void dns_policy_init(struct dns_policy *p);
void dns_policy_fini(struct dns_policy *p);
/* 0, -EINVAL (no name) or -ENOMEM. Doubles are left out where the order says
 * so. */
int dns_policy_add_uplink(struct dns_policy *p, const char *name);
int dns_policy_add_reverse(struct dns_policy *p, const struct ip_prefix *of);
int dns_policy_add_match(struct dns_policy *p, const char *domain, int tunnel);
int dns_policy_add_search(struct dns_policy *p, const char *domain, int tunnel);
int dns_policy_add_system_search(struct dns_policy *p, const char *domain);

struct dns_decision {
	enum dns_route route;
	int tunnel; /* DNS_ROUTE_TUNNEL: which; and */
	int next;   /* which on its failure (equal match), or DNS_TUNNEL_NONE */
	enum dns_because because;
	/* The suffix that decided; `has_match` false: none did. */
	bool has_match;
	struct dns_name match;
};

void dns_policy_decide(const struct dns_policy *p, const struct dns_name *name,
		       struct dns_decision *ret_decision);

/* A full name to ask, and who is asked. */
struct dns_candidate {
	struct dns_name name;
	struct dns_decision decision;
};

/* What to ask for a name, in order: one candidate for a name with a dot (or
 * written with a final one); for a single label its completions, each once, at
 * most DNS_CANDIDATES_MAX. The next one is for a name error only. None at all:
 * the label stays unanswered, with `because` NOT_COMPLETED. */
size_t dns_policy_candidates(
	const struct dns_policy *p, const struct dns_name *name, bool is_full,
	struct dns_candidate ret_candidates[static DNS_CANDIDATES_MAX]);

/* "it is in match domain corp.example": a sentence. Returns buf. */
const char *dns_decision_text(const struct dns_decision *d, char *buf,
			      size_t size);
/* "tunnel", "uplink", "blocked", "fixed": stable. */
const char *dns_route_name(enum dns_route route);

#endif
