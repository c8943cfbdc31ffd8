/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "crypto/certificate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/hash.h>

#include "tunnel/base/addr.h"

enum {
	PUBLIC_KEY_MAX = 4096, /* RSA of 16384 bits is half of that */
};

/* The date as it stands in the certificate: tag, length, digits. */
static int date_read(const uint8_t *date, int date_len, int64_t *ret_s)
{
	const byte *digits;
	struct tm tm = { 0 };
	byte format;
	int len;

	if (wc_GetDateInfo(date, date_len, &digits, &format, &len) != 0 ||
	    wc_GetDateAsCalendarTime(digits, len, format, &tm) != 0)
		return -EBADMSG;
	*ret_s = timegm(&tm);
	return 0;
}

/* The name goes into logs and tables, so it keeps to printable ASCII. */
static void name_copy(const char *from, size_t len, char first, char *to)
{
	if (len > CERTIFICATE_NAME_MAX)
		len = CERTIFICATE_NAME_MAX;
	for (size_t i = 0; i < len; i++)
		to[i] = from[i] >= first && from[i] < 0x7f ? from[i] : '?';
	to[len] = '\0';
}

/* Of the whole name, "/C=../O=../CN=..", the common name if there is one. */
static void issuer_copy(const char *name, char *to)
{
	const char *cn = strstr(name, "/CN=");
	size_t len;

	name = cn != NULL ? cn + 4 : name;
	len = cn != NULL ? strcspn(name, "/") : strlen(name);
	name_copy(name, len, ' ', to);
}

int certificate_read(const uint8_t *der, size_t len, struct certificate *ret)
{
	struct certificate c = { 0 };
	DecodedCert d;
	int r = -EBADMSG;

	_Static_assert(sizeof(d.subjectHash) <= sizeof(c.subject_hash) &&
			       sizeof(d.issuerHash) <= sizeof(c.issuer_hash),
		       "wolfCrypt's hash of a name is longer");

	wc_InitDecodedCert(&d, der, (word32)len, NULL);
	if (wc_ParseCert(&d, CERT_TYPE, NO_VERIFY, NULL) != 0 ||
	    wc_Sha256Hash(der, (word32)len, c.fingerprint) != 0)
		goto out;
	if (d.subjectCN != NULL && d.subjectCNLen > 0)
		name_copy(d.subjectCN, (size_t)d.subjectCNLen, '!', c.name);
	issuer_copy(d.issuer, c.issuer);
	memcpy(c.subject_hash, d.subjectHash, sizeof(d.subjectHash));
	memcpy(c.issuer_hash, d.issuerHash, sizeof(d.issuerHash));
	c.has_alt_name = d.altNames != NULL;
	c.for_servers = d.extExtKeyUsageSet &&
			(d.extExtKeyUsage & EXTKEYUSE_SERVER_AUTH) != 0;
	c.for_clients = d.extExtKeyUsageSet &&
			(d.extExtKeyUsage & EXTKEYUSE_CLIENT_AUTH) != 0;
	r = date_read(d.beforeDate, d.beforeDateLen, &c.begins);
	if (r == 0)
		r = date_read(d.afterDate, d.afterDateLen, &c.expires);
	if (r == 0)
		*ret = c;
out:
	wc_FreeDecodedCert(&d);
	return r;
}

/* 0: it cannot be read. */
static int64_t block_end(const char *pem, size_t len)
{
	uint8_t *der = malloc(len); /* PEM is longer */
	struct certificate c = { 0 };
	int n;

	if (der == NULL)
		return 0;
	n = wc_CertPemToDer((const byte *)pem, (int)len, der, (int)len,
			    CERT_TYPE);
	n = n < 0 ? -EBADMSG : certificate_read(der, (size_t)n, &c);
	free(der);
	return n < 0 ? 0 : c.expires;
}

int64_t certificate_first_end(const char *pem, size_t len)
{
	static const char last_line[] = "-----END CERTIFICATE-----";
	const char *at = pem, *end;
	int64_t first = 0, s;
	size_t block;

	while ((end = memmem(at, len, last_line, strlen(last_line))) != NULL) {
		block = (size_t)(end - at) + strlen(last_line);
		s = block_end(at, block);
		if (s != 0 && (first == 0 || s < first))
			first = s;
		at += block;
		len -= block;
	}
	return first;
}

bool certificate_names_issuer(const struct certificate *c,
			      const struct certificate *issuer)
{
	return memcmp(c->issuer_hash, issuer->subject_hash,
		      sizeof(c->issuer_hash)) == 0;
}

static void date_text(int64_t s, char text[static 12])
{
	time_t at = (time_t)s;
	struct tm tm;

	if (gmtime_r(&at, &tm) == NULL || strftime(text, 12, "%F", &tm) == 0)
		strcpy(text, "?");
}

const char *certificate_text(const struct certificate *c,
			     char buf[static CERTIFICATE_TEXT_MAX])
{
	char from[12], to[12];

	date_text(c->begins, from);
	date_text(c->expires, to);
	snprintf(buf, CERTIFICATE_TEXT_MAX,
		 "\"%.40s\", issued by \"%.40s\", valid from %s to %s", c->name,
		 c->issuer, from, to);
	return buf;
}

/* "*" stands for one whole first label, and not for all that a top-level domain
 * has (RFC 9525, 6.3). */
static bool name_fits(const char *pattern, size_t len, const char *name)
{
	if (len > 2 && pattern[0] == '*' && pattern[1] == '.') {
		const char *dot = strchr(name, '.');

		if (dot == NULL || dot == name ||
		    memchr(pattern + 2, '.', len - 2) == NULL)
			return false;
		pattern++;
		len--;
		name = dot;
	}
	/* A zero byte in the pattern fits no name. */
	return strlen(name) == len && strncasecmp(pattern, name, len) == 0;
}

static bool entry_fits(const DNS_entry *e, const char *name,
		       const struct ip_addr *a)
{
	size_t len = e->len > 0 ? (size_t)e->len : 0;

	if (a == NULL)
		return e->type == ASN_DNS_TYPE && name_fits(e->name, len, name);
	return e->type == ASN_IP_TYPE && len == addr_size(a) &&
	       memcmp(e->name, a->bytes, len) == 0;
}

int certificate_match(const uint8_t *der, size_t len, const char *name,
		      char ret_other[static CERTIFICATE_NAME_MAX + 1])
{
	struct ip_addr address;
	bool by_address = addr_parse(name, &address) == 0;
	DecodedCert d;
	int r = -EBADMSG;

	wc_InitDecodedCert(&d, der, (word32)len, NULL);
	if (wc_ParseCert(&d, CERT_TYPE, NO_VERIFY, NULL) != 0)
		goto out;
	ret_other[0] = '\0';
	r = -ENOENT;
	for (const DNS_entry *e = d.altNames; e != NULL && r != 0; e = e->next)
		if (entry_fits(e, name, by_address ? &address : NULL))
			r = 0;
		else if (e->type == ASN_DNS_TYPE && e->len > 0)
			name_copy(e->name, (size_t)e->len, '!', ret_other);
out:
	wc_FreeDecodedCert(&d);
	return r;
}

int certificate_key_digest(const uint8_t *der, size_t len,
			   uint8_t ret_digest[static CERTIFICATE_DIGEST_LEN])
{
	word32 key_len = PUBLIC_KEY_MAX;
	uint8_t *key = malloc(key_len);
	int r = -EBADMSG;

	if (key != NULL &&
	    wc_GetSubjectPubKeyInfoDerFromCert(der, (word32)len, key,
					       &key_len) == 0 &&
	    wc_Sha256Hash(key, key_len, ret_digest) == 0)
		r = 0;
	free(key);
	return r;
}
