/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateway's sessions in two halves: gateway_admission.c decides who comes
 * in, gateway_sessions.c has what follows. This header is theirs alone.
 */
#ifndef ADIT_GATEWAY_SESSION_H
#define ADIT_GATEWAY_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/server.h"
#include "tunnel/gateway/gateway_sessions.h"

struct peer;

struct gateway_session {
	struct gateway_session *next, **link;
	uint32_t slot;
	uint32_t index;	   /* 0 until it has confirmed */
	struct peer *peer; /* the table's; NULL until it has confirmed */
	uint8_t fingerprint[PKI_FINGERPRINT_LEN];
	char name[GATEWAY_CLIENT_NAME_MAX + 1];
	struct path from;
	const char *group, *cipher; /* static */
	int64_t since;		    /* seconds since 1970; it has confirmed */
	uint64_t probed_ns; /* when it was asked whether it is there; or 0 */
};

struct gateway_sessions {
	struct gateway_sessions_config c;
	struct server *server;
	struct gateway_clients clients;
	char complaint[GATEWAY_ERROR_MAX]; /* told last about the list */
	uint64_t reload_errors;
	uint64_t tactics_left; /* how often whole runs were given up */
	uint64_t now_ns; /* of the call that the server's callbacks are in */
	uint64_t rejected_ns;	/* when a failed handshake was told last */
	unsigned int rejected;	/* and how many were not told since */
	bool ending;		/* nobody comes in any more */
	uint64_t given_back_ns; /* when freed memory was, last, */
	uint64_t given_back_at; /* and how many had come and gone by then */
	struct gateway_session *first;
	struct gateway_session *by_slot[GATEWAY_POOL_SLOTS_MAX];
};

/* NULL: out of memory. */
struct gateway_session *gateway_session_create(
	struct gateway_sessions *s, const struct gateway_client *client,
	const struct server_guest *guest);
void gateway_session_destroy(struct gateway_sessions *s,
			     struct gateway_session *x);
/* When anything authentic came last, on the control lane or another. Not later
 * than `now_ns`, which was read before a worker that is busy looked. */
uint64_t gateway_session_heard_ns(const struct gateway_sessions *s,
				  const struct gateway_session *x,
				  uint64_t now_ns);

/* The server's `admit`. */
int gateway_admission_judge(void *arg, const struct server_guest *guest,
			    uint32_t *ret_slot, struct lease *ret_lease,
			    struct server_refusal *ret_refusal);

#endif
