/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The key schedule (PROTOCOL.md, "Keys"): one secret from the handshake's
 * exporter becomes a chain of keys for each direction and lane, and the epoch
 * is a function of the record's counter, so that nothing is signalled.
 *
 *   1. keys_init(&k, algorithm, S), at both ends, and S is wiped there
 *   2. keys_tx_init / keys_rx_init for each lane that is used; or
 * keys_seed_init for one that may be used later, from which keys_tx_grow /
 * keys_rx_grow make the same without S
 *   3. keys_fini(&k)
 *
 * A struct keys_tx or keys_rx belongs to one thread. It derives the next
 * epoch's key by itself when a record needs it: two microseconds once in
 * 2^24 records, which is cheaper than telling another thread.
 */
#ifndef ADIT_CRYPTO_KEYS_H
#define ADIT_CRYPTO_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/aead.h"
#include "tunnel/base/attr.h"

enum {
	KEYS_SECRET_LEN = 32,
	KEYS_PROOF_LEN = 32,
	KEYS_EPOCH_SHIFT = 24, /* records in an epoch, as a power of two */
	KEYS_EPOCHS_AHEAD = 8, /* later epochs that a receiver tries */
	KEYS_EPOCH_SLOTS = KEYS_EPOCHS_AHEAD + 2,
	KEYS_EXPANDED = 3, /* epochs whose cipher state is kept */
};

/* Counters end here; a fresh handshake comes long before. */
#define KEYS_COUNTER_MAX (1ULL << 48)

enum keys_direction {
	KEYS_CLIENT_TO_GATEWAY = 0,
	KEYS_GATEWAY_TO_CLIENT = 1,
};

struct keys {
	const struct aead_algorithm *algorithm;
	uint8_t shift;	       /* KEYS_EPOCH_SHIFT; tests take a smaller one */
	uint64_t max_failures; /* the algorithm's; tests take fewer */
	uint8_t secret[KEYS_SECRET_LEN];
};

/* What both ends of a lane are made of: a hundred bytes, where they take six
 * thousand. */
struct keys_seed {
	const struct aead_algorithm *algorithm; /* NULL: there is none */
	uint8_t shift;
	uint64_t max_failures;
	uint8_t chain[2][KEYS_SECRET_LEN]; /* L of epoch 0, by direction */
};

/* The sending end of a lane. */
struct keys_tx {
	uint64_t counter; /* of the next record */
	uint64_t epoch;	  /* of `aead` */
	uint8_t shift;
	uint8_t iv[AEAD_NONCE_LEN];
	uint8_t chain[KEYS_SECRET_LEN]; /* L of epoch + 1 */
	struct aead aead;
};

/* The receiving end of a lane, without its replay window. */
struct keys_rx {
	const struct aead_algorithm *algorithm;
	uint8_t shift;
	uint64_t current;  /* newest epoch that has authenticated */
	uint64_t frontier; /* first epoch that is not derived */
	uint8_t chain[KEYS_SECRET_LEN]; /* L of the frontier */
	uint64_t failures;		/* openings that failed in this epoch */
	uint64_t max_failures;
	/* Epochs current - 1 to frontier - 1, at epoch % KEYS_EPOCH_SLOTS. */
	struct keys_slot {
		uint8_t key[AEAD_KEY_LEN];
		uint8_t iv[AEAD_NONCE_LEN];
	} slot[KEYS_EPOCH_SLOTS];
	/* Cipher states, at epoch % KEYS_EXPANDED; made anew when missing. */
	struct keys_expanded {
		uint64_t epoch;
		struct aead aead;
	} expanded[KEYS_EXPANDED];
};

/* Copies `secret`; the caller wipes its own. */
void keys_init(struct keys *k, const struct aead_algorithm *algorithm,
	       const uint8_t secret[static KEYS_SECRET_LEN]);
void keys_fini(struct keys *k);

/* confirm = HMAC-SHA-256(Expand(S, "adit1 confirm"), digest | index):
 * binds the client's certificate to these keys. 0 or -errno. */
int keys_confirm(const struct keys *k, const uint8_t digest[static 32],
		 uint32_t index,
		 uint8_t ret_proof[static KEYS_PROOF_LEN]) ATTR_MUST_CHECK;
/* bind = Expand(S, "adit1 bind"): what the next handshake proves with. */
int keys_bind(const struct keys *k,
	      uint8_t ret_bind[static KEYS_SECRET_LEN]) ATTR_MUST_CHECK;

int keys_seed_init(struct keys_seed *s, const struct keys *k,
		   uint8_t lane) ATTR_MUST_CHECK;
/* Wipes the secrets; should be called as soon as both ends are made, so that
 * nobody can make the keys of past epochs again. */
void keys_seed_fini(struct keys_seed *s);

int keys_tx_init(struct keys_tx *tx, const struct keys *k,
		 enum keys_direction direction, uint8_t lane) ATTR_MUST_CHECK;
int keys_tx_grow(struct keys_tx *tx, const struct keys_seed *s,
		 enum keys_direction direction) ATTR_MUST_CHECK;
void keys_tx_fini(struct keys_tx *tx);
/* Takes the next counter, moves to its epoch, and builds its nonce. False
 * when the lane's counters are used up. */
bool keys_tx_next(struct keys_tx *tx, uint64_t *ret_counter,
		  uint8_t ret_nonce[static AEAD_NONCE_LEN]) ATTR_MUST_CHECK;

int keys_rx_init(struct keys_rx *rx, const struct keys *k,
		 enum keys_direction direction, uint8_t lane) ATTR_MUST_CHECK;
int keys_rx_grow(struct keys_rx *rx, const struct keys_seed *s,
		 enum keys_direction direction) ATTR_MUST_CHECK;
void keys_rx_fini(struct keys_rx *rx);
/* The cipher state and nonce for a counter; NULL when its epoch is too old
 * or too far ahead, in which case nothing was derived. */
struct aead *keys_rx_find(struct keys_rx *rx, uint64_t counter,
			  uint8_t ret_nonce[static AEAD_NONCE_LEN]);
/* Should be called after a record with this counter has authenticated. */
void keys_rx_authenticated(struct keys_rx *rx, uint64_t counter);

/* One step of the schedule, for the vectors of PROTOCOL.md:
 * out = HKDF-Expand(secret, label | suffix, len), RFC 5869, SHA-256. */
int keys_expand(const uint8_t secret[static KEYS_SECRET_LEN], const char *label,
		const uint8_t *suffix, size_t suffix_len, uint8_t *out,
		size_t len) ATTR_MUST_CHECK;

/* Have so many openings failed that the session must end (PROTOCOL.md, section
 * 4)? `failures` as its thread has counted them; any thread may ask. */
static inline bool keys_worn_out(uint64_t max_failures, uint64_t failures)
{
	return failures > 0 && failures >= max_failures;
}

#endif
