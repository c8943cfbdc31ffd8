/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "crypto/secret.h"

struct parser {
	struct json *json;
	struct config_report *report;
	size_t at;
	size_t node_room;
	uint32_t parent;
	uint32_t about; /* the node that a finding is about: it, or a scalar */
	unsigned int depth;
	int error;
};

static void place(const struct json *j, size_t at, struct config_error *e)
{
	e->line = 1;
	e->column = 1;
	for (size_t i = 0; i < at && i < j->len; i++) {
		if (j->text[i] == '\n') {
			e->line++;
			e->column = 1;
		} else if (((unsigned char)j->text[i] & 0xc0) != 0x80) {
			e->column++;
		}
	}
}

/* RFC 6901. Depth is bounded by the parser. */
static size_t pointer_put(const struct json *j, const struct json_node *n,
			  char *buf, size_t len)
{
	size_t used;

	if (n == j->nodes)
		return 0;
	used = pointer_put(j, &j->nodes[n->parent], buf, len);
	if (!n->key) {
		used += (size_t)snprintf(buf + used, len - used, "/%u",
					 n->index);
		return used < len ? used : len - 1;
	}
	if (used + 1 < len)
		buf[used++] = '/';
	for (const char *c = n->key; *c && used + 2 < len; c++) {
		if (*c == '~' || *c == '/')
			buf[used++] = '~';
		buf[used++] = *c == '~' ? '0' : *c == '/' ? '1' : *c;
	}
	buf[used] = '\0';
	return used;
}

struct config_error *json_complain(const struct json *j,
				   const struct json_node *n,
				   const char *member, bool warning,
				   struct config_report *r, const char *fmt,
				   ...)
{
	const struct json_node *m = member ? json_member(j, n, member) : n;
	char text[CONFIG_TEXT_MAX];
	struct config_error *e;
	va_list args;
	size_t used;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	e = config_report_add(r, warning, "%s", text);
	if (!e)
		return NULL;
	place(j, m ? m->at : n->at, e);
	used = pointer_put(j, n, e->pointer, sizeof(e->pointer));
	if (member)
		snprintf(e->pointer + used, sizeof(e->pointer) - used, "/%s",
			 member);
	text_make_printable(e->pointer);
	return e;
}

void json_blame_key(const struct json *j, const struct json_node *n,
		    struct config_error *e)
{
	if (e)
		place(j, n->key_at, e);
}

/* The first error ends the parse: what follows it would be guesses. */
static bool ATTR_PRINTF(3, 4)
	fail(struct parser *p, size_t at, const char *fmt, ...)
{
	char text[CONFIG_TEXT_MAX];
	struct config_error *e;
	va_list args;

	if (p->error)
		return false;
	p->error = -EINVAL;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	e = config_report_add(p->report, false, "%s", text);
	if (!e)
		return false;
	place(p->json, at, e);
	if (p->json->node_count > 0)
		pointer_put(p->json, &p->json->nodes[p->about], e->pointer,
			    sizeof(e->pointer));
	text_make_printable(e->pointer);
	return false;
}

/* The next byte, or 0 at the end: a zero byte never gets here. */
static char peek(const struct parser *p)
{
	return p->at < p->json->len ? p->json->text[p->at] : '\0';
}

static void skip_blanks(struct parser *p)
{
	while (p->at < p->json->len && strchr(" \t\n\r", peek(p)))
		p->at++;
}

/* U+2018 to U+201F, which word processors make of quotes. */
static bool at_typographic_quote(const struct parser *p)
{
	const unsigned char *c = (const unsigned char *)p->json->text + p->at;

	return p->json->len - p->at >= 3 && c[0] == 0xe2 && c[1] == 0x80 &&
	       c[2] >= 0x98 && c[2] <= 0x9f;
}

static bool expected(struct parser *p, const char *what)
{
	char c = peek(p);

	if (c == '\0')
		return fail(p, p->at,
			    "the file is cut off: it ends where %s should "
			    "stand",
			    what);
	if (at_typographic_quote(p))
		return fail(p, p->at,
			    "a typographic quote: JSON has the plain \" only");
	if (c == '<' && p->json->node_count == 1)
		return fail(p, p->at,
			    "this is XML, perhaps a property list: convert it "
			    "to JSON");
	if (c == '/' || c == '#')
		return fail(p, p->at, "JSON has no comments");
	if (c == '\'')
		return fail(p, p->at, "strings stand in double quotes");
	if ((unsigned char)c < 0x80)
		return fail(p, p->at, "'%c' stands where %s should", c, what);
	return fail(p, p->at, "expected %s", what);
}

static bool hex4(struct parser *p, uint32_t *ret_unit)
{
	uint32_t unit = 0;

	for (int i = 0; i < 4; i++, p->at++) {
		char c = peek(p);
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;

		if (digit < 0)
			return fail(p, p->at, "\\u needs four hex digits");
		unit = unit << 4 | (uint32_t)digit;
	}
	*ret_unit = unit;
	return true;
}

/* Behind "\u". */
static bool parse_unicode(struct parser *p)
{
	size_t start = p->at - 2;
	uint32_t code, low;

	if (!hex4(p, &code))
		return false;
	if (code >= 0xd800 && code <= 0xdbff && peek(p) == '\\') {
		p->at++;
		if (peek(p) != 'u')
			return fail(p, start, "half a surrogate pair");
		p->at++;
		if (!hex4(p, &low))
			return false;
		if (low < 0xdc00 || low > 0xdfff)
			return fail(p, start, "half a surrogate pair");
		code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
	}
	if (code >= 0xd800 && code <= 0xdfff)
		return fail(p, start, "half a surrogate pair");
	if (code == 0)
		return fail(p, start, "a string must not hold \\u0000");
	p->json->strings_used +=
		text_utf8_put(code, p->json->strings + p->json->strings_used);
	return true;
}

/* A decoded string is never longer than its source, so `strings`, which is as
 * long as the text, has room for all of them. */
static const char *parse_string(struct parser *p)
{
	static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	struct json *j = p->json;
	const char *start = j->strings + j->strings_used, *e;
	size_t open = p->at++;

	for (;;) {
		char c = peek(p);

		if (c == '\0') {
			fail(p, open, "this string is not closed");
			return NULL;
		}
		if ((unsigned char)c < 0x20) {
			fail(p, p->at,
			     "a line break or control character in a string is "
			     "written as an escape, such as \\n");
			return NULL;
		}
		p->at++;
		if (c == '"')
			break;
		if (c != '\\') {
			j->strings[j->strings_used++] = c;
			continue;
		}
		c = peek(p);
		if (c == '\0')
			continue; /* not closed, says the next round */
		p->at++;
		e = strchr(escapes, c);
		if (e) {
			j->strings[j->strings_used++] = meant[e - escapes];
		} else if (c != 'u') {
			fail(p, p->at - 2,
			     "JSON has no such escape: a backslash itself is "
			     "written \\\\");
			return NULL;
		} else if (!parse_unicode(p)) {
			return NULL;
		}
	}
	j->strings[j->strings_used++] = '\0';
	return start;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t digits(struct parser *p)
{
	size_t start = p->at;

	while (peek(p) >= '0' && peek(p) <= '9')
		p->at++;
	return p->at - start;
}

static bool parse_number(struct parser *p, struct json_node *n)
{
	bool negative = peek(p) == '-';
	size_t start, len;

	p->at += negative;
	start = p->at;
	len = digits(p);
	if (len == 0)
		return expected(p, "a digit");
	if (len > 1 && p->json->text[start] == '0')
		return fail(p, start, "a number does not start with 0");
	n->whole = true;
	if (peek(p) == '.') {
		n->whole = false;
		p->at++;
		if (digits(p) == 0)
			return expected(p, "a digit");
	}
	if (peek(p) == 'e' || peek(p) == 'E') {
		n->whole = false;
		p->at++;
		if (peek(p) == '+' || peek(p) == '-')
			p->at++;
		if (digits(p) == 0)
			return expected(p, "a digit");
	}
	if (is_letter(peek(p)))
		return fail(p, start,
			    "a number has decimal digits only, such as 443");
	if (len > JSON_DIGITS_MAX)
		return fail(p, start, "this number is too big");
	for (size_t i = 0; i < len; i++)
		n->number = n->number * 10 + (p->json->text[start + i] - '0');
	if (negative)
		n->number = -n->number;
	return true;
}

static bool parse_word(struct parser *p, struct json_node *n)
{
	static const struct {
		const char *word;
		enum json_type type;
	} words[] = {
		{ "null", JSON_NULL },
		{ "false", JSON_FALSE },
		{ "true", JSON_TRUE },
	};
	size_t start = p->at, len;
	char found[12];

	while (is_letter(peek(p)))
		p->at++;
	len = p->at - start;
	if (len == 0)
		return expected(p, "a value");
	if (len < sizeof(found)) {
		memcpy(found, p->json->text + start, len);
		found[len] = '\0';
		for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
			if (strcmp(found, words[i].word) == 0) {
				n->type = words[i].type;
				return true;
			}
			if (text_distance(found, words[i].word) <= 1)
				return fail(p, start,
					    "\"%s\" is no JSON value (did you "
					    "mean %s?)",
					    found, words[i].word);
		}
	}
	return fail(p, start, "a bare word is no JSON value");
}

static struct json_node *node_add(struct parser *p)
{
	struct json *j = p->json;
	struct json_node *grown;

	if (j->node_count == JSON_NODES_MAX) {
		fail(p, p->at, "more than %d values", JSON_NODES_MAX);
		return NULL;
	}
	if (j->node_count == p->node_room) {
		size_t room = p->node_room ? 2 * p->node_room : 64;

		grown = realloc(j->nodes, room * sizeof(*grown));
		if (!grown) {
			p->error = -ENOMEM;
			return NULL;
		}
		j->nodes = grown;
		p->node_room = room;
	}
	j->nodes[j->node_count] = (struct json_node) { .parent = p->parent };
	return &j->nodes[j->node_count++];
}

static bool parse_value(struct parser *p, const char *key, size_t key_at,
			uint32_t *last);

/* Behind "{" of the object p->parent: key, colon, value. */
static bool parse_member(struct parser *p, uint32_t *last)
{
	struct json *j = p->json;
	size_t key_at = p->at;
	const char *key;

	if (peek(p) == '}')
		return fail(p, p->at,
			    "a comma before the closing brace: take it out");
	if (peek(p) != '"')
		return expected(p, "a key in double quotes");
	key = parse_string(p);
	if (!key)
		return false;
	if (json_member(j, &j->nodes[p->parent], key))
		return fail(p, key_at, "the key \"%.64s\" stands here twice",
			    key);
	if (j->nodes[p->parent].count == JSON_MEMBERS_MAX)
		return fail(p, key_at, "more than %d members in one object",
			    JSON_MEMBERS_MAX);
	skip_blanks(p);
	if (peek(p) != ':')
		return expected(p, "a colon");
	p->at++;
	skip_blanks(p);
	return parse_value(p, key, key_at, last);
}

/* The opening bracket is next. Nodes may move: they are named by number. */
static bool parse_container(struct parser *p, uint32_t self, bool is_object)
{
	uint32_t outer = p->parent, last = 0;
	size_t open = p->at++;
	char close = is_object ? '}' : ']';

	if (++p->depth > JSON_DEPTH_MAX)
		return fail(p, open, "nested deeper than %d", JSON_DEPTH_MAX);
	p->parent = p->about = self;
	skip_blanks(p);
	while (peek(p) != close || p->json->nodes[self].count > 0) {
		if (!is_object && peek(p) == ']')
			return fail(p, p->at,
				    "a comma before the closing bracket: take "
				    "it out");
		if (is_object ? !parse_member(p, &last)
			      : !parse_value(p, NULL, p->at, &last))
			return false;
		skip_blanks(p);
		if (peek(p) == close)
			break;
		if (peek(p) != ',')
			return expected(p, is_object ? "a comma or \"}\""
						     : "a comma or \"]\"");
		p->at++;
		skip_blanks(p);
	}
	p->at++;
	p->depth--;
	p->parent = p->about = outer;
	return true;
}

static bool parse_scalar(struct parser *p, struct json_node *n)
{
	switch (peek(p)) {
	case '"':
		n->type = JSON_STRING;
		n->text = parse_string(p);
		return n->text != NULL;
	case '-':
	case '0' ... '9':
		n->type = JSON_NUMBER;
		return parse_number(p, n);
	default:
		return parse_word(p, n);
	}
}

static bool parse_value(struct parser *p, const char *key, size_t key_at,
			uint32_t *last)
{
	struct json *j = p->json;
	struct json_node *n = node_add(p);
	uint32_t self = (uint32_t)j->node_count - 1;

	if (!n)
		return false;
	n->at = (uint32_t)p->at;
	n->key = key;
	n->key_at = (uint32_t)key_at;
	if (self > 0) {
		n->index = j->nodes[p->parent].count++;
		if (n->index > 0)
			j->nodes[*last].next = self;
		*last = self;
	}
	if (peek(p) == '{' || peek(p) == '[') {
		n->type = peek(p) == '{' ? JSON_OBJECT : JSON_ARRAY;
		return parse_container(p, self, n->type == JSON_OBJECT);
	}
	p->about = self;
	if (!parse_scalar(p, n))
		return false;
	p->about = p->parent;
	return true;
}

/* What is wrong with the bytes before they are JSON. */
static bool check_bytes(struct parser *p)
{
	const struct json *j = p->json;
	size_t good = text_utf8_prefix(j->text, j->len);
	const char *zero = memchr(j->text, 0, j->len);

	if (j->len >= 2 && (memcmp(j->text, "\xff\xfe", 2) == 0 ||
			    memcmp(j->text, "\xfe\xff", 2) == 0))
		return fail(p, 0, "the file is UTF-16: save it as UTF-8");
	if (zero)
		return fail(p, (size_t)(zero - j->text), "a zero byte");
	if (good < j->len)
		return fail(p, good,
			    "this byte is not UTF-8: save the file as that");
	if (j->len >= 3 && memcmp(j->text, "\xef\xbb\xbf", 3) == 0)
		return fail(p, 0,
			    "a byte order mark: save the file as UTF-8 "
			    "without one");
	skip_blanks(p);
	if (p->at == j->len)
		return fail(p, 0, "the file is empty");
	return true;
}

int json_parse(const char *text, size_t len, struct json **ret_json,
	       struct config_report *report)
{
	struct json *j = calloc(1, sizeof(*j));
	struct parser p = { .json = j, .report = report };
	uint32_t last = 0;

	if (!j)
		return -ENOMEM;
	j->text = text;
	j->len = len;
	j->strings = malloc(len + 1);
	if (!j->strings)
		p.error = -ENOMEM;
	else if (check_bytes(&p) && parse_value(&p, NULL, 0, &last)) {
		skip_blanks(&p);
		if (p.at < len)
			fail(&p, p.at,
			     "more follows the end: one object to a file");
	}
	if (p.error) {
		json_destroy(j);
		return p.error;
	}
	*ret_json = j;
	return 0;
}

void json_destroy(struct json *j)
{
	if (!j)
		return;
	if (j->strings)
		secret_wipe(j->strings, j->strings_used);
	free(j->strings);
	free(j->nodes);
	free(j);
}

const struct json_node *json_first(const struct json *j,
				   const struct json_node *n)
{
	/* Nodes stand in the order of the text. */
	return n->count > 0 ? &j->nodes[n - j->nodes + 1] : NULL;
}

const struct json_node *json_next(const struct json *j,
				  const struct json_node *n)
{
	return n->next ? &j->nodes[n->next] : NULL;
}

const struct json_node *json_member(const struct json *j,
				    const struct json_node *object,
				    const char *key)
{
	const struct json_node *n = NULL;

	if (object->type == JSON_OBJECT)
		n = json_first(j, object);
	while (n && strcmp(n->key, key) != 0)
		n = json_next(j, n);
	return n;
}

const struct json_node *json_item(const struct json *j,
				  const struct json_node *array, size_t index)
{
	const struct json_node *n = NULL;

	if (array->type == JSON_ARRAY)
		n = json_first(j, array);
	while (n && n->index < index)
		n = json_next(j, n);
	return n;
}

const struct json_node *json_find(const struct json *j, const char *pointer)
{
	const struct json_node *n = j->nodes;
	char key[64];

	while (n && *pointer == '/') {
		size_t len = strcspn(++pointer, "/");

		if (len >= sizeof(key))
			return NULL;
		memcpy(key, pointer, len);
		key[len] = '\0';
		n = json_member(j, n, key);
		pointer += len;
	}
	return n;
}

const char *json_type_text(enum json_type type)
{
	static const char *const texts[] = {
		[JSON_NULL] = "null",	     [JSON_FALSE] = "false",
		[JSON_TRUE] = "true",	     [JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string",  [JSON_ARRAY] = "an array",
		[JSON_OBJECT] = "an object",
	};

	return texts[type];
}
