/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/portal_url.h"

#include <string.h>

#define SCHEME "https://" /* RFC 8908, 4 */

static const char key[] = "CAPTIVE_PORTAL=";

void portal_url_take(const void *from, size_t len,
		     char ret_url[static PORTAL_URL_MAX])
{
	const char *p = from;

	ret_url[0] = '\0';
	while (len > 0 && p[len - 1] == '\0')
		len--;
	if (len >= PORTAL_URL_MAX || len <= strlen(SCHEME) ||
	    memcmp(p, SCHEME, strlen(SCHEME)) != 0)
		return;
	for (size_t i = 0; i < len; i++) {
		if (p[i] <= ' ' || p[i] > '~')
			return;
	}
	memcpy(ret_url, p, len);
	ret_url[len] = '\0';
}

/* It writes the value as it is, without quotes. */
void portal_url_of_networkd(const char *text, size_t len,
			    char ret_url[static PORTAL_URL_MAX])
{
	const char *end = text + len;

	ret_url[0] = '\0';
	while (text < end) {
		const char *next = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((next ? next : end) - text);

		if (line >= strlen(key) && memcmp(text, key, strlen(key)) == 0)
			portal_url_take(text + strlen(key), line - strlen(key),
					ret_url);
		text += line + (next != NULL);
	}
}
