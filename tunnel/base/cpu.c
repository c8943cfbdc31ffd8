/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/cpu.h"

#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

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

#ifdef __linux__

/* Not all that the machine has: a container or a unit may be confined. */
unsigned int cpu_count(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (unsigned int)CPU_COUNT(&set);
	return 1; /* a machine with more than cpu_set_t knows */
}

#else

unsigned int cpu_count(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned int)n : 1;
}

#endif
