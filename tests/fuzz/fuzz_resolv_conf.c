/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A resolv.conf of anybody's: what we write in its place names our stub alone,
 * and can be read by everybody. */
#include <stdlib.h>
#include <string.h>

#include "tunnel/host/dns_owner_ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const search[] = { "s1.example", "s2.example" };
	struct dns_owner_plan p = { .search = search, .search_count = 2 };
	char *old = strndup((const char *)data, len), *text, *line;
	static struct dns_owner_uplink u;

	(void)endpoint_parse("127.0.77.53:53", &p.stub);
	text = old ? dns_owner_file(&p, old) : NULL;
	if (!text)
		abort();
	dns_owner_parse_file(text, &u);
	line = strstr(text, "\nsearch ");
	if (u.server_count != 1 || u.search_count < 2 || !line ||
	    !endpoint_equal(&u.servers[0].at, &p.stub) ||
	    strcmp(u.search[0], search[0]) != 0 ||
	    strcmp(u.search[1], search[1]) != 0 ||
	    strcspn(line + 1, "\n") + 1 > DNS_OWNER_LINE_MAX)
		abort();
	free(text);
	free(old);
	return 0;
}
