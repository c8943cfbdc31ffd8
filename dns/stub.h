/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) The resolver that programs of this host ask: UDP and TCP on one loopback
 * address (RFC 1035, RFC 7766), in front of a forwarder. Control thread.
 *
 * UDP is read and answered in batches, one system call for up to 32 datagrams
 * each way. A client that asks too much gets an error (forwarder.h), one on
 * TCP is read from only while its answers go out, and waits for nobody.
 */
#ifndef ADIT_DNS_STUB_H
#define ADIT_DNS_STUB_H

#include <stdint.h>

#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"

struct dns_forwarder;
struct dns_stub;
struct uv_loop_s;

/* Where the host is told to ask; any loopback address will do. 127.0.0.53 is
 * systemd-resolved's, which refuses to be told of that one. */
#define DNS_STUB_ADDRESS "127.0.77.53"

enum {
	DNS_STUB_TCP_CLIENTS = 64,
	DNS_STUB_TCP_QUERIES = 32, /* of one client, under way */
	DNS_STUB_TCP_IDLE_MS = 10000,
	/* Larger queries do not exist: longest name, EDNS with cookie. */
	DNS_STUB_QUERY_MAX = 4096,
	/* An answer on UDP, however much the client would take. */
	DNS_STUB_UDP_MAX = 16384,
};

struct dns_stub_stats {
	uint64_t udp, tcp;  /* messages that came */
	uint64_t silent;    /* were no queries */
	uint64_t malformed; /* FORMERR, NOTIMP, BADVERS */
	uint64_t send_failed;
	uint64_t tcp_refused; /* connections, at DNS_STUB_TCP_CLIENTS */
	uint64_t tcp_cut;     /* idle, or too large a query */
	unsigned int tcp_clients;
};

/* Binds both, and answers from here on. 0; -EADDRINUSE: somebody is there;
 * -EADDRNOTAVAIL; or -errno. The forwarder is borrowed. */
int dns_stub_create(struct uv_loop_s *loop, const struct endpoint *at,
		    struct dns_forwarder *forwarder,
		    struct dns_stub **ret_stub) ATTR_MUST_CHECK;
/* Closed at once; the memory goes when the loop has run. Takes NULL. */
void dns_stub_destroy(struct dns_stub *s);

/* Sets the forwarder's timer anew: after dns_forwarder_set(). */
void dns_stub_arm(struct dns_stub *s);
/* With the port that the kernel chose, if it was 0. */
struct endpoint dns_stub_endpoint(const struct dns_stub *s);
void dns_stub_stats(const struct dns_stub *s, struct dns_stub_stats *ret_stats);

#endif
