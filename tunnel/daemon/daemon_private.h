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
#include "tunnel/daemon/engine.h"
#include "tunnel/daemon/folder_watch.h"
#include "tunnel/daemon/idle.h"
#include "tunnel/daemon/portal.h"
#include "tunnel/daemon/probe.h"
#include "tunnel/daemon/session_io.h"
#include "tunnel/daemon/split_dns.h"
#include "tunnel/daemon/uplink_facts.h"
#include "tunnel/daemon/user_session.h"
#include "tunnel/host/apply.h"
#include "tunnel/host/journal.h"

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

	/* daemon_network.c */
	struct network_reader *reader;
	struct uplink_facts *uplink_facts;
	struct network network;		   /* as it was seen last */
	bool facts_wanted, facts_answered; /* about it */
	bool network_told;		   /* it, to the engine */
	uv_poll_t watches[NETWORK_DESCRIPTORS_MAX];
	size_t watch_count;
	uv_timer_t settling; /* after the host has moved */
	uv_timer_t patience; /* for facts that do not come */
	uv_timer_t telling;  /* the engine, when nobody is at work */

	/* daemon_engine.c */
	struct engine engine;
	struct daemon_ghost *ghosts;
	enum engine_want wanted; /* as it was carried out */
	char wanted_name[PROFILE_NAME_MAX];
	/* A name began it, and it has not come up or failed since: names are
	 * held. */
	bool triggered;
	char boot[JOURNAL_BOOT_MAX];
	uv_timer_t holding;	     /* until a hold ends */
	struct daemon_probe *probes; /* under way */

	/* daemon_portal.c */
	struct portal *portal; /* being asked; NULL: not */
	struct probe_options portal_way;
	struct dns_server portal_servers[DNS_OWNER_SERVERS_MAX];
	struct portal_result captive; /* as it was told last */
	uint64_t portal_ns;	      /* when it was asked */

	/* daemon_presence.c */
	struct user_session *user_session;
	struct idle idle;
	uv_timer_t idling; /* until the next look */

	uv_timer_t waiting;   /* until the first waiter's deadline */
	uv_timer_t grumbling; /* until a bad profile is logged */
	uv_timer_t last;      /* until the end is forced */
	uv_async_t logged;    /* there is a new line in the log */
	uv_signal_t term, intr, hangup;
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

/* daemon_network.c */
int daemon_network_start(struct daemon *d);
void daemon_network_end(struct daemon *d);
/* It may be another network: a look when that has settled. */
void daemon_network_moved(struct daemon *d);
/* Where a user's word is said, while the engine was not told of the network
 * yet; NULL: it was. */
const struct network_identity *daemon_network_place(
	struct daemon *d, struct network_identity *room);
/* There may be rules now that look at more of it. */
void daemon_network_rules_changed(struct daemon *d);
/* Whoever keeps this host's names told the stub something. */
void daemon_network_names_changed(struct daemon *d);

/* daemon_engine.c */
void daemon_engine_start(struct daemon *d);
void daemon_engine_end(struct daemon *d);
/* After the loop. */
void daemon_engine_fini(struct daemon *d);
/* The profiles were read again, and those before are gone. `quiet`: nobody is
 * writing in their folder. */
void daemon_engine_profiles(struct daemon *d, bool quiet);
/* What is wanted by now is done. */
void daemon_engine_act(struct daemon *d);
/* Held up by a person; takes the profile, loaded for use. 0; -EPERM: another
 * one has the tunnel, and is locked. */
int daemon_engine_connect(struct daemon *d, size_t at, struct profile *profile);
/* Down, whatever is wanted: that may be up again, from the start. */
void daemon_engine_end_tunnel(struct daemon *d, enum reason reason);
void daemon_engine_network(struct daemon *d, const struct network *n);
/* Somebody asks for a name of the armed tunnel's. */
bool daemon_engine_trigger(struct daemon *d);
/* False: there is none with its file. */
bool daemon_hold_problem(const struct engine_entry *e, char *buf, size_t size);
/* Profiles that are gone leave no hold behind. */
void daemon_engine_prune(struct daemon *d);

/* daemon_portal.c: the network, or the session, is another. */
void daemon_portal_network(struct daemon *d);
void daemon_portal_session(struct daemon *d);
void daemon_portal_end(struct daemon *d);

/* By the uplink, into the caller's options and their servers. */
void daemon_probe_way(struct daemon *d,
		      struct dns_server servers[static DNS_OWNER_SERVERS_MAX],
		      struct probe_options *ret_options);
/* daemon_probes.c: those that the engine waits for are under way. */
void daemon_probes_follow(struct daemon *d);
/* The resolver wants one. */
void daemon_probe_for_names(struct daemon *d, uint64_t generation,
			    const char *url);
void daemon_probes_end(struct daemon *d);

/* daemon_presence.c */
int daemon_presence_start(struct daemon *d);
void daemon_presence_end(struct daemon *d);
/* The session's state is another. */
void daemon_presence_changed(struct daemon *d);

/* daemon_engine_status.c. 0 or -ENOMEM. */
int daemon_engine_status(const struct daemon *d, struct ctl_status *s);

/* daemon_demand.c */
void daemon_connect(struct daemon *d, struct ctl_peer *peer,
		    const struct ctl_request *request);
void daemon_disconnect(struct daemon *d, struct ctl_peer *peer,
		       const struct ctl_request *request);
void daemon_auto(struct daemon *d, struct ctl_peer *peer,
		 const struct ctl_request *request);
void daemon_explain_network(struct daemon *d, struct ctl_peer *peer,
			    const struct ctl_request *request);

/* daemon_wait.c: the peer is answered when the tunnel is up, or has failed. */
void daemon_wait_for_up(struct daemon *d, struct ctl_peer *peer,
			uint64_t wait_s);
void daemon_wait_gone(struct daemon *d, struct ctl_peer *peer);
/* The state has changed. */
void daemon_wait_changed(struct daemon *d);

#endif
