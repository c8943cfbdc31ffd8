/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/gateway/gateway_private.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/certificate.h"
#include "crypto/credentials.h"
#include "crypto/secret.h"
#include "crypto/wolf.h"
#include "tunnel/base/clock.h"
#include "tunnel/base/folder.h"
#include "tunnel/base/log.h"

int gateway_failed_at(struct gateway *g, int rc, const char *what,
		      const char *why)
{
	gateway_error_set(g->error, "%s: %s", what, why);
	return rc;
}

static int load_credentials(struct gateway *g)
{
	/* The last one need not be there: `revoke` works on the clients' list,
	 * and this is for a CA that others run. */
	static const char *const files[] = { "gateway.pem", "gateway.key",
					     "ca.pem", "crl.pem" };
	char crl[PATH_MAX];
	size_t wanted = ARRAY_SIZE(files);
	char *text[ARRAY_SIZE(files)] = { NULL }, why[CREDENTIALS_ERROR_MAX];
	size_t len[ARRAY_SIZE(files)] = { 0 };
	struct credentials_source s;
	int rc = wolf_init();

	if (rc)
		return gateway_failed_at(g, rc, g->o->dir,
					 "the TLS library fails");
	snprintf(crl, sizeof(crl), "%s/crl.pem", g->o->dir);
	if (access(crl, F_OK) != 0)
		wanted--;
	for (size_t i = 0; rc == 0 && i < wanted; i++)
		rc = gateway_store_read(g->o->dir, files[i], &text[i], &len[i],
					g->error);
	if (rc == 0) {
		s = (struct credentials_source) {
			.certificate = text[0],
			.certificate_len = len[0],
			.key = text[1],
			.key_len = len[1],
			.ca = text[2],
			.ca_len = len[2],
			.crl = text[3],
			.crl_len = len[3],
		};
		g->credentials =
			credentials_create(CREDENTIALS_GATEWAY, &s, why);
		g->ca_ends = certificate_first_end(text[2], len[2]);
		if (!g->credentials)
			rc = gateway_failed_at(g, -EINVAL, g->o->dir, why);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (text[i])
			secret_wipe(text[i], len[i]);
		free(text[i]);
	}
	return rc;
}

static void on_notice(void *arg, const char *sentence)
{
	(void)arg;
	log_notice("%s", sentence);
}

static int open_host(struct gateway *g)
{
	char why[64];
	pid_t other;
	int rc;

	snprintf(g->nft_table, sizeof(g->nft_table), "inet adit-nat-%s",
		 g->o->device);
	snprintf(g->state_dir, sizeof(g->state_dir), "%s/state", g->o->dir);
	g->host_config = (struct host_config) {
		.state_dir = g->state_dir,
		.device = g->o->device,
		.nft_table = g->nft_table,
		.notice = on_notice,
	};
	rc = host_open(&g->host_config, &g->host, &other);
	if (rc == -EBUSY) {
		snprintf(why, sizeof(why),
			 "a gateway runs here already (process %d)",
			 (int)other);
		return gateway_failed_at(g, rc, g->o->dir, why);
	}
	return rc ? gateway_failed_at(g, rc, g->state_dir,
				      folder_error_text(rc))
		  : 0;
}

static int open_device(struct gateway *g)
{
	int rc = host_link_expected(g->host);

	if (rc)
		return gateway_failed_at(g, rc, g->o->device,
					 host_error(g->host));
	rc = tun_open(g->o->device, g->lanes > 1, &g->tun);
	for (unsigned int i = 1; rc == 0 && i < g->lanes; i++)
		rc = tun_add_queue(&g->tun);
	if (rc)
		return gateway_failed_at(g, rc, g->o->device,
					 tun_error_text(rc));
	rc = host_link_made(g->host, g->tun.ifindex);
	return rc ? gateway_failed_at(g, rc, g->o->device, host_error(g->host))
		  : 0;
}

/* The gateway's own addresses, whose network routes bring the pool to the
 * device, and forwarding. */
static int want_host(struct gateway *g)
{
	struct host_state *s = &g->host_state;
	struct ip_prefix a4, a6;
	int rc;

	memcpy(s->device, g->tun.name, sizeof(s->device));
	s->ifindex = g->tun.ifindex;
	s->mtu = g->config.lease.mtu;
	s->txqlen = HOST_TXQLEN;
	gateway_pool_addresses(&g->config.pool, GATEWAY_POOL_SLOT_GATEWAY, &a4,
			       &a6);
	rc = host_state_add_address(s, &a4);
	if (rc == 0)
		rc = host_state_add_proc(s, "/proc/sys/net/ipv4/ip_forward",
					 "1");
	if (rc == 0 && a6.addr.family)
		rc = host_state_add_address(s, &a6);
	if (rc == 0 && a6.addr.family)
		rc = host_state_add_proc(
			s, "/proc/sys/net/ipv6/conf/all/forwarding", "1");
	return rc;
}

/* What clients send to other networks leaves with an address of the gateway's
 * own, so that nobody there needs a route to the pool. Not on the way to the
 * gateway itself (lo), and not from client to client. */
static int want_nat(struct gateway *g)
{
	const struct gateway_pool *p = &g->config.pool;
	char text[PREFIX_TEXT_MAX], content[512];
	int n;

	n = snprintf(content, sizeof(content),
		     "chain postrouting {\n"
		     "type nat hook postrouting priority 100\n"
		     "ip saddr %s oifname != { \"%s\", \"lo\" } masquerade\n",
		     prefix_text(&p->prefix4, text), g->tun.name);
	if (p->prefix6.addr.family)
		n += snprintf(content + n, sizeof(content) - (size_t)n,
			      "ip6 saddr %s oifname != { \"%s\", \"lo\" } "
			      "masquerade\n",
			      prefix_text(&p->prefix6, text), g->tun.name);
	snprintf(content + n, sizeof(content) - (size_t)n, "}\n");
	return host_state_set_nft(&g->host_state, g->nft_table, content);
}

static int change_host(struct gateway *g)
{
	int rc = want_host(g);

	if (rc == 0 && g->nat)
		rc = want_nat(g);
	if (rc)
		return gateway_failed_at(g, rc, g->o->device, strerror(-rc));
	rc = host_apply(g->host, &g->host_state);
	return rc ? gateway_failed_at(g, rc, g->o->device, host_error(g->host))
		  : 0;
}

static int open_sockets(struct gateway *g)
{
	struct udp_options o = { .local = g->o->listen,
				 .tell_local = true,
				 .lanes = g->lanes,
				 .shares = UDP_SHARES_MAX };
	char text[ENDPOINT_TEXT_MAX];
	int rc;

	if (!o.local.addr.family) {
		o.local.addr.family = AF_INET6;
		o.local.port = g->config.port;
		o.dual_stack = true;
	}
	rc = udp_open(&o, &g->sockets);
	if (rc == -EAFNOSUPPORT && o.dual_stack) { /* a host without IPv6 */
		o.local.addr.family = AF_INET;
		rc = udp_open(&o, &g->sockets);
	}
	if (rc)
		return gateway_failed_at(
			g, rc, endpoint_text(&o.local, text),
			rc == -EADDRINUSE
				? "another program has this UDP port; "
				  "--listen takes another"
				: strerror(-rc));
	g->family = o.local.addr.family;
	g->local = o.local;
	g->local.port = g->sockets.port;
	return 0;
}

static int make_worker(struct gateway *g, unsigned int lane)
{
	struct worker_config w = {
		.lane = lane,
		.tun_fd = g->tun.queue[lane],
		.uso = g->tun.uso,
		.table = g->table,
	};
	int rc = worker_create(&w, &g->worker[lane]);

	for (unsigned int i = 0; rc == 0 && i < g->sockets.shares; i++) {
		worker_set_socket(g->worker[lane], i, g->sockets.lane[lane][i]);
		g->sockets.lane[lane][i] = -1;
	}
	return rc;
}

static int start_workers(struct gateway *g)
{
	struct peer_table_config t = {
		.inner_slots = g->config.pool.slots,
		.pool4 = g->config.pool.prefix4,
		.pool6 = g->config.pool.prefix6,
	};
	int rc = peer_table_create(&t, &g->table);

	for (unsigned int i = 0; rc == 0 && i < g->lanes; i++)
		rc = make_worker(g, i);
	if (rc == 0)
		rc = worker_join(g->worker, g->lanes);
	for (unsigned int i = 0; rc == 0 && i < g->lanes; i++)
		rc = worker_start(g->worker[i]);
	return rc ? gateway_failed_at(g, rc, "the worker cannot start",
				      strerror(-rc))
		  : 0;
}

static void on_send(void *arg, const struct path *to, const uint8_t *datagram,
		    size_t len)
{
	struct gateway *g = arg;
	struct sockaddr_storage sa;
	socklen_t sa_len = udp_sockaddr(&to->remote, g->family, &sa);
	struct udp_control control;

	udp_control_init(&control, &to->local, g->family);
	/* What is lost here is repeated by the handshake's timers. */
	if (sa_len > 0)
		(void)udp_send_run(g->sockets.control, &sa, sa_len, &control,
				   datagram, len, len);
}

static int start_sessions(struct gateway *g)
{
	struct gateway_sessions_config c = {
		.dir = g->o->dir,
		.config = &g->config,
		.credentials = g->credentials,
		.table = g->table,
		.family = g->family,
		.lanes = (uint8_t)(g->lanes > LANES_USUAL ? g->lanes
							  : LANES_USUAL),
		.send = on_send,
		.arg = g,
	};

	return gateway_sessions_create(&c, clock_now_ns(), &g->sessions,
				       g->error);
}

int gateway_start(struct gateway *g)
{
	int rc = load_credentials(g);

	g->lanes = g->o->lanes ? g->o->lanes : lanes_default();
	if (rc == 0)
		rc = open_host(g);
	if (rc == 0)
		rc = open_sockets(g);
	if (rc == 0)
		rc = open_device(g);
	if (rc == 0)
		rc = change_host(g);
	if (rc == 0)
		rc = start_workers(g);
	if (rc == 0)
		rc = start_sessions(g);
	return rc;
}

void gateway_stop(struct gateway *g)
{
	int left;

	for (unsigned int i = 0; i < g->lanes; i++)
		if (g->worker[i])
			worker_stop(g->worker[i]);
	gateway_sessions_destroy(g->sessions);
	for (unsigned int i = 0; i < g->lanes; i++)
		worker_destroy(g->worker[i]);
	peer_table_destroy(g->table);
	udp_close(&g->sockets);
	left = g->host ? host_undo(g->host, HOST_ALL) : 0;
	if (left > 0)
		log_warning(HOST_NOT_UNDONE, left, host_error(g->host));
	tun_close(&g->tun);
	host_close(g->host);
	host_state_fini(&g->host_state);
	credentials_destroy(g->credentials);
	gateway_config_fini(&g->config);
}
