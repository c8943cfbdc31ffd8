/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A TLS client over a byte stream that the caller carries: for DNS over TLS,
 * probes, and later the tunnel's own fallback. Protocol core: no socket, no
 * clock, no thread. TLS 1.3 and 1.2. Control thread.
 *
 *   1. tls_client_create, tls_client_start: the first bytes come by `send`
 *   2. what comes from the stream goes into tls_client_input, which answers by
 *      `send`; `received` brings what was said inside
 *   3. tls_client_write when tls_client_is_open
 *   4. tls_client_destroy, after tls_client_close for a good-bye
 */
#ifndef ADIT_CRYPTO_TLS_H
#define ADIT_CRYPTO_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/attr.h"

enum {
	TLS_PIN_LEN = 32,
	TLS_TEXT_MAX = 256,
};

struct tls_client;

/* Who the peer has to be. All borrowed during create. */
struct tls_peer {
	/* DNS name or IP address that the certificate must carry, and SNI;
	 * NULL with pins: neither name, chain nor dates are looked at. */
	const char *name;
	const char *sni; /* with pins alone: the name to ask for, or NULL */
	const char *ca;	 /* PEM; NULL: the system's */
	/* SHA-256 of the SubjectPublicKeyInfo of the server's own certificate;
	 * one must fit. */
	const uint8_t (*pins)[TLS_PIN_LEN];
	size_t pin_count;
	const char *alpn; /* NULL: none offered */
};

/* Both borrow the bytes. Neither may call tls_client_input() or destroy the
 * client: that waits until the call which they came from has returned. */
struct tls_callbacks {
	/* Bytes for the stream. May call nothing of this header. */
	void (*send)(void *arg, const uint8_t *bytes, size_t len);
	/* Bytes for the user of the stream; may write and close. After a close
	 * no more comes. */
	void (*received)(void *arg, const uint8_t *bytes, size_t len);
	void *arg;
};

enum tls_failure {
	TLS_FAILURE_NONE,
	TLS_FAILURE_PROTOCOL,	 /* no TLS, or an alert: see the text */
	TLS_FAILURE_CERTIFICATE, /* chain, date, usage */
	TLS_FAILURE_NAME,
	TLS_FAILURE_PIN,
	TLS_FAILURE_CLOSED, /* the peer ended it in order */
	TLS_FAILURE_MEMORY,
};

/* 0; -EINVAL: the name is none, or neither name nor pins; -ENOKEY: there is no
 * usable CA; -ENOMEM. */
int tls_client_create(const struct tls_peer *peer,
		      const struct tls_callbacks *callbacks,
		      struct tls_client **ret_client) ATTR_MUST_CHECK;
void tls_client_destroy(struct tls_client *c);

/* Both 0, or -EPROTO: it has failed, or ended, for good. What was sent until
 * then (an alert) is worth flushing. A stream that ends while there is no
 * TLS_FAILURE_CLOSED was cut. */
int tls_client_start(struct tls_client *c);
int tls_client_input(struct tls_client *c, const uint8_t *bytes, size_t len);

/* The peer has proved who it is. */
bool tls_client_is_open(const struct tls_client *c);
/* 0, -ENOTCONN, or -EPROTO. */
int tls_client_write(struct tls_client *c, const uint8_t *bytes, size_t len);
void tls_client_close(struct tls_client *c);

enum tls_failure tls_client_failure(const struct tls_client *c);
/* A sentence: "the server's certificate is for \"other.example\", not for
 * ..."; "" as long as nothing has failed. */
const char *tls_client_failure_text(const struct tls_client *c);

#endif
