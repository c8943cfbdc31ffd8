/* SPDX-License-Identifier: GPL-3.0-or-later */
/* resolv.conf(5), read and written; no system is asked. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tunnel/host/dns_owner_ops.h"

enum { DNS_PORT = 53, DNS_TLS_PORT = 853 };

#define BLANKS " \t\r\v\f"

/* A word of a line, not ended with a zero. */
struct word {
	const char *at;
	size_t len;
};

/* The next word up to `end`; len 0: there is none. */
static struct word next_word(const char **at, const char *end)
{
	struct word w = { 0 };

	while (*at < end && strchr(BLANKS, **at))
		++*at;
	w.at = *at;
	while (*at < end && !strchr(BLANKS, **at))
		++*at;
	w.len = (size_t)(*at - w.at);
	return w;
}

static bool word_is(const struct word *w, const char *text)
{
	return w->len == strlen(text) && memcmp(w->at, text, w->len) == 0;
}

static bool is_link_local(const struct ip_addr *a)
{
	static const struct ip_prefix net = { { AF_INET6, { 0xfe, 0x80 } },
					      10 };

	return prefix_has(&net, a);
}

void dns_owner_add_server(struct dns_owner_uplink *u, const struct endpoint *at,
			  const char *tls_name)
{
	struct endpoint e = *at;
	struct dns_owner_server *s;

	if (e.port == 0)
		e.port = tls_name ? DNS_TLS_PORT : DNS_PORT;
	if (!is_link_local(&e.addr))
		e.scope_id = 0;
	else if (e.scope_id == 0)
		return;
	for (size_t i = 0; i < u->server_count; i++) {
		if (endpoint_equal(&u->servers[i].at, &e))
			return;
	}
	if (u->server_count == DNS_OWNER_SERVERS_MAX)
		return;
	s = &u->servers[u->server_count++];
	s->at = e;
	s->tls = tls_name != NULL;
	snprintf(s->name, sizeof(s->name), "%s", tls_name ? tls_name : "");
}

void dns_owner_add_search(struct dns_owner_uplink *u, const char *name,
			  size_t len)
{
	char *to;

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (dns_name_check(name, len) != DNS_NAME_OK ||
	    u->search_count == DNS_OWNER_DOMAINS_MAX)
		return;
	to = u->search[u->search_count];
	for (size_t i = 0; i < len; i++)
		to[i] = name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a'
							 : name[i];
	to[len] = '\0';
	for (size_t i = 0; i < u->search_count; i++) {
		if (strcmp(u->search[i], to) == 0)
			return;
	}
	u->search_count++;
}

/* "eth0", or its number, which libc takes as well. 0: there is none. */
static uint32_t link_number(const char *zone)
{
	char *end;
	unsigned long n = strtoul(zone, &end, 10);

	return end != zone && *end == '\0' && n <= UINT32_MAX
		       ? (uint32_t)n
		       : if_nametoindex(zone);
}

static void parse_server(const struct word *w, struct dns_owner_uplink *u)
{
	char text[ADDR_TEXT_MAX + IF_NAMESIZE], *zone;
	struct endpoint at = { 0 };

	if (w->len >= sizeof(text))
		return;
	memcpy(text, w->at, w->len);
	text[w->len] = '\0';
	zone = strchr(text, '%');
	if (zone) {
		*zone++ = '\0';
		at.scope_id = link_number(zone);
	}
	if (addr_parse(text, &at.addr) == 0)
		dns_owner_add_server(u, &at, NULL);
}

static void parse_line(const char *at, const char *end,
		       struct dns_owner_uplink *u)
{
	struct word key = next_word(&at, end);
	struct word w = next_word(&at, end);

	if (word_is(&key, "nameserver")) {
		parse_server(&w, u);
	} else if (word_is(&key, "search") || word_is(&key, "domain")) {
		u->search_count = 0; /* the last line counts */
		for (; w.len; w = next_word(&at, end))
			dns_owner_add_search(u, w.at, w.len);
	}
}

static const char *line_end(const char *at)
{
	return at + strcspn(at, "\n");
}

static const char *next_line(const char *end)
{
	return *end ? end + 1 : end;
}

void dns_owner_parse_file(const char *text, struct dns_owner_uplink *ret_uplink)
{
	memset(ret_uplink, 0, sizeof(*ret_uplink));
	for (const char *at = text; *at;) {
		const char *end = line_end(at);

		parse_line(at, end, ret_uplink);
		at = next_line(end);
	}
}

/* Appends unless it is there or does not fit. */
static size_t list_add(const char **list, size_t count, size_t *room,
		       const char *name)
{
	size_t len = strlen(name) + 1;

	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(list[i], name) == 0)
			return count;
	}
	if (len > *room || count == DNS_OWNER_SEARCH_MAX ||
	    dns_name_check(name, len - 1) != DNS_NAME_OK) {
		*room = 0; /* what follows must not overtake */
		return count;
	}
	*room -= len;
	list[count] = name;
	return count + 1;
}

size_t dns_owner_search_list(const struct dns_owner_plan *p,
			     const struct dns_owner_uplink *u,
			     const char *ret_list[static DNS_OWNER_SEARCH_MAX])
{
	/* One blank before each, and the newline. */
	size_t room = DNS_OWNER_LINE_MAX - strlen("search") - 1;
	size_t count = 0;

	for (size_t i = 0; i < p->search_count; i++)
		count = list_add(ret_list, count, &room, p->search[i]);
	for (size_t i = 0; i < u->search_count; i++)
		count = list_add(ret_list, count, &room, u->search[i]);
	return count;
}

/* Lines that say how to ask, not whom. */
static void keep_options(FILE *f, const char *old)
{
	for (const char *at = old; *at;) {
		const char *end = line_end(at), *rest = at;
		struct word key = next_word(&rest, end);

		if (word_is(&key, "options") || word_is(&key, "sortlist"))
			fprintf(f, "%.*s\n", (int)(end - at), at);
		at = next_line(end);
	}
}

char *dns_owner_file(const struct dns_owner_plan *p, const char *old)
{
	const char *list[DNS_OWNER_SEARCH_MAX];
	struct dns_owner_uplink *u = malloc(sizeof(*u));
	char addr[ADDR_TEXT_MAX], *text = NULL;
	size_t count, size;
	bool failed;
	FILE *f;

	if (!u)
		return NULL;
	dns_owner_parse_file(old, u);
	count = dns_owner_search_list(p, u, list);
	f = open_memstream(&text, &size);
	if (!f) {
		free(u);
		return NULL;
	}
	fprintf(f, "# adit's, for as long as its tunnel is wanted. The file\n"
		   "# from before is in its journal, and comes back.\n");
	fprintf(f, "nameserver %s\n", addr_text(&p->stub.addr, addr));
	if (count)
		fputs("search", f);
	for (size_t i = 0; i < count; i++)
		fprintf(f, " %s", list[i]);
	if (count)
		fputc('\n', f);
	keep_options(f, old);
	free(u);
	failed = ferror(f);
	if (fclose(f) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}

static bool check_servers(const char *path, const struct dns_owner_plan *p,
			  const struct dns_owner_uplink *u, char *error)
{
	char stub[ADDR_TEXT_MAX], other[ADDR_TEXT_MAX];
	bool there = false;

	addr_text(&p->stub.addr, stub);
	for (size_t i = 0; i < u->server_count; i++)
		there |= addr_equal(&u->servers[i].at.addr, &p->stub.addr);
	if (there && u->server_count == 1)
		return true;
	if (u->server_count == 0)
		dns_owner_say(error, "%s names no server", path);
	else
		dns_owner_say(
			error, "%s names %s, %s our %s", path,
			addr_text(&u->servers[there &&
					      addr_equal(&u->servers[0].at.addr,
							 &p->stub.addr)]
					   .at.addr,
				  other),
			there ? "beside" : "not", stub);
	return false;
}

int dns_owner_check_file(const char *path, const struct dns_owner_plan *p,
			 char error[static DNS_OWNER_TEXT_MAX])
{
	static const struct dns_owner_uplink none;
	const char *list[DNS_OWNER_SEARCH_MAX];
	size_t count = dns_owner_search_list(p, &none, list);
	struct dns_owner_uplink *u = malloc(sizeof(*u));
	char *text = u ? dns_owner_read_file(path) : NULL;
	int r = 1;

	if (!text) {
		r = u ? -errno : -ENOMEM;
		free(u);
		dns_owner_say(error, "%s cannot be read: %s", path,
			      strerror(-r));
		return r;
	}
	dns_owner_parse_file(text, u);
	if (!check_servers(path, p, u, error))
		r = 0;
	for (size_t i = 0; r == 1 && i < count && i < DNS_OWNER_DOMAINS_MAX;
	     i++) {
		if (i < u->search_count && strcmp(u->search[i], list[i]) == 0)
			continue;
		dns_owner_say(error, "%s does not search %s as number %zu",
			      path, list[i], i + 1);
		r = 0;
	}
	free(text);
	free(u);
	return r;
}
