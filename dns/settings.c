/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/lease.h"
#include "dns/blocklist.h"

/* Which of an IP version's addresses the routes lead into the tunnel. */
struct coverage {
	bool low, high; /* the halves: routes of length 1 make a default, too */
};

static void cover(struct coverage *c, const struct ip_prefix *route)
{
	bool is_high = route->addr.bytes[0] & 0x80;

	if (route->len > 1)
		return;
	c->low = c->low || route->len == 0 || !is_high;
	c->high = c->high || route->len == 0 || is_high;
}

struct routes {
	struct dns_settings *settings;
	int tunnel;
	struct coverage by_ipv4, by_ipv6;
};

/* One route that leads into the tunnel: the names of its addresses do, too.
 * All addresses are a default route instead. */
static int add_route(struct routes *r, const struct ip_prefix *route)
{
	cover(route->addr.family == AF_INET ? &r->by_ipv4 : &r->by_ipv6, route);
	return route->len == 0 ? 0
			       : dns_policy_add_reverse(&r->settings->policy,
							route, r->tunnel);
}

/* What the profile leaves of a route of the lease. */
static int add_narrowed(struct routes *r, const struct profile *p,
			const struct ip_prefix *route)
{
	int error = 0;

	if (!p->has_routes)
		return add_route(r, route);
	for (size_t i = 0; i < p->route_count && error == 0; i++) {
		if (prefix_covers(route, &p->routes[i]))
			error = add_route(r, &p->routes[i]);
		else if (prefix_covers(&p->routes[i], route))
			error = add_route(r, route);
	}
	return error;
}

static int add_routes(struct routes *r, const struct profile *p,
		      const struct lease *l)
{
	const struct ip_prefix *inner[] = { l ? &l->address4 : NULL,
					    l ? &l->address6 : NULL };
	int error = 0;

	for (size_t i = 0; i < p->route_count && !l && error == 0; i++)
		error = add_route(r, &p->routes[i]);
	for (size_t i = 0; l && i < l->routes.count && error == 0; i++)
		error = add_narrowed(r, p, &l->routes.prefix[i]);
	/* The tunnel's own network, which no route need lead to. */
	for (size_t i = 0; l && i < ARRAY_SIZE(inner) && error == 0; i++)
		if (inner[i]->addr.family != 0 && inner[i]->len > 0)
			error = dns_policy_add_reverse(&r->settings->policy,
						       inner[i], r->tunnel);
	return error;
}

/* Names that are the uplink's always: by them the tunnel is found. */
static int add_uplink_names(struct dns_policy *policy, const struct profile *p)
{
	int error = dns_policy_add_uplink(policy, profile_server_name(p));

	for (size_t i = 0; i < profile_gateway_count(p) && error == 0; i++)
		error = dns_policy_add_uplink(policy,
					      profile_gateway(p, i).host);
	if (error == 0 && p->has_trusted_probe)
		error = dns_policy_add_uplink(policy, p->trusted_probe.host);
	return error;
}

/* The domains of the profile or of the lease, in one form. */
struct domains {
	char *const *search, *const *match;
	size_t search_count, match_count;
	bool no_search; /* match domains do not join the search list */
};

static struct domains domains_of(const struct profile *p, const struct lease *l)
{
	if (!p->has_dns && l)
		return (struct domains) { l->search.name, l->match.name,
					  l->search.count, l->match.count,
					  false };
	if (p->dns.search_domain_count == 0 && p->dns.domain_name)
		return (struct domains) { &p->dns.domain_name,
					  p->dns.match_domains, 1,
					  p->dns.match_domain_count,
					  p->dns.match_domains_no_search };
	return (struct domains) { p->dns.search_domains, p->dns.match_domains,
				  p->dns.search_domain_count,
				  p->dns.match_domain_count,
				  p->dns.match_domains_no_search };
}

static int add_domains(struct dns_policy *policy,
		       const struct dns_settings_input *in)
{
	struct domains d = domains_of(in->profile, in->lease);
	int error = 0;

	for (size_t i = 0; i < d.search_count && error == 0; i++)
		error = dns_policy_add_search(policy, d.search[i], in->tunnel);
	for (size_t i = 0; i < d.match_count && error == 0; i++) {
		error = dns_policy_add_match(policy, d.match[i], in->tunnel);
		if (error == 0 && !d.no_search)
			error = dns_policy_add_search(policy, d.match[i],
						      in->tunnel);
	}
	return error;
}

static int add_system_search(struct dns_policy *policy,
			     const struct dns_settings_input *in)
{
	int error = 0;

	for (size_t i = 0; i < in->system_search_count && error != -ENOMEM; i++)
		error = dns_policy_add_system_search(policy,
						     in->system_search[i]);
	/* What is no domain there is not ours to judge. */
	return error == -ENOMEM ? error : 0;
}

static int copy_servers(struct dns_settings *s, const struct profile *p,
			const struct lease *l)
{
	const struct ip_addr *from = NULL;

	if (p->has_dns) {
		from = p->dns.servers;
		s->server_count = p->dns.server_count;
		s->protocol = p->dns.protocol;
	} else if (l) {
		from = l->dns;
		s->server_count = l->dns_count;
	}
	if (s->server_count > 0) {
		s->servers = calloc(s->server_count, sizeof(*s->servers));
		if (!s->servers)
			return -ENOMEM;
		memcpy(s->servers, from, s->server_count * sizeof(*from));
	}
	if (s->protocol == PROFILE_DNS_TLS && p->dns.server_name) {
		s->server_name = strdup(p->dns.server_name);
		if (!s->server_name)
			return -ENOMEM;
	}
	return 0;
}

/* Of a tunnel without servers only the match domains are left, which fail
 * closed: names of addresses, and all others, the uplink's servers answer. */
static bool has_servers(const struct dns_settings *s,
			const struct dns_settings_input *in)
{
	return s->server_count > 0 || !in->lease;
}

static int fill(struct dns_settings *s, const struct dns_settings_input *in)
{
	struct routes r = { .settings = s, .tunnel = in->tunnel };
	int error = copy_servers(s, in->profile, in->lease);

	if (error == 0)
		error = add_uplink_names(&s->policy, in->profile);
	if (error == 0)
		error = add_domains(&s->policy, in);
	if (error == 0)
		error = add_system_search(&s->policy, in);
	if (error == 0)
		error = add_routes(&r, in->profile, in->lease);
	if (error == 0)
		error = dns_arming_init(&s->policy.arming, in->rule);
	if (error < 0)
		return error;
	s->is_full = in->full || in->profile->include_all_networks ||
		     (r.by_ipv4.low && r.by_ipv4.high) ||
		     (r.by_ipv6.low && r.by_ipv6.high);
	if (!has_servers(s, in)) {
		s->policy.reverse_count = 0;
	} else {
		s->policy.arming_tunnel = in->tunnel;
		if (s->is_full)
			s->policy.default_tunnel = in->tunnel;
	}
	s->policy.blocklist = in->blocklist;
	s->policy.lists_fail_closed =
		in->lists_unread &&
		in->profile->block_lists_fail == PROFILE_LISTS_FAIL_CLOSED;
	return 0;
}

int dns_settings_init(struct dns_settings *s,
		      const struct dns_settings_input *in)
{
	int error;

	*s = (struct dns_settings) { .protocol = PROFILE_DNS_CLEARTEXT };
	dns_policy_init(&s->policy);
	error = fill(s, in);
	if (error < 0)
		dns_settings_fini(s);
	return error;
}

void dns_settings_fini(struct dns_settings *s)
{
	dns_policy_fini(&s->policy);
	free(s->servers);
	free(s->server_name);
	*s = (struct dns_settings) { .protocol = PROFILE_DNS_CLEARTEXT };
}

/* A FIFO must not hold us up, and a folder is no list. */
static int read_list(struct dns_blocklist *lists,
		     const struct profile_block_list *from)
{
	int fd = open(from->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	FILE *file;
	int r;

	if (fd < 0)
		return -errno;
	file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "r")
							  : NULL;
	if (!file) {
		close(fd);
		return -EINVAL;
	}
	r = dns_blocklist_add(lists, file,
			      from->format == PROFILE_LIST_HOSTS
				      ? DNS_LIST_HOSTS
				      : DNS_LIST_DOMAINS);
	fclose(file);
	return r;
}

int dns_settings_read_lists(const struct profile *p,
			    struct dns_blocklist **ret_lists,
			    const char **ret_unread)
{
	struct dns_blocklist *lists = NULL;
	int r, unread = 0;

	if (p->block_list_count > 0) {
		lists = dns_blocklist_create();
		if (!lists)
			return -ENOMEM;
	}
	for (size_t i = 0; i < p->block_list_count; i++) {
		r = read_list(lists, &p->block_lists[i]);
		if (r < 0 && unread == 0) {
			unread = r;
			*ret_unread = p->block_lists[i].file;
		}
	}
	r = lists ? dns_blocklist_seal(lists) : 0;
	if (r < 0) {
		dns_blocklist_destroy(lists);
		return r;
	}
	*ret_lists = lists;
	return unread;
}
