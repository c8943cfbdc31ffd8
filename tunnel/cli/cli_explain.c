/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adit explain dns NAME --profile FILE: where a name would go, and why, by the
 * code that the resolver runs. Needs no daemon, no root and no network; the
 * tunnel is taken as up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/profile.h"
#include "dns/blocklist.h"
#include "dns/settings.h"
#include "tunnel/cli/cli.h"

/* A question and its answer. */
struct explanation {
	struct dns_settings settings;
	struct dns_name name;
	bool is_full;		   /* NAME is written with a final dot */
	struct dns_decision first; /* of the name that is asked first */
	struct dns_candidate candidates[DNS_CANDIDATES_MAX];
	size_t count;
};

static const char *fault_text(enum dns_name_fault fault)
{
	switch (fault) {
	case DNS_NAME_OK:
	case DNS_NAME_CHARACTER:
		break;
	case DNS_NAME_EMPTY:
		return "is empty";
	case DNS_NAME_LONG:
		return "is longer than a DNS name can be";
	case DNS_NAME_LABEL:
		return "has a label that is empty or longer than 63";
	case DNS_NAME_NOT_ASCII:
		return "has letters outside ASCII: write it in its A-label "
		       "form (\"xn--...\")";
	}
	return "is no DNS name: letters, digits, \"-\", \"_\" and dots";
}

/* NAME, in which one final dot says that it is complete. "." is the root. */
static int read_name(const struct cli *c, const char *text,
		     struct explanation *e)
{
	size_t len = strlen(text);
	enum dns_name_fault fault;
	struct ip_prefix address;
	struct dns_name reverse[DNS_REVERSE_MAX];
	char buf[DNS_TEXT_MAX];

	if (prefix_parse(text, &address) == 0 &&
	    addr_parse(text, &address.addr) == 0) {
		(void)dns_name_reverse(&address, reverse); /* a host: one */
		return cli_fail(c, CTL_EXIT_USAGE,
				"%s is an address: what asks for its name asks "
				"for %s",
				text, dns_name_text(reverse, buf));
	}
	e->is_full = len > 0 && text[len - 1] == '.';
	fault = dns_name_check(text, e->is_full ? len - 1 : len);
	if (strcmp(text, ".") == 0)
		fault = DNS_NAME_OK;
	if (fault != DNS_NAME_OK || dns_name_from_text(text, &e->name) < 0)
		return cli_fail(c, CTL_EXIT_USAGE, "\"%s\" %s", text,
				fault_text(fault));
	return CTL_EXIT_DONE;
}

/* A list with commas, cut up in place of its copy. */
struct search_list {
	char *text;
	const char **domains;
	size_t count;
};

static void search_list_fini(struct search_list *l)
{
	free(l->text);
	free(l->domains);
}

static int read_search(const struct cli *c, struct search_list *l)
{
	char *at, *domain;
	size_t len;

	if (c->system_search == NULL)
		return CTL_EXIT_DONE;
	l->text = strdup(c->system_search);
	l->domains = calloc(strlen(c->system_search) + 1, sizeof(char *));
	if (l->text == NULL || l->domains == NULL)
		return cli_fail(c, CTL_EXIT_FAILED, "out of memory");
	at = l->text;
	while ((domain = strsep(&at, ",")) != NULL) {
		len = strlen(domain);
		if (len > 0 && domain[len - 1] == '.')
			domain[--len] = '\0';
		if (len == 0)
			continue; /* "." of a resolv.conf, or no list at all */
		if (dns_name_check(domain, len) != DNS_NAME_OK)
			return cli_fail(
				c, CTL_EXIT_USAGE, "--system-search: \"%s\" %s",
				domain,
				fault_text(dns_name_check(domain, len)));
		l->domains[l->count++] = domain;
	}
	return CTL_EXIT_DONE;
}

static void answer(struct explanation *e)
{
	e->count = dns_policy_candidates(&e->settings.policy, &e->name,
					 e->is_full, e->candidates);
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

static void print_json(FILE *to, const struct explanation *e)
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
	fputs("}\n", to);
}

static void put_servers(FILE *to, const struct dns_settings *s)
{
	char buf[ADDR_TEXT_MAX];

	for (size_t i = 0; i < s->server_count; i++)
		fprintf(to, "%s%s", i ? ", " : "",
			addr_text(&s->servers[i], buf));
	if (s->server_count == 0)
		fputs("those of the gateway's lease", to);
	if (s->protocol == PROFILE_DNS_TLS)
		fprintf(to, " over TLS (%s)", s->server_name);
	fputc('\n', to);
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

/* For a person: the verdict, its reason, and what comes after it. */
static void print_lines(FILE *to, const struct explanation *e)
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
	if (by_tunnel) {
		fputs("the tunnel's servers: ", to);
		put_servers(to, &e->settings);
	}
}

/* What is missing on this machine is told, and acts as the profile says. */
static void warn_unread(const struct cli *c, const struct profile *p,
			const char *file, int error)
{
	cli_fail(c, CTL_EXIT_DONE,
		 "warning: block list %s: %s; BlockListsFail is \"%s\"", file,
		 strerror(-error),
		 p->block_lists_fail == PROFILE_LISTS_FAIL_CLOSED ? "closed"
								  : "open");
}

static int explain_with(struct cli *c, const struct profile *p,
			const struct search_list *search, struct explanation *e)
{
	struct dns_blocklist *lists = NULL;
	const char *unread = NULL;
	int r = dns_settings_read_lists(p, &lists, &unread);
	struct dns_settings_input in = {
		.profile = p,
		.system_search = search->domains,
		.system_search_count = search->count,
		.full = c->full,
		.blocklist = lists,
		.lists_unread = r < 0,
	};

	if (r < 0 && unread != NULL)
		warn_unread(c, p, unread, r);
	r = dns_settings_init(&e->settings, &in);
	if (r < 0) {
		dns_blocklist_destroy(lists);
		return cli_fail(c, CTL_EXIT_FAILED, "%s", strerror(-r));
	}
	answer(e);
	if (c->json)
		print_json(c->out, e);
	else
		print_lines(c->out, e);
	dns_settings_fini(&e->settings);
	dns_blocklist_destroy(lists);
	return CTL_EXIT_DONE;
}

static int explain_profile(struct cli *c, struct explanation *e)
{
	struct search_list search = { 0 };
	struct config_report report;
	struct profile *p = NULL;
	int code = read_search(c, &search), r;

	if (code == CTL_EXIT_DONE) {
		r = profile_load(c->profile, PROFILE_FOR_CHECK, &p, &report);
		if (r < 0) {
			config_report_print(&report, c->profile, c->err);
			code = CTL_EXIT_USAGE;
			if (report.errors == 0)
				cli_fail(c, CTL_EXIT_USAGE, "%s: %s",
					 c->profile, strerror(-r));
		}
	}
	if (code == CTL_EXIT_DONE)
		code = explain_with(c, p, &search, e);
	profile_destroy(p);
	search_list_fini(&search);
	return code;
}

static int run_dns(struct cli *c)
{
	struct explanation *e;
	int code;

	if (c->profile == NULL)
		return cli_fail(c, CTL_EXIT_USAGE,
				"--profile FILE is missing: which profile?");
	e = calloc(1, sizeof(*e)); /* large for a stack */
	if (e == NULL)
		return cli_fail(c, CTL_EXIT_FAILED, "out of memory");
	code = read_name(c, c->word[1], e);
	if (code == CTL_EXIT_DONE)
		code = explain_profile(c, e);
	free(e);
	return code;
}

int cli_explain(struct cli *c)
{
	if (c->word[0] == NULL)
		return cli_fail(c, CTL_EXIT_USAGE,
				"what? See \"adit help explain\"");
	if (strcmp(c->word[0], "dns") != 0)
		return cli_fail(c, CTL_EXIT_USAGE,
				"there is no \"adit explain %s\": see \"adit "
				"help explain\"",
				c->word[0]);
	c->command = "explain dns";
	if (c->word[1] == NULL)
		return cli_fail(c, CTL_EXIT_USAGE,
				"which NAME? See \"adit help explain\"");
	return run_dns(c);
}
