/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One remote end, as the workers see it: one session's keys and where it is.
 * Made and destroyed by the control thread; between peer_table_publish() and
 * the end of its retirement the lanes belong to the workers. A lane is made
 * for the first record that it carries; until then it is a seed and pages that
 * nobody has touched, which cost no memory: a gateway has many clients, and
 * few of them use all of their lanes. Lane k is worker k's, modulo their
 * number.
 */
#ifndef ADIT_DATA_PEER_H
#define ADIT_DATA_PEER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "crypto/keys.h"
#include "crypto/record.h"
#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"
#include "tunnel/data/counters.h"
#include "tunnel/data/lane.h"
#include "tunnel/data/tactics.h"
#include "tunnel/data/udp.h"

enum {
	PEER_LANE_ALIGN = 4096, /* a page, on most machines */
};

/* A kernel that would not cut is asked again so much later: the way to the
 * peer may lead through another device by then. */
#define PEER_SINGLE_NS (30ULL * NS_PER_S)
/* Reports are made by timers of 250 and 500 ms, which are not exact. */
#define PEER_REPORT_NS (400ULL * NS_PER_MS)

struct peer_lane {
	/* the lane's worker */
	_Alignas(PEER_LANE_ALIGN) struct keys_tx tx;
	struct udp_control control; /* of each send */
	struct record_rx rx;
	uint8_t last_source4[4]; /* the last inner source found allowed */
	uint8_t last_source6[16];
	bool has_source4;
	bool has_source6;

	/* written by the lane's worker, read by anybody */
	_Atomic uint64_t rx_placed[RECORD_PLACES]; /* authentic records */
	_Atomic uint64_t rx_bytes;		   /* inner */
	_Atomic uint64_t tx_records;
	_Atomic uint64_t tx_bytes;
	_Atomic uint64_t tx_placed[RECORD_PLACES]; /* that the kernel took */
	_Atomic uint64_t last_rx_ns;  /* clock_now_ns of its batch */
	_Atomic uint64_t rx_failures; /* keys_rx.failures */
	/* The kernel refused to cut for this peer, so often; it is asked again
	 * then. */
	_Atomic uint64_t refusals;
	_Atomic uint64_t single_until_ns;
};

struct peer {
	/* set at creation */
	uint32_t index;	     /* on the wire, both ways */
	uint32_t inner_slot; /* in the table, for what goes to it */
	struct sockaddr_storage remote;
	socklen_t remote_len;
	struct ip_prefix *sources; /* inner sources it may use */
	size_t source_count;
	enum keys_direction send;   /* the direction in which we send */
	struct udp_control control; /* each lane has its copy */
	unsigned int lanes;

	/* written by the control thread, read by workers */
	_Atomic enum tactic tactic; /* tactics.tactic */

	/* control thread */
	struct tactics tactics;
	uint64_t reported;    /* records received, as told to the peer last */
	uint64_t reported_ns; /* when */
	struct peer *next_retired;
	uint64_t retired_at; /* generation of the table */

	/* workers */
	_Atomic uint64_t made;	 /* bit k: lane k is */
	struct peer_lane *lane;	 /* mapped */
	struct keys_seed seed[]; /* without its secrets once the lane is made */
};

struct peer_config {
	uint32_t index;
	uint32_t inner_slot; /* 0 at a client */
	unsigned int lanes;  /* 1 to LANES_MAX */
	/* NULL: the caller fills each lane's seed before it publishes. */
	const struct keys *keys;
	enum keys_direction send;
	struct sockaddr_storage remote; /* as our sockets want it */
	socklen_t remote_len;
	struct ip_addr local; /* that the remote knows; family 0: any */
	const struct ip_prefix *sources; /* copied */
	size_t source_count;
};

/* What the control thread wants to know of a peer, over all lanes. */
struct peer_stats {
	uint64_t rx_records, rx_bytes;
	uint64_t tx_records, tx_bytes;
	struct record_counts received, sent; /* the same records, placed */
	uint64_t last_rx_ns;		     /* 0: never */
	uint64_t refusals;
	uint64_t single_until_ns; /* the last lane's; 0: all were cut */
	uint64_t rx_failures;	  /* openings that failed, in the worst lane */
	bool worn_out;		  /* too many: the session must end */
};

/* 0 or -errno. */
int peer_create(const struct peer_config *c,
		struct peer **ret_peer) ATTR_MUST_CHECK;
/* Wipes the keys. Takes NULL. Not for a peer that was published: that one
 * goes by peer_table_withdraw(). */
void peer_destroy(struct peer *p);
void peer_stats(const struct peer *p, struct peer_stats *ret_stats);

/* What both ends tell each other (PROTOCOL.md, REPORT). Is one due, of what the
 * stats have, since something has come? Then it counts as told. Control
 * thread. */
bool peer_report_due(struct peer *p, const struct peer_stats *s,
		     uint64_t now_ns);
/* The peer told what it has received: changes how we send to it, if that is
 * called for; then true. Control thread. */
bool peer_was_told(struct peer *p, const struct record_counts *received,
		   uint64_t now_ns);

/* What keeps runs from leaving whole for it: how many of the two there are.
 * Control thread. */
size_t peer_fallbacks(const struct peer *p, uint64_t now_ns,
		      struct fallback ret_fallbacks[static 2]);

/* For the lane's worker: makes the lane. 0 or -errno. */
int peer_lane_make(struct peer *p, unsigned int lane) ATTR_MUST_CHECK;
static inline bool peer_lane_made(const struct peer *p, unsigned int lane)
{
	return atomic_load_explicit(&p->made, memory_order_acquire) >> lane & 1;
}

/* The lane, made if it is not yet; NULL: it cannot be. */
static inline struct peer_lane *peer_lane_use(struct peer *p, unsigned int lane)
{
	return peer_lane_made(p, lane) || peer_lane_make(p, lane) == 0
		       ? &p->lane[lane]
		       : NULL;
}

/* May the peer use the source of this inner packet (its IP header is whole)?
 * For the lane's worker. */
bool peer_source_allowed(const struct peer *p, struct peer_lane *l,
			 const uint8_t *packet);

#endif
