/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the rules of the profile's contract say about loading, by the name of
 * the rule, through `adit profile check` on a file in each form. */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/check.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

#define TYPE "com.apple.configuration.network.vpn.vpn-plugin"
#define SUB_TYPE "org.adit.packet-tunnel"
#define CONNECT "{ \"Action\": \"Connect\" }"
#define DOMAINS "\"SupplementalMatchDomains\": [\"a.example\"]"
#define IDENTITY                                                            \
	"\"VendorConfig\": { \"CAFile\": \"/ca.pem\", "                     \
	"\"TrustedProbe\": { \"Host\": \"10.0.0.7\", \"PublicKeySHA256\": " \
	"[\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"] }, "            \
	"\"Identity\": { \"CertificateFile\": \"/c.pem\", "                 \
	"\"PrivateKeyFile\": \"/k.pem\" } }"

/* Between the parts go routing, rules and match domains, which have the same
 * names in both forms. */
static const char *const forms[][4] = {
	{ "{ \"Type\": \"" TYPE "\", \"Identifier\": \"i\",\n"
	  "\"Payload\": { \"VisibleName\": \"v\",\n"
	  "\"SubType\": \"" SUB_TYPE "\", \"HostName\": \"vpn.example\",\n"
	  "\"Authentication\": { \"Method\": \"Certificate\" },\n"
	  "\"NetworkRouting\": { \"EnforceRoutes\": false",
	  " },\n\"OnDemand\": { \"Enabled\": true, \"Rules\": [ ",
	  " ] },\n\"DNS\": { \"Protocol\": \"Cleartext\",\n"
	  "\"ServerAddresses\": [\"10.0.0.53\"], ",
	  " }, " IDENTITY " } }" },
	{ "{ \"PayloadType\": \"com.apple.vpn.managed\",\n"
	  "\"PayloadIdentifier\": \"i\", \"VPNType\": \"VPN\",\n"
	  "\"UserDefinedName\": \"v\", \"VPNSubType\": \"" SUB_TYPE "\",\n"
	  "\"VPN\": { \"RemoteAddress\": \"vpn.example\",\n"
	  "\"AuthenticationMethod\": \"Certificate\"",
	  ",\n\"OnDemandEnabled\": 1, \"OnDemandRules\": [ ",
	  " ] },\n\"DNS\": { \"DNSProtocol\": \"Cleartext\",\n"
	  "\"ServerAddresses\": [\"10.0.0.53\"], ",
	  " }, " IDENTITY " }" },
};

#define WARNED "warning: "

static const struct row {
	const char *name;
	const char *routing, *rules, *domains; /* NULL: a good one */
	const char *line; /* NULL: nothing but what every row is told */
} rows[] = {
	{ "good", NULL, NULL, NULL, NULL },
	{ "no match", NULL,
	  "{ \"Action\": \"Connect\", \"InterfaceTypeMatch\": \"WiFi\" }", NULL,
	  "Rules: " WARNED "no rule without criteria ends the list" },
	{ "R9", NULL,
	  "{ \"Action\": \"Ignore\", \"SSIDMatch\": [\"Corp \"] }, " CONNECT,
	  NULL,
	  "Rules/0/SSIDMatch/0: " WARNED "\"Corp \" has a space at an end, and "
	  "the match is exact" },
	{ "R9", NULL,
	  "{ \"Action\": \"Ignore\", \"SSIDMatch\": [\" Corp\"] }, " CONNECT,
	  NULL, WARNED "\" Corp\" has a space" },
	{ "R10", NULL,
	  "{ \"Action\": \"Ignore\", \"SSIDMatch\": [] }, " CONNECT, NULL,
	  "Rules/0/SSIDMatch: " WARNED "an empty list matches no network" },
	{ "R14", NULL,
	  "{ \"Action\": \"Ignore\", \"InterfaceTypeMatch\": \"wifi\" }", NULL,
	  "Rules/0/InterfaceTypeMatch: \"wifi\" is not one of \"Ethernet\", "
	  "\"WiFi\", \"Cellular\" (did you mean \"WiFi\"?)" },
	{ "R14, Intune", NULL,
	  "{ \"Action\": \"Ignore\", \"InterfaceTypeMatch\": \"wiFi\" }", NULL,
	  "\"wiFi\" is how Intune spells it: write \"WiFi\"" },
	{ "R14, Intune", NULL,
	  "{ \"Action\": \"Ignore\", \"InterfaceTypeMatch\": \"ethernet\" }",
	  NULL, "\"ethernet\" is how Intune spells it: write \"Ethernet\"" },
	{ "R14, Intune", NULL,
	  "{ \"Action\": \"Ignore\", \"InterfaceTypeMatch\": \"cellular\" }",
	  NULL, "\"cellular\" is how Intune spells it: write \"Cellular\"" },
	{ "R14, Intune", NULL,
	  "{ \"Action\": \"Ignore\", "
	  "\"InterfaceTypeMatch\": \"notConfigured\" }",
	  NULL, "is Intune's word for any interface: leave the key out" },
	{ "R21", NULL,
	  "{ \"Action\": \"Ignore\", \"DNSDomainMatch\": [\"*.example\", "
	  "\"*\", \"EXAMPLE.com.\"] }, " CONNECT,
	  NULL, NULL },
	{ "R21", NULL,
	  "{ \"Action\": \"Ignore\", \"DNSDomainMatch\": [\"*example.com\"] }",
	  NULL, "Rules/0/DNSDomainMatch/0: \"*example.com\" is not a domain" },
	{ "R29", NULL,
	  "{ \"Action\": \"Ignore\", \"DNSServerAddressMatch\": "
	  "[\"17.*\", \"2001:db8::1\"] }, " CONNECT,
	  NULL, NULL },
	{ "R30", NULL,
	  "{ \"Action\": \"Ignore\", \"DNSServerAddressMatch\": [\"17*\"] }",
	  NULL,
	  "Rules/0/DNSServerAddressMatch/0: \"17*\" has its \"*\" elsewhere "
	  "than after the last dot (\"17.*\")" },
	{ "R30", NULL,
	  "{ \"Action\": \"Ignore\", \"DNSServerAddressMatch\": [\"*.53\"] }",
	  NULL, "\"*.53\" has its \"*\" elsewhere" },
	{ "R30", NULL,
	  "{ \"Action\": \"Ignore\", "
	  "\"DNSServerAddressMatch\": [\"1.*.2.*\"] }",
	  NULL, "\"1.*.2.*\" has more than one \"*\"" },
	{ "R30", NULL,
	  "{ \"Action\": \"Ignore\", \"DNSServerAddressMatch\": [\"*\"] }",
	  NULL, "\"*\" has its \"*\" elsewhere" },
	{ "R42", NULL, "{ \"Action\": \"Allow\" }", NULL,
	  "Rules/0/Action: \"Allow\" is deprecated: write "
	  "\"EvaluateConnection\"" },
	{ "E18", NULL,
	  "{ \"Action\": \"EvaluateConnection\", \"ActionParameters\": [ "
	  "{ \"Domains\": [\"a.example\"], \"DomainAction\": \"NeverConnect\", "
	  "\"RequiredDNSServers\": [\"10.0.0.53\"] } ] }",
	  NULL,
	  "Rules/0/ActionParameters/0/RequiredDNSServers: " WARNED
	  "has no effect with NeverConnect" },
	{ "E18", NULL,
	  "{ \"Action\": \"EvaluateConnection\", \"ActionParameters\": [ "
	  "{ \"Domains\": [\"a.example\"], \"DomainAction\": \"NeverConnect\", "
	  "\"RequiredURLStringProbe\": \"https://p.example/\" } ] }",
	  NULL,
	  "Rules/0/ActionParameters/0/RequiredURLStringProbe: " WARNED
	  "has no effect with NeverConnect" },
	{ "E22", NULL, "{ \"Action\": \"EvaluateConnection\" }", NULL,
	  "Rules/0/ActionParameters: is missing: EvaluateConnection needs it" },
	{ "E22", NULL,
	  "{ \"Action\": \"EvaluateConnection\", \"ActionParameters\": [] }",
	  NULL,
	  "Rules/0/ActionParameters: is empty: EvaluateConnection needs it" },
	{ "M7", NULL, NULL, "\"SupplementalMatchDomains\": [\"\"]", NULL },
	{ "M11", NULL, NULL, "\"SearchDomains\": [\"a.example\"]",
	  "/DNS/SupplementalMatchDomains: " WARNED "names no domain" },
	{ "M11", NULL, NULL, "\"SupplementalMatchDomains\": []",
	  "/DNS/SupplementalMatchDomains: " WARNED "names no domain" },
	{ "M11, full tunnel", ", \"IncludeAllNetworks\": 1", NULL,
	  "\"SupplementalMatchDomains\": []", NULL },
	{ "U16", ", \"ExcludeLocalNetworks\": 1", NULL, NULL,
	  "/ExcludeLocalNetworks: " WARNED "has no effect without "
	  "IncludeAllNetworks or EnforceRoutes" },
	{ "U18", ", \"IncludeAllNetworks\": 1", NULL, NULL, NULL },
	{ "U18", ", \"IncludeAllNetworks\": true", NULL, NULL, NULL },
	{ "U18", ", \"IncludeAllNetworks\": \"1\"", NULL, NULL,
	  "/IncludeAllNetworks: must be true, false, 1 or 0, is a string" },
	{ "U18", ", \"IncludeAllNetworks\": 2", NULL, NULL,
	  "/IncludeAllNetworks: must be true, false, 1 or 0" },
};

/* What check says about the file; the exit code. */
static int check_file(const char *text, char **ret_said)
{
	char path[] = "/tmp/adit-row-XXXXXX";
	int fd = mkstemp(path), code;
	size_t len = strlen(text), said_len;
	FILE *to = open_memstream(ret_said, &said_len);

	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_nonnull(to);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	close(fd);
	code = profile_check(path, to, to);
	fclose(to);
	unlink(path);
	return code;
}

/* Every warning but those that the templates have by themselves. */
static bool has_other_findings(const char *said)
{
	size_t known = 0, lines = 0;
	static const char *const usual[] = { "accepted, not acted on yet",
					     "there is no such file" };

	for (const char *c = said; *c; c++)
		lines += *c == '\n';
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		for (const char *c = said; (c = strstr(c, usual[i])); c++)
			known++;
	return lines != known + 1; /* the verdict */
}

START_TEST(is_judged_as_the_rule_says_in_both_forms)
{
	const struct row *row = &rows[_i];

	for (size_t form = 0; form < ARRAY_SIZE(forms); form++) {
		bool good = !row->line || strstr(row->line, WARNED);
		char *text, *said;
		int code;

		ck_assert_int_gt(asprintf(&text, "%s%s%s%s%s%s%s",
					  forms[form][0],
					  row->routing ? row->routing : "",
					  forms[form][1],
					  row->rules ? row->rules : CONNECT,
					  forms[form][2],
					  row->domains ? row->domains : DOMAINS,
					  forms[form][3]),
				 0);
		code = check_file(text, &said);
		ck_assert_msg(code == (good ? 0 : 2), "%s: code %d\n%s",
			      row->name, code, said);
		if (row->line)
			ck_assert_msg(strstr(said, row->line),
				      "%s: no \"%s\" in\n%s", row->name,
				      row->line, said);
		else
			ck_assert_msg(!has_other_findings(said), "%s:\n%s",
				      row->name, said);
		free(text);
		free(said);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rows");
	TCase *t = tcase_create("rows");

	tcase_add_loop_test(t, is_judged_as_the_rule_says_in_both_forms, 0,
			    (int)ARRAY_SIZE(rows));
	suite_add_tcase(s, t);
	return suite_run(s);
}
