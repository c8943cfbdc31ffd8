/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only callers of the wipe and constant-time primitives. */
#ifndef ADIT_CRYPTO_SECRET_H
#define ADIT_CRYPTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroes, and is not optimised away. */
void secret_wipe(void *p, size_t len);
/* In time that depends on len alone. */
bool secret_equal(const void *a, const void *b, size_t len);

#endif
