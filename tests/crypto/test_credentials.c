/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identities as administrators bring them: PEM, PKCS#12 from OpenSSL, and
 * revocation lists. Uses the openssl program; without it the tests that need
 * it say that they are skipped. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/credentials.h"
#include "crypto/pki.h"
#include "tests/lib/duo.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

enum {
	FILE_MAX = 16384,
	DAY_S = 86400,
};

static char folder[] = "/tmp/adit-credentials-XXXXXX";
static struct pki_identity ca, leaf, other;
static bool have_openssl;

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static size_t read_file(const char *name, char *out)
{
	char path[128];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "no %s", path);
	n = fread(out, 1, FILE_MAX - 1, f);
	out[n] = '\0';
	fclose(f);
	return n;
}

/* Runs a shell command in the folder. */
static void run(const char *command)
{
	char line[1024];

	snprintf(line, sizeof(line), "cd %s && { %s; } >log 2>&1", folder,
		 command);
	ck_assert_msg(system(line) == 0, "%s: see %s/log", command, folder);
}

static void issue(enum pki_use use, const char *name,
		  const struct pki_identity *issuer, struct pki_identity *ret)
{
	int64_t now = time(NULL);
	struct pki_request r = {
		.use = use,
		.name = name,
		.not_before = now - DAY_S,
		.not_after = now + 30 * DAY_S,
	};

	ck_assert_int_eq(pki_issue(&r, issuer, ret), 0);
}

static void set_up(void)
{
	char pem[PKI_PEM_MAX];

	ck_assert_ptr_nonnull(mkdtemp(folder));
	issue(PKI_CA, "CA", NULL, &ca);
	issue(PKI_CLIENT, "laptop", &ca, &leaf);
	issue(PKI_CLIENT, "other", &ca, &other);
	ck_assert_int_eq(pki_certificate_pem(&ca, pem), 0);
	write_file("ca.pem", pem);
	ck_assert_int_eq(pki_key_pem(&ca, pem), 0);
	write_file("ca.key", pem);
	ck_assert_int_eq(pki_certificate_pem(&leaf, pem), 0);
	write_file("leaf.pem", pem);
	ck_assert_int_eq(pki_key_pem(&leaf, pem), 0);
	write_file("leaf.key", pem);
	have_openssl = system("openssl version >/dev/null 2>&1") == 0;
	if (!have_openssl)
		printf("note: SKIPPED what needs the openssl program\n");
}

static void tear_down(void)
{
	char line[128];

	snprintf(line, sizeof(line), "rm -rf %s", folder);
	ck_assert_int_eq(system(line), 0);
	strcpy(folder, "/tmp/adit-credentials-XXXXXX");
}

/* What credentials_create says of a source; "" when it takes it. */
static const char *verdict(const struct credentials_source *s)
{
	static char error[CREDENTIALS_ERROR_MAX];
	struct credentials *c;

	error[0] = '\0';
	c = credentials_create(CREDENTIALS_CLIENT, s, error);
	ck_assert((c == NULL) == (error[0] != '\0'));
	credentials_destroy(c);
	return error;
}

START_TEST(says_what_is_wrong_with_pem)
{
	static char cert[FILE_MAX], key[FILE_MAX], trust[FILE_MAX];
	static char wrong[PKI_PEM_MAX];
	struct credentials_source good, s;

	good = (struct credentials_source) {
		.certificate = cert,
		.certificate_len = read_file("leaf.pem", cert),
		.key = key,
		.key_len = read_file("leaf.key", key),
		.ca = trust,
		.ca_len = read_file("ca.pem", trust),
	};
	ck_assert_str_eq(verdict(&good), "");
	s = good;
	s.certificate = "no PEM";
	s.certificate_len = 6;
	ck_assert_str_eq(verdict(&s), "the certificate is not readable PEM");
	s = good;
	s.key = cert;
	s.key_len = good.certificate_len;
	ck_assert_ptr_nonnull(strstr(verdict(&s), "private key"));
	s = good;
	ck_assert_int_eq(pki_key_pem(&other, wrong), 0);
	s.key = wrong;
	s.key_len = strlen(wrong);
	ck_assert_str_eq(verdict(&s),
			 "the private key does not fit the certificate");
	s = good;
	s.ca = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	s.ca_len = strlen(s.ca);
	ck_assert_ptr_nonnull(strstr(verdict(&s), "the CA is not"));
	s = good;
	s.groups[0] = "nonsense";
	s.group_count = 1;
	ck_assert_ptr_nonnull(strstr(verdict(&s), "group"));
	/* No byte of a broken file crashes it. */
	for (size_t cut = 0; cut < good.certificate_len; cut += 7) {
		s = good;
		s.certificate_len = cut;
		(void)verdict(&s);
	}
}
END_TEST

static const struct {
	const char *name, *options, *password;
	const char *wanted; /* "" when it opens */
} bags[] = {
	{ "AES", "-inkey leaf.key -in leaf.pem -passout pass:geheim", "geheim",
	  "" },
	{ "with its CA",
	  "-inkey leaf.key -in leaf.pem -certfile ca.pem -passout pass:geheim",
	  "geheim", "" },
	{ "no password", "-inkey leaf.key -in leaf.pem -passout pass:", NULL,
	  "" },
	{ "3DES",
	  "-inkey leaf.key -in leaf.pem -passout pass:geheim -legacy -keypbe "
	  "PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1",
	  "geheim", "" },
	{ "RC2-40",
	  "-inkey leaf.key -in leaf.pem -passout pass:geheim -legacy -keypbe "
	  "PBE-SHA1-3DES -certpbe PBE-SHA1-RC2-40 -macalg sha1",
	  "geheim", "" },
	{ "wrong password", "-inkey leaf.key -in leaf.pem -passout pass:geheim",
	  "falsch", "the PKCS#12 password is wrong" },
	{ "no key", "-nokeys -in leaf.pem -passout pass:geheim", "geheim",
	  "the PKCS#12 file holds no private key" },
};

START_TEST(opens_pkcs12_as_others_make_it)
{
	static char der[FILE_MAX], trust[FILE_MAX];
	struct credentials_source s;
	char command[512];

	if (!have_openssl)
		return;
	snprintf(command, sizeof(command),
		 "openssl pkcs12 -export -out bag.p12 %s", bags[_i].options);
	run(command);
	s = (struct credentials_source) {
		.pkcs12 = (const uint8_t *)der,
		.pkcs12_len = read_file("bag.p12", der),
		.password = bags[_i].password,
		.ca = trust,
		.ca_len = read_file("ca.pem", trust),
	};
	ck_assert_msg(strcmp(verdict(&s), bags[_i].wanted) == 0, "%s: %s",
		      bags[_i].name, verdict(&s));
	for (size_t cut = 0; cut < s.pkcs12_len; cut += 13) {
		struct credentials_source part = s;

		part.pkcs12_len = cut;
		ck_assert_str_ne(verdict(&part), "");
	}
}
END_TEST

/* A CA in a folder, as `openssl ca` wants it. */
static void make_crl(const char *name, const char *revoked)
{
	char command[1024];

	run("touch index.txt; [ -e crlnumber ] || echo 01 >crlnumber; printf "
	    "'[ca]\\n"
	    "default_ca=d\\n[d]\\ndatabase=index.txt\\ncrlnumber=crlnumber\\n"
	    "default_md=sha256\\ndefault_crl_days=30\\n' >ca.cnf");
	if (revoked != NULL) {
		snprintf(command, sizeof(command),
			 "openssl ca -config ca.cnf -cert ca.pem -keyfile "
			 "ca.key -revoke %s",
			 revoked);
		run(command);
	}
	snprintf(command, sizeof(command),
		 "openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key "
		 "-gencrl -out %s",
		 name);
	run(command);
}

static struct credentials *from_folder(enum credentials_role role,
				       const struct pki_identity *who,
				       const char *crl)
{
	static char trust[FILE_MAX], list[FILE_MAX];
	char cert[PKI_PEM_MAX], key[PKI_PEM_MAX];
	char error[CREDENTIALS_ERROR_MAX];
	struct credentials_source s = {
		.certificate = cert,
		.key = key,
		.ca = trust,
		.ca_len = read_file("ca.pem", trust),
	};
	struct credentials *c;

	ck_assert_int_eq(pki_certificate_pem(who, cert), 0);
	ck_assert_int_eq(pki_key_pem(who, key), 0);
	s.certificate_len = strlen(cert);
	s.key_len = strlen(key);
	if (crl != NULL) {
		s.crl = list;
		s.crl_len = read_file(crl, list);
	}
	c = credentials_create(role, &s, error);
	ck_assert_msg(c != NULL, "%s", error);
	return c;
}

/* One handshake with these two; what the client was told, or "up". */
static void meet(struct credentials *client, struct credentials *gateway,
		 char *ret_text)
{
	struct duo_options o = { .client = client, .gateway = gateway };
	struct duo d;

	duo_init(&d, &o);
	duo_start(&d);
	strcpy(ret_text, duo_run_until_up(&d, 20000) ? "up" : d.text);
	duo_fini(&d);
}

START_TEST(asks_a_revocation_list_at_both_ends)
{
	struct credentials *client, *gateway;
	static char list[FILE_MAX];
	char error[CREDENTIALS_ERROR_MAX], text[DUO_TEXT_MAX];
	char pem[PKI_PEM_MAX];
	struct pki_identity gw;
	size_t len;

	if (!have_openssl)
		return;
	issue(PKI_GATEWAY, "gw.test", &ca, &gw);
	make_crl("empty.crl", NULL);
	client = from_folder(CREDENTIALS_CLIENT, &leaf, "empty.crl");
	gateway = from_folder(CREDENTIALS_GATEWAY, &gw, "empty.crl");
	meet(client, gateway, text);
	ck_assert_str_eq(text, "up");
	/* A newer list is loaded on top of the one in use. */
	make_crl("new.crl", "leaf.pem");
	len = read_file("new.crl", list);
	ck_assert_int_eq(credentials_load_crl(gateway, list, len, error), 0);
	meet(client, gateway, text);
	ck_assert_msg(strstr(text, "refused this device's certificate "
				   "(revoked"),
		      "%s", text);
	ck_assert_int_lt(credentials_load_crl(gateway, "nonsense", 8, error),
			 0);
	credentials_destroy(client);
	ck_assert_int_eq(pki_certificate_pem(&gw, pem), 0);
	write_file("gw.pem", pem);
	make_crl("both.crl", "gw.pem");
	client = from_folder(CREDENTIALS_CLIENT, &other, "new.crl");
	meet(client, gateway, text);
	ck_assert_str_eq(text, "up");
	credentials_destroy(client);
	client = from_folder(CREDENTIALS_CLIENT, &other, "both.crl");
	meet(client, gateway, text);
	ck_assert_msg(strstr(text, "the gateway's certificate is revoked: "
				   "\"gw.test\", issued by \"CA\", valid "
				   "from 20") == text,
		      "%s", text);
	credentials_destroy(client);
	credentials_destroy(gateway);
}
END_TEST

/* A chain made by the openssl program: leaf.x behind `depth` intermediates. */
static void make_chain(const char *common_name, unsigned int depth,
		       const char *extensions)
{
	char command[1024];

	run("cp ca.pem i0.pem; cp ca.key i0.key; : >chain.pem");
	for (unsigned int i = 1; i <= depth; i++) {
		snprintf(command, sizeof(command),
			 "openssl ecparam -name prime256v1 -genkey -noout -out "
			 "i%u.key && openssl req -new -key i%u.key -subj "
			 "/CN=i%u "
			 "-out i.csr && printf 'basicConstraints=critical,"
			 "CA:TRUE\nkeyUsage=keyCertSign\n"
			 "subjectKeyIdentifier=hash\nauthorityKeyIdentifier="
			 "keyid\n' >i.ext && openssl "
			 "x509 -req -in i.csr -CA i%u.pem -CAkey i%u.key "
			 "-CAcreateserial -days 9 -extfile i.ext -out i%u.pem",
			 i, i, i, i - 1, i - 1, i);
		run(command);
	}
	snprintf(
		command, sizeof(command),
		"openssl ecparam -name prime256v1 -genkey -noout -out x.key && "
		"openssl req -new -key x.key -subj /CN=%s -out x.csr && printf "
		"'%s' >x.ext && openssl x509 -req -in x.csr -CA i%u.pem "
		"-CAkey i%u.key -CAcreateserial -days 9 -extfile x.ext -out "
		"x.pem && cp x.pem chain.pem",
		common_name, extensions, depth, depth);
	run(command);
	for (unsigned int i = depth; i > 0; i--) {
		snprintf(command, sizeof(command), "cat i%u.pem >>chain.pem",
			 i);
		run(command);
	}
}

static struct credentials_source chain_source(void)
{
	static char trust[FILE_MAX], cert[FILE_MAX], key[FILE_MAX];

	return (struct credentials_source) {
		.certificate = cert,
		.certificate_len = read_file("chain.pem", cert),
		.key = key,
		.key_len = read_file("x.key", key),
		.ca = trust,
		.ca_len = read_file("ca.pem", trust),
	};
}

static struct credentials *from_chain(enum credentials_role role)
{
	struct credentials_source s = chain_source();
	char error[CREDENTIALS_ERROR_MAX];
	struct credentials *c = credentials_create(role, &s, error);

	ck_assert_msg(c != NULL, "%s", error);
	return c;
}

static const char server_extensions[] =
	"keyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n";
static const char client_extensions[] =
	"keyUsage=digitalSignature\nextendedKeyUsage=clientAuth\n";

START_TEST(refuses_a_gateway_without_a_subject_alternative_name)
{
	struct credentials *client, *gateway;
	char text[DUO_TEXT_MAX];

	if (!have_openssl)
		return;
	make_chain("gw.test", 0, server_extensions);
	gateway = from_chain(CREDENTIALS_GATEWAY);
	client = from_folder(CREDENTIALS_CLIENT, &leaf, NULL);
	meet(client, gateway, text);
	ck_assert_msg(strstr(text, "no subject alternative name"), "%s", text);
	credentials_destroy(client);
	credentials_destroy(gateway);
}
END_TEST

START_TEST(refuses_certificates_that_name_no_use)
{
	struct credentials *client, *gateway;
	char text[DUO_TEXT_MAX];
	struct pki_identity gw;

	if (!have_openssl)
		return;
	issue(PKI_GATEWAY, "gw.test", &ca, &gw);
	make_chain("gw.test", 0,
		   "keyUsage=digitalSignature\nsubjectAltName=DNS:gw.test\n");
	gateway = from_chain(CREDENTIALS_GATEWAY);
	client = from_folder(CREDENTIALS_CLIENT, &leaf, NULL);
	meet(client, gateway, text);
	ck_assert_msg(strstr(text, "not meant for servers"), "%s", text);
	credentials_destroy(client);
	credentials_destroy(gateway);
	gateway = from_folder(CREDENTIALS_GATEWAY, &gw, NULL);
	client = from_chain(CREDENTIALS_CLIENT);
	meet(client, gateway, text);
	ck_assert_msg(strstr(text, "not meant for clients"), "%s", text);
	credentials_destroy(client);
	credentials_destroy(gateway);
}
END_TEST

/* Our own CA allows no intermediates at all. */
static void allow_intermediates(void)
{
	run("openssl ecparam -name prime256v1 -genkey -noout -out ca.key && "
	    "openssl req -new -x509 -key ca.key -subj /CN=root -days 9 -out "
	    "ca.pem -addext keyUsage=keyCertSign");
}

START_TEST(takes_eight_intermediates_and_not_nine)
{
	struct credentials *client, *gateway;
	struct credentials_source source;
	char text[DUO_TEXT_MAX];

	if (!have_openssl)
		return;
	allow_intermediates();
	make_chain("gw.test", 0,
		   "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:gw.test\n");
	gateway = from_chain(CREDENTIALS_GATEWAY);
	for (unsigned int depth = 7; depth <= 8; depth++) {
		make_chain("laptop", depth, client_extensions);
		client = from_chain(CREDENTIALS_CLIENT);
		meet(client, gateway, text);
		ck_assert_str_eq(text, "up");
		credentials_destroy(client);
	}
	credentials_destroy(gateway);
	/* The peer would stop without an alert: said before it is asked. */
	make_chain("laptop", 9, client_extensions);
	source = chain_source();
	ck_assert_ptr_nonnull(strstr(verdict(&source), "more than 8"));
}
END_TEST

/* wolfSSL sends what it is given in that order, and reads it in no other. */
START_TEST(sorts_the_chain_of_a_bag)
{
	static char der[FILE_MAX], trust[FILE_MAX];
	struct credentials *client, *gateway;
	struct credentials_source s;
	char error[CREDENTIALS_ERROR_MAX], text[DUO_TEXT_MAX];

	if (!have_openssl)
		return;
	allow_intermediates();
	make_chain("gw.test", 0,
		   "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:gw.test\n");
	gateway = from_chain(CREDENTIALS_GATEWAY);
	make_chain("laptop", 3, client_extensions);
	run("cat leaf.pem i2.pem ca.pem i3.pem i1.pem >others.pem; openssl "
	    "pkcs12 -export -out bag.p12 -inkey x.key -in x.pem -certfile "
	    "others.pem -passout pass:geheim -legacy -keypbe PBE-SHA1-3DES "
	    "-certpbe PBE-SHA1-RC2-40 -macalg sha1");
	s = (struct credentials_source) {
		.pkcs12 = (const uint8_t *)der,
		.pkcs12_len = read_file("bag.p12", der),
		.password = "geheim",
		.ca = trust,
		.ca_len = read_file("ca.pem", trust),
	};
	client = credentials_create(CREDENTIALS_CLIENT, &s, error);
	ck_assert_msg(client != NULL, "%s", error);
	meet(client, gateway, text);
	ck_assert_str_eq(text, "up");
	credentials_destroy(client);
	credentials_destroy(gateway);
}
END_TEST

START_TEST(refuses_an_rsa_key_below_2048_bits)
{
	struct credentials_source s;

	if (!have_openssl)
		return;
	run("openssl req -new -x509 -newkey rsa:1024 -nodes -keyout x.key "
	    "-subj "
	    "/CN=laptop -days 9 -out chain.pem");
	s = chain_source();
	ck_assert_ptr_nonnull(strstr(verdict(&s), "RSA below 2048 bits"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("credentials");
	TCase *t = tcase_create("credentials");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, says_what_is_wrong_with_pem);
	tcase_add_loop_test(t, opens_pkcs12_as_others_make_it, 0,
			    ARRAY_SIZE(bags));
	tcase_add_test(t, asks_a_revocation_list_at_both_ends);
	tcase_add_test(t, refuses_a_gateway_without_a_subject_alternative_name);
	tcase_add_test(t, refuses_certificates_that_name_no_use);
	tcase_add_test(t, takes_eight_intermediates_and_not_nine);
	tcase_add_test(t, sorts_the_chain_of_a_bag);
	tcase_add_test(t, refuses_an_rsa_key_below_2048_bits);
	suite_add_tcase(s, t);
	return suite_run(s);
}
