/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/path_world.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tunnel/base/attr.h"
#include "tunnel/base/bytes.h"
#include "tunnel/data/csum.h"

struct tx tx;
struct rx rx;
int udp;
struct counters counters;
struct peer *client, *gateway;
struct peer_table *client_table, *gateway_table;
struct udp_sockets client_sockets, gateway_sockets, road;
int client_tun[2], gateway_tun[2];
struct taken taken[ROAD_MAX];
static uint8_t shift;

uint64_t count(enum counter c)
{
	return counter_get(&counters.of[c]);
}

static void open_loopback(struct udp_sockets *s)
{
	struct udp_options o = { .lanes = 1 };

	ck_assert_int_eq(addr_parse("127.0.0.1", &o.local.addr), 0);
	ck_assert_int_eq(udp_open(&o, s), 0);
}

static struct peer *new_peer(enum keys_direction send, uint16_t port,
			     const char *source)
{
	static const uint8_t secret[KEYS_SECRET_LEN] = { 9 };
	struct endpoint e = { .port = port };
	struct ip_prefix sources[2];
	struct peer_config c = {
		.index = INDEX,
		.lanes = 1,
		.send = send,
		.sources = sources,
		.source_count = 2,
	};
	struct keys keys;
	struct peer *p;

	ck_assert_int_eq(addr_parse("127.0.0.1", &e.addr), 0);
	c.remote_len = udp_sockaddr(&e, AF_INET, &c.remote);
	ck_assert_int_eq(prefix_parse(source, &sources[0]), 0);
	ck_assert_int_eq(prefix_parse("fd77::2", &sources[1]), 0);
	keys_init(&keys, &aead_aes256gcm, secret);
	keys.shift = shift;
	c.keys = &keys;
	ck_assert_int_eq(peer_create(&c, &p), 0);
	return p;
}

void setup_with(uint8_t epoch_shift)
{
	struct peer_table_config c = { .inner_slots = 0 };

	shift = epoch_shift;
	srandom(3);
	open_loopback(&client_sockets);
	open_loopback(&gateway_sockets);
	open_loopback(&road);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
				    client_tun),
			 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
				    gateway_tun),
			 0);
	ck_assert_int_eq(peer_table_create(&c, &client_table), 0);
	ck_assert_int_eq(peer_table_create(&c, &gateway_table), 0);
	/* What the client sends to goes by the road. */
	gateway = new_peer(KEYS_CLIENT_TO_GATEWAY, road.port, "0.0.0.0/0");
	ck_assert_ptr_nonnull(peer_lane_use(gateway, 0));
	client = new_peer(KEYS_GATEWAY_TO_CLIENT, road.port, "10.77.0.2");
	ck_assert_int_eq(peer_table_publish(client_table, gateway), 0);
	ck_assert_int_eq(peer_table_publish(gateway_table, client), 0);

	memset(&counters, 0, sizeof(counters));
	memset(&rx, 0, sizeof(rx));
	memset(&tx, 0, sizeof(tx));
	tx.tun = client_tun[1];
	tx.udp = client_sockets.lane[0][0];
	tx.table = client_table;
	tx.counters = rx.counters = &counters;
	rx.tun = gateway_tun[1];
	rx.lanes = 1;
	rx.table = gateway_table;
	rx_init(&rx, true);
	udp = gateway_sockets.lane[0][0];
}

void setup(void)
{
	setup_with(KEYS_EPOCH_SHIFT);
}

void teardown(void)
{
	peer_table_destroy(client_table);
	peer_table_destroy(gateway_table);
	udp_close(&client_sockets);
	udp_close(&gateway_sockets);
	udp_close(&road);
	for (int i = 0; i < 2; i++) {
		close(client_tun[i]);
		close(gateway_tun[i]);
	}
}

size_t build_udp(uint8_t *p, uint32_t number, size_t payload)
{
	size_t len = 28 + payload;

	memset(p, 0, len);
	p[0] = 0x45;
	store_be16(p + 2, (uint16_t)len);
	store_be16(p + 6, 0x4000);
	p[8] = 64;
	p[9] = IPPROTO_UDP;
	memcpy(p + 12, "\x0a\x4d\x00\x02\x0a\x4d\x00\x01", 8);
	csum_ipv4_header(p, 20);
	store_be16(p + 20, 1111);
	store_be16(p + 22, 2222);
	store_be16(p + 24, (uint16_t)(8 + payload));
	store_be32(p + 28, number);
	return len;
}

void give(const struct gso_vnet *h, const uint8_t *p, size_t len)
{
	uint8_t buf[GSO_VNET_LEN + 65535];

	memcpy(buf, h, sizeof(*h));
	memcpy(buf + sizeof(*h), p, len);
	ck_assert_int_eq(write(client_tun[0], buf, sizeof(*h) + len),
			 (ssize_t)(sizeof(*h) + len));
}

void give_udp(uint32_t number, size_t payload)
{
	static const struct gso_vnet none;
	uint8_t p[2000];

	give(&none, p, build_udp(p, number, payload));
}

size_t take_road(void)
{
	static uint8_t buf[UDP_RECEIVE_MAX];
	struct path from;
	size_t n = 0, segment;
	int len;

	while ((len = udp_receive(road.lane[0][0], buf, sizeof(buf), &from,
				  &segment)) >= 0)
		for (size_t at = 0; at < (size_t)len; at += segment) {
			size_t part = (size_t)len - at;

			if (part > segment)
				part = segment;
			ck_assert_uint_lt(n, ROAD_MAX);
			ck_assert_uint_le(part, sizeof(taken[0].bytes));
			memcpy(taken[n].bytes, buf + at, part);
			taken[n++].len = part;
		}
	return n;
}

void post(const uint8_t *p, size_t len)
{
	struct endpoint e = { .port = gateway_sockets.port };
	struct sockaddr_storage to;
	socklen_t to_len;

	ck_assert_int_eq(addr_parse("127.0.0.1", &e.addr), 0);
	to_len = udp_sockaddr(&e, AF_INET, &to);
	ck_assert_int_eq(
		sendto(road.control, p, len, 0, (struct sockaddr *)&to, to_len),
		(int)len);
}

void deliver(const uint8_t *p, size_t len)
{
	post(p, len);
	ck_assert_int_eq(rx_pump(&rx, udp, 5), 0);
}

ssize_t arrived(uint8_t *buf, size_t size)
{
	return recv(gateway_tun[0], buf, size, MSG_DONTWAIT);
}

size_t build_tcp(uint8_t *p, size_t payload)
{
	size_t len = 40 + payload;

	memset(p, 0, len);
	p[0] = 0x45;
	store_be16(p + 2, (uint16_t)len);
	store_be16(p + 6, 0x4000);
	p[8] = 64;
	p[9] = IPPROTO_TCP;
	memcpy(p + 12, "\x0a\x4d\x00\x02\x0a\x4d\x00\x01", 8);
	csum_ipv4_header(p, 20);
	p[32] = 0x50;
	p[33] = 0x10;
	store_be16(p + 36, csum_fold(csum_pseudo(p, IPPROTO_TCP, len - 20)));
	for (size_t i = 40; i < len; i++)
		p[i] = (uint8_t)random();
	return len;
}
