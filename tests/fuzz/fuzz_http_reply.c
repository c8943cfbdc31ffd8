/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reply is judged alike in whatever pieces it comes; the first byte says how
 * long they are. */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tunnel/daemon/http_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char whole_body[HTTP_REPLY_BODY_MAX], body[HTTP_REPLY_BODY_MAX];
	static struct http_reply whole, pieces;
	size_t step = size > 0 ? 1 + data[0] : 1;
	int r = -EAGAIN;

	http_reply_init(&whole, whole_body);
	http_reply_init(&pieces, body);
	for (size_t at = 1; at < size && r == -EAGAIN; at += step)
		r = http_reply_input(&pieces, data + at,
				     step < size - at ? step : size - at);
	if (size > 1)
		assert(http_reply_input(&whole, data + 1, size - 1) == r);
	assert(whole.state == pieces.state);
	assert(r != 0 || (whole.status >= 200 && whole.status <= 599));
	if (r != -EBADMSG) {
		assert(whole.status == pieces.status);
		assert(whole.body_len == pieces.body_len);
		assert(memcmp(whole_body, body, whole.body_len) == 0);
	}
	return 0;
}
