/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) The servers of one side, tunnel or uplink: one question goes out, one
 * checked answer comes back, or the reason why none does. Control thread.
 *
 *   UDP    from one of some sockets whose ports the kernel chose at random,
 *          each replaced after a while; random id; letters of random case
 *          (0x20); the answer's source, id, name, type, class and letters must
 *          fit; what does not is counted, and the wait goes on
 *   TCP    after truncation or letters in the wrong case, or when asked for; a
 *          connection serves many questions and closes when idle (RFC 7766)
 *   TLS    RFC 7858 with the server's name checked, by crypto/tls.h; connection
 *          kept and reused in the same way
 *
 * A server that gives back other letters and no answer by TCP is asked in small
 * letters from then on, as cheap home routers want it.
 *
 * Servers are asked in their order. One that is slow is raced by the next, one
 * that fails is left at once for the next, and one that stays silent is dead
 * for a while: it then costs nobody a wait, and gets copies of live questions
 * until it answers again.
 */
#ifndef ADIT_DNS_UPSTREAM_H
#define ADIT_DNS_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/message.h"
#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"

struct uv_loop_s;

enum {
	DNS_SERVERS_MAX = 8,
	DNS_SERVER_NAME_MAX = 256,
	DNS_TLS_FAILURE_MAX = 192,
	/* Between the first server's turn and the second's, when nothing is
	 * known of its round trip. */
	DNS_RACE_MS = 200,
	/* A question is answered, or given up, after this. */
	DNS_PATIENCE_MS = 5000,
	DNS_ASKS_MAX = 10000, /* of one upstream, in flight */
	/* A connection without questions is closed after this. */
	DNS_IDLE_MS = 10000,
};

struct dns_server {
	struct endpoint at; /* port 0: 53, or 853 with TLS */
	bool tls;
	/* TLS: that its certificate carries; "": its address. */
	char name[DNS_SERVER_NAME_MAX];
};

struct dns_upstream_options {
	struct uv_loop_s *loop;
	const struct dns_server *servers; /* copied; none is allowed */
	size_t count;
	uint32_t mark;	    /* SO_MARK; 0: none */
	const char *device; /* SO_BINDTODEVICE; NULL: none. Copied */
	const char *ca;	    /* TLS: PEM; NULL: the system's. Copied */
	unsigned int patience_ms, idle_ms; /* 0: as above; tests take less */
};

enum dns_ask_result {
	DNS_ASK_ANSWERED, /* an answer, SERVFAIL and the like included */
	DNS_ASK_NO_SERVERS,
	DNS_ASK_UNREACHABLE, /* no route, refused */
	DNS_ASK_TIMED_OUT,
	DNS_ASK_TLS,	   /* the server's certificate is not the right one */
	DNS_ASK_NO_MEMORY, /* or DNS_ASKS_MAX */
	DNS_ASK_RESULTS,
};

/* In the asker's own object; zeroed but for `done` before. */
struct dns_ask {
	/* Once, from the loop, never from within dns_upstream_ask(). The
	 * answer is the callee's to keep or dns_answer_fini(); NULL unless
	 * ANSWERED. */
	void (*done)(struct dns_ask *ask, enum dns_ask_result result,
		     struct dns_answer *answer);

	struct dns_exchange *exchange; /* the upstream's; NULL: not asking */
	unsigned int server;	       /* that gave the answer */
};

struct dns_upstream_stats {
	uint64_t asked, answered, timed_out, unreachable;
	uint64_t sent_udp, sent_tcp, sent_tls;
	uint64_t truncated, raced, without_edns;
	uint64_t late;			   /* or twice: nobody waits for it */
	uint64_t wrong_source;		   /* address or port */
	uint64_t faults[DNS_REPLY_FAULTS]; /* of replies not accepted */
	size_t in_flight;
};

struct dns_server_state {
	bool dead;
	uint64_t rtt_us; /* smoothed; 0: not known */
	uint64_t answered, failed;
	/* Why TLS with it failed last, a sentence; "": it did not since its
	 * last answer. */
	char tls_failure[DNS_TLS_FAILURE_MAX];
};

/* NULL: out of memory. */
struct dns_upstream *dns_upstream_create(const struct dns_upstream_options *o);
/* Every ask is forgotten without its `done`; the memory goes when the loop has
 * run. Takes NULL. */
void dns_upstream_destroy(struct dns_upstream *u);

/* Asks q's name, type, class and flags; the id and letters are the upstream's.
 * ANSWERED says that it is under way, and `done` comes; else it does not. */
enum dns_ask_result dns_upstream_ask(struct dns_upstream *u,
				     const struct dns_query *q, bool tcp,
				     struct dns_ask *ask);
/* No `done` comes. Takes one that is not asking. */
void dns_upstream_cancel(struct dns_ask *ask);

void dns_upstream_stats(const struct dns_upstream *u,
			struct dns_upstream_stats *ret_stats);
size_t dns_upstream_server_count(const struct dns_upstream *u);
const struct dns_server *dns_upstream_server(
	const struct dns_upstream *u, size_t i,
	struct dns_server_state *ret_state);
/* "no DNS server answered in time": a sentence for Extended DNS Errors. */
const char *dns_ask_result_text(enum dns_ask_result result);

#endif
