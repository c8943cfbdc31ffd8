/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway/gateway_http.h"

#include <string.h>
#include <strings.h>

/* A piece of the request; no final zero. */
struct span {
	const char *at;
	size_t len;
};

/* RFC 9110, section 5.6.2. */
static bool is_token(struct span s)
{
	static const char signs[] = "!#$%&'*+-.^_`|~0123456789"
				    "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (size_t i = 0; i < s.len; i++)
		if (!s.at[i] || !strchr(signs, s.at[i]))
			return false;
	return s.len > 0;
}

static bool is_text(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

/* Takes what stands before `end`, and `end`. False: it is not there. */
static bool take_until(struct span *from, char end, struct span *ret_piece)
{
	const char *p = memchr(from->at, end, from->len);

	if (!p)
		return false;
	*ret_piece = (struct span) { from->at, (size_t)(p - from->at) };
	from->at += ret_piece->len + 1;
	from->len -= ret_piece->len + 1;
	return true;
}

/* A line feed alone ends a line as well (RFC 9112, section 2.2). */
static bool take_line(struct span *from, struct span *ret_line)
{
	if (!take_until(from, '\n', ret_line))
		return false;
	if (ret_line->len > 0 && ret_line->at[ret_line->len - 1] == '\r')
		ret_line->len--;
	return true;
}

/* "name: value"; nothing of it matters here but that there is one Host. */
static bool is_header(struct span line, unsigned int *hosts)
{
	struct span name;

	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.at[i] < ' ' && line.at[i] != '\t')
			return false;
	if (!take_until(&line, ':', &name) || !is_token(name))
		return false;
	*hosts += name.len == 4 && strncasecmp(name.at, "host", 4) == 0;
	return true;
}

static bool is_version(struct span s)
{
	return s.len == 8 && memcmp(s.at, "HTTP/", 5) == 0 && s.at[5] >= '0' &&
	       s.at[5] <= '9' && s.at[6] == '.' && s.at[7] >= '0' &&
	       s.at[7] <= '9';
}

/* The path of "/metrics?x=y" */
static int take_target(struct span s, struct gateway_http_request *r)
{
	size_t len = 0;

	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] <= ' ' || s.at[i] == 0x7f)
			return GATEWAY_HTTP_BAD_REQUEST;
	if (s.len == 0 || s.at[0] != '/')
		return GATEWAY_HTTP_BAD_REQUEST;
	while (len < s.len && s.at[len] != '?')
		len++;
	if (len > GATEWAY_HTTP_TARGET_MAX)
		return GATEWAY_HTTP_NOT_FOUND;
	memcpy(r->target, s.at, len);
	r->target[len] = '\0';
	return GATEWAY_HTTP_OK;
}

/* The request line; the rest is known to be well formed. */
static int judge(struct span line, unsigned int hosts,
		 struct gateway_http_request *r)
{
	struct span method, target;
	int status;

	if (!take_until(&line, ' ', &method) || !is_token(method) ||
	    !take_until(&line, ' ', &target) || !is_version(line))
		return GATEWAY_HTTP_BAD_REQUEST;
	if (line.at[5] != '1')
		return GATEWAY_HTTP_VERSION;
	/* RFC 9112, section 3.2 */
	if (hosts > 1 || (hosts == 0 && line.at[7] != '0'))
		return GATEWAY_HTTP_BAD_REQUEST;
	status = take_target(target, r);
	r->head = is_text(method, "HEAD");
	if (!r->head && !is_text(method, "GET") &&
	    status != GATEWAY_HTTP_BAD_REQUEST)
		return GATEWAY_HTTP_NOT_ALLOWED;
	return status;
}

int gateway_http_parse(const char *text, size_t len,
		       struct gateway_http_request *ret_request)
{
	struct gateway_http_request r = { 0 };
	struct span rest = { text, len }, first, line;
	unsigned int hosts = 0;
	bool good = true;
	int status;

	if (!take_line(&rest, &first))
		return len < GATEWAY_HTTP_REQUEST_MAX ? 0
						      : GATEWAY_HTTP_TOO_LONG;
	for (;;) {
		if (!take_line(&rest, &line))
			return len < GATEWAY_HTTP_REQUEST_MAX
				       ? 0
				       : GATEWAY_HTTP_TOO_LONG;
		if (line.len == 0)
			break;
		good = good && is_header(line, &hosts);
	}
	status = good ? judge(first, hosts, &r) : GATEWAY_HTTP_BAD_REQUEST;
	if (status == GATEWAY_HTTP_OK)
		*ret_request = r;
	return status;
}

const char *gateway_http_reason(enum gateway_http_status status)
{
	switch (status) {
	case GATEWAY_HTTP_OK:
		return "200 OK";
	case GATEWAY_HTTP_BAD_REQUEST:
		return "400 Bad Request";
	case GATEWAY_HTTP_NOT_FOUND:
		return "404 Not Found";
	case GATEWAY_HTTP_NOT_ALLOWED:
		return "405 Method Not Allowed";
	case GATEWAY_HTTP_TIMEOUT:
		return "408 Request Timeout";
	case GATEWAY_HTTP_TOO_LONG:
		return "431 Request Header Fields Too Large";
	case GATEWAY_HTTP_BUSY:
		return "503 Service Unavailable";
	case GATEWAY_HTTP_VERSION:
		return "505 HTTP Version Not Supported";
	case GATEWAY_HTTP_FAILED:
		break;
	}
	return "500 Internal Server Error";
}

void gateway_http_head(enum gateway_http_status status, const char *type,
		       size_t len, FILE *to)
{
	fprintf(to,
		"HTTP/1.1 %s\r\n"
		"Content-Type: %s\r\n"
		"Content-Length: %zu\r\n"
		"%s"
		"Connection: close\r\n"
		"\r\n",
		gateway_http_reason(status), type, len,
		status == GATEWAY_HTTP_NOT_ALLOWED ? "Allow: GET, HEAD\r\n"
						   : "");
}
