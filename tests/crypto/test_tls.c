/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The TLS client against a wolfSSL server in the same process. */
#include <wolfssl/options.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wolfssl/ssl.h>

#include "crypto/certificate.h"
#include "crypto/pki.h"
#include "crypto/tls.h"
#include "tests/lib/suite.h"
#include "tests/lib/virtual_time.h"
#include "tunnel/base/clock.h"

enum {
	DAY_S = 86400,
	PIPE_MAX = 4 * 1024 * 1024,
	MEGABYTE = 1 << 20,
	SCRIPT_MAX = 1024,
};

struct pipe {
	uint8_t *bytes;
	size_t len, at;
};

/* Client and server, and the two directions between them. */
struct pair {
	struct tls_client *client;
	WOLFSSL_CTX *ctx;
	WOLFSSL *server;
	struct pipe to_server, to_client;
	bool accepted, echo;
	size_t chunk; /* of what the client gets at a time */
	int result;   /* of the client's last call */
	/* What each has been told. */
	uint8_t *heard, *served;
	size_t heard_len, served_len;
	bool close_when_heard;
};

static struct pki_identity ca, other_ca, good, expired, by_address, by_v6;
static char ca_pem[PKI_PEM_MAX], other_pem[PKI_PEM_MAX];
static char folder[] = "/tmp/adit-tls-XXXXXX";

static void put(struct pipe *p, const uint8_t *bytes, size_t len)
{
	ck_assert_uint_le(p->len + len, PIPE_MAX);
	memcpy(p->bytes + p->len, bytes, len);
	p->len += len;
}

static void on_send(void *arg, const uint8_t *bytes, size_t len)
{
	struct pair *p = arg;

	put(&p->to_server, bytes, len);
}

static void on_received(void *arg, const uint8_t *bytes, size_t len)
{
	struct pair *p = arg;

	memcpy(p->heard + p->heard_len, bytes, len);
	p->heard_len += len;
	if (p->close_when_heard)
		tls_client_close(p->client);
}

static int server_receive(WOLFSSL *ssl, char *buf, int size, void *arg)
{
	struct pipe *p = &((struct pair *)arg)->to_server;
	size_t n = p->len - p->at;

	(void)ssl;
	if (n == 0)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	n = n < (size_t)size ? n : (size_t)size;
	memcpy(buf, p->bytes + p->at, n);
	p->at += n;
	return (int)n;
}

static int server_send(WOLFSSL *ssl, char *buf, int size, void *arg)
{
	(void)ssl;
	put(&((struct pair *)arg)->to_client, (uint8_t *)buf, (size_t)size);
	return size;
}

static void issue(enum pki_use use, const char *name, int64_t until,
		  const struct pki_identity *issuer, struct pki_identity *ret)
{
	struct pki_request r = {
		.use = use,
		.name = name,
		.not_before = time(NULL) - 10 * DAY_S,
		.not_after = time(NULL) + until,
	};

	ck_assert_int_eq(pki_issue(&r, issuer, ret), 0);
}

static void set_up(void)
{
	issue(PKI_CA, "CA", 30 * DAY_S, NULL, &ca);
	issue(PKI_CA, "other", 30 * DAY_S, NULL, &other_ca);
	issue(PKI_GATEWAY, "dns.example", 9 * DAY_S, &ca, &good);
	issue(PKI_GATEWAY, "dns.example", -DAY_S, &ca, &expired);
	issue(PKI_GATEWAY, "192.0.2.53", 9 * DAY_S, &ca, &by_address);
	issue(PKI_GATEWAY, "2001:db8::53", 9 * DAY_S, &ca, &by_v6);
	ck_assert_int_eq(pki_certificate_pem(&ca, ca_pem), 0);
	ck_assert_int_eq(pki_certificate_pem(&other_ca, other_pem), 0);
}

/* NULL: TLS 1.3. */
static void server_create(struct pair *p, const struct pki_identity *who,
			  WOLFSSL_METHOD *method)
{
	p->ctx = wolfSSL_CTX_new(method ? method : wolfTLSv1_3_server_method());
	ck_assert_ptr_nonnull(p->ctx);
	ck_assert_int_eq(
		wolfSSL_CTX_use_certificate_buffer(p->ctx, who->certificate,
						   (long)who->certificate_len,
						   WOLFSSL_FILETYPE_ASN1),
		WOLFSSL_SUCCESS);
	ck_assert_int_eq(wolfSSL_CTX_use_PrivateKey_buffer(
				 p->ctx, who->key, (long)who->key_len,
				 WOLFSSL_FILETYPE_ASN1),
			 WOLFSSL_SUCCESS);
	p->server = wolfSSL_new(p->ctx);
	wolfSSL_SSLSetIORecv(p->server, server_receive);
	wolfSSL_SSLSetIOSend(p->server, server_send);
	wolfSSL_SetIOReadCtx(p->server, p);
	wolfSSL_SetIOWriteCtx(p->server, p);
}

static void pair_init(struct pair *p, const struct pki_identity *who,
		      WOLFSSL_METHOD *method, const struct tls_peer *peer)
{
	const struct tls_callbacks callbacks = {
		.send = on_send,
		.received = on_received,
		.arg = p,
	};

	*p = (struct pair) { .chunk = SIZE_MAX };
	p->to_server.bytes = malloc(PIPE_MAX);
	p->to_client.bytes = malloc(PIPE_MAX);
	p->heard = malloc(PIPE_MAX);
	p->served = malloc(PIPE_MAX);
	ck_assert_int_eq(tls_client_create(peer, &callbacks, &p->client), 0);
	if (who != NULL)
		server_create(p, who, method);
}

static void pair_fini(struct pair *p)
{
	tls_client_destroy(p->client);
	wolfSSL_free(p->server);
	wolfSSL_CTX_free(p->ctx);
	free(p->to_server.bytes);
	free(p->to_client.bytes);
	free(p->heard);
	free(p->served);
}

static void serve(struct pair *p)
{
	uint8_t buf[4096];
	int n;

	if (!p->accepted)
		p->accepted = wolfSSL_accept(p->server) == WOLFSSL_SUCCESS;
	while (p->accepted &&
	       (n = wolfSSL_read(p->server, buf, sizeof(buf))) > 0) {
		memcpy(p->served + p->served_len, buf, (size_t)n);
		p->served_len += (size_t)n;
		if (p->echo)
			ck_assert_int_eq(wolfSSL_write(p->server, buf, n), n);
	}
}

/* Carries until nothing moves. */
static void run(struct pair *p)
{
	struct pipe *in = &p->to_client;
	size_t before;

	do {
		before = p->to_server.len + in->len;
		serve(p);
		while (in->at < in->len) {
			size_t n = in->len - in->at;

			n = n < p->chunk ? n : p->chunk;
			in->at += n;
			p->result = tls_client_input(p->client,
						     in->bytes + in->at - n, n);
		}
	} while (p->to_server.len + in->len != before);
}

static void start(struct pair *p)
{
	p->result = tls_client_start(p->client);
	ck_assert_int_eq(p->result, 0);
	run(p);
}

static const struct tls_peer right_peer = {
	.name = "dns.example",
	.ca = ca_pem,
};

static WOLFSSL_METHOD *method_of(int version)
{
	return version == 0 ? wolfTLSv1_3_server_method()
			    : wolfTLSv1_2_server_method();
}

START_TEST(opens_and_carries_words_both_ways)
{
	struct pair p;

	pair_init(&p, &good, method_of(_i), &right_peer);
	p.echo = true;
	ck_assert(!tls_client_is_open(p.client));
	ck_assert_int_eq(tls_client_write(p.client, (uint8_t *)"x", 1),
			 -ENOTCONN);
	start(&p);
	ck_assert_msg(tls_client_is_open(p.client), "%s",
		      tls_client_failure_text(p.client));
	ck_assert_str_eq(wolfSSL_get_version(p.server),
			 _i == 0 ? "TLSv1.3" : "TLSv1.2");
	ck_assert_int_eq(tls_client_write(p.client, (uint8_t *)"hello", 5), 0);
	run(&p);
	ck_assert_mem_eq(p.heard, "hello", 5);
	ck_assert_uint_eq(p.heard_len, 5);
	printf("note: %s, %s, %s\n", wolfSSL_get_version(p.server),
	       wolfSSL_get_cipher_name(p.server),
	       wolfSSL_get_curve_name(p.server));
	pair_fini(&p);
}
END_TEST

START_TEST(takes_its_input_byte_by_byte)
{
	struct pair p;

	pair_init(&p, &good, method_of(_i), &right_peer);
	p.chunk = 1;
	p.echo = true;
	start(&p);
	ck_assert(tls_client_is_open(p.client));
	ck_assert_int_eq(tls_client_write(p.client, (uint8_t *)"hello", 5), 0);
	run(&p);
	ck_assert_uint_eq(p.heard_len, 5);
	pair_fini(&p);
}
END_TEST

START_TEST(carries_a_megabyte_both_ways)
{
	uint8_t *data = malloc(MEGABYTE);
	struct pair p;

	for (size_t i = 0; i < MEGABYTE; i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	pair_init(&p, &good, method_of(_i), &right_peer);
	p.echo = true;
	p.chunk = 1447;
	start(&p);
	ck_assert_int_eq(tls_client_write(p.client, data, MEGABYTE), 0);
	run(&p);
	ck_assert_uint_eq(p.served_len, MEGABYTE);
	ck_assert_uint_eq(p.heard_len, MEGABYTE);
	ck_assert_mem_eq(p.heard, data, MEGABYTE);
	free(data);
	pair_fini(&p);
}
END_TEST

static uint8_t pins[2][TLS_PIN_LEN]; /* a wrong one, and good's */

static const struct {
	const char *what;
	const struct pki_identity *who;
	const char *name, *ca;
	size_t pins;
	enum tls_failure failure;
	const char *text; /* a part of it */
} identities[] = {
	{ "final dot", &good, "dns.example.", ca_pem, 0, 0, "" },
	{ "letters", &good, "DNS.Example", ca_pem, 0, 0, "" },
	{ "address", &by_address, "192.0.2.53", ca_pem, 0, 0, "" },
	{ "IPv6", &by_v6, "2001:DB8:0::53", ca_pem, 0, 0, "" },
	{ "pin", &good, "dns.example", ca_pem, 2, 0, "" },
	{ "pin alone", &good, NULL, NULL, 2, 0, "" },
	{ "pin alone, another CA", &good, NULL, other_pem, 2, 0, "" },
	{ "wrong name", &good, "other.example", ca_pem, 0, TLS_FAILURE_NAME,
	  "is for \"dns.example\", not for \"other.example\"" },
	{ "name above", &good, "example", ca_pem, 0, TLS_FAILURE_NAME, "" },
	{ "name below", &good, "a.dns.example", ca_pem, 0, TLS_FAILURE_NAME,
	  "" },
	{ "an address for a name", &good, "192.0.2.53", ca_pem, 0,
	  TLS_FAILURE_NAME, "not for \"192.0.2.53\"" },
	{ "wrong address", &by_address, "192.0.2.54", ca_pem, 0,
	  TLS_FAILURE_NAME, "does not name \"192.0.2.54\"" },
	{ "wrong IPv6", &by_v6, "2001:db8::54", ca_pem, 0, TLS_FAILURE_NAME,
	  "" },
	{ "wrong CA", &good, "dns.example", other_pem, 0,
	  TLS_FAILURE_CERTIFICATE, "a CA that is not trusted" },
	{ "the system's CAs", &good, "dns.example", NULL, 0,
	  TLS_FAILURE_CERTIFICATE, "a CA that is not trusted" },
	{ "expired", &expired, "dns.example", ca_pem, 0,
	  TLS_FAILURE_CERTIFICATE, "has expired" },
	{ "wrong CA and a right pin", &good, "dns.example", other_pem, 2,
	  TLS_FAILURE_CERTIFICATE, "" },
	{ "wrong pin", &good, "dns.example", ca_pem, 1, TLS_FAILURE_PIN,
	  "pinned" },
	{ "wrong pin alone", &good, NULL, NULL, 1, TLS_FAILURE_PIN, "pinned" },
	{ "expired, with the pin of another", &expired, NULL, NULL, 2,
	  TLS_FAILURE_PIN, "pinned" },
};

START_TEST(knows_who_it_speaks_with)
{
	const struct tls_peer peer = {
		.name = identities[_i].name,
		.ca = identities[_i].ca,
		.pins = pins,
		.pin_count = identities[_i].pins,
	};
	struct pair p;

	ck_assert_int_eq(certificate_key_digest(good.certificate,
						good.certificate_len, pins[1]),
			 0);
	for (int version = 0; version < 2; version++) {
		pair_init(&p, identities[_i].who, method_of(version), &peer);
		start(&p);
		ck_assert_msg(tls_client_failure(p.client) ==
				      identities[_i].failure,
			      "%s: %d, %s", identities[_i].what,
			      tls_client_failure(p.client),
			      tls_client_failure_text(p.client));
		ck_assert_msg(strstr(tls_client_failure_text(p.client),
				     identities[_i].text) != NULL,
			      "%s: %s", identities[_i].what,
			      tls_client_failure_text(p.client));
		ck_assert_int_eq(tls_client_is_open(p.client),
				 identities[_i].failure == TLS_FAILURE_NONE);
		/* The server hears of it, and no word of ours. */
		if (identities[_i].failure != TLS_FAILURE_NONE) {
			ck_assert_int_eq(p.result, -EPROTO);
			ck_assert(!p.accepted);
		}
		pair_fini(&p);
	}
}
END_TEST

/* One address may have many names, each with a key of its own. */
START_TEST(asks_for_the_key_of_a_name)
{
	const struct tls_peer peer = {
		.sni = "dns.example",
		.pins = pins,
		.pin_count = 2,
	};
	struct pair p;
	uint8_t asked[32];
	word32 len = sizeof(asked);

	pair_init(&p, NULL, NULL, &peer);
	ck_assert_int_eq(tls_client_start(p.client), 0);
	ck_assert_int_eq(wolfSSL_SNI_GetFromBuffer(
				 p.to_server.bytes, (word32)p.to_server.len,
				 WOLFSSL_SNI_HOST_NAME, asked, &len),
			 WOLFSSL_SUCCESS);
	ck_assert_uint_eq(len, strlen(peer.sni));
	ck_assert_mem_eq(asked, peer.sni, len);
	pair_fini(&p);
}
END_TEST

START_TEST(trusts_dates_by_the_clock)
{
	uint64_t then_ns = (uint64_t)(time(NULL) + 20 * DAY_S) * NS_PER_S;
	struct pair p;

	pair_init(&p, &good, NULL, &right_peer);
	virtual_time_set(then_ns);
	start(&p);
	virtual_time_set(0);
	ck_assert_str_eq(tls_client_failure_text(p.client),
			 "the server's certificate has expired (or this clock "
			 "is wrong)");
	pair_fini(&p);
}
END_TEST

START_TEST(finds_its_ca_behind_an_expired_one)
{
	static char bundle[5 * PKI_PEM_MAX];
	char old[PKI_PEM_MAX];
	struct pki_identity gone;
	struct tls_peer peer = { .name = "dns.example", .ca = bundle };
	struct pair p;

	issue(PKI_CA, "gone", -DAY_S, NULL, &gone);
	ck_assert_int_eq(pki_certificate_pem(&gone, old), 0);
	snprintf(bundle, sizeof(bundle), "%s# comment\n%s%s%s", other_pem, old,
		 ca_pem, old);
	pair_init(&p, &good, NULL, &peer);
	start(&p);
	ck_assert_msg(tls_client_is_open(p.client), "%s",
		      tls_client_failure_text(p.client));
	pair_fini(&p);
}
END_TEST

START_TEST(refuses_a_peer_that_cannot_be_checked)
{
	static const struct {
		const char *name, *ca;
		int result;
	} rows[] = {
		{ NULL, ca_pem, -EINVAL },
		{ "", ca_pem, -EINVAL },
		{ ".", ca_pem, -EINVAL },
		{ "a b", ca_pem, -EINVAL },
		{ "*.example", ca_pem, -EINVAL },
		{ "a..example", ca_pem, -EINVAL },
		{ "dns.example", "", -ENOKEY },
		{ "dns.example", "no PEM", -ENOKEY },
		{ "dns.example",
		  "-----BEGIN CERTIFICATE-----\nAAAA\n-----END "
		  "CERTIFICATE-----\n",
		  -ENOKEY },
	};
	const struct tls_callbacks callbacks = { on_send, on_received, NULL };
	struct tls_client *c;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct tls_peer peer = {
			.name = rows[i].name,
			.ca = rows[i].ca,
		};

		ck_assert_msg(tls_client_create(&peer, &callbacks, &c) ==
				      rows[i].result,
			      "row %zu", i);
	}
}
END_TEST

START_TEST(calls_garbage_by_its_name)
{
	static const char *const said[] = {
		"HTTP/1.1 400 Bad Request\r\n\r\n",
		"220 mail.example ESMTP\r\n",
		"\x15\x03\x03\x00\x02\x02\x28", /* handshake_failure */
		"\x15\x03\x01\x00\x02\x02\x46", /* protocol_version */
		"\x16\x03\x03\xff\xff\x02",
	};
	static const size_t len[] = { 28, 24, 7, 7, 6 };

	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		struct pair p;

		pair_init(&p, NULL, NULL, &right_peer);
		ck_assert_int_eq(tls_client_start(p.client), 0);
		ck_assert_int_eq(tls_client_input(p.client,
						  (const uint8_t *)said[i],
						  len[i]),
				 -EPROTO);
		ck_assert_int_eq(tls_client_failure(p.client),
				 TLS_FAILURE_PROTOCOL);
		printf("note: %zu: %s\n", i, tls_client_failure_text(p.client));
		/* It stays so. */
		ck_assert_int_eq(tls_client_input(p.client, (uint8_t *)"x", 1),
				 -EPROTO);
		ck_assert_int_eq(tls_client_write(p.client, (uint8_t *)"x", 1),
				 -EPROTO);
		pair_fini(&p);
	}
}
END_TEST

/* Of a record's header: what stands there means nothing (RFC 8446, 5.1). */
static bool is_version(const struct pipe *p, size_t at)
{
	size_t record = 0;

	while (record + 5 <= at)
		record += 5 + (size_t)(p->bytes[record + 3] << 8 |
				       p->bytes[record + 4]);
	return at == record + 1 || at == record + 2;
}

/* Bytes of the server's flight changed, one at a time. */
START_TEST(opens_to_no_flight_that_was_changed)
{
	struct pair p;
	size_t len = 1;

	for (size_t at = 0; at < len; at += 1 + at / 64) {
		pair_init(&p, &good, method_of(_i), &right_peer);
		ck_assert_int_eq(tls_client_start(p.client), 0);
		serve(&p);
		/* A signature is a byte longer or shorter at times. */
		len = p.to_client.len;
		if (at < len && !is_version(&p.to_client, at)) {
			p.to_client.bytes[at] ^= 0x20;
			run(&p);
			ck_assert_msg(!tls_client_is_open(p.client), "byte %zu",
				      at);
			ck_assert(!p.accepted);
		}
		pair_fini(&p);
	}
	printf("note: a flight of %zu bytes\n", len);
}
END_TEST

START_TEST(waits_for_the_rest_of_a_cut_stream)
{
	struct pair p;
	size_t len;

	pair_init(&p, &good, NULL, &right_peer);
	start(&p);
	len = p.to_client.len;
	ck_assert_int_eq(wolfSSL_write(p.server, "hello", 5), 5);
	p.to_client.len--;
	run(&p);
	ck_assert_int_eq(p.result, 0);
	ck_assert_uint_eq(p.heard_len, 0);
	/* No good-bye came: the caller, who sees the stream end, can tell. */
	ck_assert_int_eq(tls_client_failure(p.client), TLS_FAILURE_NONE);
	ck_assert_uint_lt(len, p.to_client.len);
	p.to_client.len++;
	run(&p);
	ck_assert_uint_eq(p.heard_len, 5);
	pair_fini(&p);
}
END_TEST

START_TEST(tells_an_orderly_end)
{
	struct pair p;

	pair_init(&p, &good, method_of(_i), &right_peer);
	start(&p);
	(void)wolfSSL_write(p.server, "bye", 3);
	(void)wolfSSL_shutdown(p.server);
	run(&p);
	ck_assert_uint_eq(p.heard_len, 3);
	ck_assert_int_eq(p.result, -EPROTO);
	ck_assert_int_eq(tls_client_failure(p.client), TLS_FAILURE_CLOSED);
	ck_assert_str_eq(tls_client_failure_text(p.client),
			 "the server closed it");
	pair_fini(&p);
}
END_TEST

START_TEST(says_good_bye)
{
	struct pair p;
	char buf[8];

	pair_init(&p, &good, method_of(_i), &right_peer);
	start(&p);
	tls_client_close(p.client);
	ck_assert(!tls_client_is_open(p.client));
	ck_assert_int_eq(tls_client_write(p.client, (uint8_t *)"x", 1),
			 -ENOTCONN);
	ck_assert_int_le(wolfSSL_read(p.server, buf, sizeof(buf)), 0);
	ck_assert_int_eq(wolfSSL_get_error(p.server, 0),
			 WOLFSSL_ERROR_ZERO_RETURN);
	pair_fini(&p);
}
END_TEST

START_TEST(brings_no_more_after_a_close_inside_received)
{
	struct pair p;

	pair_init(&p, &good, NULL, &right_peer);
	start(&p);
	p.close_when_heard = true;
	(void)wolfSSL_write(p.server, "one", 3);
	(void)wolfSSL_write(p.server, "two", 3);
	run(&p);
	ck_assert_uint_eq(p.heard_len, 3);
	pair_fini(&p);
}
END_TEST

/* certificate_match(), with names that pki.c would not make. */

static void make(const char *extension, uint8_t *der, size_t *ret_len)
{
	char script[SCRIPT_MAX], path[64];
	FILE *f;

	snprintf(script, sizeof(script),
		 "cd %s && openssl req -x509 -newkey ec -pkeyopt "
		 "ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj "
		 "/CN=cn.example -days 2 %s%s -outform DER -out c.der "
		 ">/dev/null 2>&1",
		 folder, extension[0] ? "-addext subjectAltName=" : "",
		 extension);
	ck_assert_int_eq(system(script), 0);
	snprintf(path, sizeof(path), "%s/c.der", folder);
	f = fopen(path, "r");
	*ret_len = fread(der, 1, PKI_CERTIFICATE_MAX, f);
	fclose(f);
}

START_TEST(matches_names_as_rfc_9525_says)
{
	static const struct {
		const char *extension, *name;
		int result;
	} rows[] = {
		{ "", "cn.example", -ENOENT },
		{ "IP:192.0.2.1", "cn.example", -ENOENT },
		{ "IP:192.0.2.1", "192.0.2.1", 0 },
		{ "DNS:192.0.2.1", "192.0.2.1", -ENOENT },
		{ "IP:2001:db8::1", "2001:db8:0:0::1", 0 },
		{ "email:a@dns.example", "dns.example", -ENOENT },
		{ "URI:https://dns.example/", "dns.example", -ENOENT },
		{ "DNS:a.example,DNS:dns.example", "dns.example", 0 },
		{ "DNS:*.example.org", "a.example.org", 0 },
		{ "DNS:*.example.org", "A.EXAMPLE.ORG", 0 },
		{ "DNS:*.example.org", "a.b.example.org", -ENOENT },
		{ "DNS:*.example.org", "example.org", -ENOENT },
		{ "DNS:*.example.org", ".example.org", -ENOENT },
		{ "DNS:*.org", "example.org", -ENOENT },
		{ "DNS:*", "example", -ENOENT },
		{ "DNS:a*.example.org", "ab.example.org", -ENOENT },
		{ "DNS:a.*.org", "a.b.org", -ENOENT },
		{ "DNS:dns.example.", "dns.example", -ENOENT },
	};
	char command[64], other[CERTIFICATE_NAME_MAX + 1];
	uint8_t der[PKI_CERTIFICATE_MAX];
	size_t len;

	if (system("openssl version >/dev/null 2>&1") != 0) {
		printf("note: SKIPPED, for it needs the openssl program\n");
		return;
	}
	ck_assert_ptr_nonnull(mkdtemp(folder));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make(rows[i].extension, der, &len);
		ck_assert_msg(certificate_match(der, len, rows[i].name,
						other) == rows[i].result,
			      "%s for %s", rows[i].extension, rows[i].name);
	}
	for (size_t cut = 0; cut < len; cut += 3)
		ck_assert_int_eq(certificate_match(der, cut, "a", other),
				 -EBADMSG);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
	printf("note: %zu names held against certificates\n", ARRAY_SIZE(rows));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tls");
	TCase *t = tcase_create("client");

	tcase_set_timeout(t, 60);
	tcase_add_unchecked_fixture(t, set_up, NULL);
	/* Twice: TLS 1.3 and 1.2. */
	tcase_add_loop_test(t, opens_and_carries_words_both_ways, 0, 2);
	tcase_add_loop_test(t, takes_its_input_byte_by_byte, 0, 2);
	tcase_add_loop_test(t, carries_a_megabyte_both_ways, 0, 2);
	tcase_add_loop_test(t, knows_who_it_speaks_with, 0,
			    ARRAY_SIZE(identities));
	tcase_add_test(t, asks_for_the_key_of_a_name);
	tcase_add_test(t, trusts_dates_by_the_clock);
	tcase_add_test(t, finds_its_ca_behind_an_expired_one);
	tcase_add_test(t, refuses_a_peer_that_cannot_be_checked);
	tcase_add_test(t, calls_garbage_by_its_name);
	tcase_add_loop_test(t, opens_to_no_flight_that_was_changed, 0, 2);
	tcase_add_test(t, waits_for_the_rest_of_a_cut_stream);
	tcase_add_loop_test(t, tells_an_orderly_end, 0, 2);
	tcase_add_loop_test(t, says_good_bye, 0, 2);
	tcase_add_test(t, brings_no_more_after_a_close_inside_received);
	tcase_add_test(t, matches_names_as_rfc_9525_says);
	suite_add_tcase(s, t);
	return suite_run(s);
}
