/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Freed memory, back to the system. malloc gives back what lies behind the last
 * block in use; one small block that came late keeps all that a crowd has left
 * below it. Takes some ten milliseconds for a hundred megabytes, so: now and
 * then, and not on a packet's way. Any thread.
 */
#ifndef ADIT_BASE_MEMORY_H
#define ADIT_BASE_MEMORY_H

void memory_give_back(void);

#endif
