/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "crypto/handshake.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wolfssl/ssl.h>

#include "crypto/credentials.h"
#include "crypto/secret.h"
#include "crypto/wolf.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"

enum {
	/* What is left for wolfSSL of a datagram. */
	DTLS_MTU = ENVELOPE_MAX - ENVELOPE_HEADER_LEN,
	/* We decide when it is over, not wolfSSL's count of doublings. */
	WOLF_TIMEOUT_MAX_S = 1000000,
	RTO_FIRST_MS = 200,
	/* Small beside the ten seconds that an attempt has. */
	RTO_MAX_MS = 1000,
	CONTENT_HANDSHAKE = 22,
	HANDSHAKE_SERVER_HELLO = 2,
	PLAIN_HEADER_LEN = 13,
	EXPLANATION_MAX = HANDSHAKE_TEXT_MAX - CERTIFICATE_TEXT_MAX - 2,
};

static const char alpn[] = "adit/1";
static const char exporter_label[] = "EXPORTER-adit-1";

struct handshake {
	/* Set at creation. */
	WOLFSSL *ssl;
	bool server;
	char *server_name; /* that a client expects */
	bool we_compare;   /* it with the certificate: wolfSSL does not */
	handshake_send_cb send;
	void *arg;

	/* The client's attempt that this is. */
	uint8_t token[ENVELOPE_TOKEN_LEN];
	enum handshake_status status;
	int error;	       /* wolfSSL's, when failed */
	bool name_fits;	       /* when we_compare */
	uint8_t claimed_alert; /* in plaintext: a hint, nothing more */
	bool heard;
	struct certificate peer; /* that wolfSSL has verified, */
	bool has_peer;
	/* or the one that was refused; "" or ": ...". */
	char refused[CERTIFICATE_TEXT_MAX + 2];

	/* The datagram that wolfSSL may read now; borrowed. */
	const uint8_t *in;
	size_t in_len;

	/* While listening: an answer is held back until we know that it is a
	 * HelloRetryRequest. */
	bool listening;
	uint8_t last[ENVELOPE_MAX];
	size_t last_len;

	/* Retransmission (RFC 9147, section 5.8): restarted by each datagram.
	 * CLOCK_NEVER while there is nothing to repeat. */
	uint64_t rto_ns, deadline_ns;
	uint64_t flight_ns; /* when our last flight went out, once */
	uint64_t rtt_ns;
};

static int io_receive(WOLFSSL *ssl, char *buf, int size, void *arg)
{
	struct handshake *h = arg;
	size_t n = h->in_len;

	(void)ssl;
	if (h->in == NULL)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	if (n > (size_t)size)
		n = (size_t)size;
	memcpy(buf, h->in, n);
	h->in = NULL;
	return (int)n;
}

static int io_send(WOLFSSL *ssl, char *buf, int size, void *arg)
{
	struct handshake *h = arg;
	const uint8_t *dtls = (const uint8_t *)buf;
	bool hello = !h->server && dtls[0] == CONTENT_HANDSHAKE;

	(void)ssl;
	/* Only what a gateway without state may read is padded. */
	h->last_len =
		envelope_build(h->token, dtls, (size_t)size,
			       hello ? ENVELOPE_STRANGER_MIN : 0, h->last);
	if (h->last_len > 0 && !h->listening)
		h->send(h->arg, h->last, h->last_len);
	return size;
}

/* wolfSSL asks about the leaf, and about whatever it found wrong: its verdict
 * stands, and which certificate that was is kept for the text. Of what it finds
 * right, the name may be left to us. The leaf is read here, where it lies:
 * afterwards wolfSSL would copy and parse it once more. */
static int on_verified(int ok, WOLFSSL_X509_STORE_CTX *store)
{
	struct handshake *h = store->userCtx;
	int i = store->error_depth;
	char text[CERTIFICATE_TEXT_MAX], other[CERTIFICATE_NAME_MAX + 1];
	const WOLFSSL_BUFFER_INFO *der;
	struct certificate c;
	bool is_read;

	if (i < 0 || i >= store->totalCerts)
		return ok;
	der = &store->certs[i];
	if (ok && i == 0 && h->we_compare) {
		h->name_fits = certificate_match(der->buffer, der->length,
						 h->server_name, other) == 0;
		ok = h->name_fits;
	}
	is_read = certificate_read(der->buffer, der->length, &c) == 0;
	if (ok && i == 0) {
		h->has_peer = is_read;
		h->peer = c;
	} else if (!ok && is_read && h->refused[0] == '\0') {
		snprintf(h->refused, sizeof(h->refused), ": %s",
			 certificate_text(&c, text));
	}
	return ok;
}

static void arm(struct handshake *h, uint64_t now_ns)
{
	uint64_t wait = h->rto_ns;

	if (wolfSSL_dtls13_use_quick_timeout(h->ssl))
		wait /= 4;
	h->deadline_ns = now_ns + wait;
}

static bool set_up(struct handshake *h, const struct credentials *c)
{
	const int *groups;
	size_t n = credentials_groups(c, &groups);
	int list[CREDENTIALS_GROUPS_MAX];

	memcpy(list, groups, n * sizeof(list[0]));
	wolfSSL_SSLSetIORecv(h->ssl, io_receive);
	wolfSSL_SSLSetIOSend(h->ssl, io_send);
	wolfSSL_SetIOReadCtx(h->ssl, h);
	wolfSSL_SetIOWriteCtx(h->ssl, h);
	wolfSSL_dtls_set_using_nonblock(h->ssl, 1);
	wolfSSL_set_verify(
		h->ssl,
		WOLFSSL_VERIFY_PEER |
			(h->server ? WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
		on_verified);
	wolfSSL_SetCertCbCtx(h->ssl, h);
	/* Without KeepArrays the exporter has nothing to export from. */
	wolfSSL_KeepArrays(h->ssl);
	return wolfSSL_dtls_set_mtu(h->ssl, DTLS_MTU) == WOLFSSL_SUCCESS &&
	       wolfSSL_dtls_set_timeout_max(h->ssl, WOLF_TIMEOUT_MAX_S) ==
		       WOLFSSL_SUCCESS &&
	       wolfSSL_set_groups(h->ssl, list, (int)n) == WOLFSSL_SUCCESS &&
	       wolfSSL_UseALPN(h->ssl, (char *)(uintptr_t)alpn, strlen(alpn),
			       WOLFSSL_ALPN_FAILED_ON_MISMATCH) ==
		       WOLFSSL_SUCCESS;
}

static struct handshake *create(const struct credentials *c, bool server,
				handshake_send_cb send, void *arg)
{
	struct handshake *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->server = server;
	h->send = send;
	h->arg = arg;
	h->rto_ns = (uint64_t)RTO_FIRST_MS * NS_PER_MS;
	h->deadline_ns = CLOCK_NEVER;
	h->ssl = wolfSSL_new(credentials_context(c));
	if (h->ssl == NULL || !set_up(h, c)) {
		handshake_destroy(h);
		return NULL;
	}
	return h;
}

/* Each call's result counts: a name that wolfSSL takes for an address, or the
 * other way round, sets no check at all and says so only here. A name that is
 * none to it, of a single label above all, is compared by us. */
static bool expect_name(struct handshake *h)
{
	const char *name = h->server_name;
	struct ip_addr a;

	if (addr_parse(name, &a) == 0)
		return wolfSSL_check_ip_address(h->ssl, name) ==
		       WOLFSSL_SUCCESS;
	h->we_compare =
		wolfSSL_check_domain_name(h->ssl, name) != WOLFSSL_SUCCESS;
	return wolfSSL_UseSNI(h->ssl, WOLFSSL_SNI_HOST_NAME, name,
			      (unsigned short)strlen(name)) == WOLFSSL_SUCCESS;
}

struct handshake *handshake_client(const struct credentials *c,
				   const char *server_name,
				   handshake_send_cb send, void *arg)
{
	struct handshake *h = create(c, false, send, arg);
	const int *groups;

	if (h == NULL)
		return NULL;
	wolf_random(h->token, sizeof(h->token));
	(void)credentials_groups(c, &groups);
	h->server_name = strdup(server_name);
	/* One key share, of the group we like best. */
	if (h->server_name == NULL || !expect_name(h) ||
	    wolfSSL_UseKeyShare(h->ssl, (word16)groups[0]) != WOLFSSL_SUCCESS) {
		handshake_destroy(h);
		return NULL;
	}
	return h;
}

struct handshake *handshake_listener(const struct credentials *c,
				     handshake_send_cb send, void *arg)
{
	struct handshake *h = create(c, true, send, arg);

	if (h == NULL)
		return NULL;
	h->listening = true;
	if (wolfSSL_dtls13_allow_ch_frag(h->ssl, 1) != WOLFSSL_SUCCESS) {
		handshake_destroy(h);
		return NULL;
	}
	return h;
}

void handshake_destroy(struct handshake *h)
{
	if (h == NULL)
		return;
	wolfSSL_free(h->ssl);
	free(h->server_name);
	secret_wipe(h, sizeof(*h));
	free(h);
}

void handshake_set_owner(struct handshake *h, handshake_send_cb send, void *arg)
{
	h->send = send;
	h->arg = arg;
}

const uint8_t *handshake_token(const struct handshake *h)
{
	return h->token;
}

/* Lets wolfSSL go on as far as it can. */
static enum handshake_status drive(struct handshake *h)
{
	int r = h->server ? wolfSSL_accept(h->ssl) : wolfSSL_connect(h->ssl);

	if (r == WOLFSSL_SUCCESS) {
		h->status = HANDSHAKE_DONE;
		h->deadline_ns = CLOCK_NEVER;
		return h->status;
	}
	r = wolfSSL_get_error(h->ssl, r);
	if (r == WOLFSSL_ERROR_WANT_READ || r == WOLFSSL_ERROR_WANT_WRITE)
		return h->status;
	h->error = r;
	h->status = HANDSHAKE_FAILED;
	h->deadline_ns = CLOCK_NEVER;
	return h->status;
}

enum handshake_status handshake_start(struct handshake *h, uint64_t now_ns)
{
	h->flight_ns = h->server ? 0 : now_ns;
	if (drive(h) == HANDSHAKE_RUNNING)
		arm(h, now_ns);
	return h->status;
}

/* Answers a repeated flight of the client with our ACK. */
static void repeat_ack(struct handshake *h)
{
	char nothing[64];

	/* There is no application data in DTLS: what it returns is WANT_READ,
	 * or an error of a flight that no longer matters. */
	(void)wolfSSL_read(h->ssl, nothing, sizeof(nothing));
}

enum handshake_status handshake_input(struct handshake *h, const uint8_t *dtls,
				      size_t len, uint64_t now_ns)
{
	enum envelope_side side =
		h->server ? ENVELOPE_TO_GATEWAY : ENVELOPE_TO_CLIENT;
	uint8_t alert;

	if (h->status == HANDSHAKE_FAILED)
		return h->status;
	if (!envelope_filter(side, dtls, len, &alert)) {
		if (alert != 0)
			h->claimed_alert = alert;
		return h->status;
	}
	h->heard = true;
	h->rto_ns = (uint64_t)RTO_FIRST_MS * NS_PER_MS;
	h->in = dtls;
	h->in_len = len;
	if (h->status == HANDSHAKE_DONE) {
		repeat_ack(h);
		h->in = NULL;
		return h->status;
	}
	if (h->flight_ns != 0 && h->rtt_ns == 0)
		h->rtt_ns = now_ns - h->flight_ns;
	h->flight_ns = 0;
	if (drive(h) == HANDSHAKE_RUNNING)
		arm(h, now_ns);
	h->in = NULL;
	return h->status;
}

uint64_t handshake_deadline(const struct handshake *h)
{
	return h->deadline_ns;
}

enum handshake_status handshake_timeout(struct handshake *h, uint64_t now_ns)
{
	const uint64_t max = (uint64_t)RTO_MAX_MS * NS_PER_MS;

	if (h->status != HANDSHAKE_RUNNING || now_ns < h->deadline_ns)
		return h->status;
	/* A repeated flight measures no round trip (Karn). */
	h->flight_ns = 0;
	if (!wolfSSL_dtls13_use_quick_timeout(h->ssl))
		h->rto_ns = h->rto_ns * 2 < max ? h->rto_ns * 2 : max;
	if (wolfSSL_dtls_got_timeout(h->ssl) != WOLFSSL_SUCCESS) {
		int r = wolfSSL_get_error(h->ssl, -1);

		if (r != WOLFSSL_ERROR_WANT_READ &&
		    r != WOLFSSL_ERROR_WANT_WRITE) {
			h->error = r;
			h->status = HANDSHAKE_FAILED;
			h->deadline_ns = CLOCK_NEVER;
			return h->status;
		}
	}
	arm(h, now_ns);
	return h->status;
}

static bool alpn_agreed(struct handshake *h)
{
	char *name = NULL;
	unsigned short len = 0;

	/* wolfSSL lets a peer without any ALPN pass. */
	return wolfSSL_ALPN_GetProtocol(h->ssl, &name, &len) ==
		       WOLFSSL_SUCCESS &&
	       len == strlen(alpn) && memcmp(name, alpn, len) == 0;
}

static int refuse(enum reason reason, const char *sentence,
		  enum reason *ret_reason, char *ret_text)
{
	*ret_reason = reason;
	snprintf(ret_text, HANDSHAKE_TEXT_MAX, "%s", sentence);
	return -EACCES;
}

int handshake_finish(struct handshake *h, struct handshake_result *ret,
		     enum reason *ret_reason,
		     char ret_text[static HANDSHAKE_TEXT_MAX])
{
	struct handshake_result result = { 0 };
	const char *cipher;
	int r;

	assert(h->status == HANDSHAKE_DONE);
	if (!alpn_agreed(h))
		return refuse(REASON_VERSION,
			      "the other end speaks another protocol than "
			      "adit/1",
			      ret_reason, ret_text);
	if (!h->has_peer)
		return refuse(REASON_GATEWAY_CERTIFICATE,
			      "the other end's certificate cannot be read",
			      ret_reason, ret_text);
	/* Asked once more, lest the library never asked us. */
	if (h->we_compare && !h->name_fits)
		return refuse(REASON_INTERNAL,
			      "the gateway's name was not compared", ret_reason,
			      ret_text);
	if (!h->server && !h->peer.has_alt_name)
		return refuse(REASON_GATEWAY_CERTIFICATE,
			      "the gateway's certificate has no subject "
			      "alternative name, and a common name does not "
			      "count",
			      ret_reason, ret_text);
	if (!h->server && !h->peer.for_servers)
		return refuse(REASON_GATEWAY_CERTIFICATE,
			      "the gateway's certificate is not meant for "
			      "servers",
			      ret_reason, ret_text);
	result.peer = h->peer;
	cipher = wolfSSL_get_cipher_name(h->ssl);
	result.algorithm = aead_by_name(strstr(cipher, "CHACHA20") != NULL
						? "ChaCha20-Poly1305"
						: "AES-256-GCM");
	result.group = wolfSSL_get_curve_name(h->ssl);
	/* Only now: before the peer's Finished wolfSSL would export a constant
	 * and call it success. */
	r = wolfSSL_export_keying_material(
		h->ssl, result.secret, sizeof(result.secret), exporter_label,
		strlen(exporter_label), NULL, 0, 0);
	if (r != WOLFSSL_SUCCESS) {
		secret_wipe(&result, sizeof(result));
		return refuse(REASON_INTERNAL, "no keys could be exported",
			      ret_reason, ret_text);
	}
	*ret = result;
	secret_wipe(&result, sizeof(result));
	return 0;
}

/* 0: none. The filter lets no plaintext alert pass, so one that wolfSSL has
 * seen was encrypted. */
static int alert_received(const struct handshake *h)
{
	WOLFSSL_ALERT_HISTORY alerts = { 0 };

	(void)wolfSSL_get_alert_history(h->ssl, &alerts);
	return alerts.last_rx.code > 0 ? alerts.last_rx.code : 0;
}

enum reason handshake_error(const struct handshake *h,
			    char ret_text[static HANDSHAKE_TEXT_MAX],
			    bool *ret_final)
{
	char text[EXPLANATION_MAX];
	enum reason reason;

	if (h->error == DOMAIN_NAME_MISMATCH || h->error == IPADDR_MISMATCH ||
	    (h->we_compare && h->error == VERIFY_CERT_ERROR)) {
		snprintf(text, sizeof(text),
			 "the gateway's certificate is not for \"%.64s\", "
			 "the profile's HostName or ServerName",
			 h->server_name);
		*ret_final = true;
		reason = REASON_GATEWAY_CERTIFICATE;
	} else {
		reason = wolf_explain(h->error, alert_received(h), text,
				      sizeof(text), ret_final);
	}
	snprintf(ret_text, HANDSHAKE_TEXT_MAX, "%s%s", text, h->refused);
	return reason;
}

enum handshake_cause handshake_client_error(
	const struct handshake *h, char ret_text[static HANDSHAKE_TEXT_MAX])
{
	char text[EXPLANATION_MAX];
	enum handshake_cause cause = wolf_explain_client(
		h->error, alert_received(h), text, sizeof(text));

	snprintf(ret_text, HANDSHAKE_TEXT_MAX, "%s%s", text, h->refused);
	return cause;
}

size_t handshake_last(const struct handshake *h, const uint8_t **ret_datagram)
{
	*ret_datagram = h->last;
	return h->last_len;
}

uint64_t handshake_rtt_ns(const struct handshake *h)
{
	return h->rtt_ns;
}

uint8_t handshake_claimed_alert(const struct handshake *h)
{
	return h->claimed_alert;
}

bool handshake_heard(const struct handshake *h)
{
	return h->heard;
}

/* The cookie is a MAC over this: who asks, and with which token. */
static bool bind_cookie(struct handshake *h, const struct endpoint *from)
{
	uint8_t who[1 + 2 + 16 + ENVELOPE_TOKEN_LEN];
	struct bytes b = bytes_over(who, sizeof(who));

	bytes_put8(&b, from->addr.family == AF_INET ? 4 : 6);
	bytes_put16(&b, from->port);
	bytes_put(&b, from->addr.bytes, 16);
	bytes_put(&b, h->token, ENVELOPE_TOKEN_LEN);
	return wolfSSL_dtls_set_peer(h->ssl, who, sizeof(who)) ==
	       WOLFSSL_SUCCESS;
}

static bool is_retry_request(const struct handshake *h)
{
	const uint8_t *dtls = h->last + ENVELOPE_HEADER_LEN;

	return h->last_len > ENVELOPE_HEADER_LEN + PLAIN_HEADER_LEN &&
	       dtls[0] == CONTENT_HANDSHAKE &&
	       dtls[PLAIN_HEADER_LEN] == HANDSHAKE_SERVER_HELLO;
}

static enum handshake_listen_status listen_once(struct handshake *h,
						const uint8_t *dtls, size_t len,
						const uint8_t *secret)
{
	int r;

	if (wolfSSL_send_hrr_cookie(h->ssl, secret,
				    HANDSHAKE_COOKIE_SECRET_LEN) !=
	    WOLFSSL_SUCCESS)
		return HANDSHAKE_LISTEN_BROKEN;
	h->in = dtls;
	h->in_len = len;
	h->last_len = 0;
	r = wolfDTLS_accept_stateless(h->ssl);
	h->in = NULL;
	if (r == WOLFSSL_SUCCESS)
		return HANDSHAKE_LISTEN_ACCEPTED;
	if (r != WOLFSSL_FAILURE)
		return HANDSHAKE_LISTEN_BROKEN;
	return is_retry_request(h) ? HANDSHAKE_LISTEN_ANSWERED
				   : HANDSHAKE_LISTEN_IGNORED;
}

enum handshake_listen_status handshake_listen(
	struct handshake *h, const struct endpoint *from,
	const uint8_t token[static ENVELOPE_TOKEN_LEN], const uint8_t *dtls,
	size_t len,
	const uint8_t secrets[static 2][HANDSHAKE_COOKIE_SECRET_LEN])
{
	enum handshake_listen_status s;

	memcpy(h->token, token, ENVELOPE_TOKEN_LEN);
	if (!bind_cookie(h, from))
		return HANDSHAKE_LISTEN_BROKEN;
	s = listen_once(h, dtls, len, secrets[0]);
	/* Silence means a cookie that this secret did not make. */
	if (s == HANDSHAKE_LISTEN_IGNORED)
		s = listen_once(h, dtls, len, secrets[1]);
	if (s == HANDSHAKE_LISTEN_ANSWERED)
		h->send(h->arg, h->last, h->last_len);
	if (s == HANDSHAKE_LISTEN_ACCEPTED) {
		h->listening = false;
		h->heard = true;
	}
	return s;
}
