/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/ondemand.h"

#include <string.h>

#include "config/ondemand_match.h"

/* In brackets too, with a zone ("fe80::1%eth0"), or with a final dot. */
static bool is_address(const char *host)
{
	char buf[ADDR_TEXT_MAX];
	size_t len = strlen(host);
	struct ip_addr a;

	if (strchr(host, ':'))
		return true; /* which no name has */
	if (len > 0 && host[len - 1] == '.')
		len--;
	if (len >= sizeof(buf))
		return false;
	memcpy(buf, host, len);
	buf[len] = '\0';
	return addr_parse(buf, &a) == 0;
}

/* What the client itself looks up, to connect and to judge the network. */
static bool is_own_name(const struct profile *p, const char *host)
{
	for (size_t i = 0; i < profile_gateway_count(p); i++)
		if (ondemand_same_name(profile_gateway(p, i).host, host))
			return true;
	return ondemand_same_name(profile_server_name(p), host) ||
	       (p->has_trusted_probe &&
		ondemand_same_name(p->trusted_probe.host, host));
}

/* Why none of the parameters is asked about this host; WORKS: ask them. */
static enum ondemand_why exempt(const struct profile *p, const char *host)
{
	if (!host || host[strspn(host, ".")] == '\0')
		return ONDEMAND_WHY_NO_NAME;
	if (is_address(host))
		return ONDEMAND_WHY_ADDRESS;
	return is_own_name(p, host) ? ONDEMAND_WHY_OWN_NAME
				    : ONDEMAND_WHY_WORKS;
}

const struct profile_connection_rule *ondemand_parameter(
	const struct profile *p, const struct profile_rule *rule,
	const char *host)
{
	if (exempt(p, host) != ONDEMAND_WHY_WORKS)
		return NULL;
	for (size_t i = 0; i < rule->connection_count; i++) {
		const struct profile_connection_rule *c = &rule->connections[i];

		if (ondemand_under_any(host, c->domains, c->domain_count))
			return c;
	}
	return NULL;
}

/* RequiredDNSServers stand in for the uplink's. */
enum ondemand_why ondemand_judge(const struct profile_connection_rule *c,
				 const struct ondemand_attempt *a)
{
	if (c->dns_server_count > 0) {
		if (a->required_dns != ONDEMAND_LOOKUP_OK)
			return ONDEMAND_WHY_SERVERS;
	} else {
		switch (a->resolves) {
		case ONDEMAND_LOOKUP_OK:
			break;
		case ONDEMAND_LOOKUP_UNKNOWN:
			return ONDEMAND_WHY_UNKNOWN;
		case ONDEMAND_LOOKUP_NXDOMAIN:
			return ONDEMAND_WHY_NXDOMAIN;
		case ONDEMAND_LOOKUP_TIMEOUT:
		case ONDEMAND_LOOKUP_UNREACHABLE:
			return ONDEMAND_WHY_TIMEOUT;
		case ONDEMAND_LOOKUP_REDIRECTED:
			return ONDEMAND_WHY_REDIRECTED;
		}
	}
	if (c->probe_url && (a->required_url.probe != ONDEMAND_PROBE_STATUS ||
			     a->required_url.status != ONDEMAND_STATUS_OK))
		return ONDEMAND_WHY_URL;
	return ONDEMAND_WHY_WORKS;
}

struct ondemand_connection ondemand_connect(const struct profile *p,
					    const struct profile_rule *rule,
					    const struct ondemand_attempt *a)
{
	struct ondemand_connection r = {
		.why = exempt(p, a->host),
		.parameter = ondemand_parameter(p, rule, a->host),
	};

	if (r.why != ONDEMAND_WHY_WORKS)
		return r;
	if (!r.parameter) {
		r.why = ONDEMAND_WHY_NO_DOMAIN;
	} else if (r.parameter->action == PROFILE_DOMAIN_NEVER_CONNECT) {
		r.why = ONDEMAND_WHY_NEVER;
	} else {
		r.why = ondemand_judge(r.parameter, a);
		r.start = r.why != ONDEMAND_WHY_WORKS;
	}
	return r;
}

const char *ondemand_why_text(enum ondemand_why why)
{
	static const char *const texts[ONDEMAND_WHYS] = {
		[ONDEMAND_WHY_MATCH] = "it is one of the tunnel's own names",
		[ONDEMAND_WHY_NO_NAME] = "no name is asked for",
		[ONDEMAND_WHY_ADDRESS] = "it is an address, not a name",
		[ONDEMAND_WHY_OWN_NAME] = "the client itself asks for it",
		[ONDEMAND_WHY_NO_DOMAIN] = "it is in none of the Domains",
		[ONDEMAND_WHY_NEVER] = "its DomainAction is NeverConnect",
		[ONDEMAND_WHY_WORKS] = "it works without the tunnel",
		[ONDEMAND_WHY_UNKNOWN] = "nothing is known of its resolution",
		[ONDEMAND_WHY_NXDOMAIN] = "it does not exist outside",
		[ONDEMAND_WHY_TIMEOUT] = "it is not resolved in time",
		[ONDEMAND_WHY_REDIRECTED] = "its answer is redirected",
		[ONDEMAND_WHY_SERVERS] = "RequiredDNSServers do not resolve it",
		[ONDEMAND_WHY_URL] = "RequiredURLStringProbe does not give 200",
	};

	return texts[why];
}
