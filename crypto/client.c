/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/control.h"
#include "crypto/credentials.h"
#include "crypto/handshake.h"
#include "crypto/message.h"
#include "crypto/secret.h"
#include "crypto/server.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"

/*
 *   IDLE --start--> HANDSHAKING --connected--> LEASING --lease whole--> UP
 *                    |   ^  |                     |                      |
 *                    +---+  +--time is over----+  |  refused, BYE, ...   |
 *                  new attempt                 v  v                      v
 *                                             OVER <---- CLOSING <--close--+
 *
 * Timers: the whole (options.timeout_ns, until UP); the handshake's own; a
 * pause before a new attempt; HELLO (twice the round trip, 100 ms at least,
 * doubled, 10 s in all, until the lease is whole and the gateway has confirmed
 * HELLO); BYE (twice more, 50 ms apart).
 */
enum client_state {
	STATE_IDLE,
	STATE_HANDSHAKING,
	STATE_LEASING,
	STATE_UP,
	STATE_CLOSING,
	STATE_OVER,
};

enum {
	TIMEOUT_DEFAULT_MS = 10000,
	RETRY_FIRST_MS = 200,
	RETRY_MAX_MS = 2000,
	HELLO_MIN_MS = 100,
	HELLO_MAX_MS = 2000,
	HELLO_TOTAL_MS = 10000,
	BYE_COUNT = 3,
	BYE_APART_MS = 50,
	MESSAGES_PER_S = 200,
};

struct client {
	/* Set at creation. */
	const struct credentials *credentials;
	char *server_name;
	struct client_options options;
	const struct client_callbacks *cb;
	void *arg;

	enum client_state state;
	struct client_facts facts;

	/* Until the handshake is done. */
	struct handshake *handshake;
	uint64_t over_ns;  /* the whole ends here */
	uint64_t retry_ns; /* the next attempt, or CLOCK_NEVER */
	uint64_t retry_wait_ns;
	bool heard; /* anything from a gateway, in any attempt */
	int net_error;
	enum reason reason; /* of the last attempt that failed */
	char text[HANDSHAKE_TEXT_MAX];
	/* A LEASE that overtook the gateway's ACK. */
	uint8_t early[RECORD_CONTROL_MAX];
	size_t early_len;

	/* From then on. */
	struct keys keys; /* wiped when `up` returns */
	struct control control;
	struct lease_collector collector;
	uint32_t index; /* 0: not told yet */
	bool confirmed; /* the gateway has our HELLO */
	uint8_t confirm[KEYS_PROOF_LEN];
	uint64_t hello_ns, hello_wait_ns, hello_until_ns;
	uint64_t echo_id, echo_sent_ns;
	unsigned int bye_left;
	uint64_t bye_ns;
	uint64_t rate_ns; /* start of the second that is counted */
	unsigned int rate_count;
};

static void go_on(struct client *c, enum handshake_status status,
		  uint64_t now_ns);

static uint64_t ms(uint64_t n)
{
	return n * NS_PER_MS;
}

static uint64_t min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

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
		c->options.timeout_ns = ms(TIMEOUT_DEFAULT_MS);
	if (c->options.lanes == 0)
		c->options.lanes = 1;
	c->cb = cb;
	c->arg = arg;
	c->retry_ns = CLOCK_NEVER;
	return c;
}

/* Frees and wipes what belongs to a session or an attempt. */
static void forget(struct client *c)
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
	forget(c);
	free(c->server_name);
	secret_wipe(c, sizeof(*c));
	free(c);
}

static void end(struct client *c, enum reason reason, const char *text)
{
	char copy[CLIENT_TEXT_MAX];

	snprintf(copy, sizeof(copy), "%s", text);
	forget(c);
	c->state = STATE_OVER;
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
		end(c, REASON_INTERNAL,
		    "no handshake can begin: out of memory, or the server "
		    "name cannot be checked");
		return;
	}
	go_on(c, handshake_start(c->handshake, now_ns), now_ns);
}

int client_start(struct client *c, uint64_t now_ns)
{
	if (c->state != STATE_IDLE)
		return -EALREADY;
	c->state = STATE_HANDSHAKING;
	c->over_ns = now_ns + c->options.timeout_ns;
	c->retry_wait_ns = 0;
	attempt(c, now_ns);
	return c->state == STATE_OVER ? -EIO : 0;
}

/* The first repetition comes at once, later ones after a growing pause. */
static void retry_later(struct client *c, uint64_t now_ns)
{
	c->heard |= handshake_heard(c->handshake);
	handshake_destroy(c->handshake);
	c->handshake = NULL;
	c->retry_ns = now_ns + c->retry_wait_ns;
	c->retry_wait_ns = c->retry_wait_ns == 0 ? ms(RETRY_FIRST_MS)
						 : min_ns(c->retry_wait_ns * 2,
							  ms(RETRY_MAX_MS));
}

static void time_is_over(struct client *c)
{
	char text[CLIENT_TEXT_MAX];
	unsigned int s = (unsigned int)(c->options.timeout_ns / NS_PER_S);
	bool heard = c->heard ||
		     (c->handshake != NULL && handshake_heard(c->handshake));

	if (c->state == STATE_LEASING)
		snprintf(text, sizeof(text),
			 "the gateway let this device in, but sent no whole "
			 "lease within %u s",
			 s);
	else if (c->text[0] != '\0')
		snprintf(text, sizeof(text), "no session within %u s: %s", s,
			 c->text);
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
	end(c, heard ? REASON_TIMEOUT : REASON_UNREACHABLE, text);
}

static void send_run(struct client *c, const struct bytes *run)
{
	uint8_t datagram[RECORD_CONTROL_MAX];
	size_t len = control_seal(&c->control, c->index, run, datagram);

	if (len == 0)
		return;
	c->facts.tx_control++;
	c->cb->send(c->arg, datagram, len);
}

static void send_hello(struct client *c, uint64_t now_ns)
{
	struct message_hello h = {
		.lanes = c->options.lanes,
		.mtu = c->options.mtu,
		.families = 3,
	};
	uint8_t buf[CONTROL_RUN_MAX];
	struct bytes run = bytes_over(buf, sizeof(buf));

	memcpy(h.confirm, c->confirm, sizeof(h.confirm));
	memcpy(h.have, c->collector.have, sizeof(h.have));
	message_put_hello(&run, &h);
	send_run(c, &run);
	c->hello_ns = now_ns + c->hello_wait_ns;
	c->hello_wait_ns = min_ns(c->hello_wait_ns * 2, ms(HELLO_MAX_MS));
}

static void lease_begun(struct client *c, uint64_t now_ns)
{
	uint64_t wait = 2 * c->facts.rtt_ns;

	c->index = c->collector.index;
	if (keys_confirm(&c->keys, credentials_fingerprint(c->credentials),
			 c->index, c->confirm) < 0) {
		end(c, REASON_INTERNAL, "the keys could not be confirmed");
		return;
	}
	c->hello_wait_ns = wait > ms(HELLO_MIN_MS) ? wait : ms(HELLO_MIN_MS);
	c->hello_until_ns = now_ns + ms(HELLO_TOTAL_MS);
	send_hello(c, now_ns);
}

static void lease_whole(struct client *c)
{
	struct lease lease;
	const char *why;

	if (lease_parse(&c->collector, &lease, &why) < 0) {
		char text[CLIENT_TEXT_MAX];

		snprintf(text, sizeof(text),
			 "the gateway's lease cannot be used: it has %s", why);
		end(c, REASON_LEASE, text);
		return;
	}
	c->state = STATE_UP;
	c->cb->up(c->arg, &lease);
	lease_fini(&lease);
	/* The lanes have their keys: nothing can be derived again. */
	keys_fini(&c->keys);
}

static void on_lease(struct client *c, const struct message *m, uint64_t now_ns)
{
	uint8_t flags = 0;
	int r = lease_collect(&c->collector, m->body, m->len, &flags);

	if (r < 0) {
		end(c, r == -ENOMEM ? REASON_INTERNAL : REASON_LEASE,
		    r == -ENOMEM ? "out of memory"
				 : "the gateway's lease cannot be read");
		return;
	}
	if (c->index == 0)
		lease_begun(c, now_ns);
	if ((flags & LEASE_FLAG_CONFIRMED) != 0)
		c->confirmed = true;
	if (r == 1 && c->state == STATE_LEASING)
		lease_whole(c);
}

static const struct {
	enum refusal refusal;
	enum reason reason;
} refusal_reasons[] = {
	{ REFUSAL_UNKNOWN, REASON_REFUSED },
	{ REFUSAL_FULL, REASON_BUSY },
	{ REFUSAL_IN_USE, REASON_BUSY },
	{ REFUSAL_SHUTDOWN, REASON_GATEWAY_ENDED },
	{ REFUSAL_INTERNAL, REASON_GATEWAY_ENDED },
	{ REFUSAL_VERSION, REASON_VERSION },
	{ REFUSAL_REVOKED, REASON_REFUSED },
	{ REFUSAL_CONFIRM, REASON_REFUSED },
};

static void on_ending(struct client *c, const struct message *m)
{
	bool bye = m->type == MESSAGE_BYE;
	enum reason reason = REASON_GATEWAY_ENDED;
	char text[CLIENT_TEXT_MAX], retry[40] = "";
	struct message_refuse r;

	if (message_parse_ending(m, &r) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(refusal_reasons); i++)
		if (refusal_reasons[i].refusal == r.reason)
			reason = refusal_reasons[i].reason;
	c->facts.retry_s = r.retry_s;
	if (r.retry_s > 0)
		snprintf(retry, sizeof(retry), "; try again in %u s",
			 r.retry_s);
	snprintf(text, sizeof(text), "the gateway %s: \"%s\"%s",
		 bye ? "ended the session" : "refuses this device", r.text,
		 retry);
	end(c, reason, text);
}

static void on_echo(struct client *c, const struct message *m)
{
	uint8_t buf[64];
	struct bytes run = bytes_over(buf, sizeof(buf));

	if (m->len < MESSAGE_ECHO_ID_LEN)
		return;
	message_put(&run, MESSAGE_ECHO_REPLY, m->body, MESSAGE_ECHO_ID_LEN);
	send_run(c, &run);
}

static void on_echo_reply(struct client *c, const struct message *m,
			  uint64_t now_ns)
{
	if (m->len < MESSAGE_ECHO_ID_LEN || c->echo_sent_ns == 0 ||
	    load_be64(m->body) != c->echo_id)
		return;
	c->facts.rtt_ns = now_ns - c->echo_sent_ns;
	c->echo_sent_ns = 0;
}

static void on_unknown(struct client *c, const struct message *m)
{
	uint8_t buf[64];
	struct bytes run = bytes_over(buf, sizeof(buf));

	if (m->type < MESSAGE_MUST_KNOW)
		return;
	message_put_ending(&run, MESSAGE_BYE, REFUSAL_VERSION, 0, "version");
	send_run(c, &run);
	end(c, REASON_VERSION,
	    "the gateway uses a newer protocol than this adit: update it");
}

static void on_message(struct client *c, const struct message *m,
		       uint64_t now_ns)
{
	switch (m->type) {
	case MESSAGE_LEASE:
		on_lease(c, m, now_ns);
		break;
	case MESSAGE_REFUSE:
	case MESSAGE_BYE:
		on_ending(c, m);
		break;
	case MESSAGE_ECHO:
		on_echo(c, m);
		break;
	case MESSAGE_ECHO_REPLY:
		on_echo_reply(c, m, now_ns);
		break;
	default:
		on_unknown(c, m);
		break;
	}
}

/* A valid but mad gateway does not keep this thread busy. */
static bool rate_allows(struct client *c, uint64_t now_ns)
{
	if (now_ns - c->rate_ns >= NS_PER_S) {
		c->rate_ns = now_ns;
		c->rate_count = 0;
	}
	return c->rate_count++ < MESSAGES_PER_S;
}

static bool session_open(const struct client *c)
{
	return c->state == STATE_LEASING || c->state == STATE_UP;
}

static void on_record(struct client *c, uint8_t *datagram, size_t len,
		      uint64_t now_ns)
{
	struct record_header h;
	struct message m;
	struct bytes run;

	if (record_parse(datagram, len, &h) != RECORD_OK ||
	    h.lane != RECORD_LANE_CONTROL ||
	    !(h.index == c->index || (h.index == 0 && !c->confirmed))) {
		c->facts.drop_foreign++;
		return;
	}
	switch (control_open(&c->control, &h, datagram, len, &run)) {
	case RECORD_OK:
		break;
	case RECORD_REPLAYED:
		c->facts.drop_replayed++;
		return;
	case RECORD_SHORT:
	case RECORD_FOREIGN:
	case RECORD_EPOCH:
	case RECORD_FORGED:
		c->facts.drop_forged++;
		return;
	}
	c->facts.rx_control++;
	c->facts.heard_ns = now_ns;
	while (session_open(c) && message_next(&run, &m) == 1)
		if (rate_allows(c, now_ns))
			on_message(c, &m, now_ns);
}

/* The handshake is done: from the TLS object's secret to our own keys. */
static void connected(struct client *c, uint64_t now_ns)
{
	struct handshake_result result;
	enum reason reason;
	char text[HANDSHAKE_TEXT_MAX];
	int r;

	if (handshake_finish(c->handshake, &result, &reason, text) < 0) {
		end(c, reason, text);
		return;
	}
	keys_init(&c->keys, result.algorithm, result.secret);
	if (c->options.epoch_shift != 0)
		c->keys.shift = c->options.epoch_shift;
	secret_wipe(result.secret, sizeof(result.secret));
	r = control_init(&c->control, &c->keys, CONTROL_CLIENT);
	if (r < 0) {
		end(c, REASON_INTERNAL, "the control lane has no keys");
		return;
	}
	c->facts.group = result.group;
	c->facts.cipher = result.algorithm->name;
	c->facts.rtt_ns = handshake_rtt_ns(c->handshake);
	c->facts.gateway_expires = result.peer.expires;
	handshake_destroy(c->handshake);
	c->handshake = NULL;
	c->state = STATE_LEASING;
	if (c->early_len > 0)
		on_record(c, c->early, c->early_len, now_ns);
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
			end(c, c->reason, c->text);
		else
			retry_later(c, now_ns);
		break;
	}
}

static void on_envelope(struct client *c, const uint8_t *datagram, size_t len,
			uint64_t now_ns)
{
	struct envelope e;

	if (c->handshake == NULL || !envelope_parse(datagram, len, &e) ||
	    memcmp(e.token, handshake_token(c->handshake), sizeof(e.token)) !=
		    0) {
		c->facts.drop_foreign++;
		return;
	}
	go_on(c, handshake_input(c->handshake, e.dtls, e.dtls_len, now_ns),
	      now_ns);
}

void client_input(struct client *c, uint8_t *datagram, size_t len,
		  uint64_t now_ns)
{
	if (len == 0)
		return;
	if (datagram[0] == ENVELOPE_TYPE && c->state == STATE_HANDSHAKING) {
		on_envelope(c, datagram, len, now_ns);
	} else if (datagram[0] == RECORD_TYPE && session_open(c)) {
		on_record(c, datagram, len, now_ns);
	} else if (datagram[0] == RECORD_TYPE &&
		   c->state == STATE_HANDSHAKING && len <= sizeof(c->early)) {
		/* Nothing in it counts before it has been opened. */
		memcpy(c->early, datagram, len);
		c->early_len = len;
	} else {
		c->facts.drop_foreign++;
	}
}

static uint64_t hello_deadline(const struct client *c)
{
	bool agreed = c->confirmed && c->state == STATE_UP;

	return c->index != 0 && !agreed ? c->hello_ns : CLOCK_NEVER;
}

uint64_t client_deadline(const struct client *c)
{
	switch (c->state) {
	case STATE_IDLE:
	case STATE_OVER:
		return CLOCK_NEVER;
	case STATE_HANDSHAKING:
		if (c->handshake == NULL)
			return min_ns(c->over_ns, c->retry_ns);
		return min_ns(c->over_ns, handshake_deadline(c->handshake));
	case STATE_LEASING:
		return min_ns(c->over_ns, hello_deadline(c));
	case STATE_UP:
		return hello_deadline(c);
	case STATE_CLOSING:
		return c->bye_ns;
	}
	return CLOCK_NEVER;
}

static void hello_timeout(struct client *c, uint64_t now_ns)
{
	if (now_ns < hello_deadline(c))
		return;
	if (now_ns >= c->hello_until_ns)
		end(c, REASON_TIMEOUT,
		    "the gateway stopped answering before the session was "
		    "agreed");
	else
		send_hello(c, now_ns);
}

static void send_bye(struct client *c, uint64_t now_ns)
{
	uint8_t buf[64];
	struct bytes run = bytes_over(buf, sizeof(buf));

	message_put_ending(&run, MESSAGE_BYE, REFUSAL_NONE, 0, "disconnected");
	send_run(c, &run);
	c->bye_ns = now_ns + ms(BYE_APART_MS);
	if (--c->bye_left == 0) {
		forget(c);
		c->state = STATE_OVER;
	}
}

void client_timeout(struct client *c, uint64_t now_ns)
{
	switch (c->state) {
	case STATE_IDLE:
	case STATE_OVER:
		break;
	case STATE_HANDSHAKING:
		if (now_ns >= c->over_ns)
			time_is_over(c);
		else if (c->handshake == NULL && now_ns >= c->retry_ns)
			attempt(c, now_ns);
		else if (c->handshake != NULL)
			go_on(c, handshake_timeout(c->handshake, now_ns),
			      now_ns);
		break;
	case STATE_LEASING:
		if (now_ns >= c->over_ns)
			time_is_over(c);
		else
			hello_timeout(c, now_ns);
		break;
	case STATE_UP:
		hello_timeout(c, now_ns);
		break;
	case STATE_CLOSING:
		if (now_ns >= c->bye_ns)
			send_bye(c, now_ns);
		break;
	}
}

void client_unreachable(struct client *c, int error)
{
	c->net_error = error;
}

int client_lane(struct client *c, uint8_t lane, struct keys_tx *ret_tx,
		struct record_rx *ret_rx)
{
	int r;

	if (c->state != STATE_UP || c->keys.algorithm == NULL)
		return -ENOENT;
	memset(&ret_rx->replay, 0, sizeof(ret_rx->replay));
	r = keys_tx_init(ret_tx, &c->keys, KEYS_CLIENT_TO_GATEWAY, lane);
	if (r < 0)
		return r;
	r = keys_rx_init(&ret_rx->keys, &c->keys, KEYS_GATEWAY_TO_CLIENT, lane);
	if (r < 0)
		keys_tx_fini(ret_tx);
	return r;
}

void client_echo(struct client *c, uint64_t now_ns)
{
	uint8_t buf[64], id[MESSAGE_ECHO_ID_LEN];
	struct bytes run = bytes_over(buf, sizeof(buf));

	if (c->state != STATE_UP)
		return;
	store_be64(id, ++c->echo_id);
	message_put(&run, MESSAGE_ECHO, id, sizeof(id));
	c->echo_sent_ns = now_ns;
	send_run(c, &run);
}

void client_close(struct client *c, uint64_t now_ns)
{
	if (session_open(c) && c->index != 0) {
		c->state = STATE_CLOSING;
		c->bye_left = BYE_COUNT;
		send_bye(c, now_ns);
	} else if (c->state != STATE_CLOSING) {
		forget(c);
		c->state = STATE_OVER;
	}
}

bool client_closed(const struct client *c)
{
	return c->state == STATE_OVER || c->state == STATE_IDLE;
}

const struct client_facts *client_facts(const struct client *c)
{
	return &c->facts;
}
