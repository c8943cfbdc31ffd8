/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/liveness.h"

void liveness_start(struct liveness *l, uint64_t sent, uint64_t received)
{
	*l = (struct liveness) {
		.sent = sent,
		.received = received,
		.unanswered_ns = CLOCK_NEVER,
	};
}

void liveness_ask(struct liveness *l, uint64_t now_ns)
{
	if (l->unanswered_ns == CLOCK_NEVER)
		l->unanswered_ns = now_ns;
	l->asked_ns = now_ns;
	l->asked = 1;
}

enum liveness_verdict liveness_step(struct liveness *l, uint64_t now_ns,
				    uint64_t sent, uint64_t received,
				    uint64_t rtt_ns)
{
	uint64_t patience =
		3 *
		(rtt_ns < LIVENESS_RTT_MAX_NS ? rtt_ns : LIVENESS_RTT_MAX_NS);
	unsigned int asked = l->asked;

	if (patience < LIVENESS_PATIENCE_NS)
		patience = LIVENESS_PATIENCE_NS;
	if (received != l->received) {
		l->received = received;
		l->sent = sent;
		l->asked = 0;
		l->unanswered_ns = CLOCK_NEVER;
		return asked > 0 ? LIVENESS_HEARD : LIVENESS_QUIET;
	}
	if (sent != l->sent) {
		l->sent = sent;
		if (l->unanswered_ns == CLOCK_NEVER)
			l->unanswered_ns = now_ns;
	}
	if (l->unanswered_ns == CLOCK_NEVER)
		return LIVENESS_QUIET;
	if (now_ns - (asked ? l->asked_ns : l->unanswered_ns) < patience)
		return LIVENESS_QUIET;
	if (asked == LIVENESS_ECHOES)
		return LIVENESS_SILENT;
	l->asked_ns = now_ns;
	l->asked++;
	return asked ? LIVENESS_MISSED : LIVENESS_ECHO;
}
