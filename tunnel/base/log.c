/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int level_max = LOG_LEVEL_INFO;

static const struct {
	const char *name;
	enum log_level level;
} levels[] = {
	{ "error", LOG_LEVEL_ERROR },	{ "warning", LOG_LEVEL_WARNING },
	{ "notice", LOG_LEVEL_NOTICE }, { "info", LOG_LEVEL_INFO },
	{ "debug", LOG_LEVEL_DEBUG },
};

void log_set_level(enum log_level level)
{
	atomic_store(&level_max, (int)level);
}

int log_level_parse(const char *text, enum log_level *ret_level)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(levels[i].name, text) == 0) {
			*ret_level = levels[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[1024];
	size_t n = 0;
	va_list args;
	int r;

	if ((int)level > atomic_load(&level_max))
		return;
	/* systemd sets this when it reads our standard error. */
	if (getenv("JOURNAL_STREAM") != NULL)
		n = (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
	va_start(args, fmt);
	r = vsnprintf(line + n, sizeof(line) - n - 1, fmt, args);
	va_end(args);
	if (r < 0)
		return;
	n += (size_t)r;
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	/* What others sent us may be in the line: keep it one line. */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	/* There is nobody to tell that the log cannot be written. */
	(void)!write(STDERR_FILENO, line, n);
}
