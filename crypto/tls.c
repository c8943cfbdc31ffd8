/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "crypto/tls.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "crypto/certificate.h"
#include "crypto/secret.h"
#include "crypto/wolf.h"
#include "dns/name.h"
#include "tunnel/base/addr.h"

enum {
	PLAIN_MAX = 16 * 1024, /* of one record (RFC 8446, 5.1) */
	BUNDLE_MAX = 4 * 1024 * 1024,
};

/* AEADs with fresh keys only; of TLS 1.2 what RFC 9325 recommends. */
static const char ciphers[] =
	"TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384:"
	"TLS13-CHACHA20-POLY1305-SHA256:"
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

static const int groups[] = {
	WOLFSSL_ECC_X25519,
	WOLFSSL_ECC_SECP256R1,
	WOLFSSL_ECC_SECP384R1,
};

/* Where systems keep the certificates that they trust. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt", /* Debian, Arch, Alpine */
	"/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora */
	"/etc/ssl/ca-bundle.pem",	      /* SUSE */
	"/etc/ssl/cert.pem",		      /* macOS, BSD */
};

struct tls_client {
	/* Set at creation. */
	WOLFSSL_CTX *ctx;
	WOLFSSL *ssl;
	char *name; /* without a final dot; NULL: not looked at */
	uint8_t (*pins)[TLS_PIN_LEN];
	size_t pin_count;
	struct tls_callbacks callbacks;

	bool proved; /* the peer's certificate is the right one */
	bool open;
	bool closed; /* by us */
	enum tls_failure failure;
	char text[TLS_TEXT_MAX];
	/* What wolfSSL may read now; borrowed. */
	const uint8_t *in;
	size_t in_len;
	uint8_t plain[PLAIN_MAX];
};

/* The first cause is the one that counts. */
ATTR_PRINTF(3, 4)
static int fail(struct tls_client *c, enum tls_failure failure,
		const char *format, ...)
{
	va_list args;

	if (c->failure != TLS_FAILURE_NONE)
		return -EPROTO;
	c->failure = failure;
	va_start(args, format);
	vsnprintf(c->text, sizeof(c->text), format, args);
	va_end(args);
	return -EPROTO;
}

static const struct {
	int code;
	const char *text;
} certificate_errors[] = {
	{ ASN_NO_SIGNER_E, "is signed by a CA that is not trusted" },
	{ ASN_SELF_SIGNED_E, "is signed by itself, and not trusted" },
	{ ASN_SIG_CONFIRM_E, "has a signature that is wrong" },
	{ ASN_AFTER_DATE_E, "has expired (or this clock is wrong)" },
	{ ASN_BEFORE_DATE_E, "is not valid yet (or this clock is wrong)" },
	{ CRL_CERT_REVOKED, "is revoked" },
	{ EXTKEYUSE_AUTH_E, "is not meant for servers" },
	{ KEYUSE_SIGNATURE_E, "may not sign handshakes" },
	{ MAX_CHAIN_ERROR, "has too long a chain" },
	{ ASN_VERSION_E, "is of X.509 version 1" },
};

static int fail_certificate(struct tls_client *c, int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(certificate_errors); i++)
		if (certificate_errors[i].code == error)
			return fail(c, TLS_FAILURE_CERTIFICATE,
				    "the server's certificate %s",
				    certificate_errors[i].text);
	return fail(
		c, TLS_FAILURE_CERTIFICATE,
		"the server's certificate cannot be verified (%s)",
		wolfSSL_ERR_reason_error_string((unsigned long)(long)error));
}

/* wolfSSL's code, with the alert that came in. */
static int fail_protocol(struct tls_client *c, int error)
{
	WOLFSSL_ALERT_HISTORY alerts = { 0 };

	if (error == MEMORY_E)
		return fail(c, TLS_FAILURE_MEMORY, "out of memory");
	(void)wolfSSL_get_alert_history(c->ssl, &alerts);
	if (error == FATAL_ERROR && alerts.last_rx.code > 0)
		return fail(c, TLS_FAILURE_PROTOCOL,
			    "the server ended it (alert %d)",
			    alerts.last_rx.code);
	if (!c->proved && (error == UNKNOWN_RECORD_TYPE ||
			   error == VERSION_ERROR || error == LENGTH_ERROR))
		return fail(c, TLS_FAILURE_PROTOCOL,
			    "the server speaks no TLS, or an old version");
	return fail(
		c, TLS_FAILURE_PROTOCOL, "the TLS stream is broken (%s)",
		wolfSSL_ERR_reason_error_string((unsigned long)(long)error));
}

/* The peer's certificate. */

static bool name_is_right(struct tls_client *c, const uint8_t *der, size_t len)
{
	char other[CERTIFICATE_NAME_MAX + 1];
	int r = certificate_match(der, len, c->name, other);

	if (r == 0)
		return true;
	if (r == -EBADMSG)
		fail(c, TLS_FAILURE_CERTIFICATE,
		     "the server's certificate cannot be read");
	else if (other[0] == '\0')
		fail(c, TLS_FAILURE_NAME,
		     "the server's certificate does not name \"%.100s\"",
		     c->name);
	else
		fail(c, TLS_FAILURE_NAME,
		     "the server's certificate is for \"%.100s\", not for "
		     "\"%.100s\"",
		     other, c->name);
	return false;
}

static bool pin_is_right(struct tls_client *c, const uint8_t *der, size_t len)
{
	uint8_t digest[CERTIFICATE_DIGEST_LEN];

	if (certificate_key_digest(der, len, digest) == 0)
		for (size_t i = 0; i < c->pin_count; i++)
			if (memcmp(c->pins[i], digest, sizeof(digest)) == 0)
				return true;
	fail(c, TLS_FAILURE_PIN,
	     "the server's key is none of those that are pinned");
	return false;
}

/* wolfSSL asks for each certificate that it dislikes, and always for the
 * server's own (WOLFSSL_ALWAYS_VERIFY_CB), the chain's judgement in `good`.
 * Its own name check is not used: it takes common names for an answer, and
 * knows IPv6 addresses in one spelling only. 0 ends the handshake. */
static int on_certificate(int good, WOLFSSL_X509_STORE_CTX *store)
{
	struct tls_client *c = store->userCtx;
	const WOLFSSL_BUFFER_INFO *leaf = store->certs;

	if (c->name != NULL && !good) {
		(void)fail_certificate(c, store->error);
		return 0;
	}
	if (store->error_depth != 0)
		return 1;
	if (store->totalCerts < 1)
		return 0;
	if (c->name != NULL && !name_is_right(c, leaf->buffer, leaf->length))
		return 0;
	if (c->pin_count > 0 && !pin_is_right(c, leaf->buffer, leaf->length))
		return 0;
	c->proved = true;
	return 1;
}

/* wolfSSL's streams. */

static int io_receive(WOLFSSL *ssl, char *buf, int size, void *arg)
{
	struct tls_client *c = arg;
	size_t n = c->in_len < (size_t)size ? c->in_len : (size_t)size;

	(void)ssl;
	if (n == 0)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	memcpy(buf, c->in, n);
	c->in += n;
	c->in_len -= n;
	return (int)n;
}

static int io_send(WOLFSSL *ssl, char *buf, int size, void *arg)
{
	const struct tls_client *c = arg;

	(void)ssl;
	c->callbacks.send(c->callbacks.arg, (const uint8_t *)buf, (size_t)size);
	return size;
}

/* Creation. */

/* One by one: wolfSSL's loader of whole files leaves out what follows a
 * certificate that it does not take, and bundles hold expired ones. */
static unsigned int load_each(WOLFSSL_CTX *ctx, const char *pem)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	static const char end[] = "-----END CERTIFICATE-----";
	unsigned int loaded = 0;

	while ((pem = strstr(pem, begin)) != NULL) {
		const char *stop = strstr(pem, end);

		if (stop == NULL)
			break;
		stop += strlen(end);
		loaded += wolfSSL_CTX_load_verify_buffer(
				  ctx, (const uint8_t *)pem, stop - pem,
				  WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS;
		pem = stop;
	}
	return loaded;
}

static unsigned int load_file(WOLFSSL_CTX *ctx, const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(BUNDLE_MAX) : NULL;
	unsigned int loaded = 0;

	if (text != NULL) {
		text[fread(text, 1, BUNDLE_MAX - 1, f)] = '\0';
		loaded = load_each(ctx, text);
	}
	free(text);
	if (f != NULL)
		fclose(f);
	return loaded;
}

static int load_trust(WOLFSSL_CTX *ctx, const char *pem)
{
	if (pem != NULL)
		return load_each(ctx, pem) > 0 ? 0 : -ENOKEY;
	for (size_t i = 0; i < ARRAY_SIZE(bundles); i++)
		if (load_file(ctx, bundles[i]) > 0)
			return 0;
	return -ENOKEY;
}

static int copy_peer(struct tls_client *c, const struct tls_peer *peer)
{
	size_t len = peer->name ? strlen(peer->name) : 0;
	struct ip_addr a;

	if (peer->name == NULL && peer->pin_count == 0)
		return -EINVAL;
	if (peer->name != NULL) {
		if (len > 0 && peer->name[len - 1] == '.')
			len--;
		if (addr_parse(peer->name, &a) < 0 &&
		    dns_name_check(peer->name, len) != DNS_NAME_OK)
			return -EINVAL;
		c->name = strndup(peer->name, len);
		if (c->name == NULL)
			return -ENOMEM;
	}
	if (peer->pin_count > 0) {
		c->pins = calloc(peer->pin_count, sizeof(c->pins[0]));
		if (c->pins == NULL)
			return -ENOMEM;
		memcpy(c->pins, peer->pins,
		       peer->pin_count * sizeof(c->pins[0]));
		c->pin_count = peer->pin_count;
	}
	return 0;
}

static int create_context(struct tls_client *c, const struct tls_peer *peer)
{
	c->ctx = wolfSSL_CTX_new(wolfSSLv23_client_method());
	if (c->ctx == NULL ||
	    wolfSSL_CTX_SetMinVersion(c->ctx, WOLFSSL_TLSV1_2) !=
		    WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_set_cipher_list(c->ctx, ciphers) != WOLFSSL_SUCCESS)
		return -ENOMEM;
	/* Not VERIFY_NONE with pins alone: that would also skip the proof that
	 * the peer has the key. */
	wolfSSL_CTX_set_verify(c->ctx, WOLFSSL_VERIFY_PEER, on_certificate);
	return c->name != NULL ? load_trust(c->ctx, peer->ca) : 0;
}

static int create_session(struct tls_client *c, const struct tls_peer *peer)
{
	const char *sni = c->name ? c->name : peer->sni;
	int list[ARRAY_SIZE(groups)];
	struct ip_addr a;
	bool ok;

	memcpy(list, groups, sizeof(list));
	c->ssl = wolfSSL_new(c->ctx);
	if (c->ssl == NULL)
		return -ENOMEM;
	wolfSSL_SSLSetIORecv(c->ssl, io_receive);
	wolfSSL_SSLSetIOSend(c->ssl, io_send);
	wolfSSL_SetIOReadCtx(c->ssl, c);
	wolfSSL_SetIOWriteCtx(c->ssl, c);
	wolfSSL_SetCertCbCtx(c->ssl, c);
	ok = wolfSSL_set_groups(c->ssl, list, ARRAY_SIZE(list)) ==
		     WOLFSSL_SUCCESS &&
	     wolfSSL_UseKeyShare(c->ssl, (word16)groups[0]) == WOLFSSL_SUCCESS;
	/* SNI has no addresses (RFC 6066, 3). */
	if (ok && sni != NULL && addr_parse(sni, &a) < 0)
		ok = wolfSSL_UseSNI(c->ssl, WOLFSSL_SNI_HOST_NAME, sni,
				    (unsigned short)strlen(sni)) ==
		     WOLFSSL_SUCCESS;
	if (ok && peer->alpn != NULL)
		ok = wolfSSL_UseALPN(c->ssl, (char *)(uintptr_t)peer->alpn,
				     (unsigned int)strlen(peer->alpn),
				     WOLFSSL_ALPN_FAILED_ON_MISMATCH) ==
		     WOLFSSL_SUCCESS;
	return ok ? 0 : -ENOMEM;
}

int tls_client_create(const struct tls_peer *peer,
		      const struct tls_callbacks *callbacks,
		      struct tls_client **ret_client)
{
	struct tls_client *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return -ENOMEM;
	c->callbacks = *callbacks;
	r = wolf_init() < 0 ? -ENOMEM : copy_peer(c, peer);
	if (r == 0)
		r = create_context(c, peer);
	if (r == 0)
		r = create_session(c, peer);
	if (r < 0) {
		tls_client_destroy(c);
		return r;
	}
	*ret_client = c;
	return 0;
}

void tls_client_destroy(struct tls_client *c)
{
	if (c == NULL)
		return;
	wolfSSL_free(c->ssl);
	wolfSSL_CTX_free(c->ctx);
	free(c->name);
	free(c->pins);
	secret_wipe(c, sizeof(*c));
	free(c);
}

/* Life. */

/* 0 while wolfSSL waits for more, else -EPROTO. */
static int stopped(struct tls_client *c, int r)
{
	int error = wolfSSL_get_error(c->ssl, r);

	if (error == WOLFSSL_ERROR_WANT_READ ||
	    error == WOLFSSL_ERROR_WANT_WRITE)
		return 0;
	if (error == WOLFSSL_ERROR_ZERO_RETURN)
		return fail(c, TLS_FAILURE_CLOSED, "the server closed it");
	return fail_protocol(c, error);
}

static int handshake(struct tls_client *c)
{
	int r = wolfSSL_connect(c->ssl);

	if (r != WOLFSSL_SUCCESS)
		return stopped(c, r);
	/* Whatever wolfSSL may have skipped: no certificate, no peer. */
	if (!c->proved)
		return fail(c, TLS_FAILURE_CERTIFICATE,
			    "the server showed no certificate");
	c->open = true;
	return 0;
}

static int advance(struct tls_client *c)
{
	int n;

	if (c->failure != TLS_FAILURE_NONE)
		return -EPROTO;
	if (!c->open && handshake(c) < 0)
		return -EPROTO;
	while (c->open && !c->closed && c->failure == TLS_FAILURE_NONE) {
		n = wolfSSL_read(c->ssl, c->plain, sizeof(c->plain));
		if (n <= 0)
			return stopped(c, n);
		c->callbacks.received(c->callbacks.arg, c->plain, (size_t)n);
	}
	return c->failure == TLS_FAILURE_NONE ? 0 : -EPROTO;
}

int tls_client_start(struct tls_client *c)
{
	return advance(c);
}

int tls_client_input(struct tls_client *c, const uint8_t *bytes, size_t len)
{
	int r;

	c->in = bytes;
	c->in_len = len;
	r = advance(c);
	c->in = NULL;
	c->in_len = 0;
	return r;
}

bool tls_client_is_open(const struct tls_client *c)
{
	return c->open && !c->closed && c->failure == TLS_FAILURE_NONE;
}

int tls_client_write(struct tls_client *c, const uint8_t *bytes, size_t len)
{
	if (c->failure != TLS_FAILURE_NONE)
		return -EPROTO;
	if (!tls_client_is_open(c))
		return -ENOTCONN;
	while (len > 0) {
		int n = wolfSSL_write(c->ssl, bytes,
				      len < PLAIN_MAX ? (int)len : PLAIN_MAX);

		if (n <= 0)
			return fail_protocol(c, wolfSSL_get_error(c->ssl, n));
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

void tls_client_close(struct tls_client *c)
{
	if (tls_client_is_open(c))
		(void)wolfSSL_shutdown(c->ssl);
	c->closed = true;
}

enum tls_failure tls_client_failure(const struct tls_client *c)
{
	return c->failure;
}

const char *tls_client_failure_text(const struct tls_client *c)
{
	return c->text;
}
