/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's end in two halves: client.c gets a session (attempts and their
 * handshakes), client_session.c has one (lease, control lane, ending). This
 * header is theirs alone.
 */
#ifndef ADIT_CRYPTO_CLIENT_SESSION_H
#define ADIT_CRYPTO_CLIENT_SESSION_H

#include <stdbool.h>

#include "crypto/client.h"
#include "crypto/control.h"
#include "crypto/handshake.h"
#include "tunnel/base/clock.h"

/*
 *   IDLE --start--> HANDSHAKING --connected--> LEASING --lease whole--> UP
 *                    |   ^  |                     |                      |
 *                    +---+  +--time is over----+  |  refused, BYE, ...   |
 *                  new attempt                 v  v                      v
 *                                             OVER <---- CLOSING <--close--+
 *
 * Timers: the whole (options.timeout_ns, until UP); the handshake's own; a
 * pause before a new attempt; HELLO (twice the round trip, 100 ms at least,
 * doubled, 10 s in all, until the lease is whole and the gateway has confirmed
 * HELLO); BYE (twice more, 50 ms apart).
 */
enum client_state {
	CLIENT_STATE_IDLE,
	CLIENT_STATE_HANDSHAKING,
	CLIENT_STATE_LEASING,
	CLIENT_STATE_UP,
	CLIENT_STATE_CLOSING,
	CLIENT_STATE_OVER,
};

struct client {
	/* Set at creation. */
	const struct credentials *credentials;
	char *server_name;
	struct client_options options;
	const struct client_callbacks *cb;
	void *arg;

	enum client_state state;
	struct client_facts facts;

	/* Until the handshake is done. */
	struct handshake *handshake;
	uint64_t over_ns;  /* the whole ends here */
	uint64_t retry_ns; /* the next attempt, or CLOCK_NEVER */
	uint64_t retry_wait_ns;
	bool heard; /* anything from a gateway, in any attempt */
	int net_error;
	uint8_t claimed_alert; /* in plaintext: a hint */
	enum reason reason;    /* of the last attempt that failed */
	char text[HANDSHAKE_TEXT_MAX];
	/* A LEASE that overtook the gateway's ACK. */
	uint8_t early[RECORD_CONTROL_MAX];
	size_t early_len;

	/* From then on. */
	struct keys keys; /* wiped when `up` returns */
	struct control control;
	struct lease_collector collector;
	uint32_t index; /* 0: not told yet */
	bool confirmed; /* the gateway has our HELLO */
	uint8_t confirm[KEYS_PROOF_LEN];
	uint64_t hello_ns, hello_wait_ns, hello_until_ns;
	uint64_t echo_id, echo_sent_ns;
	unsigned int bye_left;
	uint64_t bye_ns;
	struct control_rate rate;
};

/* Frees and wipes what belongs to a session or an attempt. */
void client_forget(struct client *c);
/* The end: forgets, and tells the owner. */
void client_end(struct client *c, enum reason reason, const char *text);

/* Is there a control lane that messages may come on? */
bool client_session_open(const struct client *c);
/* A record of the control lane, opened in place. */
void client_session_input(struct client *c, uint8_t *datagram, size_t len,
			  uint64_t now_ns);
/* HELLO's timer. */
uint64_t client_session_deadline(const struct client *c);
void client_session_timeout(struct client *c, uint64_t now_ns);
void client_session_bye(struct client *c, uint64_t now_ns);

static inline uint64_t client_ms(uint64_t n)
{
	return n * NS_PER_MS;
}

static inline uint64_t client_earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

#endif
