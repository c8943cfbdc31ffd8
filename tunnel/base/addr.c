/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int addr_parse(const char *text, struct ip_addr *ret_addr)
{
	struct ip_addr a = { 0 };

	if (inet_pton(AF_INET, text, a.bytes) == 1)
		a.family = AF_INET;
	else if (inet_pton(AF_INET6, text, a.bytes) == 1)
		a.family = AF_INET6;
	else
		return -EINVAL;
	*ret_addr = a;
	return 0;
}

/* Decimal digits only: strtoul would take blanks and signs. */
static int number_parse(const char *text, unsigned int max,
			unsigned int *ret_value)
{
	unsigned int v = 0;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		v = v * 10 + (unsigned int)(*text - '0');
		if (v > max)
			return -EINVAL;
	}
	*ret_value = v;
	return 0;
}

int prefix_parse(const char *text, struct ip_prefix *ret_prefix)
{
	const char *slash = strchr(text, '/');
	char addr[ADDR_TEXT_MAX];
	struct ip_prefix p = { 0 };
	unsigned int bits;
	size_t n = slash ? (size_t)(slash - text) : strlen(text);

	if (n >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (addr_parse(addr, &p.addr) < 0)
		return -EINVAL;
	p.len = addr_bits(&p.addr);
	if (slash) {
		if (number_parse(slash + 1, p.len, &bits) < 0)
			return -EINVAL;
		p.len = (uint8_t)bits;
	}
	*ret_prefix = p;
	return 0;
}

int endpoint_parse(const char *text, struct endpoint *ret_endpoint)
{
	struct endpoint e = { 0 };
	const char *colon = strrchr(text, ':');
	char addr[ADDR_TEXT_MAX + 2];
	unsigned int port;
	size_t n;

	if (!colon || number_parse(colon + 1, 65535, &port) < 0 || port == 0)
		return -EINVAL;
	n = (size_t)(colon - text);
	if (n >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (addr[0] == '[') {
		if (n < 3 || addr[n - 1] != ']')
			return -EINVAL;
		addr[n - 1] = '\0';
		if (addr_parse(addr + 1, &e.addr) < 0 ||
		    e.addr.family != AF_INET6)
			return -EINVAL;
	} else if (addr_parse(addr, &e.addr) < 0 || e.addr.family != AF_INET) {
		return -EINVAL;
	}
	e.port = (uint16_t)port;
	*ret_endpoint = e;
	return 0;
}

const char *addr_text(const struct ip_addr *a, char buf[static ADDR_TEXT_MAX])
{
	if (a->family == 0 ||
	    inet_ntop(a->family, a->bytes, buf, ADDR_TEXT_MAX) == NULL)
		strcpy(buf, "none");
	return buf;
}

const char *prefix_text(const struct ip_prefix *p,
			char buf[static PREFIX_TEXT_MAX])
{
	size_t n;

	addr_text(&p->addr, buf);
	n = strlen(buf);
	snprintf(buf + n, PREFIX_TEXT_MAX - n, "/%u", p->len);
	return buf;
}

const char *endpoint_text(const struct endpoint *e,
			  char buf[static ENDPOINT_TEXT_MAX])
{
	char addr[ADDR_TEXT_MAX];

	snprintf(buf, ENDPOINT_TEXT_MAX,
		 e->addr.family == AF_INET6 ? "[%s]:%u" : "%s:%u",
		 addr_text(&e->addr, addr), e->port);
	return buf;
}

uint8_t addr_bits(const struct ip_addr *a)
{
	return a->family == AF_INET ? 32 : 128;
}

size_t addr_size(const struct ip_addr *a)
{
	return addr_bits(a) / 8;
}

bool addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, addr_size(a)) == 0;
}

bool prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}

bool prefix_has(const struct ip_prefix *p, const struct ip_addr *a)
{
	size_t whole = p->len / 8;
	unsigned int rest = p->len % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	if (p->addr.family != a->family)
		return false;
	if (memcmp(p->addr.bytes, a->bytes, whole) != 0)
		return false;
	return rest == 0 ||
	       ((p->addr.bytes[whole] ^ a->bytes[whole]) & mask) == 0;
}

bool prefix_covers(const struct ip_prefix *p, const struct ip_prefix *in)
{
	return in->len >= p->len && prefix_has(p, &in->addr);
}

struct ip_prefix prefix_masked(const struct ip_prefix *p)
{
	struct ip_prefix m = *p;

	for (size_t i = 0; i < sizeof(m.addr.bytes); i++) {
		if (i * 8 >= p->len)
			m.addr.bytes[i] = 0;
		else if (i * 8 + 8 > p->len)
			m.addr.bytes[i] &= (uint8_t)(0xff00 >> (p->len % 8));
	}
	return m;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && a->scope_id == b->scope_id &&
	       addr_equal(&a->addr, &b->addr);
}

socklen_t endpoint_to_sockaddr(const struct endpoint *e,
			       struct sockaddr_storage *ret_sa)
{
	memset(ret_sa, 0, sizeof(*ret_sa));
	if (e->addr.family == AF_INET) {
		struct sockaddr_in *in4 = (struct sockaddr_in *)ret_sa;

		in4->sin_family = AF_INET;
		in4->sin_port = htons(e->port);
		memcpy(&in4->sin_addr, e->addr.bytes, 4);
		return sizeof(*in4);
	}
	assert(e->addr.family == AF_INET6);

	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret_sa;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(e->port);
	in6->sin6_scope_id = e->scope_id;
	memcpy(&in6->sin6_addr, e->addr.bytes, 16);
	return sizeof(*in6);
}

int endpoint_from_sockaddr(const struct sockaddr *sa,
			   struct endpoint *ret_endpoint)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct endpoint e = { 0 };

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in4 = (const void *)sa;

		e.addr.family = AF_INET;
		e.port = ntohs(in4->sin_port);
		memcpy(e.addr.bytes, &in4->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;
		const uint8_t *b = in6->sin6_addr.s6_addr;

		e.port = ntohs(in6->sin6_port);
		if (memcmp(b, mapped, sizeof(mapped)) == 0) {
			e.addr.family = AF_INET;
			memcpy(e.addr.bytes, b + 12, 4);
		} else {
			e.addr.family = AF_INET6;
			e.scope_id = in6->sin6_scope_id;
			memcpy(e.addr.bytes, b, 16);
		}
	} else {
		return -EAFNOSUPPORT;
	}
	*ret_endpoint = e;
	return 0;
}
