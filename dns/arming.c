/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/arming.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int copy_domains(struct dns_need *need,
			const struct profile_connection_rule *c)
{
	need->domains = calloc(c->domain_count, sizeof(*need->domains));
	if (need->domains == NULL && c->domain_count > 0)
		return -ENOMEM;
	for (size_t i = 0; i < c->domain_count; i++) {
		const char *text = c->domains[i];
		struct dns_name *n = &need->domains[need->domain_count];

		if (dns_name_from_text(strcmp(text, "*") ? text : "", n) < 0)
			continue;
		dns_name_lower(n);
		need->domain_count++;
	}
	return 0;
}

static int copy_need(struct dns_need *need, size_t number,
		     const struct profile_connection_rule *c)
{
	need->number = number;
	if (copy_domains(need, c) < 0)
		return -ENOMEM;
	need->never = c->action == PROFILE_DOMAIN_NEVER_CONNECT;
	if (need->never)
		return 0; /* which makes the rest invalid: E18 */
	if (c->dns_server_count > 0) {
		need->servers =
			calloc(c->dns_server_count, sizeof(*need->servers));
		if (need->servers == NULL)
			return -ENOMEM;
		need->server_count = c->dns_server_count;
		memcpy(need->servers, c->dns_servers,
		       c->dns_server_count * sizeof(*need->servers));
	}
	if (c->probe_url != NULL) {
		need->url = strdup(c->probe_url);
		if (need->url == NULL)
			return -ENOMEM;
	}
	return 0;
}

int dns_arming_init(struct dns_arming *a, const struct profile_rule *rule)
{
	*a = (struct dns_arming) { 0 };
	if (rule == NULL || rule->connection_count == 0)
		return 0;
	a->needs = calloc(rule->connection_count, sizeof(*a->needs));
	if (a->needs == NULL)
		return -ENOMEM;
	a->count = rule->connection_count;
	for (size_t i = 0; i < a->count; i++)
		if (copy_need(&a->needs[i], i, &rule->connections[i]) < 0) {
			dns_arming_fini(a);
			return -ENOMEM;
		}
	return 0;
}

void dns_arming_fini(struct dns_arming *a)
{
	for (size_t i = 0; i < a->count; i++) {
		free(a->needs[i].domains);
		free(a->needs[i].servers);
		free(a->needs[i].url);
	}
	free(a->needs);
	*a = (struct dns_arming) { 0 };
}

static bool is_address(const struct dns_name *n)
{
	char text[DNS_TEXT_MAX];
	struct ip_addr a;

	return dns_name_labels(n) == 4 &&
	       addr_parse(dns_name_text(n, text), &a) == 0;
}

static bool has(const struct dns_name *domain, const struct dns_name *name)
{
	static const struct dns_name arpa = { 6, "\4arpa" };

	if (domain->len == 1)
		return name->len > 1 && !dns_name_under(name, &arpa);
	return dns_name_under(name, domain);
}

const struct dns_need *dns_arming_find(const struct dns_arming *a,
				       const struct dns_name *name,
				       const struct dns_name **ret_domain)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct dns_need *need = &a->needs[i];

		for (size_t k = 0; k < need->domain_count; k++)
			if (has(&need->domains[k], name)) {
				*ret_domain = &need->domains[k];
				return is_address(name) ? NULL : need;
			}
	}
	return NULL;
}

bool dns_arming_asks_uplink(const struct dns_arming *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (!a->needs[i].never && a->needs[i].server_count == 0)
			return true;
	return false;
}

const char *dns_arming_request(struct dns_arming *a)
{
	const char *url = NULL;

	for (size_t i = 0; i < a->count; i++) {
		struct dns_need *need = &a->needs[i];

		if (need->url == NULL || need->requested)
			continue;
		if (url == NULL)
			url = need->url;
		/* Several parameters may have the same. */
		need->requested = strcmp(need->url, url) == 0;
	}
	return url;
}

bool dns_arming_answer(struct dns_arming *a, const char *url,
		       struct ondemand_answer answer)
{
	bool found = false;

	for (size_t i = 0; i < a->count; i++) {
		struct dns_need *need = &a->needs[i];

		if (need->url == NULL || strcmp(need->url, url) != 0)
			continue;
		need->requested = true;
		need->answer = answer;
		found = true;
	}
	return found;
}

void dns_arming_carry(struct dns_arming *a, const struct dns_arming *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (from->needs[i].requested)
			(void)dns_arming_answer(a, from->needs[i].url,
						from->needs[i].answer);
}

void dns_arming_forget(struct dns_arming *a)
{
	for (size_t i = 0; i < a->count; i++) {
		a->needs[i].requested = false;
		a->needs[i].answer = (struct ondemand_answer) { 0 };
	}
}

enum ondemand_why dns_need_judge(const struct dns_need *need,
				 enum ondemand_lookup lookup)
{
	const struct profile_connection_rule c = {
		.dns_servers = need->servers,
		.dns_server_count = need->server_count,
		.probe_url = need->url,
	};
	const struct ondemand_attempt a = {
		.resolves = lookup,
		.required_dns = lookup,
		.required_url = need->answer,
	};

	return ondemand_judge(&c, &a);
}
