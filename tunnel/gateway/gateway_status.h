/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `adit-gateway status` shows, made of a snapshot by the gateway itself:
 * half a screen for a person, or JSON for a program. Pure; any thread.
 */
#ifndef ADIT_GATEWAY_STATUS_H
#define ADIT_GATEWAY_STATUS_H

#include <stdio.h>

#include "tunnel/gateway/gateway_snapshot.h"

enum {
	/* Keys may be added without a new version, and none goes away. */
	GATEWAY_STATUS_VERSION = 1,
};

void gateway_status_text(const struct gateway_snapshot *s, FILE *to);
void gateway_status_json(const struct gateway_snapshot *s, FILE *to);

#endif
