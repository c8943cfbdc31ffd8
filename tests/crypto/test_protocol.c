/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypto/PROTOCOL.md against the code: the vectors are read out of the text
 * itself, and a second decoder, written from the text, opens a session. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/envelope.h"
#include "crypto/keys.h"
#include "crypto/lease.h"
#include "crypto/message.h"
#include "crypto/record.h"
#include "tests/lib/duo.h"
#include "tests/lib/hooks.h"
#include "tests/lib/suite.h"

enum {
	VALUE_MAX = 1024, /* characters */
	FIELDS_MAX = 16,
};

/* One ```vector block. */
struct vector {
	size_t count;
	struct {
		char name[16];
		char value[VALUE_MAX];
	} field[FIELDS_MAX];
};

static void add_line(struct vector *v, const char *line)
{
	char name[16], value[128];

	ck_assert_int_eq(sscanf(line, "%15s = %127s", name, value), 2);
	if (strcmp(name, "+") == 0) {
		ck_assert_uint_gt(v->count, 0);
		strcat(v->field[v->count - 1].value, value);
		return;
	}
	ck_assert_uint_lt(v->count, FIELDS_MAX);
	strcpy(v->field[v->count].name, name);
	strcpy(v->field[v->count].value, value);
	v->count++;
}

static struct vector read_vector(const char *wanted)
{
	FILE *f = fopen("crypto/PROTOCOL.md", "r");
	struct vector v = { 0 };
	char line[512], head[64];
	bool inside = false;

	ck_assert_msg(f != NULL, "run this from the root of the project");
	snprintf(head, sizeof(head), "```vector %s\n", wanted);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strcmp(line, head) == 0)
			inside = true;
		else if (inside && strncmp(line, "```", 3) == 0)
			break;
		else if (inside)
			add_line(&v, line);
	}
	fclose(f);
	ck_assert_msg(v.count > 0, "PROTOCOL.md has no vector %s", wanted);
	return v;
}

static const char *text_of(const struct vector *v, const char *name)
{
	for (size_t i = 0; i < v->count; i++)
		if (strcmp(v->field[i].name, name) == 0)
			return v->field[i].value;
	ck_abort_msg("a vector has no field %s", name);
	return NULL;
}

static size_t bytes_of(const struct vector *v, const char *name, uint8_t *out)
{
	const char *text = text_of(v, name);
	size_t n = strlen(text) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned int byte;

		ck_assert_int_eq(sscanf(text + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
	return n;
}

static uint64_t number_of(const struct vector *v, const char *name)
{
	return strtoull(text_of(v, name), NULL, 16);
}

static void expect_bytes(const struct vector *v, const char *name,
			 const uint8_t *got, size_t len)
{
	uint8_t want[VALUE_MAX / 2];

	ck_assert_uint_eq(bytes_of(v, name, want), len);
	ck_assert_msg(memcmp(want, got, len) == 0, "%s differs", name);
}

START_TEST(derives_the_key_schedule_of_the_text)
{
	static const struct {
		const char *name;
		uint8_t suffix[2];
	} chains[] = { { "L(0,0,0)", { 0, 0 } },
		       { "L(1,0,0)", { 1, 0 } },
		       { "L(0,255,0)", { 0, 255 } },
		       { "L(1,255,0)", { 1, 255 } } };
	struct vector v = read_vector("keys");
	uint8_t secret[32], chain[32], next[32], out[32];

	ck_assert_uint_eq(bytes_of(&v, "secret", secret), 32);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(keys_expand(secret, "adit1 lane",
					     chains[i].suffix, 2, out, 32),
				 0);
		expect_bytes(&v, chains[i].name, out, 32);
	}
	bytes_of(&v, "L(0,0,0)", chain);
	ck_assert_int_eq(keys_expand(chain, "adit1 next", NULL, 0, next, 32),
			 0);
	expect_bytes(&v, "L(0,0,1)", next, 32);
	ck_assert_int_eq(keys_expand(chain, "adit1 key", NULL, 0, out, 32), 0);
	expect_bytes(&v, "key(0,0,0)", out, 32);
	ck_assert_int_eq(keys_expand(next, "adit1 key", NULL, 0, out, 32), 0);
	expect_bytes(&v, "key(0,0,1)", out, 32);
	ck_assert_int_eq(keys_expand(next, "adit1 iv", NULL, 0, out, 12), 0);
	expect_bytes(&v, "iv(0,0,1)", out, 12);
}
END_TEST

START_TEST(confirms_and_binds_as_the_text_says)
{
	struct vector v = read_vector("confirm");
	uint8_t secret[32], digest[32], out[32];
	struct keys k;

	bytes_of(&v, "secret", secret);
	bytes_of(&v, "digest", digest);
	keys_init(&k, &aead_aes256gcm, secret);
	ck_assert_int_eq(
		keys_confirm(&k, digest, (uint32_t)number_of(&v, "index"), out),
		0);
	expect_bytes(&v, "confirm", out, 32);
	ck_assert_int_eq(keys_bind(&k, out), 0);
	expect_bytes(&v, "bind", out, 32);
	keys_fini(&k);
}
END_TEST

START_TEST(seals_and_opens_the_records_of_the_text)
{
	char name[16];
	struct vector v;
	uint8_t secret[32], plain[512], record[512], out[512];
	struct record_header h;
	struct record_rx rx = { 0 };
	struct keys_tx tx;
	struct keys k;
	size_t len;
	uint8_t lane;

	snprintf(name, sizeof(name), "record-%d", _i);
	v = read_vector(name);
	bytes_of(&v, "secret", secret);
	lane = (uint8_t)number_of(&v, "lane");
	keys_init(&k, aead_by_name(text_of(&v, "algorithm")), secret);
	ck_assert_int_eq(
		keys_tx_init(&tx, &k, number_of(&v, "direction"), lane), 0);
	/* Counters go up by one, but for the epoch one step is enough. */
	if (number_of(&v, "counter") >> 24 == 1) {
		uint8_t nonce[12];
		uint64_t c;

		tx.counter = 1 << 24;
		ck_assert(keys_tx_next(&tx, &c, nonce));
	}
	tx.counter = number_of(&v, "counter");
	len = bytes_of(&v, "plaintext", plain);
	len = record_seal(&tx, (uint32_t)number_of(&v, "index"), lane,
			  (uint8_t)number_of(&v, "flags"), plain, len, record);
	expect_bytes(&v, "record", record, len);

	ck_assert_int_eq(
		keys_rx_init(&rx.keys, &k, number_of(&v, "direction"), lane),
		0);
	ck_assert_int_eq(record_parse(record, len, &h), RECORD_OK);
	ck_assert_uint_eq(h.counter, number_of(&v, "counter"));
	ck_assert_int_eq(record_open(&rx, &h, record, len, out), RECORD_OK);
	expect_bytes(&v, "plaintext", out, len - RECORD_OVERHEAD);
	keys_tx_fini(&tx);
	keys_rx_fini(&rx.keys);
	keys_fini(&k);
}
END_TEST

START_TEST(builds_and_reads_the_lease_of_the_text)
{
	struct vector v = read_vector("lease");
	struct lease_collector c = { 0 };
	uint8_t body[LEASE_BODY_MAX], flags;
	char text[PREFIX_TEXT_MAX];
	const char *why;
	struct lease l;
	size_t len = bytes_of(&v, "body", body);

	ck_assert_int_eq(lease_collect(&c, body, len, &flags), 1);
	ck_assert_uint_eq(flags, LEASE_FLAG_CONFIRMED);
	ck_assert_int_eq(lease_parse(&c, &l, &why), 0);
	ck_assert_str_eq(prefix_text(&l.address4, text), "10.77.0.10/16");
	ck_assert_str_eq(prefix_text(&l.address6, text), "fd77::a/64");
	ck_assert_uint_eq(l.mtu, 1420);
	ck_assert_uint_eq(l.index, 0x1234000a);
	ck_assert_str_eq(l.match.name[0], "corp.example.com");
	ck_assert_str_eq(l.search.name[0], "example.com");
	len = lease_build_part(&l, 0, flags, body);
	expect_bytes(&v, "body", body, len);
	lease_fini(&l);
	lease_collector_fini(&c);
}
END_TEST

START_TEST(builds_the_hello_and_the_envelope_of_the_text)
{
	struct vector v = read_vector("hello");
	struct message_hello h = { .lanes = 1, .families = 3, .have = { 1 } };
	uint8_t buf[256], token[8], dtls[64];
	struct bytes run = bytes_over(buf, sizeof(buf));
	struct envelope e;
	size_t len;

	bytes_of(&v, "confirm", h.confirm);
	message_put_hello(&run, &h);
	expect_bytes(&v, "message", buf, bytes_done(&run));

	v = read_vector("envelope");
	bytes_of(&v, "token", token);
	len = bytes_of(&v, "dtls", dtls);
	len = envelope_build(token, dtls, len,
			     strtoul(text_of(&v, "least"), NULL, 10), buf);
	expect_bytes(&v, "datagram", buf, len);
	ck_assert(envelope_parse(buf, len, &e));
	ck_assert_mem_eq(e.token, token, 8);
	expect_bytes(&v, "dtls", e.dtls, e.dtls_len);
}
END_TEST

START_TEST(builds_and_reads_the_report_of_the_text)
{
	static const struct message_report r = {
		.received = { { 1000, 42, 7 } },
		.sent = { { 1024, 1280, 6 } },
	};
	struct vector v = read_vector("report");
	struct message_report read;
	uint8_t buf[256];
	struct bytes run = bytes_over(buf, sizeof(buf));
	struct message m;

	message_put_report(&run, &r);
	expect_bytes(&v, "message", buf, bytes_done(&run));
	run = bytes_read(buf, bytes_done(&run));
	ck_assert_int_eq(message_next(&run, &m), 1);
	ck_assert_int_eq(message_parse_report(&m, &read), 0);
	ck_assert_mem_eq(&read, &r, sizeof(r));
	/* A later version may say more, but not less. */
	m.len--;
	ck_assert_int_eq(message_parse_report(&m, &read), -EBADMSG);
	m.len += 2;
	ck_assert_int_eq(message_parse_report(&m, &read), 0);
}
END_TEST

static void print_record(FILE *f, bool to_gateway, const uint8_t *record,
			 size_t len)
{
	for (size_t i = 0; i < sizeof(keys_hook_secret); i++)
		fprintf(f, "%02x", keys_hook_secret[i]);
	fprintf(f, " AES-256-GCM %d ", to_gateway ? 0 : 1);
	for (size_t i = 0; i < len; i++)
		fprintf(f, "%02x", record[i]);
	fprintf(f, "\n");
}

static enum duo_fate capture(struct duo *d, bool to_gateway, unsigned int n,
			     uint8_t *datagram, size_t len)
{
	(void)n;
	if (datagram[0] == RECORD_TYPE)
		print_record(d->hook_arg, to_gateway, datagram, len);
	return DUO_DELIVER;
}

static void expect_output(const char *command, const char *const *wanted)
{
	char all[16384];
	FILE *p = popen(command, "r");
	size_t n;

	ck_assert_ptr_nonnull(p);
	n = fread(all, 1, sizeof(all) - 1, p);
	all[n] = '\0';
	ck_assert_msg(pclose(p) == 0, "%s: %s", command, all);
	for (; *wanted != NULL; wanted++)
		ck_assert_msg(strstr(all, *wanted) != NULL, "no \"%s\" in %s",
			      *wanted, all);
}

/* The session's secret comes through a hook that only test programs have. */
START_TEST(is_opened_by_a_second_decoder_from_the_text_alone)
{
	static const char *const wanted[] = { "LEASE:",	      "HELLO:",
					      "BYE:",	      "lane=0 flags=1",
					      "4500deadbeef", NULL };
	char path[] = "/tmp/adit-capture-XXXXXX", command[128];
	struct duo_options o = { 0 };
	uint8_t record[64];
	struct duo d;
	FILE *f;
	int fd;

	if (system("/usr/bin/python3 -c 'import cryptography' 2>/dev/null") !=
	    0) {
		printf("note: SKIPPED %s: python3-cryptography is missing\n",
		       "is_opened_by_a_second_decoder");
		return;
	}
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	f = fdopen(fd, "w");
	duo_init(&d, &o);
	d.hook = capture;
	d.hook_arg = f;
	duo_start(&d);
	ck_assert(duo_run_until_up(&d, 20000));
	duo_run(&d, 1000);
	print_record(f, true, record,
		     record_seal(&d.client_tx, d.index, 0, RECORD_FLAG_CSUM,
				 (const uint8_t *)"\x45\x00\xde\xad\xbe\xef", 6,
				 record));
	client_close(d.client, d.now_ns);
	duo_run(&d, 1000);
	duo_fini(&d);
	fclose(f);
	snprintf(command, sizeof(command), "tests/open_record.py %s", path);
	expect_output(command, wanted);
	unlink(path);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("protocol");
	TCase *t = tcase_create("text");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, derives_the_key_schedule_of_the_text);
	tcase_add_test(t, confirms_and_binds_as_the_text_says);
	tcase_add_loop_test(t, seals_and_opens_the_records_of_the_text, 1, 5);
	tcase_add_test(t, builds_and_reads_the_lease_of_the_text);
	tcase_add_test(t, builds_the_hello_and_the_envelope_of_the_text);
	tcase_add_test(t, builds_and_reads_the_report_of_the_text);
	tcase_add_test(t, is_opened_by_a_second_decoder_from_the_text_alone);
	suite_add_tcase(s, t);
	return suite_run(s);
}
