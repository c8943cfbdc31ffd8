/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A datagram before wolfSSL sees it, at either end: what the filter lets pass
 * lies within it, and a stranger may send no more than a known client. */
#include <assert.h>

#include "crypto/envelope.h"
#include "crypto/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t alert, again[ENVELOPE_MAX];
	struct record_header h;
	struct envelope e;

	(void)record_parse(data, size, &h);
	if (!envelope_parse(data, size, &e))
		return 0;
	assert(e.dtls > data && e.dtls_len > 0);
	assert(e.dtls + e.dtls_len <= data + size);
	(void)envelope_filter(ENVELOPE_TO_CLIENT, e.dtls, e.dtls_len, &alert);
	if (envelope_is_hello(e.dtls, e.dtls_len))
		assert(envelope_filter(ENVELOPE_TO_GATEWAY, e.dtls, e.dtls_len,
				       &alert));
	assert(envelope_build(e.token, e.dtls, e.dtls_len, size, again) ==
	       size);
	return 0;
}
