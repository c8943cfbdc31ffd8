/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each library's AEADs: the standards' vectors, and the same bytes as
 * wolfCrypt's in every length, with nothing written or read outside. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/aead.h"
#include "crypto/aead_ipsec_mb.h"
#include "tests/lib/suite.h"

enum {
	CASES = 10000,
	SHORT_MAX = 2000,
	LONG = 9000, /* a jumbo frame */
	AAD_MAX = 64,
	AHEAD_MAX = 64, /* how far `out` may lie before `in` here */
	CANARY = 0xa5,
	CANARY_LEN = 64,
};

/* A library's, and what it is held against. */
struct row {
	const struct aead_algorithm *algorithm;
	const struct aead_algorithm *reference;
};

static struct row rows[3] = {
	{ &aead_aes256gcm, &aead_aes256gcm },
	{ &aead_chacha20poly1305, &aead_chacha20poly1305 },
};
static int row_count = 2;

struct vector {
	const char *origin, *name;
	const char *key, *nonce, *aad, *plain, *sealed;
};

#define GCM_KEY                            \
	"feffe9928665731c6d6a8f9467308308" \
	"feffe9928665731c6d6a8f9467308308"
#define GCM_PLAIN                                                          \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define GCM_SEALED                                                         \
	"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" \
	"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
#define ZEROS_16 "00000000000000000000000000000000"

static const struct vector vectors[] = {
	{ "GCM specification, test case 13", "AES-256-GCM", ZEROS_16 ZEROS_16,
	  "000000000000000000000000", "", "",
	  "530f8afbc74536b9a963b4f1c4cb738b" },
	{ "GCM specification, test case 14", "AES-256-GCM", ZEROS_16 ZEROS_16,
	  "000000000000000000000000", "", ZEROS_16,
	  "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919" },
	{ "GCM specification, test case 15", "AES-256-GCM", GCM_KEY,
	  "cafebabefacedbaddecaf888", "", GCM_PLAIN "1aafd255",
	  GCM_SEALED "898015adb094dac5d93471bdec1a502270e3cc6c" },
	{ "GCM specification, test case 16", "AES-256-GCM", GCM_KEY,
	  "cafebabefacedbaddecaf888",
	  "feedfacedeadbeeffeedfacedeadbeefabaddad2", GCM_PLAIN,
	  GCM_SEALED "76fc6ece0f4e1768cddf8853bb2d551b" },
	{ "RFC 8439, section 2.8.2", "ChaCha20-Poly1305",
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
	  "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
	  "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
	  "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
	  "637265656e20776f756c642062652069742e",
	  "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
	  "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
	  "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
	  "3ff4def08e4b7a9de576d26586cec64b6116"
	  "1ae10b594f09e26a7e902ecbd0600691" },
};

static size_t hex(const char *text, uint8_t *out)
{
	size_t n = strlen(text) / 2;

	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(sscanf(text + 2 * i, "%2hhx", &out[i]), 1);
	return n;
}

START_TEST(gives_the_bytes_of_the_standards)
{
	const struct aead_algorithm *algorithm = rows[_i].algorithm;
	size_t done = 0;

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		const struct vector *v = &vectors[i];
		uint8_t key[32], nonce[12], aad[32], plain[256], sealed[256];
		uint8_t out[256];
		size_t aad_len = hex(v->aad, aad), len = hex(v->plain, plain);
		struct aead a;

		if (strcmp(v->name, algorithm->name) != 0)
			continue;
		hex(v->key, key);
		hex(v->nonce, nonce);
		ck_assert_uint_eq(hex(v->sealed, sealed), len + AEAD_TAG_LEN);
		ck_assert_int_eq(aead_init(&a, algorithm, key), 0);
		aead_seal(&a, nonce, aad, aad_len, plain, len, out);
		ck_assert_mem_eq(out, sealed, len + AEAD_TAG_LEN);
		memset(out, 0, sizeof(out));
		ck_assert(aead_open(&a, nonce, aad, aad_len, sealed,
				    len + AEAD_TAG_LEN, out));
		ck_assert_msg(memcmp(out, plain, len) == 0, "%s", v->origin);
		aead_fini(&a);
		done++;
	}
	ck_assert_uint_gt(done, 0);
	printf("note: %s of %s: %zu vectors\n", algorithm->name,
	       algorithm->library, done);
}
END_TEST

/* Memory that ends where the next byte may not be touched. */
struct wall {
	uint8_t *start, *end;
	size_t mapped;
};

static void wall_init(struct wall *w, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t n = (len + page - 1) / page * page;

	w->mapped = n + page;
	w->start = mmap(NULL, w->mapped, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(w->start, MAP_FAILED);
	w->end = w->start + n;
	ck_assert_int_eq(mprotect(w->end, page, PROT_NONE), 0);
}

static void wall_fini(struct wall *w)
{
	munmap(w->start, w->mapped);
}

struct world {
	struct aead mine, reference;
	struct wall in, out, aad;
	bool ahead; /* `out` may lie a little before `in` */
	uint64_t seed;
	unsigned long refused;
};

static unsigned int dice(struct world *w, unsigned int sides)
{
	w->seed = w->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(w->seed >> 33) % sides;
}

static void fill(struct world *w, uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)dice(w, 256);
}

struct trial {
	uint8_t nonce[AEAD_NONCE_LEN];
	const uint8_t *aad;
	size_t aad_len, len;
	uint8_t plain[LONG], sealed[LONG + AEAD_TAG_LEN];
};

/* Where `reads` bytes come from and `writes` go to: elsewhere, the same place,
 * or a little before it; each as near to its wall as it can be. */
static void place(struct world *w, size_t reads, size_t writes,
		  uint8_t **ret_in, uint8_t **ret_out)
{
	size_t most = reads > writes ? reads : writes, ahead = 0;

	switch (dice(w, w->ahead ? 3 : 2)) {
	case 0:
		*ret_in = w->in.end - reads;
		*ret_out = w->out.end - writes;
		break;
	case 2:
		ahead = 1 + dice(w, AHEAD_MAX);
		most = writes > reads + ahead ? writes - ahead : reads;
		/* fallthrough */
	default:
		*ret_in = w->in.end - most;
		*ret_out = *ret_in - ahead;
		break;
	}
	memset(*ret_out - CANARY_LEN, CANARY, CANARY_LEN);
}

static bool canary_lives(const uint8_t *out)
{
	for (size_t i = 1; i <= CANARY_LEN; i++)
		if (out[-(ptrdiff_t)i] != CANARY)
			return false;
	return true;
}

static void seal_trial(struct world *w, const struct trial *t)
{
	size_t n = t->len + AEAD_TAG_LEN;
	uint8_t *in, *out;

	place(w, t->len, n, &in, &out);
	memcpy(in, t->plain, t->len);
	aead_seal(&w->mine, t->nonce, t->aad, t->aad_len, in, t->len, out);
	ck_assert_msg(memcmp(out, t->sealed, n) == 0 && canary_lives(out),
		      "%zu bytes, %zu of aad, out %td after in", t->len,
		      t->aad_len, out - in);
}

static bool open_trial(struct world *w, const struct trial *t)
{
	size_t n = t->len + AEAD_TAG_LEN;
	uint8_t *in, *out;
	bool ok;

	place(w, n, t->len, &in, &out);
	memcpy(in, t->sealed, n);
	ok = aead_open(&w->mine, t->nonce, t->aad, t->aad_len, in, n, out);
	ck_assert_msg((!ok || memcmp(out, t->plain, t->len) == 0) &&
			      canary_lives(out),
		      "%zu bytes, %zu of aad, out %td after in", t->len,
		      t->aad_len, out - in);
	return ok;
}

/* One bit of what is authenticated is another one. */
static void expect_refused(struct world *w, struct trial *t, uint8_t *p,
			   size_t len)
{
	uint8_t *at = p + dice(w, (unsigned int)len);
	uint8_t bit = (uint8_t)(1 << dice(w, 8));

	*at ^= bit;
	ck_assert(!open_trial(w, t));
	*at ^= bit;
	w->refused++;
}

static void try_length(struct world *w, struct trial *t, size_t len)
{
	uint8_t *aad;

	t->len = len;
	t->aad_len = dice(w, 2) ? 16 : dice(w, AAD_MAX + 1);
	aad = w->aad.end - t->aad_len;
	t->aad = aad;
	fill(w, t->nonce, sizeof(t->nonce));
	fill(w, aad, t->aad_len);
	fill(w, t->plain, len);
	aead_seal(&w->reference, t->nonce, t->aad, t->aad_len, t->plain, len,
		  t->sealed);
	seal_trial(w, t);
	ck_assert(open_trial(w, t));
	expect_refused(w, t, t->sealed, len + AEAD_TAG_LEN);
	expect_refused(w, t, t->sealed + len, AEAD_TAG_LEN);
	expect_refused(w, t, t->nonce, sizeof(t->nonce));
	if (t->aad_len > 0)
		expect_refused(w, t, aad, t->aad_len);
}

START_TEST(agrees_with_wolfcrypt_wherever_the_bytes_are)
{
	const struct row *row = &rows[_i];
	uint8_t key[AEAD_KEY_LEN];
	static struct trial t;
	static struct world w;
	const size_t room = CANARY_LEN + AHEAD_MAX + LONG + AEAD_TAG_LEN;

	w = (struct world) { .seed = 20 + (uint64_t)_i };
	wall_init(&w.in, room);
	wall_init(&w.out, room);
	wall_init(&w.aad, AAD_MAX);
	for (unsigned int i = 0; i < CASES; i++) {
		if (i % 100 == 0) {
			fill(&w, key, sizeof(key));
			ck_assert_int_eq(
				aead_init(&w.mine, row->algorithm, key), 0);
			ck_assert_int_eq(
				aead_init(&w.reference, row->reference, key),
				0);
		}
		try_length(&w, &t,
			   i <= SHORT_MAX ? i
			   : i % 100 == 0 ? LONG
					  : dice(&w, SHORT_MAX + 1));
	}
	printf("note: %s of %s: %d cases as wolfCrypt's, %lu changed ones "
	       "refused\n",
	       row->algorithm->name, row->algorithm->library, CASES, w.refused);
	aead_fini(&w.mine);
	aead_fini(&w.reference);
	wall_fini(&w.in);
	wall_fini(&w.out);
	wall_fini(&w.aad);
}
END_TEST

START_TEST(takes_the_fastest_unless_told_otherwise)
{
	const struct aead_algorithm *fast = aead_ipsec_mb();

	ck_assert_int_eq(unsetenv("ADIT_AEAD"), 0);
	ck_assert_ptr_eq(aead_by_name("AES-256-GCM"),
			 fast != NULL ? fast : &aead_aes256gcm);
	ck_assert_ptr_eq(aead_by_name("ChaCha20-Poly1305"),
			 &aead_chacha20poly1305);
	ck_assert_ptr_null(aead_by_name("aes-256-gcm"));
	ck_assert_int_eq(setenv("ADIT_AEAD", "wolfcrypt", 1), 0);
	ck_assert_ptr_eq(aead_by_name("AES-256-GCM"), &aead_aes256gcm);
	ck_assert_ptr_eq(aead_by_name("ChaCha20-Poly1305"),
			 &aead_chacha20poly1305);
	unsetenv("ADIT_AEAD");
}
END_TEST

int main(void)
{
	const struct aead_algorithm *fast = aead_ipsec_mb();
	Suite *s = suite_create("aead");
	TCase *t = tcase_create("aead");

	if (fast != NULL)
		rows[row_count++] = (struct row) { fast, &aead_aes256gcm };
	else
		printf("note: IPsec-MB is not built in, or not for this CPU\n");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, gives_the_bytes_of_the_standards, 0, row_count);
	tcase_add_loop_test(t, agrees_with_wolfcrypt_wherever_the_bytes_are, 0,
			    row_count);
	tcase_add_test(t, takes_the_fastest_unless_told_otherwise);
	suite_add_tcase(s, t);
	return suite_run(s);
}
