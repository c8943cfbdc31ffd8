/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/json.h"
#include "config/text.h"
#include "dns/name.h"

enum {
	STATUS_MIN = 100, /* RFC 9110, 15 */
	STATUS_MAX = 599,
};

struct reader {
	struct facts *facts;
	const struct json *json;
	struct config_report *report;
	int error; /* -ENOMEM */
};

/* A word and what it means; the last one is {}. */
struct word {
	const char *text;
	int means;
};

struct member {
	const char *name;
	void (*read)(struct reader *r, const struct json_node *n);
	bool may_be_null;
};

#define COMPLAIN(r, node, ...) \
	json_complain((r)->json, node, NULL, false, (r)->report, __VA_ARGS__)

static bool is(struct reader *r, const struct json_node *n, enum json_type type)
{
	if (n->type == type)
		return true;
	if (n->type == JSON_NULL)
		COMPLAIN(r, n, "is null: leave the key out instead");
	else
		COMPLAIN(r, n, "must be %s, is %s", json_type_text(type),
			 json_type_text(n->type));
	return false;
}

static const struct member *find_member(const struct member *members,
					const char *name)
{
	while (members->name && strcmp(members->name, name) != 0)
		members++;
	return members->name ? members : NULL;
}

static void unknown_key(struct reader *r, const struct member *members,
			const struct json_node *n)
{
	const struct member *near = NULL;
	unsigned int best = UINT32_MAX;
	struct config_error *e;

	for (; members->name; members++) {
		unsigned int d = text_distance(n->key, members->name);

		if (d >= best || !text_is_near(d, n->key))
			continue;
		best = d;
		near = members;
	}
	if (near)
		e = COMPLAIN(r, n, "unknown key (did you mean \"%s\"?)",
			     near->name);
	else
		e = COMPLAIN(r, n, "unknown key");
	json_blame_key(r->json, n, e);
}

static void read_object(struct reader *r, const struct json_node *object,
			const struct member *members)
{
	const struct json_node *n = json_first(r->json, object);

	for (; n && !r->error; n = json_next(r->json, n)) {
		const struct member *m = find_member(members, n->key);

		if (!m)
			unknown_key(r, members, n);
		else if (n->type != JSON_NULL || !m->may_be_null)
			m->read(r, n);
	}
}

static void wrong_word(struct reader *r, const struct json_node *n,
		       const struct word *words, const char *also)
{
	char list[CONFIG_TEXT_MAX / 2], hint[64] = "";
	size_t used;

	used = (size_t)snprintf(list, sizeof(list), "%s%s", "one of ", also);
	for (const char *separator = ""; words->text; words++) {
		used += (size_t)snprintf(list + used, sizeof(list) - used,
					 "%s\"%s\"", separator, words->text);
		separator = ", ";
		if (text_is_near(text_distance(n->text, words->text), n->text))
			snprintf(hint, sizeof(hint), " (did you mean \"%s\"?)",
				 words->text);
	}
	COMPLAIN(r, n, "\"%.48s\" is not %s%s", n->text, list, hint);
}

/* `also`: what may stand there instead, for the complaint. */
static bool read_word(struct reader *r, const struct json_node *n,
		      const struct word *words, const char *also,
		      int *ret_means)
{
	if (!is(r, n, JSON_STRING))
		return false;
	for (const struct word *w = words; w->text; w++) {
		if (strcmp(w->text, n->text) != 0)
			continue;
		*ret_means = w->means;
		return true;
	}
	wrong_word(r, n, words, also);
	return false;
}

static void read_interface(struct reader *r, const struct json_node *n)
{
	static const struct word words[] = {
		{ "WiFi", ONDEMAND_UPLINK_WIFI },
		{ "Ethernet", ONDEMAND_UPLINK_ETHERNET },
		{ "Cellular", ONDEMAND_UPLINK_CELLULAR },
		{ 0 },
	};
	int means;

	if (read_word(r, n, words, "", &means))
		r->facts->network.uplink = (enum ondemand_uplink)means;
}

/* Both spellings may stand there, if they say the same. */
static void set_ssid(struct reader *r, const struct json_node *n,
		     const uint8_t *ssid, size_t len)
{
	struct ondemand_facts *f = &r->facts->network;

	if (f->ssid_len > 0 &&
	    (f->ssid_len != len || memcmp(f->ssid, ssid, len) != 0)) {
		COMPLAIN(r, n, "is another network than \"%s\" says",
			 strcmp(n->key, "ssid") == 0 ? "ssid_hex" : "ssid");
		return;
	}
	memcpy(f->ssid, ssid, len);
	f->ssid_len = len;
}

static void read_ssid(struct reader *r, const struct json_node *n)
{
	size_t len;

	if (!is(r, n, JSON_STRING))
		return;
	len = strlen(n->text);
	if (len == 0 || len > ONDEMAND_SSID_MAX)
		COMPLAIN(r, n, "is no SSID: that has 1 to 32 bytes");
	else
		set_ssid(r, n, (const uint8_t *)n->text, len);
}

static void read_ssid_hex(struct reader *r, const struct json_node *n)
{
	uint8_t ssid[ONDEMAND_SSID_MAX];
	size_t len;

	if (!is(r, n, JSON_STRING))
		return;
	len = strlen(n->text);
	if (len == 0 || len % 2 != 0 || len > 2 * sizeof(ssid) ||
	    strspn(n->text, "0123456789abcdefABCDEF") != len) {
		COMPLAIN(r, n,
			 "must be hexadecimal digits, two for each of 1 to "
			 "32 bytes");
		return;
	}
	for (size_t i = 0; i < len / 2; i++)
		(void)sscanf(n->text + 2 * i, "%2hhx", &ssid[i]); /* are hex */
	set_ssid(r, n, ssid, len / 2);
}

/* NULL after a complaint. "." of a resolv.conf is a list of nothing. */
static const char *read_domain(struct reader *r, const struct json_node *n)
{
	size_t len;

	if (!is(r, n, JSON_STRING))
		return NULL;
	len = strlen(n->text);
	if (len > 1 && n->text[len - 1] == '.')
		len--;
	if (strcmp(n->text, ".") == 0 ||
	    dns_name_check(n->text, len) == DNS_NAME_OK)
		return n->text;
	COMPLAIN(r, n, "\"%.64s\" is not %s", n->text,
		 "a domain such as corp.example.com");
	return NULL;
}

/* Zeroed; NULL when it has no items, and after a complaint. */
static void *list_create(struct reader *r, const struct json_node *n,
			 size_t size)
{
	void *items = NULL;

	if (n->count > 0) {
		items = calloc(n->count, size);
		r->error = items ? 0 : -ENOMEM;
	}
	return items;
}

static void read_search_domains(struct reader *r, const struct json_node *n)
{
	struct facts *f = r->facts;
	const struct json_node *item;

	if (!is(r, n, JSON_ARRAY))
		return;
	f->search_domains = list_create(r, n, sizeof(char *));
	if (!f->search_domains)
		return;
	f->network.search_domains = f->search_domains;
	for (item = json_first(r->json, n); item;
	     item = json_next(r->json, item)) {
		const char *domain = read_domain(r, item);

		if (domain)
			f->search_domains[f->network.search_domain_count++] =
				domain;
	}
}

static void read_domain_name(struct reader *r, const struct json_node *n)
{
	r->facts->network.domain_name = read_domain(r, n);
}

static void read_dns_servers(struct reader *r, const struct json_node *n)
{
	struct facts *f = r->facts;
	const struct json_node *item;

	if (!is(r, n, JSON_ARRAY))
		return;
	f->dns_servers = list_create(r, n, sizeof(*f->dns_servers));
	if (!f->dns_servers)
		return;
	f->network.dns_servers = f->dns_servers;
	for (item = json_first(r->json, n); item;
	     item = json_next(r->json, item)) {
		if (!is(r, item, JSON_STRING))
			continue;
		if (addr_parse(item->text,
			       &f->dns_servers[f->network.dns_server_count]) <
		    0)
			COMPLAIN(r, item, "\"%.64s\" is not %s", item->text,
				 "an IP address");
		else
			f->network.dns_server_count++;
	}
}

static unsigned int read_status(struct reader *r, const struct json_node *n)
{
	if (!n->whole)
		COMPLAIN(r, n,
			 "must be a whole number from %u to %u, without point "
			 "and exponent",
			 STATUS_MIN, STATUS_MAX);
	else if (n->number < STATUS_MIN || n->number > STATUS_MAX)
		COMPLAIN(r, n, "%lld is out of range: %u to %u",
			 (long long)n->number, STATUS_MIN, STATUS_MAX);
	return (unsigned int)n->number;
}

static struct ondemand_answer read_answer(struct reader *r,
					  const struct json_node *n)
{
	static const struct word words[] = {
		{ "timeout", ONDEMAND_PROBE_TIMEOUT },
		{ "tls", ONDEMAND_PROBE_TLS },
		{ "dns", ONDEMAND_PROBE_DNS },
		{ 0 },
	};
	struct ondemand_answer a = { .probe = ONDEMAND_PROBE_NO_ANSWER };
	int means;

	if (n->type == JSON_NUMBER) {
		a.probe = ONDEMAND_PROBE_STATUS;
		a.status = read_status(r, n);
	} else if (read_word(r, n, words, "a status such as 200, ", &means)) {
		a.probe = (enum ondemand_probe)means;
	}
	return a;
}

static void read_probes(struct reader *r, const struct json_node *n)
{
	struct facts *f = r->facts;
	const struct json_node *item;

	if (!is(r, n, JSON_OBJECT))
		return;
	f->probes = list_create(r, n, sizeof(*f->probes));
	if (!f->probes)
		return;
	for (item = json_first(r->json, n); item;
	     item = json_next(r->json, item))
		f->probes[f->probe_count++] = (struct facts_probe) {
			.url = item->key,
			.answer = read_answer(r, item),
			.node = (uint32_t)(item - r->json->nodes),
		};
}

static void read_trusted(struct reader *r, const struct json_node *n)
{
	static const struct word words[] = {
		{ "ok", ONDEMAND_PROBE_KEY_OK },
		{ "wrong key", ONDEMAND_PROBE_KEY_WRONG },
		{ "timeout", ONDEMAND_PROBE_TIMEOUT },
		{ 0 },
	};
	int means;

	if (read_word(r, n, words, "", &means))
		r->facts->trusted.probe = (enum ondemand_probe)means;
}

static void read_bool(struct reader *r, const struct json_node *n, bool *to)
{
	if (n->type == JSON_TRUE || n->type == JSON_FALSE)
		*to = n->type == JSON_TRUE;
	else
		COMPLAIN(r, n, "must be %s, is %s", "true or false",
			 json_type_text(n->type));
}

static void read_vpn(struct reader *r, const struct json_node *n)
{
	read_bool(r, n, &r->facts->network.primary_is_vpn);
}

static void read_metered(struct reader *r, const struct json_node *n)
{
	read_bool(r, n, &r->facts->network.metered);
}

/* A name or an address, as it would be asked for. */
static void read_host(struct reader *r, const struct json_node *n)
{
	struct ip_addr a;
	size_t len;

	if (!is(r, n, JSON_STRING))
		return;
	len = strlen(n->text);
	if (len > 1 && n->text[len - 1] == '.')
		len--;
	if (addr_parse(n->text, &a) == 0 ||
	    dns_name_check(n->text, len) == DNS_NAME_OK)
		r->facts->attempt.host = n->text;
	else
		COMPLAIN(r, n, "\"%.64s\" is not %s", n->text,
			 "a DNS name or an IP address");
}

static void read_resolves(struct reader *r, const struct json_node *n)
{
	static const struct word words[] = {
		{ "ok", ONDEMAND_LOOKUP_OK },
		{ "nxdomain", ONDEMAND_LOOKUP_NXDOMAIN },
		{ "timeout", ONDEMAND_LOOKUP_TIMEOUT },
		{ "redirected", ONDEMAND_LOOKUP_REDIRECTED },
		{ 0 },
	};
	int means;

	if (read_word(r, n, words, "", &means))
		r->facts->attempt.resolves = (enum ondemand_lookup)means;
}

static void read_required_dns(struct reader *r, const struct json_node *n)
{
	static const struct word words[] = {
		{ "ok", ONDEMAND_LOOKUP_OK },
		{ "unreachable", ONDEMAND_LOOKUP_UNREACHABLE },
		{ "nxdomain", ONDEMAND_LOOKUP_NXDOMAIN },
		{ 0 },
	};
	int means;

	if (read_word(r, n, words, "", &means))
		r->facts->attempt.required_dns = (enum ondemand_lookup)means;
}

static void read_required_probe(struct reader *r, const struct json_node *n)
{
	r->facts->attempt.required_url = read_answer(r, n);
}

static void read_required(struct reader *r, const struct json_node *n)
{
	static const struct member members[] = {
		{ "dns", read_required_dns, false },
		{ "probe", read_required_probe, true },
		{ 0 },
	};

	if (is(r, n, JSON_OBJECT))
		read_object(r, n, members);
}

static const struct member members[] = {
	{ "interface", read_interface, true },
	{ "ssid", read_ssid, true },
	{ "ssid_hex", read_ssid_hex, true },
	{ "search_domains", read_search_domains, false },
	{ "domain_name", read_domain_name, false },
	{ "dns_servers", read_dns_servers, false },
	{ "probes", read_probes, false },
	{ "trusted_probe", read_trusted, false },
	{ "primary_is_vpn", read_vpn, false },
	{ "metered", read_metered, false },
	{ "host", read_host, false },
	{ "resolves", read_resolves, false },
	{ "required", read_required, false },
	{ 0 },
};

int facts_parse(const char *text, size_t len, struct facts *ret_facts,
		struct config_report *ret_report)
{
	struct facts f = { .trusted.probe = ONDEMAND_PROBE_NO_ANSWER };
	struct reader r = { .facts = &f, .report = ret_report };
	int error;

	*ret_report = (struct config_report) { 0 };
	error = json_parse(text, len, &f.json, ret_report);
	if (error < 0)
		return error;
	r.json = f.json;
	if (f.json->nodes[0].type == JSON_OBJECT)
		read_object(&r, f.json->nodes, members);
	else
		COMPLAIN(&r, f.json->nodes,
			 "the file must hold one object, and this is %s",
			 json_type_text(f.json->nodes[0].type));
	if (r.error == 0 && ret_report->errors > 0)
		r.error = -EINVAL;
	if (r.error < 0)
		facts_fini(&f);
	else
		*ret_facts = f;
	return r.error;
}

void facts_fini(struct facts *f)
{
	json_destroy(f->json);
	free(f->probes);
	free(f->search_domains);
	free(f->dns_servers);
	*f = (struct facts) { 0 };
}

void facts_answer(const struct facts *f, struct ondemand *o,
		  struct config_report *report)
{
	const struct profile *p = o->profile;
	const struct ondemand_answer none = {
		.probe = ONDEMAND_PROBE_NO_ANSWER,
	};

	for (size_t i = 0; i < p->rule_count; i++)
		if (p->rules[i].probe_url)
			(void)ondemand_answer(o, o->generation,
					      p->rules[i].probe_url, none);
	/* Without a TrustedProbe nobody wants to know. */
	(void)ondemand_answer(o, o->generation, NULL, f->trusted);
	for (size_t i = 0; i < f->probe_count; i++) {
		const struct facts_probe *probe = &f->probes[i];

		if (!ondemand_answer(o, o->generation, probe->url,
				     probe->answer))
			json_complain(f->json, &f->json->nodes[probe->node],
				      NULL, true, report,
				      "no rule has this URLStringProbe");
	}
}
