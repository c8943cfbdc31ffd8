/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/journal_entry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {
	[ENTRY_LINK] = "link",	 [ENTRY_ADDRESS] = "address",
	[ENTRY_ROUTE] = "route", [ENTRY_RULE] = "rule",
	[ENTRY_NFT] = "nft",	 [ENTRY_FILE] = "file",
	[ENTRY_PROC] = "proc",	 [ENTRY_CALL] = "call",
};

void entry_fini(struct entry *r)
{
	free(r->text);
	free(r->before.data);
	free(r->after.data);
	*r = (struct entry) { 0 };
}

static int copy_bytes(const struct entry_bytes *from, struct entry_bytes *to)
{
	if (!from->data)
		return 0;
	to->data = malloc(from->len ? from->len : 1);
	if (!to->data)
		return -ENOMEM;
	memcpy(to->data, from->data, from->len);
	to->len = from->len;
	return 0;
}

int entry_copy(const struct entry *from, struct entry *ret_to)
{
	struct entry r = *from;

	r.text = NULL;
	r.before = r.after = (struct entry_bytes) { 0 };
	if (from->text)
		r.text = strdup(from->text);
	if ((from->text && !r.text) ||
	    copy_bytes(&from->before, &r.before) < 0 ||
	    copy_bytes(&from->after, &r.after) < 0) {
		entry_fini(&r);
		return -ENOMEM;
	}
	*ret_to = r;
	return 0;
}

bool entry_same(const struct entry *a, const struct entry *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case ENTRY_LINK:
		return strcmp(a->device, b->device) == 0;
	case ENTRY_ADDRESS:
		return strcmp(a->device, b->device) == 0 &&
		       prefix_equal(&a->prefix, &b->prefix);
	case ENTRY_ROUTE:
		return a->table == b->table &&
		       prefix_equal(&a->prefix, &b->prefix);
	case ENTRY_RULE:
		return a->rule.family == b->rule.family &&
		       a->rule.priority == b->rule.priority &&
		       a->rule.invert == b->rule.invert &&
		       a->rule.mark == b->rule.mark &&
		       a->rule.mask == b->rule.mask &&
		       a->rule.table == b->rule.table;
	case ENTRY_NFT:
	case ENTRY_FILE:
	case ENTRY_PROC:
	case ENTRY_CALL:
		return strcmp(a->text, b->text) == 0;
	}
	return false;
}

bool entry_ends_with_boot(const struct entry *r)
{
	return r->kind != ENTRY_FILE && r->kind != ENTRY_CALL;
}

/* --- writing --- */

static bool is_plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c != '\0' && strchr("._/:-", c));
}

/* One field with the blank before it; "=" is the empty text. */
static void put_field(FILE *f, const void *data, size_t len)
{
	const uint8_t *p = data;

	fputc(' ', f);
	if (len == 0)
		fputc('=', f);
	for (size_t i = 0; i < len; i++) {
		if (is_plain(p[i]))
			fputc(p[i], f);
		else
			fprintf(f, "%%%02x", p[i]);
	}
}

static void put_values(FILE *f, const struct entry *r)
{
	const struct rtnl_rule *rule = &r->rule;
	char prefix[PREFIX_TEXT_MAX];

	switch (r->kind) {
	case ENTRY_LINK:
		put_field(f, r->device, strlen(r->device));
		fprintf(f, " %u", r->ifindex);
		break;
	case ENTRY_ADDRESS:
		put_field(f, r->device, strlen(r->device));
		fprintf(f, " %s", prefix_text(&r->prefix, prefix));
		break;
	case ENTRY_ROUTE:
		fprintf(f, " %u %s", r->table, prefix_text(&r->prefix, prefix));
		break;
	case ENTRY_RULE:
		fprintf(f, " %u %u %d %u %u %u",
			rule->family == AF_INET ? 4U : 6U, rule->priority,
			rule->invert, rule->mark, rule->mask, rule->table);
		break;
	case ENTRY_FILE:
		put_field(f, r->text, strlen(r->text));
		fprintf(f, " %d %d %u", r->existed, r->in_place, r->mode);
		put_field(f, r->before.data, r->before.len);
		put_field(f, r->after.data, r->after.len);
		break;
	case ENTRY_PROC:
		put_field(f, r->text, strlen(r->text));
		put_field(f, r->before.data, r->before.len);
		put_field(f, r->after.data, r->after.len);
		break;
	case ENTRY_NFT:
	case ENTRY_CALL:
		put_field(f, r->text, strlen(r->text));
		break;
	}
}

char *entry_format(const struct entry *r)
{
	char *line = NULL;
	size_t size;
	FILE *f = open_memstream(&line, &size);
	bool failed;

	if (!f)
		return NULL;
	fputs(kinds[r->kind], f);
	put_values(f, r);
	fputc('\n', f);
	failed = ferror(f);
	if (fclose(f) != 0 || failed) {
		free(line);
		return NULL;
	}
	return line;
}

/* --- reading --- */

/* The fields of a line, with a sticky error as in bytes.h. */
struct fields {
	const char *at;
	const char *end;
	int error;
};

static bool next_field(struct fields *f, const char **ret_text, size_t *ret_len)
{
	const char *blank;

	if (f->error || f->at >= f->end) {
		f->error = f->error ? f->error : -EBADMSG;
		return false;
	}
	blank = memchr(f->at, ' ', (size_t)(f->end - f->at));
	if (!blank)
		blank = f->end;
	*ret_text = f->at;
	*ret_len = (size_t)(blank - f->at);
	f->at = blank < f->end ? blank + 1 : f->end;
	if (*ret_len == 0)
		f->error = -EBADMSG;
	return *ret_len > 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes one field; the bytes are followed by a zero that is not counted. */
static struct entry_bytes get_bytes(struct fields *f, size_t max)
{
	struct entry_bytes b = { 0 };
	const char *text;
	size_t len, i = 0;

	if (!next_field(f, &text, &len))
		return b;
	b.data = malloc(len + 1);
	if (!b.data) {
		f->error = -ENOMEM;
		return b;
	}
	if (len == 1 && *text == '=')
		i = len;
	for (; i < len && !f->error; i++) {
		uint8_t c = (uint8_t)text[i];

		if (c == '%') {
			bool whole = len - i > 2;
			int high = whole ? hex(text[i + 1]) : -1;
			int low = whole ? hex(text[i + 2]) : -1;

			if (high < 0 || low < 0) {
				f->error = -EBADMSG;
				break;
			}
			c = (uint8_t)(high << 4 | low);
			i += 2;
		} else if (!is_plain(c)) {
			f->error = -EBADMSG;
		}
		b.data[b.len++] = c;
	}
	b.data[b.len] = '\0';
	if (b.len > max)
		f->error = -EBADMSG;
	return b;
}

/* A text without zeros in it, never empty. */
static char *get_text(struct fields *f, size_t max)
{
	struct entry_bytes b = get_bytes(f, max);

	if (!f->error && (b.len == 0 || memchr(b.data, 0, b.len)))
		f->error = -EBADMSG;
	return (char *)b.data;
}

static void get_device(struct fields *f, char device[static RTNL_NAME_MAX])
{
	char *text = get_text(f, RTNL_NAME_MAX - 1);

	if (!f->error)
		strcpy(device, text);
	free(text);
}

static uint32_t get_number(struct fields *f, uint32_t max)
{
	const char *text;
	uint64_t v = 0;
	size_t len;

	if (!next_field(f, &text, &len))
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || len > 10)
			f->error = -EBADMSG;
		else
			v = 10 * v + (uint64_t)(text[i] - '0');
	}
	if (v > max)
		f->error = -EBADMSG;
	return f->error ? 0 : (uint32_t)v;
}

static struct ip_prefix get_prefix(struct fields *f)
{
	struct ip_prefix p = { 0 };
	char *text = get_text(f, PREFIX_TEXT_MAX - 1);

	if (!f->error && prefix_parse(text, &p) < 0)
		f->error = -EBADMSG;
	free(text);
	return p;
}

static struct rtnl_rule get_rule(struct fields *f)
{
	struct rtnl_rule r = { 0 };
	uint32_t family = get_number(f, 6);

	r.family = family == 4 ? AF_INET : AF_INET6;
	if (family != 4 && family != 6)
		f->error = f->error ? f->error : -EBADMSG;
	r.priority = get_number(f, UINT32_MAX);
	r.invert = get_number(f, 1);
	r.mark = get_number(f, UINT32_MAX);
	r.mask = get_number(f, UINT32_MAX);
	r.table = get_number(f, UINT32_MAX);
	return r;
}

static void get_values(struct fields *f, struct entry *r)
{
	switch (r->kind) {
	case ENTRY_LINK:
		get_device(f, r->device);
		r->ifindex = get_number(f, INT32_MAX);
		break;
	case ENTRY_ADDRESS:
		get_device(f, r->device);
		r->prefix = get_prefix(f);
		break;
	case ENTRY_ROUTE:
		r->table = get_number(f, UINT32_MAX);
		r->prefix = get_prefix(f);
		break;
	case ENTRY_RULE:
		r->rule = get_rule(f);
		break;
	case ENTRY_FILE:
		r->text = get_text(f, 4096);
		r->existed = get_number(f, 1);
		r->in_place = get_number(f, 1);
		r->mode = get_number(f, 07777);
		r->before = get_bytes(f, ENTRY_BYTES_MAX);
		r->after = get_bytes(f, ENTRY_BYTES_MAX);
		break;
	case ENTRY_PROC:
		r->text = get_text(f, 4096);
		r->before = get_bytes(f, 256);
		r->after = get_bytes(f, 256);
		break;
	case ENTRY_NFT:
	case ENTRY_CALL:
		r->text = get_text(f, 4096);
		break;
	}
}

int entry_parse(const char *line, size_t len, struct entry *ret_entry)
{
	struct fields f = { .at = line, .end = line + len };
	struct entry r = { 0 };
	const char *kind;
	size_t kind_len, i;

	if (!next_field(&f, &kind, &kind_len))
		return -EBADMSG;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strlen(kinds[i]) == kind_len &&
		    memcmp(kinds[i], kind, kind_len) == 0)
			break;
	}
	if (i == ARRAY_SIZE(kinds))
		return -EBADMSG;
	r.kind = (enum entry_kind)i;
	get_values(&f, &r);
	if (!f.error && f.at != f.end)
		f.error = -EBADMSG;
	if (f.error) {
		entry_fini(&r);
		return f.error;
	}
	*ret_entry = r;
	return 0;
}

const char *entry_text(const struct entry *r, char *buf, size_t size)
{
	char prefix[PREFIX_TEXT_MAX];

	switch (r->kind) {
	case ENTRY_LINK:
		snprintf(buf, size, "device %s", r->device);
		break;
	case ENTRY_ADDRESS:
		snprintf(buf, size, "address %s of %s",
			 prefix_text(&r->prefix, prefix), r->device);
		break;
	case ENTRY_ROUTE:
		snprintf(buf, size, "route %s in table %u",
			 prefix_text(&r->prefix, prefix), r->table);
		break;
	case ENTRY_RULE:
		snprintf(buf, size, "IPv%d rule %u to table %u",
			 r->rule.family == AF_INET ? 4 : 6, r->rule.priority,
			 r->rule.table);
		break;
	case ENTRY_NFT:
		snprintf(buf, size, "nftables table %s", r->text);
		break;
	case ENTRY_FILE:
	case ENTRY_PROC:
		snprintf(buf, size, "%s", r->text);
		break;
	case ENTRY_CALL:
		snprintf(buf, size, "call \"%s\"", r->text);
		break;
	}
	return buf;
}
