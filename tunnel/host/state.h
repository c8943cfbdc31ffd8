/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the machine is told, as one struct of plain data: the client's plan
 * (plan.h) and the gateway fill it, apply.h makes it so. It has no
 * descriptors and no pointers into anybody's objects, so that it can be sent to
 * a process of its own. Pure; any thread.
 */
#ifndef ADIT_HOST_STATE_H
#define ADIT_HOST_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/addr.h"
#include "tunnel/host/rtnl.h"

/* The numbers by which adit's things are known on a host, one set for each
 * role. The mark stays clear of the bits that Kubernetes (0x4000, 0x8000) and
 * Tailscale (0xff0000) read. */
enum {
	HOST_TABLE = 21004,
	HOST_RULE_PRIORITY = 21004, /* before main, which is 32766 */
	HOST_MARK = 0x2a17,	    /* SO_MARK of the tunnel's own sockets */
	HOST_PROTOCOL = 210,	    /* "proto" of our routes and rules */
	HOST_RULES_MAX = 4,
	HOST_PROC_MAX = 4,
	/* Packets that a device keeps for a worker that does not run just now.
	 * Half of it, the kernel's own choice for TUN, loses bursts of small
	 * ones on a busy machine; more is only more delay. */
	HOST_TXQLEN = 1000,
	HOST_PROC_VALUE_MAX = 32,
};

#define HOST_MARK_MASK UINT32_MAX

struct host_route {
	struct ip_prefix to;
	enum rtnl_kind kind;
};

/* A file of the host, such as resolv.conf. */
struct host_file {
	char *path;
	uint8_t *content;
	size_t len;
	uint32_t mode;
	bool in_place; /* written into the same inode: it is a bind mount */
};

/* A setting under /proc/sys/net/, such as ip_forward. */
struct host_proc {
	char path[96];
	char value[HOST_PROC_VALUE_MAX];
};

/* Zeroed is "nothing". Owns its arrays. */
struct host_state {
	char device[RTNL_NAME_MAX];
	uint32_t ifindex;
	uint32_t mtu;
	uint32_t txqlen; /* 0: as it is */

	/* The kernel makes a network route in the main table for an address
	 * that is shorter than /32 or /128: the gateway wants it, a client
	 * does not. */
	struct ip_prefix *addresses;
	size_t address_count;

	/* All in `table`, all out of `device`. */
	uint32_t table;
	struct host_route *routes;
	size_t route_count;

	struct rtnl_rule rules[HOST_RULES_MAX];
	size_t rule_count;

	/* One table of nftables ("inet adit") and its content, between the
	 * braces, in nft's language; NULL: none. */
	char *nft_table, *nft_content;

	struct host_proc procs[HOST_PROC_MAX];
	size_t proc_count;
	struct host_file *files;
	size_t file_count;
};

void host_state_fini(struct host_state *s);
/* Append; 0 or -ENOMEM. No two routes may have the same prefix. */
int host_state_add_address(struct host_state *s, const struct ip_prefix *p);
int host_state_add_route(struct host_state *s, const struct ip_prefix *to,
			 enum rtnl_kind kind);
/* Copies. -ENOMEM. */
int host_state_add_file(struct host_state *s, const char *path,
			const void *content, size_t len, uint32_t mode,
			bool in_place);
/* Copies, once. -ENOMEM. */
int host_state_set_nft(struct host_state *s, const char *table,
		       const char *content);
/* -E2BIG when there are HOST_PROC_MAX, or when a text is too long. */
int host_state_add_proc(struct host_state *s, const char *path,
			const char *value);

/* The one rule of a family: what does not carry our mark asks our table. */
struct rtnl_rule host_rule(uint8_t family);

#endif
