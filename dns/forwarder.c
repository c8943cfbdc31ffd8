/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/forwarder.h"

#include <stdlib.h>
#include <string.h>

#include "dns/cache.h"
#include "dns/forwarder_private.h"
#include "dns/hash.h"
#include "dns/rebinding.h"
#include "tunnel/base/clock.h"

enum {
	/* Edges that one query may live through: each asks it again. */
	EDGES_MAX = 8,
	FIXED_TTL_S = 10000, /* of localhost; RFC 6761 names no number */
};

struct dns_forwarder *dns_forwarder_create(
	const struct dns_forwarder_options *o)
{
	struct dns_forwarder *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->o = *o;
	f->held_end = &f->held;
	armed_init(f);
	dns_policy_init(&f->policy);
	f->cache = dns_cache_create(
		o->cache_bytes ? o->cache_bytes : DNS_CACHE_BYTES, o->seed);
	if (f->cache == NULL) {
		free(f);
		return NULL;
	}
	return f;
}

/* Lists of requests: a link points back, so that one can leave anywhere. */

void request_link(struct dns_request **at, struct dns_request *r)
{
	r->next = *at;
	r->link = at;
	if (r->next != NULL)
		r->next->link = &r->next;
	*at = r;
}

void request_unlink(struct dns_forwarder *f, struct dns_request *r)
{
	if (r->link == NULL)
		return;
	if (f->held_end == &r->next)
		f->held_end = r->link;
	if (r->held_until_ns != 0)
		f->held_count--;
	if (r->next != NULL)
		r->next->link = r->link;
	*r->link = r->next;
	r->next = NULL;
	r->link = NULL;
	r->held_until_ns = 0;
	f->stats.under_way--;
}

static struct dns_flight **bucket_of(struct dns_forwarder *f,
				     const struct dns_query *q,
				     enum dns_route route)
{
	const uint64_t key[2] = { f->o.seed, (uint64_t)q->type << 8 | route };
	struct dns_name name = q->name;

	dns_name_lower(&name);
	return &f->flights[hash_siphash(name.wire, name.len, key) %
			   FLIGHT_BUCKETS];
}

/* Nobody finds it any more. */
static void flight_unlink(struct dns_flight *flight)
{
	if (flight->link == NULL)
		return;
	*flight->link = flight->next;
	if (flight->next != NULL)
		flight->next->link = flight->link;
	flight->link = NULL;
}

void flight_destroy(struct dns_flight *flight)
{
	flight_unlink(flight);
	armed_unwatch(flight);
	free(flight);
}

void dns_forwarder_destroy(struct dns_forwarder *f)
{
	if (f == NULL)
		return;
	armed_leave(f);
	for (size_t i = 0; i < FLIGHT_BUCKETS; i++)
		while (f->flights[i] != NULL) {
			f->o.cancel(f->o.arg, &f->flights[i]->ask);
			flight_destroy(f->flights[i]);
		}
	dns_cache_destroy(f->cache);
	dns_policy_fini(&f->policy);
	free(f);
}

/* Answers. Each ends the request, which its owner may free at once. */

static void finish_error(struct dns_forwarder *f, struct dns_request *r,
			 enum dns_rcode rcode, int code, const char *text)
{
	const struct dns_error_text error = { code, text };

	r->done(r, f->buffer,
		dns_error_build(&r->query, rcode, &error, f->buffer));
}

static void finish_answer(struct dns_forwarder *f, struct dns_request *r,
			  const struct dns_candidate *c,
			  const struct dns_answer *a, uint32_t age_s)
{
	bool completed = !dns_name_equal(&c->name, &r->query.name);
	size_t len = dns_answer_build(a, &r->query, completed ? &c->name : NULL,
				      age_s, NULL, f->buffer, r->max);

	f->stats.answered[c->decision.route]++;
	f->stats.completed += completed;
	r->done(r, f->buffer, len);
}

static void finish_failed(struct dns_forwarder *f, struct dns_request *r,
			  enum dns_ask_result result)
{
	f->stats.failed[result]++;
	finish_error(f, r, DNS_RCODE_SERVFAIL,
		     result == DNS_ASK_TLS || result == DNS_ASK_NO_MEMORY
			     ? DNS_ERROR_OTHER
			     : DNS_ERROR_NO_AUTHORITY,
		     dns_ask_result_text(result));
}

static void finish_blocked(struct dns_forwarder *f, struct dns_request *r,
			   const struct dns_decision *d)
{
	f->stats.answered[DNS_ROUTE_BLOCKED]++;
	finish_error(f, r, DNS_RCODE_NXDOMAIN, DNS_ERROR_BLOCKED,
		     d->because == DNS_BECAUSE_LISTS_FAIL
			     ? "a block list cannot be read, and the profile "
			       "blocks every name then"
			     : "a block list of the profile has it");
}

static void finish_fixed(struct dns_forwarder *f, struct dns_request *r,
			 uint32_t ttl_s)
{
	const struct ip_addr loopback[] = {
		{ .family = AF_INET, .bytes = { 127, 0, 0, 1 } },
		{ .family = AF_INET6, .bytes = { [15] = 1 } },
	};

	f->stats.answered[DNS_ROUTE_FIXED]++;
	r->done(r, f->buffer,
		dns_fixed_build(&r->query, loopback, ARRAY_SIZE(loopback),
				ttl_s, f->buffer));
}

static void finish_waiting(struct dns_forwarder *f, struct dns_request *r)
{
	f->stats.refused_waiting++;
	finish_error(f, r, DNS_RCODE_SERVFAIL, DNS_ERROR_NOT_READY,
		     f->reason[0] ? f->reason : "the tunnel is not up");
}

/* The way of one query. */

enum outcome {
	SERVED,	    /* answered, or under way */
	NAME_ERROR, /* there is no such name: the next completion */
};

static struct dns_cache_key key_of(const struct dns_query *q,
				   const struct dns_name *name,
				   enum dns_route route)
{
	return (struct dns_cache_key) {
		.name = name,
		.type = q->type,
		.class = q->class,
		.route = (uint8_t)route,
		.dnssec_ok = q->dnssec_ok,
		.checking_disabled = q->checking_disabled,
	};
}

static enum outcome use_answer(struct dns_forwarder *f, struct dns_request *r,
			       const struct dns_candidate *c,
			       const struct dns_answer *a, uint32_t age_s)
{
	if (a->rcode == DNS_RCODE_NXDOMAIN &&
	    !dns_name_equal(&c->name, &r->query.name))
		return NAME_ERROR;
	finish_answer(f, r, c, a, age_s);
	return SERVED;
}

/* May an answer for it point at this host's own networks? Names that are ours
 * by some rule may. */
static bool guards(const struct dns_forwarder *f, const struct dns_decision *d)
{
	return f->state.rebinding_protection && d->route == DNS_ROUTE_UPLINK &&
	       (d->because == DNS_BECAUSE_OUTSIDE ||
		d->because == DNS_BECAUSE_NO_DOMAINS);
}

static void on_done(struct dns_ask *ask, enum dns_ask_result result,
		    struct dns_answer *answer);
static void proceed(struct dns_forwarder *f, struct dns_request *r,
		    uint64_t now_ns);

static struct dns_flight *flight_find(struct dns_forwarder *f,
				      const struct dns_query *q,
				      enum dns_route route)
{
	struct dns_flight *flight = *bucket_of(f, q, route);

	while (flight != NULL &&
	       !(flight->route == route && flight->query.type == q->type &&
		 flight->query.class == q->class &&
		 flight->query.dnssec_ok == q->dnssec_ok &&
		 flight->query.checking_disabled == q->checking_disabled &&
		 dns_name_equal(&flight->query.name, &q->name)))
		flight = flight->next;
	return flight;
}

/* NULL: out of memory. It is asked when the caller has joined it. */
static struct dns_flight *flight_create(struct dns_forwarder *f,
					const struct dns_query *q,
					const struct dns_decision *d)
{
	struct dns_flight *flight = calloc(1, sizeof(*flight));
	struct dns_flight **bucket = bucket_of(f, q, d->route);

	if (flight == NULL)
		return NULL;
	flight->ask.done = on_done;
	flight->forwarder = f;
	flight->query = *q;
	flight->route = d->route;
	flight->guarded = guards(f, d);
	if (d->because == DNS_BECAUSE_NEEDED && d->route == DNS_ROUTE_UPLINK) {
		flight->need = d->need;
		flight->judged = f->state.mode == DNS_MODE_ARMED;
	}
	flight->next = *bucket;
	flight->link = bucket;
	if (flight->next != NULL)
		flight->next->link = &flight->next;
	*bucket = flight;
	return flight;
}

static enum dns_ask_result flight_ask(struct dns_forwarder *f,
				      struct dns_flight *flight, bool tcp)
{
	flight->asked = true;
	if (flight->judged)
		armed_watch(flight);
	if (flight->need != NULL && flight->need->server_count > 0)
		return f->o.ask_required(f->o.arg, flight->need, &flight->query,
					 tcp, &flight->ask);
	return f->o.ask(f->o.arg, flight->route, &flight->query, tcp,
			&flight->ask);
}

void forwarder_ask_side(struct dns_forwarder *f, struct dns_request *r,
			const struct dns_candidate *c)
{
	struct dns_query q = r->query;
	enum dns_ask_result result;
	struct dns_flight *flight;

	if (f->stats.under_way >= DNS_REQUESTS_MAX) {
		f->stats.refused_full++;
		finish_error(f, r, DNS_RCODE_SERVFAIL, DNS_ERROR_OTHER,
			     "too many queries are under way");
		return;
	}
	q.name = c->name;
	flight = flight_find(f, &q, c->decision.route);
	f->stats.joined += flight != NULL;
	if (flight == NULL)
		flight = flight_create(f, &q, &c->decision);
	if (flight == NULL) {
		finish_failed(f, r, DNS_ASK_NO_MEMORY);
		return;
	}
	r->flight = flight;
	request_link(&flight->waiting, r);
	f->stats.under_way++;
	if (flight->asked)
		return;
	result = flight_ask(f, flight, r->tcp);
	if (result != DNS_ASK_ANSWERED)
		on_done(&flight->ask, result, NULL);
}

bool forwarder_holds(const struct dns_forwarder *f)
{
	return f->state.mode == DNS_MODE_ARMED ||
	       (f->state.mode == DNS_MODE_WAITING && f->state.hold);
}

void forwarder_hold(struct dns_forwarder *f, struct dns_request *r,
		    uint64_t now_ns)
{
	if (!forwarder_holds(f)) {
		proceed(f, r, now_ns);
		return;
	}
	if (f->held_count >= DNS_HELD_MAX ||
	    f->stats.under_way >= DNS_REQUESTS_MAX) {
		f->stats.refused_full++;
		finish_waiting(f, r);
		return;
	}
	request_link(f->held_end, r);
	f->held_end = &r->next;
	r->held_until_ns = now_ns + (uint64_t)DNS_HOLD_MS * NS_PER_MS;
	f->held_count++;
	f->stats.under_way++;
	f->stats.held++;
}

void forwarder_trigger(struct dns_forwarder *f, const struct dns_name *name,
		       enum ondemand_why why)
{
	if (f->state.mode != DNS_MODE_ARMED)
		return;
	f->stats.triggers[why]++;
	f->o.trigger(f->o.arg, name, why); /* may come back as an edge */
}

static void serve_tunnel(struct dns_forwarder *f, struct dns_request *r,
			 const struct dns_candidate *c, uint64_t now_ns)
{
	if (forwarder_holds(f)) {
		forwarder_hold(f, r, now_ns);
		forwarder_trigger(f, &c->name, ONDEMAND_WHY_MATCH);
	} else if (f->state.mode == DNS_MODE_WAITING) {
		finish_waiting(f, r);
	} else {
		forwarder_ask_side(f, r, c);
	}
}

static enum outcome serve(struct dns_forwarder *f, struct dns_request *r,
			  const struct dns_candidate *c, uint64_t now_ns)
{
	const struct dns_decision *d = &c->decision;
	const struct dns_cache_key key = key_of(&r->query, &c->name, d->route);
	const struct dns_answer *a;
	uint32_t age_s;

	if (d->route == DNS_ROUTE_BLOCKED)
		finish_blocked(f, r, d);
	else if (d->route == DNS_ROUTE_FIXED)
		finish_fixed(f, r, FIXED_TTL_S);
	if (d->route == DNS_ROUTE_BLOCKED || d->route == DNS_ROUTE_FIXED)
		return SERVED;
	a = dns_cache_find(f->cache, &key, now_ns, &age_s);
	if (a != NULL) {
		f->stats.cached++;
		return use_answer(f, r, c, a, age_s);
	}
	if (d->route == DNS_ROUTE_TUNNEL)
		serve_tunnel(f, r, c, now_ns);
	else if (d->because == DNS_BECAUSE_NEEDED &&
		 f->state.mode == DNS_MODE_ARMED)
		armed_serve(f, r, c, now_ns);
	else
		forwarder_ask_side(f, r, c);
	return SERVED;
}

/* These ask about a zone, and a label alone is one: it is not completed. */
static bool asks_zone(uint16_t type)
{
	return type == DNS_TYPE_NS || type == DNS_TYPE_SOA ||
	       type == DNS_TYPE_DS || type == DNS_TYPE_DNSKEY;
}

/* What the policy says of a tunnel that is up, taken back: a tunnel that takes
 * the default route, and does not have it yet, leaves the names of the world
 * where they are: make before break. Those of its own domains it keeps, but for
 * what EvaluateConnection says. */
static void while_not_up(const struct dns_forwarder *f, struct dns_decision *d)
{
	bool exempt = d->need != NULL && d->need->never;

	if (f->state.mode == DNS_MODE_UP ||
	    (f->state.mode == DNS_MODE_ARMED && f->state.any_name &&
	     f->policy.arming.count == 0 && d->because == DNS_BECAUSE_DEFAULT))
		return;
	if (exempt && d->route == DNS_ROUTE_TUNNEL) {
		d->because = DNS_BECAUSE_EXEMPT;
	} else if (d->because == DNS_BECAUSE_NEEDED) {
		d->route = f->state.mode == DNS_MODE_WAITING && f->state.hold
				   ? DNS_ROUTE_TUNNEL
				   : DNS_ROUTE_UPLINK;
		return;
	} else if (d->because == DNS_BECAUSE_REVERSE &&
		   f->state.mode == DNS_MODE_ARMED) {
		d->because = DNS_BECAUSE_ADDRESS;
	} else if (d->because == DNS_BECAUSE_DEFAULT) {
		d->because = DNS_BECAUSE_NOT_YET;
	} else {
		return;
	}
	d->route = DNS_ROUTE_UPLINK;
	d->has_match = false;
}

static size_t candidates_of(const struct dns_forwarder *f,
			    const struct dns_name *name, bool is_full,
			    struct dns_candidate *list)
{
	size_t count;

	if (f->state.mode != DNS_MODE_OFF) {
		count = dns_policy_candidates(&f->policy, name, is_full, list);
		for (size_t i = 0; i < count; i++)
			while_not_up(f, &list[i].decision);
		return count;
	}
	/* As if adit were not there. */
	list[0].name = *name;
	memset(&list[0].decision, 0, sizeof(list[0].decision));
	list[0].decision.route = DNS_ROUTE_UPLINK;
	list[0].decision.because = DNS_BECAUSE_OFF;
	return 1;
}

/* Goes on with the completion whose turn it is. */
static void proceed(struct dns_forwarder *f, struct dns_request *r,
		    uint64_t now_ns)
{
	struct dns_candidate list[DNS_CANDIDATES_MAX];
	size_t count = candidates_of(f, &r->query.name,
				     asks_zone(r->query.type), list);

	while (r->candidate < count) {
		if (serve(f, r, &list[r->candidate], now_ns) == SERVED)
			return;
		r->candidate++;
	}
	/* The label itself is nobody's. */
	if (armed_label(f, r, now_ns))
		return;
	f->stats.answered[DNS_ROUTE_FIXED]++;
	finish_error(f, r, DNS_RCODE_NXDOMAIN, DNS_ERROR_NONE, NULL);
}

void dns_forwarder_take(struct dns_forwarder *f, struct dns_request *r,
			uint64_t now_ns)
{
	f->stats.queries++;
	if (f->canary.len != 0 && dns_name_equal(&r->query.name, &f->canary)) {
		f->stats.canaries++;
		finish_fixed(f, r, 0);
		return;
	}
	proceed(f, r, now_ns);
}

void dns_forwarder_canary(struct dns_forwarder *f, const struct dns_name *name)
{
	f->canary.len = 0;
	if (name != NULL)
		f->canary = *name;
}

void dns_forwarder_drop(struct dns_forwarder *f, struct dns_request *r)
{
	struct dns_flight *flight = r->flight;

	request_unlink(f, r);
	r->flight = NULL;
	/* Its answer is worth keeping, but not worth a place in a flood. */
	if (flight == NULL || flight->waiting != NULL || flight->link == NULL)
		return;
	f->o.cancel(f->o.arg, &flight->ask);
	flight_destroy(flight);
}

void dns_forwarder_refused(struct dns_forwarder *f)
{
	f->stats.queries++;
	f->stats.refused_kind++;
}

/* Answers of a side. */

static void deliver(struct dns_forwarder *f, struct dns_request *r,
		    const struct dns_flight *flight, const struct dns_answer *a,
		    uint64_t now_ns)
{
	struct dns_candidate c = { .name = flight->query.name,
				   .decision.route = flight->route };

	if (use_answer(f, r, &c, a, 0) == SERVED)
		return;
	r->candidate++;
	proceed(f, r, now_ns);
}

/* Tells those who wait for it. */
static void flight_finish(struct dns_flight *flight, enum dns_ask_result result,
			  struct dns_answer *answer)
{
	struct dns_forwarder *f = flight->forwarder;
	uint64_t now_ns = f->o.now(f->o.arg);
	struct dns_cache_key key =
		key_of(&flight->query, &flight->query.name, flight->route);
	bool refused = result == DNS_ASK_ANSWERED && flight->guarded &&
		       dns_answer_points_inside(answer);
	struct dns_request *r;

	while ((r = flight->waiting) != NULL) {
		request_unlink(f, r);
		r->flight = NULL;
		if (refused) {
			f->stats.refused_rebinding++;
			finish_error(f, r, DNS_RCODE_REFUSED,
				     DNS_ERROR_FILTERED,
				     "it points at a private address, and the "
				     "profile protects from rebinding");
		} else if (result == DNS_ASK_ANSWERED) {
			deliver(f, r, flight, answer, now_ns);
		} else {
			finish_failed(f, r, result);
		}
	}
	if (result == DNS_ASK_ANSWERED &&
	    (refused || !dns_cache_put(f->cache, &key, answer, now_ns)))
		dns_answer_fini(answer);
	flight_destroy(flight);
}

static void on_done(struct dns_ask *ask, enum dns_ask_result result,
		    struct dns_answer *answer)
{
	struct dns_flight *flight = (struct dns_flight *)ask;

	/* Who asks the same from within `done` begins a flight of its own. */
	flight_unlink(flight);
	armed_unwatch(flight);
	if (!flight->judged || !armed_judge(flight, result, answer))
		flight_finish(flight, result, answer);
}

/* Edges, and time. */

static void begin_again(struct dns_forwarder *f, struct dns_request *r,
			uint64_t now_ns)
{
	request_unlink(f, r);
	r->candidate = 0;
	f->stats.restarted++;
	if (++r->edges > EDGES_MAX)
		finish_error(f, r, DNS_RCODE_SERVFAIL, DNS_ERROR_NETWORK,
			     "the network changes too fast");
	else
		proceed(f, r, now_ns);
}

void forwarder_release(struct dns_forwarder *f, struct dns_request **list)
{
	struct dns_request *r;

	while ((r = *list) != NULL) {
		request_unlink(f, r);
		proceed(f, r, f->o.now(f->o.arg));
	}
}

/* Moves a whole list to those that are begun again. */
static void set_aside(struct dns_forwarder *f, struct dns_request **list)
{
	struct dns_request *r;

	while ((r = *list) != NULL) {
		request_unlink(f, r);
		r->flight = NULL;
		request_link(&f->again, r);
		f->stats.under_way++;
	}
}

static void set_flights_aside(struct dns_forwarder *f)
{
	for (size_t i = 0; i < FLIGHT_BUCKETS; i++)
		while (f->flights[i] != NULL) {
			struct dns_flight *flight = f->flights[i];

			f->o.cancel(f->o.arg, &flight->ask);
			set_aside(f, &flight->waiting);
			flight_destroy(flight);
		}
}

void dns_forwarder_set(struct dns_forwarder *f,
		       const struct dns_forwarder_state *state,
		       struct dns_policy *policy, uint64_t now_ns)
{
	size_t len = 0;
	bool another;

	f->state = *state;
	f->state.reason = NULL;
	if (state->reason != NULL)
		len = strnlen(state->reason, sizeof(f->reason) - 1);
	memcpy(f->reason, state->reason ? state->reason : "", len);
	f->reason[len] = '\0';
	armed_leave(f);
	dns_cache_flush(f->cache);
	set_flights_aside(f);
	set_aside(f, &f->armed.delayed);
	if (policy != NULL) {
		dns_arming_carry(&policy->arming, &f->policy.arming);
		dns_policy_fini(&f->policy);
		f->policy = *policy;
		dns_policy_init(policy);
	}
	another = armed_enter(f, now_ns);
	/* What is held goes on being held, with the time it has left; on
	 * another network that is judged anew. */
	if (!forwarder_holds(f) || another)
		set_aside(f, &f->held);
	while (f->again != NULL)
		begin_again(f, f->again, now_ns);
}

uint64_t dns_forwarder_deadline(const struct dns_forwarder *f)
{
	uint64_t armed_ns = armed_deadline(f);

	if (f->held == NULL || f->held->held_until_ns > armed_ns)
		return armed_ns;
	return f->held->held_until_ns;
}

void dns_forwarder_timeout(struct dns_forwarder *f, uint64_t now_ns)
{
	struct dns_request *r;

	while ((r = f->held) != NULL && r->held_until_ns <= now_ns) {
		request_unlink(f, r);
		finish_waiting(f, r);
	}
	armed_timeout(f, now_ns);
}

static void put_kept(struct dns_forwarder *f, const struct dns_candidate *c,
		     uint64_t now_ns, struct dns_kept *ret)
{
	static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA };
	struct dns_query q = { .class = DNS_CLASS_IN };
	const struct dns_answer *a = NULL;

	for (size_t i = 0; a == NULL && i < ARRAY_SIZE(types); i++) {
		struct dns_cache_key key;

		q.type = types[i];
		key = key_of(&q, &c->name, c->decision.route);
		a = dns_cache_find(f->cache, &key, now_ns, &ret->age_s);
	}
	if (a == NULL)
		return;
	ret->cached = true;
	ret->rcode = (uint8_t)a->rcode;
	ret->ttl_s = a->ttl_s;
}

void dns_forwarder_explain(struct dns_forwarder *f, struct dns_explanation *e,
			   uint64_t now_ns)
{
	e->count = candidates_of(f, &e->name, e->is_full, e->candidates);
	e->armed = f->state.mode == DNS_MODE_ARMED;
	for (size_t i = 0; i < e->count; i++)
		put_kept(f, &e->candidates[i], now_ns, &e->kept[i]);
	dns_explain_first(e);
}

void dns_forwarder_stats(const struct dns_forwarder *f,
			 struct dns_forwarder_stats *ret_stats)
{
	*ret_stats = f->stats;
}
