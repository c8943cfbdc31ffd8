/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records, epochs and AEADs: what is authentic is opened, the rest changes
 * nothing. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/aead_ipsec_mb.h"
#include "crypto/record.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

enum {
	SHIFT = 7,
	EPOCH = 1 << SHIFT,
	PLAIN_LEN = 64,
	RECORD_LEN = PLAIN_LEN + RECORD_OVERHEAD,
};

/* A third one where this machine has a faster library. */
static const struct aead_algorithm *algorithms[3] = {
	&aead_aes256gcm,
	&aead_chacha20poly1305,
};
static int algorithm_count = 2;

static const uint8_t secret[KEYS_SECRET_LEN] =
	"a secret of thirty-two bytes...";

struct ends {
	struct keys keys;
	struct keys_tx tx;
	struct record_rx rx;
};

static void ends_init(struct ends *e, size_t algorithm, uint8_t shift)
{
	memset(e, 0, sizeof(*e));
	keys_init(&e->keys, algorithms[algorithm], secret);
	e->keys.shift = shift;
	ck_assert_int_eq(
		keys_tx_init(&e->tx, &e->keys, KEYS_CLIENT_TO_GATEWAY, 0), 0);
	ck_assert_int_eq(
		keys_rx_init(&e->rx.keys, &e->keys, KEYS_CLIENT_TO_GATEWAY, 0),
		0);
}

static void ends_fini(struct ends *e)
{
	keys_tx_fini(&e->tx);
	keys_rx_fini(&e->rx.keys);
	keys_fini(&e->keys);
}

static void seal(struct ends *e, uint8_t record[static RECORD_LEN])
{
	uint8_t plain[PLAIN_LEN];

	memset(plain, (int)(e->tx.counter & 0xff), sizeof(plain));
	ck_assert_uint_eq(
		record_seal(&e->tx, 5, 0, 0, plain, sizeof(plain), record),
		RECORD_LEN);
}

static enum record_verdict open_record(struct ends *e, const uint8_t *record)
{
	uint8_t plain[PLAIN_LEN];
	struct record_header h;
	enum record_verdict v = record_parse(record, RECORD_LEN, &h);

	if (v != RECORD_OK)
		return v;
	v = record_open(&e->rx, &h, record, RECORD_LEN, plain);
	if (v == RECORD_OK)
		ck_assert_uint_eq(plain[PLAIN_LEN - 1], h.counter & 0xff);
	return v;
}

static unsigned int dice(uint64_t *seed, unsigned int sides)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(*seed >> 33) % sides;
}

/* A link that holds back up to 127 records, loses 5 %, and once 900. */
START_TEST(loses_nothing_authentic_to_epochs_of_128_records)
{
	enum { HELD = 127, TOTAL = 100000, OUTAGE_AT = 50000, OUTAGE = 900 };
	static uint8_t held[HELD][RECORD_LEN];
	uint64_t seed = 7, opened = 0, delivered = 0;
	struct ends e;

	ends_init(&e, (size_t)_i, SHIFT);
	for (size_t i = 0; i < HELD; i++)
		seal(&e, held[i]);
	for (unsigned int i = HELD; i < TOTAL; i++) {
		/* Each new one takes the place of one that is delivered now:
		 * at random, but none is held back by more than 127. */
		size_t at = i % 2 == 0 ? i % HELD : dice(&seed, HELD);
		bool lost = dice(&seed, 100) < 5 ||
			    (i >= OUTAGE_AT && i < OUTAGE_AT + OUTAGE);
		uint64_t age =
			e.tx.counter -
			(uint64_t)(held[at][12] << 24 | held[at][13] << 16 |
				   held[at][14] << 8 | held[at][15]);

		if (age > HELD)
			lost = true; /* older than the promise */
		if (!lost) {
			delivered++;
			opened += open_record(&e, held[at]) == RECORD_OK;
		}
		seal(&e, held[at]);
	}
	ck_assert_uint_eq(opened, delivered);
	ck_assert_uint_gt(e.rx.keys.current, 700);
	printf("note: %s of %s: %llu of %llu delivered records opened over "
	       "%llu epochs\n",
	       algorithms[_i]->name, algorithms[_i]->library,
	       (unsigned long long)opened, (unsigned long long)delivered,
	       (unsigned long long)e.rx.keys.current);
	ends_fini(&e);
}
END_TEST

START_TEST(derives_nothing_for_a_counter_far_ahead)
{
	uint8_t record[RECORD_LEN];
	struct record_rx before;
	struct ends e;

	ends_init(&e, 0, SHIFT);
	seal(&e, record);
	ck_assert_int_eq(open_record(&e, record), RECORD_OK);
	before = e.rx;
	for (unsigned int bit = SHIFT + 4; bit < 64; bit++) {
		uint8_t forged[RECORD_LEN];

		memcpy(forged, record, sizeof(forged));
		memset(forged + 8, 0, 8);
		forged[15 - bit / 8] = (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(open_record(&e, forged), RECORD_EPOCH);
	}
	ck_assert_mem_eq(&before, &e.rx, sizeof(before));
	ends_fini(&e);
}
END_TEST

START_TEST(derives_at_most_eight_epochs_for_a_forger)
{
	uint8_t record[RECORD_LEN];
	struct ends e;

	ends_init(&e, 0, SHIFT);
	seal(&e, record);
	record[20] ^= 1;
	for (unsigned int round = 0; round < 1000; round++) {
		uint64_t counter = (uint64_t)(round % 9) * EPOCH;

		record[14] = (uint8_t)(counter >> 8);
		record[15] = (uint8_t)counter;
		(void)open_record(&e, record);
	}
	ck_assert_uint_eq(e.rx.keys.frontier, 1 + KEYS_EPOCHS_AHEAD);
	ck_assert_uint_eq(e.rx.keys.current, 0);
	ck_assert_uint_eq(e.rx.replay.next, 0);
	ends_fini(&e);
}
END_TEST

START_TEST(opens_nothing_with_an_old_key)
{
	static uint8_t first[RECORD_LEN], second[RECORD_LEN], rec[RECORD_LEN];
	struct ends e;

	ends_init(&e, 0, SHIFT);
	seal(&e, first);
	while (e.tx.counter < EPOCH)
		seal(&e, second);
	seal(&e, rec);
	ck_assert_int_eq(open_record(&e, rec), RECORD_OK);
	/* The previous epoch still opens, */
	ck_assert_int_eq(open_record(&e, second), RECORD_OK);
	while (e.tx.counter <= 2 * EPOCH)
		seal(&e, rec);
	ck_assert_int_eq(open_record(&e, rec), RECORD_OK);
	/* the one before it is gone, and so are its bytes. */
	ck_assert_int_eq(open_record(&e, first), RECORD_OLD);
	for (size_t i = 0; i < sizeof(e.rx.keys.slot[0]); i++)
		ck_assert_uint_eq(((uint8_t *)&e.rx.keys.slot[0])[i], 0);
	ends_fini(&e);
}
END_TEST

START_TEST(drops_every_flipped_bit)
{
	uint8_t record[RECORD_LEN];
	unsigned int flips = 0;
	struct ends e;

	ends_init(&e, (size_t)_i, KEYS_EPOCH_SHIFT);
	seal(&e, record);
	for (unsigned int bit = 0; bit < RECORD_LEN * 8; bit++) {
		enum record_verdict want = RECORD_FORGED;

		record[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (bit < 8)
			want = RECORD_FOREIGN;
		else if (bit / 8 >= 8 && bit / 8 < 12)
			want = RECORD_EPOCH; /* counter 2^32 and more */
		else if (bit / 8 == 12 && bit % 8 >= 4)
			want = RECORD_EPOCH; /* 2^28 and more: 16 epochs */
		ck_assert_msg(open_record(&e, record) == want, "bit %u", bit);
		record[bit / 8] ^= (uint8_t)(1 << bit % 8);
		flips++;
	}
	ck_assert_uint_eq(e.rx.replay.next, 0);
	ck_assert_int_eq(open_record(&e, record), RECORD_OK);
	ck_assert_int_eq(open_record(&e, record), RECORD_REPLAYED);
	printf("note: %s: %u flipped bits dropped\n", algorithms[_i]->name,
	       flips);
	ends_fini(&e);
}
END_TEST

START_TEST(does_not_move_the_window_for_a_forged_record)
{
	uint8_t record[RECORD_LEN], forged[RECORD_LEN];
	struct ends e;

	ends_init(&e, 0, KEYS_EPOCH_SHIFT);
	seal(&e, record);
	memcpy(forged, record, sizeof(forged));
	forged[13] = 0xff; /* far ahead, in the same epoch */
	ck_assert_int_eq(open_record(&e, forged), RECORD_FORGED);
	ck_assert_int_eq(open_record(&e, record), RECORD_OK);
	ends_fini(&e);
}
END_TEST

START_TEST(refuses_what_is_too_short)
{
	uint8_t record[RECORD_OVERHEAD] = { RECORD_TYPE };
	struct record_header h;

	for (size_t len = 0; len < RECORD_OVERHEAD; len++)
		ck_assert_int_eq(record_parse(record, len, &h), RECORD_SHORT);
	ck_assert_int_eq(record_parse(record, RECORD_OVERHEAD, &h), RECORD_OK);
}
END_TEST

START_TEST(seals_to_just_before_its_input)
{
	/* As the data path does: the record's bytes begin 16 before the
	 * packet's. */
	uint8_t buf[16 + 1400 + 16], copy[1400], out[1400];
	struct record_header h;
	struct ends e;

	ends_init(&e, (size_t)_i, KEYS_EPOCH_SHIFT);
	for (size_t i = 0; i < sizeof(copy); i++)
		copy[i] = buf[16 + i] = (uint8_t)(i * 7);
	ck_assert_uint_eq(record_seal(&e.tx, 1, 0, 0, buf + 16, 1400, buf),
			  sizeof(buf));
	ck_assert_int_eq(record_parse(buf, sizeof(buf), &h), RECORD_OK);
	ck_assert_int_eq(record_open(&e.rx, &h, buf, sizeof(buf), out),
			 RECORD_OK);
	ck_assert_mem_eq(copy, out, sizeof(copy));
	ends_fini(&e);
}
END_TEST

START_TEST(has_different_keys_for_each_lane_direction_and_epoch)
{
	enum { LANES = 3, EPOCHS = 3, ALL = 2 * LANES * EPOCHS };
	static const uint8_t lanes[LANES] = { 0, 1, 255 };
	uint8_t key[ALL][AEAD_KEY_LEN];
	size_t n = 0, pairs = 0;
	struct ends e;

	ends_init(&e, 0, SHIFT);
	for (unsigned int d = 0; d < 2; d++) {
		for (size_t l = 0; l < LANES; l++) {
			struct keys_rx rx;
			uint8_t nonce[AEAD_NONCE_LEN];

			ck_assert_int_eq(
				keys_rx_init(&rx, &e.keys, d, lanes[l]), 0);
			for (uint64_t ep = 0; ep < EPOCHS; ep++) {
				ck_assert_ptr_nonnull(
					keys_rx_find(&rx, ep * EPOCH, nonce));
				memcpy(key[n++], rx.slot[ep].key, AEAD_KEY_LEN);
			}
			keys_rx_fini(&rx);
		}
	}
	for (size_t i = 0; i < ALL; i++)
		for (size_t k = i + 1; k < ALL; k++, pairs++)
			ck_assert_mem_ne(key[i], key[k], AEAD_KEY_LEN);
	printf("note: %zu pairs of keys differ\n", pairs);
	ends_fini(&e);
}
END_TEST

START_TEST(stops_at_the_last_counter)
{
	uint8_t record[RECORD_LEN], plain[PLAIN_LEN] = { 0 };
	struct ends e;

	ends_init(&e, 0, KEYS_EPOCH_SHIFT);
	e.tx.counter = KEYS_COUNTER_MAX;
	ck_assert_uint_eq(
		record_seal(&e.tx, 5, 0, 0, plain, sizeof(plain), record), 0);
	ends_fini(&e);
}
END_TEST

int main(void)
{
	const struct aead_algorithm *fast = aead_ipsec_mb();
	Suite *s = suite_create("record");
	TCase *t = tcase_create("record");

	if (fast != NULL)
		algorithms[algorithm_count++] = fast;
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, loses_nothing_authentic_to_epochs_of_128_records,
			    0, algorithm_count);
	tcase_add_test(t, derives_nothing_for_a_counter_far_ahead);
	tcase_add_test(t, derives_at_most_eight_epochs_for_a_forger);
	tcase_add_test(t, opens_nothing_with_an_old_key);
	tcase_add_loop_test(t, drops_every_flipped_bit, 0, algorithm_count);
	tcase_add_test(t, does_not_move_the_window_for_a_forged_record);
	tcase_add_test(t, refuses_what_is_too_short);
	tcase_add_loop_test(t, seals_to_just_before_its_input, 0,
			    algorithm_count);
	tcase_add_test(t, has_different_keys_for_each_lane_direction_and_epoch);
	tcase_add_test(t, stops_at_the_last_counter);
	suite_add_tcase(s, t);
	return suite_run(s);
}
