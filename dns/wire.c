/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/wire.h"

#include <string.h>

#include "dns/message.h"

enum {
	LABEL_POINTER = 0xc0,
	/* A pointer without a label before it says nothing new: honest names
	 * have at most one for each label. */
	POINTERS_MAX = 127,
	REST = 255,
};

/*
 * What the data of a type is made of, in this order. RFC 3597, 4: names in the
 * types of RFC 1035 may be compressed, and a receiver takes that from the
 * later ones here, too. Everything else is bytes, and its names never are.
 */
struct layout {
	uint16_t type;
	uint8_t before;	 /* bytes */
	uint8_t strings; /* with a length each */
	uint8_t names;
	uint8_t after; /* bytes, or REST */
	bool compress; /* when we write it */
};

static const struct layout layouts[] = {
	{ DNS_TYPE_A, .before = 4 },
	{ DNS_TYPE_AAAA, .before = 16 },
	{ DNS_TYPE_CNAME, .names = 1, .compress = true },
	{ DNS_TYPE_NS, .names = 1, .compress = true },
	{ DNS_TYPE_SOA, .names = 2, .after = 20, .compress = true },
	{ DNS_TYPE_PTR, .names = 1, .compress = true },
	{ DNS_TYPE_MX, .before = 2, .names = 1, .compress = true },
	{ DNS_TYPE_SRV, .before = 6, .names = 1 },
	{ DNS_TYPE_DNAME, .names = 1 },
	{ 3, .names = 1, .compress = true },		 /* MD */
	{ 4, .names = 1, .compress = true },		 /* MF */
	{ 7, .names = 1, .compress = true },		 /* MB */
	{ 8, .names = 1, .compress = true },		 /* MG */
	{ 9, .names = 1, .compress = true },		 /* MR */
	{ 14, .names = 2, .compress = true },		 /* MINFO */
	{ 17, .names = 2 },				 /* RP */
	{ 18, .before = 2, .names = 1 },		 /* AFSDB */
	{ 21, .before = 2, .names = 1 },		 /* RT */
	{ 24, .before = 18, .names = 1, .after = REST }, /* SIG */
	{ 26, .before = 2, .names = 2 },		 /* PX */
	{ 30, .names = 1, .after = REST },		 /* NXT */
	{ 35, .before = 4, .strings = 3, .names = 1 },	 /* NAPTR */
};

static const struct layout plain = { .after = REST };

static const struct layout *layout_of(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
		if (layouts[i].type == type)
			return &layouts[i];
	return &plain;
}

bool wire_get_name(struct bytes *b, struct dns_name *ret_name)
{
	struct bytes far, *at = b;
	size_t before = bytes_done(b), len = 0, target;
	unsigned int pointers = 0;
	uint8_t head, wire[DNS_WIRE_MAX];

	do {
		head = bytes_get8(at);
		if (head >= LABEL_POINTER) {
			target = (size_t)(head & 0x3f) << 8 | bytes_get8(at);
			if (!bytes_ok(at) || target < DNS_HEADER_LEN ||
			    target >= before || ++pointers > POINTERS_MAX)
				goto fail;
			far = bytes_read(b->start, before);
			far.at += target;
			before = target;
			at = &far;
			continue;
		}
		/* 0x40 and 0x80 are no labels any more (RFC 6891, 5). */
		if (head > DNS_LABEL_MAX || len + 1 + head > sizeof(wire))
			goto fail;
		wire[len++] = head;
		bytes_get(at, wire + len, head);
		len += head;
	} while (head != 0);
	if (!bytes_ok(at))
		goto fail;
	memcpy(ret_name->wire, wire, len);
	ret_name->len = (uint8_t)len;
	return true;
fail:
	b->failed = true;
	return false;
}

static void move(struct bytes *from, struct wire_writer *to, size_t n)
{
	const uint8_t *p = bytes_take(from, n);

	if (p != NULL && to != NULL)
		bytes_put(&to->b, p, n);
}

/* Reads the data of one record to its end and, if there is a writer, copies
 * it: what passes this check can be copied. */
static bool walk_data(struct bytes *data, uint16_t type, struct wire_writer *to)
{
	const struct layout *l = layout_of(type);
	struct dns_name name;

	move(data, to, l->before);
	for (unsigned int i = 0; i < l->strings; i++) {
		struct bytes head = *data;

		move(data, to, 1u + bytes_get8(&head));
	}
	for (unsigned int i = 0; i < l->names; i++)
		if (wire_get_name(data, &name) && to != NULL)
			wire_put_name(to, &name, l->compress);
	move(data, to, l->after == REST ? bytes_left(data) : l->after);
	return bytes_ok(data) && bytes_left(data) == 0;
}

bool wire_get_record(struct bytes *b, struct wire_record *ret_record)
{
	struct wire_record r = { .owner = bytes_done(b) };
	struct dns_name owner;
	struct bytes data;

	if (!wire_get_name(b, &owner))
		return false;
	r.type = bytes_get16(b);
	r.class = bytes_get16(b);
	r.ttl_at = bytes_done(b);
	r.ttl = bytes_get32(b);
	r.len = bytes_get16(b);
	r.data = bytes_done(b);
	data = *b;
	if (bytes_take(b, r.len) == NULL)
		return false;
	data.end = b->at;
	if (!walk_data(&data, r.type, NULL)) {
		b->failed = true;
		return false;
	}
	*ret_record = r;
	return true;
}

/* Is the name at `at` of what we wrote this one? */
static bool is_name_at(const uint8_t *message, size_t at, const uint8_t *wire)
{
	for (;;) {
		while (message[at] >= LABEL_POINTER)
			at = load_be16(message + at) & ~WIRE_POINTER;
		if (!dns_label_equal(message + at, wire))
			return false;
		if (*wire == 0)
			return true;
		at += 1u + *wire;
		wire += 1 + *wire;
	}
}

/* 0: it is not there. */
static uint16_t find_name(const struct wire_writer *w, const uint8_t *wire)
{
	for (size_t i = 0; i < w->count; i++)
		if (is_name_at(w->b.start, w->names[i], wire))
			return w->names[i];
	return 0;
}

void wire_put_name(struct wire_writer *w, const struct dns_name *n,
		   bool compress)
{
	const size_t start = bytes_done(&w->b);
	size_t at = 0;
	uint16_t to = 0;

	while (n->wire[at] != 0) {
		to = compress ? find_name(w, n->wire + at) : 0;
		if (to != 0)
			break;
		bytes_put(&w->b, n->wire + at, 1u + n->wire[at]);
		at += 1u + n->wire[at];
	}
	if (to != 0)
		bytes_put16(&w->b, (uint16_t)(WIRE_POINTER | to));
	else
		bytes_put8(&w->b, 0);
	if (!bytes_ok(&w->b))
		return;
	for (size_t i = 0; i < at; i += 1u + n->wire[i])
		if (w->count < WIRE_NAMES_MAX && start + i < WIRE_POINTER_REACH)
			w->names[w->count++] = (uint16_t)(start + i);
}

void wire_copy_record(struct wire_writer *w, const struct bytes *message,
		      const struct wire_record *r, uint32_t ttl)
{
	struct bytes in = bytes_read(message->start, r->data + r->len);
	struct dns_name owner;
	uint8_t *len;

	in.at = in.start + r->owner;
	if (!wire_get_name(&in, &owner))
		return;
	wire_put_name(w, &owner, true);
	bytes_put16(&w->b, r->type);
	bytes_put16(&w->b, r->class);
	bytes_put32(&w->b, ttl);
	len = bytes_take(&w->b, 2);
	in.at = in.start + r->data;
	if (len != NULL && walk_data(&in, r->type, w) && bytes_ok(&w->b))
		store_be16(len, (uint16_t)(w->b.at - len - 2));
}
