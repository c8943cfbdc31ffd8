/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts of a gateway's directory: gateway.json, a client's file, and the
 * profile that a client gets. Pure; any thread. What is printed is the
 * caller's to free (a profile also to wipe), and NULL when out of memory. What
 * is parsed is judged strictly: an unknown key is refused.
 */
#ifndef ADIT_GATEWAY_STORE_JSON_H
#define ADIT_GATEWAY_STORE_JSON_H

#include "tunnel/gateway/gateway_clients.h"
#include "tunnel/gateway/gateway_config.h"

/* `file` is named in errors. 0, -EINVAL, or -ENOMEM. */
int gateway_config_parse(const char *text, size_t len, const char *file,
			 struct gateway_config *ret_config,
			 struct gateway_error *error) ATTR_MUST_CHECK;
char *gateway_config_print(const struct gateway_config *c);

int gateway_client_parse(const char *text, size_t len, const char *file,
			 struct gateway_client *ret_client,
			 struct gateway_error *error) ATTR_MUST_CHECK;
char *gateway_client_print(const struct gateway_client *c);

/* The declaration for `adit profile add`, identity inside. */
char *gateway_profile_print(const struct gateway_config *config,
			    const struct gateway_client *client,
			    const char *ca_pem, const char *pkcs12,
			    const char *password);

#endif
