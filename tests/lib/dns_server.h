/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) A DNS server for tests, in the loop of the test: it hands over each
 * question that comes by UDP, TCP or TLS, and says what it is told to say,
 * right or wrong, at once or later. On 127.0.0.1, a port that is free for both.
 */
#ifndef ADIT_TESTS_DNS_SERVER_H
#define ADIT_TESTS_DNS_SERVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "crypto/pki.h"
#include "dns/message.h"
#include "tunnel/base/addr.h"

struct dns_server_connection;

/* Plain data: it may be kept, and answered later. */
struct question {
	struct test_server *server;
	struct dns_server_connection *connection; /* NULL: by UDP */
	struct sockaddr_in from;
	size_t len;
	uint8_t bytes[DNS_SHORT_MAX];
};

struct test_server {
	/* Set by the test. */
	void (*on_question)(struct question *q);
	const struct pki_identity *tls; /* NULL: plain TCP */
	/* For the test to read. */
	unsigned int by_udp, by_tcp; /* questions */
	unsigned int accepted;	     /* connections, ever */
	struct endpoint at;

	uv_udp_t udp;
	uv_tcp_t tcp;
	struct dns_server_connection *connections;
	bool udp_only;
};

/* On `port`, or on one that is free (0). */
void dns_server_start(struct test_server *s, uv_loop_t *loop, uint16_t port);
/* The loop has to run after it. Takes one that was not started. */
void dns_server_stop(struct test_server *s);

/* The question with QR and RA set, and one address, 192.0.2.`last` or its like
 * in IPv6, or none if `rcode` is not 0. Returns its length. */
size_t dns_server_answer(const struct question *q, enum dns_rcode rcode,
			 uint8_t last, uint8_t buf[static DNS_SHORT_MAX]);
void dns_server_say(const struct question *q, const uint8_t *bytes, size_t len);
/* Closes the question's connection, and does not answer. */
void dns_server_hang_up(struct dns_server_connection *c);
/* All that are open. */
void dns_server_hang_up_all(struct test_server *s);
unsigned int dns_server_open(const struct test_server *s);

#endif
