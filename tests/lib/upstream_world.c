/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tests/lib/upstream_world.h"

#include <check.h>
#include <signal.h>
#include <string.h>

#include "tests/lib/loop_time.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"

enum {
	LIMIT_MS = 8000, /* of any wait; then the test has failed */
};

uv_loop_t loop;
struct test_server servers[SERVERS];
struct dns_upstream *upstream;
static uv_timer_t limit, later;

/* What the servers saw. */
struct question seen[SEEN_MAX];
unsigned int seen_count;

void on_done(struct dns_ask *ask, enum dns_ask_result result,
	     struct dns_answer *answer)
{
	struct asker *a = (struct asker *)ask;

	ck_assert(!a->done);
	a->done = true;
	a->result = result;
	a->ms = (clock_now_ns() - a->began_ns) / NS_PER_MS;
	ck_assert((answer != NULL) == (result == DNS_ASK_ANSWERED));
	if (answer != NULL)
		a->answer = *answer;
}

static void on_limit(uv_timer_t *timer)
{
	(void)timer;
	ck_abort_msg("nothing more happens");
}

/* A turn of the loop, that waits. */
void turn(void)
{
	uv_update_time(&loop);
	(void)uv_timer_start(&limit, on_limit, LIMIT_MS, 0);
	uv_run(&loop, UV_RUN_ONCE);
	uv_timer_stop(&limit);
}

static void on_later(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

void let_pass(unsigned int ms)
{
	bool passed = false;

	later.data = &passed;
	uv_update_time(&loop);
	(void)uv_timer_start(&later, on_later, ms, 0);
	while (!passed)
		turn();
}

static struct dns_query query_of(const char *name)
{
	struct dns_query q = {
		.recursion_desired = true,
		.type = DNS_TYPE_A,
		.class = DNS_CLASS_IN,
	};

	ck_assert_int_eq(dns_name_from_text(name, &q.name), 0);
	return q;
}

enum dns_ask_result begin(struct asker *a, const char *name, bool tcp)
{
	const struct dns_query q = query_of(name);

	*a = (struct asker) { .ask.done = on_done };
	a->began_ns = clock_now_ns();
	return dns_upstream_ask(upstream, &q, tcp, &a->ask);
}

void wait_for(const struct asker *a)
{
	while (!a->done)
		turn();
}

/* Asks and waits; the asker's answer is the test's to look at until the next
 * call. */
struct asker *ask(const char *name, bool tcp)
{
	static struct asker a;

	dns_answer_fini(&a.answer);
	ck_assert_int_eq(begin(&a, name, tcp), DNS_ASK_ANSWERED);
	wait_for(&a);
	return &a;
}

/* The last byte of the first address; 0: none. */
uint8_t last_of(const struct asker *a)
{
	struct ip_addr addr;
	size_t at = 0;

	if (a->result != DNS_ASK_ANSWERED ||
	    !dns_answer_address(&a->answer, &at, &addr))
		return 0;
	return addr.bytes[3];
}

struct dns_upstream_stats stats(void)
{
	struct dns_upstream_stats s;

	dns_upstream_stats(upstream, &s);
	return s;
}

struct dns_server_state state(size_t i)
{
	struct dns_server_state s;

	(void)dns_upstream_server(upstream, i, &s);
	return s;
}

/* What servers do. */

void keep(const struct question *q)
{
	ck_assert_uint_lt(seen_count, SEEN_MAX);
	seen[seen_count++] = *q;
}

void say(const struct question *q, enum dns_rcode rcode, uint8_t last)
{
	uint8_t buf[DNS_SHORT_MAX];
	size_t len = dns_server_answer(q, rcode, last, buf);

	dns_server_say(q, buf, len);
}

void answers(struct question *q)
{
	say(q, DNS_RCODE_NOERROR, LAST);
}

void keeps(struct question *q)
{
	keep(q);
}

void keeps_and_answers(struct question *q)
{
	keep(q);
	answers(q);
}

void fails(struct question *q)
{
	say(q, DNS_RCODE_SERVFAIL, 0);
}

/* Creation. */

void world_set_up(void)
{
	/* As the daemon does: libuv writes without MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	loop_time_own();
	uv_loop_init(&loop);
	uv_timer_init(&loop, &limit);
	uv_timer_init(&loop, &later);
	memset(servers, 0, sizeof(servers));
	for (size_t i = 0; i < SERVERS; i++)
		servers[i].on_question = answers;
	seen_count = 0;
	upstream = NULL;
}

void world_tear_down(void)
{
	dns_upstream_destroy(upstream);
	for (size_t i = 0; i < SERVERS; i++)
		dns_server_stop(&servers[i]);
	uv_close((uv_handle_t *)&limit, NULL);
	uv_close((uv_handle_t *)&later, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	/* Every handle has been closed, and its memory freed. */
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

void start_with(size_t count, struct dns_upstream_options o)
{
	struct dns_server list[SERVERS] = { 0 };

	for (size_t i = 0; i < count; i++) {
		dns_server_start(&servers[i], &loop, 0);
		list[i].at = servers[i].at;
	}
	o.loop = &loop;
	o.servers = list;
	o.count = count;
	upstream = dns_upstream_create(&o);
	ck_assert_ptr_nonnull(upstream);
}

void start(size_t count)
{
	start_with(count, (struct dns_upstream_options) { 0 });
}
