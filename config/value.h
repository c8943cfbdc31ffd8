/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kinds of text that a profile's strings hold: each is parsed into its C
 * type, printed and freed by one row of a table. Pure; any thread.
 */
#ifndef ADIT_CONFIG_VALUE_H
#define ADIT_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	VALUE_WHY_MAX = 200,
};

enum value_kind {
	VALUE_TEXT,	    /* char * */
	VALUE_IGNORED,	    /* nothing: any text, not looked at */
	VALUE_PASSWORD,	    /* char *, may be empty */
	VALUE_HOST,	    /* char *: DNS name or address */
	VALUE_DOMAIN,	    /* char * */
	VALUE_MATCH_DOMAIN, /* char *, "" is every name */
	VALUE_RULE_DOMAIN,  /* char *, "*" is every name */
	VALUE_URL,	    /* char *: http or https */
	VALUE_URL_HTTP,	    /* char * */
	VALUE_URL_HTTPS,    /* char * */
	VALUE_PATH,	    /* char * */
	VALUE_FILE_URL,	    /* char *: its path */
	VALUE_PEM,	    /* char *: certificates */
	VALUE_SSID,	    /* char * */
	VALUE_SERVER_MATCH, /* struct ip_prefix: address, or IPv4 up to "*" */
	VALUE_ADDR,	    /* struct ip_addr */
	VALUE_PREFIX,	    /* struct ip_prefix */
	VALUE_GATEWAY,	    /* struct profile_gateway */
	VALUE_BASE64,	    /* struct profile_bytes */
	VALUE_DIGEST,	    /* uint8_t[PROFILE_DIGEST_LEN] */
	VALUE_HEX_DIGEST,   /* likewise */
	VALUE_KINDS,
};

struct value_type {
	const char *noun; /* "a prefix such as 10.0.0.0/8" */
	size_t size;
	bool is_secret; /* never in a report, never printed */
	/* 0; -EINVAL, and `why` may hold a sentence that is better than "is
	 * not NOUN"; -ENOMEM. `to` is zeroed memory of `size` bytes. */
	int (*parse)(const char *text, void *to, char why[VALUE_WHY_MAX]);
	void (*print)(const void *value, FILE *to); /* as a JSON string */
	/* Wipes what is secret, frees, and leaves zeros. */
	void (*clear)(void *value);
	/* A regular expression for the JSON Schema, or NULL. */
	const char *pattern;
};

extern const struct value_type value_types[VALUE_KINDS];

void value_print_string(const char *text, FILE *to);

#endif
