/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/server_session.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/message.h"
#include "crypto/secret.h"
#include "crypto/wolf.h"
#include "tunnel/base/bytes.h"

/*
 * Timers:
 *   LEASE             pushed again after 250 ms, doubled, until HELLO; 10 s
 *   lingering         30 s, or until the session's first authentic record
 *   idle sessions     looked at once a minute
 */
enum {
	PUSH_FIRST_MS = 250,
	PUSH_MAX_MS = 2000,
	CONFIRM_S = 10,
	LINGER_S = 30,
	SWEEP_S = 60,
};

void server_session_destroy(struct session *x)
{
	if (x == NULL)
		return;
	lease_fini(&x->lease);
	control_fini(&x->control);
	secret_wipe(x, sizeof(*x));
	free(x);
}

static void send_run(struct server *s, struct session *x,
		     const struct bytes *run)
{
	uint8_t datagram[RECORD_CONTROL_MAX];
	/* A client that has not confirmed may not know its index yet. */
	uint32_t index = x->confirmed ? x->index : 0;
	size_t len = control_seal(&x->control, index, run, datagram);

	if (len == 0)
		return;
	s->count.tx_records++;
	s->cb->send(s->arg, &x->guest.from, datagram, len);
}

void server_session_send_lease(struct server *s, struct session *x,
			       uint8_t flags, const uint8_t *have)
{
	uint8_t body[LEASE_BODY_MAX], buf[CONTROL_RUN_MAX];
	int parts = lease_part_count(&x->lease);

	for (unsigned int i = 0; i < (unsigned int)parts; i++) {
		struct bytes run = bytes_over(buf, sizeof(buf));
		bool has = have != NULL && (have[i / 8] & 1 << i % 8) != 0;

		/* An answer to HELLO has something in it at least. */
		if (has && !(i == 0 && (flags & LEASE_FLAG_CONFIRMED) != 0))
			continue;
		message_put(&run, MESSAGE_LEASE, body,
			    lease_build_part(&x->lease, i, flags, body));
		send_run(s, x, &run);
	}
}

static void push_lease(struct server *s, struct session *x, uint64_t now_ns)
{
	server_session_send_lease(s, x, 0, NULL);
	x->push_ns = now_ns + x->push_wait_ns;
	x->push_wait_ns *= 2;
	if (x->push_wait_ns > server_ms(PUSH_MAX_MS))
		x->push_wait_ns = server_ms(PUSH_MAX_MS);
	server_due(s, x->push_ns);
}

static void say_farewell(struct server *s, const struct path *to,
			 struct control *control, uint32_t index,
			 enum message_type type,
			 const struct server_refusal *why, uint64_t now_ns)
{
	uint8_t buf[CONTROL_RUN_MAX], datagram[RECORD_CONTROL_MAX];
	struct bytes run = bytes_over(buf, sizeof(buf));
	size_t len;

	message_put_ending(&run, type, (uint16_t)why->reason, why->retry_s,
			   why->text);
	len = control_seal(control, index, &run, datagram);
	if (len == 0)
		return;
	s->count.tx_records++;
	s->cb->send(s->arg, to, datagram, len);
	server_due(s, farewells_add(&s->farewells, to, datagram, len,
				    type == MESSAGE_BYE ? FAREWELL_BYE
							: FAREWELL_REFUSE,
				    now_ns));
}

static void new_remove(struct session *x)
{
	if (x->link_new == NULL)
		return;
	*x->link_new = x->next_new;
	if (x->next_new != NULL)
		x->next_new->link_new = x->link_new;
	x->link_new = NULL;
}

static void stop_lingering(struct server *s, struct session *x)
{
	struct inflight *f =
		inflight_find(&s->inflight, &x->guest.from.remote, x->token);

	if (f != NULL)
		inflight_remove(&s->inflight, f);
}

static void session_end(struct server *s, struct session *x, const char *why)
{
	uint32_t index = x->index;

	new_remove(x);
	stop_lingering(s, x);
	s->slot[index % SERVER_SLOTS] = NULL;
	server_session_destroy(x);
	s->count.ended++;
	s->count.sessions_now--;
	s->cb->ended(s->arg, index, why);
}

static bool guest_admit(struct server *s, const struct handshake_result *h,
			const struct server_guest *guest, uint32_t *ret_slot,
			struct lease *ret_lease, struct server_refusal *refusal)
{
	char who[CERTIFICATE_TEXT_MAX], text[HANDSHAKE_TEXT_MAX];

	if (!h->peer.for_clients) {
		snprintf(text, sizeof(text),
			 "its certificate is not meant for clients: %s",
			 certificate_text(&h->peer, who));
		if (s->cb->rejected != NULL)
			s->cb->rejected(s->arg, &guest->from.remote, text);
		refusal->reason = REFUSAL_UNKNOWN;
		snprintf(refusal->text, sizeof(refusal->text),
			 "the certificate is not meant for clients");
		return false;
	}
	if (s->cb->admit(s->arg, guest, ret_slot, ret_lease, refusal) < 0)
		return false;
	assert(*ret_slot < SERVER_SLOTS && s->slot[*ret_slot] == NULL);
	if (lease_part_count(ret_lease) < 0) {
		lease_fini(ret_lease);
		refusal->reason = REFUSAL_INTERNAL;
		snprintf(refusal->text, sizeof(refusal->text),
			 "the gateway's lease is too large to send");
		return false;
	}
	return true;
}

/* An index that no earlier session of the slot is likely to have had. */
static uint32_t pick_index(uint32_t slot)
{
	uint16_t upper;

	do
		wolf_random(&upper, sizeof(upper));
	while (upper == 0);
	return (uint32_t)upper << SERVER_SLOT_BITS | slot;
}

static void session_begin(struct server *s, struct inflight *f,
			  struct session *x, uint64_t now_ns)
{
	x->born_ns = x->heard_ns = now_ns;
	x->push_wait_ns = server_ms(PUSH_FIRST_MS);
	memcpy(x->token, f->token, sizeof(x->token));
	x->next_new = s->new;
	x->link_new = &s->new;
	if (x->next_new != NULL)
		x->next_new->link_new = &x->next_new;
	s->new = x;
	s->slot[x->index % SERVER_SLOTS] = x;
	inflight_settle(f, INFLIGHT_LINGERING);
	f->index = x->index;
	f->expires_ns = now_ns + server_s(LINGER_S);
	f->repeated_ns = now_ns;
	s->count.admitted++;
	s->count.sessions_now++;
	server_due(s, now_ns + server_s(CONFIRM_S));
	push_lease(s, x, now_ns);
}

int server_session_create(struct server *s, struct inflight *f,
			  struct handshake_result *h, uint64_t now_ns)
{
	struct session *x = calloc(1, sizeof(*x));
	struct server_refusal refusal = { 0 };
	uint32_t slot = 0;
	int r;

	if (x == NULL)
		return -ENOMEM;
	keys_init(&x->keys, h->algorithm, h->secret);
	if (s->options.epoch_shift != 0)
		x->keys.shift = s->options.epoch_shift;
	if (s->options.max_failures != 0)
		x->keys.max_failures = s->options.max_failures;
	x->guest.from = f->from;
	x->guest.group = h->group;
	x->guest.cipher = h->algorithm->name;
	memcpy(x->guest.fingerprint, h->peer.fingerprint,
	       sizeof(x->guest.fingerprint));
	memcpy(x->guest.name, h->peer.name, sizeof(x->guest.name));
	r = control_init(&x->control, &x->keys, CONTROL_GATEWAY);
	if (r < 0)
		goto fail;
	if (!guest_admit(s, h, &x->guest, &slot, &x->lease, &refusal)) {
		say_farewell(s, &f->from, &x->control, 0, MESSAGE_REFUSE,
			     &refusal, now_ns);
		if (h->peer.for_clients)
			s->count.refused_by[refusal.reason]++;
		else
			s->count.refused_usage++;
		r = -EACCES;
		goto fail;
	}
	x->index = x->lease.index = pick_index(slot);
	x->lease.lanes = s->options.lanes_max;
	r = keys_confirm(&x->keys, h->peer.fingerprint, x->index, x->confirm);
	if (r < 0)
		goto fail;
	session_begin(s, f, x, now_ns);
	return 0;
fail:
	server_session_destroy(x);
	return r;
}

static void on_hello(struct server *s, struct session *x,
		     const struct message *m, uint64_t now_ns)
{
	uint32_t index = x->index;
	struct message_hello h;

	if (message_parse_hello(m, &h) < 0) {
		s->count.drop_message++;
		return;
	}
	if (!x->confirmed) {
		if (!secret_equal(h.confirm, x->confirm, sizeof(h.confirm))) {
			server_end(s, index, REFUSAL_CONFIRM,
				   "the certificate and the keys do not fit",
				   now_ns);
			return;
		}
		x->confirmed = true;
		new_remove(x);
		s->count.confirmed++;
		s->cb->confirmed(s->arg, index, &x->guest);
		/* The owner may have ended it for want of something. */
		if (server_session_find(s, index) == NULL)
			return;
		keys_fini(&x->keys);
		secret_wipe(x->confirm, sizeof(x->confirm));
	}
	server_session_send_lease(s, x, LEASE_FLAG_CONFIRMED, h.have);
}

static void on_echo(struct server *s, struct session *x,
		    const struct message *m)
{
	uint8_t buf[64];
	struct bytes run = bytes_over(buf, sizeof(buf));

	if (m->len < MESSAGE_ECHO_ID_LEN) {
		s->count.drop_message++;
		return;
	}
	message_put(&run, MESSAGE_ECHO_REPLY, m->body, MESSAGE_ECHO_ID_LEN);
	send_run(s, x, &run);
}

static void on_report(struct server *s, struct session *x,
		      const struct message *m)
{
	struct message_report r;

	if (message_parse_report(m, &r) < 0)
		s->count.drop_message++;
	else if (x->confirmed && s->cb->reported != NULL)
		s->cb->reported(s->arg, x->index, &r);
}

/* False: the session is gone. */
static bool on_message(struct server *s, struct session *x,
		       const struct message *m, uint64_t now_ns)
{
	uint32_t index = x->index;

	switch (m->type) {
	case MESSAGE_HELLO:
		on_hello(s, x, m, now_ns);
		break;
	case MESSAGE_BYE:
		session_end(s, x, "the client left");
		break;
	case MESSAGE_ECHO:
		on_echo(s, x, m);
		break;
	case MESSAGE_REPORT:
		on_report(s, x, m);
		break;
	case MESSAGE_ECHO_REPLY: /* that it is authentic is all it says */
		break;
	default:
		s->count.drop_message++;
		if (m->type >= MESSAGE_MUST_KNOW)
			server_end(s, index, REFUSAL_VERSION,
				   "the client uses a newer protocol", now_ns);
		break;
	}
	return server_session_find(s, index) != NULL;
}

void server_session_input(struct server *s, uint8_t *datagram, size_t len,
			  uint64_t now_ns)
{
	struct record_header h;
	struct session *x;
	struct message m;
	struct bytes run;
	int r;

	if (record_parse(datagram, len, &h) != RECORD_OK) {
		s->count.drop_short++;
		return;
	}
	if (h.lane != RECORD_LANE_CONTROL) {
		s->count.drop_lane++;
		return;
	}
	x = server_session_find(s, h.index);
	if (x == NULL) {
		s->count.drop_index++;
		return;
	}
	switch (control_open(&x->control, &h, datagram, len, &run)) {
	case RECORD_OK:
		break;
	case RECORD_REPLAYED:
		s->count.drop_replayed++;
		return;
	case RECORD_OLD:
		s->count.drop_old++;
		return;
	case RECORD_EPOCH:
		s->count.drop_epoch++;
		return;
	case RECORD_SHORT:
	case RECORD_FOREIGN:
	case RECORD_FORGED:
		s->count.drop_forged++;
		if (keys_worn_out(x->control.rx.keys.max_failures,
				  x->control.rx.keys.failures))
			server_end_worn_out(s, x->index, now_ns);
		return;
	}
	if (!x->confirmed)
		stop_lingering(s, x);
	x->heard_ns = now_ns;
	s->count.rx_records++;
	while ((r = message_next(&run, &m)) == 1) {
		if (!control_rate_allows(&x->rate, now_ns))
			s->count.drop_rate++;
		else if (!on_message(s, x, &m, now_ns))
			break;
	}
	if (r < 0)
		s->count.drop_message++;
}

void server_session_timers(struct server *s, uint64_t now_ns)
{
	struct session *x, *next;

	for (x = s->new; x != NULL; x = next) {
		next = x->next_new;
		if (now_ns >= x->born_ns + server_s(CONFIRM_S)) {
			session_end(s, x, "the client did not confirm");
			continue;
		}
		if (now_ns >= x->push_ns)
			push_lease(s, x, now_ns);
		server_due(s, x->push_ns);
		server_due(s, x->born_ns + server_s(CONFIRM_S));
	}
}

void server_session_sweep(struct server *s, uint64_t now_ns)
{
	if (now_ns >= s->sweep_ns) {
		s->sweep_ns = now_ns + server_s(SWEEP_S);
		for (size_t i = 0; i < SERVER_SLOTS; i++) {
			struct session *x = s->slot[i];

			if (x != NULL && x->lease.idle_s > 0 &&
			    now_ns - x->heard_ns > server_s(x->lease.idle_s))
				session_end(s, x, "the client was idle");
		}
	}
	server_due(s, s->sweep_ns);
}

int server_lane(struct server *s, uint32_t index, uint8_t lane,
		struct keys_seed *ret_seed)
{
	struct session *x = server_session_find(s, index);

	if (x == NULL || !x->confirmed || x->keys.algorithm == NULL)
		return -ENOENT;
	return keys_seed_init(ret_seed, &x->keys, lane);
}

void server_heard(struct server *s, uint32_t index, uint64_t now_ns)
{
	struct session *x = server_session_find(s, index);

	if (x != NULL)
		x->heard_ns = now_ns;
}

uint64_t server_heard_ns(const struct server *s, uint32_t index)
{
	const struct session *x = server_session_find(s, index);

	return x != NULL && x->confirmed ? x->heard_ns : 0;
}

void server_echo(struct server *s, uint32_t index)
{
	static const uint8_t id[MESSAGE_ECHO_ID_LEN];
	struct session *x = server_session_find(s, index);
	uint8_t buf[64];
	struct bytes run = bytes_over(buf, sizeof(buf));

	if (x == NULL)
		return;
	/* Any authentic record is an answer, so ids need not differ. */
	message_put(&run, MESSAGE_ECHO, id, sizeof(id));
	send_run(s, x, &run);
}

void server_report(struct server *s, uint32_t index,
		   const struct message_report *report)
{
	struct session *x = server_session_find(s, index);
	uint8_t buf[64];
	struct bytes run = bytes_over(buf, sizeof(buf));

	if (x == NULL)
		return;
	message_put_report(&run, report);
	send_run(s, x, &run);
}

void server_end(struct server *s, uint32_t index, enum refusal reason,
		const char *text, uint64_t now_ns)
{
	struct session *x = server_session_find(s, index);
	struct server_refusal why = { .reason = reason };

	if (x == NULL)
		return;
	if (reason != REFUSAL_SHUTDOWN)
		s->count.refused_by[reason]++;
	snprintf(why.text, sizeof(why.text), "%s", text);
	say_farewell(s, &x->guest.from, &x->control,
		     x->confirmed ? x->index : 0,
		     reason == REFUSAL_SHUTDOWN ? MESSAGE_BYE : MESSAGE_REFUSE,
		     &why, now_ns);
	session_end(s, x, text);
}

void server_end_worn_out(struct server *s, uint32_t index, uint64_t now_ns)
{
	server_end(s, index, REFUSAL_INTERNAL,
		   "too many forged records: fresh keys are needed", now_ns);
}

void server_end_slot(struct server *s, uint32_t slot, enum refusal reason,
		     const char *text, uint64_t now_ns)
{
	const struct session *x = s->slot[slot % SERVER_SLOTS];

	if (x != NULL)
		server_end(s, x->index, reason, text, now_ns);
}

void server_end_all(struct server *s, enum refusal reason, const char *text,
		    uint64_t now_ns)
{
	for (size_t i = 0; i < SERVER_SLOTS; i++)
		if (s->slot[i] != NULL)
			server_end(s, s->slot[i]->index, reason, text, now_ns);
}
