/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The single comparisons of on-demand rules. Pure; for config/ondemand alone.
 */
#ifndef ADIT_CONFIG_ONDEMAND_MATCH_H
#define ADIT_CONFIG_ONDEMAND_MATCH_H

#include "config/ondemand.h"

enum { ONDEMAND_SUFFIX_BITS = 13 };

/* What a network's search domains may be in, by hash: a profile may list
 * thousands of domains, and hardly one of them is worth a comparison. */
struct ondemand_suffixes {
	bool any; /* there is a search domain */
	bool slots[1 << ONDEMAND_SUFFIX_BITS];
};

void ondemand_suffixes_init(struct ondemand_suffixes *s,
			    const struct ondemand_facts *f);

bool ondemand_match_interface(const struct profile_rule *rule,
			      const struct ondemand_facts *f);
bool ondemand_match_ssid(const struct profile_rule *rule,
			 const struct ondemand_facts *f);
bool ondemand_match_domain(const struct profile_rule *rule,
			   const struct ondemand_facts *f,
			   const struct ondemand_suffixes *s);
bool ondemand_match_servers(const struct profile_rule *rule,
			    enum profile_server_match how,
			    const struct ondemand_facts *f);

/* Is a name, in any case and with or without dots at its ends, one of these
 * domains or below one? "*" is every name, though not the root. */
bool ondemand_under_any(const char *name, char *const *domains, size_t count);
/* Do two names differ in case and a final dot alone? */
bool ondemand_same_name(const char *a, const char *b);

#endif
