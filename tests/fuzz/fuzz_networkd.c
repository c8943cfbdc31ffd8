/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A state file of a link, with an address that some DHCP server chose. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/host/portal_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char url[PORTAL_URL_MAX];

	portal_url_of_networkd((const char *)data, len, url);
	if (url[0] && strncmp(url, "https://", 8) != 0)
		abort();
	for (size_t i = 0; url[i]; i++)
		if (url[i] <= ' ' || url[i] > '~')
			abort();
	return 0;
}
