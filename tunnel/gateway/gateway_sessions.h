/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is in: joins the transport's server, the list of clients and the peer
 * table of the packet path. Admits by the list, gives each client the addresses
 * of its slot, publishes its keys when it has proved itself, and ends the
 * sessions of those who were revoked. No socket and no loop: time is an
 * argument. Control thread.
 */
#ifndef ADIT_GATEWAY_SESSIONS_H
#define ADIT_GATEWAY_SESSIONS_H

#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"
#include "tunnel/gateway/gateway_clients.h"
#include "tunnel/gateway/gateway_config.h"

struct credentials;
struct gateway_sessions;
struct gateway_snapshot;
struct peer_table;

enum {
	/* A second session of a certificate replaces one that was silent for
	 * this long, */
	GATEWAY_SILENT_S = 30,
	/* or one that has not answered when it was asked this long ago: a
	 * device that crashed comes back in the time of a retry. */
	GATEWAY_PROBE_MS = 1000,
	GATEWAY_PROBE_RETRY_S = 2,
};

struct gateway_sessions_config {
	const char *dir;		       /* borrowed */
	const struct gateway_config *config;   /* borrowed */
	const struct credentials *credentials; /* borrowed */
	struct peer_table *table;	       /* borrowed */
	int family; /* of the UDP sockets that the workers send from */
	uint8_t lanes;
	void (*send)(void *arg, const struct path *to, const uint8_t *datagram,
		     size_t len);
	void *arg;
};

/* 0, or -errno with the error. */
int gateway_sessions_create(const struct gateway_sessions_config *c,
			    uint64_t now_ns,
			    struct gateway_sessions **ret_sessions,
			    struct gateway_error *error) ATTR_MUST_CHECK;
/* Takes NULL. Sessions are dropped without a word: gateway_sessions_end_all
 * comes first. */
void gateway_sessions_destroy(struct gateway_sessions *s);

/* A datagram that is no data record; opened in place. */
void gateway_sessions_input(struct gateway_sessions *s, const struct path *from,
			    uint8_t *datagram, size_t len, uint64_t now_ns);
uint64_t gateway_sessions_deadline(const struct gateway_sessions *s);
void gateway_sessions_timeout(struct gateway_sessions *s, uint64_t now_ns);

/* Reads DIR/clients, */
void gateway_sessions_reload(struct gateway_sessions *s, uint64_t now_ns);
/* and this if something in it may have changed. */
void gateway_sessions_refresh(struct gateway_sessions *s, uint64_t now_ns);
/* Should be called now and then: tells the server whom the workers heard, and
 * ends sessions whose keys have seen too many forgeries. */
void gateway_sessions_note_traffic(struct gateway_sessions *s, uint64_t now_ns);
/* So should this: after many have come and gone, what they left in the heap
 * goes back to the system. */
void gateway_sessions_tidy(struct gateway_sessions *s, uint64_t now_ns);
/* Says BYE to all; it is repeated in gateway_sessions_timeout. */
void gateway_sessions_end_all(struct gateway_sessions *s, uint64_t now_ns);

/* Fills in the counters and numbers of clients, at the snapshot's `now`; */
void gateway_sessions_observe(const struct gateway_sessions *s,
			      struct gateway_snapshot *ret);
/* and, after that, the connected clients. 0 or -ENOMEM. */
int gateway_sessions_observe_each(const struct gateway_sessions *s,
				  uint64_t now_ns,
				  struct gateway_snapshot *ret) ATTR_MUST_CHECK;

const struct gateway_clients *gateway_sessions_clients(
	const struct gateway_sessions *s);

#endif
