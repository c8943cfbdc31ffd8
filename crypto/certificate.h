/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What adit itself needs to know of an X.509 certificate (RFC 5280) beyond
 * what wolfSSL checks: its fingerprint, a name for the log, its end, and the
 * two things that wolfSSL lets pass when they are absent (a subject
 * alternative name, an extended key usage). Reading does not verify.
 */
#ifndef ADIT_CRYPTO_CERTIFICATE_H
#define ADIT_CRYPTO_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/attr.h"

enum {
	CERTIFICATE_DIGEST_LEN = 32,
	CERTIFICATE_NAME_MAX = 127,
	CERTIFICATE_TEXT_MAX = 160,
	CERTIFICATE_NAME_HASH_LEN = 32, /* at most */
};

struct certificate {
	uint8_t fingerprint[CERTIFICATE_DIGEST_LEN]; /* SHA-256 of the DER */
	char name[CERTIFICATE_NAME_MAX + 1];   /* common name, printable */
	char issuer[CERTIFICATE_NAME_MAX + 1]; /* its common name, likewise */
	int64_t begins, expires; /* first and last second, since 1970 */
	/* Of the whole names: whose issuer is whose subject. */
	uint8_t subject_hash[CERTIFICATE_NAME_HASH_LEN];
	uint8_t issuer_hash[CERTIFICATE_NAME_HASH_LEN];
	bool has_alt_name;
	bool for_servers; /* extended key usage says serverAuth */
	bool for_clients;
};

/* 0, or -EBADMSG. */
int certificate_read(const uint8_t *der, size_t len,
		     struct certificate *ret) ATTR_MUST_CHECK;
/* When the first of the certificates in a PEM text ends, seconds since 1970;
 * 0: there is none that can be read. */
int64_t certificate_first_end(const char *pem, size_t len);
/* By its name only. */
bool certificate_names_issuer(const struct certificate *c,
			      const struct certificate *issuer);
/* "laptop", issued by "adit CA of vpn.example.com", valid from 2026-01-01 to
 * 2028-01-01. Returns buf. */
const char *certificate_text(const struct certificate *c,
			     char buf[static CERTIFICATE_TEXT_MAX]);

/* Does it carry this address or DNS name (RFC 9525; a common name does not
 * count)? 0; -ENOENT, and a name that it does carry, or ""; -EBADMSG. */
int certificate_match(const uint8_t *der, size_t len, const char *name,
		      char ret_other[static CERTIFICATE_NAME_MAX + 1])
	ATTR_MUST_CHECK;
/* SHA-256 of its SubjectPublicKeyInfo. 0, or -EBADMSG. */
int certificate_key_digest(const uint8_t *der, size_t len,
			   uint8_t ret_digest[static CERTIFICATE_DIGEST_LEN])
	ATTR_MUST_CHECK;

#endif
