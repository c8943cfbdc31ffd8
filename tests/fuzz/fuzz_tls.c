/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a hostile server says to the TLS client; the first byte says in which
 * pieces. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *arg, const uint8_t *bytes, size_t len)
{
	(void)arg;
	(void)bytes;
	(void)len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t pins[1][TLS_PIN_LEN];
	const struct tls_peer peer = { .pins = pins, .pin_count = 1 };
	const struct tls_callbacks callbacks = { ignore, ignore, NULL };
	struct tls_client *c;

	if (size == 0 || tls_client_create(&peer, &callbacks, &c) < 0)
		return 0;
	(void)tls_client_start(c);
	for (size_t at = 1, n = 1 + data[0]; at < size; at += n) {
		n = n < size - at ? n : size - at;
		(void)tls_client_input(c, data + at, n);
	}
	/* No key fits that pin. */
	assert(!tls_client_is_open(c));
	tls_client_destroy(c);
	return 0;
}
