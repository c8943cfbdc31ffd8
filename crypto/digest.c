/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "crypto/digest.h"

#include <errno.h>
#include <wolfssl/wolfcrypt/hash.h>

int digest_sha256(const void *bytes, size_t len,
		  uint8_t ret_digest[static DIGEST_LEN])
{
	return wc_Sha256Hash(bytes, (word32)len, ret_digest) == 0 ? 0 : -EIO;
}
