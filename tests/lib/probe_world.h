/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) The world of the probes' tests: a loop, a DNS server that knows one name
 * and an HTTP server behind it, which shows the certificate of that name, all
 * on 127.0.0.1. Its parts are the test's to touch.
 */
#ifndef ADIT_TESTS_PROBE_WORLD_H
#define ADIT_TESTS_PROBE_WORLD_H

#include <uv.h>

#include "crypto/pki.h"
#include "tests/lib/dns_server.h"
#include "tests/lib/http_server.h"
#include "tunnel/daemon/probe.h"

enum {
	PROBE_WORLD_BODY_MAX = 256,
	PROBE_WORLD_ANSWERS_MAX = 100,
};

#define PROBE_WORLD_NAME "a.test"

struct probe_world {
	uv_loop_t loop;
	struct test_server dns;
	struct http_server http;
	struct probe_options options; /* by all of this */
	/* What the name's answer has, of IPv4; none is NXDOMAIN. */
	struct ip_addr addresses[PROBE_WORLD_ANSWERS_MAX];
	size_t address_count;
	bool has_ipv6;	 /* ::1, too */
	bool dns_silent; /* nothing is answered */
	unsigned int questions;

	/* The last probe, and what it told. */
	struct probe *probe;
	struct {
		unsigned int count; /* of times */
		struct ondemand_answer answer;
		char why[TLS_TEXT_MAX];
		bool has_content;
		char body[PROBE_WORLD_BODY_MAX];
		size_t body_len;
	} told;

	uv_timer_t watch; /* a wait that is too long has failed */
};

/* Identities: what the name's server shows, another name's, another CA's. Made
 * once. */
struct probe_identities {
	struct pki_identity ca, good, ed25519, other_name, stranger;
	char ca_pem[PKI_PEM_MAX];
};
const struct probe_identities *probe_identities(void);
struct tls_server_identity probe_identity(const struct pki_identity *id);

void probe_world_init(struct probe_world *w);
/* Every handle has to be closed, and its memory freed. */
void probe_world_fini(struct probe_world *w);
/* One turn of the loop, that waits for something to happen. */
void probe_world_turn(struct probe_world *w);
/* A probe, of which nothing is told before the loop turns. */
void probe_world_start(struct probe_world *w, const struct probe_target *t);
void probe_world_wait(struct probe_world *w);
/* Both, for the server's URL. */
void probe_world_get(struct probe_world *w, const char *scheme,
		     const char *path);
void probe_world_expect(const struct probe_world *w, enum ondemand_probe probe,
			unsigned int status);
/* Of the probe; `arg` is the world. */
void probe_world_done(void *arg, const struct probe_result *r);
/* "http://a.test:PORT/PATH", of static memory. */
const char *probe_world_url(const struct probe_world *w, const char *scheme,
			    const char *path);

#endif
