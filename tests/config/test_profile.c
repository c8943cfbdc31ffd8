/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Most tests change one thing of a good profile and read the report as a
 * person would. The texts in tests/config/data/ hold every key there is. */
#include <check.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/base64.h"
#include "config/check.h"
#include "config/profile.h"
#include "crypto/credentials.h"
#include "crypto/pki.h"
#include "tests/lib/suite.h"

#define BASE "config/examples/office.json"
#define DATA "tests/config/data/"

static struct config_report report;
static char *printed; /* the report as lines */
static size_t printed_len;

static void print_report(void)
{
	FILE *to;

	free(printed);
	to = open_memstream(&printed, &printed_len);
	ck_assert_ptr_nonnull(to);
	config_report_print(&report, "p", to);
	fclose(to);
}

/* Exactly as much memory as the text has: a byte too far is seen. */
static int parse(const char *text, size_t len, struct profile **ret_profile)
{
	char *copy = malloc(len ? len : 1);
	int r;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, len);
	r = profile_parse(copy, len, PROFILE_FOR_CHECK, ret_profile, &report);
	free(copy);
	print_report();
	return r;
}

static char *read_file(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *f = fopen(path, "r");
	size_t len;

	ck_assert_ptr_nonnull(f);
	len = fread(text, 1, 65535, f);
	fclose(f);
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	return text;
}

/* The text with the first `from` replaced by `to`. */
static char *replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *result;

	ck_assert_msg(at, "%s is not in the text", from);
	ck_assert_int_gt(asprintf(&result, "%.*s%s%s", (int)(at - text), text,
				  to, at + strlen(from)),
			 0);
	return result;
}

static int parse_replaced(const char *path, const char *from, const char *to,
			  struct profile **ret_profile)
{
	char *text = read_file(path), *changed = replaced(text, from, to);
	int r = parse(changed, strlen(changed), ret_profile);

	free(changed);
	free(text);
	return r;
}

static const char *const examples[] = {
	"config/examples/home.json",
	"config/examples/office.json",
	"config/examples/full-tunnel.json",
	"config/examples/split-dns.json",
	"config/examples/mdm.json",
	DATA "declaration.json",
	DATA "declaration-files.json",
	DATA "declaration-reference.json",
	DATA "payload.json",
	DATA "payload-files.json",
};

START_TEST(loads_every_example)
{
	struct profile *p = NULL;

	ck_assert_int_eq(
		profile_load(examples[_i], PROFILE_FOR_CHECK, &p, &report), 0);
	print_report();
	ck_assert_uint_eq(report.errors, 0);
	ck_assert_str_ne(p->visible_name, "");
	profile_destroy(p);
}
END_TEST

START_TEST(is_shown_in_the_readme)
{
	char *readme = read_file("README.md");
	glob_t files;

	ck_assert_int_eq(glob("config/examples/*.json", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++)
		ck_assert_msg(strstr(readme, files.gl_pathv[i]), "%s",
			      files.gl_pathv[i]);
	globfree(&files);
	free(readme);
}
END_TEST

START_TEST(fills_the_struct)
{
	struct profile *p = NULL;
	char buf[PREFIX_TEXT_MAX];

	ck_assert_int_eq(profile_load(DATA "payload.json", PROFILE_FOR_CHECK,
				      &p, &report),
			 0);
	ck_assert_int_eq(p->form, PROFILE_FORM_PAYLOAD);
	ck_assert_str_eq(p->identifier, "com.example.all");
	ck_assert_str_eq(p->host_name, "vpn.example.com");
	ck_assert_uint_eq(p->port, 4443);
	ck_assert_uint_eq(profile_gateway_count(p), 2);
	ck_assert_str_eq(profile_gateway(p, 0).host, "vpn.example.com");
	ck_assert_uint_eq(profile_gateway(p, 0).port, 4443);
	ck_assert_str_eq(profile_gateway(p, 1).host, "b.example.com");
	ck_assert_uint_eq(profile_gateway(p, 1).port, 443);
	ck_assert(p->include_all_networks && p->enforce_routes);
	ck_assert(!p->exclude_apns);
	ck_assert_uint_eq(p->mtu, 1400);
	ck_assert_uint_eq(p->lanes, 2);
	ck_assert_uint_eq(p->keepalive_s, 25);
	ck_assert_uint_eq(p->pkcs12.len, 944);
	ck_assert_str_eq(p->password, "example");
	ck_assert_str_eq(prefix_text(&p->routes[0], buf), "10.20.0.0/16");
	ck_assert_int_eq(p->dns.protocol, PROFILE_DNS_TLS);
	ck_assert(p->dns.has_match_domains && p->dns.match_domains_no_search);
	ck_assert(p->on_demand);
	ck_assert_uint_eq(p->rule_count, 1);
	ck_assert_int_eq(p->rules[0].action, PROFILE_ACTION_EVALUATE);
	ck_assert_int_eq(p->rules[0].interface, PROFILE_INTERFACE_WIFI);
	ck_assert_str_eq(p->rules[0].domains[0], "corp.example.com");
	ck_assert_str_eq(p->rules[0].connections[0].domains[0], "example.com");
	ck_assert_uint_eq(p->trusted_probe.digests[0][0], 0xe3);
	ck_assert_int_eq(p->on_metered, PROFILE_METERED_HOLD);
	ck_assert(!p->disconnect_on_user_switch);
	profile_destroy(p);
}
END_TEST

START_TEST(has_the_documented_defaults)
{
	struct profile *p = NULL;
	struct credentials_source source;

	ck_assert_int_eq(profile_load("config/examples/home.json",
				      PROFILE_FOR_CHECK, &p, &report),
			 0);
	ck_assert_uint_eq(p->port, 443);
	ck_assert_str_eq(profile_server_name(p), "home.example.net");
	ck_assert_int_eq(p->transport, PROFILE_TRANSPORT_AUTO);
	ck_assert_uint_eq(p->mtu + p->lanes + p->keepalive_s, 0);
	ck_assert(p->exclude_cellular_services && p->exclude_apns);
	ck_assert(!p->include_all_networks && !p->on_demand && !p->has_dns);
	ck_assert(!p->has_routes);
	ck_assert_uint_eq(profile_gateway_count(p), 1);
	profile_credentials(p, &source);
	ck_assert_uint_eq(source.group_count + source.cipher_count, 0);
	ck_assert_uint_eq(source.ca_len, strlen(p->ca));
	ck_assert_ptr_eq(source.pkcs12, p->pkcs12.data);
	ck_assert_str_eq(source.password, "example");
	profile_destroy(p);

	/* A user's switch is a logout unless the profile says otherwise. */
	ck_assert_int_eq(
		parse_replaced(DATA "declaration.json",
			       "\"DisconnectOnFastUserSwitch\": false,", "",
			       &p),
		0);
	ck_assert(p->disconnect_on_user_switch);
	profile_destroy(p);
}
END_TEST

/* One change of a profile, and a part of the report. */
struct change {
	const char *from, *to, *line;
};

static const struct change refused_in_office[] = {
	/* Names */
	{ "\"HostName\"", "\"Hostname\"",
	  "p:8:5: /Payload/Hostname: unknown key (did you mean "
	  "\"HostName\"?)" },
	{ "\"Port\"", "\"Prot\"",
	  "/Payload/VendorConfig/Prot: unknown key (did you mean \"Port\"?)" },
	{ "\"Port\": 4443,", "\"Colour\": 1,",
	  "p:38:7: /Payload/VendorConfig/Colour: unknown key\n" },
	{ "\"HostName\"", "\"RemoteAddress\"",
	  "/Payload/RemoteAddress: a name of the older payload: here it is "
	  "/Payload/HostName" },
	{ "\"Provider\"", "\"VPNType\"",
	  "a name of the older payload: leave it out here" },
	{ "\"Provider\"", "\"IncludeAllNetworks\"",
	  "unknown key here: did you mean "
	  "/Payload/NetworkRouting/IncludeAllNetworks?" },
	{ "\"Type\": \"com.apple.configuration.network.vpn.vpn-plugin\",", "",
	  "p:1:1: /Type: is missing: "
	  "\"com.apple.configuration.network.vpn.vpn-plugin\"" },
	{ "\"com.apple.configuration.network.vpn.vpn-plugin\"", "\"x\"",
	  "/Type: \"x\" is not \"com.apple." },
	{ "org.adit.packet-tunnel", "com.example.other",
	  "/Payload/SubType: \"com.example.other\" is not "
	  "\"org.adit.packet-tunnel\" (this profile is for another client)" },
	{ "packet-tunnel\" }", "app-proxy\" }", "/Payload/Provider/Type:" },
	{ "\"Certificate\"", "\"Password\"",
	  "/Payload/Authentication/Method: \"Password\" is not accepted yet: "
	  "write \"Certificate\"" },
	{ "\"VisibleName\": \"Office\",", "",
	  "/Payload/VisibleName: is missing" },
	{ "\"Office\"", "\"a\\u0007b\"", "\"a?b\" holds a control character" },
	{ "\"Office\"", "\"\"", "/Payload/VisibleName: \"\" is empty" },
	{ "\"Office\"", "null", "is null: leave the key out instead" },
	/* Hosts, numbers */
	{ "vpn.example.com", "vpn.example.com:443",
	  "/Payload/HostName: \"vpn.example.com:443\" has a port" },
	{ "vpn.example.com", "https://vpn.example.com", "is a URL" },
	{ "vpn.example.com", "[2001:db8::1]", "has brackets" },
	{ "vpn.example.com", "10.0.0.256", "neither an address nor a name" },
	{ "vpn.example.com", "vpn..example", "label that is empty" },
	{ "vpn.example.com", "m\xc3\xbcnchen.de", "A-label" },
	{ "4443", "0",
	  "/Payload/VendorConfig/Port: 0 is out of range: 1 to "
	  "65535" },
	{ "4443", "65536", "65536 is out of range" },
	{ "4443", "-1", "-1 is out of range" },
	{ "4443", "443.0", "must be a whole number from 1 to 65535" },
	{ "4443", "4e3", "must be a whole number" },
	{ "4443", "1e999", "must be a whole number" },
	{ "4443", "99999999999999999999", "this number is too big" },
	{ "4443", "NaN", "bare word" },
	{ "4443", "\"4443\"",
	  "must be a whole number from 1 to 65535, is a "
	  "string" },
	{ "vpn2.example.com:4443", "vpn2.example.com",
	  "/Payload/VendorConfig/Gateways/0: \"vpn2.example.com\" has no "
	  "port" },
	{ "[2001:db8::2]:4443", "2001:db8::2:4443", "brackets around" },
	{ "[2001:db8::2]:4443", "a:70000", "port from 1 to 65535" },
	/* Booleans */
	{ "\"Enabled\": true", "\"Enabled\": \"1\"",
	  "/Payload/OnDemand/Enabled: must be true, false, 1 or 0, is a "
	  "string" },
	{ "\"Enabled\": true", "\"Enabled\": 2",
	  "/Payload/OnDemand/Enabled: must be true, false, 1 or 0" },
	/* Trust and identity */
	{ "\"CAFile\": \"/etc/adit/keys/office-ca.pem\",", "",
	  "/Payload/VendorConfig/CA: is missing" },
	{ "\"Port\": 4443,", "\"Port\": 4443, \"CA\": \"x\",",
	  "CA and CAFile exclude each other" },
	{ "\"Port\": 4443,", "\"Port\": 4443, \"CA\": \"x\",",
	  "\"x\" is not the PEM text of certificates" },
	{ "\"/etc/adit/keys/office-ca.pem\"", "\"ca.pem\"",
	  "\"ca.pem\" is not an absolute path" },
	{ "\"PrivateKeyFile\": \"/etc/adit/keys/laptop.key\"",
	  "\"Password\": \"geheim\"", "Identity/PrivateKeyFile: is missing" },
	{ "\"PrivateKeyFile\": \"/etc/adit/keys/laptop.key\"",
	  "\"Password\": \"geheim\"", "belongs to PKCS12" },
	{ "\"PrivateKeyFile\": \"/etc/adit/keys/laptop.key\"",
	  "\"PKCS12\": \"geheim==!\"",
	  "Identity/PKCS12: this text is not base64" },
	{ "\"PrivateKeyFile\": \"/etc/adit/keys/laptop.key\"",
	  "\"PKCS12\": \"AAAA\"", "PKCS12 and files exclude" },
	{ "\"Method\": \"Certificate\"",
	  "\"Method\": \"Certificate\", \"IdentityAssetReference\": \"x\"",
	  "Identity and IdentityAssetReference exclude" },
	{ "\"Identity\": {", "\"Identity\": {}, \"x\": {",
	  "/Payload/VendorConfig/Identity: is empty" },
	/* Routes, DNS, idle */
	{ "\"Protocol\": \"Cleartext\",", "",
	  "/Payload/DNS/Protocol: is missing" },
	{ "\"Cleartext\"", "\"HTTPS\"",
	  "/Payload/DNS/ServerURL: is missing: the protocol HTTPS needs it" },
	{ "\"Cleartext\"", "\"TLS\"", "/Payload/DNS/ServerName: is missing" },
	{ "\"ServerAddresses\": [\"10.77.0.1\"]", "\"ServerAddresses\": []",
	  "/Payload/DNS/ServerAddresses: must not be empty" },
	/* Rules (R14, R30, R42, E22) */
	{ "\"WiFi\"", "\"wifi\"",
	  "p:16:33: /Payload/OnDemand/Rules/0/InterfaceTypeMatch: \"wifi\" is "
	  "not one of \"Ethernet\", \"WiFi\", \"Cellular\" (did you mean "
	  "\"WiFi\"?)" },
	{ "\"WiFi\"", "\"notConfigured\"", "leave the key out" },
	{ "\"Connect\"", "\"Allow\"", "\"Allow\" is deprecated" },
	{ "\"Action\": \"Connect\"", "", "Rules/2/Action: is missing" },
	{ "\"Connect\"", "\"EvaluateConnection\"",
	  "Rules/2/ActionParameters: is missing" },
	{ "\"NeverConnect\"", "\"Never\"", "\"Never\" is not one of" },
	{ "\"Example Office 5G\"", "\"123456789012345678901234567890123\"",
	  "is no SSID" },
	{ "[\"Example Office\", \"Example Office 5G\"]", "\"Example Office\"",
	  "SSIDMatch: must be an array, each an SSID, is a string" },
	{ "{ \"Action\": \"Connect\" }", "[]",
	  "Rules/2: must be an object, is an array" },
	{ "47DEQpj8HBSa", "", "is not base64 of 32 bytes" },
	/* A key's own characters are no path, and steer no terminal. */
	{ "\"Provider\": {", "\"DNS/Protocol\": {",
	  "/Payload/DNS~1Protocol: unknown key" },
	{ "\"Provider\": {", "\"a\\u001b[31m\": {",
	  "/Payload/a?[31m: unknown" },
};

static const struct change refused_in_payload[] = {
	{ "\"RemoteAddress\"", "\"HostName\"",
	  "/VPN/HostName: a name of the declaration: here it is "
	  "/VPN/RemoteAddress" },
	{ "\"DisconnectOnIdle\": 0", "\"OnDemandMatchDomainsAlways\": []",
	  "/VPN/OnDemandMatchDomainsAlways: is deprecated" },
	{ "\"com.apple.vpn.managed\"", "\"\"", "/PayloadType: \"\" is not" },
	{ "\"VPN\",", "\"IKEv2\",", "/VPNType: \"IKEv2\" is built into" },
	{ "\"DisconnectOnIdle\": 0", "\"DisconnectOnIdle\": 1",
	  "/VPN/DisconnectOnIdleTimer: is missing" },
	{ "10.20.*", "17*", "after the last dot" },
	{ "10.20.*", "*.53", "after the last dot" },
	{ "10.20.*", "1.*.2.*", "has more than one \"*\"" },
	{ "10.20.*", "1.2.3.4.*", "is not an address" },
};

static const struct change refused_in_whole[] = {
	{ "\"RequireReason\": true", "\"RequireReason\": 1",
	  "/Payload/VendorConfig/RequireReason: must be true or false, is a "
	  "number" },
	{ "BEGIN CERTIFICATE", "BEGIN CERTIFICAT",
	  "is not the PEM text of certificates" },
	{ "nMIIB", "n!IIB", "has a certificate that is not base64" },
	{ "-----END CERTIFICATE-----", "-----BEGIN EC PRIVATE KEY-----",
	  "holds a private key" },
	{ "\"X25519MLKEM768\"", "\"x25519mlkem768\"",
	  "(did you mean \"X25519MLKEM768\"?)" },
	{ "\"X25519MLKEM768\"", "\"P-256\", \"P-256\"",
	  "Groups/1: \"P-256\" stands here twice" },
	{ "10.20.0.0/16", "10.20.1.0/16", "(did you mean \"10.20.0.0/16\"?)" },
	{ "10.20.0.0/16", "10.20.0.0/33", "is not a prefix" },
	{ "https://dns", "http://dns", "is not an https URL" },
	{ "\"Timer\": 600", "\"Timer\": 0", "0 is out of range" },
};

static void refuses(const char *path, const struct change *c)
{
	struct profile *p = NULL;

	ck_assert_int_eq(parse_replaced(path, c->from, c->to, &p), -EINVAL);
	ck_assert_ptr_null(p);
	ck_assert_msg(strstr(printed, c->line), "no \"%s\" in:\n%s", c->line,
		      printed);
	/* Secrets stay out of every text. */
	ck_assert_ptr_null(strstr(printed, "geheim"));
}

START_TEST(refuses_a_declaration_and_says_what_to_do)
{
	refuses(BASE, &refused_in_office[_i]);
}
END_TEST

START_TEST(refuses_a_payload_and_says_what_to_do)
{
	refuses("config/examples/mdm.json", &refused_in_payload[_i]);
}
END_TEST

START_TEST(refuses_what_stands_beside_every_other_key)
{
	refuses(DATA "declaration.json", &refused_in_whole[_i]);
}
END_TEST

static const struct change warned[] = {
	{ "[\"Example Office\"", "[\"Example Office \"",
	  "has a space at an end" }, /* R9 */
	{ "[\"Example Office\", \"Example Office 5G\"]", "[]",
	  "an empty list matches no network" }, /* R10 */
	{ "{ \"Action\": \"Connect\" }",
	  "{ \"Action\": \"Connect\", \"InterfaceTypeMatch\": \"WiFi\" }",
	  "no rule without criteria ends the list" },
	{ "{ \"Action\": \"Connect\" }",
	  "{ \"Action\": \"Ignore\" }, { \"Action\": \"Connect\" }",
	  "Rules/3: warning: is never reached" },
	{ "\"NeverConnect\" }",
	  "\"NeverConnect\", \"RequiredDNSServers\": [\"10.0.0.1\"] }",
	  "has no effect with NeverConnect" }, /* E18 */
	{ "\"SupplementalMatchDomains\": [\"office.example.com\"]",
	  "\"SupplementalMatchDomains\": []",
	  "these servers are not asked" }, /* M11 */
	{ "\"SupplementalMatchDomains\": [\"office.example.com\"]",
	  "\"SupplementalMatchDomains\": [\"a.example\", \"corp.local\"]",
	  "SupplementalMatchDomains/1: warning: has no effect: names in "
	  "\".local\"" },
	{ "\"Cleartext\"",
	  "\"HTTPS\", \"ServerURL\": \"https://dns.example/q\"",
	  "/Payload/DNS/Protocol: warning: DNS over HTTPS is not done" },
	{ "\"Provider\"",
	  "\"NetworkRouting\": {\"ExcludeLocalNetworks\": 1}, "
	  "\"Provider\"",
	  "has no effect without IncludeAllNetworks or" }, /* U16 */
	{ "4443,", "4443, \"MTU\": 1279,", "no IPv6 inside" },
	{ "4443,", "4443, \"Groups\": [\"P-256\"],", "is classical" },
	{ "4443,", "4443, \"Transport\": \"tls\",", "not acted on yet" },
	{ "\"intranet.office.example.com\"", "\"198.51.100.7\"",
	  "/TrustedProbe/Host: warning: is a public address" },
	{ "\"intranet.office.example.com\"", "\"2001:db8::7\"",
	  "/TrustedProbe/Host: warning: is a public address" },
	{ "\"Provider\"", "\"Proxies\": {\"HTTPEnable\": 1}, \"Provider\"",
	  "/Payload/Proxies: warning: accepted, not acted on yet" },
	{ "4443", "4443",
	  "/etc/adit/keys/office-ca.pem: there is no such "
	  "file" },
};

START_TEST(accepts_with_a_warning)
{
	struct profile *p = NULL;

	ck_assert_msg(
		parse_replaced(BASE, warned[_i].from, warned[_i].to, &p) == 0,
		"%s", printed);
	ck_assert_msg(strstr(printed, warned[_i].line), "no \"%s\" in:\n%s",
		      warned[_i].line, printed);
	profile_destroy(p);
}
END_TEST

START_TEST(tells_twenty_errors_and_counts_the_rest)
{
	char text[2048] = "{";
	struct profile *p = NULL;
	size_t lines = 0;

	for (int i = 0; i < 30; i++)
		sprintf(text + strlen(text), "\"Bad%02d\": 1, ", i);
	strcat(text, "\"Type\": \"x\"}");
	ck_assert_int_eq(parse(text, strlen(text), &p), -EINVAL);
	for (const char *c = printed; *c; c++)
		lines += *c == '\n';
	ck_assert_uint_eq(lines, CONFIG_ERRORS_MAX + 1);
	ck_assert(strstr(printed, "p: and 13 more errors\n"));
}
END_TEST

START_TEST(refuses_every_truncation)
{
	size_t tried = 0;

	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		char *text = read_file(examples[i]);
		size_t len = strlen(text);

		for (size_t n = 0; n < len; n++, tried++) {
			struct profile *p = NULL;

			ck_assert_int_eq(parse(text, n, &p), -EINVAL);
		}
		free(text);
	}
	printf("note: %zu truncations of %zu profiles refused\n", tried,
	       ARRAY_SIZE(examples));
}
END_TEST

/* What is printed is a declaration that says the same. */
START_TEST(prints_what_it_understood_and_no_secret)
{
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		char *once = NULL, *twice = NULL, *plain, *again, *opened;
		char bag[8192];
		size_t len;
		struct profile *p = NULL, *q = NULL;
		FILE *to = open_memstream(&once, &len);

		ck_assert_int_eq(profile_load(examples[i], PROFILE_FOR_CHECK,
					      &p, &report),
				 0);
		profile_print(p, to);
		fclose(to);
		ck_assert_ptr_null(strstr(once, "MIIDrA"));
		ck_assert_ptr_null(strstr(once, "\"example\""));
		plain = strdup(once);
		if (p->pkcs12.data) {
			ck_assert(strstr(once, "\"PKCS12\": \"(hidden)\""));
			ck_assert(strstr(once, "\"Password\": \"(hidden)\""));
			free(plain);
			opened = replaced(once, "\"Password\": \"(hidden)\"",
					  "\"Password\": \"example\"");
			ck_assert_uint_lt(BASE64_LEN(p->pkcs12.len),
					  sizeof(bag));
			base64_encode(p->pkcs12.data, p->pkcs12.len, bag);
			plain = replaced(opened, "(hidden)", bag);
			free(opened);
		}
		ck_assert_msg(parse(plain, strlen(plain), &q) == 0, "%s%s",
			      plain, printed);
		to = open_memstream(&twice, &len);
		profile_print(q, to);
		fclose(to);
		again = twice;
		ck_assert_str_eq(again, once);
		profile_destroy(p);
		profile_destroy(q);
		free(once);
		free(twice);
		free(plain);
	}
}
END_TEST

/* What a fuzzer started from, and what it found. */
START_TEST(survives_the_fuzz_corpus)
{
	glob_t files = { 0 };

	ck_assert_int_eq(glob("tests/fuzz/corpus/profile/*", 0, NULL, &files),
			 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		char *text = read_file(files.gl_pathv[i]);
		struct profile *p = NULL;

		(void)parse(text, strlen(text), &p);
		profile_destroy(p);
		free(text);
	}
	printf("note: %zu files of the fuzz corpus\n", files.gl_pathc);
	globfree(&files);
}
END_TEST

/* Files */

static char folder[64];

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/adit-profile-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static const char *write_file(const char *name, const char *text, mode_t mode)
{
	static char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	ck_assert_int_eq(chmod(path, mode), 0);
	return path;
}

static void refuses_file(const char *path, int error, const char *text)
{
	struct profile *p = NULL;

	ck_assert_int_eq(profile_load(path, PROFILE_FOR_CHECK, &p, &report),
			 error);
	print_report();
	ck_assert_msg(strstr(printed, text), "no \"%s\" in %s", text, printed);
}

START_TEST(refuses_what_is_no_safe_file)
{
	char path[128], *text = read_file(BASE);
	FILE *f;

	refuses_file("/nonexistent", -ENOENT, "p: there is no such file");
	refuses_file(folder, -EINVAL, "it is a folder");
	snprintf(path, sizeof(path), "%s/fifo", folder);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	refuses_file(path, -EINVAL, "it is a FIFO");
	snprintf(path, sizeof(path), "%s/loop", folder);
	ck_assert_int_eq(symlink(path, path), 0);
	refuses_file(path, -ELOOP, "in a circle");
	snprintf(path, sizeof(path), "%s/dangling", folder);
	ck_assert_int_eq(symlink("/nonexistent", path), 0);
	refuses_file(path, -ENOENT, "a symbolic link to a file that is not");
	refuses_file("/dev/null", -EINVAL, "it is a device");
	refuses_file(write_file("a", text, 0620), -EPERM,
		     "others may write it (mode 0620): chmod go-w");
	refuses_file(write_file("b", text, 0602), -EPERM, "others may write");
	refuses_file(write_file("c", "", 0600), -EINVAL, "the file is empty");
	snprintf(path, sizeof(path), "%s/big", folder);
	f = fopen(path, "w");
	ck_assert_int_eq(ftruncate(fileno(f), PROFILE_FILE_MAX + 1), 0);
	fclose(f);
	refuses_file(path, -EFBIG, "it is bigger than 1024 KiB");
	ck_assert_int_eq(truncate(path, PROFILE_FILE_MAX), 0);
	refuses_file(path, -EINVAL, "a zero byte");
	free(text);
}
END_TEST

/* The office profile with its files in our folder. */
static char *with_files(void)
{
	static char ca[128], certificate[128], key[128];
	char *text = read_file(BASE), *a, *b, *c;

	snprintf(ca, sizeof(ca), "%s/ca", folder);
	snprintf(certificate, sizeof(certificate), "%s/certificate", folder);
	snprintf(key, sizeof(key), "%s/key", folder);
	a = replaced(text, "/etc/adit/keys/office-ca.pem", ca);
	b = replaced(a, "/etc/adit/keys/laptop.pem", certificate);
	c = replaced(b, "/etc/adit/keys/laptop.key", key);
	free(text);
	free(a);
	free(b);
	return c;
}

static int load_for_use(const char *text, struct profile **ret_profile)
{
	int r = profile_load(write_file("profile", text, 0600), PROFILE_FOR_USE,
			     ret_profile, &report);

	print_report();
	return r;
}

static void make_identity(char certificate[PKI_PEM_MAX], char key[PKI_PEM_MAX])
{
	struct pki_identity id;
	struct pki_request r = {
		.use = PKI_CLIENT,
		.name = "laptop",
		.not_before = time(NULL) - 86400,
		.not_after = time(NULL) + 86400,
	};

	ck_assert_int_eq(pki_issue(&r, NULL, &id), 0);
	ck_assert_int_eq(pki_certificate_pem(&id, certificate), 0);
	ck_assert_int_eq(pki_key_pem(&id, key), 0);
}

START_TEST(reads_the_files_that_a_profile_names_for_use)
{
	char certificate[PKI_PEM_MAX], key[PKI_PEM_MAX];
	struct profile *p = NULL, *home = NULL;
	struct credentials_source source;
	char *text = with_files(), *https;
	uint64_t before;

	ck_assert_int_eq(profile_load("config/examples/home.json",
				      PROFILE_FOR_CHECK, &home, &report),
			 0);
	ck_assert_int_eq(load_for_use(text, &p), -EINVAL);
	ck_assert(strstr(printed, "/CAFile: "));
	ck_assert(strstr(printed, "/PrivateKeyFile: "));
	ck_assert(strstr(printed, "there is no such file"));

	write_file("ca", home->ca, 0644);
	make_identity(certificate, key);
	write_file("certificate", certificate, 0644);
	write_file("key", key, 0640);
	ck_assert_int_eq(load_for_use(text, &p), -EINVAL);
	ck_assert(strstr(printed, "others may read it (mode 0640)"));
	write_file("key", key, 0600);
	ck_assert_msg(load_for_use(text, &p) == 0, "%s", printed);
	profile_credentials(p, &source);
	ck_assert_str_eq(source.key, key);
	ck_assert_uint_eq(source.certificate_len, strlen(certificate));
	ck_assert_str_eq(source.ca, home->ca);
	before = p->fingerprint;
	profile_destroy(p);

	make_identity(certificate, key);
	write_file("certificate", certificate, 0644);
	write_file("key", key, 0600);
	ck_assert_int_eq(load_for_use(text, &p), 0);
	ck_assert(p->fingerprint != before);
	profile_destroy(p);

	https = replaced(text, "\"Cleartext\"",
			 "\"HTTPS\", \"ServerURL\": \"https://dns.example/\"");
	ck_assert_int_eq(load_for_use(https, &p), -EINVAL);
	ck_assert(strstr(printed, "DNS over HTTPS is not done yet"));
	free(https);

	write_file("ca", "no PEM", 0644);
	ck_assert_int_eq(load_for_use(text, &p), -EINVAL);
	ck_assert(strstr(printed, "is not the PEM text of certificates"));
	profile_destroy(home);
	free(text);
}
END_TEST

START_TEST(guards_a_profile_that_holds_its_key)
{
	char *text = read_file("config/examples/home.json");
	struct profile *p = NULL;

	ck_assert_int_eq(profile_load(write_file("p", text, 0644),
				      PROFILE_FOR_USE, &p, &report),
			 -EPERM);
	print_report();
	ck_assert(strstr(printed, "p: it holds a private key and others may "
				  "read it (mode 0644)"));
	ck_assert_int_eq(profile_load(write_file("p", text, 0600),
				      PROFILE_FOR_USE, &p, &report),
			 0);
	ck_assert_uint_eq(report.warnings, 0);
	profile_destroy(p);
	free(text);
}
END_TEST

START_TEST(check_prints_a_verdict_and_an_exit_code)
{
	char *out = NULL, *errors = NULL;
	size_t out_len, errors_len;
	FILE *o = open_memstream(&out, &out_len);
	FILE *e = open_memstream(&errors, &errors_len);
	char *text = read_file(BASE), *bad = replaced(text, "4443", "0");
	const char *path;

	ck_assert_int_eq(profile_check(BASE, o, e), 0);
	fflush(o);
	ck_assert(strstr(out, BASE ": \"Office\" is valid, "));
	ck_assert(strstr(out, " warnings\n"));
	path = write_file("bad", bad, 0600);
	ck_assert_int_eq(profile_check(path, o, e), 2);
	fclose(o);
	fclose(e);
	ck_assert(strstr(out, "bad: invalid, 1 error\n"));
	ck_assert(strstr(errors, "bad:38:15: /Payload/VendorConfig/Port: 0 is "
				 "out of range: 1 to 65535\n"));
	free(out);
	free(errors);
	free(text);
	free(bad);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("profile");
	TCase *t = tcase_create("keys"), *files = tcase_create("files");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, loads_every_example, 0,
			    (int)ARRAY_SIZE(examples));
	tcase_add_test(t, is_shown_in_the_readme);
	tcase_add_test(t, fills_the_struct);
	tcase_add_test(t, has_the_documented_defaults);
	tcase_add_loop_test(t, refuses_a_declaration_and_says_what_to_do, 0,
			    (int)ARRAY_SIZE(refused_in_office));
	tcase_add_loop_test(t, refuses_a_payload_and_says_what_to_do, 0,
			    (int)ARRAY_SIZE(refused_in_payload));
	tcase_add_loop_test(t, refuses_what_stands_beside_every_other_key, 0,
			    (int)ARRAY_SIZE(refused_in_whole));
	tcase_add_loop_test(t, accepts_with_a_warning, 0,
			    (int)ARRAY_SIZE(warned));
	tcase_add_test(t, tells_twenty_errors_and_counts_the_rest);
	tcase_add_test(t, refuses_every_truncation);
	tcase_add_test(t, prints_what_it_understood_and_no_secret);
	tcase_add_test(t, survives_the_fuzz_corpus);
	tcase_add_checked_fixture(files, make_folder, remove_folder);
	tcase_add_test(files, refuses_what_is_no_safe_file);
	tcase_add_test(files, reads_the_files_that_a_profile_names_for_use);
	tcase_add_test(files, guards_a_profile_that_holds_its_key);
	tcase_add_test(files, check_prints_a_verdict_and_an_exit_code);
	suite_add_tcase(s, t);
	suite_add_tcase(s, files);
	return suite_run(s);
}
