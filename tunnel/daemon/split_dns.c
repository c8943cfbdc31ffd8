/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/daemon/split_dns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/profile.h"
#include "crypto/lease.h"
#include "dns/hash.h"
#include "dns/settings.h"
#include "dns/stub.h"
#include "tunnel/base/clock.h"
#include "tunnel/base/log.h"
#include "tunnel/daemon/dns_host.h"
#include "tunnel/daemon/lease_file.h"
#include "tunnel/daemon/split_dns_private.h"
#include "tunnel/daemon/uplink_facts.h"
#include "tunnel/host/state.h"

enum {
	/* Loopback addresses that are tried when somebody has the first. */
	STUB_ADDRESSES = 8,
};

/* The two sides. */

static enum dns_ask_result on_ask(void *arg, enum dns_route route,
				  const struct dns_query *q, bool tcp,
				  struct dns_ask *ask)
{
	struct split_dns *d = arg;
	struct dns_upstream *u =
		route == DNS_ROUTE_TUNNEL ? d->tunnel : d->uplink;

	return u ? dns_upstream_ask(u, q, tcp, ask) : DNS_ASK_NO_SERVERS;
}

static void on_cancel(void *arg, struct dns_ask *ask)
{
	(void)arg;
	dns_upstream_cancel(ask);
}

static uint64_t on_now(void *arg)
{
	(void)arg;
	return clock_now_ns();
}

/* Can the tunnel carry a question to it? Else it would leave by another way, or
 * by none. */
static bool is_usable(const struct dns_settings *s, const struct ip_addr *a)
{
	static const struct ip_prefix never[] = {
		{ { AF_INET, { 0 } }, 8 },
		{ { AF_INET, { 127 } }, 8 },
		{ { AF_INET, { 224 } }, 3 },
		{ { AF_INET6, { 0 } }, 127 },
		{ { AF_INET6, { 0xff } }, 8 },
		{ { AF_INET6, { 0xfe, 0x80 } }, 10 },
	};
	bool routed = s->is_full;

	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		if (prefix_has(&never[i], a))
			return false;
	for (size_t i = 0; !routed && i < s->policy.reverse_count; i++)
		routed = prefix_has(&s->policy.reverse[i].prefix, a);
	return routed;
}

static void refuse_server(struct split_dns *d, const struct ip_addr *a)
{
	char text[ADDR_TEXT_MAX];

	snprintf(d->refused, sizeof(d->refused),
		 "the DNS server %s is not used: no route of the tunnel leads "
		 "to it",
		 addr_text(a, text));
	log_warning("%s", d->refused);
}

static struct dns_upstream *tunnel_upstream(struct split_dns *d,
					    const struct dns_settings *s)
{
	struct dns_server servers[DNS_SERVERS_MAX] = { 0 };
	struct dns_upstream_options o = {
		.loop = d->o.loop,
		.servers = servers,
		.device = d->o.device,
	};

	d->refused[0] = '\0';
	for (size_t i = 0; i < s->server_count && o.count < DNS_SERVERS_MAX;
	     i++) {
		struct dns_server *server = &servers[o.count];

		if (!is_usable(s, &s->servers[i])) {
			refuse_server(d, &s->servers[i]);
			continue;
		}
		server->at.addr = s->servers[i];
		server->tls = s->protocol == PROFILE_DNS_TLS;
		if (s->server_name != NULL)
			snprintf(server->name, sizeof(server->name), "%s",
				 s->server_name);
		o.count++;
	}
	return dns_upstream_create(&o);
}

static struct dns_upstream *uplink_upstream(struct split_dns *d)
{
	const struct dns_owner_uplink *uplink = &dns_host_view(d->host)->uplink;
	struct dns_server servers[DNS_SERVERS_MAX] = { 0 };
	struct dns_upstream_options o = {
		.loop = d->o.loop,
		.servers = servers,
		.mark = HOST_MARK,
	};

	for (size_t i = 0; i < uplink->server_count && i < DNS_SERVERS_MAX;
	     i++) {
		const struct dns_owner_server *from = &uplink->servers[i];

		if (!dns_loop_has(d->loops, &from->at))
			servers[o.count++] = uplink_facts_server(from);
	}
	return dns_upstream_create(&o);
}

/* The stub, at the first address that is free. */
static int ensure_stub(struct split_dns *d)
{
	struct endpoint at = { .port = DNS_PORT };
	char text[ENDPOINT_TEXT_MAX];
	int r = -EADDRINUSE;

	if (d->stub != NULL)
		return 0;
	(void)addr_parse(DNS_STUB_ADDRESS, &at.addr); /* a constant */
	for (int i = 0; r == -EADDRINUSE && i < STUB_ADDRESSES; i++) {
		r = dns_stub_create(d->o.loop, &at, d->forwarder, &d->stub);
		at.addr.bytes[3]++;
	}
	d->stub_problem[0] = '\0';
	if (r < 0) {
		at.addr.bytes[3]--;
		snprintf(d->stub_problem, sizeof(d->stub_problem),
			 "names are asked as before: cannot listen at %s: %s",
			 endpoint_text(&at, text), strerror(-r));
		log_warning("%s", d->stub_problem);
	}
	return r;
}

/* What of the input decides; the rest follows from it. */

static uint64_t mix(uint64_t seen, const void *bytes, size_t len)
{
	const uint64_t parts[] = { seen, hash_fnv1a(bytes, len) };

	return hash_fnv1a(parts, sizeof(parts));
}

static uint64_t mix_lease(uint64_t seen, const struct lease *l)
{
	seen = mix(seen, &l->address4, sizeof(l->address4));
	seen = mix(seen, &l->address6, sizeof(l->address6));
	seen = mix(seen, l->dns, l->dns_count * sizeof(l->dns[0]));
	seen = mix(seen, l->routes.prefix,
		   l->routes.count * sizeof(l->routes.prefix[0]));
	for (size_t i = 0; i < l->match.count; i++)
		seen = mix(seen, l->match.name[i], strlen(l->match.name[i]));
	for (size_t i = 0; i < l->search.count; i++)
		seen = mix(seen, l->search.name[i], strlen(l->search.name[i]));
	return seen;
}

static uint64_t mix_uplink(uint64_t seen, const struct dns_owner_uplink *u,
			   const struct dns_loop *loops)
{
	for (size_t i = 0; i < u->server_count; i++) {
		const struct dns_owner_server *s = &u->servers[i];
		const uint32_t parts[] = { s->at.port, s->at.scope_id, s->tls,
					   dns_loop_has(loops, &s->at) };

		seen = mix(seen, &s->at.addr, sizeof(s->at.addr));
		seen = mix(seen, parts, sizeof(parts));
		seen = mix(seen, s->name, strlen(s->name));
	}
	for (size_t i = 0; i < u->search_count; i++)
		seen = mix(seen, u->search[i], strlen(u->search[i]));
	return seen;
}

static uint64_t digest(const struct split_dns *d,
		       const struct split_dns_input *in)
{
	const uint64_t parts[] = {
		in->mode,
		in->hold,
		in->any_name,
		in->profile ? in->profile->fingerprint : 0,
		in->rule ? in->generation : 0,
		in->rule ? (uint64_t)(in->rule - in->profile->rules) + 1 : 0,
		in->reason ? hash_fnv1a(in->reason, strlen(in->reason)) : 0,
		d->reloads,
	};
	uint64_t seen = mix_uplink(hash_fnv1a(parts, sizeof(parts)),
				   &dns_host_view(d->host)->uplink, d->loops);

	if (in->lease)
		seen = mix_lease(
			mix(seen, &in->lease->index, sizeof(in->lease->index)),
			in->lease);
	return seen | 1; /* never 0 */
}

static void set_lease(struct split_dns *d, uint64_t fingerprint,
		      struct lease *taken)
{
	lease_fini(&d->lease);
	d->lease = *taken;
	d->lease_of = fingerprint;
}

static void keep_lease(struct split_dns *d, uint64_t fingerprint,
		       const struct lease *l)
{
	struct lease copy = { 0 };
	uint64_t now = mix_lease(fingerprint, l);
	int r;

	if (lease_copy(l, &copy) == 0)
		set_lease(d, fingerprint, &copy);
	if (now == d->kept)
		return;
	d->kept = now;
	r = lease_file_save(d->o.state_dir, fingerprint, l);
	if (r < 0)
		log_warning("the gateway's domains are not kept for the next "
			    "start: %s",
			    strerror(-r));
}

static void load_lease(struct split_dns *d, uint64_t fingerprint)
{
	struct lease l = { 0 };
	int r;

	if (d->looked_of == fingerprint)
		return;
	d->looked_of = fingerprint;
	r = lease_file_load(d->o.state_dir, fingerprint, &l);
	if (r == 0)
		set_lease(d, fingerprint, &l);
	else if (r != -ENOENT)
		log_warning("the gateway's domains of the last time are lost: "
			    "%s",
			    strerror(-r));
}

/* What the gateway said last is what its names are also while it is away, and
 * after a start of ours. */
static const struct lease *lease_of(struct split_dns *d,
				    const struct split_dns_input *in)
{
	uint64_t fingerprint = in->profile->fingerprint;

	if (in->lease != NULL) {
		keep_lease(d, fingerprint, in->lease);
		return in->lease;
	}
	if (d->lease.index == 0 || d->lease_of != fingerprint)
		load_lease(d, fingerprint);
	return d->lease.index != 0 && d->lease_of == fingerprint ? &d->lease
								 : NULL;
}

static int settings_of(struct split_dns *d, const struct split_dns_input *in,
		       struct dns_settings *ret_settings)
{
	const struct dns_owner_uplink *uplink = &dns_host_view(d->host)->uplink;
	const char *search[DNS_OWNER_DOMAINS_MAX];
	struct dns_settings_input input = {
		.profile = in->profile,
		.lease = lease_of(d, in),
		.rule = in->rule,
		.system_search = search,
		.system_search_count = uplink->search_count,
		.blocklist = dns_lists_get(d->lists),
		.lists_unread = dns_lists_problem(d->lists)[0] != '\0',
	};

	for (size_t i = 0; i < uplink->search_count; i++)
		search[i] = uplink->search[i];
	return dns_settings_init(ret_settings, &input);
}

static bool needs_all_names(const struct dns_need *need)
{
	bool root = false;

	for (size_t i = 0; !need->never && i < need->domain_count; i++)
		root |= dns_name_labels(&need->domains[i]) == 0;
	return root;
}

/* Are names of no domain the tunnel's, or may they start it? */
static bool has_all_names(const struct dns_policy *p)
{
	bool root = false;

	for (size_t i = 0; i < p->match_count; i++)
		root |= dns_name_labels(&p->match[i].name) == 0;
	for (size_t i = 0; i < p->arming.count; i++)
		root |= needs_all_names(&p->arming.needs[i]);
	return root || p->default_tunnel != DNS_TUNNEL_NONE;
}

static bool has_names(const struct dns_policy *p)
{
	return p->match_count + p->search_count + p->reverse_count +
		       p->arming.count >
	       0;
}

/* The host is told before the policy acts: what it asks meanwhile is answered
 * by the old one. */
static void enter(struct split_dns *d, const struct split_dns_input *in,
		  struct dns_settings *s)
{
	struct dns_forwarder_state state = {
		.mode = in->mode,
		.hold = in->hold,
		.any_name = in->any_name,
		.rebinding_protection =
			in->profile && in->profile->rebinding_protection,
		.generation = in->generation,
		.reason = in->reason,
	};
	const bool asks_required =
		state.mode == DNS_MODE_ARMED || state.mode == DNS_MODE_WAITING;
	struct dns_upstream **required;
	size_t required_count;
	struct dns_upstream *tunnel = d->tunnel, *uplink = d->uplink;

	d->mode = state.mode;
	d->tunnel = NULL;
	if (state.mode == DNS_MODE_UP)
		d->tunnel = tunnel_upstream(d, s);
	d->uplink = uplink_upstream(d);
	required = required_replace(
		d, s && asks_required ? &s->policy.arming : NULL,
		&required_count);
	dns_forwarder_set(d->forwarder, &state, s ? &s->policy : NULL,
			  clock_now_ns());
	/* Nobody asks by them any more. */
	dns_upstream_destroy(tunnel);
	dns_upstream_destroy(uplink);
	required_release(required, required_count);
	if (d->stub != NULL)
		dns_stub_arm(d->stub);
}

static void set_plan(struct split_dns *d, struct dns_plan *plan)
{
	dns_plan_release(d->plan);
	d->plan = plan;
	dns_host_want(d->host, plan);
}

static void leave(struct split_dns *d)
{
	const struct split_dns_input off = { .mode = DNS_MODE_OFF };

	d->refused[0] = '\0';
	enter(d, &off, NULL);
	set_plan(d, NULL);
}

/* False: names go on as if adit were not there. */
static bool arrive(struct split_dns *d, const struct split_dns_input *in)
{
	struct dns_settings s;
	struct dns_plan *plan = NULL;
	struct endpoint at;
	bool everything;

	if (in->mode == DNS_MODE_OFF || in->profile == NULL)
		return false;
	dns_lists_read(d->lists, in->profile);
	if (settings_of(d, in, &s) < 0)
		return false;
	/* Do all names have to come to the stub, or only those of our domains?
	 */
	d->is_unknown = !in->profile->has_dns && lease_of(d, in) == NULL;
	everything = has_all_names(&s.policy) ||
		     in->profile->rebinding_protection ||
		     in->profile->block_list_count > 0;
	d->all_names = has_all_names(&s.policy);
	if ((everything || has_names(&s.policy)) && ensure_stub(d) == 0) {
		at = dns_stub_endpoint(d->stub);
		plan = dns_plan_create(&s.policy, &at, everything);
	}
	if (plan != NULL) {
		enter(d, in, &s);
		set_plan(d, plan);
	}
	dns_settings_fini(&s);
	return plan != NULL;
}

void split_dns_update(struct split_dns *d, const struct split_dns_input *in)
{
	uint64_t now = digest(d, in);

	if (now == d->seen || d->ending)
		return;
	d->seen = now;
	d->is_unknown = false;
	if (!arrive(d, in))
		leave(d);
}

/* Another uplink is another policy: the session is asked for again. */
static void on_host_changed(void *arg)
{
	struct split_dns *d = arg;
	const struct dns_host_view *v = dns_host_view(d->host);

	if (d->ending)
		return;
	if (!v->applied)
		dns_loop_forget(d->loops);
	else if (v->settled)
		dns_loop_look(d->loops, &v->uplink);
	d->o.changed(d->o.arg);
}

/* Names outside need somebody to be asked, else the host is better off without
 * us. */
static void on_loop_changed(void *arg)
{
	struct split_dns *d = arg;
	const struct dns_owner_uplink *u = &dns_host_view(d->host)->uplink;
	size_t loops = 0;

	for (size_t i = 0; i < u->server_count; i++)
		loops += dns_loop_has(d->loops, &u->servers[i].at);
	if (loops > 0 && loops == u->server_count)
		dns_host_give_up(d->host,
				 "the name servers of this machine ask aditd "
				 "in turn: give them servers of their own");
	else
		d->o.changed(d->o.arg);
}

static void on_canary(void *arg, const char *name)
{
	struct split_dns *d = arg;
	struct dns_name canary;

	if (name != NULL && dns_name_from_text(name, &canary) == 0)
		dns_forwarder_canary(d->forwarder, &canary);
	else
		dns_forwarder_canary(d->forwarder, NULL);
}

void split_dns_look(struct split_dns *d)
{
	if (d->mode != DNS_MODE_OFF)
		dns_host_look(d->host);
}

static void on_lists_changed(void *arg)
{
	struct split_dns *d = arg;

	if (d->ending)
		return;
	d->reloads++;
	d->o.changed(d->o.arg);
}

void split_dns_reload(struct split_dns *d)
{
	dns_lists_forget(d->lists);
	d->reloads++;
	d->o.changed(d->o.arg);
}

const struct dns_owner_uplink *split_dns_uplink(const struct split_dns *d)
{
	const struct dns_host_view *v = dns_host_view(d->host);

	return v->applied && v->known ? &v->uplink : NULL;
}

bool split_dns_settled(const struct split_dns *d)
{
	return dns_host_view(d->host)->settled;
}

struct split_dns *split_dns_create(const struct split_dns_options *o)
{
	struct split_dns *d = calloc(1, sizeof(*d));
	struct dns_forwarder_options forwarder = {
		.ask = on_ask,
		.cancel = on_cancel,
		.now = on_now,
		.arg = d,
	};
	const struct dns_host_options host = {
		.loop = o->loop,
		.host = o->host,
		.changed = on_host_changed,
		.canary = on_canary,
		.arg = d,
	};
	struct dns_loop_options loops = {
		.loop = o->loop,
		.changed = on_loop_changed,
		.arg = d,
	};
	const struct dns_lists_options lists = {
		.loop = o->loop,
		.changed = on_lists_changed,
		.arg = d,
	};

	if (d == NULL)
		return NULL;
	d->o = *o;
	split_dns_armed_options(&forwarder);
	(void)getentropy(&forwarder.seed, sizeof(forwarder.seed));
	d->forwarder = dns_forwarder_create(&forwarder);
	loops.forwarder = d->forwarder;
	d->loops = dns_loop_create(&loops);
	d->host = dns_host_create(&host);
	d->lists = dns_lists_create(&lists);
	if (d->forwarder == NULL || d->host == NULL || d->loops == NULL ||
	    d->lists == NULL) {
		dns_lists_close(d->lists);
		dns_forwarder_destroy(d->forwarder);
		dns_host_end(d->host);
		dns_loop_destroy(d->loops);
		free(d);
		return NULL;
	}
	split_dns_armed_create(d);
	return d;
}

/* The loop still runs the ends of these; they have no way back to us. */
void split_dns_end(struct split_dns *d)
{
	if (d == NULL)
		return;
	d->ending = true;
	dns_host_end(d->host);
	dns_loop_destroy(d->loops);
	dns_stub_destroy(d->stub);
	dns_forwarder_destroy(d->forwarder);
	dns_upstream_destroy(d->tunnel);
	dns_upstream_destroy(d->uplink);
	dns_lists_close(d->lists);
	dns_plan_release(d->plan);
	lease_fini(&d->lease);
	split_dns_armed_end(d);
}
