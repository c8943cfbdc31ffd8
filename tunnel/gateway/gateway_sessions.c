/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway/gateway_session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/message.h"
#include "tunnel/base/clock.h"
#include "tunnel/base/log.h"
#include "tunnel/base/memory.h"
#include "tunnel/data/peer.h"
#include "tunnel/data/peer_table.h"
#include "tunnel/data/udp.h"
#include "tunnel/gateway/gateway_snapshot.h"

enum {
	/* Some megabytes' worth of handshakes and sessions, and no more often
	 * than milliseconds of work can be afforded. */
	TIDY_GONE = 256,
	TIDY_S = 10,
};

struct gateway_session *gateway_session_create(
	struct gateway_sessions *s, const struct gateway_client *client,
	const struct server_guest *guest)
{
	struct gateway_session *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->slot = client->slot;
	memcpy(x->fingerprint, guest->fingerprint, sizeof(x->fingerprint));
	memcpy(x->name, client->name, sizeof(x->name));
	x->from = guest->from;
	x->group = guest->group;
	x->cipher = guest->cipher;
	x->next = s->first;
	x->link = &s->first;
	if (x->next)
		x->next->link = &x->next;
	s->first = x;
	s->by_slot[x->slot] = x;
	return x;
}

void gateway_session_destroy(struct gateway_sessions *s,
			     struct gateway_session *x)
{
	if (x->peer)
		peer_table_withdraw(s->c.table, x->peer);
	*x->link = x->next;
	if (x->next)
		x->next->link = x->link;
	s->by_slot[x->slot] = NULL;
	free(x);
}

uint64_t gateway_session_heard_ns(const struct gateway_sessions *s,
				  const struct gateway_session *x,
				  uint64_t now_ns)
{
	uint64_t heard_ns = server_heard_ns(s->server, x->index);
	struct peer_stats stats;

	if (x->peer) {
		peer_stats(x->peer, &stats);
		if (stats.last_rx_ns > heard_ns)
			heard_ns = stats.last_rx_ns;
	}
	return heard_ns < now_ns ? heard_ns : now_ns;
}

/* The client's own two addresses, and nothing else, may be its sources. */
static size_t own_addresses(const struct gateway_sessions *s, uint32_t slot,
			    struct ip_prefix ret_own[static 2])
{
	gateway_pool_addresses(&s->c.config->pool, slot, &ret_own[0],
			       &ret_own[1]);
	ret_own[0].len = 32;
	ret_own[1].len = 128;
	return ret_own[1].addr.family ? 2 : 1;
}

static int make_peer(struct gateway_sessions *s, struct gateway_session *x,
		     struct peer **ret_peer)
{
	struct ip_prefix sources[2];
	struct peer_config c = {
		.index = x->index,
		.inner_slot = x->slot,
		.lanes = s->c.lanes,
		.send = KEYS_GATEWAY_TO_CLIENT,
		.local = x->from.local,
		.sources = sources,
	};
	struct peer *p;
	int rc;

	c.source_count = own_addresses(s, x->slot, sources);
	c.remote_len = udp_sockaddr(&x->from.remote, s->c.family, &c.remote);
	rc = peer_create(&c, &p);
	if (rc)
		return rc;
	for (unsigned int i = 0; rc == 0 && i < s->c.lanes; i++)
		rc = server_lane(s->server, x->index, (uint8_t)i, &p->seed[i]);
	if (rc == 0)
		rc = peer_table_publish(s->c.table, p);
	if (rc)
		peer_destroy(p);
	else
		*ret_peer = p;
	return rc;
}

static void on_confirmed(void *arg, uint32_t index,
			 const struct server_guest *guest)
{
	struct gateway_sessions *s = arg;
	struct gateway_session *x =
		s->by_slot[index & (GATEWAY_POOL_SLOTS_MAX - 1)];
	char from[ENDPOINT_TEXT_MAX], inner[ADDR_TEXT_MAX];
	struct ip_prefix own[2];
	int rc;

	x->index = index;
	x->since = clock_wall_s();
	rc = make_peer(s, x, &x->peer);
	if (rc) {
		log_error("%s: its session cannot be made: %s", x->name,
			  strerror(-rc));
		server_end(s->server, index, REFUSAL_INTERNAL,
			   "the gateway is out of memory", s->now_ns);
		return;
	}
	(void)own_addresses(s, x->slot, own);
	log_info("%s: up, from %s, has %s (%s, %s)", x->name,
		 endpoint_text(&x->from.remote, from),
		 addr_text(&own[0].addr, inner), guest->group, guest->cipher);
}

static void on_ended(void *arg, uint32_t index, const char *why)
{
	struct gateway_sessions *s = arg;
	struct gateway_session *x =
		s->by_slot[index & (GATEWAY_POOL_SLOTS_MAX - 1)];
	char from[ENDPOINT_TEXT_MAX], inner[ADDR_TEXT_MAX];
	struct ip_prefix own[2];

	if (!x)
		return;
	(void)own_addresses(s, x->slot, own);
	log_info("%s: ended, from %s, had %s: %s", x->name,
		 endpoint_text(&x->from.remote, from),
		 addr_text(&own[0].addr, inner), why);
	gateway_session_destroy(s, x);
}

static void on_send(void *arg, const struct path *to, const uint8_t *datagram,
		    size_t len)
{
	struct gateway_sessions *s = arg;

	s->c.send(s->c.arg, to, datagram, len);
}

/* What gets lost may be for how it was sent. */
static void on_reported(void *arg, uint32_t index,
			const struct message_report *report)
{
	struct gateway_sessions *s = arg;
	struct gateway_session *x =
		s->by_slot[index & (GATEWAY_POOL_SLOTS_MAX - 1)];
	char text[FALLBACK_TEXT_MAX];
	struct fallback f;

	if (!x->peer || !peer_was_told(x->peer, &report->received, s->now_ns))
		return;
	s->tactics_left += x->peer->tactics.tactic == TACTIC_ENDED;
	if (tactics_fallback(&x->peer->tactics, &f))
		log_notice("%s: batches: %s", x->name, fallback_text(&f, text));
	else
		log_info("%s: packets leave in whole batches again", x->name);
}

/* Anyone with a valid cookie can cause this: one line a second. */
static void on_rejected(void *arg, const struct endpoint *from, const char *why)
{
	struct gateway_sessions *s = arg;
	char text[ENDPOINT_TEXT_MAX];

	if (s->rejected_ns && s->now_ns - s->rejected_ns < NS_PER_S) {
		s->rejected++;
		return;
	}
	log_notice("handshake refused, from %s: %s", endpoint_text(from, text),
		   why);
	if (s->rejected > 0)
		log_notice("%u more refused within the second before",
			   s->rejected);
	s->rejected = 0;
	s->rejected_ns = s->now_ns;
}

static const struct server_callbacks callbacks = {
	.send = on_send,
	.admit = gateway_admission_judge,
	.rejected = on_rejected,
	.confirmed = on_confirmed,
	.reported = on_reported,
	.ended = on_ended,
};

/* A client's file that cannot be read is told once, not twice a second. */
static void complain(struct gateway_sessions *s,
		     const struct gateway_error *error)
{
	s->reload_errors += error->text[0] != '\0';
	if (error->text[0] && strcmp(error->text, s->complaint) != 0)
		log_warning("%s", error->text);
	memcpy(s->complaint, error->text, sizeof(s->complaint));
}

int gateway_sessions_create(const struct gateway_sessions_config *c,
			    uint64_t now_ns,
			    struct gateway_sessions **ret_sessions,
			    struct gateway_error *error)
{
	struct server_options o = { .credentials = c->credentials,
				    .lanes_max = c->lanes };
	struct gateway_sessions *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	gateway_error_set(error, "out of memory");
	if (!s)
		return rc;
	s->c = *c;
	s->now_ns = now_ns;
	if (lease_part_count(&c->config->lease) < 0) {
		gateway_error_set(error,
				  "%s/gateway.json: the routes and domains do "
				  "not fit into a lease; give fewer",
				  c->dir);
		rc = -E2BIG;
		goto fail;
	}
	s->server = server_create(&o, &callbacks, s, now_ns);
	if (!s->server)
		goto fail;
	rc = gateway_clients_load(&s->clients, c->dir, error);
	if (rc)
		goto fail;
	complain(s, error);
	*ret_sessions = s;
	return 0;
fail:
	gateway_sessions_destroy(s);
	return rc;
}

void gateway_sessions_destroy(struct gateway_sessions *s)
{
	if (!s)
		return;
	while (s->first)
		gateway_session_destroy(s, s->first);
	server_destroy(s->server);
	gateway_clients_fini(&s->clients);
	free(s);
}

void gateway_sessions_input(struct gateway_sessions *s, const struct path *from,
			    uint8_t *datagram, size_t len, uint64_t now_ns)
{
	s->now_ns = now_ns;
	server_input(s->server, from, datagram, len, now_ns);
}

uint64_t gateway_sessions_deadline(const struct gateway_sessions *s)
{
	return server_deadline(s->server);
}

void gateway_sessions_timeout(struct gateway_sessions *s, uint64_t now_ns)
{
	s->now_ns = now_ns;
	server_timeout(s->server, now_ns);
}

void gateway_sessions_reload(struct gateway_sessions *s, uint64_t now_ns)
{
	const size_t before =
		gateway_clients_living(&s->clients, clock_wall_s());
	const struct gateway_client *client;
	struct gateway_error error;
	struct gateway_session *x, *next;
	size_t after;

	s->now_ns = now_ns;
	if (gateway_clients_load(&s->clients, s->c.dir, &error)) {
		complain(s, &error); /* and the list stays as it is */
		return;
	}
	complain(s, &error);
	after = gateway_clients_living(&s->clients, clock_wall_s());
	if (after != before)
		log_info("clients that may come in: %zu", after);
	for (x = s->first; x; x = next) {
		next = x->next;
		client = gateway_clients_by_fingerprint(&s->clients,
							x->fingerprint);
		if (!client)
			server_end_slot(s->server, x->slot, REFUSAL_UNKNOWN,
					"this certificate was taken off the "
					"gateway's list",
					now_ns);
		else if (client->revoked)
			server_end_slot(s->server, x->slot, REFUSAL_REVOKED,
					"this certificate was revoked", now_ns);
	}
}

void gateway_sessions_refresh(struct gateway_sessions *s, uint64_t now_ns)
{
	if (gateway_clients_outdated(&s->clients, s->c.dir))
		gateway_sessions_reload(s, now_ns);
}

void gateway_sessions_note_traffic(struct gateway_sessions *s, uint64_t now_ns)
{
	struct gateway_session *x, *next;
	struct message_report report;
	struct peer_stats stats;

	s->now_ns = now_ns;
	for (x = s->first; x; x = next) {
		next = x->next;
		if (!x->peer)
			continue;
		peer_stats(x->peer, &stats);
		if (stats.worn_out) {
			server_end_worn_out(s->server, x->index, now_ns);
			continue;
		}
		if (stats.last_rx_ns > server_heard_ns(s->server, x->index))
			server_heard(s->server, x->index, stats.last_rx_ns);
		if (peer_report_due(x->peer, &stats, now_ns)) {
			report.received = stats.received;
			report.sent = stats.sent;
			server_report(s->server, x->index, &report);
		}
	}
}

void gateway_sessions_tidy(struct gateway_sessions *s, uint64_t now_ns)
{
	struct server_counters c;
	uint64_t gone;

	server_counters(s->server, &c);
	gone = c.ended + c.handshakes_started - c.handshakes_now;
	if (gone - s->given_back_at < TIDY_GONE ||
	    now_ns - s->given_back_ns < (uint64_t)TIDY_S * NS_PER_S)
		return;
	memory_give_back();
	s->given_back_at = gone;
	s->given_back_ns = now_ns;
}

void gateway_sessions_end_all(struct gateway_sessions *s, uint64_t now_ns)
{
	s->now_ns = now_ns;
	s->ending = true;
	server_end_all(s->server, REFUSAL_SHUTDOWN, "the gateway is ending",
		       now_ns);
}

void gateway_sessions_observe(const struct gateway_sessions *s,
			      struct gateway_snapshot *ret)
{
	server_counters(s->server, &ret->server);
	ret->problem = s->complaint;
	ret->reload_errors = s->reload_errors;
	ret->tactics_left = s->tactics_left;
	ret->clients_known = s->clients.count;
	ret->clients_living =
		gateway_clients_living(&s->clients, (int64_t)ret->now);
	for (const struct gateway_session *x = s->first; x; x = x->next)
		ret->sessions_up += x->peer != NULL;
}

static void observe_session(const struct gateway_sessions *s,
			    const struct gateway_session *x, uint64_t now_ns,
			    uint64_t now, struct gateway_snapshot_session *ret)
{
	uint64_t heard_ns = gateway_session_heard_ns(s, x, now_ns);
	struct ip_prefix own[2];
	struct peer_stats stats;

	(void)own_addresses(s, x->slot, own);
	peer_stats(x->peer, &stats);
	*ret = (struct gateway_snapshot_session) {
		.inner4 = own[0].addr,
		.inner6 = own[1].addr,
		.remote = x->from.remote,
		.since = (uint64_t)x->since,
		.heard = now - (now_ns - heard_ns) / NS_PER_S,
		.rx_packets = stats.rx_records,
		.rx_bytes = stats.rx_bytes,
		.tx_packets = stats.tx_records,
		.tx_bytes = stats.tx_bytes,
		.group = x->group,
		.cipher = x->cipher,
	};
	memcpy(ret->name, x->name, sizeof(ret->name));
	ret->fallback_count = peer_fallbacks(x->peer, now_ns, ret->fallbacks);
}

static int compare_name(const void *a, const void *b)
{
	const struct gateway_snapshot_session *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int gateway_sessions_observe_each(const struct gateway_sessions *s,
				  uint64_t now_ns, struct gateway_snapshot *ret)
{
	struct gateway_snapshot_session *list;
	size_t n = 0;

	if (ret->sessions_up == 0)
		return 0;
	list = calloc(ret->sessions_up, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (const struct gateway_session *x = s->first; x; x = x->next)
		if (x->peer)
			observe_session(s, x, now_ns, ret->now, &list[n++]);
	qsort(list, n, sizeof(*list), compare_name);
	ret->sessions = list;
	ret->session_count = n;
	return 0;
}

const struct gateway_clients *gateway_sessions_clients(
	const struct gateway_sessions *s)
{
	return &s->clients;
}
