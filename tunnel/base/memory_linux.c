/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/memory.h"

#include <malloc.h>

void memory_give_back(void)
{
	(void)malloc_trim(0);
}
