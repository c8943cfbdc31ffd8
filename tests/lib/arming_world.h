/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A forwarder (forwarder_world.h) that a rule with EvaluateConnection has
 * armed. The profile is made of the rule's parameters, as rules.h has them; the
 * tunnel has the match domain corp.example, and its gateway is vpn.example.com.
 */
#ifndef ADIT_TESTS_ARMING_WORLD_H
#define ADIT_TESTS_ARMING_WORLD_H

#include "dns/blocklist.h"
#include "tests/lib/forwarder_world.h"
#include "tests/lib/rules.h"

#define NEVER(list) "{'DomainAction': 'NeverConnect', 'Domains': [" list "]}"
#define NEEDED(list) \
	"{'DomainAction': 'ConnectIfNeeded', 'Domains': [" list "]}"
#define NEEDED_WITH(list, more) \
	"{'DomainAction': 'ConnectIfNeeded', 'Domains': [" list "], " more "}"
#define NED NEVER("'my.example.com'") "," NEEDED("'example.com'")
#define SERVERS "'RequiredDNSServers': ['10.0.0.53']"
#define URL "https://p.example.com/"
#define PROBE "'RequiredURLStringProbe': '" URL "'"
#define EVERY NEEDED("'*'")

enum {
	REDIRECT = 99, /* last byte of the address of a resolver that lies */
};

extern struct arming_world {
	struct rules_world *rules;
	struct dns_blocklist *blocked; /* NULL: none */
} arming_world;

enum says {
	NOT_ASKED,
	ADDRESS,
	NO_RECORD,
	NAME_ERROR,
	SERVER_FAILURE,
	SILENCE,
	NO_ROUTE,
	LIE, /* the address that the random name got, too */
};

void arming_world_init(void);
void arming_world_fini(void);

/* The rule that matches from now on; no edge. */
void arming_rule(const char *parameters);
void arming_enter(enum dns_mode mode, bool hold, uint64_t generation);
/* Both, armed on network 1, which has an honest resolver. */
void arming_arm(const char *parameters);
/* After a trigger. */
void arming_come_up(void);

/* What was asked for to find redirecting resolvers. */
bool arming_is_random(const struct asked *a);
size_t arming_randoms(void); /* under way */
/* All of these are answered; `address` is for A alone. */
void arming_random_is(enum dns_rcode rcode, const uint8_t *address);
/* What the side with number `i` says. */
void arming_answer(size_t i, enum says says);
/* A name that waits is asked through the tunnel, once that is up; nothing else
 * is under way. */
void arming_held_until_up(struct forwarder_client *c);

#endif
