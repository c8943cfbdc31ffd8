/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "dns/cache.h"
#include "dns/forwarder_private.h"
#include "dns/hash.h"
#include "tunnel/base/clock.h"

/* Redirecting resolvers: one name that nobody registered, once per network. */

static struct dns_name random_name(const struct dns_forwarder *f)
{
	const uint64_t key[2] = { f->o.seed, f->armed.generation };
	struct dns_name n;
	int len = snprintf((char *)n.wire, sizeof(n.wire), "\20%016llx\3com",
			   (unsigned long long)hash_siphash("com", 3, key));

	n.len = (uint8_t)(len + 1);
	return n;
}

static bool is_redirected(const struct dns_forwarder *f,
			  const struct dns_answer *a)
{
	struct ip_addr addr;
	size_t at = 0;

	while (dns_answer_address(a, &at, &addr))
		for (size_t i = 0; i < f->armed.redirected_count; i++)
			if (addr_equal(&addr, &f->armed.redirected[i]))
				return true;
	return false;
}

static void collect(struct dns_armed *d, const struct dns_answer *a)
{
	struct ip_addr addr;
	size_t at = 0;

	while (d->redirected_count < DNS_REDIRECTED_MAX &&
	       dns_answer_address(a, &at, &addr))
		d->redirected[d->redirected_count++] = addr;
}

static bool is_under_way(const struct dns_armed *d)
{
	bool any = false;

	for (int i = 0; i < REDIRECT_ASKS; i++)
		any |= d->asks[i].under_way;
	return any;
}

static void let_go(struct dns_forwarder *f)
{
	f->armed.until_ns = CLOCK_NEVER;
	forwarder_release(f, &f->armed.delayed);
}

static void on_redirect(struct dns_ask *ask, enum dns_ask_result result,
			struct dns_answer *answer)
{
	struct redirect_ask *a = (struct redirect_ask *)ask;
	struct dns_forwarder *f = a->forwarder;
	size_t known = f->armed.redirected_count;

	a->under_way = false;
	if (result == DNS_ASK_ANSWERED) {
		collect(&f->armed, answer);
		dns_answer_fini(answer);
	}
	/* Names that did not wait may have been told these addresses. */
	if (f->armed.redirected_count > known &&
	    f->armed.until_ns == CLOCK_NEVER)
		dns_cache_flush(f->cache);
	if (is_under_way(&f->armed))
		return;
	f->armed.tried = true;
	let_go(f);
}

static void detect(struct dns_forwarder *f, uint64_t now_ns)
{
	static const uint16_t types[REDIRECT_ASKS] = { DNS_TYPE_A,
						       DNS_TYPE_AAAA };
	struct dns_armed *d = &f->armed;
	struct dns_query q = { .recursion_desired = true,
			       .class = DNS_CLASS_IN,
			       .edns = true,
			       .udp_size = DNS_EDNS_UDP_SIZE };

	if (d->tried || !dns_arming_asks_uplink(&f->policy.arming))
		return;
	q.name = random_name(f);
	for (int i = 0; i < REDIRECT_ASKS; i++) {
		struct redirect_ask *a = &d->asks[i];

		memset(a, 0, sizeof(*a));
		a->ask.done = on_redirect;
		a->forwarder = f;
		q.type = types[i];
		a->under_way = f->o.ask(f->o.arg, DNS_ROUTE_UPLINK, &q, false,
					&a->ask) == DNS_ASK_ANSWERED;
	}
	if (is_under_way(d))
		d->until_ns = now_ns + (uint64_t)DNS_REDIRECT_MS * NS_PER_MS;
}

/* Edges. */

void armed_leave(struct dns_forwarder *f)
{
	for (int i = 0; i < REDIRECT_ASKS; i++)
		if (f->armed.asks[i].under_way) {
			f->armed.asks[i].under_way = false;
			f->o.cancel(f->o.arg, &f->armed.asks[i].ask);
		}
	f->armed.until_ns = CLOCK_NEVER;
}

bool armed_enter(struct dns_forwarder *f, uint64_t now_ns)
{
	struct dns_armed *d = &f->armed;
	bool another =
		!d->has_generation || f->state.generation != d->generation;
	const char *url;

	if (f->state.mode != DNS_MODE_ARMED)
		return false;
	if (another) {
		d->has_generation = true;
		d->generation = f->state.generation;
		d->tried = false;
		d->redirected_count = 0;
		dns_arming_forget(&f->policy.arming);
	}
	detect(f, now_ns);
	while ((url = dns_arming_request(&f->policy.arming)) != NULL)
		f->o.need_probe(f->o.arg, d->generation, url);
	return another;
}

bool dns_forwarder_probe_answered(struct dns_forwarder *f, uint64_t generation,
				  const char *url,
				  struct ondemand_answer answer)
{
	return f->armed.has_generation && generation == f->armed.generation &&
	       dns_arming_answer(&f->policy.arming, url, answer);
}

/* Names. */

void armed_serve(struct dns_forwarder *f, struct dns_request *r,
		 const struct dns_candidate *c, uint64_t now_ns)
{
	const struct dns_need *need = c->decision.need;
	/* Whatever its servers would say. */
	enum ondemand_why why = dns_need_judge(need, ONDEMAND_LOOKUP_OK);

	if (why == ONDEMAND_WHY_WORKS && need->server_count == 0 &&
	    f->armed.until_ns != CLOCK_NEVER &&
	    f->stats.under_way < DNS_REQUESTS_MAX) {
		request_link(&f->armed.delayed, r);
		f->stats.under_way++;
		return;
	}
	f->stats.judged++;
	if (why == ONDEMAND_WHY_WORKS) {
		forwarder_ask_side(f, r, c);
		return;
	}
	forwarder_hold(f, r, now_ns);
	forwarder_trigger(f, &c->name, why);
}

bool armed_label(struct dns_forwarder *f, struct dns_request *r,
		 uint64_t now_ns)
{
	struct dns_name name = r->query.name;
	const struct dns_name *domain;
	const struct dns_need *need;

	dns_name_lower(&name);
	need = dns_arming_find(&f->policy.arming, &name, &domain);
	if (need == NULL || need->never || !forwarder_holds(f))
		return false;
	forwarder_hold(f, r, now_ns);
	forwarder_trigger(f, &name, ONDEMAND_WHY_NXDOMAIN);
	return true;
}

static bool is_of_address(const struct dns_flight *flight)
{
	return flight->query.type == DNS_TYPE_A ||
	       flight->query.type == DNS_TYPE_AAAA;
}

/* A name error is about the name. Other failures count for addresses alone:
 * cheap routers know no other types, and drop them. No record of one type is no
 * failure, and our own lack of memory says nothing. */
static enum ondemand_lookup lookup_of(const struct dns_flight *flight,
				      enum dns_ask_result result,
				      const struct dns_answer *a)
{
	if (result == DNS_ASK_ANSWERED && a->rcode == DNS_RCODE_NXDOMAIN)
		return ONDEMAND_LOOKUP_NXDOMAIN;
	if (result == DNS_ASK_ANSWERED && a->rcode == DNS_RCODE_NOERROR)
		return is_redirected(flight->forwarder, a)
			       ? ONDEMAND_LOOKUP_REDIRECTED
			       : ONDEMAND_LOOKUP_OK;
	if (!is_of_address(flight) || result == DNS_ASK_NO_MEMORY)
		return ONDEMAND_LOOKUP_OK;
	return result == DNS_ASK_TIMED_OUT ? ONDEMAND_LOOKUP_TIMEOUT
					   : ONDEMAND_LOOKUP_UNREACHABLE;
}

bool armed_judge(struct dns_flight *flight, enum dns_ask_result result,
		 struct dns_answer *answer)
{
	struct dns_forwarder *f = flight->forwarder;
	const struct dns_name name = flight->query.name;
	uint64_t now_ns = f->o.now(f->o.arg);
	enum ondemand_why why =
		dns_need_judge(flight->need, lookup_of(flight, result, answer));
	struct dns_request *r;

	if (why == ONDEMAND_WHY_WORKS)
		return false;
	while ((r = flight->waiting) != NULL) {
		request_unlink(f, r);
		r->flight = NULL;
		forwarder_hold(f, r, now_ns);
	}
	if (result == DNS_ASK_ANSWERED)
		dns_answer_fini(answer);
	flight_destroy(flight);
	forwarder_trigger(f, &name, why);
	return true;
}

/* Time. */

void armed_init(struct dns_forwarder *f)
{
	f->armed.until_ns = CLOCK_NEVER;
	f->armed.watched_end = &f->armed.watched;
}

void armed_watch(struct dns_flight *flight)
{
	struct dns_forwarder *f = flight->forwarder;

	if (!is_of_address(flight))
		return;
	flight->until_ns =
		f->o.now(f->o.arg) + (uint64_t)DNS_JUDGE_MS * NS_PER_MS;
	flight->later_link = f->armed.watched_end;
	*flight->later_link = flight;
	f->armed.watched_end = &flight->later;
}

void armed_unwatch(struct dns_flight *flight)
{
	if (flight->later_link == NULL)
		return;
	*flight->later_link = flight->later;
	if (flight->later != NULL)
		flight->later->later_link = flight->later_link;
	else
		flight->forwarder->armed.watched_end = flight->later_link;
	flight->later_link = NULL;
}

uint64_t armed_deadline(const struct dns_forwarder *f)
{
	const struct dns_flight *first = f->armed.watched;

	return first != NULL && first->until_ns < f->armed.until_ns
		       ? first->until_ns
		       : f->armed.until_ns;
}

void armed_timeout(struct dns_forwarder *f, uint64_t now_ns)
{
	struct dns_flight *flight;

	if (f->armed.until_ns <= now_ns)
		let_go(f);
	while ((flight = f->armed.watched) != NULL &&
	       flight->until_ns <= now_ns) {
		f->o.cancel(f->o.arg, &flight->ask);
		flight->ask.done(&flight->ask, DNS_ASK_TIMED_OUT, NULL);
	}
}
