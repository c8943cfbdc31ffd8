/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) How the gateway is: /metrics on a loopback port, and all of it on a
 * socket in its directory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/credentials.h"
#include "tunnel/base/clock.h"
#include "tunnel/gateway/gateway_metrics.h"
#include "tunnel/gateway/gateway_private.h"
#include "tunnel/gateway/gateway_status.h"

/* 0 where /proc is not there. */
static uint64_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long size, resident = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%llu %llu", &size, &resident) != 2)
		resident = 0;
	fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

void gateway_counters(const struct gateway *g, struct counters *ret_counters)
{
	*ret_counters = (struct counters) { 0 };
	for (unsigned int i = 0; i < g->lanes; i++)
		counters_gather(ret_counters, worker_counters(g->worker[i]));
	counter_add(&ret_counters->of[COUNTER_DROP_QUEUE],
		    tun_dropped(&g->tun));
}

static void observe(const struct gateway *g, struct gateway_snapshot *ret)
{
	struct counters c;

	gateway_counters(g, &c);
	*ret = (struct gateway_snapshot) {
		.name = g->config.name,
		.device = g->tun.name,
		.listen = g->local,
		.nat = g->nat,
		.now = (uint64_t)clock_wall_s(),
		.now_ns = clock_now_ns(),
		.started = (uint64_t)g->started,
		.certificate_ends =
			(uint64_t)credentials_expires(g->credentials),
		.ca_ends = (uint64_t)g->ca_ends,
		.host_repairs = g->host_repairs,
		.host_repair_errors = g->host_repair_errors,
		.resident_bytes = resident_bytes(),
	};
	for (int i = 0; i < COUNTER_COUNT; i++)
		ret->data[i] = counter_get(&c.of[i]);
	for (int i = 0; i < BATCH_BUCKETS; i++) {
		ret->sent[i] = counter_get(&c.sent[i]);
		ret->received[i] = counter_get(&c.received[i]);
	}
	gateway_sessions_observe(g->sessions, ret);
}

static enum gateway_http_status answer_metrics(void *arg, const char *target,
					       FILE *body,
					       const char **ret_type)
{
	const struct gateway *g = arg;
	struct gateway_snapshot s;

	if (strcmp(target, "/metrics") != 0)
		return GATEWAY_HTTP_NOT_FOUND;
	observe(g, &s);
	gateway_metrics_print(&s, body);
	gateway_snapshot_fini(&s);
	*ret_type = "text/plain; version=0.0.4; charset=utf-8";
	return GATEWAY_HTTP_OK;
}

static enum gateway_http_status answer_status(void *arg, const char *target,
					      FILE *body, const char **ret_type)
{
	const struct gateway *g = arg;
	bool json = strcmp(target, GATEWAY_STATUS_JSON) == 0;
	struct gateway_snapshot s;

	if (!json && strcmp(target, GATEWAY_STATUS_TEXT) != 0)
		return answer_metrics(arg, target, body, ret_type);
	observe(g, &s);
	if (gateway_sessions_observe_each(g->sessions, clock_now_ns(), &s))
		return GATEWAY_HTTP_FAILED;
	if (json)
		gateway_status_json(&s, body);
	else
		gateway_status_text(&s, body);
	gateway_snapshot_fini(&s);
	*ret_type = json ? "application/json" : "text/plain; charset=utf-8";
	return GATEWAY_HTTP_OK;
}

static int open_status(struct gateway *g)
{
	char path[GATEWAY_PATH_MAX + 32];
	struct gateway_http_options o = { .path = path,
					  .answer = answer_status,
					  .arg = g };
	int rc;

	snprintf(path, sizeof(path), "%s/" GATEWAY_STATUS_SOCKET, g->o->dir);
	rc = gateway_http_serve(&g->loop, &o, &g->status);
	if (rc == -ENAMETOOLONG)
		return gateway_failed_at(g, rc, path, GATEWAY_SOCKET_TOO_LONG);
	return rc ? gateway_failed_at(g, rc, path, strerror(-rc)) : 0;
}

static int open_metrics(struct gateway *g)
{
	struct gateway_http_options o = { .port = &g->metrics_at,
					  .answer = answer_metrics,
					  .arg = g };
	char text[ENDPOINT_TEXT_MAX];
	int rc;

	g->metrics_at = g->o->metrics;
	if (!g->metrics_at.addr.family)
		return 0;
	rc = gateway_http_serve(&g->loop, &o, &g->metrics);
	if (rc == 0)
		return 0;
	return gateway_failed_at(g, rc, endpoint_text(&g->o->metrics, text),
				 rc == -EADDRINUSE
					 ? "another program has this TCP port; "
					   "--metrics takes another"
					 : strerror(-rc));
}

int gateway_observe_start(struct gateway *g)
{
	int rc = open_status(g);

	return rc ? rc : open_metrics(g);
}

void gateway_observe_stop(struct gateway *g)
{
	gateway_http_close(g->status);
	gateway_http_close(g->metrics);
	g->status = g->metrics = NULL;
}
