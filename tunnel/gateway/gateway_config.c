/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway/gateway_config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char out_of_memory[] = "does not fit: out of memory";

void gateway_error_set(struct gateway_error *e, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, args);
	va_end(args);
}

void gateway_config_init(struct gateway_config *c)
{
	*c = (struct gateway_config) {
		.port = GATEWAY_PORT_DEFAULT,
		.lease.mtu = GATEWAY_MTU_DEFAULT,
		.lease.idle_s = GATEWAY_IDLE_DEFAULT_S,
	};
}

void gateway_config_fini(struct gateway_config *c)
{
	lease_fini(&c->lease);
}

static const char *add_name(struct lease_names *list, const char *text)
{
	switch (lease_add_name(list, text)) {
	case 0:
		return NULL;
	case -ENOMEM:
		return out_of_memory;
	case -E2BIG:
		return "is one too many";
	default:
		return "must be a domain name";
	}
}

const char *gateway_config_set_name(struct gateway_config *c, const char *text)
{
	struct lease_names list = { 0 };
	struct ip_addr addr;
	char name[ADDR_TEXT_MAX];
	const char *wrong = NULL;

	/* One spelling for each name, as the certificate will have it. */
	if (addr_parse(text, &addr) == 0)
		strcpy(c->name, addr_text(&addr, name));
	else if (add_name(&list, text) == NULL)
		strcpy(c->name, list.name[0]);
	else
		wrong = "must be a DNS name or an IP address";
	if (list.count > 0)
		free(list.name[0]);
	free(list.name);
	if (!wrong)
		strcpy(c->lease.gateway, c->name);
	return wrong;
}

const char *gateway_config_set_port(struct gateway_config *c, int64_t port)
{
	if (port < 1 || port > UINT16_MAX)
		return "must be a number from 1 to 65535";
	c->port = (uint16_t)port;
	return NULL;
}

static const char *set_prefix(const char *text, uint8_t family,
			      const char *wrong, struct ip_prefix *to)
{
	struct ip_prefix p;

	if (prefix_parse(text, &p) < 0 || p.addr.family != family)
		return wrong;
	*to = p;
	return NULL;
}

const char *gateway_config_set_pool(struct gateway_config *c, const char *text)
{
	return set_prefix(text, AF_INET,
			  "must be a prefix like \"10.77.0.0/16\"",
			  &c->pool.prefix4);
}

const char *gateway_config_set_pool6(struct gateway_config *c, const char *text)
{
	return set_prefix(text, AF_INET6,
			  "must be a prefix like \"fd00:1:2:3::/64\"",
			  &c->pool.prefix6);
}

const char *gateway_config_add_route(struct gateway_config *c, const char *text)
{
	struct ip_prefix p, masked;

	if (prefix_parse(text, &p) < 0)
		return "must be a prefix like \"10.0.0.0/8\"";
	masked = prefix_masked(&p);
	if (!prefix_equal(&p, &masked))
		return "has bits behind its length";
	switch (lease_add_prefix(&c->lease.routes, &p, LEASE_ROUTES_MAX)) {
	case 0:
		return NULL;
	case -ENOMEM:
		return out_of_memory;
	default:
		return "is one route too many";
	}
}

const char *gateway_config_add_dns(struct gateway_config *c, const char *text)
{
	struct ip_addr a;

	if (addr_parse(text, &a) < 0)
		return "must be an IP address";
	if (c->lease.dns_count == LEASE_DNS_MAX)
		return "is one DNS server too many";
	c->lease.dns[c->lease.dns_count++] = a;
	return NULL;
}

const char *gateway_config_add_match(struct gateway_config *c, const char *text)
{
	return add_name(&c->lease.match, text);
}

const char *gateway_config_add_search(struct gateway_config *c,
				      const char *text)
{
	return add_name(&c->lease.search, text);
}

const char *gateway_config_check(struct gateway_config *c)
{
	const struct gateway_pool p = c->pool;

	return gateway_pool_init(&c->pool, &p.prefix4, &p.prefix6);
}
