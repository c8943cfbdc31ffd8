/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway/gateway_sessions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/server.h"
#include "tunnel/base/clock.h"
#include "tunnel/base/log.h"
#include "tunnel/data/peer.h"
#include "tunnel/data/peer_table.h"
#include "tunnel/data/udp.h"

struct session {
	struct session *next, **link;
	uint32_t slot;
	uint32_t index;	   /* 0 until it has confirmed */
	struct peer *peer; /* the table's; NULL until it has confirmed */
	uint8_t fingerprint[PKI_FINGERPRINT_LEN];
	char name[GATEWAY_CLIENT_NAME_MAX + 1];
	struct path from;
	uint64_t probed_ns; /* when it was asked whether it is there; or 0 */
};

struct gateway_sessions {
	struct gateway_sessions_config c;
	struct server *server;
	struct gateway_clients clients;
	char complaint[GATEWAY_ERROR_MAX]; /* told last about the list */
	uint64_t now_ns; /* of the call that the server's callbacks are in */
	uint64_t rejected_ns;  /* when a failed handshake was told last */
	unsigned int rejected; /* and how many were not told since */
	bool ending;	       /* nobody comes in any more */
	struct session *first;
	struct session *by_slot[GATEWAY_POOL_SLOTS_MAX];
};

static struct session *session_create(struct gateway_sessions *s,
				      const struct gateway_client *client,
				      const struct server_guest *guest)
{
	struct session *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->slot = client->slot;
	memcpy(x->fingerprint, guest->fingerprint, sizeof(x->fingerprint));
	memcpy(x->name, client->name, sizeof(x->name));
	x->from = guest->from;
	x->next = s->first;
	x->link = &s->first;
	if (x->next)
		x->next->link = &x->next;
	s->first = x;
	s->by_slot[x->slot] = x;
	return x;
}

static void session_destroy(struct gateway_sessions *s, struct session *x)
{
	if (x->peer)
		peer_table_withdraw(s->c.table, x->peer);
	*x->link = x->next;
	if (x->next)
		x->next->link = x->link;
	s->by_slot[x->slot] = NULL;
	free(x);
}

/* When anything authentic came last, on the control lane or another. */
static uint64_t session_heard_ns(const struct gateway_sessions *s,
				 const struct session *x)
{
	uint64_t heard_ns = server_heard_ns(s->server, x->index);
	struct peer_stats stats;

	if (x->peer) {
		peer_stats(x->peer, &stats);
		if (stats.last_rx_ns > heard_ns)
			heard_ns = stats.last_rx_ns;
	}
	return heard_ns;
}

static int refuse(struct server_refusal *r, enum refusal reason,
		  int64_t retry_s, const char *text)
{
	r->reason = reason;
	r->retry_s = (uint16_t)retry_s;
	snprintf(r->text, sizeof(r->text), "%s", text);
	return -EACCES;
}

/* Is the client of this session still there? One that was heard lately is
 * asked, and the guest told to come back for the answer. */
static bool is_alive(struct gateway_sessions *s, struct session *x,
		     int64_t *ret_retry_s)
{
	uint64_t heard_ns = session_heard_ns(s, x);
	uint64_t silent_s = (s->now_ns - heard_ns) / NS_PER_S;

	if (silent_s >= GATEWAY_SILENT_S)
		return false;
	*ret_retry_s = GATEWAY_PROBE_RETRY_S;
	if (x->probed_ns == 0 || heard_ns >= x->probed_ns) {
		if (x->probed_ns != 0)
			*ret_retry_s = GATEWAY_SILENT_S - (int64_t)silent_s;
		x->probed_ns = s->now_ns;
		server_echo(s->server, x->index);
		return true;
	}
	return s->now_ns - x->probed_ns <
	       (uint64_t)GATEWAY_PROBE_MS * NS_PER_MS;
}

/* Makes room on a slot for a client. A session that has not confirmed is
 * nobody's yet, and one of another certificate is a revoked client's. */
static int make_room(struct gateway_sessions *s, uint32_t slot,
		     const struct server_guest *guest,
		     struct server_refusal *ret_refusal)
{
	struct session *x = s->by_slot[slot];
	char from[ENDPOINT_TEXT_MAX], text[SERVER_REFUSAL_TEXT_MAX];
	int64_t retry_s;

	if (!x)
		return 0;
	if (x->index &&
	    memcmp(x->fingerprint, guest->fingerprint,
		   sizeof(x->fingerprint)) == 0 &&
	    is_alive(s, x, &retry_s)) {
		snprintf(text, sizeof(text), "this identity is in use from %s",
			 endpoint_text(&x->from.remote, from));
		return refuse(ret_refusal, REFUSAL_IN_USE, retry_s, text);
	}
	server_end_client(s->server, x->fingerprint, REFUSAL_IN_USE,
			  "a newer session took its place", s->now_ns);
	/* The server may have given it up without a word. */
	if (s->by_slot[slot])
		session_destroy(s, s->by_slot[slot]);
	return 0;
}

static int make_lease(const struct gateway_sessions *s, uint32_t slot,
		      struct lease *ret_lease)
{
	int rc = lease_copy(&s->c.config->lease, ret_lease);

	if (rc)
		return rc;
	gateway_pool_addresses(&s->c.config->pool, slot, &ret_lease->address4,
			       &ret_lease->address6);
	ret_lease->lanes = s->c.lanes;
	return 0;
}

/* Whoever shows a certificate of our CA that is not on the list may have been
 * added a moment ago: the list is read again before he is turned away. */
static const struct gateway_client *find_client(
	struct gateway_sessions *s, const struct server_guest *guest)
{
	const struct gateway_client *client =
		gateway_clients_by_fingerprint(&s->clients, guest->fingerprint);

	if (client || s->ending)
		return client;
	gateway_sessions_reload(s, s->now_ns);
	return gateway_clients_by_fingerprint(&s->clients, guest->fingerprint);
}

static int judge(struct gateway_sessions *s, const struct server_guest *guest,
		 const struct gateway_client **ret_client,
		 struct server_refusal *ret_refusal)
{
	const struct gateway_client *client = find_client(s, guest);

	if (s->ending)
		return refuse(ret_refusal, REFUSAL_SHUTDOWN, 0,
			      "the gateway is ending");
	if (!client)
		return refuse(ret_refusal, REFUSAL_UNKNOWN, 0,
			      "this certificate is not on the gateway's list");
	if (client->revoked)
		return refuse(ret_refusal, REFUSAL_REVOKED, 0,
			      "this certificate was revoked");
	if (!gateway_pool_has(&s->c.config->pool, client->slot))
		return refuse(ret_refusal, REFUSAL_FULL, 0,
			      "its address is not in the gateway's pool");
	*ret_client = client;
	return make_room(s, client->slot, guest, ret_refusal);
}

static int on_admit(void *arg, const struct server_guest *guest,
		    uint32_t *ret_slot, struct lease *ret_lease,
		    struct server_refusal *ret_refusal)
{
	struct gateway_sessions *s = arg;
	const struct gateway_client *client = NULL;
	char from[ENDPOINT_TEXT_MAX];
	int rc;

	rc = judge(s, guest, &client, ret_refusal);
	if (rc == 0 && make_lease(s, client->slot, ret_lease))
		rc = refuse(ret_refusal, REFUSAL_INTERNAL, 0, "out of memory");
	else if (rc == 0 && !session_create(s, client, guest)) {
		lease_fini(ret_lease);
		rc = refuse(ret_refusal, REFUSAL_INTERNAL, 0, "out of memory");
	}
	if (rc) {
		/* The certificate's own name is what its CA signed. */
		log_notice("%s: refused, from %s: %s",
			   client ? client->name : guest->name,
			   endpoint_text(&guest->from.remote, from),
			   ret_refusal->text);
		return rc;
	}
	*ret_slot = client->slot;
	return 0;
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

static int make_peer(struct gateway_sessions *s, struct session *x,
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
		rc = server_lane(s->server, x->index, (uint8_t)i,
				 &p->lane[i].tx, &p->lane[i].rx);
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
	struct session *x = s->by_slot[index & (GATEWAY_POOL_SLOTS_MAX - 1)];
	char from[ENDPOINT_TEXT_MAX], inner[ADDR_TEXT_MAX];
	struct ip_prefix own[2];
	int rc;

	x->index = index;
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
	struct session *x = s->by_slot[index & (GATEWAY_POOL_SLOTS_MAX - 1)];
	char from[ENDPOINT_TEXT_MAX], inner[ADDR_TEXT_MAX];
	struct ip_prefix own[2];

	if (!x)
		return;
	(void)own_addresses(s, x->slot, own);
	log_info("%s: ended, from %s, had %s: %s", x->name,
		 endpoint_text(&x->from.remote, from),
		 addr_text(&own[0].addr, inner), why);
	session_destroy(s, x);
}

static void on_send(void *arg, const struct path *to, const uint8_t *datagram,
		    size_t len)
{
	struct gateway_sessions *s = arg;

	s->c.send(s->c.arg, to, datagram, len);
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
	.admit = on_admit,
	.rejected = on_rejected,
	.confirmed = on_confirmed,
	.ended = on_ended,
};

/* A client's file that cannot be read is told once, not twice a second. */
static void complain(struct gateway_sessions *s,
		     const struct gateway_error *error)
{
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
		session_destroy(s, s->first);
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
	struct session *x, *next;
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
			server_end_client(s->server, x->fingerprint,
					  REFUSAL_UNKNOWN,
					  "this certificate was taken off the "
					  "gateway's list",
					  now_ns);
		else if (client->revoked)
			server_end_client(
				s->server, x->fingerprint, REFUSAL_REVOKED,
				"this certificate was revoked", now_ns);
	}
}

void gateway_sessions_note_traffic(struct gateway_sessions *s, uint64_t now_ns)
{
	struct session *x, *next;
	struct peer_stats stats;

	s->now_ns = now_ns;
	for (x = s->first; x; x = next) {
		next = x->next;
		if (!x->peer)
			continue;
		peer_stats(x->peer, &stats);
		if (stats.worn_out)
			server_end_worn_out(s->server, x->index, now_ns);
		else if (stats.last_rx_ns >
			 server_heard_ns(s->server, x->index))
			server_heard(s->server, x->index, stats.last_rx_ns);
	}
}

void gateway_sessions_end_all(struct gateway_sessions *s, uint64_t now_ns)
{
	s->now_ns = now_ns;
	s->ending = true;
	server_end_all(s->server, REFUSAL_SHUTDOWN, "the gateway is ending",
		       now_ns);
}

const struct gateway_clients *gateway_sessions_clients(
	const struct gateway_sessions *s)
{
	return &s->clients;
}
