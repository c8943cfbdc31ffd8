/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/draft.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"

void draft_bytes(struct draft *d, const void *bytes, size_t len)
{
	ck_assert_uint_le(d->len + len, sizeof(d->message));
	if (len > 0)
		memcpy(d->message + d->len, bytes, len);
	d->len += len;
}

static void put16(struct draft *d, uint16_t v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	draft_bytes(d, b, 2);
}

static void count_one(struct draft *d, size_t at)
{
	store_be16(d->message + at, load_be16(d->message + at) + 1);
}

struct dns_name draft_name(const char *text)
{
	struct dns_name n;

	ck_assert_int_eq(dns_name_from_text(text, &n), 0);
	return n;
}

static void put_name(struct draft *d, const char *text)
{
	struct dns_name n;

	if (strcmp(text, "@") == 0) {
		put16(d, WIRE_POINTER | DNS_HEADER_LEN);
		return;
	}
	n = draft_name(text);
	draft_bytes(d, n.wire, n.len);
}

void draft_start(struct draft *d, uint16_t id, uint16_t flags)
{
	static const uint8_t none[8];

	d->len = d->section = 0;
	put16(d, id);
	put16(d, flags);
	draft_bytes(d, none, sizeof(none));
}

void draft_question(struct draft *d, const char *name, uint16_t type)
{
	put_name(d, name);
	put16(d, type);
	put16(d, DNS_CLASS_IN);
	count_one(d, WIRE_QUESTIONS_AT);
}

void draft_section(struct draft *d)
{
	d->section++;
}

size_t draft_record(struct draft *d, const char *owner, uint16_t type,
		    uint32_t ttl, const void *data, size_t len)
{
	put_name(d, owner);
	put16(d, type);
	put16(d, DNS_CLASS_IN);
	put16(d, (uint16_t)(ttl >> 16));
	put16(d, (uint16_t)ttl);
	put16(d, (uint16_t)len);
	draft_bytes(d, data, len);
	count_one(d, WIRE_ANSWERS_AT + 2 * d->section);
	return d->len - len;
}

void draft_name_record(struct draft *d, const char *owner, uint16_t type,
		       uint32_t ttl, size_t before, const char *name)
{
	static const uint8_t zeros[32];
	size_t data = draft_record(d, owner, type, ttl, zeros, before);

	put_name(d, name);
	store_be16(d->message + data - 2, (uint16_t)(d->len - data));
}

void draft_soa(struct draft *d, const char *zone, uint32_t ttl,
	       uint32_t minimum)
{
	uint8_t numbers[20] = { 0 };
	size_t data = draft_record(d, zone, DNS_TYPE_SOA, ttl, NULL, 0);

	put_name(d, "ns.example");
	put_name(d, "hostmaster.example");
	store_be32(numbers + 16, minimum);
	draft_bytes(d, numbers, sizeof(numbers));
	store_be16(d->message + data - 2, (uint16_t)(d->len - data));
}

void draft_opt(struct draft *d, uint16_t size, uint32_t ttl,
	       const void *options, size_t len)
{
	size_t data;

	d->section = 2;
	data = draft_record(d, ".", DNS_TYPE_OPT, ttl, options, len);
	store_be16(d->message + data - 8, size);
}

uint8_t *draft_exact(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	ck_assert_ptr_nonnull(copy);
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

static void show_data(FILE *f, const uint8_t *message,
		      const struct wire_record *r)
{
	struct bytes b = bytes_read(message, r->data + r->len);
	struct ip_addr a = { .family = AF_INET };
	char text[DNS_TEXT_MAX];
	struct dns_name n;

	b.at += r->data + (r->type == DNS_TYPE_MX ? 2 : 0) +
		(r->type == DNS_TYPE_SRV ? 6 : 0);
	switch (r->type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
		if (r->type == DNS_TYPE_AAAA)
			a.family = AF_INET6;
		memcpy(a.bytes, b.at, r->len);
		fputs(addr_text(&a, text), f);
		break;
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
	case DNS_TYPE_PTR:
	case DNS_TYPE_MX:
	case DNS_TYPE_SRV:
	case DNS_TYPE_SOA:
	case DNS_TYPE_DNAME:
		if (wire_get_name(&b, &n))
			fputs(dns_name_text(&n, text), f);
		break;
	default:
		fprintf(f, "%u bytes", r->len);
	}
}

const char *draft_show(const uint8_t *message, size_t len, unsigned int section)
{
	static char text[4096];
	struct bytes b = bytes_read(message, len), owner;
	FILE *f = fmemopen(text, sizeof(text), "w");
	char name[DNS_TEXT_MAX];
	struct wire_record r;
	struct dns_name n;
	bool ok = true;

	b.at += DNS_HEADER_LEN;
	text[0] = '\0';
	if (load_be16(message + WIRE_QUESTIONS_AT) == 1) {
		ok = wire_get_name(&b, &n);
		bytes_take(&b, 4);
	}
	for (unsigned int s = 0; ok && s <= section; s++)
		for (unsigned int i = 0;
		     ok && i < load_be16(message + WIRE_ANSWERS_AT + 2 * s);
		     i++) {
			ok = wire_get_record(&b, &r);
			if (!ok || s != section)
				continue;
			owner = bytes_read(message, len);
			owner.at += r.owner;
			wire_get_name(&owner, &n);
			fprintf(f, "%s %u %u ", dns_name_text(&n, name), r.type,
				r.ttl);
			show_data(f, message, &r);
			fputc('\n', f);
		}
	fclose(f);
	return ok ? text : NULL;
}
