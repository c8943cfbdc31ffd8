/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/cpu.h"

#if defined(__x86_64__)

bool cpu_has_aes(void)
{
	return __builtin_cpu_supports("aes");
}

#elif defined(__aarch64__) && defined(__linux__)

#include <sys/auxv.h>

/* Small boards are without. */
bool cpu_has_aes(void)
{
	return (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
}

#elif defined(__aarch64__) && defined(__APPLE__)

bool cpu_has_aes(void)
{
	return true;
}

#else

bool cpu_has_aes(void)
{
	return false;
}

#endif
