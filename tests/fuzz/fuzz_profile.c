/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A profile that is accepted can be printed, and what is printed is JSON. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "config/json.h"
#include "config/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_report report;
	struct profile *p;
	struct json *j;
	char *text = NULL;
	size_t len;
	FILE *to;

	if (profile_parse((const char *)data, size, PROFILE_FOR_CHECK, &p,
			  &report) < 0) {
		assert(report.errors > 0);
		return 0;
	}
	to = open_memstream(&text, &len);
	profile_print(p, to);
	fclose(to);
	profile_destroy(p);
	assert(json_parse(text, len, &j, &report) == 0);
	json_destroy(j);
	free(text);
	return 0;
}
