/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a worker counts. One thread writes a counter, any thread reads it;
 * each is exact by itself, and two of them may be a moment apart.
 */
#ifndef ADIT_DATA_COUNTERS_H
#define ADIT_DATA_COUNTERS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* rx: from the peer to the TUN device. tx: from the device to the peer. */
enum counter {
	COUNTER_RX_PACKETS, /* inner packets, before they are joined */
	COUNTER_RX_BYTES,
	COUNTER_TX_PACKETS, /* inner packets, after they are cut */
	COUNTER_TX_BYTES,
	COUNTER_GSO_FALLBACKS, /* sends that the kernel refused to cut */
	COUNTER_STRAYS,	       /* datagrams handed to the control thread */
	COUNTER_HANDED_OVER,   /* records handed to another lane's worker */

	/* System calls. */
	COUNTER_CALL_POLL,
	COUNTER_CALL_READ,
	COUNTER_CALL_WRITE,
	COUNTER_CALL_SENDMSG,
	COUNTER_CALL_RECVMMSG,

	/* Drops on the way in, in the order of the checks. */
	/* The socket's queue was full. The kernel counts a run that it has
	 * glued as one. */
	COUNTER_DROP_SOCKET,
	COUNTER_DROP_FIRST = COUNTER_DROP_SOCKET,
	COUNTER_DROP_SHORT,    /* not even an empty record */
	COUNTER_DROP_LONG,     /* no record, and too long for the others */
	COUNTER_DROP_STRAY,    /* the ring to control was full */
	COUNTER_DROP_LANE,     /* of a lane that was not agreed */
	COUNTER_DROP_INBOX,    /* handed over to a worker that is full */
	COUNTER_DROP_MEMORY,   /* there is none for the lane */
	COUNTER_DROP_INDEX,    /* no such session */
	COUNTER_DROP_EPOCH,    /* its counter's epoch is far ahead */
	COUNTER_DROP_FORGED,   /* did not authenticate */
	COUNTER_DROP_OLD,      /* too late for the window, or its key is gone */
	COUNTER_DROP_REPLAYED, /* seen before */
	COUNTER_DROP_INNER,    /* authentic, but no IP packet that we take */
	COUNTER_DROP_SOURCE,   /* an inner source the peer may not use */
	COUNTER_DROP_TUN,      /* the device did not take it */

	/* Drops on the way out. */
	COUNTER_DROP_QUEUE, /* the device's was full: tun_dropped(), no worker's
			     */
	COUNTER_DROP_MALFORMED,	  /* what the device gave cannot be cut */
	COUNTER_DROP_NO_PEER,	  /* nobody has this inner destination */
	COUNTER_DROP_USED_UP,	  /* the lane's counters are at their end */
	COUNTER_DROP_NO_SOCKET,	  /* between two sockets */
	COUNTER_DROP_UNREACHABLE, /* no way there: ENETUNREACH and the like */
	COUNTER_DROP_TOO_BIG,	  /* EMSGSIZE */
	COUNTER_DROP_FULL,	  /* EAGAIN, ENOBUFS */
	COUNTER_DROP_SEND,	  /* any other error */

	COUNTER_COUNT,
};

/* How many records one system call carried, by powers of two: 1, 2, up to 4,
 * up to 8, and so on. */
enum {
	BATCH_BUCKETS = 10, /* up to 512: RX_MESSAGES of UDP_SEGMENTS_MAX */
};

struct counters {
	_Atomic uint64_t of[COUNTER_COUNT];
	_Atomic uint64_t sent[BATCH_BUCKETS];	  /* of each send */
	_Atomic uint64_t received[BATCH_BUCKETS]; /* of each receive */
};

/* "drop_forged": for status and metrics. Never NULL. */
const char *counter_name(enum counter c);

/* For the one writer: no locked instruction is needed. */
static inline void counter_add(_Atomic uint64_t *c, uint64_t n)
{
	atomic_store_explicit(c,
			      atomic_load_explicit(c, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline uint64_t counter_get(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static inline void counters_add(struct counters *c, enum counter which,
				uint64_t n)
{
	counter_add(&c->of[which], n);
}

/* One of `sent` or `received`: a call carried `n` records, at least one. */
static inline void counters_add_batch(_Atomic uint64_t *batch, size_t n)
{
	int bucket = 63 - __builtin_clzll(2 * (n - 1) + 1);

	/* A hostile sender's datagrams may be of any size and number. */
	counter_add(&batch[bucket < BATCH_BUCKETS ? bucket : BATCH_BUCKETS - 1],
		    1);
}

/* Adds what one has counted to what others have. */
void counters_gather(struct counters *sum, const struct counters *c);

/* System calls of all kinds. */
static inline uint64_t counters_calls(const struct counters *c)
{
	uint64_t n = 0;

	for (int i = COUNTER_CALL_POLL; i <= COUNTER_CALL_RECVMMSG; i++)
		n += counter_get(&c->of[i]);
	return n;
}

#endif
