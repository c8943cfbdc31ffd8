/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * EvaluateConnection in the resolver: the ActionParameters of the rule that
 * matched, as names, and what one of them makes of an answer. The first one
 * that has a name decides about it; config/ondemand.h judges, so that `adit
 * explain network` and the resolver agree. Plain data that owns all it points
 * to; pure; any thread.
 */
#ifndef ADIT_DNS_ARMING_H
#define ADIT_DNS_ARMING_H

#include <stdbool.h>
#include <stddef.h>

#include "config/ondemand.h"
#include "dns/name.h"
#include "tunnel/base/attr.h"

/* One of the parameters. */
struct dns_need {
	size_t number;		  /* in ActionParameters, from 0 */
	struct dns_name *domains; /* in small letters; the root: every name */
	size_t domain_count;
	bool never; /* NeverConnect; nothing of the rest is there then */
	/* RequiredDNSServers: asked instead of the uplink's. */
	struct ip_addr *servers;
	size_t server_count;
	/* RequiredURLStringProbe, whether it was asked for, and its answer on
	 * this network; NULL: none. */
	char *url;
	bool requested;
	struct ondemand_answer answer;
};

struct dns_arming {
	struct dns_need *needs;
	size_t count;
};

/* 0 or -ENOMEM, and it is empty; NULL: it is empty. A domain that is no name is
 * left out. */
int dns_arming_init(struct dns_arming *a,
		    const struct profile_rule *rule) ATTR_MUST_CHECK;
void dns_arming_fini(struct dns_arming *a);

/* The parameter that decides about a name, in small letters; NULL: none has it.
 * Only hosts can be meant: no address that is asked for as a name, and by "*"
 * nothing below "arpa" (names of addresses, RFC 3172), which programs ask for
 * by themselves. `ret_domain` borrows. */
const struct dns_need *dns_arming_find(const struct dns_arming *a,
				       const struct dns_name *name,
				       const struct dns_name **ret_domain);
/* Is there a name that the uplink's servers are asked for first? */
bool dns_arming_asks_uplink(const struct dns_arming *a);

/* The next URL that nobody asked for; it is asked for now. NULL: none. */
const char *dns_arming_request(struct dns_arming *a);
/* False: it is no URL of these. */
bool dns_arming_answer(struct dns_arming *a, const char *url,
		       struct ondemand_answer answer);
/* Answers that `from`, of the same network, has for URLs of `a`. */
void dns_arming_carry(struct dns_arming *a, const struct dns_arming *from);
/* Another network: none is answered. */
void dns_arming_forget(struct dns_arming *a);

/* WORKS, or why a name starts the tunnel when who is asked says this. */
enum ondemand_why dns_need_judge(const struct dns_need *need,
				 enum ondemand_lookup lookup);

#endif
