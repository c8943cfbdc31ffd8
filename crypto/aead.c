/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "crypto/aead.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>

#include "crypto/aead_ipsec_mb.h"
#include "crypto/secret.h"

static_assert(sizeof(Aes) <= AEAD_STATE_SIZE, "AEAD_STATE_SIZE is too small");

static int aes256gcm_init(void *state, const uint8_t key[static AEAD_KEY_LEN])
{
	Aes *aes = state;

	if (wc_AesInit(aes, NULL, INVALID_DEVID) != 0)
		return -ENOMEM;
	if (wc_AesGcmSetKey(aes, key, AEAD_KEY_LEN) != 0)
		return -EINVAL;
	return 0;
}

static void aes256gcm_seal(void *state,
			   const uint8_t nonce[static AEAD_NONCE_LEN],
			   const uint8_t *aad, size_t aad_len,
			   const uint8_t *in, size_t len, uint8_t *out)
{
	int r = wc_AesGcmEncrypt(state, out, in, (word32)len, nonce,
				 AEAD_NONCE_LEN, out + len, AEAD_TAG_LEN, aad,
				 (word32)aad_len);

	/* It fails only for arguments that this table cannot make. */
	assert(r == 0);
}

static bool aes256gcm_open(void *state,
			   const uint8_t nonce[static AEAD_NONCE_LEN],
			   const uint8_t *aad, size_t aad_len,
			   const uint8_t *in, size_t len, uint8_t *out)
{
	size_t plain = len - AEAD_TAG_LEN;

	return wc_AesGcmDecrypt(state, out, in, (word32)plain, nonce,
				AEAD_NONCE_LEN, in + plain, AEAD_TAG_LEN, aad,
				(word32)aad_len) == 0;
}

/* wolfCrypt's one-shot calls take the key itself, so the state is the key. */
static int chacha_init(void *state, const uint8_t key[static AEAD_KEY_LEN])
{
	memcpy(state, key, AEAD_KEY_LEN);
	return 0;
}

static void chacha_seal(void *state, const uint8_t nonce[static AEAD_NONCE_LEN],
			const uint8_t *aad, size_t aad_len, const uint8_t *in,
			size_t len, uint8_t *out)
{
	int r = wc_ChaCha20Poly1305_Encrypt(state, nonce, aad, (word32)aad_len,
					    in, (word32)len, out, out + len);

	assert(r == 0);
}

static bool chacha_open(void *state, const uint8_t nonce[static AEAD_NONCE_LEN],
			const uint8_t *aad, size_t aad_len, const uint8_t *in,
			size_t len, uint8_t *out)
{
	size_t plain = len - AEAD_TAG_LEN;

	return wc_ChaCha20Poly1305_Decrypt(state, nonce, aad, (word32)aad_len,
					   in, (word32)plain, in + plain,
					   out) == 0;
}

const struct aead_algorithm aead_aes256gcm = {
	.name = "AES-256-GCM",
	.library = "wolfCrypt",
	.max_failures = 1ULL << 52,
	.init = aes256gcm_init,
	.seal = aes256gcm_seal,
	.open = aes256gcm_open,
};

const struct aead_algorithm aead_chacha20poly1305 = {
	.name = "ChaCha20-Poly1305",
	.library = "wolfCrypt",
	.max_failures = 1ULL << 36,
	.init = chacha_init,
	.seal = chacha_seal,
	.open = chacha_open,
};

const struct aead_algorithm *aead_by_name(const char *name)
{
	const char *only = getenv("ADIT_AEAD");
	bool all = only == NULL || strcmp(only, "wolfcrypt") != 0;
	const struct aead_algorithm *const table[] = {
		all ? aead_ipsec_mb() : NULL,
		&aead_aes256gcm,
		&aead_chacha20poly1305,
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i] != NULL && strcmp(table[i]->name, name) == 0)
			return table[i];
	return NULL;
}

int aead_init(struct aead *a, const struct aead_algorithm *algorithm,
	      const uint8_t key[static AEAD_KEY_LEN])
{
	int r;

	r = algorithm->init(a->state, key);
	a->algorithm = r < 0 ? NULL : algorithm;
	return r;
}

void aead_fini(struct aead *a)
{
	/* An Aes without a device owns no memory: its streaming buffer, which
	 * we do not use, is an array inside. */
	secret_wipe(a, sizeof(*a));
}
