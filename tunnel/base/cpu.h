/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What this CPU can do, as far as a choice depends on it. Any thread. */
#ifndef ADIT_BASE_CPU_H
#define ADIT_BASE_CPU_H

#include <stdbool.h>

/* It has instructions for AES. False also where that cannot be known. */
bool cpu_has_aes(void);
/* How many this process may use; at least 1. */
unsigned int cpu_count(void);

#endif
