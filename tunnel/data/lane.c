/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/data/lane.h"

#include "tunnel/base/cpu.h"

unsigned int lanes_default(void)
{
	unsigned int cpus = cpu_count();

	return cpus < LANES_USUAL ? cpus : LANES_USUAL;
}
