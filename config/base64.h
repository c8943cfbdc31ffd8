/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Base64 (RFC 4648 section 4). Pure; any thread. */
#ifndef ADIT_CONFIG_BASE64_H
#define ADIT_CONFIG_BASE64_H

#include <stddef.h>
#include <stdint.h>

#define BASE64_LEN(bytes) (((bytes) + 2) / 3 * 4)

/* Blanks and line breaks between letters are skipped, as PEM and property
 * lists have them; padding is required and unused bits are zero. Allocates the
 * bytes and a zero behind them. 0, -EINVAL or -ENOMEM. */
int base64_decode(const char *text, size_t len, uint8_t **ret_bytes,
		  size_t *ret_len);
/* Writes BASE64_LEN(len) letters and a zero; returns buf. */
const char *base64_encode(const uint8_t *bytes, size_t len, char *buf);

#endif
