/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A forwarder between a test's clients and two sides of which the test knows
 * what they are asked, and says when they answer and what. Its policy has the
 * match domain corp.example, the search domains s1.example and s2.example, and
 * the uplink's lan.
 */
#ifndef ADIT_TESTS_FORWARDER_WORLD_H
#define ADIT_TESTS_FORWARDER_WORLD_H

#include "dns/forwarder.h"

enum {
	ASKS_MAX = DNS_REQUESTS_MAX + 64,
	INNER = 1, /* last byte of the addresses that the two sides give */
	OUTER = 2,
};

/* What the forwarder asked of a side and has not heard of. */
struct asked {
	struct dns_ask *ask;
	struct dns_query query;
	enum dns_route route;
	const struct dns_need *need; /* RequiredDNSServers; NULL: a side's */
};

extern struct forwarder_world {
	struct dns_forwarder *f;
	uint64_t now_ns;
	struct asked asked[ASKS_MAX];
	size_t asked_count;
	uint64_t asks, cancels, triggers;
	enum ondemand_why why; /* of the last trigger */
	void (*on_trigger)(void);
	uint64_t probes; /* that were needed; the last one: */
	uint64_t probe_generation;
	char probe_url[256];
} forwarder_world;

/* A client that keeps what it was told. */
struct forwarder_client {
	struct dns_request request;
	unsigned int answers;
	size_t len;
	uint8_t bytes[2048];
};

/* The last byte of its first A record, 0 without one; the CNAMEs before it, and
 * the code of its Extended DNS Error (-1). */
struct forwarder_seen {
	int address, cnames, error;
	uint32_t ttl_s;
};

void forwarder_world_init(void);
void forwarder_world_fini(void);
void forwarder_enter(enum dns_mode mode, bool hold);
void forwarder_enter_with_policy(enum dns_mode mode, bool guarded);
void forwarder_client_done(struct dns_request *r, const uint8_t *bytes,
			   size_t len);
void forwarder_ask_type(struct forwarder_client *c, const char *name,
			uint16_t type);
void forwarder_ask(struct forwarder_client *c, const char *name);
void forwarder_side_says(size_t i, enum dns_rcode rcode, const uint8_t *address,
			 uint32_t ttl_s);
void forwarder_side_answers(size_t i);
void forwarder_side_fails(size_t i, enum dns_ask_result result);
int forwarder_rcode(const struct forwarder_client *c);
struct forwarder_seen forwarder_look(const struct forwarder_client *c);

#endif
