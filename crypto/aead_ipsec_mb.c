/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/aead_ipsec_mb.h"

#include <assert.h>
#include <intel-ipsec-mb.h>
#include <pthread.h>

#include "crypto/aead.h"
#include "crypto/secret.h"

/* The state is the key, expanded. */
static_assert(sizeof(struct gcm_key_data) <= AEAD_STATE_SIZE,
	      "AEAD_STATE_SIZE is too small");

/* What the library has for this CPU: looked up once, constant from then on. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct {
	aes_gcm_pre_t expand;
	aes_gcm_enc_dec_t seal;
	aes_gcm_enc_dec_t open;
} vaes;

/* The compiler's word that the system saves such registers, the library's that
 * the CPU has what its fastest code needs. */
static bool cpu_has_vaes(const IMB_MGR *m)
{
	return __builtin_cpu_supports("avx512f") &&
	       (m->features & IMB_CPUFLAGS_AVX512_T2) == IMB_CPUFLAGS_AVX512_T2;
}

/* The manager, 200 kB of queues for jobs, is only asked for its functions:
 * GCM takes none of it. init_mb_mgr_avx512() would also test every cipher in
 * the library, which brings 4 MB of its code into memory. */
static void look_up(void)
{
	IMB_MGR *m = alloc_mb_mgr(0);

	if (m == NULL)
		return;
	if (cpu_has_vaes(m)) {
		m->used_arch = IMB_ARCH_AVX512;
		imb_set_pointers_mb_mgr(m, 0, 0);
		vaes.expand = m->gcm256_pre;
		vaes.seal = m->gcm256_enc;
		vaes.open = m->gcm256_dec;
	}
	free_mb_mgr(m);
}

static int ipsec_mb_init(void *state, const uint8_t key[static AEAD_KEY_LEN])
{
	vaes.expand(key, state);
	return 0;
}

static void ipsec_mb_seal(void *state,
			  const uint8_t nonce[static AEAD_NONCE_LEN],
			  const uint8_t *aad, size_t aad_len, const uint8_t *in,
			  size_t len, uint8_t *out)
{
	struct gcm_context_data context;

	vaes.seal(state, &context, out, in, len, nonce, aad, aad_len, out + len,
		  AEAD_TAG_LEN);
}

static bool ipsec_mb_open(void *state,
			  const uint8_t nonce[static AEAD_NONCE_LEN],
			  const uint8_t *aad, size_t aad_len, const uint8_t *in,
			  size_t len, uint8_t *out)
{
	size_t plain = len - AEAD_TAG_LEN;
	struct gcm_context_data context;
	uint8_t tag[AEAD_TAG_LEN];

	vaes.open(state, &context, out, in, plain, nonce, aad, aad_len, tag,
		  sizeof(tag));
	return secret_equal(tag, in + plain, sizeof(tag));
}

const struct aead_algorithm *aead_ipsec_mb(void)
{
	static const struct aead_algorithm algorithm = {
		.name = "AES-256-GCM",
		.library = "IPsec-MB",
		.max_failures = 1ULL << 52,
		.init = ipsec_mb_init,
		.seal = ipsec_mb_seal,
		.open = ipsec_mb_open,
	};

	pthread_once(&once, look_up);
	return vaes.seal != NULL ? &algorithm : NULL;
}
