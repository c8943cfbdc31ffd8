/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/client_session.h"
#include "crypto/secret.h"

enum {
	TIMEOUT_DEFAULT_MS = 10000,
	RETRY_FIRST_MS = 200,
	RETRY_MAX_MS = 2000,
};

static void go_on(struct client *c, enum handshake_status status,
		  uint64_t now_ns);

struct client *client_create(const struct client_options *o,
			     const struct client_callbacks *cb, void *arg)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->server_name = strdup(o->server_name);
	if (c->server_name == NULL) {
		free(c);
		return NULL;
	}
	c->credentials = o->credentials;
	c->options = *o;
	c->options.server_name = c->server_name;
	if (c->options.timeout_ns == 0)
		c->options.timeout_ns = client_ms(TIMEOUT_DEFAULT_MS);
	if (c->options.lanes == 0)
		c->options.lanes = 1;
	c->cb = cb;
	c->arg = arg;
	c->retry_ns = CLOCK_NEVER;
	return c;
}

/* Frees and wipes what belongs to a session or an attempt. */
void client_forget(struct client *c)
{
	handshake_destroy(c->handshake);
	c->handshake = NULL;
	keys_fini(&c->keys);
	control_fini(&c->control);
	lease_collector_fini(&c->collector);
	secret_wipe(c->confirm, sizeof(c->confirm));
}

void client_destroy(struct client *c)
{
	if (c == NULL)
		return;
	client_forget(c);
	free(c->server_name);
	secret_wipe(c, sizeof(*c));
	free(c);
}

void client_end(struct client *c, enum reason reason, const char *text)
{
	char copy[CLIENT_TEXT_MAX];

	snprintf(copy, sizeof(copy), "%s", text);
	client_forget(c);
	c->state = CLIENT_STATE_OVER;
	c->cb->down(c->arg, reason, copy);
}

static void on_handshake_datagram(void *arg, const uint8_t *datagram,
				  size_t len)
{
	struct client *c = arg;

	c->cb->send(c->arg, datagram, len);
}

static void attempt(struct client *c, uint64_t now_ns)
{
	handshake_destroy(c->handshake);
	c->retry_ns = CLOCK_NEVER;
	c->early_len = 0;
	if (c->facts.attempts++ > 0)
		c->cb->new_port(c->arg);
	c->handshake = handshake_client(c->credentials, c->server_name,
					on_handshake_datagram, c);
	if (c->handshake == NULL) {
		client_end(c, REASON_INTERNAL,
			   "no handshake can begin: out of memory");
		return;
	}
	go_on(c, handshake_start(c->handshake, now_ns), now_ns);
}

int client_start(struct client *c, uint64_t now_ns)
{
	if (c->state != CLIENT_STATE_IDLE)
		return -EALREADY;
	c->state = CLIENT_STATE_HANDSHAKING;
	c->over_ns = now_ns + c->options.timeout_ns;
	c->retry_wait_ns = 0;
	attempt(c, now_ns);
	return c->state == CLIENT_STATE_OVER ? -EIO : 0;
}

/* The first repetition comes at once, later ones after a growing pause. */
static void retry_later(struct client *c, uint64_t now_ns)
{
	c->heard |= handshake_heard(c->handshake);
	handshake_destroy(c->handshake);
	c->handshake = NULL;
	c->retry_ns = now_ns + c->retry_wait_ns;
	c->retry_wait_ns = c->retry_wait_ns == 0
				   ? client_ms(RETRY_FIRST_MS)
				   : client_earlier(c->retry_wait_ns * 2,
						    client_ms(RETRY_MAX_MS));
}

static void time_is_over(struct client *c)
{
	char text[CLIENT_TEXT_MAX];
	unsigned int s = (unsigned int)(c->options.timeout_ns / NS_PER_S);
	bool heard = c->heard ||
		     (c->handshake != NULL && handshake_heard(c->handshake));

	if (c->handshake != NULL && handshake_claimed_alert(c->handshake) != 0)
		c->claimed_alert = handshake_claimed_alert(c->handshake);
	if (c->state == CLIENT_STATE_LEASING)
		snprintf(text, sizeof(text),
			 "the gateway let this device in, but sent no whole "
			 "lease within %u s",
			 s);
	else if (c->text[0] != '\0')
		snprintf(text, sizeof(text), "no session within %u s: %s", s,
			 c->text);
	else if (c->claimed_alert != 0)
		snprintf(text, sizeof(text),
			 "the handshake did not end within %u s; "
			 "unauthenticated: "
			 "the other end refused it with TLS alert %u",
			 s, c->claimed_alert);
	else if (heard)
		snprintf(text, sizeof(text),
			 "the gateway answered, but the handshake did not end "
			 "within %u s",
			 s);
	else if (c->net_error != 0)
		snprintf(text, sizeof(text), "no answer within %u s (%s)", s,
			 strerror(-c->net_error));
	else
		snprintf(text, sizeof(text),
			 "no answer within %u s (is the address right, is the "
			 "gateway running, does a firewall drop UDP?)",
			 s);
	client_end(c, heard ? REASON_TIMEOUT : REASON_UNREACHABLE, text);
}

/* The handshake is done: from the TLS object's secret to our own keys. */
static void connected(struct client *c, uint64_t now_ns)
{
	struct handshake_result result;
	enum reason reason;
	char text[HANDSHAKE_TEXT_MAX];
	int r;

	if (handshake_finish(c->handshake, &result, &reason, text) < 0) {
		client_end(c, reason, text);
		return;
	}
	keys_init(&c->keys, result.algorithm, result.secret);
	if (c->options.epoch_shift != 0)
		c->keys.shift = c->options.epoch_shift;
	if (c->options.max_failures != 0)
		c->keys.max_failures = c->options.max_failures;
	secret_wipe(result.secret, sizeof(result.secret));
	r = control_init(&c->control, &c->keys, CONTROL_CLIENT);
	if (r < 0) {
		client_end(c, REASON_INTERNAL, "the control lane has no keys");
		return;
	}
	c->facts.group = result.group;
	c->facts.cipher = result.algorithm->name;
	c->facts.cipher_library = result.algorithm->library;
	c->facts.rtt_ns = handshake_rtt_ns(c->handshake);
	c->facts.gateway_expires = result.peer.expires;
	handshake_destroy(c->handshake);
	c->handshake = NULL;
	c->heard = true;
	c->state = CLIENT_STATE_LEASING;
	if (c->early_len > 0)
		client_session_input(c, c->early, c->early_len, now_ns);
}

static void go_on(struct client *c, enum handshake_status status,
		  uint64_t now_ns)
{
	bool final;

	switch (status) {
	case HANDSHAKE_RUNNING:
		break;
	case HANDSHAKE_DONE:
		connected(c, now_ns);
		break;
	case HANDSHAKE_FAILED:
		c->reason = handshake_error(c->handshake, c->text, &final);
		if (final)
			client_end(c, c->reason, c->text);
		else
			retry_later(c, now_ns);
		break;
	}
}

static void on_envelope(struct client *c, const uint8_t *datagram, size_t len,
			uint64_t now_ns)
{
	struct envelope e;
	uint8_t alert;

	if (!envelope_parse(datagram, len, &e)) {
		c->facts.drop_short++;
		return;
	}
	if (c->handshake == NULL ||
	    memcmp(e.token, handshake_token(c->handshake), sizeof(e.token)) !=
		    0) {
		c->facts.drop_token++;
		return;
	}
	/* The handshake still gets it, for the alert that it may claim. */
	if (!envelope_filter(ENVELOPE_TO_CLIENT, e.dtls, e.dtls_len, &alert))
		c->facts.drop_filtered++;
	go_on(c, handshake_input(c->handshake, e.dtls, e.dtls_len, now_ns),
	      now_ns);
}

static void on_record(struct client *c, uint8_t *datagram, size_t len,
		      uint64_t now_ns)
{
	if (client_session_open(c)) {
		client_session_input(c, datagram, len, now_ns);
	} else if (c->state == CLIENT_STATE_HANDSHAKING &&
		   len <= sizeof(c->early)) {
		/* Nothing in it counts before it has been opened. */
		memcpy(c->early, datagram, len);
		c->early_len = len;
	} else {
		c->facts.drop_index++;
	}
}

void client_input(struct client *c, uint8_t *datagram, size_t len,
		  uint64_t now_ns)
{
	if (len == 0)
		c->facts.drop_short++;
	else if (datagram[0] == ENVELOPE_TYPE)
		on_envelope(c, datagram, len, now_ns);
	else if (datagram[0] == RECORD_TYPE)
		on_record(c, datagram, len, now_ns);
	else
		c->facts.drop_foreign++;
}

uint64_t client_deadline(const struct client *c)
{
	switch (c->state) {
	case CLIENT_STATE_IDLE:
	case CLIENT_STATE_OVER:
		return CLOCK_NEVER;
	case CLIENT_STATE_HANDSHAKING:
		if (c->handshake == NULL)
			return client_earlier(c->over_ns, c->retry_ns);
		return client_earlier(c->over_ns,
				      handshake_deadline(c->handshake));
	case CLIENT_STATE_LEASING:
		return client_earlier(c->over_ns, client_session_deadline(c));
	case CLIENT_STATE_UP:
		return client_session_deadline(c);
	case CLIENT_STATE_CLOSING:
		return c->bye_ns;
	}
	return CLOCK_NEVER;
}

void client_timeout(struct client *c, uint64_t now_ns)
{
	switch (c->state) {
	case CLIENT_STATE_IDLE:
	case CLIENT_STATE_OVER:
		break;
	case CLIENT_STATE_HANDSHAKING:
		if (now_ns >= c->over_ns)
			time_is_over(c);
		else if (c->handshake == NULL && now_ns >= c->retry_ns)
			attempt(c, now_ns);
		else if (c->handshake != NULL)
			go_on(c, handshake_timeout(c->handshake, now_ns),
			      now_ns);
		break;
	case CLIENT_STATE_LEASING:
		if (now_ns >= c->over_ns)
			time_is_over(c);
		else
			client_session_timeout(c, now_ns);
		break;
	case CLIENT_STATE_UP:
		client_session_timeout(c, now_ns);
		break;
	case CLIENT_STATE_CLOSING:
		if (now_ns >= c->bye_ns)
			client_session_bye(c, now_ns);
		break;
	}
}

void client_unreachable(struct client *c, int error)
{
	c->net_error = error;
}

const struct client_facts *client_facts(const struct client *c)
{
	return &c->facts;
}
