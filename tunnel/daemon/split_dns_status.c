/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What is shown of a struct split_dns. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/base/clock.h"
#include "tunnel/ctl/ctl.h"
#include "tunnel/daemon/split_dns_private.h"

/* False: out of memory. Nothing is set for no text. */
static bool set(char **slot, const char *text)
{
	if (text == NULL || *text == '\0')
		return true;
	*slot = strdup(text);
	return *slot != NULL;
}

static bool put_texts(struct ctl_list *list, const char *const *texts,
		      size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ctl_list_add_text(list, texts[i]) < 0)
			return false;
	return true;
}

/* "10.77.0.1 over TLS as dns.example: the server's certificate has expired",
 * "10.77.0.2 (silent)". Without a name it is its address that counts. */
static bool put_servers(struct ctl_list *list, const struct dns_upstream *u)
{
	for (size_t i = 0; u != NULL && i < dns_upstream_server_count(u); i++) {
		struct dns_server_state state;
		const struct dns_server *s = dns_upstream_server(u, i, &state);
		char addr[ADDR_TEXT_MAX];
		char text[DNS_SERVER_NAME_MAX + ADDR_TEXT_MAX +
			  DNS_TLS_FAILURE_MAX + 64];

		snprintf(text, sizeof(text), "%s%s%s%s%s%s",
			 addr_text(&s->at.addr, addr),
			 s->tls ? " over TLS" : "",
			 s->tls && s->name[0] ? " as " : "", s->name,
			 state.tls_failure[0] ? ": "
			 : state.dead	      ? " (silent)"
					      : "",
			 state.tls_failure);
		if (ctl_list_add_text(list, text) < 0)
			return false;
	}
	return true;
}

static bool put_count(struct ctl_list *list, const char *what, uint64_t count)
{
	struct ctl_drop *row;

	if (count == 0)
		return true;
	row = ctl_list_add(list, sizeof(*row));
	if (row == NULL)
		return false;
	row->count = count;
	return set(&row->cause, what);
}

/* By what started the tunnel. */
static bool put_triggers(struct ctl_list *list,
			 const uint64_t counts[static ONDEMAND_WHYS])
{
	static const char *const causes[ONDEMAND_WHYS] = {
		[ONDEMAND_WHY_MATCH] = "triggered_own_name",
		[ONDEMAND_WHY_NXDOMAIN] = "triggered_name_error",
		[ONDEMAND_WHY_TIMEOUT] = "triggered_no_answer",
		[ONDEMAND_WHY_REDIRECTED] = "triggered_redirected",
		[ONDEMAND_WHY_SERVERS] = "triggered_required_servers",
		[ONDEMAND_WHY_URL] = "triggered_required_probe",
	};

	for (int i = 0; i < ONDEMAND_WHYS; i++)
		if (causes[i] != NULL && !put_count(list, causes[i], counts[i]))
			return false;
	return true;
}

static bool put_forwarder(const struct split_dns *d, struct ctl_list *list)
{
	static const char *const failures[DNS_ASK_RESULTS] = {
		[DNS_ASK_NO_SERVERS] = "failed_no_servers",
		[DNS_ASK_UNREACHABLE] = "failed_unreachable",
		[DNS_ASK_TIMED_OUT] = "failed_timed_out",
		[DNS_ASK_TLS] = "failed_certificate",
		[DNS_ASK_NO_MEMORY] = "failed_too_many",
	};
	struct dns_forwarder_stats s;
	char text[32];

	dns_forwarder_stats(d->forwarder, &s);
	if (!put_count(list, "queries", s.queries))
		return false;
	for (int i = 0; i < DNS_ROUTE_COUNT; i++) {
		snprintf(text, sizeof(text), "answered_%s",
			 dns_route_name((enum dns_route)i));
		if (!put_count(list, text, s.answered[i]))
			return false;
	}
	for (int i = DNS_ASK_NO_SERVERS; i < DNS_ASK_RESULTS; i++)
		if (!put_count(list, failures[i], s.failed[i]))
			return false;
	return put_count(list, "cached", s.cached) &&
	       put_count(list, "joined", s.joined) &&
	       put_count(list, "completed", s.completed) &&
	       put_count(list, "held", s.held) &&
	       put_count(list, "judged", s.judged) &&
	       put_triggers(list, s.triggers) &&
	       put_count(list, "refused_waiting", s.refused_waiting) &&
	       put_count(list, "refused_full", s.refused_full) &&
	       put_count(list, "refused_rebinding", s.refused_rebinding) &&
	       put_count(list, "refused_kind", s.refused_kind) &&
	       put_count(list, "restarted", s.restarted);
}

static bool put_stub(const struct split_dns *d, struct ctl_list *list)
{
	struct dns_stub_stats s;

	if (d->stub == NULL)
		return true;
	dns_stub_stats(d->stub, &s);
	return put_count(list, "stub_silent", s.silent) &&
	       put_count(list, "stub_malformed", s.malformed) &&
	       put_count(list, "stub_send_failed", s.send_failed) &&
	       put_count(list, "stub_tcp_refused", s.tcp_refused) &&
	       put_count(list, "stub_tcp_cut", s.tcp_cut);
}

static bool put_upstream(struct ctl_list *list, const char *side,
			 const struct dns_upstream *u)
{
	static const char *const faults[DNS_REPLY_FAULTS] = {
		[DNS_REPLY_MALFORMED] = "malformed",
		[DNS_REPLY_WRONG_ID] = "wrong_id",
		[DNS_REPLY_WRONG_QUESTION] = "wrong_question",
		[DNS_REPLY_WRONG_CASE] = "wrong_case",
	};
	struct dns_upstream_stats s;
	char text[48];

	if (u == NULL)
		return true;
	dns_upstream_stats(u, &s);
	for (int i = 0; i < DNS_REPLY_FAULTS; i++) {
		if (faults[i] == NULL)
			continue;
		snprintf(text, sizeof(text), "%s_%s", side, faults[i]);
		if (!put_count(list, text, s.faults[i]))
			return false;
	}
	snprintf(text, sizeof(text), "%s_wrong_source", side);
	if (!put_count(list, text, s.wrong_source))
		return false;
	snprintf(text, sizeof(text), "%s_late", side);
	return put_count(list, text, s.late);
}

static bool put_problem(struct ctl_status *s, const char *text)
{
	struct ctl_fallback *f;

	if (*text == '\0')
		return true;
	f = ctl_list_add(&s->fallbacks, sizeof(*f));
	return f != NULL && set(&f->what, "DNS") && set(&f->reason, text);
}

/* The first time of a profile that leaves it to the gateway. */
static bool put_unknown(const struct split_dns *d, struct ctl_status *s)
{
	return !d->is_unknown ||
	       put_problem(s, "which names are the tunnel's is for the gateway "
			      "to say, and it has not yet: all are asked as "
			      "before");
}

/* The single labels that systemd-resolved never sends to a server. */
static bool put_owner_note(const struct dns_host_view *v, struct ctl_status *s)
{
	return !v->applied || v->owner.kind != DNS_OWNER_RESOLVED ||
	       s->dns.search.count == 0 ||
	       put_problem(s, "systemd-resolved asks no server for single "
			      "labels: it completes them itself, by the same "
			      "search domains");
}

static bool put_host(const struct split_dns *d, struct ctl_status *s)
{
	const struct dns_host_view *v = dns_host_view(d->host);
	char text[ENDPOINT_TEXT_MAX + 160];

	s->dns.applied = v->applied;
	if (v->known) {
		snprintf(text, sizeof(text), "%s%s%s",
			 dns_owner_name(v->owner.kind),
			 v->owner.version[0] ? " " : "", v->owner.version);
		if (!set(&s->dns.owner, text) ||
		    !set(&s->dns.owner_because, v->owner.because))
			return false;
	}
	s->dns.repairs = v->repairs;
	return put_problem(s, v->problem) && put_problem(s, d->stub_problem) &&
	       put_problem(s, dns_lists_problem(d->lists)) &&
	       put_problem(s, d->refused) && put_unknown(d, s) &&
	       put_owner_note(v, s);
}

int split_dns_status(const struct split_dns *d, struct ctl_status *s)
{
	const struct dns_owner_plan *plan = d->plan ? &d->plan->owner : NULL;
	char text[ENDPOINT_TEXT_MAX];
	struct endpoint at;

	if (plan != NULL) {
		at = plan->stub;
		if (!set(&s->dns.stub, endpoint_text(&at, text)) ||
		    !put_texts(&s->dns.match, plan->match,
			       d->plan->domain_count - d->plan->needed_count) ||
		    !put_texts(&s->dns.search, plan->search,
			       plan->search_count))
			return -ENOMEM;
		s->dns.everything = plan->everything;
		s->dns.all_names = d->all_names;
	}
	return put_servers(&s->dns.servers, d->tunnel) &&
			       put_servers(&s->dns.uplink,
					   plan ? d->uplink : NULL) &&
			       put_host(d, s) &&
			       put_forwarder(d, &s->dns.counters) &&
			       put_stub(d, &s->dns.counters) &&
			       put_upstream(&s->dns.counters, "tunnel",
					    d->tunnel) &&
			       put_upstream(&s->dns.counters, "uplink",
					    d->uplink)
		       ? 0
		       : -ENOMEM;
}

char *split_dns_explain(struct split_dns *d, struct dns_explanation *e,
			bool json)
{
	struct ctl_list servers = { 0 };
	char *text = NULL, *names = NULL;
	size_t len;
	FILE *to;

	dns_forwarder_explain(d->forwarder, e, clock_now_ns());
	to = open_memstream(&names, &len);
	if (to != NULL) {
		(void)put_servers(&servers, d->tunnel);
		for (size_t i = 0; i < servers.count; i++)
			fprintf(to, "%s%s", i ? ", " : "",
				((char **)servers.items)[i]);
		if (servers.count == 0)
			fputs("none as long as it is not up", to);
		fclose(to);
	}
	for (size_t i = 0; i < servers.count; i++)
		free(((char **)servers.items)[i]);
	free(servers.items);
	to = names ? open_memstream(&text, &len) : NULL;
	if (to != NULL) {
		if (json)
			dns_explain_json(e, to);
		else
			dns_explain_text(e, names, to);
		fclose(to);
	}
	free(names);
	return text;
}
