/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificates of an own gateway: a CA, the gateway's certificate, those of
 * its clients, and their export as PEM and PKCS#12. X.509 version 3 (RFC
 * 5280), ECDSA on P-256 or Ed25519. No files and no clock: the validity is an
 * argument. Identities are plain values that hold a private key: whoever has
 * one wipes it by pki_wipe. Any thread.
 *
 *   1. pki_issue with use PKI_CA and no issuer makes the CA
 *   2. pki_issue with the CA as issuer makes what it signs
 *   3. pki_certificate_pem, pki_key_pem, pki_pkcs12 take it out
 */
#ifndef ADIT_CRYPTO_PKI_H
#define ADIT_CRYPTO_PKI_H

#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/attr.h"

enum {
	PKI_CERTIFICATE_MAX = 1024, /* DER of what we make is about 600 */
	PKI_KEY_MAX = 256,	    /* DER: RFC 5915, or 8410 for Ed25519 */
	PKI_SERIAL_LEN = 16,
	PKI_FINGERPRINT_LEN = 32,
	PKI_COMMON_NAME_MAX = 63,
	PKI_PASSWORD_LEN = 26, /* of 32 signs each: 130 bits */
	PKI_PEM_MAX = 2048,    /* certificate or key, final zero included */
	PKI_PKCS12_MAX = 4096, /* base64, final zero included */
};

enum pki_algorithm {
	PKI_ECDSA_P256,
	PKI_ED25519,
};

enum pki_use {
	PKI_CA,
	PKI_GATEWAY, /* serverAuth; `name` is its SAN: DNS name or address */
	PKI_CLIENT,  /* clientAuth */
};

struct pki_request {
	enum pki_use use;
	enum pki_algorithm algorithm;
	const char *name;	       /* shown as the common name */
	int64_t not_before, not_after; /* seconds since 1970 */
};

struct pki_identity {
	enum pki_algorithm algorithm;
	uint8_t certificate[PKI_CERTIFICATE_MAX]; /* DER */
	size_t certificate_len;
	uint8_t key[PKI_KEY_MAX]; /* DER */
	size_t key_len;
	uint8_t serial[PKI_SERIAL_LEN]; /* all zero when it was read */
};

/* `issuer` NULL: signs itself. 0; -EINVAL for a name that cannot stand in a
 * certificate; -ENOMEM; -EIO when the library fails. */
int pki_issue(const struct pki_request *r, const struct pki_identity *issuer,
	      struct pki_identity *ret_identity) ATTR_MUST_CHECK;
void pki_wipe(struct pki_identity *id);

/* Fills with text; 0 or -EIO. */
int pki_certificate_pem(const struct pki_identity *id,
			char ret_pem[static PKI_PEM_MAX]) ATTR_MUST_CHECK;
int pki_key_pem(const struct pki_identity *id,
		char ret_pem[static PKI_PEM_MAX]) ATTR_MUST_CHECK;
/* Reads both back, unencrypted. 0; -EBADMSG for what is no certificate or no
 * key of ours; -EKEYREJECTED when they do not belong together. */
int pki_parse(const char *certificate_pem, const char *key_pem,
	      struct pki_identity *ret_identity) ATTR_MUST_CHECK;

/* PKCS#12 (AES-256, HMAC-SHA-256) of certificate and key as one line of
 * base64. 0, -ENOTSUP for an Ed25519 key, or -EIO. */
int pki_pkcs12(const struct pki_identity *id, const char *password,
	       char ret_text[static PKI_PKCS12_MAX]) ATTR_MUST_CHECK;

/* SHA-256 of the certificate's DER. */
int pki_fingerprint(const struct pki_identity *id,
		    uint8_t ret_digest[static PKI_FINGERPRINT_LEN])
	ATTR_MUST_CHECK;
/* A random password of letters and digits, final zero included. */
int pki_password(char ret_text[static PKI_PASSWORD_LEN + 1]) ATTR_MUST_CHECK;

#endif
