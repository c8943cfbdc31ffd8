/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who we are and whom we trust, loaded once: our certificate chain and key
 * (PEM, or PKCS#12 with its password), the CA that the other end must chain
 * to, and an optional revocation list. Borrowed by the objects made from it,
 * which it must outlive. Control thread.
 */
#ifndef ADIT_CRYPTO_CREDENTIALS_H
#define ADIT_CRYPTO_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/attr.h"

struct credentials;

enum credentials_role {
	CREDENTIALS_CLIENT,
	CREDENTIALS_GATEWAY,
};

enum credentials_part {
	CREDENTIALS_IDENTITY, /* certificate and key, or pkcs12 */
	CREDENTIALS_CA,
	CREDENTIALS_CRL, /* with the CA */
};

enum {
	CREDENTIALS_GROUPS_MAX = 6,
	CREDENTIALS_CIPHERS_MAX = 2,
	CREDENTIALS_ERROR_MAX = 256,
};

/* Bytes borrowed during the call only. Either certificate and key, or pkcs12.
 * Texts need no final zero. */
struct credentials_source {
	const char *certificate; /* PEM, leaf first, chain behind it */
	size_t certificate_len;
	const char *key; /* PEM */
	size_t key_len;
	const uint8_t *pkcs12; /* DER */
	size_t pkcs12_len;
	const char *password; /* of the PKCS#12; NULL counts as "" */
	const char *ca;	      /* PEM, one or more */
	size_t ca_len;
	const char *crl; /* PEM, one or more; NULL: none is asked for */
	size_t crl_len;

	/* In order of preference, names as in a profile; count 0: all three
	 * hybrids, and both ciphers in the order that fits this CPU. */
	const char *groups[CREDENTIALS_GROUPS_MAX];
	size_t group_count;
	const char *ciphers[CREDENTIALS_CIPHERS_MAX];
	size_t cipher_count;
};

/* NULL on failure, with a sentence in `ret_error` ("the PKCS#12 password is
 * wrong"). */
struct credentials *credentials_create(
	enum credentials_role role, const struct credentials_source *s,
	char ret_error[static CREDENTIALS_ERROR_MAX]);
void credentials_destroy(struct credentials *c);
/* Would credentials_create() take this part? Of the source the part is enough.
 * 0, or with a sentence as above -EACCES (the password is wrong) or -EINVAL. */
int credentials_check(enum credentials_part part,
		      const struct credentials_source *s,
		      char ret_error[static CREDENTIALS_ERROR_MAX]);

/* SHA-256 of our own leaf's DER. */
const uint8_t *credentials_fingerprint(const struct credentials *c);
/* When our leaf ends, seconds since 1970. */
int64_t credentials_expires(const struct credentials *c);
/* Gateway: takes a newer revocation list, on top of the one in use. 0, or
 * -EINVAL with a sentence. */
int credentials_load_crl(struct credentials *c, const char *pem, size_t len,
			 char ret_error[static CREDENTIALS_ERROR_MAX]);

#endif
