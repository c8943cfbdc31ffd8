/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each owner of dns_owner.h implements, and what they share. For the files
 * tunnel/host/dns_owner*.c only.
 */
#ifndef ADIT_HOST_DNS_OWNER_OPS_H
#define ADIT_HOST_DNS_OWNER_OPS_H

#include "tunnel/host/dns_owner.h"

struct bus;

#define DNS_OWNER_RESOLV_CONF "/etc/resolv.conf"

enum {
	/* With its newline; musl reads lines into 256 bytes. */
	DNS_OWNER_LINE_MAX = 255,
	DNS_OWNER_SEARCH_MAX = 128, /* domains that fit into it */
};

struct dns_owner_ops {
	const char *name;
	const char *undo_text;
	/* True: it is the owner; kind, version and because are filled. `bus`
	 * is NULL where there is none. NULL: another row's answer. */
	bool (*detect)(struct dns_owner *o, struct bus *bus);
	int (*apply)(const struct dns_owner *o, const struct dns_owner_plan *p,
		     char *error);
	int (*verify)(const struct dns_owner *o, const struct dns_owner_plan *p,
		      char *error);
	int (*undo)(void);
	int (*read_uplink)(const struct dns_owner *o,
			   struct dns_owner_uplink *u);
};

extern const struct dns_owner_ops dns_owner_resolved;
extern const struct dns_owner_ops dns_owner_networkmanager;
extern const struct dns_owner_ops dns_owner_dnsmasq;
extern const struct dns_owner_ops dns_owner_resolvconf;

/* Fills what the ops call `error`. */
void dns_owner_say(char error[static DNS_OWNER_TEXT_MAX], const char *fmt, ...)
	ATTR_PRINTF(2, 3);

/* Drop what is full, malformed or there already. `at->port` may be 0; `name` is
 * for TLS, NULL: without. A link-local address is nobody's without its link. */
void dns_owner_add_server(struct dns_owner_uplink *u, const struct endpoint *at,
			  const char *tls_name);
void dns_owner_add_search(struct dns_owner_uplink *u, const char *name,
			  size_t len);
/* Our search list, then the uplink's, as far as a line goes; borrowed. */
size_t dns_owner_search_list(const struct dns_owner_plan *p,
			     const struct dns_owner_uplink *u,
			     const char *ret_list[static DNS_OWNER_SEARCH_MAX]);

/* 1: the file names our stub alone, and our search list comes first. 0: it does
 * not, see `error`. -errno. */
int dns_owner_check_file(const char *path, const struct dns_owner_plan *p,
			 char error[static DNS_OWNER_TEXT_MAX]);
/* The whole file, to be freed; NULL with errno. */
char *dns_owner_read_file(const char *path);

#endif
