/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "crypto/keys.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <wolfssl/wolfcrypt/hmac.h>

#include "crypto/secret.h"
#include "tunnel/base/bytes.h"

enum {
	LABEL_MAX = 32,
};

/* No epoch: counters end before it. */
#define EPOCH_NONE UINT64_MAX

int keys_expand(const uint8_t secret[static KEYS_SECRET_LEN], const char *label,
		const uint8_t *suffix, size_t suffix_len, uint8_t *out,
		size_t len)
{
	uint8_t info[LABEL_MAX];
	size_t n = strlen(label);

	assert(n + suffix_len <= sizeof(info));
	memcpy(info, label, n);
	if (suffix_len > 0)
		memcpy(info + n, suffix, suffix_len);
	if (wc_HKDF_Expand(WC_SHA256, secret, KEYS_SECRET_LEN, info,
			   (word32)(n + suffix_len), out, (word32)len) != 0)
		return -EIO;
	return 0;
}

void keys_init(struct keys *k, const struct aead_algorithm *algorithm,
	       const uint8_t secret[static KEYS_SECRET_LEN])
{
	k->algorithm = algorithm;
	k->shift = KEYS_EPOCH_SHIFT;
	k->max_failures = algorithm->max_failures;
	memcpy(k->secret, secret, KEYS_SECRET_LEN);
}

void keys_fini(struct keys *k)
{
	secret_wipe(k, sizeof(*k));
}

int keys_confirm(const struct keys *k, const uint8_t digest[static 32],
		 uint32_t index, uint8_t ret_proof[static KEYS_PROOF_LEN])
{
	uint8_t key[KEYS_SECRET_LEN], tail[4];
	Hmac hmac;
	int r;

	r = keys_expand(k->secret, "adit1 confirm", NULL, 0, key, sizeof(key));
	if (r < 0)
		return r;
	store_be32(tail, index);
	r = wc_HmacInit(&hmac, NULL, INVALID_DEVID);
	if (r == 0)
		r = wc_HmacSetKey(&hmac, WC_SHA256, key, sizeof(key));
	if (r == 0)
		r = wc_HmacUpdate(&hmac, digest, 32);
	if (r == 0)
		r = wc_HmacUpdate(&hmac, tail, sizeof(tail));
	if (r == 0)
		r = wc_HmacFinal(&hmac, ret_proof);
	wc_HmacFree(&hmac);
	secret_wipe(key, sizeof(key));
	return r == 0 ? 0 : -EIO;
}

int keys_bind(const struct keys *k, uint8_t ret_bind[static KEYS_SECRET_LEN])
{
	return keys_expand(k->secret, "adit1 bind", NULL, 0, ret_bind,
			   KEYS_SECRET_LEN);
}

/* L(direction, lane, 0) */
static int chain_start(const struct keys *k, enum keys_direction direction,
		       uint8_t lane, uint8_t *ret_chain)
{
	uint8_t suffix[2] = { (uint8_t)direction, lane };

	return keys_expand(k->secret, "adit1 lane", suffix, sizeof(suffix),
			   ret_chain, KEYS_SECRET_LEN);
}

/* The key and iv of the epoch at which the chain stands, and the chain's step
 * to the next one. */
static int chain_step(uint8_t *chain, uint8_t *ret_key, uint8_t *ret_iv)
{
	uint8_t next[KEYS_SECRET_LEN];
	int r;

	r = keys_expand(chain, "adit1 key", NULL, 0, ret_key, AEAD_KEY_LEN);
	if (r < 0)
		return r;
	r = keys_expand(chain, "adit1 iv", NULL, 0, ret_iv, AEAD_NONCE_LEN);
	if (r < 0)
		return r;
	r = keys_expand(chain, "adit1 next", NULL, 0, next, sizeof(next));
	if (r < 0)
		return r;
	memcpy(chain, next, KEYS_SECRET_LEN);
	secret_wipe(next, sizeof(next));
	return 0;
}

static void nonce_build(const uint8_t *iv, uint64_t counter, uint8_t *ret_nonce)
{
	memcpy(ret_nonce, iv, AEAD_NONCE_LEN);
	store_be64(ret_nonce + 4, load_be64(iv + 4) ^ counter);
}

/* Puts the key at which the chain stands into tx->aead. */
static int tx_load(struct keys_tx *tx, const struct aead_algorithm *algorithm)
{
	uint8_t key[AEAD_KEY_LEN];
	int r;

	r = chain_step(tx->chain, key, tx->iv);
	if (r == 0)
		r = aead_init(&tx->aead, algorithm, key);
	secret_wipe(key, sizeof(key));
	return r;
}

int keys_seed_init(struct keys_seed *s, const struct keys *k, uint8_t lane)
{
	int r = 0;

	s->algorithm = k->algorithm;
	s->shift = k->shift;
	s->max_failures = k->max_failures;
	for (int d = 0; r == 0 && d < 2; d++)
		r = chain_start(k, d, lane, s->chain[d]);
	if (r < 0)
		keys_seed_fini(s);
	return r;
}

void keys_seed_fini(struct keys_seed *s)
{
	secret_wipe(s->chain, sizeof(s->chain));
}

int keys_tx_grow(struct keys_tx *tx, const struct keys_seed *s,
		 enum keys_direction direction)
{
	int r;

	memset(tx, 0, sizeof(*tx));
	tx->shift = s->shift;
	memcpy(tx->chain, s->chain[direction], sizeof(tx->chain));
	r = tx_load(tx, s->algorithm);
	if (r < 0)
		keys_tx_fini(tx);
	return r;
}

int keys_tx_init(struct keys_tx *tx, const struct keys *k,
		 enum keys_direction direction, uint8_t lane)
{
	struct keys_seed s;
	int r = keys_seed_init(&s, k, lane);

	if (r == 0)
		r = keys_tx_grow(tx, &s, direction);
	keys_seed_fini(&s);
	return r;
}

void keys_tx_fini(struct keys_tx *tx)
{
	aead_fini(&tx->aead);
	secret_wipe(tx, sizeof(*tx));
}

bool keys_tx_next(struct keys_tx *tx, uint64_t *ret_counter,
		  uint8_t ret_nonce[static AEAD_NONCE_LEN])
{
	uint64_t counter = tx->counter;

	if (counter >= KEYS_COUNTER_MAX)
		return false;
	/* Counters go up by one, so the epoch does too. */
	if (counter >> tx->shift != tx->epoch) {
		if (tx_load(tx, tx->aead.algorithm) < 0)
			return false;
		tx->epoch++;
	}
	nonce_build(tx->iv, counter, ret_nonce);
	*ret_counter = counter;
	tx->counter = counter + 1;
	return true;
}

/* Derives the frontier's epoch. */
static int rx_derive(struct keys_rx *rx)
{
	struct keys_slot *s = &rx->slot[rx->frontier % KEYS_EPOCH_SLOTS];
	int r;

	r = chain_step(rx->chain, s->key, s->iv);
	if (r == 0)
		rx->frontier++;
	return r;
}

int keys_rx_grow(struct keys_rx *rx, const struct keys_seed *s,
		 enum keys_direction direction)
{
	int r;

	memset(rx, 0, sizeof(*rx));
	rx->algorithm = s->algorithm;
	rx->shift = s->shift;
	rx->max_failures = s->max_failures;
	for (size_t i = 0; i < KEYS_EXPANDED; i++)
		rx->expanded[i].epoch = EPOCH_NONE;
	memcpy(rx->chain, s->chain[direction], sizeof(rx->chain));
	r = rx_derive(rx);
	if (r < 0)
		keys_rx_fini(rx);
	return r;
}

int keys_rx_init(struct keys_rx *rx, const struct keys *k,
		 enum keys_direction direction, uint8_t lane)
{
	struct keys_seed s;
	int r = keys_seed_init(&s, k, lane);

	if (r == 0)
		r = keys_rx_grow(rx, &s, direction);
	keys_seed_fini(&s);
	return r;
}

void keys_rx_fini(struct keys_rx *rx)
{
	secret_wipe(rx, sizeof(*rx));
}

struct aead *keys_rx_find(struct keys_rx *rx, uint64_t counter,
			  uint8_t ret_nonce[static AEAD_NONCE_LEN])
{
	uint64_t epoch = counter >> rx->shift;
	struct keys_expanded *x = &rx->expanded[epoch % KEYS_EXPANDED];
	const struct keys_slot *s = &rx->slot[epoch % KEYS_EPOCH_SLOTS];

	if (epoch + 1 < rx->current || epoch > rx->current + KEYS_EPOCHS_AHEAD)
		return NULL;
	while (rx->frontier <= epoch)
		if (rx_derive(rx) < 0)
			return NULL;
	if (x->epoch != epoch) {
		x->epoch = EPOCH_NONE;
		if (aead_init(&x->aead, rx->algorithm, s->key) < 0)
			return NULL;
		x->epoch = epoch;
	}
	nonce_build(s->iv, counter, ret_nonce);
	return &x->aead;
}

/* Old epochs cannot be computed again: the chain is at the frontier, and what
 * lies before the previous epoch goes now. */
static void rx_forget(struct keys_rx *rx, uint64_t from, uint64_t to)
{
	for (uint64_t e = from; e < to; e++)
		secret_wipe(&rx->slot[e % KEYS_EPOCH_SLOTS],
			    sizeof(rx->slot[0]));
	for (size_t i = 0; i < KEYS_EXPANDED; i++) {
		struct keys_expanded *x = &rx->expanded[i];

		if (x->epoch < to) {
			aead_fini(&x->aead);
			x->epoch = EPOCH_NONE;
		}
	}
}

void keys_rx_authenticated(struct keys_rx *rx, uint64_t counter)
{
	uint64_t epoch = counter >> rx->shift;

	if (epoch <= rx->current)
		return;
	rx_forget(rx, rx->current == 0 ? 0 : rx->current - 1, epoch - 1);
	rx->current = epoch;
	rx->failures = 0;
}
