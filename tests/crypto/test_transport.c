/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two ends of the transport over a link in memory, in virtual time. */
#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/client.h"
#include "crypto/envelope.h"
#include "crypto/record.h"
#include "crypto/server.h"
#include "tests/lib/duo.h"
#include "tests/lib/hooks.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/cpu.h"

static const char *const groups[] = { "X25519MLKEM768", "SecP256r1MLKEM768",
				      "SecP384r1MLKEM1024" };

static const struct duo_options usual;

/* The client's credentials with one group; made once. */
static const struct credentials *client_with_group(size_t i)
{
	static struct credentials *made[ARRAY_SIZE(groups)];

	if (made[i] == NULL)
		made[i] = duo_credentials(CREDENTIALS_CLIENT, "p256", groups[i],
					  NULL);
	return made[i];
}

START_TEST(is_usable_three_round_trips_after_the_first_datagram)
{
	struct duo_options o = { .client = client_with_group((size_t)_i) };
	struct duo d;

	duo_init(&d, &o);
	duo_start(&d);
	ck_assert(duo_run_until_up(&d, 20000));
	ck_assert_uint_eq(duo_elapsed_ms(&d, d.up_ns), 3 * DUO_RTT_MS);
	ck_assert_str_eq(client_facts(d.client)->group, groups[_i]);
	ck_assert_str_eq(d.guest.group, groups[_i]);
	ck_assert_uint_eq(client_facts(d.client)->attempts, 1);
	ck_assert_uint_eq(client_facts(d.client)->rtt_ns,
			  DUO_RTT_MS * 1000000ULL);
	printf("note: %s: 3.0 round trips, %u datagrams, %llu + %llu bytes\n",
	       groups[_i], d.sent, (unsigned long long)d.bytes_to_gateway,
	       (unsigned long long)d.bytes_to_client);
	duo_fini(&d);
}
END_TEST

struct drop_two {
	unsigned int first, second;
};

static enum duo_fate drop_two(struct duo *d, bool to_gateway, unsigned int n,
			      uint8_t *datagram, size_t len)
{
	const struct drop_two *t = d->hook_arg;

	(void)to_gateway;
	(void)datagram;
	(void)len;
	return n == t->first || n == t->second ? DUO_DROP : DUO_DELIVER;
}

START_TEST(survives_any_two_lost_datagrams)
{
	struct duo_options o = { .client = client_with_group((size_t)_i) };
	unsigned int total, runs = 0;
	uint64_t worst = 0, sum = 0;
	struct duo d;

	duo_init(&d, &o);
	duo_start(&d);
	ck_assert(duo_run_until_up(&d, 20000));
	total = d.sent;
	duo_fini(&d);
	for (unsigned int i = 0; i < total; i++) {
		for (unsigned int k = i; k < total; k++) {
			struct drop_two t = { i, k };
			uint64_t took;

			duo_init(&d, &o);
			d.hook = drop_two;
			d.hook_arg = &t;
			duo_start(&d);
			ck_assert_msg(duo_run_until_up(&d, 20000),
				      "%s without datagrams %u and %u: %s",
				      groups[_i], i, k, d.text);
			took = duo_elapsed_ms(&d, d.now_ns);
			sum += took;
			if (took > worst)
				worst = took;
			duo_fini(&d);
			runs++;
		}
	}
	printf("note: %s: %u of %u runs with one or two datagrams lost; mean "
	       "%llu ms, worst %llu ms\n",
	       groups[_i], runs, runs, (unsigned long long)(sum / runs),
	       (unsigned long long)worst);
}
END_TEST

static unsigned int dice(uint64_t *seed, unsigned int sides)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(*seed >> 33) % sides;
}

static enum duo_fate bad_weather(struct duo *d, bool to_gateway, unsigned int n,
				 uint8_t *datagram, size_t len)
{
	unsigned int x = dice(d->hook_arg, 100);

	(void)to_gateway;
	(void)n;
	(void)datagram;
	(void)len;
	return x < 20	? DUO_DROP
	       : x < 35 ? DUO_REPEAT
	       : x < 60 ? DUO_DELAY
			: DUO_DELIVER;
}

/* Both are up, or the client says that it failed and the gateway forgets. */
START_TEST(ends_well_or_says_so_in_bad_weather)
{
	unsigned int up = 0;

	for (uint64_t seed = 1; seed <= 200; seed++) {
		uint64_t state = seed;
		struct duo d;

		duo_init(&d, &usual);
		d.hook = bad_weather;
		d.hook_arg = &state;
		duo_start(&d);
		if (duo_run_until_up(&d, 20000)) {
			up++;
		} else {
			struct server_counters c;

			ck_assert_msg(d.down == 1, "seed %llu: no end",
				      (unsigned long long)seed);
			duo_run(&d, 60000);
			server_counters(d.server, &c);
			ck_assert_uint_eq(c.sessions_now, 0);
			ck_assert_uint_eq(c.handshakes_now, 0);
		}
		duo_fini(&d);
	}
	ck_assert_uint_ge(up, 195);
	printf("note: %u of 200 seeds up with 20 %% lost, 15 %% twice, 25 %% "
	       "late; the others said so\n",
	       up);
}
END_TEST

/* One row: who the two are, and what the client's person reads. */
static const struct row {
	const char *client, *gateway, *server_name;
	enum reason reason;
	const char *text;	    /* a part of it */
	const char *log;	    /* a part of the gateway's log line */
	enum handshake_cause cause; /* that it counts */
} refusals[] = {
	{ "p256", "other-ca", NULL, REASON_GATEWAY_CERTIFICATE, "another CA",
	  "does not trust this gateway's CA", HANDSHAKE_CAUSE_CLIENT_SAID },
	{ "p256", "expired", NULL, REASON_GATEWAY_CERTIFICATE, "expired",
	  "expired or not valid yet", HANDSHAKE_CAUSE_CLIENT_SAID },
	{ "p256", "early", NULL, REASON_GATEWAY_CERTIFICATE, "not valid yet",
	  "expired or not valid yet", HANDSHAKE_CAUSE_CLIENT_SAID },
	{ "p256", "other-name", NULL, REASON_GATEWAY_CERTIFICATE,
	  "not for \"gw.test\"", "refused this gateway's certificate",
	  HANDSHAKE_CAUSE_CLIENT_SAID },
	{ "p256", "address", NULL, REASON_GATEWAY_CERTIFICATE,
	  "not for \"gw.test\"", "refused this gateway's certificate",
	  HANDSHAKE_CAUSE_CLIENT_SAID },
	{ "p256", "p256", "192.0.2.1", REASON_GATEWAY_CERTIFICATE,
	  "not for \"192.0.2.1\"", "refused this gateway's certificate",
	  HANDSHAKE_CAUSE_CLIENT_SAID },
	{ "p256", "p256", "gateway", REASON_GATEWAY_CERTIFICATE,
	  "not for \"gateway\"", "refused this gateway's certificate",
	  HANDSHAKE_CAUSE_CLIENT_SAID },
	{ "p256", "label", "gatewa", REASON_GATEWAY_CERTIFICATE,
	  "not for \"gatewa\"", "refused this gateway's certificate",
	  HANDSHAKE_CAUSE_CLIENT_SAID },
	{ "p256", "any", "gateway", REASON_GATEWAY_CERTIFICATE,
	  "not for \"gateway\"", "refused this gateway's certificate",
	  HANDSHAKE_CAUSE_CLIENT_SAID },
	{ "p256", "address", "gateway", REASON_GATEWAY_CERTIFICATE,
	  "not for \"gateway\"", "refused this gateway's certificate",
	  HANDSHAKE_CAUSE_CLIENT_SAID },
	{ "p256", "other-ca", "gateway", REASON_GATEWAY_CERTIFICATE,
	  "another CA", "does not trust this gateway's CA",
	  HANDSHAKE_CAUSE_CLIENT_SAID },
	{ "p256", "label", NULL, REASON_GATEWAY_CERTIFICATE,
	  "not for \"gw.test\"", "refused this gateway's certificate",
	  HANDSHAKE_CAUSE_CLIENT_SAID },
	{ "p256", "client-use", NULL, REASON_GATEWAY_CERTIFICATE,
	  "not meant for servers", "refused this gateway's certificate",
	  HANDSHAKE_CAUSE_CLIENT_SAID },
	{ "other-ca", "p256", NULL, REASON_DEVICE_CERTIFICATE, "another CA",
	  "another CA", HANDSHAKE_CAUSE_UNKNOWN_CA },
	{ "expired", "p256", NULL, REASON_DEVICE_CERTIFICATE, "expired",
	  "has expired", HANDSHAKE_CAUSE_EXPIRED },
	{ "early", "p256", NULL, REASON_DEVICE_CERTIFICATE, "not valid yet",
	  "not valid yet", HANDSHAKE_CAUSE_NOT_YET_VALID },
	{ "server-use", "p256", NULL, REASON_DEVICE_CERTIFICATE,
	  "not meant for clients", "not meant for clients",
	  HANDSHAKE_CAUSE_KEY_USAGE },
};

static void expect_refusal(const struct row *row, duo_hook hook, void *arg,
			   uint64_t limit_ms)
{
	struct duo_options o = {
		.client = duo_client(row->client),
		.gateway = duo_gateway(row->gateway),
		.server_name = row->server_name,
	};
	struct server_counters c;
	struct duo d;

	duo_init(&d, &o);
	d.hook = hook;
	d.hook_arg = arg;
	duo_start(&d);
	ck_assert(!duo_run_until_up(&d, 20000));
	ck_assert_uint_eq(d.down, 1);
	ck_assert_msg(d.reason == row->reason && strstr(d.text, row->text),
		      "%s at %s: %s: %s", row->client, row->gateway,
		      reason_code(d.reason), d.text);
	ck_assert_uint_le(duo_elapsed_ms(&d, d.down_ns), limit_ms);
	duo_run(&d, DUO_ONE_WAY_MS); /* until it hears what the client said */
	if (row->log != NULL)
		ck_assert_msg(strstr(d.rejected, row->log) != NULL,
			      "the log says \"%s\"", d.rejected);
	server_counters(d.server, &c);
	ck_assert_msg(c.failed_by[row->cause] == 1,
		      "%s at %s: not counted as %d", row->client, row->gateway,
		      (int)row->cause);
	ck_assert_uint_eq(d.up, 0);
	duo_fini(&d);
}

START_TEST(says_which_certificate_is_wrong_and_why)
{
	/* Three round trips at most, for the client's own to be judged. */
	expect_refusal(&refusals[_i], NULL, NULL, 3 * DUO_RTT_MS);
}
END_TEST

/* Loses the first short datagram that the gateway sends after its flight: the
 * alert. */
static enum duo_fate lose_alert(struct duo *d, bool to_gateway, unsigned int n,
				uint8_t *datagram, size_t len)
{
	unsigned int *lost = d->hook_arg;

	(void)n;
	(void)datagram;
	if (to_gateway || len > 60 || *lost > 0)
		return DUO_DELIVER;
	++*lost;
	return DUO_DROP;
}

START_TEST(repeats_a_refusal_that_was_lost)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		unsigned int lost = 0;

		if (refusals[i].reason != REASON_DEVICE_CERTIFICATE)
			continue;
		expect_refusal(&refusals[i], lose_alert, &lost,
			       3 * DUO_RTT_MS + 500);
		ck_assert_uint_eq(lost, 1);
	}
}
END_TEST

START_TEST(tells_a_refusal_by_the_gateway_itself)
{
	struct duo_options o = { .refuse = REFUSAL_IN_USE };
	struct duo d;

	duo_init(&d, &o);
	duo_start(&d);
	ck_assert(!duo_run_until_up(&d, 20000));
	ck_assert_int_eq(d.reason, REASON_BUSY);
	ck_assert_str_eq(d.text, "the gateway refuses this device: \"not "
				 "\"today\"?\"; try again in 17 s");
	ck_assert_uint_eq(duo_elapsed_ms(&d, d.down_ns), 3 * DUO_RTT_MS);
	ck_assert_uint_eq(client_facts(d.client)->retry_s, 17);
	duo_fini(&d);
}
END_TEST

START_TEST(checks_an_address_in_the_certificate)
{
	struct duo_options o = {
		.gateway = duo_gateway("address"),
		.server_name = "192.0.2.1",
	};
	struct duo d;

	duo_init(&d, &o);
	duo_start(&d);
	ck_assert_msg(duo_run_until_up(&d, 20000), "%s", d.text);
	duo_fini(&d);
}
END_TEST

START_TEST(takes_a_name_of_a_single_label)
{
	static const char *const names[] = { "gateway", "GateWay" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct duo_options o = {
			.gateway = duo_gateway("label"),
			.server_name = names[i],
		};
		struct duo d;

		duo_init(&d, &o);
		duo_start(&d);
		ck_assert_msg(duo_run_until_up(&d, 20000), "%s", d.text);
		duo_fini(&d);
	}
}
END_TEST

START_TEST(takes_ed25519_and_both_ciphers)
{
	static const char *const ciphers[] = { "AES-256-GCM",
					       "ChaCha20-Poly1305" };

	for (size_t i = 0; i < ARRAY_SIZE(ciphers); i++) {
		struct credentials *c = duo_credentials(
			CREDENTIALS_CLIENT, "ed25519", NULL, ciphers[i]);
		struct duo_options o = {
			.client = c,
			.gateway = duo_gateway("ed25519"),
		};
		struct duo d;

		duo_init(&d, &o);
		duo_start(&d);
		ck_assert_msg(duo_run_until_up(&d, 20000), "%s", d.text);
		ck_assert_str_eq(client_facts(d.client)->cipher, ciphers[i]);
		ck_assert_str_eq(d.guest.cipher, ciphers[i]);
		duo_fini(&d);
		credentials_destroy(c);
	}
}
END_TEST

/* Either end's: it is the slower one that is spared. */
START_TEST(takes_chacha20_where_a_cpu_has_no_aes)
{
	static const struct {
		bool client, gateway; /* have AES */
		const char *wanted, *cipher;
	} rows[] = {
		{ true, true, NULL, "AES-256-GCM" },
		{ false, true, NULL, "ChaCha20-Poly1305" },
		{ true, false, NULL, "ChaCha20-Poly1305" },
		{ false, false, NULL, "ChaCha20-Poly1305" },
		/* The profile's word is above it. */
		{ false, false, "AES-256-GCM", "AES-256-GCM" },
	};

	if (!cpu_has_aes()) {
		printf("note: no AES here: not tried\n");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct duo_options o = { 0 };
		struct credentials *client, *gateway;
		struct duo d;

		cpu_hook_no_aes = !rows[i].client;
		client = duo_credentials(CREDENTIALS_CLIENT, "p256", NULL,
					 rows[i].wanted);
		cpu_hook_no_aes = !rows[i].gateway;
		gateway = duo_credentials(CREDENTIALS_GATEWAY, "p256", NULL,
					  NULL);
		cpu_hook_no_aes = false;
		o.client = client;
		o.gateway = gateway;
		duo_init(&d, &o);
		duo_start(&d);
		ck_assert_msg(duo_run_until_up(&d, 20000), "%s", d.text);
		ck_assert_str_eq(client_facts(d.client)->cipher,
				 rows[i].cipher);
		ck_assert_str_eq(d.guest.cipher, rows[i].cipher);
		duo_fini(&d);
		credentials_destroy(client);
		credentials_destroy(gateway);
	}
}
END_TEST

START_TEST(gives_both_ends_the_same_lane_keys)
{
	uint8_t record[200], plain[100];
	struct record_header h;
	struct duo d;
	size_t len;

	duo_init(&d, &usual);
	duo_start(&d);
	ck_assert(duo_run_until_up(&d, 20000));
	len = record_seal(&d.client_tx, d.index, 0, 0, (const uint8_t *)"up", 2,
			  record);
	ck_assert_int_eq(record_parse(record, len, &h), RECORD_OK);
	ck_assert_int_eq(record_open(&d.gateway_rx, &h, record, len, plain),
			 RECORD_OK);
	ck_assert_mem_eq(plain, "up", 2);
	/* What the client sent, the client cannot open: a key has one way. */
	ck_assert_int_eq(record_open(&d.client_rx, &h, record, len, plain),
			 RECORD_FORGED);
	len = record_seal(&d.gateway_tx, d.index, 0, 0, (const uint8_t *)"down",
			  4, record);
	ck_assert_int_eq(record_parse(record, len, &h), RECORD_OK);
	ck_assert_int_eq(record_open(&d.client_rx, &h, record, len, plain),
			 RECORD_OK);
	ck_assert_mem_eq(plain, "down", 4);
	duo_fini(&d);
}
END_TEST

static enum duo_fate lose_all(struct duo *d, bool to_gateway, unsigned int n,
			      uint8_t *datagram, size_t len)
{
	(void)d;
	(void)to_gateway;
	(void)n;
	(void)datagram;
	(void)len;
	return DUO_DROP;
}

START_TEST(says_after_ten_seconds_that_nobody_answers)
{
	struct duo d;

	duo_init(&d, &usual);
	d.hook = lose_all;
	duo_start(&d);
	ck_assert(!duo_run_until_up(&d, 20000));
	ck_assert_int_eq(d.reason, REASON_UNREACHABLE);
	ck_assert_uint_eq(duo_elapsed_ms(&d, d.down_ns), 10000);
	ck_assert_ptr_nonnull(strstr(d.text, "no answer within 10 s"));
	duo_fini(&d);
}
END_TEST

START_TEST(leaves_with_bye_even_if_two_are_lost)
{
	for (unsigned int lost = 0; lost < 3; lost++) {
		struct drop_two t;
		struct duo d;

		duo_init(&d, &usual);
		duo_start(&d);
		ck_assert(duo_run_until_up(&d, 20000));
		duo_run(&d, 1000);
		t = (struct drop_two) { lost > 0 ? d.sent : UINT32_MAX,
					lost > 1 ? d.sent + 1 : UINT32_MAX };
		d.hook = drop_two;
		d.hook_arg = &t;
		client_close(d.client, d.now_ns);
		duo_run(&d, 1000);
		ck_assert(client_closed(d.client));
		ck_assert_uint_eq(d.ended, 1);
		ck_assert_uint_eq(d.down, 0);
		duo_fini(&d);
	}
}
END_TEST

START_TEST(hears_the_gateway_end_the_session)
{
	struct duo d;

	duo_init(&d, &usual);
	duo_start(&d);
	ck_assert(duo_run_until_up(&d, 20000));
	server_end(d.server, d.index, REFUSAL_REVOKED, "revoked", d.now_ns);
	duo_run(&d, 2000);
	ck_assert_uint_eq(d.down, 1);
	ck_assert_int_eq(d.reason, REASON_REFUSED);
	duo_fini(&d);
}
END_TEST

START_TEST(answers_an_echo_and_measures_with_it)
{
	struct duo d;

	duo_init(&d, &usual);
	duo_start(&d);
	ck_assert(duo_run_until_up(&d, 20000));
	duo_run(&d, 5000);
	client_echo(d.client, d.now_ns);
	duo_run(&d, 1000);
	ck_assert_uint_eq(client_facts(d.client)->rtt_ns,
			  DUO_RTT_MS * 1000000ULL);
	ck_assert_uint_eq(client_facts(d.client)->heard_ns,
			  d.now_ns - (1000 - DUO_RTT_MS) * 1000000ULL);
	duo_fini(&d);
}
END_TEST

/* Loses the first LEASE records. */
static enum duo_fate lose_leases(struct duo *d, bool to_gateway, unsigned int n,
				 uint8_t *datagram, size_t len)
{
	unsigned int *left = d->hook_arg;

	(void)n;
	(void)len;
	if (to_gateway || datagram[0] != RECORD_TYPE || *left == 0)
		return DUO_DELIVER;
	--*left;
	return DUO_DROP;
}

START_TEST(gets_its_lease_when_three_are_lost)
{
	unsigned int left = 3;
	struct duo d;

	duo_init(&d, &usual);
	d.hook = lose_leases;
	d.hook_arg = &left;
	duo_start(&d);
	ck_assert(duo_run_until_up(&d, 20000));
	ck_assert_uint_eq(left, 0);
	ck_assert_uint_eq(client_facts(d.client)->attempts, 1);
	duo_fini(&d);
}
END_TEST

START_TEST(says_that_a_gateway_sends_no_lease)
{
	unsigned int left = UINT_MAX;
	struct duo d;

	duo_init(&d, &usual);
	d.hook = lose_leases;
	d.hook_arg = &left;
	duo_start(&d);
	ck_assert(!duo_run_until_up(&d, 20000));
	/* It answered: that is no gateway that cannot be reached. */
	ck_assert_int_eq(d.reason, REASON_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(d.text, "sent no whole lease"));
	duo_fini(&d);
}
END_TEST

static enum duo_fate let_one_answer_through(struct duo *d, bool to_gateway,
					    unsigned int n, uint8_t *datagram,
					    size_t len)
{
	unsigned int *left = d->hook_arg;

	(void)n;
	(void)datagram;
	(void)len;
	if (to_gateway)
		return DUO_DELIVER;
	if (*left == 0)
		return DUO_DROP;
	--*left;
	return DUO_DELIVER;
}

START_TEST(says_that_a_gateway_answered_once)
{
	unsigned int left = 1;
	struct duo d;

	duo_init(&d, &usual);
	d.hook = let_one_answer_through;
	d.hook_arg = &left;
	duo_start(&d);
	ck_assert(!duo_run_until_up(&d, 20000));
	ck_assert_int_eq(d.reason, REASON_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(d.text, "the gateway answered, but"));
	ck_assert_str_eq(d.rejected, "");
	duo_fini(&d);
}
END_TEST

static enum duo_fate lose_a_third_of_records(struct duo *d, bool to_gateway,
					     unsigned int n, uint8_t *datagram,
					     size_t len)
{
	(void)n;
	(void)len;
	return !to_gateway && datagram[0] == RECORD_TYPE &&
			       dice(d->hook_arg, 3) == 0
		       ? DUO_DROP
		       : DUO_DELIVER;
}

START_TEST(collects_a_lease_of_many_parts_with_parts_lost)
{
	struct duo_options o = { .routes = 4000 };
	uint64_t state = 1;
	struct duo d;

	duo_init(&d, &o);
	d.hook = lose_a_third_of_records;
	d.hook_arg = &state;
	duo_start(&d);
	ck_assert_msg(duo_run_until_up(&d, 20000), "%s", d.text);
	ck_assert_uint_eq(d.lease.routes.count, 4001);
	printf("note: a lease of %d parts, a third of them lost: whole after "
	       "%llu "
	       "ms\n",
	       lease_part_count(&d.lease),
	       (unsigned long long)duo_elapsed_ms(&d, d.up_ns));
	duo_fini(&d);
}
END_TEST

/* Delays the gateway's ACK, so that the LEASE behind it comes first. It is the
 * only DTLS record of epoch 3 that the gateway sends. */
static enum duo_fate delay_ack(struct duo *d, bool to_gateway, unsigned int n,
			       uint8_t *datagram, size_t len)
{
	(void)d;
	(void)n;
	(void)len;
	return !to_gateway && datagram[0] == ENVELOPE_TYPE &&
			       datagram[ENVELOPE_HEADER_LEN] == 0x2f
		       ? DUO_DELAY
		       : DUO_DELIVER;
}

START_TEST(keeps_a_lease_that_overtakes_the_ack)
{
	struct duo d;

	duo_init(&d, &usual);
	d.hook = delay_ack;
	duo_start(&d);
	ck_assert(duo_run_until_up(&d, 20000));
	ck_assert_uint_eq(duo_elapsed_ms(&d, d.up_ns), 3 * DUO_RTT_MS + 30);
	duo_fini(&d);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("transport");
	TCase *t = tcase_create("link in memory");

	tcase_set_timeout(t, 240);
	tcase_add_loop_test(
		t, is_usable_three_round_trips_after_the_first_datagram, 0,
		ARRAY_SIZE(groups));
	tcase_add_loop_test(t, survives_any_two_lost_datagrams, 0,
			    ARRAY_SIZE(groups));
	tcase_add_test(t, ends_well_or_says_so_in_bad_weather);
	tcase_add_loop_test(t, says_which_certificate_is_wrong_and_why, 0,
			    ARRAY_SIZE(refusals));
	tcase_add_test(t, repeats_a_refusal_that_was_lost);
	tcase_add_test(t, tells_a_refusal_by_the_gateway_itself);
	tcase_add_test(t, checks_an_address_in_the_certificate);
	tcase_add_test(t, takes_a_name_of_a_single_label);
	tcase_add_test(t, takes_ed25519_and_both_ciphers);
	tcase_add_test(t, takes_chacha20_where_a_cpu_has_no_aes);
	tcase_add_test(t, gives_both_ends_the_same_lane_keys);
	tcase_add_test(t, says_after_ten_seconds_that_nobody_answers);
	tcase_add_test(t, says_that_a_gateway_sends_no_lease);
	tcase_add_test(t, says_that_a_gateway_answered_once);
	tcase_add_test(t, leaves_with_bye_even_if_two_are_lost);
	tcase_add_test(t, hears_the_gateway_end_the_session);
	tcase_add_test(t, answers_an_echo_and_measures_with_it);
	tcase_add_test(t, gets_its_lease_when_three_are_lost);
	tcase_add_test(t, collects_a_lease_of_many_parts_with_parts_lost);
	tcase_add_test(t, keeps_a_lease_that_overtakes_the_ack);
	suite_add_tcase(s, t);
	return suite_run(s);
}
