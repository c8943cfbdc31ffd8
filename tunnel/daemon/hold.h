/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The user's word about one tunnel, above its rules: held down, held up, or
 * nothing. What ends it is engine.h's to decide. It outlives the daemon as
 * STATE/hold-PROFILE.json, written by rename. Plain data; control thread.
 */
#ifndef ADIT_DAEMON_HOLD_H
#define ADIT_DAEMON_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/attr.h"
#include "tunnel/host/network.h"

enum {
	HOLD_REASON_MAX = 256, /* bytes, final zero included */
	HOLD_FILE_MAX = 8192,
	HOLD_BOOT_MAX = 40, /* of a boot id, final zero included */
};

enum hold_state {
	HOLD_NONE,
	HOLD_DOWN,
	HOLD_UP,
};

enum hold_end {
	HOLD_END_NONE,	  /* it never was, or is in force */
	HOLD_END_COMMAND, /* of the user's */
	HOLD_END_NETWORK, /* another one */
	HOLD_END_TIME,
	HOLD_END_PROFILE, /* has another content */
	HOLD_END_REBOOT,
	HOLD_END_SLEEP, /* the profile says so */
	HOLD_END_LOGOUT,
};

struct hold {
	enum hold_state state;
	bool until_reboot;	    /* and by no other network before */
	uint64_t until_ns;	    /* since boot; CLOCK_NEVER: no timer */
	int64_t since_ms, until_ms; /* since 1970, for people */
	/* The user's, as text_make_printable() leaves it; "": none. */
	char reason[HOLD_REASON_MAX];
	struct network_identity place;
	uint64_t fingerprint; /* of the profile */
};

/* "held-down": stable. */
const char *hold_state_name(enum hold_state state);
/* "it ended with the network": for people. */
const char *hold_end_text(enum hold_end end);

/* Pure. JSON with a newline, to be freed; NULL: out of memory. */
char *hold_text(const struct hold *h, const char *boot);
/* 0; -EBADMSG: it is none; or -ENOMEM. */
int hold_parse(const char *text, size_t len, struct hold *ret_hold,
	       char ret_boot[static HOLD_BOOT_MAX]);

/* STATE/hold-NAME.json; `boot` is journal_boot_id()'s. A hold of nothing
 * removes the file. 0; or -errno, and there is none, as far as that can be. */
int hold_save(const char *state_dir, const char *name, const struct hold *h,
	      const char *boot) ATTR_MUST_CHECK;
/* 0; -ENOENT: there is none; -EBADMSG; or -errno. One of another boot has
 * ended: HOLD_NONE. */
int hold_load(const char *state_dir, const char *name, const char *boot,
	      struct hold *ret_hold) ATTR_MUST_CHECK;
/* Removes the holds of whom `known` does not know. 0 or -errno. */
int hold_prune(const char *state_dir,
	       bool (*known)(void *arg, const char *name), void *arg);

#endif
