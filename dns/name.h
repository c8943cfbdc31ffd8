/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Domain names: as text, which profiles, certificates and leases hold, and in
 * wire form, which the resolver works on. Comparison is by whole labels and
 * without case (RFC 4343). Plain values; pure; any thread.
 */
#ifndef ADIT_DNS_NAME_H
#define ADIT_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"

enum {
	DNS_NAME_MAX = 253, /* RFC 1035, as text without the final dot */
	DNS_LABEL_MAX = 63,
	DNS_WIRE_MAX = 255,  /* RFC 1035, with the root's zero */
	DNS_TEXT_MAX = 1016, /* each byte as \DDD; final zero included */
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

/* Uncompressed wire form: labels with their lengths, then the root's zero.
 * The letters keep their case. */
struct dns_name {
	uint8_t len; /* 1 is the root */
	uint8_t wire[DNS_WIRE_MAX];
};

/* Takes any byte ("\." and "\DDD" as in RFC 1035, 5.1); a final dot is
 * allowed, "" and "." are the root. 0 or -EINVAL. */
int dns_name_from_text(const char *text,
		       struct dns_name *ret_name) ATTR_MUST_CHECK;
/* Without a final dot, "." for the root; what is no plain character is
 * escaped. Returns buf. */
const char *dns_name_text(const struct dns_name *n,
			  char buf[static DNS_TEXT_MAX]);

/* Of two labels, each with its length before it. */
bool dns_label_equal(const uint8_t *a, const uint8_t *b);
/* Labels without the root. */
unsigned int dns_name_labels(const struct dns_name *n);
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);
/* Is it this suffix, or below it? Everything is under the root. */
bool dns_name_under(const struct dns_name *n, const struct dns_name *suffix);
/* The last `labels` labels of a name that has as many. */
void dns_name_tail(const struct dns_name *n, unsigned int labels,
		   struct dns_name *ret_tail);
/* Letters become small. */
void dns_name_lower(struct dns_name *n);
/* 0, or -ENAMETOOLONG. */
int dns_name_join(const struct dns_name *n, const struct dns_name *suffix,
		  struct dns_name *ret_name) ATTR_MUST_CHECK;

/* The reverse zones that cover a prefix (RFC 1035, 3.5; RFC 3596, 2.5), for a
 * length between two label borders those of all networks at the next border:
 * at most 128, or 8 for IPv6. Returns how many. */
enum {
	DNS_REVERSE_MAX = 128,
};
size_t dns_name_reverse(const struct ip_prefix *p,
			struct dns_name ret_zones[static DNS_REVERSE_MAX]);

#endif
