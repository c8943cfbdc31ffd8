/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <string.h>

#include "dns/message.h"
#include "dns/wire.h"

enum {
	QUESTION_POINTER = WIRE_POINTER | DNS_HEADER_LEN,
	FIXED_LEN = 4, /* type and class */
};

/* What a header says, beside id and counts. */
static uint16_t reply_flags(const struct dns_query *q, unsigned int rcode)
{
	/* What needs OPT to be said is a plain failure without it. */
	if (rcode > WIRE_RCODE && !q->edns)
		rcode = DNS_RCODE_SERVFAIL;
	return (uint16_t)(WIRE_QR | q->opcode << WIRE_OPCODE_SHIFT |
			  (q->recursion_desired ? WIRE_RD : 0) | WIRE_RA |
			  (q->checking_disabled ? WIRE_CD : 0) |
			  (rcode & WIRE_RCODE));
}

static void put_header(struct bytes *b, uint16_t id, uint16_t flags,
		       uint16_t questions, uint16_t answers,
		       uint16_t additional)
{
	bytes_put16(b, id);
	bytes_put16(b, flags);
	bytes_put16(b, questions);
	bytes_put16(b, answers);
	bytes_put16(b, 0);
	bytes_put16(b, additional);
}

static void put_question(struct bytes *b, const struct dns_query *q)
{
	bytes_put(b, q->name.wire, q->name.len);
	bytes_put16(b, q->type);
	bytes_put16(b, q->class);
}

static const struct dns_error_text no_error = { .code = DNS_ERROR_NONE };

static size_t text_len(const struct dns_error_text *error)
{
	size_t len = error->text != NULL ? strlen(error->text) : 0;

	return len < DNS_ERROR_TEXT_MAX ? len : DNS_ERROR_TEXT_MAX;
}

static bool has_error(const struct dns_error_text *error)
{
	return error->code != DNS_ERROR_NONE;
}

/* The room that OPT of a reply takes. */
static size_t opt_len(const struct dns_query *q,
		      const struct dns_error_text *error)
{
	if (!q->edns)
		return 0;
	if (!has_error(error))
		return WIRE_OPT_LEN;
	return WIRE_OPT_LEN + WIRE_OPTION_HEAD + 2 + text_len(error);
}

/* RFC 6891, 6.1.2; RFC 8914, 2. */
static void put_opt(struct bytes *b, bool dnssec_ok, unsigned int rcode,
		    const struct dns_error_text *error)
{
	bytes_put8(b, 0);
	bytes_put16(b, DNS_TYPE_OPT);
	bytes_put16(b, DNS_EDNS_UDP_SIZE);
	bytes_put32(b,
		    (uint32_t)rcode >> 4 << 24 | (dnssec_ok ? WIRE_OPT_DO : 0));
	if (!has_error(error)) {
		bytes_put16(b, 0);
		return;
	}
	bytes_put16(b, (uint16_t)(WIRE_OPTION_HEAD + 2 + text_len(error)));
	bytes_put16(b, WIRE_OPTION_EDE);
	bytes_put16(b, (uint16_t)(2 + text_len(error)));
	bytes_put16(b, (uint16_t)error->code);
	bytes_put(b, error->text, text_len(error));
}

size_t dns_query_build(const struct dns_query *q,
		       uint8_t buf[static DNS_SHORT_MAX])
{
	struct bytes b = bytes_over(buf, DNS_SHORT_MAX);

	put_header(&b, q->id,
		   (uint16_t)((q->recursion_desired ? WIRE_RD : 0) |
			      (q->authentic_data ? WIRE_AD : 0) |
			      (q->checking_disabled ? WIRE_CD : 0)),
		   1, 0, q->edns);
	put_question(&b, q);
	if (q->edns)
		put_opt(&b, q->dnssec_ok, 0, &no_error);
	return bytes_done(&b);
}

size_t dns_error_build(const struct dns_query *q, enum dns_rcode rcode,
		       const struct dns_error_text *error,
		       uint8_t buf[static DNS_SHORT_MAX])
{
	struct bytes b = bytes_over(buf, DNS_SHORT_MAX);
	const bool question = q->name.len > 0;

	put_header(&b, q->id, reply_flags(q, rcode), question, 0, q->edns);
	if (question)
		put_question(&b, q);
	if (q->edns)
		put_opt(&b, q->dnssec_ok, rcode,
			error != NULL ? error : &no_error);
	return bytes_done(&b);
}

size_t dns_fixed_build(const struct dns_query *q, const struct ip_addr *addr,
		       size_t count, uint32_t ttl_s,
		       uint8_t buf[static DNS_SHORT_MAX])
{
	struct bytes b = bytes_over(buf, DNS_SHORT_MAX - opt_len(q, &no_error));
	uint16_t type, answers = 0;

	b.at += DNS_HEADER_LEN;
	put_question(&b, q);
	for (size_t i = 0; i < count; i++) {
		type = addr[i].family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA;
		if (q->type != type && q->type != DNS_TYPE_ANY)
			continue;
		if (bytes_left(&b) < 28) /* of AAAA */
			break;
		bytes_put16(&b, QUESTION_POINTER);
		bytes_put16(&b, type);
		bytes_put16(&b, DNS_CLASS_IN);
		bytes_put32(&b, ttl_s);
		bytes_put16(&b, (uint16_t)addr_size(&addr[i]));
		bytes_put(&b, addr[i].bytes, addr_size(&addr[i]));
		answers++;
	}
	b.end = buf + DNS_SHORT_MAX;
	if (q->edns)
		put_opt(&b, q->dnssec_ok, 0, &no_error);
	b.end = b.at;
	b.at = buf;
	put_header(&b, q->id, reply_flags(q, 0), 1, answers, q->edns);
	return (size_t)(b.end - buf);
}

static uint32_t aged(uint32_t ttl, uint32_t age_s)
{
	return ttl > age_s ? ttl - age_s : 0;
}

/* What a reply consists of before OPT is put behind it. */
struct body {
	size_t len;
	uint16_t answers, authority, additional;
	bool truncated;
};

static void cut_all(struct body *body, const struct dns_query *q)
{
	*body = (struct body) {
		.len = DNS_HEADER_LEN + q->name.len + FIXED_LEN,
		.truncated = true,
	};
}

/* The same question: the message as it is, but for letters and TTLs. */
static void body_copy(const struct dns_answer *a, const struct dns_query *q,
		      uint32_t age_s, uint8_t *buf, size_t room,
		      struct body *body)
{
	body->len = a->len;
	body->answers = load_be16(a->message + WIRE_ANSWERS_AT);
	body->authority = load_be16(a->message + WIRE_AUTHORITY_AT);
	body->additional = load_be16(a->message + WIRE_ADDITIONAL_AT);
	/* RFC 2181, 9: no TC for what was additional only. */
	if (body->len > room) {
		body->len = a->additional_at;
		body->additional = 0;
	}
	if (body->len > room)
		cut_all(body, q);
	assert(q->name.len == a->question_len);
	memcpy(buf, a->message, body->len);
	memcpy(buf + DNS_HEADER_LEN, q->name.wire, q->name.len);
	for (size_t i = 0; i < a->ttl_count && a->ttls[i] < body->len; i++)
		store_be32(buf + a->ttls[i],
			   aged(load_be32(buf + a->ttls[i]), age_s));
}

/* Copies so many records; false: they find no room. */
static bool copy_records(struct wire_writer *w, struct bytes *from,
			 unsigned int count, uint32_t age_s)
{
	struct wire_record r;

	for (unsigned int i = 0; i < count; i++)
		if (wire_get_record(from, &r))
			wire_copy_record(w, from, &r, aged(r.ttl, age_s));
	return bytes_ok(&w->b);
}

/* RFC 1034, 3.6.2: the client's name is an alias of the full one. */
static void put_alias(struct wire_writer *w, const struct dns_query *q,
		      const struct dns_name *full, uint32_t ttl_s)
{
	uint8_t *len;

	wire_put_name(w, &q->name, true);
	bytes_put16(&w->b, DNS_TYPE_CNAME);
	bytes_put16(&w->b, q->class);
	bytes_put32(&w->b, ttl_s);
	len = bytes_take(&w->b, 2);
	wire_put_name(w, full, true);
	if (bytes_ok(&w->b))
		store_be16(len, (uint16_t)(w->b.at - len - 2));
}

/* Another question name: every pointer of the message would be wrong. */
static void body_rebuild(const struct dns_answer *a, const struct dns_query *q,
			 const struct dns_name *full, uint32_t age_s,
			 uint8_t *buf, size_t room, struct body *body)
{
	struct wire_writer w = { .b = bytes_over(buf, room) };
	struct bytes from = bytes_read(a->message, a->len);
	size_t mark;

	bytes_take(&w.b, DNS_HEADER_LEN);
	wire_put_name(&w, &q->name, true);
	bytes_put16(&w.b, q->type);
	bytes_put16(&w.b, q->class);
	put_alias(&w, q, full, aged(a->ttl_s, age_s));
	body->answers = 1;
	body->len = bytes_done(&w.b);
	if (q->type == DNS_TYPE_CNAME && bytes_ok(&w.b))
		return;
	from.at += DNS_HEADER_LEN + a->question_len + FIXED_LEN;
	body->answers += a->answers;
	body->authority = load_be16(a->message + WIRE_AUTHORITY_AT);
	if (!copy_records(&w, &from, a->answers, age_s) ||
	    !copy_records(&w, &from, body->authority, age_s)) {
		cut_all(body, q);
		return;
	}
	mark = bytes_done(&w.b);
	body->additional = load_be16(a->message + WIRE_ADDITIONAL_AT);
	if (!copy_records(&w, &from, body->additional, age_s))
		body->additional = 0;
	body->len = body->additional > 0 ? bytes_done(&w.b) : mark;
}

size_t dns_answer_build(const struct dns_answer *a, const struct dns_query *q,
			const struct dns_name *full, uint32_t age_s,
			const struct dns_error_text *error, uint8_t *buf,
			size_t max)
{
	const struct dns_error_text given = { a->error, NULL };
	unsigned int rcode = a->rcode;
	struct body body = { 0 };
	uint16_t flags;
	struct bytes b;

	assert(max >= DNS_SHORT_MAX);
	if (error == NULL)
		error = &given;
	/* Of an error there is nothing but its code. */
	if (full != NULL && rcode != DNS_RCODE_NOERROR &&
	    rcode != DNS_RCODE_NXDOMAIN)
		return dns_error_build(q, rcode, error, buf);
	if (full == NULL) {
		body_copy(a, q, age_s, buf, max - opt_len(q, error), &body);
	} else {
		body_rebuild(a, q, full, age_s, buf, max - opt_len(q, error),
			     &body);
		/* The alias is there, wherever it leads. */
		if (q->type == DNS_TYPE_CNAME)
			rcode = DNS_RCODE_NOERROR;
	}
	flags = reply_flags(q, rcode);
	if (body.truncated)
		flags |= WIRE_TC;
	/* RFC 6840, 5.8: only for who asks. */
	if ((q->authentic_data || q->dnssec_ok) &&
	    load_be16(a->message + WIRE_FLAGS_AT) & WIRE_AD)
		flags |= WIRE_AD;
	b = bytes_over(buf, max);
	put_header(&b, q->id, flags, 1, body.answers,
		   (uint16_t)(body.additional + q->edns));
	store_be16(buf + WIRE_AUTHORITY_AT, body.authority);
	b.at = buf + body.len;
	if (q->edns)
		put_opt(&b, q->dnssec_ok, rcode, error);
	return bytes_done(&b);
}
