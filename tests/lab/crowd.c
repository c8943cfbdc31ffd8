/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crowd issue DIR COUNT FILE
 * crowd run FILE FIRST COUNT GATEWAY NAME
 *
 * Many clients in one process, each with a certificate and a UDP socket of its
 * own. `issue` makes the certificates with the CA in the gateway's DIR, puts
 * the clients on its list, and leaves the identities in FILE. `run` takes COUNT
 * of them, for the gateway NAME at the address GATEWAY, says "ready", and does
 * what standard input says, a line each:
 *
 *   dial INFLIGHT       all connect, so many at a time
 *   ping ROUNDS MS      each client sends ROUNDS inner pings, MS apart
 *   flood SECONDS BYTES the first client sends packets of BYTES, as many as go
 *   bye                 all leave; so they do at the end of the input
 *
 * Each ends with a line that says how it went. Meanwhile whatever the gateway
 * asks is answered. One thread, nothing on the host changes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/client.h"
#include "crypto/credentials.h"
#include "crypto/pki.h"
#include "crypto/wolf.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"
#include "tunnel/data/csum.h"
#include "tunnel/data/lane.h"
#include "tunnel/gateway/gateway_clients.h"
#include "tunnel/gateway/gateway_store.h"
#include "tunnel/gateway/gateway_store_json.h"

enum {
	PORT = 443,
	DAY_S = 24 * 3600,
	DATAGRAM_MAX = 2048,
	BATCH = 64,
	EVENTS = 256,
	SWEEP_MS = 50,	     /* how often all clients' timers are looked at */
	ALL_UP_MS = 600000,  /* patience */
	LAST_ECHO_MS = 3000, /* for what is still under way */
	DIAL_MS = 30000,     /* for one client */
	DESCRIPTORS_SPARE = 64, /* beside the clients' sockets */
	PING_LEN = 20 + 8 + 8,	/* IPv4, ICMP, when it was sent */
	BYES_MS = 1000,
};

enum stage {
	STAGE_WAITING,
	STAGE_DIALING,
	STAGE_UP,
	STAGE_FAILED,
	STAGE_GONE, /* it was up, and is not any more */
};

struct guest {
	struct crowd *crowd; /* borrowed */
	struct client *client;
	struct credentials *credentials;
	int fd;
	enum stage stage;
	uint64_t began_ns, answered_ns, up_ns;
	uint32_t index, own, gateway; /* session; inner addresses */
	struct keys_tx tx;
	unsigned int lanes;
	struct keys_seed seed[LANES_USUAL]; /* of what comes */
	struct record_rx *rx[LANES_USUAL];  /* NULL: nothing came yet */
};

struct crowd {
	struct sockaddr_in to;
	const char *name;
	int epoll;
	struct guest *guest;
	size_t count, started, dialing, up, failed;
	char why[CLIENT_TEXT_MAX]; /* of the failure that came last */
	char ca[PKI_PEM_MAX];

	uint64_t *rtt_ns; /* of inner pings */
	size_t pings, pongs, pongs_max;
};

static uint64_t ms_ns(uint64_t ms)
{
	return ms * NS_PER_MS;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "crowd: %s: %s\n", what, why);
	exit(1);
}

static void *allocate(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		die("memory", "there is none left");
	return p;
}

/* issue */

static void write_client(int clients, const struct gateway_config *config,
			 const struct pki_identity *id, const char *name,
			 uint32_t slot, int64_t now)
{
	struct gateway_client c = { .slot = slot,
				    .added = now,
				    .expires = now + DAY_S };
	char file[GATEWAY_CLIENT_NAME_MAX + 8], *text;
	int fd;

	if (!gateway_pool_has(&config->pool, slot))
		die(name, "the pool is too small");
	snprintf(c.name, sizeof(c.name), "%s", name);
	for (size_t i = 0; i < PKI_SERIAL_LEN; i++)
		snprintf(c.serial + 2 * i, 3, "%02x", id->serial[i]);
	if (pki_fingerprint(id, c.fingerprint))
		die(name, "no fingerprint");
	text = gateway_client_print(&c);
	snprintf(file, sizeof(file), "%s.json", name);
	/* Not folder_write, which waits for the disk each time. */
	fd = openat(clients, file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (text == NULL || fd < 0 ||
	    write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die(file, strerror(errno));
	close(fd);
	free(text);
}

static void issue_one(const struct pki_identity *ca,
		      const struct gateway_config *config, int clients,
		      uint32_t slot, FILE *to)
{
	const int64_t now = clock_wall_s();
	char name[GATEWAY_CLIENT_NAME_MAX + 1];
	struct pki_request r = { .use = PKI_CLIENT,
				 .algorithm = PKI_ECDSA_P256,
				 .name = name,
				 .not_before = now - DAY_S,
				 .not_after = now + DAY_S };
	struct pki_identity id = { 0 };

	snprintf(name, sizeof(name), "crowd-%05u", slot);
	if (pki_issue(&r, ca, &id))
		die(name, "no certificate");
	write_client(clients, config, &id, name, slot, now);
	if (fwrite(&id, sizeof(id), 1, to) != 1)
		die("write", strerror(errno));
	pki_wipe(&id);
}

static void issue(const char *dir, size_t count, const char *file)
{
	struct gateway_error error = { .text = "" };
	char *certificate, *key, path[GATEWAY_PATH_MAX];
	char ca_pem[PKI_PEM_MAX] = { 0 };
	struct gateway_config config;
	struct pki_identity ca;
	FILE *to = fopen(file, "w");
	size_t len;
	int clients;

	snprintf(path, sizeof(path), "%s/clients", dir);
	clients = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to == NULL || clients < 0)
		die(to == NULL ? file : path, strerror(errno));
	if (gateway_store_config(dir, &config, &error) ||
	    gateway_store_read(dir, "ca.pem", &certificate, &len, &error) ||
	    gateway_store_read(dir, "ca.key", &key, &len, &error))
		die(dir, error.text);
	if (pki_parse(certificate, key, &ca))
		die(dir, "its CA cannot be read");
	snprintf(ca_pem, sizeof(ca_pem), "%s", certificate);
	if (fwrite(ca_pem, sizeof(ca_pem), 1, to) != 1)
		die("write", strerror(errno));
	/* Behind the slots of those who were added by name. */
	for (size_t i = 0; i < count; i++)
		issue_one(&ca, &config, clients,
			  (uint32_t)(config.pool.slots - 2 - i), to);
	pki_wipe(&ca);
	free(certificate);
	free(key);
	gateway_config_fini(&config);
	close(clients);
	if (fclose(to))
		die(file, strerror(errno));
}

/* Dialing. */

static void on_send(void *arg, const uint8_t *datagram, size_t len)
{
	struct guest *g = arg;

	/* What the kernel has no room for is lost, as on any network. */
	(void)send(g->fd, datagram, len, MSG_DONTWAIT);
}

static void open_socket(struct guest *g)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = g };

	g->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (g->fd < 0 ||
	    connect(g->fd, (const struct sockaddr *)&g->crowd->to,
		    sizeof(g->crowd->to)) < 0 ||
	    epoll_ctl(g->crowd->epoll, EPOLL_CTL_ADD, g->fd, &e) < 0)
		die("socket", strerror(errno));
}

static void on_new_port(void *arg)
{
	struct guest *g = arg;

	if (g->fd >= 0)
		close(g->fd);
	open_socket(g);
}

static void on_up(void *arg, const struct lease *lease)
{
	struct guest *g = arg;
	struct ip_prefix base = prefix_masked(&lease->address4);

	g->lanes = lease->lanes < LANES_USUAL ? lease->lanes : LANES_USUAL;
	for (unsigned int i = 0; i < g->lanes; i++)
		if (client_lane(g->client, (uint8_t)i, &g->seed[i]))
			die("lane", "has no keys");
	if (keys_tx_grow(&g->tx, &g->seed[0], KEYS_CLIENT_TO_GATEWAY))
		die("lane", "cannot be made");
	g->index = lease->index;
	g->own = load_be32(lease->address4.addr.bytes);
	g->gateway = load_be32(base.addr.bytes) + 1;
	g->up_ns = clock_now_ns();
	g->stage = STAGE_UP;
	g->crowd->dialing--;
	g->crowd->up++;
}

static void on_down(void *arg, enum reason reason, const char *text)
{
	struct guest *g = arg;
	struct crowd *c = g->crowd;

	snprintf(c->why, sizeof(c->why), "%s: %s", reason_code(reason), text);
	if (g->stage == STAGE_DIALING) {
		c->dialing--;
		c->failed++;
		g->stage = STAGE_FAILED;
	} else {
		c->up--;
		g->stage = STAGE_GONE;
	}
}

static const struct client_callbacks callbacks = {
	.send = on_send,
	.new_port = on_new_port,
	.up = on_up,
	.down = on_down,
};

static void load_guest(struct crowd *c, struct guest *g,
		       struct pki_identity *id)
{
	char certificate[PKI_PEM_MAX], key[PKI_PEM_MAX];
	char why[CREDENTIALS_ERROR_MAX];
	struct credentials_source s = { .certificate = certificate,
					.key = key,
					.ca = c->ca,
					.ca_len = strlen(c->ca) };
	struct client_options o = { .server_name = c->name,
				    .lanes = 1,
				    .timeout_ns = ms_ns(DIAL_MS) };

	if (pki_certificate_pem(id, certificate) || pki_key_pem(id, key))
		die("identity", "cannot be read");
	s.certificate_len = strlen(certificate);
	s.key_len = strlen(key);
	g->crowd = c;
	g->fd = -1;
	g->credentials = credentials_create(CREDENTIALS_CLIENT, &s, why);
	if (g->credentials == NULL)
		die("identity", why);
	o.credentials = g->credentials;
	g->client = client_create(&o, &callbacks, g);
	if (g->client == NULL)
		die("client", "out of memory");
	pki_wipe(id);
}

static void load(struct crowd *c, const char *file, size_t first)
{
	FILE *from = fopen(file, "r");
	struct pki_identity id;

	if (from == NULL || fread(c->ca, sizeof(c->ca), 1, from) != 1 ||
	    fseek(from, (long)(first * sizeof(id)), SEEK_CUR))
		die(file, strerror(errno));
	c->guest = allocate(c->count, sizeof(*c->guest));
	for (size_t i = 0; i < c->count; i++) {
		if (fread(&id, sizeof(id), 1, from) != 1)
			die(file, "holds fewer identities");
		load_guest(c, &c->guest[i], &id);
	}
	fclose(from);
}

static void start_one(struct crowd *c)
{
	struct guest *g = &c->guest[c->started++];

	g->stage = STAGE_DIALING;
	c->dialing++;
	open_socket(g);
	g->began_ns = clock_now_ns();
	if (client_start(g->client, g->began_ns))
		die("client", "does not start");
}

/* The loop. */

/* Memory for a lane when something comes on it, as the gateway has it. */
static struct record_rx *rx_of(struct guest *g, unsigned int lane)
{
	struct record_rx *rx = lane < g->lanes ? g->rx[lane] : NULL;

	if (rx != NULL || lane >= g->lanes)
		return rx;
	rx = calloc(1, sizeof(*rx));
	if (rx == NULL ||
	    keys_rx_grow(&rx->keys, &g->seed[lane], KEYS_GATEWAY_TO_CLIENT))
		die("lane", "cannot be made");
	return g->rx[lane] = rx;
}

static void forget_lanes(struct guest *g)
{
	for (unsigned int i = 0; i < g->lanes; i++) {
		keys_seed_fini(&g->seed[i]);
		if (g->rx[i] != NULL)
			keys_rx_fini(&g->rx[i]->keys);
		free(g->rx[i]);
	}
}

static void take_record(struct guest *g, const struct record_header *h,
			const uint8_t *datagram, size_t len, uint64_t now_ns)
{
	struct crowd *c = g->crowd;
	uint8_t inner[DATAGRAM_MAX];
	struct record_rx *rx;

	if (g->stage != STAGE_UP || (rx = rx_of(g, h->lane)) == NULL ||
	    record_open(rx, h, datagram, len, inner) != RECORD_OK)
		return;
	/* The gateway's kernel answers what ping() has sent. */
	if (len - RECORD_OVERHEAD == PING_LEN && inner[9] == IPPROTO_ICMP &&
	    inner[20] == 0 && c->pongs < c->pongs_max)
		c->rtt_ns[c->pongs++] = now_ns - load_be64(inner + 28);
}

static void receive(struct guest *g, uint64_t now_ns)
{
	uint8_t datagram[DATAGRAM_MAX];
	struct record_header h;
	ssize_t n;

	for (int i = 0; i < BATCH; i++) {
		n = recv(g->fd, datagram, sizeof(datagram), MSG_DONTWAIT);
		if (n <= 0) /* an error is one datagram's: an ICMP answer */
			return;
		if (g->answered_ns == 0)
			g->answered_ns = now_ns;
		if (record_parse(datagram, (size_t)n, &h) == RECORD_OK &&
		    h.lane != RECORD_LANE_CONTROL)
			take_record(g, &h, datagram, (size_t)n, now_ns);
		else
			client_input(g->client, datagram, (size_t)n, now_ns);
	}
}

static void timers(struct crowd *c)
{
	uint64_t now_ns = clock_now_ns();

	for (size_t i = 0; i < c->started; i++)
		if (client_deadline(c->guest[i].client) <= now_ns)
			client_timeout(c->guest[i].client, now_ns);
}

/* One turn of at most `ms`; timers are looked at each SWEEP_MS. */
static void turn(struct crowd *c, int ms, uint64_t *sweep_ns)
{
	struct epoll_event e[EVENTS];
	int n = epoll_wait(c->epoll, e, EVENTS, ms);
	uint64_t now_ns = clock_now_ns();

	for (int i = 0; i < n; i++)
		receive(e[i].data.ptr, now_ns);
	if (now_ns < *sweep_ns)
		return;
	timers(c);
	*sweep_ns = now_ns + ms_ns(SWEEP_MS);
}

static void run_for(struct crowd *c, uint64_t ms)
{
	uint64_t until_ns = clock_now_ns() + ms_ns(ms), sweep_ns = 0;

	while (clock_now_ns() < until_ns)
		turn(c, 1, &sweep_ns);
}

static int compare_ns(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* " WHAT-MEDIAN WHAT-99-PERCENT" in microseconds; sorts. */
static void print_spread(uint64_t *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), compare_ns);
	printf(" %llu %llu", (unsigned long long)(n > 0 ? ns[n / 2] / 1000 : 0),
	       (unsigned long long)(n > 0 ? ns[n - 1 - n / 100] / 1000 : 0));
}

static uint64_t cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* "up N failed N ms N cpu_ms N cookie_us MEDIAN P99 up_us MEDIAN P99". */
static void dial_all(struct crowd *c, size_t inflight)
{
	uint64_t began_ns = clock_now_ns(), cpu = cpu_ms(), sweep_ns = 0;
	uint64_t *cookie = allocate(c->count, sizeof(*cookie));
	uint64_t *up = allocate(c->count, sizeof(*up));
	size_t n = 0;

	while (c->up + c->failed < c->count) {
		while (c->started < c->count && c->dialing < inflight)
			start_one(c);
		turn(c, 5, &sweep_ns);
		if (clock_now_ns() - began_ns > ms_ns(ALL_UP_MS))
			die("dial", "it takes too long");
	}
	for (size_t i = 0; i < c->count; i++) {
		const struct guest *g = &c->guest[i];

		if (g->stage != STAGE_UP)
			continue;
		cookie[n] = g->answered_ns - g->began_ns;
		up[n++] = g->up_ns - g->began_ns;
	}
	printf("up %zu failed %zu ms %llu cpu_ms %llu cookie_us", c->up,
	       c->failed,
	       (unsigned long long)((clock_now_ns() - began_ns) / NS_PER_MS),
	       (unsigned long long)(cpu_ms() - cpu));
	print_spread(cookie, n);
	printf(" up_us");
	print_spread(up, n);
	printf("\n");
	if (c->failed > 0)
		printf("failure %s\n", c->why);
	free(cookie);
	free(up);
}

/* What standard input asks for. */

static void ip_header(const struct guest *g, uint8_t protocol, size_t len,
		      uint8_t *ip)
{
	memset(ip, 0, 20);
	ip[0] = 0x45;
	store_be16(ip + 2, (uint16_t)len);
	ip[8] = 64;
	ip[9] = protocol;
	store_be32(ip + 12, g->own);
	store_be32(ip + 16, g->gateway);
	csum_ipv4_header(ip, 20);
}

static void ping(struct guest *g)
{
	uint8_t inner[PING_LEN] = { 0 }, record[PING_LEN + RECORD_OVERHEAD];
	size_t len;

	ip_header(g, IPPROTO_ICMP, sizeof(inner), inner);
	inner[20] = 8; /* echo request */
	store_be64(inner + 28, clock_now_ns());
	store_be16(inner + 22,
		   (uint16_t)~csum_fold(csum_add(0, inner + 20, 16)));
	len = record_seal(&g->tx, g->index, 0, 0, inner, sizeof(inner), record);
	g->crowd->pings++;
	(void)send(g->fd, record, len, MSG_DONTWAIT);
}

/* "pings N answered N us MEDIAN P99". The rounds of a thousand clients are
 * spread over the time between them. */
static void ping_all(struct crowd *c, size_t rounds, uint64_t ms)
{
	uint64_t gap_ns = ms_ns(ms) / c->count, sweep_ns = 0, end_ns;
	uint64_t next_ns = clock_now_ns();

	c->pongs_max = rounds * c->count;
	c->rtt_ns = allocate(c->pongs_max, sizeof(*c->rtt_ns));
	c->pings = c->pongs = 0;
	for (size_t i = 0; i < rounds * c->count; i++) {
		struct guest *g = &c->guest[i % c->count];

		if (g->stage == STAGE_UP)
			ping(g);
		next_ns += gap_ns;
		do
			turn(c, gap_ns >= NS_PER_MS ? 1 : 0, &sweep_ns);
		while (clock_now_ns() < next_ns);
	}
	end_ns = clock_now_ns() + ms_ns(LAST_ECHO_MS);
	while (c->pongs < c->pings && clock_now_ns() < end_ns)
		turn(c, 1, &sweep_ns);
	printf("pings %zu answered %zu us", c->pings, c->pongs);
	print_spread(c->rtt_ns, c->pongs);
	printf("\n");
	free(c->rtt_ns);
	c->rtt_ns = NULL;
	c->pongs_max = 0;
}

/* "flooded N ms N": UDP to a port where nobody listens. */
static void flood(struct crowd *c, uint64_t seconds, size_t bytes)
{
	uint64_t began_ns = clock_now_ns(), now_ns = began_ns;
	uint8_t inner[DATAGRAM_MAX] = { 0 };
	uint8_t record[BATCH][DATAGRAM_MAX];
	struct mmsghdr m[BATCH] = { 0 };
	struct guest *g = &c->guest[0];
	struct iovec v[BATCH];
	size_t sent = 0;

	if (bytes < 28 || bytes > DATAGRAM_MAX - RECORD_OVERHEAD)
		die("flood", "no such length");
	ip_header(g, IPPROTO_UDP, bytes, inner);
	store_be16(inner + 20, 9);
	store_be16(inner + 22, 9);
	store_be16(inner + 24, (uint16_t)(bytes - 20));
	for (; now_ns < began_ns + seconds * NS_PER_S;
	     now_ns = clock_now_ns()) {
		int n;

		for (size_t i = 0; i < BATCH; i++) {
			v[i].iov_base = record[i];
			v[i].iov_len = record_seal(&g->tx, g->index, 0, 0,
						   inner, bytes, record[i]);
			m[i].msg_hdr.msg_iov = &v[i];
			m[i].msg_hdr.msg_iovlen = 1;
		}
		n = sendmmsg(g->fd, m, BATCH, 0);
		sent += n > 0 ? (size_t)n : 0;
	}
	printf("flooded %zu ms %llu\n", sent,
	       (unsigned long long)((now_ns - began_ns) / NS_PER_MS));
}

static void leave(struct crowd *c)
{
	uint64_t now_ns = clock_now_ns();

	for (size_t i = 0; i < c->count; i++)
		if (c->guest[i].stage == STAGE_UP)
			client_close(c->guest[i].client, now_ns);
	run_for(c, BYES_MS);
	printf("bye\n");
}

/* False: the end. */
static bool obey(struct crowd *c, const char *line)
{
	unsigned int a, b;

	if (sscanf(line, "dial %u", &a) == 1)
		dial_all(c, a);
	else if (sscanf(line, "ping %u %u", &a, &b) == 2)
		ping_all(c, a, b);
	else if (sscanf(line, "flood %u %u", &a, &b) == 2)
		flood(c, a, b);
	else if (strcmp(line, "bye\n") == 0)
		return false;
	else
		die(line, "is no command");
	fflush(stdout);
	return true;
}

static void serve(struct crowd *c)
{
	struct pollfd p[] = { { .fd = STDIN_FILENO, .events = POLLIN },
			      { .fd = c->epoll, .events = POLLIN } };
	uint64_t sweep_ns = 0;
	char line[80];

	setvbuf(stdin, NULL, _IONBF, 0); /* poll() must see what is left */
	for (;;) {
		(void)poll(p, ARRAY_SIZE(p), SWEEP_MS);
		turn(c, 0, &sweep_ns);
		if (!p[0].revents)
			continue;
		if (fgets(line, sizeof(line), stdin) == NULL || !obey(c, line))
			return;
	}
}

static void run(char **argv)
{
	struct crowd c = { .to = { .sin_family = AF_INET,
				   .sin_port = htons(PORT) },
			   .name = argv[4],
			   .count = (size_t)atoi(argv[2]) };
	struct rlimit limit = { .rlim_cur = c.count + DESCRIPTORS_SPARE,
				.rlim_max = c.count + DESCRIPTORS_SPARE };

	if (inet_pton(AF_INET, argv[3], &c.to.sin_addr) != 1)
		die(argv[3], "not an address");
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("descriptors", strerror(errno));
	c.epoll = epoll_create1(EPOLL_CLOEXEC);
	load(&c, argv[0], (size_t)atoi(argv[1]));
	printf("ready\n");
	fflush(stdout);
	serve(&c);
	leave(&c);
	for (size_t i = 0; i < c.count; i++) {
		client_destroy(c.guest[i].client);
		credentials_destroy(c.guest[i].credentials);
		keys_tx_fini(&c.guest[i].tx);
		forget_lanes(&c.guest[i]);
		close(c.guest[i].fd);
	}
	free(c.guest);
	close(c.epoll);
}

int main(int argc, char **argv)
{
	if (wolf_init())
		die("wolfSSL", "does not start");
	if (argc == 5 && strcmp(argv[1], "issue") == 0) {
		issue(argv[2], (size_t)atoi(argv[3]), argv[4]);
		return 0;
	}
	if (argc == 7 && strcmp(argv[1], "run") == 0 && atoi(argv[4]) > 0) {
		run(argv + 2);
		return 0;
	}
	fprintf(stderr, "usage: crowd issue DIR COUNT FILE\n"
			"       crowd run FILE FIRST COUNT GATEWAY NAME\n");
	return 2;
}
