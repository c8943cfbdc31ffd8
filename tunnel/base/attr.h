/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compiler attributes and the two macros that every file needs. */
#ifndef ADIT_BASE_ATTR_H
#define ADIT_BASE_ATTR_H

#include <stddef.h>

#define ATTR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ATTR_MUST_CHECK __attribute__((warn_unused_result))
#define ATTR_UNUSED __attribute__((unused))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr)-offsetof(type, member)))

#endif
