/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's end of the transport, from the first datagram to the lease and
 * through the life of the session's control lane. No socket, no clock, no
 * thread: datagrams in and out, the time as an argument, the next deadline as
 * a result. Control thread only.
 *
 *   1. client_create, with callbacks
 *   2. client_start(c, now): an attempt begins, datagrams go out
 *   3. each datagram of the control socket: client_input; at client_deadline:
 *      client_timeout. Callbacks happen inside these calls, never otherwise.
 *   4. in `up`, client_lane hands over the keys of each data lane
 *   5. client_close sends BYE; client_destroy frees and wipes
 *
 * One object is one session: a reconnect makes a new one. Inside one object an
 * attempt that fails early is tried again from a new port until the time
 * allowed is over.
 */
#ifndef ADIT_CRYPTO_CLIENT_H
#define ADIT_CRYPTO_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/lease.h"
#include "crypto/record.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/reason.h"

struct client;
struct credentials;
struct message_report;

enum {
	CLIENT_TEXT_MAX = 384,
};

struct client_options {
	const struct credentials *credentials; /* borrowed, outlives */
	const char
		*server_name; /* in the gateway's SAN: DNS name or IP; copied */
	uint8_t lanes;	      /* wanted, 1 to 64 */
	uint16_t mtu;	      /* largest inner MTU wanted; 0: the gateway's */
	uint8_t epoch_shift;  /* 0: KEYS_EPOCH_SHIFT; tests take less */
	uint64_t timeout_ns;  /* for the whole; 0: ten seconds */
	uint64_t max_failures; /* 0: the algorithm's; tests take fewer */
};

struct client_callbacks {
	/* Borrows the datagram. */
	void (*send)(void *arg, const uint8_t *datagram, size_t len);
	/* The next datagrams should leave from a new local port: what comes to
	 * the old one is no longer wanted. */
	void (*new_port)(void *arg);
	/* The lease is whole, and authentic; borrowed during the call. */
	void (*up)(void *arg, const struct lease *lease);
	/* What the gateway has received and sent by now; NULL: not of interest.
	 */
	void (*reported)(void *arg, const struct message_report *report);
	/* The end, at most once; before or after `up`. The text is a whole
	 * sentence for a person. Destroy the object after this returns, not
	 * inside it. */
	void (*down)(void *arg, enum reason reason, const char *text);
};

/* What status shows; strings are static. Zeros and NULL until known. */
struct client_facts {
	const char *group;	    /* "X25519MLKEM768" */
	const char *cipher;	    /* "AES-256-GCM" */
	const char *cipher_library; /* whose code does it here */
	uint64_t rtt_ns;	    /* newest estimate */
	uint64_t heard_ns;	    /* when something authentic came last */
	uint64_t attempts;
	uint64_t rx_control, tx_control; /* records */
	uint64_t tx_reports;		 /* of those: not to be answered */
	/* Datagrams of the gateway's address, by cause: not of this protocol;
	 * no whole header; a handshake datagram that no attempt waits for, or
	 * that is not fit for wolfSSL; a record of another lane or session,
	 * far ahead, not authentic, too late, or come twice; and messages: not
	 * to be read, too many. */
	uint64_t drop_foreign, drop_short, drop_token, drop_filtered;
	uint64_t drop_index, drop_epoch, drop_forged, drop_old, drop_replayed;
	uint64_t drop_message, drop_rate;
	int64_t gateway_expires; /* its certificate's end, s since 1970 */
	/* Of a refusal: seconds until trying again makes sense; 0: unknown. */
	unsigned int retry_s;
};

/* NULL: out of memory. The callbacks table is static, `arg` borrowed. */
struct client *client_create(const struct client_options *o,
			     const struct client_callbacks *cb, void *arg);
void client_destroy(struct client *c);

/* 0, or -errno when not even a first datagram could be made. */
int client_start(struct client *c, uint64_t now_ns) ATTR_MUST_CHECK;
/* One datagram from the gateway, handshake or control lane alike. The bytes
 * are opened in place. */
void client_input(struct client *c, uint8_t *datagram, size_t len,
		  uint64_t now_ns);
/* CLOCK_NEVER when there is nothing to wait for. */
uint64_t client_deadline(const struct client *c);
void client_timeout(struct client *c, uint64_t now_ns);
/* The network refused a datagram (-errno of send): a hint for the message. */
void client_unreachable(struct client *c, int error);

/* Inside `up` and only there (the secret is wiped when it returns): what the
 * keys of a data lane are made of, both directions. The caller owns it (wipes
 * by keys_seed_fini). 0 or -errno. */
int client_lane(struct client *c, uint8_t lane,
		struct keys_seed *ret_seed) ATTR_MUST_CHECK;
/* Asks the gateway for a sign of life; the answer moves facts.heard_ns. */
void client_echo(struct client *c, uint64_t now_ns);
/* Tells the gateway what came over the data lanes, and what went. */
void client_report(struct client *c, const struct message_report *report);
/* Should be called when a data lane's key has seen more forgeries than it may
 * (struct peer_stats): BYE, and `down`, so that a new session brings fresh
 * keys. The control lane looks after itself. */
void client_wear_out(struct client *c);
/* Sends BYE: at once, and twice more 50 ms apart through client_timeout.
 * `down` is not called for it. */
void client_close(struct client *c, uint64_t now_ns);
/* True when the last BYE has gone out (or there was nobody to tell). */
bool client_closed(const struct client *c);

const struct client_facts *client_facts(const struct client *c);

#endif
