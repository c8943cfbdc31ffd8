/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/dns_plan.h"

#include <stdlib.h>
#include <string.h>

#include "dns/policy.h"

/* Where there is no domain of ours: RFC 6761 keeps this one from everybody. */
#define NO_DOMAIN "adit.invalid"

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

struct dns_plan *dns_plan_create(const struct dns_policy *policy,
				 const struct endpoint *stub, bool everything)
{
	struct dns_plan *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->holders = 1;
	p->match = texts_of(policy->match, policy->match_count,
			    &p->owner.match_count);
	p->search = texts_of(policy->search, policy->search_count,
			     &p->owner.search_count);
	if (p->match == NULL || p->search == NULL) {
		dns_plan_release(p);
		return NULL;
	}
	p->owner.stub = *stub;
	p->owner.everything = everything;
	p->owner.match = (const char *const *)p->match;
	p->owner.search = (const char *const *)p->search;
	p->canary_domain = p->match[0]	  ? p->match[0]
			   : p->search[0] ? p->search[0]
					  : NO_DOMAIN;
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
