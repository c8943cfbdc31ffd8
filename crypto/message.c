/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/message.h"

#include <errno.h>
#include <string.h>

int message_next(struct bytes *run, struct message *ret)
{
	uint8_t type;
	size_t len;
	const uint8_t *body;

	if (bytes_left(run) == 0)
		return bytes_ok(run) ? 0 : -EBADMSG;
	type = bytes_get8(run);
	if (type == MESSAGE_PADDING)
		return 0;
	len = bytes_get16(run);
	body = bytes_take(run, len);
	if (body == NULL)
		return -EBADMSG;
	*ret = (struct message) { .type = type, .body = body, .len = len };
	return 1;
}

void message_put(struct bytes *run, enum message_type type, const void *body,
		 size_t len)
{
	bytes_put8(run, (uint8_t)type);
	bytes_put16(run, (uint16_t)len);
	bytes_put(run, body, len);
}

/*
 * HELLO: confirm (32), lanes wanted (1), families (1), largest inner MTU (2),
 * parts of the lease that are here (12, bit i of byte i/8: part i), options as
 * TLV (type 16 bits, length 16 bits; none are defined but REPLACES, type 1).
 */
void message_put_hello(struct bytes *run, const struct message_hello *h)
{
	uint8_t body[KEYS_PROOF_LEN + 4 + sizeof(h->have)];
	struct bytes b = bytes_over(body, sizeof(body));

	bytes_put(&b, h->confirm, sizeof(h->confirm));
	bytes_put8(&b, h->lanes);
	bytes_put8(&b, h->families);
	bytes_put16(&b, h->mtu);
	bytes_put(&b, h->have, sizeof(h->have));
	message_put(run, MESSAGE_HELLO, body, sizeof(body));
}

int message_parse_hello(const struct message *m, struct message_hello *ret)
{
	struct bytes b = bytes_read(m->body, m->len);
	struct message_hello h;

	bytes_get(&b, h.confirm, sizeof(h.confirm));
	h.lanes = bytes_get8(&b);
	h.families = bytes_get8(&b);
	h.mtu = bytes_get16(&b);
	bytes_get(&b, h.have, sizeof(h.have));
	if (!bytes_ok(&b) || h.lanes == 0)
		return -EBADMSG;
	*ret = h;
	return 0;
}

/* REFUSE and BYE: reason (2), retry after seconds (2), text. */
void message_put_ending(struct bytes *run, enum message_type type,
			uint16_t reason, uint16_t retry_s, const char *text)
{
	size_t len = strnlen(text, MESSAGE_TEXT_MAX);

	bytes_put8(run, (uint8_t)type);
	bytes_put16(run, (uint16_t)(4 + len));
	bytes_put16(run, reason);
	bytes_put16(run, retry_s);
	bytes_put(run, text, len);
}

int message_parse_ending(const struct message *m, struct message_refuse *ret)
{
	struct bytes b = bytes_read(m->body, m->len);
	struct message_refuse r = { 0 };
	size_t len;

	r.reason = bytes_get16(&b);
	r.retry_s = bytes_get16(&b);
	len = bytes_left(&b);
	if (!bytes_ok(&b) || len > MESSAGE_TEXT_MAX)
		return -EBADMSG;
	bytes_get(&b, r.text, len);
	/* It goes to terminals and logs: plain printable ASCII is let through,
	 * the rest is shown as a question mark. */
	for (size_t i = 0; i < len; i++)
		if (r.text[i] < 0x20 || r.text[i] == 0x7f)
			r.text[i] = '?';
	*ret = r;
	return 0;
}

/* REPORT: records received, by place (3 x 8), and sent, likewise. */
void message_put_report(struct bytes *run, const struct message_report *r)
{
	uint8_t body[2 * RECORD_PLACES * sizeof(uint64_t)];
	struct bytes b = bytes_over(body, sizeof(body));

	for (int i = 0; i < RECORD_PLACES; i++)
		bytes_put64(&b, r->received.of[i]);
	for (int i = 0; i < RECORD_PLACES; i++)
		bytes_put64(&b, r->sent.of[i]);
	message_put(run, MESSAGE_REPORT, body, sizeof(body));
}

int message_parse_report(const struct message *m, struct message_report *ret)
{
	struct bytes b = bytes_read(m->body, m->len);
	struct message_report r;

	for (int i = 0; i < RECORD_PLACES; i++)
		r.received.of[i] = bytes_get64(&b);
	for (int i = 0; i < RECORD_PLACES; i++)
		r.sent.of[i] = bytes_get64(&b);
	if (!bytes_ok(&b))
		return -EBADMSG;
	*ret = r;
	return 0;
}
