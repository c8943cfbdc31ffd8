/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateway's handshakes in flight: found by address and token, bounded in
 * all and for each network. When there are too many, the one without progress
 * for longest goes for a new one, if that is long; while all of them move,
 * nobody comes in, or what is nearly done would be thrown away for what will be
 * thrown away next.
 * Owns its entries and their handshakes. Control thread.
 *
 * An entry runs its handshake; then lingers, to repeat our ACK until the
 * session's first authentic record; or, refused by TLS, only remembers the
 * alert's datagram, which the client may have lost.
 */
#ifndef ADIT_CRYPTO_INFLIGHT_H
#define ADIT_CRYPTO_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/envelope.h"
#include "crypto/handshake.h"
#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"

struct server;

enum {
	INFLIGHT_MAX = 4096,
	INFLIGHT_NETWORK_MAX = 64, /* from one /24 or /56 */
	INFLIGHT_BUCKETS = 1024,
	INFLIGHT_STALLED_MS = 1000, /* without progress: may go for another */
	INFLIGHT_ALERT_MAX = 128,
};

enum inflight_state {
	INFLIGHT_RUNNING,
	INFLIGHT_LINGERING,
	INFLIGHT_REFUSED,
};

struct inflight {
	struct inflight *hash_next;
	struct inflight *prev, *next; /* newest progress at the tail */
	/* Those of its bucket of networks, while it runs. */
	struct inflight *network_next, **network_link;
	struct server *owner; /* borrowed */
	struct path from;
	uint8_t token[ENVELOPE_TOKEN_LEN];
	enum inflight_state state;
	struct handshake *handshake; /* NULL when refused */
	uint32_t index;		     /* lingering: of its session */
	uint64_t progressed_ns;
	uint64_t expires_ns;
	uint64_t repeated_ns; /* when the alert or the LEASE went out last */
	uint8_t alert[INFLIGHT_ALERT_MAX];
	size_t alert_len;
};

struct inflight_table {
	struct inflight *bucket[INFLIGHT_BUCKETS];
	struct inflight *network[INFLIGHT_BUCKETS];
	struct inflight *head, *tail;
	size_t count;
	uint64_t evicted; /* while running, for want of room */
	uint64_t seed;	  /* against chosen tokens */
};

void inflight_table_init(struct inflight_table *t);
void inflight_table_fini(struct inflight_table *t);

/* Is there no room for one more, in all, */
bool inflight_is_full(const struct inflight_table *t, uint64_t now_ns);
/* or in the network of this address? */
bool inflight_network_is_full(const struct inflight_table *t,
			      const struct ip_addr *from);
/* Only where there is room. Consumes the handshake, also on failure. NULL: out
 * of memory. */
struct inflight *inflight_add(struct inflight_table *t, struct server *owner,
			      const struct path *from,
			      struct handshake *handshake, uint64_t now_ns);
struct inflight *inflight_find(const struct inflight_table *t,
			       const struct endpoint *from,
			       const uint8_t token[static ENVELOPE_TOKEN_LEN]);
/* Should be called when an entry's handshake went on, */
void inflight_progressed(struct inflight_table *t, struct inflight *f,
			 uint64_t now_ns);
/* and when it is over: it no longer counts as one of its network's. */
void inflight_settle(struct inflight *f, enum inflight_state state);
void inflight_remove(struct inflight_table *t, struct inflight *f);

#endif
