/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/check.h"

#include <string.h>

#include "config/profile.h"

enum {
	EXIT_INVALID = 2,
};

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

int profile_check(const char *path, FILE *out, FILE *errors)
{
	struct config_report report;
	struct profile *p = NULL;
	int r = profile_load(path, PROFILE_FOR_CHECK, &p, &report);

	config_report_print(&report, path, errors);
	if (r < 0) {
		if (report.errors == 0)
			fprintf(errors, "%s: %s\n", path, strerror(-r));
		else
			fprintf(out, "%s: invalid, %zu error%s\n", path,
				report.errors, plural(report.errors));
		return EXIT_INVALID;
	}
	fprintf(out, "%s: \"%s\" is valid", path, p->visible_name);
	if (report.warnings > 0)
		fprintf(out, ", %zu warning%s", report.warnings,
			plural(report.warnings));
	fputc('\n', out);
	profile_destroy(p);
	return 0;
}
