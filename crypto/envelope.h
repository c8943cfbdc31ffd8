/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Handshake datagrams: our own outer header with the client's token, and the
 * filter that stands before wolfSSL at both ends (PROTOCOL.md, "Handshake
 * datagrams"). Pure; any thread.
 *
 *    0      1      2             4                       12
 *   +------+------+-------------+-----------------------+--------+---------+
 *   | 0xA0 |  0   | padding (2) | token (8)             | DTLS.. | zeros.. |
 *   +------+------+-------------+-----------------------+--------+---------+
 */
#ifndef ADIT_CRYPTO_ENVELOPE_H
#define ADIT_CRYPTO_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ENVELOPE_TYPE = 0xA0,
	ENVELOPE_HEADER_LEN = 12,
	ENVELOPE_TOKEN_LEN = 8,
	/* UDP payload of a handshake datagram, header and padding included. */
	ENVELOPE_MAX = 1200,
	/* A datagram without a known token is looked at only from this length
	 * on, so that no answer is longer than its question. */
	ENVELOPE_STRANGER_MIN = 256,
};

enum envelope_side {
	ENVELOPE_TO_GATEWAY,
	ENVELOPE_TO_CLIENT,
};

struct envelope {
	uint8_t token[ENVELOPE_TOKEN_LEN];
	const uint8_t *dtls;
	size_t dtls_len;
};

/* Builds a datagram of at least `min` bytes (zero padding) in `out`, which
 * holds ENVELOPE_MAX. Returns its length, or 0 if dtls_len does not fit. */
size_t envelope_build(const uint8_t token[static ENVELOPE_TOKEN_LEN],
		      const uint8_t *dtls, size_t dtls_len, size_t min,
		      uint8_t *out);
/* False: not one of ours. `ret` points into the datagram. */
bool envelope_parse(const uint8_t *datagram, size_t len, struct envelope *ret);

/* May this DTLS datagram go to wolfSSL? Every record in it must be one that an
 * honest end sends; alerts in plaintext never are (their code goes to
 * `ret_alert`, as a hint for an error text, else 0). */
bool envelope_filter(enum envelope_side side, const uint8_t *dtls, size_t len,
		     uint8_t *ret_alert);
/* Exactly one plaintext record with the start of a ClientHello: all that a
 * stranger may send. */
bool envelope_is_hello(const uint8_t *dtls, size_t len);

#endif
