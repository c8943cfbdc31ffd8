/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/session.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/clock.h"

enum {
	D = SESSION_STATE_DOWN,
	W = SESSION_STATE_WAITING,
	C = SESSION_STATE_CONNECTING,
	U = SESSION_STATE_UP,
	S = SESSION_STATE_SUSPECT,
	R = SESSION_STATE_RECONNECTING,
	F = SESSION_STATE_FAILED,
};

/* A new state or event makes these fail, and with them the table below. */
_Static_assert(SESSION_STATE_COUNT == 7, "a state without a column");
_Static_assert(SESSION_EVENT_COUNT == 14, "an event without a row");
_Static_assert(SESSION_ACTION_COUNT == 11, "an action without a letter");

/*
 * The state after, and the actions as letters in order:
 *   a start attempt    e end attempt     k publish keys   h bring host up
 *   x take host down   t arm retry       z stop retry     l start liveness
 *   q stop liveness    ? send echo       ! notify
 */
static const char letters[] = "aekhxtzlq?!";

struct expected {
	int state;
	const char *actions;
};

/* ENDED has two rows: a passing reason, and a final one; ASKED_UP: somebody's
 * word, and nobody's. */
enum {
	ROWS = SESSION_EVENT_COUNT + 2,
	ROW_AUTOMATIC = 1,
};

static const struct {
	enum session_event event;
	enum reason reason;
	struct expected in[SESSION_STATE_COUNT];
} table[ROWS] = {
	{ SESSION_EVENT_ASKED_UP,
	  REASON_NONE,
	  { { C, "a!" },
	    { C, "a!" },
	    { C, "" },
	    { U, "" },
	    { S, "" },
	    { R, "" },
	    { C, "za!" } } },
	{ SESSION_EVENT_ASKED_UP,
	  REASON_NONE,
	  { { C, "a!" },
	    { C, "a!" },
	    { C, "" },
	    { U, "" },
	    { S, "" },
	    { R, "" },
	    { F, "" } } },
	{ SESSION_EVENT_ASKED_DOWN,
	  REASON_USER,
	  { { D, "" },
	    { D, "!" },
	    { D, "e!" },
	    { D, "qex!" },
	    { D, "qex!" },
	    { D, "ex!" },
	    { D, "z!" } } },
	{ SESSION_EVENT_ARMED,
	  REASON_NONE,
	  { { W, "!" },
	    { W, "" },
	    { C, "" },
	    { U, "" },
	    { S, "" },
	    { R, "" },
	    { F, "" } } },
	{ SESSION_EVENT_LEASE_CAME,
	  REASON_NONE,
	  { { D, "" },
	    { W, "" },
	    { C, "kh" },
	    { U, "" },
	    { S, "" },
	    { R, "kh" },
	    { F, "" } } },
	{ SESSION_EVENT_HOST_CHANGED,
	  REASON_NONE,
	  { { D, "" },
	    { W, "" },
	    { U, "l!" },
	    { U, "" },
	    { S, "" },
	    { U, "l!" },
	    { F, "" } } },
	{ SESSION_EVENT_HOST_REFUSED,
	  REASON_HOST,
	  { { D, "" },
	    { W, "" },
	    { F, "et!" },
	    { F, "qext!" },
	    { F, "qext!" },
	    { F, "ext!" },
	    { F, "" } } },
	{ SESSION_EVENT_ENDED,
	  REASON_UNREACHABLE,
	  { { D, "" },
	    { W, "" },
	    { F, "et!" },
	    { R, "qet!" },
	    { R, "qet!" },
	    { R, "et!" },
	    { F, "" } } },
	{ SESSION_EVENT_ENDED,
	  REASON_REFUSED,
	  { { D, "" },
	    { W, "" },
	    { F, "e!" },
	    { F, "qex!" },
	    { F, "qex!" },
	    { F, "ex!" },
	    { F, "" } } },
	{ SESSION_EVENT_ECHO_MISSED,
	  REASON_NONE,
	  { { D, "" },
	    { W, "" },
	    { C, "" },
	    { S, "!" },
	    { S, "" },
	    { R, "" },
	    { F, "" } } },
	{ SESSION_EVENT_HEARD,
	  REASON_NONE,
	  { { D, "" },
	    { W, "" },
	    { C, "" },
	    { U, "" },
	    { U, "!" },
	    { R, "" },
	    { F, "" } } },
	{ SESSION_EVENT_WENT_SILENT,
	  REASON_SILENT,
	  { { D, "" },
	    { W, "" },
	    { C, "" },
	    { R, "qea!" },
	    { R, "qea!" },
	    { R, "" },
	    { F, "" } } },
	{ SESSION_EVENT_RETRY_CAME_DUE,
	  REASON_NONE,
	  { { D, "" },
	    { W, "" },
	    { C, "" },
	    { U, "" },
	    { S, "" },
	    { R, "" },
	    { C, "za!" } } },
	{ SESSION_EVENT_NETWORK_CHANGED,
	  REASON_NONE,
	  { { D, "" },
	    { W, "" },
	    { C, "ea" },
	    { S, "!?" },
	    { S, "?" },
	    { R, "ea" },
	    { C, "za!" } } },
	{ SESSION_EVENT_NETWORK_LOST,
	  REASON_NONE,
	  { { D, "" },
	    { W, "" },
	    { C, "" },
	    { S, "!?" },
	    { S, "?" },
	    { R, "" },
	    { F, "" } } },
	{ SESSION_EVENT_WENT_ELSEWHERE,
	  REASON_NONE,
	  { { D, "" },
	    { W, "" },
	    { C, "" },
	    { U, "" },
	    { S, "" },
	    { R, "" },
	    { C, "za!" } } },
};

static void report(struct session *s, enum session_event event,
		   enum reason reason, uint64_t now_ns,
		   struct session_actions *ret_actions)
{
	struct session_input in = {
		.event = event,
		.reason = reason,
		.now_ns = now_ns,
	};

	session_report(s, &in, ret_actions);
}

static void after(struct session *s, enum session_event event,
		  enum reason reason)
{
	struct session_actions out;

	report(s, event, reason, 1, &out);
}

/* The shortest way into each state. */
static void session_at(struct session *s, enum session_state state)
{
	session_init(s, 0);
	if (state == SESSION_STATE_DOWN)
		return;
	if (state == SESSION_STATE_WAITING) {
		after(s, SESSION_EVENT_ARMED, REASON_NONE);
		return;
	}
	after(s, SESSION_EVENT_ASKED_UP, REASON_NONE);
	if (state == SESSION_STATE_FAILED)
		after(s, SESSION_EVENT_ENDED, REASON_UNREACHABLE);
	if (state == SESSION_STATE_CONNECTING || state == SESSION_STATE_FAILED)
		return;
	after(s, SESSION_EVENT_LEASE_CAME, REASON_NONE);
	after(s, SESSION_EVENT_HOST_CHANGED, REASON_NONE);
	if (state == SESSION_STATE_SUSPECT)
		after(s, SESSION_EVENT_ECHO_MISSED, REASON_NONE);
	if (state == SESSION_STATE_RECONNECTING)
		after(s, SESSION_EVENT_WENT_SILENT, REASON_SILENT);
}

static const char *spell(const struct session_actions *out,
			 char text[static SESSION_ACTIONS_MAX + 1])
{
	for (size_t i = 0; i < out->count; i++)
		text[i] = letters[out->action[i]];
	text[out->count] = '\0';
	return text;
}

START_TEST(answers_every_pair_as_the_table_says)
{
	char text[SESSION_ACTIONS_MAX + 1];

	for (int from = 0; from < SESSION_STATE_COUNT; from++) {
		const struct expected *e = &table[_i].in[from];
		struct session_actions out;
		struct session s;

		session_at(&s, (enum session_state)from);
		ck_assert_int_eq(s.state, from);
		session_report(&s,
			       &(struct session_input) {
				       .event = table[_i].event,
				       .reason = table[_i].reason,
				       .automatic = _i == ROW_AUTOMATIC,
				       .now_ns = 2,
			       },
			       &out);
		ck_assert_msg((int)s.state == e->state &&
				      strcmp(spell(&out, text), e->actions) ==
					      0,
			      "%s in %s: %s with \"%s\", wanted %s with \"%s\"",
			      session_event_name(table[_i].event),
			      session_state_name((enum session_state)from),
			      session_state_name(s.state), text,
			      session_state_name((enum session_state)e->state),
			      e->actions);
	}
}
END_TEST

START_TEST(has_a_row_for_every_event)
{
	bool seen[SESSION_EVENT_COUNT] = { false };
	int events = 0;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		events += !seen[table[i].event];
		seen[table[i].event] = true;
	}
	ck_assert_int_eq(events, SESSION_EVENT_COUNT);
	printf("note: %d pairs of state and event, %d more for final reasons "
	       "and for starts that nobody asked for\n",
	       events * SESSION_STATE_COUNT,
	       (ROWS - events) * SESSION_STATE_COUNT);
}
END_TEST

START_TEST(names_every_state_event_and_action)
{
	for (int i = 0; i < SESSION_STATE_COUNT; i++)
		ck_assert_ptr_nonnull(
			session_state_name((enum session_state)i));
	for (int i = 0; i < SESSION_EVENT_COUNT; i++)
		ck_assert_ptr_nonnull(
			session_event_name((enum session_event)i));
	for (int i = 0; i < SESSION_ACTION_COUNT; i++)
		ck_assert_ptr_nonnull(
			session_action_name((enum session_action)i));
}
END_TEST

/* What a shell that does as it is told would have at any moment. */
struct world {
	bool attempt, host, retry, liveness;
};

static void obey(struct world *w, const struct session_actions *out)
{
	for (size_t i = 0; i < out->count; i++) {
		switch (out->action[i]) {
		case SESSION_ACTION_START_ATTEMPT:
			ck_assert(!w->attempt);
			w->attempt = true;
			break;
		case SESSION_ACTION_END_ATTEMPT:
			ck_assert(w->attempt);
			w->attempt = false;
			break;
		case SESSION_ACTION_PUBLISH_KEYS:
			ck_assert(w->attempt);
			break;
		case SESSION_ACTION_BRING_HOST_UP:
			ck_assert(w->attempt);
			w->host = true;
			break;
		case SESSION_ACTION_TAKE_HOST_DOWN:
			ck_assert(w->host);
			w->host = false;
			break;
		case SESSION_ACTION_ARM_RETRY:
			ck_assert(!w->retry);
			w->retry = true;
			break;
		case SESSION_ACTION_STOP_RETRY:
			ck_assert(w->retry);
			w->retry = false;
			break;
		case SESSION_ACTION_START_LIVENESS:
			ck_assert(!w->liveness);
			w->liveness = true;
			break;
		case SESSION_ACTION_STOP_LIVENESS:
			ck_assert(w->liveness);
			w->liveness = false;
			break;
		case SESSION_ACTION_SEND_ECHO:
			ck_assert(w->attempt && w->liveness);
			break;
		case SESSION_ACTION_NOTIFY:
		case SESSION_ACTION_COUNT:
			break;
		}
	}
}

static void check_invariants(const struct session *s, const struct world *w)
{
	bool running = s->state == SESSION_STATE_UP ||
		       s->state == SESSION_STATE_SUSPECT;
	bool resting = s->state == SESSION_STATE_DOWN ||
		       s->state == SESSION_STATE_WAITING ||
		       s->state == SESSION_STATE_FAILED;

	ck_assert(w->attempt == s->attempt);
	ck_assert(w->host == s->host);
	ck_assert(w->retry == (s->retry_ns != CLOCK_NEVER));
	ck_assert(w->liveness == running);
	/* Nothing is left behind, and nothing hangs without a way on. */
	if (resting)
		ck_assert(!w->attempt && !w->host);
	else
		ck_assert(w->attempt || w->retry);
	if (running || s->state == SESSION_STATE_RECONNECTING)
		ck_assert(w->host);
	if (w->retry)
		ck_assert(s->state == SESSION_STATE_FAILED ||
			  s->state == SESSION_STATE_RECONNECTING);
	if (s->state == SESSION_STATE_FAILED && !w->retry)
		ck_assert(session_reason_is_final(s->reason));
}

/* U8, of every step: is it a start that a refusal forbids? */
static void check_refusal(const struct session *before,
			  const struct session_input *in,
			  const struct session_actions *out)
{
	bool person = in->event == SESSION_EVENT_ASKED_UP && !in->automatic;
	bool starts = false;

	for (size_t i = 0; i < out->count; i++)
		if (out->action[i] == SESSION_ACTION_START_ATTEMPT)
			starts = true;
	if (!starts || before->refusal == REASON_NONE || person)
		return;
	ck_assert_uint_ge(in->now_ns, before->refusal_ns);
	ck_assert(before->moved || in->event == SESSION_EVENT_WENT_ELSEWHERE);
}

START_TEST(keeps_its_promises_over_random_events)
{
	unsigned int seed = 7;
	unsigned long taken = 0, refused = 0;
	struct session s;
	struct world w = { 0 };
	uint64_t now_ns = 0;

	session_init(&s, now_ns);
	for (int i = 0; i < 200000; i++) {
		struct session_input in = {
			.event = (enum session_event)(rand_r(&seed) %
						      SESSION_EVENT_COUNT),
			.reason = (enum reason)(rand_r(&seed) % REASON_COUNT),
			.now_ns = now_ns,
			.automatic = rand_r(&seed) % 2,
			.jitter = (uint32_t)rand_r(&seed) << 1,
		};
		struct session before = s;
		struct session_actions out;

		/* The shell reports this only behind BRING_HOST_UP. */
		if (in.event == SESSION_EVENT_HOST_CHANGED && !w.host)
			continue;
		/* And the end only of what there is. */
		if (in.event == SESSION_EVENT_ENDED && !w.attempt)
			continue;
		if (in.event == SESSION_EVENT_LEASE_CAME && !w.attempt)
			continue;
		if (in.event == SESSION_EVENT_HOST_CHANGED && !w.attempt)
			continue;
		/* A timer is never early. */
		if (in.event == SESSION_EVENT_RETRY_CAME_DUE &&
		    now_ns < s.retry_ns)
			continue;
		session_report(&s, &in, &out);
		obey(&w, &out);
		check_invariants(&s, &w);
		check_refusal(&before, &in, &out);
		refused += before.refusal == REASON_NONE &&
			   s.refusal != REASON_NONE;
		now_ns += (uint64_t)(rand_r(&seed) % 20) * NS_PER_S;
		taken++;
	}
	printf("note: %lu random events, %llu transitions, %lu refusals\n",
	       taken, (unsigned long long)s.log_count, refused);
	ck_assert_uint_gt(refused, 0);
}
END_TEST

START_TEST(backs_off_from_one_second_to_sixty_with_jitter)
{
	for (unsigned int n = 1; n < 200; n++) {
		uint64_t least = session_backoff_ns(n, 0);
		uint64_t most = session_backoff_ns(n, UINT32_MAX);

		ck_assert_uint_ge(least, NS_PER_S / 2);
		ck_assert_uint_le(most, 60ULL * NS_PER_S);
		ck_assert_uint_ge(most, least * 2 - NS_PER_MS);
		ck_assert_uint_ge(session_backoff_ns(n + 1, 0), least);
	}
	ck_assert_uint_eq(session_backoff_ns(100, 0), 30ULL * NS_PER_S);
}
END_TEST

START_TEST(waits_at_least_as_long_as_a_refusal_asks)
{
	static const uint64_t asked_s[] = { 0, 2, 30, 60, 3600 };

	for (size_t i = 0; i < ARRAY_SIZE(asked_s); i++) {
		struct session_input in = {
			.event = SESSION_EVENT_ASKED_UP,
			.now_ns = NS_PER_S,
		};
		struct session_actions out;
		struct session s;
		uint64_t wait;

		session_init(&s, NS_PER_S);
		session_report(&s, &in, &out);
		in.event = SESSION_EVENT_ENDED;
		in.reason = REASON_BUSY;
		in.retry_after_ns = asked_s[i] * NS_PER_S;
		session_report(&s, &in, &out);
		wait = s.retry_ns - in.now_ns;
		ck_assert_uint_ge(wait, session_backoff_ns(1, 0));
		ck_assert_uint_le(wait, 60ULL * NS_PER_S);
		if (asked_s[i] > 1 && asked_s[i] <= 60)
			ck_assert_uint_eq(wait, asked_s[i] * NS_PER_S);
	}
}
END_TEST

START_TEST(waits_before_replacing_what_ended_soon_after_it_came_up)
{
	struct session_actions out;
	struct session s;

	session_at(&s, SESSION_STATE_FAILED);
	report(&s, SESSION_EVENT_RETRY_CAME_DUE, REASON_NONE, 10, &out);
	report(&s, SESSION_EVENT_LEASE_CAME, REASON_NONE, 11, &out);
	report(&s, SESSION_EVENT_HOST_CHANGED, REASON_NONE, 12, &out);
	report(&s, SESSION_EVENT_WENT_SILENT, REASON_SILENT, 13, &out);
	ck_assert_int_eq(s.state, SESSION_STATE_RECONNECTING);
	ck_assert(!s.attempt && s.retry_ns != CLOCK_NEVER);
}
END_TEST

START_TEST(forgets_failures_after_a_steady_minute)
{
	struct session_actions out;
	struct session s;

	session_at(&s, SESSION_STATE_FAILED);
	report(&s, SESSION_EVENT_RETRY_CAME_DUE, REASON_NONE, 10, &out);
	report(&s, SESSION_EVENT_LEASE_CAME, REASON_NONE, 11, &out);
	report(&s, SESSION_EVENT_HOST_CHANGED, REASON_NONE, 12, &out);
	report(&s, SESSION_EVENT_WENT_SILENT, REASON_SILENT,
	       12 + 60ULL * NS_PER_S, &out);
	ck_assert(s.attempt && s.retry_ns == CLOCK_NEVER);
}
END_TEST

START_TEST(connect_cuts_a_reconnects_back_off_short)
{
	char text[SESSION_ACTIONS_MAX + 1];
	struct session_actions out;
	struct session s;

	session_at(&s, SESSION_STATE_RECONNECTING);
	report(&s, SESSION_EVENT_ENDED, REASON_UNREACHABLE, 5, &out);
	ck_assert(!s.attempt);
	report(&s, SESSION_EVENT_ASKED_UP, REASON_NONE, 6, &out);
	ck_assert_str_eq(spell(&out, text), "za");
}
END_TEST

/* --- U8: a refused authentication. --- */

static void asked_up(struct session *s, bool automatic, uint64_t now_ns)
{
	struct session_input in = {
		.event = SESSION_EVENT_ASKED_UP,
		.now_ns = now_ns,
		.automatic = automatic,
	};
	struct session_actions out;

	session_report(s, &in, &out);
}

/* At second 0. */
static void refused(struct session *s)
{
	struct session_actions out;

	session_at(s, SESSION_STATE_CONNECTING);
	report(s, SESSION_EVENT_ENDED, REASON_REFUSED, 0, &out);
	ck_assert_int_eq(s->state, SESSION_STATE_FAILED);
	ck_assert_uint_eq(s->retry_ns, CLOCK_NEVER);
}

START_TEST(u8_a_refusal_holds_for_ten_seconds_then_follows_the_network)
{
	char text[SESSION_ACTIONS_MAX + 1];
	struct session_actions out;
	struct session s;

	refused(&s);
	report(&s, SESSION_EVENT_WENT_ELSEWHERE, REASON_NONE, NS_PER_S, &out);
	ck_assert_int_eq(s.state, SESSION_STATE_FAILED);
	ck_assert_str_eq(spell(&out, text), "t");
	ck_assert_uint_eq(s.retry_ns, 10ULL * NS_PER_S);
	report(&s, SESSION_EVENT_WENT_ELSEWHERE, REASON_NONE, 2, &out);
	ck_assert_str_eq(spell(&out, text), "");
	report(&s, SESSION_EVENT_RETRY_CAME_DUE, REASON_NONE, s.retry_ns, &out);
	ck_assert_int_eq(s.state, SESSION_STATE_CONNECTING);
}
END_TEST

START_TEST(u8_a_refusal_holds_until_the_network_changes)
{
	struct session_actions out;
	struct session s;

	refused(&s);
	asked_up(&s, true, 3600ULL * NS_PER_S);
	ck_assert_int_eq(s.state, SESSION_STATE_FAILED);
	report(&s, SESSION_EVENT_WENT_ELSEWHERE, REASON_NONE,
	       3601ULL * NS_PER_S, &out);
	ck_assert_int_eq(s.state, SESSION_STATE_CONNECTING);
}
END_TEST

/* A cable out and in again: the routes are gone, and come back. */
START_TEST(u8_a_refusal_outlives_a_link_that_comes_and_goes)
{
	char text[SESSION_ACTIONS_MAX + 1];
	struct session_actions out;
	struct session s;

	refused(&s);
	for (uint64_t i = 1; i <= 5; i++) {
		report(&s, SESSION_EVENT_NETWORK_LOST, REASON_NONE,
		       20 * i * NS_PER_S, &out);
		ck_assert_str_eq(spell(&out, text), "");
		report(&s, SESSION_EVENT_NETWORK_CHANGED, REASON_NONE,
		       (20 * i + 10) * NS_PER_S, &out);
		ck_assert_str_eq(spell(&out, text), "");
	}
	ck_assert_int_eq(s.state, SESSION_STATE_FAILED);
	ck_assert_int_eq(s.refusal, REASON_REFUSED);
}
END_TEST

/* Such as a captive portal's: the gateway has said nothing else since. */
START_TEST(u8_a_refusal_outlives_a_failure_for_another_reason)
{
	struct session_actions out;
	struct session s;

	refused(&s);
	report(&s, SESSION_EVENT_WENT_ELSEWHERE, REASON_NONE, 20ULL * NS_PER_S,
	       &out);
	ck_assert_int_eq(s.state, SESSION_STATE_CONNECTING);
	report(&s, SESSION_EVENT_ENDED, REASON_UNREACHABLE, 21ULL * NS_PER_S,
	       &out);
	ck_assert_int_eq(s.refusal, REASON_REFUSED);
	report(&s, SESSION_EVENT_RETRY_CAME_DUE, REASON_NONE, s.retry_ns, &out);
	report(&s, SESSION_EVENT_LEASE_CAME, REASON_NONE, 30ULL * NS_PER_S,
	       &out);
	report(&s, SESSION_EVENT_HOST_CHANGED, REASON_NONE, 30ULL * NS_PER_S,
	       &out);
	ck_assert_int_eq(s.state, SESSION_STATE_UP);
	ck_assert_int_eq(s.refusal, REASON_NONE);
}
END_TEST

START_TEST(u8_a_refusal_holds_through_down_and_up_again)
{
	struct session_actions out;
	struct session s;

	refused(&s);
	report(&s, SESSION_EVENT_ASKED_DOWN, REASON_RULE, 1, &out);
	asked_up(&s, true, 2);
	ck_assert_int_eq(s.state, SESSION_STATE_FAILED);
	ck_assert_int_eq(s.reason, REASON_REFUSED);
	ck_assert_uint_eq(s.retry_ns, CLOCK_NEVER);
	/* Armed, and another network, all within the time. */
	report(&s, SESSION_EVENT_ASKED_DOWN, REASON_RULE, 3, &out);
	report(&s, SESSION_EVENT_ARMED, REASON_NONE, 4, &out);
	report(&s, SESSION_EVENT_WENT_ELSEWHERE, REASON_NONE, 5, &out);
	asked_up(&s, true, 6);
	ck_assert_int_eq(s.state, SESSION_STATE_FAILED);
	ck_assert_uint_eq(s.retry_ns, 10ULL * NS_PER_S);
	report(&s, SESSION_EVENT_ASKED_DOWN, REASON_RULE, 7, &out);
	asked_up(&s, true, 10ULL * NS_PER_S);
	ck_assert_int_eq(s.state, SESSION_STATE_CONNECTING);
}
END_TEST

START_TEST(u8_a_person_starts_at_once_after_a_refusal)
{
	struct session_actions out;
	struct session s;

	refused(&s);
	asked_up(&s, false, 1);
	ck_assert_int_eq(s.state, SESSION_STATE_CONNECTING);
	refused(&s);
	report(&s, SESSION_EVENT_ASKED_DOWN, REASON_USER, 1, &out);
	asked_up(&s, false, 2);
	ck_assert_int_eq(s.state, SESSION_STATE_CONNECTING);
}
END_TEST

START_TEST(u8_a_refusal_is_of_one_profile)
{
	struct session_actions out;
	struct session s;

	refused(&s);
	report(&s, SESSION_EVENT_ASKED_DOWN, REASON_RULE, 1, &out);
	report(&s, SESSION_EVENT_ASKED_DOWN, REASON_REPLACED, 2, &out);
	asked_up(&s, true, 3);
	ck_assert_int_eq(s.state, SESSION_STATE_CONNECTING);
}
END_TEST

START_TEST(keeps_the_last_hundred_transitions)
{
	struct session_actions out;
	struct session s;

	session_init(&s, 0);
	ck_assert_ptr_null(session_transition_at(&s, 0));
	for (uint64_t i = 1; i <= 130; i++)
		report(&s,
		       i % 2 ? SESSION_EVENT_ASKED_UP
			     : SESSION_EVENT_ASKED_DOWN,
		       REASON_USER, i, &out);
	ck_assert_uint_eq(s.log_count, 130);
	ck_assert_uint_eq(session_transition_at(&s, 0)->at_ns, 31);
	ck_assert_uint_eq(session_transition_at(&s, 99)->at_ns, 130);
	ck_assert_ptr_null(session_transition_at(&s, 100));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session");
	TCase *tc = tcase_create("session");

	tcase_set_timeout(tc, 60); /* a sanitizer on a busy machine */
	tcase_add_loop_test(tc, answers_every_pair_as_the_table_says, 0, ROWS);
	tcase_add_test(tc, has_a_row_for_every_event);
	tcase_add_test(tc, names_every_state_event_and_action);
	tcase_add_test(tc, keeps_its_promises_over_random_events);
	tcase_add_test(tc, backs_off_from_one_second_to_sixty_with_jitter);
	tcase_add_test(tc, waits_at_least_as_long_as_a_refusal_asks);
	tcase_add_test(tc,
		       waits_before_replacing_what_ended_soon_after_it_came_up);
	tcase_add_test(tc, forgets_failures_after_a_steady_minute);
	tcase_add_test(tc, connect_cuts_a_reconnects_back_off_short);
	tcase_add_test(
		tc,
		u8_a_refusal_holds_for_ten_seconds_then_follows_the_network);
	tcase_add_test(tc, u8_a_refusal_holds_until_the_network_changes);
	tcase_add_test(tc, u8_a_refusal_outlives_a_link_that_comes_and_goes);
	tcase_add_test(tc, u8_a_refusal_outlives_a_failure_for_another_reason);
	tcase_add_test(tc, u8_a_refusal_holds_through_down_and_up_again);
	tcase_add_test(tc, u8_a_person_starts_at_once_after_a_refusal);
	tcase_add_test(tc, u8_a_refusal_is_of_one_profile);
	tcase_add_test(tc, keeps_the_last_hundred_transitions);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
