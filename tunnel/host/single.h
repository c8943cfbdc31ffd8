/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One owner of a device in a network namespace, whatever folders it was given:
 * a name that the kernel forgets with its process. Control thread.
 */
#ifndef ADIT_SINGLE_H
#define ADIT_SINGLE_H

#include <sys/types.h>

#include "tunnel/base/attr.h"

/* A descriptor that is kept as long as the device is ours; -EBUSY with the
 * other's process id in ret_other (0: not to be seen from here); -EPERM: a
 * stranger has the name, who can be no owner. Or -errno. */
int single_open(const char *device, pid_t *ret_other) ATTR_MUST_CHECK;

#endif
