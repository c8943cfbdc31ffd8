/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/hooks.h"

#include <string.h>

uint8_t keys_hook_secret[KEYS_SECRET_LEN];

void __real_keys_init(struct keys *k, const struct aead_algorithm *algorithm,
		      const uint8_t secret[static KEYS_SECRET_LEN]);
void __wrap_keys_init(struct keys *k, const struct aead_algorithm *algorithm,
		      const uint8_t secret[static KEYS_SECRET_LEN]);

void __wrap_keys_init(struct keys *k, const struct aead_algorithm *algorithm,
		      const uint8_t secret[static KEYS_SECRET_LEN])
{
	memcpy(keys_hook_secret, secret, sizeof(keys_hook_secret));
	__real_keys_init(k, algorithm, secret);
}
