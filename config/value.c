/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/value.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/base64.h"
#include "config/profile.h"
#include "config/url.h"
#include "crypto/secret.h"
#include "dns/name.h"
#include "tunnel/base/addr.h"

enum {
	TEXT_MAX_LEN = 255,
	PATH_MAX_LEN = 4095,
	SSID_MAX_LEN = 32, /* IEEE 802.11, bytes */
};

static int refuse(char why[VALUE_WHY_MAX], const char *sentence)
{
	snprintf(why, VALUE_WHY_MAX, "%s", sentence);
	return -EINVAL;
}

/* Every kind that is kept as text ends here. */
static int keep(const char *text, size_t len, void *to)
{
	char *copy = strndup(text, len);

	if (!copy)
		return -ENOMEM;
	memcpy(to, &copy, sizeof(copy));
	return 0;
}

static char *kept(const void *value)
{
	char *text;

	memcpy(&text, value, sizeof(text));
	return text;
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

static int parse_text(const char *text, void *to, char why[VALUE_WHY_MAX])
{
	size_t len = strlen(text);

	if (len == 0)
		return refuse(why, "is empty");
	if (len > TEXT_MAX_LEN)
		return refuse(why, "is longer than 255 bytes");
	if (has_control(text))
		return refuse(why, "holds a control character");
	return keep(text, len, to);
}

static int parse_ignored(const char *text ATTR_UNUSED, void *to ATTR_UNUSED,
			 char why[VALUE_WHY_MAX] ATTR_UNUSED)
{
	return 0;
}

static int parse_password(const char *text, void *to,
			  char why[VALUE_WHY_MAX] ATTR_UNUSED)
{
	return keep(text, strlen(text), to);
}

/* -EINVAL without a reason: the caller says what it wants instead. */
static int name_check(const char *name, size_t len, char why[VALUE_WHY_MAX])
{
	switch (dns_name_check(name, len)) {
	case DNS_NAME_OK:
		return 0;
	case DNS_NAME_LONG:
		return refuse(why, "is longer than a DNS name can be");
	case DNS_NAME_NOT_ASCII:
		return refuse(why, "has letters outside ASCII: write it in its "
				   "A-label form (\"xn--...\")");
	case DNS_NAME_LABEL:
		return refuse(why, "has a label that is empty or longer than "
				   "63");
	case DNS_NAME_EMPTY:
	case DNS_NAME_CHARACTER:
		break;
	}
	return -EINVAL;
}

/* Lower case, dots at both ends and "*." in front taken off. */
static int domain_keep(const char *text, void *to, char why[VALUE_WHY_MAX])
{
	char lower[DNS_NAME_MAX + 4];
	size_t len;
	int r;

	if (strncmp(text, "*.", 2) == 0)
		text += 2;
	else if (*text == '.')
		text++;
	len = strlen(text);
	if (len > 0 && text[len - 1] == '.')
		len--;
	r = name_check(text, len, why);
	if (r < 0)
		return r;
	for (size_t i = 0; i < len; i++)
		lower[i] = text[i] >= 'A' && text[i] <= 'Z'
				   ? (char)(text[i] + 'a' - 'A')
				   : text[i];
	return keep(lower, len, to);
}

static int parse_domain(const char *text, void *to, char why[VALUE_WHY_MAX])
{
	if (strncmp(text, "*.", 2) == 0)
		return refuse(why, "is a pattern, and a name is wanted");
	return domain_keep(text, to, why);
}

static int parse_match_domain(const char *text, void *to,
			      char why[VALUE_WHY_MAX])
{
	if (strcmp(text, "*") == 0)
		return refuse(why, "matches nothing: \"\" stands for every "
				   "name");
	if (*text == '\0')
		return keep("", 0, to);
	return domain_keep(text, to, why);
}

static int parse_rule_domain(const char *text, void *to,
			     char why[VALUE_WHY_MAX])
{
	if (strcmp(text, "*") == 0)
		return keep("*", 1, to);
	return domain_keep(text, to, why);
}

/* A name whose last label is a number is a mistyped address (RFC 1123 2.1). */
static int host_check(const char *text, size_t len, char why[VALUE_WHY_MAX])
{
	const char *last = memrchr(text, '.', len);
	int r = name_check(text, len, why);

	last = last ? last + 1 : text;
	if (r == 0 && strspn(last, "0123456789") >= len - (size_t)(last - text))
		return refuse(why, "is neither an address nor a name");
	return r;
}

static int parse_host(const char *text, void *to, char why[VALUE_WHY_MAX])
{
	size_t len = strlen(text);
	struct ip_addr a;
	int r;

	if (addr_parse(text, &a) == 0)
		return keep(text, len, to);
	if (strstr(text, "://"))
		return refuse(why, "is a URL: only its host belongs here");
	if (text[0] == '[')
		return refuse(why, "has brackets: an address stands here "
				   "without");
	if (strchr(text, ':'))
		return refuse(why, "has a port or is no address: the port "
				   "stands in VendorConfig as \"Port\"");
	if (len > 0 && text[len - 1] == '.')
		len--;
	r = host_check(text, len, why);
	return r < 0 ? r : keep(text, len, to);
}

static int keep_url(const char *text, bool http, bool https, void *to,
		    char why[VALUE_WHY_MAX])
{
	struct url u;
	int r = url_parse(text, &u, why);

	if (r < 0)
		return r;
	if (u.tls ? !https : !http)
		return -EINVAL;
	return keep(text, strlen(text), to);
}

static int parse_url(const char *text, void *to, char why[VALUE_WHY_MAX])
{
	return keep_url(text, true, true, to, why);
}

static int parse_url_http(const char *text, void *to, char why[VALUE_WHY_MAX])
{
	return keep_url(text, true, false, to, why);
}

static int parse_url_https(const char *text, void *to, char why[VALUE_WHY_MAX])
{
	return keep_url(text, false, true, to, why);
}

static int parse_path(const char *text, void *to, char why[VALUE_WHY_MAX])
{
	size_t len = strlen(text);

	if (text[0] != '/')
		return refuse(why, "is not an absolute path");
	if (len > PATH_MAX_LEN || has_control(text))
		return refuse(why, "is no usable path");
	return keep(text, len, to);
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at =
		c ? strchr(digits, c >= 'A' && c <= 'F' ? c | 32 : c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The local form of RFC 8089; keeps the path, its %-escapes decoded. */
static int parse_file_url(const char *text, void *to, char why[VALUE_WHY_MAX])
{
	static const char scheme[] = "file://";
	char path[PATH_MAX_LEN + 1];
	size_t len = 0;

	if (strncmp(text, "https://", 8) == 0)
		return refuse(why, "is elsewhere: fetch it, and name the file "
				   "as \"file:///PATH\"");
	if (strncmp(text, scheme, sizeof(scheme) - 1) != 0)
		return -EINVAL;
	text += sizeof(scheme) - 1;
	if (*text != '/')
		return refuse(why, "names a host: a file on this machine has "
				   "three slashes, \"file:///PATH\"");
	for (; *text && len < PATH_MAX_LEN; text++) {
		int high = *text == '%' ? hex_digit(text[1]) : -1;
		int low = high >= 0 ? hex_digit(text[2]) : -1;

		if (*text == '?' || *text == '#' || (*text == '%' && low < 0))
			return refuse(why, "has a \"?\", \"#\" or \"%\" that a "
					   "URL escapes with %");
		path[len++] = *text == '%' ? (char)(high << 4 | low) : *text;
		text += *text == '%' ? 2 : 0;
	}
	path[len] = '\0';
	if (*text || strlen(path) != len || has_control(path))
		return refuse(why, "is no usable path");
	return keep(path, len, to);
}

/* One block "BEGIN CERTIFICATE" ... "END CERTIFICATE", base64 of DER inside.
 * What the certificate says is the handshake's to judge. */
static const char *pem_block(const char *text, char why[VALUE_WHY_MAX])
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----",
			  end[] = "-----END CERTIFICATE-----";
	const char *body = strstr(text, begin), *stop;
	struct profile_bytes der = { 0 };
	bool good;

	if (!body)
		return NULL;
	body += sizeof(begin) - 1;
	stop = strstr(body, end);
	if (!stop) {
		refuse(why, "has a certificate without an END line");
		return NULL;
	}
	good = base64_decode(body, (size_t)(stop - body), &der.data,
			     &der.len) == 0 &&
	       der.len > 64 && der.data[0] == 0x30;
	free(der.data);
	if (!good) {
		refuse(why, "has a certificate that is not base64 of DER");
		return NULL;
	}
	return stop + sizeof(end) - 1;
}

static int parse_pem(const char *text, void *to, char why[VALUE_WHY_MAX])
{
	const char *at = text, *next;

	if (strstr(text, "PRIVATE KEY-----"))
		return refuse(why, "holds a private key, which nobody but its "
				   "owner may have");
	while ((next = pem_block(at, why)))
		at = next;
	if (at == text || strstr(at, "-----BEGIN"))
		return -EINVAL;
	return keep(text, strlen(text), to);
}

static int parse_ssid(const char *text, void *to, char why[VALUE_WHY_MAX])
{
	size_t len = strlen(text);

	if (len == 0 || len > SSID_MAX_LEN)
		return refuse(why, "is no SSID: that has 1 to 32 bytes");
	return keep(text, len, to);
}

/* "17.*" fits by label; "17*" would also fit 170.x, so it is refused. */
static int parse_server_match(const char *text, void *to,
			      char why[VALUE_WHY_MAX])
{
	size_t len = strlen(text);
	char addr[ADDR_TEXT_MAX + 8];
	struct ip_prefix p = { 0 };
	int dots = 0;

	if (!strchr(text, '*')) {
		if (addr_parse(text, &p.addr) < 0)
			return -EINVAL;
		p.len = addr_bits(&p.addr);
		memcpy(to, &p, sizeof(p));
		return 0;
	}
	if (strchr(text, '*') != strrchr(text, '*'))
		return refuse(why, "has more than one \"*\"");
	if (len < 3 || len >= ADDR_TEXT_MAX ||
	    strcmp(text + len - 2, ".*") != 0)
		return refuse(why, "has its \"*\" elsewhere than after the "
				   "last dot (\"17.*\")");
	memcpy(addr, text, len - 2);
	addr[len - 2] = '\0';
	for (const char *c = addr; *c; c++)
		dots += *c == '.';
	if (dots > 2)
		return -EINVAL;
	p.len = (uint8_t)(8 * (dots + 1));
	for (; dots < 3; dots++)
		strcat(addr, ".0");
	if (addr_parse(addr, &p.addr) < 0 || p.addr.family != AF_INET)
		return -EINVAL;
	memcpy(to, &p, sizeof(p));
	return 0;
}

static int parse_addr(const char *text, void *to,
		      char why[VALUE_WHY_MAX] ATTR_UNUSED)
{
	return addr_parse(text, to);
}

static int parse_prefix(const char *text, void *to, char why[VALUE_WHY_MAX])
{
	struct ip_prefix p, masked;
	char buf[PREFIX_TEXT_MAX];

	if (prefix_parse(text, &p) < 0)
		return -EINVAL;
	masked = prefix_masked(&p);
	if (!prefix_equal(&p, &masked)) {
		snprintf(why, VALUE_WHY_MAX,
			 "has bits behind its length (did you mean \"%s\"?)",
			 prefix_text(&masked, buf));
		return -EINVAL;
	}
	memcpy(to, &p, sizeof(p));
	return 0;
}

static int parse_gateway(const char *text, void *to, char why[VALUE_WHY_MAX])
{
	struct profile_gateway g = { 0 };
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	char host[DNS_NAME_MAX + 1], port[32];
	struct endpoint e;
	int r;

	if (!colon)
		return refuse(why, "has no port (\"host:443\")");
	if (len == 0 || len > DNS_NAME_MAX || strlen(colon + 1) > 5)
		return -EINVAL;
	/* The number is judged by the parser of endpoints. */
	snprintf(port, sizeof(port), "0.0.0.0:%s", colon + 1);
	if (endpoint_parse(port, &e) < 0)
		return refuse(why, "has no port from 1 to 65535");
	g.port = e.port;
	if (endpoint_parse(text, &e) == 0 && text[0] == '[') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return refuse(why, "has no brackets around an IPv6 address "
				   "(\"[2001:db8::1]:443\")");
	}
	memcpy(host, text, len);
	host[len] = '\0';
	r = parse_host(host, &g.host, why);
	if (r == 0)
		memcpy(to, &g, sizeof(g));
	return r;
}

static int parse_base64(const char *text, void *to, char why[VALUE_WHY_MAX])
{
	struct profile_bytes b;
	int r = base64_decode(text, strlen(text), &b.data, &b.len);

	if (r < 0)
		return r;
	if (b.len == 0) {
		free(b.data);
		return refuse(why, "is empty");
	}
	memcpy(to, &b, sizeof(b));
	return 0;
}

static int parse_digest(const char *text, void *to,
			char why[VALUE_WHY_MAX] ATTR_UNUSED)
{
	uint8_t *bytes;
	size_t len;
	int r = base64_decode(text, strlen(text), &bytes, &len);

	if (r < 0)
		return r;
	if (len == PROFILE_DIGEST_LEN)
		memcpy(to, bytes, len);
	else
		r = -EINVAL;
	free(bytes);
	return r;
}

static int parse_hex_digest(const char *text, void *to,
			    char why[VALUE_WHY_MAX] ATTR_UNUSED)
{
	uint8_t bytes[PROFILE_DIGEST_LEN];

	if (strlen(text) != 2 * sizeof(bytes))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(to, bytes, sizeof(bytes));
	return 0;
}

void value_print_string(const char *text, FILE *to)
{
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(to, "\\%c", *text);
		else if (*text == '\n')
			fputs("\\n", to);
		else if ((unsigned char)*text < 0x20 || *text == 0x7f)
			fprintf(to, "\\u%04x", (unsigned char)*text);
		else
			fputc(*text, to);
	}
	fputc('"', to);
}

static void print_text(const void *value, FILE *to)
{
	value_print_string(kept(value), to);
}

static void print_addr(const void *value, FILE *to)
{
	char buf[ADDR_TEXT_MAX];

	value_print_string(addr_text(value, buf), to);
}

static void print_prefix(const void *value, FILE *to)
{
	char buf[PREFIX_TEXT_MAX];

	value_print_string(prefix_text(value, buf), to);
}

static void print_server_match(const void *value, FILE *to)
{
	const struct ip_prefix *p = value;
	char buf[ADDR_TEXT_MAX];

	addr_text(&p->addr, buf);
	if (p->len < addr_bits(&p->addr)) {
		char *end = buf;

		for (unsigned int i = 0; i < p->len / 8u; i++)
			end = strchr(end, '.') + 1;
		strcpy(end, "*");
	}
	value_print_string(buf, to);
}

static void print_gateway(const void *value, FILE *to)
{
	const struct profile_gateway *g = value;

	fprintf(to, strchr(g->host, ':') ? "\"[%s]:%u\"" : "\"%s:%u\"", g->host,
		g->port);
}

static void print_secret(const void *value ATTR_UNUSED, FILE *to)
{
	fputs("\"(hidden)\"", to);
}

static void print_nothing(const void *value ATTR_UNUSED, FILE *to ATTR_UNUSED)
{
}

static void print_digest(const void *value, FILE *to)
{
	char buf[BASE64_LEN(PROFILE_DIGEST_LEN) + 1];

	value_print_string(base64_encode(value, PROFILE_DIGEST_LEN, buf), to);
}

static void clear_text(void *value)
{
	free(kept(value));
	memset(value, 0, sizeof(char *));
}

static void clear_password(void *value)
{
	char *text = kept(value);

	if (text)
		secret_wipe(text, strlen(text));
	clear_text(value);
}

static void clear_nothing(void *value ATTR_UNUSED)
{
}

static void clear_gateway(void *value)
{
	struct profile_gateway *g = value;

	free(g->host);
	g->host = NULL;
}

static void clear_bytes(void *value)
{
	struct profile_bytes *b = value;

	if (b->data)
		secret_wipe(b->data, b->len);
	free(b->data);
	*b = (struct profile_bytes) { 0 };
}

#define TEXT_KIND(what, parser, regex)                                     \
	{                                                                  \
		.noun = what, .size = sizeof(char *), .parse = parser,     \
		.print = print_text, .clear = clear_text, .pattern = regex \
	}

const struct value_type value_types[VALUE_KINDS] = {
	[VALUE_TEXT] = TEXT_KIND("a short text", parse_text, "^.+$"),
	[VALUE_IGNORED] = { .noun = "a text",
			    .parse = parse_ignored,
			    .print = print_nothing,
			    .clear = clear_nothing },
	[VALUE_PASSWORD] = { .noun = "a text",
			     .size = sizeof(char *),
			     .is_secret = true,
			     .parse = parse_password,
			     .print = print_secret,
			     .clear = clear_password },
	[VALUE_HOST] = TEXT_KIND("a DNS name or an IP address", parse_host,
				 "^[A-Za-z0-9._:-]+$"),
	[VALUE_DOMAIN] = TEXT_KIND("a domain such as corp.example.com",
				   parse_domain, "^[A-Za-z0-9._-]+$"),
	[VALUE_MATCH_DOMAIN] =
		TEXT_KIND("a domain, or \"\" for every name",
			  parse_match_domain, "^([*][.])?[A-Za-z0-9._-]*$"),
	[VALUE_RULE_DOMAIN] =
		TEXT_KIND("a domain, \"*.domain\" or \"*\"", parse_rule_domain,
			  "^([*]|([*][.])?[A-Za-z0-9._-]+)$"),
	[VALUE_URL] = TEXT_KIND("an http or https URL", parse_url,
				"^[Hh][Tt][Tt][Pp][Ss]?://.+$"),
	[VALUE_URL_HTTP] = TEXT_KIND("an http URL", parse_url_http,
				     "^[Hh][Tt][Tt][Pp]://.+$"),
	[VALUE_URL_HTTPS] = TEXT_KIND("an https URL", parse_url_https,
				      "^[Hh][Tt][Tt][Pp][Ss]://.+$"),
	[VALUE_PATH] = TEXT_KIND("an absolute path", parse_path, "^/.*$"),
	[VALUE_FILE_URL] = TEXT_KIND("a URL such as file:///etc/adit/id.json",
				     parse_file_url, "^file:///.+$"),
	[VALUE_PEM] = TEXT_KIND("the PEM text of certificates", parse_pem,
				"-----BEGIN CERTIFICATE-----"),
	[VALUE_SSID] = TEXT_KIND("an SSID", parse_ssid, "^.+$"),
	[VALUE_SERVER_MATCH] = { .noun = "an address, or the front of one such "
					 "as \"17.*\"",
				 .size = sizeof(struct ip_prefix),
				 .parse = parse_server_match,
				 .print = print_server_match,
				 .clear = clear_nothing,
				 .pattern = "^[0-9A-Fa-f.:]+[*]?$" },
	[VALUE_ADDR] = { .noun = "an IP address",
			 .size = sizeof(struct ip_addr),
			 .parse = parse_addr,
			 .print = print_addr,
			 .clear = clear_nothing,
			 .pattern = "^[0-9A-Fa-f.:]+$" },
	[VALUE_PREFIX] = { .noun = "a prefix such as 10.0.0.0/8",
			   .size = sizeof(struct ip_prefix),
			   .parse = parse_prefix,
			   .print = print_prefix,
			   .clear = clear_nothing,
			   .pattern = "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$" },
	[VALUE_GATEWAY] = { .noun = "\"host:port\"",
			    .size = sizeof(struct profile_gateway),
			    .parse = parse_gateway,
			    .print = print_gateway,
			    .clear = clear_gateway,
			    .pattern = "^.+:[0-9]{1,5}$" },
	[VALUE_BASE64] = { .noun = "base64",
			   .size = sizeof(struct profile_bytes),
			   .is_secret = true,
			   .parse = parse_base64,
			   .print = print_secret,
			   .clear = clear_bytes,
			   .pattern = "^[A-Za-z0-9+/=\\s]+$" },
	[VALUE_DIGEST] = { .noun = "base64 of 32 bytes",
			   .size = PROFILE_DIGEST_LEN,
			   .parse = parse_digest,
			   .print = print_digest,
			   .clear = clear_nothing,
			   .pattern = "^[A-Za-z0-9+/]{43}=$" },
	[VALUE_HEX_DIGEST] = { .noun = "64 hexadecimal digits",
			       .size = PROFILE_DIGEST_LEN,
			       .parse = parse_hex_digest,
			       .print = print_nothing,
			       .clear = clear_nothing,
			       .pattern = "^[0-9A-Fa-f]{64}$" },
};
