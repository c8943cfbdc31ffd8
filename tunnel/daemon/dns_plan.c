/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/dns_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/policy.h"

/* Where there is no domain of ours: RFC 6761 keeps this one from everybody. */
#define NO_DOMAIN "adit.invalid"

enum {
	/* Of our domains with one of the uplink's search domains behind. */
	PROLONGED_MAX = 256,
	ADDED_MAX = DNS_REVERSE_MAX + PROLONGED_MAX,
};

static void free_texts(char **texts)
{
	for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
		free(texts[i]);
	free(texts);
}

/* Ends with NULL; NULL: out of memory. The root is left out: `everything` says
 * it. */
static char **texts_of(const struct dns_zone *zones, size_t count,
		       size_t *ret_count)
{
	char **texts = calloc(count + 1, sizeof(*texts));
	char text[DNS_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; texts != NULL && i < count; i++) {
		if (dns_name_labels(&zones[i].name) == 0)
			continue;
		texts[n] = strdup(dns_name_text(&zones[i].name, text));
		if (texts[n] == NULL) {
			free_texts(texts);
			return NULL;
		}
		n++;
	}
	*ret_count = n;
	return texts;
}

static bool has_text(const struct dns_plan *p, const char *text)
{
	for (size_t i = 0; i < p->domain_count; i++)
		if (strcmp(p->match[i], text) == 0)
			return true;
	return false;
}

/* Names of ConnectIfNeeded come to us as well, to be judged. */
static int add_needed(struct dns_plan *p, const struct dns_need *need)
{
	char **match =
		reallocarray(p->match, p->domain_count + need->domain_count + 1,
			     sizeof(*match));
	char text[DNS_TEXT_MAX];

	if (match == NULL)
		return -ENOMEM;
	p->match = match;
	for (size_t i = 0; i < need->domain_count; i++) {
		if (dns_name_labels(&need->domains[i]) == 0 ||
		    has_text(p, dns_name_text(&need->domains[i], text)))
			continue;
		match[p->domain_count] = strdup(text);
		if (match[p->domain_count] == NULL)
			return -ENOMEM;
		match[++p->domain_count] = NULL;
		p->needed_count++;
	}
	return 0;
}

static int add_all_needed(struct dns_plan *p, const struct dns_arming *a)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->count; i++)
		if (!a->needs[i].never)
			r = add_needed(p, &a->needs[i]);
	return r;
}

/* Adds a domain that nobody named, unless it is there: at most `limit` of them.
 */
static int add_domain(struct dns_plan *p, const struct dns_name *domain,
		      size_t limit)
{
	size_t n = p->owner.match_count, k = 0;
	char text[DNS_TEXT_MAX];

	(void)dns_name_text(domain, text);
	while (k < n && strcmp(p->match[k], text) != 0)
		k++;
	if (k < n || n >= p->domain_count + limit)
		return 0;
	p->match[n] = strdup(text);
	if (p->match[n] == NULL)
		return -ENOMEM;
	p->owner.match_count++;
	return 0;
}

/* The names of the lease's addresses are ours, too, and whoever routes by
 * domain has to know it. What is beyond the limit stays with the uplink's
 * servers. */
static int add_networks(struct dns_plan *p, const struct dns_policy *policy)
{
	struct dns_name zones[DNS_REVERSE_MAX];
	int r = 0;

	for (size_t i = 0; i < policy->reverse_count; i++) {
		size_t count =
			dns_name_reverse(&policy->reverse[i].prefix, zones);

		for (size_t k = 0; r == 0 && k < count; k++)
			r = add_domain(p, &zones[k], DNS_REVERSE_MAX);
	}
	return r;
}

/* And so are those that libc makes of them (policy.h, 6b). */
static int add_prolonged(struct dns_plan *p, const struct dns_zone *zones,
			 size_t count, const struct dns_name *behind)
{
	struct dns_name domain;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		if (dns_name_labels(&zones[i].name) > 0 &&
		    dns_name_join(&zones[i].name, behind, &domain) == 0)
			r = add_domain(p, &domain, ADDED_MAX);
	return r;
}

static int add_domains(struct dns_plan *p, const struct dns_policy *policy)
{
	size_t room = p->domain_count + ADDED_MAX + 1;
	char **match = reallocarray(p->match, room, sizeof(*match));
	int r;

	if (match == NULL)
		return -ENOMEM;
	memset(match + p->domain_count, 0,
	       (room - p->domain_count) * sizeof(*match));
	p->match = match;
	r = add_networks(p, policy);
	for (size_t i = 0; r == 0 && i < policy->system_search_count; i++) {
		const struct dns_name *behind = &policy->system_search[i];

		r = add_prolonged(p, policy->match, policy->match_count,
				  behind);
		if (r == 0)
			r = add_prolonged(p, policy->search,
					  policy->search_count, behind);
	}
	return r;
}

/* Under which every owner is told to ask us. */
static const char *canary_domain(const struct dns_plan *p)
{
	if (p->domain_count > 0)
		return p->match[0];
	if (p->search[0] != NULL)
		return p->search[0];
	return p->match[0] != NULL ? p->match[0] : NO_DOMAIN;
}

struct dns_plan *dns_plan_create(const struct dns_policy *policy,
				 const struct endpoint *stub, bool everything)
{
	struct dns_plan *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->holders = 1;
	p->match =
		texts_of(policy->match, policy->match_count, &p->domain_count);
	p->search = texts_of(policy->search, policy->search_count,
			     &p->owner.search_count);
	if (p->match == NULL || p->search == NULL ||
	    add_all_needed(p, &policy->arming) < 0) {
		dns_plan_release(p);
		return NULL;
	}
	p->owner.match_count = p->domain_count;
	if (!everything && add_domains(p, policy) < 0) {
		dns_plan_release(p);
		return NULL;
	}
	p->owner.stub = *stub;
	p->owner.everything = everything;
	p->owner.match = (const char *const *)p->match;
	p->owner.search = (const char *const *)p->search;
	p->canary_domain = canary_domain(p);
	return p;
}

struct dns_plan *dns_plan_hold(struct dns_plan *p)
{
	if (p != NULL)
		p->holders++;
	return p;
}

void dns_plan_release(struct dns_plan *p)
{
	if (p == NULL || --p->holders > 0)
		return;
	free_texts(p->match);
	free_texts(p->search);
	free(p);
}

static bool same_texts(const char *const *a, size_t a_count,
		       const char *const *b, size_t b_count)
{
	bool same = a_count == b_count;

	for (size_t i = 0; same && i < a_count; i++)
		same = strcmp(a[i], b[i]) == 0;
	return same;
}

bool dns_plan_same(const struct dns_plan *a, const struct dns_plan *b)
{
	const struct dns_owner_plan *x, *y;

	if (a == NULL || b == NULL)
		return a == b;
	x = &a->owner;
	y = &b->owner;
	return endpoint_equal(&x->stub, &y->stub) &&
	       x->everything == y->everything && x->dnssec == y->dnssec &&
	       same_texts(x->match, x->match_count, y->match, y->match_count) &&
	       same_texts(x->search, x->search_count, y->search,
			  y->search_count);
}
