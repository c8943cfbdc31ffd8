/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "crypto/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/pkcs12.h>

#include "crypto/certificate.h"
#include "crypto/secret.h"
#include "crypto/wolf.h"
#include "tunnel/base/cpu.h"

struct credentials {
	WOLFSSL_CTX *ctx;
	int groups[CREDENTIALS_GROUPS_MAX];
	size_t group_count;
	struct certificate own;
	bool locked; /* the PKCS#12 has another password */
};

static const struct {
	const char *name;
	int id;
} group_table[] = {
	/* The first three are the default, in this order. */
	{ "X25519MLKEM768", WOLFSSL_X25519MLKEM768 },
	{ "SecP256r1MLKEM768", WOLFSSL_SECP256R1MLKEM768 },
	{ "SecP384r1MLKEM1024", WOLFSSL_SECP384R1MLKEM1024 },
	{ "X25519", WOLFSSL_ECC_X25519 },
	{ "P-256", WOLFSSL_ECC_SECP256R1 },
	{ "P-384", WOLFSSL_ECC_SECP384R1 },
};

enum {
	GROUPS_DEFAULT = 3,
	CHAIN_DER_MAX = 64 * 1024,
	/* wolfSSL's limit for what a peer sends; it refuses more without an
	 * alert, so nobody would hear why. */
	CHAIN_MAX = 9,
	RSA_BITS_MIN = 2048, /* NIST SP 800-131A */
};

static const char too_long[] = "more than 8 intermediate certificates come "
			       "with the certificate: leave out the root and "
			       "what is not of its chain";
static const char too_weak[] = "its key is too weak (RSA below 2048 bits): "
			       "have a new certificate issued";

static const char suite_aes[] = "TLS13-AES256-GCM-SHA384";
static const char suite_chacha[] = "TLS13-CHACHA20-POLY1305-SHA256";

static bool fail(char *ret_error, const char *text)
{
	snprintf(ret_error, CREDENTIALS_ERROR_MAX, "%s", text);
	return false;
}

static size_t count_pem(const char *pem, size_t len)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	const char *end = pem + len, *at = pem;
	size_t n = 0;

	while ((at = memmem(at, (size_t)(end - at), begin, strlen(begin)))) {
		at += strlen(begin);
		n++;
	}
	return n;
}

static bool load_pem(struct credentials *c, const struct credentials_source *s,
		     char *ret_error)
{
	uint8_t *der;
	int n;

	if (count_pem(s->certificate, s->certificate_len) > CHAIN_MAX)
		return fail(ret_error, too_long);
	n = wolfSSL_CTX_use_certificate_chain_buffer_format(
		c->ctx, (const uint8_t *)s->certificate,
		(long)s->certificate_len, WOLFSSL_FILETYPE_PEM);
	if (n == RSA_KEY_SIZE_E)
		return fail(ret_error, too_weak);
	if (n != WOLFSSL_SUCCESS)
		return fail(ret_error, "the certificate is not readable PEM");
	if (wolfSSL_CTX_use_PrivateKey_buffer(
		    c->ctx, (const uint8_t *)s->key, (long)s->key_len,
		    WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)
		return fail(ret_error, "the private key is not readable PEM "
				       "(is it encrypted?)");
	der = malloc(s->certificate_len);
	if (der == NULL)
		return fail(ret_error, "out of memory");
	n = wc_CertPemToDer((const uint8_t *)s->certificate,
			    (int)s->certificate_len, der,
			    (int)s->certificate_len, CERT_TYPE);
	n = n < 0 ? -EBADMSG : certificate_read(der, (size_t)n, &c->own);
	free(der);
	return n == 0 || fail(ret_error, "the certificate cannot be read");
}

/* What a PKCS#12 file (RFC 7292) holds, as wolfCrypt hands it over. */
struct bag {
	byte *key, *leaf;
	word32 key_len, leaf_len;
	WC_DerCertList *others;
	bool locked;
};

static void bag_fini(struct bag *b)
{
	if (b->key != NULL)
		secret_wipe(b->key, b->key_len);
	free(b->key);
	free(b->leaf);
	if (b->others != NULL)
		wc_FreeCertList(b->others, NULL);
}

static bool bag_open(struct bag *b, const struct credentials_source *s,
		     char *ret_error)
{
	WC_PKCS12 *p = wc_PKCS12_new();
	bool ok = false;
	int r;

	if (p == NULL)
		return fail(ret_error, "out of memory");
	if (wc_d2i_PKCS12(s->pkcs12, (word32)s->pkcs12_len, p) < 0) {
		fail(ret_error, "the identity is not a PKCS#12 file");
		goto out;
	}
	r = wc_PKCS12_parse(p, s->password != NULL ? s->password : "", &b->key,
			    &b->key_len, &b->leaf, &b->leaf_len, &b->others);
	b->locked = r == MAC_CMP_FAILED_E;
	if (b->locked)
		fail(ret_error, "the PKCS#12 password is wrong");
	else if (r != 0)
		fail(ret_error,
		     "the PKCS#12 file cannot be opened (damaged, or "
		     "encrypted in a way that is not supported)");
	else if (b->key == NULL || b->key_len == 0)
		fail(ret_error, "the PKCS#12 file holds no private key");
	else if (b->leaf == NULL || b->leaf_len == 0)
		fail(ret_error, "the PKCS#12 file holds no certificate that "
				"fits its key");
	else
		ok = true;
out:
	wc_PKCS12_free(p);
	return ok;
}

struct chain {
	uint8_t der[CHAIN_DER_MAX];
	size_t len, count;
	struct certificate last;
};

static bool chain_add(struct chain *c, const uint8_t *der, size_t len,
		      const struct certificate *read)
{
	if (c->count == CHAIN_MAX || len > sizeof(c->der) - c->len)
		return false;
	memcpy(c->der + c->len, der, len);
	c->len += len;
	c->count++;
	c->last = *read;
	return true;
}

/* A bag is a bag: its certificates come in any order, some of other chains,
 * and often with the root, which nobody needs to be sent. */
static bool chain_build(struct chain *c, const struct bag *b, char *ret_error)
{
	struct certificate read;
	const WC_DerCertList *o;

	if (certificate_read(b->leaf, b->leaf_len, &read) < 0)
		return fail(ret_error, "the PKCS#12 file's certificate cannot "
				       "be read");
	if (!chain_add(c, b->leaf, b->leaf_len, &read))
		return fail(ret_error, "the PKCS#12 file is too large");
	do {
		for (o = b->others; o != NULL; o = o->next)
			if (certificate_read(o->buffer, o->bufferSz, &read) ==
				    0 &&
			    certificate_names_issuer(&c->last, &read) &&
			    !certificate_names_issuer(&read, &read))
				break;
		if (o != NULL && !chain_add(c, o->buffer, o->bufferSz, &read))
			return fail(ret_error, too_long);
	} while (o != NULL);
	return true;
}

static bool use_bag(struct credentials *c, const struct bag *b,
		    const struct chain *chain, char *ret_error)
{
	int r = wolfSSL_CTX_use_certificate_chain_buffer_format(
		c->ctx, chain->der, (long)chain->len, WOLFSSL_FILETYPE_ASN1);

	if (r == RSA_KEY_SIZE_E)
		return fail(ret_error, too_weak);
	if (r != WOLFSSL_SUCCESS ||
	    certificate_read(b->leaf, b->leaf_len, &c->own) < 0)
		return fail(ret_error, "the PKCS#12 file's certificate cannot "
				       "be read");
	if (wolfSSL_CTX_use_PrivateKey_buffer(c->ctx, b->key, (long)b->key_len,
					      WOLFSSL_FILETYPE_ASN1) !=
	    WOLFSSL_SUCCESS)
		return fail(ret_error, "the PKCS#12 file's key cannot be read");
	return true;
}

static bool load_pkcs12(struct credentials *c,
			const struct credentials_source *s, char *ret_error)
{
	struct bag b = { 0 };
	struct chain *chain = NULL;
	bool ok = false;

	if (bag_open(&b, s, ret_error)) {
		chain = calloc(1, sizeof(*chain));
		ok = chain == NULL ? fail(ret_error, "out of memory")
				   : chain_build(chain, &b, ret_error) &&
					     use_bag(c, &b, chain, ret_error);
	}
	c->locked = b.locked;
	free(chain);
	bag_fini(&b);
	return ok;
}

static bool load_identity(struct credentials *c,
			  const struct credentials_source *s, char *ret_error)
{
	if (!(s->pkcs12 != NULL ? load_pkcs12(c, s, ret_error)
				: load_pem(c, s, ret_error)))
		return false;
	return wolfSSL_CTX_check_private_key(c->ctx) == WOLFSSL_SUCCESS ||
	       fail(ret_error, "the private key does not fit the certificate");
}

static bool load_ca(struct credentials *c, const struct credentials_source *s,
		    char *ret_error)
{
	return wolfSSL_CTX_load_verify_buffer(
		       c->ctx, (const uint8_t *)s->ca, (long)s->ca_len,
		       WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS ||
	       fail(ret_error, "the CA is not a readable PEM certificate (or "
			       "has expired)");
}

static bool load_crl(struct credentials *c, const struct credentials_source *s,
		     char *ret_error)
{
	if (s->crl == NULL)
		return true;
	if (wolfSSL_CTX_EnableCRL(c->ctx, WOLFSSL_CRL_CHECKALL) !=
	    WOLFSSL_SUCCESS)
		return fail(ret_error, "out of memory");
	return credentials_load_crl(c, s->crl, s->crl_len, ret_error) == 0;
}

static bool set_ciphers(struct credentials *c,
			const struct credentials_source *s, char *ret_error)
{
	const char *first = cpu_has_aes() ? suite_aes : suite_chacha;
	const char *second = first == suite_aes ? suite_chacha : suite_aes;
	char list[128];

	if (s->cipher_count > 0) {
		first = strcmp(s->ciphers[0], "AES-256-GCM") == 0
				? suite_aes
				: suite_chacha;
		second = first == suite_aes ? suite_chacha : suite_aes;
	}
	if (s->cipher_count == 1)
		snprintf(list, sizeof(list), "%s", first);
	else
		snprintf(list, sizeof(list), "%s:%s", first, second);
	if (wolfSSL_CTX_set_cipher_list(c->ctx, list) != WOLFSSL_SUCCESS)
		return fail(ret_error, "the ciphers cannot be set");
	return true;
}

static bool set_groups(struct credentials *c,
		       const struct credentials_source *s, char *ret_error)
{
	if (s->group_count == 0) {
		for (size_t i = 0; i < GROUPS_DEFAULT; i++)
			c->groups[i] = group_table[i].id;
		c->group_count = GROUPS_DEFAULT;
		return true;
	}
	for (size_t i = 0; i < s->group_count; i++) {
		size_t k = 0;

		while (k < ARRAY_SIZE(group_table) &&
		       strcmp(group_table[k].name, s->groups[i]) != 0)
			k++;
		if (k == ARRAY_SIZE(group_table))
			return fail(ret_error, "a key exchange group is not "
					       "known");
		c->groups[c->group_count++] = group_table[k].id;
	}
	return true;
}

/* Without anything in it. NULL with a sentence. */
static struct credentials *create(enum credentials_role role, char *ret_error)
{
	struct credentials *c;

	if (wolf_init() < 0) {
		fail(ret_error, "wolfSSL does not start");
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (c != NULL)
		c->ctx =
			wolfSSL_CTX_new(role == CREDENTIALS_GATEWAY
						? wolfDTLSv1_3_server_method()
						: wolfDTLSv1_3_client_method());
	if (c != NULL && c->ctx != NULL &&
	    wolfSSL_CTX_SetMinRsaKey_Sz(c->ctx, RSA_BITS_MIN) ==
		    WOLFSSL_SUCCESS)
		return c;
	fail(ret_error, "out of memory");
	credentials_destroy(c);
	return NULL;
}

static bool set_up(struct credentials *c, enum credentials_role role,
		   const struct credentials_source *s, char *ret_error)
{
	if (!load_identity(c, s, ret_error) || !load_ca(c, s, ret_error) ||
	    !load_crl(c, s, ret_error) || !set_ciphers(c, s, ret_error) ||
	    !set_groups(c, s, ret_error))
		return false;
	if (role == CREDENTIALS_CLIENT)
		return true;
	/* Nothing follows the handshake: no tickets. The client's order of
	 * ciphers counts, since it knows what its CPU can do; unless ours is
	 * the one without AES. */
	if (wolfSSL_CTX_no_ticket_TLSv13(c->ctx) != 0 ||
	    (cpu_has_aes() && wolfSSL_CTX_UseClientSuites(c->ctx) != 0))
		return fail(ret_error, "out of memory");
	return true;
}

struct credentials *credentials_create(
	enum credentials_role role, const struct credentials_source *s,
	char ret_error[static CREDENTIALS_ERROR_MAX])
{
	struct credentials *c = create(role, ret_error);

	if (c != NULL && !set_up(c, role, s, ret_error)) {
		credentials_destroy(c);
		return NULL;
	}
	return c;
}

int credentials_check(enum credentials_part part,
		      const struct credentials_source *s,
		      char ret_error[static CREDENTIALS_ERROR_MAX])
{
	struct credentials *c = create(CREDENTIALS_CLIENT, ret_error);
	bool ok = false;
	int r;

	if (c == NULL)
		return -EINVAL;
	switch (part) {
	case CREDENTIALS_IDENTITY:
		ok = load_identity(c, s, ret_error);
		break;
	case CREDENTIALS_CA:
		ok = load_ca(c, s, ret_error);
		break;
	case CREDENTIALS_CRL:
		ok = load_ca(c, s, ret_error) && load_crl(c, s, ret_error);
		break;
	}
	r = ok ? 0 : c->locked ? -EACCES : -EINVAL;
	credentials_destroy(c);
	return r;
}

void credentials_destroy(struct credentials *c)
{
	if (c == NULL)
		return;
	wolfSSL_CTX_free(c->ctx);
	free(c);
}

const uint8_t *credentials_fingerprint(const struct credentials *c)
{
	return c->own.fingerprint;
}

int64_t credentials_expires(const struct credentials *c)
{
	return c->own.expires;
}

int credentials_load_crl(struct credentials *c, const char *pem, size_t len,
			 char ret_error[static CREDENTIALS_ERROR_MAX])
{
	/* On top of the one in use: freeing that one while a handshake reads
	 * it is a use after free in wolfSSL. An older list is refused. */
	if (wolfSSL_CTX_LoadCRLBuffer(c->ctx, (const uint8_t *)pem, (long)len,
				      WOLFSSL_FILETYPE_PEM) !=
	    WOLFSSL_SUCCESS) {
		fail(ret_error, "the revocation list cannot be read, or is "
				"older than the one in use");
		return -EINVAL;
	}
	return 0;
}

struct WOLFSSL_CTX *credentials_context(const struct credentials *c)
{
	return c->ctx;
}

size_t credentials_groups(const struct credentials *c, const int **ret_groups)
{
	*ret_groups = c->groups;
	return c->group_count;
}
