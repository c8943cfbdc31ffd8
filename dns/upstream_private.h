/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What the upstream*.c files share, and nobody else: upstream.c decides
 * who is asked and when, upstream_udp.c and upstream_stream.c carry it. */
#ifndef ADIT_DNS_UPSTREAM_PRIVATE_H
#define ADIT_DNS_UPSTREAM_PRIVATE_H

#include <uv.h>

#include "dns/upstream.h"

enum {
	LETTERS_LEN = (DNS_WIRE_MAX + 7) / 8,
	ATTEMPT_BUCKETS = 4096,
	UDP_SOCKETS = 16, /* of a family, in use for new questions */
	RANDOM_LEN = 256,
};

struct udp_socket;
struct dns_stream;

/* One question to one server, of which one answer is waited for. */
struct dns_attempt {
	struct dns_exchange *exchange;
	struct dns_attempt *next, **link; /* of those that go the same way */
	struct udp_socket *socket;	  /* NULL: by stream, or not asked */
	struct dns_stream *stream;
	uint64_t sent_ns;
	uint16_t id;
	bool edns;
	bool tried;		      /* ever */
	bool letters_lost;	      /* so it is asked by stream */
	uint8_t letters[LETTERS_LEN]; /* bit i: byte i of the name is large */
};

/* One question, until it is answered or given up. */
struct dns_exchange {
	struct dns_upstream *upstream;
	struct dns_ask *ask;
	struct dns_exchange *next, **link; /* by `due_ns`, the first first */
	struct dns_query query;		   /* in small letters, id 0 */
	uint64_t due_ns, give_up_ns;
	uint64_t delay_ns; /* to the next try, when all have been tried */
	bool by_stream;
	unsigned int pending; /* attempts under way */
	/* What to say if no server does better: SERVFAIL and the like. */
	bool has_fallback;
	struct dns_answer fallback;
	unsigned int fallback_server;
	enum dns_ask_result failure;   /* the worst that is known */
	struct dns_attempt attempts[]; /* one for each server */
};

struct upstream_server {
	struct dns_server server;
	struct dns_server_state state;
	bool plain;	   /* does not know EDNS */
	bool small;	   /* does not keep letters */
	uint64_t probe_ns; /* dead: not before this */
	uint64_t penalty_ns;
	struct dns_stream *stream; /* NULL: none is open */
};

struct dns_upstream {
	uv_loop_t *loop;
	uint32_t mark;
	char *device, *ca;
	uint64_t patience_ns;
	unsigned int idle_ms;
	struct dns_upstream_stats stats;
	unsigned int handles; /* that libuv still has, and one for us */
	bool closing;
	uv_timer_t timer; /* for the first that is due */
	struct dns_exchange *first, **end;

	/* UDP */
	struct dns_attempt *by_id[ATTEMPT_BUCKETS];
	struct udp_socket *sockets[2][UDP_SOCKETS]; /* IPv4, IPv6 */
	struct udp_socket *retired;
	uint8_t *buffer; /* for one receive */

	uint8_t random[RANDOM_LEN];
	size_t random_left;

	size_t count;
	struct upstream_server servers[];
};

/* upstream.c */
void upstream_handle_closed(struct dns_upstream *u);
uint32_t upstream_random(struct dns_upstream *u);
/* Where the server listens, its port filled in. */
struct endpoint upstream_endpoint(const struct upstream_server *s);
/* The question as it goes to the attempt's server; its id and letters are set
 * already. */
size_t upstream_build(const struct dns_attempt *a,
		      uint8_t buf[static DNS_SHORT_MAX]);
struct upstream_server *upstream_server_of(const struct dns_attempt *a);
/* What has come for an attempt, by either way. */
void upstream_reply(struct dns_attempt *a, const uint8_t *bytes, size_t len);
/* It did not work: the next server is asked. */
void upstream_failed(struct dns_attempt *a, enum dns_ask_result why);
/* The server has said something. */
void upstream_heard(struct dns_upstream *u, size_t server, uint64_t rtt_ns);

/* upstream_udp.c. Both 0, or -errno when it could not be sent. */
int upstream_udp_send(struct dns_upstream *u, struct dns_attempt *a);
/* The same datagram again, so that an answer to either counts. */
void udp_repeat(struct dns_attempt *a);
void upstream_udp_forget(struct dns_upstream *u, struct dns_attempt *a);
void upstream_udp_close(struct dns_upstream *u);

/* upstream_stream.c. 0, or -errno when no stream could be begun. */
int stream_send(struct dns_upstream *u, struct dns_attempt *a);
void stream_forget(struct dns_attempt *a);
void stream_close(struct dns_upstream *u);

#endif
