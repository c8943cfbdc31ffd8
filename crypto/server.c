/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/credentials.h"
#include "crypto/secret.h"
#include "crypto/server_session.h"
#include "crypto/wolf.h"

/*
 * Timers (those of sessions are in server_session.c):
 *   cookie secret     a new one each 120 s; the previous one counts as well
 *   a handshake       its own; 10 s in all
 *   a TLS refusal     remembered for 20 s, repeated at most each 100 ms
 *   farewells         their own
 */
enum {
	COOKIE_S = 120,
	HANDSHAKE_S = 10,
	REFUSAL_S = 20,
	REPEAT_MS = 100,
	/* Timers are looked at all together, thousands in a crowd. */
	TIMERS_APART_MS = 5,
};

static void send_to_stranger(void *arg, const uint8_t *datagram, size_t len)
{
	struct server *s = arg;

	s->cb->send(s->arg, &s->listening_to, datagram, len);
}

static void send_to_inflight(void *arg, const uint8_t *datagram, size_t len)
{
	struct inflight *f = arg;

	f->owner->cb->send(f->owner->arg, &f->from, datagram, len);
}

static bool make_listener(struct server *s)
{
	handshake_destroy(s->listener);
	s->listener =
		handshake_listener(s->options.credentials, send_to_stranger, s);
	return s->listener != NULL;
}

struct server *server_create(const struct server_options *o,
			     const struct server_callbacks *cb, void *arg,
			     uint64_t now_ns)
{
	struct server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->options = *o;
	s->cb = cb;
	s->arg = arg;
	inflight_table_init(&s->inflight);
	wolf_random(s->cookie, sizeof(s->cookie));
	s->cookie_ns = now_ns + server_s(COOKIE_S);
	s->sweep_ns = s->deadline_ns = now_ns;
	if (!make_listener(s)) {
		server_destroy(s);
		return NULL;
	}
	return s;
}

void server_destroy(struct server *s)
{
	if (s == NULL)
		return;
	handshake_destroy(s->listener);
	inflight_table_fini(&s->inflight);
	for (size_t i = 0; i < SERVER_SLOTS; i++)
		server_session_destroy(s->slot[i]);
	farewells_fini(&s->farewells);
	secret_wipe(s->cookie, sizeof(s->cookie));
	free(s);
}

static void handshake_done(struct server *s, struct inflight *f,
			   uint64_t now_ns)
{
	char text[HANDSHAKE_TEXT_MAX];
	struct handshake_result result;
	enum handshake_cause cause;
	enum reason reason;
	int r;

	if (handshake_finish(f->handshake, &result, &reason, text) < 0) {
		cause = reason == REASON_VERSION ? HANDSHAKE_CAUSE_PROTOCOL
						 : HANDSHAKE_CAUSE_OTHER;
		s->count.failed_by[cause]++;
		if (s->cb->rejected != NULL)
			s->cb->rejected(s->arg, &f->from.remote, text);
		inflight_remove(&s->inflight, f);
		return;
	}
	s->count.handshakes_completed++;
	r = server_session_create(s, f, &result, now_ns);
	if (r < 0) {
		if (r != -EACCES)
			s->count.refused_by[REFUSAL_INTERNAL]++;
		/* It may still have to repeat our ACK, for the client to see
		 * the REFUSE behind it. */
		inflight_settle(f, INFLIGHT_LINGERING);
		f->expires_ns = now_ns + server_s(HANDSHAKE_S);
	}
	secret_wipe(&result, sizeof(result));
}

/* A refusal by TLS is one encrypted alert, which can be lost. */
static void handshake_failed(struct server *s, struct inflight *f,
			     uint64_t now_ns)
{
	char text[HANDSHAKE_TEXT_MAX];
	const uint8_t *last;
	size_t len = handshake_last(f->handshake, &last);

	s->count.failed_by[handshake_client_error(f->handshake, text)]++;
	if (s->cb->rejected != NULL)
		s->cb->rejected(s->arg, &f->from.remote, text);
	if (len == 0 || len > sizeof(f->alert)) {
		inflight_remove(&s->inflight, f);
		return;
	}
	memcpy(f->alert, last, len);
	f->alert_len = len;
	handshake_destroy(f->handshake);
	f->handshake = NULL;
	inflight_settle(f, INFLIGHT_REFUSED);
	f->expires_ns = now_ns + server_s(REFUSAL_S);
	f->repeated_ns = now_ns;
}

static void inflight_went_on(struct server *s, struct inflight *f,
			     enum handshake_status status, uint64_t now_ns)
{
	switch (status) {
	case HANDSHAKE_RUNNING:
		server_due(s, handshake_deadline(f->handshake));
		break;
	case HANDSHAKE_DONE:
		handshake_done(s, f, now_ns);
		break;
	case HANDSHAKE_FAILED:
		handshake_failed(s, f, now_ns);
		break;
	}
}

static void on_known(struct server *s, struct inflight *f,
		     const struct envelope *e, uint64_t now_ns)
{
	bool may_repeat = now_ns - f->repeated_ns >= server_ms(REPEAT_MS);
	struct session *x;
	uint8_t alert;

	if (f->state != INFLIGHT_REFUSED &&
	    !envelope_filter(ENVELOPE_TO_GATEWAY, e->dtls, e->dtls_len,
			     &alert)) {
		s->count.drop_filtered++;
		return;
	}
	switch (f->state) {
	case INFLIGHT_RUNNING:
		inflight_progressed(&s->inflight, f, now_ns);
		inflight_went_on(s, f,
				 handshake_input(f->handshake, e->dtls,
						 e->dtls_len, now_ns),
				 now_ns);
		break;
	case INFLIGHT_LINGERING:
		(void)handshake_input(f->handshake, e->dtls, e->dtls_len,
				      now_ns);
		x = server_session_find(s, f->index);
		if (x != NULL && !x->confirmed && may_repeat) {
			f->repeated_ns = now_ns;
			server_session_send_lease(s, x, 0, NULL);
		}
		break;
	case INFLIGHT_REFUSED:
		if (may_repeat) {
			f->repeated_ns = now_ns;
			s->cb->send(s->arg, &f->from, f->alert, f->alert_len);
		}
		break;
	}
}

static void on_accepted(struct server *s, const struct path *from,
			uint64_t now_ns)
{
	struct inflight *f;
	struct handshake *h = s->listener;

	s->listener = NULL;
	f = inflight_add(&s->inflight, s, from, h, now_ns);
	(void)make_listener(s);
	if (f == NULL) {
		s->count.drop_memory++;
		return;
	}
	s->count.handshakes_started++;
	handshake_set_owner(h, send_to_inflight, f);
	f->expires_ns = now_ns + server_s(HANDSHAKE_S);
	server_due(s, f->expires_ns);
	inflight_went_on(s, f, handshake_start(h, now_ns), now_ns);
}

/* Turned by the next stranger, not by a timer. After a quiet time the one that
 * would become the previous secret is itself too old. */
static void turn_cookies(struct server *s, uint64_t now_ns)
{
	if (now_ns < s->cookie_ns)
		return;
	if (now_ns - s->cookie_ns < server_s(COOKIE_S))
		memcpy(s->cookie[1], s->cookie[0], sizeof(s->cookie[0]));
	else
		wolf_random(s->cookie[1], sizeof(s->cookie[1]));
	wolf_random(s->cookie[0], sizeof(s->cookie[0]));
	s->cookie_ns = now_ns + server_s(COOKIE_S);
}

static void on_stranger(struct server *s, const struct path *from,
			const struct envelope *e, size_t len, uint64_t now_ns)
{
	if (len < ENVELOPE_STRANGER_MIN) {
		s->count.drop_unpadded++;
		return;
	}
	if (!envelope_is_hello(e->dtls, e->dtls_len)) {
		s->count.drop_token++;
		return;
	}
	/* Before anything is computed for it: it will ask again. */
	if (inflight_is_full(&s->inflight, now_ns)) {
		s->count.drop_crowd++;
		return;
	}
	if (inflight_network_is_full(&s->inflight, &from->remote.addr)) {
		s->count.drop_full++;
		return;
	}
	turn_cookies(s, now_ns);
	if (s->listener == NULL && !make_listener(s)) {
		s->count.drop_memory++;
		return;
	}
	s->listening_to = *from;
	switch (handshake_listen(
		s->listener, &from->remote, e->token, e->dtls, e->dtls_len,
		(const uint8_t(*)[HANDSHAKE_COOKIE_SECRET_LEN])s->cookie)) {
	case HANDSHAKE_LISTEN_IGNORED:
		s->count.cookies_bad++;
		break;
	case HANDSHAKE_LISTEN_ANSWERED:
		s->count.cookies_sent++;
		break;
	case HANDSHAKE_LISTEN_ACCEPTED:
		on_accepted(s, from, now_ns);
		break;
	case HANDSHAKE_LISTEN_BROKEN:
		s->count.drop_filtered++;
		(void)make_listener(s);
		break;
	}
}

/* Neither a record nor an envelope: why not? */
static void count_malformed(struct server *s, const uint8_t *datagram,
			    size_t len)
{
	if (len > 0 && datagram[0] != ENVELOPE_TYPE)
		s->count.drop_foreign++;
	else if (len <= ENVELOPE_HEADER_LEN)
		s->count.drop_short++;
	else if (len > ENVELOPE_MAX)
		s->count.drop_long++;
	else
		s->count.drop_padding++;
}

void server_input(struct server *s, const struct path *from, uint8_t *datagram,
		  size_t len, uint64_t now_ns)
{
	struct envelope e;
	struct inflight *f;

	s->count.datagrams++;
	if (len > 0 && datagram[0] == RECORD_TYPE) {
		server_session_input(s, datagram, len, now_ns);
		return;
	}
	if (!envelope_parse(datagram, len, &e)) {
		count_malformed(s, datagram, len);
		return;
	}
	f = inflight_find(&s->inflight, &from->remote, e.token);
	if (f != NULL)
		on_known(s, f, &e, now_ns);
	else
		on_stranger(s, from, &e, len, now_ns);
}

static void inflight_timers(struct server *s, uint64_t now_ns)
{
	struct inflight *f, *next;

	for (f = s->inflight.head; f != NULL; f = next) {
		next = f->next;
		if (now_ns >= f->expires_ns) {
			if (f->state == INFLIGHT_RUNNING)
				s->count.handshakes_expired++;
			inflight_remove(&s->inflight, f);
			continue;
		}
		server_due(s, f->expires_ns);
		if (f->state != INFLIGHT_RUNNING)
			continue;
		inflight_went_on(s, f, handshake_timeout(f->handshake, now_ns),
				 now_ns);
	}
}

uint64_t server_deadline(const struct server *s)
{
	return s->deadline_ns;
}

void server_timeout(struct server *s, uint64_t now_ns)
{
	if (now_ns < s->deadline_ns)
		return;
	s->deadline_ns = CLOCK_NEVER;
	inflight_timers(s, now_ns);
	server_session_timers(s, now_ns);
	server_due(s,
		   farewells_run(&s->farewells, s->cb->send, s->arg, now_ns));
	server_session_sweep(s, now_ns);
	if (s->deadline_ns < now_ns + server_ms(TIMERS_APART_MS))
		s->deadline_ns = now_ns + server_ms(TIMERS_APART_MS);
}

void server_counters(const struct server *s, struct server_counters *ret)
{
	*ret = s->count;
	ret->handshakes_now = s->inflight.count;
	ret->handshakes_evicted = s->inflight.evicted;
}
