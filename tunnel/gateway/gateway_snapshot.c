/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway/gateway_snapshot.h"

#include <stdlib.h>

void gateway_snapshot_fini(struct gateway_snapshot *s)
{
	free(s->sessions);
	*s = (struct gateway_snapshot) { 0 };
}
