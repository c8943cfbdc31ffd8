/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Says that links, addresses, routes or rules of the host changed; not what:
 * the caller reads the facts again (host_routes) and verifies. So a lost
 * message costs nothing, and ENOBUFS is one more change. Control thread.
 */
#ifndef ADIT_HOST_NETWATCH_H
#define ADIT_HOST_NETWATCH_H

#include <stdbool.h>

/* A nonblocking descriptor to poll for reading, to be closed; or -errno. */
int netwatch_open(void);
/* Reads everything that is there. */
bool netwatch_drain(int fd);

#endif
