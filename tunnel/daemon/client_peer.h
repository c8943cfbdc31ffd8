/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateway of a session as the workers want it. Control thread.
 */
#ifndef ADIT_CLIENT_PEER_H
#define ADIT_CLIENT_PEER_H

#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"

struct client;
struct lease;
struct peer;

/* To be called inside the client's `up`, the only time at which it hands over
 * keys. The peer is the caller's. 0 or -errno. */
int client_peer_create(struct client *c, const struct lease *lease,
		       const struct endpoint *remote,
		       struct peer **ret_peer) ATTR_MUST_CHECK;

#endif
