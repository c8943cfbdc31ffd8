/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client and a gateway in one process, joined by a link in memory that can
 * lose, delay, repeat and reorder, in virtual time. No socket, no sleep.
 *
 *   1. struct duo d; duo_init(&d, &options)
 *   2. d.hook = ... when the link should misbehave
 *   3. duo_start(&d); duo_run(&d, 20 s); look at d.up, d.down, d.confirmed
 *   4. duo_fini(&d)
 */
#ifndef ADIT_TESTS_DUO_H
#define ADIT_TESTS_DUO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/client.h"
#include "crypto/credentials.h"
#include "crypto/message.h"
#include "crypto/server.h"

struct duo;

enum duo_fate {
	DUO_DELIVER,
	DUO_DROP,
	DUO_REPEAT, /* delivered, and once more 20 ms later */
	DUO_DELAY,  /* 30 ms later than the others */
};

enum {
	DUO_ONE_WAY_MS = 25,
	DUO_RTT_MS = 2 * DUO_ONE_WAY_MS,
	DUO_TEXT_MAX = 400,
};

/* Decides for the n-th datagram of the run (both directions count). It may
 * look at the bytes, and inject others by duo_inject. */
typedef enum duo_fate (*duo_hook)(struct duo *d, bool to_gateway,
				  unsigned int n, uint8_t *datagram,
				  size_t len);

/* Who the two are. Zeroed: P-256 certificates that are right, all defaults. */
struct duo_options {
	const struct credentials *client; /* NULL: the usual ones */
	const struct credentials *gateway;
	const char *server_name; /* NULL: "gw.test" */
	size_t routes;		 /* in the lease, beside the usual one */
	enum refusal refuse;	 /* what admit says */
	uint8_t epoch_shift;
	uint64_t max_failures; /* of both ends; 0: the algorithm's */
};

struct duo {
	struct duo_options options;
	struct client *client;
	struct server *server;
	uint64_t start_ns, now_ns;
	struct duo_datagram *queue;
	unsigned int sent; /* datagrams, both directions */
	uint64_t bytes_to_gateway, bytes_to_client;
	duo_hook hook;
	void *hook_arg;
	uint16_t port; /* the client's; a new one for each attempt */

	/* What the client was told. */
	unsigned int up;
	uint64_t up_ns;
	struct lease lease;
	unsigned int down;
	uint64_t down_ns;
	enum reason reason;
	char text[DUO_TEXT_MAX];
	struct keys_tx client_tx;
	struct record_rx client_rx;

	unsigned int client_reports;
	struct message_report client_report; /* the last one */

	/* What the gateway's owner was told. */
	unsigned int admitted, confirmed, ended;
	char rejected[DUO_TEXT_MAX]; /* why a handshake failed */
	uint32_t index;
	struct server_guest guest;
	unsigned int gateway_reports;
	struct message_report gateway_report;
	struct keys_tx gateway_tx;
	struct record_rx gateway_rx;
};

void duo_init(struct duo *d, const struct duo_options *o);
void duo_fini(struct duo *d);
void duo_start(struct duo *d);
/* Runs until nothing is in flight and no timer is due before the limit. */
void duo_run(struct duo *d, uint64_t limit_ms);
/* Until the client is up and the gateway has its confirmation, or the client
 * is down; at most limit_ms. True: both are up. */
bool duo_run_until_up(struct duo *d, uint64_t limit_ms);
void duo_inject(struct duo *d, bool to_gateway, uint16_t port,
		const uint8_t *datagram, size_t len);
uint64_t duo_elapsed_ms(const struct duo *d, uint64_t at_ns);

/* Certificates, made once for the whole program and never freed; names as
 * "p256", "ed25519", "expired", ... (duo.c has the table). */
const struct credentials *duo_client(const char *name);
const struct credentials *duo_gateway(const char *name);
/* The same with settings of its own; the caller destroys it. */
struct credentials *duo_credentials(enum credentials_role role,
				    const char *name, const char *group,
				    const char *cipher);

#endif
