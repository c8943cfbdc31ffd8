/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS rebinding: a name of the outside that points at a host of the inside, so
 * that a browser lets a stranger's page talk to it. Pure; any thread.
 */
#ifndef ADIT_DNS_REBINDING_H
#define ADIT_DNS_REBINDING_H

#include <stdbool.h>

#include "dns/message.h"

/* Does any A or AAAA record of the answer hold, or any HTTPS or SVCB record
 * hint at, an address that is private (RFC 1918, 4193, 6598), loopback,
 * link-local or unspecified, also inside an IPv4-mapped one? */
bool dns_answer_points_inside(const struct dns_answer *a);

#endif
