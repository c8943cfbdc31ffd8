/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "dns/stub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/stub_private.h"
#include "tunnel/base/clock.h"

enum {
	BATCH = 32,
	BATCHES_MAX = 8, /* in one turn of the loop */
	ARENA_LEN = 64 * 1024,
	SPARE_QUERIES = 256,
	RECEIVE_BUFFER = 1024 * 1024,
};

/* A query that came by UDP and is under way. */
struct stub_query {
	struct dns_request request;
	struct dns_stub *stub;
	struct stub_query *next, **link;
	socklen_t from_len;
	struct sockaddr_storage from;
};

/* What one system call brings, and what one takes away. */
struct stub_batch {
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_iov[BATCH], out_iov[BATCH];
	struct sockaddr_storage from[BATCH], to[BATCH];
	uint8_t bytes[BATCH][DNS_STUB_QUERY_MAX];
	bool open; /* answers are collected */
	unsigned int answers;
	size_t used; /* of the arena */
	uint8_t arena[ARENA_LEN];
};

void stub_handle_closed(struct dns_stub *s)
{
	if (--s->handles > 0)
		return;
	while (s->spare != NULL) {
		struct stub_query *q = s->spare;

		s->spare = q->next;
		free(q);
	}
	free(s->batch);
	free(s);
}

static void on_closed(uv_handle_t *handle)
{
	stub_handle_closed(handle->data);
}

static void on_deadline(uv_timer_t *timer)
{
	struct dns_stub *s = timer->data;

	dns_forwarder_timeout(s->forwarder, clock_now_ns());
	dns_stub_arm(s);
}

void dns_stub_arm(struct dns_stub *s)
{
	uint64_t at_ns = dns_forwarder_deadline(s->forwarder);
	uint64_t now_ns = clock_now_ns();

	if (s->closing)
		return;
	if (at_ns == CLOCK_NEVER)
		uv_timer_stop(&s->deadline);
	else
		(void)uv_timer_start(
			&s->deadline, on_deadline,
			at_ns > now_ns ? (at_ns - now_ns) / NS_PER_MS + 1 : 0,
			0);
}

bool stub_query_take(struct dns_stub *s, const uint8_t *bytes, size_t len,
		     struct dns_query *ret_query, uint8_t *buf, size_t *ret_len)
{
	enum dns_rcode rcode = DNS_RCODE_FORMERR;

	*ret_len = 0;
	switch (dns_query_parse(bytes, len, ret_query)) {
	case DNS_QUERY_GOOD:
		return true;
	case DNS_QUERY_SILENCE:
		s->stats.silent++;
		return false;
	case DNS_QUERY_FORMERR:
		break;
	case DNS_QUERY_NOTIMP:
		rcode = DNS_RCODE_NOTIMP;
		break;
	case DNS_QUERY_BADVERS:
		rcode = DNS_RCODE_BADVERS;
		break;
	case DNS_QUERY_REFUSED:
		rcode = DNS_RCODE_REFUSED;
		break;
	}
	s->stats.malformed++;
	dns_forwarder_refused(s->forwarder);
	*ret_len = dns_error_build(ret_query, rcode, NULL, buf);
	return false;
}

/* Answers. */

static void flush(struct dns_stub *s)
{
	struct stub_batch *b = s->batch;
	unsigned int sent = 0;

	while (sent < b->answers) {
		int n = sendmmsg(s->fd, b->out + sent, b->answers - sent,
				 MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			/* One that cannot be sent is not to stop the rest. */
			s->stats.send_failed++;
			n = 1;
		}
		sent += (unsigned int)n;
	}
	b->answers = 0;
	b->used = 0;
}

static void answer(struct dns_stub *s, const struct sockaddr_storage *to,
		   socklen_t to_len, const uint8_t *bytes, size_t len)
{
	struct stub_batch *b = s->batch;
	unsigned int i;

	if (len == 0)
		return;
	if (!b->open || len > ARENA_LEN) {
		if (sendto(s->fd, bytes, len, MSG_DONTWAIT,
			   (const struct sockaddr *)to, to_len) < 0)
			s->stats.send_failed++;
		return;
	}
	if (b->answers == BATCH || b->used + len > ARENA_LEN)
		flush(s);
	i = b->answers++;
	memcpy(b->arena + b->used, bytes, len);
	b->out_iov[i] = (struct iovec) { b->arena + b->used, len };
	b->used += len;
	memcpy(&b->to[i], to, to_len);
	b->out[i].msg_hdr = (struct msghdr) {
		.msg_name = &b->to[i],
		.msg_namelen = to_len,
		.msg_iov = &b->out_iov[i],
		.msg_iovlen = 1,
	};
}

static void query_free(struct stub_query *q)
{
	struct dns_stub *s = q->stub;

	*q->link = q->next;
	if (q->next != NULL)
		q->next->link = q->link;
	if (s->spares == SPARE_QUERIES) {
		free(q);
		return;
	}
	q->next = s->spare;
	s->spare = q;
	s->spares++;
}

static void on_answer(struct dns_request *r, const uint8_t *bytes, size_t len)
{
	struct stub_query *q = (struct stub_query *)r;

	answer(q->stub, &q->from, q->from_len, bytes, len);
	query_free(q);
}

/* NULL: out of memory. */
static struct stub_query *query_new(struct dns_stub *s)
{
	struct stub_query *q = s->spare;

	if (q != NULL) {
		s->spare = q->next;
		s->spares--;
	} else {
		q = malloc(sizeof(*q));
		if (q == NULL)
			return NULL;
	}
	memset(&q->request, 0, sizeof(q->request));
	q->request.done = on_answer;
	q->stub = s;
	q->next = s->waiting;
	q->link = &s->waiting;
	if (q->next != NULL)
		q->next->link = &q->next;
	s->waiting = q;
	return q;
}

/* Questions. */

static void take(struct dns_stub *s, const uint8_t *bytes, size_t len,
		 const struct sockaddr_storage *from, socklen_t from_len,
		 uint64_t now_ns)
{
	struct stub_query *q = query_new(s);
	uint8_t buf[DNS_SHORT_MAX];
	size_t size;

	if (q == NULL)
		return;
	if (!stub_query_take(s, bytes, len, &q->request.query, buf, &size)) {
		answer(s, from, from_len, buf, size);
		query_free(q);
		return;
	}
	memcpy(&q->from, from, from_len);
	q->from_len = from_len;
	q->request.max = q->request.query.udp_size < DNS_STUB_UDP_MAX
				 ? q->request.query.udp_size
				 : DNS_STUB_UDP_MAX;
	dns_forwarder_take(s->forwarder, &q->request, now_ns);
}

/* False: there is nothing more. */
static bool receive(struct dns_stub *s, uint64_t now_ns)
{
	struct stub_batch *b = s->batch;
	int n;

	for (int i = 0; i < BATCH; i++)
		b->in[i].msg_hdr.msg_namelen = sizeof(b->from[i]);
	n = recvmmsg(s->fd, b->in, BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	b->open = true;
	for (int i = 0; i < n; i++) {
		s->stats.udp++;
		take(s, b->bytes[i], b->in[i].msg_len, &b->from[i],
		     b->in[i].msg_hdr.msg_namelen, now_ns);
	}
	flush(s);
	b->open = false;
	return n == BATCH;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct dns_stub *s = poll->data;
	uint64_t now_ns = clock_now_ns();

	(void)status; /* an error shows in the receive */
	(void)events;
	for (int i = 0; i < BATCHES_MAX && receive(s, now_ns); i++)
		;
	dns_stub_arm(s);
}

/* Creation. */

static struct stub_batch *batch_create(void)
{
	struct stub_batch *b = calloc(1, sizeof(*b));

	for (int i = 0; b != NULL && i < BATCH; i++) {
		b->in_iov[i] =
			(struct iovec) { b->bytes[i], sizeof(b->bytes[i]) };
		b->in[i].msg_hdr = (struct msghdr) {
			.msg_name = &b->from[i],
			.msg_iov = &b->in_iov[i],
			.msg_iovlen = 1,
		};
	}
	return b;
}

static int bind_udp(struct dns_stub *s)
{
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(&s->at, &sa);
	const int size = RECEIVE_BUFFER;

	s->fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0);
	if (s->fd < 0)
		return -errno;
	/* Bursts of a browser that starts; what the host allows will do. */
	(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(s->fd, (const struct sockaddr *)&sa, len) < 0)
		return -errno;
	len = sizeof(sa);
	if (getsockname(s->fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	return endpoint_from_sockaddr((const struct sockaddr *)&sa, &s->at);
}

static int start(struct dns_stub *s, uv_loop_t *loop)
{
	int r;

	/* Timers only get their fields set. */
	(void)uv_timer_init(loop, &s->deadline);
	s->deadline.data = s;
	s->handles++;
	r = uv_poll_init(loop, &s->poll, s->fd);
	if (r < 0)
		return r;
	s->poll.data = s;
	s->handles++;
	r = uv_poll_start(&s->poll, UV_READABLE, on_readable);
	return r < 0 ? r : stub_tcp_listen(s, loop);
}

int dns_stub_create(uv_loop_t *loop, const struct endpoint *at,
		    struct dns_forwarder *forwarder, struct dns_stub **ret_stub)
{
	struct dns_stub *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return -ENOMEM;
	s->forwarder = forwarder;
	s->at = *at;
	s->fd = -1;
	s->batch = batch_create();
	r = s->batch ? bind_udp(s) : -ENOMEM;
	if (r == 0)
		r = start(s, loop);
	if (r < 0) {
		dns_stub_destroy(s);
		return r;
	}
	*ret_stub = s;
	return 0;
}

void dns_stub_destroy(struct dns_stub *s)
{
	if (s == NULL)
		return;
	s->closing = true;
	/* Kept until every handle is known to be closing. */
	s->handles++;
	stub_tcp_close(s);
	while (s->waiting != NULL) {
		dns_forwarder_drop(s->forwarder, &s->waiting->request);
		query_free(s->waiting);
	}
	if (s->deadline.data != NULL)
		uv_close((uv_handle_t *)&s->deadline, on_closed);
	if (s->poll.data != NULL)
		uv_close((uv_handle_t *)&s->poll, on_closed);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1; /* a batch may be under way */
	stub_handle_closed(s);
}

struct endpoint dns_stub_endpoint(const struct dns_stub *s)
{
	return s->at;
}

void dns_stub_stats(const struct dns_stub *s, struct dns_stub_stats *ret_stats)
{
	*ret_stats = s->stats;
}
