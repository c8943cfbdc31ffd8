/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/resolved_link_linux.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tunnel/host/dns_link.h"
#include "tunnel/host/dns_owner_ops.h"

enum {
	SCOPE_DNS = 1, /* SD_RESOLVED_DNS, of a link's ScopesMask */
	DNS_PORT = 53,
};

const struct bus_place resolved_manager = {
	"org.freedesktop.resolve1", "/org/freedesktop/resolve1",
	"org.freedesktop.resolve1.Manager"
};

static struct bus_place link_of(const struct resolved_link *t)
{
	return (struct bus_place) { resolved_manager.name, t->path,
				    "org.freedesktop.resolve1.Link" };
}

/* --- set --- */

int resolved_link_refused(struct resolved_link *t, const char *what, int r)
{
	dns_owner_say(t->error, "systemd-resolved refused %s: %s", what,
		      t->bus.why[0] ? t->bus.why : strerror(-r));
	return r;
}

static int set_text(struct resolved_link *t, const char *method,
		    const char *value)
{
	int r = bus_ask(&t->bus, &resolved_manager, method, NULL, "is",
			(int)t->ifindex, value);

	return r ? resolved_link_refused(t, method, r) : 0;
}

static bool is_search(const struct dns_owner_plan *p, const char *name)
{
	for (size_t i = 0; i < p->search_count; i++) {
		if (strcmp(p->search[i], name) == 0)
			return true;
	}
	return false;
}

/* What the link's domains are to be: (name, for routing only). A search domain
 * routes as well, so what is both is told once. Returns how many; `at` gets the
 * i-th. */
static size_t domain_at(const struct dns_owner_plan *p, size_t i,
			const char **ret_name, bool *ret_routing)
{
	size_t n = 0;

	for (size_t k = 0; k < p->match_count; k++) {
		if (is_search(p, p->match[k]))
			continue;
		if (n++ == i) {
			*ret_name = p->match[k];
			*ret_routing = true;
		}
	}
	if (p->everything && n++ == i) {
		*ret_name = ".";
		*ret_routing = true;
	}
	for (size_t k = 0; k < p->search_count; k++) {
		if (n++ == i) {
			*ret_name = p->search[k];
			*ret_routing = false;
		}
	}
	return n;
}

static int set_domains(struct resolved_link *t)
{
	sd_bus_message *m = NULL;
	const char *name = NULL;
	bool routing = false;
	int r = bus_compose(&t->bus, &resolved_manager, "SetLinkDomains", &m);

	if (r < 0)
		return r;
	r = sd_bus_message_append(m, "i", (int)t->ifindex);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sb)");
	for (size_t i = 0; r >= 0 && i < domain_at(t->plan, i, &name, &routing);
	     i++)
		r = sd_bus_message_append(m, "(sb)", name, (int)routing);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r < 0) {
		sd_bus_message_unref(m);
		return r;
	}
	r = bus_send(&t->bus, m, NULL);
	return r ? resolved_link_refused(t, "our domains", r) : 0;
}

/* SetLinkDNSEx is younger (246), so it is asked only for what needs it. */
static int set_server(struct resolved_link *t)
{
	const struct endpoint *e = &t->plan->stub;
	const uint8_t *b = e->addr.bytes;
	int r;

	if (e->port == DNS_PORT)
		r = bus_ask(&t->bus, &resolved_manager, "SetLinkDNS", NULL,
			    "ia(iay)", (int)t->ifindex, 1, AF_INET, 4, b[0],
			    b[1], b[2], b[3]);
	else
		r = bus_ask(&t->bus, &resolved_manager, "SetLinkDNSEx", NULL,
			    "ia(iayqs)", (int)t->ifindex, 1, AF_INET, 4, b[0],
			    b[1], b[2], b[3], e->port, "");
	return r ? resolved_link_refused(t, "our stub", r) : 0;
}

/* default-route first: with a search domain, or none, the link would be one
 * until then. */
int resolved_link_set(struct resolved_link *t)
{
	int r = bus_ask(&t->bus, &resolved_manager, "SetLinkDefaultRoute", NULL,
			"ib", (int)t->ifindex, (int)t->plan->everything);

	if (r)
		return resolved_link_refused(t, "SetLinkDefaultRoute", r);
	r = set_domains(t);
	if (r == 0)
		r = set_text(t, "SetLinkLLMNR", "no");
	if (r == 0)
		r = set_text(t, "SetLinkMulticastDNS", "no");
	if (r == 0)
		r = set_text(t, "SetLinkDNSOverTLS", "no");
	if (r == 0)
		r = set_text(t, "SetLinkDNSSEC",
			     t->plan->dnssec ? "yes" : "no");
	return r == 0 ? set_server(t) : r;
}

/* --- read back: 1 as it should be, 0 not, or -errno --- */

static int unread(struct resolved_link *t, const char *property, int r)
{
	dns_owner_say(t->error, "systemd-resolved does not tell %s: %s",
		      property, t->bus.why[0] ? t->bus.why : strerror(-r));
	return r;
}

static int check_text(struct resolved_link *t, const char *property,
		      const char *want)
{
	struct bus_place link = link_of(t);
	char now[32] = "";
	int r = bus_get_text(&t->bus, &link, property, now, sizeof(now));

	if (r < 0)
		return unread(t, property, r);
	if (strcmp(now, want) == 0)
		return 1;
	dns_owner_say(t->error, "systemd-resolved has %s \"%s\" for %s, not %s",
		      property, now, DNS_LINK_NAME, want);
	return 0;
}

static int check_default_route(struct resolved_link *t)
{
	struct bus_place link = link_of(t);
	bool now = false;
	int r = bus_get_bool(&t->bus, &link, "DefaultRoute", &now);

	if (r < 0)
		return unread(t, "DefaultRoute", r);
	if (now == t->plan->everything)
		return 1;
	dns_owner_say(t->error, "%s is %s default route of systemd-resolved",
		      DNS_LINK_NAME, now ? "a" : "no");
	return 0;
}

/* Does the message go on with exactly our domains? */
static bool same_domains(sd_bus_message *m, const struct dns_owner_plan *p)
{
	const char *want = "", *now;
	bool routing = false;
	int now_routing;
	size_t i = 0;

	if (sd_bus_message_enter_container(m, 'a', "(sb)") <= 0)
		return false;
	while (sd_bus_message_read(m, "(sb)", &now, &now_routing) > 0) {
		if (i >= domain_at(p, i, &want, &routing) ||
		    strcasecmp(now, want) != 0 || routing != !!now_routing)
			return false;
		i++;
	}
	return i == domain_at(p, SIZE_MAX, &want, &routing);
}

static bool same_server(sd_bus_message *m, const struct endpoint *want)
{
	struct endpoint now = { 0 };
	const void *bytes;
	const char *name;
	int family;
	size_t len;

	if (sd_bus_message_enter_container(m, 'a', "(iayqs)") <= 0 ||
	    sd_bus_message_enter_container(m, 'r', "iayqs") <= 0 ||
	    sd_bus_message_read(m, "i", &family) <= 0 ||
	    sd_bus_message_read_array(m, 'y', &bytes, &len) <= 0 ||
	    sd_bus_message_read(m, "qs", &now.port, &name) <= 0 ||
	    sd_bus_message_exit_container(m) < 0 ||
	    sd_bus_message_at_end(m, 0) <= 0 || family != AF_INET || len != 4)
		return false;
	now.addr.family = AF_INET;
	memcpy(now.addr.bytes, bytes, len);
	if (now.port == 0)
		now.port = DNS_PORT;
	return endpoint_equal(&now, want) && *name == '\0';
}

static int check_domains(struct resolved_link *t)
{
	struct bus_place link = link_of(t);
	sd_bus_message *reply;
	int r = bus_get(&t->bus, &link, "Domains", "a(sb)", &reply);

	if (r < 0)
		return unread(t, "Domains", r);
	r = same_domains(reply, t->plan);
	sd_bus_message_unref(reply);
	if (r == 0)
		dns_owner_say(t->error,
			      "systemd-resolved has other domains for %s",
			      DNS_LINK_NAME);
	return r;
}

static int check_server(struct resolved_link *t)
{
	struct bus_place link = link_of(t);
	sd_bus_message *reply;
	int r = bus_get(&t->bus, &link, "DNSEx", "a(iayqs)", &reply);

	if (r < 0)
		return unread(t, "DNSEx", r);
	r = same_server(reply, &t->plan->stub);
	sd_bus_message_unref(reply);
	if (r == 0)
		dns_owner_say(t->error,
			      "systemd-resolved has other servers for %s",
			      DNS_LINK_NAME);
	return r;
}

/* Without a scope the settings are there, and the names go elsewhere. */
static int check_scope(struct resolved_link *t)
{
	struct bus_place link = link_of(t);
	sd_bus_message *reply;
	uint64_t mask = 0;
	int r = bus_get(&t->bus, &link, "ScopesMask", "t", &reply);

	if (r < 0)
		return unread(t, "ScopesMask", r);
	r = sd_bus_message_read(reply, "t", &mask);
	sd_bus_message_unref(reply);
	if (r < 0)
		return unread(t, "ScopesMask", r);
	if (mask & SCOPE_DNS)
		return 1;
	dns_owner_say(t->error,
		      "systemd-resolved asks nothing on %s: it has "
		      "no carrier or no address",
		      DNS_LINK_NAME);
	return 0;
}

int resolved_link_check(struct resolved_link *t)
{
	int r = check_default_route(t);

	if (r == 1)
		r = check_domains(t);
	if (r == 1)
		r = check_server(t);
	if (r == 1)
		r = check_text(t, "LLMNR", "no");
	if (r == 1)
		r = check_text(t, "MulticastDNS", "no");
	if (r == 1)
		r = check_text(t, "DNSOverTLS", "no");
	if (r == 1)
		r = check_text(t, "DNSSEC", t->plan->dnssec ? "yes" : "no");
	return r == 1 ? check_scope(t) : r;
}
