/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/der.h"

#include <string.h>

size_t der_open(struct bytes *b, uint8_t tag)
{
	bytes_put8(b, tag);
	bytes_put8(b, 0);
	return bytes_done(b);
}

void der_close(struct bytes *b, size_t content)
{
	uint8_t *start = b->start + content;
	size_t len = bytes_done(b) - content;
	size_t more = len > 255 ? 2 : len > 127 ? 1 : 0;

	/* One byte is kept for the length; a long form moves the content. */
	if (!bytes_take(b, more))
		return;
	memmove(start + more, start, len);
	if (more == 2)
		start[0] = (uint8_t)(len >> 8);
	if (more > 0)
		start[more - 1] = (uint8_t)len;
	start[-1] = (uint8_t)(more > 0 ? 0x80 | more : len);
}

void der_put(struct bytes *b, uint8_t tag, const void *content, size_t len)
{
	size_t at = der_open(b, tag);

	bytes_put(b, content, len);
	der_close(b, at);
}
