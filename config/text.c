/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/text.h"

#include <string.h>
#include <strings.h>

enum {
	NAME_MAX_COMPARED = 63,
};

/* Bytes of the character that starts here, or 0. */
static size_t utf8_char(const unsigned char *s, size_t len, uint32_t *ret_code)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80	       ? 1
		   : (s[0] >> 5) == 6  ? 2
		   : (s[0] >> 4) == 14 ? 3
		   : (s[0] >> 3) == 30 ? 4
				       : 0;
	uint32_t code;

	if (n == 0 || n > len)
		return 0;
	code = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return n;
}

size_t text_utf8_prefix(const char *text, size_t len)
{
	uint32_t code;
	size_t at = 0;

	while (at < len) {
		size_t n = utf8_char((const unsigned char *)text + at, len - at,
				     &code);

		if (n == 0)
			return at;
		at += n;
	}
	return len;
}

size_t text_utf8_put(uint32_t code, char to[static 4])
{
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char lead[5] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n; i-- > 1; code >>= 6)
		to[i] = (char)(0x80 | (code & 0x3f));
	to[0] = (char)(lead[n] | code);
	return n;
}

static bool is_printable(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		return false;
	/* Direction marks, embeddings, isolates; line separators. */
	return !(code >= 0x200e && code <= 0x200f) &&
	       !(code >= 0x2028 && code <= 0x202e) &&
	       !(code >= 0x2066 && code <= 0x2069);
}

void text_make_printable(char *text)
{
	size_t len = strlen(text), at = 0;
	uint32_t code;

	while (at < len) {
		size_t n =
			utf8_char((unsigned char *)text + at, len - at, &code);

		if (n == 0 && len - at < 4) {
			text[at] = '\0';
			return;
		}
		if (n == 0 || !is_printable(code))
			memset(text + at, '?', n ? n : 1);
		at += n ? n : 1;
	}
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int least = a < b ? a : b;

	return least < c ? least : c;
}

unsigned int text_distance(const char *name, const char *known)
{
	/* Three rows of the table: the one before last is for swaps. */
	unsigned int rows[3][NAME_MAX_COMPARED + 1];
	size_t m = strlen(name), n = strlen(known);

	if (m > NAME_MAX_COMPARED || n > NAME_MAX_COMPARED)
		return NAME_MAX_COMPARED;
	for (size_t j = 0; j <= n; j++)
		rows[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= m; i++) {
		unsigned int *row = rows[i % 3], *up = rows[(i + 2) % 3];
		const unsigned int *before = rows[(i + 1) % 3];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= n; j++) {
			char a = lower(name[i - 1]), b = lower(known[j - 1]);

			row[j] = min3(up[j] + 1, row[j - 1] + 1,
				      up[j - 1] + (a != b));
			if (i > 1 && j > 1 && a == lower(known[j - 2]) &&
			    b == lower(name[i - 2]) && before[j - 2] < row[j])
				row[j] = before[j - 2] + (a != b);
		}
	}
	return rows[m % 3][n];
}

bool text_is_near(unsigned int distance, const char *name)
{
	size_t len = strlen(name);

	return distance <= (len < 4 ? 1 : len < 8 ? 2 : len / 3);
}
