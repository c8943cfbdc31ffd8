/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What becomes of a query: policy, cache, and who is asked. Between the stub
 * (stub.h), which has the clients, and the upstreams (upstream.h), which have
 * the servers; it knows neither, and time is an argument. Control thread.
 *
 *   1. dns_forwarder_take: a query comes; its `done` brings the answer, at once
 *      or later
 *   2. what has to be asked goes out by `ask`; equal questions that are under
 *      way are asked once
 *   3. dns_forwarder_set at every edge: another state of the session, another
 *      lease or uplink. The cache is forgotten, and what is under way is asked
 *      again by the new rules, so that no answer of the old side comes after
 *
 * The mode is what the tunnel is to the host (design.md 5, "wanted"):
 *
 *   mode      names of the tunnel's              other names
 *   off       of the uplink, like all others     of the uplink, not completed
 *   armed     held, and `trigger` is called      of the uplink
 *   waiting   SERVFAIL, or held after a trigger  of the uplink
 *   up        of the tunnel                      of the uplink
 *
 * Between the two are the names of EvaluateConnection (arming.h). A
 * NeverConnect name is another name in every mode but up. A ConnectIfNeeded
 * name is the tunnel's when it is up, and while names are held after a trigger;
 * before, the uplink's servers or RequiredDNSServers are asked, and when armed,
 * what they say is judged: it is told, or the name is held and starts the
 * tunnel. For this the forwarder asks the uplink once per network for a name
 * that cannot exist, to know redirecting resolvers by their addresses, and has
 * each RequiredURLStringProbe sent by `need_probe`.
 */
#ifndef ADIT_DNS_FORWARDER_H
#define ADIT_DNS_FORWARDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/explain.h"
#include "dns/message.h"
#include "dns/policy.h"
#include "dns/upstream.h"

enum {
	DNS_REQUESTS_MAX = 10000, /* under way; the rest gets SERVFAIL */
	DNS_HELD_MAX = 1000,	  /* of these: waiting for the tunnel */
	DNS_HOLD_MS = 10000,	  /* so long */
	/* Judged names wait so long for the name that cannot exist, and then
	 * for an answer: together less than the 5 s after which libc asks
	 * again, so that its first question is the one that is answered. */
	DNS_REDIRECT_MS = 1000,
	DNS_JUDGE_MS = 2500,
	DNS_REDIRECTED_MAX = 16,	    /* addresses that it is sent to */
	DNS_CACHE_BYTES = 24 * 1024 * 1024, /* 100,000 names and more */
};

enum dns_mode {
	DNS_MODE_OFF,
	DNS_MODE_ARMED,
	DNS_MODE_WAITING,
	DNS_MODE_UP,
};

struct dns_forwarder;
struct dns_flight;

/* One query of a client, in the stub's object; zeroed but for the first part.
 */
struct dns_request {
	struct dns_query query;
	size_t max; /* bytes that the answer may have */
	bool tcp;
	/* Once, also from within dns_forwarder_take(). Borrows the bytes; the
	 * request may be freed. len 0: nothing is to be sent. */
	void (*done)(struct dns_request *r, const uint8_t *bytes, size_t len);

	/* the forwarder's */
	struct dns_request *next, **link; /* in a flight, or held */
	struct dns_flight *flight;	  /* NULL: held, or done */
	uint64_t held_until_ns;
	unsigned int candidate; /* of the completions, that is under way */
	unsigned int edges;	/* that it has lived through */
};

struct dns_forwarder_options {
	uint64_t seed; /* random */
	/* Asks a side, DNS_ROUTE_TUNNEL or DNS_ROUTE_UPLINK: ANSWERED, and
	 * ask->done comes later, never from within; else it does not come. */
	enum dns_ask_result (*ask)(void *arg, enum dns_route route,
				   const struct dns_query *q, bool tcp,
				   struct dns_ask *ask);
	/* The same, of RequiredDNSServers. */
	enum dns_ask_result (*ask_required)(void *arg,
					    const struct dns_need *need,
					    const struct dns_query *q, bool tcp,
					    struct dns_ask *ask);
	void (*cancel)(void *arg, struct dns_ask *ask);
	/* Armed, and somebody asks for a name that starts the tunnel. It comes
	 * again for each until an edge. */
	void (*trigger)(void *arg, const struct dns_name *name,
			enum ondemand_why why);
	/* A GET of this URL is needed on this network; its answer goes to
	 * dns_forwarder_probe_answered(), never from within. */
	void (*need_probe)(void *arg, uint64_t generation, const char *url);
	uint64_t (*now)(void *arg); /* ns, for answers that come by ask->done */
	void *arg;
	size_t cache_bytes; /* 0: DNS_CACHE_BYTES */
};

struct dns_forwarder_state {
	enum dns_mode mode;
	/* Waiting: what was held stays so, and so does what comes, because a
	 * trigger began it. */
	bool hold;
	/* Armed: any name starts a tunnel that had the default route, since
	 * it went down only because nobody used it. EvaluateConnection says
	 * by itself which names do, also then. */
	bool any_name;
	bool rebinding_protection;
	uint64_t generation; /* of the network; heeded when armed */
	/* Why the tunnel is not up: for Extended DNS Errors. Borrowed for the
	 * call. NULL: "the tunnel is not up". */
	const char *reason;
};

struct dns_forwarder_stats {
	uint64_t queries;
	uint64_t answered[DNS_ROUTE_COUNT]; /* by whose the name was */
	uint64_t cached;		    /* of these */
	uint64_t joined;    /* an equal question that was under way */
	uint64_t completed; /* short names that a search domain answered */
	uint64_t refused_waiting; /* the tunnel is wanted and not up */
	uint64_t refused_full;
	uint64_t refused_rebinding;
	uint64_t refused_kind; /* FORMERR, NOTIMP, BADVERS, transfers */
	uint64_t failed[DNS_ASK_RESULTS];
	uint64_t held;
	uint64_t judged;		  /* of ConnectIfNeeded, while armed */
	uint64_t triggers[ONDEMAND_WHYS]; /* by what started the tunnel */
	uint64_t canaries;
	uint64_t restarted; /* by an edge */
	size_t under_way;
};

/* NULL: out of memory. Mode is off, and the policy empty. */
struct dns_forwarder *dns_forwarder_create(
	const struct dns_forwarder_options *o);
/* Requests under way are forgotten without `done`. Takes NULL. */
void dns_forwarder_destroy(struct dns_forwarder *f);

/* An edge. Takes the policy over (it is empty afterwards); NULL: as it was. */
void dns_forwarder_set(struct dns_forwarder *f,
		       const struct dns_forwarder_state *state,
		       struct dns_policy *policy, uint64_t now_ns);

/* False: it is late, or of nobody's, and is dropped. */
bool dns_forwarder_probe_answered(struct dns_forwarder *f, uint64_t generation,
				  const char *url,
				  struct ondemand_answer answer);

/* A query that parsed as DNS_QUERY_GOOD. */
void dns_forwarder_take(struct dns_forwarder *f, struct dns_request *r,
			uint64_t now_ns);
/* The client is gone: no `done` comes. Takes one that is done. */
void dns_forwarder_drop(struct dns_forwarder *f, struct dns_request *r);
/* One that the stub answered itself, for the counters. */
void dns_forwarder_refused(struct dns_forwarder *f);

/* A name that is answered with loopback addresses, whatever the policy says:
 * it proves that the host's look-ups come here. NULL: none. */
void dns_forwarder_canary(struct dns_forwarder *f, const struct dns_name *name);

/* When dns_forwarder_timeout() is to be called; CLOCK_NEVER. */
uint64_t dns_forwarder_deadline(const struct dns_forwarder *f);
void dns_forwarder_timeout(struct dns_forwarder *f, uint64_t now_ns);

/* What a query for e->name and e->is_full would get now. */
void dns_forwarder_explain(struct dns_forwarder *f, struct dns_explanation *e,
			   uint64_t now_ns);
void dns_forwarder_stats(const struct dns_forwarder *f,
			 struct dns_forwarder_stats *ret_stats);

#endif
