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

bool certificate_is_for(const uint8_t *der, size_t len, const char *host)
{
	const DNS_entry *name;
	DecodedCert d;
	bool is = false;

	wc_InitDecodedCert(&d, der, (word32)len, NULL);
	if (wc_ParseCert(&d, CERT_TYPE, NO_VERIFY, NULL) == 0)
		for (name = d.altNames; name != NULL && !is; name = name->next)
			is = name->type == ASN_DNS_TYPE &&
			     (size_t)name->len == strlen(host) &&
			     strncasecmp(name->name, host, strlen(host)) == 0;
	wc_FreeDecodedCert(&d);
	return is;
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
