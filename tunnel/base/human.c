/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/human.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void human_duration(FILE *to, uint64_t s)
{
	if (s < 60)
		fprintf(to, "%" PRIu64 " s", s);
	else if (s < 3600)
		fprintf(to, "%" PRIu64 " min", s / 60);
	else if (s < 48 * 3600)
		fprintf(to, "%" PRIu64 " h %" PRIu64 " min", s / 3600,
			s / 60 % 60);
	else
		fprintf(to, "%" PRIu64 " days", s / 86400);
}

void human_bytes(FILE *to, uint64_t n)
{
	static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB" };
	double value = (double)n;
	size_t i = 0;

	for (; value >= 1000 && i + 1 < ARRAY_SIZE(units); i++)
		value /= 1000;
	fprintf(to, i == 0 ? "%.0f %s" : "%.1f %s", value, units[i]);
}

int human_parse_duration(const char *text, uint64_t *ret_s)
{
	enum { DIGITS_MAX = 9 };
	static const struct {
		char letter;
		uint32_t s;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	uint64_t sum = 0;

	if (*text == '\0')
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(units) && *text != '\0'; i++) {
		size_t digits = strspn(text, "0123456789");

		if (digits == 0 || digits > DIGITS_MAX)
			return -EINVAL;
		if (text[digits] != units[i].letter)
			continue;
		sum += strtoull(text, NULL, 10) * units[i].s;
		text += digits + 1;
	}
	if (*text != '\0')
		return -EINVAL;
	*ret_s = sum;
	return 0;
}
