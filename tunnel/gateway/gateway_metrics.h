/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateway's metrics: one table with the name, the labels and the place of
 * each number in a snapshot, and their text in Prometheus' format (0.0.4).
 * METRICS.md beside this file explains each of them. Pure; any thread.
 */
#ifndef ADIT_GATEWAY_METRICS_H
#define ADIT_GATEWAY_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tunnel/gateway/gateway_snapshot.h"

enum {
	GATEWAY_METRIC_LABELS = 2,
};

struct gateway_sample {
	const char *value[GATEWAY_METRIC_LABELS]; /* of the labels, or NULL */
	size_t at; /* of a uint64_t in struct gateway_snapshot */
};

struct gateway_metric {
	const char *name; /* without the prefix "adit_gateway_" */
	const char *help;
	bool gauge;
	const char *label[GATEWAY_METRIC_LABELS]; /* or NULL */
	const struct gateway_sample *samples;
	size_t sample_count;
};

extern const struct gateway_metric gateway_metrics[];
extern const size_t gateway_metrics_count;
/* Of these, the two that count drops by cause; label 0 says where. */
extern const struct gateway_metric *const gateway_metrics_drops[2];

uint64_t gateway_metrics_value(const struct gateway_snapshot *s,
			       const struct gateway_sample *sample);
void gateway_metrics_print(const struct gateway_snapshot *s, FILE *to);

#endif
