/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a gateway is told: its name, its port, its pool, and what its clients
 * get. Filled from texts, of a command line or of gateway.json alike; a setter
 * returns NULL, or what is wrong with the text as a static sentence without
 * subject ("must be an IP address"). Pure; any thread.
 *
 *   1. gateway_config_init
 *   2. setters and adders
 *   3. gateway_config_check, which completes it
 */
#ifndef ADIT_GATEWAY_CONFIG_H
#define ADIT_GATEWAY_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/lease.h"
#include "tunnel/base/attr.h"
#include "tunnel/gateway/gateway_pool.h"

enum {
	GATEWAY_PORT_DEFAULT = 443,
	GATEWAY_MTU_DEFAULT = 1420, /* 1500 - IPv6 40 - UDP 8 - record 32 */
	GATEWAY_IDLE_DEFAULT_S = 24 * 3600,
	GATEWAY_ERROR_MAX = 512,
};

/* One line for a person: what, where, why, what to do. */
struct gateway_error {
	char text[GATEWAY_ERROR_MAX];
};

struct gateway_config {
	char name[LEASE_NAME_MAX + 1]; /* DNS name or address */
	uint16_t port;
	struct gateway_pool pool;
	bool nat; /* what leaves the pool gets the gateway's address */
	/* What every client gets; addresses and index are still to come. */
	struct lease lease;
};

void gateway_error_set(struct gateway_error *e, const char *fmt, ...)
	ATTR_PRINTF(2, 3);

void gateway_config_init(struct gateway_config *c);
void gateway_config_fini(struct gateway_config *c);

const char *gateway_config_set_name(struct gateway_config *c, const char *text);
const char *gateway_config_set_port(struct gateway_config *c, int64_t port);
const char *gateway_config_set_pool(struct gateway_config *c, const char *text);
const char *gateway_config_set_pool6(struct gateway_config *c,
				     const char *text);
const char *gateway_config_add_route(struct gateway_config *c,
				     const char *text);
const char *gateway_config_add_dns(struct gateway_config *c, const char *text);
const char *gateway_config_add_match(struct gateway_config *c,
				     const char *text);
const char *gateway_config_add_search(struct gateway_config *c,
				      const char *text);
/* What no single value shows: the pool as a whole. */
const char *gateway_config_check(struct gateway_config *c) ATTR_MUST_CHECK;

#endif
