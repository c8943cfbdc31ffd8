/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/envelope.h"

#include "tunnel/base/bytes.h"

/* DTLS 1.3 (RFC 9147, sections 4 and 5), as far as an honest wolfSSL 5.9.2
 * uses it. */
enum {
	CONTENT_ALERT = 21,
	CONTENT_HANDSHAKE = 22,
	CONTENT_ACK = 26,
	PLAIN_HEADER_LEN = 13,
	HANDSHAKE_HEADER_LEN = 12,
	HANDSHAKE_CLIENT_HELLO = 1,
	HANDSHAKE_SERVER_HELLO = 2,
	HELLO_MAX = 4096,
	/* Unified header with sequence number and length of 16 bits, without
	 * connection id; epochs 2 and 3. */
	UNIFIED_EPOCH2 = 0x2e,
	UNIFIED_EPOCH3 = 0x2f,
	UNIFIED_HEADER_LEN = 5,
	UNIFIED_BODY_MIN = 17,
};

size_t envelope_build(const uint8_t token[static ENVELOPE_TOKEN_LEN],
		      const uint8_t *dtls, size_t dtls_len, size_t min,
		      uint8_t *out)
{
	size_t len = ENVELOPE_HEADER_LEN + dtls_len;
	size_t padding = len < min ? min - len : 0;

	if (len + padding > ENVELOPE_MAX)
		return 0;
	out[0] = ENVELOPE_TYPE;
	out[1] = 0;
	store_be16(out + 2, (uint16_t)padding);
	memcpy(out + 4, token, ENVELOPE_TOKEN_LEN);
	memcpy(out + ENVELOPE_HEADER_LEN, dtls, dtls_len);
	memset(out + len, 0, padding);
	return len + padding;
}

bool envelope_parse(const uint8_t *datagram, size_t len, struct envelope *ret)
{
	size_t padding;

	if (len <= ENVELOPE_HEADER_LEN || len > ENVELOPE_MAX ||
	    datagram[0] != ENVELOPE_TYPE)
		return false;
	padding = load_be16(datagram + 2);
	if (padding >= len - ENVELOPE_HEADER_LEN)
		return false;
	memcpy(ret->token, datagram + 4, ENVELOPE_TOKEN_LEN);
	ret->dtls = datagram + ENVELOPE_HEADER_LEN;
	ret->dtls_len = len - ENVELOPE_HEADER_LEN - padding;
	return true;
}

/* A fragment of the one handshake message that is sent in plaintext. */
static bool hello_fragment(enum envelope_side side, const uint8_t *body,
			   size_t len)
{
	uint8_t wanted = side == ENVELOPE_TO_GATEWAY ? HANDSHAKE_CLIENT_HELLO
						     : HANDSHAKE_SERVER_HELLO;
	uint32_t total, offset, fragment;

	if (len <= HANDSHAKE_HEADER_LEN)
		return false;
	total = load_be24(body + 1);
	offset = load_be24(body + 6);
	fragment = load_be24(body + 9);
	return body[0] == wanted && total <= HELLO_MAX &&
	       load_be16(body + 4) <= 1 &&
	       fragment == len - HANDSHAKE_HEADER_LEN &&
	       offset + fragment <= total;
}

/* The length of the record at `p`, header included; 0 to refuse it. */
static size_t record_filter(enum envelope_side side, const uint8_t *p,
			    size_t left, uint8_t *ret_alert)
{
	size_t body;

	if (p[0] == UNIFIED_EPOCH2 || p[0] == UNIFIED_EPOCH3) {
		if (left < UNIFIED_HEADER_LEN)
			return 0;
		body = load_be16(p + 3);
		if (body < UNIFIED_BODY_MIN || body > left - UNIFIED_HEADER_LEN)
			return 0;
		return UNIFIED_HEADER_LEN + body;
	}
	/* Version fe fd and epoch 0: the only plaintext there is. */
	if (left < PLAIN_HEADER_LEN || p[1] != 0xfe || p[2] != 0xfd ||
	    load_be16(p + 3) != 0)
		return 0;
	body = load_be16(p + 11);
	if (body < 1 || body > left - PLAIN_HEADER_LEN)
		return 0;
	if (p[0] == CONTENT_ALERT && body == 2)
		*ret_alert = p[PLAIN_HEADER_LEN + 1];
	/* A plaintext ACK only hurries a retransmission; forged, it breaks the
	 * handshake at any time. */
	if (p[0] != CONTENT_HANDSHAKE ||
	    !hello_fragment(side, p + PLAIN_HEADER_LEN, body))
		return 0;
	return PLAIN_HEADER_LEN + body;
}

bool envelope_filter(enum envelope_side side, const uint8_t *dtls, size_t len,
		     uint8_t *ret_alert)
{
	*ret_alert = 0;
	if (len == 0)
		return false;
	for (size_t at = 0; at < len;) {
		size_t n = record_filter(side, dtls + at, len - at, ret_alert);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

bool envelope_is_hello(const uint8_t *dtls, size_t len)
{
	uint8_t alert = 0;

	return len > 0 && dtls[0] == CONTENT_HANDSHAKE &&
	       record_filter(ENVELOPE_TO_GATEWAY, dtls, len, &alert) == len;
}
