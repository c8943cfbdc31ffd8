/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who answers this host's names, and how it is told of our stub. Blocking
 * calls, each bounded by a few times DNS_OWNER_PATIENCE_MS: the daemon makes
 * them on a thread beside its loop, one at a time; `aditd --undo` as they are.
 *
 *   1. dns_owner_detect: by what answers, cheapest first
 *   2. the caller records dns_owner_undo_text() in the journal (apply.h,
 *      host_call_expected), or for a file writes dns_owner_file() through it
 *   3. dns_owner_apply: writes and reads back; on failure it has undone
 *   4. the caller asks the canary; on failure:
 *   5. dns_owner_undo, as often as one likes, also with the text of a journal
 *
 * The owners:
 *   resolved     settings of a link of ours, "adit-dns" (dns_link.h), which is
 *                there whatever becomes of the tunnel's device
 *   NetworkManager  a connection "adit" in memory, on such a link; with its
 *                dnsmasq the GlobalDnsConfiguration
 *   resolvconf   the record "lo.adit" (openresolv and Debian's)
 *   file         what /etc/resolv.conf leads to, by way of the undo journal
 *
 * An owner on the bus counts only if it lives in our own network namespace: a
 * demo must never touch the machine that it runs on.
 */
#ifndef ADIT_HOST_DNS_OWNER_H
#define ADIT_HOST_DNS_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"
#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"

enum {
	DNS_OWNER_PATIENCE_MS = 2000,
	DNS_OWNER_TEXT_MAX = 256,
	DNS_OWNER_SERVERS_MAX = 8,
	DNS_OWNER_DOMAINS_MAX = 32, /* of the uplink's search list */
};

enum dns_owner_kind {
	DNS_OWNER_FILE,
	DNS_OWNER_RESOLVED,
	DNS_OWNER_NETWORKMANAGER,
	DNS_OWNER_DNSMASQ, /* NetworkManager's */
	DNS_OWNER_RESOLVCONF,
};

/* What was found, and why: systemd-resolved, "252", "it answers on the bus and
 * resolv.conf is its stub". */
struct dns_owner {
	enum dns_owner_kind kind;
	char version[64];
	char because[DNS_OWNER_TEXT_MAX];
	char path[256]; /* what /etc/resolv.conf leads to */
	/* Where it keeps what it was told of the uplink, if resolv.conf does
	 * not tell: a folder to watch, or "". */
	char records[64];
	bool in_place; /* that is a mount point: cannot be renamed over */
};

/* What the host should do. Borrowed texts, small letters, no final dots. */
struct dns_owner_plan {
	struct endpoint stub; /* IPv4; another port than 53: resolved only */
	const char *const *match; /* routing domains, in order */
	size_t match_count;
	const char *const *search; /* ours, in order */
	size_t search_count;
	bool everything; /* all other names come to the stub, too */
	bool dnssec;	 /* the profile asks the owner to validate */
};

/* One of the host's own servers, and how the host asks it. */
struct dns_owner_server {
	struct endpoint at;	     /* link-local: with its link */
	bool tls;		     /* asked so, and in no other way */
	char name[DNS_NAME_MAX + 1]; /* that its certificate carries, or "" */
};

/* The host's own servers, as if adit were not there. A loopback address among
 * them may be a program that reads the file we write, and so asks us again:
 * dns_loop.h of the daemon finds out. */
struct dns_owner_uplink {
	struct dns_owner_server servers[DNS_OWNER_SERVERS_MAX];
	size_t server_count;
	char search[DNS_OWNER_DOMAINS_MAX][DNS_NAME_MAX + 1];
	size_t search_count;
};

/* 0; a file is what is left when nobody answers. -errno: not even that, and
 * ret_owner->because says why. */
int dns_owner_detect(struct dns_owner *ret_owner) ATTR_MUST_CHECK;
/* "systemd-resolved", stable. */
const char *dns_owner_name(enum dns_owner_kind kind);

/* 0, or -errno with a sentence in `error` and the host as before. May be called
 * again with another plan. DNS_OWNER_FILE: only looks at the plan, the file is
 * the caller's to write. */
int dns_owner_apply(const struct dns_owner *o, const struct dns_owner_plan *p,
		    char error[static DNS_OWNER_TEXT_MAX]) ATTR_MUST_CHECK;
/* Does the host still say what was applied? 1: yes. 0: somebody changed it,
 * and `error` says what. -errno: could not be asked. */
int dns_owner_verify(const struct dns_owner *o, const struct dns_owner_plan *p,
		     char error[static DNS_OWNER_TEXT_MAX]);
/* The journal's text for what apply is going to do; a constant. */
const char *dns_owner_undo_text(const struct dns_owner *o);
/* Undoes what such a text stands for; what is gone already is well. 0; -EINVAL:
 * no text of ours, and nothing was touched; or -errno. */
int dns_owner_undo(const char *text);

/* Without `stub`, our own. 0; -ENODATA: no server is left (a file that is ours
 * by now tells nothing: parse what was there before); or -errno. */
int dns_owner_read_uplink(const struct dns_owner *o,
			  const struct endpoint *stub,
			  struct dns_owner_uplink *ret_uplink);

/* What /etc/resolv.conf leads to, also when it is not there: the one file that
 * may be ours. 0 or -errno. */
int dns_owner_path(char *buf, size_t size) ATTR_MUST_CHECK;
/* The content for a bare resolv.conf: our stub alone, and what of the old text
 * is to stay: options, and the search list behind ours. musl drops the whole
 * list when its line has more than 254 characters, so the list ends before
 * that: the stub completes single labels by all of ours anyway, and what is
 * lost are the last of the uplink's. To be freed; NULL: out of memory. */
char *dns_owner_file(const struct dns_owner_plan *p, const char *old);
/* Servers and search list of a resolv.conf. Pure, except that it looks up the
 * number of a link ("fe80::1%eth0"). */
void dns_owner_parse_file(const char *text,
			  struct dns_owner_uplink *ret_uplink);

/* Proves that a look-up through libc reaches the stub: the name (a random label
 * under a domain of ours) must have the address 127.0.0.1. 0, or -errno with a
 * sentence. */
int dns_owner_canary(const char *name, char error[static DNS_OWNER_TEXT_MAX]);

#endif
