/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "config/ondemand.h"
#include "config/text.h"
#include "config/value.h"

enum {
	TRUSTED_TEXT_MAX = 280,
};

static const char *const action_names[] = {
	[PROFILE_ACTION_CONNECT] = "Connect",
	[PROFILE_ACTION_DISCONNECT] = "Disconnect",
	[PROFILE_ACTION_EVALUATE] = "EvaluateConnection",
	[PROFILE_ACTION_IGNORE] = "Ignore",
};

static const char *const interface_names[] = {
	[PROFILE_INTERFACE_ANY] = "any",
	[PROFILE_INTERFACE_ETHERNET] = "Ethernet",
	[PROFILE_INTERFACE_WIFI] = "WiFi",
	[PROFILE_INTERFACE_CELLULAR] = "Cellular",
};

static const char *const criterion_names[ONDEMAND_CRITERIA] = {
	[ONDEMAND_INTERFACE] = "InterfaceTypeMatch",
	[ONDEMAND_SSID] = "SSIDMatch",
	[ONDEMAND_DOMAIN] = "DNSDomainMatch",
	[ONDEMAND_SERVERS] = "DNSServerAddressMatch",
	[ONDEMAND_URL] = "URLStringProbe",
	[ONDEMAND_TRUSTED] = "TrustedProbe",
};

static void put_list(enum value_kind kind, const void *items, size_t count,
		     FILE *to)
{
	const struct value_type *v = &value_types[kind];
	const char *item = items;

	fputc('[', to);
	for (size_t i = 0; i < count; i++, item += v->size) {
		fputs(i > 0 ? ", " : "", to);
		v->print(item, to);
	}
	fputc(']', to);
}

static void put_wanted(const struct profile *p, const struct profile_rule *rule,
		       enum ondemand_criterion criterion, FILE *to)
{
	char trusted[TRUSTED_TEXT_MAX];

	switch (criterion) {
	case ONDEMAND_INTERFACE:
		value_print_string(interface_names[rule->interface], to);
		break;
	case ONDEMAND_SSID:
		put_list(VALUE_SSID, rule->ssids, rule->ssid_count, to);
		break;
	case ONDEMAND_DOMAIN:
		put_list(VALUE_RULE_DOMAIN, rule->domains, rule->domain_count,
			 to);
		break;
	case ONDEMAND_SERVERS:
		put_list(VALUE_SERVER_MATCH, rule->dns_servers,
			 rule->dns_server_count, to);
		break;
	case ONDEMAND_URL:
		value_print_string(rule->probe_url, to);
		break;
	case ONDEMAND_TRUSTED:
		snprintf(trusted, sizeof(trusted), "%s port %u",
			 p->trusted_probe.host, p->trusted_probe.port);
		value_print_string(trusted, to);
		break;
	case ONDEMAND_CRITERIA:
		break;
	}
}

bool ondemand_ssid_text(const uint8_t *bytes, size_t len,
			char text[static ONDEMAND_SSID_TEXT_MAX])
{
	const char *ssid = (const char *)bytes;
	size_t used = 0, at = 0;

	if (text_utf8_prefix(ssid, len) == len && !memchr(ssid, 0, len)) {
		memcpy(text, ssid, len);
		text[len] = '\0';
		return true;
	}
	while (at < len) {
		size_t good = text_utf8_prefix(ssid + at, len - at);

		for (; good > 0 && ssid[at] != '\0'; good--)
			text[used++] = ssid[at++];
		if (at < len)
			used += (size_t)snprintf(text + used, 5, "\\x%02x",
						 bytes[at++]);
	}
	text[used] = '\0';
	return false;
}

const char *ondemand_action_name(enum profile_action action)
{
	return action_names[action];
}

/* Appends; what does not fit is cut. */
static void add(char *buf, size_t size, const char *separator, const char *text)
{
	size_t used = strlen(buf);

	snprintf(buf + used, size - used, "%s%s", used > 0 ? separator : "",
		 text);
}

static void add_list(char *buf, size_t size, const char *what,
		     char *const *items, size_t count)
{
	add(buf, size, ", ", what);
	for (size_t i = 0; i < count; i++)
		add(buf, size, i > 0 ? " or " : " ", items[i]);
	if (count == 0)
		add(buf, size, " ", "of no name");
}

const char *ondemand_rule_text(const struct profile_rule *rule, char *buf,
			       size_t size)
{
	char address[PREFIX_TEXT_MAX];

	*buf = '\0';
	if (rule->interface != PROFILE_INTERFACE_ANY)
		add(buf, size, ", ", interface_names[rule->interface]);
	if (rule->has_ssids)
		add_list(buf, size, "SSID", rule->ssids, rule->ssid_count);
	if (rule->has_domains)
		add_list(buf, size, "search domain", rule->domains,
			 rule->domain_count);
	if (rule->has_dns_servers)
		add(buf, size, ", ", "DNS server");
	for (size_t i = 0; i < rule->dns_server_count; i++)
		add(buf, size, i > 0 ? " or " : " ",
		    prefix_text(&rule->dns_servers[i], address));
	if (rule->probe_url) {
		add(buf, size, ", ", "probe");
		add(buf, size, " ", rule->probe_url);
	}
	if (*buf == '\0')
		add(buf, size, "", "any network");
	text_make_printable(buf);
	return buf;
}

static void put_ssid(const struct ondemand_facts *f, FILE *to)
{
	char text[ONDEMAND_SSID_TEXT_MAX];

	if (f->ssid_len == 0) {
		fputs("null", to);
		return;
	}
	ondemand_ssid_text(f->ssid, f->ssid_len, text);
	value_print_string(text, to);
}

static void put_uplink(enum ondemand_uplink uplink, FILE *to)
{
	static const char *const names[] = {
		[ONDEMAND_UPLINK_NONE] = "null",
		[ONDEMAND_UPLINK_OTHER] = "\"unknown\"",
		[ONDEMAND_UPLINK_ETHERNET] = "\"Ethernet\"",
		[ONDEMAND_UPLINK_WIFI] = "\"WiFi\"",
		[ONDEMAND_UPLINK_CELLULAR] = "\"Cellular\"",
	};

	fputs(names[uplink], to);
}

static void put_domains(const struct ondemand_facts *f, FILE *to)
{
	const char *separator = "";

	fputc('[', to);
	for (size_t i = 0; i < f->search_domain_count; i++) {
		fputs(separator, to);
		value_print_string(f->search_domains[i], to);
		separator = ", ";
	}
	if (f->domain_name) {
		fputs(separator, to);
		value_print_string(f->domain_name, to);
	}
	fputc(']', to);
}

static void put_answer(struct ondemand_answer a, FILE *to)
{
	static const char *const texts[] = {
		[ONDEMAND_PROBE_UNKNOWN] = "null",
		[ONDEMAND_PROBE_TIMEOUT] = "\"timeout\"",
		[ONDEMAND_PROBE_TLS] = "\"tls\"",
		[ONDEMAND_PROBE_DNS] = "\"dns\"",
		[ONDEMAND_PROBE_KEY_OK] = "\"ok\"",
		[ONDEMAND_PROBE_KEY_WRONG] = "\"wrong key\"",
		[ONDEMAND_PROBE_NO_ANSWER] = "\"no answer\"",
	};

	if (a.probe == ONDEMAND_PROBE_STATUS)
		fprintf(to, "%u", a.status);
	else
		fputs(texts[a.probe], to);
}

/* What was not asked has found nothing. */
static void put_found(const struct ondemand_explanation *e, size_t rule,
		      enum ondemand_criterion criterion, bool asked, FILE *to)
{
	const struct ondemand_facts *f = e->facts;
	struct ondemand_answer unknown = { 0 };

	switch (criterion) {
	case ONDEMAND_INTERFACE:
		put_uplink(f->uplink, to);
		break;
	case ONDEMAND_SSID:
		put_ssid(f, to);
		break;
	case ONDEMAND_DOMAIN:
		put_domains(f, to);
		break;
	case ONDEMAND_SERVERS:
		put_list(VALUE_ADDR, f->dns_servers, f->dns_server_count, to);
		break;
	case ONDEMAND_URL:
		put_answer(asked ? ondemand_known(e->ondemand, rule) : unknown,
			   to);
		break;
	case ONDEMAND_TRUSTED:
		put_answer(asked ? e->ondemand->trusted : unknown, to);
		break;
	case ONDEMAND_CRITERIA:
		break;
	}
}

/* How many rules were tried, from the first on. */
static size_t tried(const struct ondemand_explanation *e)
{
	switch (e->decision.outcome) {
	case ONDEMAND_OFF:
	case ONDEMAND_NO_NETWORK:
	case ONDEMAND_OTHER_VPN:
		break;
	case ONDEMAND_NO_MATCH:
		return e->decision.rule;
	case ONDEMAND_MATCH:
	case ONDEMAND_PENDING:
		return e->decision.rule + 1;
	}
	return 0;
}

static const char *headline(const struct ondemand_explanation *e)
{
	switch (e->decision.outcome) {
	case ONDEMAND_OFF:
		return e->ondemand->profile->on_demand
			       ? "no rule is evaluated: there is none"
			       : "no rule is evaluated: on demand is not "
				 "enabled";
	case ONDEMAND_NO_NETWORK:
		return "no rule is evaluated: there is no network";
	case ONDEMAND_OTHER_VPN:
		return "no rule is evaluated: another VPN is the primary "
		       "network";
	case ONDEMAND_NO_MATCH:
		return "no rule matches: the tunnel stays as it is, as with "
		       "Ignore";
	case ONDEMAND_PENDING:
		return "the tunnel stays as it is until a probe is answered";
	case ONDEMAND_MATCH:
		break;
	}
	return NULL;
}

typedef void (*put_cb)(const char *before, const char *text, FILE *to);

static void put_json_text(const char *before, const char *text, FILE *to)
{
	fputs(before, to);
	value_print_string(text, to);
}

static void put_line(const char *before, const char *text, FILE *to)
{
	(void)before; /* separates what stands on one line */
	fprintf(to, "warning: %s\n", text);
}

static bool misses_ssid(const struct ondemand_explanation *e)
{
	const struct profile *p = e->ondemand->profile;

	if (e->facts->uplink != ONDEMAND_UPLINK_WIFI || e->facts->ssid_len > 0)
		return false;
	for (size_t i = 0; i < tried(e); i++)
		if (p->rules[i].has_ssids)
			return true;
	return false;
}

static bool is_told(const struct config_error *e, const char *part)
{
	return e->warning && strstr(e->pointer, part);
}

/* Those with this part in their pointer. */
static const char *put_report(const struct config_report *r, const char *part,
			      const char *before, put_cb put, FILE *to)
{
	char text[CONFIG_POINTER_MAX + CONFIG_TEXT_MAX];

	for (size_t i = 0; r && i < r->count; i++) {
		const struct config_error *e = &r->items[i];

		if (!is_told(e, part))
			continue;
		snprintf(text, sizeof(text), "%s: %s", e->pointer, e->text);
		put(before, text, to);
		before = ", ";
	}
	return before;
}

static void put_warnings(const struct ondemand_explanation *e, put_cb put,
			 FILE *to)
{
	const char *texts[3], *before = "";
	size_t count = 0;

	if (misses_ssid(e))
		texts[count++] = "SSID unavailable: no SSIDMatch can match";
	if (e->facts->ssid_len > 0 && e->facts->uplink != ONDEMAND_UPLINK_WIFI)
		texts[count++] = "an SSID is there on Wi-Fi only: this one is "
				 "not looked at";
	if (!ondemand_may_start(e->ondemand->profile, e->facts))
		texts[count++] = "OnMetered is \"hold\", and this network is "
				 "metered: nothing is started";
	for (size_t i = 0; i < count; i++, before = ", ")
		put(before, texts[i], to);
	before = put_report(e->profile_report, "/OnDemand", before, put, to);
	(void)put_report(e->facts_report, "", before, put, to);
}

static bool was_asked(enum ondemand_verdict v)
{
	return v == ONDEMAND_FITS || v == ONDEMAND_FAILS;
}

static void put_criterion_json(const struct ondemand_explanation *e,
			       size_t rule, enum ondemand_criterion criterion,
			       enum ondemand_verdict verdict, FILE *to)
{
	const struct profile *p = e->ondemand->profile;
	char text[ONDEMAND_SSID_TEXT_MAX];

	fprintf(to,
		"{\"name\": \"%s\", \"wanted\": ", criterion_names[criterion]);
	put_wanted(p, &p->rules[rule], criterion, to);
	fputs(", \"found\": ", to);
	put_found(e, rule, criterion, was_asked(verdict), to);
	if (criterion == ONDEMAND_SSID &&
	    !ondemand_ssid_text(e->facts->ssid, e->facts->ssid_len, text)) {
		fputs(", \"found_hex\": \"", to);
		for (size_t i = 0; i < e->facts->ssid_len; i++)
			fprintf(to, "%02x", e->facts->ssid[i]);
		fputc('"', to);
	}
	fprintf(to, ", \"ok\": %s}",
		verdict == ONDEMAND_FITS ? "true" : "false");
}

static void put_rule_json(const struct ondemand_explanation *e, size_t rule,
			  FILE *to)
{
	const struct profile *p = e->ondemand->profile;
	const char *separator = "";
	struct ondemand_trial t;
	bool matches = ondemand_try(e->ondemand, e->facts, rule, &t);

	fprintf(to,
		"{\"rule\": %zu, \"action\": \"%s\", \"matches\": %s, "
		"\"criteria\": [",
		rule, action_names[p->rules[rule].action],
		matches ? "true" : "false");
	for (int i = 0; i < ONDEMAND_CRITERIA; i++) {
		if (t.verdicts[i] == ONDEMAND_ABSENT)
			continue;
		fputs(separator, to);
		put_criterion_json(e, rule, (enum ondemand_criterion)i,
				   t.verdicts[i], to);
		separator = ", ";
	}
	fputs("]}", to);
}

/* Asks about the connection when the rule that matched says so. */
static bool evaluate(const struct ondemand_explanation *e,
		     struct ondemand_connection *ret_connection)
{
	const struct profile *p = e->ondemand->profile;

	if (e->attempt == NULL || e->decision.outcome != ONDEMAND_MATCH ||
	    e->decision.action != PROFILE_ACTION_EVALUATE)
		return false;
	*ret_connection =
		ondemand_connect(p, &p->rules[e->decision.rule], e->attempt);
	if (!ondemand_may_start(p, e->facts))
		ret_connection->start = false;
	return true;
}

static void put_connection_json(const struct ondemand_explanation *e, FILE *to)
{
	const struct profile_rule *rules = e->ondemand->profile->rules;
	struct ondemand_connection c;

	if (!evaluate(e, &c))
		return;
	fprintf(to, ", \"connection\": \"%s\", \"parameter\": ",
		c.start ? "start" : "no");
	if (c.parameter)
		fprintf(to, "%td",
			c.parameter - rules[e->decision.rule].connections);
	else
		fputs("null", to);
	fputs(", \"connection_because\": ", to);
	value_print_string(ondemand_why_text(c.why), to);
}

void ondemand_print_json(const struct ondemand_explanation *e, FILE *to)
{
	const struct ondemand_decision *d = &e->decision;
	const char *text = headline(e);

	if (d->outcome == ONDEMAND_MATCH)
		fprintf(to, "{\"rule\": %zu, \"action\": \"%s\"", d->rule,
			action_names[d->action]);
	else
		fputs("{\"rule\": null, \"action\": null", to);
	fputs(", \"because\": [", to);
	for (size_t i = 0; i < tried(e); i++) {
		fputs(i > 0 ? ", " : "", to);
		put_rule_json(e, i, to);
	}
	fputs("], \"warnings\": [", to);
	put_warnings(e, put_json_text, to);
	fputc(']', to);
	put_connection_json(e, to);
	if (text) {
		fputs(", \"state\": ", to);
		value_print_string(text, to);
	}
	fputs("}\n", to);
}

static void put_rule_text(const struct ondemand_explanation *e, size_t rule,
			  FILE *to)
{
	static const char *const verdicts[] = {
		[ONDEMAND_FITS] = "fits",
		[ONDEMAND_FAILS] = "fails",
		[ONDEMAND_NOT_ASKED] = "not asked",
		[ONDEMAND_WAITS] = "waits",
	};
	const struct profile *p = e->ondemand->profile;
	struct ondemand_trial t;
	bool matches = ondemand_try(e->ondemand, e->facts, rule, &t);
	bool any = false;

	fprintf(to, "rule %zu (%s) %s:\n", rule,
		action_names[p->rules[rule].action],
		matches ? "matches"
		: e->decision.outcome == ONDEMAND_PENDING &&
				e->decision.rule == rule
			? "waits"
			: "does not match");
	for (int i = 0; i < ONDEMAND_CRITERIA; i++) {
		enum ondemand_criterion criterion = (enum ondemand_criterion)i;

		if (t.verdicts[i] == ONDEMAND_ABSENT)
			continue;
		fprintf(to, "  %s %s: wants ", criterion_names[i],
			verdicts[t.verdicts[i]]);
		put_wanted(p, &p->rules[rule], criterion, to);
		fputs(", found ", to);
		put_found(e, rule, criterion, was_asked(t.verdicts[i]), to);
		fputc('\n', to);
		any = true;
	}
	if (!any)
		fputs("  it has no criteria\n", to);
}

void ondemand_print_text(const struct ondemand_explanation *e, FILE *to)
{
	const struct ondemand_decision *d = &e->decision;
	struct ondemand_connection c;

	if (d->outcome == ONDEMAND_MATCH)
		fprintf(to, "%s, by rule %zu\n", action_names[d->action],
			d->rule);
	else
		fprintf(to, "%s\n", headline(e));
	for (size_t i = 0; i < tried(e); i++)
		put_rule_text(e, i, to);
	if (evaluate(e, &c))
		fprintf(to, "%s: %s: %s\n",
			e->attempt->host ? e->attempt->host : "no name",
			c.start ? "starts the tunnel" : "starts nothing",
			ondemand_why_text(c.why));
	put_warnings(e, put_line, to);
}
