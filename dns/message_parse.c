/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "dns/wire.h"

struct header {
	uint16_t id, flags;
	uint16_t questions, answers, authority, additional;
};

/* What an OPT record says. */
struct opt {
	bool present;
	uint16_t udp_size;
	uint8_t rcode, version;
	bool dnssec_ok;
	int error;
};

static struct header get_header(struct bytes *b)
{
	struct header h;

	h.id = bytes_get16(b);
	h.flags = bytes_get16(b);
	h.questions = bytes_get16(b);
	h.answers = bytes_get16(b);
	h.authority = bytes_get16(b);
	h.additional = bytes_get16(b);
	return h;
}

/* RFC 6891, 6.1; options that we do not know are skipped. False: it must not
 * be here, or is no list of options. */
static bool opt_parse(const uint8_t *message, const struct wire_record *r,
		      struct opt *opt)
{
	struct bytes b = bytes_read(message + r->data, r->len);

	if (opt->present || message[r->owner] != 0)
		return false;
	*opt = (struct opt) {
		.present = true,
		.udp_size = r->class,
		.rcode = (uint8_t)(r->ttl >> 24),
		.version = (uint8_t)(r->ttl >> 16),
		.dnssec_ok = (r->ttl & WIRE_OPT_DO) != 0,
		.error = DNS_ERROR_NONE,
	};
	while (bytes_left(&b) > 0) {
		uint16_t code = bytes_get16(&b), len = bytes_get16(&b);
		const uint8_t *data = bytes_take(&b, len);

		if (data == NULL)
			return false;
		/* RFC 8914, 3: there may be several; the first one counts. */
		if (code == WIRE_OPTION_EDE && len >= 2 &&
		    opt->error == DNS_ERROR_NONE)
			opt->error = load_be16(data);
	}
	return bytes_ok(&b);
}

static bool query_body_parse(struct bytes *b, unsigned int additional,
			     struct dns_query *q, struct opt *opt)
{
	struct wire_record r;

	if (!wire_get_name(b, &q->name))
		return false;
	q->type = bytes_get16(b);
	q->class = bytes_get16(b);
	for (unsigned int i = 0; i < additional; i++)
		if (!wire_get_record(b, &r) ||
		    (r.type == DNS_TYPE_OPT && !opt_parse(b->start, &r, opt)))
			return false;
	if (!bytes_ok(b))
		return false;
	q->edns = opt->present;
	q->dnssec_ok = opt->dnssec_ok;
	if (opt->udp_size > DNS_PLAIN_UDP_MAX)
		q->udp_size = opt->udp_size;
	return true;
}

enum dns_verdict dns_query_parse(const uint8_t *bytes, size_t len,
				 struct dns_query *ret_query)
{
	struct bytes b = bytes_read(bytes, len);
	const struct header h = get_header(&b);
	struct opt opt = { .present = false };
	struct dns_query q = {
		.id = h.id,
		.opcode = (h.flags & WIRE_OPCODE) >> WIRE_OPCODE_SHIFT,
		.recursion_desired = (h.flags & WIRE_RD) != 0,
		.checking_disabled = (h.flags & WIRE_CD) != 0,
		.authentic_data = (h.flags & WIRE_AD) != 0,
		.udp_size = DNS_PLAIN_UDP_MAX,
	};

	if (!bytes_ok(&b) || (h.flags & WIRE_QR) != 0)
		return DNS_QUERY_SILENCE;
	*ret_query = q;
	if (q.opcode != 0)
		return DNS_QUERY_NOTIMP;
	if (h.questions != 1 || h.answers != 0 || h.authority != 0 ||
	    !query_body_parse(&b, h.additional, &q, &opt))
		return DNS_QUERY_FORMERR;
	*ret_query = q;
	if (opt.version > 0)
		return DNS_QUERY_BADVERS;
	if (q.class != DNS_CLASS_IN || q.type == DNS_TYPE_AXFR ||
	    q.type == DNS_TYPE_IXFR)
		return DNS_QUERY_REFUSED;
	return DNS_QUERY_GOOD;
}

enum {
	RECORDS_MAX = DNS_MESSAGE_MAX / WIRE_RECORD_MIN,
};

/* A reply while it is walked. */
struct reply {
	struct bytes b;
	struct header header;
	const struct dns_query *sent;
	struct dns_name name; /* of the question, in small letters */
	struct opt opt;
	struct dns_answer answer;	    /* without its memory yet */
	unsigned int authority, additional; /* records that are kept */
	bool has_type;			    /* that was asked for */
	bool has_soa;
	uint32_t negative_ttl_s;
	uint16_t ttls[RECORDS_MAX];
};

/* RFC 2181, 8. */
static uint32_t right_ttl(uint32_t ttl)
{
	return ttl >> 31 ? 0 : ttl;
}

static enum dns_reply_fault question_parse(struct reply *r)
{
	const struct dns_query *sent = r->sent;
	struct dns_name name;
	uint16_t type, class;

	if (r->header.questions != 1)
		return DNS_REPLY_WRONG_QUESTION;
	if (!wire_get_name(&r->b, &name))
		return DNS_REPLY_MALFORMED;
	type = bytes_get16(&r->b);
	class = bytes_get16(&r->b);
	if (!bytes_ok(&r->b))
		return DNS_REPLY_MALFORMED;
	if (!dns_name_equal(&name, &sent->name) || type != sent->type ||
	    class != sent->class)
		return DNS_REPLY_WRONG_QUESTION;
	if (memcmp(name.wire, sent->name.wire, name.len) != 0)
		return DNS_REPLY_WRONG_CASE;
	return DNS_REPLY_OK;
}

/* False: it must not be here. */
static bool record_keep(struct reply *r, const struct wire_record *record)
{
	const uint32_t ttl = right_ttl(record->ttl);
	struct dns_answer *a = &r->answer;

	if (record->class != r->sent->class || record->type == DNS_TYPE_OPT)
		return false;
	r->ttls[a->ttl_count++] = (uint16_t)record->ttl_at;
	if (ttl < a->ttl_s)
		a->ttl_s = ttl;
	return true;
}

static bool answers_parse(struct reply *r)
{
	struct wire_record record;

	for (unsigned int i = 0; i < r->header.answers; i++) {
		if (!wire_get_record(&r->b, &record) ||
		    !record_keep(r, &record))
			return false;
		if (record.type == r->sent->type ||
		    r->sent->type == DNS_TYPE_ANY)
			r->has_type = true;
	}
	r->answer.answers = r->header.answers;
	return true;
}

static bool authority_parse(struct reply *r)
{
	struct wire_record record;
	const uint8_t *minimum;

	for (unsigned int i = 0; i < r->header.authority; i++) {
		if (!wire_get_record(&r->b, &record) ||
		    !record_keep(r, &record))
			return false;
		if (record.type != DNS_TYPE_SOA)
			continue;
		/* RFC 2308, 5: its last number, if its own TTL is no less. */
		minimum = r->b.start + record.data + record.len - 4;
		r->negative_ttl_s = right_ttl(load_be32(minimum));
		r->has_soa = true;
	}
	r->authority = r->header.authority;
	return true;
}

/* To the end, but what is kept ends before OPT: what follows it may have
 * pointers that its absence would make wrong. */
static bool additional_parse(struct reply *r)
{
	struct wire_record record;

	for (unsigned int i = 0; i < r->header.additional; i++) {
		if (!wire_get_record(&r->b, &record))
			return false;
		if (record.type == DNS_TYPE_OPT) {
			if (!opt_parse(r->b.start, &record, &r->opt))
				return false;
			r->answer.len = (uint16_t)record.owner;
		} else if (!r->opt.present) {
			if (!record_keep(r, &record))
				return false;
			r->additional++;
		}
	}
	if (!r->opt.present)
		r->answer.len = (uint16_t)bytes_done(&r->b);
	return true;
}

/* The message's copy, and the places of its TTLs behind it. */
static bool message_keep(struct reply *r)
{
	struct dns_answer *a = &r->answer;
	const size_t ttls_at = (a->len + 1u) & ~1u;
	uint8_t *m = malloc(ttls_at + a->ttl_count * sizeof(*a->ttls));

	if (m == NULL)
		return false;
	memcpy(m, r->b.start, a->len);
	memcpy(m + DNS_HEADER_LEN, r->name.wire, r->name.len);
	store_be16(m + WIRE_ANSWERS_AT, a->answers);
	store_be16(m + WIRE_AUTHORITY_AT, (uint16_t)r->authority);
	store_be16(m + WIRE_ADDITIONAL_AT, (uint16_t)r->additional);
	a->message = m;
	a->ttls = (uint16_t *)(void *)(m + ttls_at);
	memcpy(a->ttls, r->ttls, a->ttl_count * sizeof(*a->ttls));
	for (size_t i = 0; i < a->ttl_count; i++) {
		uint8_t *at = m + a->ttls[i];
		uint32_t ttl = right_ttl(load_be32(at));

		/* Nobody after us keeps it longer either. */
		if (a->negative && a->ttls[i] > a->authority_at &&
		    a->ttls[i] < a->additional_at && ttl > a->ttl_s)
			ttl = a->ttl_s;
		store_be32(at, ttl);
	}
	return true;
}

/* An error is kept as header and question alone, also if it came without. */
static bool error_keep(struct reply *r)
{
	struct dns_answer *a = &r->answer;
	const size_t len = DNS_HEADER_LEN + r->sent->name.len + 4u;
	struct bytes to;

	a->message = malloc(len);
	if (a->message == NULL)
		return false;
	to = bytes_over(a->message, len);
	bytes_put16(&to, r->header.id);
	bytes_put16(&to, r->header.flags);
	bytes_put16(&to, 1);
	bytes_put16(&to, 0);
	bytes_put32(&to, 0);
	bytes_put(&to, r->name.wire, r->name.len);
	bytes_put16(&to, r->sent->type);
	bytes_put16(&to, r->sent->class);
	a->len = a->authority_at = a->additional_at = (uint16_t)len;
	a->answers = a->ttl_count = 0;
	a->ttl_s = 0;
	return true;
}

static enum dns_reply_fault answer_keep(struct reply *r)
{
	struct dns_answer *a = &r->answer;

	a->rcode =
		(uint16_t)(r->opt.rcode << 4 | (r->header.flags & WIRE_RCODE));
	a->error = r->opt.present ? r->opt.error : DNS_ERROR_NONE;
	a->question_len = r->sent->name.len;
	if (r->sent->edns &&
	    (a->rcode == DNS_RCODE_BADVERS ||
	     (!r->opt.present &&
	      (a->rcode == DNS_RCODE_FORMERR || a->rcode == DNS_RCODE_NOTIMP))))
		return DNS_REPLY_NO_EDNS;
	if (a->rcode != DNS_RCODE_NOERROR && a->rcode != DNS_RCODE_NXDOMAIN)
		return error_keep(r) ? DNS_REPLY_OK : DNS_REPLY_NO_MEMORY;
	a->negative = a->rcode == DNS_RCODE_NXDOMAIN || !r->has_type;
	if (a->negative) {
		/* Without SOA nobody said how long: RFC 2308, 5. */
		if (!r->has_soa)
			a->ttl_s = 0;
		if (a->ttl_s > r->negative_ttl_s)
			a->ttl_s = r->negative_ttl_s;
		if (a->ttl_s > DNS_NEGATIVE_TTL_MAX_S)
			a->ttl_s = DNS_NEGATIVE_TTL_MAX_S;
	}
	return message_keep(r) ? DNS_REPLY_OK : DNS_REPLY_NO_MEMORY;
}

enum dns_reply_fault dns_answer_parse(const uint8_t *bytes, size_t len,
				      const struct dns_query *sent,
				      struct dns_answer *ret_answer)
{
	struct reply r;
	enum dns_reply_fault fault;

	/* All but the TTLs' places. */
	memset(&r, 0, offsetof(struct reply, ttls));
	r.b = bytes_read(bytes, len);
	r.sent = sent;
	r.name = sent->name;
	dns_name_lower(&r.name);
	r.answer.ttl_s = UINT32_MAX;
	r.header = get_header(&r.b);
	if (!bytes_ok(&r.b) || len > DNS_MESSAGE_MAX)
		return DNS_REPLY_MALFORMED;
	if (r.header.id != sent->id)
		return DNS_REPLY_WRONG_ID;
	if ((r.header.flags & (WIRE_QR | WIRE_OPCODE)) != WIRE_QR)
		return DNS_REPLY_MALFORMED;
	if (r.header.questions != 0 ||
	    (r.header.flags & WIRE_RCODE) != DNS_RCODE_FORMERR) {
		fault = question_parse(&r);
		if (fault != DNS_REPLY_OK)
			return fault;
		/* What was cut may end within a record. */
		if (r.header.flags & WIRE_TC)
			return DNS_REPLY_TRUNCATED;
	}
	if (!answers_parse(&r))
		return DNS_REPLY_MALFORMED;
	r.answer.authority_at = (uint16_t)bytes_done(&r.b);
	if (!authority_parse(&r))
		return DNS_REPLY_MALFORMED;
	r.answer.additional_at = (uint16_t)bytes_done(&r.b);
	if (!additional_parse(&r))
		return DNS_REPLY_MALFORMED;
	fault = answer_keep(&r);
	if (fault == DNS_REPLY_OK)
		*ret_answer = r.answer;
	return fault;
}

void dns_answer_fini(struct dns_answer *a)
{
	free(a->message);
	*a = (struct dns_answer) { .error = DNS_ERROR_NONE };
}

bool dns_answer_is_negative(const struct dns_answer *a)
{
	return a->negative;
}

bool dns_answer_address(const struct dns_answer *a, size_t *at,
			struct ip_addr *ret_addr)
{
	struct bytes b = bytes_read(a->message, a->authority_at);
	struct wire_record r;

	b.at += *at != 0 ? *at : DNS_HEADER_LEN + a->question_len + 4u;
	while (wire_get_record(&b, &r)) {
		if (r.type != DNS_TYPE_A && r.type != DNS_TYPE_AAAA)
			continue;
		*at = bytes_done(&b);
		*ret_addr = (struct ip_addr) {
			.family = r.type == DNS_TYPE_A ? AF_INET : AF_INET6,
		};
		memcpy(ret_addr->bytes, a->message + r.data, r.len);
		return true;
	}
	return false;
}

enum {
	SVCB_IPV4_HINT = 4,
	SVCB_IPV6_HINT = 6,
};

static bool any_hint(const uint8_t *list, size_t len, uint8_t family,
		     bool (*is_such)(const struct ip_addr *addr))
{
	struct ip_addr addr = { .family = family };
	size_t size = addr_size(&addr);

	for (size_t i = 0; i + size <= len; i += size) {
		memcpy(addr.bytes, list + i, size);
		if (is_such(&addr))
			return true;
	}
	return false;
}

/* Priority, target, and parameters: key, length, value. What is malformed is
 * the client's to refuse. */
static bool record_hints(const uint8_t *data, size_t len,
			 bool (*is_such)(const struct ip_addr *addr))
{
	struct bytes b = bytes_read(data, len);
	struct dns_name target;

	(void)bytes_get16(&b);
	(void)wire_get_name(&b, &target);
	while (bytes_ok(&b) && bytes_left(&b) > 0) {
		uint16_t key = bytes_get16(&b);
		size_t size = bytes_get16(&b);
		const uint8_t *value = bytes_take(&b, size);

		if (value == NULL)
			return false;
		if ((key == SVCB_IPV4_HINT &&
		     any_hint(value, size, AF_INET, is_such)) ||
		    (key == SVCB_IPV6_HINT &&
		     any_hint(value, size, AF_INET6, is_such)))
			return true;
	}
	return false;
}

bool dns_answer_hints(const struct dns_answer *a,
		      bool (*is_such)(const struct ip_addr *addr))
{
	struct bytes b = bytes_read(a->message, a->authority_at);
	struct wire_record r;

	b.at += DNS_HEADER_LEN + a->question_len + 4u;
	while (wire_get_record(&b, &r))
		if ((r.type == DNS_TYPE_HTTPS || r.type == DNS_TYPE_SVCB) &&
		    record_hints(a->message + r.data, r.len, is_such))
			return true;
	return false;
}
