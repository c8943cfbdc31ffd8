/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hold as some process left it: what was taken is written as a text that
 * means the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/daemon/hold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char boot[HOLD_BOOT_MAX], again_boot[HOLD_BOOT_MAX], *text, *second;
	struct hold h, again;

	if (hold_parse((const char *)data, size, &h, boot) < 0)
		return 0;
	text = hold_text(&h, boot);
	assert(strlen(text) <= HOLD_FILE_MAX);
	assert(hold_parse(text, strlen(text), &again, again_boot) == 0);
	second = hold_text(&again, again_boot);
	assert(strcmp(text, second) == 0);
	free(second);
	free(text);
	return 0;
}
