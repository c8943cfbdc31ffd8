/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/name.h"

#include <stdbool.h>

static bool is_letter_digit_hyphen(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_';
}

enum dns_name_fault dns_name_check(const char *name, size_t len)
{
	size_t label = 0;

	if (len == 0)
		return DNS_NAME_EMPTY;
	if (len > DNS_NAME_MAX)
		return DNS_NAME_LONG;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)name[i] >= 0x80)
			return DNS_NAME_NOT_ASCII;
		if (name[i] == '.' ? label == 0 : label == DNS_LABEL_MAX)
			return DNS_NAME_LABEL;
		if (name[i] != '.' && !is_letter_digit_hyphen(name[i]))
			return DNS_NAME_CHARACTER;
		label = name[i] == '.' ? 0 : label + 1;
	}
	return label > 0 ? DNS_NAME_OK : DNS_NAME_LABEL;
}
