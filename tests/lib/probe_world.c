/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tests/lib/probe_world.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/lib/allocation.h"
#include "tunnel/base/bytes.h"

enum {
	LIMIT_MS = 30000,
	DAY_S = 86400,
	ANSWER_MAX = 4096,
	FLAGS = 0x8180, /* QR, RD, RA */
	FLAG_TC = 0x0200,
};

static void put_record(struct bytes *b, uint16_t type, const uint8_t *data,
		       size_t len)
{
	bytes_put16(b, 0xc00c); /* the question's name */
	bytes_put16(b, type);
	bytes_put16(b, DNS_CLASS_IN);
	bytes_put32(b, 60);
	bytes_put16(b, (uint16_t)len);
	bytes_put(b, data, len);
}

static void put_records(const struct probe_world *w, struct bytes *b,
			uint16_t type)
{
	static const uint8_t six[16] = { [15] = 1 };

	if (type == DNS_TYPE_AAAA && w->has_ipv6)
		put_record(b, type, six, sizeof(six));
	for (size_t i = 0; type == DNS_TYPE_A && i < w->address_count; i++)
		put_record(b, type, w->addresses[i].bytes, 4);
}

static void on_question(struct question *q)
{
	struct probe_world *w =
		container_of(q->server, struct probe_world, dns);
	uint8_t buf[ANSWER_MAX];
	struct bytes b = bytes_over(buf, sizeof(buf));
	size_t end = DNS_HEADER_LEN, count = 0;
	uint16_t type, flags = FLAGS;

	w->questions++;
	if (w->dns_silent)
		return;
	while (q->bytes[end] != 0)
		end += 1U + q->bytes[end];
	end += 1 + 4;
	type = load_be16(q->bytes + end - 4);
	if (type == DNS_TYPE_AAAA)
		count = w->has_ipv6;
	else if (type == DNS_TYPE_A)
		count = w->address_count;
	bytes_put(&b, q->bytes, end);
	put_records(w, &b, type);
	ck_assert(bytes_ok(&b));
	if (q->connection == NULL && bytes_done(&b) > DNS_EDNS_UDP_SIZE) {
		flags |= FLAG_TC;
		count = 0;
		b.at = buf + end;
	}
	if (w->address_count == 0 && !w->has_ipv6)
		flags |= DNS_RCODE_NXDOMAIN;
	store_be16(buf + 2, flags);
	store_be16(buf + 4, 1);
	store_be16(buf + 6, (uint16_t)count);
	store_be32(buf + 8, 0);
	dns_server_say(q, buf, bytes_done(&b));
}

static void on_watch(uv_timer_t *timer)
{
	(void)timer;
	ck_abort_msg("nothing more happens");
}

void probe_world_turn(struct probe_world *w)
{
	uv_update_time(&w->loop);
	(void)uv_timer_start(&w->watch, on_watch, LIMIT_MS, 0);
	uv_run(&w->loop, UV_RUN_ONCE);
	uv_timer_stop(&w->watch);
}

void probe_world_init(struct probe_world *w)
{
	/* As the daemon does: libuv writes without MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	memset(w, 0, sizeof(*w));
	uv_loop_init(&w->loop);
	uv_timer_init(&w->loop, &w->watch);
	w->dns.on_question = on_question;
	dns_server_start(&w->dns, &w->loop, 0);
	http_server_start(&w->http, &w->loop);
	w->addresses[w->address_count++] = w->http.at.addr;
	w->options = (struct probe_options) {
		.loop = &w->loop,
		.servers = &w->dns.at,
		.server_count = 1,
		.ca = probe_identities()->ca_pem,
	};
}

void probe_world_fini(struct probe_world *w)
{
	dns_server_stop(&w->dns);
	http_server_stop(&w->http);
	uv_close((uv_handle_t *)&w->watch, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&w->loop), 0);
}

void probe_world_done(void *arg, const struct probe_result *r)
{
	struct probe_world *w = arg;

	/* check's own assertions ask for memory, too. */
	allocation_fail_at(0);
	w->told.count++;
	w->told.answer = r->answer;
	w->told.has_content = r->has_content;
	snprintf(w->told.why, sizeof(w->told.why), "%s", r->why);
	w->told.body_len = r->body_len < sizeof(w->told.body)
				   ? r->body_len
				   : sizeof(w->told.body);
	if (r->body != NULL)
		memcpy(w->told.body, r->body, w->told.body_len);
	ck_assert((r->why[0] == '\0') ==
		  (r->answer.probe == ONDEMAND_PROBE_STATUS ||
		   r->answer.probe == ONDEMAND_PROBE_KEY_OK));
}

void probe_world_start(struct probe_world *w, const struct probe_target *t)
{
	w->told.count = 0;
	ck_assert_int_eq(
		probe_start(&w->options, t, probe_world_done, w, &w->probe), 0);
	ck_assert_uint_eq(w->told.count, 0);
}

void probe_world_wait(struct probe_world *w)
{
	while (w->told.count == 0)
		probe_world_turn(w);
	ck_assert_uint_eq(w->told.count, 1);
}

void probe_world_get(struct probe_world *w, const char *scheme,
		     const char *path)
{
	const struct probe_target t = {
		.url = probe_world_url(w, scheme, path),
	};

	probe_world_start(w, &t);
	probe_world_wait(w);
}

void probe_world_expect(const struct probe_world *w, enum ondemand_probe probe,
			unsigned int status)
{
	ck_assert_msg(w->told.answer.probe == probe &&
			      w->told.answer.status == status,
		      "%d, %u: %s", w->told.answer.probe, w->told.answer.status,
		      w->told.why);
}

const char *probe_world_url(const struct probe_world *w, const char *scheme,
			    const char *path)
{
	static char url[256];

	snprintf(url, sizeof(url), "%s://%s:%u%s", scheme, PROBE_WORLD_NAME,
		 w->http.at.port, path);
	return url;
}

static void issue(enum pki_use use, enum pki_algorithm algorithm,
		  const char *name, const struct pki_identity *issuer,
		  struct pki_identity *ret)
{
	const struct pki_request r = {
		.use = use,
		.algorithm = algorithm,
		.name = name,
		.not_before = time(NULL) - DAY_S,
		.not_after = time(NULL) + DAY_S,
	};

	ck_assert_int_eq(pki_issue(&r, issuer, ret), 0);
}

const struct probe_identities *probe_identities(void)
{
	static struct probe_identities made;
	struct pki_identity other_ca;

	if (made.ca_pem[0] != '\0')
		return &made;
	issue(PKI_CA, PKI_ECDSA_P256, "CA", NULL, &made.ca);
	issue(PKI_CA, PKI_ECDSA_P256, "other", NULL, &other_ca);
	issue(PKI_GATEWAY, PKI_ECDSA_P256, PROBE_WORLD_NAME, &made.ca,
	      &made.good);
	issue(PKI_GATEWAY, PKI_ED25519, PROBE_WORLD_NAME, &made.ca,
	      &made.ed25519);
	issue(PKI_GATEWAY, PKI_ECDSA_P256, "b.test", &made.ca,
	      &made.other_name);
	issue(PKI_GATEWAY, PKI_ECDSA_P256, PROBE_WORLD_NAME, &other_ca,
	      &made.stranger);
	ck_assert_int_eq(pki_certificate_pem(&made.ca, made.ca_pem), 0);
	return &made;
}

struct tls_server_identity probe_identity(const struct pki_identity *id)
{
	return (struct tls_server_identity) {
		.certificate = id->certificate,
		.certificate_len = id->certificate_len,
		.key = id->key,
		.key_len = id->key_len,
	};
}
