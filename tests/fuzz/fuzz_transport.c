/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes that pass for datagrams, messages and leases. The first byte says
 * which parser gets the rest. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/envelope.h"
#include "crypto/lease.h"
#include "crypto/message.h"
#include "crypto/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void envelopes(const uint8_t *data, size_t size)
{
	struct record_header h;
	struct envelope e;
	uint8_t alert;

	(void)record_parse(data, size, &h);
	if (!envelope_parse(data, size, &e))
		return;
	assert(e.dtls + e.dtls_len <= data + size);
	(void)envelope_filter(ENVELOPE_TO_CLIENT, e.dtls, e.dtls_len, &alert);
	if (envelope_is_hello(e.dtls, e.dtls_len))
		assert(envelope_filter(ENVELOPE_TO_GATEWAY, e.dtls, e.dtls_len,
				       &alert));
}

static void messages(const uint8_t *data, size_t size)
{
	struct bytes run = bytes_read(data, size);
	struct message_refuse refuse;
	struct message_hello hello;
	struct message m;

	while (message_next(&run, &m) == 1) {
		(void)message_parse_hello(&m, &hello);
		(void)message_parse_ending(&m, &refuse);
	}
}

/* What can be parsed can be built, and is then parsed as the same. */
static void leases(const uint8_t *data, size_t size)
{
	struct lease_collector c = { 0 };
	struct lease l;
	const char *why;
	uint8_t flags, body[LEASE_BODY_MAX];

	if (lease_collect(&c, data, size, &flags) == 1 &&
	    lease_parse(&c, &l, &why) == 0) {
		if (lease_part_count(&l) > 0)
			(void)lease_build_part(&l, 0, flags, body);
		lease_fini(&l);
	}
	lease_collector_fini(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parsers[])(const uint8_t *, size_t) = {
		envelopes,
		messages,
		leases,
	};

	if (size > 0)
		parsers[data[0] % 3](data + 1, size - 1);
	return 0;
}
