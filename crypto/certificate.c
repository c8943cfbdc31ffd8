/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "crypto/certificate.h"

#include <errno.h>
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
static void name_copy(const char *from, size_t len, char *to)
{
	if (len > CERTIFICATE_NAME_MAX)
		len = CERTIFICATE_NAME_MAX;
	for (size_t i = 0; i < len; i++)
		to[i] = from[i] > 0x20 && from[i] < 0x7f ? from[i] : '?';
	to[len] = '\0';
}

int certificate_read(const uint8_t *der, size_t len, struct certificate *ret)
{
	struct certificate c = { 0 };
	DecodedCert d;
	int r = -EBADMSG;

	wc_InitDecodedCert(&d, der, (word32)len, NULL);
	if (wc_ParseCert(&d, CERT_TYPE, NO_VERIFY, NULL) != 0 ||
	    wc_Sha256Hash(der, (word32)len, c.fingerprint) != 0)
		goto out;
	if (d.subjectCN != NULL && d.subjectCNLen > 0)
		name_copy(d.subjectCN, (size_t)d.subjectCNLen, c.name);
	c.has_alt_name = d.altNames != NULL;
	c.for_servers = d.extExtKeyUsageSet &&
			(d.extExtKeyUsage & EXTKEYUSE_SERVER_AUTH) != 0;
	c.for_clients = d.extExtKeyUsageSet &&
			(d.extExtKeyUsage & EXTKEYUSE_CLIENT_AUTH) != 0;
	r = date_read(d.afterDate, d.afterDateLen, &c.expires);
	if (r == 0)
		*ret = c;
out:
	wc_FreeDecodedCert(&d);
	return r;
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
			name_copy(e->name, (size_t)e->len, ret_other);
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
