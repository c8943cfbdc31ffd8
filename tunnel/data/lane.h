/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many lanes an end sends on: it has as many worker threads, queues of its
 * TUN device and keys to send with. The two ends of a session need not have
 * the same number; the gateway says how many lane numbers a session may use
 * (PROTOCOL.md, "Lanes").
 */
#ifndef ADIT_DATA_LANE_H
#define ADIT_DATA_LANE_H

enum {
	LANES_MAX = 64,
	/* Of a session, where nothing else is said: what an end chooses by
	 * itself is never more. */
	LANES_USUAL = 4,
};

/* What fits this machine. */
unsigned int lanes_default(void);

#endif
