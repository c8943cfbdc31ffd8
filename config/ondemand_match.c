/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/ondemand_match.h"

#include <string.h>
#include <strings.h>

bool ondemand_match_interface(const struct profile_rule *rule,
			      const struct ondemand_facts *f)
{
	switch (rule->interface) {
	case PROFILE_INTERFACE_ANY:
		return true;
	case PROFILE_INTERFACE_ETHERNET:
		return f->uplink == ONDEMAND_UPLINK_ETHERNET;
	case PROFILE_INTERFACE_WIFI:
		return f->uplink == ONDEMAND_UPLINK_WIFI;
	case PROFILE_INTERFACE_CELLULAR:
		return f->uplink == ONDEMAND_UPLINK_CELLULAR;
	}
	return false;
}

/* Bytes: "Corp " and "corp" are other networks than "Corp". */
bool ondemand_match_ssid(const struct profile_rule *rule,
			 const struct ondemand_facts *f)
{
	if (f->uplink != ONDEMAND_UPLINK_WIFI || f->ssid_len == 0)
		return false;
	for (size_t i = 0; i < rule->ssid_count; i++)
		if (strlen(rule->ssids[i]) == f->ssid_len &&
		    memcmp(rule->ssids[i], f->ssid, f->ssid_len) == 0)
			return true;
	return false;
}

/* Cuts the dots at the ends off. Returns the rest's length. */
static size_t trim(const char **name)
{
	size_t len;

	*name += strspn(*name, ".");
	len = strlen(*name);
	while (len > 0 && (*name)[len - 1] == '.')
		len--;
	return len;
}

bool ondemand_under_any(const char *name, char *const *domains, size_t count)
{
	size_t len = trim(&name);

	for (size_t i = 0; len > 0 && i < count; i++) {
		size_t tail = strlen(domains[i]);

		if (strcmp(domains[i], "*") == 0)
			return true;
		if (tail > len || (tail < len && name[len - tail - 1] != '.'))
			continue;
		if (strncasecmp(name + len - tail, domains[i], tail) == 0)
			return true;
	}
	return false;
}

bool ondemand_same_name(const char *a, const char *b)
{
	size_t len = trim(&a);

	return trim(&b) == len && strncasecmp(a, b, len) == 0;
}

bool ondemand_match_domain(const struct profile_rule *rule,
			   const struct ondemand_facts *f)
{
	for (size_t i = 0; i < f->search_domain_count; i++)
		if (ondemand_under_any(f->search_domains[i], rule->domains,
				       rule->domain_count))
			return true;
	return f->domain_name &&
	       ondemand_under_any(f->domain_name, rule->domains,
				  rule->domain_count);
}

static bool is_listed(const struct profile_rule *rule, const struct ip_addr *a)
{
	for (size_t i = 0; i < rule->dns_server_count; i++)
		if (prefix_has(&rule->dns_servers[i], a))
			return true;
	return false;
}

/* A network without servers fits no list: "all of none" proves nothing. */
bool ondemand_match_servers(const struct profile_rule *rule,
			    enum profile_server_match how,
			    const struct ondemand_facts *f)
{
	bool all = how == PROFILE_SERVER_MATCH_ALL;

	for (size_t i = 0; i < f->dns_server_count; i++)
		if (is_listed(rule, &f->dns_servers[i]) != all)
			return !all;
	return all && f->dns_server_count > 0;
}
