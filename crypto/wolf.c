/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "crypto/wolf.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

int wolf_init(void)
{
	/* wolfSSL counts its users itself. */
	return wolfSSL_Init() == WOLFSSL_SUCCESS ? 0 : -EIO;
}

void wolf_random(void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len > 0) {
		size_t n = len < 256 ? len : 256; /* getentropy's limit */
		int r = getentropy(p, n);

		/* Keys without randomness are worse than no program. */
		assert(r == 0);
		p += n;
		len -= n;
	}
}

struct explanation {
	int code;
	enum reason reason;
	const char *text;
};

/* What we found in the gateway's flight. It was encrypted, so the gateway (or
 * someone in its place on the path) sent it, and would send it again. */
static const struct explanation ours[] = {
	{ ASN_NO_SIGNER_E, REASON_GATEWAY_CERTIFICATE,
	  "the gateway's certificate is signed by another CA than the "
	  "profile's" },
	{ ASN_AFTER_DATE_E, REASON_GATEWAY_CERTIFICATE,
	  "the gateway's certificate has expired (or this clock is wrong)" },
	{ ASN_BEFORE_DATE_E, REASON_GATEWAY_CERTIFICATE,
	  "the gateway's certificate is not valid yet (or this clock is "
	  "wrong)" },
	{ CRL_CERT_REVOKED, REASON_GATEWAY_CERTIFICATE,
	  "the gateway's certificate is revoked" },
	{ CRL_MISSING, REASON_GATEWAY_CERTIFICATE,
	  "the profile's revocation list is not of the gateway's CA" },
	{ CRL_CERT_DATE_ERR, REASON_GATEWAY_CERTIFICATE,
	  "the profile's revocation list is out of date" },
	{ EXTKEYUSE_AUTH_E, REASON_GATEWAY_CERTIFICATE,
	  "the gateway's certificate is not meant for servers" },
	{ KEYUSE_SIGNATURE_E, REASON_GATEWAY_CERTIFICATE,
	  "the gateway's certificate may not sign handshakes" },
	{ MAX_CHAIN_ERROR, REASON_GATEWAY_CERTIFICATE,
	  "the gateway's certificate chain is too long" },
	{ ASN_VERSION_E, REASON_GATEWAY_CERTIFICATE,
	  "the gateway's certificate is of X.509 version 1" },
	{ ASN_PATHLEN_INV_E, REASON_GATEWAY_CERTIFICATE,
	  "the gateway's certificate comes through a CA that its own CA does "
	  "not allow (path length)" },
	{ ASN_PATHLEN_SIZE_E, REASON_GATEWAY_CERTIFICATE,
	  "the gateway's certificate comes through a CA that its own CA does "
	  "not allow (path length)" },
	{ RSA_KEY_SIZE_E, REASON_GATEWAY_CERTIFICATE,
	  "the gateway's certificate has a key that is too weak (RSA below "
	  "2048 bits)" },
	{ ECC_CURVE_ERROR, REASON_VERSION,
	  "the gateway takes none of the profile's key exchange groups" },
	{ BAD_KEY_SHARE_DATA, REASON_VERSION,
	  "the gateway takes none of the profile's key exchange groups" },
};

/* What the gateway said of our flight, by alert (RFC 8446, section 6). */
static const struct explanation theirs[] = {
	{ bad_certificate, REASON_DEVICE_CERTIFICATE,
	  "the gateway refused this device's certificate (revoked, or not "
	  "meant for clients); its log says which" },
	{ certificate_revoked, REASON_DEVICE_CERTIFICATE,
	  "this device's certificate is revoked" },
	{ certificate_expired, REASON_DEVICE_CERTIFICATE,
	  "this device's certificate has expired or is not valid yet" },
	{ unknown_ca, REASON_DEVICE_CERTIFICATE,
	  "this device's certificate is signed by another CA than the "
	  "gateway's" },
	{ certificate_required, REASON_DEVICE_CERTIFICATE,
	  "the gateway wants a certificate and the profile has none" },
	{ unsupported_certificate, REASON_DEVICE_CERTIFICATE,
	  "the gateway cannot use this kind of certificate" },
	{ wolfssl_alert_protocol_version, REASON_VERSION,
	  "the gateway speaks another version of the protocol" },
	{ no_application_protocol, REASON_VERSION,
	  "the gateway is there, but for another protocol than adit/1" },
	{ handshake_failure, REASON_VERSION,
	  "the gateway found no common key exchange or cipher" },
};

struct finding {
	int code;
	enum handshake_cause cause;
	const char *text;
};

/* What the gateway found in a client's flight, for its log. */
static const struct finding of_client[] = {
	{ ASN_NO_SIGNER_E, HANDSHAKE_CAUSE_UNKNOWN_CA,
	  "its certificate is signed by another CA than this gateway's" },
	{ ASN_AFTER_DATE_E, HANDSHAKE_CAUSE_EXPIRED,
	  "its certificate has expired" },
	{ ASN_BEFORE_DATE_E, HANDSHAKE_CAUSE_NOT_YET_VALID,
	  "its certificate is not valid yet" },
	{ CRL_CERT_REVOKED, HANDSHAKE_CAUSE_REVOKED,
	  "its certificate is on the revocation list" },
	{ CRL_MISSING, HANDSHAKE_CAUSE_REVOCATION_LIST,
	  "there is no revocation list of its certificate's CA" },
	{ CRL_CERT_DATE_ERR, HANDSHAKE_CAUSE_REVOCATION_LIST,
	  "the revocation list is out of date" },
	{ EXTKEYUSE_AUTH_E, HANDSHAKE_CAUSE_KEY_USAGE,
	  "its certificate is not meant for clients" },
	{ KEYUSE_SIGNATURE_E, HANDSHAKE_CAUSE_KEY_USAGE,
	  "its certificate may not sign handshakes" },
	{ MAX_CHAIN_ERROR, HANDSHAKE_CAUSE_CHAIN,
	  "its certificate has more than 8 intermediates" },
	{ ASN_VERSION_E, HANDSHAKE_CAUSE_X509_VERSION,
	  "its certificate is of X.509 version 1" },
	{ NO_PEER_CERT, HANDSHAKE_CAUSE_NO_CERTIFICATE,
	  "it sent no certificate" },
	{ ECC_CURVE_ERROR, HANDSHAKE_CAUSE_NO_COMMON_GROUP,
	  "it takes none of this gateway's key exchange groups" },
	{ BAD_KEY_SHARE_DATA, HANDSHAKE_CAUSE_NO_COMMON_GROUP,
	  "it takes none of this gateway's key exchange groups" },
	{ ASN_PATHLEN_INV_E, HANDSHAKE_CAUSE_CHAIN,
	  "its certificate comes through a CA that its own CA does not allow "
	  "(path length)" },
	{ ASN_PATHLEN_SIZE_E, HANDSHAKE_CAUSE_CHAIN,
	  "its certificate comes through a CA that its own CA does not allow "
	  "(path length)" },
	{ RSA_KEY_SIZE_E, HANDSHAKE_CAUSE_KEY_USAGE,
	  "its certificate has a key that is too weak (RSA below 2048 bits)" },
};

/* What a client said of this gateway's flight, for the same log. */
static const struct explanation from_client[] = {
	{ bad_certificate, REASON_GATEWAY_CERTIFICATE,
	  "the client refused this gateway's certificate (another name than it "
	  "dials, revoked, or not meant for servers)" },
	{ unsupported_certificate, REASON_GATEWAY_CERTIFICATE,
	  "the client cannot use this gateway's kind of certificate" },
	{ certificate_revoked, REASON_GATEWAY_CERTIFICATE,
	  "the client found this gateway's certificate revoked" },
	{ certificate_expired, REASON_GATEWAY_CERTIFICATE,
	  "the client found this gateway's certificate expired or not valid "
	  "yet" },
	{ certificate_unknown, REASON_GATEWAY_CERTIFICATE,
	  "the client did not accept this gateway's certificate" },
	{ unknown_ca, REASON_GATEWAY_CERTIFICATE,
	  "the client does not trust this gateway's CA" },
};

static const struct explanation *find(const struct explanation *table, size_t n,
				      int code)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].code == code)
			return &table[i];
	return NULL;
}

enum reason wolf_explain(int error, int alert, char *text, size_t size,
			 bool *ret_final)
{
	const struct explanation *e = NULL;

	*ret_final = true;
	if (alert != 0)
		e = find(theirs, ARRAY_SIZE(theirs), alert);
	if (e == NULL)
		e = find(ours, ARRAY_SIZE(ours), error);
	if (e != NULL) {
		snprintf(text, size, "%s", e->text);
		return e->reason;
	}
	/* Everything else may be a broken path or a stranger's doing. */
	*ret_final = false;
	if (alert != 0)
		snprintf(text, size,
			 "the gateway ended the handshake (alert %d)", alert);
	else
		snprintf(text, size, "the handshake failed (%s, %d)",
			 wolfSSL_ERR_reason_error_string(
				 (unsigned long)(long)error),
			 error);
	return REASON_TIMEOUT;
}

enum handshake_cause wolf_explain_client(int error, int alert, char *text,
					 size_t size)
{
	const struct explanation *e;

	for (size_t i = 0; i < ARRAY_SIZE(of_client); i++) {
		if (of_client[i].code != error)
			continue;
		snprintf(text, size, "%s", of_client[i].text);
		return of_client[i].cause;
	}
	if (alert == 0) {
		snprintf(text, size, "the handshake failed (%s, %d)",
			 wolfSSL_ERR_reason_error_string(
				 (unsigned long)(long)error),
			 error);
		return HANDSHAKE_CAUSE_OTHER;
	}
	e = find(from_client, ARRAY_SIZE(from_client), alert);
	if (e != NULL)
		snprintf(text, size, "%s", e->text);
	else
		snprintf(text, size,
			 "the client ended the handshake (alert %d)", alert);
	return HANDSHAKE_CAUSE_CLIENT_SAID;
}
