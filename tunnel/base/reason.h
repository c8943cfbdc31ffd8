/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why a tunnel is not up, as a person is told: one small enum, one table.
 * The code is stable (status --json), the text is a sentence, and each reason
 * has the exit code that `adit connect --wait` ends with.
 */
#ifndef ADIT_BASE_REASON_H
#define ADIT_BASE_REASON_H

enum reason {
	REASON_NONE,
	REASON_USER,	 /* a person said so */
	REASON_SHUTDOWN, /* the daemon is ending */
	REASON_REPLACED, /* another profile's turn */
	REASON_RULE,	 /* of its profile */
	REASON_METERED,
	REASON_IDLE,
	REASON_SLEEP,
	REASON_LOGOUT,
	REASON_NAME_UNRESOLVED,	    /* the gateway's name has no address */
	REASON_UNREACHABLE,	    /* no route, or nothing ever answered */
	REASON_TIMEOUT,		    /* it answered, and then did not finish */
	REASON_GATEWAY_CERTIFICATE, /* we refuse the gateway's */
	REASON_DEVICE_CERTIFICATE,  /* the gateway refuses ours */
	REASON_REFUSED,		    /* the gateway knows us and says no */
	REASON_BUSY,		    /* in use, or no address free: try later */
	REASON_VERSION,		    /* no common protocol, group or cipher */
	REASON_LEASE,		    /* what the gateway offers is unusable */
	REASON_PROFILE,		    /* the profile cannot be used */
	REASON_PROFILE_REMOVED,	    /* its file is gone */
	REASON_HOST,		    /* the machine refused a change */
	REASON_GATEWAY_ENDED,	    /* the gateway closed the session */
	REASON_SILENT,		    /* sent, and nothing came back */
	REASON_INTERNAL,	    /* out of memory and the like */
	REASON_COUNT,
};

/* "unreachable": for machines. Never NULL. */
const char *reason_code(enum reason r);
/* "the gateway cannot be reached": for people. Never NULL. */
const char *reason_text(enum reason r);
/* The exit code of `adit` (design: 0 to 7). */
int reason_exit_code(enum reason r);

#endif
