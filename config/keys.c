/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/keys.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define NAMES(...) ((const char *const[]) { __VA_ARGS__, NULL })
#define AT(field) .at = offsetof(struct profile, field)
#define LIST(field, number) \
	AT(field), .count_at = offsetof(struct profile, number)
#define HAS(field) .has_at = offsetof(struct profile, field)
#define RULE_AT(field) .at = offsetof(struct profile_rule, field)
#define RULE_LIST(field, number) \
	RULE_AT(field), .count_at = offsetof(struct profile_rule, number)
#define RULE_HAS(field) .has_at = offsetof(struct profile_rule, field)
#define CONN_AT(field) .at = offsetof(struct profile_connection_rule, field)
#define CONN_LIST(field, number) \
	CONN_AT(field),          \
		.count_at = offsetof(struct profile_connection_rule, number)
#define BLOCK_AT(field) .at = offsetof(struct profile_block_list, field)

/* Where a key stands in both forms. */
#define BOTH(new, old) .path = { "/Payload/" new, old }
#define VENDOR(name) \
	.path = { "/Payload/VendorConfig/" name, "/VendorConfig/" name }
#define RULE(name)                                   \
	.path = { "/Payload/OnDemand/Rules/*/" name, \
		  "/VPN/OnDemandRules/*/" name }
#define CONN(name) RULE("ActionParameters/*/" name)

/* Rows stand in the order in which a declaration is printed. */
/* clang-format off */
const struct key keys[] = {
	/* The envelope */
	{ .path = { "/Type", NULL },
	  .type = KEY_ENUM, .flags = KEY_REQUIRED,
	  .names = NAMES(PROFILE_TYPE),
	  AT(form),
	  .text = "What this declaration is." },
	{ .path = { NULL, "/PayloadType" },
	  .type = KEY_ENUM, .flags = KEY_REQUIRED,
	  .names = NAMES("", PROFILE_TYPE_OLD),
	  AT(form),
	  .text = "What this payload is." },
	{ .path = { "/Identifier", "/PayloadIdentifier" },
	  .type = KEY_VALUE, .kind = VALUE_TEXT, .flags = KEY_REQUIRED,
	  AT(identifier),
	  .text = "A name for this declaration that no other has." },
	{ .path = { "/ServerToken", "/PayloadUUID" },
	  .type = KEY_VALUE, .kind = VALUE_TEXT,
	  AT(server_token),
	  .text = "Which revision of the declaration this is." },
	{ .path = { NULL, "/PayloadVersion" },
	  .type = KEY_INT, .min = 1, .max = UINT32_MAX, .standard = 1,
	  AT(payload_version),
	  .text = "The version of the payload." },
	{ .path = { NULL, "/VPNType" },
	  .type = KEY_ENUM, .flags = KEY_REQUIRED,
	  .names = NAMES("VPN"),
	  AT(vpn_type),
	  .text = "The kind of VPN: a third party's." },
	{ .path = { "/Payload", NULL },
	  .type = KEY_OBJECT, .flags = KEY_REQUIRED,
	  .text = "The tunnel." },
	{ .path = { NULL, "/VPN" },
	  .type = KEY_OBJECT, .flags = KEY_REQUIRED,
	  .text = "The tunnel." },

	/* Name and gateway */
	{ BOTH("VisibleName", "/UserDefinedName"),
	  .type = KEY_VALUE, .kind = VALUE_TEXT, .flags = KEY_REQUIRED,
	  AT(visible_name),
	  .text = "The name that people see." },
	{ BOTH("SubType", "/VPNSubType"),
	  .type = KEY_ENUM, .flags = KEY_REQUIRED,
	  .names = NAMES(PROFILE_SUB_TYPE),
	  AT(sub_type),
	  .text = "The client that this profile is for.",
	  .note = "this profile is for another client" },
	{ BOTH("HostName", "/VPN/RemoteAddress"),
	  .type = KEY_VALUE, .kind = VALUE_HOST, .flags = KEY_REQUIRED,
	  AT(host_name),
	  .text = "The gateway: a DNS name or an IP address." },
	{ BOTH("Authentication", NULL),
	  .type = KEY_OBJECT, .flags = KEY_REQUIRED,
	  .text = "How the client proves who it is." },
	{ BOTH("Authentication/Method", "/VPN/AuthenticationMethod"),
	  .type = KEY_ENUM, .flags = KEY_REQUIRED,
	  .standard = PROFILE_METHOD_CERTIFICATE,
	  .names = NAMES("Password", "Certificate", "Password+Certificate"),
	  AT(method),
	  .text = "Certificate; a password is not accepted yet." },
	{ BOTH("Authentication/IdentityAssetReference", NULL),
	  .type = KEY_VALUE, .kind = VALUE_TEXT, .flags = KEY_LATER,
	  AT(identity_reference),
	  .text = "The identifier of the asset declaration that holds the "
	          "identity, instead of VendorConfig.Identity." },
	{ BOTH("Provider", NULL),
	  .type = KEY_OBJECT,
	  .text = "The kind of tunnel." },
	{ BOTH("Provider/Type", "/VPN/ProviderType"),
	  .type = KEY_ENUM,
	  .names = NAMES("packet-tunnel"),
	  AT(provider_type),
	  .text = "Packets, not the connections of single programs." },

	/* Routing */
	{ BOTH("NetworkRouting", NULL),
	  .type = KEY_OBJECT,
	  .text = "What goes through the tunnel." },
	{ BOTH("NetworkRouting/IncludeAllNetworks", "/VPN/IncludeAllNetworks"),
	  .type = KEY_FLAG,
	  AT(include_all_networks),
	  .text = "Everything goes through the tunnel, and nothing around "
	          "it while the tunnel is down (kill switch)." },
	{ BOTH("NetworkRouting/EnforceRoutes", "/VPN/EnforceRoutes"),
	  .type = KEY_FLAG,
	  AT(enforce_routes),
	  .text = "The tunnel's routes beat the routes of local networks." },
	{ BOTH("NetworkRouting/ExcludeLocalNetworks",
	       "/VPN/ExcludeLocalNetworks"),
	  .type = KEY_FLAG,
	  AT(exclude_local_networks),
	  .text = "Local networks stay outside; acts with "
	          "IncludeAllNetworks or EnforceRoutes." },
	{ BOTH("NetworkRouting/ExcludeCellularServices",
	       "/VPN/ExcludeCellularServices"),
	  .type = KEY_FLAG, .flags = KEY_LATER, .standard = 1,
	  AT(exclude_cellular_services),
	  .text = "Services of a mobile operator stay outside; no effect on "
	          "Linux." },
	{ BOTH("NetworkRouting/ExcludeAPNs", "/VPN/ExcludeAPNs"),
	  .type = KEY_FLAG, .flags = KEY_LATER, .standard = 1,
	  AT(exclude_apns),
	  .text = "Push notifications stay outside; no effect on Linux." },
	{ BOTH("NetworkRouting/ExcludeDeviceCommunication",
	       "/VPN/ExcludeDeviceCommunication"),
	  .type = KEY_FLAG, .flags = KEY_LATER, .standard = 1,
	  AT(exclude_device_communication),
	  .text = "Traffic with attached devices stays outside; no effect "
	          "on Linux." },

	/* Idle */
	{ BOTH("Idle", NULL),
	  .type = KEY_OBJECT,
	  .text = "When an unused tunnel ends." },
	{ BOTH("Idle/Disconnect", "/VPN/DisconnectOnIdle"),
	  .type = KEY_FLAG, .flags = KEY_LATER,
	  AT(idle_disconnect),
	  .text = "End a connection made on demand when it idles." },
	{ BOTH("Idle/Timer", "/VPN/DisconnectOnIdleTimer"),
	  .type = KEY_INT, .flags = KEY_LATER, .min = 1, .max = 604800,
	  AT(idle_timer_s),
	  .text = "How long it idles first, in seconds." },

	/* On demand */
	{ BOTH("OnDemand", NULL),
	  .type = KEY_OBJECT,
	  .text = "Rules that bring the tunnel up and down." },
	{ BOTH("OnDemand/Enabled", "/VPN/OnDemandEnabled"),
	  .type = KEY_FLAG, .flags = KEY_LATER,
	  AT(on_demand),
	  .text = "Do the rules act?" },
	{ BOTH("OnDemand/DisableUserOverride",
	       "/VPN/OnDemandUserOverrideDisabled"),
	  .type = KEY_FLAG, .flags = KEY_LATER,
	  AT(user_override_disabled),
	  .text = "The user cannot hold the tunnel down." },
	{ BOTH("OnDemand/Rules", "/VPN/OnDemandRules"),
	  .type = KEY_OBJECTS, .flags = KEY_LATER,
	  LIST(rules, rule_count), .size = sizeof(struct profile_rule),
	  .text = "In order; the first rule that matches decides." },
	{ RULE("Action"),
	  .type = KEY_ENUM, .flags = KEY_REQUIRED,
	  .names = NAMES("Connect", "Disconnect", "EvaluateConnection",
	                 "Ignore"),
	  RULE_AT(action),
	  .text = "What to do on a network that matches.",
	  .note = "\"Allow\" is deprecated: write \"EvaluateConnection\"" },
	{ RULE("InterfaceTypeMatch"),
	  .type = KEY_ENUM,
	  .names = NAMES("", "Ethernet", "WiFi", "Cellular"),
	  RULE_AT(interface),
	  .text = "The hardware of the network's interface.",
	  .note = "leave the key out for any interface" },
	{ RULE("SSIDMatch"),
	  .type = KEY_VALUES, .kind = VALUE_SSID,
	  RULE_LIST(ssids, ssid_count), RULE_HAS(has_ssids),
	  .text = "Wi-Fi networks, by exact name." },
	{ RULE("DNSDomainMatch"),
	  .type = KEY_VALUES, .kind = VALUE_RULE_DOMAIN,
	  RULE_LIST(domains, domain_count), RULE_HAS(has_domains),
	  .text = "One of the network's search domains is in one of these." },
	{ RULE("DNSServerAddressMatch"),
	  .type = KEY_VALUES, .kind = VALUE_SERVER_MATCH,
	  RULE_LIST(dns_servers, dns_server_count), RULE_HAS(has_dns_servers),
	  .text = "The network's DNS servers are among these." },
	{ RULE("URLStringProbe"),
	  .type = KEY_VALUE, .kind = VALUE_URL,
	  RULE_AT(probe_url),
	  .text = "A page that answers 200 on this network." },
	{ RULE("ActionParameters"),
	  .type = KEY_OBJECTS,
	  RULE_LIST(connections, connection_count),
	  .size = sizeof(struct profile_connection_rule),
	  .text = "For EvaluateConnection: what to do for which names." },
	{ CONN("Domains"),
	  .type = KEY_VALUES, .kind = VALUE_RULE_DOMAIN, .flags = KEY_REQUIRED,
	  .min = 1,
	  CONN_LIST(domains, domain_count),
	  .text = "The names that this is about." },
	{ CONN("DomainAction"),
	  .type = KEY_ENUM, .flags = KEY_REQUIRED,
	  .names = NAMES("ConnectIfNeeded", "NeverConnect"),
	  CONN_AT(action),
	  .text = "Start the tunnel when a name does not resolve, or never." },
	{ CONN("RequiredDNSServers"),
	  .type = KEY_VALUES, .kind = VALUE_ADDR,
	  CONN_LIST(dns_servers, dns_server_count),
	  .text = "Servers that resolve these names without the tunnel." },
	{ CONN("RequiredURLStringProbe"),
	  .type = KEY_VALUE, .kind = VALUE_URL,
	  CONN_AT(probe_url),
	  .text = "A page that answers 200 where no tunnel is needed." },
#define REFUSED_LIST(name)                                             \
	{                                                              \
		.path = { NULL, "/VPN/" name }, .type = KEY_REFUSED,   \
		.text = "Deprecated.",                                 \
		.note = "is deprecated: write a rule with the action " \
			"\"EvaluateConnection\" in OnDemandRules"      \
	}
	REFUSED_LIST("OnDemandMatchDomainsAlways"),
	REFUSED_LIST("OnDemandMatchDomainsOnRetry"),
	REFUSED_LIST("OnDemandMatchDomainsNever"),

	/* DNS */
	{ BOTH("DNS", "/DNS"),
	  .type = KEY_OBJECT,
	  HAS(has_dns),
	  .text = "Which names the tunnel's servers answer. Without it the "
	          "gateway's settings hold." },
	{ BOTH("DNS/Protocol", "/DNS/DNSProtocol"),
	  .type = KEY_ENUM, .flags = KEY_REQUIRED,
	  .names = NAMES("Cleartext", "HTTPS", "TLS"),
	  AT(dns.protocol),
	  .text = "How the servers are asked." },
	{ BOTH("DNS/ServerAddresses", "/DNS/ServerAddresses"),
	  .type = KEY_VALUES, .kind = VALUE_ADDR, .flags = KEY_REQUIRED,
	  .min = 1,
	  LIST(dns.servers, dns.server_count),
	  .text = "The servers." },
	{ BOTH("DNS/ServerURL", "/DNS/ServerURL"),
	  .type = KEY_VALUE, .kind = VALUE_URL_HTTPS,
	  AT(dns.server_url),
	  .text = "Where to ask, with the protocol HTTPS." },
	{ BOTH("DNS/ServerName", "/DNS/ServerName"),
	  .type = KEY_VALUE, .kind = VALUE_HOST,
	  AT(dns.server_name),
	  .text = "The name in the servers' certificate, with the protocol "
	          "TLS." },
	{ BOTH("DNS/SearchDomains", "/DNS/SearchDomains"),
	  .type = KEY_VALUES, .kind = VALUE_DOMAIN,
	  LIST(dns.search_domains, dns.search_domain_count),
	  .text = "Completes names of one label." },
	{ BOTH("DNS/DomainName", "/DNS/DomainName"),
	  .type = KEY_VALUE, .kind = VALUE_DOMAIN,
	  AT(dns.domain_name),
	  .text = "The tunnel's own domain: the search list if there is "
	          "none." },
	{ BOTH("DNS/SupplementalMatchDomains", "/DNS/SupplementalMatchDomains"),
	  .type = KEY_VALUES, .kind = VALUE_MATCH_DOMAIN,
	  LIST(dns.match_domains, dns.match_domain_count),
	  HAS(dns.has_match_domains),
	  .text = "Names that go to these servers; \"\" is every name." },
	{ BOTH("DNS/SupplementalMatchDomainsNoSearch",
	       "/DNS/SupplementalMatchDomainsNoSearch"),
	  .type = KEY_FLAG,
	  AT(dns.match_domains_no_search),
	  .text = "Match domains do not join the search list." },

	{ BOTH("Proxies", "/Proxies"),
	  .type = KEY_IGNORED, .flags = KEY_LATER,
	  .text = "Accepted; does nothing yet." },

	/* Our own */
	{ BOTH("VendorConfig", "/VendorConfig"),
	  .type = KEY_OBJECT, .flags = KEY_REQUIRED,
	  .text = "What adit needs beyond Apple's keys." },
	{ VENDOR("Port"),
	  .type = KEY_INT, .min = 1, .max = 65535, .standard = 443,
	  AT(port),
	  .text = "UDP port of the gateway, and TCP port of the fallback." },
	{ VENDOR("Gateways"),
	  .type = KEY_VALUES, .kind = VALUE_GATEWAY,
	  LIST(more_gateways, more_gateway_count),
	  .text = "More gateways as host:port, tried after HostName." },
	{ VENDOR("ServerName"),
	  .type = KEY_VALUE, .kind = VALUE_HOST,
	  AT(server_name),
	  .text = "The name in the gateway's certificate; HostName if "
	          "absent." },
	{ VENDOR("CA"),
	  .type = KEY_VALUE, .kind = VALUE_PEM,
	  AT(ca),
	  .text = "What the gateway's certificate chains to, as PEM." },
	{ VENDOR("CAFile"),
	  .type = KEY_VALUE, .kind = VALUE_PATH,
	  AT(ca_file),
	  .text = "The same in a file." },
	{ VENDOR("RevocationListFile"),
	  .type = KEY_VALUE, .kind = VALUE_PATH,
	  AT(crl_file),
	  .text = "A revocation list of the gateway's CA, as PEM; a gateway "
	          "is refused when it is on it or the list is out of date." },
	{ VENDOR("Identity"),
	  .type = KEY_OBJECT,
	  .text = "Who we are: PKCS12 with Password, or two files." },
	{ VENDOR("Identity/PKCS12"),
	  .type = KEY_VALUE, .kind = VALUE_BASE64,
	  AT(pkcs12),
	  .text = "Certificate, chain and key in a PKCS#12, as base64." },
	{ VENDOR("Identity/Password"),
	  .type = KEY_VALUE, .kind = VALUE_PASSWORD,
	  AT(password),
	  .text = "The password of the PKCS#12." },
	{ VENDOR("Identity/CertificateFile"),
	  .type = KEY_VALUE, .kind = VALUE_PATH,
	  AT(certificate_file),
	  .text = "Certificate and chain as PEM." },
	{ VENDOR("Identity/PrivateKeyFile"),
	  .type = KEY_VALUE, .kind = VALUE_PATH,
	  AT(private_key_file),
	  .text = "The key as PEM; nobody but its owner may read the file." },
	{ VENDOR("Groups"),
	  .type = KEY_NAMES, .min = 1,
	  .names = NAMES("X25519MLKEM768", "SecP256r1MLKEM768",
	                 "SecP384r1MLKEM1024", "X25519", "P-256", "P-384"),
	  LIST(groups, group_count),
	  .text = "Key exchange, in this order; the three hybrids if absent." },
	{ VENDOR("Ciphers"),
	  .type = KEY_NAMES, .min = 1,
	  .names = NAMES("AES-256-GCM", "ChaCha20-Poly1305"),
	  LIST(ciphers, cipher_count),
	  .text = "Data channel, in this order; both by CPU if absent." },
	{ VENDOR("Transport"),
	  .type = KEY_ENUM,
	  .names = NAMES("auto", "udp", "tls"),
	  AT(transport),
	  .text = "UDP, TLS over TCP, or the first that works." },
	{ VENDOR("Routes"),
	  .type = KEY_VALUES, .kind = VALUE_PREFIX,
	  LIST(routes, route_count), HAS(has_routes),
	  .text = "Narrows the gateway's routes to these." },
	{ VENDOR("ExcludedRoutes"),
	  .type = KEY_VALUES, .kind = VALUE_PREFIX,
	  LIST(excluded_routes, excluded_route_count),
	  .text = "Takes these out of the gateway's routes." },
	{ VENDOR("MTU"),
	  .type = KEY_INT, .min = 576, .max = 9000,
	  AT(mtu),
	  .text = "MTU inside the tunnel; found by itself if absent." },
	{ VENDOR("KeepAlive"),
	  .type = KEY_INT, .max = 3600,
	  AT(keepalive_s),
	  .text = "Seconds between keepalives; 0: only when a NAT needs it." },
	{ VENDOR("Lanes"),
	  .type = KEY_INT, .min = 1, .max = 64,
	  AT(lanes),
	  .text = "Data workers; by the number of CPUs if absent." },
	{ VENDOR("DNSServerMatch"),
	  .type = KEY_ENUM, .flags = KEY_LATER,
	  .names = NAMES("all", "any"),
	  AT(dns_server_match),
	  .text = "Must every server of the network fit "
	          "DNSServerAddressMatch, or any?" },
	{ VENDOR("TrustedProbe"),
	  .type = KEY_OBJECT, .flags = KEY_LATER,
	  HAS(has_trusted_probe),
	  .text = "A host whose key proves that this is our network." },
	{ VENDOR("TrustedProbe/Host"),
	  .type = KEY_VALUE, .kind = VALUE_HOST, .flags = KEY_REQUIRED,
	  AT(trusted_probe.host),
	  .text = "The host, resolved by the uplink's servers." },
	{ VENDOR("TrustedProbe/Port"),
	  .type = KEY_INT, .min = 1, .max = 65535, .standard = 443,
	  AT(trusted_probe.port),
	  .text = "Its TCP port." },
	{ VENDOR("TrustedProbe/PublicKeySHA256"),
	  .type = KEY_VALUES, .kind = VALUE_DIGEST, .flags = KEY_REQUIRED,
	  .min = 1,
	  LIST(trusted_probe.digests, trusted_probe.digest_count),
	  .text = "SHA-256 of the keys it may have (SubjectPublicKeyInfo), "
	          "as base64." },
	{ VENDOR("OnMetered"),
	  .type = KEY_ENUM, .flags = KEY_LATER,
	  .names = NAMES("start", "hold"),
	  AT(on_metered),
	  .text = "May the rules start the tunnel on a metered network?" },
	{ VENDOR("PortalURL"),
	  .type = KEY_VALUE, .kind = VALUE_URL_HTTP, .flags = KEY_LATER,
	  AT(portal_url),
	  .text = "Your own page that answers 204; anything else means a "
	          "captive portal." },
	{ VENDOR("ReconnectAfter"),
	  .type = KEY_INT, .flags = KEY_LATER, .min = 60, .max = 604800,
	  AT(reconnect_after_s),
	  .text = "Longest time in seconds that a user can hold the tunnel "
	          "down." },
	{ VENDOR("RequireReason"),
	  .type = KEY_BOOL, .flags = KEY_LATER,
	  AT(require_reason),
	  .text = "adit disconnect needs --reason TEXT." },
	{ VENDOR("RebindingProtection"),
	  .type = KEY_BOOL, .flags = KEY_LATER,
	  AT(rebinding_protection),
	  .text = "Refuse answers that point outside names at private "
	          "addresses." },
	{ VENDOR("BlockLists"),
	  .type = KEY_OBJECTS, .flags = KEY_LATER,
	  LIST(block_lists, block_list_count),
	  .size = sizeof(struct profile_block_list),
	  .text = "Files of names that get no answer." },
	{ VENDOR("BlockLists/*/File"),
	  .type = KEY_VALUE, .kind = VALUE_PATH, .flags = KEY_REQUIRED,
	  BLOCK_AT(file),
	  .text = "The file." },
	{ VENDOR("BlockLists/*/Format"),
	  .type = KEY_ENUM, .flags = KEY_REQUIRED,
	  .names = NAMES("domains", "hosts"),
	  BLOCK_AT(format),
	  .text = "One domain a line, or the form of /etc/hosts." },
	{ VENDOR("BlockListsFail"),
	  .type = KEY_ENUM, .flags = KEY_LATER,
	  .names = NAMES("open", "closed"),
	  AT(block_lists_fail),
	  .text = "When a list cannot be read: answer every name, or none "
	          "outside the match domains." },
#define SLEEP_KEY(name, field, sentence)                                       \
	{                                                                      \
		VENDOR(name), .type = KEY_BOOL, .flags = KEY_LATER, AT(field), \
			      .text = sentence                                 \
	}
	SLEEP_KEY("DisconnectOnSleep", disconnect_on_sleep,
		  "The tunnel ends when the machine sleeps."),
	SLEEP_KEY("DisconnectOnLogout", disconnect_on_logout,
		  "The tunnel ends when the user logs out."),
	SLEEP_KEY("DisconnectOnFastUserSwitch", disconnect_on_user_switch,
		  "The tunnel ends when another user takes the console; as "
		  "DisconnectOnLogout if absent."),
	SLEEP_KEY("DisconnectOnWake", disconnect_on_wake,
		  "The tunnel ends when the machine wakes."),
	{ VENDOR("DisconnectOnWakeTimer"),
	  .type = KEY_INT, .flags = KEY_LATER, .max = 604800,
	  AT(disconnect_on_wake_s),
	  .text = "Only after a sleep longer than this, in seconds." },
};
/* clang-format on */
const size_t key_count = ARRAY_SIZE(keys);

/* The name of a direct member of `parent`, or NULL. */
static const char *member_name(const struct key *k, enum profile_form form,
			       const char *parent)
{
	const char *path = k->path[form];
	size_t len = strlen(parent);

	if (!path || strncmp(path, parent, len) != 0 || path[len] != '/' ||
	    strchr(path + len + 1, '/'))
		return NULL;
	return path + len + 1;
}

const struct key *key_find(enum profile_form form, const char *parent,
			   const char *name)
{
	for (const struct key *k = keys; k < keys + key_count; k++) {
		const char *member = member_name(k, form, parent);

		if (member && strcmp(member, name) == 0)
			return k;
	}
	return NULL;
}

const struct key *key_next_member(enum profile_form form, const char *parent,
				  const struct key *after)
{
	for (const struct key *k = after ? after + 1 : keys;
	     k < keys + key_count; k++)
		if (member_name(k, form, parent))
			return k;
	return NULL;
}

const char *key_name(const struct key *k, enum profile_form form)
{
	return strrchr(k->path[form], '/') + 1;
}

bool key_in_scope(const struct key *k, const char *scope)
{
	const char *path = k->path[0] ? k->path[0] : k->path[1];
	const char *star = strrchr(path, '*');
	size_t len = star ? (size_t)(star - path) + 1 : 0;

	return len == strlen(scope) && strncmp(path, scope, len) == 0;
}

const struct key *key_of(const char *declaration_path)
{
	for (const struct key *k = keys; k < keys + key_count; k++) {
		const char *path = k->path[PROFILE_FORM_DECLARATION];

		if (path && strcmp(path, declaration_path) == 0)
			return k;
	}
	assert(!"a path that is in the table");
	return NULL;
}

const char *key_one_of(const struct key *k, char *buf, size_t len)
{
	size_t used = 0, count = 0;
	const char *separator;

	for (const char *const *name = k->names; *name; name++)
		count += **name != '\0';
	separator = count > 1 ? "one of " : "";

	buf[0] = '\0';
	for (const char *const *name = k->names; *name; name++) {
		if (!**name)
			continue; /* "absent", which nobody writes */
		used += (size_t)snprintf(buf + used, len - used, "%s\"%s\"",
					 separator, *name);
		if (used >= len)
			break;
		separator = ", ";
	}
	return buf;
}

const char *key_wanted(const struct key *k, char *buf, size_t len)
{
	switch (k->type) {
	case KEY_OBJECT:
	case KEY_IGNORED:
	case KEY_REFUSED:
		return "an object";
	case KEY_OBJECTS:
		return "an array of objects";
	case KEY_BOOL:
		return "true or false";
	case KEY_FLAG:
		return "true, false, 1 or 0";
	case KEY_INT:
		snprintf(buf, len, "a whole number from %u to %u", k->min,
			 k->max);
		return buf;
	case KEY_ENUM:
		return key_one_of(k, buf, len);
	case KEY_NAMES:
		return "an array of names";
	case KEY_VALUE:
		return value_types[k->kind].noun;
	case KEY_VALUES:
		snprintf(buf, len, "an array, each %s",
			 value_types[k->kind].noun);
		return buf;
	}
	return "";
}
