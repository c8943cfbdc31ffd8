/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One step of the undo journal: what was about to be changed, and how it was
 * before. A record is one line of text; bytes that are not plain are written
 * %XX. Pure; any thread. A line that was read may be hostile: it becomes a
 * record that is well formed, and undo.h decides whether it is ours.
 */
#ifndef ADIT_HOST_JOURNAL_ENTRY_H
#define ADIT_HOST_JOURNAL_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/host/rtnl.h"

enum {
	ENTRY_BYTES_MAX = 1 << 20, /* of one file's content */
};

enum entry_kind {
	ENTRY_LINK,    /* our TUN device */
	ENTRY_ADDRESS, /* on it */
	ENTRY_ROUTE,   /* in our table */
	ENTRY_RULE,
	ENTRY_NFT,  /* a table of ours */
	ENTRY_FILE, /* content of a file */
	ENTRY_PROC, /* a setting under /proc/sys/net/ */
	ENTRY_CALL, /* free text, for who knows it */
};

struct entry_bytes {
	uint8_t *data;
	size_t len;
};

/* Zeroed but for its kind is valid. Owns text and bytes. */
struct entry {
	enum entry_kind kind;
	char device[RTNL_NAME_MAX]; /* link, address */
	uint32_t ifindex;	    /* link: 0 until it is known */
	struct ip_prefix prefix;    /* address, route */
	uint32_t table;		    /* route */
	struct rtnl_rule rule;	    /* rule */
	char *text;		    /* nft, file, proc: name; call */
	struct entry_bytes before;  /* file, proc */
	struct entry_bytes after;   /* file, proc: what we wrote */
	bool existed;		    /* file */
	bool in_place;		    /* file */
	uint32_t mode;		    /* file: before */
};

void entry_fini(struct entry *r);
int entry_copy(const struct entry *from, struct entry *ret_to);
/* The same thing on the host, whatever its values were. */
bool entry_same(const struct entry *a, const struct entry *b);
/* Does it end with the boot it was made in? Files do not. */
bool entry_ends_with_boot(const struct entry *r);

/* A line with its newline, to be freed; NULL: out of memory. */
char *entry_format(const struct entry *r);
/* A line without its newline. 0, -EBADMSG or -ENOMEM. */
int entry_parse(const char *line, size_t len, struct entry *ret_entry);
/* For people: "route 10.0.0.0/8". Fills and returns buf. */
const char *entry_text(const struct entry *r, char *buf, size_t size);

#endif
