/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * IP addresses, prefixes and endpoints as plain values, and their text
 * (RFC 5952 for IPv6). Pure; any thread.
 */
#ifndef ADIT_BASE_ADDR_H
#define ADIT_BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	ADDR_TEXT_MAX = 46,	/* INET6_ADDRSTRLEN, final zero included */
	PREFIX_TEXT_MAX = 50,	/* "/128" more */
	ENDPOINT_TEXT_MAX = 54, /* "[...]:65535" */
};

/* family: AF_INET (4 bytes used, the rest zero), AF_INET6, or 0 for none. */
struct ip_addr {
	uint8_t family;
	uint8_t bytes[16];
};

struct ip_prefix {
	struct ip_addr addr;
	uint8_t len; /* bits, 0 to 32 or 128 */
};

struct endpoint {
	struct ip_addr addr;
	uint16_t port; /* host order */
	uint32_t scope_id;
};

/* Between one of our addresses and somebody's. */
struct path {
	struct endpoint remote;
	struct ip_addr local; /* family 0: the kernel's choice */
};

/* Parsers return 0 or -EINVAL and take the whole text or nothing. */
int addr_parse(const char *text, struct ip_addr *ret_addr);
/* "10.0.0.0/8"; without "/n" one address. Host bits are kept. */
int prefix_parse(const char *text, struct ip_prefix *ret_prefix);
/* "192.0.2.1:443" or "[2001:db8::1]:443". */
int endpoint_parse(const char *text, struct endpoint *ret_endpoint);

/* Formatters write into the caller's array and return it. */
const char *addr_text(const struct ip_addr *a, char buf[static ADDR_TEXT_MAX]);
const char *prefix_text(const struct ip_prefix *p,
			char buf[static PREFIX_TEXT_MAX]);
const char *endpoint_text(const struct endpoint *e,
			  char buf[static ENDPOINT_TEXT_MAX]);

/* Bits in an address of this family: 32 or 128. */
uint8_t addr_bits(const struct ip_addr *a);
size_t addr_size(const struct ip_addr *a);
bool addr_equal(const struct ip_addr *a, const struct ip_addr *b);
bool prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b);
bool prefix_has(const struct ip_prefix *p, const struct ip_addr *a);
/* Is every address of `in` also in `p`? */
bool prefix_covers(const struct ip_prefix *p, const struct ip_prefix *in);
/* Clears the host bits. */
struct ip_prefix prefix_masked(const struct ip_prefix *p);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/* Fills a zeroed sockaddr and returns its length. */
socklen_t endpoint_to_sockaddr(const struct endpoint *e,
			       struct sockaddr_storage *ret_sa);
/* IPv4-mapped IPv6 becomes IPv4. 0, or -EAFNOSUPPORT. */
int endpoint_from_sockaddr(const struct sockaddr *sa,
			   struct endpoint *ret_endpoint);

#endif
