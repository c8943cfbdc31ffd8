/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/network.h"

#include <string.h>

static bool has_prefix(const struct network_path *path,
		       const struct ip_prefix *p)
{
	for (size_t i = 0; i < path->prefix_count; i++) {
		if (prefix_equal(&path->prefixes[i], p))
			return true;
	}
	return false;
}

static size_t common_prefixes(const struct network_path *a,
			      const struct network_path *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->prefix_count; i++)
		n += has_prefix(b, &a->prefixes[i]);
	return n;
}

static bool link_address_differs(const struct network_path *a,
				 const struct network_path *b)
{
	return a->has_link_address && b->has_link_address &&
	       memcmp(a->link_address, b->link_address,
		      sizeof(a->link_address)) != 0;
}

/* A network may have several prefixes, which come and go one by one: it is
 * another one when not a single one is left. */
static bool path_differs(const struct network_path *a,
			 const struct network_path *b)
{
	if (a->gateway.family && b->gateway.family &&
	    !addr_equal(&a->gateway, &b->gateway))
		return true;
	return a->prefix_count && b->prefix_count && common_prefixes(a, b) == 0;
}

/* A modem is hardware of no known type until ModemManager has answered. */
static bool type_is_known(enum network_type type)
{
	return type != NETWORK_NONE && type != NETWORK_OTHER;
}

bool network_link_differs(const struct network_identity *a,
			  const struct network_identity *b)
{
	return link_address_differs(&a->ipv4, &b->ipv4) ||
	       link_address_differs(&a->ipv6, &b->ipv6);
}

bool network_identity_same(const struct network_identity *a,
			   const struct network_identity *b)
{
	if (a->type == NETWORK_NONE || b->type == NETWORK_NONE)
		return true;
	if (type_is_known(a->type) && type_is_known(b->type) &&
	    a->type != b->type)
		return false;
	if (path_differs(&a->ipv4, &b->ipv4) ||
	    path_differs(&a->ipv6, &b->ipv6))
		return false;
	/* Access points of one SSID may be routers of their own. */
	if (a->ssid_len && b->ssid_len)
		return a->ssid_len == b->ssid_len &&
		       memcmp(a->ssid, b->ssid, a->ssid_len) == 0;
	return !network_link_differs(a, b);
}

static void path_learn(struct network_path *path,
		       const struct network_path *more)
{
	if (more->gateway.family)
		path->gateway = more->gateway;
	if (more->has_link_address) {
		path->has_link_address = true;
		memcpy(path->link_address, more->link_address,
		       sizeof(path->link_address));
	}
	for (size_t i = 0; i < more->prefix_count; i++) {
		if (path->prefix_count < NETWORK_PREFIXES_MAX &&
		    !has_prefix(path, &more->prefixes[i]))
			path->prefixes[path->prefix_count++] =
				more->prefixes[i];
	}
}

void network_identity_learn(struct network_identity *id,
			    const struct network_identity *more)
{
	if (more->type == NETWORK_NONE)
		return;
	if (type_is_known(more->type) || id->type == NETWORK_NONE)
		id->type = more->type;
	if (more->ssid_len) {
		id->ssid_len = more->ssid_len;
		memcpy(id->ssid, more->ssid, more->ssid_len);
	}
	path_learn(&id->ipv4, &more->ipv4);
	path_learn(&id->ipv6, &more->ipv6);
}

/* In sight of a rule. */
static bool path_looks_same(const struct network_path *a,
			    const struct network_path *b)
{
	return addr_equal(&a->gateway, &b->gateway) &&
	       a->prefix_count == b->prefix_count &&
	       common_prefixes(a, b) == a->prefix_count;
}

static bool dns_is_same(const struct dns_owner_uplink *a,
			const struct dns_owner_uplink *b)
{
	if (a->server_count != b->server_count ||
	    a->search_count != b->search_count)
		return false;
	for (size_t i = 0; i < a->server_count; i++) {
		if (!endpoint_equal(&a->servers[i].at, &b->servers[i].at))
			return false;
	}
	for (size_t i = 0; i < a->search_count; i++) {
		if (strcmp(a->search[i], b->search[i]) != 0)
			return false;
	}
	return true;
}

bool network_same(const struct network *a, const struct network *b)
{
	const struct network_identity *ia = &a->identity, *ib = &b->identity;

	return a->other_vpn == b->other_vpn && a->ifindex == b->ifindex &&
	       strcmp(a->device, b->device) == 0 &&
	       network_identity_same(ia, ib) && ia->type == ib->type &&
	       ia->ssid_len == ib->ssid_len &&
	       memcmp(ia->ssid, ib->ssid, ia->ssid_len) == 0 &&
	       path_looks_same(&ia->ipv4, &ib->ipv4) &&
	       path_looks_same(&ia->ipv6, &ib->ipv6) &&
	       a->security == b->security && a->metered == b->metered &&
	       strcmp(a->metered_by, b->metered_by) == 0 &&
	       strcmp(a->portal_api, b->portal_api) == 0 &&
	       dns_is_same(&a->dns, &b->dns);
}

const char *network_type_name(enum network_type type)
{
	switch (type) {
	case NETWORK_NONE:
		return "none";
	case NETWORK_OTHER:
		return "other";
	case NETWORK_ETHERNET:
		return "Ethernet";
	case NETWORK_WIFI:
		return "WiFi";
	case NETWORK_CELLULAR:
		return "Cellular";
	}
	return "other";
}

const char *network_security_name(enum network_security security)
{
	switch (security) {
	case NETWORK_SECURITY_UNKNOWN:
		return "unknown";
	case NETWORK_SECURITY_OPEN:
		return "open";
	case NETWORK_SECURITY_OWE:
		return "OWE";
	case NETWORK_SECURITY_WEP:
		return "WEP";
	case NETWORK_SECURITY_PERSONAL:
		return "personal";
	case NETWORK_SECURITY_ENTERPRISE:
		return "enterprise";
	}
	return "unknown";
}
