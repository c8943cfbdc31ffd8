/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a network says of its portal is shown to people. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "tunnel/daemon/portal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct portal_result r;

	if (portal_read((const char *)data, size, &r) < 0)
		return 0;
	assert(r.state == PORTAL_FREE || r.state == PORTAL_CAPTIVE);
	assert(r.url[0] == '\0' || strncasecmp(r.url, "http", 4) == 0);
	for (const char *c = r.url; *c; c++)
		assert(*c > ' ' && *c < 0x7f);
	return 0;
}
