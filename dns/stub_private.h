/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What stub.c and stub_tcp.c share, and nobody else. */
#ifndef ADIT_DNS_STUB_PRIVATE_H
#define ADIT_DNS_STUB_PRIVATE_H

#include <uv.h>

#include "dns/forwarder.h"
#include "dns/stub.h"

struct stub_batch;
struct stub_client;

struct dns_stub {
	struct dns_forwarder *forwarder;
	struct endpoint at;
	struct dns_stub_stats stats;
	bool closing;
	unsigned int handles; /* that libuv still has */

	/* UDP */
	int fd;
	uv_poll_t poll;
	uv_timer_t deadline;
	struct stub_batch *batch;
	struct stub_query *waiting; /* queries under way */
	struct stub_query *spare;   /* and those to be used again */
	unsigned int spares;

	/* TCP */
	uv_tcp_t listener;
	struct stub_client *clients;
};

/* A handle has been closed. */
void stub_handle_closed(struct dns_stub *s);
/* Looks at a message of a client: true if it goes to the forwarder. Else it
 * was answered in `buf`, or not at all (*ret_len 0). */
bool stub_query_take(struct dns_stub *s, const uint8_t *bytes, size_t len,
		     struct dns_query *ret_query, uint8_t *buf,
		     size_t *ret_len);

/* stub_tcp.c */
int stub_tcp_listen(struct dns_stub *s, uv_loop_t *loop);
void stub_tcp_close(struct dns_stub *s);

#endif
