/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What is shown of a struct session_io. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/profile.h"
#include "crypto/client.h"
#include "tunnel/base/clock.h"
#include "tunnel/ctl/ctl.h"
#include "tunnel/daemon/datapath.h"
#include "tunnel/daemon/session_io_private.h"

/* Boot time to wall time: right as long as nobody sets the clock. */
static uint64_t wall_ms(uint64_t at_ns)
{
	uint64_t now_ns = clock_now_ns();
	int64_t wall = clock_wall_ms();

	return (uint64_t)(wall +
			  ((int64_t)at_ns - (int64_t)now_ns) / NS_PER_MS);
}

static bool put_prefixes(struct ctl_list *list, const struct ip_prefix *prefix,
			 size_t count)
{
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < count; i++)
		if (ctl_list_add_text(list, prefix_text(&prefix[i], text)) < 0)
			return false;
	return true;
}

/* What leads into the tunnel, after everything that narrowed it. */
static bool put_routes(struct ctl_list *list, const struct host_state *applied)
{
	for (size_t i = 0; i < applied->route_count; i++)
		if (applied->routes[i].kind == RTNL_KIND_DEVICE &&
		    !put_prefixes(list, &applied->routes[i].to, 1))
			return false;
	return true;
}

static bool put_lease(const struct session_io *io, struct ctl_status *s)
{
	const struct profile *p = io->profile;
	const struct lease *l = &io->lease;

	if (l->index == 0)
		return true;
	s->mtu = session_io_mtu(io);
	s->lanes = datapath_lanes(io->datapath);
	if (l->address4.addr.family != 0 &&
	    !put_prefixes(&s->addresses, &l->address4, 1))
		return false;
	if (l->address6.addr.family != 0 &&
	    !put_prefixes(&s->addresses, &l->address6, 1))
		return false;
	return ctl_set_text(&s->device, SESSION_IO_DEVICE) &&
	       put_routes(&s->routes, &io->applied) &&
	       put_prefixes(&s->excluded, l->excluded.prefix,
			    l->excluded.count) &&
	       put_prefixes(&s->excluded, p->excluded_routes,
			    p->excluded_route_count);
}

static bool put_drop(struct ctl_status *s, const char *cause, uint64_t count)
{
	struct ctl_drop *drop;

	if (count == 0)
		return true;
	drop = ctl_list_add(&s->drops, sizeof(*drop));
	if (drop == NULL)
		return false;
	drop->count = count;
	return ctl_set_text(&drop->cause, cause);
}

static bool put_batches(struct ctl_list *list, const _Atomic uint64_t *of)
{
	struct ctl_batch *b;

	for (int i = 0; i < BATCH_BUCKETS; i++) {
		b = ctl_list_add(list, sizeof(*b));
		if (b == NULL)
			return false;
		b->up_to = 1ULL << i;
		b->count = counter_get(&of[i]);
	}
	return true;
}

/* NULL: out of memory. */
static struct ctl_fallback *put_fallback(struct ctl_status *s, const char *what,
					 const char *reason)
{
	struct ctl_fallback *f = ctl_list_add(&s->fallbacks, sizeof(*f));

	return f != NULL && ctl_set_text(&f->what, what) &&
			       ctl_set_text(&f->reason, reason)
		       ? f
		       : NULL;
}

/* What keeps packets from leaving many at a time. */
static bool put_batch_fallbacks(const struct session_io *io,
				struct ctl_status *s)
{
	const struct peer *p = datapath_peer(io->datapath);
	char text[FALLBACK_TEXT_MAX];
	struct fallback of[2];
	size_t n = p != NULL ? peer_fallbacks(p, clock_now_ns(), of) : 0;

	for (size_t i = 0; i < n; i++) {
		struct ctl_fallback *f =
			put_fallback(s, "batches", fallback_text(&of[i], text));

		if (f == NULL)
			return false;
		f->since = wall_ms(of[i].since_ns) / 1000;
		f->times = of[i].times;
	}
	return true;
}

static bool put_counters(const struct session_io *io, struct ctl_status *s)
{
	struct counters c;

	if (!datapath_counters(io->datapath, &c))
		return true;
	s->counters.rx_packets = counter_get(&c.of[COUNTER_RX_PACKETS]);
	s->counters.rx_bytes = counter_get(&c.of[COUNTER_RX_BYTES]);
	s->counters.tx_packets = counter_get(&c.of[COUNTER_TX_PACKETS]);
	s->counters.tx_bytes = counter_get(&c.of[COUNTER_TX_BYTES]);
	s->counters.system_calls = counters_calls(&c);
	if (!put_batches(&s->counters.sent, c.sent) ||
	    !put_batches(&s->counters.received, c.received))
		return false;
	for (int i = COUNTER_DROP_FIRST; i < COUNTER_COUNT; i++)
		if (!put_drop(s, counter_name((enum counter)i),
			      counter_get(&c.of[i])))
			return false;
	s->counters.batches_refused = counter_get(&c.of[COUNTER_GSO_FALLBACKS]);
	s->counters.tails_lost = io->tactics_left;
	if (!put_batch_fallbacks(io, s))
		return false;
	return !io->strict_filter ||
	       put_fallback(s, "reverse path filter",
			    "the uplink's rp_filter is 1 and may drop what the "
			    "gateway sends; set it to 2") != NULL;
}

/* What is being waited for, or what went wrong last. */
static bool put_detail(const struct session_io *io, struct ctl_status *s)
{
	char text[ATTEMPT_ERROR_MAX];
	bool known = io->attempt != NULL && attempt_obstacle(io->attempt, text);

	return ctl_set_text(&s->detail, known ? text : io->text);
}

static bool put_control_drops(struct ctl_status *s,
			      const struct client_facts *f)
{
	return put_drop(s, "control_foreign", f->drop_foreign) &&
	       put_drop(s, "control_short", f->drop_short) &&
	       put_drop(s, "control_token", f->drop_token) &&
	       put_drop(s, "control_filtered", f->drop_filtered) &&
	       put_drop(s, "control_index", f->drop_index) &&
	       put_drop(s, "control_epoch", f->drop_epoch) &&
	       put_drop(s, "control_forged", f->drop_forged) &&
	       put_drop(s, "control_old", f->drop_old) &&
	       put_drop(s, "control_replayed", f->drop_replayed) &&
	       put_drop(s, "control_message", f->drop_message) &&
	       put_drop(s, "control_rate", f->drop_rate);
}

static bool put_client(const struct session_io *io, struct ctl_status *s)
{
	const struct client_facts *f;
	const struct endpoint *remote;
	char text[ENDPOINT_TEXT_MAX];

	if (io->attempt == NULL)
		return true;
	remote = attempt_remote(io->attempt);
	if (remote->addr.family != 0 &&
	    !ctl_set_text(&s->gateway.address, endpoint_text(remote, text)))
		return false;
	if (attempt_client(io->attempt) == NULL)
		return true;
	f = client_facts(attempt_client(io->attempt));
	s->rtt_us = f->rtt_ns / 1000;
	s->gateway.certificate_ends =
		f->gateway_expires > 0 ? (uint64_t)f->gateway_expires : 0;
	s->counters.rx_control = f->rx_control;
	s->counters.tx_control = f->tx_control;
	return ctl_set_text(&s->group, f->group) &&
	       ctl_set_text(&s->cipher, f->cipher) &&
	       ctl_set_text(&s->cipher_library, f->cipher_library) &&
	       ctl_set_text(&s->transport, "udp") &&
	       put_drop(s, "control_elsewhere", attempt_strange(io->attempt)) &&
	       put_control_drops(s, f);
}

static bool put_transitions(const struct session *session, struct ctl_status *s)
{
	const struct session_transition *from;

	for (size_t i = 0; (from = session_transition_at(session, i)) != NULL;
	     i++) {
		struct ctl_transition *to =
			ctl_list_add(&s->transitions, sizeof(*to));

		if (to == NULL)
			return false;
		to->at_ms = wall_ms(from->at_ns);
		if (!ctl_set_text(&to->from, session_state_name(from->from)) ||
		    !ctl_set_text(&to->to, session_state_name(from->to)) ||
		    !ctl_set_text(&to->event,
				  session_event_name(from->event)) ||
		    !ctl_set_text(&to->reason, reason_code(from->reason)))
			return false;
	}
	return true;
}

static uint64_t oldest_event(const struct session *s)
{
	return s->log_count > SESSION_LOG_MAX ? s->log_count - SESSION_LOG_MAX
					      : 0;
}

static bool put_event(const struct session_io *io, uint64_t at_ns,
		      enum session_state state, enum reason reason,
		      struct ctl_event *e)
{
	e->at_ms = wall_ms(at_ns);
	return ctl_set_text(&e->profile, io->name) &&
	       ctl_set_text(&e->state, session_state_name(state)) &&
	       ctl_set_text(&e->reason, reason_code(reason)) &&
	       ctl_set_text(&e->reason_text,
			    reason ? reason_text(reason) : NULL);
}

int session_io_event(const struct session_io *io, uint64_t *next,
		     struct ctl_event *e)
{
	const struct session *s = &io->session;
	uint64_t oldest = oldest_event(s);
	const struct session_transition *t;
	bool done;

	if (*next == SESSION_IO_EVENT_NOW) {
		*next = s->log_count;
		return put_event(io, s->since_ns, s->state, s->reason, e) &&
				       ctl_set_text(&e->detail, io->text)
			       ? 0
			       : -ENOMEM;
	}
	if (*next == s->log_count)
		return -ENOENT;
	if (*next < oldest) {
		e->missed = oldest - *next;
		*next = oldest;
	}
	t = session_transition_at(s, (size_t)(*next - oldest));
	++*next;
	done = put_event(io, t->at_ns, t->to, t->reason, e) &&
	       ctl_set_text(&e->was, session_state_name(t->from)) &&
	       ctl_set_text(&e->event, session_event_name(t->event));
	/* What is known in detail is about the last one. */
	if (done && *next == s->log_count)
		done = ctl_set_text(&e->detail, io->text);
	return done ? 0 : -ENOMEM;
}

int session_io_status(const struct session_io *io, struct ctl_status *s)
{
	const struct session *session = &io->session;

	s->version = 1;
	s->since = wall_ms(session->since_ns) / 1000;
	s->attempts = io->attempts;
	s->repairs = io->repairs;
	/* Rounded up: until then it is in the future. */
	if (session->retry_ns != CLOCK_NEVER)
		s->retry_at = wall_ms(session->retry_ns) / 1000 + 1;
	if (ctl_set_text(&s->daemon, ADIT_VERSION) &&
	    ctl_set_text(&s->state, session_state_name(session->state)) &&
	    ctl_set_text(&s->reason.code, reason_code(session->reason)) &&
	    ctl_set_text(&s->reason.text, reason_text(session->reason)) &&
	    put_detail(io, s) && ctl_set_text(&s->profile, io->name) &&
	    (io->profile == NULL ||
	     ctl_set_text(&s->gateway.name, io->profile->host_name)) &&
	    put_lease(io, s) && put_client(io, s) && put_counters(io, s) &&
	    put_transitions(session, s))
		return 0;
	return -ENOMEM;
}
