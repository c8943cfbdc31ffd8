/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "tests/lib/tls_server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "crypto/wolf.h"

enum {
	RSA_BITS = 2048,
	DER_MAX = 2048,
};

struct tls_server {
	WOLFSSL_CTX *ctx;
	WOLFSSL *ssl;
	struct tls_server_callbacks callbacks;
	const uint8_t *in;
	size_t in_len;
};

static int io_receive(WOLFSSL *ssl, char *buf, int size, void *arg)
{
	struct tls_server *s = arg;
	size_t n = s->in_len < (size_t)size ? s->in_len : (size_t)size;

	(void)ssl;
	if (n == 0)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	memcpy(buf, s->in, n);
	s->in += n;
	s->in_len -= n;
	return (int)n;
}

static int io_send(WOLFSSL *ssl, char *buf, int size, void *arg)
{
	const struct tls_server *s = arg;

	(void)ssl;
	s->callbacks.send(s->callbacks.arg, (uint8_t *)buf, (size_t)size);
	return size;
}

struct tls_server *tls_server_create(const struct pki_identity *who,
				     const struct tls_server_callbacks *cb)
{
	const struct tls_server_identity identity = {
		.certificate = who->certificate,
		.certificate_len = who->certificate_len,
		.key = who->key,
		.key_len = who->key_len,
	};

	return tls_server_create_as(&identity, cb);
}

struct tls_server *tls_server_create_as(const struct tls_server_identity *who,
					const struct tls_server_callbacks *cb)
{
	struct tls_server *s = calloc(1, sizeof(*s));

	assert(s && wolf_init() == 0);
	s->callbacks = *cb;
	s->ctx = wolfSSL_CTX_new(wolfSSLv23_server_method());
	assert(s->ctx);
	if (wolfSSL_CTX_use_certificate_buffer(
		    s->ctx, who->certificate, (long)who->certificate_len,
		    WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_use_PrivateKey_buffer(
		    s->ctx, who->key, (long)who->key_len,
		    WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS)
		abort();
	s->ssl = wolfSSL_new(s->ctx);
	assert(s->ssl);
	wolfSSL_SSLSetIORecv(s->ssl, io_receive);
	wolfSSL_SSLSetIOSend(s->ssl, io_send);
	wolfSSL_SetIOReadCtx(s->ssl, s);
	wolfSSL_SetIOWriteCtx(s->ssl, s);
	return s;
}

void tls_server_destroy(struct tls_server *s)
{
	if (s == NULL)
		return;
	wolfSSL_free(s->ssl);
	wolfSSL_CTX_free(s->ctx);
	free(s);
}

int tls_server_input(struct tls_server *s, const uint8_t *bytes, size_t len)
{
	uint8_t plain[4096];
	int n = -1;

	s->in = bytes;
	s->in_len = len;
	if (wolfSSL_accept(s->ssl) == WOLFSSL_SUCCESS)
		while ((n = wolfSSL_read(s->ssl, plain, sizeof(plain))) > 0)
			s->callbacks.received(s->callbacks.arg, plain,
					      (size_t)n);
	return wolfSSL_get_error(s->ssl, n) == WOLFSSL_ERROR_WANT_READ
		       ? 0
		       : -EPROTO;
}

void tls_server_write(struct tls_server *s, const uint8_t *bytes, size_t len)
{
	if (wolfSSL_write(s->ssl, bytes, (int)len) != (int)len)
		abort();
}

const struct tls_server_identity *tls_server_rsa(void)
{
	static uint8_t certificate[DER_MAX], key[DER_MAX];
	static struct tls_server_identity made;
	Cert cert;
	RsaKey rsa;
	WC_RNG rng;
	int n;

	if (made.key != NULL)
		return &made;
	if (wolf_init() < 0 || wc_InitRng(&rng) != 0 ||
	    wc_InitRsaKey(&rsa, NULL) != 0 ||
	    wc_MakeRsaKey(&rsa, RSA_BITS, WC_RSA_EXPONENT, &rng) != 0 ||
	    wc_InitCert(&cert) != 0)
		abort();
	strcpy(cert.subject.commonName, "rsa.test");
	cert.sigType = CTC_SHA256wRSA;
	n = wc_MakeSelfCert(&cert, certificate, sizeof(certificate), &rsa,
			    &rng);
	assert(n > 0);
	made.certificate_len = (size_t)n;
	n = wc_RsaKeyToDer(&rsa, key, sizeof(key));
	assert(n > 0);
	made.key_len = (size_t)n;
	made.certificate = certificate;
	made.key = key;
	wc_FreeRsaKey(&rsa);
	wc_FreeRng(&rng);
	return &made;
}
