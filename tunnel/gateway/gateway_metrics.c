/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway/gateway_metrics.h"

#include <inttypes.h>
#include <string.h>

#define AT(field) offsetof(struct gateway_snapshot, field)
#define DATA(counter) AT(data) + COUNTER_##counter * sizeof(uint64_t)
#define FAILED(cause) \
	AT(server.failed_by) + HANDSHAKE_CAUSE_##cause * sizeof(uint64_t)
#define REFUSED(cause) \
	AT(server.refused_by) + REFUSAL_##cause * sizeof(uint64_t)

/* clang-format off */

#define ONE(field) ((const struct gateway_sample[]) { { { 0 }, field } }), 1
#define MANY(samples) samples, ARRAY_SIZE(samples)

static const struct gateway_sample clients[] = {
	{ { "known" }, AT(clients_known) },
	{ { "valid" }, AT(clients_living) },
};

static const struct gateway_sample certificates[] = {
	{ { "gateway" }, AT(certificate_ends) },
	{ { "ca" },      AT(ca_ends) },
};

static const struct gateway_sample failures[] = {
	{ { "no_certificate" },  FAILED(NO_CERTIFICATE) },
	{ { "unknown_ca" },      FAILED(UNKNOWN_CA) },
	{ { "expired" },         FAILED(EXPIRED) },
	{ { "not_yet_valid" },   FAILED(NOT_YET_VALID) },
	{ { "revoked" },         FAILED(REVOKED) },
	{ { "revocation_list" }, FAILED(REVOCATION_LIST) },
	{ { "key_usage" },       FAILED(KEY_USAGE) },
	{ { "chain_too_long" },  FAILED(CHAIN) },
	{ { "x509_version" },    FAILED(X509_VERSION) },
	{ { "no_common_group" }, FAILED(NO_COMMON_GROUP) },
	{ { "wrong_protocol" },  FAILED(PROTOCOL) },
	{ { "client_refused" },  FAILED(CLIENT_SAID) },
	{ { "other" },           FAILED(OTHER) },
	{ { "timed_out" },       AT(server.handshakes_expired) },
	{ { "made_room" },       AT(server.handshakes_evicted) },
};

static const struct gateway_sample refusals[] = {
	{ { "not_for_clients" }, AT(server.refused_usage) },
	{ { "not_on_list" },     REFUSED(UNKNOWN) },
	{ { "revoked" },         REFUSED(REVOKED) },
	{ { "in_use" },          REFUSED(IN_USE) },
	{ { "pool_full" },       REFUSED(FULL) },
	{ { "wrong_proof" },     REFUSED(CONFIRM) },
	{ { "newer_protocol" },  REFUSED(VERSION) },
	{ { "ending" },          REFUSED(SHUTDOWN) },
	{ { "internal" },        REFUSED(INTERNAL) },
};

/* In the order of the checks. */
static const struct gateway_sample datagrams[] = {
	{ { "data", "queue_full" },         DATA(DROP_SOCKET) },
	{ { "data", "short" },              DATA(DROP_SHORT) },
	{ { "data", "oversized" },          DATA(DROP_LONG) },
	{ { "data", "busy" },               DATA(DROP_STRAY) },
	{ { "data", "unknown_session" },    DATA(DROP_INDEX) },
	{ { "data", "wrong_lane" },         DATA(DROP_LANE) },
	{ { "data", "lane_busy" },          DATA(DROP_INBOX) },
	{ { "data", "no_memory" },          DATA(DROP_MEMORY) },
	{ { "data", "counter_far_ahead" },  DATA(DROP_EPOCH) },
	{ { "data", "not_authentic" },      DATA(DROP_FORGED) },
	{ { "data", "too_old" },            DATA(DROP_OLD) },
	{ { "data", "replayed" },           DATA(DROP_REPLAYED) },
	{ { "control", "short" },           AT(server.drop_short) },
	{ { "control", "unknown_first_byte" }, AT(server.drop_foreign) },
	{ { "control", "unknown_session" }, AT(server.drop_index) },
	{ { "control", "wrong_lane" },      AT(server.drop_lane) },
	{ { "control", "counter_far_ahead" }, AT(server.drop_epoch) },
	{ { "control", "not_authentic" },   AT(server.drop_forged) },
	{ { "control", "too_old" },         AT(server.drop_old) },
	{ { "control", "replayed" },        AT(server.drop_replayed) },
	{ { "handshake", "oversized" },     AT(server.drop_long) },
	{ { "handshake", "bad_padding" },   AT(server.drop_padding) },
	{ { "handshake", "malformed" },     AT(server.drop_filtered) },
	{ { "handshake", "not_padded" },    AT(server.drop_unpadded) },
	{ { "handshake", "no_hello" },      AT(server.drop_token) },
	{ { "handshake", "bad_cookie" },    AT(server.cookies_bad) },
	{ { "handshake", "full" },          AT(server.drop_crowd) },
	{ { "handshake", "network_full" },  AT(server.drop_full) },
	{ { "handshake", "no_memory" },     AT(server.drop_memory) },
};

static const struct gateway_sample packets[] = {
	{ { "rx", "malformed" },       DATA(DROP_INNER) },
	{ { "rx", "foreign_source" },  DATA(DROP_SOURCE) },
	{ { "rx", "device" },          DATA(DROP_TUN) },
	{ { "tx", "device_queue" },    DATA(DROP_QUEUE) },
	{ { "tx", "malformed" },       DATA(DROP_MALFORMED) },
	{ { "tx", "nobody_there" },    DATA(DROP_NO_PEER) },
	{ { "tx", "keys_used_up" },    DATA(DROP_USED_UP) },
	{ { "tx", "no_socket" },       DATA(DROP_NO_SOCKET) },
	{ { "tx", "unreachable" },     DATA(DROP_UNREACHABLE) },
	{ { "tx", "too_big" },         DATA(DROP_TOO_BIG) },
	{ { "tx", "queue_full" },      DATA(DROP_FULL) },
	{ { "tx", "send_failed" },     DATA(DROP_SEND) },
};

static const struct gateway_sample messages[] = {
	{ { "too_many" },   AT(server.drop_rate) },
	{ { "unreadable" }, AT(server.drop_message) },
};

static const struct gateway_sample records[] = {
	{ { "rx" }, AT(server.rx_records) },
	{ { "tx" }, AT(server.tx_records) },
};

static const struct gateway_sample inner_packets[] = {
	{ { "rx" }, DATA(RX_PACKETS) },
	{ { "tx" }, DATA(TX_PACKETS) },
};

static const struct gateway_sample inner_bytes[] = {
	{ { "rx" }, DATA(RX_BYTES) },
	{ { "tx" }, DATA(TX_BYTES) },
};

static const struct gateway_sample fallbacks[] = {
	{ { "refused" },    DATA(GSO_FALLBACKS) },
	{ { "tails_lost" }, AT(tactics_left) },
};

static const struct gateway_sample calls[] = {
	{ { "poll" },     DATA(CALL_POLL) },
	{ { "read" },     DATA(CALL_READ) },
	{ { "write" },    DATA(CALL_WRITE) },
	{ { "sendmsg" },  DATA(CALL_SENDMSG) },
	{ { "recvmmsg" }, DATA(CALL_RECVMMSG) },
};

enum {
	METRIC_DATAGRAMS_DROPPED,
	METRIC_PACKETS_DROPPED,
};

const struct gateway_metric gateway_metrics[] = {
	[METRIC_DATAGRAMS_DROPPED] = {
	  "datagrams_dropped_total", "UDP datagrams that were not taken.",
	  false, { "kind", "cause" }, MANY(datagrams) },
	[METRIC_PACKETS_DROPPED] = {
	  "packets_dropped_total", "Inner packets that were not forwarded.",
	  false, { "direction", "cause" }, MANY(packets) },
	{ "control_messages_dropped_total",
	  "Messages of authenticated clients that were not acted on.",
	  false, { "cause" }, MANY(messages) },
	{ "packets_total", "Inner packets, received from and sent to clients.",
	  false, { "direction" }, MANY(inner_packets) },
	{ "bytes_total", "Bytes of inner packets.",
	  false, { "direction" }, MANY(inner_bytes) },
	{ "control_records_total", "Records of the control lanes.",
	  false, { "direction" }, MANY(records) },
	{ "control_datagrams_total",
	  "Datagrams that are no data records, taken or not.",
	  false, { 0 }, ONE(AT(server.datagrams)) },
	{ "cookies_sent_total", "First datagrams answered with a cookie.",
	  false, { 0 }, ONE(AT(server.cookies_sent)) },
	{ "handshakes_started_total", "Handshakes that came with a good cookie.",
	  false, { 0 }, ONE(AT(server.handshakes_started)) },
	{ "handshakes_completed_total", "Handshakes that came to their end.",
	  false, { 0 }, ONE(AT(server.handshakes_completed)) },
	{ "handshakes_failed_total", "Handshakes that did not.",
	  false, { "cause" }, MANY(failures) },
	{ "handshakes_remembered", "Handshakes, those just over included.",
	  true, { 0 }, ONE(AT(server.handshakes_now)) },
	{ "refusals_total", "Clients refused, or sent away, by the gateway.",
	  false, { "cause" }, MANY(refusals) },
	{ "sessions_admitted_total", "Sessions that got a lease.",
	  false, { 0 }, ONE(AT(server.admitted)) },
	{ "sessions_confirmed_total", "Sessions whose client took its lease.",
	  false, { 0 }, ONE(AT(server.confirmed)) },
	{ "sessions_ended_total", "Sessions that are over.",
	  false, { 0 }, ONE(AT(server.ended)) },
	{ "sessions_with_lease", "Sessions, the unconfirmed ones included.",
	  true, { 0 }, ONE(AT(server.sessions_now)) },
	{ "sessions", "Clients that are connected.",
	  true, { 0 }, ONE(AT(sessions_up)) },
	{ "clients", "Clients on the list, and those that may come in.",
	  true, { "state" }, MANY(clients) },
	{ "reload_errors_total", "Readings of the list that found a bad file.",
	  false, { 0 }, ONE(AT(reload_errors)) },
	{ "host_repairs_total", "Settings of the host that were made again.",
	  false, { 0 }, ONE(AT(host_repairs)) },
	{ "host_repair_errors_total", "Times that could not be done.",
	  false, { 0 }, ONE(AT(host_repair_errors)) },
	{ "gso_fallbacks_total", "Times that batches were given up for a client.",
	  false, { "cause" }, MANY(fallbacks) },
	{ "datagrams_handed_over_total",
	  "Datagrams that the packet path gave to the control thread.",
	  false, { 0 }, ONE(DATA(STRAYS)) },
	{ "records_changed_lane_total",
	  "Records that came to another lane's worker, and were handed on.",
	  false, { 0 }, ONE(DATA(HANDED_OVER)) },
	{ "system_calls_total", "System calls of the packet path.",
	  false, { "call" }, MANY(calls) },
	{ "resident_memory_bytes", "Memory that is resident.",
	  true, { 0 }, ONE(AT(resident_bytes)) },
	{ "start_time_seconds", "When the gateway was started, since 1970.",
	  true, { 0 }, ONE(AT(started)) },
	{ "certificate_expiry_time_seconds",
	  "When the certificate ends, since 1970.",
	  true, { "certificate" }, MANY(certificates) },
};

/* clang-format on */

const size_t gateway_metrics_count = ARRAY_SIZE(gateway_metrics);

const struct gateway_metric *const gateway_metrics_drops[2] = {
	&gateway_metrics[METRIC_DATAGRAMS_DROPPED],
	&gateway_metrics[METRIC_PACKETS_DROPPED],
};

uint64_t gateway_metrics_value(const struct gateway_snapshot *s,
			       const struct gateway_sample *sample)
{
	uint64_t value;

	memcpy(&value, (const char *)s + sample->at, sizeof(value));
	return value;
}

static void print_head(FILE *to, const char *name, const char *help, bool gauge)
{
	fprintf(to,
		"# HELP adit_gateway_%s %s\n"
		"# TYPE adit_gateway_%s %s\n",
		name, help, name, gauge ? "gauge" : "counter");
}

static void print_sample(const struct gateway_metric *m,
			 const struct gateway_sample *sample, uint64_t value,
			 FILE *to)
{
	const char *before = "{";

	fprintf(to, "adit_gateway_%s", m->name);
	for (size_t i = 0; i < ARRAY_SIZE(m->label) && m->label[i]; i++) {
		fprintf(to, "%s%s=\"%s\"", before, m->label[i],
			sample->value[i]);
		before = ",";
	}
	fprintf(to, "%s %" PRIu64 "\n", m->label[0] ? "}" : "", value);
}

void gateway_metrics_print(const struct gateway_snapshot *s, FILE *to)
{
	print_head(to, "build_info", "Which program this is.", true);
	fprintf(to, "adit_gateway_build_info{version=\"%s\"} 1\n",
		ADIT_VERSION);
	for (size_t i = 0; i < gateway_metrics_count; i++) {
		const struct gateway_metric *m = &gateway_metrics[i];

		print_head(to, m->name, m->help, m->gauge);
		for (size_t k = 0; k < m->sample_count; k++)
			print_sample(m, &m->samples[k],
				     gateway_metrics_value(s, &m->samples[k]),
				     to);
	}
}
