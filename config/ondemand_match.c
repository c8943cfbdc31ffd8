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

/* From the last byte to the first, so that one pass over a name gives all its
 * suffixes. The five low bits of a letter are the same in both cases. */
static uint32_t hash_add(uint32_t hash, char c)
{
	return (hash << 5 | hash >> 27) ^ ((unsigned char)c & 31);
}

/* 2^32 by the golden ratio spreads it (Knuth, volume 3, 6.4). */
static size_t hash_slot(uint32_t hash)
{
	return (hash * 2654435769U) >> (32 - ONDEMAND_SUFFIX_BITS);
}

static void add_suffixes(struct ondemand_suffixes *s, const char *name)
{
	size_t len = trim(&name);
	uint32_t hash = 0;

	s->any |= len > 0;
	while (len-- > 0) {
		hash = hash_add(hash, name[len]);
		if (len == 0 || name[len - 1] == '.')
			s->slots[hash_slot(hash)] = true;
	}
}

void ondemand_suffixes_init(struct ondemand_suffixes *s,
			    const struct ondemand_facts *f)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < f->search_domain_count; i++)
		add_suffixes(s, f->search_domains[i]);
	if (f->domain_name)
		add_suffixes(s, f->domain_name);
}

static bool may_have(const struct ondemand_suffixes *s, const char *domain)
{
	uint32_t hash = 0;

	for (size_t i = strlen(domain); i > 0; i--)
		hash = hash_add(hash, domain[i - 1]);
	return s->slots[hash_slot(hash)];
}

static bool has_domain(const struct ondemand_facts *f, char *const *domain)
{
	for (size_t i = 0; i < f->search_domain_count; i++)
		if (ondemand_under_any(f->search_domains[i], domain, 1))
			return true;
	return f->domain_name && ondemand_under_any(f->domain_name, domain, 1);
}

bool ondemand_match_domain(const struct profile_rule *rule,
			   const struct ondemand_facts *f,
			   const struct ondemand_suffixes *s)
{
	for (size_t i = 0; i < rule->domain_count; i++) {
		if (strcmp(rule->domains[i], "*") == 0
			    ? s->any
			    : may_have(s, rule->domains[i]) &&
				      has_domain(f, &rule->domains[i]))
			return true;
	}
	return false;
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
