/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two names as text, with a zero byte between: each is the same name when it
 * was written and read again, and joined they have the second as a suffix.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool take(const char *text, struct dns_name *n)
{
	char again[DNS_TEXT_MAX];
	struct dns_name m;

	(void)dns_name_check(text, strlen(text));
	if (dns_name_from_text(text, n) != 0)
		return false;
	assert(dns_name_from_text(dns_name_text(n, again), &m) == 0);
	assert(m.len == n->len && memcmp(m.wire, n->wire, m.len) == 0);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = calloc(1, len + 2), *more;
	struct dns_name a, b, c;

	/* Two zeros at its end: there are always two strings. */
	if (len > 0)
		memcpy(text, data, len);
	more = text + strlen(text) + 1;

	if (take(text, &a) && take(more, &b) &&
	    dns_name_join(&a, &b, &c) == 0) {
		assert(dns_name_under(&c, &b));
		dns_name_tail(&c, dns_name_labels(&b), &a);
		assert(dns_name_equal(&a, &b));
	}
	free(text);
	return 0;
}
