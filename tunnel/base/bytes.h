/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Big-endian loads and stores, and a bounded cursor over bytes.
 *
 * The cursor has a sticky error: read or write a whole message straight
 * through and ask once at the end. After the first failure reads return zeros,
 * writes do nothing, and bytes_ok() is false.
 *
 *   1. struct bytes b = bytes_over(buf, len);
 *   2. type = bytes_get8(&b); body_len = bytes_get16(&b); ...
 *   3. if (!bytes_ok(&b)) return -EBADMSG;
 */
#ifndef ADIT_BASE_BYTES_H
#define ADIT_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t load_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t load_be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t load_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline uint64_t load_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

static inline void store_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void store_be64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

struct bytes {
	uint8_t *at;
	uint8_t *end;
	uint8_t *start;
	bool failed;
};

static inline struct bytes bytes_over(void *buf, size_t len)
{
	uint8_t *p = buf;

	return (struct bytes) { .at = p, .end = p + len, .start = p };
}

/* A cursor for reading only: the bytes are never written through it. */
static inline struct bytes bytes_read(const void *buf, size_t len)
{
	return bytes_over((void *)(uintptr_t)buf, len);
}

static inline bool bytes_ok(const struct bytes *b)
{
	return !b->failed;
}

static inline size_t bytes_left(const struct bytes *b)
{
	return b->failed ? 0 : (size_t)(b->end - b->at);
}

static inline size_t bytes_done(const struct bytes *b)
{
	return (size_t)(b->at - b->start);
}

/* The next n bytes, or NULL (and the sticky error) if there are fewer. */
static inline uint8_t *bytes_take(struct bytes *b, size_t n)
{
	uint8_t *p = b->at;

	if (bytes_left(b) < n || b->failed) {
		b->failed = true;
		return NULL;
	}
	b->at += n;
	return p;
}

static inline uint8_t bytes_get8(struct bytes *b)
{
	const uint8_t *p = bytes_take(b, 1);

	return p ? p[0] : 0;
}

static inline uint16_t bytes_get16(struct bytes *b)
{
	const uint8_t *p = bytes_take(b, 2);

	return p ? load_be16(p) : 0;
}

static inline uint32_t bytes_get32(struct bytes *b)
{
	const uint8_t *p = bytes_take(b, 4);

	return p ? load_be32(p) : 0;
}

static inline uint64_t bytes_get64(struct bytes *b)
{
	const uint8_t *p = bytes_take(b, 8);

	return p ? load_be64(p) : 0;
}

static inline void bytes_get(struct bytes *b, void *to, size_t n)
{
	const uint8_t *p = bytes_take(b, n);

	if (p)
		memcpy(to, p, n);
	else
		memset(to, 0, n);
}

static inline void bytes_put8(struct bytes *b, uint8_t v)
{
	uint8_t *p = bytes_take(b, 1);

	if (p)
		p[0] = v;
}

static inline void bytes_put16(struct bytes *b, uint16_t v)
{
	uint8_t *p = bytes_take(b, 2);

	if (p)
		store_be16(p, v);
}

static inline void bytes_put32(struct bytes *b, uint32_t v)
{
	uint8_t *p = bytes_take(b, 4);

	if (p)
		store_be32(p, v);
}

static inline void bytes_put64(struct bytes *b, uint64_t v)
{
	uint8_t *p = bytes_take(b, 8);

	if (p)
		store_be64(p, v);
}

static inline void bytes_put(struct bytes *b, const void *from, size_t n)
{
	uint8_t *p = bytes_take(b, n);

	if (p && n > 0)
		memcpy(p, from, n);
}

#endif
