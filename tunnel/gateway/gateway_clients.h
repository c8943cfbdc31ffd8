/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of a gateway's clients, as it stands in DIR/clients: who may come
 * in, and with which addresses. Plain data, sorted by name; pointers into it
 * are good until the next load. One thread.
 */
#ifndef ADIT_GATEWAY_CLIENTS_H
#define ADIT_GATEWAY_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "crypto/pki.h"
#include "tunnel/base/attr.h"
#include "tunnel/gateway/gateway_config.h"

enum {
	GATEWAY_CLIENT_NAME_MAX = 63,
	GATEWAY_SERIAL_TEXT_LEN = 2 * PKI_SERIAL_LEN,
};

struct gateway_client {
	char name[GATEWAY_CLIENT_NAME_MAX + 1];
	uint8_t fingerprint[PKI_FINGERPRINT_LEN];
	char serial[GATEWAY_SERIAL_TEXT_LEN + 1]; /* hexadecimal */
	uint32_t slot;
	int64_t added, expires; /* seconds since 1970 */
	int64_t revoked;	/* 0: it is not */

	/* Which file this was read from, to read only what changed. */
	uint64_t file_inode;
	struct timespec file_time;
};

/* Zeroed is empty. */
struct gateway_clients {
	struct gateway_client *client;
	size_t count;
	/* The same, sorted by fingerprint: each handshake asks, and each
	 * reload for all sessions. */
	struct gateway_client **by_fingerprint;
	struct timespec dir_time; /* of the directory, before it was read, */
	int64_t read;		  /* and when that was, seconds since 1970 */
};

/* Letters, digits, ".", "_", "-", 63 at most, no dot first. */
bool gateway_client_name_valid(const char *name);

/* Brings the list up to date with DIR/clients; a file that did not change is
 * not read again. 0, or -errno with an error. A client whose file cannot be
 * read is left out, so it is not let in: then the error has a text although 0
 * is returned. */
int gateway_clients_load(struct gateway_clients *c, const char *dir,
			 struct gateway_error *error) ATTR_MUST_CHECK;
void gateway_clients_fini(struct gateway_clients *c);
/* May DIR/clients have changed since the list was loaded? */
bool gateway_clients_outdated(const struct gateway_clients *c, const char *dir);

/* NULL when there is none. */
struct gateway_client *gateway_clients_by_name(const struct gateway_clients *c,
					       const char *name);
const struct gateway_client *gateway_clients_by_fingerprint(
	const struct gateway_clients *c,
	const uint8_t fingerprint[static PKI_FINGERPRINT_LEN]);
/* How many are neither revoked nor expired. */
size_t gateway_clients_living(const struct gateway_clients *c, int64_t now);

#endif
