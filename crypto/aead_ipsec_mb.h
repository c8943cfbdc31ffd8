/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AES-256-GCM by Intel's IPsec-MB, for CPUs with the vector AES of AVX-512:
 * three to four times wolfCrypt's speed there, and the same bytes. Optional:
 * config/deps.sh looks for the library, and the Makefile takes one of two
 * files. Any thread.
 */
#ifndef ADIT_CRYPTO_AEAD_IPSEC_MB_H
#define ADIT_CRYPTO_AEAD_IPSEC_MB_H

struct aead_algorithm;

/* NULL: built without the library, or this CPU has no use for it. */
const struct aead_algorithm *aead_ipsec_mb(void);

#endif
