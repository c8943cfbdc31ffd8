/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/explain.h"

#include "dns/message.h"

void dns_explain_first(struct dns_explanation *e)
{
	if (e->count > 0)
		e->first = e->candidates[0].decision;
	else
		e->first = (struct dns_decision) {
			.route = DNS_ROUTE_FIXED,
			.because = DNS_BECAUSE_NOT_COMPLETED,
		};
	/* Nobody is asked for "localhost", and it was not completed. */
	if (e->count == 1 && !e->is_full &&
	    e->first.because == DNS_BECAUSE_LOCALHOST &&
	    dns_name_labels(&e->name) == 1)
		e->count = 0;
}

void dns_explain(struct dns_explanation *e, const struct dns_policy *p)
{
	e->count =
		dns_policy_candidates(p, &e->name, e->is_full, e->candidates);
	dns_explain_first(e);
}

static void put_json(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to); /* sentences and names: no control here */
	}
	fputc('"', to);
}

static const char *rcode_text(uint8_t rcode)
{
	switch (rcode) {
	case DNS_RCODE_NOERROR:
		return "an answer";
	case DNS_RCODE_NXDOMAIN:
		return "a name error";
	}
	return "an error";
}

static void put_kept_json(FILE *to, const struct dns_explanation *e)
{
	char name[DNS_TEXT_MAX];
	const char *before = ", \"cached\": [";
	bool any = false;

	for (size_t i = 0; i < e->count; i++) {
		const struct dns_kept *k = &e->kept[i];

		if (!k->cached)
			continue;
		fputs(before, to);
		fputs("{\"name\": ", to);
		put_json(to, dns_name_text(&e->candidates[i].name, name));
		fprintf(to, ", \"rcode\": %u, \"age\": %u, \"ttl\": %u}",
			k->rcode, k->age_s, k->ttl_s);
		before = ", ";
		any = true;
	}
	fputs(any ? "]" : "", to);
}

/* What asking for a name does to the tunnel. */
struct effect {
	const char *starts, *because;
};

static struct effect effect_of(const struct dns_decision *d)
{
	enum ondemand_why why;

	if (d->route == DNS_ROUTE_TUNNEL)
		return (struct effect) { "yes", ondemand_why_text(
							ONDEMAND_WHY_MATCH) };
	if (d->because == DNS_BECAUSE_GATEWAY)
		return (struct effect) { "no", ondemand_why_text(
						       ONDEMAND_WHY_OWN_NAME) };
	if (d->need != NULL && d->need->never)
		return (struct effect) { "no", ondemand_why_text(
						       ONDEMAND_WHY_NEVER) };
	if (d->because != DNS_BECAUSE_NEEDED)
		return (struct effect) {
			"no", ondemand_why_text(ONDEMAND_WHY_NO_DOMAIN)
		};
	why = dns_need_judge(d->need, ONDEMAND_LOOKUP_OK);
	if (why != ONDEMAND_WHY_WORKS)
		return (struct effect) { "yes", ondemand_why_text(why) };
	return (struct effect) {
		"if it fails", d->need->server_count > 0
				       ? "RequiredDNSServers are asked first"
				       : "the uplink's servers are asked first"
	};
}

static void put_armed_json(FILE *to, const struct dns_explanation *e)
{
	struct effect effect = effect_of(&e->first);

	fprintf(to, ", \"armed\": {\"starts\": \"%s\", \"because\": ",
		effect.starts);
	put_json(to, effect.because);
	fputc('}', to);
}

void dns_explain_json(const struct dns_explanation *e, FILE *to)
{
	char name[DNS_TEXT_MAX], text[DNS_DECISION_TEXT_MAX];
	const struct dns_decision *d = &e->first;

	fputs("{\"asked\": [", to);
	for (size_t i = 0; i < e->count; i++) {
		fputs(i ? ", " : "", to);
		put_json(to, dns_name_text(&e->candidates[i].name, name));
	}
	fputs("], \"server\": ", to);
	put_json(to, dns_route_name(d->route));
	fputs(", \"match\": ", to);
	if (!d->has_match)
		fputs("null", to);
	else
		put_json(to, d->match.len > 1 ? dns_name_text(&d->match, name)
					      : "");
	fputs(", \"because\": ", to);
	put_json(to, dns_decision_text(d, text));
	put_kept_json(to, e);
	if (e->armed)
		put_armed_json(to, e);
	fputs("}\n", to);
}

static const char *verdict(enum dns_route route)
{
	switch (route) {
	case DNS_ROUTE_UPLINK:
		return "is asked of the uplink";
	case DNS_ROUTE_TUNNEL:
		return "is asked through the tunnel";
	case DNS_ROUTE_BLOCKED:
		return "is blocked";
	case DNS_ROUTE_FIXED:
	case DNS_ROUTE_COUNT:
		break;
	}
	return "is answered here, and asked of nobody";
}

/* "starts the tunnel: yes, because it is one of the tunnel's own names" */
static void put_armed(FILE *to, const struct dns_explanation *e)
{
	struct effect effect = effect_of(&e->first);

	if (e->armed)
		fprintf(to, "starts the tunnel: %s, because %s\n",
			effect.starts, effect.because);
}

static void put_kept(FILE *to, const struct dns_explanation *e)
{
	char name[DNS_TEXT_MAX];

	for (size_t i = 0; i < e->count; i++) {
		const struct dns_kept *k = &e->kept[i];

		if (k->cached)
			fprintf(to,
				"kept for %s: %s, %u s old, good for %u s "
				"in all\n",
				dns_name_text(&e->candidates[i].name, name),
				rcode_text(k->rcode), k->age_s, k->ttl_s);
	}
}

/* For a person: the verdict, its reason, and what comes after it. */
void dns_explain_text(const struct dns_explanation *e, const char *servers,
		      FILE *to)
{
	char name[DNS_TEXT_MAX], text[DNS_DECISION_TEXT_MAX];
	bool by_tunnel = false;

	dns_name_text(e->count ? &e->candidates[0].name : &e->name, name);
	fprintf(to, "%s %s:\n  %s\n", name, verdict(e->first.route),
		dns_decision_text(&e->first, text));
	for (size_t i = 0; i < e->count; i++) {
		const struct dns_candidate *c = &e->candidates[i];

		by_tunnel = by_tunnel || c->decision.route == DNS_ROUTE_TUNNEL;
		if (i == 1)
			fputs("while a name does not exist, the next one:\n",
			      to);
		if (i > 0)
			fprintf(to, "  %s %s: %s\n",
				dns_name_text(&c->name, name),
				verdict(c->decision.route),
				dns_decision_text(&c->decision, text));
	}
	put_armed(to, e);
	put_kept(to, e);
	if (by_tunnel)
		fprintf(to, "the tunnel's servers: %s\n", servers);
}
