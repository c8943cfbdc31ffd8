/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines for the journal of the machine, on standard error, with the level as
 * systemd reads it ("<6>"). For control code and programs only: library
 * folders return errors, and what decides next logs once. Any thread may call;
 * a line is one write.
 */
#ifndef ADIT_BASE_LOG_H
#define ADIT_BASE_LOG_H

#include "tunnel/base/attr.h"

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

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
