/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS messages written by hand, also such as no program would write.
 *
 *   1. struct draft d; draft_start(&d, id, flags); draft_question(&d, ...)
 *   2. draft_record(&d, ...) of one section after the other; draft_section()
 *      before the second and the third
 *   3. d.message, d.len
 */
#ifndef ADIT_TESTS_DRAFT_H
#define ADIT_TESTS_DRAFT_H

#include <stddef.h>
#include <stdint.h>

#include "dns/message.h"

struct draft {
	uint8_t message[DNS_MESSAGE_MAX + 4096];
	size_t len;
	unsigned int section; /* 0 answer, 1 authority, 2 additional */
};

void draft_start(struct draft *d, uint16_t id, uint16_t flags);
void draft_question(struct draft *d, const char *name, uint16_t type);
void draft_section(struct draft *d);
/* Owner "@": a pointer to the question's name. Returns where its data is. */
size_t draft_record(struct draft *d, const char *owner, uint16_t type,
		    uint32_t ttl, const void *data, size_t len);
/* With a name for data, after `before` zero bytes; "@" as above. */
void draft_name_record(struct draft *d, const char *owner, uint16_t type,
		       uint32_t ttl, size_t before, const char *name);
void draft_soa(struct draft *d, const char *zone, uint32_t ttl,
	       uint32_t minimum);
/* Moves on to the third section if need be. */
void draft_opt(struct draft *d, uint16_t size, uint32_t ttl,
	       const void *options, size_t len);
void draft_bytes(struct draft *d, const void *bytes, size_t len);

/* A copy of its own size, so that a sanitizer sees the byte beyond. Freed by
 * the caller. */
uint8_t *draft_exact(const uint8_t *bytes, size_t len);
struct dns_name draft_name(const char *text);
/* The section as lines "owner type ttl data": names written out, addresses as
 * such, all else as its length. Static memory; NULL: the message is broken. */
const char *draft_show(const uint8_t *message, size_t len,
		       unsigned int section);

#endif
