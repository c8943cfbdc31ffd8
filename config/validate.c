/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/validate.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/asset.h"
#include "config/file.h"
#include "config/keys.h"
#include "config/text.h"
#include "config/value.h"
#include "crypto/credentials.h"

/* The declaration's names; key_of() finds the older ones. */
#define VENDOR "/Payload/VendorConfig"
#define DNS "/Payload/DNS"
#define RULES "/Payload/OnDemand/Rules"
#define REFERENCE "/Payload/Authentication/IdentityAssetReference"
#define ROUTING "/Payload/NetworkRouting"

struct validation {
	struct profile *profile;
	const struct json *json;
	enum profile_flags flags;
	const char *assets;
	struct config_report *report;
};

static const struct json_node *find(const struct validation *v,
				    const char *declaration_path)
{
	const char *path = key_of(declaration_path)->path[v->profile->form];

	return path ? json_find(v->json, path) : NULL;
}

static bool given(const struct validation *v, const char *declaration_path)
{
	return find(v, declaration_path) != NULL;
}

/* About a key that may be there or not. */
static void ATTR_PRINTF(4, 5)
	complain(const struct validation *v, const char *declaration_path,
		 bool warning, const char *fmt, ...)
{
	const char *path = key_of(declaration_path)->path[v->profile->form];
	const struct json_node *parent = v->json->nodes;
	char text[CONFIG_TEXT_MAX], above[KEY_PATH_MAX] = "";
	const char *name = NULL;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (path) {
		name = strrchr(path, '/') + 1;
		snprintf(above, sizeof(above), "%.*s", (int)(name - path) - 1,
			 path);
		parent = json_find(v->json, above);
	}
	/* A parent that is missing or no object was complained about. */
	if (parent && parent->type == JSON_OBJECT)
		json_complain(v->json, parent, name, warning, v->report, "%s",
			      text);
}

static void check_envelope(const struct validation *v)
{
	if (!v->profile->payload_enabled)
		json_complain(v->json, v->json->nodes, "PayloadEnabled", false,
			      v->report,
			      "a payload that is off: remove the file instead");
}

static void check_trust(const struct validation *v)
{
	bool text = given(v, VENDOR "/CA"), file = given(v, VENDOR "/CAFile");

	if (text && file)
		complain(v, VENDOR "/CAFile", false,
			 "CA and CAFile exclude each other: take one out");
	if (!text && !file)
		complain(v, VENDOR "/CA", false,
			 "is missing: CA or CAFile says whom to trust");
}

static void check_identity(const struct validation *v)
{
	const struct json_node *identity = find(v, VENDOR "/Identity");
	bool bundle = given(v, VENDOR "/Identity/PKCS12");
	bool certificate = given(v, VENDOR "/Identity/CertificateFile");
	bool key = given(v, VENDOR "/Identity/PrivateKeyFile");
	bool reference = given(v, REFERENCE);

	if (identity && identity->type != JSON_OBJECT)
		return;
	if (!identity) {
		if (!reference)
			complain(v, VENDOR "/Identity", false,
				 "is missing: PKCS12 with Password, or "
				 "CertificateFile with PrivateKeyFile");
		return;
	}
	if (reference)
		complain(v, VENDOR "/Identity", false,
			 "Identity and IdentityAssetReference exclude each "
			 "other: take one out");
	if (bundle && (certificate || key))
		complain(v, VENDOR "/Identity", false,
			 "PKCS12 and files exclude each other: take one out");
	else if (!bundle && !certificate && !key)
		complain(v, VENDOR "/Identity", false,
			 "is empty: PKCS12 with Password, or CertificateFile "
			 "with PrivateKeyFile");
	else if (certificate && !key)
		complain(v, VENDOR "/Identity/PrivateKeyFile", false,
			 "is missing: CertificateFile has a key");
	else if (key && !certificate)
		complain(v, VENDOR "/Identity/CertificateFile", false,
			 "is missing: PrivateKeyFile has a certificate");
	if (given(v, VENDOR "/Identity/Password") && !bundle)
		complain(v, VENDOR "/Identity/Password", false,
			 "belongs to PKCS12, which is not there");
}

static void check_groups(const struct validation *v)
{
	const struct profile *p = v->profile;
	const struct json_node *list = find(v, VENDOR "/Groups");

	for (size_t i = 0; i < p->group_count; i++) {
		if (!p->groups[i] || strstr(p->groups[i], "MLKEM"))
			continue;
		json_complain(v->json, json_item(v->json, list, i), NULL, true,
			      v->report,
			      "\"%s\" is classical: who records today may "
			      "read it with a quantum computer",
			      p->groups[i]);
	}
}

static void check_routing(const struct validation *v)
{
	const struct profile *p = v->profile;

	if (p->exclude_local_networks && !p->include_all_networks &&
	    !p->enforce_routes)
		complain(v, ROUTING "/ExcludeLocalNetworks", true,
			 "has no effect without IncludeAllNetworks or "
			 "EnforceRoutes");
	if (p->enforce_routes && p->include_all_networks)
		complain(v, ROUTING "/EnforceRoutes", true,
			 "has no effect beside IncludeAllNetworks");
	if (p->mtu > 0 && p->mtu < 1280)
		complain(v, VENDOR "/MTU", true,
			 "below 1280 there is no IPv6 inside the tunnel");
	if (p->transport == PROFILE_TRANSPORT_TLS)
		complain(v, VENDOR "/Transport", true,
			 "accepted, not acted on yet");
}

static void check_idle(const struct validation *v)
{
	const struct profile *p = v->profile;

	if (p->idle_disconnect && !given(v, "/Payload/Idle/Timer"))
		complain(v, "/Payload/Idle/Timer", false,
			 "is missing: after how many idle seconds?");
	if (!p->idle_disconnect && given(v, "/Payload/Idle/Timer"))
		complain(v, "/Payload/Idle/Timer", true,
			 "has no effect without the key that ends idle "
			 "connections");
	if (!p->disconnect_on_wake && p->disconnect_on_wake_s > 0)
		complain(v, VENDOR "/DisconnectOnWakeTimer", true,
			 "has no effect without DisconnectOnWake");
}

/* "local" and what is below it belongs to the link (RFC 6762), "localhost" to
 * this machine (RFC 6761), whatever a profile says. */
static void check_match_domains(const struct validation *v)
{
	const struct profile *p = v->profile;
	const struct json_node *list = find(v, DNS "/SupplementalMatchDomains");

	for (size_t i = 0; i < p->dns.match_domain_count; i++) {
		const char *domain = p->dns.match_domains[i];
		const char *last = domain ? strrchr(domain, '.') : NULL;

		last = last ? last + 1 : domain;
		if (last && (strcmp(last, "local") == 0 ||
			     strcmp(last, "localhost") == 0))
			json_complain(v->json, json_item(v->json, list, i),
				      NULL, true, v->report,
				      "has no effect: names in \".%s\" are "
				      "never the tunnel's",
				      last);
	}
}

static void check_dns(const struct validation *v)
{
	const struct profile *p = v->profile;

	if (!p->has_dns)
		return;
	check_match_domains(v);
	if (p->dns.protocol == PROFILE_DNS_HTTPS)
		complain(v, DNS "/Protocol", !(v->flags & PROFILE_FOR_USE),
			 "DNS over HTTPS is not done yet, and not replaced by "
			 "clear text: a tunnel with this profile is refused "
			 "(\"TLS\" is encrypted, too)");
	if (p->dns.protocol == PROFILE_DNS_HTTPS && !given(v, DNS "/ServerURL"))
		complain(v, DNS "/ServerURL", false,
			 "is missing: the protocol HTTPS needs it");
	if (p->dns.protocol == PROFILE_DNS_TLS && !given(v, DNS "/ServerName"))
		complain(v, DNS "/ServerName", false,
			 "is missing: the protocol TLS needs it");
	if (p->dns.protocol != PROFILE_DNS_HTTPS && given(v, DNS "/ServerURL"))
		complain(v, DNS "/ServerURL", true,
			 "has no effect without the protocol HTTPS");
	if (p->dns.protocol != PROFILE_DNS_TLS && given(v, DNS "/ServerName"))
		complain(v, DNS "/ServerName", true,
			 "has no effect without the protocol TLS");
	if (p->dns.match_domain_count == 0 && !p->include_all_networks)
		complain(v, DNS "/SupplementalMatchDomains", true,
			 "names no domain: unless the tunnel has the default "
			 "route, these servers are not asked (\"\" is every "
			 "name)");
}

static void ATTR_PRINTF(5, 6)
	warn_rule(const struct validation *v, size_t rule, const char *name,
		  bool warning, const char *fmt, ...)
{
	const struct json_node *n = json_item(v->json, find(v, RULES), rule);
	char text[CONFIG_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	json_complain(v->json, n, name, warning, v->report, "%s", text);
}

/* By the text: a criterion that is wrong is one all the same. */
static bool has_criterion(const struct validation *v, size_t rule)
{
	static const char *const names[] = {
		"InterfaceTypeMatch",	 "SSIDMatch",	   "DNSDomainMatch",
		"DNSServerAddressMatch", "URLStringProbe",
	};
	const struct json_node *n = json_item(v->json, find(v, RULES), rule);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (json_member(v->json, n, names[i]))
			return true;
	return n->type != JSON_OBJECT;
}

static void check_ssids(const struct validation *v, size_t at)
{
	const struct profile_rule *rule = &v->profile->rules[at];
	const struct json_node *n = json_item(v->json, find(v, RULES), at);
	const struct json_node *list = json_member(v->json, n, "SSIDMatch");

	if (!list || list->type != JSON_ARRAY)
		return;
	if (rule->ssid_count == 0)
		warn_rule(v, at, "SSIDMatch", true,
			  "an empty list matches no network: leave the key "
			  "out for any");
	if (rule->interface == PROFILE_INTERFACE_ETHERNET ||
	    rule->interface == PROFILE_INTERFACE_CELLULAR)
		warn_rule(v, at, "SSIDMatch", true,
			  "never matches: an SSID is there on Wi-Fi only");
	for (size_t i = 0; i < rule->ssid_count; i++) {
		const char *ssid = rule->ssids[i];

		if (ssid && (ssid[0] == ' ' || ssid[strlen(ssid) - 1] == ' '))
			json_complain(v->json, json_item(v->json, list, i),
				      NULL, true, v->report,
				      "\"%s\" has a space at an end, and the "
				      "match is exact",
				      ssid);
	}
}

static void check_connections(const struct validation *v, size_t at)
{
	const struct profile_rule *rule = &v->profile->rules[at];
	const struct json_node *n = json_item(v->json, find(v, RULES), at);
	const struct json_node *action = json_member(v->json, n, "Action");
	const struct json_node *list =
		json_member(v->json, n, "ActionParameters");
	bool evaluates = action && action->type == JSON_STRING &&
			 strcmp(action->text, "EvaluateConnection") == 0;

	if (evaluates && (!list || list->count == 0))
		warn_rule(v, at, "ActionParameters", false,
			  "is %s: EvaluateConnection needs it",
			  list ? "empty" : "missing");
	if (!evaluates && list)
		warn_rule(v, at, "ActionParameters", true,
			  "has no effect without EvaluateConnection");
	for (size_t i = 0; i < rule->connection_count; i++) {
		const struct profile_connection_rule *c = &rule->connections[i];

		if (c->action == PROFILE_DOMAIN_NEVER_CONNECT &&
		    (c->dns_server_count > 0 || c->probe_url))
			json_complain(v->json, json_item(v->json, list, i),
				      c->probe_url ? "RequiredURLStringProbe"
						   : "RequiredDNSServers",
				      true, v->report,
				      "has no effect with NeverConnect");
	}
}

static void check_rules(const struct validation *v)
{
	const struct profile *p = v->profile;
	bool ended = false;

	for (size_t i = 0; i < p->rule_count; i++) {
		const struct profile_rule *rule = &p->rules[i];

		check_ssids(v, i);
		check_connections(v, i);
		if (ended)
			warn_rule(v, i, NULL, true,
				  "is never reached: a rule before it matches "
				  "every network");
		ended = ended || !has_criterion(v, i);
		if (rule->probe_url &&
		    strncasecmp(rule->probe_url, "http:", 5) == 0)
			warn_rule(v, i, "URLStringProbe", true,
				  "without TLS anyone on the network can "
				  "answer it");
	}
	if (p->rule_count > 0 && !ended)
		complain(v, RULES, true,
			 "no rule without criteria ends the list: on other "
			 "networks nothing happens, as with Ignore");
	if (p->on_demand && p->rule_count == 0)
		complain(v, "/Payload/OnDemand/Enabled", true,
			 "has no effect without rules");
}

/* Those of RFC 1918, 3927, 4193, 4291 and 6598. */
static bool is_inside_only(const struct ip_addr *a)
{
	static const char *const inside[] = {
		"10.0.0.0/8",	  "172.16.0.0/12", "192.168.0.0/16",
		"169.254.0.0/16", "100.64.0.0/10", "fc00::/7",
		"fe80::/10",
	};

	for (size_t i = 0; i < ARRAY_SIZE(inside); i++) {
		struct ip_prefix p;

		if (prefix_parse(inside[i], &p) == 0 && prefix_has(&p, a))
			return true;
	}
	return false;
}

/* What a name leads to depends on who asks; an address says it by itself. */
static void check_trusted_probe(const struct validation *v)
{
	const struct profile *p = v->profile;
	struct ip_addr a;

	if (p->has_trusted_probe && p->trusted_probe.host &&
	    addr_parse(p->trusted_probe.host, &a) == 0 && !is_inside_only(&a))
		complain(v, VENDOR "/TrustedProbe/Host", true,
			 "is a public address: a host that answers from "
			 "outside, too, proves nothing about a network");
}

enum {
	NAMED_FILE_MAX = 1024 * 1024,
};

/* A file that the profile names. A check may be made on another machine than
 * the one that has the right files: there it warns of them. */
static int read_named(const struct validation *v, const char *key_path,
		      const char *path, unsigned int demands,
		      struct profile_bytes *ret_bytes)
{
	struct profile_bytes b;
	char why[FILE_WHY_MAX];
	int r = file_read(path, NAMED_FILE_MAX, demands, &b.data, &b.len, why);

	if (r < 0)
		complain(v, key_path, !(v->flags & PROFILE_FOR_USE),
			 "%.120s: %s", path, why);
	else
		*ret_bytes = b;
	return r;
}

static void read_ca(const struct validation *v)
{
	struct profile *p = v->profile;
	const struct value_type *pem = &value_types[VALUE_PEM];
	struct profile_bytes b = { 0 };
	char why[VALUE_WHY_MAX] = "";

	if (!p->ca_file || p->ca ||
	    read_named(v, VENDOR "/CAFile", p->ca_file, FILE_ANY, &b) < 0)
		return;
	if (strlen((char *)b.data) != b.len)
		snprintf(why, sizeof(why), "holds a zero byte");
	if (why[0] || pem->parse((char *)b.data, &p->ca, why) < 0)
		complain(v, VENDOR "/CAFile", !(v->flags & PROFILE_FOR_USE),
			 "%.120s: %s", p->ca_file,
			 why[0] ? why : "is not the PEM text of certificates");
	value_types[VALUE_BASE64].clear(&b);
}

static void read_asset(const struct validation *v)
{
	struct config_report found;
	bool for_use = v->flags & PROFILE_FOR_USE;
	int r = asset_load(v->profile, v->assets,
			   for_use ? FILE_OURS : FILE_ANY, &found);

	if (r < 0 && found.errors == 0)
		config_report_add(&found, false, "%s", strerror(-r));
	for (size_t i = 0; i < found.count; i++)
		complain(v, REFERENCE, !for_use || found.items[i].warning, "%s",
			 found.items[i].text);
}

static void read_files(const struct validation *v)
{
	struct profile *p = v->profile;

	read_ca(v);
	if (p->identity_reference && v->assets && !p->pkcs12.data)
		read_asset(v);
	if (p->crl_file)
		(void)read_named(v, VENDOR "/RevocationListFile", p->crl_file,
				 FILE_ANY, &p->crl);
	if (p->certificate_file)
		(void)read_named(v, VENDOR "/Identity/CertificateFile",
				 p->certificate_file, FILE_ANY,
				 &p->certificate);
	if (p->private_key_file)
		(void)read_named(v, VENDOR "/Identity/PrivateKeyFile",
				 p->private_key_file, FILE_PRIVATE,
				 &p->private_key);
	/* Lists are read by the resolver, which knows what to do when one
	 * cannot be. */
	for (size_t i = 0; i < p->block_list_count; i++) {
		const char *path = p->block_lists[i].file;
		char why[FILE_WHY_MAX];

		if (path && file_inspect(path, SIZE_MAX, FILE_ANY, why) < 0)
			complain(v, VENDOR "/BlockLists", true, "%.120s: %s",
				 path, why);
	}
}

/* What a handshake would say of it. `file`: where it is from; NULL: from the
 * profile itself, which is the same on every machine. */
static void judge(const struct validation *v, const char *key_path,
		  const char *file, enum credentials_part part,
		  const struct credentials_source *source)
{
	char why[CREDENTIALS_ERROR_MAX];
	int r = credentials_check(part, source, why);

	if (r < 0 && file)
		complain(v, key_path, !(v->flags & PROFILE_FOR_USE),
			 "%.120s: %s", file, why);
	else if (r < 0)
		complain(v,
			 r == -EACCES ? VENDOR "/Identity/Password" : key_path,
			 false, "%s", why);
}

/* Of two identities none is judged, and none of which a part is missing or
 * wrong by itself: that was said. */
static void check_material(const struct validation *v)
{
	const struct profile *p = v->profile;
	bool bundle = given(v, VENDOR "/Identity/PKCS12");
	bool files = p->certificate_file || p->private_key_file;
	bool password = given(v, VENDOR "/Identity/Password");
	const struct credentials_source source = {
		.certificate = (const char *)p->certificate.data,
		.certificate_len = p->certificate.len,
		.key = (const char *)p->private_key.data,
		.key_len = p->private_key.len,
		.pkcs12 = p->pkcs12.data,
		.pkcs12_len = p->pkcs12.len,
		.password = p->password,
		.ca = p->ca,
		.ca_len = p->ca ? strlen(p->ca) : 0,
		.crl = (const char *)p->crl.data,
		.crl_len = p->crl.len,
	};

	if (bundle + files + (p->identity_reference != NULL) > 1)
		; /* said */
	else if (bundle && p->pkcs12.data && (p->password || !password))
		judge(v, VENDOR "/Identity/PKCS12", NULL, CREDENTIALS_IDENTITY,
		      &source);
	else if (p->identity_reference && p->pkcs12.data)
		judge(v, REFERENCE, p->asset.file, CREDENTIALS_IDENTITY,
		      &source);
	else if (p->certificate.data && p->private_key.data)
		judge(v, VENDOR "/Identity", p->certificate_file,
		      CREDENTIALS_IDENTITY, &source);
	if (p->ca)
		judge(v, p->ca_file ? VENDOR "/CAFile" : VENDOR "/CA",
		      p->ca_file, CREDENTIALS_CA, &source);
	if (p->ca && p->crl.data)
		judge(v, VENDOR "/RevocationListFile", p->crl_file,
		      CREDENTIALS_CRL, &source);
}

/* Only whoever uses a profile has its files; the others do not keep a key in
 * memory for nothing. */
static void drop_files(struct profile *p)
{
	if (p->ca_file)
		value_types[VALUE_PEM].clear(&p->ca);
	value_types[VALUE_BASE64].clear(&p->crl);
	value_types[VALUE_BASE64].clear(&p->certificate);
	value_types[VALUE_BASE64].clear(&p->private_key);
}

void validate_profile(struct profile *p, const struct json *j,
		      enum profile_flags flags, const char *assets,
		      struct config_report *report)
{
	struct validation v = {
		.profile = p,
		.json = j,
		.flags = flags,
		.assets = assets,
		.report = report,
	};

	check_envelope(&v);
	check_trust(&v);
	check_identity(&v);
	check_groups(&v);
	check_routing(&v);
	check_idle(&v);
	check_dns(&v);
	check_rules(&v);
	check_trusted_probe(&v);
	read_files(&v);
	check_material(&v);
	if (!(flags & PROFILE_FOR_USE))
		drop_files(p);
	if (!given(&v, VENDOR "/DisconnectOnFastUserSwitch"))
		p->disconnect_on_user_switch = p->disconnect_on_logout;
}
