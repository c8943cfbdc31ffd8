/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose a name is: the tunnel's, the uplink's, blocked or fixed, and why. And
 * what a short name is completed to. The order:
 *
 *   1. the gateway's names, and TrustedProbe's host      uplink
 *   2. localhost and below                               fixed
 *   3. ".local", link-local reverse zones                uplink
 *   4. reverse zones of the lease's prefixes             tunnel
 *   5. a name that our own search list completed         tunnel
 *   6. match domains, most labels first, then in order   tunnel
 *   6a. one label in front of a search domain of ours:
 *      somebody completed it before he asked             tunnel
 *   6b. a name of 6 or 6a in front of a search domain of
 *      the uplink: libc tries that when the name fails,
 *      and who owns the network would answer it          tunnel
 *   7. a block list                                      blocked
 *   8. a ConnectIfNeeded domain of the rule that armed   tunnel
 *   9. the tunnel if it has the default route, or the
 *      match domain ""                                   tunnel
 *  10. the rest                                          uplink
 *
 * A name of the gateway is that name alone and not what is below it: the
 * gateway may be called like a match domain. A match domain is not subject to
 * the block lists: the administrator named it. A short name is completed even
 * if it is a match domain ("corp" is corp.corp, and "corp." the domain).
 *
 * That is the tunnel that is up. While it is not, the forwarder takes back what
 * `need` says: a NeverConnect name is the uplink's, in a match domain too, and
 * a ConnectIfNeeded name is the uplink's (or of RequiredDNSServers) until it
 * has started the tunnel.
 *
 * While the tunnel is not wanted nothing of this holds, and everything is the
 * uplink's; the caller knows. Plain data; pure; any thread.
 */
#ifndef ADIT_DNS_POLICY_H
#define ADIT_DNS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/arming.h"
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
	DNS_BECAUSE_PROLONGED,	/* one of these, and the uplink's domain */
	DNS_BECAUSE_LIST,	/* a block list has it */
	DNS_BECAUSE_LISTS_FAIL, /* a list cannot be read, and that blocks */
	DNS_BECAUSE_NEEDED,	/* a ConnectIfNeeded domain */
	DNS_BECAUSE_EXEMPT,	/* a NeverConnect domain, and it is not up */
	DNS_BECAUSE_ADDRESS,	/* REVERSE, which starts no tunnel */
	DNS_BECAUSE_DEFAULT,	/* the tunnel has the default route, or "" */
	DNS_BECAUSE_OUTSIDE,	/* of all match domains */
	DNS_BECAUSE_NO_DOMAINS, /* there are none: the servers go unused */
	DNS_BECAUSE_NOT_COMPLETED, /* single label, and no search domain */
	DNS_BECAUSE_NOT_YET,	   /* the tunnel will have the default route */
	DNS_BECAUSE_OFF,	   /* the tunnel is not wanted */
	DNS_BECAUSE_COUNT,
};

enum {
	DNS_CANDIDATES_MAX = 64,
	DNS_TUNNEL_NONE = -1,
};

/* One tunnel's domain; several tunnels are in one policy in the order of their
 * profiles (one of them is up; the others are for explaining). */
struct dns_zone {
	struct dns_name name; /* the root: every name */
	int tunnel;
	int next; /* another tunnel that has it, too; DNS_TUNNEL_NONE */
};

/* Whose names of addresses are a tunnel's. */
struct dns_network {
	struct ip_prefix prefix;
	int tunnel;
};

/* Owns its arrays; initialised, it is "everything is the uplink's". Fill it
 * with the functions below; names are kept in small letters, each once. */
struct dns_policy {
	struct dns_name *uplink; /* gateway's names and the like */
	size_t uplink_count;
	struct dns_network *reverse; /* of the lease */
	size_t reverse_count;
	struct dns_zone *match; /* in the order of the profile */
	size_t match_count;
	uint32_t *slots; /* match by hash: its index + 1, or 0 */
	size_t slot_count;
	struct dns_zone *search; /* ours: SearchDomains, then match domains */
	size_t search_count;
	struct dns_name *system_search; /* the uplink's; none of ours is here */
	size_t system_search_count;
	struct dns_arming arming; /* empty: no EvaluateConnection matched */
	int arming_tunnel;
	int default_tunnel; /* that has the default route; DNS_TUNNEL_NONE */
	const struct dns_blocklist *blocklist; /* borrowed, or NULL */
	bool lists_fail_closed; /* a list could not be read, and blocks all */
};

void dns_policy_init(struct dns_policy *p);
void dns_policy_fini(struct dns_policy *p);
/* 0, -EINVAL (no name) or -ENOMEM. Dots at both ends are left off. A name that
 * is there already is left out; so are the root and reverse zones as search
 * domains, and an address as a name of the uplink's. */
int dns_policy_add_uplink(struct dns_policy *p, const char *name);
int dns_policy_add_reverse(struct dns_policy *p, const struct ip_prefix *of,
			   int tunnel);
int dns_policy_add_match(struct dns_policy *p, const char *domain, int tunnel);
int dns_policy_add_search(struct dns_policy *p, const char *domain, int tunnel);
int dns_policy_add_system_search(struct dns_policy *p, const char *domain);

struct dns_decision {
	enum dns_route route;
	int tunnel; /* DNS_ROUTE_TUNNEL: which; and */
	int next;   /* which on its failure (equal match), or DNS_TUNNEL_NONE */
	enum dns_because because;
	/* That the rule which armed has for it, whatever decided; NULL: none.
	 * Borrowed from the policy. */
	const struct dns_need *need;
	/* The suffix of the profile's, the lease's or a list's that decided;
	 * `has_match` false: none did. */
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

/* What to ask for a name, in order and in small letters: one candidate for a
 * name with a dot, or written with a final one; for a single label its
 * completions, each once, at most DNS_CANDIDATES_MAX. The next one is for a
 * name error only. None at all: the label stays unanswered (a name error),
 * because NOT_COMPLETED. "localhost" and "local" are not completed; a gateway
 * of one label is, by the uplink's list alone, and then asked as it is. */
size_t dns_policy_candidates(
	const struct dns_policy *p, const struct dns_name *name, bool is_full,
	struct dns_candidate ret_candidates[static DNS_CANDIDATES_MAX]);

enum {
	DNS_DECISION_TEXT_MAX = DNS_TEXT_MAX + 96,
};

/* "it is in match domain corp.example": a sentence. Returns buf. */
const char *dns_decision_text(const struct dns_decision *d,
			      char buf[static DNS_DECISION_TEXT_MAX]);
/* "tunnel", "uplink", "blocked", "fixed": stable. */
const char *dns_route_name(enum dns_route route);

#endif
