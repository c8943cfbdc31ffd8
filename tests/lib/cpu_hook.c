/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/hooks.h"
#include "tunnel/base/cpu.h"

bool cpu_hook_no_aes;

bool __real_cpu_has_aes(void);
bool __wrap_cpu_has_aes(void);

bool __wrap_cpu_has_aes(void)
{
	return !cpu_hook_no_aes && __real_cpu_has_aes();
}
