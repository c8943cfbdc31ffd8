/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many lanes (worker threads, TUN queues, UDP sockets) an end can have. */
#ifndef ADIT_DATA_LANE_H
#define ADIT_DATA_LANE_H

enum {
	LANES_MAX = 64,
};

#endif
