/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/client_session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/credentials.h"
#include "crypto/message.h"
#include "crypto/server.h"
#include "tunnel/base/bytes.h"

enum {
	HELLO_MIN_MS = 100,
	HELLO_MAX_MS = 2000,
	HELLO_TOTAL_MS = 10000,
	BYE_COUNT = 3,
	BYE_APART_MS = 50,
};

bool client_session_open(const struct client *c)
{
	return c->state == CLIENT_STATE_LEASING || c->state == CLIENT_STATE_UP;
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
	c->hello_wait_ns =
		client_earlier(c->hello_wait_ns * 2, client_ms(HELLO_MAX_MS));
}

static void lease_begun(struct client *c, uint64_t now_ns)
{
	uint64_t wait = 2 * c->facts.rtt_ns;

	c->index = c->collector.index;
	if (keys_confirm(&c->keys, credentials_fingerprint(c->credentials),
			 c->index, c->confirm) < 0) {
		client_end(c, REASON_INTERNAL,
			   "the keys could not be confirmed");
		return;
	}
	c->hello_wait_ns =
		wait > client_ms(HELLO_MIN_MS) ? wait : client_ms(HELLO_MIN_MS);
	c->hello_until_ns = now_ns + client_ms(HELLO_TOTAL_MS);
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
		client_end(c, REASON_LEASE, text);
		return;
	}
	c->state = CLIENT_STATE_UP;
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
		client_end(c, r == -ENOMEM ? REASON_INTERNAL : REASON_LEASE,
			   r == -ENOMEM ? "out of memory"
					: "the gateway's lease cannot be read");
		return;
	}
	if (c->index == 0)
		lease_begun(c, now_ns);
	if ((flags & LEASE_FLAG_CONFIRMED) != 0)
		c->confirmed = true;
	if (r == 1 && c->state == CLIENT_STATE_LEASING)
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

	if (message_parse_ending(m, &r) < 0) {
		c->facts.drop_message++;
		return;
	}
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
	client_end(c, reason, text);
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

static void on_report(struct client *c, const struct message *m)
{
	struct message_report r;

	if (message_parse_report(m, &r) < 0)
		c->facts.drop_message++;
	else if (c->cb->reported != NULL)
		c->cb->reported(c->arg, &r);
}

/* Ends at once, with one word to the gateway. */
static void leave(struct client *c, enum refusal why, const char *word,
		  enum reason reason, const char *text)
{
	uint8_t buf[128];
	struct bytes run = bytes_over(buf, sizeof(buf));

	message_put_ending(&run, MESSAGE_BYE, (uint16_t)why, 0, word);
	send_run(c, &run);
	client_end(c, reason, text);
}

static void on_unknown(struct client *c, const struct message *m)
{
	if (m->type >= MESSAGE_MUST_KNOW)
		leave(c, REFUSAL_VERSION, "version", REASON_VERSION,
		      "the gateway uses a newer protocol than this adit: "
		      "update it");
}

void client_wear_out(struct client *c)
{
	if (client_session_open(c))
		leave(c, REFUSAL_INTERNAL, "fresh keys are needed",
		      REASON_INTERNAL,
		      "too many forged records: fresh keys are needed");
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
	case MESSAGE_REPORT:
		on_report(c, m);
		break;
	default:
		on_unknown(c, m);
		break;
	}
}

void client_session_input(struct client *c, uint8_t *datagram, size_t len,
			  uint64_t now_ns)
{
	struct record_header h;
	struct message m;
	struct bytes run;
	int r = 0;

	if (record_parse(datagram, len, &h) != RECORD_OK) {
		c->facts.drop_short++;
		return;
	}
	if (h.lane != RECORD_LANE_CONTROL ||
	    !(h.index == c->index || (h.index == 0 && !c->confirmed))) {
		c->facts.drop_index++;
		return;
	}
	switch (control_open(&c->control, &h, datagram, len, &run)) {
	case RECORD_OK:
		break;
	case RECORD_REPLAYED:
		c->facts.drop_replayed++;
		return;
	case RECORD_OLD:
		c->facts.drop_old++;
		return;
	case RECORD_EPOCH:
		c->facts.drop_epoch++;
		return;
	case RECORD_SHORT:
	case RECORD_FOREIGN:
	case RECORD_FORGED:
		c->facts.drop_forged++;
		if (keys_worn_out(c->control.rx.keys.max_failures,
				  c->control.rx.keys.failures))
			client_wear_out(c);
		return;
	}
	c->facts.rx_control++;
	c->facts.heard_ns = now_ns;
	while (client_session_open(c) && (r = message_next(&run, &m)) == 1)
		if (control_rate_allows(&c->rate, now_ns))
			on_message(c, &m, now_ns);
		else
			c->facts.drop_rate++;
	if (r < 0)
		c->facts.drop_message++;
}

uint64_t client_session_deadline(const struct client *c)
{
	bool agreed = c->confirmed && c->state == CLIENT_STATE_UP;

	return c->index != 0 && !agreed ? c->hello_ns : CLOCK_NEVER;
}

void client_session_timeout(struct client *c, uint64_t now_ns)
{
	if (now_ns < client_session_deadline(c))
		return;
	if (now_ns >= c->hello_until_ns)
		client_end(
			c, REASON_TIMEOUT,
			"the gateway stopped answering before the session was "
			"agreed");
	else
		send_hello(c, now_ns);
}

void client_session_bye(struct client *c, uint64_t now_ns)
{
	uint8_t buf[64];
	struct bytes run = bytes_over(buf, sizeof(buf));

	message_put_ending(&run, MESSAGE_BYE, REFUSAL_NONE, 0, "disconnected");
	send_run(c, &run);
	c->bye_ns = now_ns + client_ms(BYE_APART_MS);
	if (--c->bye_left == 0) {
		client_forget(c);
		c->state = CLIENT_STATE_OVER;
	}
}

int client_lane(struct client *c, uint8_t lane, struct keys_seed *ret_seed)
{
	if (c->state != CLIENT_STATE_UP || c->keys.algorithm == NULL)
		return -ENOENT;
	return keys_seed_init(ret_seed, &c->keys, lane);
}

void client_echo(struct client *c, uint64_t now_ns)
{
	uint8_t buf[64], id[MESSAGE_ECHO_ID_LEN];
	struct bytes run = bytes_over(buf, sizeof(buf));

	if (c->state != CLIENT_STATE_UP)
		return;
	store_be64(id, ++c->echo_id);
	message_put(&run, MESSAGE_ECHO, id, sizeof(id));
	c->echo_sent_ns = now_ns;
	send_run(c, &run);
}

void client_report(struct client *c, const struct message_report *report)
{
	uint8_t buf[64];
	struct bytes run = bytes_over(buf, sizeof(buf));

	if (c->state != CLIENT_STATE_UP)
		return;
	message_put_report(&run, report);
	c->facts.tx_reports++;
	send_run(c, &run);
}

void client_close(struct client *c, uint64_t now_ns)
{
	if (client_session_open(c) && c->index != 0) {
		c->state = CLIENT_STATE_CLOSING;
		c->bye_left = BYE_COUNT;
		client_session_bye(c, now_ns);
	} else if (c->state != CLIENT_STATE_CLOSING) {
		client_forget(c);
		c->state = CLIENT_STATE_OVER;
	}
}

bool client_closed(const struct client *c)
{
	return c->state == CLIENT_STATE_OVER || c->state == CLIENT_STATE_IDLE;
}
