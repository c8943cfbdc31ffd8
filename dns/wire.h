/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names and records inside a message (RFC 1035, 4.1): read through a cursor
 * whose start is the message's, and copied into another message. For
 * message_parse.c and message_build.c; the rest of the program uses
 * dns/message.h. Pure; any thread.
 */
#ifndef ADIT_DNS_WIRE_H
#define ADIT_DNS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"
#include "tunnel/base/bytes.h"

enum {
	WIRE_FLAGS_AT = 2,
	WIRE_QUESTIONS_AT = 4,
	WIRE_ANSWERS_AT = 6,
	WIRE_AUTHORITY_AT = 8,
	WIRE_ADDITIONAL_AT = 10,

	WIRE_QR = 0x8000,
	WIRE_OPCODE_SHIFT = 11,
	WIRE_OPCODE = 0xf << WIRE_OPCODE_SHIFT,
	WIRE_TC = 0x0200,
	WIRE_RD = 0x0100,
	WIRE_RA = 0x0080,
	WIRE_AD = 0x0020,
	WIRE_CD = 0x0010,
	WIRE_RCODE = 0xf,

	WIRE_POINTER = 0xc000,
	WIRE_POINTER_REACH = 0x4000,
	WIRE_RECORD_MIN = 11, /* of the root, without data */
	WIRE_OPT_LEN = WIRE_RECORD_MIN,
	WIRE_OPT_DO = 0x8000, /* of the TTL's low half (RFC 6891, 6.1.3) */
	WIRE_OPTION_HEAD = 4,
	WIRE_OPTION_EDE = 15, /* RFC 8914 */
};

/* One record; offsets are into its message. */
struct wire_record {
	uint16_t type, class;
	uint32_t ttl;
	size_t owner, ttl_at, data;
	uint16_t len; /* of the data */
};

/* A name that may be compressed: each pointer leads to before the labels that
 * it follows (RFC 1035, 4.1.4: "a prior occurrence"), so there are no loops.
 * False sets the cursor's error. */
bool wire_get_name(struct bytes *b, struct dns_name *ret_name);
/* Checks the owner, and the data of the types that wire.c knows. */
bool wire_get_record(struct bytes *b, struct wire_record *ret_record);

enum {
	WIRE_NAMES_MAX = 32,
};

/* A message being written; remembers where some names are, to point there. */
struct wire_writer {
	struct bytes b;
	uint16_t names[WIRE_NAMES_MAX];
	size_t count;
};

void wire_put_name(struct wire_writer *w, const struct dns_name *n,
		   bool compress);
/* A record that wire_get_record() took; `message` is a cursor over its
 * message. */
void wire_copy_record(struct wire_writer *w, const struct bytes *message,
		      const struct wire_record *r, uint32_t ttl);

#endif
