/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SHA-256 of bytes at hand, to compare with what a file says. Any thread. */
#ifndef ADIT_CRYPTO_DIGEST_H
#define ADIT_CRYPTO_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum {
	DIGEST_LEN = 32,
};

/* 0 or -EIO. */
int digest_sha256(const void *bytes, size_t len,
		  uint8_t ret_digest[static DIGEST_LEN]);

#endif
