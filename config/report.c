/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/report.h"

#include <stdarg.h>
#include <string.h>

#include "config/text.h"

struct config_error *config_report_add(struct config_report *r, bool warning,
				       const char *fmt, ...)
{
	size_t *found = warning ? &r->warnings : &r->errors;
	struct config_error *e;
	va_list args;

	/* Errors and warnings have a quota each, so that a flood of one does
	 * not hide the other. */
	if ((*found)++ >= CONFIG_ERRORS_MAX)
		return NULL;
	e = &r->items[r->count++];
	*e = (struct config_error) { .warning = warning };
	va_start(args, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, args);
	va_end(args);
	text_make_printable(e->text);
	return e;
}

const char *config_error_text(const struct config_error *e, const char *file,
			      char *buf, size_t len)
{
	char place[32] = "";

	if (e->line > 0)
		snprintf(place, sizeof(place), ":%u:%u", e->line, e->column);
	snprintf(buf, len, "%s%s: %s%s%s%s", file, place, e->pointer,
		 e->pointer[0] ? ": " : "", e->warning ? "warning: " : "",
		 e->text);
	return buf;
}

static bool is_before(const struct config_error *a,
		      const struct config_error *b)
{
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

void config_report_print(const struct config_report *r, const char *file,
			 FILE *to)
{
	const struct config_error *order[2 * CONFIG_ERRORS_MAX];
	char line[CONFIG_LINE_MAX + 4096];
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++) {
		size_t at = n++;

		for (; at > 0 && is_before(&r->items[i], order[at - 1]); at--)
			order[at] = order[at - 1];
		order[at] = &r->items[i];
	}
	for (size_t i = 0; i < n; i++)
		fprintf(to, "%s\n",
			config_error_text(order[i], file, line, sizeof(line)));
	if (r->errors > CONFIG_ERRORS_MAX)
		fprintf(to, "%s: and %zu more errors\n", file,
			r->errors - CONFIG_ERRORS_MAX);
	if (r->warnings > CONFIG_ERRORS_MAX)
		fprintf(to, "%s: and %zu more warnings\n", file,
			r->warnings - CONFIG_ERRORS_MAX);
}

const struct config_error *config_report_first(const struct config_report *r)
{
	const struct config_error *first = NULL;

	for (size_t i = 0; i < r->count; i++) {
		const struct config_error *e = &r->items[i];

		if (!e->warning && (!first || is_before(e, first)))
			first = e;
	}
	return first;
}
