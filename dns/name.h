/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Domain names as text: what profiles, certificates and leases may name.
 * Pure; any thread. The wire form and suffixes come with the resolver.
 */
#ifndef ADIT_DNS_NAME_H
#define ADIT_DNS_NAME_H

#include <stddef.h>

enum {
	DNS_NAME_MAX = 253, /* RFC 1035, without the final dot */
	DNS_LABEL_MAX = 63,
};

enum dns_name_fault {
	DNS_NAME_OK,
	DNS_NAME_EMPTY,
	DNS_NAME_LONG,	    /* over DNS_NAME_MAX */
	DNS_NAME_LABEL,	    /* a label that is empty or too long */
	DNS_NAME_NOT_ASCII, /* should be an A-label, "xn--..." */
	DNS_NAME_CHARACTER,
};

/* Letters, digits, "-" and "_" (RFC 8552) in labels of 1 to 63 (RFC 1035,
 * 2.3.4), no final dot. The text needs no final zero. */
enum dns_name_fault dns_name_check(const char *name, size_t len);

#endif
