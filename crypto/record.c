/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/record.h"

#include "tunnel/base/bytes.h"

enum record_verdict record_parse(const uint8_t *record, size_t len,
				 struct record_header *ret_header)
{
	if (len < RECORD_OVERHEAD)
		return RECORD_SHORT;
	if (record[0] != RECORD_TYPE)
		return RECORD_FOREIGN;
	ret_header->lane = record[1];
	ret_header->flags = record[2];
	ret_header->index = load_be32(record + 4);
	ret_header->counter = load_be64(record + 8);
	return RECORD_OK;
}

size_t record_seal(struct keys_tx *tx, uint32_t index, uint8_t lane,
		   uint8_t flags, const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t nonce[AEAD_NONCE_LEN], header[RECORD_HEADER_LEN];
	uint64_t counter;

	if (!keys_tx_next(tx, &counter, nonce))
		return 0;
	header[0] = RECORD_TYPE;
	header[1] = lane;
	header[2] = flags;
	header[3] = 0;
	store_be32(header + 4, index);
	store_be64(header + 8, counter);
	/* The header goes out last: input may still stand where it lands. */
	aead_seal(&tx->aead, nonce, header, sizeof(header), in, len,
		  out + RECORD_HEADER_LEN);
	memcpy(out, header, sizeof(header));
	return len + RECORD_OVERHEAD;
}

enum record_verdict record_open(struct record_rx *rx,
				const struct record_header *h,
				const uint8_t *record, size_t len, uint8_t *out)
{
	uint8_t nonce[AEAD_NONCE_LEN];
	struct aead *a;

	a = keys_rx_find(&rx->keys, h->counter, nonce);
	if (a == NULL)
		return h->counter >> rx->keys.shift < rx->keys.current
			       ? RECORD_OLD
			       : RECORD_EPOCH;
	if (!aead_open(a, nonce, record, RECORD_HEADER_LEN,
		       record + RECORD_HEADER_LEN, len - RECORD_HEADER_LEN,
		       out)) {
		rx->keys.failures++;
		return RECORD_FORGED;
	}
	keys_rx_authenticated(&rx->keys, h->counter);
	if (!replay_accept(&rx->replay, h->counter))
		return replay_is_past(&rx->replay, h->counter)
			       ? RECORD_OLD
			       : RECORD_REPLAYED;
	return RECORD_OK;
}
