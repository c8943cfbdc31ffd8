/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/hash.h"

#include <string.h>

static uint64_t rotate(uint64_t v, unsigned int by)
{
	return v << by | v >> (64 - by);
}

static uint64_t load_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Fewer than eight bytes; the missing ones are zero. */
static uint64_t load_tail(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	while (len-- > 0)
		v = v << 8 | p[len];
	return v;
}

uint64_t hash_fnv1a(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h;
}

static const uint64_t c1 = 0x87c37b91114253d5, c2 = 0x4cf5ad432745937f;

static uint64_t finish(uint64_t h)
{
	h = (h ^ h >> 33) * 0xff51afd7ed558ccd;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53;
	return h ^ h >> 33;
}

void hash_murmur3(const void *bytes, size_t len, uint32_t seed,
		  uint64_t ret_hash[static 2])
{
	const uint8_t *p = bytes;
	uint64_t a = seed, b = seed;
	size_t left = len;

	for (; left >= 16; left -= 16, p += 16) {
		a ^= rotate(load_le64(p) * c1, 31) * c2;
		a = (rotate(a, 27) + b) * 5 + 0x52dce729;
		b ^= rotate(load_le64(p + 8) * c2, 33) * c1;
		b = (rotate(b, 31) + a) * 5 + 0x38495ab5;
	}
	if (left > 8)
		b ^= rotate(load_tail(p + 8, left - 8) * c2, 33) * c1;
	a ^= rotate(load_tail(p, left < 8 ? left : 8) * c1, 31) * c2;
	a ^= len;
	b ^= len;
	a += b;
	b += a;
	a = finish(a);
	b = finish(b);
	ret_hash[0] = a + b;
	ret_hash[1] = a + b + b;
}

static void sip_rounds(uint64_t v[static 4], unsigned int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32) + v[3];
		v[2] += v[1];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

uint64_t hash_siphash(const void *bytes, size_t len,
		      const uint64_t key[static 2])
{
	const uint8_t *p = bytes;
	uint64_t last, v[4] = {
		key[0] ^ 0x736f6d6570736575,
		key[1] ^ 0x646f72616e646f6d,
		key[0] ^ 0x6c7967656e657261,
		key[1] ^ 0x7465646279746573,
	};

	for (size_t left = len; left >= 8; left -= 8, p += 8) {
		v[3] ^= load_le64(p);
		sip_rounds(v, 2);
		v[0] ^= load_le64(p);
	}
	last = (uint64_t)len << 56 | load_tail(p, len % 8);
	v[3] ^= last;
	sip_rounds(v, 2);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
