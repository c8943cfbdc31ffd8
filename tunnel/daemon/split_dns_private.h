/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What split_dns.c and split_dns_status.c share, and nobody else. */
#ifndef ADIT_SPLIT_DNS_PRIVATE_H
#define ADIT_SPLIT_DNS_PRIVATE_H

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
	struct dns_host *host;
	struct dns_loop *loops; /* servers of the uplink that ask us */
	struct dns_plan *plan; /* held; NULL: names go as if we were not here */
	struct dns_lists *lists;
	struct lease lease; /* the last one that was seen; index 0: none */
	uint64_t lease_of;  /* its profile's fingerprint */

	enum dns_mode mode; /* in force */
	bool all_names;	    /* go to the tunnel's servers */
	uint64_t seen;	    /* digest of the last input */
	uint64_t reloads;

	/* For people; "": all is well. */
	char stub_problem[SPLIT_DNS_TEXT_MAX];
	char refused[SPLIT_DNS_TEXT_MAX];
};

#endif
