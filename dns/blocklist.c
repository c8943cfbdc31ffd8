/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/blocklist.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/hash.h"

enum {
	FILTER_BITS = 10, /* for each name */
	FILTER_HASHES = 7,
	FIRST_CAPACITY = 1024,
	BUCKET_NAMES = 8,	     /* on average */
	WORD_MAX = DNS_NAME_MAX + 4, /* what is longer is no name */
};

/* A name is these two: together 128 bits. */
struct hashes {
	uint64_t fnv, murmur;
};

struct dns_blocklist {
	struct hashes *names; /* sealed: in order of murmur */
	size_t count, capacity, added, ignored;
	bool sealed;
	uint8_t *filter;
	uint64_t filter_bits;
	/* Where names begin whose murmur has these highest bits. */
	uint32_t *buckets;
	unsigned int bucket_bits;
};

struct dns_blocklist *dns_blocklist_create(void)
{
	return calloc(1, sizeof(struct dns_blocklist));
}

void dns_blocklist_destroy(struct dns_blocklist *b)
{
	if (b == NULL)
		return;
	free(b->names);
	free(b->filter);
	free(b->buckets);
	free(b);
}

static struct hashes hash_name(const char *name, size_t len)
{
	uint64_t murmur[2];

	hash_murmur3(name, len, 0, murmur);
	return (struct hashes) {
		.fnv = hash_fnv1a(name, len),
		.murmur = murmur[0],
	};
}

static int add_hashes(struct dns_blocklist *b, struct hashes h)
{
	size_t capacity = b->capacity > 0 ? 2 * b->capacity : FIRST_CAPACITY;
	struct hashes *names;

	if (b->count == DNS_LIST_NAMES_MAX)
		return -EFBIG;
	if (b->count == b->capacity) {
		names = realloc(b->names, capacity * sizeof(*names));
		if (names == NULL)
			return -ENOMEM;
		b->names = names;
		b->capacity = capacity;
	}
	b->names[b->count++] = h;
	return 0;
}

/* Names that every hosts file has, of the machine itself: all but one are
 * single labels, which no list means to block with all that is below. */
static bool is_of_the_machine(const char *name)
{
	return strchr(name, '.') == NULL ||
	       strcmp(name, "localhost.localdomain") == 0;
}

/* Consumes the word. */
static int add_word(struct dns_blocklist *b, char *word,
		    enum dns_list_format format)
{
	struct ip_addr addr;
	size_t len;

	if (format == DNS_LIST_DOMAINS && strncmp(word, "*.", 2) == 0)
		word += 2;
	len = strlen(word);
	if (len > 0 && word[len - 1] == '.')
		word[--len] = '\0';
	for (char *c = word; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
	if (dns_name_check(word, len) != DNS_NAME_OK ||
	    addr_parse(word, &addr) == 0 ||
	    (format == DNS_LIST_HOSTS && is_of_the_machine(word))) {
		b->ignored++;
		return 0;
	}
	return add_hashes(b, hash_name(word, len));
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static void skip_line(FILE *from)
{
	int c;

	do
		c = getc_unlocked(from);
	while (c != '\n' && c != EOF);
	ungetc(c, from);
}

/* The next word of the line; what is too long, or has a zero byte, becomes one
 * that is no name. False: the line is over. */
static bool get_word(FILE *from, char word[static WORD_MAX + 1])
{
	size_t len = 0;
	int c = getc_unlocked(from);

	while (is_blank(c))
		c = getc_unlocked(from);
	while (c != EOF && c != '\n' && c != '#' && !is_blank(c)) {
		if (len < WORD_MAX)
			word[len++] = c != '\0' ? (char)c : ' ';
		c = getc_unlocked(from);
	}
	if (c == '#')
		skip_line(from);
	else if (c == '\n')
		ungetc(c, from);
	word[len] = '\0';
	return len > 0;
}

static bool is_address(char *word)
{
	struct ip_addr addr;

	word[strcspn(word, "%")] = '\0'; /* "fe80::1%lo0" */
	return addr_parse(word, &addr) == 0;
}

/* Up to, not including, the line's end. */
static int add_line(struct dns_blocklist *b, FILE *from,
		    enum dns_list_format format)
{
	char word[WORD_MAX + 1], more[WORD_MAX + 1];
	int r = 0;

	if (!get_word(from, word))
		return 0;
	if (word[0] == '!') {
		skip_line(from);
		return 0;
	}
	if (format == DNS_LIST_DOMAINS) {
		if (!get_word(from, more))
			return add_word(b, word, format);
	} else if (is_address(word) && get_word(from, word)) {
		do
			r = add_word(b, word, format);
		while (r == 0 && get_word(from, word));
		return r;
	}
	b->ignored++;
	skip_line(from);
	return 0;
}

static void skip_byte_order_mark(FILE *from)
{
	static const int mark[] = { 0xef, 0xbb, 0xbf };

	for (size_t i = 0; i < 3; i++) {
		int c = getc_unlocked(from);

		if (c != mark[i]) {
			ungetc(c, from);
			return;
		}
	}
}

int dns_blocklist_add(struct dns_blocklist *b, FILE *from,
		      enum dns_list_format format)
{
	int r = 0;

	assert(!b->sealed);
	skip_byte_order_mark(from);
	do
		r = add_line(b, from, format);
	while (r == 0 && getc_unlocked(from) != EOF);
	if (r == 0 && ferror(from))
		r = -EIO;
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct hashes *x = a, *y = b;

	if (x->murmur != y->murmur)
		return x->murmur < y->murmur ? -1 : 1;
	return (x->fnv > y->fnv) - (x->fnv < y->fnv);
}

static void sort_and_unite(struct dns_blocklist *b)
{
	struct hashes *names;
	size_t kept = 0;

	b->added = b->count;
	if (b->count == 0)
		return;
	qsort(b->names, b->count, sizeof(*b->names), compare);
	for (size_t i = 1; i < b->count; i++)
		if (compare(&b->names[i], &b->names[kept]) != 0)
			b->names[++kept] = b->names[i];
	b->count = kept + 1;
	/* It becomes smaller: where it cannot, it stays as it is. */
	names = realloc(b->names, b->count * sizeof(*names));
	if (names != NULL) {
		b->names = names;
		b->capacity = b->count;
	}
}

/* blocklist.h has the text of it. */
static uint64_t filter_bit(const struct dns_blocklist *b, struct hashes h,
			   unsigned int i)
{
	return (h.fnv + i * (h.murmur | 1)) % b->filter_bits;
}

static int filter_create(struct dns_blocklist *b)
{
	b->filter_bits = ((uint64_t)b->count * FILTER_BITS + 63) / 64 * 64;
	if (b->filter_bits == 0)
		b->filter_bits = 64;
	b->filter = calloc(1, b->filter_bits / 8);
	if (b->filter == NULL)
		return -ENOMEM;
	for (size_t n = 0; n < b->count; n++)
		for (unsigned int i = 0; i < FILTER_HASHES; i++) {
			uint64_t bit = filter_bit(b, b->names[n], i);

			b->filter[bit / 8] |= (uint8_t)(1 << bit % 8);
		}
	return 0;
}

static size_t bucket_of(const struct dns_blocklist *b, uint64_t murmur)
{
	return (size_t)(murmur >> (64 - b->bucket_bits));
}

static int buckets_create(struct dns_blocklist *b)
{
	size_t at = 0, buckets;

	b->bucket_bits = 1;
	while (b->count >> b->bucket_bits > BUCKET_NAMES)
		b->bucket_bits++;
	buckets = (size_t)1 << b->bucket_bits;
	b->buckets = malloc((buckets + 1) * sizeof(*b->buckets));
	if (b->buckets == NULL)
		return -ENOMEM;
	for (size_t i = 0; i <= buckets; i++) {
		while (at < b->count && bucket_of(b, b->names[at].murmur) < i)
			at++;
		b->buckets[i] = (uint32_t)at;
	}
	return 0;
}

int dns_blocklist_seal(struct dns_blocklist *b)
{
	assert(!b->sealed);
	sort_and_unite(b);
	if (filter_create(b) != 0 || buckets_create(b) != 0)
		return -ENOMEM;
	b->sealed = true;
	return 0;
}

static bool filter_has(const struct dns_blocklist *b, struct hashes h)
{
	for (unsigned int i = 0; i < FILTER_HASHES; i++) {
		uint64_t bit = filter_bit(b, h, i);

		if ((b->filter[bit / 8] >> bit % 8 & 1) == 0)
			return false;
	}
	return true;
}

static bool table_has(const struct dns_blocklist *b, struct hashes h)
{
	const size_t bucket = bucket_of(b, h.murmur);

	for (size_t i = b->buckets[bucket]; i < b->buckets[bucket + 1]; i++)
		if (compare(&b->names[i], &h) == 0)
			return true;
	return false;
}

bool dns_blocklist_has(const struct dns_blocklist *b, const struct dns_name *n,
		       unsigned int *ret_labels)
{
	unsigned int labels = dns_name_labels(n);
	char text[DNS_WIRE_MAX];
	struct dns_name lower;
	struct hashes h;

	assert(b->sealed);
	lower.len = n->len;
	memcpy(lower.wire, n->wire, n->len);
	dns_name_lower(&lower);
	/* The text is the wire form with dots for lengths; a dot within a
	 * label must not become one of them. */
	for (size_t i = 0; i < n->len; i++)
		text[i] = lower.wire[i] != '.' ? (char)lower.wire[i] : ' ';
	for (size_t at = 0; lower.wire[at] != 0; at += 1u + lower.wire[at])
		text[at] = '.';
	for (size_t at = 0; lower.wire[at] != 0; at += 1u + lower.wire[at]) {
		h = hash_name(text + at + 1, n->len - at - 2u);
		if (filter_has(b, h) && table_has(b, h)) {
			*ret_labels = labels;
			return true;
		}
		labels--;
	}
	return false;
}

void dns_blocklist_stats(const struct dns_blocklist *b,
			 struct dns_blocklist_stats *ret)
{
	*ret = (struct dns_blocklist_stats) {
		.names = b->count,
		.duplicates = b->sealed ? b->added - b->count : 0,
		.ignored = b->ignored,
		.bytes = sizeof(*b) + b->capacity * sizeof(*b->names),
	};
	if (b->sealed)
		ret->bytes += b->filter_bits / 8 +
			      (((size_t)1 << b->bucket_bits) + 1) *
				      sizeof(*b->buckets);
}

const uint8_t *dns_blocklist_filter(const struct dns_blocklist *b,
				    size_t *ret_len)
{
	*ret_len = b->filter_bits / 8;
	return b->filter;
}
