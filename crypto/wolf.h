/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What crypto/ shares about wolfSSL: starting it, randomness, its context, and
 * its error codes as sentences. wolfSSL's codes stop here. Control thread,
 * except wolf_random (any).
 */
#ifndef ADIT_CRYPTO_WOLF_H
#define ADIT_CRYPTO_WOLF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/handshake.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/reason.h"

struct credentials;
struct WOLFSSL_CTX;

/* 0 or -EIO; may be called again. */
int wolf_init(void) ATTR_MUST_CHECK;
/* From the kernel. Does not return without them. */
void wolf_random(void *buf, size_t len);

/* The context that handshakes are made from. */
struct WOLFSSL_CTX *credentials_context(const struct credentials *c);
/* Its groups as wolfSSL numbers, first one first; returns how many. */
size_t credentials_groups(const struct credentials *c, const int **ret_groups);

/* A handshake's error as the client tells it: wolfSSL's own code (negative),
 * the alert that came in (0: none), authenticated or only claimed in
 * plaintext. Text has room for `size` bytes. `ret_final` says that trying
 * again would end the same way. */
enum reason wolf_explain(int error, int alert, char *text, size_t size,
			 bool *ret_final);

/* The same as the gateway's log has it: what was wrong with a client's flight,
 * or what the client found wrong with ours. */
enum handshake_cause wolf_explain_client(int error, int alert, char *text,
					 size_t size);

#endif
