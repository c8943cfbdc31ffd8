/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A TLS server's end over memory: what crypto/tls.h is for a client, for tests
 * alone. Callbacks happen inside tls_server_input and _write. */
#ifndef ADIT_TESTS_TLS_SERVER_H
#define ADIT_TESTS_TLS_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/pki.h"

struct tls_server;

struct tls_server_callbacks {
	void (*send)(void *arg, const uint8_t *bytes, size_t len);
	void (*received)(void *arg, const uint8_t *bytes, size_t len);
	void *arg;
};

/* DER; they need not belong together. Borrowed during create. */
struct tls_server_identity {
	const uint8_t *certificate, *key;
	size_t certificate_len, key_len;
};

struct tls_server *tls_server_create(const struct pki_identity *who,
				     const struct tls_server_callbacks *cb);
struct tls_server *tls_server_create_as(const struct tls_server_identity *who,
					const struct tls_server_callbacks *cb);
void tls_server_destroy(struct tls_server *s);
/* 0, or -EPROTO: the client has ended it. */
int tls_server_input(struct tls_server *s, const uint8_t *bytes, size_t len);
void tls_server_write(struct tls_server *s, const uint8_t *bytes, size_t len);

/* With an RSA key of 2048 bits, signed by itself: what crypto/pki.h does not
 * make. Static memory, made once. */
const struct tls_server_identity *tls_server_rsa(void);

#endif
