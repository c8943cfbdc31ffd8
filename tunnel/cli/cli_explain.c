/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adit explain dns NAME: where a name goes, and why, by the code that the
 * resolver runs. With --profile FILE it needs no daemon, no root and no
 * network, and the tunnel is taken as up; else aditd says what is in force.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/profile.h"
#include "dns/blocklist.h"
#include "dns/explain.h"
#include "dns/settings.h"
#include "tunnel/cli/cli.h"

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
		     struct dns_explanation *e)
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

/* To be freed; NULL: out of memory. */
static char *servers_text(const struct dns_settings *s)
{
	char buf[ADDR_TEXT_MAX], *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return NULL;
	for (size_t i = 0; i < s->server_count; i++)
		fprintf(to, "%s%s", i ? ", " : "",
			addr_text(&s->servers[i], buf));
	if (s->server_count == 0)
		fputs("those of the gateway's lease", to);
	if (s->protocol == PROFILE_DNS_TLS)
		fprintf(to, " over TLS (%s)", s->server_name);
	return fclose(to) == 0 ? text : NULL;
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
			const struct search_list *search,
			struct dns_explanation *e)
{
	struct dns_blocklist *lists = NULL;
	struct dns_settings settings;
	const char *unread = NULL;
	char *servers;
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
	r = dns_settings_init(&settings, &in);
	if (r < 0) {
		dns_blocklist_destroy(lists);
		return cli_fail(c, CTL_EXIT_FAILED, "%s", strerror(-r));
	}
	dns_explain(e, &settings.policy);
	servers = servers_text(&settings);
	if (c->json)
		dns_explain_json(e, c->out);
	else
		dns_explain_text(e, servers ? servers : "", c->out);
	free(servers);
	dns_settings_fini(&settings);
	dns_blocklist_destroy(lists);
	return CTL_EXIT_DONE;
}

static int explain_profile(struct cli *c, struct dns_explanation *e)
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

/* What is in force: the daemon answers by the same code. */
static int explain_live(struct cli *c)
{
	struct ctl_request request = {
		.command = CTL_COMMAND_EXPLAIN_DNS,
		.text = (char *)(uintptr_t)c->word[1], /* only read */
		.json = c->json,
	};
	struct ctl_reply reply;
	int code;

	if (c->full || c->system_search != NULL)
		return cli_fail(c, CTL_EXIT_USAGE,
				"--full and --system-search go with "
				"--profile: what is in force knows both");
	code = cli_ask(c, &request, NULL, &reply);
	if (code != CTL_EXIT_DONE)
		return code;
	if (reply.exit != CTL_EXIT_DONE || reply.body == NULL)
		return cli_finish(c, &reply);
	fputs(reply.body, c->out);
	ctl_reply_fini(&reply);
	return CTL_EXIT_DONE;
}

static int run_dns(struct cli *c)
{
	struct dns_explanation *e;
	int code;

	if (c->profile == NULL)
		return explain_live(c);
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
	if (strcmp(c->word[0], "network") == 0)
		return cli_explain_network(c);
	if (strcmp(c->word[0], "dns") != 0)
		return cli_fail(c, CTL_EXIT_USAGE,
				"there is no \"adit explain %s\": see \"adit "
				"help explain\"",
				c->word[0]);
	c->command = "explain dns";
	if (c->facts != NULL)
		return cli_fail(c, CTL_EXIT_USAGE,
				"--facts goes with \"adit explain network\"");
	if (c->word[1] == NULL)
		return cli_fail(c, CTL_EXIT_USAGE,
				"which NAME? See \"adit help explain\"");
	return run_dns(c);
}
