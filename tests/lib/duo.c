/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/duo.h"

#include <assert.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/pki.h"
#include "tests/lib/virtual_time.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/clock.h"

enum {
	DAY_S = 86400,
	EXTRA_DELAY_MS = 30,
	REPEAT_DELAY_MS = 20,
	SLOT = 7,
	FIRST_PORT = 40000,
};

struct duo_datagram {
	struct duo_datagram *next;
	bool to_gateway;
	uint16_t port;
	uint64_t at_ns;
	size_t len;
	uint8_t bytes[];
};

/* Who signs whom. `ca` is the other end's trust as well. */
static const struct who {
	const char *name;
	enum pki_algorithm algorithm;
	enum pki_use use;
	const char *common_name;
	const char *ca; /* "a" or "b" */
	int from_day, to_day;
} people[] = {
	{ "p256", PKI_ECDSA_P256, PKI_GATEWAY, "gw.test", "a", -1, 100 },
	{ "ed25519", PKI_ED25519, PKI_GATEWAY, "gw.test", "a", -1, 100 },
	{ "address", PKI_ECDSA_P256, PKI_GATEWAY, "192.0.2.1", "a", -1, 100 },
	{ "other-name", PKI_ECDSA_P256, PKI_GATEWAY, "x.test", "a", -1, 100 },
	{ "label", PKI_ECDSA_P256, PKI_GATEWAY, "gateway", "a", -1, 100 },
	{ "any", PKI_ECDSA_P256, PKI_GATEWAY, "*", "a", -1, 100 },
	{ "expired", PKI_ECDSA_P256, PKI_GATEWAY, "gw.test", "a", -9, -1 },
	{ "early", PKI_ECDSA_P256, PKI_GATEWAY, "gw.test", "a", 1, 100 },
	{ "other-ca", PKI_ECDSA_P256, PKI_GATEWAY, "gw.test", "b", -1, 100 },
	{ "client-use", PKI_ECDSA_P256, PKI_CLIENT, "gw.test", "a", -1, 100 },
	{ "p256", PKI_ECDSA_P256, PKI_CLIENT, "laptop", "a", -1, 100 },
	{ "ed25519", PKI_ED25519, PKI_CLIENT, "laptop", "a", -1, 100 },
	{ "expired", PKI_ECDSA_P256, PKI_CLIENT, "laptop", "a", -9, -1 },
	{ "early", PKI_ECDSA_P256, PKI_CLIENT, "laptop", "a", 1, 100 },
	{ "other-ca", PKI_ECDSA_P256, PKI_CLIENT, "laptop", "b", -1, 100 },
	{ "server-use", PKI_ECDSA_P256, PKI_GATEWAY, "laptop", "a", -1, 100 },
};

/* The gateway's address that clients ask; every answer must come from it. */
static const struct ip_addr asked = { AF_INET, { 203, 0, 113, 50 } };

/* Everything that is made once. Tests run one after another. */
static struct {
	struct pki_identity ca[2];
	struct pki_identity person[ARRAY_SIZE(people)];
	struct credentials *made[2][ARRAY_SIZE(people)];
	bool ready;
} world;

static uint64_t ms(uint64_t n)
{
	return n * NS_PER_MS;
}

static void make_world(void)
{
	int64_t now = time(NULL);

	if (world.ready)
		return;
	for (size_t i = 0; i < 2; i++) {
		struct pki_request r = {
			.use = PKI_CA,
			.name = i == 0 ? "CA a" : "CA b",
			.not_before = now - 10 * DAY_S,
			.not_after = now + 1000 * DAY_S,
		};

		ck_assert_int_eq(pki_issue(&r, NULL, &world.ca[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(people); i++) {
		const struct who *w = &people[i];
		struct pki_request r = {
			.use = w->use,
			.algorithm = w->algorithm,
			.name = w->common_name,
			.not_before = now + w->from_day * DAY_S,
			.not_after = now + w->to_day * DAY_S,
		};

		ck_assert_int_eq(pki_issue(&r, &world.ca[w->ca[0] == 'b'],
					   &world.person[i]),
				 0);
	}
	world.ready = true;
}

/* Clients carry the "server-use" certificate, gateways the "client-use" one,
 * so the name decides before the use does. */
static size_t find_person(enum credentials_role role, const char *name)
{
	bool gateway = role == CREDENTIALS_GATEWAY;

	for (size_t i = 0; i < ARRAY_SIZE(people); i++) {
		bool is_gateway = people[i].use == PKI_GATEWAY;

		if (strstr(people[i].name, "-use") != NULL)
			is_gateway = !is_gateway;
		if (is_gateway == gateway && strcmp(people[i].name, name) == 0)
			return i;
	}
	ck_abort_msg("nobody is called %s", name);
	return 0;
}

struct credentials *duo_credentials(enum credentials_role role,
				    const char *name, const char *group,
				    const char *cipher)
{
	char certificate[PKI_PEM_MAX], key[PKI_PEM_MAX], ca[PKI_PEM_MAX];
	char error[CREDENTIALS_ERROR_MAX] = "";
	struct credentials_source s = {
		.certificate = certificate,
		.key = key,
		.ca = ca,
		.groups = { group },
		.group_count = group != NULL,
		.ciphers = { cipher },
		.cipher_count = cipher != NULL,
	};
	struct credentials *c;
	size_t i;

	make_world();
	i = find_person(role, name);
	ck_assert_int_eq(pki_certificate_pem(&world.person[i], certificate), 0);
	ck_assert_int_eq(pki_key_pem(&world.person[i], key), 0);
	ck_assert_int_eq(pki_certificate_pem(&world.ca[0], ca), 0);
	s.certificate_len = strlen(certificate);
	s.key_len = strlen(key);
	s.ca_len = strlen(ca);
	c = credentials_create(role, &s, error);
	ck_assert_msg(c != NULL, "%s: %s", name, error);
	return c;
}

static const struct credentials *usual(enum credentials_role role,
				       const char *name)
{
	size_t i;

	make_world();
	i = find_person(role, name);
	if (world.made[role][i] == NULL)
		world.made[role][i] = duo_credentials(role, name, NULL, NULL);
	return world.made[role][i];
}

const struct credentials *duo_client(const char *name)
{
	return usual(CREDENTIALS_CLIENT, name);
}

const struct credentials *duo_gateway(const char *name)
{
	return usual(CREDENTIALS_GATEWAY, name);
}

static struct endpoint client_endpoint(uint16_t port)
{
	struct endpoint e = { .port = port };

	ck_assert_int_eq(addr_parse("198.51.100.9", &e.addr), 0);
	return e;
}

static void enqueue(struct duo *d, bool to_gateway, uint16_t port,
		    const uint8_t *datagram, size_t len, uint64_t delay_ns)
{
	struct duo_datagram *q = malloc(sizeof(*q) + len), **at = &d->queue;

	ck_assert_ptr_nonnull(q);
	q->to_gateway = to_gateway;
	q->port = port;
	q->at_ns = d->now_ns + delay_ns;
	q->len = len;
	memcpy(q->bytes, datagram, len);
	while (*at != NULL && (*at)->at_ns <= q->at_ns)
		at = &(*at)->next;
	q->next = *at;
	*at = q;
}

void duo_inject(struct duo *d, bool to_gateway, uint16_t port,
		const uint8_t *datagram, size_t len)
{
	enqueue(d, to_gateway, port, datagram, len, 0);
}

static void carry(struct duo *d, bool to_gateway, uint16_t port,
		  const uint8_t *datagram, size_t len)
{
	uint8_t copy[2048];
	enum duo_fate fate = DUO_DELIVER;
	uint64_t delay = ms(DUO_ONE_WAY_MS);

	ck_assert_uint_le(len, sizeof(copy));
	memcpy(copy, datagram, len);
	if (to_gateway)
		d->bytes_to_gateway += len;
	else
		d->bytes_to_client += len;
	if (d->hook != NULL)
		fate = d->hook(d, to_gateway, d->sent, copy, len);
	d->sent++;
	if (fate == DUO_DROP)
		return;
	if (fate == DUO_DELAY)
		delay += ms(EXTRA_DELAY_MS);
	enqueue(d, to_gateway, port, copy, len, delay);
	if (fate == DUO_REPEAT)
		enqueue(d, to_gateway, port, copy, len,
			delay + ms(REPEAT_DELAY_MS));
}

static void client_send(void *arg, const uint8_t *datagram, size_t len)
{
	struct duo *d = arg;

	carry(d, true, d->port, datagram, len);
}

static void client_new_port(void *arg)
{
	struct duo *d = arg;

	d->port++;
}

/* As a worker does for a lane's first record. */
static void grow(struct keys_seed *seed, enum keys_direction send,
		 struct keys_tx *ret_tx, struct record_rx *ret_rx)
{
	ck_assert_int_eq(keys_tx_grow(ret_tx, seed, send), 0);
	ck_assert_int_eq(keys_rx_grow(&ret_rx->keys, seed, 1 - send), 0);
	memset(&ret_rx->replay, 0, sizeof(ret_rx->replay));
	keys_seed_fini(seed);
}

static void client_up(void *arg, const struct lease *lease)
{
	struct duo *d = arg;
	struct keys_seed seed;

	d->up++;
	d->up_ns = d->now_ns;
	ck_assert_int_eq(lease_copy(lease, &d->lease), 0);
	ck_assert_int_eq(client_lane(d->client, 0, &seed), 0);
	grow(&seed, KEYS_CLIENT_TO_GATEWAY, &d->client_tx, &d->client_rx);
}

static void client_down(void *arg, enum reason reason, const char *text)
{
	struct duo *d = arg;

	d->down++;
	d->down_ns = d->now_ns;
	d->reason = reason;
	snprintf(d->text, sizeof(d->text), "%s", text);
}

static void client_reported(void *arg, const struct message_report *report)
{
	struct duo *d = arg;

	d->client_reports++;
	d->client_report = *report;
}

static void server_send(void *arg, const struct path *to,
			const uint8_t *datagram, size_t len)
{
	ck_assert(addr_equal(&to->local, &asked));
	carry(arg, false, to->remote.port, datagram, len);
}

static void fill_lease(const struct duo *d, struct lease *l)
{
	struct ip_prefix p;

	*l = (struct lease) { .mtu = 1420, .lanes = 1, .idle_s = 86400 };
	ck_assert_int_eq(prefix_parse("10.77.0.7/16", &l->address4), 0);
	ck_assert_int_eq(prefix_parse("fd77::7/64", &l->address6), 0);
	ck_assert_int_eq(prefix_parse("10.77.0.0/16", &p), 0);
	ck_assert_int_eq(lease_add_prefix(&l->routes, &p, 1), 0);
	for (size_t i = 0; i < d->options.routes; i++) {
		p.addr.bytes[0] = 20;
		p.addr.bytes[1] = (uint8_t)(i >> 8);
		p.addr.bytes[2] = (uint8_t)i;
		p.len = 24;
		ck_assert_int_eq(
			lease_add_prefix(&l->routes, &p, LEASE_ROUTES_MAX), 0);
	}
	ck_assert_int_eq(addr_parse("10.77.0.1", &l->dns[0]), 0);
	l->dns_count = 1;
	ck_assert_int_eq(lease_add_name(&l->match, "corp.test"), 0);
	snprintf(l->gateway, sizeof(l->gateway), "gw.test");
}

static int server_admit(void *arg, const struct server_guest *guest,
			uint32_t *ret_slot, struct lease *ret_lease,
			struct server_refusal *ret_refusal)
{
	struct duo *d = arg;

	d->guest = *guest;
	if (d->options.refuse != REFUSAL_NONE) {
		ret_refusal->reason = d->options.refuse;
		ret_refusal->retry_s = 17;
		snprintf(ret_refusal->text, sizeof(ret_refusal->text),
			 "not \"today\"\n");
		return -EACCES;
	}
	/* A client that tries again finds its unconfirmed session gone. */
	if (d->admitted > d->ended)
		server_end(d->server, d->index, REFUSAL_IN_USE, "again",
			   d->now_ns);
	d->admitted++;
	*ret_slot = SLOT;
	fill_lease(d, ret_lease);
	return 0;
}

static void server_rejected(void *arg, const struct endpoint *from,
			    const char *why)
{
	struct duo *d = arg;

	(void)from;
	snprintf(d->rejected, sizeof(d->rejected), "%s", why);
}

static void server_confirmed(void *arg, uint32_t index,
			     const struct server_guest *guest)
{
	struct duo *d = arg;
	struct keys_seed seed;

	(void)guest;
	d->confirmed++;
	d->index = index;
	ck_assert_int_eq(server_lane(d->server, index, 0, &seed), 0);
	grow(&seed, KEYS_GATEWAY_TO_CLIENT, &d->gateway_tx, &d->gateway_rx);
}

static void server_reported(void *arg, uint32_t index,
			    const struct message_report *report)
{
	struct duo *d = arg;

	ck_assert_uint_eq(index, d->index);
	d->gateway_reports++;
	d->gateway_report = *report;
}

static void server_ended(void *arg, uint32_t index, const char *why)
{
	struct duo *d = arg;

	(void)index;
	(void)why;
	d->ended++;
}

static const struct client_callbacks client_table = {
	.send = client_send,
	.new_port = client_new_port,
	.up = client_up,
	.reported = client_reported,
	.down = client_down,
};

static const struct server_callbacks server_table = {
	.send = server_send,
	.admit = server_admit,
	.rejected = server_rejected,
	.confirmed = server_confirmed,
	.reported = server_reported,
	.ended = server_ended,
};

void duo_init(struct duo *d, const struct duo_options *o)
{
	struct client_options client = { 0 };
	struct server_options server = { .lanes_max = 1 };

	memset(d, 0, sizeof(*d));
	d->options = *o;
	d->port = FIRST_PORT;
	make_world();
	/* A certificate that was made this second is valid. */
	d->now_ns = d->start_ns = (uint64_t)(time(NULL) + 1) * NS_PER_S;
	virtual_time_set(d->now_ns);
	client.credentials = o->client ? o->client : duo_client("p256");
	client.server_name = o->server_name ? o->server_name : "gw.test";
	client.epoch_shift = server.epoch_shift = o->epoch_shift;
	client.max_failures = server.max_failures = o->max_failures;
	server.credentials = o->gateway ? o->gateway : duo_gateway("p256");
	d->client = client_create(&client, &client_table, d);
	d->server = server_create(&server, &server_table, d, d->now_ns);
	ck_assert_ptr_nonnull(d->client);
	ck_assert_ptr_nonnull(d->server);
}

void duo_fini(struct duo *d)
{
	client_destroy(d->client);
	server_destroy(d->server);
	while (d->queue != NULL) {
		struct duo_datagram *q = d->queue;

		d->queue = q->next;
		free(q);
	}
	lease_fini(&d->lease);
	keys_tx_fini(&d->client_tx);
	keys_rx_fini(&d->client_rx.keys);
	keys_tx_fini(&d->gateway_tx);
	keys_rx_fini(&d->gateway_rx.keys);
	virtual_time_set(0);
}

void duo_start(struct duo *d)
{
	ck_assert_int_eq(client_start(d->client, d->now_ns), 0);
}

static void deliver_one(struct duo *d)
{
	struct duo_datagram *q = d->queue;
	struct path from = { client_endpoint(q->port), asked };

	d->queue = q->next;
	if (q->to_gateway)
		server_input(d->server, &from, q->bytes, q->len, d->now_ns);
	else if (q->port == d->port)
		client_input(d->client, q->bytes, q->len, d->now_ns);
	free(q);
}

static uint64_t min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* One event. False when none comes before the limit. */
static bool step(struct duo *d, uint64_t limit_ns)
{
	uint64_t next =
		min_ns(client_deadline(d->client), server_deadline(d->server));

	if (d->queue != NULL)
		next = min_ns(next, d->queue->at_ns);
	if (next > limit_ns) {
		d->now_ns = limit_ns;
		return false;
	}
	if (next > d->now_ns)
		d->now_ns = next;
	virtual_time_set(d->now_ns);
	if (d->queue != NULL && d->queue->at_ns <= d->now_ns) {
		deliver_one(d);
		return true;
	}
	if (client_deadline(d->client) <= d->now_ns)
		client_timeout(d->client, d->now_ns);
	if (server_deadline(d->server) <= d->now_ns)
		server_timeout(d->server, d->now_ns);
	return true;
}

void duo_run(struct duo *d, uint64_t limit_ms)
{
	uint64_t limit = d->now_ns + ms(limit_ms);

	while (step(d, limit))
		;
}

bool duo_run_until_up(struct duo *d, uint64_t limit_ms)
{
	uint64_t limit = d->now_ns + ms(limit_ms);

	while (!(d->up > 0 && d->confirmed > 0) && d->down == 0)
		if (!step(d, limit))
			break;
	return d->up > 0 && d->confirmed > 0 && d->down == 0;
}

uint64_t duo_elapsed_ms(const struct duo *d, uint64_t at_ns)
{
	return (at_ns - d->start_ns) / NS_PER_MS;
}
