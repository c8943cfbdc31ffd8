/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One step of the undo journal: what was about to be changed, and how it was
 * before. A record is one line of text; bytes that are not plain are written
 * %XX. Pure; any thread. A line that was read may be hostile: it becomes a
 * record that is well formed, and undo.h decides whether it is ours.
 */
#ifndef ADIT_HOST_RECORD_H
#define ADIT_HOST_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/host/rtnl.h"

enum {
	RECORD_BYTES_MAX = 1 << 20, /* of one file's content */
};

enum record_kind {
	RECORD_LINK,	/* our TUN device */
	RECORD_ADDRESS, /* on it */
	RECORD_ROUTE,	/* in our table */
	RECORD_RULE,
	RECORD_NFT,  /* a table of ours */
	RECORD_FILE, /* content of a file */
	RECORD_PROC, /* a setting under /proc/sys/net/ */
	RECORD_CALL, /* free text, for who knows it */
};

struct record_bytes {
	uint8_t *data;
	size_t len;
};

/* Zeroed but for its kind is valid. Owns text and bytes. */
struct record {
	enum record_kind kind;
	char device[RTNL_NAME_MAX]; /* link, address */
	uint32_t ifindex;	    /* link: 0 until it is known */
	struct ip_prefix prefix;    /* address, route */
	uint32_t table;		    /* route */
	struct rtnl_rule rule;	    /* rule */
	char *text;		    /* nft, file, proc: name; call */
	struct record_bytes before; /* file, proc */
	struct record_bytes after;  /* file, proc: what we wrote */
	bool existed;		    /* file */
	bool in_place;		    /* file */
	uint32_t mode;		    /* file: before */
};

void record_fini(struct record *r);
int record_copy(const struct record *from, struct record *ret_to);
/* The same thing on the host, whatever its values were. */
bool record_same(const struct record *a, const struct record *b);
/* Does it end with the boot it was made in? Files do not. */
bool record_ends_with_boot(const struct record *r);

/* A line with its newline, to be freed; NULL: out of memory. */
char *record_format(const struct record *r);
/* A line without its newline. 0, -EBADMSG or -ENOMEM. */
int record_parse(const char *line, size_t len, struct record *ret_record);
/* For people: "route 10.0.0.0/8". Fills and returns buf. */
const char *record_text(const struct record *r, char *buf, size_t size);

#endif
