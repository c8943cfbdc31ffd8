/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/rebinding.h"

#include <string.h>

static const struct ip_prefix inside[] = {
	{ { AF_INET, { 0 } }, 8 },
	{ { AF_INET, { 10 } }, 8 },
	{ { AF_INET, { 100, 64 } }, 10 },
	{ { AF_INET, { 127 } }, 8 },
	{ { AF_INET, { 169, 254 } }, 16 },
	{ { AF_INET, { 172, 16 } }, 12 },
	{ { AF_INET, { 192, 168 } }, 16 },
	{ { AF_INET6, { 0 } }, 127 }, /* "::" and "::1" */
	{ { AF_INET6, { 0xfc } }, 7 },
	{ { AF_INET6, { 0xfe, 0x80 } }, 10 },
};

/* RFC 4291, 2.5.5.2: ::ffff:192.0.2.1 is a way to write 192.0.2.1. */
static struct ip_addr unmapped(const struct ip_addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct ip_addr inner = { .family = AF_INET };

	if (a->family != AF_INET6 ||
	    memcmp(a->bytes, mapped, sizeof(mapped)) != 0)
		return *a;
	memcpy(inner.bytes, a->bytes + sizeof(mapped), 4);
	return inner;
}

static bool is_inside(const struct ip_addr *a)
{
	struct ip_addr addr = unmapped(a);

	for (size_t i = 0; i < ARRAY_SIZE(inside); i++)
		if (prefix_has(&inside[i], &addr))
			return true;
	return false;
}

bool dns_answer_points_inside(const struct dns_answer *a)
{
	struct ip_addr addr;
	size_t at = 0;

	while (dns_answer_address(a, &at, &addr))
		if (is_inside(&addr))
			return true;
	return dns_answer_hints(a, is_inside);
}
