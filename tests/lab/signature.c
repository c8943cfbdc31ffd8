/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * signature COUNT
 *
 * What a handshake cannot do without: prints how many microseconds of CPU time
 * a P-256 signature takes here, and its verification; medians of COUNT. A
 * gateway signs once for each client, and verifies twice (the client's
 * certificate, and its signature).
 */
#include <wolfssl/options.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

enum {
	DIGEST_LEN = 32,
	SIGNATURE_MAX = 80,
};

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

int main(int argc, char **argv)
{
	size_t count = argc == 2 ? (size_t)atoi(argv[1]) : 0;
	uint64_t *sign = calloc(count + 1, sizeof(*sign));
	uint64_t *verify = calloc(count + 1, sizeof(*verify));
	uint8_t digest[DIGEST_LEN] = { 1 }, signature[SIGNATURE_MAX];
	ecc_key key;
	WC_RNG rng;

	if (count == 0 || sign == NULL || verify == NULL || wc_InitRng(&rng) ||
	    wc_ecc_init(&key) || wc_ecc_make_key(&rng, 32, &key) ||
	    wc_ecc_set_rng(&key, &rng)) {
		fprintf(stderr, "usage: signature COUNT\n");
		return 2;
	}
	for (size_t i = 0; i < count; i++) {
		word32 len = sizeof(signature);
		uint64_t from = cpu_ns();
		int good = 0;

		if (wc_ecc_sign_hash(digest, sizeof(digest), signature, &len,
				     &rng, &key))
			return 1;
		sign[i] = cpu_ns() - from;
		from = cpu_ns();
		if (wc_ecc_verify_hash(signature, len, digest, sizeof(digest),
				       &good, &key) ||
		    !good)
			return 1;
		verify[i] = cpu_ns() - from;
	}
	qsort(sign, count, sizeof(*sign), compare);
	qsort(verify, count, sizeof(*verify), compare);
	printf("sign_us %.1f verify_us %.1f\n", (double)sign[count / 2] / 1000,
	       (double)verify[count / 2] / 1000);
	return 0;
}
