/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/lease.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "tunnel/base/bytes.h"

/*
 * Body of a LEASE message:
 *
 *    0                 4      5       6       7   8
 *   +-----------------+------+-------+-------+---+----------------
 *   | session index   | part | parts | flags | 0 | TLVs
 *   +-----------------+------+-------+-------+---+----------------
 *
 * TLV: type (16 bits), length (16 bits), value. What is not known is skipped.
 */
enum tlv {
	TLV_ADDRESS4 = 1, /* prefix length (1), address (4) */
	TLV_ADDRESS6 = 2, /* prefix length (1), address (16) */
	TLV_MTU = 3,	  /* 2 */
	TLV_LANES = 4,	  /* 1 */
	TLV_IDLE = 5,	  /* seconds, 4 */
	TLV_GATEWAY = 6,  /* its name, text */
	TLV_ROUTE = 7,	  /* prefix length (1), address (4 or 16) */
	TLV_EXCLUDED = 8, /* as ROUTE */
	TLV_DNS = 9,	  /* address (4 or 16) */
	TLV_MATCH = 10,	  /* domain, text */
	TLV_SEARCH = 11,  /* domain, text */
};

enum {
	TLV_HEADER_LEN = 4,
	LANES_MAX = 64,
};

static void names_fini(struct lease_names *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->name[i]);
	free(list->name);
}

void lease_fini(struct lease *l)
{
	free(l->routes.prefix);
	free(l->excluded.prefix);
	names_fini(&l->match);
	names_fini(&l->search);
	memset(l, 0, sizeof(*l));
}

int lease_add_prefix(struct lease_prefixes *list, const struct ip_prefix *p,
		     size_t max)
{
	struct ip_prefix *grown;

	if (list->count >= max)
		return -E2BIG;
	grown = reallocarray(list->prefix, list->count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	list->prefix = grown;
	list->prefix[list->count++] = prefix_masked(p);
	return 0;
}

static int add_name(struct lease_names *list, const char *name, size_t len)
{
	char **grown, *copy;

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (dns_name_check(name, len) != DNS_NAME_OK)
		return -EINVAL;
	if (list->count >= LEASE_DOMAINS_MAX)
		return -E2BIG;
	grown = reallocarray(list->name, list->count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	list->name = grown;
	copy = strndup(name, len);
	if (copy == NULL)
		return -ENOMEM;
	for (char *c = copy; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + ('a' - 'A'));
	list->name[list->count++] = copy;
	return 0;
}

int lease_add_name(struct lease_names *list, const char *name)
{
	return add_name(list, name, strlen(name));
}

static int copy_names(const struct lease_names *from, struct lease_names *to)
{
	int r = 0;

	for (size_t i = 0; i < from->count && r == 0; i++)
		r = lease_add_name(to, from->name[i]);
	return r;
}

static int copy_prefixes(const struct lease_prefixes *from,
			 struct lease_prefixes *to)
{
	int r = 0;

	for (size_t i = 0; i < from->count && r == 0; i++)
		r = lease_add_prefix(to, &from->prefix[i], from->count);
	return r;
}

int lease_copy(const struct lease *from, struct lease *ret_to)
{
	struct lease to = *from;
	int r;

	to.routes = to.excluded = (struct lease_prefixes) { 0 };
	to.match = to.search = (struct lease_names) { 0 };
	r = copy_prefixes(&from->routes, &to.routes);
	if (r == 0)
		r = copy_prefixes(&from->excluded, &to.excluded);
	if (r == 0)
		r = copy_names(&from->match, &to.match);
	if (r == 0)
		r = copy_names(&from->search, &to.search);
	if (r < 0) {
		lease_fini(&to);
		return r;
	}
	*ret_to = to;
	return 0;
}

/* Lays TLVs out over parts, and writes those of one part. */
struct packer {
	unsigned int wanted; /* the part that is written */
	unsigned int part;   /* the part that is being filled */
	size_t used;	     /* bytes of TLVs in it */
	struct bytes out;
};

static void pack(struct packer *p, enum tlv type, const void *value, size_t len)
{
	if (p->used + TLV_HEADER_LEN + len > LEASE_PART_MAX) {
		p->part++;
		p->used = 0;
	}
	p->used += TLV_HEADER_LEN + len;
	if (p->part != p->wanted)
		return;
	bytes_put16(&p->out, (uint16_t)type);
	bytes_put16(&p->out, (uint16_t)len);
	bytes_put(&p->out, value, len);
}

static void pack_prefix(struct packer *p, enum tlv type,
			const struct ip_prefix *prefix)
{
	uint8_t value[17];

	value[0] = prefix->len;
	memcpy(value + 1, prefix->addr.bytes, 16);
	pack(p, type, value, 1 + addr_size(&prefix->addr));
}

static void pack_all(struct packer *p, const struct lease *l)
{
	uint8_t number[4];

	if (l->address4.addr.family != 0)
		pack_prefix(p, TLV_ADDRESS4, &l->address4);
	if (l->address6.addr.family != 0)
		pack_prefix(p, TLV_ADDRESS6, &l->address6);
	store_be16(number, l->mtu);
	pack(p, TLV_MTU, number, 2);
	pack(p, TLV_LANES, &l->lanes, 1);
	store_be32(number, l->idle_s);
	pack(p, TLV_IDLE, number, 4);
	if (l->gateway[0] != '\0')
		pack(p, TLV_GATEWAY, l->gateway, strlen(l->gateway));
	for (size_t i = 0; i < l->dns_count; i++)
		pack(p, TLV_DNS, l->dns[i].bytes, addr_size(&l->dns[i]));
	for (size_t i = 0; i < l->match.count; i++)
		pack(p, TLV_MATCH, l->match.name[i], strlen(l->match.name[i]));
	for (size_t i = 0; i < l->search.count; i++)
		pack(p, TLV_SEARCH, l->search.name[i],
		     strlen(l->search.name[i]));
	for (size_t i = 0; i < l->routes.count; i++)
		pack_prefix(p, TLV_ROUTE, &l->routes.prefix[i]);
	for (size_t i = 0; i < l->excluded.count; i++)
		pack_prefix(p, TLV_EXCLUDED, &l->excluded.prefix[i]);
}

int lease_part_count(const struct lease *l)
{
	struct packer p = { .wanted = UINT32_MAX };

	pack_all(&p, l);
	return p.part < LEASE_PARTS_MAX ? (int)p.part + 1 : -E2BIG;
}

size_t lease_build_part(const struct lease *l, unsigned int part, uint8_t flags,
			uint8_t buf[static LEASE_BODY_MAX])
{
	struct packer p = {
		.wanted = part,
		.out = bytes_over(buf, LEASE_BODY_MAX),
	};

	bytes_put32(&p.out, l->index);
	bytes_put8(&p.out, (uint8_t)part);
	bytes_put8(&p.out, (uint8_t)lease_part_count(l));
	bytes_put8(&p.out, flags);
	bytes_put8(&p.out, 0);
	pack_all(&p, l);
	return bytes_done(&p.out);
}

void lease_collector_fini(struct lease_collector *c)
{
	for (size_t i = 0; i < LEASE_PARTS_MAX; i++)
		free(c->part[i].body);
	memset(c, 0, sizeof(*c));
}

bool lease_collector_whole(const struct lease_collector *c)
{
	for (size_t i = 0; i < c->parts; i++)
		if ((c->have[i / 8] & 1 << i % 8) == 0)
			return false;
	return c->parts > 0;
}

int lease_collect(struct lease_collector *c, const uint8_t *body, size_t len,
		  uint8_t *ret_flags)
{
	struct bytes b = bytes_read(body, len);
	uint32_t index = bytes_get32(&b);
	uint8_t part = bytes_get8(&b), parts = bytes_get8(&b);
	uint8_t flags = bytes_get8(&b);
	size_t left;

	(void)bytes_get8(&b);
	left = bytes_left(&b);
	if (!bytes_ok(&b) || index == 0 || parts == 0 ||
	    parts > LEASE_PARTS_MAX || part >= parts || left > LEASE_PART_MAX)
		return -EBADMSG;
	if (c->parts != 0 && (parts != c->parts || index != c->index))
		return -EBADMSG;
	*ret_flags = flags;
	if ((c->have[part / 8] & 1 << part % 8) != 0)
		return 0;
	c->part[part].body = malloc(left + 1);
	if (c->part[part].body == NULL)
		return -ENOMEM;
	bytes_get(&b, c->part[part].body, left);
	c->part[part].len = (uint16_t)left;
	c->parts = parts;
	c->index = index;
	c->have[part / 8] |= (uint8_t)(1 << part % 8);
	return lease_collector_whole(c);
}

/* Both return NULL, or what is wrong. */
static const char *read_addr(const uint8_t *p, size_t len, struct ip_addr *ret)
{
	if (len != 4 && len != 16)
		return "an address of a wrong length";
	*ret = (struct ip_addr) { .family = len == 4 ? AF_INET : AF_INET6 };
	memcpy(ret->bytes, p, len);
	return NULL;
}

static const char *read_prefix(const uint8_t *p, size_t len,
			       struct ip_prefix *ret)
{
	const char *why;

	if (len < 1)
		return "an empty prefix";
	why = read_addr(p + 1, len - 1, &ret->addr);
	if (why != NULL)
		return why;
	ret->len = p[0];
	return ret->len > addr_bits(&ret->addr) ? "a prefix that is too long"
						: NULL;
}

/* An address that a host may have as its own. */
static bool addr_is_host(const struct ip_addr *a)
{
	static const struct ip_addr none;
	const uint8_t *b = a->bytes;

	if (memcmp(b, none.bytes, addr_size(a)) == 0)
		return false;
	if (a->family == AF_INET)
		return b[0] != 0 && b[0] != 127 && b[0] < 224;
	return b[0] != 0xff && !(b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}

static const char *read_own(const uint8_t *p, size_t len, size_t wanted,
			    struct ip_prefix *own)
{
	const char *why;

	if (own->addr.family != 0)
		return "two addresses of one family";
	if (len != wanted)
		return "an address of a wrong length";
	why = read_prefix(p, len, own);
	if (why == NULL && !addr_is_host(&own->addr))
		why = "an address that no host can have";
	return why;
}

static const char *add_route(struct lease_prefixes *list, const uint8_t *p,
			     size_t len, size_t max)
{
	struct ip_prefix prefix;
	const char *why = read_prefix(p, len, &prefix);
	int r;

	if (why != NULL)
		return why;
	r = lease_add_prefix(list, &prefix, max);
	return r == -E2BIG ? "too many routes"
	       : r < 0	   ? "more than fits in memory"
			   : NULL;
}

static const char *add_domain(struct lease_names *list, const uint8_t *p,
			      size_t len)
{
	int r = add_name(list, (const char *)p, len);

	return r == -EINVAL  ? "a domain that is no name"
	       : r == -E2BIG ? "too many domains"
	       : r < 0	     ? "more than fits in memory"
			     : NULL;
}

static const char *read_gateway(struct lease *l, const uint8_t *p, size_t len)
{
	struct ip_addr a;

	if (len > LEASE_NAME_MAX)
		return "a gateway name that is too long";
	memcpy(l->gateway, p, len);
	l->gateway[len] = '\0';
	if (dns_name_check(l->gateway, len) != DNS_NAME_OK &&
	    addr_parse(l->gateway, &a) < 0)
		return "a gateway name that is no name";
	return NULL;
}

static const char *read_dns(struct lease *l, const uint8_t *p, size_t len)
{
	if (l->dns_count >= LEASE_DNS_MAX)
		return "too many DNS servers";
	return read_addr(p, len, &l->dns[l->dns_count++]);
}

static const char *read_tlv(struct lease *l, uint16_t type, const uint8_t *p,
			    size_t len)
{
	switch (type) {
	case TLV_ADDRESS4:
		return read_own(p, len, 5, &l->address4);
	case TLV_ADDRESS6:
		return read_own(p, len, 17, &l->address6);
	case TLV_MTU:
		l->mtu = len == 2 ? load_be16(p) : 0;
		return l->mtu < LEASE_MTU_MIN || l->mtu > LEASE_MTU_MAX
			       ? "an MTU out of range"
			       : NULL;
	case TLV_LANES:
		l->lanes = len == 1 ? p[0] : 0;
		return l->lanes < 1 || l->lanes > LANES_MAX
			       ? "a number of lanes out of range"
			       : NULL;
	case TLV_IDLE:
		l->idle_s = len == 4 ? load_be32(p) : 0;
		return NULL;
	case TLV_GATEWAY:
		return read_gateway(l, p, len);
	case TLV_ROUTE:
		return add_route(&l->routes, p, len, LEASE_ROUTES_MAX);
	case TLV_EXCLUDED:
		return add_route(&l->excluded, p, len, LEASE_EXCLUDED_MAX);
	case TLV_DNS:
		return read_dns(l, p, len);
	case TLV_MATCH:
		return add_domain(&l->match, p, len);
	case TLV_SEARCH:
		return add_domain(&l->search, p, len);
	default:
		return NULL; /* of a later version */
	}
}

static const char *read_part(struct lease *l, const uint8_t *body, size_t len)
{
	struct bytes b = bytes_read(body, len);
	const char *why = NULL;

	while (bytes_left(&b) > 0 && why == NULL) {
		uint16_t type = bytes_get16(&b);
		size_t n = bytes_get16(&b);
		const uint8_t *value = bytes_take(&b, n);

		if (value == NULL)
			return "a field that is cut off";
		why = read_tlv(l, type, value, n);
	}
	return why;
}

int lease_parse(const struct lease_collector *c, struct lease *ret_lease,
		const char **ret_why)
{
	struct lease l = { .index = c->index };
	const char *why = NULL;

	for (size_t i = 0; i < c->parts && why == NULL; i++)
		why = read_part(&l, c->part[i].body, c->part[i].len);
	if (why == NULL && l.address4.addr.family == 0 &&
	    l.address6.addr.family == 0)
		why = "no inner address";
	if (why == NULL && l.mtu == 0)
		why = "no MTU";
	if (why == NULL && l.lanes == 0)
		why = "no lanes";
	if (why != NULL) {
		lease_fini(&l);
		*ret_why = why;
		return -EBADMSG;
	}
	*ret_lease = l;
	return 0;
}
