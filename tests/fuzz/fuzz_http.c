/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A request is judged once it is whole: what comes behind it changes nothing,
 * and no part of it is taken for the whole. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "tunnel/gateway/gateway_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gateway_http_request whole = { 0 }, part = { 0 };
	const char *text = (const char *)data;
	int status, earlier = 0;
	size_t n;

	if (size > GATEWAY_HTTP_REQUEST_MAX)
		size = GATEWAY_HTTP_REQUEST_MAX;
	status = gateway_http_parse(text, size, &whole);
	if (status == GATEWAY_HTTP_OK) {
		assert(whole.target[0] == '/');
		assert(strlen(whole.target) <= GATEWAY_HTTP_TARGET_MAX);
	}
	for (n = 0; n <= size && earlier == 0; n++)
		earlier = gateway_http_parse(text, n, &part);
	assert(earlier == status);
	assert(memcmp(&part, &whole, sizeof(part)) == 0);
	return 0;
}
