/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) One attempt to reach a profile's gateway, and the session it becomes:
 * resolves names, opens sockets, drives a struct client with datagrams and
 * time, and tries the next address when one leads nowhere. Control thread.
 *
 *   1. attempt_start; callbacks come later from the loop, never from inside
 *   2. up: attempt_lease, attempt_client and the lanes' sockets are there
 *   3. ended, or whenever it is not wanted: attempt_end, also from a callback;
 *      BYE goes out if anybody listens, and the object frees itself
 */
#ifndef ADIT_ATTEMPT_H
#define ADIT_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/reason.h"

struct attempt;
struct client;
struct lease;
struct message_report;
struct peer;
struct profile;
struct resolver;
struct uv_loop_s;

enum {
	ATTEMPT_ERROR_MAX = 256,
};

struct attempt_callbacks {
	void (*up)(void *arg);
	/* The gateway told what it received. */
	void (*reported)(void *arg, const struct message_report *report);
	/* Over: before `up` when no address led to a lease, or after it. The
	 * text is a sentence. */
	void (*ended)(void *arg, enum reason reason, const char *text);
};

struct attempt_options {
	struct uv_loop_s *loop;
	struct resolver *resolver;     /* borrowed, outlives */
	const struct profile *profile; /* borrowed until attempt_end */
	uint32_t mark;		       /* SO_MARK of the sockets */
	const struct attempt_callbacks *callbacks; /* static */
	void *arg;
};

/* 0; -EINVAL with a sentence: the identity cannot be used; -ENOMEM. */
int attempt_start(const struct attempt_options *o, struct attempt **ret_attempt,
		  char ret_error[static ATTEMPT_ERROR_MAX]) ATTR_MUST_CHECK;
void attempt_end(struct attempt *a);

/* A datagram of the gateway that a worker got. Opened in place. */
void attempt_input(struct attempt *a, const struct sockaddr_storage *from,
		   uint8_t *datagram, size_t len);
void attempt_echo(struct attempt *a);
/* A data lane's key has seen too many forgeries: the session ends. */
void attempt_wear_out(struct attempt *a);

struct client *attempt_client(const struct attempt *a);
const struct lease *attempt_lease(const struct attempt *a);
/* Fills in what it waits for, or what seems to be in its way; false: nothing
 * that is known. */
bool attempt_obstacle(const struct attempt *a,
		      char ret_text[static ATTEMPT_ERROR_MAX]);
/* The address being tried, or that answered; family 0: none yet. */
const struct endpoint *attempt_remote(const struct attempt *a);
/* Datagrams that came from elsewhere, and were dropped. */
uint64_t attempt_strange(const struct attempt *a);
/* Once up: how many lanes to send on, of the wish and what the gateway takes.
 */
unsigned int attempt_lanes(const struct attempt *a);
/* Once up, give away what the workers need: the gateway with its keys, and a
 * lane's socket. NULL and -1 the second time. */
struct peer *attempt_take_peer(struct attempt *a);
int attempt_take_socket(struct attempt *a, unsigned int lane);

#endif
