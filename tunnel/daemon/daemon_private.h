/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What the files of the daemon share, and nobody else. */
#ifndef ADIT_DAEMON_PRIVATE_H
#define ADIT_DAEMON_PRIVATE_H

#include <stdbool.h>
#include <uv.h>

#include "config/profiles.h"
#include "tunnel/base/log.h"
#include "tunnel/ctl/ctl_server.h"
#include "tunnel/daemon/daemon.h"
#include "tunnel/daemon/folder_watch.h"
#include "tunnel/daemon/session_io.h"
#include "tunnel/daemon/split_dns.h"
#include "tunnel/host/apply.h"

/* Somebody in `adit connect --wait`. */
struct waiter {
	struct ctl_peer *peer; /* NULL: a free place */
	uint64_t deadline_ns;
	enum session_state told; /* last state sent */
};

/* Somebody in `adit log -f` or `adit status --watch`. */
struct follower {
	struct ctl_peer *peer; /* NULL: a free place */
	bool of_log;
	struct log_cursor cursor; /* of the log */
	uint64_t next;		  /* event of the session */
};

/* What the open host borrows. */
struct daemon_host {
	struct host_config config;
	char resolv_conf[256];
	const char *files[2]; /* that may be ours */
};

struct daemon {
	const struct daemon_options *options;
	uv_loop_t loop;
	struct host *host;
	struct daemon_host host_files; /* borrowed by `host` */
	struct session_io *io;
	struct split_dns *names;
	struct ctl_server *server;
	struct profiles profiles;
	int folder_error; /* of the last look at them: 0 or -errno */
	struct folder_watch *folder, *assets; /* of CONFIG */
	struct config_report used; /* about the profile that the tunnel has */
	struct waiter waiters[CTL_SERVER_CLIENTS];
	struct follower followers[CTL_SERVER_FOLLOWERS];
	uv_timer_t waiting;   /* until the first waiter's deadline */
	uv_timer_t settling;  /* after the host has moved */
	uv_timer_t grumbling; /* until a bad profile is logged */
	uv_timer_t last;      /* until the end is forced */
	uv_async_t logged;    /* there is a new line in the log */
	uv_signal_t term, intr, hangup;
	uv_poll_t watch;
	int watch_fd;
	bool stopping, forced;
};

/* daemon_reload.c: reads the profiles again and lets the tunnel follow. */
void daemon_reload(struct daemon *d);
/* The same, and tells the peer what came of it. */
void daemon_reload_for(struct daemon *d, struct ctl_peer *peer);
/* The folder has changed, and is quiet. */
void daemon_folder_changed(struct daemon *d);
/* For a command: what is there? The tunnel follows when it is quiet. */
void daemon_look(struct daemon *d);
/* The tunnel was given a profile with this report. */
void daemon_note_used(struct daemon *d, uint64_t fingerprint,
		      const struct config_report *report);
/* Texts for the status. 0 or -ENOMEM. */
int daemon_put_problems(const struct daemon *d, struct ctl_list *list);
int daemon_put_warnings(const struct daemon *d, struct ctl_list *list);

/* daemon_follow.c */
void daemon_watch_state(struct daemon *d, struct ctl_peer *peer);
void daemon_show_log(struct daemon *d, struct ctl_peer *peer,
		     const struct ctl_request *request);
/* The state, or the log, has more to tell. */
void daemon_follow_changed(struct daemon *d);
void daemon_follow_logged(struct daemon *d);
void daemon_follow_drained(struct daemon *d, struct ctl_peer *peer);
void daemon_follow_gone(struct daemon *d, struct ctl_peer *peer);
void daemon_follow_end(struct daemon *d);

/* daemon_ctl.c */
extern const struct ctl_server_callbacks daemon_ctl_callbacks;
void daemon_reply(struct ctl_peer *peer, bool final, enum ctl_exit code,
		  const char *fmt, ...) ATTR_PRINTF(4, 5);
/* One line for a file that cannot be used. */
void daemon_reply_refused(struct ctl_peer *peer, const struct profile_entry *e,
			  const struct config_report *report, int error);
/* One line for the folder of the profiles, which is refused. */
void daemon_reply_folder(const struct daemon *d, struct ctl_peer *peer);
/* The profile that a request means; NULL: the peer was told why not. */
struct profile_entry *daemon_find_profile(struct daemon *d,
					  struct ctl_peer *peer,
					  const char *name);
/* Is it the one that the tunnel has, or had last? */
bool daemon_is_current(const struct daemon *d, const char *name);

/* daemon_profiles.c */
void daemon_list_profiles(struct daemon *d, struct ctl_peer *peer);
void daemon_show_profile(struct daemon *d, struct ctl_peer *peer,
			 const struct ctl_request *request);
void daemon_add_profile(struct daemon *d, struct ctl_peer *peer,
			const struct ctl_request *request);
void daemon_remove_profile(struct daemon *d, struct ctl_peer *peer,
			   const struct ctl_request *request);

/* daemon_names.c: the names follow the session. */
int daemon_names_start(struct daemon *d);
void daemon_names_changed(struct daemon *d);
void daemon_explain_dns(struct daemon *d, struct ctl_peer *peer,
			const struct ctl_request *request);

/* daemon_wait.c: the peer is answered when the tunnel is up, or has failed. */
void daemon_wait_for_up(struct daemon *d, struct ctl_peer *peer,
			uint64_t wait_s);
void daemon_wait_gone(struct daemon *d, struct ctl_peer *peer);
/* The state has changed. */
void daemon_wait_changed(struct daemon *d);

#endif
