/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/daemon/dns_loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/forwarder.h"
#include "dns/upstream.h"
#include "tunnel/base/clock.h"
#include "tunnel/base/log.h"

enum {
	PATIENCE_MS = 1000,
};

/* Between two looks at the same servers. */
#define AGAIN_NS (25ULL * NS_PER_S)

/* Not a name of ours: who is not asking us asks the world for it. Resolvers
 * answer the ones that are nobody's ("invalid", "test") themselves. */
#define DOMAIN "example.net"

struct dns_loop {
	struct dns_loop_options o;
	struct dns_ask ask; /* the first: see on_done() */
	struct endpoint servers[DNS_OWNER_SERVERS_MAX]; /* that were asked */
	bool loops[DNS_OWNER_SERVERS_MAX];
	size_t count;
	uint64_t looked_ns; /* 0: never */
	bool changed;

	/* Under way; NULL: nothing is. */
	struct dns_upstream *upstream;
	size_t at;
	uint64_t seen; /* canaries, before */
};

static bool is_loopback(const struct ip_addr *a)
{
	static const struct ip_prefix nets[] = {
		{ { AF_INET, { 127 } }, 8 },
		{ { AF_INET6, { [15] = 1 } }, 128 },
	};

	return prefix_has(&nets[0], a) || prefix_has(&nets[1], a);
}

static uint64_t canaries(const struct dns_loop *l)
{
	struct dns_forwarder_stats s;

	dns_forwarder_stats(l->o.forwarder, &s);
	return s.canaries;
}

/* One that is in nobody's cache. */
static struct dns_query random_query(void)
{
	struct dns_query q = { .type = DNS_TYPE_A, .class = DNS_CLASS_IN };
	uint32_t label[2] = { 0 };
	char text[64];

	(void)getentropy(label, sizeof(label));
	snprintf(text, sizeof(text), "adit-%08x%08x." DOMAIN, label[0],
		 label[1]);
	(void)!dns_name_from_text(text, &q.name); /* it is one */
	return q;
}

static void on_done(struct dns_ask *ask, enum dns_ask_result result,
		    struct dns_answer *answer);

/* False: it cannot be asked. */
static bool ask(struct dns_loop *l)
{
	const struct dns_server server = { .at = l->servers[l->at] };
	const struct dns_upstream_options o = {
		.loop = l->o.loop,
		.servers = &server,
		.count = 1,
		.patience_ms = PATIENCE_MS,
	};
	const struct dns_query q = random_query();

	l->upstream = dns_upstream_create(&o);
	if (l->upstream == NULL)
		return false;
	l->seen = canaries(l);
	memset(&l->ask, 0, sizeof(l->ask));
	l->ask.done = on_done;
	dns_forwarder_canary(l->o.forwarder, &q.name);
	return dns_upstream_ask(l->upstream, &q, false, &l->ask) ==
	       DNS_ASK_ANSWERED;
}

static void stop(struct dns_loop *l)
{
	if (l->upstream == NULL)
		return;
	dns_forwarder_canary(l->o.forwarder, NULL);
	dns_upstream_destroy(l->upstream);
	l->upstream = NULL;
}

/* The next one that can be asked; after the last the asker hears of it. */
static void go_on(struct dns_loop *l)
{
	for (; l->at < l->count; l->at++) {
		if (ask(l))
			return;
		stop(l);
	}
	if (!l->changed)
		return;
	l->changed = false;
	l->o.changed(l->o.arg);
}

/* What came back does not matter: an answer of 127.0.0.1 is what some servers
 * refuse to give on. */
static void on_done(struct dns_ask *asked, enum dns_ask_result result,
		    struct dns_answer *answer)
{
	struct dns_loop *l =
		(struct dns_loop *)((char *)asked -
				    offsetof(struct dns_loop, ask));
	bool loops = canaries(l) > l->seen;
	char text[ENDPOINT_TEXT_MAX];

	if (result == DNS_ASK_ANSWERED)
		dns_answer_fini(answer);
	stop(l);
	if (loops != l->loops[l->at]) {
		l->loops[l->at] = loops;
		l->changed = true;
		log_notice("the name server %s of this machine %s",
			   endpoint_text(&l->servers[l->at], text),
			   loops ? "asks us in turn: it is not asked"
				 : "does not ask us any more");
	}
	l->at++;
	go_on(l);
}

static bool same_servers(const struct dns_loop *l, const struct endpoint *list,
			 size_t count)
{
	bool same = count == l->count;

	for (size_t i = 0; same && i < count; i++)
		same = endpoint_equal(&list[i], &l->servers[i]);
	return same;
}

void dns_loop_look(struct dns_loop *l, const struct dns_owner_uplink *uplink)
{
	struct endpoint list[DNS_OWNER_SERVERS_MAX];
	uint64_t now_ns = clock_now_ns();
	size_t count = 0;

	for (size_t i = 0; i < uplink->server_count; i++)
		if (is_loopback(&uplink->servers[i].at.addr))
			list[count++] = uplink->servers[i].at;
	if (l->upstream != NULL ||
	    (same_servers(l, list, count) && l->looked_ns != 0 &&
	     now_ns - l->looked_ns < AGAIN_NS))
		return;
	if (!same_servers(l, list, count)) {
		memset(l->loops, 0, sizeof(l->loops));
		memcpy(l->servers, list, count * sizeof(list[0]));
		l->count = count;
	}
	l->looked_ns = now_ns;
	l->at = 0;
	go_on(l);
}

void dns_loop_forget(struct dns_loop *l)
{
	stop(l);
	l->count = 0;
	l->looked_ns = 0;
}

bool dns_loop_has(const struct dns_loop *l, const struct endpoint *server)
{
	for (size_t i = 0; i < l->count; i++)
		if (endpoint_equal(&l->servers[i], server))
			return l->loops[i];
	return false;
}

struct dns_loop *dns_loop_create(const struct dns_loop_options *o)
{
	struct dns_loop *l = calloc(1, sizeof(*l));

	if (l != NULL)
		l->o = *o;
	return l;
}

void dns_loop_destroy(struct dns_loop *l)
{
	if (l == NULL)
		return;
	stop(l);
	free(l);
}
