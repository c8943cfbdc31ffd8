/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What the probe*.c files share, and nobody else: probe_dial.c finds the
 * server and connects, probe.c asks it. */
#ifndef ADIT_DAEMON_PROBE_PRIVATE_H
#define ADIT_DAEMON_PROBE_PRIVATE_H

#include <uv.h>

#include "dns/upstream.h"
#include "tunnel/daemon/http_reply.h"
#include "tunnel/daemon/probe.h"

enum {
	PROBE_RECEIVE_LEN = 16 * 1024,
};

/* Addresses of one family. */
struct probe_lookup {
	struct probe *probe;
	struct dns_ask ask;
	bool pending;
	size_t count, tried;
	struct ip_addr found[PROBE_ADDRESSES_MAX];
};

enum {
	PROBE_IPV6, /* the first to be tried (RFC 8305, 4) */
	PROBE_IPV4,
	PROBE_FAMILIES,
};

struct probe_attempt {
	bool open; /* `tcp` is libuv's */
	uv_tcp_t tcp;
	uv_connect_t connect;
};

struct probe {
	/* Set at creation. */
	uv_loop_t *loop;
	char *device, *ca; /* NULL as in the options */
	uint32_t mark;
	struct dns_server servers[DNS_SERVERS_MAX];
	size_t server_count;
	unsigned int limit_ms;
	char host[DNS_NAME_MAX + 1];
	uint16_t port;
	bool by_tls;
	char *request; /* NULL: a key is wanted */
	uint8_t (*pins)[TLS_PIN_LEN];
	size_t pin_count;
	probe_done_cb done;
	void *arg;

	unsigned int handles; /* that libuv still has */
	bool closing;
	uv_timer_t limit, next;
	int error; /* the last one of a socket */

	/* Dialling */
	struct dns_upstream *upstream;
	struct probe_lookup lookups[PROBE_FAMILIES];
	const char *unresolved; /* why there is no address */
	size_t begun, pending;	/* attempts */
	struct probe_attempt attempts[PROBE_ADDRESSES_MAX];

	/* Asking */
	struct probe_attempt *connected; /* NULL: not yet */
	struct tls_client *tls;
	bool asked;
	int replied; /* of http_reply_input() */
	char *body;  /* NULL: not wanted */
	struct http_reply reply;
	uint8_t received[PROBE_RECEIVE_LEN];
};

/* probe.c */
void probe_handle_closed(uv_handle_t *handle); /* whose data is the probe */
void probe_finish(struct probe *p, enum ondemand_probe kind, const char *why);
/* p->connected is there. */
void probe_ask(struct probe *p);

/* probe_dial.c: ends in probe_ask() or probe_finish(). */
void dial_start(struct probe *p);
/* But the one that is connected. */
void dial_stop(struct probe *p);
bool dial_has_address(const struct probe *p);

#endif
