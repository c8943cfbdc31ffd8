/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells the service manager how it goes (sd_notify(3)), without its library: a
 * datagram to the socket that NOTIFY_SOCKET names. Does nothing when nobody
 * asked. Control thread.
 */
#ifndef ADIT_NOTIFY_H
#define ADIT_NOTIFY_H

#include "tunnel/base/attr.h"

/* "READY=1", "STATUS=work is up", "STOPPING=1": one assignment a line. */
void notify_send(const char *fmt, ...) ATTR_PRINTF(1, 2);

#endif
