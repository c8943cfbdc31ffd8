/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/http_reply.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum {
	STATUS_OK = 200,
	STATUS_AT = 9, /* "HTTP/1.1 200" */
	STATUS_LINE_MIN = 12,
	LENGTH_DIGITS_MAX = 15,
	CHUNK_DIGITS_MAX = 8,
};

static const char version[] = "HTTP/1.";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Nothing above a space but letters; a bare CR or a zero byte is somebody's
 * trick (RFC 9112, 2.2). */
static bool line_is_clean(const struct http_reply *r)
{
	for (size_t i = 0; i < r->line_len; i++) {
		unsigned char c = (unsigned char)r->line[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static int take_status(struct http_reply *r)
{
	const char *at = r->line + STATUS_AT;

	if (r->line_len < STATUS_LINE_MIN ||
	    memcmp(r->line, version, sizeof(version) - 1) != 0 ||
	    !is_digit(at[-2]) || at[-1] != ' ')
		return -EBADMSG;
	if (at[0] < '1' || at[0] > '5' || !is_digit(at[1]) || !is_digit(at[2]))
		return -EBADMSG;
	if (at[3] != '\0' && at[3] != ' ')
		return -EBADMSG;
	r->status = (unsigned int)((at[0] - '0') * 100 + (at[1] - '0') * 10 +
				   (at[2] - '0'));
	r->state = HTTP_REPLY_FIELDS;
	/* Nobody asked for another protocol (RFC 9110, 15.2.2). */
	return r->status == 101 ? -EBADMSG : 0;
}

static int take_length(struct http_reply *r, const char *value)
{
	uint64_t n = 0;
	size_t digits = 0;

	for (; is_digit(value[digits]); digits++) {
		if (digits == LENGTH_DIGITS_MAX)
			return -EBADMSG;
		n = 10 * n + (uint64_t)(value[digits] - '0');
	}
	if (digits == 0 || value[digits] != '\0' ||
	    (r->has_length && n != r->left))
		return -EBADMSG;
	r->has_length = true;
	r->left = n;
	return 0;
}

/* Where the value of the field begins, if it is this field. */
static const char *value_of(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncasecmp(line, name, len) != 0 || line[len] != ':')
		return NULL;
	line += len + 1;
	return line + strspn(line, " \t");
}

/* A line that goes on with the one before it is none of ours (RFC 9112, 5.2),
 * nor is a space before the colon (5.1). */
static int take_field(struct http_reply *r)
{
	size_t name = strcspn(r->line, ": \t");
	const char *value;

	if (name == 0 || r->line[name] != ':')
		return -EBADMSG;
	while (r->line_len > 0 && (r->line[r->line_len - 1] == ' ' ||
				   r->line[r->line_len - 1] == '\t'))
		r->line[--r->line_len] = '\0';
	value = value_of(r->line, "Content-Length");
	if (value != NULL)
		return take_length(r, value);
	value = value_of(r->line, "Transfer-Encoding");
	if (value == NULL)
		return 0;
	if (r->chunked || strcasecmp(value, "chunked") != 0)
		return -EBADMSG;
	r->chunked = true;
	return 0;
}

/* RFC 9112, 6.3. */
static int end_of_fields(struct http_reply *r)
{
	if (r->chunked && r->has_length)
		return -EBADMSG;
	if (r->status < 200) {
		/* The reply proper follows. */
		r->chunked = r->has_length = false;
		r->state = HTTP_REPLY_STATUS;
		return 0;
	}
	r->has_content = r->chunked || (r->has_length && r->left > 0);
	if (r->body == NULL || r->status != STATUS_OK)
		r->state = HTTP_REPLY_DONE;
	else if (r->chunked)
		r->state = HTTP_REPLY_CHUNK_SIZE;
	else if (!r->has_length)
		r->state = HTTP_REPLY_BODY_OPEN;
	else if (r->left > HTTP_REPLY_BODY_MAX)
		return -EBADMSG;
	else
		r->state = r->left > 0 ? HTTP_REPLY_BODY : HTTP_REPLY_DONE;
	return 0;
}

/* Hexadecimal; extensions are not looked at. */
static int take_chunk_size(struct http_reply *r)
{
	size_t digits = strspn(r->line, "0123456789abcdefABCDEF");
	const char *at = r->line;

	r->left = 0;
	if (digits == 0 || digits > CHUNK_DIGITS_MAX ||
	    strchr("; \t", at[digits]) == NULL)
		return -EBADMSG;
	for (; digits > 0; digits--, at++)
		r->left = r->left << 4 |
			  (uint64_t)(is_digit(*at) ? *at - '0'
						   : (*at | 32) - 'a' + 10);
	if (r->left > HTTP_REPLY_BODY_MAX - r->body_len)
		return -EBADMSG;
	r->state = r->left > 0 ? HTTP_REPLY_CHUNK : HTTP_REPLY_TRAILER;
	return 0;
}

static int take_line(struct http_reply *r)
{
	if (r->line_len > 0 && r->line[r->line_len - 1] == '\r')
		r->line_len--;
	r->line[r->line_len] = '\0';
	if (!line_is_clean(r))
		return -EBADMSG;
	switch (r->state) {
	case HTTP_REPLY_STATUS:
		return take_status(r);
	case HTTP_REPLY_FIELDS:
		return r->line_len > 0 ? take_field(r) : end_of_fields(r);
	case HTTP_REPLY_CHUNK_SIZE:
		return take_chunk_size(r);
	case HTTP_REPLY_CHUNK_END:
		r->state = HTTP_REPLY_CHUNK_SIZE;
		return r->line_len == 0 ? 0 : -EBADMSG;
	case HTTP_REPLY_TRAILER:
		if (r->line_len == 0)
			r->state = HTTP_REPLY_DONE;
		return 0;
	case HTTP_REPLY_BODY:
	case HTTP_REPLY_BODY_OPEN:
	case HTTP_REPLY_CHUNK:
	case HTTP_REPLY_DONE:
	case HTTP_REPLY_BAD:
		break;
	}
	return -EBADMSG;
}

static int take_byte(struct http_reply *r, uint8_t byte)
{
	size_t known = sizeof(version) - 1;
	int result;

	if (++r->lines_len > sizeof(r->line))
		return -EBADMSG;
	if (byte == '\n') {
		result = take_line(r);
		r->line_len = 0;
		return result;
	}
	r->line[r->line_len++] = (char)byte;
	/* What is no HTTP need not be waited for. */
	if (r->state == HTTP_REPLY_STATUS && r->line_len <= known &&
	    memcmp(r->line, version, r->line_len) != 0)
		return -EBADMSG;
	return 0;
}

/* How many bytes were the body's; 0: there is no room for one. */
static size_t take_body(struct http_reply *r, const uint8_t *bytes, size_t len)
{
	size_t n = HTTP_REPLY_BODY_MAX - r->body_len;

	n = len < n ? len : n;
	if (r->state != HTTP_REPLY_BODY_OPEN)
		n = n < r->left ? n : (size_t)r->left;
	memcpy(r->body + r->body_len, bytes, n);
	r->body_len += n;
	if (r->state == HTTP_REPLY_BODY_OPEN)
		return n;
	r->left -= n;
	if (r->left == 0)
		r->state = r->state == HTTP_REPLY_CHUNK ? HTTP_REPLY_CHUNK_END
							: HTTP_REPLY_DONE;
	return n;
}

static bool is_in_body(const struct http_reply *r)
{
	return r->state == HTTP_REPLY_BODY || r->state == HTTP_REPLY_CHUNK ||
	       r->state == HTTP_REPLY_BODY_OPEN;
}

void http_reply_init(struct http_reply *r, char *body)
{
	memset(r, 0, sizeof(*r));
	r->body = body;
}

int http_reply_input(struct http_reply *r, const uint8_t *bytes, size_t len)
{
	while (len > 0 && r->state != HTTP_REPLY_DONE) {
		size_t n = 1;

		if (r->state == HTTP_REPLY_BAD)
			return -EBADMSG;
		if (is_in_body(r))
			n = take_body(r, bytes, len);
		else if (take_byte(r, *bytes) < 0)
			n = 0;
		if (n == 0)
			r->state = HTTP_REPLY_BAD;
		bytes += n;
		len -= n;
	}
	if (r->state == HTTP_REPLY_BAD)
		return -EBADMSG;
	if (r->state != HTTP_REPLY_DONE)
		return -EAGAIN;
	r->has_content = r->has_content || len > 0;
	return 0;
}

int http_reply_end(struct http_reply *r)
{
	if (r->state == HTTP_REPLY_BODY_OPEN)
		r->state = HTTP_REPLY_DONE;
	if (r->state != HTTP_REPLY_DONE)
		r->state = HTTP_REPLY_BAD;
	return r->state == HTTP_REPLY_DONE ? 0 : -EBADMSG;
}
