/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a profile, the gateway's lease and the uplink together say about DNS:
 * the policy, and the tunnel's servers. aditd and `adit explain dns` both make
 * it here, so that they cannot disagree. Owns everything but the block list.
 * Pure, except for the loader of lists; any thread.
 *
 * The profile's DNS dictionary, if it is there, replaces all that the lease
 * says about DNS, and nothing is mixed: servers of the one would be asked for
 * domains of the other, which they need not know. So a dictionary without
 * match domains has none, whatever the lease says (`profile check` warns).
 *
 * Without a lease (offline) the profile's Routes stand for it, and a profile
 * without DNS is taken to get servers, but no domains, from the gateway.
 */
#ifndef ADIT_DNS_SETTINGS_H
#define ADIT_DNS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/profile.h"
#include "dns/policy.h"
#include "tunnel/base/addr.h"

struct lease;

/* All borrowed. */
struct dns_settings_input {
	const struct profile *profile;
	const struct lease *lease;	  /* NULL: none yet, or offline */
	const char *const *system_search; /* of the uplink */
	size_t system_search_count;
	/* EvaluateConnection's, that matched; NULL: none. */
	const struct profile_rule *rule;
	bool full; /* the tunnel has the default route, whatever they say */
	const struct dns_blocklist *blocklist; /* outlives the settings */
	bool lists_unread;		       /* not every list was read */
	int tunnel;			       /* the number in the policy */
};

struct dns_settings {
	struct dns_policy policy;
	enum profile_dns_protocol protocol; /* the lease's are in clear text */
	struct ip_addr *servers;
	size_t server_count;
	char *server_name; /* for TLS; NULL else */
	bool is_full;	   /* the tunnel has the default route */
};

/* 0 or -ENOMEM. */
int dns_settings_init(struct dns_settings *s,
		      const struct dns_settings_input *in) ATTR_MUST_CHECK;
void dns_settings_fini(struct dns_settings *s);

/* Reads the block lists that a profile names; each that can be read acts. 0
 * (and no list when none is named), or what the first one that cannot be read
 * said: `ret_unread` is its file, and the others are loaded all the same. */
int dns_settings_read_lists(const struct profile *p,
			    struct dns_blocklist **ret_lists,
			    const char **ret_unread) ATTR_MUST_CHECK;

#endif
