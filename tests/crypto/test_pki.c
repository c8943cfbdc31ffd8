/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What we make is judged by another implementation: the openssl program reads,
 * verifies and unpacks it. Its tests are skipped by name where it is missing.
 */
#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/pki.h"
#include "tests/lib/suite.h"

#define DAY (24 * 3600)
#define NOW 1790000000 /* in September 2026 */

static char dir[] = "/tmp/test_pki.XXXXXX";
static bool have_openssl;

static const enum pki_algorithm algorithms[] = { PKI_ECDSA_P256, PKI_ED25519 };

static struct pki_identity issue(enum pki_use use, enum pki_algorithm algorithm,
				 const char *name,
				 const struct pki_identity *issuer)
{
	struct pki_request r = {
		.use = use,
		.algorithm = algorithm,
		.name = name,
		.not_before = NOW - 3600,
		.not_after = NOW + 825L * DAY,
	};
	struct pki_identity id;

	ck_assert_int_eq(pki_issue(&r, issuer, &id), 0);
	return id;
}

static void put_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void put_certificate(const char *name, const struct pki_identity *id)
{
	char pem[PKI_PEM_MAX];

	ck_assert_int_eq(pki_certificate_pem(id, pem), 0);
	put_file(name, pem);
}

/* Runs a shell line in the directory; its output is in `out`, cut. */
static int run(const char *line, char *out, size_t size)
{
	char whole[512];
	size_t n;
	FILE *p;

	snprintf(whole, sizeof(whole), "cd %s && { %s; } 2>&1", dir, line);
	p = popen(whole, "r");
	if (!p)
		return -1;
	n = fread(out, 1, size - 1, p);
	out[n] = '\0';
	while (fgetc(p) != EOF)
		;
	return pclose(p);
}

static void run_ok(const char *line)
{
	char said[4096];
	int code = run(line, said, sizeof(said));

	ck_assert_msg(code == 0, "%s: %d: %s", line, code, said);
}

static void run_fails(const char *line)
{
	char said[4096];

	ck_assert_msg(run(line, said, sizeof(said)) != 0, "%s: 0", line);
}

#define SKIP_WITHOUT_OPENSSL(name)                                           \
	do {                                                                 \
		if (!have_openssl) {                                         \
			printf("note: skipped without openssl: %s\n", name); \
			return;                                              \
		}                                                            \
	} while (0)

START_TEST(makes_chains_that_openssl_verifies_for_their_use_alone)
{
	const enum pki_algorithm a = algorithms[_i];
	struct pki_identity ca = issue(PKI_CA, a, "test CA", NULL);
	struct pki_identity gateway =
		issue(PKI_GATEWAY, a, "vpn.example.com", &ca);
	struct pki_identity client = issue(PKI_CLIENT, a, "laptop", &ca);

	SKIP_WITHOUT_OPENSSL("verify");
	put_certificate("ca.pem", &ca);
	put_certificate("gateway.pem", &gateway);
	put_certificate("client.pem", &client);
#define VERIFY "openssl verify -x509_strict -attime 1790000000 -CAfile ca.pem "
	run_ok(VERIFY "-purpose sslserver -verify_hostname vpn.example.com "
		      "gateway.pem");
	run_ok(VERIFY "-purpose sslclient client.pem");
	run_fails(VERIFY "-purpose sslclient gateway.pem");
	run_fails(VERIFY "-purpose sslserver client.pem");
	run_fails(VERIFY "-verify_hostname other.example.com "
			 "gateway.pem");
	/* A client's certificate signs nobody. */
	gateway = issue(PKI_GATEWAY, a, "vpn.example.com", &client);
	put_certificate("gateway.pem", &gateway);
	run_fails(VERIFY "-untrusted client.pem gateway.pem");
}
END_TEST

START_TEST(writes_what_a_reader_of_the_certificate_expects)
{
	static const char *const in_gateway[] = {
		"Version: 3 (0x2)",
		"Issuer: CN = test CA",
		"Subject: CN = 10.0.0.1",
		"IP Address:10.0.0.1",
		"CA:FALSE",
		"Digital Signature",
		"TLS Web Server",
		"Not Before: Sep 21 13:13:20 2026",
		"ecdsa-with-SHA256",
		"NIST CURVE: P-256",
		"Key Usage: critical",
		"Basic Constraints: critical",
	};
	static const char *const in_ca[] = {
		"CA:TRUE, pathlen:0",
		"Certificate Sign, CRL Sign",
		"Subject Key Identifier",
	};
	struct pki_identity ca = issue(PKI_CA, PKI_ECDSA_P256, "test CA", NULL);
	struct pki_identity gateway =
		issue(PKI_GATEWAY, PKI_ECDSA_P256, "10.0.0.1", &ca);
	char text[8192];

	SKIP_WITHOUT_OPENSSL("x509 -text");
	put_certificate("ca.pem", &ca);
	put_certificate("gateway.pem", &gateway);
	run_ok(VERIFY "-purpose sslserver -verify_ip 10.0.0.1 gateway.pem");
	run("openssl x509 -noout -text -in gateway.pem", text, sizeof(text));
	for (size_t i = 0; i < sizeof(in_gateway) / sizeof(*in_gateway); i++)
		ck_assert_msg(strstr(text, in_gateway[i]), "no \"%s\" in\n%s",
			      in_gateway[i], text);
	run("openssl x509 -noout -text -in ca.pem", text, sizeof(text));
	for (size_t i = 0; i < sizeof(in_ca) / sizeof(*in_ca); i++)
		ck_assert_msg(strstr(text, in_ca[i]), "no \"%s\" in\n%s",
			      in_ca[i], text);
}
END_TEST

START_TEST(writes_a_long_dns_name_and_an_ipv6_address_whole)
{
	char name[254], line[512], label[64];
	struct pki_identity ca = issue(PKI_CA, PKI_ECDSA_P256, "test CA", NULL);
	struct pki_identity gateway;
	struct pki_request r = { .use = PKI_GATEWAY,
				 .name = name,
				 .not_before = NOW,
				 .not_after = NOW + DAY };

	memset(label, 'a', 63);
	label[63] = '\0';
	snprintf(name, sizeof(name), "%s.%s.%s.%.*s", label, label, label, 61,
		 label);
	ck_assert_uint_eq(strlen(name), 253);
	gateway = issue(PKI_GATEWAY, PKI_ECDSA_P256, name, &ca);
	snprintf(name, sizeof(name), "%s", "");
	ck_assert_int_eq(pki_issue(&r, &ca, &gateway), -EINVAL);
	SKIP_WITHOUT_OPENSSL("long names");
	put_certificate("ca.pem", &ca);
	put_certificate("gateway.pem", &gateway);
	snprintf(line, sizeof(line),
		 VERIFY "-verify_hostname %s.%s.%s.%.*s gateway.pem", label,
		 label, label, 61, label);
	run_ok(line);
	gateway = issue(PKI_GATEWAY, PKI_ECDSA_P256, "2001:db8::1", &ca);
	put_certificate("gateway.pem", &gateway);
	run_ok(VERIFY "-verify_ip 2001:db8::1 gateway.pem");
}
END_TEST

START_TEST(exports_pkcs12_that_openssl_opens_with_the_password)
{
	struct pki_identity ca = issue(PKI_CA, PKI_ED25519, "test CA", NULL);
	struct pki_identity client =
		issue(PKI_CLIENT, PKI_ECDSA_P256, "laptop", &ca);
	char text[PKI_PKCS12_MAX], pem[PKI_PEM_MAX], password[27], line[256];

	ck_assert_int_eq(pki_password(password), 0);
	ck_assert_uint_eq(strlen(password), PKI_PASSWORD_LEN);
	ck_assert_int_eq(pki_pkcs12(&ca, password, text), -ENOTSUP);
	ck_assert_int_eq(pki_pkcs12(&client, password, text), 0);
	SKIP_WITHOUT_OPENSSL("pkcs12");
	put_file("client.b64", text);
	run_ok("openssl base64 -d -A -in client.b64 -out client.p12");
	snprintf(line, sizeof(line),
		 "openssl pkcs12 -in client.p12 -passin pass:%s -nodes "
		 "-out out.pem && openssl x509 -in out.pem -out cert.pem",
		 password);
	run_ok(line);
	/* The key in it is the certificate's. */
	run_ok("openssl pkey -in out.pem -pubout -out a.pub && "
	       "openssl x509 -in out.pem -noout -pubkey >b.pub && "
	       "cmp a.pub b.pub");
	ck_assert_int_eq(pki_certificate_pem(&client, pem), 0);
	put_file("want.pem", pem);
	run_ok("cmp cert.pem want.pem");
	run_fails("openssl pkcs12 -in client.p12 -passin pass:no "
		  "-nodes -out no.pem");
}
END_TEST

START_TEST(reads_back_what_it_wrote_and_signs_with_it)
{
	const enum pki_algorithm a = algorithms[_i];
	struct pki_identity ca = issue(PKI_CA, a, "test CA", NULL);
	struct pki_identity other = issue(PKI_CA, a, "test CA", NULL), again,
			    client;
	char cert[PKI_PEM_MAX], key[PKI_PEM_MAX], wrong[PKI_PEM_MAX];
	uint8_t x[32], y[32];

	ck_assert_int_eq(pki_certificate_pem(&ca, cert), 0);
	ck_assert_int_eq(pki_key_pem(&ca, key), 0);
	ck_assert_int_eq(pki_key_pem(&other, wrong), 0);
	ck_assert_int_eq(pki_parse(cert, wrong, &again), -EKEYREJECTED);
	ck_assert_int_eq(pki_parse(cert, cert, &again), -EBADMSG);
	ck_assert_int_eq(pki_parse("", key, &again), -EBADMSG);
	ck_assert_int_eq(pki_parse(cert, key, &again), 0);
	ck_assert_int_eq(again.algorithm, a);
	ck_assert_int_eq(pki_fingerprint(&ca, x), 0);
	ck_assert_int_eq(pki_fingerprint(&again, y), 0);
	ck_assert_mem_eq(x, y, sizeof(x));
	client = issue(PKI_CLIENT, PKI_ECDSA_P256, "laptop", &again);
	SKIP_WITHOUT_OPENSSL("sign with a CA read back");
	put_certificate("ca.pem", &ca);
	put_certificate("client.pem", &client);
	run_ok(VERIFY "-purpose sslclient client.pem");
	put_file("ca.key", key);
	run_ok("openssl pkey -in ca.key -noout");
}
END_TEST

START_TEST(writes_dates_on_both_sides_of_2050)
{
	struct pki_request r = { .use = PKI_CA, .name = "test CA" };
	struct pki_identity ca;
	char text[1024];

	r.not_before = 2524607999; /* the last second of 2049 */
	r.not_after = 2524608000;
	ck_assert_int_eq(pki_issue(&r, NULL, &ca), 0);
	SKIP_WITHOUT_OPENSSL("dates");
	put_certificate("ca.pem", &ca);
	run("openssl x509 -noout -dates -in ca.pem", text, sizeof(text));
	ck_assert_str_eq(text, "notBefore=Dec 31 23:59:59 2049 GMT\n"
			       "notAfter=Jan  1 00:00:00 2050 GMT\n");
}
END_TEST

START_TEST(gives_serials_and_passwords_that_differ)
{
	struct pki_identity ca = issue(PKI_CA, PKI_ECDSA_P256, "test CA", NULL);
	struct pki_identity a = issue(PKI_CLIENT, PKI_ECDSA_P256, "a", &ca);
	struct pki_identity b = issue(PKI_CLIENT, PKI_ECDSA_P256, "a", &ca);
	char p[PKI_PASSWORD_LEN + 1], q[PKI_PASSWORD_LEN + 1];

	ck_assert_mem_ne(a.serial, b.serial, PKI_SERIAL_LEN);
	ck_assert_int_eq(a.serial[0] >> 6, 1);
	ck_assert_int_eq(pki_password(p), 0);
	ck_assert_int_eq(pki_password(q), 0);
	ck_assert_str_ne(p, q);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pki");
	TCase *t = tcase_create("certificates");
	char line[128], said[128];
	int failed;

	if (!mkdtemp(dir))
		return EXIT_FAILURE;
	have_openssl = run("openssl version", said, sizeof(said)) == 0;
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(
		t, makes_chains_that_openssl_verifies_for_their_use_alone, 0,
		2);
	tcase_add_test(t, writes_what_a_reader_of_the_certificate_expects);
	tcase_add_test(t, writes_a_long_dns_name_and_an_ipv6_address_whole);
	tcase_add_loop_test(
		t, exports_pkcs12_that_openssl_opens_with_the_password, 0, 2);
	tcase_add_loop_test(t, reads_back_what_it_wrote_and_signs_with_it, 0,
			    2);
	tcase_add_test(t, writes_dates_on_both_sides_of_2050);
	tcase_add_test(t, gives_serials_and_passwords_that_differ);
	suite_add_tcase(s, t);
	failed = suite_run(s);
	snprintf(line, sizeof(line), "rm -rf %s", dir);
	if (system(line) != 0)
		return EXIT_FAILURE;
	return failed;
}
