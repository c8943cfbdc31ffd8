/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * signature COUNT
 *
 * What a handshake cannot do without: prints how many microseconds of CPU time
 * a P-256 signature takes here, its verification, and a gateway's part of the
 * key exchange (X25519MLKEM768: a key of its own, two shared secrets); medians
 * of COUNT. Then their sum for a gateway, which signs once for each client and
 * verifies twice (the client's certificate, and its signature).
 */
#include <wolfssl/options.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/wc_mlkem.h>

enum {
	DIGEST_LEN = 32,
	SIGNATURE_MAX = 80,
};

struct bench {
	WC_RNG rng;
	ecc_key key;
	uint8_t digest[DIGEST_LEN], signature[SIGNATURE_MAX];
	word32 signature_len;
	/* the client's share */
	curve25519_key x25519;
	uint8_t mlkem[WC_ML_KEM_768_PUBLIC_KEY_SIZE];
};

static int set_up(struct bench *b)
{
	MlKemKey k;
	int r;

	r = wc_InitRng(&b->rng)						?:
	    wc_ecc_init(&b->key)					?:
	    wc_ecc_make_key(&b->rng, 32, &b->key)			?:
	    wc_ecc_set_rng(&b->key, &b->rng)				?:
	    wc_curve25519_init(&b->x25519)				?:
	    wc_curve25519_make_key(&b->rng, CURVE25519_KEYSIZE, &b->x25519) ?:
	    wc_MlKemKey_Init(&k, WC_ML_KEM_768, NULL, INVALID_DEVID)	?:
	    wc_MlKemKey_MakeKey(&k, &b->rng)				?:
	    wc_MlKemKey_EncodePublicKey(&k, b->mlkem, sizeof(b->mlkem));
	wc_MlKemKey_Free(&k);
	return r;
}

static int sign(struct bench *b)
{
	b->signature_len = sizeof(b->signature);
	return wc_ecc_sign_hash(b->digest, sizeof(b->digest), b->signature,
				&b->signature_len, &b->rng, &b->key);
}

static int verify(struct bench *b)
{
	int good = 0;

	return wc_ecc_verify_hash(b->signature, b->signature_len, b->digest,
				  sizeof(b->digest), &good, &b->key)
		       ?: !good;
}

static int exchange(struct bench *b)
{
	uint8_t secret[2][32], text[WC_ML_KEM_768_CIPHER_TEXT_SIZE];
	word32 len = sizeof(secret[0]);
	curve25519_key own;
	MlKemKey theirs;
	int r;

	r = wc_curve25519_init(&own)					       ?:
	    wc_curve25519_make_key(&b->rng, CURVE25519_KEYSIZE, &own)	       ?:
	    wc_curve25519_shared_secret(&own, &b->x25519, secret[0], &len)     ?:
	    wc_MlKemKey_Init(&theirs, WC_ML_KEM_768, NULL, INVALID_DEVID)      ?:
	    wc_MlKemKey_DecodePublicKey(&theirs, b->mlkem, sizeof(b->mlkem))   ?:
	    wc_MlKemKey_Encapsulate(&theirs, text, secret[1], &b->rng);
	wc_MlKemKey_Free(&theirs);
	wc_curve25519_free(&own);
	return r;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* This thread's, so that who else is on the CPU does not count. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The median, in microseconds. */
static double cost(struct bench *b, int (*once)(struct bench *b), uint64_t *ns,
		   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t from = cpu_ns();

		if (once(b)) {
			fprintf(stderr, "signature: it does not work\n");
			exit(1);
		}
		ns[i] = cpu_ns() - from;
	}
	qsort(ns, count, sizeof(*ns), compare);
	return (double)ns[count / 2] / 1000;
}

int main(int argc, char **argv)
{
	size_t count = argc == 2 ? (size_t)atoi(argv[1]) : 0;
	uint64_t *ns = calloc(count + 1, sizeof(*ns));
	struct bench b = { .digest = { 1 } };
	double signing, verifying, exchanging;

	if (count == 0 || ns == NULL || set_up(&b)) {
		fprintf(stderr, "usage: signature COUNT\n");
		return 2;
	}
	signing = cost(&b, sign, ns, count);
	verifying = cost(&b, verify, ns, count);
	exchanging = cost(&b, exchange, ns, count);
	printf("sign_us %.1f verify_us %.1f exchange_us %.1f sum_us %.1f\n",
	       signing, verifying, exchanging,
	       signing + 2 * verifying + exchanging);
	free(ns);
	return 0;
}
