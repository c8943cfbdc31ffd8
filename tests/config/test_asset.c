/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A folder such as /etc/adit, with the identity of the home example taken out
 * of its profile: profiles/p.json, assets/a.json and the data, data.json. */
#include <check.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/profile.h"
#include "crypto/credentials.h"
#include "crypto/digest.h"
#include "crypto/pki.h"
#include "tests/lib/suite.h"

#define NAME "com.example.identity"

static char folder[64];
static struct config_report report;
static char *printed; /* the report as lines, the folder as DIR */
static char *data;

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(path_of(name), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	ck_assert_int_eq(chmod(path_of(name), mode), 0);
}

static void write_tree(const char *name, cJSON *tree, mode_t mode)
{
	char *text = cJSON_Print(tree);

	write_file(name, text, mode);
	cJSON_Delete(tree);
	free(text);
}

static cJSON *member(cJSON *object, const char *name)
{
	cJSON *m = cJSON_GetObjectItemCaseSensitive(object, name);

	ck_assert_msg(m, "%s", name);
	return m;
}

/* DIR in the text becomes the folder. */
static char *with_folder(const char *text)
{
	const char *at = strstr(text, "DIR");
	char *result;

	if (!at)
		return strdup(text);
	ck_assert_int_gt(asprintf(&result, "%.*s%s%s", (int)(at - text), text,
				  folder, at + 3),
			 0);
	return result;
}

static void write_asset(const char *file, const char *text)
{
	char *whole = with_folder(text);

	write_file(file, whole, 0644);
	free(whole);
}

#define ASSET(reference)                                        \
	"{\"Type\": \"com.apple.asset.credential.identity\",\n" \
	"\"Identifier\": \"" NAME "\",\n"                       \
	"\"Payload\": {\"Reference\": {" reference "}}}"
#define DATA_URL "\"DataURL\": \"file://DIR/data.json\""

static void set_up(void)
{
	static char text[65536];
	cJSON *profile, *payload, *vendor, *identity, *credential;
	FILE *f = fopen("config/examples/home.json", "r");

	snprintf(folder, sizeof(folder), "/tmp/adit-asset-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(mkdir(path_of("profiles"), 0755), 0);
	ck_assert_int_eq(mkdir(path_of("assets"), 0755), 0);
	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	profile = cJSON_Parse(text);
	payload = member(profile, "Payload");
	vendor = member(payload, "VendorConfig");
	identity = cJSON_DetachItemFromObject(vendor, "Identity");
	cJSON_AddStringToObject(member(payload, "Authentication"),
				"IdentityAssetReference", NAME);
	write_tree("profiles/p.json", profile, 0644);
	credential = cJSON_CreateObject();
	cJSON_AddStringToObject(credential, "Password",
				member(identity, "Password")->valuestring);
	cJSON_AddStringToObject(credential, "Identity",
				member(identity, "PKCS12")->valuestring);
	cJSON_Delete(identity);
	data = cJSON_Print(credential);
	write_tree("data.json", credential, 0600);
}

static void tear_down(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
	free(data);
}

static int load(enum profile_flags flags, struct profile **ret_profile)
{
	int r = profile_load(path_of("profiles/p.json"), flags, ret_profile,
			     &report);
	char *at;
	size_t len;
	FILE *to;

	free(printed);
	to = open_memstream(&printed, &len);
	ck_assert_ptr_nonnull(to);
	config_report_print(&report, "p", to);
	fclose(to);
	while ((at = strstr(printed, folder))) {
		memcpy(at, "DIR", 3);
		memmove(at + 3, at + strlen(folder),
			strlen(at + strlen(folder)) + 1);
	}
	return r;
}

static void has_line(const char *line)
{
	ck_assert_msg(strstr(printed, line), "no \"%s\" in:\n%s", line,
		      printed);
}

/* Another identity in the data, which "new" opens. */
static void write_renewed(const char *password)
{
	char bag[PKI_PKCS12_MAX], text[PKI_PKCS12_MAX + 64];
	struct pki_identity id;
	struct pki_request r = {
		.use = PKI_CLIENT,
		.name = "laptop",
		.not_before = time(NULL) - 86400,
		.not_after = time(NULL) + 86400,
	};

	ck_assert_int_eq(pki_issue(&r, NULL, &id), 0);
	ck_assert_int_eq(pki_pkcs12(&id, "new", bag), 0);
	snprintf(text, sizeof(text),
		 "{\"Password\": \"%s\", \"Identity\": \"%s\"}", password, bag);
	write_file("data.json", text, 0600);
}

START_TEST(gives_the_identity_that_the_reference_names)
{
	struct credentials_source source;
	char why[CREDENTIALS_ERROR_MAX];
	struct profile *p = NULL;
	struct credentials *c;
	uint64_t before;
	char *shown;
	size_t len;
	FILE *to;

	write_asset("assets/a.json", ASSET(DATA_URL));
	ck_assert_msg(load(PROFILE_FOR_USE, &p) == 0, "%s", printed);
	ck_assert_uint_eq(report.warnings, 0);
	ck_assert_str_eq(p->password, "example");
	profile_credentials(p, &source);
	c = credentials_create(CREDENTIALS_CLIENT, &source, why);
	ck_assert_msg(c, "%s", why);
	credentials_destroy(c);
	before = p->fingerprint;
	to = open_memstream(&shown, &len);
	ck_assert_ptr_nonnull(to);
	profile_print(p, to);
	fclose(to);
	ck_assert(strstr(shown, "\"IdentityAssetReference\": \"" NAME "\""));
	ck_assert_ptr_null(strstr(shown, "PKCS12"));
	ck_assert_ptr_null(strstr(shown, "Password"));
	free(shown);
	profile_destroy(p);

	/* A renewed identity is a changed profile. */
	write_renewed("new");
	ck_assert_int_eq(load(PROFILE_FOR_USE, &p), 0);
	ck_assert(p->fingerprint != before);
	profile_destroy(p);

	write_renewed("wrong");
	ck_assert_int_eq(load(PROFILE_FOR_USE, &p), -EINVAL);
	has_line("/Payload/Authentication/IdentityAssetReference: "
		 "DIR/data.json: the PKCS#12 password is wrong");
	ck_assert_int_eq(load(PROFILE_FOR_CHECK, &p), 0);
	has_line("warning: DIR/data.json: the PKCS#12 password is wrong");
	profile_destroy(p);
}
END_TEST

START_TEST(compares_size_and_digest)
{
	uint8_t digest[DIGEST_LEN];
	char text[1024];
	struct profile *p = NULL;
	int used;

	ck_assert_int_eq(digest_sha256(data, strlen(data), digest), 0);
	used = snprintf(text, sizeof(text),
			ASSET(DATA_URL ", \"Size\": %zu, "
				       "\"Hash-SHA-256\": \""),
			strlen(data));
	used -= 3; /* the three braces */
	for (size_t i = 0; i < sizeof(digest); i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used,
				 i % 2 ? "%02x" : "%02X", digest[i]);
	snprintf(text + used, sizeof(text) - (size_t)used, "\"}}}");
	write_asset("assets/a.json", text);
	ck_assert_msg(load(PROFILE_FOR_USE, &p) == 0, "%s", printed);
	profile_destroy(p);

	*strstr(data, "example") = 'E';
	write_file("data.json", data, 0600);
	ck_assert_int_eq(load(PROFILE_FOR_USE, &p), -EINVAL);
	has_line("IdentityAssetReference: DIR/data.json: is not what "
		 "Hash-SHA-256 says");
	write_file("data.json", "{}", 0600);
	ck_assert_int_eq(load(PROFILE_FOR_USE, &p), -EINVAL);
	has_line("DIR/data.json: has 2 bytes, and Size says ");
}
END_TEST

/* A declaration, the data or NULL for the good one, and a part of the line. */
static const struct {
	const char *asset, *data, *line;
} bad[] = {
	{ "{\"Identifier\": \"other\"}", NULL,
	  "no asset declaration in DIR/assets has this "
	  "identifier" },
	{ "{,", NULL, "DIR/assets/a.json:1:2: ',' stands where" },
	{ "[]", NULL, "no asset declaration in" },
	{ ASSET(DATA_URL ", \"Sise\": 1"), NULL,
	  "/Payload/Reference/Sise: unknown key (did you mean "
	  "\"Size\"?)" },
	{ ASSET("\"Size\": 1"), NULL,
	  "/Payload/Reference/DataURL: is missing: a URL such as file:///" },
	{ ASSET("\"DataURL\": \"https://example.com/x\""), NULL,
	  "is elsewhere: fetch it, and name the file as \"file:///PATH\"" },
	{ ASSET("\"DataURL\": \"file://host/x\""), NULL, "three slashes" },
	{ ASSET("\"DataURL\": \"file:///a%2\""), NULL, "escapes with %" },
	{ ASSET("\"DataURL\": \"file:///a%00b\""), NULL, "no usable path" },
	{ ASSET("\"DataURL\": \"file:///nonexistent%20/x\""), NULL,
	  "/nonexistent /x: there is no such file" },
	{ ASSET(DATA_URL ", \"Size\": 0"), NULL, "0 is out of range" },
	{ ASSET(DATA_URL ", \"ContentType\": \"application/x-pkcs12\""), NULL,
	  "is not \"application/json\"" },
	{ ASSET(DATA_URL ", \"Hash-SHA-256\": \"12\""), NULL,
	  "\"12\" is not 64 hexadecimal digits" },
	{ "{\"Type\": \"com.apple.asset.credential.scep\", \"Identifier\": "
	  "\"" NAME "\"}",
	  NULL, "is not supported yet: adit takes an identity from a file" },
	{ ASSET(DATA_URL), "{\"Password\": \"geheim\"}",
	  "DIR/data.json:1:1: /Identity: is missing: base64" },
	{ ASSET(DATA_URL), "{\"Password\": \"geheim\", \"Identity\": \"geh\"}",
	  "DIR/data.json:1:36: /Identity: this text is not base64" },
	{ ASSET(DATA_URL), "\x30\x82geheim", "this byte is not UTF-8" },
	{ ASSET(DATA_URL), "", "DIR/data.json:1:1: the file is empty" },
};

START_TEST(refuses_for_use_and_warns_in_check)
{
	struct profile *p = NULL;

	write_asset("assets/a.json", bad[_i].asset);
	if (bad[_i].data)
		write_file("data.json", bad[_i].data, 0600);
	ck_assert_int_eq(load(PROFILE_FOR_USE, &p), -EINVAL);
	has_line("/Payload/Authentication/IdentityAssetReference: ");
	has_line(bad[_i].line);
	ck_assert_ptr_null(strstr(printed, "geheim"));
	ck_assert_int_eq(load(PROFILE_FOR_CHECK, &p), 0);
	has_line("/Payload/Authentication/IdentityAssetReference: warning: ");
	has_line(bad[_i].line);
	profile_destroy(p);
}
END_TEST

START_TEST(demands_that_the_data_is_private)
{
	struct profile *p = NULL;

	write_asset("assets/a.json", ASSET(DATA_URL));
	ck_assert_int_eq(chmod(path_of("data.json"), 0640), 0);
	ck_assert_int_eq(load(PROFILE_FOR_USE, &p), -EINVAL);
	has_line("DIR/data.json: it holds a private key and others may read "
		 "it (mode 0640): chmod go-r");
	ck_assert_int_eq(chmod(path_of("data.json"), 0600), 0);
	ck_assert_int_eq(chmod(path_of("assets/a.json"), 0666), 0);
	ck_assert_int_eq(load(PROFILE_FOR_USE, &p), -EINVAL);
	has_line("a.json: others may write it (mode 0666)");
}
END_TEST

START_TEST(demands_that_the_folder_is_ours)
{
	struct profile *p = NULL;

	write_asset("assets/a.json", ASSET(DATA_URL));
	ck_assert_int_eq(chmod(path_of("assets"), 0777), 0);
	ck_assert_int_eq(load(PROFILE_FOR_USE, &p), -EINVAL);
	has_line("IdentityAssetReference: DIR/assets: others may change what "
		 "is in it");
	ck_assert_int_eq(chmod(path_of("assets"), 0755), 0);
	ck_assert_int_eq(load(PROFILE_FOR_USE, &p), 0);
	profile_destroy(p);
}
END_TEST

START_TEST(takes_the_first_file_with_the_identifier)
{
	struct profile *p = NULL;

	write_asset("assets/.hidden.json", ASSET("\"DataURL\": \"x\""));
	write_asset("assets/0.json", "{ half");
	write_asset("assets/1.json", "{\"Identifier\": \"another\"}");
	write_asset("assets/2.json", ASSET(DATA_URL));
	write_asset("assets/3.json", ASSET("\"DataURL\": \"x\""));
	ck_assert_msg(load(PROFILE_FOR_USE, &p) == 0, "%s", printed);
	ck_assert_uint_eq(report.count, 0);
	profile_destroy(p);
}
END_TEST

START_TEST(says_when_the_folder_is_none)
{
	struct profile *p = NULL;

	ck_assert_int_eq(rmdir(path_of("assets")), 0);
	ck_assert_int_eq(load(PROFILE_FOR_USE, &p), -EINVAL);
	has_line("no asset declaration in DIR/assets has this identifier");
	write_file("assets", "", 0644);
	ck_assert_int_eq(load(PROFILE_FOR_USE, &p), -EINVAL);
	has_line("IdentityAssetReference: DIR/assets: a folder is needed, and "
		 "a file is "
		 "in its place");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("asset");
	TCase *t = tcase_create("asset");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, gives_the_identity_that_the_reference_names);
	tcase_add_test(t, compares_size_and_digest);
	tcase_add_loop_test(t, refuses_for_use_and_warns_in_check, 0,
			    (int)ARRAY_SIZE(bad));
	tcase_add_test(t, demands_that_the_data_is_private);
	tcase_add_test(t, says_when_the_folder_is_none);
	tcase_add_test(t, demands_that_the_folder_is_ours);
	tcase_add_test(t, takes_the_first_file_with_the_identifier);
	suite_add_tcase(s, t);
	return suite_run(s);
}
