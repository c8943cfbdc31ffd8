/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A profile: JSON text in, one typed and validated struct out.
 *
 *   1. profile_load("/etc/adit/profiles/work.json", PROFILE_FOR_USE, &p, &r);
 *   2. on failure config_report_print(&r, path, stderr);
 *   3. read the fields; profile_gateway() and profile_credentials() give the
 *      two views that a client needs;
 *   4. profile_destroy(p) wipes the secrets.
 *
 * The struct owns everything it points to and is not changed after it was
 * made. No global state: any thread, one at a time.
 */
#ifndef ADIT_CONFIG_PROFILE_H
#define ADIT_CONFIG_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/report.h"
#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"

struct credentials_source;

enum {
	PROFILE_FILE_MAX = 1024 * 1024,
	PROFILE_DIGEST_LEN = 32,
};

#define PROFILE_TYPE "com.apple.configuration.network.vpn.vpn-plugin"
#define PROFILE_TYPE_OLD "com.apple.vpn.managed"
#define PROFILE_TYPE_ASSET "com.apple.asset.credential.identity"
#define PROFILE_SUB_TYPE "org.adit.packet-tunnel"

enum profile_flags {
	/* What a machine lacks, and what is wrong with a file that the profile
	 * names, is a warning: for `adit profile check`. */
	PROFILE_FOR_CHECK = 0,
	/* Keeps the files that the profile names; each must be there. */
	PROFILE_FOR_USE = 1,
};

enum profile_form {
	PROFILE_FORM_DECLARATION,
	PROFILE_FORM_PAYLOAD, /* the older com.apple.vpn.managed */
	/* Not profiles themselves, but parts of one that is in other files. */
	PROFILE_FORM_ASSET,	 /* the declaration of an identity */
	PROFILE_FORM_CREDENTIAL, /* its data */
	PROFILE_FORMS,
};

enum profile_transport {
	PROFILE_TRANSPORT_AUTO,
	PROFILE_TRANSPORT_UDP,
	PROFILE_TRANSPORT_TLS,
};

enum profile_dns_protocol {
	PROFILE_DNS_CLEARTEXT,
	PROFILE_DNS_HTTPS,
	PROFILE_DNS_TLS,
};

enum profile_action {
	PROFILE_ACTION_CONNECT,
	PROFILE_ACTION_DISCONNECT,
	PROFILE_ACTION_EVALUATE,
	PROFILE_ACTION_IGNORE,
};

enum profile_interface {
	PROFILE_INTERFACE_ANY,
	PROFILE_INTERFACE_ETHERNET,
	PROFILE_INTERFACE_WIFI,
	PROFILE_INTERFACE_CELLULAR,
};

enum profile_domain_action {
	PROFILE_DOMAIN_CONNECT_IF_NEEDED,
	PROFILE_DOMAIN_NEVER_CONNECT,
};

enum profile_server_match {
	PROFILE_SERVER_MATCH_ALL,
	PROFILE_SERVER_MATCH_ANY,
};

enum profile_metered {
	PROFILE_METERED_START,
	PROFILE_METERED_HOLD,
};

enum profile_list_format {
	PROFILE_LIST_DOMAINS,
	PROFILE_LIST_HOSTS,
};

enum profile_lists_fail {
	PROFILE_LISTS_FAIL_OPEN,
	PROFILE_LISTS_FAIL_CLOSED,
};

/* Bytes of a decoded base64 text or of a file; a zero follows them, which
 * `len` does not count. */
struct profile_bytes {
	uint8_t *data;
	size_t len;
};

struct profile_gateway {
	char *host; /* name or address, no brackets */
	uint16_t port;
};

/* ActionParameters of an EvaluateConnection rule. */
struct profile_connection_rule {
	char **domains; /* lower case, no dots at the ends; "*" is all */
	size_t domain_count;
	enum profile_domain_action action;
	struct ip_addr *dns_servers;
	size_t dns_server_count;
	char *probe_url;
};

/* A criterion that is absent has `has_x` false, or a NULL pointer. */
struct profile_rule {
	enum profile_action action;
	enum profile_interface interface;
	bool has_ssids; /* an empty list matches no network */
	char **ssids;
	size_t ssid_count;
	bool has_domains;
	char **domains; /* lower case, without "*." and dots at the ends */
	size_t domain_count;
	bool has_dns_servers;
	struct ip_prefix *dns_servers; /* "17.*" is 17.0.0.0/8 */
	size_t dns_server_count;
	char *probe_url;
	struct profile_connection_rule *connections;
	size_t connection_count;
};

struct profile_block_list {
	char *file;
	enum profile_list_format format;
};

/* The declaration that IdentityAssetReference names. */
struct profile_asset {
	unsigned int type, content_type, authentication, accessible;
	char *identifier;
	char *server_token;
	char *file;
	uint32_t size; /* 0: not told */
	bool has_digest;
	uint8_t digest[PROFILE_DIGEST_LEN];
};

struct profile {
	enum profile_form form; /* declaration or payload */
	/* Differs when the text, or a file that was read for use, differs. */
	uint64_t fingerprint;

	/* Envelope */
	char *identifier;
	char *server_token; /* NULL when absent, like every text here */
	uint32_t payload_version;
	bool payload_enabled;
	/* One value each today: the parser refuses every other. */
	unsigned int vpn_type, sub_type, provider_type, method;

	/* Name and gateway */
	char *visible_name;
	char *host_name;
	uint32_t port;
	struct profile_gateway *more_gateways;
	size_t more_gateway_count;
	char *server_name; /* NULL: host_name; see profile_server_name() */
	enum profile_transport transport;

	/* Trust and identity. Secrets: pkcs12, password, private_key. */
	char *identity_reference; /* pkcs12 and password are from the asset */
	struct profile_asset asset;
	char *ca; /* PEM; from CA, or from CAFile when loaded for use */
	char *ca_file;
	char *crl_file;
	struct profile_bytes crl; /* PEM; loaded for use */
	struct profile_bytes pkcs12;
	char *password;
	char *certificate_file;
	char *private_key_file;
	struct profile_bytes certificate; /* PEM; only loaded for use */
	struct profile_bytes private_key; /* PEM; only loaded for use */
	char **groups;			  /* count 0: the three hybrids */
	size_t group_count;
	char **ciphers; /* count 0: both, in the order that fits the CPU */
	size_t cipher_count;

	/* Routing */
	bool include_all_networks;
	bool enforce_routes;
	bool exclude_local_networks;
	bool exclude_cellular_services;
	bool exclude_apns;
	bool exclude_device_communication;
	bool has_routes; /* an empty list narrows the lease to nothing */
	struct ip_prefix *routes;
	size_t route_count;
	struct ip_prefix *excluded_routes;
	size_t excluded_route_count;

	/* Data path; 0: decided at run time */
	uint32_t mtu;
	uint32_t lanes;
	uint32_t keepalive_s;

	/* DNS */
	bool has_dns;
	struct {
		enum profile_dns_protocol protocol;
		struct ip_addr *servers;
		size_t server_count;
		char *server_url;
		char *server_name;
		char **search_domains;
		size_t search_domain_count;
		char *domain_name;
		bool has_match_domains;
		char **match_domains; /* "" is every name */
		size_t match_domain_count;
		bool match_domains_no_search;
	} dns;
	bool rebinding_protection;
	struct profile_block_list *block_lists;
	size_t block_list_count;
	enum profile_lists_fail block_lists_fail;

	/* On demand */
	bool on_demand;
	bool user_override_disabled;
	struct profile_rule *rules;
	size_t rule_count;
	enum profile_server_match dns_server_match;
	bool has_trusted_probe;
	struct {
		char *host;
		uint32_t port;
		uint8_t (*digests)[PROFILE_DIGEST_LEN];
		size_t digest_count;
	} trusted_probe;
	enum profile_metered on_metered;
	char *portal_url;

	/* Lifecycle */
	bool idle_disconnect;
	uint32_t idle_timer_s;
	uint32_t reconnect_after_s; /* 0: no limit */
	bool require_reason;
	bool disconnect_on_sleep;
	bool disconnect_on_logout;
	bool disconnect_on_user_switch;
	bool disconnect_on_wake;
	uint32_t disconnect_on_wake_s; /* only after a longer sleep */
};

/* 0 with a profile (the report may hold warnings), or -EINVAL with errors in
 * the report, or -ENOMEM, or what open() said (the report tells it too). The
 * report is cleared first. An identity by reference is looked for in the folder
 * "assets" beside the one that the profile is in; a text alone has none. */
int profile_parse(const char *text, size_t len, enum profile_flags flags,
		  struct profile **ret_profile,
		  struct config_report *ret_report);
int profile_load(const char *path, enum profile_flags flags,
		 struct profile **ret_profile,
		 struct config_report *ret_report);
/* Wipes the secrets. Takes NULL and half-built profiles. */
void profile_destroy(struct profile *p);

/* Gateways in the order in which they are tried: HostName with Port first. */
size_t profile_gateway_count(const struct profile *p);
struct profile_gateway profile_gateway(const struct profile *p, size_t i);
/* The name that the gateway's certificate must carry. */
const char *profile_server_name(const struct profile *p);
/* What credentials_create() wants, borrowed from a profile that was loaded for
 * use. */
void profile_credentials(const struct profile *p,
			 struct credentials_source *ret_source);

/* Everything the program understood, as a declaration, defaults included and
 * secrets hidden. */
void profile_print(const struct profile *p, FILE *to);

#endif
