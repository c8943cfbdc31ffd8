/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "crypto/pki.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/coding.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/pkcs12.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "crypto/der.h"
#include "crypto/secret.h"
#include "dns/name.h"
#include "tunnel/base/addr.h"

enum {
	P256_BYTES = 32,
	PKCS12_ITERATIONS = 2048, /* the password is random: not what guards */
	SPKI_MAX = 128,
	SPKI_P256_HEADER = 26, /* before the point's 65 bytes */
	SPKI_ED25519_HEADER = 12,
	KEY_ID_LEN = 20,
};

/* Last byte of the extensions' identifiers, 2.5.29.n. */
enum extension {
	EXTENSION_SUBJECT_KEY = 14,
	EXTENSION_KEY_USAGE = 15,
	EXTENSION_ALT_NAME = 17,
	EXTENSION_BASIC = 19,
	EXTENSION_ISSUER_KEY = 35,
	EXTENSION_PURPOSE = 37,
};

static const uint8_t oid_common_name[] = { 0x55, 4, 3 };
static const uint8_t oid_ecdsa_sha256[] = { 0x2A, 0x86, 0x48, 0xCE,
					    0x3D, 4,	3,    2 };
static const uint8_t oid_ed25519[] = { 0x2B, 0x65, 0x70 };

/* A private key of either kind as the library wants it. */
struct pki_key {
	enum pki_algorithm algorithm;
	union {
		ecc_key ecc;
		ed25519_key ed;
	};
};

static int to_errno(int wolf)
{
	if (wolf >= 0)
		return 0;
	return wolf == MEMORY_E ? -ENOMEM : -EIO;
}

static int key_init(struct pki_key *k, enum pki_algorithm algorithm)
{
	k->algorithm = algorithm;
	return algorithm == PKI_ED25519 ? wc_ed25519_init(&k->ed)
					: wc_ecc_init(&k->ecc);
}

static void key_fini(struct pki_key *k)
{
	if (k->algorithm == PKI_ED25519)
		wc_ed25519_free(&k->ed);
	else
		wc_ecc_free(&k->ecc);
	secret_wipe(k, sizeof(*k));
}

static int key_type(const struct pki_key *k)
{
	return k->algorithm == PKI_ED25519 ? ED25519_TYPE : ECC_TYPE;
}

/* What wolfCrypt's `void *key` arguments take. */
static void *key_object(struct pki_key *k)
{
	return k->algorithm == PKI_ED25519 ? (void *)&k->ed : (void *)&k->ecc;
}

static int key_generate(struct pki_key *k, WC_RNG *rng)
{
	if (k->algorithm == PKI_ED25519)
		return wc_ed25519_make_key(rng, ED25519_KEY_SIZE, &k->ed);
	return wc_ecc_make_key_ex(rng, P256_BYTES, &k->ecc, ECC_SECP256R1);
}

static int key_to_der(struct pki_key *k, struct pki_identity *id)
{
	const word32 size = sizeof(id->key);
	int n = k->algorithm == PKI_ED25519
			? wc_Ed25519PrivateKeyToDer(&k->ed, id->key, size)
			: wc_EccKeyToDer(&k->ecc, id->key, size);

	if (n > 0)
		id->key_len = (size_t)n;
	return n;
}

static int key_from_der(struct pki_key *k, const struct pki_identity *id)
{
	uint8_t public[ED25519_PUB_KEY_SIZE];
	word32 at = 0;
	int rc;

	if (k->algorithm == PKI_ECDSA_P256)
		return wc_EccPrivateKeyDecode(id->key, &at, &k->ecc,
					      (word32)id->key_len);
	/* Its form without the public half, which others read best; signing
	 * wants that half, so it is computed. */
	rc = wc_Ed25519PrivateKeyDecode(id->key, &at, &k->ed,
					(word32)id->key_len);
	if (rc == 0)
		rc = wc_ed25519_make_public(&k->ed, public, sizeof(public));
	if (rc == 0)
		rc = wc_ed25519_import_public(public, sizeof(public), &k->ed);
	return rc;
}

/* SubjectPublicKeyInfo, DER; returns its length or the library's error. */
static int key_public(struct pki_key *k, uint8_t ret_spki[static SPKI_MAX])
{
	if (k->algorithm == PKI_ED25519)
		return wc_Ed25519PublicKeyToDer(&k->ed, ret_spki, SPKI_MAX, 1);
	return wc_EccPublicKeyToDer(&k->ecc, ret_spki, SPKI_MAX, 1);
}

/* RFC 5280, 4.1.2.5: UTCTime until 2049, GeneralizedTime from then on. */
static int put_time(struct bytes *b, int64_t when)
{
	time_t t = (time_t)when;
	char text[32];
	struct tm tm;
	size_t n;

	if (when < 0 || !gmtime_r(&t, &tm) || tm.tm_year > 9999 - 1900)
		return -EINVAL;
	n = strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
	if (tm.tm_year < 150) /* without the century */
		der_put(b, DER_UTC_TIME, text + 2, n - 2);
	else
		der_put(b, DER_GENERALIZED_TIME, text, n);
	return 0;
}

static int put_validity(struct bytes *b, const struct pki_request *r)
{
	size_t validity = der_open(b, DER_SEQUENCE);
	int rc = put_time(b, r->not_before);

	if (rc == 0)
		rc = put_time(b, r->not_after);
	der_close(b, validity);
	return rc;
}

/* A common name ends at 64 signs (RFC 5280, A.1); a longer DNS name stands
 * whole in the SAN. */
static void put_name(struct bytes *b, const char *name)
{
	size_t dn = der_open(b, DER_SEQUENCE);
	size_t rdn = der_open(b, DER_SET);
	size_t attribute = der_open(b, DER_SEQUENCE);

	der_put(b, DER_OID, oid_common_name, sizeof(oid_common_name));
	der_put(b, DER_UTF8_STRING, name, strnlen(name, PKI_COMMON_NAME_MAX));
	der_close(b, attribute);
	der_close(b, rdn);
	der_close(b, dn);
}

static int put_issuer(struct bytes *b, const struct pki_request *r,
		      const struct pki_identity *issuer)
{
	DecodedCert *cert;
	int rc;

	if (!issuer) {
		put_name(b, r->name);
		return 0;
	}
	cert = malloc(sizeof(*cert)); /* too large for a stack */
	if (!cert)
		return -ENOMEM;
	wc_InitDecodedCert(cert, issuer->certificate,
			   (word32)issuer->certificate_len, NULL);
	rc = wc_ParseCert(cert, CERT_TYPE, NO_VERIFY, NULL);
	if (rc == 0)
		der_put(b, DER_SEQUENCE, cert->subjectRaw,
			(size_t)cert->subjectRawLen);
	wc_FreeDecodedCert(cert);
	free(cert);
	return to_errno(rc);
}

/* One extension, whose value is `value` as it stands. */
static void put_extension(struct bytes *b, uint8_t id, bool critical,
			  const void *value, size_t len)
{
	size_t extension = der_open(b, DER_SEQUENCE);

	der_put(b, DER_OID, (const uint8_t[]) { 0x55, 0x1D, id }, 3);
	if (critical)
		der_put(b, DER_BOOLEAN, (const uint8_t[]) { 0xFF }, 1);
	der_put(b, DER_OCTET_STRING, value, len);
	der_close(b, extension);
}

/* The SubjectAltName: one dNSName or one iPAddress. */
static void put_alt_name(struct bytes *b, const char *name)
{
	uint8_t buf[DNS_NAME_MAX + 8];
	struct bytes v = bytes_over(buf, sizeof(buf));
	size_t names = der_open(&v, DER_SEQUENCE);
	struct ip_addr addr;

	if (addr_parse(name, &addr) == 0)
		der_put(&v, DER_CONTEXT + 7, addr.bytes, addr_size(&addr));
	else
		der_put(&v, DER_CONTEXT + 2, name, strlen(name));
	der_close(&v, names);
	put_extension(b, EXTENSION_ALT_NAME, false, buf, bytes_done(&v));
}

static void put_usage(struct bytes *b, const struct pki_request *r)
{
	/* cA TRUE and pathLenConstraint 0; or nothing, which is cA FALSE. */
	static const uint8_t ca[] = { 0x30, 6, 1, 1, 0xFF, 2, 1, 0 };
	static const uint8_t leaf[] = { 0x30, 0 };
	/* Bits 5 and 6 (keyCertSign, cRLSign); bit 0 (digitalSignature). */
	static const uint8_t signs_certificates[] = { 3, 2, 1, 0x06 };
	static const uint8_t signs_handshakes[] = { 3, 2, 7, 0x80 };
	/* SEQUENCE of id-kp-serverAuth (1) or id-kp-clientAuth (2). */
	uint8_t purpose[] = { 0x30, 10, 6, 8, 0x2B, 6, 1, 5, 5, 7, 3, 1 };

	if (r->use == PKI_CA) {
		put_extension(b, EXTENSION_BASIC, true, ca, sizeof(ca));
		put_extension(b, EXTENSION_KEY_USAGE, true, signs_certificates,
			      sizeof(signs_certificates));
		return;
	}
	if (r->use == PKI_CLIENT)
		purpose[sizeof(purpose) - 1] = 2;
	put_extension(b, EXTENSION_BASIC, true, leaf, sizeof(leaf));
	put_extension(b, EXTENSION_KEY_USAGE, true, signs_handshakes,
		      sizeof(signs_handshakes));
	put_extension(b, EXTENSION_PURPOSE, false, purpose, sizeof(purpose));
}

/* RFC 7093, method 1: the leftmost 160 bits of the key's SHA-256. */
static int key_id(struct pki_key *k, uint8_t ret_id[static KEY_ID_LEN])
{
	uint8_t spki[SPKI_MAX], digest[WC_SHA256_DIGEST_SIZE];
	const int header = k->algorithm == PKI_ED25519 ? SPKI_ED25519_HEADER
						       : SPKI_P256_HEADER;
	int n = key_public(k, spki);

	if (n <= header)
		return -EIO;
	if (wc_Sha256Hash(spki + header, (word32)(n - header), digest))
		return -EIO;
	memcpy(ret_id, digest, KEY_ID_LEN);
	return 0;
}

static int put_key_ids(struct bytes *b, struct pki_key *key,
		       struct pki_key *issuer_key)
{
	/* OCTET STRING; and SEQUENCE of [0] IMPLICIT OCTET STRING. */
	uint8_t subject[2 + KEY_ID_LEN] = { DER_OCTET_STRING, KEY_ID_LEN };
	uint8_t issuer[4 + KEY_ID_LEN] = { DER_SEQUENCE, 2 + KEY_ID_LEN,
					   DER_CONTEXT, KEY_ID_LEN };
	int rc = key_id(key, subject + 2);

	if (rc == 0)
		rc = key_id(issuer_key, issuer + 4);
	put_extension(b, EXTENSION_SUBJECT_KEY, false, subject,
		      sizeof(subject));
	put_extension(b, EXTENSION_ISSUER_KEY, false, issuer, sizeof(issuer));
	return rc;
}

static int put_extensions(struct bytes *b, const struct pki_request *r,
			  struct pki_key *key, struct pki_key *issuer_key)
{
	size_t tagged = der_open(b, DER_CONTEXT_CONSTRUCTED + 3);
	size_t extensions = der_open(b, DER_SEQUENCE);
	int rc;

	put_usage(b, r);
	if (r->use == PKI_GATEWAY)
		put_alt_name(b, r->name);
	rc = put_key_ids(b, key, issuer_key);
	der_close(b, extensions);
	der_close(b, tagged);
	return rc;
}

/* TBSCertificate (RFC 5280, 4.1), written here because Debian's and our
 * builds of the library make no SubjectAltName. */
static int put_body(struct bytes *b, const struct pki_request *r,
		    const struct pki_identity *issuer, struct pki_key *key,
		    struct pki_key *issuer_key,
		    const uint8_t serial[static PKI_SERIAL_LEN])
{
	static const uint8_t version_3[] = { 2, 1, 2 };
	size_t body = der_open(b, DER_SEQUENCE), algorithm;
	uint8_t spki[SPKI_MAX];
	int rc, n = key_public(key, spki);

	if (n <= 0)
		return -EIO;
	der_put(b, DER_CONTEXT_CONSTRUCTED, version_3, sizeof(version_3));
	der_put(b, DER_INTEGER, serial, PKI_SERIAL_LEN);
	algorithm = der_open(b, DER_SEQUENCE);
	if (issuer_key->algorithm == PKI_ED25519)
		der_put(b, DER_OID, oid_ed25519, sizeof(oid_ed25519));
	else
		der_put(b, DER_OID, oid_ecdsa_sha256, sizeof(oid_ecdsa_sha256));
	der_close(b, algorithm);
	rc = put_issuer(b, r, issuer);
	if (rc == 0)
		rc = put_validity(b, r);
	put_name(b, r->name);
	bytes_put(b, spki, (size_t)n);
	if (rc == 0)
		rc = put_extensions(b, r, key, issuer_key);
	der_close(b, body);
	return rc == 0 && !bytes_ok(b) ? -EINVAL : rc;
}

static int make_certificate(const struct pki_request *r,
			    const struct pki_identity *issuer, WC_RNG *rng,
			    struct pki_key *key, struct pki_key *issuer_key,
			    struct pki_identity *id)
{
	struct bytes b = bytes_over(id->certificate, sizeof(id->certificate));
	int rc;

	rc = to_errno(wc_RNG_GenerateBlock(rng, id->serial, PKI_SERIAL_LEN));
	if (rc)
		return rc;
	/* Positive, and always of the same length. */
	id->serial[0] = (id->serial[0] & 0x3F) | 0x40;
	rc = put_body(&b, r, issuer, key, issuer_key, id->serial);
	if (rc)
		return rc;
	rc = wc_SignCert_ex((int)bytes_done(&b),
			    issuer_key->algorithm == PKI_ED25519
				    ? CTC_ED25519
				    : CTC_SHA256wECDSA,
			    id->certificate, sizeof(id->certificate),
			    key_type(issuer_key), key_object(issuer_key), rng);
	if (rc <= 0)
		return rc < 0 ? to_errno(rc) : -EIO;
	id->certificate_len = (size_t)rc;
	return 0;
}

int pki_issue(const struct pki_request *r, const struct pki_identity *issuer,
	      struct pki_identity *ret_identity)
{
	struct pki_identity id = { .algorithm = r->algorithm };
	struct pki_key key = { 0 }, issuer_key = { 0 };
	WC_RNG rng;
	int rc;

	if (!*r->name || strlen(r->name) > DNS_NAME_MAX)
		return -EINVAL;
	rc = to_errno(wc_InitRng(&rng));
	if (rc)
		return rc;
	rc = key_init(&key, r->algorithm);
	if (rc == 0)
		rc = key_init(&issuer_key,
			      issuer ? issuer->algorithm : r->algorithm);
	if (rc == 0)
		rc = key_generate(&key, &rng);
	if (rc == 0)
		rc = key_to_der(&key, &id);
	if (rc >= 0 && issuer)
		rc = key_from_der(&issuer_key, issuer);
	rc = to_errno(rc);
	if (rc == 0)
		rc = make_certificate(r, issuer, &rng, &key,
				      issuer ? &issuer_key : &key, &id);
	if (rc == 0)
		*ret_identity = id;
	key_fini(&key);
	key_fini(&issuer_key);
	wc_FreeRng(&rng);
	pki_wipe(&id);
	return rc;
}

void pki_wipe(struct pki_identity *id)
{
	secret_wipe(id, sizeof(*id));
}

static int to_pem(const uint8_t *der, size_t len, int type,
		  char ret_pem[static PKI_PEM_MAX])
{
	int n = wc_DerToPem(der, (word32)len, (byte *)ret_pem, PKI_PEM_MAX - 1,
			    type);

	if (n <= 0)
		return -EIO;
	ret_pem[n] = '\0';
	return 0;
}

int pki_certificate_pem(const struct pki_identity *id,
			char ret_pem[static PKI_PEM_MAX])
{
	return to_pem(id->certificate, id->certificate_len, CERT_TYPE, ret_pem);
}

int pki_key_pem(const struct pki_identity *id, char ret_pem[static PKI_PEM_MAX])
{
	return to_pem(id->key, id->key_len,
		      id->algorithm == PKI_ED25519 ? PKCS8_PRIVATEKEY_TYPE
						   : ECC_PRIVATEKEY_TYPE,
		      ret_pem);
}

/* Is this a key of the identity's algorithm, and does the certificate hold its
 * public half? */
static int check_pair(const struct pki_identity *id)
{
	struct pki_key key = { 0 };
	uint8_t spki[SPKI_MAX];
	int n = key_init(&key, id->algorithm);

	if (n == 0)
		n = key_from_der(&key, id);
	if (n == 0)
		n = key_public(&key, spki);
	key_fini(&key);
	if (n <= 0)
		return -EBADMSG;
	return memmem(id->certificate, id->certificate_len, spki, (size_t)n)
		       ? 0
		       : -EKEYREJECTED;
}

int pki_parse(const char *certificate_pem, const char *key_pem,
	      struct pki_identity *ret_identity)
{
	struct pki_identity id = { 0 };
	int cert_len, key_len, rc = -EBADMSG;

	cert_len = wc_CertPemToDer((const byte *)certificate_pem,
				   (int)strlen(certificate_pem), id.certificate,
				   sizeof(id.certificate), CERT_TYPE);
	key_len = wc_KeyPemToDer((const byte *)key_pem, (int)strlen(key_pem),
				 id.key, sizeof(id.key), NULL);
	if (cert_len > 0 && key_len > 0) {
		id.certificate_len = (size_t)cert_len;
		id.key_len = (size_t)key_len;
		id.algorithm = PKI_ECDSA_P256;
		rc = check_pair(&id);
		if (rc == -EBADMSG) {
			id.algorithm = PKI_ED25519;
			rc = check_pair(&id);
		}
	}
	if (rc == 0)
		*ret_identity = id;
	pki_wipe(&id);
	return rc;
}

int pki_pkcs12(const struct pki_identity *id, const char *password,
	       char ret_text[static PKI_PKCS12_MAX])
{
	uint8_t der[PKI_PKCS12_MAX * 3 / 4], *at = der;
	int room = sizeof(der), len = 0, rc = -EIO;
	word32 size = PKI_PKCS12_MAX - 1;
	WC_PKCS12 *p12;

	/* What the library makes of an Ed25519 key, openssl cannot decrypt. */
	if (id->algorithm != PKI_ECDSA_P256)
		return -ENOTSUP;
	/* Inputs are not written, though the prototype lacks const. */
	p12 = wc_PKCS12_create(
		(char *)(uintptr_t)password, (word32)strlen(password), NULL,
		(byte *)(uintptr_t)id->key, (word32)id->key_len,
		(byte *)(uintptr_t)id->certificate, (word32)id->certificate_len,
		NULL, PBE_AES256_CBC, PBE_AES256_CBC, PKCS12_ITERATIONS,
		PKCS12_ITERATIONS, 0, NULL);
	/* It tells the length as its result alone. */
	if (p12)
		len = wc_i2d_PKCS12(p12, &at, &room);
	if (len > 0 && Base64_Encode_NoNl(der, (word32)len, (byte *)ret_text,
					  &size) == 0) {
		ret_text[size] = '\0';
		rc = 0;
	}
	wc_PKCS12_free(p12);
	return rc;
}

int pki_fingerprint(const struct pki_identity *id,
		    uint8_t ret_digest[static PKI_FINGERPRINT_LEN])
{
	return to_errno(wc_Sha256Hash(id->certificate,
				      (word32)id->certificate_len, ret_digest));
}

int pki_password(char ret_text[static PKI_PASSWORD_LEN + 1])
{
	/* 32 signs without those that are mistaken for one another. */
	static const char signs[] = "abcdefghjkmnpqrstuvwxyz23456789A";
	uint8_t random[PKI_PASSWORD_LEN];
	WC_RNG rng;
	int rc;

	rc = wc_InitRng(&rng);
	if (rc < 0)
		return to_errno(rc);
	rc = wc_RNG_GenerateBlock(&rng, random, sizeof(random));
	wc_FreeRng(&rng);
	for (size_t i = 0; i < PKI_PASSWORD_LEN; i++)
		ret_text[i] = signs[random[i] & 31];
	ret_text[PKI_PASSWORD_LEN] = '\0';
	secret_wipe(random, sizeof(random));
	return to_errno(rc);
}
