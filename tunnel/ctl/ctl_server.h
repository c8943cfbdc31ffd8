/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) The daemon's end of the control socket. Takes lines, refuses what is no
 * request or is not permitted, and hands the rest to the daemon, one request
 * of a client at a time. Control thread.
 *
 *   1. ctl_server_create: from here on clients are answered
 *   2. on_request: answer with ctl_server_reply, now or later; a reply that is
 *      not final may be followed by more
 *   3. on_gone: forget the client, with whatever it waited for
 *   4. ctl_server_close: the socket is gone at once, its memory when the loop
 *      has run; `done` says so
 *
 * There are two sockets with the same conversation. adit.sock has mode 0666,
 * because anyone may ask for the status; kept.sock only root and the group may
 * open, so that it has a queue and places that strangers cannot fill. Who may
 * act is decided for each request by what the kernel says about the caller.
 */
#ifndef ADIT_CTL_SERVER_H
#define ADIT_CTL_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/attr.h"
#include "tunnel/ctl/ctl.h"

struct ctl_server;
struct ctl_peer;
struct uv_loop_s;

enum {
	/* Beyond them, one of root's that asks nothing makes room for root. */
	CTL_SERVER_CLIENTS = 32,
	/* Of these: through adit.sock, root not counted. */
	CTL_SERVER_STRANGERS = 16,
	CTL_SERVER_SAME_USER = 4, /* likewise; through either */
	/* Those who follow have a place without end, so that each kind leaves
	 * some for others who only ask. */
	CTL_SERVER_FOLLOWERS = 8,
	CTL_SERVER_STRANGERS_FOLLOW = 4,
	CTL_SERVER_SAME_USER_FOLLOWS = 2,
	/* A client that asks nothing, or half of it, or does not read. */
	CTL_SERVER_PATIENCE_MS = 10000,
	CTL_SERVER_STRANGER_PATIENCE_MS = 2000,
	CTL_SERVER_UNREAD_MAX = 1024 * 1024,
};

struct ctl_server_options {
	const char *path; /* of adit.sock; the other one is beside it */
	/* 0: as above; tests take less. */
	unsigned int patience_ms, stranger_patience_ms;
	const struct ctl_server_callbacks *callbacks; /* static */
	void *arg;
};

struct ctl_server_callbacks {
	/* Borrows the request. The caller may do what it asks for. */
	void (*request)(void *arg, struct ctl_peer *peer,
			const struct ctl_request *request);
	/* The client went away before its final reply. */
	void (*gone)(void *arg, struct ctl_peer *peer);
	/* A client that follows has taken everything it was sent. */
	void (*drained)(void *arg, struct ctl_peer *peer);
};

/* 0; -EADDRINUSE: somebody answers there; -ENOTSOCK: another kind of file is
 * in the way; -ENAMETOOLONG; or -errno. A socket that nobody answers is
 * replaced. */
int ctl_server_create(struct uv_loop_s *loop,
		      const struct ctl_server_options *options,
		      struct ctl_server **ret_server) ATTR_MUST_CHECK;
void ctl_server_close(struct ctl_server *s, void (*done)(void *arg), void *arg);

/* Sends one reply; after a final one the client may ask again. A client that
 * does not read what it is sent is cut off, which `gone` tells later, not from
 * here. */
void ctl_server_reply(struct ctl_peer *peer, const struct ctl_reply *reply);

/* The request that the peer waits for will be answered without end. False: as
 * many follow as may; answer that. */
bool ctl_server_follow(struct ctl_peer *peer) ATTR_MUST_CHECK;
/* For what members of the group may not do, either. */
bool ctl_server_is_root(const struct ctl_peer *peer);
/* Bytes that the peer was sent and has not taken yet. */
size_t ctl_server_unread(const struct ctl_peer *peer);

#endif
