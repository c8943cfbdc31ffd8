/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identities and CAs that read well and would never get through a handshake:
 * an error where the profile itself is at fault; where a file that it names
 * is, an error for use and a warning for a check, which may be made on another
 * machine. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/profile.h"
#include "crypto/pki.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

enum {
	DAY_S = 86400,
};

static char folder[64], printed[8192];
static struct pki_identity ca, leaf, other;

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	ck_assert_int_eq(chmod(path, 0600), 0);
}

static void issue(enum pki_use use, const char *name, int64_t until,
		  const struct pki_identity *issuer, struct pki_identity *ret)
{
	struct pki_request r = {
		.use = use,
		.name = name,
		.not_before = until - 30 * DAY_S,
		.not_after = until,
	};

	ck_assert_int_eq(pki_issue(&r, issuer, ret), 0);
}

static void write_pem(const char *certificate, const char *key,
		      const struct pki_identity *id)
{
	char pem[PKI_PEM_MAX];

	ck_assert_int_eq(pki_certificate_pem(id, pem), 0);
	write_file(certificate, pem);
	ck_assert_int_eq(pki_key_pem(id, pem), 0);
	write_file(key, pem);
}

static void set_up(void)
{
	struct pki_identity ended;
	int64_t now = time(NULL);

	snprintf(folder, sizeof(folder), "/tmp/adit-material-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	issue(PKI_CA, "CA", now + DAY_S, NULL, &ca);
	issue(PKI_CA, "old CA", now - DAY_S, NULL, &ended);
	issue(PKI_CLIENT, "laptop", now + DAY_S, &ca, &leaf);
	issue(PKI_CLIENT, "other", now + DAY_S, &ca, &other);
	write_pem("ca.pem", "ca.key", &ca);
	write_pem("ended.pem", "ended.key", &ended);
	write_pem("leaf.pem", "leaf.key", &leaf);
	write_pem("other.pem", "other.key", &other);
	write_file("text.json", "{}");
	write_file("hollow.pem",
		   "-----BEGIN CERTIFICATE-----\nMEIwQDA+MDwwOjA4MDYwNDAyMDAw"
		   "LjAsMCowKDAmMCQwIjAgMB4wHDAaMBgwFjAUMBIwEDAOMAwwCjAIMAYw"
		   "BDACMAAFAAUA\n-----END CERTIFICATE-----\n");
}

static void tear_down(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

/* The file's text with its line breaks as JSON has them. */
static void json_of(const char *file, char text[2 * PKI_PEM_MAX])
{
	char path[128];
	FILE *f;
	int c;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	while ((c = getc(f)) != EOF) {
		if (c == '\n')
			*text++ = '\\';
		*text++ = c == '\n' ? 'n' : (char)c;
	}
	fclose(f);
	*text = '\0';
}

/* DIR in `trust` and `identity` stands for the folder. */
static int load(const char *trust, const char *identity,
		enum profile_flags flags)
{
	static char text[16384], path[128];
	struct config_report report;
	struct profile *p = NULL;
	FILE *to;
	int r;

	snprintf(text, sizeof(text),
		 "{\"Type\": \"" PROFILE_TYPE "\",\n\"Identifier\": \"x\",\n"
		 "\"Payload\": {\"VisibleName\": \"x\", \"SubType\": "
		 "\"" PROFILE_SUB_TYPE "\",\n\"HostName\": \"a.example\", "
		 "\"Authentication\": {\"Method\": \"Certificate\"}, "
		 "\"Provider\": {\"Type\": \"packet-tunnel\"},\n"
		 "\"VendorConfig\": {\n%s,\n%s}}}\n",
		 trust, identity);
	for (char *at; (at = strstr(text, "DIR")) != NULL;) {
		memmove(at + strlen(folder), at + 3, strlen(at + 3) + 1);
		memcpy(at, folder, strlen(folder));
	}
	write_file("p.json", text);
	snprintf(path, sizeof(path), "%s/p.json", folder);
	r = profile_load(path, flags, &p, &report);
	printed[0] = '\0';
	to = fmemopen(printed, sizeof(printed), "w");
	config_report_print(&report, "p", to);
	fclose(to);
	profile_destroy(p);
	return r;
}

static void has_line(const char *line)
{
	ck_assert_msg(strstr(printed, line), "no \"%s\" in:\n%s", line,
		      printed);
}

#define CA_FILE "\"CAFile\": \"DIR/ca.pem\""
#define FILES(certificate, key)                                  \
	"\"Identity\": {\"CertificateFile\": \"DIR/" certificate \
	"\", \"PrivateKeyFile\": \"DIR/" key "\"}"
#define TRUST "/Payload/VendorConfig/CAFile: "
#define IDENTITY "/Payload/VendorConfig/Identity: "

static const struct {
	const char *trust, *identity, *place, *pointer, *wrong;
} bad_files[] = {
	{ "\"CAFile\": \"DIR/ca.key\"", FILES("leaf.pem", "leaf.key"), "p:6:11",
	  TRUST, "/ca.key: holds a private key" },
	{ "\"CAFile\": \"DIR/text.json\"", FILES("leaf.pem", "leaf.key"),
	  "p:6:11", TRUST, "/text.json: is not the PEM text of certificates" },
	{ "\"CAFile\": \"DIR/hollow.pem\"", FILES("leaf.pem", "leaf.key"),
	  "p:6:11", TRUST, "/hollow.pem: the CA is not a readable PEM" },
	{ "\"CAFile\": \"DIR/ended.pem\"", FILES("leaf.pem", "leaf.key"),
	  "p:6:11", TRUST, "(or has expired)" },
	{ CA_FILE, FILES("leaf.key", "leaf.pem"), "p:7:13", IDENTITY,
	  "/leaf.key: the certificate is not readable PEM" },
	{ CA_FILE, FILES("leaf.pem", "leaf.pem"), "p:7:13", IDENTITY,
	  "the private key is not readable PEM" },
	{ CA_FILE, FILES("leaf.pem", "other.key"), "p:7:13", IDENTITY,
	  "the private key does not fit the certificate" },
	{ CA_FILE, FILES("text.json", "leaf.key"), "p:7:13", IDENTITY,
	  "the certificate is not readable PEM" },
	{ CA_FILE ", \"RevocationListFile\": \"DIR/text.json\"",
	  FILES("leaf.pem", "leaf.key"),
	  "p:6:", "/Payload/VendorConfig/RevocationListFile: ",
	  "/text.json: the revocation list cannot be read" },
};

START_TEST(warns_of_files_that_are_wrong_and_refuses_them_for_use)
{
	char warning[128];

	snprintf(warning, sizeof(warning),
		 "%swarning: ", bad_files[_i].pointer);
	ck_assert_int_eq(load(bad_files[_i].trust, bad_files[_i].identity,
			      PROFILE_FOR_CHECK),
			 0);
	has_line(bad_files[_i].place);
	has_line(warning);
	has_line(bad_files[_i].wrong);
	ck_assert_int_eq(load(bad_files[_i].trust, bad_files[_i].identity,
			      PROFILE_FOR_USE),
			 -EINVAL);
	has_line(bad_files[_i].place);
	has_line(bad_files[_i].pointer);
	has_line(bad_files[_i].wrong);
	ck_assert_ptr_null(strstr(printed, warning));
}
END_TEST

START_TEST(takes_good_files)
{
	ck_assert_int_eq(
		load(CA_FILE, FILES("leaf.pem", "leaf.key"), PROFILE_FOR_CHECK),
		0);
	ck_assert_str_eq(printed, "");
	ck_assert_int_eq(
		load(CA_FILE, FILES("leaf.pem", "leaf.key"), PROFILE_FOR_USE),
		0);
	ck_assert_str_eq(printed, "");
}
END_TEST

/* Whatever it is loaded for: no machine can use it. */
static void refuses(const char *trust, const char *identity, const char *line)
{
	for (int flags = 0; flags <= PROFILE_FOR_USE; flags++) {
		ck_assert_int_eq(load(trust, identity, flags), -EINVAL);
		has_line(line);
	}
}

START_TEST(refuses_a_pkcs12_that_never_opens)
{
	char bag[PKI_PKCS12_MAX], identity[PKI_PKCS12_MAX + 128];

	refuses(CA_FILE, "\"Identity\": {\"PKCS12\": \"AAAA\"}",
		"p:7:24: /Payload/VendorConfig/Identity/PKCS12: the identity "
		"is not a PKCS#12 file");
	ck_assert_int_eq(pki_pkcs12(&leaf, "right", bag), 0);
	snprintf(identity, sizeof(identity),
		 "\"Identity\": {\n\"PKCS12\": \"%s\", \"Password\": "
		 "\"right\"}",
		 bag);
	ck_assert_int_eq(load(CA_FILE, identity, PROFILE_FOR_CHECK), 0);
	ck_assert_str_eq(printed, "");
	memcpy(strstr(identity, "right"), "wrong", 5);
	refuses(CA_FILE, identity,
		"/Payload/VendorConfig/Identity/Password: the PKCS#12 password "
		"is wrong");
	ck_assert_ptr_null(strstr(printed, "Identity/PKCS12"));
	snprintf(identity, sizeof(identity),
		 "\"Identity\": {\"PKCS12\": \"%s\"}", bag);
	refuses(CA_FILE, identity,
		"p:7:13: /Payload/VendorConfig/Identity/Password: the PKCS#12 "
		"password is wrong");
	/* A password that is none was complained about, and is not tried. */
	snprintf(identity, sizeof(identity),
		 "\"Identity\": {\"PKCS12\": \"%s\", \"Password\": 1}", bag);
	refuses(CA_FILE, identity, "Identity/Password: must be a");
	ck_assert_ptr_null(strstr(printed, "PKCS#12"));
}
END_TEST

START_TEST(refuses_a_pkcs12_without_a_key)
{
	char command[512], path[128], bag[8192] = "", identity[8192 + 128];
	FILE *f;

	if (system("openssl version >/dev/null 2>&1") != 0) {
		printf("note: SKIPPED: no openssl program\n");
		return;
	}
	snprintf(command, sizeof(command),
		 "cd %s && openssl pkcs12 -export -nokeys -in leaf.pem -out "
		 "bag.p12 -passout pass:x && base64 -w0 bag.p12 >bag.txt",
		 folder);
	ck_assert_int_eq(system(command), 0);
	snprintf(path, sizeof(path), "%s/bag.txt", folder);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_gt(fread(bag, 1, sizeof(bag) - 1, f), 0);
	fclose(f);
	snprintf(identity, sizeof(identity),
		 "\"Identity\": {\"PKCS12\": \"%s\", \"Password\": \"x\"}",
		 bag);
	refuses(CA_FILE, identity,
		"p:7:24: /Payload/VendorConfig/Identity/PKCS12: the PKCS#12 "
		"file holds no private key");
}
END_TEST

START_TEST(refuses_a_ca_in_the_profile_that_is_none)
{
	char trust[2 * PKI_PEM_MAX + 64], pem[2 * PKI_PEM_MAX];

	json_of("hollow.pem", pem);
	snprintf(trust, sizeof(trust), "\"CA\": \"%s\"", pem);
	refuses(trust, FILES("leaf.pem", "leaf.key"),
		"p:6:7: /Payload/VendorConfig/CA: the CA is not a readable PEM "
		"certificate");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("material");
	TCase *t = tcase_create("material");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(
		t, warns_of_files_that_are_wrong_and_refuses_them_for_use, 0,
		(int)ARRAY_SIZE(bad_files));
	tcase_add_test(t, takes_good_files);
	tcase_add_test(t, refuses_a_pkcs12_that_never_opens);
	tcase_add_test(t, refuses_a_pkcs12_without_a_key);
	tcase_add_test(t, refuses_a_ca_in_the_profile_that_is_none);
	suite_add_tcase(s, t);
	return suite_run(s);
}
