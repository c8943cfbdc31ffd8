/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A data record on its way to the device. The first byte's lowest bit: is the
 * rest a datagram as it came, or flags and an inner packet that the session's
 * own peer has sealed? */
#include <stdlib.h>
#include <string.h>

#include "tunnel/data/rx.h"

enum { INDEX = 0x00010002 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rx rx;
static struct keys_tx tx;
static struct counters counters;
/* The table is mapped, where LeakSanitizer does not look. */
static void *volatile reachable;

static void set_up(void)
{
	static const struct ip_prefix net = { { AF_INET, { 10 } }, 8 };
	struct peer_table_config t = { .inner_slots = 0 };
	struct peer_config c = { .index = INDEX,
				 .lanes = 1,
				 .send = KEYS_GATEWAY_TO_CLIENT,
				 .sources = &net,
				 .source_count = 1 };
	static struct keys keys;
	struct peer *p;

	keys_init(&keys, &aead_aes256gcm,
		  (const uint8_t[KEYS_SECRET_LEN]) { 1 });
	c.keys = &keys;
	rx.tun = -1;
	rx.lanes = 1;
	rx.counters = &counters;
	rx_init(&rx, true);
	if (keys_tx_init(&tx, &keys, KEYS_CLIENT_TO_GATEWAY, 0) ||
	    peer_table_create(&t, &rx.table) || peer_create(&c, &p) ||
	    peer_table_publish(rx.table, p))
		abort();
	reachable = rx.table->by_inner;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mmsghdr *m = &rx.message[0];
	size_t len = size - 1;
	uint8_t *record; /* of its own size, for the sanitizer */

	if (!rx.table)
		set_up();
	if (size < 2 || size > 60000)
		return 0;
	record = malloc(size + RECORD_OVERHEAD);
	if (data[0] & 1)
		len = record_seal(&tx, INDEX, 0, data[1], data + 2, size - 2,
				  record);
	else
		memcpy(record, data + 1, len);
	m->msg_hdr.msg_iov->iov_base = record = realloc(record, len);
	m->msg_hdr.msg_namelen = m->msg_hdr.msg_controllen = 0;
	m->msg_len = (unsigned int)len;
	rx_message(&rx, m);
	if (ring_next(&rx.ring) >= 0)
		ring_taken(&rx.ring);
	gso_join_clear(rx.join); /* each input by itself */
	free(record);
	return 0;
}
