/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * On demand: which tunnel is wanted, and why. What happened goes in, what is
 * wanted comes out; it starts and writes nothing itself. No clock, no loop, no
 * random numbers. Control thread.
 *
 *   1. engine_set_profiles, again after each change of the folder
 *   2. engine_network and the other events, each with its time
 *   3. engine_look: what is wanted now. The caller makes it so, sends the probe
 *      of each entry that waits for one (engine_probe), and writes each hold
 *      that is not `saved`
 *   4. engine_timeout at engine_deadline
 *
 * For one profile, in this order:
 *
 *   unfit                    down, unless kept
 *   held down                down
 *   asleep                   what was wanted stays, nothing starts; down if
 *                            the profile says so
 *   held up                  up
 *   logged out               down
 *   no rules                 up if it was started, and nothing ended it: kept
 *   Connect                  up; armed after Idle; down if a metered network
 *                            holds it, unless kept
 *   EvaluateConnection       up if kept, else armed (or down, as before)
 *   Disconnect               down
 *   Ignore, no match, no network, another VPN, a probe that is not answered
 *                            up if kept, else down; armed as before while a
 *                            probe is asked anew on the same network
 *
 * One tunnel is up at a time (profile.md 0a): a locked one that its own rules
 * leave up (DisableUserOverride), else a held one, else the one that is up
 * already, else the first; with none that is to be up, the one that was wanted
 * before if it is armed, else the first armed.
 *
 * A hold ends with another command, another network (unless the profile has no
 * rules), its time, another content of the profile, or the reboot; one until
 * the reboot only then, by command, by ReconnectAfter, or when a new content
 * forbids it.
 */
#ifndef ADIT_DAEMON_ENGINE_H
#define ADIT_DAEMON_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/ondemand.h"
#include "config/profiles.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/reason.h"
#include "tunnel/daemon/hold.h"
#include "tunnel/host/network.h"

#define ENGINE_NOBODY SIZE_MAX

enum engine_want {
	ENGINE_DOWN,
	ENGINE_ARMED, /* a name that somebody asks for starts it */
	ENGINE_UP,
	ENGINE_WANTS,
};

/* What decided. */
enum engine_cause {
	ENGINE_CAUSE_NEVER,   /* nobody ever asked for it */
	ENGINE_CAUSE_USER,    /* a hold */
	ENGINE_CAUSE_RULE,    /* that matches */
	ENGINE_CAUSE_KEPT,    /* it was started, and nothing has ended it */
	ENGINE_CAUSE_NO_RULE, /* matches */
	ENGINE_CAUSE_NO_NETWORK,
	ENGINE_CAUSE_OTHER_VPN,
	ENGINE_CAUSE_PENDING, /* a probe is not answered */
	ENGINE_CAUSE_METERED,
	ENGINE_CAUSE_IDLE,
	ENGINE_CAUSE_SLEEP,
	ENGINE_CAUSE_LOGOUT,
	ENGINE_CAUSE_UNFIT, /* the profile cannot be used here */
	ENGINE_CAUSES,
};

/* What keeps the rules from starting a tunnel again at once. */
enum engine_pause {
	ENGINE_PAUSE_NONE,
	ENGINE_PAUSE_IDLE,   /* until somebody asks for a name of its */
	ENGINE_PAUSE_LOGOUT, /* nobody is left: until somebody logs in, or
				says so */
};

struct engine_entry {
	char name[PROFILE_NAME_MAX];
	const struct profile *profile; /* borrowed */
	uint64_t fingerprint;
	bool unfit;
	struct ondemand ondemand;
	struct ondemand_decision decision; /* of the last look */

	struct hold hold;
	enum hold_end hold_end; /* of the one before */
	bool saved;		/* the hold is in its file */
	/* The caller's: */
	bool restored;	/* from its file */
	int hold_error; /* of the last look at that, or write */
	bool hold_unread;
	enum engine_pause pause;
	bool kept;
	enum engine_cause ended; /* what ended it last */

	enum engine_want want;
	enum engine_cause cause;
	bool insists; /* locked, and up as far as its rules go */
};

struct engine {
	struct engine_entry *entries; /* in the order of their files */
	size_t count;
	struct network network;
	struct network_identity place; /* what is known of this network */
	uint64_t generation;	       /* of the last question of a probe */
	uint64_t networks;	       /* that were seen, each time anew */
	/* They are asked anew because it is reached in another way: what is
	 * armed stays so until they are answered. */
	bool roamed;
	bool asleep;

	size_t winner;	    /* ENGINE_NOBODY */
	enum reason reason; /* why the last winner is not wanted any more */
};

struct engine_profile {
	const char *name;
	const struct profile *profile; /* borrowed until the next set */
	bool unfit;
};

void engine_init(struct engine *e);
void engine_fini(struct engine *e);

/* In the order of their files. What is known of one that was there before
 * stays; another content ends its hold. 0; or -ENOMEM, and there are none. */
int engine_set_profiles(struct engine *e, const struct engine_profile *profiles,
			size_t count) ATTR_MUST_CHECK;
/* ENGINE_NOBODY */
size_t engine_find(const struct engine *e, const char *name);
/* From its file: before the first look with this profile. */
void engine_restore_hold(struct engine *e, size_t entry, const struct hold *h);

/* --- What happens. --- */

/* True: this is another network than the last one. */
bool engine_network(struct engine *e, const struct network *n);
/* False: it is late, or of nobody's, and is dropped. */
bool engine_answer(struct engine *e, size_t entry, uint64_t generation,
		   const char *url, struct ondemand_answer answer);
/* Somebody asks for a name of the armed one's. False: nothing is armed. */
bool engine_trigger(struct engine *e);
/* The tunnel that is up has carried nothing for its Idle.Timer. False: it stays
 * all the same. */
bool engine_idle(struct engine *e);
void engine_sleep(struct engine *e);
/* 0: it was called off. True, as of the next two: the tunnel that was up is let
 * go; it ends, also where the rules want one again at once. */
bool engine_wake(struct engine *e, uint64_t slept_ns);
/* A user's last session has ended; `was_in_front`: the one of whom the tunnel
 * is. `users`: are left. */
bool engine_logout(struct engine *e, bool was_in_front, size_t users);
bool engine_user_switch(struct engine *e);
void engine_login(struct engine *e);
/* The profile turned out to be of no use on this machine: down, whatever was
 * wanted, until the next set. */
void engine_unfit(struct engine *e, size_t entry);

/* --- What the user says. --- */

struct engine_order {
	uint64_t now_ns;
	int64_t wall_ms;
	uint64_t for_ns; /* 0: no timer */
	bool until_reboot;
	const char *reason; /* NULL: none */
	/* Where it is said, if that is not told to the engine yet; borrowed. */
	const struct network_identity *place;
};

/* 0; -EPERM: another one has the tunnel, and its profile lets nobody take that
 * away: engine_insists(). */
int engine_connect(struct engine *e, size_t entry,
		   const struct engine_order *o) ATTR_MUST_CHECK;
/* 0; -EPERM: the profile does not let the user; -ENODATA: it wants a reason. */
int engine_disconnect(struct engine *e, size_t entry,
		      const struct engine_order *o) ATTR_MUST_CHECK;
/* The rules decide again. */
void engine_auto(struct engine *e, size_t entry);

/* --- What is wanted. --- */

struct engine_decision {
	enum engine_want want;
	size_t entry;	    /* whose; ENGINE_NOBODY */
	enum reason reason; /* of DOWN and ARMED: what ended the last one */
};

struct engine_decision engine_look(struct engine *e);
/* The probe that an entry waits for; `url` NULL: the TrustedProbe. */
bool engine_probe(const struct engine *e, size_t entry, const char **ret_url,
		  uint64_t *ret_generation);
uint64_t engine_deadline(const struct engine *e);
void engine_timeout(struct engine *e, uint64_t now_ns);

/* Does it have rules that act? */
bool engine_has_rules(const struct engine_entry *entry);
/* And may nobody hold it down? */
bool engine_is_locked(const struct profile *p);
/* The locked one that is to be up until its rules say Disconnect, whatever a
 * person says; ENGINE_NOBODY: none. */
size_t engine_insists(const struct engine *e);
/* The network as rules see it: borrows from the engine, and from `room`. */
struct engine_facts {
	struct ondemand_facts facts;
	const char *search[DNS_OWNER_DOMAINS_MAX];
	struct ip_addr servers[DNS_OWNER_SERVERS_MAX];
};
void engine_facts(const struct engine *e, struct engine_facts *room);

/* "armed": stable. */
const char *engine_want_name(enum engine_want want);

#endif
