/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/base64.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Letters into `to`, which has room for three bytes of every four. */
static int decode(const char *text, size_t len, uint8_t *to, size_t *ret_len)
{
	uint32_t bits = 0;
	size_t letters = 0, padding = 0, n = 0;

	for (size_t i = 0; i < len; i++) {
		const char *at;

		if (strchr(" \t\r\n", text[i]) && text[i])
			continue;
		if (text[i] == '=') {
			padding++;
			continue;
		}
		at = text[i] ? strchr(alphabet, text[i]) : NULL;
		if (!at || padding > 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)(at - alphabet);
		if (letters++ % 4 != 0)
			to[n++] = (uint8_t)(bits >>
					    (6 - 2 * ((letters - 1) % 4)));
	}
	if ((letters + padding) % 4 != 0 || padding > 2 || letters % 4 == 1)
		return -EINVAL;
	if (padding > 0 && (bits & (padding == 1 ? 3 : 15)) != 0)
		return -EINVAL;
	*ret_len = n;
	return 0;
}

int base64_decode(const char *text, size_t len, uint8_t **ret_bytes,
		  size_t *ret_len)
{
	size_t room = len / 4 * 3 + 4, n = 0;
	uint8_t *bytes = calloc(1, room);
	int r;

	if (!bytes)
		return -ENOMEM;
	r = decode(text, len, bytes, &n);
	if (r < 0) {
		secret_wipe(bytes, room);
		free(bytes);
		return r;
	}
	bytes[n] = 0;
	*ret_bytes = bytes;
	*ret_len = n;
	return 0;
}

const char *base64_encode(const uint8_t *bytes, size_t len, char *buf)
{
	char *to = buf;

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)bytes[i] << 16;

		if (i + 1 < len)
			v |= (uint32_t)bytes[i + 1] << 8;
		if (i + 2 < len)
			v |= bytes[i + 2];
		to[0] = alphabet[v >> 18];
		to[1] = alphabet[v >> 12 & 63];
		to[2] = i + 1 < len ? alphabet[v >> 6 & 63] : '=';
		to[3] = i + 2 < len ? alphabet[v & 63] : '=';
		to += 4;
	}
	*to = '\0';
	return buf;
}
