/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines for the journal of the machine, on standard error, with the level as
 * systemd reads it ("<6>"). For control code and programs only: library
 * folders return errors, and what decides next logs once. Any thread may call;
 * a line is one write.
 *
 * The last LOG_KEPT_BYTES of lines are kept in memory: log_recall() walks
 * through them.
 */
#ifndef ADIT_BASE_LOG_H
#define ADIT_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "tunnel/base/attr.h"

enum {
	LOG_LINE_MAX = 1024, /* the rest is cut off; final zero included */
	LOG_KEPT_BYTES = 128 * 1024,
};

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Lines above this level are dropped. The default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
/* "error", "warning", "notice", "info", "debug": 0, or -EINVAL. */
int log_level_parse(const char *text, enum log_level *ret_level);

void log_line(enum log_level level, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* "error" and so on. */
const char *log_level_name(enum log_level level);

/* Where somebody is in the kept lines. Zeroed: before the oldest. */
struct log_cursor {
	uint64_t at, number;
};

struct log_kept {
	int64_t at_ms; /* since 1970 */
	enum log_level level;
	uint64_t lost; /* lines between the one before and this: not kept */
	char text[LOG_LINE_MAX];
};

/* The next line, if there is one. */
bool log_recall(struct log_cursor *cursor, struct log_kept *ret_line);
/* `wake` is called for each line kept, on the thread that logs it, and may not
 * log. NULL: not any more, also not in another thread. */
void log_set_wake(void (*wake)(void *arg), void *arg);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
