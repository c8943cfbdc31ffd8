/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing DER (X.690) through the cursor of tunnel/base/bytes.h, in reading
 * order: der_open, content, der_close, nested as the structure is. Pure.
 */
#ifndef ADIT_CRYPTO_DER_H
#define ADIT_CRYPTO_DER_H

#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/bytes.h"

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_OID = 0x06,
	DER_UTF8_STRING = 0x0C,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT = 0x80,		/* [n] IMPLICIT: add n */
	DER_CONTEXT_CONSTRUCTED = 0xA0, /* [n] EXPLICIT: add n */
};

/* Returns where the content begins, for der_close. */
size_t der_open(struct bytes *b, uint8_t tag);
/* Fills in the length. Contents are below 64 KiB. */
void der_close(struct bytes *b, size_t content);
void der_put(struct bytes *b, uint8_t tag, const void *content, size_t len);

#endif
