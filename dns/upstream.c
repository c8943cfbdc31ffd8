/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) Who is asked, and when. */
#include "dns/upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/upstream_private.h"
#include "tunnel/base/clock.h"

enum {
	DUE_MAX = 128, /* in one turn of the loop: answers come in between */
};

#define RACE_NS ((uint64_t)DNS_RACE_MS * NS_PER_MS)
#define RACE_LEAST_NS (30ULL * NS_PER_MS)
#define RESEND_NS (400ULL * NS_PER_MS)
/* A server that was silent is asked for its own sake after this, and twice
 * that the next time. */
#define PENALTY_NS (2ULL * NS_PER_S)
#define PENALTY_MOST_NS (60ULL * NS_PER_S)

const char *dns_ask_result_text(enum dns_ask_result result)
{
	static const char *const texts[DNS_ASK_RESULTS] = {
		[DNS_ASK_ANSWERED] = "answered",
		[DNS_ASK_NO_SERVERS] = "no DNS server is known on this side",
		[DNS_ASK_UNREACHABLE] = "no DNS server can be reached",
		[DNS_ASK_TIMED_OUT] = "no DNS server answered in time",
		[DNS_ASK_TLS] = "the DNS server's certificate is not the "
				"right one",
		[DNS_ASK_NO_MEMORY] = "too many questions are under way",
	};

	return texts[result];
}

uint32_t upstream_random(struct dns_upstream *u)
{
	uint32_t value;

	if (u->random_left < sizeof(value)) {
		/* Fails for a wrong length only. */
		if (getentropy(u->random, sizeof(u->random)) < 0)
			abort();
		u->random_left = sizeof(u->random);
	}
	u->random_left -= sizeof(value);
	memcpy(&value, u->random + u->random_left, sizeof(value));
	return value;
}

struct endpoint upstream_endpoint(const struct upstream_server *s)
{
	struct endpoint at = s->server.at;

	if (at.port == 0)
		at.port = s->server.tls ? DNS_TLS_PORT : DNS_PORT;
	return at;
}

struct upstream_server *upstream_server_of(const struct dns_attempt *a)
{
	return &a->exchange->upstream->servers[a - a->exchange->attempts];
}

/* The question with the letters and the id of this attempt. */
static struct dns_query sent_query(const struct dns_attempt *a)
{
	struct dns_query q = a->exchange->query;

	q.id = a->id;
	q.edns = a->edns;
	for (size_t i = 0; i < q.name.len; i++)
		if (a->letters[i / 8] >> i % 8 & 1)
			q.name.wire[i] ^= 0x20;
	return q;
}

size_t upstream_build(const struct dns_attempt *a,
		      uint8_t buf[static DNS_SHORT_MAX])
{
	const struct dns_query q = sent_query(a);

	return dns_query_build(&q, buf);
}

/* Exchanges, by the time at which something is to be done. */

static void on_due(uv_timer_t *timer);

static void arm(struct dns_upstream *u)
{
	uint64_t now_ns = clock_now_ns(), ms = 1;

	if (u->closing)
		return;
	if (u->first == NULL) {
		uv_timer_stop(&u->timer);
		return;
	}
	/* Not 0: libuv would call again before it looks at any socket. */
	if (u->first->due_ns > now_ns)
		ms = (u->first->due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	uv_update_time(u->loop);
	(void)uv_timer_start(&u->timer, on_due, ms, 0);
}

static void exchange_unlink(struct dns_exchange *e)
{
	struct dns_upstream *u = e->upstream;

	if (u->end == &e->next)
		u->end = e->link;
	*e->link = e->next;
	if (e->next != NULL)
		e->next->link = e->link;
}

/* Delays are few, so that it is mostly the last. */
static void exchange_link(struct dns_exchange *e, uint64_t due_ns)
{
	struct dns_upstream *u = e->upstream;
	struct dns_exchange **at = u->end;

	e->due_ns = due_ns;
	while (at != &u->first) {
		struct dns_exchange *before =
			(struct dns_exchange *)((char *)at -
						offsetof(struct dns_exchange,
							 next));

		if (before->due_ns <= due_ns)
			break;
		at = before->link;
	}
	e->next = *at;
	e->link = at;
	*at = e;
	if (e->next != NULL)
		e->next->link = &e->next;
	else
		u->end = &e->next;
}

static void exchange_due(struct dns_exchange *e, uint64_t due_ns)
{
	exchange_unlink(e);
	exchange_link(e, due_ns < e->give_up_ns ? due_ns : e->give_up_ns);
}

/* NULL: out of memory. It is due at once. */
static struct dns_exchange *exchange_create(struct dns_upstream *u,
					    const struct dns_query *q,
					    struct dns_ask *ask)
{
	struct dns_exchange *e =
		calloc(1, sizeof(*e) + u->count * sizeof(e->attempts[0]));

	if (e == NULL)
		return NULL;
	e->upstream = u;
	e->ask = ask;
	e->query = *q;
	e->query.id = 0;
	e->query.recursion_desired = true;
	dns_name_lower(&e->query.name);
	e->failure = DNS_ASK_TIMED_OUT;
	e->give_up_ns = clock_now_ns() + u->patience_ns;
	for (size_t i = 0; i < u->count; i++)
		e->attempts[i].exchange = e;
	ask->exchange = e;
	exchange_link(e, 0);
	u->stats.in_flight++;
	return e;
}

static void attempt_forget(struct dns_attempt *a)
{
	if (a->socket != NULL)
		upstream_udp_forget(a->exchange->upstream, a);
	else if (a->stream != NULL)
		stream_forget(a);
	else
		return;
	a->exchange->pending--;
}

static void exchange_destroy(struct dns_exchange *e)
{
	struct dns_upstream *u = e->upstream;

	for (size_t i = 0; i < u->count; i++)
		attempt_forget(&e->attempts[i]);
	exchange_unlink(e);
	u->stats.in_flight--;
	if (e->ask != NULL)
		e->ask->exchange = NULL;
	dns_answer_fini(&e->fallback);
	free(e);
}

/* The asker hears of it, and may ask again at once. */
static void finish(struct dns_exchange *e, enum dns_ask_result result,
		   unsigned int server, struct dns_answer *answer)
{
	struct dns_ask *ask = e->ask;
	struct dns_answer taken = answer ? *answer : (struct dns_answer) { 0 };

	if (answer == &e->fallback)
		memset(&e->fallback, 0, sizeof(e->fallback));
	if (result == DNS_ASK_ANSWERED)
		e->upstream->stats.answered++;
	else if (result == DNS_ASK_TIMED_OUT)
		e->upstream->stats.timed_out++;
	else
		e->upstream->stats.unreachable++;
	exchange_destroy(e);
	ask->server = server;
	ask->done(ask, result, answer ? &taken : NULL);
}

/* Nothing is under way, and nobody is left. */
static void finish_failed(struct dns_exchange *e)
{
	if (e->has_fallback)
		finish(e, DNS_ASK_ANSWERED, e->fallback_server, &e->fallback);
	else
		finish(e, e->failure, 0, NULL);
}

/* Servers. */

void upstream_heard(struct dns_upstream *u, size_t server, uint64_t rtt_ns)
{
	struct upstream_server *s = &u->servers[server];
	uint64_t rtt_us = rtt_ns / 1000;

	s->state.dead = false;
	s->state.tls_failure[0] = '\0';
	s->penalty_ns = 0;
	s->state.rtt_us = s->state.rtt_us == 0
				  ? rtt_us + 1
				  : (7 * s->state.rtt_us + rtt_us) / 8;
}

static void server_penalty(struct upstream_server *s, uint64_t now_ns)
{
	s->penalty_ns = s->penalty_ns == 0 ? PENALTY_NS : 2 * s->penalty_ns;
	if (s->penalty_ns > PENALTY_MOST_NS)
		s->penalty_ns = PENALTY_MOST_NS;
	s->probe_ns = now_ns + s->penalty_ns;
}

static void server_failed(struct upstream_server *s, uint64_t now_ns)
{
	s->state.failed++;
	s->state.dead = true;
	server_penalty(s, now_ns);
}

/* How long the next server waits for this one. */
static uint64_t race_ns(const struct upstream_server *s)
{
	uint64_t ns = 4 * s->state.rtt_us * 1000;

	if (s->state.rtt_us == 0 || ns > RACE_NS)
		return RACE_NS;
	return ns < RACE_LEAST_NS ? RACE_LEAST_NS : ns;
}

/* The next one in order that was not tried: those that live, then the dead,
 * but not when there is an answer to give. NULL: all were. */
static struct dns_attempt *next_attempt(struct dns_exchange *e)
{
	struct dns_upstream *u = e->upstream;

	for (int dead = 0; dead < (e->has_fallback ? 1 : 2); dead++)
		for (size_t i = 0; i < u->count; i++)
			if (!e->attempts[i].tried &&
			    u->servers[i].state.dead == dead)
				return &e->attempts[i];
	return NULL;
}

/* Is one that lives being asked? */
static bool is_hopeful(const struct dns_exchange *e)
{
	const struct dns_upstream *u = e->upstream;

	for (size_t i = 0; i < u->count; i++)
		if ((e->attempts[i].socket != NULL ||
		     e->attempts[i].stream != NULL) &&
		    !u->servers[i].state.dead)
			return true;
	return false;
}

/* Attempts. */

/* None on a stream: that is no place for forgers. */
static void choose_letters(struct dns_upstream *u, struct dns_attempt *a,
			   bool by_stream)
{
	const struct dns_name *n = &a->exchange->query.name;
	uint32_t bits = 0;
	size_t label = 0;

	memset(a->letters, 0, sizeof(a->letters));
	if (by_stream || upstream_server_of(a)->small)
		return;
	for (size_t i = 0; i < n->len; i++) {
		uint8_t c = n->wire[i];

		if (i == label) {
			label += 1U + c;
			continue;
		}
		if (i % 32 == 1)
			bits = upstream_random(u);
		if (c >= 'a' && c <= 'z' && (bits >> i % 32 & 1))
			a->letters[i / 8] |= (uint8_t)(1 << i % 8);
	}
}

/* False: it did not go out, and that is known at once. */
static bool attempt_send(struct dns_attempt *a, bool by_stream)
{
	struct dns_exchange *e = a->exchange;
	struct dns_upstream *u = e->upstream;
	const struct upstream_server *s = upstream_server_of(a);
	int r;

	attempt_forget(a);
	a->tried = true;
	a->sent_ns = clock_now_ns();
	a->edns = !s->plain;
	by_stream = by_stream || s->server.tls;
	choose_letters(u, a, by_stream);
	r = by_stream ? stream_send(u, a) : upstream_udp_send(u, a);
	if (r < 0) {
		if (e->failure == DNS_ASK_TIMED_OUT)
			e->failure = DNS_ASK_UNREACHABLE;
		return false;
	}
	e->pending++;
	return true;
}

/* Dead servers whose time has come get a copy: it costs the asker nothing. */
static void probe_dead(struct dns_exchange *e, uint64_t now_ns)
{
	struct dns_upstream *u = e->upstream;

	for (size_t i = 0; i < u->count; i++) {
		struct upstream_server *s = &u->servers[i];

		if (!s->state.dead || e->attempts[i].tried ||
		    now_ns < s->probe_ns)
			continue;
		server_penalty(s, now_ns);
		(void)attempt_send(&e->attempts[i], e->by_stream);
	}
}

/* Those that were asked and are silent had their time. */
static void silent_failed(struct dns_exchange *e, uint64_t now_ns)
{
	struct dns_upstream *u = e->upstream;

	for (size_t i = 0; i < u->count; i++) {
		const struct dns_attempt *a = &e->attempts[i];
		struct upstream_server *s = &u->servers[i];

		if ((a->socket != NULL || a->stream != NULL) &&
		    !s->state.dead && now_ns - a->sent_ns >= race_ns(s))
			server_failed(s, now_ns);
	}
}

/* Asks the same server in another way. */
static void attempt_again(struct dns_attempt *a, bool by_stream)
{
	if (!attempt_send(a, by_stream))
		upstream_failed(a, DNS_ASK_UNREACHABLE);
}

/* It loses the letters, and answers no TCP. */
static void ask_in_small_letters(struct dns_attempt *a)
{
	a->letters_lost = false;
	upstream_server_of(a)->small = true;
	attempt_again(a, false);
}

/* Asks those again that are silent; a stream repeats by itself. */
static void repeat(struct dns_exchange *e)
{
	struct dns_upstream *u = e->upstream;

	for (size_t i = 0; i < u->count; i++) {
		struct dns_attempt *a = &e->attempts[i];

		if (a->socket != NULL)
			udp_repeat(a);
		else if (a->stream != NULL && a->letters_lost)
			ask_in_small_letters(a);
	}
}

/* Asks the next server; when all were, those again that are silent. */
static void go_on(struct dns_exchange *e)
{
	struct dns_upstream *u = e->upstream;
	uint64_t now_ns = clock_now_ns();
	struct dns_attempt *a;

	while ((a = next_attempt(e)) != NULL) {
		if (attempt_send(a, e->by_stream)) {
			exchange_due(e,
				     now_ns + race_ns(upstream_server_of(a)));
			arm(u);
			return;
		}
	}
	if (!e->has_fallback)
		repeat(e);
	else
		silent_failed(e, now_ns);
	if (e->has_fallback || e->pending == 0) {
		finish_failed(e);
		return;
	}
	e->delay_ns = e->delay_ns == 0 ? RESEND_NS : 2 * e->delay_ns;
	exchange_due(e, now_ns + e->delay_ns);
	arm(u);
}

static void on_due(uv_timer_t *timer)
{
	struct dns_upstream *u = timer->data;
	uint64_t now_ns = clock_now_ns();
	struct dns_exchange *e;

	for (int i = 0; i < DUE_MAX && !u->closing; i++) {
		e = u->first;
		if (e == NULL || e->due_ns > now_ns)
			break;
		if (now_ns >= e->give_up_ns) {
			silent_failed(e, now_ns);
			finish_failed(e);
			continue;
		}
		u->stats.raced += e->pending > 0 && next_attempt(e) != NULL;
		go_on(e);
	}
	arm(u);
}

void upstream_failed(struct dns_attempt *a, enum dns_ask_result why)
{
	struct dns_exchange *e = a->exchange;

	if (a->letters_lost && why != DNS_ASK_TLS) {
		ask_in_small_letters(a);
		return;
	}
	attempt_forget(a);
	if (e->failure != DNS_ASK_TLS)
		e->failure = why;
	server_failed(upstream_server_of(a), clock_now_ns());
	if (next_attempt(e) != NULL || e->pending == 0)
		exchange_due(e, 0);
	arm(e->upstream);
}

/* A server that cannot or will not: another may. */
static bool is_refusal(const struct dns_answer *a)
{
	return a->rcode != DNS_RCODE_NOERROR && a->rcode != DNS_RCODE_NXDOMAIN;
}

static void accept_answer(struct dns_attempt *a, struct dns_answer *answer)
{
	struct dns_exchange *e = a->exchange;
	struct dns_upstream *u = e->upstream;
	size_t server = (size_t)(a - e->attempts);
	uint64_t now_ns = clock_now_ns();

	upstream_heard(u, server, now_ns - a->sent_ns);
	attempt_forget(a);
	u->servers[server].state.answered++;
	if (!is_refusal(answer)) {
		silent_failed(e, now_ns);
		finish(e, DNS_ASK_ANSWERED, (unsigned int)server, answer);
		return;
	}
	dns_answer_fini(&e->fallback);
	e->fallback = *answer;
	e->has_fallback = true;
	e->fallback_server = (unsigned int)server;
	if (next_attempt(e) != NULL)
		go_on(e);
	else if (!is_hopeful(e))
		finish_failed(e);
}

void upstream_reply(struct dns_attempt *a, const uint8_t *bytes, size_t len)
{
	struct dns_upstream *u = a->exchange->upstream;
	const struct dns_query sent = sent_query(a);
	bool by_stream = a->stream != NULL;
	struct dns_answer answer;
	enum dns_reply_fault fault =
		dns_answer_parse(bytes, len, &sent, &answer);

	if (fault == DNS_REPLY_OK) {
		accept_answer(a, &answer);
		return;
	}
	u->stats.faults[fault]++;
	switch (fault) {
	case DNS_REPLY_TRUNCATED:
		u->stats.truncated++;
		if (by_stream)
			upstream_failed(a, DNS_ASK_UNREACHABLE);
		else
			attempt_again(a, true);
		break;
	case DNS_REPLY_WRONG_CASE:
		if (by_stream) {
			upstream_failed(a, DNS_ASK_UNREACHABLE);
		} else {
			a->letters_lost = true;
			attempt_again(a, true);
		}
		break;
	case DNS_REPLY_NO_EDNS:
		u->stats.without_edns++;
		upstream_server_of(a)->plain = true;
		if (a->edns)
			attempt_again(a, by_stream);
		break;
	default:
		/* By UDP it may be anybody's: the right one may still come. */
		if (by_stream)
			upstream_failed(a, DNS_ASK_UNREACHABLE);
	}
}

/* What the user sees. */

enum dns_ask_result dns_upstream_ask(struct dns_upstream *u,
				     const struct dns_query *q, bool tcp,
				     struct dns_ask *ask)
{
	struct dns_attempt *a;
	struct dns_exchange *e;

	u->stats.asked++;
	if (u->count == 0)
		return DNS_ASK_NO_SERVERS;
	if (u->stats.in_flight >= DNS_ASKS_MAX)
		return DNS_ASK_NO_MEMORY;
	e = exchange_create(u, q, ask);
	if (e == NULL)
		return DNS_ASK_NO_MEMORY;
	e->by_stream = tcp;
	a = next_attempt(e);
	/* What cannot be sent at all is told when the timer goes on with it. */
	if (attempt_send(a, tcp))
		exchange_due(e,
			     clock_now_ns() + race_ns(upstream_server_of(a)));
	probe_dead(e, clock_now_ns());
	arm(u);
	return DNS_ASK_ANSWERED;
}

void dns_upstream_cancel(struct dns_ask *ask)
{
	struct dns_exchange *e = ask->exchange;

	if (e == NULL)
		return;
	exchange_destroy(e);
}

static void on_timer_closed(uv_handle_t *handle)
{
	upstream_handle_closed(handle->data);
}

void upstream_handle_closed(struct dns_upstream *u)
{
	if (--u->handles > 0)
		return;
	free(u->buffer);
	free(u->device);
	free(u->ca);
	free(u);
}

/* NULL stays NULL. False: out of memory. */
static bool copy_text(const char *from, char **ret_to)
{
	*ret_to = from ? strdup(from) : NULL;
	return from == NULL || *ret_to != NULL;
}

struct dns_upstream *dns_upstream_create(const struct dns_upstream_options *o)
{
	struct dns_upstream *u =
		calloc(1, sizeof(*u) + o->count * sizeof(u->servers[0]));

	if (u == NULL)
		return NULL;
	u->loop = o->loop;
	u->mark = o->mark;
	u->patience_ns =
		(uint64_t)(o->patience_ms ? o->patience_ms : DNS_PATIENCE_MS) *
		NS_PER_MS;
	u->idle_ms = o->idle_ms ? o->idle_ms : DNS_IDLE_MS;
	u->end = &u->first;
	u->count = o->count;
	for (size_t i = 0; i < o->count; i++)
		u->servers[i].server = o->servers[i];
	/* A timer only gets its fields set. */
	(void)uv_timer_init(o->loop, &u->timer);
	u->timer.data = u;
	u->handles = 1;
	u->buffer = malloc(DNS_MESSAGE_MAX);
	if (u->buffer == NULL || !copy_text(o->device, &u->device) ||
	    !copy_text(o->ca, &u->ca)) {
		dns_upstream_destroy(u);
		return NULL;
	}
	return u;
}

void dns_upstream_destroy(struct dns_upstream *u)
{
	if (u == NULL)
		return;
	u->closing = true;
	while (u->first != NULL)
		exchange_destroy(u->first);
	upstream_udp_close(u);
	stream_close(u);
	uv_close((uv_handle_t *)&u->timer, on_timer_closed);
}

void dns_upstream_stats(const struct dns_upstream *u,
			struct dns_upstream_stats *ret_stats)
{
	*ret_stats = u->stats;
}

size_t dns_upstream_server_count(const struct dns_upstream *u)
{
	return u->count;
}

const struct dns_server *dns_upstream_server(const struct dns_upstream *u,
					     size_t i,
					     struct dns_server_state *ret_state)
{
	*ret_state = u->servers[i].state;
	return &u->servers[i].server;
}
