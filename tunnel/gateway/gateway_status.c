/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway/gateway_status.h"

#include <inttypes.h>
#include <time.h>

#include "tunnel/base/clock.h"
#include "tunnel/base/human.h"
#include "tunnel/gateway/gateway_metrics.h"

/* The wall clock may have been set back. */
static void put_age(FILE *to, uint64_t now, uint64_t then)
{
	human_duration(to, now > then ? now - then : 0);
}

static void put_day(FILE *to, const char *what, uint64_t now, uint64_t when)
{
	time_t t = (time_t)when;
	char day[16] = "?";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	fprintf(to, "%s %s %s", what, when < now ? "ENDED" : "until", day);
}

/* "3 replayed, 1 short": the causes that were there, of one metric. */
static void put_drops(FILE *to, const struct gateway_snapshot *s,
		      const struct gateway_metric *m)
{
	const char *before = "  dropped   ";
	uint64_t n;

	for (size_t i = 0; i < m->sample_count; i++) {
		n = gateway_metrics_value(s, &m->samples[i]);
		if (n == 0)
			continue;
		fprintf(to, "%s%" PRIu64 " %s %s", before, n,
			m->samples[i].value[0], m->samples[i].value[1]);
		before = ", ";
	}
	if (before[0] == ',')
		fputc('\n', to);
}

/* Seconds since 1970. It may be a moment newer than the snapshot. */
static uint64_t since(const struct gateway_snapshot *s,
		      const struct fallback *f)
{
	return f->since_ns < s->now_ns
		       ? s->now - (s->now_ns - f->since_ns) / NS_PER_S
		       : s->now;
}

static void put_session(FILE *to, const struct gateway_snapshot *s,
			const struct gateway_snapshot_session *x)
{
	char inner4[ADDR_TEXT_MAX], inner6[ADDR_TEXT_MAX];
	char remote[ENDPOINT_TEXT_MAX], text[FALLBACK_TEXT_MAX];

	fprintf(to, "\n%s  %s%s%s from %s\n  up for ", x->name,
		addr_text(&x->inner4, inner4), x->inner6.family ? " " : "",
		x->inner6.family ? addr_text(&x->inner6, inner6) : "",
		endpoint_text(&x->remote, remote));
	put_age(to, s->now, x->since);
	fputs(", heard ", to);
	put_age(to, s->now, x->heard);
	fputs(" ago; ", to);
	human_bytes(to, x->rx_bytes);
	fputs(" in, ", to);
	human_bytes(to, x->tx_bytes);
	fprintf(to, " out; %s, %s\n", x->group, x->cipher);
	for (size_t i = 0; i < x->fallback_count; i++) {
		fprintf(to, "  batches: %s (for ",
			fallback_text(&x->fallbacks[i], text));
		put_age(to, s->now, since(s, &x->fallbacks[i]));
		fputs(")\n", to);
	}
}

void gateway_status_text(const struct gateway_snapshot *s, FILE *to)
{
	char listen[ENDPOINT_TEXT_MAX];

	fprintf(to, "%s runs on %s, for ", s->name,
		endpoint_text(&s->listen, listen));
	put_age(to, s->now, s->started);
	fprintf(to,
		"\n  clients   %" PRIu64 " connected, %" PRIu64
		" may come in, %" PRIu64 " on the list\n  traffic   ",
		s->sessions_up, s->clients_living, s->clients_known);
	human_bytes(to, s->data[COUNTER_RX_BYTES]);
	fputs(" in, ", to);
	human_bytes(to, s->data[COUNTER_TX_BYTES]);
	fprintf(to, " out, on %s%s\n", s->device,
		s->nat ? ", addresses translated" : "");
	for (size_t i = 0; i < ARRAY_SIZE(gateway_metrics_drops); i++)
		put_drops(to, s, gateway_metrics_drops[i]);
	if (s->host_repairs > 0)
		fprintf(to,
			"  repaired  %" PRIu64 " settings that others "
			"changed\n",
			s->host_repairs);
	put_day(to, "  gateway's certificate", s->now, s->certificate_ends);
	put_day(to, ", CA", s->now, s->ca_ends);
	fputc('\n', to);
	if (s->problem[0])
		fprintf(to, "  problem   %s\n", s->problem);
	for (size_t i = 0; i < s->session_count; i++)
		put_session(to, s, &s->sessions[i]);
}

/* JSON. What is written are our own names, addresses and numbers, and texts
 * about files. */

static void put_string(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++) {
		if ((unsigned char)*text < ' ') {
			fprintf(to, "\\u%04x", (unsigned int)*text);
			continue;
		}
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to);
	}
	fputc('"', to);
}

static void put_json_drops(FILE *to, const struct gateway_snapshot *s)
{
	const char *before = "";
	uint64_t n;

	fputs("  \"drops\": [", to);
	for (size_t k = 0; k < ARRAY_SIZE(gateway_metrics_drops); k++) {
		const struct gateway_metric *m = gateway_metrics_drops[k];

		for (size_t i = 0; i < m->sample_count; i++) {
			n = gateway_metrics_value(s, &m->samples[i]);
			if (n == 0)
				continue;
			fprintf(to,
				"%s\n    { \"%s\": \"%s\", \"cause\": \"%s\", "
				"\"count\": %" PRIu64 " }",
				before, m->label[0], m->samples[i].value[0],
				m->samples[i].value[1], n);
			before = ",";
		}
	}
	fputs(before[0] ? "\n  ],\n" : "],\n", to);
}

static void put_json_fallbacks(FILE *to, const struct gateway_snapshot *s,
			       const struct gateway_snapshot_session *x)
{
	char text[FALLBACK_TEXT_MAX];

	fputs("\"fallbacks\": [", to);
	for (size_t i = 0; i < x->fallback_count; i++) {
		const struct fallback *f = &x->fallbacks[i];

		fprintf(to,
			"%s{ \"what\": \"batches\", \"since\": %" PRIu64
			", \"times\": %" PRIu64 ", \"reason\": ",
			i ? ", " : "", since(s, f), f->times);
		put_string(to, fallback_text(f, text));
		fputs(" }", to);
	}
	fputs("]", to);
}

static void put_json_session(FILE *to, const struct gateway_snapshot *s,
			     const struct gateway_snapshot_session *x)
{
	char inner4[ADDR_TEXT_MAX], inner6[ADDR_TEXT_MAX];
	char remote[ENDPOINT_TEXT_MAX];

	fprintf(to,
		"    { \"name\": \"%s\", \"addresses\": [\"%s\"%s%s%s], "
		"\"remote\": \"%s\",\n"
		"      \"since\": %" PRIu64 ", \"heard\": %" PRIu64 ",\n"
		"      \"rx_packets\": %" PRIu64 ", \"rx_bytes\": %" PRIu64
		", \"tx_packets\": %" PRIu64 ", \"tx_bytes\": %" PRIu64 ",\n"
		"      \"group\": \"%s\", \"cipher\": \"%s\",\n      ",
		x->name, addr_text(&x->inner4, inner4),
		x->inner6.family ? ", \"" : "",
		x->inner6.family ? addr_text(&x->inner6, inner6) : "",
		x->inner6.family ? "\"" : "", endpoint_text(&x->remote, remote),
		x->since, x->heard, x->rx_packets, x->rx_bytes, x->tx_packets,
		x->tx_bytes, x->group, x->cipher);
	put_json_fallbacks(to, s, x);
	fputs(" }", to);
}

static void put_json_batches(FILE *to, const char *name,
			     const uint64_t of[static BATCH_BUCKETS])
{
	fprintf(to, ",\n    \"%s\": [", name);
	for (int i = 0; i < BATCH_BUCKETS; i++)
		fprintf(to, "%s{ \"up_to\": %d, \"count\": %" PRIu64 " }",
			i ? ", " : "", 1 << i, of[i]);
	fputs("]", to);
}

static void put_json_counters(FILE *to, const struct gateway_snapshot *s)
{
	uint64_t calls = 0;

	for (int i = COUNTER_CALL_POLL; i <= COUNTER_CALL_RECVMMSG; i++)
		calls += s->data[i];
	fprintf(to,
		"  \"counters\": { \"rx_packets\": %" PRIu64
		", \"rx_bytes\": %" PRIu64 ", \"tx_packets\": %" PRIu64
		", \"tx_bytes\": %" PRIu64 ",\n"
		"    \"host_repairs\": %" PRIu64 ", \"reload_errors\": %" PRIu64
		", \"resident_bytes\": %" PRIu64 ", \"system_calls\": %" PRIu64,
		s->data[COUNTER_RX_PACKETS], s->data[COUNTER_RX_BYTES],
		s->data[COUNTER_TX_PACKETS], s->data[COUNTER_TX_BYTES],
		s->host_repairs, s->reload_errors, s->resident_bytes, calls);
	put_json_batches(to, "records_sent", s->sent);
	put_json_batches(to, "records_received", s->received);
	fputs(" },\n", to);
}

void gateway_status_json(const struct gateway_snapshot *s, FILE *to)
{
	char listen[ENDPOINT_TEXT_MAX];

	fprintf(to, "{\n  \"version\": %d,\n  \"program\": \"%s\",\n",
		GATEWAY_STATUS_VERSION, ADIT_VERSION);
	fputs("  \"name\": ", to);
	put_string(to, s->name);
	fputs(",\n  \"device\": ", to);
	put_string(to, s->device);
	fprintf(to,
		",\n  \"listen\": \"%s\",\n  \"nat\": %s,\n"
		"  \"now\": %" PRIu64 ",\n  \"since\": %" PRIu64 ",\n"
		"  \"certificate_ends\": %" PRIu64 ",\n  \"ca_ends\": %" PRIu64
		",\n  \"problem\": ",
		endpoint_text(&s->listen, listen), s->nat ? "true" : "false",
		s->now, s->started, s->certificate_ends, s->ca_ends);
	put_string(to, s->problem);
	fprintf(to,
		",\n  \"clients\": { \"connected\": %" PRIu64
		", \"valid\": %" PRIu64 ", \"known\": %" PRIu64 " },\n",
		s->sessions_up, s->clients_living, s->clients_known);
	put_json_counters(to, s);
	put_json_drops(to, s);
	fputs("  \"sessions\": [", to);
	for (size_t i = 0; i < s->session_count; i++) {
		fputs(i ? ",\n" : "\n", to);
		put_json_session(to, s, &s->sessions[i]);
	}
	fputs(s->session_count ? "\n  ]\n}\n" : "]\n}\n", to);
}
