/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/hash.h"
#include "tunnel/base/bytes.h"

enum {
	/* What an entry takes, about: so many have a slot each. */
	ENTRY_TYPICAL = 256,
	SLOTS_MIN = 16,
	/* What malloc takes beside what was asked for, at most. */
	MALLOC_OVERHEAD = 24,
	KEY_FIXED = 6, /* all of a key but its name */
};

static const uint64_t second_ns = 1000 * 1000 * 1000;

/* One allocation: what `answer` points to follows. Its question is the name of
 * the key. */
struct entry {
	struct entry *next; /* in its slot */
	struct entry *newer, *older;
	uint64_t hash;
	uint64_t put_ns;
	uint8_t fixed[KEY_FIXED];
	struct dns_answer answer;
	uint16_t bytes[];
};

struct dns_cache {
	uint64_t seed[2];
	size_t bytes_max;
	struct entry **slots;
	size_t slot_mask;
	struct entry *newest, *oldest; /* by use */
	struct dns_cache_stats stats;
};

/* A key as the bytes that are hashed and compared; the name in small letters
 * is the end of them. */
struct flat_key {
	uint8_t bytes[KEY_FIXED + DNS_WIRE_MAX];
	uint8_t name_len;
	uint64_t hash;
};

static void flatten(const struct dns_cache *c, const struct dns_cache_key *key,
		    struct flat_key *flat)
{
	struct bytes b = bytes_over(flat->bytes, sizeof(flat->bytes));
	struct dns_name name;

	name.len = key->name->len;
	memcpy(name.wire, key->name->wire, name.len);
	dns_name_lower(&name);
	bytes_put16(&b, key->type);
	bytes_put16(&b, key->class);
	bytes_put8(&b, key->route);
	bytes_put8(&b, (uint8_t)(key->dnssec_ok | key->checking_disabled << 1));
	bytes_put(&b, name.wire, name.len);
	flat->name_len = name.len;
	flat->hash = hash_siphash(flat->bytes, bytes_done(&b), c->seed);
}

static bool is_key_of(const struct flat_key *key, const struct entry *e)
{
	return e->hash == key->hash &&
	       memcmp(e->fixed, key->bytes, KEY_FIXED) == 0 &&
	       e->answer.question_len == key->name_len &&
	       memcmp(e->answer.message + DNS_HEADER_LEN,
		      key->bytes + KEY_FIXED, key->name_len) == 0;
}

struct dns_cache *dns_cache_create(size_t bytes_max, uint64_t seed)
{
	struct dns_cache *c = calloc(1, sizeof(*c));
	size_t slots = SLOTS_MIN;

	if (c == NULL)
		return NULL;
	while (slots < bytes_max / ENTRY_TYPICAL)
		slots *= 2;
	c->slots = calloc(slots, sizeof(struct entry *));
	if (c->slots == NULL) {
		free(c);
		return NULL;
	}
	c->seed[0] = seed;
	c->seed[1] = ~seed;
	c->slot_mask = slots - 1;
	c->bytes_max = bytes_max;
	c->stats.bytes = sizeof(*c) + slots * sizeof(struct entry *) +
			 2 * MALLOC_OVERHEAD;
	return c;
}

void dns_cache_destroy(struct dns_cache *c)
{
	if (c == NULL)
		return;
	dns_cache_flush(c);
	free(c->slots);
	free(c);
}

static size_t bytes_of(const struct dns_answer *a)
{
	return a->ttl_count * sizeof(*a->ttls) + a->len;
}

static size_t entry_bytes(const struct dns_answer *a)
{
	return sizeof(struct entry) + bytes_of(a) + MALLOC_OVERHEAD;
}

static void unlink_use(struct dns_cache *c, struct entry *e)
{
	*(e->newer != NULL ? &e->newer->older : &c->newest) = e->older;
	*(e->older != NULL ? &e->older->newer : &c->oldest) = e->newer;
}

static void link_newest(struct dns_cache *c, struct entry *e)
{
	e->newer = NULL;
	e->older = c->newest;
	*(e->older != NULL ? &e->older->newer : &c->oldest) = e;
	c->newest = e;
}

static struct entry **slot_of(struct dns_cache *c, uint64_t hash)
{
	return &c->slots[hash & c->slot_mask];
}

static void drop(struct dns_cache *c, struct entry *e)
{
	struct entry **at = slot_of(c, e->hash);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	unlink_use(c, e);
	c->stats.entries--;
	c->stats.bytes -= entry_bytes(&e->answer);
	free(e);
}

static struct entry *lookup(struct dns_cache *c, const struct flat_key *key)
{
	struct entry *e = *slot_of(c, key->hash);

	while (e != NULL && !is_key_of(key, e))
		e = e->next;
	return e;
}

const struct dns_answer *dns_cache_find(struct dns_cache *c,
					const struct dns_cache_key *key,
					uint64_t now_ns, uint32_t *ret_age_s)
{
	struct flat_key flat;
	struct entry *e;

	flatten(c, key, &flat);
	e = lookup(c, &flat);
	if (e != NULL && now_ns - e->put_ns >= e->answer.ttl_s * second_ns) {
		drop(c, e);
		e = NULL;
	}
	if (e == NULL) {
		c->stats.misses++;
		return NULL;
	}
	unlink_use(c, e);
	link_newest(c, e);
	c->stats.hits++;
	*ret_age_s = (uint32_t)((now_ns - e->put_ns) / second_ns);
	return &e->answer;
}

/* An entry of its own with all that the answer holds. NULL: out of memory. */
static struct entry *entry_create(const struct dns_answer *a,
				  const struct flat_key *key, uint64_t now_ns)
{
	const uint32_t ttl_max =
		a->negative ? DNS_CACHE_NEGATIVE_MAX_S : DNS_CACHE_TTL_MAX_S;
	struct entry *e = malloc(sizeof(*e) + bytes_of(a));

	if (e == NULL)
		return NULL;
	e->hash = key->hash;
	e->put_ns = now_ns;
	memcpy(e->fixed, key->bytes, KEY_FIXED);
	e->answer = *a;
	if (e->answer.ttl_s > ttl_max)
		e->answer.ttl_s = ttl_max;
	e->answer.ttls = e->bytes;
	e->answer.message = (uint8_t *)(e->bytes + a->ttl_count);
	memcpy(e->answer.message, a->message, a->len);
	if (a->ttl_count > 0)
		memcpy(e->bytes, a->ttls, a->ttl_count * sizeof(*a->ttls));
	return e;
}

bool dns_cache_put(struct dns_cache *c, const struct dns_cache_key *key,
		   struct dns_answer *answer, uint64_t now_ns)
{
	const size_t need = entry_bytes(answer);
	struct flat_key flat;
	struct entry *e;

	/* Errors have no TTL. */
	if (answer->ttl_s == 0)
		return false;
	flatten(c, key, &flat);
	assert(answer->question_len == flat.name_len);
	e = lookup(c, &flat);
	if (e != NULL)
		drop(c, e);
	while (c->stats.bytes + need > c->bytes_max && c->oldest != NULL) {
		drop(c, c->oldest);
		c->stats.evicted++;
	}
	if (c->stats.bytes + need > c->bytes_max)
		return false;
	e = entry_create(answer, &flat, now_ns);
	if (e == NULL)
		return false;
	dns_answer_fini(answer);
	e->next = *slot_of(c, e->hash);
	*slot_of(c, e->hash) = e;
	link_newest(c, e);
	c->stats.entries++;
	c->stats.bytes += need;
	return true;
}

void dns_cache_flush(struct dns_cache *c)
{
	while (c->oldest != NULL)
		drop(c, c->oldest);
	c->stats.flushes++;
}

void dns_cache_stats(const struct dns_cache *c, struct dns_cache_stats *ret)
{
	*ret = c->stats;
}
