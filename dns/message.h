/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS messages (RFC 1035, 4; EDNS: RFC 6891; Extended DNS Errors: RFC 8914).
 * Outside bytes are read through a bounded cursor, and a message is looked at
 * whole before anything of it is used. Pure; any thread.
 *
 * What an upstream answers is kept as `struct dns_answer`: the message without
 * OPT, checked, with the places of its TTLs, so that it can be given again to
 * anybody who asks the same question by copying it. Only an answer that gets
 * another question name (a completed short name) is taken apart and built
 * anew.
 */
#ifndef ADIT_DNS_MESSAGE_H
#define ADIT_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"
#include "tunnel/base/attr.h"

enum {
	DNS_PORT = 53,
	DNS_TLS_PORT = 853,
	DNS_HEADER_LEN = 12,
	DNS_MESSAGE_MAX = 65535,
	DNS_PLAIN_UDP_MAX = 512,
	DNS_EDNS_UDP_SIZE = 1232, /* what we say and grant on UDP */
	/* Header, one question, OPT with one error text. */
	DNS_SHORT_MAX = 512,
	DNS_ERROR_TEXT_MAX = 200, /* what is longer is cut */
	/* So long may we, and who caches after us, hold that there is none. */
	DNS_NEGATIVE_TTL_MAX_S = 5,
};

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_SRV = 33,
	DNS_TYPE_DNAME = 39,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_DS = 43,
	DNS_TYPE_DNSKEY = 48,
	DNS_TYPE_SVCB = 64,
	DNS_TYPE_HTTPS = 65,
	DNS_TYPE_IXFR = 251,
	DNS_TYPE_AXFR = 252,
	DNS_TYPE_ANY = 255,
	DNS_CLASS_IN = 1,
};

enum dns_rcode {
	DNS_RCODE_NOERROR = 0,
	DNS_RCODE_FORMERR = 1,
	DNS_RCODE_SERVFAIL = 2,
	DNS_RCODE_NXDOMAIN = 3,
	DNS_RCODE_NOTIMP = 4,
	DNS_RCODE_REFUSED = 5,
	DNS_RCODE_BADVERS = 16,
};

/* Of RFC 8914's registry, those that we say. */
enum dns_error {
	DNS_ERROR_NONE = -1,
	DNS_ERROR_OTHER = 0,
	DNS_ERROR_BLOCKED = 15,
	DNS_ERROR_FILTERED = 17,
	DNS_ERROR_PROHIBITED = 18,
	DNS_ERROR_NOT_READY = 14,
	DNS_ERROR_NO_AUTHORITY = 22, /* no server could be reached */
	DNS_ERROR_NETWORK = 23,
};

/* The question and what else of a query we heed. */
struct dns_query {
	uint16_t id;
	uint8_t opcode; /* 0 but with DNS_QUERY_NOTIMP */
	bool recursion_desired;
	bool checking_disabled;
	bool authentic_data;  /* RFC 6840, 5.7: asks for it */
	struct dns_name name; /* in the client's letters */
	uint16_t type, class;
	bool edns;
	bool dnssec_ok;
	uint16_t udp_size; /* what the client takes; DNS_PLAIN_UDP_MAX at least
			    */
};

/* What to do with a datagram or TCP message of a client. */
enum dns_verdict {
	DNS_QUERY_GOOD,
	DNS_QUERY_SILENCE, /* no header, or a response: nothing goes back */
	DNS_QUERY_FORMERR, /* the rest is answered with this code */
	DNS_QUERY_NOTIMP,
	DNS_QUERY_BADVERS,
	DNS_QUERY_REFUSED, /* a class but IN, or a zone transfer */
};

/* Writes of *ret_query what it understood; with a verdict that is answered the
 * header's part is there, with BADVERS and REFUSED all, else `name.len` is 0.
 * No question is FORMERR, so are two (RFC 9619), or records where a query has
 * none. Of additional records only OPT counts. Bytes behind the message are
 * ignored: no RFC forbids them, BIND and unbound ignore them, too. */
enum dns_verdict dns_query_parse(const uint8_t *bytes, size_t len,
				 struct dns_query *ret_query);

/* A query of ours: header, question, OPT of DNS_EDNS_UDP_SIZE unless `edns` is
 * false. Returns its length; the buffer is long enough. */
size_t dns_query_build(const struct dns_query *q,
		       uint8_t buf[static DNS_SHORT_MAX]);

/* One answer of an upstream, whole and checked. Owns `message`, in which `ttls`
 * is, too; zeroed is empty. The question is in small letters (0x20's are ours
 * alone); id, flags and TTLs are to be set anew for each who gets it, see
 * dns_answer_build(). */
struct dns_answer {
	uint8_t *message; /* without OPT */
	uint16_t len;
	uint16_t *ttls; /* offsets of the TTL fields */
	uint16_t ttl_count;
	uint16_t question_len; /* the name's, at DNS_HEADER_LEN */
	uint16_t answers;      /* records of the answer section */
	uint16_t authority_at, additional_at; /* where these sections begin */
	uint16_t rcode;			      /* with OPT's eight bits */
	bool negative;
	/* The least of all; of a negative answer RFC 2308's, and at most
	 * DNS_NEGATIVE_TTL_MAX_S; 0: not to be kept. */
	uint32_t ttl_s;
	int error; /* an info code that the upstream gave, or NONE */
};

enum dns_reply_fault {
	DNS_REPLY_OK,
	DNS_REPLY_MALFORMED,
	DNS_REPLY_WRONG_ID,
	DNS_REPLY_WRONG_QUESTION, /* name, type or class */
	DNS_REPLY_WRONG_CASE,	  /* 0x20: the letters are not as sent */
	DNS_REPLY_TRUNCATED,	  /* TC: ask again over TCP */
	DNS_REPLY_NO_EDNS, /* it does not know OPT (RFC 6891, 7): ask without */
	DNS_REPLY_NO_MEMORY,
	DNS_REPLY_FAULTS,
};

/* Holds a message against the query that was sent (its id and its letters).
 * `ret_answer` is written with DNS_REPLY_OK only. A question that is missing
 * is as wrong as another, except in FORMERR. Records that follow OPT are left
 * out, and all records of an error; TTLs are put right (RFC 2181, 8), those of
 * a negative answer's authority are no more than `ttl_s`. */
enum dns_reply_fault dns_answer_parse(const uint8_t *bytes, size_t len,
				      const struct dns_query *sent,
				      struct dns_answer *ret_answer);
void dns_answer_fini(struct dns_answer *a);
/* NXDOMAIN, or NOERROR without a record of the type that was asked for. */
bool dns_answer_is_negative(const struct dns_answer *a);
/* Walks the A and AAAA records of the answer section, for rebinding
 * protection: start with *at = 0. False: there is none more. */
bool dns_answer_address(const struct dns_answer *a, size_t *at,
			struct ip_addr *ret_addr);
/* Is one of the addresses such that its HTTPS and SVCB records hint at (RFC
 * 9460, 7.3)? Browsers connect there without a look-up. */
bool dns_answer_hints(const struct dns_answer *a,
		      bool (*is_such)(const struct ip_addr *addr));

struct dns_error_text {
	int code;	  /* enum dns_error; NONE: no option */
	const char *text; /* NULL or a sentence */
};

/* The answer for one client: its id, its letters, TTLs less `age_s`, its EDNS.
 * What is longer than `max` (DNS_SHORT_MAX at least) goes without its
 * additional section, else without any, and with TC. `full`, if not NULL, is
 * the name under which the answer was got: a CNAME from the client's name to
 * it goes first. Without `error` the upstream's is given on. Returns the
 * length. */
size_t dns_answer_build(const struct dns_answer *a, const struct dns_query *q,
			const struct dns_name *full, uint32_t age_s,
			const struct dns_error_text *error, uint8_t *buf,
			size_t max);
/* An answer without records. */
size_t dns_error_build(const struct dns_query *q, enum dns_rcode rcode,
		       const struct dns_error_text *error,
		       uint8_t buf[static DNS_SHORT_MAX]);
/* A fixed answer: addresses for A or AAAA, else NODATA. */
size_t dns_fixed_build(const struct dns_query *q, const struct ip_addr *addr,
		       size_t count, uint32_t ttl_s,
		       uint8_t buf[static DNS_SHORT_MAX]);

#endif
