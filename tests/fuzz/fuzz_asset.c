/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two files of an identity by reference. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "config/json.h"
#include "config/profile_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_report report = { 0 };
	struct json *j;

	if (json_parse((const char *)data, size, &j, &report) < 0)
		return 0;
	for (enum profile_form form = PROFILE_FORM_ASSET; form < PROFILE_FORMS;
	     form++) {
		struct profile *p = calloc(1, sizeof(*p));

		assert(p);
		report = (struct config_report) { 0 };
		if (profile_read_part(p, j, form, &report) < 0)
			assert(report.errors > 0);
		profile_destroy(p);
	}
	json_destroy(j);
	return 0;
}
