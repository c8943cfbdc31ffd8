/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One DTLS 1.3 handshake (RFC 9147) through wolfSSL, at either end: envelopes
 * in, envelopes out, and at its end the secret from the exporter (RFC 5705,
 * RFC 8446 section 7.5). A wolfSSL object lives here and nowhere else, and
 * only for the handshake. No socket, no clock. Control thread.
 *
 * Client: handshake_client, handshake_start, then handshake_input and
 * handshake_timeout until it is no longer HANDSHAKE_RUNNING.
 * Gateway: handshake_listener, handshake_listen for datagrams of strangers; on
 * HANDSHAKE_LISTEN_ACCEPTED the object has become that client's handshake, a
 * new listener is made, and it goes on as a client's does.
 */
#ifndef ADIT_CRYPTO_HANDSHAKE_H
#define ADIT_CRYPTO_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/certificate.h"
#include "crypto/envelope.h"
#include "crypto/keys.h"
#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/reason.h"

struct handshake;
struct credentials;

enum {
	HANDSHAKE_TEXT_MAX = 330,
	HANDSHAKE_COOKIE_SECRET_LEN = 32,
};

enum handshake_status {
	HANDSHAKE_RUNNING,
	HANDSHAKE_DONE,
	HANDSHAKE_FAILED,
};

/* Why a client's handshake failed at the gateway: for its counters. */
enum handshake_cause {
	HANDSHAKE_CAUSE_OTHER,
	/* The client's certificate */
	HANDSHAKE_CAUSE_NO_CERTIFICATE,
	HANDSHAKE_CAUSE_UNKNOWN_CA,
	HANDSHAKE_CAUSE_EXPIRED,
	HANDSHAKE_CAUSE_NOT_YET_VALID,
	HANDSHAKE_CAUSE_REVOKED,
	HANDSHAKE_CAUSE_REVOCATION_LIST, /* missing, or out of date */
	HANDSHAKE_CAUSE_KEY_USAGE,	 /* of the key, or for what it is */
	HANDSHAKE_CAUSE_CHAIN,		 /* too long */
	HANDSHAKE_CAUSE_X509_VERSION,
	/* and the rest of it. */
	HANDSHAKE_CAUSE_NO_COMMON_GROUP,
	HANDSHAKE_CAUSE_PROTOCOL,    /* another one than adit/1 */
	HANDSHAKE_CAUSE_CLIENT_SAID, /* the client ended it by an alert */
	HANDSHAKE_CAUSE_COUNT,
};

enum handshake_listen_status {
	HANDSHAKE_LISTEN_IGNORED,
	HANDSHAKE_LISTEN_ANSWERED,
	HANDSHAKE_LISTEN_ACCEPTED,
	HANDSHAKE_LISTEN_BROKEN, /* the object is dead: make another */
};

/* Gets a whole datagram, borrowed during the call. */
typedef void (*handshake_send_cb)(void *arg, const uint8_t *datagram,
				  size_t len);

/* What a finished handshake leaves. The caller wipes `secret`. */
struct handshake_result {
	uint8_t secret[KEYS_SECRET_LEN]; /* S of the key schedule */
	const struct aead_algorithm *algorithm;
	const char *group; /* static */
	struct certificate peer;
};

/* NULL: out of memory. Picks a random token. */
struct handshake *handshake_client(const struct credentials *c,
				   const char *server_name,
				   handshake_send_cb send, void *arg);
struct handshake *handshake_listener(const struct credentials *c,
				     handshake_send_cb send, void *arg);
/* Wipes. Takes NULL. */
void handshake_destroy(struct handshake *h);
/* The receiver of `send` from here on. */
void handshake_set_owner(struct handshake *h, handshake_send_cb send,
			 void *arg);

const uint8_t *handshake_token(const struct handshake *h);

/* The first flight: a client's, or a gateway's after HANDSHAKE_LISTEN_ACCEPTED.
 * Here the keys are made, and not in handshake_listen. */
enum handshake_status handshake_start(struct handshake *h, uint64_t now_ns);
/* The DTLS datagram out of an envelope with our token; what the filter does
 * not let pass is dropped. After HANDSHAKE_DONE (gateway): answers a repeated
 * flight. */
enum handshake_status handshake_input(struct handshake *h, const uint8_t *dtls,
				      size_t len, uint64_t now_ns);
uint64_t handshake_deadline(const struct handshake *h);
enum handshake_status handshake_timeout(struct handshake *h, uint64_t now_ns);

/* After HANDSHAKE_DONE, once. Checks what wolfSSL does not: the protocol
 * (ALPN), and the gateway's SAN and extended key usage. (The gateway looks at
 * result.peer.for_clients itself: it can say no under the new keys.) 0; or
 * -errno with a sentence, and then there are no keys. */
int handshake_finish(struct handshake *h, struct handshake_result *ret,
		     enum reason *ret_reason,
		     char ret_text[static HANDSHAKE_TEXT_MAX]) ATTR_MUST_CHECK;
/* After HANDSHAKE_FAILED: why, and whether trying again makes no sense. */
enum reason handshake_error(const struct handshake *h,
			    char ret_text[static HANDSHAKE_TEXT_MAX],
			    bool *ret_final);
/* Gateway, after HANDSHAKE_FAILED: what was wrong, for its log and counters. */
enum handshake_cause handshake_client_error(
	const struct handshake *h, char ret_text[static HANDSHAKE_TEXT_MAX]);
/* The last datagram sent (a refusal's alert): its length, 0 for none. */
size_t handshake_last(const struct handshake *h, const uint8_t **ret_datagram);
/* Round trip of the first flight that was answered at once; 0: unknown. */
uint64_t handshake_rtt_ns(const struct handshake *h);
/* The code of a plaintext alert that the filter dropped, 0 for none: anyone may
 * have sent it, so it is a hint for an error text and nothing more. */
uint8_t handshake_claimed_alert(const struct handshake *h);
/* Has anything passed the filter? (Client: is there a gateway at all?) */
bool handshake_heard(const struct handshake *h);

/* Gateway: one datagram of a stranger. `secrets`: the cookie secret in use and
 * the one before it. */
enum handshake_listen_status handshake_listen(
	struct handshake *h, const struct endpoint *from,
	const uint8_t token[static ENVELOPE_TOKEN_LEN], const uint8_t *dtls,
	size_t len,
	const uint8_t secrets[static 2][HANDSHAKE_COOKIE_SECRET_LEN]);

#endif
