/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lease: what the gateway gives an authenticated client. Travels as parts
 * of at most one control record each (PROTOCOL.md, "Lease"); the client
 * collects parts in any order. Everything is checked where it is parsed, so a
 * struct lease that exists is usable. Pure; any thread.
 */
#ifndef ADIT_CRYPTO_LEASE_H
#define ADIT_CRYPTO_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"
#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"

enum {
	LEASE_PARTS_MAX = 96,
	LEASE_HEADER_LEN = 8,
	LEASE_PART_MAX = 1100, /* bytes of TLVs in one part */
	LEASE_BODY_MAX = LEASE_HEADER_LEN + LEASE_PART_MAX,

	/* Answers a HELLO: the client's confirmation was right, and its wishes
	 * are agreed as the lease says. */
	LEASE_FLAG_CONFIRMED = 1 << 0,

	LEASE_ROUTES_MAX = 4096,
	LEASE_EXCLUDED_MAX = 1024,
	LEASE_DNS_MAX = 8,
	LEASE_DOMAINS_MAX = 1024,
	LEASE_NAME_MAX = DNS_NAME_MAX,
	LEASE_MTU_MIN = 576,
	LEASE_MTU_MAX = 9000,
};

struct lease_names {
	size_t count;
	char **name; /* lower case, without final dot */
};

struct lease_prefixes {
	size_t count;
	struct ip_prefix *prefix;
};

/* Zeroed is empty. Owns its arrays. */
struct lease {
	uint32_t index; /* of the session, never 0 in a session */
	/* The client's inner addresses with the length of the network they
	 * lie in; family 0 where the gateway gives none. */
	struct ip_prefix address4;
	struct ip_prefix address6;
	struct lease_prefixes routes;
	struct lease_prefixes excluded;
	struct ip_addr dns[LEASE_DNS_MAX];
	size_t dns_count;
	struct lease_names match;
	struct lease_names search;
	uint16_t mtu;	 /* inner, bytes */
	uint8_t lanes;	 /* 1 to 64 */
	uint32_t idle_s; /* gateway forgets a silent session after this */
	char gateway[LEASE_NAME_MAX + 1];
};

void lease_fini(struct lease *l);
/* Deep copy. 0 or -ENOMEM. */
int lease_copy(const struct lease *from, struct lease *ret_to);
/* Both append; 0, -ENOMEM, or -E2BIG at the limit above. */
int lease_add_prefix(struct lease_prefixes *list, const struct ip_prefix *p,
		     size_t max);
/* -EINVAL for what is no domain name. */
int lease_add_name(struct lease_names *list, const char *name);

/* The gateway's half: how many parts (or -E2BIG above LEASE_PARTS_MAX), and
 * one of them as the body of a LEASE message; returns bytes written. */
int lease_part_count(const struct lease *l);
size_t lease_build_part(const struct lease *l, unsigned int part, uint8_t flags,
			uint8_t buf[static LEASE_BODY_MAX]);

/* The client's half. Zeroed is empty. */
struct lease_collector {
	uint8_t parts; /* told by the first part that came; 0: none came */
	uint8_t have[LEASE_PARTS_MAX / 8]; /* bit i of byte i/8: part i */
	uint32_t index;
	struct {
		uint8_t *body;
		uint16_t len;
	} part[LEASE_PARTS_MAX];
};

void lease_collector_fini(struct lease_collector *c);
/* Takes one LEASE body. 1: it made the lease whole, 0: more to come, or had
 * it already, -EBADMSG: not a LEASE body, or of another lease; -ENOMEM. */
int lease_collect(struct lease_collector *c, const uint8_t *body, size_t len,
		  uint8_t *ret_flags);
bool lease_collector_whole(const struct lease_collector *c);
/* Parses a whole collection. 0; or -EBADMSG with a sentence for a person in
 * `ret_why` ("two IPv4 addresses"). */
int lease_parse(const struct lease_collector *c, struct lease *ret_lease,
		const char **ret_why) ATTR_MUST_CHECK;

#endif
