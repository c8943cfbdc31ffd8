/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/human.h"

#include <inttypes.h>
#include <stddef.h>

#include "tunnel/base/attr.h"

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
