/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names that get no answer: a Bloom filter in front of an exact table. A name
 * is blocked when it, or a name above it, is in a list. Built by one thread,
 * sealed, and then only read; a reload builds a new one.
 *
 * The filter, so that another program can make the same one:
 *   n   names, each once; m = n * 10 bits, rounded up to a multiple of 64 and
 *       64 at least; k = 7
 *   h1  64-bit FNV-1a of the name in small letters, "a.example", no final dot
 *   h2  the first half of MurmurHash3_x64_128 (seed 0) of the same, odd (| 1)
 *   bit (h1 + i * h2) mod 2^64 mod m for i = 0 to k - 1 (Kirsch, Mitzenmacher)
 *   bit b is bit b mod 8, from the lowest, of byte b / 8
 *
 * An example: "ads.example" and "track.example" make m = 64.
 *   h1 370ffdee7f4c7369, h2 1025f1e2c4384def: bits 41 24 7 54 37 20 3
 *   h1 e99909cd42a984d8, h2 8d2cbe682c3c8af9: bits 24 17 10 3 60 53 46
 *   the filter's bytes: 88 04 12 01 20 42 60 10
 * tests/dns/bloom.py does the same from this text.
 *
 * The table has h1 and h2 of each name (h2 before it is made odd), 128 bits:
 * that any of a million other names is blocked by a million names in it has a
 * chance of 10^12 / 2^128, 3 * 10^-27. A list's author, who could make two
 * names meet, can as well write both into it.
 */
#ifndef ADIT_DNS_BLOCKLIST_H
#define ADIT_DNS_BLOCKLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "dns/name.h"

enum dns_list_format {
	DNS_LIST_DOMAINS, /* one a line; "*." before it is left off */
	/* "0.0.0.0 a.example b.example"; any address, and names without a dot
	 * ("localhost") are the machine's own and not taken. */
	DNS_LIST_HOSTS,
};

enum {
	DNS_LIST_NAMES_MAX = 4 * 1000 * 1000,
};

struct dns_blocklist;

struct dns_blocklist_stats {
	size_t names, duplicates;
	size_t ignored; /* words that are no name, lines without one */
	size_t bytes;	/* of memory */
};

/* An empty one, to which files are added, and which is then sealed. */
struct dns_blocklist *dns_blocklist_create(void);
void dns_blocklist_destroy(struct dns_blocklist *b);
/* Reads to the end; lines may be of any length, "#" and, before a line, "!"
 * begin a comment. 0, -ENOMEM, -EFBIG (too many names) or -EIO. */
int dns_blocklist_add(struct dns_blocklist *b, FILE *from,
		      enum dns_list_format format);
/* No more are added; from here on it answers. 0 or -ENOMEM. */
int dns_blocklist_seal(struct dns_blocklist *b);

/* The entry that blocks it is `ret_labels` labels long. */
bool dns_blocklist_has(const struct dns_blocklist *b, const struct dns_name *n,
		       unsigned int *ret_labels);
void dns_blocklist_stats(const struct dns_blocklist *b,
			 struct dns_blocklist_stats *ret);
/* The filter's bytes, borrowed: for the test that a second program agrees. */
const uint8_t *dns_blocklist_filter(const struct dns_blocklist *b,
				    size_t *ret_len);

#endif
