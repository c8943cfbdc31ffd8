/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A byte for the format, then a block list; and whatever it is, a name is
 * blocked when a line of its own says so. */
#include <stdlib.h>
#include <string.h>

#include "dns/blocklist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char own[] = "\n0.0.0.0 own.example\n";
	struct dns_blocklist *b = dns_blocklist_create();
	struct dns_name name;
	unsigned int labels;
	char *text;
	FILE *f;

	if (b == NULL || len < 1) {
		dns_blocklist_destroy(b);
		return 0;
	}
	/* What follows a list does not depend on how it ends. */
	text = malloc(len - 1 + strlen(own));
	memcpy(text, data + 1, len - 1);
	memcpy(text + len - 1, own, strlen(own));
	f = fmemopen(text, len - 1 + strlen(own), "r");
	if (dns_blocklist_add(b, f, data[0] & 1) != 0 ||
	    dns_blocklist_seal(b) != 0 ||
	    dns_name_from_text("x.own.example", &name) != 0)
		abort();
	if ((data[0] & 1) == DNS_LIST_HOSTS &&
	    (!dns_blocklist_has(b, &name, &labels) || labels > 3))
		abort();
	fclose(f);
	free(text);
	dns_blocklist_destroy(b);
	return 0;
}
