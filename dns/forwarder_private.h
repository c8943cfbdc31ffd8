/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What forwarder.c and forwarder_armed.c share, and nobody else. */
#ifndef ADIT_DNS_FORWARDER_PRIVATE_H
#define ADIT_DNS_FORWARDER_PRIVATE_H

#include "dns/forwarder.h"

enum {
	FLIGHT_BUCKETS = 4096,
	REASON_MAX = 200,
	/* A name that cannot exist is asked for as A and AAAA. */
	REDIRECT_ASKS = 2,
};

/* One question on its way to one side, and who waits for its answer. */
struct dns_flight {
	struct dns_ask ask;
	struct dns_forwarder *forwarder;
	struct dns_flight *next, **link; /* in its bucket */
	struct dns_query query;		 /* of who came first */
	enum dns_route route;
	const struct dns_need *need; /* of the policy; NULL: none asks it */
	bool judged;		     /* its answer may start the tunnel */
	uint64_t until_ns; /* judged: what is silent then has failed */
	struct dns_flight *later, **later_link; /* of those; NULL: not there */
	bool asked;
	bool guarded; /* by the rebinding protection */
	struct dns_request *waiting;
};

struct redirect_ask {
	struct dns_ask ask;
	struct dns_forwarder *forwarder;
	bool under_way;
};

/* What is known of the network while armed. */
struct dns_armed {
	uint64_t generation;
	bool has_generation;
	bool tried; /* the name that cannot exist; on this network */
	struct redirect_ask asks[REDIRECT_ASKS];
	struct ip_addr redirected[DNS_REDIRECTED_MAX];
	size_t redirected_count;
	/* Names that wait for it, until then; CLOCK_NEVER: none has to. */
	uint64_t until_ns;
	struct dns_request *delayed;
	/* Asked for an address, the oldest first. */
	struct dns_flight *watched, **watched_end;
};

struct dns_forwarder {
	struct dns_forwarder_options o;
	struct dns_forwarder_state state;
	char reason[REASON_MAX];
	struct dns_policy policy;
	struct dns_armed armed;
	struct dns_cache *cache;
	struct dns_flight *flights[FLIGHT_BUCKETS];
	/* Until the tunnel is up, the oldest first; `held_end` is where the
	 * next one goes. */
	struct dns_request *held, **held_end;
	size_t held_count;
	/* At an edge: those that are still to be begun again. */
	struct dns_request *again;
	struct dns_forwarder_stats stats;
	struct dns_name canary; /* len 0: none */
	uint8_t buffer[DNS_MESSAGE_MAX];
};

/* forwarder.c */
void request_link(struct dns_request **at, struct dns_request *r);
void request_unlink(struct dns_forwarder *f, struct dns_request *r);
void flight_destroy(struct dns_flight *flight);
void forwarder_ask_side(struct dns_forwarder *f, struct dns_request *r,
			const struct dns_candidate *c);
/* Do names of the tunnel's wait for it? */
bool forwarder_holds(const struct dns_forwarder *f);
/* It waits for the tunnel; goes on if none has to any more. */
void forwarder_hold(struct dns_forwarder *f, struct dns_request *r,
		    uint64_t now_ns);
/* Once those that ask for it are held. */
void forwarder_trigger(struct dns_forwarder *f, const struct dns_name *name,
		       enum ondemand_why why);
/* All of a list go on. */
void forwarder_release(struct dns_forwarder *f, struct dns_request **list);

/* forwarder_armed.c */
void armed_init(struct dns_forwarder *f);
/* At an edge, with the new state and policy. True: it is another network. */
bool armed_enter(struct dns_forwarder *f, uint64_t now_ns);
void armed_leave(struct dns_forwarder *f);
/* A name of ConnectIfNeeded, while armed. */
void armed_serve(struct dns_forwarder *f, struct dns_request *r,
		 const struct dns_candidate *c, uint64_t now_ns);
/* A label that nothing completes. True: it waits for the tunnel, of which the
 * search domains may come. */
bool armed_label(struct dns_forwarder *f, struct dns_request *r,
		 uint64_t now_ns);
/* From now on its silence is a failure; and no more. */
void armed_watch(struct dns_flight *flight);
void armed_unwatch(struct dns_flight *flight);
/* What came for one. True: it starts the tunnel, and flight and answer are
 * gone. */
bool armed_judge(struct dns_flight *flight, enum dns_ask_result result,
		 struct dns_answer *answer);
uint64_t armed_deadline(const struct dns_forwarder *f);
void armed_timeout(struct dns_forwarder *f, uint64_t now_ns);

#endif
