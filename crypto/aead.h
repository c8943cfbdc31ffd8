/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Authenticated encryption of one record. One table of algorithms; an object
 * is bound to one of them and to one key, so that the packet path has one
 * indirect call and no choice. Objects are embedded and not shared between
 * threads: one for each direction, lane and epoch.
 *
 *   1. aead_init(&a, &aead_aes256gcm, key)
 *   2. aead_seal(&a, nonce, ...) with a nonce that never comes twice
 *   3. aead_fini(&a) wipes the key
 *
 * AES-256-GCM: NIST SP 800-38D. ChaCha20-Poly1305: RFC 8439. wolfCrypt has
 * both everywhere; another library may be faster (aead_by_name).
 */
#ifndef ADIT_CRYPTO_AEAD_H
#define ADIT_CRYPTO_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/attr.h"

enum {
	AEAD_KEY_LEN = 32,
	AEAD_NONCE_LEN = 12,
	AEAD_TAG_LEN = 16,
	AEAD_STATE_SIZE = 1024,
};

struct aead_algorithm {
	const char *name;    /* as in a profile: "AES-256-GCM" */
	const char *library; /* whose code it is: "wolfCrypt" */
	/* Forgeries tried under one key before it must go: the confidentiality
	 * limit is far above what an epoch holds (PROTOCOL.md, Keys). */
	uint64_t max_failures;

	/* All slots are mandatory. init: 0 or -errno. */
	int (*init)(void *state, const uint8_t key[static AEAD_KEY_LEN]);
	void (*seal)(void *state, const uint8_t nonce[static AEAD_NONCE_LEN],
		     const uint8_t *aad, size_t aad_len, const uint8_t *in,
		     size_t len, uint8_t *out);
	bool (*open)(void *state, const uint8_t nonce[static AEAD_NONCE_LEN],
		     const uint8_t *aad, size_t aad_len, const uint8_t *in,
		     size_t len, uint8_t *out);
};

extern const struct aead_algorithm aead_aes256gcm;
extern const struct aead_algorithm aead_chacha20poly1305;

struct aead {
	const struct aead_algorithm *algorithm; /* NULL: no key */
	_Alignas(64) uint8_t state[AEAD_STATE_SIZE];
};

/* By the profile's name, the fastest that this machine has: all libraries give
 * the same bytes. With ADIT_AEAD=wolfcrypt in the environment only wolfCrypt's
 * are there. NULL if there is none. */
const struct aead_algorithm *aead_by_name(const char *name);

int aead_init(struct aead *a, const struct aead_algorithm *algorithm,
	      const uint8_t key[static AEAD_KEY_LEN]) ATTR_MUST_CHECK;
/* Wipes. Takes an object that is zeroed or finished already. */
void aead_fini(struct aead *a);

/* Writes len + AEAD_TAG_LEN bytes to out, which is `in` or does not overlap it.
 * AES-256-GCM may also write to before `in`, however near; wolfCrypt's ChaCha20
 * reads a part twice, and gives garbage there. */
static inline void aead_seal(struct aead *a,
			     const uint8_t nonce[static AEAD_NONCE_LEN],
			     const uint8_t *aad, size_t aad_len,
			     const uint8_t *in, size_t len, uint8_t *out)
{
	a->algorithm->seal(a->state, nonce, aad, aad_len, in, len, out);
}

/* len: ciphertext and tag, at least AEAD_TAG_LEN. Writes len - AEAD_TAG_LEN
 * bytes to out, for which the same holds. True: authentic. False: what stands
 * in `out` is not authentic and must not be used (deciphered bytes are left
 * there). */
static inline bool aead_open(struct aead *a,
			     const uint8_t nonce[static AEAD_NONCE_LEN],
			     const uint8_t *aad, size_t aad_len,
			     const uint8_t *in, size_t len, uint8_t *out)
{
	return a->algorithm->open(a->state, nonce, aad, aad_len, in, len, out);
}

#endif
