/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/ondemand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/ondemand_match.h"

/* Rules that probe one URL share the slot of the first of them. */
struct ondemand_slot {
	size_t first;
	struct ondemand_answer answer;
};

/* `rule` itself when its URL is that of no rule before it. */
static size_t first_with_url(const struct profile *p, size_t rule)
{
	const char *url = p->rules[rule].probe_url;
	size_t i = url ? 0 : rule;

	while (i < rule && !(p->rules[i].probe_url &&
			     strcmp(p->rules[i].probe_url, url) == 0))
		i++;
	return i;
}

int ondemand_init(struct ondemand *o, const struct profile *p,
		  uint64_t generation)
{
	struct ondemand_slot *slots = calloc(p->rule_count + 1, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < p->rule_count; i++)
		slots[i].first = first_with_url(p, i);
	*o = (struct ondemand) {
		.profile = p,
		.generation = generation,
		.slots = slots,
	};
	return 0;
}

void ondemand_fini(struct ondemand *o)
{
	free(o->slots);
	*o = (struct ondemand) { 0 };
}

void ondemand_network_changed(struct ondemand *o)
{
	const struct ondemand_answer unknown = { 0 };

	o->generation++;
	o->trusted = unknown;
	for (size_t i = 0; i < o->profile->rule_count; i++)
		o->slots[i].answer = unknown;
}

bool ondemand_answer(struct ondemand *o, uint64_t generation, const char *url,
		     struct ondemand_answer answer)
{
	const struct profile *p = o->profile;

	if (generation != o->generation)
		return false;
	if (!url && p->has_trusted_probe)
		o->trusted = answer;
	if (!url)
		return p->has_trusted_probe;
	for (size_t i = 0; i < p->rule_count; i++) {
		if (!p->rules[i].probe_url ||
		    strcmp(p->rules[i].probe_url, url) != 0)
			continue;
		o->slots[i].answer = answer;
		return true;
	}
	return false;
}

struct ondemand_answer ondemand_known(const struct ondemand *o, size_t rule)
{
	return o->slots[o->slots[rule].first].answer;
}

static enum ondemand_verdict judge(bool present, bool fits)
{
	return !present ? ONDEMAND_ABSENT
	       : fits	? ONDEMAND_FITS
			: ONDEMAND_FAILS;
}

/* `matches`: all that was judged before this probe fits. */
static enum ondemand_verdict judge_probe(bool present, bool matches,
					 struct ondemand_answer a, bool fits)
{
	if (present && !matches)
		return ONDEMAND_NOT_ASKED;
	if (present && a.probe == ONDEMAND_PROBE_UNKNOWN)
		return ONDEMAND_WAITS;
	return judge(present, fits);
}

static bool has(const struct ondemand_trial *t, enum ondemand_verdict verdict)
{
	for (int i = 0; i < ONDEMAND_CRITERIA; i++)
		if (t->verdicts[i] == verdict)
			return true;
	return false;
}

static bool has_criterion(const struct profile_rule *rule)
{
	return rule->interface != PROFILE_INTERFACE_ANY || rule->has_ssids ||
	       rule->has_domains || rule->has_dns_servers || rule->probe_url;
}

/* An SSID can be imitated by anyone: it alone must not take a tunnel down. */
static bool needs_trust(const struct profile *p,
			const struct profile_rule *rule)
{
	return p->has_trusted_probe &&
	       rule->action == PROFILE_ACTION_DISCONNECT && has_criterion(rule);
}

static bool matches(const struct ondemand_trial *t)
{
	return !has(t, ONDEMAND_FAILS) && !has(t, ONDEMAND_WAITS);
}

static bool try_rule(const struct ondemand *o, const struct ondemand_facts *f,
		     const struct ondemand_suffixes *s, size_t at,
		     struct ondemand_trial *ret_trial)
{
	const struct profile *p = o->profile;
	const struct profile_rule *rule = &p->rules[at];
	struct ondemand_answer url = ondemand_known(o, at);
	struct ondemand_trial t = { 0 };
	enum ondemand_verdict *v = t.verdicts;

	v[ONDEMAND_INTERFACE] = judge(rule->interface != PROFILE_INTERFACE_ANY,
				      ondemand_match_interface(rule, f));
	v[ONDEMAND_SSID] = judge(rule->has_ssids, ondemand_match_ssid(rule, f));
	v[ONDEMAND_DOMAIN] =
		judge(rule->has_domains, ondemand_match_domain(rule, f, s));
	v[ONDEMAND_SERVERS] =
		judge(rule->has_dns_servers,
		      ondemand_match_servers(rule, p->dns_server_match, f));
	v[ONDEMAND_URL] = judge_probe(rule->probe_url, matches(&t), url,
				      url.probe == ONDEMAND_PROBE_STATUS &&
					      url.status == ONDEMAND_STATUS_OK);
	v[ONDEMAND_TRUSTED] =
		judge_probe(needs_trust(p, rule), matches(&t), o->trusted,
			    o->trusted.probe == ONDEMAND_PROBE_KEY_OK);
	*ret_trial = t;
	return matches(&t);
}

bool ondemand_try(const struct ondemand *o, const struct ondemand_facts *f,
		  size_t at, struct ondemand_trial *ret_trial)
{
	struct ondemand_suffixes s;

	ondemand_suffixes_init(&s, f);
	return try_rule(o, f, &s, at, ret_trial);
}

static enum ondemand_outcome may_evaluate(const struct profile *p,
					  const struct ondemand_facts *f)
{
	if (!p->on_demand || p->rule_count == 0)
		return ONDEMAND_OFF;
	if (f->uplink == ONDEMAND_UPLINK_NONE)
		return ONDEMAND_NO_NETWORK;
	return f->primary_is_vpn ? ONDEMAND_OTHER_VPN : ONDEMAND_NO_MATCH;
}

/* A rule whose probe is not answered holds up those behind it: which of them
 * is the first to match is not known yet. */
struct ondemand_decision ondemand_evaluate(const struct ondemand *o,
					   const struct ondemand_facts *f)
{
	const struct profile *p = o->profile;
	struct ondemand_decision d = {
		.outcome = may_evaluate(p, f),
		.action = PROFILE_ACTION_IGNORE,
		.generation = o->generation,
	};
	struct ondemand_suffixes s;
	struct ondemand_trial t;

	if (d.outcome != ONDEMAND_NO_MATCH)
		return d;
	ondemand_suffixes_init(&s, f);
	for (d.rule = 0; d.rule < p->rule_count; d.rule++) {
		if (try_rule(o, f, &s, d.rule, &t)) {
			d.outcome = ONDEMAND_MATCH;
			d.action = p->rules[d.rule].action;
			return d;
		}
		if (!has(&t, ONDEMAND_WAITS))
			continue;
		d.outcome = ONDEMAND_PENDING;
		if (t.verdicts[ONDEMAND_URL] == ONDEMAND_WAITS)
			d.url = p->rules[d.rule].probe_url;
		return d;
	}
	return d;
}

bool ondemand_may_start(const struct profile *p, const struct ondemand_facts *f)
{
	return !f->metered || p->on_metered != PROFILE_METERED_HOLD;
}
