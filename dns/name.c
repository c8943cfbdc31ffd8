/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/name.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_letter_digit_hyphen(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_';
}

enum dns_name_fault dns_name_check(const char *name, size_t len)
{
	size_t label = 0;

	if (len == 0)
		return DNS_NAME_EMPTY;
	if (len > DNS_NAME_MAX)
		return DNS_NAME_LONG;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)name[i] >= 0x80)
			return DNS_NAME_NOT_ASCII;
		if (name[i] == '.' ? label == 0 : label == DNS_LABEL_MAX)
			return DNS_NAME_LABEL;
		if (name[i] != '.' && !is_letter_digit_hyphen(name[i]))
			return DNS_NAME_CHARACTER;
		label = name[i] == '.' ? 0 : label + 1;
	}
	return label > 0 ? DNS_NAME_OK : DNS_NAME_LABEL;
}

/* Lengths of labels are below 'A', so that a whole name can be made small, or
 * compared, byte by byte. */
static uint8_t small(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (a[i] != b[i] && small(a[i]) != small(b[i]))
			return false;
	return true;
}

/* One byte of text, escaped or not. Returns what it took; 0: no such escape. */
static size_t unescape(const char *text, uint8_t *ret_byte)
{
	unsigned int v = 0;

	if (text[0] != '\\') {
		*ret_byte = (uint8_t)text[0];
		return 1;
	}
	if (text[1] < '0' || text[1] > '9') {
		*ret_byte = (uint8_t)text[1];
		return text[1] == '\0' ? 0 : 2;
	}
	for (size_t i = 1; i <= 3; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		v = v * 10 + (unsigned int)(text[i] - '0');
	}
	*ret_byte = (uint8_t)v;
	return v <= 255 ? 4 : 0;
}

int dns_name_from_text(const char *text, struct dns_name *ret_name)
{
	struct dns_name n = { .len = 0 };
	size_t head = 0, len = 1, took;
	uint8_t byte;

	if (text[0] == '.' && text[1] == '\0')
		text++;
	while (*text != '\0') {
		if (*text == '.') {
			if (len == head + 1)
				return -EINVAL;
			head = len++;
			text++;
		} else {
			took = unescape(text, &byte);
			/* The root's zero must find room, too. */
			if (took == 0 || len - head > DNS_LABEL_MAX ||
			    len >= DNS_WIRE_MAX - 1)
				return -EINVAL;
			n.wire[len++] = byte;
			text += took;
		}
		n.wire[head] = (uint8_t)(len - head - 1);
	}
	/* Without a final dot the last label is still open. */
	if (len > head + 1)
		n.wire[len++] = 0;
	n.len = (uint8_t)len;
	*ret_name = n;
	return 0;
}

const char *dns_name_text(const struct dns_name *n,
			  char buf[static DNS_TEXT_MAX])
{
	const uint8_t *p = n->wire;
	char *to = buf;

	if (*p == 0)
		*to++ = '.';
	while (*p != 0) {
		for (uint8_t left = *p++; left > 0; left--, p++) {
			if (*p == '.' || *p == '\\')
				*to++ = '\\';
			if (*p > ' ' && *p < 0x7f)
				*to++ = (char)*p;
			else
				to += sprintf(to, "\\%03u", *p);
		}
		if (*p != 0)
			*to++ = '.';
	}
	*to = '\0';
	return buf;
}

bool dns_label_equal(const uint8_t *a, const uint8_t *b)
{
	return equal(a, b, 1u + *b);
}

unsigned int dns_name_labels(const struct dns_name *n)
{
	unsigned int labels = 0;

	for (size_t at = 0; n->wire[at] != 0; at += 1u + n->wire[at])
		labels++;
	return labels;
}

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && equal(a->wire, b->wire, a->len);
}

bool dns_name_under(const struct dns_name *n, const struct dns_name *suffix)
{
	size_t at = 0;

	while (n->len - at > suffix->len)
		at += 1u + n->wire[at];
	return n->len - at == suffix->len &&
	       equal(n->wire + at, suffix->wire, suffix->len);
}

void dns_name_tail(const struct dns_name *n, unsigned int labels,
		   struct dns_name *ret_tail)
{
	unsigned int skip = dns_name_labels(n) - labels;
	size_t at = 0;

	while (skip-- > 0)
		at += 1u + n->wire[at];
	memmove(ret_tail->wire, n->wire + at, n->len - at);
	ret_tail->len = (uint8_t)(n->len - at);
}

void dns_name_lower(struct dns_name *n)
{
	for (size_t i = 0; i < n->len; i++)
		n->wire[i] = small(n->wire[i]);
}

int dns_name_join(const struct dns_name *n, const struct dns_name *suffix,
		  struct dns_name *ret_name)
{
	const size_t head = n->len - 1u;

	if (head + suffix->len > DNS_WIRE_MAX)
		return -ENAMETOOLONG;
	/* The result may be either of the two. */
	memmove(ret_name->wire + head, suffix->wire, suffix->len);
	if (ret_name != n)
		memcpy(ret_name->wire, n->wire, head);
	ret_name->len = (uint8_t)(head + suffix->len);
	return 0;
}

/* "2.0.192.in-addr.arpa" for 192.0.2.0 and 24 bits; nibbles for IPv6. */
static void reverse_zone(const struct ip_addr *a, unsigned int bits,
			 struct dns_name *ret_zone)
{
	char text[80], *to = text;

	if (a->family == AF_INET) {
		for (unsigned int i = bits / 8; i > 0; i--)
			to += sprintf(to, "%u.", a->bytes[i - 1]);
		memcpy(to, "in-addr.arpa", sizeof("in-addr.arpa"));
	} else {
		for (unsigned int i = bits / 4; i > 0; i--)
			to += sprintf(to, "%x.",
				      a->bytes[(i - 1) / 2] >> (i % 2 * 4) &
					      0xf);
		memcpy(to, "ip6.arpa", sizeof("ip6.arpa"));
	}
	if (dns_name_from_text(text, ret_zone) != 0)
		assert(false);
}

size_t dns_name_reverse(const struct ip_prefix *p,
			struct dns_name ret_zones[static DNS_REVERSE_MAX])
{
	const unsigned int border = p->addr.family == AF_INET ? 8 : 4;
	const unsigned int bits = (p->len + border - 1) / border * border;
	const size_t count = (size_t)1 << (bits - p->len);
	struct ip_addr a = prefix_masked(p).addr;

	for (size_t i = 0; i < count; i++) {
		reverse_zone(&a, bits, &ret_zones[i]);
		/* The next network: one more in the last byte or nibble. */
		if (bits > 0)
			a.bytes[(bits - 1) / 8] +=
				(uint8_t)(bits % 8 == 0 ? 1 : 0x10);
	}
	return count;
}
