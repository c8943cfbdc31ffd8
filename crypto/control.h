/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One end of a session's control lane: lane 255's keys, both directions, as
 * the client and the gateway both use them. Embedded; control thread.
 */
#ifndef ADIT_CRYPTO_CONTROL_H
#define ADIT_CRYPTO_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/record.h"
#include "tunnel/base/bytes.h"

enum control_side {
	CONTROL_CLIENT,
	CONTROL_GATEWAY,
};

struct control {
	struct keys_tx tx;
	struct record_rx rx;
};

enum {
	/* Room for the messages of one record. */
	CONTROL_RUN_MAX = RECORD_CONTROL_MAX - RECORD_OVERHEAD,
	CONTROL_MESSAGES_PER_S = 200,
};

/* What a valid but mad peer may ask of this thread. Zeroed at the start. */
struct control_rate {
	uint64_t second_ns; /* start of the second that is counted */
	unsigned int count;
};

int control_init(struct control *c, const struct keys *k,
		 enum control_side side) ATTR_MUST_CHECK;
void control_fini(struct control *c);

/* Seals the run of messages written so far. Returns the datagram's length, or
 * 0 if the run is broken or the counters are used up. */
size_t control_seal(struct control *c, uint32_t index, const struct bytes *run,
		    uint8_t ret_datagram[static RECORD_CONTROL_MAX]);
/* Opens in place; the messages are then at *ret_run. */
enum record_verdict control_open(struct control *c,
				 const struct record_header *h,
				 uint8_t *datagram, size_t len,
				 struct bytes *ret_run);

bool control_rate_allows(struct control_rate *r, uint64_t now_ns);

#endif
