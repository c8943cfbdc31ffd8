/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A gateway's directory: its CA, its certificate, its configuration and its
 * clients, one file each. Files are written whole or not at all, and synced;
 * commands that change the directory exclude one another by a lock on it.
 * Blocking; any thread.
 *
 *   DIR/gateway.json                the configuration
 *   DIR/ca.pem ca.key               the CA (its key signs clients)
 *   DIR/gateway.pem gateway.key     what the gateway shows
 *   DIR/clients/NAME.json           one client: fingerprint, slot, dates
 */
#ifndef ADIT_GATEWAY_STORE_H
#define ADIT_GATEWAY_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/pki.h"
#include "tunnel/base/attr.h"
#include "tunnel/gateway/gateway_config.h"

enum {
	GATEWAY_PATH_MAX = 4096,
	GATEWAY_FILE_MAX = 1024 * 1024,
};

struct gateway_init {
	struct gateway_config *config; /* borrowed */
	enum pki_algorithm algorithm;  /* of CA and gateway */
	int64_t now;
};

/* All return 0, or -errno with the error's text. */
int gateway_store_init(const char *dir, const struct gateway_init *init,
		       struct gateway_error *error) ATTR_MUST_CHECK;
int gateway_store_config(const char *dir, struct gateway_config *ret_config,
			 struct gateway_error *error) ATTR_MUST_CHECK;
/* Makes a client's certificate and remembers it; the profile's text is the
 * caller's to wipe and free. */
int gateway_store_add(const char *dir, const char *name, int64_t now,
		      char **ret_profile,
		      struct gateway_error *error) ATTR_MUST_CHECK;
int gateway_store_revoke(const char *dir, const char *name, int64_t now,
			 struct gateway_error *error) ATTR_MUST_CHECK;
/* A file of the directory as text, the caller's to wipe and free. Keys
 * (*.key) must be nobody else's to read. */
int gateway_store_read(const char *dir, const char *file, char **ret_text,
		       size_t *ret_len,
		       struct gateway_error *error) ATTR_MUST_CHECK;
/* Writes `text` to `path` (mode 0600) whole or not at all. */
int gateway_store_write(const char *path, const char *text,
			struct gateway_error *error) ATTR_MUST_CHECK;

#endif
