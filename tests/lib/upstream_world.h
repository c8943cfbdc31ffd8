/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) The world of the upstream's tests: a loop in a time of its own
 * (loop_time.h), an upstream, some servers and those who ask. One for each test
 * program; its parts are the tests' to touch.
 */
#ifndef ADIT_TESTS_UPSTREAM_WORLD_H
#define ADIT_TESTS_UPSTREAM_WORLD_H

#include <uv.h>

#include "dns/upstream.h"
#include "tests/lib/dns_server.h"

enum {
	SERVERS = 3,
	SEEN_MAX = 12000,
	LAST = 7, /* of the address that a right answer has */
};

/* One who asks, and what became of it. */
struct asker {
	struct dns_ask ask;
	bool done;
	enum dns_ask_result result;
	struct dns_answer answer;
	uint64_t ms;
	uint64_t began_ns;
};

extern uv_loop_t loop;
extern struct test_server servers[SERVERS];
extern struct dns_upstream *upstream;
/* What servers that keep() saw. */
extern struct question seen[SEEN_MAX];
extern unsigned int seen_count;

/* Of each test. */
void world_set_up(void);
void world_tear_down(void);

/* The upstream, with the first servers. */
void start(size_t count);
void start_with(size_t count, struct dns_upstream_options o);

/* A turn of the loop, that waits. */
void turn(void);
void let_pass(unsigned int ms);

enum dns_ask_result begin(struct asker *a, const char *name, bool tcp);
void on_done(struct dns_ask *ask, enum dns_ask_result result,
	     struct dns_answer *answer);
void wait_for(const struct asker *a);
/* Asks and waits; the answer is the test's to look at until the next call. */
struct asker *ask(const char *name, bool tcp);
/* The last byte of the first address; 0: none. */
uint8_t last_of(const struct asker *a);
struct dns_upstream_stats stats(void);
struct dns_server_state state(size_t i);

/* What servers do. */
void keep(const struct question *q);
void say(const struct question *q, enum dns_rcode rcode, uint8_t last);
void answers(struct question *q);
void keeps(struct question *q);
void keeps_and_answers(struct question *q);
void fails(struct question *q); /* SERVFAIL */

#endif
