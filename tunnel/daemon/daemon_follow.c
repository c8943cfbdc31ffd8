/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) Those who follow the state or the log. Each has its own place in what is
 * kept anyway, and is sent more when it has taken most of what it was sent: a
 * slow one costs nothing, and is told what it missed.
 */
#include <errno.h>
#include <string.h>

#include "tunnel/base/log.h"
#include "tunnel/daemon/daemon_private.h"

enum {
	UNREAD_MAX = 64 * 1024, /* of one follower */
	LINES_MAX = 50,		/* in one reply */
};

/* One reply with what comes next; false: there is nothing, for now. */
static bool send_lines(struct ctl_peer *peer, struct log_cursor *cursor)
{
	struct ctl_reply reply = { .final = false };
	struct log_kept kept;

	while (reply.lines.count < LINES_MAX && log_recall(cursor, &kept)) {
		struct ctl_log_line *line =
			ctl_list_add(&reply.lines, sizeof(*line));

		if (line == NULL)
			break; /* the daemon has other worries then */
		line->at_ms = (uint64_t)kept.at_ms;
		line->level = strdup(log_level_name(kept.level));
		line->text = strdup(kept.text);
		line->missed = kept.lost;
	}
	if (reply.lines.count == 0)
		return false;
	ctl_server_reply(peer, &reply);
	ctl_reply_fini(&reply);
	return true;
}

static bool send_event(struct daemon *d, struct ctl_peer *peer, uint64_t *next)
{
	struct ctl_reply reply = { .final = false };
	struct ctl_event *e;
	bool more;

	e = ctl_list_add(&reply.events, sizeof(*e));
	if (e == NULL)
		return false;
	more = session_io_event(d->io, next, e) == 0;
	if (more)
		ctl_server_reply(peer, &reply);
	ctl_reply_fini(&reply);
	return more;
}

static void feed(struct daemon *d, struct follower *f)
{
	bool more = true;

	while (more && ctl_server_unread(f->peer) < UNREAD_MAX)
		more = f->of_log ? send_lines(f->peer, &f->cursor)
				 : send_event(d, f->peer, &f->next);
}

static void feed_all(struct daemon *d, bool of_log)
{
	for (size_t i = 0; i < ARRAY_SIZE(d->followers); i++)
		if (d->followers[i].peer != NULL &&
		    d->followers[i].of_log == of_log)
			feed(d, &d->followers[i]);
}

static struct follower *add(struct daemon *d, struct ctl_peer *peer,
			    bool of_log)
{
	struct follower *f = d->followers;

	if (!ctl_server_follow(peer)) {
		daemon_reply(peer, true, CTL_EXIT_FAILED,
			     "as many follow already as may: %d in all, %d of "
			     "one user; end one of them",
			     CTL_SERVER_FOLLOWERS,
			     CTL_SERVER_SAME_USER_FOLLOWS);
		return NULL;
	}
	while (f->peer != NULL) /* there are as many as the server lets */
		f++;
	*f = (struct follower) { .peer = peer, .of_log = of_log };
	return f;
}

void daemon_watch_state(struct daemon *d, struct ctl_peer *peer)
{
	struct follower *f = add(d, peer, false);

	if (f == NULL)
		return;
	f->next = SESSION_IO_EVENT_NOW;
	feed(d, f);
}

void daemon_show_log(struct daemon *d, struct ctl_peer *peer,
		     const struct ctl_request *request)
{
	struct ctl_reply done = { .final = true };
	struct log_cursor cursor = { 0 };
	struct follower *f;

	if (request->follow) {
		f = add(d, peer, true);
		if (f != NULL)
			feed(d, f);
		return;
	}
	/* All of it is far less than the server lets a client leave unread. */
	while (send_lines(peer, &cursor))
		;
	ctl_server_reply(peer, &done);
}

void daemon_follow_changed(struct daemon *d)
{
	feed_all(d, false);
}

void daemon_follow_logged(struct daemon *d)
{
	feed_all(d, true);
}

void daemon_follow_drained(struct daemon *d, struct ctl_peer *peer)
{
	for (size_t i = 0; i < ARRAY_SIZE(d->followers); i++)
		if (d->followers[i].peer == peer)
			feed(d, &d->followers[i]);
}

void daemon_follow_gone(struct daemon *d, struct ctl_peer *peer)
{
	for (size_t i = 0; i < ARRAY_SIZE(d->followers); i++)
		if (d->followers[i].peer == peer)
			d->followers[i].peer = NULL;
}

void daemon_follow_end(struct daemon *d)
{
	memset(d->followers, 0, sizeof(d->followers));
}
