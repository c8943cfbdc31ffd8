/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `adit` and `aditd` say to each other: one JSON object a line over
 * RUNTIME/adit.sock. A request has one answer that is final, and before it any
 * number that are not; one that follows has none that is final. Fields that are
 * not known are ignored, so that either end may be newer. Pure; any thread.
 *
 *   {"version":1,"command":"connect","profile":"work","wait":true}
 *   {"version":1,"final":false,"exit":0,"status":{"state":"connecting",...}}
 *   {"version":1,"final":true,"exit":0,"text":"work is up"}
 *
 * The structs own their texts and lists; zeroed is empty, and *_fini frees.
 */
#ifndef ADIT_CTL_H
#define ADIT_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/attr.h"

enum {
	CTL_VERSION = 1,
	CTL_LINE_MAX = 64 * 1024,
	/* `profile add` carries a file of a mebibyte, and JSON in JSON may be
	 * twice as long. */
	CTL_ADD_LINE_MAX = 2 * 1024 * 1024 + CTL_LINE_MAX,
	CTL_REPLY_MAX = 4 * 1024 * 1024,
	CTL_PATH_MAX = 108, /* of sockaddr_un, final zero included */
	CTL_WAIT_MAX_S = 3600,
	CTL_FOR_MAX_S = 30 * 86400,
};

/* The second is for root and the group only. Names of one length. */
#define CTL_SOCKET_NAME "adit.sock"
#define CTL_SOCKET_KEPT_NAME "kept.sock"
/* For a person, with the folder. */
#define CTL_PATH_TOO_LONG                                                      \
	"%s: too long for a socket's path (107 bytes with \"/" CTL_SOCKET_NAME \
	"\"): choose a shorter --runtime-dir"

/* Exit codes of `adit`, and what replies carry. */
enum ctl_exit {
	CTL_EXIT_DONE = 0,
	CTL_EXIT_FAILED = 1,
	CTL_EXIT_USAGE = 2,
	CTL_EXIT_NO_DAEMON = 3,
	CTL_EXIT_NOT_PERMITTED = 4,
	CTL_EXIT_REFUSED = 5,
	CTL_EXIT_UNREACHABLE = 6,
	CTL_EXIT_TIMED_OUT = 7,
};

enum ctl_command {
	CTL_COMMAND_STATUS,
	CTL_COMMAND_WATCH, /* follows the state */
	CTL_COMMAND_LOG,   /* the daemon's last lines */
	CTL_COMMAND_RELOAD,
	CTL_COMMAND_CONNECT,
	CTL_COMMAND_DISCONNECT,
	CTL_COMMAND_AUTO, /* the rules decide again */
	CTL_COMMAND_PROFILE_LIST,
	CTL_COMMAND_PROFILE_SHOW,
	CTL_COMMAND_PROFILE_ADD,
	CTL_COMMAND_PROFILE_REMOVE,
	CTL_COMMAND_EXPLAIN_DNS,
	CTL_COMMAND_EXPLAIN_NETWORK,
	CTL_COMMAND_COUNT,
};

struct ctl_request {
	enum ctl_command command;
	char *profile; /* NULL: the only one, or the one that is up */
	char *text;    /* profile-add: the file; explain-dns: the name */
	bool wait;     /* connect: answer when it is up, or has failed */
	uint64_t wait_s;
	uint64_t for_s;	   /* disconnect: so long; 0: no timer */
	bool until_reboot; /* disconnect: on other networks, too */
	char *reason;	   /* disconnect: the user's; NULL: none */
	bool replace;	   /* profile-add: over one of this name */
	bool json;	   /* explain: the body as JSON */
	bool follow;	   /* watch, log: go on until one end hangs up */
};

struct ctl_list {
	void *items; /* an array of what the field's comment says */
	size_t count;
};

struct ctl_drop {
	char *cause;
	uint64_t count;
};

struct ctl_batch {
	uint64_t up_to; /* records, and more than the row before has */
	uint64_t count; /* of system calls */
};

struct ctl_fallback {
	char *what, *reason;
	uint64_t since; /* seconds since 1970; 0: not told */
	uint64_t times; /* that it came into force; 0: not counted */
};

struct ctl_transition {
	uint64_t at_ms; /* since 1970 */
	char *from, *to, *event, *reason;
};

/* Of a watch: what the state is from `at_ms` on. */
struct ctl_event {
	uint64_t at_ms; /* since 1970 */
	char *profile, *state;
	char *was, *event; /* NULL: it is not known how it came to be */
	char *reason, *reason_text, *detail;
	uint64_t missed; /* events before this one that are lost */
};

struct ctl_log_line {
	uint64_t at_ms; /* since 1970 */
	char *level, *text;
	uint64_t missed; /* lines before this one that are lost */
};

struct ctl_status {
	uint64_t version;
	char *daemon; /* aditd's version */
	char *state;
	struct {
		char *code, *text;
	} reason;
	char *detail; /* what exactly went wrong last, a sentence */
	char *profile;
	uint64_t since;	   /* seconds since 1970, in this state */
	uint64_t retry_at; /* 0: no attempt is due */
	uint64_t attempts;
	uint64_t repairs; /* of what others changed of ours on the host */
	/* The user's word about this profile, and what ends it. */
	struct {
		char *state, *cause;
		char *reason; /* the user's, if one was given */
		uint64_t since, until;
		char *ends;  /* "network", "time", "reboot", "command" */
		char *ended; /* a sentence: how the one before ended */
	} hold;
	/* What the profile's rules say about the network. */
	struct {
		char *outcome;	/* "off", "match", "no-match", "pending", ... */
		uint64_t index; /* of the rule, plus one; 0: none */
		char *action;
		char *text; /* "WiFi, SSID CafeNet" */
	} rule;
	/* "up", "armed" or "down", and a sentence: why. */
	struct {
		char *state, *because;
	} want;
	struct {
		char *type, *device, *security;
		char *ssid;	/* escaped where it is no UTF-8 */
		char *ssid_hex; /* its bytes */
		char *bssid, *gateway, *gateway_link;
		struct ctl_list servers; /* char *: of the DNS */
		struct ctl_list search;	 /* char * */
		bool metered, other_vpn;
		char *metered_by;
		char *portal; /* "free", "captive"; NULL: not known */
		char *portal_url;
	} network;
	struct ctl_list on_demand; /* struct ctl_demand: of all profiles */
	struct {
		char *name, *address;
		uint64_t certificate_ends;
	} gateway;
	char *transport, *group, *cipher;
	char *cipher_library; /* whose code seals: "wolfCrypt", "IPsec-MB" */
	uint64_t rtt_us;
	char *device;
	uint64_t mtu, lanes;
	struct ctl_list addresses; /* char * */
	struct ctl_list routes;	   /* char * */
	struct ctl_list excluded;  /* char * */
	struct {
		struct ctl_list servers; /* char * */
		struct ctl_list match;	 /* char * */
		struct ctl_list search;	 /* char * */
		struct ctl_list uplink;	 /* char *: the host's own servers */
		bool everything;	 /* all names come to the stub */
		bool all_names;		 /* and go to the tunnel's servers */
		bool applied;		 /* the host asks the stub */
		char *stub, *owner, *owner_because;
		uint64_t repairs;
		struct ctl_list counters; /* struct ctl_drop */
	} dns;
	struct {
		uint64_t rx_bytes, rx_packets, tx_bytes, tx_packets;
		uint64_t rx_control, tx_control;
		uint64_t system_calls; /* of the packet path */
		/* Times that batches were given up: the kernel refused one, the
		 * gateway reports what was lost. */
		uint64_t batches_refused, tails_lost;
		struct ctl_list sent;	  /* struct ctl_batch: by each send */
		struct ctl_list received; /* struct ctl_batch */
	} counters;
	struct ctl_list drops;	     /* struct ctl_drop */
	struct ctl_list fallbacks;   /* struct ctl_fallback */
	struct ctl_list problems;    /* char *: profiles that are refused */
	struct ctl_list warnings;    /* char *: about the profile in force */
	struct ctl_list transitions; /* struct ctl_transition */
};

/* A profile that has rules or a hold. */
struct ctl_demand {
	char *profile, *want, *because, *hold;
	char *action;	/* of the rule that matches */
	uint64_t index; /* of it, plus one; 0: none */
};

struct ctl_profile {
	char *name, *visible_name, *gateway, *state, *problem;
};

struct ctl_reply {
	bool final;
	bool busy;     /* nothing was done: too many callers */
	uint64_t exit; /* enum ctl_exit */
	char *text;    /* one line for a person */
	char *body;    /* of profile-show */
	bool has_status;
	struct ctl_status status;
	struct ctl_list profiles; /* struct ctl_profile */
	struct ctl_list events;	  /* struct ctl_event */
	struct ctl_list lines;	  /* struct ctl_log_line */
};

void ctl_request_fini(struct ctl_request *r);
void ctl_reply_fini(struct ctl_reply *r);
void ctl_status_fini(struct ctl_status *s);

/* A whole line with its newline, to be freed; NULL: out of memory. */
char *ctl_request_line(const struct ctl_request *r);
char *ctl_reply_line(const struct ctl_reply *r);
/* The status as `adit status --json` prints it; to be freed. */
char *ctl_status_text(const struct ctl_status *s);

/* An event of a watch for programs, without a newline; to be freed. */
char *ctl_event_text(const struct ctl_event *e);

/* One line without its newline. 0; -EBADMSG with a sentence in `ret_why`; or
 * -ENOMEM. On failure there is nothing to free. */
int ctl_request_parse(const char *line, size_t len,
		      struct ctl_request *ret_request,
		      const char **ret_why) ATTR_MUST_CHECK;
int ctl_reply_parse(const char *line, size_t len, struct ctl_reply *ret_reply,
		    const char **ret_why) ATTR_MUST_CHECK;

/* Does it change or tell what not everybody may (and so needs permission)? */
bool ctl_command_acts(enum ctl_command command);
const char *ctl_command_name(enum ctl_command command);

/* Copies a text into an empty field; NULL and "" leave it so. False: out of
 * memory. */
bool ctl_set_text(char **field, const char *text);
/* One more element, zeroed; NULL: out of memory. */
void *ctl_list_add(struct ctl_list *list, size_t size);
/* Appends a copy of a text. 0 or -ENOMEM. */
int ctl_list_add_text(struct ctl_list *list, const char *text);
/* RUNTIME/adit.sock; -ENAMETOOLONG for what a sockaddr_un cannot hold, which
 * libuv would cut in silence. */
int ctl_socket_path(const char *runtime_dir,
		    char ret_path[static CTL_PATH_MAX]);
/* kept.sock beside an adit.sock. 0 or -ENAMETOOLONG. */
int ctl_kept_path(const char *path, char ret_path[static CTL_PATH_MAX]);

#endif
