/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/allocation.h"

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local unsigned long left;
static _Thread_local bool failed;

void allocation_fail_at(unsigned long n)
{
	left = n;
	if (n > 0)
		failed = false;
}

bool allocation_has_failed(void)
{
	return failed;
}

static bool fails(void)
{
	if (left == 0 || --left > 0)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t count, size_t size);
char *__real_strdup(const char *s);
FILE *__real_open_memstream(char **ret, size_t *ret_len);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t count, size_t size);
char *__wrap_strdup(const char *s);
int __wrap_asprintf(char **ret, const char *fmt, ...);
FILE *__wrap_open_memstream(char **ret, size_t *ret_len);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t count, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, count, size);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

int __wrap_asprintf(char **ret, const char *fmt, ...)
{
	va_list args;
	int n;

	if (fails())
		return -1;
	va_start(args, fmt);
	n = vasprintf(ret, fmt, args);
	va_end(args);
	return n;
}

FILE *__wrap_open_memstream(char **ret, size_t *ret_len)
{
	return fails() ? NULL : __real_open_memstream(ret, ret_len);
}

void allocation_walk(const char *name, int (*make)(void), bool others)
{
	unsigned long n;

	for (n = 1; n < 100000; n++) {
		int r;

		allocation_fail_at(n);
		r = make();
		allocation_fail_at(0);
		if (!failed) {
			ck_assert_msg(r == 0, "%s: %d", name, r);
			break;
		}
		if (!others)
			ck_assert_msg(r == -ENOMEM, "%s, at allocation %lu: %d",
				      name, n, r);
	}
	ck_assert_msg(n < 100000, "%s never works", name);
	printf("note: %s: each of %lu allocations\n", name, n - 1);
}
