/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What strangers can do to the two ends: nothing, and never get more bytes
 * than they sent. */
#include <check.h>
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/envelope.h"
#include "crypto/record.h"
#include "tests/lib/duo.h"
#include "tests/lib/hooks.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/bytes.h"

static const struct duo_options usual;

enum {
	STRANGER_PORT = 50000,
	CONTENT_HANDSHAKE = 22, /* of DTLS */
	KEPT_MAX = 32,
};

/* The datagrams of an honest run. */
static struct {
	unsigned int count;
	bool to_gateway[KEPT_MAX];
	size_t len[KEPT_MAX];
	uint8_t bytes[KEPT_MAX][ENVELOPE_MAX];
} kept;

static enum duo_fate keep(struct duo *d, bool to_gateway, unsigned int n,
			  uint8_t *datagram, size_t len)
{
	(void)d;
	if (n < KEPT_MAX && len <= ENVELOPE_MAX) {
		kept.to_gateway[n] = to_gateway;
		kept.len[n] = len;
		memcpy(kept.bytes[n], datagram, len);
		kept.count = n + 1;
	}
	return DUO_DELIVER;
}

static void keep_a_run(void)
{
	struct duo d;

	duo_init(&d, &usual);
	d.hook = keep;
	duo_start(&d);
	ck_assert(duo_run_until_up(&d, 20000));
	duo_fini(&d);
	ck_assert_uint_gt(kept.count, 10);
}

/* A whole gateway alone: what it answers is counted. */
static uint64_t answer_to(struct duo *d, const uint8_t *bytes, size_t len,
			  uint16_t port)
{
	uint64_t before = d->bytes_to_client;

	duo_inject(d, true, port, bytes, len);
	duo_run(d, 1);
	return d->bytes_to_client - before;
}

START_TEST(takes_a_cookie_only_from_whom_it_was_given_to)
{
	struct server_counters c;
	unsigned int hello2 = 2; /* after ClientHello and its answer */
	struct duo d;

	keep_a_run();
	ck_assert(kept.to_gateway[hello2]);
	/* A gateway's cookie secret is its own: take a fresh one's cookie. */
	duo_init(&d, &usual);
	d.hook = keep;
	duo_start(&d);
	duo_run(&d, 3 * DUO_ONE_WAY_MS - 5);
	ck_assert_uint_gt(kept.count, hello2);
	(void)answer_to(&d, kept.bytes[hello2], kept.len[hello2],
			STRANGER_PORT);
	server_counters(d.server, &c);
	ck_assert_uint_eq(c.handshakes_now, 0);
	ck_assert_uint_eq(c.cookies_bad, 1);
	/* From the right address it begins a handshake. */
	(void)answer_to(&d, kept.bytes[hello2], kept.len[hello2], d.port);
	server_counters(d.server, &c);
	ck_assert_uint_eq(c.handshakes_now, 1);
	duo_fini(&d);
}
END_TEST

/* A gateway that has given a cookie, in kept.bytes[2] for port 40000, and has
 * forgotten the handshake. */
static void give_a_cookie(struct duo *d)
{
	struct server_counters c;

	duo_init(d, &usual);
	d->hook = keep;
	duo_start(d);
	duo_run(d, 3 * DUO_ONE_WAY_MS - 5);
	client_close(d->client, d->now_ns);
	while (d->queue != NULL)
		duo_run(d, 1000);
	d->hook = NULL;
	duo_run(d, 60000);
	server_counters(d->server, &c);
	ck_assert_uint_eq(c.handshakes_now, 0);
}

static bool cookie_is_good(struct duo *d)
{
	struct server_counters c;

	(void)answer_to(d, kept.bytes[2], kept.len[2], 40000);
	server_counters(d->server, &c);
	return c.handshakes_now == 1;
}

/* The secret turns over every 120 s, and the one before still counts. */
START_TEST(takes_a_cookie_under_the_previous_secret_but_no_older_one)
{
	for (unsigned int turns = 0; turns < 3; turns++) {
		struct duo d;

		give_a_cookie(&d);
		for (unsigned int i = 0; i < turns; i++) {
			duo_run(&d, 121000);
			/* A stranger's question is what turns it. */
			(void)answer_to(&d, kept.bytes[0], kept.len[0],
					STRANGER_PORT);
		}
		ck_assert(cookie_is_good(&d) == (turns < 2));
		duo_fini(&d);
	}
}
END_TEST

/* Only strangers turn the secret, and once a cookie was good for as long as
 * none came. The cookie is about 61 s old when the quiet begins. */
START_TEST(takes_no_old_cookie_after_a_quiet_time)
{
	static const struct {
		unsigned int quiet_s;
		bool good;
	} rows[] = {
		{ 0, true },	{ 170, true },	  { 185, false },
		{ 310, false }, { 86400, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct duo d;

		give_a_cookie(&d);
		duo_run(&d, rows[i].quiet_s * 1000ULL);
		ck_assert_msg(cookie_is_good(&d) == rows[i].good, "after %u s",
			      rows[i].quiet_s);
		duo_fini(&d);
	}
}
END_TEST

START_TEST(answers_only_whole_and_long_enough_first_questions)
{
	uint8_t b[ENVELOPE_MAX];
	unsigned int asked = 0;
	struct duo d;

	keep_a_run();
	duo_init(&d, &usual);
	/* Every datagram of an honest run, cut at every length. */
	for (unsigned int i = 0; i < kept.count; i++) {
		for (size_t len = 0; len <= kept.len[i]; len++, asked++) {
			uint64_t got;

			memcpy(b, kept.bytes[i], len);
			got = answer_to(&d, b, len, STRANGER_PORT);
			ck_assert_uint_le(got, len);
			if (i != 0 || len < kept.len[0])
				ck_assert_uint_eq(got, 0);
		}
	}
	/* Each byte of the first question, changed. */
	for (size_t at = 0; at < kept.len[0]; at++, asked++) {
		memcpy(b, kept.bytes[0], kept.len[0]);
		b[at] ^= 0x41;
		ck_assert_uint_le(answer_to(&d, b, kept.len[0], STRANGER_PORT),
				  kept.len[0]);
	}
	ck_assert_uint_gt(
		answer_to(&d, kept.bytes[0], kept.len[0], STRANGER_PORT), 0);
	/* After all that, an honest client is served. */
	duo_start(&d);
	ck_assert_msg(duo_run_until_up(&d, 20000), "%s", d.text);
	printf("note: %u strange datagrams, none answered by more than it "
	       "had\n",
	       asked);
	duo_fini(&d);
}
END_TEST

START_TEST(keeps_nothing_of_a_hundred_thousand_first_datagrams)
{
	enum { FLOOD = 100000, CLIENT_AT = FLOOD / 2 };
	struct server_counters c;
	uint64_t sent = 0, got = 0;
	uint8_t b[ENVELOPE_MAX];
	struct duo d;
	size_t heap;

	keep_a_run();
	duo_init(&d, &usual);
	memcpy(b, kept.bytes[0], kept.len[0]);
	(void)answer_to(&d, b, kept.len[0], STRANGER_PORT);
	heap = mallinfo2().uordblks;
	for (uint32_t i = 0; i < FLOOD; i++) {
		store_be32(b + 4, i);
		store_be32(b + 40, i * 2654435761U);
		got += answer_to(&d, b, kept.len[0], (uint16_t)(i % 60000 + 1));
		sent += kept.len[0];
		if (i == CLIENT_AT) {
			ck_assert_uint_le(mallinfo2().uordblks, heap + 8192);
			duo_start(&d);
			ck_assert_msg(duo_run_until_up(&d, 20000), "%s",
				      d.text);
		}
	}
	server_counters(d.server, &c);
	ck_assert_uint_eq(c.handshakes_now, 0);
	ck_assert_uint_eq(c.sessions_now, 1);
	ck_assert_uint_lt(got, sent);
	printf("note: %u forged first datagrams: %llu bytes in, %llu out, a "
	       "client came through\n",
	       FLOOD, (unsigned long long)sent, (unsigned long long)got);
	duo_fini(&d);
}
END_TEST

/* Plaintext that kills a wolfSSL object that is not protected. */
static const struct poison {
	const char *name;
	size_t len;
	uint8_t dtls[32];
} poisons[] = {
	{ "fatal alert", 15, { 21, 0xfe, 0xfd, [10] = 9, [12] = 2, 2, 40 } },
	{ "close notify", 15, { 21, 0xfe, 0xfd, [10] = 9, [12] = 2, 1, 0 } },
	{ "application data", 18, { 23, 0xfe, 0xfd, [10] = 9, [12] = 5, 1 } },
	{ "ACK", 15, { 26, 0xfe, 0xfd, [10] = 9, [12] = 2, 0, 0 } },
	{ "malformed ACK",
	  16,
	  { 26, 0xfe, 0xfd, [10] = 9, [12] = 3, 0, 9, 9 } },
	{ "CCS", 14, { 20, 0xfe, 0xfd, [10] = 9, [12] = 1, 1 } },
	{ "unknown type", 18, { 99, 0xfe, 0xfd, [10] = 9, [12] = 5, 1, 2 } },
	{ "huge length", 16, { 22, 0xfe, 0xfd, [10] = 9, [11] = 255, 255, 1 } },
	{ "no length", 13, { 22, 0xfe, 0xfd, [10] = 9 } },
	{ "short handshake", 20, { 22, 0xfe, 0xfd, [10] = 9, [12] = 7, 1 } },
	{ "Finished",
	  26,
	  { 22, 0xfe, 0xfd, [10] = 9, [12] = 13, 20, [24] = 1 } },
	{ "fragment beyond",
	  26,
	  { 22, 0xfe, 0xfd, [10] = 9, [12] = 13,
	    1, [16] = 4, [21] = 9, [24] = 1 } },
	{ "unified, long", 24, { 0x2e, 0, 0, 0xff, 0xff } },
	{ "unified, short", 8, { 0x2f, 0, 0, 0, 3, 1, 2, 3 } },
	{ "unified, id", 30, { 0x3e, 0, 0, 0, 25 } },
	{ "other version", 26, { 22, 3, 3, [12] = 13, 1, [24] = 1 } },
};

struct poisoner {
	unsigned int at; /* before this datagram */
	const struct poison *poison;
	bool to_gateway;
	uint8_t token[ENVELOPE_TOKEN_LEN];
};

/* Puts one poisoned envelope, with the right token and the right addresses, in
 * front of the n-th datagram. */
static enum duo_fate poison(struct duo *d, bool to_gateway, unsigned int n,
			    uint8_t *datagram, size_t len)
{
	struct poisoner *p = d->hook_arg;
	uint8_t b[ENVELOPE_MAX];

	(void)to_gateway;
	if (n == 0 && len > 12)
		memcpy(p->token, datagram + 4, sizeof(p->token));
	if (n == p->at) {
		size_t k = envelope_build(p->token, p->poison->dtls,
					  p->poison->len, 0, b);

		duo_inject(d, p->to_gateway, d->port, b, k);
	}
	return DUO_DELIVER;
}

START_TEST(is_not_disturbed_by_forged_plaintext_at_any_step)
{
	unsigned int runs = 0;

	for (size_t i = 0; i < ARRAY_SIZE(poisons); i++) {
		for (unsigned int at = 0; at < 20; at++) {
			for (unsigned int side = 0; side < 2; side++) {
				struct poisoner p = {
					.at = at,
					.poison = &poisons[i],
					.to_gateway = side == 0,
				};
				struct duo d;

				duo_init(&d, &usual);
				d.hook = poison;
				d.hook_arg = &p;
				duo_start(&d);
				ck_assert_msg(duo_run_until_up(&d, 20000),
					      "%s before datagram %u: %s",
					      poisons[i].name, at, d.text);
				ck_assert_uint_eq(duo_elapsed_ms(&d, d.up_ns),
						  3 * DUO_RTT_MS);
				ck_assert_uint_eq(
					client_facts(d.client)->attempts, 1);
				duo_fini(&d);
				runs++;
			}
		}
	}
	printf("note: %u runs with a forged record in them: all up in three "
	       "round trips, at the first attempt\n",
	       runs);
}
END_TEST

/* Nothing of the gateway arrives but a plaintext alert with the right token. */
static enum duo_fate only_an_alert(struct duo *d, bool to_gateway,
				   unsigned int n, uint8_t *datagram,
				   size_t len)
{
	uint8_t b[ENVELOPE_MAX];

	(void)len;
	if (n == 0)
		duo_inject(d, false, d->port, b,
			   envelope_build(datagram + 4, poisons[0].dtls,
					  poisons[0].len, 0, b));
	return to_gateway ? DUO_DELIVER : DUO_DROP;
}

START_TEST(tells_a_plaintext_alert_as_the_hint_that_it_is)
{
	struct duo d;

	duo_init(&d, &usual);
	d.hook = only_an_alert;
	duo_start(&d);
	ck_assert(!duo_run_until_up(&d, 20000));
	ck_assert_uint_eq(duo_elapsed_ms(&d, d.down_ns), 10000);
	ck_assert_msg(strstr(d.text, "unauthenticated: the other end refused "
				     "it with TLS alert 40") != NULL,
		      "%s", d.text);
	duo_fini(&d);
}
END_TEST

/* What the filter keeps from wolfSSL kills its listening object for good; if
 * ever something slips through, the object is replaced. */
START_TEST(answers_the_next_client_after_a_fatal_datagram)
{
	struct server_counters c;
	unsigned int fatal = 0;

	for (size_t i = 0; i < ARRAY_SIZE(poisons); i++) {
		static const uint8_t token[ENVELOPE_TOKEN_LEN] = "stranger";
		uint8_t b[ENVELOPE_MAX];
		struct duo d;
		size_t len =
			envelope_build(token, poisons[i].dtls, poisons[i].len,
				       ENVELOPE_STRANGER_MIN, b);

		duo_init(&d, &usual);
		hello_hook_open = true;
		(void)answer_to(&d, b, len, STRANGER_PORT);
		hello_hook_open = false;
		server_counters(d.server, &c);
		fatal += (unsigned int)c.drop_filtered;
		duo_start(&d);
		ck_assert_msg(duo_run_until_up(&d, 20000), "%s: %s",
			      poisons[i].name, d.text);
		ck_assert_uint_eq(duo_elapsed_ms(&d, d.up_ns),
				  3 * DUO_RTT_MS + 1);
		duo_fini(&d);
	}
	ck_assert_uint_gt(fatal, 2);
	printf("note: %u of %zu forged datagrams would have killed a "
	       "listener\n",
	       fatal, ARRAY_SIZE(poisons));
}
END_TEST

static uint64_t sum_of_drops(const struct server_counters *c)
{
	return c->drop_foreign + c->drop_short + c->drop_index + c->drop_lane +
	       c->drop_epoch + c->drop_forged + c->drop_old + c->drop_replayed +
	       c->drop_long + c->drop_padding + c->drop_filtered +
	       c->drop_unpadded + c->drop_token + c->cookies_bad +
	       c->drop_crowd + c->drop_full + c->drop_memory + c->drop_rate +
	       c->drop_message;
}

/* Puts one datagram to a gateway in the middle of the honest client's
 * handshake: this counter moves, and no other. */
static void moves_only(struct duo *d, const uint8_t *bytes, size_t len,
		       uint16_t port, size_t counter)
{
	struct server_counters before, after;
	uint64_t was, is;

	server_counters(d->server, &before);
	(void)answer_to(d, bytes, len, port);
	server_counters(d->server, &after);
	memcpy(&was, (char *)&before + counter, sizeof(was));
	memcpy(&is, (char *)&after + counter, sizeof(is));
	ck_assert_uint_eq(is - was, 1);
	ck_assert_uint_eq(sum_of_drops(&after) - sum_of_drops(&before), 1);
	ck_assert_uint_eq(after.handshakes_now, 1);
}

START_TEST(counts_each_cause_by_itself)
{
	static const uint8_t zeros[ENVELOPE_MAX + 1];
	uint8_t b[ENVELOPE_MAX + 1] = { 0 };
	struct duo d;
	size_t len;

	duo_init(&d, &usual);
	d.hook = keep;
	duo_start(&d);
	duo_run(&d, 3 * DUO_ONE_WAY_MS + 10); /* the cookie is there */
#define MOVES(n, from, name)                   \
	moves_only(&d, b, (size_t)(n), (from), \
		   offsetof(struct server_counters, name))
	b[0] = CONTENT_HANDSHAKE; /* bare DTLS */
	MOVES(300, STRANGER_PORT, drop_foreign);
	b[0] = ENVELOPE_TYPE;
	MOVES(ENVELOPE_HEADER_LEN, STRANGER_PORT, drop_short);
	MOVES(0, STRANGER_PORT, drop_short);
	MOVES(ENVELOPE_MAX + 1, STRANGER_PORT, drop_long);
	MOVES(ENVELOPE_STRANGER_MIN - 1, STRANGER_PORT, drop_unpadded);
	MOVES(300, STRANGER_PORT, drop_token);
	store_be16(b + 2, 300 - ENVELOPE_HEADER_LEN);
	MOVES(300, STRANGER_PORT, drop_padding);
	len = envelope_build(kept.bytes[0] + 4, zeros, 300, 0, b);
	MOVES(len, d.port, drop_filtered);
	memcpy(b, kept.bytes[2], kept.len[2]);
	MOVES(kept.len[2], STRANGER_PORT, cookies_bad);
	memset(b, 0, sizeof(b));
	b[0] = RECORD_TYPE;
	MOVES(RECORD_OVERHEAD - 1, STRANGER_PORT, drop_short);
	MOVES(100, STRANGER_PORT, drop_lane);
	b[1] = RECORD_LANE_CONTROL;
	MOVES(100, STRANGER_PORT, drop_index);
#undef MOVES
	ck_assert(duo_run_until_up(&d, 20000));
	duo_fini(&d);
}
END_TEST

/* A session that is up, and every way to write a wrong control record. */
START_TEST(drops_strange_records_and_counts_them)
{
	struct server_counters before, after;
	uint8_t record[RECORD_CONTROL_MAX] = { RECORD_TYPE, 255 };
	struct duo d;

	duo_init(&d, &usual);
	duo_start(&d);
	ck_assert(duo_run_until_up(&d, 20000));
	duo_run(&d, 1000);
	server_counters(d.server, &before);
	for (size_t len = 0; len <= 64; len++) { /* index 0 */
		store_be32(record + 4, 0);
		duo_inject(&d, true, d.port, record, len);
		duo_inject(&d, false, d.port, record, len);
	}
	store_be32(record + 4, d.index ^ 0x10000);
	duo_inject(&d, true, d.port, record, 100);
	store_be32(record + 4, d.index);
	duo_inject(&d, true, d.port, record, 100); /* forged */
	record[1] = 7;
	duo_inject(&d, true, d.port, record, 100); /* no control lane */
	duo_run(&d, 1000);
	server_counters(d.server, &after);
	ck_assert_uint_eq(after.drop_short - before.drop_short, 32);
	ck_assert_uint_eq(after.drop_index - before.drop_index, 33 + 1);
	ck_assert_uint_eq(after.drop_lane - before.drop_lane, 1);
	ck_assert_uint_eq(after.drop_forged - before.drop_forged, 1);
	ck_assert_uint_eq(d.down, 0);
	ck_assert_uint_eq(after.sessions_now, 1);
	duo_fini(&d);
}
END_TEST

START_TEST(ends_a_session_whose_key_has_seen_too_many_forgeries)
{
	static const struct duo_options few = { .max_failures = 3 };
	uint8_t record[RECORD_CONTROL_MAX] = { RECORD_TYPE,
					       RECORD_LANE_CONTROL };
	struct duo d;

	duo_init(&d, &few);
	duo_start(&d);
	ck_assert(duo_run_until_up(&d, 20000));
	store_be32(record + 4, d.index);
	for (unsigned int i = 0; i < 2; i++)
		duo_inject(&d, true, d.port, record, 100);
	duo_run(&d, 1000);
	ck_assert_uint_eq(d.ended, 0);
	duo_inject(&d, true, d.port, record, 100);
	duo_run(&d, 1000);
	ck_assert_uint_eq(d.ended, 1);
	/* The client is told, in a way that lets it come back. */
	ck_assert_uint_eq(d.down, 1);
	ck_assert_int_eq(d.reason, REASON_GATEWAY_ENDED);
	ck_assert_msg(strstr(d.text, "forged"), "%s", d.text);
	duo_fini(&d);
	/* The same at the client. */
	duo_init(&d, &few);
	duo_start(&d);
	ck_assert(duo_run_until_up(&d, 20000));
	duo_run(&d, 1000);
	for (unsigned int i = 0; i < 2; i++)
		duo_inject(&d, false, d.port, record, 100);
	duo_run(&d, 1000);
	ck_assert_uint_eq(d.down, 0);
	store_be32(record + 4, d.index);
	for (unsigned int i = 0; i < 3; i++)
		duo_inject(&d, false, d.port, record, 100);
	duo_run(&d, 1000);
	ck_assert_uint_eq(d.down, 1);
	ck_assert_uint_eq(d.ended, 1);
	ck_assert_int_eq(d.reason, REASON_INTERNAL);
	/* A data lane's key is its owner's to watch. */
	duo_fini(&d);
	duo_init(&d, &usual);
	duo_start(&d);
	ck_assert(duo_run_until_up(&d, 20000));
	client_wear_out(d.client);
	duo_run(&d, 1000);
	ck_assert_uint_eq(d.down, 1);
	ck_assert_uint_eq(d.ended, 1);
	duo_fini(&d);
}
END_TEST

START_TEST(leaves_nothing_of_a_thousand_handshakes)
{
	size_t heap = 0;

	for (unsigned int i = 0; i < 1000; i++) {
		struct duo d;

		duo_init(&d, &usual);
		duo_start(&d);
		/* Abandoned at each step in turn, each tenth is whole. */
		if (i % 10 == 9)
			ck_assert(duo_run_until_up(&d, 20000));
		else
			duo_run(&d, (i % 10) * DUO_ONE_WAY_MS + 1);
		duo_fini(&d);
		if (i == 99)
			heap = mallinfo2().uordblks;
	}
	/* Under AddressSanitizer mallinfo is zero and LeakSanitizer decides. */
	ck_assert_uint_le(mallinfo2().uordblks, heap + 16384);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stranger");
	TCase *t = tcase_create("stranger");

	tcase_set_timeout(t, 240);
	tcase_add_test(t, takes_a_cookie_only_from_whom_it_was_given_to);
	tcase_add_test(
		t, takes_a_cookie_under_the_previous_secret_but_no_older_one);
	tcase_add_test(t, takes_no_old_cookie_after_a_quiet_time);
	tcase_add_test(t, answers_only_whole_and_long_enough_first_questions);
	tcase_add_test(t, keeps_nothing_of_a_hundred_thousand_first_datagrams);
	tcase_add_test(t, is_not_disturbed_by_forged_plaintext_at_any_step);
	tcase_add_test(t, tells_a_plaintext_alert_as_the_hint_that_it_is);
	tcase_add_test(t, answers_the_next_client_after_a_fatal_datagram);
	tcase_add_test(t, counts_each_cause_by_itself);
	tcase_add_test(t, drops_strange_records_and_counts_them);
	tcase_add_test(t, ends_a_session_whose_key_has_seen_too_many_forgeries);
	tcase_add_test(t, leaves_nothing_of_a_thousand_handshakes);
	suite_add_tcase(s, t);
	return suite_run(s);
}
