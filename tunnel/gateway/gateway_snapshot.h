/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a running gateway is at one moment, as plain values: gateway_metrics.h
 * and gateway_status.h make texts of it. Pure; any thread.
 */
#ifndef ADIT_GATEWAY_SNAPSHOT_H
#define ADIT_GATEWAY_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/server.h"
#include "tunnel/base/addr.h"
#include "tunnel/base/fallback.h"
#include "tunnel/data/counters.h"
#include "tunnel/gateway/gateway_clients.h"

/* One that is connected. */
struct gateway_snapshot_session {
	char name[GATEWAY_CLIENT_NAME_MAX + 1];
	struct ip_addr inner4, inner6;
	struct endpoint remote;
	uint64_t since; /* seconds since 1970 */
	uint64_t heard; /* likewise, when it was heard last */
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	const char *group, *cipher; /* static */
	/* Why packets do not leave for it in whole batches. */
	struct fallback fallbacks[2];
	size_t fallback_count;
};

struct gateway_snapshot {
	/* Borrowed from the gateway. */
	const char *name, *device;
	const char *problem; /* about the clients' files, or empty */
	struct endpoint listen;
	bool nat;

	/* Seconds since 1970. */
	uint64_t now, started;
	uint64_t now_ns; /* the same moment, as fallbacks have it */
	uint64_t certificate_ends, ca_ends;

	uint64_t clients_known;
	uint64_t clients_living; /* neither revoked nor expired */
	uint64_t sessions_up;
	uint64_t reload_errors;
	uint64_t tactics_left; /* for clients that lose tails of batches */
	uint64_t host_repairs, host_repair_errors;
	uint64_t resident_bytes;
	struct server_counters server;
	uint64_t data[COUNTER_COUNT];
	uint64_t sent[BATCH_BUCKETS], received[BATCH_BUCKETS];

	/* Owned; sorted by name. */
	struct gateway_snapshot_session *sessions;
	size_t session_count;
};

void gateway_snapshot_fini(struct gateway_snapshot *s);

#endif
