/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What the files split_dns*.c share, and nobody else. */
#ifndef ADIT_SPLIT_DNS_PRIVATE_H
#define ADIT_SPLIT_DNS_PRIVATE_H

#include <uv.h>

#include "crypto/lease.h"
#include "dns/stub.h"
#include "tunnel/daemon/dns_host.h"
#include "tunnel/daemon/dns_lists.h"
#include "tunnel/daemon/dns_loop.h"
#include "tunnel/daemon/split_dns.h"

enum {
	SPLIT_DNS_TEXT_MAX = 320,
};

struct split_dns {
	struct split_dns_options o;
	bool ending;

	struct dns_forwarder *forwarder;
	struct dns_stub *stub;		      /* NULL: not needed yet */
	struct dns_upstream *tunnel, *uplink; /* NULL: not now */
	/* RequiredDNSServers, by the number of the parameter; NULL: it has
	 * none. */
	struct dns_upstream **required;
	size_t required_count;
	struct dns_host *host;
	struct dns_loop *loops; /* servers of the uplink that ask us */
	struct dns_plan *plan; /* held; NULL: names go as if we were not here */
	struct dns_lists *lists;
	struct lease lease; /* the last one that was seen; index 0: none */
	uint64_t lease_of;  /* its profile's fingerprint */
	uint64_t kept;	    /* digest of the one in the file */
	uint64_t looked_of; /* profile for which the file was looked at */

	enum dns_mode mode; /* in force */
	bool all_names;	    /* go to the tunnel's servers */
	bool is_unknown;    /* whose names are: the gateway has yet to say */
	uint64_t seen;	    /* digest of the last input */
	uint64_t reloads;

	/* What starts the tunnel, told when we are back in the loop: it may be
	 * an edge, and those who ask are in the middle of one or of an answer.
	 */
	uv_timer_t pull;
	struct dns_name pulled;
	enum ondemand_why pulled_why;

	/* For people; "": all is well. */
	char stub_problem[SPLIT_DNS_TEXT_MAX];
	char refused[SPLIT_DNS_TEXT_MAX];
};

/* split_dns_armed.c */
/* The callbacks of the forwarder that are about names which may start the
 * tunnel; their argument is the struct split_dns. */
void split_dns_armed_options(struct dns_forwarder_options *o);
void split_dns_armed_create(struct split_dns *d);
/* The struct is freed when the loop has run. */
void split_dns_armed_end(struct split_dns *d);
/* Upstreams for what is not NULL of an arming; those before are given back. */
struct dns_upstream **required_replace(struct split_dns *d,
				       const struct dns_arming *a,
				       size_t *ret_count);
void required_release(struct dns_upstream **required, size_t count);

#endif
