/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * static_tunnel DEV LOCAL REMOTE SECRET client|gateway [--shift N]
 *
 * The packet path by itself: the real worker between a TUN device and a UDP
 * socket, with a secret from the command line (64 hex digits) in the place of
 * a handshake's. SIGUSR1 prints what was counted, SIGTERM too, and ends it.
 * For tests and measurements; there is no session in it and no safety.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "tunnel/data/tun.h"
#include "tunnel/data/udp.h"
#include "tunnel/data/worker.h"

enum {
	INDEX = 0x5ad10007,
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "static_tunnel: %s: %s\n", what, why);
	exit(1);
}

static void parse_secret(const char *hex, uint8_t *ret_secret)
{
	if (strlen(hex) != 2 * KEYS_SECRET_LEN)
		die(hex, "not 64 hex digits");
	for (size_t i = 0; i < KEYS_SECRET_LEN; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &ret_secret[i]) != 1)
			die(hex, "not hex");
}

static void print_counts(const struct worker *w)
{
	const struct counters *c = worker_counters(w);
	struct rusage u;

	for (enum counter i = 0; i < COUNTER_COUNT; i++)
		printf("%s %llu\n", counter_name(i),
		       (unsigned long long)counter_get(&c->of[i]));
	getrusage(RUSAGE_SELF, &u);
	printf("cpu_us %lld\n",
	       (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL +
		       u.ru_utime.tv_usec + u.ru_stime.tv_usec);
	printf("end\n");
	fflush(stdout);
}

static struct peer *make_peer(char **argv, uint8_t shift, int family)
{
	struct ip_prefix all[] = { { .addr.family = AF_INET },
				   { .addr.family = AF_INET6 } };
	struct peer_config c = {
		.index = INDEX,
		.lanes = 1,
		.sources = all,
		.source_count = ARRAY_SIZE(all),
	};
	uint8_t secret[KEYS_SECRET_LEN];
	struct endpoint remote;
	struct keys keys;
	struct peer *p;

	parse_secret(argv[4], secret);
	if (endpoint_parse(argv[3], &remote) < 0)
		die(argv[3], "not an address and port");
	c.remote_len = udp_sockaddr(&remote, family, &c.remote);
	if (c.remote_len == 0)
		die(argv[3], "of another family than the local address");
	if (strcmp(argv[5], "client") == 0)
		c.send = KEYS_CLIENT_TO_GATEWAY;
	else if (strcmp(argv[5], "gateway") == 0)
		c.send = KEYS_GATEWAY_TO_CLIENT;
	else
		die(argv[5], "neither client nor gateway");
	keys_init(&keys, aead_by_name("AES-256-GCM"), secret);
	keys.shift = shift;
	c.keys = &keys;
	if (peer_create(&c, &p) < 0)
		die("peer", "out of memory");
	keys_fini(&keys);
	return p;
}

/* Until SIGTERM or SIGINT. */
static void serve(struct worker *w)
{
	struct signalfd_siginfo info;
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	p[0].fd = signalfd(-1, &set, SFD_CLOEXEC);
	p[1].fd = worker_event_fd(w);
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			die("poll", strerror(errno));
		if (p[1].revents) {
			worker_event_clear(w);
			while (worker_stray_next(w) != NULL)
				worker_stray_done(w);
			if (worker_state(w) == WORKER_TUN_LOST)
				die("device", "gone");
		}
		if (!p[0].revents)
			continue;
		if (read(p[0].fd, &info, sizeof(info)) != sizeof(info))
			die("signalfd", strerror(errno));
		if (info.ssi_signo != SIGUSR1)
			return;
		print_counts(w);
	}
}

int main(int argc, char **argv)
{
	struct peer_table_config table_config = { .inner_slots = 0 };
	struct worker_config config = { .lane = 0 };
	struct udp_options options = { .lanes = 1 };
	struct udp_sockets sockets;
	struct peer_table *table;
	struct worker *worker;
	struct tun tun;
	struct peer *peer;
	int r;

	if (argc != 6 && !(argc == 8 && strcmp(argv[6], "--shift") == 0)) {
		fprintf(stderr, "usage: static_tunnel DEV LOCAL REMOTE SECRET "
				"client|gateway [--shift N]\n");
		return 2;
	}
	if (endpoint_parse(argv[2], &options.local) < 0)
		die(argv[2], "not an address and port");
	peer = make_peer(argv,
			 argc == 8 ? (uint8_t)atoi(argv[7]) : KEYS_EPOCH_SHIFT,
			 options.local.addr.family);
	r = tun_open(argv[1], false, &tun);
	if (r < 0)
		die(argv[1], tun_error_text(r));
	r = udp_open(&options, &sockets);
	if (r < 0)
		die(argv[2], strerror(-r));
	config.tun_fd = tun.queue[0];
	config.uso = tun.uso;
	r = peer_table_create(&table_config, &table);
	if (r < 0)
		die("table", strerror(-r));
	config.table = table;
	r = worker_create(&config, &worker);
	if (r < 0)
		die("worker", strerror(-r));
	worker_set_socket(worker, 0, sockets.lane[0][0]);
	sockets.lane[0][0] = -1;
	if (peer_table_publish(table, peer) < 0 || worker_start(worker) < 0)
		die("worker", "did not start");
	serve(worker);
	worker_stop(worker);
	print_counts(worker);
	worker_destroy(worker);
	peer_table_destroy(table);
	udp_close(&sockets);
	tun_close(&tun);
	return 0;
}
