/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateway's end in two halves: server.c is the door (listener, handshakes
 * in flight, strangers), server_session.c what is behind it (admission, lease,
 * control lane, endings). This header is theirs alone.
 */
#ifndef ADIT_CRYPTO_SERVER_SESSION_H
#define ADIT_CRYPTO_SERVER_SESSION_H

#include <stdbool.h>

#include "crypto/control.h"
#include "crypto/farewell.h"
#include "crypto/handshake.h"
#include "crypto/inflight.h"
#include "crypto/server.h"
#include "tunnel/base/clock.h"

enum {
	SERVER_SLOTS = 1 << SERVER_SLOT_BITS,
};

struct session {
	uint32_t index;
	struct server_guest guest;
	struct control control;
	struct lease lease;
	bool confirmed;
	uint64_t heard_ns;
	struct control_rate rate;

	/* Until the client has confirmed. */
	struct keys keys;
	uint8_t confirm[KEYS_PROOF_LEN];
	uint64_t born_ns, push_ns, push_wait_ns;
	struct session *next_new, **link_new; /* in server.new */
	uint8_t token[ENVELOPE_TOKEN_LEN];    /* of its handshake */
};

struct server {
	/* Set at creation. */
	struct server_options options;
	const struct server_callbacks *cb;
	void *arg;

	struct handshake *listener;
	struct path listening_to; /* the stranger it answers now */
	uint8_t cookie[2][HANDSHAKE_COOKIE_SECRET_LEN];
	uint64_t cookie_ns; /* when the next one is due */
	struct inflight_table inflight;
	struct session *new; /* not confirmed yet */
	struct farewells farewells;
	uint64_t sweep_ns;
	uint64_t deadline_ns; /* never later than the earliest timer */
	struct server_counters count;
	struct session *slot[SERVER_SLOTS];
};

/* From a finished handshake to a session, or to a REFUSE under the new keys
 * (-EACCES); -errno. The entry lingers for the session from here on. */
int server_session_create(struct server *s, struct inflight *f,
			  struct handshake_result *h, uint64_t now_ns);
void server_session_destroy(struct session *x);
/* A record of the control lane, opened in place. */
void server_session_input(struct server *s, uint8_t *datagram, size_t len,
			  uint64_t now_ns);
/* `have`: the parts that the client has, or NULL to send all of them. */
void server_session_send_lease(struct server *s, struct session *x,
			       uint8_t flags, const uint8_t *have);
/* Sessions that are not confirmed; and, once a minute, those that are idle. */
void server_session_timers(struct server *s, uint64_t now_ns);
void server_session_sweep(struct server *s, uint64_t now_ns);

static inline uint64_t server_ms(uint64_t n)
{
	return n * NS_PER_MS;
}

static inline uint64_t server_s(uint64_t n)
{
	return n * NS_PER_S;
}

/* Something has to be done then. */
static inline void server_due(struct server *s, uint64_t at_ns)
{
	if (at_ns < s->deadline_ns)
		s->deadline_ns = at_ns;
}

static inline struct session *server_session_find(const struct server *s,
						  uint32_t index)
{
	struct session *x = s->slot[index % SERVER_SLOTS];

	return x != NULL && x->index == index ? x : NULL;
}

#endif
