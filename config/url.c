/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/url.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tunnel/base/addr.h"

enum {
	HTTP_PORT = 80,
	HTTPS_PORT = 443,
	PORT_MAX = 65535,
};

static int refuse(char why[VALUE_WHY_MAX], const char *sentence)
{
	snprintf(why, VALUE_WHY_MAX, "%s", sentence);
	return -EINVAL;
}

/* What stands behind the host: nothing, or a colon and digits, or none. */
static int parse_port(const char *text, size_t len, struct url *u,
		      char why[VALUE_WHY_MAX])
{
	unsigned int port = 0;

	u->port = u->tls ? HTTPS_PORT : HTTP_PORT;
	if (len == 0)
		return 0;
	if (*text != ':')
		return -EINVAL;
	for (size_t i = 1; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || port > PORT_MAX)
			port = PORT_MAX + 1;
		else
			port = 10 * port + (unsigned int)(text[i] - '0');
	}
	if (len > 1 && (port == 0 || port > PORT_MAX))
		return refuse(why, "has a port that is no number from 1 to "
				   "65535");
	if (len > 1)
		u->port = (uint16_t)port;
	return 0;
}

/* A name or an address, as where a profile has a host alone. */
static int parse_host(const char *text, size_t len, struct url *u,
		      char why[VALUE_WHY_MAX])
{
	char host[DNS_NAME_MAX + 1];
	char *kept = NULL;
	int r;

	if (len == 0 || len > DNS_NAME_MAX)
		return refuse(why, "has no host");
	memcpy(host, text, len);
	host[len] = '\0';
	r = value_types[VALUE_HOST].parse(host, &kept, why);
	if (r == 0)
		snprintf(u->host, sizeof(u->host), "%s", kept);
	free(kept);
	return r;
}

/* "host:port", an IPv6 address in brackets. */
static int parse_authority(const char *text, size_t len, struct url *u,
			   char why[VALUE_WHY_MAX])
{
	const char *host = text, *end;
	struct ip_addr a;
	int r;

	if (memchr(text, '@', len))
		return refuse(why, "holds a user name");
	if (len == 0 || *text != '[') {
		end = memchr(text, ':', len);
		if (!end)
			end = text + len;
		r = parse_host(host, (size_t)(end - host), u, why);
	} else {
		end = memchr(++host, ']', len - 1);
		if (!end)
			return -EINVAL;
		r = parse_host(host, (size_t)(end - host), u, why);
		if (r == 0 &&
		    (addr_parse(u->host, &a) < 0 || a.family != AF_INET6))
			return -EINVAL;
		end++;
	}
	if (r < 0)
		return r;
	return parse_port(end, len - (size_t)(end - text), u, why);
}

int url_parse(const char *text, struct url *ret_url, char why[VALUE_WHY_MAX])
{
	struct url u = { 0 };
	int r;

	if (strncasecmp(text, "http://", 7) == 0)
		u.authority = text + 7;
	else if (strncasecmp(text, "https://", 8) == 0)
		u.authority = text + 8;
	else
		return -EINVAL;
	u.tls = u.authority == text + 8;
	if (strlen(text) > URL_MAX_LEN)
		return refuse(why, "is longer than 2048 bytes");
	for (const char *c = text; *c; c++)
		if (*c <= 0x20 || *c >= 0x7f || strchr("\"<>\\^`{|}", *c))
			return refuse(why, "holds a character that a URL "
					   "escapes with %");
	u.authority_len = strcspn(u.authority, "/?#");
	u.path = u.authority + u.authority_len;
	u.path_len = strcspn(u.path, "#");
	r = parse_authority(u.authority, u.authority_len, &u, why);
	if (r < 0)
		return r;
	*ret_url = u;
	return 0;
}
