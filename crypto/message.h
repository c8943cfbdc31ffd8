/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Control messages (PROTOCOL.md, "Control lane"): layouts, and a walk over the
 * messages of one opened control record. Pure; any thread.
 *
 * A record's plaintext is a run of messages: type (1), length (2), body. Type
 * 0 ends the run (what follows is padding). Unknown types below 128 are
 * skipped; 128 and above must be understood.
 */
#ifndef ADIT_CRYPTO_MESSAGE_H
#define ADIT_CRYPTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/keys.h"
#include "crypto/lease.h"
#include "crypto/record.h"
#include "tunnel/base/bytes.h"

enum message_type {
	MESSAGE_PADDING = 0,
	MESSAGE_HELLO = 1,
	MESSAGE_LEASE = 2,
	MESSAGE_REFUSE = 3,
	MESSAGE_BYE = 4,
	MESSAGE_ECHO = 5,
	MESSAGE_ECHO_REPLY = 6,
	MESSAGE_REPORT = 11,
	/* Defined, sent by nobody yet, skipped by all. */
	MESSAGE_PATH_CHALLENGE = 7,
	MESSAGE_PATH_RESPONSE = 8,
	MESSAGE_PROBE = 9,
	MESSAGE_PROBE_ACK = 10,
	MESSAGE_RENEW = 12,
	MESSAGE_MUST_KNOW = 128,
};

enum {
	MESSAGE_HEADER_LEN = 3,
	MESSAGE_TEXT_MAX = 200, /* bytes of UTF-8 in REFUSE and BYE */
	MESSAGE_ECHO_ID_LEN = 8,
};

struct message {
	uint8_t type;
	const uint8_t *body;
	size_t len;
};

struct message_hello {
	uint8_t confirm[KEYS_PROOF_LEN];
	uint8_t lanes;
	uint16_t mtu;	  /* 0: the gateway's */
	uint8_t families; /* bit 0: IPv4, bit 1: IPv6 */
	uint8_t have[LEASE_PARTS_MAX / 8];
};

struct message_refuse {
	uint16_t reason; /* enum refusal */
	uint16_t retry_s;
	char text[MESSAGE_TEXT_MAX + 1]; /* printable, whatever was sent */
};

/* Data records of all lanes, since the session began. */
struct message_report {
	struct record_counts received, sent;
};

/* 1: the next message is in `ret`, 0: the run ends, -EBADMSG: one is longer
 * than its record. */
int message_next(struct bytes *run, struct message *ret);
/* Appends one. */
void message_put(struct bytes *run, enum message_type type, const void *body,
		 size_t len);

void message_put_hello(struct bytes *run, const struct message_hello *h);
/* REFUSE and BYE: reason, seconds until a retry makes sense, text. */
void message_put_ending(struct bytes *run, enum message_type type,
			uint16_t reason, uint16_t retry_s, const char *text);
void message_put_report(struct bytes *run, const struct message_report *r);

/* 0 or -EBADMSG. */
int message_parse_hello(const struct message *m, struct message_hello *ret);
int message_parse_ending(const struct message *m, struct message_refuse *ret);
int message_parse_report(const struct message *m, struct message_report *ret);

#endif
