/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tunnel/base/clock.h"

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

const char *log_level_name(enum log_level level)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (levels[i].level == level)
			return levels[i].name;
	return "";
}

/* Lies before each text in the ring. */
struct record {
	int64_t at_ms;
	uint16_t level, len;
};

/* Positions and numbers only grow; a position's place is its remainder. */
static struct {
	pthread_mutex_t lock;
	uint64_t begin, end; /* of the kept records */
	uint64_t first;	     /* number of the line at `begin` */
	void (*wake)(void *arg);
	void *arg;
	char bytes[LOG_KEPT_BYTES];
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void put(uint64_t at, const void *from, size_t len)
{
	size_t place = at % LOG_KEPT_BYTES, rest = LOG_KEPT_BYTES - place;

	if (rest > len)
		rest = len;
	memcpy(kept.bytes + place, from, rest);
	memcpy(kept.bytes, (const char *)from + rest, len - rest);
}

static void get(uint64_t at, void *to, size_t len)
{
	size_t place = at % LOG_KEPT_BYTES, rest = LOG_KEPT_BYTES - place;

	if (rest > len)
		rest = len;
	memcpy(to, kept.bytes + place, rest);
	memcpy((char *)to + rest, kept.bytes, len - rest);
}

static void keep(enum log_level level, const char *text, size_t len)
{
	struct record r = {
		.at_ms = clock_wall_ms(),
		.level = (uint16_t)level,
		.len = (uint16_t)len,
	}, oldest;

	pthread_mutex_lock(&kept.lock);
	while (kept.end + sizeof(r) + len - kept.begin > LOG_KEPT_BYTES) {
		get(kept.begin, &oldest, sizeof(oldest));
		kept.begin += sizeof(oldest) + oldest.len;
		kept.first++;
	}
	put(kept.end, &r, sizeof(r));
	put(kept.end + sizeof(r), text, len);
	kept.end += sizeof(r) + len;
	if (kept.wake != NULL)
		kept.wake(kept.arg);
	pthread_mutex_unlock(&kept.lock);
}

bool log_recall(struct log_cursor *c, struct log_kept *ret_line)
{
	struct record r;
	bool found = false;

	pthread_mutex_lock(&kept.lock);
	ret_line->lost = 0;
	if (c->at < kept.begin) {
		ret_line->lost = kept.first - c->number;
		c->at = kept.begin;
		c->number = kept.first;
	}
	if (c->at < kept.end) {
		get(c->at, &r, sizeof(r));
		get(c->at + sizeof(r), ret_line->text, r.len);
		ret_line->text[r.len] = '\0';
		ret_line->at_ms = r.at_ms;
		ret_line->level = (enum log_level)r.level;
		c->at += sizeof(r) + r.len;
		c->number++;
		found = true;
	}
	pthread_mutex_unlock(&kept.lock);
	return found;
}

void log_set_wake(void (*wake)(void *arg), void *arg)
{
	pthread_mutex_lock(&kept.lock);
	kept.wake = wake;
	kept.arg = arg;
	pthread_mutex_unlock(&kept.lock);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	size_t n = 0, prefix;
	va_list args;
	int r;

	if ((int)level > atomic_load(&level_max))
		return;
	/* systemd sets this when it reads our standard error. */
	if (getenv("JOURNAL_STREAM") != NULL)
		n = (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
	prefix = n;
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
	keep(level, line + prefix, n - prefix);
	line[n++] = '\n';
	/* There is nobody to tell that the log cannot be written. */
	(void)!write(STDERR_FILENO, line, n);
}
