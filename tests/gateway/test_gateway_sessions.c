/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Real clients, with the profiles that `add` prints, at a gateway without
 * sockets: a queue in memory joins them, and time stands still until the test
 * moves it. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/base64.h"
#include "config/json.h"
#include "crypto/client.h"
#include "crypto/credentials.h"
#include "crypto/message.h"
#include "crypto/wolf.h"
#include "tests/lib/suite.h"
#include "tunnel/base/clock.h"
#include "tunnel/data/peer.h"
#include "tunnel/data/peer_table.h"
#include "tunnel/gateway/gateway_sessions.h"
#include "tunnel/gateway/gateway_snapshot.h"
#include "tunnel/gateway/gateway_store.h"

enum {
	GUESTS = 3,
	QUEUE = 256,
	DATAGRAM_MAX = 1500,
};

struct guest {
	struct credentials *credentials;
	struct client *client;
	struct path from;
	bool mute; /* its records are lost on the way */
	unsigned int up, down, reports;
	struct message_report report;
	enum reason reason;
	char text[CLIENT_TEXT_MAX];
	struct lease lease;
	struct keys_tx tx; /* of lane 0 */
	struct record_rx rx;
};

struct packet {
	struct guest *guest;
	bool to_gateway;
	size_t len;
	uint8_t bytes[DATAGRAM_MAX];
};

static char base[64], dir[80];
static struct gateway_error error;
static struct gateway_config config;
static struct credentials *gateway_credentials;
static struct gateway_sessions *sessions;
static struct peer_table *table;
static struct guest guests[GUESTS];
static struct packet queue[QUEUE];
static size_t head, tail;
static uint64_t now_ns;

static void enqueue(struct guest *g, bool to_gateway, const uint8_t *datagram,
		    size_t len)
{
	struct packet *p = &queue[tail++ % QUEUE];

	ck_assert_uint_le(tail - head, QUEUE);
	ck_assert_uint_le(len, DATAGRAM_MAX);
	*p = (struct packet) { .guest = g, .to_gateway = to_gateway };
	p->len = len;
	memcpy(p->bytes, datagram, len);
}

static void on_gateway_send(void *arg, const struct path *to,
			    const uint8_t *datagram, size_t len)
{
	(void)arg;
	for (size_t i = 0; i < GUESTS; i++)
		if (endpoint_equal(&guests[i].from.remote, &to->remote) &&
		    addr_equal(&guests[i].from.local, &to->local))
			enqueue(&guests[i], false, datagram, len);
}

static void on_client_send(void *arg, const uint8_t *datagram, size_t len)
{
	struct guest *g = arg;

	if (!g->mute || datagram[0] != RECORD_TYPE)
		enqueue(g, true, datagram, len);
}

static void on_new_port(void *arg)
{
	struct guest *g = arg;

	g->from.remote.port++;
}

static void on_up(void *arg, const struct lease *lease)
{
	struct guest *g = arg;
	struct keys_seed seed;

	g->up++;
	lease_fini(&g->lease);
	ck_assert_int_eq(lease_copy(lease, &g->lease), 0);
	ck_assert_int_eq(client_lane(g->client, 0, &seed), 0);
	ck_assert_int_eq(keys_tx_grow(&g->tx, &seed, KEYS_CLIENT_TO_GATEWAY),
			 0);
	ck_assert_int_eq(
		keys_rx_grow(&g->rx.keys, &seed, KEYS_GATEWAY_TO_CLIENT), 0);
	memset(&g->rx.replay, 0, sizeof(g->rx.replay));
}

static void on_reported(void *arg, const struct message_report *report)
{
	struct guest *g = arg;

	g->reports++;
	g->report = *report;
}

static void on_down(void *arg, enum reason reason, const char *text)
{
	struct guest *g = arg;

	g->down++;
	g->reason = reason;
	snprintf(g->text, sizeof(g->text), "%s", text);
}

static const struct client_callbacks callbacks = {
	.send = on_client_send,
	.new_port = on_new_port,
	.up = on_up,
	.reported = on_reported,
	.down = on_down,
};

/* Delivers until nobody has anything to say. */
static void settle(void)
{
	struct packet *p;

	while (head < tail) {
		p = &queue[head++ % QUEUE];
		if (p->to_gateway)
			gateway_sessions_input(sessions, &p->guest->from,
					       p->bytes, p->len, now_ns);
		else if (p->guest->client)
			client_input(p->guest->client, p->bytes, p->len,
				     now_ns);
	}
}

/* Moves time on by so much, timer by timer. */
static void pass_ms(uint64_t ms)
{
	const uint64_t end_ns = now_ns + ms * NS_PER_MS;
	uint64_t next_ns;

	for (settle(); now_ns < end_ns; settle()) {
		next_ns = gateway_sessions_deadline(sessions);
		for (size_t i = 0; i < GUESTS; i++)
			if (guests[i].client &&
			    client_deadline(guests[i].client) < next_ns)
				next_ns = client_deadline(guests[i].client);
		now_ns = next_ns > end_ns   ? end_ns
			 : next_ns > now_ns ? next_ns
					    : now_ns + NS_PER_MS;
		gateway_sessions_timeout(sessions, now_ns);
		for (size_t i = 0; i < GUESTS; i++)
			if (guests[i].client)
				client_timeout(guests[i].client, now_ns);
	}
}

/* The identity in a profile, as the daemon would read it. */
static struct credentials *identity_of(const char *profile)
{
	struct config_report report = { 0 };
	char why[CREDENTIALS_ERROR_MAX];
	struct credentials_source s = { 0 };
	const struct json_node *vendor, *identity;
	struct credentials *c;
	struct json *json;
	uint8_t *der;

	ck_assert_int_eq(json_parse(profile, strlen(profile), &json, &report),
			 0);
	vendor = json_find(json, "/Payload/VendorConfig");
	identity = json_member(json, vendor, "Identity");
	s.ca = json_member(json, vendor, "CA")->text;
	s.ca_len = strlen(s.ca);
	s.password = json_member(json, identity, "Password")->text;
	ck_assert_int_eq(
		base64_decode(
			json_member(json, identity, "PKCS12")->text,
			strlen(json_member(json, identity, "PKCS12")->text),
			&der, &s.pkcs12_len),
		0);
	s.pkcs12 = der;
	c = credentials_create(CREDENTIALS_CLIENT, &s, why);
	ck_assert_msg(c, "%s", why);
	free(der);
	json_destroy(json);
	return c;
}

static void add(size_t guest, const char *name)
{
	char *profile;

	ck_assert_msg(gateway_store_add(dir, name, clock_wall_s(), &profile,
					&error) == 0,
		      "%s", error.text);
	credentials_destroy(guests[guest].credentials);
	guests[guest].credentials = identity_of(profile);
	free(profile);
	gateway_sessions_reload(sessions, now_ns);
}

/* Begins a session with the credentials of `whose`. */
static struct guest *dial(size_t guest, size_t whose)
{
	struct guest *g = &guests[guest];
	struct client_options o = {
		.credentials = guests[whose].credentials,
		.server_name = "192.0.2.1",
		.lanes = 1,
	};

	client_destroy(g->client);
	g->up = g->down = 0;
	g->from.remote.port += 100;
	g->client = client_create(&o, &callbacks, g);
	ck_assert_ptr_nonnull(g->client);
	ck_assert_int_eq(client_start(g->client, now_ns), 0);
	settle();
	return g;
}

static struct peer *peer_of(const struct guest *g)
{
	return peer_table_find(table, g->lease.index);
}

static struct credentials *load_gateway_credentials(void)
{
	struct credentials_source s = { 0 };
	char why[CREDENTIALS_ERROR_MAX], *cert, *key, *ca;
	struct credentials *c;

	ck_assert_int_eq(gateway_store_read(dir, "gateway.pem", &cert,
					    &s.certificate_len, &error),
			 0);
	ck_assert_int_eq(gateway_store_read(dir, "gateway.key", &key,
					    &s.key_len, &error),
			 0);
	ck_assert_int_eq(
		gateway_store_read(dir, "ca.pem", &ca, &s.ca_len, &error), 0);
	s.certificate = cert;
	s.key = key;
	s.ca = ca;
	c = credentials_create(CREDENTIALS_GATEWAY, &s, why);
	ck_assert_msg(c, "%s", why);
	free(cert);
	free(key);
	free(ca);
	return c;
}

static void start_sessions(void)
{
	struct peer_table_config t = {
		.inner_slots = config.pool.slots,
		.pool4 = config.pool.prefix4,
		.pool6 = config.pool.prefix6,
	};
	struct gateway_sessions_config c = {
		.dir = dir,
		.config = &config,
		.credentials = gateway_credentials,
		.family = AF_INET,
		.lanes = 1,
		.send = on_gateway_send,
	};

	ck_assert_int_eq(peer_table_create(&t, &table), 0);
	c.table = table;
	ck_assert_msg(gateway_sessions_create(&c, now_ns, &sessions, &error) ==
			      0,
		      "%s", error.text);
}

static void set_up_with(enum pki_algorithm algorithm)
{
	struct gateway_init init = { .config = &config,
				     .algorithm = algorithm,
				     .now = clock_wall_s() };

	strcpy(base, "/tmp/test_sessions.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(base));
	snprintf(dir, sizeof(dir), "%s/gw", base);
	ck_assert_int_eq(wolf_init(), 0);
	gateway_config_init(&config);
	ck_assert_ptr_null(gateway_config_set_name(&config, "192.0.2.1"));
	ck_assert_ptr_null(gateway_config_set_pool(&config, "10.77.0.0/29"));
	ck_assert_ptr_null(gateway_config_set_pool6(&config, "fd00::/64"));
	ck_assert_ptr_null(gateway_config_add_route(&config, "10.0.0.0/8"));
	ck_assert_ptr_null(gateway_config_add_dns(&config, "10.0.0.53"));
	ck_assert_ptr_null(gateway_config_check(&config));
	ck_assert_msg(gateway_store_init(dir, &init, &error) == 0, "%s",
		      error.text);
	gateway_credentials = load_gateway_credentials();
	now_ns = 1000ULL * NS_PER_S;
	head = tail = 0;
	memset(guests, 0, sizeof(guests));
	for (size_t i = 0; i < GUESTS; i++) {
		ck_assert_int_eq(
			addr_parse("198.51.100.7", &guests[i].from.remote.addr),
			0);
		guests[i].from.remote.addr.bytes[3] += (uint8_t)i;
		guests[i].from.remote.port = 5000;
		ck_assert_int_eq(
			addr_parse("203.0.113.50", &guests[i].from.local), 0);
	}
	start_sessions();
}

static void set_up(void)
{
	set_up_with(PKI_ECDSA_P256);
}

static void set_up_ed25519(void)
{
	set_up_with(PKI_ED25519);
}

static void tear_down(void)
{
	char line[128];

	for (size_t i = 0; i < GUESTS; i++) {
		client_destroy(guests[i].client);
		credentials_destroy(guests[i].credentials);
		lease_fini(&guests[i].lease);
	}
	gateway_sessions_destroy(sessions);
	peer_table_destroy(table);
	credentials_destroy(gateway_credentials);
	gateway_config_fini(&config);
	snprintf(line, sizeof(line), "rm -rf %s", base);
	ck_assert_int_eq(system(line), 0);
}

START_TEST(gives_a_client_the_addresses_of_its_slot_and_the_lease)
{
	char text[PREFIX_TEXT_MAX];
	struct guest *g;

	add(1, "first");
	add(0, "laptop");
	g = dial(0, 0);
	ck_assert_msg(g->up == 1 && g->down == 0, "%s", g->text);
	ck_assert_str_eq(prefix_text(&g->lease.address4, text), "10.77.0.3/29");
	ck_assert_str_eq(prefix_text(&g->lease.address6, text), "fd00::3/64");
	ck_assert_uint_eq(g->lease.mtu, 1420);
	ck_assert_uint_eq(g->lease.lanes, 1);
	ck_assert_uint_eq(g->lease.idle_s, 24 * 3600);
	ck_assert_uint_eq(g->lease.routes.count, 1);
	ck_assert_uint_eq(g->lease.dns_count, 1);
	ck_assert_str_eq(g->lease.gateway, "192.0.2.1");
	/* And the same again. */
	pass_ms(31000);
	g = dial(1, 0);
	ck_assert_msg(g->up == 1, "%s", g->text);
	ck_assert_str_eq(prefix_text(&g->lease.address4, text), "10.77.0.3/29");
}
END_TEST

START_TEST(publishes_a_peer_whose_keys_are_the_clients)
{
	uint8_t packet[64] = { 0x45 }, record[128], out[128];
	struct record_header h;
	struct guest *g;
	struct peer *p;
	size_t len;

	add(0, "laptop");
	g = dial(0, 0);
	p = peer_of(g);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(p->inner_slot, 2);
	ck_assert_uint_eq(p->source_count, 2);
	/* It sends from the address that the client knows. */
	ck_assert_uint_gt(p->control.source_len, 0);
	/* As the worker does. */
	ck_assert_ptr_nonnull(peer_lane_use(p, 0));
	len = record_seal(&g->tx, g->lease.index, 0, 0, packet, sizeof(packet),
			  record);
	ck_assert_int_eq(record_parse(record, len, &h), RECORD_OK);
	ck_assert_int_eq(record_open(&p->lane[0].rx, &h, record, len, out),
			 RECORD_OK);
	ck_assert_mem_eq(out, packet, sizeof(packet));
	len = record_seal(&p->lane[0].tx, p->index, 0, 0, packet,
			  sizeof(packet), record);
	ck_assert_int_eq(record_parse(record, len, &h), RECORD_OK);
	ck_assert_int_eq(record_open(&g->rx, &h, record, len, out), RECORD_OK);
}
END_TEST

START_TEST(refuses_who_is_not_on_the_list)
{
	char path[128];
	struct guest *g;

	add(0, "laptop");
	snprintf(path, sizeof(path), "%s/clients/laptop.json", dir);
	ck_assert_int_eq(unlink(path), 0);
	gateway_sessions_reload(sessions, now_ns);
	g = dial(0, 0);
	ck_assert_uint_eq(g->up, 0);
	ck_assert_uint_eq(g->down, 1);
	ck_assert_int_eq(g->reason, REASON_REFUSED);
	ck_assert_msg(strstr(g->text, "not on the gateway's list"), "%s",
		      g->text);
}
END_TEST

/* A device that connects right after "adit-gateway add" was refused until the
 * gateway's next look at the list. */
START_TEST(knows_a_client_that_was_added_a_moment_ago)
{
	char path[128], away[128];

	add(0, "laptop");
	snprintf(path, sizeof(path), "%s/clients/laptop.json", dir);
	snprintf(away, sizeof(away), "%s/away", dir);
	ck_assert_int_eq(rename(path, away), 0);
	gateway_sessions_reload(sessions, now_ns);
	ck_assert_int_eq(rename(away, path), 0);
	ck_assert_uint_eq(dial(0, 0)->up, 1);
}
END_TEST

START_TEST(ends_the_session_of_a_client_that_is_revoked)
{
	struct guest *g, *other;

	add(0, "laptop");
	add(1, "phone");
	g = dial(0, 0);
	other = dial(1, 1);
	ck_assert_uint_eq(g->up + other->up, 2);
	ck_assert_int_eq(
		gateway_store_revoke(dir, "laptop", clock_wall_s(), &error), 0);
	gateway_sessions_reload(sessions, now_ns);
	settle();
	ck_assert_uint_eq(g->down, 1);
	ck_assert_msg(strstr(g->text, "revoked"), "%s", g->text);
	ck_assert_ptr_null(peer_of(g));
	ck_assert_uint_eq(other->down, 0);
	ck_assert_ptr_nonnull(peer_of(other));
	g = dial(0, 0);
	ck_assert_uint_eq(g->up, 0);
	ck_assert_msg(strstr(g->text, "revoked"), "%s", g->text);
}
END_TEST

START_TEST(refuses_a_second_session_while_the_first_answers)
{
	struct guest *first, *second;

	add(0, "laptop");
	first = dial(0, 0);
	ck_assert_uint_eq(first->up, 1);
	for (unsigned int i = 0; i < 5; i++) {
		pass_ms(2500);
		second = dial(1, 0);
		ck_assert_uint_eq(second->up, 0);
		ck_assert_int_eq(second->reason, REASON_BUSY);
		ck_assert_msg(strstr(second->text, "in use from 198.51.100.7"),
			      "%s", second->text);
		ck_assert_msg(i > 0 || strstr(second->text, "in 2 s"), "%s",
			      second->text);
		ck_assert_ptr_nonnull(peer_of(first));
	}
	/* The first one's device dies. */
	first->mute = true;
	pass_ms(2500);
	second = dial(1, 0);
	ck_assert_uint_eq(second->up, 0);
	pass_ms(500);
	second = dial(1, 0);
	ck_assert_uint_eq(second->up, 0);
	pass_ms(600);
	second = dial(1, 0);
	ck_assert_msg(second->up == 1, "%s", second->text);
	ck_assert_uint_eq(first->down, 1);
	ck_assert_msg(strstr(first->text, "newer session"), "%s", first->text);
	ck_assert_ptr_nonnull(peer_of(second));
}
END_TEST

START_TEST(replaces_at_once_a_session_that_was_silent_for_30_s)
{
	struct guest *first, *second;

	add(0, "laptop");
	first = dial(0, 0);
	ck_assert_uint_eq(first->up, 1);
	pass_ms(30500);
	second = dial(1, 0);
	ck_assert_msg(second->up == 1, "%s", second->text);
	ck_assert_uint_eq(first->down, 1);
}
END_TEST

START_TEST(lets_nobody_in_while_it_ends)
{
	struct guest *g;

	add(0, "laptop");
	gateway_sessions_end_all(sessions, now_ns);
	g = dial(0, 0);
	ck_assert_uint_eq(g->up, 0);
	ck_assert_int_eq(g->reason, REASON_GATEWAY_ENDED);
}
END_TEST

START_TEST(counts_data_as_a_sign_of_life)
{
	struct guest *first, *second;

	add(0, "laptop");
	first = dial(0, 0);
	pass_ms(29000);
	/* As the worker does. */
	atomic_store(&peer_lane_use(peer_of(first), 0)->last_rx_ns, now_ns);
	pass_ms(20000);
	second = dial(1, 0);
	ck_assert_uint_eq(second->up, 0);
	ck_assert_int_eq(second->reason, REASON_BUSY);
}
END_TEST

/* A worker goes on while the clock's reading is used. */
START_TEST(data_that_came_since_the_clock_was_read_is_a_sign_of_life)
{
	struct gateway_snapshot s = { .now = 5000 };
	struct guest *first, *second;

	add(0, "laptop");
	first = dial(0, 0);
	pass_ms(20000);
	atomic_store(&peer_lane_use(peer_of(first), 0)->last_rx_ns,
		     now_ns + NS_PER_MS);
	gateway_sessions_observe(sessions, &s);
	ck_assert_int_eq(gateway_sessions_observe_each(sessions, now_ns, &s),
			 0);
	ck_assert_uint_eq(s.session_count, 1);
	ck_assert_uint_eq(s.sessions[0].heard, 5000);
	gateway_snapshot_fini(&s);
	second = dial(1, 0);
	ck_assert_uint_eq(second->up, 0);
	ck_assert_int_eq(second->reason, REASON_BUSY);
	ck_assert_uint_eq(first->down, 0);
}
END_TEST

START_TEST(ends_a_session_whose_keys_have_seen_too_many_forgeries)
{
	struct peer_lane *lane;
	struct guest *g;

	add(0, "laptop");
	g = dial(0, 0);
	lane = peer_lane_use(peer_of(g), 0);
	ck_assert_uint_eq(peer_of(g)->seed[0].max_failures,
			  aead_aes256gcm.max_failures);
	peer_of(g)->seed[0].max_failures = 1000;
	/* As the worker does. */
	atomic_store(&lane->rx_failures, 999);
	gateway_sessions_note_traffic(sessions, now_ns);
	settle();
	ck_assert_uint_eq(g->down, 0);
	atomic_store(&lane->rx_failures, 1000);
	gateway_sessions_note_traffic(sessions, now_ns);
	settle();
	ck_assert_uint_eq(g->down, 1);
	ck_assert_int_eq(g->reason, REASON_GATEWAY_ENDED);
	ck_assert_msg(strstr(g->text, "forged"), "%s", g->text);
	ck_assert_ptr_null(peer_of(g));
	g = dial(0, 0);
	ck_assert_msg(g->up == 1, "%s", g->text);
}
END_TEST

START_TEST(reports_what_came_when_something_has)
{
	struct peer_lane *lane;
	struct guest *g;

	add(0, "laptop");
	g = dial(0, 0);
	lane = peer_lane_use(peer_of(g), 0);
	pass_ms(1000);
	gateway_sessions_note_traffic(sessions, now_ns);
	settle();
	ck_assert_uint_eq(g->reports, 0);
	atomic_store(&lane->rx_placed[RECORD_TAIL], 5);
	atomic_store(&lane->tx_placed[RECORD_ALONE], 6);
	/* Not more often than it should. */
	for (int i = 0; i < 3; i++)
		gateway_sessions_note_traffic(sessions, now_ns);
	settle();
	ck_assert_uint_eq(g->reports, 1);
	ck_assert_uint_eq(g->report.received.of[RECORD_TAIL], 5);
	ck_assert_uint_eq(g->report.sent.of[RECORD_ALONE], 6);
	pass_ms(1000);
	gateway_sessions_note_traffic(sessions, now_ns);
	settle();
	ck_assert_uint_eq(g->reports, 1);
}
END_TEST

START_TEST(heeds_what_a_client_reports_and_shows_it)
{
	struct gateway_snapshot s = { .now = 1000 };
	struct message_report report = { 0 };
	struct peer_lane *lane;
	struct guest *g;

	add(0, "laptop");
	g = dial(0, 0);
	lane = peer_lane_use(peer_of(g), 0);
	for (int i = 0; i < 4; i++) {
		counter_add(&lane->tx_placed[RECORD_AMONG], 900);
		counter_add(&lane->tx_placed[RECORD_TAIL], 100);
		report.received.of[RECORD_AMONG] += 900;
		client_report(g->client, &report);
		pass_ms(500);
	}
	ck_assert_int_eq(atomic_load(&peer_of(g)->tactic), TACTIC_ENDED);
	gateway_sessions_observe(sessions, &s);
	ck_assert_uint_eq(s.tactics_left, 1);
	ck_assert_int_eq(gateway_sessions_observe_each(sessions, now_ns, &s),
			 0);
	ck_assert_uint_eq(s.sessions[0].fallback_count, 1);
	ck_assert_uint_eq(s.sessions[0].fallbacks[0].tails_lost, 100);
	ck_assert_uint_eq(s.sessions[0].fallbacks[0].others_lost, 0);
	gateway_snapshot_fini(&s);
}
END_TEST

START_TEST(replaces_at_once_a_session_that_has_not_confirmed)
{
	struct guest *second;

	add(0, "laptop");
	guests[0].mute = true;
	(void)dial(0, 0);
	second = dial(1, 0);
	ck_assert_msg(second->up == 1, "%s", second->text);
	ck_assert_ptr_nonnull(peer_of(second));
	/* Nor does what is left of the first harm it. */
	pass_ms(15000);
	ck_assert_uint_eq(second->down, 0);
	ck_assert_ptr_nonnull(peer_of(second));
}
END_TEST

START_TEST(gives_a_revoked_address_to_its_new_owner_at_once)
{
	static const char *const names[] = { "b", "c", "d", "e" };
	struct guest *old, *heir;

	add(0, "a");
	old = dial(0, 0);
	ck_assert_uint_eq(old->up, 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		add(2, names[i]); /* all that the pool has */
	/* Revoked and given away between two looks at the list. */
	ck_assert_int_eq(gateway_store_revoke(dir, "a", clock_wall_s(), &error),
			 0);
	add(1, "f");
	heir = dial(1, 1);
	ck_assert_msg(heir->up == 1, "%s", heir->text);
	ck_assert_uint_eq(old->down, 1);
	ck_assert_uint_eq(peer_of(heir)->inner_slot, 2);
}
END_TEST

START_TEST(says_goodbye_to_everybody)
{
	struct guest *a, *b;

	add(0, "laptop");
	add(1, "phone");
	a = dial(0, 0);
	b = dial(1, 1);
	gateway_sessions_end_all(sessions, now_ns);
	settle();
	ck_assert_uint_eq(a->down + b->down, 2);
	ck_assert_int_eq(a->reason, REASON_GATEWAY_ENDED);
	ck_assert_ptr_null(peer_of(a));
	ck_assert_ptr_null(peer_of(b));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gateway_sessions");
	TCase *t = tcase_create("sessions"), *ed = tcase_create("ed25519");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t,
		       gives_a_client_the_addresses_of_its_slot_and_the_lease);
	tcase_add_test(t, publishes_a_peer_whose_keys_are_the_clients);
	tcase_add_test(t, refuses_who_is_not_on_the_list);
	tcase_add_test(t, knows_a_client_that_was_added_a_moment_ago);
	tcase_add_test(t, ends_the_session_of_a_client_that_is_revoked);
	tcase_add_test(t, refuses_a_second_session_while_the_first_answers);
	tcase_add_test(t, replaces_at_once_a_session_that_was_silent_for_30_s);
	tcase_add_test(t, lets_nobody_in_while_it_ends);
	tcase_add_test(t, counts_data_as_a_sign_of_life);
	tcase_add_test(
		t, data_that_came_since_the_clock_was_read_is_a_sign_of_life);
	tcase_add_test(t,
		       ends_a_session_whose_keys_have_seen_too_many_forgeries);
	tcase_add_test(t, reports_what_came_when_something_has);
	tcase_add_test(t, heeds_what_a_client_reports_and_shows_it);
	tcase_add_test(t, replaces_at_once_a_session_that_has_not_confirmed);
	tcase_add_test(t, gives_a_revoked_address_to_its_new_owner_at_once);
	tcase_add_test(t, says_goodbye_to_everybody);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(ed, set_up_ed25519, tear_down);
	tcase_add_test(ed, publishes_a_peer_whose_keys_are_the_clients);
	suite_add_tcase(s, ed);
	return suite_run(s);
}
