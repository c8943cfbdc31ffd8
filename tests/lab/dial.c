/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dial PROFILE DEV [ADDRESS]
 *
 * A client without a daemon: dials the profile's gateway (an address), or
 * ADDRESS in its place, and joins the TUN device DEV to it. Prints "up IPV4
 * IPV6 MTU" with what the lease gives, or "down REASON: text"; the device's
 * addresses and routes are the caller's. SIGTERM says BYE and ends it. For
 * tests of a gateway; it changes nothing on the host.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "config/profile.h"
#include "crypto/client.h"
#include "crypto/credentials.h"
#include "crypto/wolf.h"
#include "tunnel/base/clock.h"
#include "tunnel/data/peer.h"
#include "tunnel/data/tun.h"
#include "tunnel/data/udp.h"
#include "tunnel/data/worker.h"

struct dial {
	struct endpoint gateway;
	struct client *client;
	struct udp_sockets sockets;
	struct tun tun;
	struct peer_table *table;
	struct worker *worker;
	bool down;
	uint8_t buffer[UDP_RECEIVE_MAX];
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "dial: %s: %s\n", what, why);
	exit(1);
}

static void open_sockets(struct dial *d)
{
	struct udp_options o = { .lanes = 1 };
	int rc;

	o.local.addr.family = d->gateway.addr.family;
	rc = udp_open(&o, &d->sockets);
	if (rc)
		die("socket", strerror(-rc));
}

static void on_send(void *arg, const uint8_t *datagram, size_t len)
{
	struct dial *d = arg;
	struct sockaddr_storage sa;
	socklen_t sa_len =
		udp_sockaddr(&d->gateway, d->gateway.addr.family, &sa);

	(void)sendto(d->sockets.control, datagram, len, 0,
		     (struct sockaddr *)&sa, sa_len);
}

static void on_new_port(void *arg)
{
	struct dial *d = arg;

	if (d->sockets.control >= 0)
		udp_close(&d->sockets);
	open_sockets(d);
}

static void on_up(void *arg, const struct lease *lease)
{
	struct ip_prefix all[] = { { .addr.family = AF_INET },
				   { .addr.family = AF_INET6 } };
	struct dial *d = arg;
	struct peer_config c = {
		.index = lease->index,
		.lanes = lease->lanes,
		.send = KEYS_CLIENT_TO_GATEWAY,
		.sources = all,
		.source_count = ARRAY_SIZE(all),
	};
	char a4[PREFIX_TEXT_MAX], a6[PREFIX_TEXT_MAX];
	struct peer *p;

	c.remote_len =
		udp_sockaddr(&d->gateway, d->gateway.addr.family, &c.remote);
	if (peer_create(&c, &p))
		die("peer", "cannot be made");
	for (unsigned int i = 0; i < p->lanes; i++)
		if (client_lane(d->client, (uint8_t)i, &p->seed[i]))
			die("lane", "has no keys");
	if (peer_table_publish(d->table, p))
		die("peer", "cannot be published");
	worker_set_socket(d->worker, 0, d->sockets.lane[0][0]);
	d->sockets.lane[0][0] = -1;
	if (worker_start(d->worker))
		die("worker", "does not start");
	printf("up %s %s %u\n", prefix_text(&lease->address4, a4),
	       prefix_text(&lease->address6, a6), lease->mtu);
	fflush(stdout);
}

static void on_down(void *arg, enum reason reason, const char *text)
{
	struct dial *d = arg;

	printf("down %s: %s\n", reason_code(reason), text);
	fflush(stdout);
	d->down = true;
}

static const struct client_callbacks callbacks = {
	.send = on_send,
	.new_port = on_new_port,
	.up = on_up,
	.down = on_down,
};

static void receive(struct dial *d)
{
	size_t segment, len;
	struct path from;
	int n;

	while ((n = udp_receive(d->sockets.control, d->buffer,
				sizeof(d->buffer), &from, &segment)) >= 0) {
		for (size_t at = 0; at < (size_t)n; at += segment) {
			len = (size_t)n - at < segment ? (size_t)n - at
						       : segment;
			client_input(d->client, d->buffer + at, len,
				     clock_now_ns());
		}
	}
}

static int wait_ms(const struct dial *d)
{
	uint64_t at = client_deadline(d->client), now = clock_now_ns();

	if (at == CLOCK_NEVER)
		return -1;
	return at > now ? (int)((at - now + NS_PER_MS - 1) / NS_PER_MS) : 0;
}

static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Until a signal and the last BYE, or until the session is down. */
static void serve(struct dial *d, int signals)
{
	bool closing = false;

	while (!d->down && !(closing && client_closed(d->client))) {
		struct pollfd p[] = {
			{ .fd = closing ? -1 : signals, .events = POLLIN },
			{ .fd = d->sockets.control, .events = POLLIN },
			{ .fd = worker_event_fd(d->worker), .events = POLLIN },
		};

		if (poll(p, ARRAY_SIZE(p), wait_ms(d)) < 0 && errno != EINTR)
			die("poll", strerror(errno));
		if (p[0].revents) {
			closing = true;
			client_close(d->client, clock_now_ns());
		}
		if (p[1].revents)
			receive(d);
		if (p[2].revents) {
			worker_event_clear(d->worker);
			while (worker_stray_next(d->worker))
				worker_stray_done(d->worker);
		}
		client_timeout(d->client, clock_now_ns());
	}
}

static struct credentials *load(struct dial *d, const char *path)
{
	struct config_report report = { 0 };
	char why[CREDENTIALS_ERROR_MAX];
	struct credentials_source source;
	struct credentials *c;
	struct profile *profile;

	if (profile_load(path, PROFILE_FOR_USE, &profile, &report)) {
		config_report_print(&report, path, stderr);
		exit(2);
	}
	if (addr_parse(profile->host_name, &d->gateway.addr))
		die(profile->host_name, "not an address");
	d->gateway.port = profile->port;
	profile_credentials(profile, &source);
	c = credentials_create(CREDENTIALS_CLIENT, &source, why);
	if (!c)
		die(path, why);
	profile_destroy(profile);
	return c;
}

int main(int argc, char **argv)
{
	struct dial *d = calloc(1, sizeof(*d));
	struct peer_table_config t = { .inner_slots = 0 };
	struct worker_config w = { .lane = 0 };
	struct client_options o = { .lanes = 1 };
	struct credentials *credentials;
	char name[ADDR_TEXT_MAX];
	int rc, signals = block_signals();

	if (argc < 3 || argc > 4 || !d || wolf_init()) {
		fprintf(stderr, "usage: dial PROFILE DEV [ADDRESS]\n");
		return 2;
	}
	credentials = load(d, argv[1]);
	o.server_name = addr_text(&d->gateway.addr, name);
	if (argc == 4 && addr_parse(argv[3], &d->gateway.addr))
		die(argv[3], "not an address");
	d->sockets.control = -1;
	open_sockets(d);
	rc = tun_open(argv[2], false, &d->tun);
	if (rc)
		die(argv[2], tun_error_text(rc));
	w.tun_fd = d->tun.queue[0];
	w.uso = d->tun.uso;
	if (peer_table_create(&t, &d->table))
		die("table", "out of memory");
	w.table = d->table;
	if (worker_create(&w, &d->worker))
		die("worker", "out of memory");
	o.credentials = credentials;
	d->client = client_create(&o, &callbacks, d);
	if (!d->client || client_start(d->client, clock_now_ns()))
		die("client", "does not start");
	serve(d, signals);
	rc = d->down ? 1 : 0;
	worker_destroy(d->worker);
	peer_table_destroy(d->table);
	client_destroy(d->client);
	credentials_destroy(credentials);
	udp_close(&d->sockets);
	tun_close(&d->tun);
	free(d);
	return rc;
}
