/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateway's end of the transport: the stateless listener, handshakes in
 * flight, and the control lane of each session. No socket, no clock, no
 * thread. Control thread only; callbacks happen inside server_input,
 * server_timeout and the calls that say so.
 *
 * The owner decides who gets what (admit), gives each session a slot below
 * 65536 that no other live session has, and takes over the data lanes when a
 * session is confirmed.
 */
#ifndef ADIT_CRYPTO_SERVER_H
#define ADIT_CRYPTO_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/handshake.h"
#include "crypto/lease.h"
#include "crypto/record.h"
#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"

struct server;
struct credentials;
struct message_report;

enum {
	SERVER_REFUSAL_TEXT_MAX = 200,
	SERVER_SLOT_BITS = 16, /* low bits of a session's index */
};

/* Why the gateway itself says no, or ends a session; on the wire. */
enum refusal {
	REFUSAL_NONE = 0,
	REFUSAL_UNKNOWN = 1,  /* certificate not (or no longer) in its list */
	REFUSAL_FULL = 2,     /* no address free */
	REFUSAL_IN_USE = 3,   /* another device has this identity up */
	REFUSAL_SHUTDOWN = 4, /* the gateway ends */
	REFUSAL_INTERNAL = 5,
	REFUSAL_VERSION = 6,
	REFUSAL_REVOKED = 7,
	REFUSAL_CONFIRM = 8, /* the keys and the certificate do not fit */
	REFUSAL_COUNT,
};

/* An authenticated certificate at the door. */
struct server_guest {
	uint8_t fingerprint[32]; /* SHA-256 of the DER */
	char name[128];		 /* subject's common name, for logs */
	struct path from;
	const char *group, *cipher; /* static */
};

struct server_refusal {
	enum refusal reason;
	uint16_t retry_s;
	char text[SERVER_REFUSAL_TEXT_MAX + 1];
};

struct server_callbacks {
	/* From to->local, or the client would not know whose it is. */
	void (*send)(void *arg, const struct path *to, const uint8_t *datagram,
		     size_t len);
	/* 0: fills `ret_slot`, which no live session has, and a lease whose
	 * index is ignored (the server takes the lease over). -EACCES: fills
	 * `ret_refusal`. May call server_end for a session in the way. */
	int (*admit)(void *arg, const struct server_guest *guest,
		     uint32_t *ret_slot, struct lease *ret_lease,
		     struct server_refusal *ret_refusal);
	/* A handshake failed after its cookie: for the log, which has to limit
	 * its own rate. NULL: nobody wants to know. */
	void (*rejected)(void *arg, const struct endpoint *from,
			 const char *why);
	/* The client has proved itself: data may flow. server_lane is called
	 * in here, and only here (the secret is wiped behind it). */
	void (*confirmed)(void *arg, uint32_t index,
			  const struct server_guest *guest);
	/* What a confirmed client has received and sent by now; NULL: not of
	 * interest. */
	void (*reported)(void *arg, uint32_t index,
			 const struct message_report *report);
	/* The session is over, confirmed or not (admitted it was). Its slot is
	 * free when this returns. */
	void (*ended)(void *arg, uint32_t index, const char *why);
};

/* What strangers and peers did: nothing is dropped without a count, and each
 * cause has its own. */
struct server_counters {
	uint64_t datagrams;
	uint64_t rx_records, tx_records; /* of the control lane */
	uint64_t cookies_sent;

	/* Datagrams dropped, in the order of the checks: of both sorts, */
	uint64_t drop_short;
	uint64_t drop_foreign; /* another protocol's first byte */
	/* control records, */
	uint64_t drop_index; /* no such session */
	uint64_t drop_lane;  /* a data lane's, which we do not have */
	uint64_t drop_epoch; /* its counter's epoch is far ahead */
	uint64_t drop_forged;
	uint64_t drop_old;
	uint64_t drop_replayed;
	/* handshake datagrams. */
	uint64_t drop_long;
	uint64_t drop_padding;	/* that does not fit into it */
	uint64_t drop_filtered; /* nothing that an honest client sends */
	uint64_t drop_unpadded; /* a stranger's, shorter than our answer */
	uint64_t drop_token;	/* a stranger's, and no ClientHello */
	uint64_t cookies_bad;
	uint64_t drop_crowd;  /* all that we can have are under way */
	uint64_t drop_full;   /* its network has its share of handshakes */
	uint64_t drop_memory; /* or we have none */

	/* Messages of an authentic client. */
	uint64_t drop_rate;    /* above CONTROL_MESSAGES_PER_S */
	uint64_t drop_message; /* cannot be read, or is not known */

	uint64_t handshakes_started; /* those with a good cookie */
	uint64_t handshakes_completed;
	uint64_t failed_by[HANDSHAKE_CAUSE_COUNT];
	uint64_t handshakes_expired; /* did not end in time */
	uint64_t handshakes_evicted; /* to make room for others */

	uint64_t admitted, confirmed, ended;
	/* Also of sessions that were ended so. */
	uint64_t refused_by[REFUSAL_COUNT];
	uint64_t refused_usage; /* the certificate is not for clients */

	uint64_t handshakes_now, sessions_now;
};

struct server_options {
	const struct credentials *credentials; /* borrowed, outlives */
	uint8_t lanes_max;		       /* 1 to 64 */
	uint8_t epoch_shift;		       /* 0: KEYS_EPOCH_SHIFT */
	uint64_t max_failures; /* 0: the algorithm's; tests take fewer */
};

struct server *server_create(const struct server_options *o,
			     const struct server_callbacks *cb, void *arg,
			     uint64_t now_ns);
void server_destroy(struct server *s);

/* A datagram of the control socket (no data record). Opened in place. What is
 * answered, now or later, goes back the path by which its handshake came. */
void server_input(struct server *s, const struct path *from, uint8_t *datagram,
		  size_t len, uint64_t now_ns);
uint64_t server_deadline(const struct server *s);
void server_timeout(struct server *s, uint64_t now_ns);

/* Inside `confirmed`: what the keys of a data lane are made of; the caller owns
 * it. 0 or -errno. */
int server_lane(struct server *s, uint32_t index, uint8_t lane,
		struct keys_seed *ret_seed) ATTR_MUST_CHECK;
/* Should be called when a data lane has opened something authentic: the
 * session is alive. */
void server_heard(struct server *s, uint32_t index, uint64_t now_ns);
/* When the session's client was heard last, 0 for a session that is not
 * there or whose client has not confirmed it (it may be replaced at once). */
uint64_t server_heard_ns(const struct server *s, uint32_t index);
/* Asks a session's client for a sign of life. */
void server_echo(struct server *s, uint32_t index);
/* Tells a session's client what came over its data lanes, and what went. */
void server_report(struct server *s, uint32_t index,
		   const struct message_report *report);
/* Ends a session with REFUSE or, for REFUSAL_SHUTDOWN, BYE. `ended` is called
 * for it inside. */
void server_end(struct server *s, uint32_t index, enum refusal reason,
		const char *text, uint64_t now_ns);
/* Ends the session of a slot, if it has one, confirmed or not. */
void server_end_slot(struct server *s, uint32_t slot, enum refusal reason,
		     const char *text, uint64_t now_ns);
/* Ends a session one of whose keys has seen too many forgeries (PROTOCOL.md,
 * section 4): the client comes back with fresh ones. The control lane sees to
 * itself. */
void server_end_worn_out(struct server *s, uint32_t index, uint64_t now_ns);
void server_end_all(struct server *s, enum refusal reason, const char *text,
		    uint64_t now_ns);

void server_counters(const struct server *s, struct server_counters *ret);

#endif
