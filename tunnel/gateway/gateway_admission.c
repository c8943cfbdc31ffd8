/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tunnel/base/clock.h"
#include "tunnel/base/log.h"
#include "tunnel/gateway/gateway_session.h"

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
static bool is_alive(struct gateway_sessions *s, struct gateway_session *x,
		     int64_t *ret_retry_s)
{
	uint64_t heard_ns = gateway_session_heard_ns(s, x, s->now_ns);
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
	struct gateway_session *x = s->by_slot[slot];
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
	server_end_slot(s->server, slot, REFUSAL_IN_USE,
			"a newer session took its place", s->now_ns);
	/* The server may have given it up without a word. */
	if (s->by_slot[slot])
		gateway_session_destroy(s, s->by_slot[slot]);
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
 * added a moment ago, or his file was not readable: the list is read again
 * before he is turned away. Of ten thousand files that takes as long as a
 * hundred handshakes, so not for nothing. */
static const struct gateway_client *find_client(
	struct gateway_sessions *s, const struct server_guest *guest)
{
	const struct gateway_client *client =
		gateway_clients_by_fingerprint(&s->clients, guest->fingerprint);

	if (client || s->ending)
		return client;
	if (s->complaint[0])
		gateway_sessions_reload(s, s->now_ns);
	else
		gateway_sessions_refresh(s, s->now_ns);
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

int gateway_admission_judge(void *arg, const struct server_guest *guest,
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
	else if (rc == 0 && !gateway_session_create(s, client, guest)) {
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
