/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The internet checksum (RFC 1071) and the pseudo-header's part of it. Pure;
 * any thread. Sums are in host order, and not folded until they are asked. */
#ifndef ADIT_DATA_CSUM_H
#define ADIT_DATA_CSUM_H

#include <stddef.h>
#include <stdint.h>

/* Adds bytes, as big-endian words, to a running sum. Only the last piece may
 * be of odd length. */
uint64_t csum_add(uint64_t sum, const uint8_t *p, size_t len);
/* The 16-bit one's complement sum; not inverted. */
uint16_t csum_fold(uint64_t sum);

/* The pseudo-header of an IP packet whose addresses are at `ip` (RFC 9293 for
 * IPv4, RFC 8200 section 8.1 for IPv6): `len` is that of the TCP or UDP header
 * and its data. */
uint64_t csum_pseudo(const uint8_t *ip, uint8_t protocol, size_t len);

/* Writes the header checksum of an IPv4 header of `len` bytes. */
void csum_ipv4_header(uint8_t *ip, size_t len);

/* Finishes a TCP or UDP checksum over the `len` bytes at `transport`: the field
 * at offset `field` holds the pseudo-header's sum, as the kernel leaves it. A
 * sum of zero is written as 0xffff (RFC 768). */
void csum_finish(uint8_t *transport, size_t len, size_t field);

#endif
