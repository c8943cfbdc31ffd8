/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) Questions by UDP. A forger has to hit a socket of many, its port, an id
 * and the letters (RFC 5452). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/upstream_private.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"
#include "tunnel/base/way_socket.h"

enum {
	USES_MAX = 200,	   /* of one port */
	LATE_MAX = 32,	   /* ids of a socket that are remembered */
	RECEIVES_MAX = 64, /* in one turn of the loop */
	ERRORS_MAX = 16,
	ID_TRIES = 16,
	SEND_TRIES = 3,
};

#define AGE_MAX_NS (30ULL * NS_PER_S)

/* Somebody whose answer is not waited for any more. */
struct late {
	uint16_t id;
	bool used;
	uint8_t server;
	uint64_t sent_ns;
};

struct udp_socket {
	struct dns_upstream *upstream;
	struct udp_socket *next, **link; /* of the retired */
	uv_poll_t poll;
	int fd;
	bool retired;
	unsigned int uses, pending;
	uint64_t since_ns;
	size_t late_at;
	struct late late[LATE_MAX];
};

static struct dns_attempt **bucket_of(struct dns_upstream *u,
				      const struct udp_socket *s, uint16_t id)
{
	return &u->by_id[(id ^ (unsigned int)s->fd * 257U) % ATTEMPT_BUCKETS];
}

static struct dns_attempt *find(struct dns_upstream *u,
				const struct udp_socket *s, uint16_t id)
{
	struct dns_attempt *a = *bucket_of(u, s, id);

	while (a != NULL && (a->socket != s || a->id != id))
		a = a->next;
	return a;
}

static void on_socket_closed(uv_handle_t *handle)
{
	struct udp_socket *s = handle->data;
	struct dns_upstream *u = s->upstream;

	free(s);
	upstream_handle_closed(u);
}

static void socket_close(struct udp_socket *s)
{
	if (s->link != NULL) {
		*s->link = s->next;
		if (s->next != NULL)
			s->next->link = s->link;
	}
	uv_close((uv_handle_t *)&s->poll, on_socket_closed);
	close(s->fd);
}

/* No new questions; it goes when the last one is answered. */
static void socket_retire(struct udp_socket **place)
{
	struct udp_socket *s = *place;
	struct dns_upstream *u = s->upstream;

	*place = NULL;
	s->retired = true;
	if (s->pending == 0) {
		socket_close(s);
		return;
	}
	s->next = u->retired;
	s->link = &u->retired;
	if (s->next != NULL)
		s->next->link = &s->next;
	u->retired = s;
}

/* A link-local server's scope comes with the datagram. */
static bool is_at(const struct upstream_server *s, const struct endpoint *from)
{
	struct endpoint at = upstream_endpoint(s);

	return addr_equal(&at.addr, &from->addr) && at.port == from->port;
}

static bool is_from(const struct dns_attempt *a, const struct endpoint *from)
{
	return is_at(upstream_server_of(a), from);
}

/* Does the source fit a server? Its number, or -1. */
static int server_at(const struct dns_upstream *u, const struct endpoint *from)
{
	for (size_t i = 0; i < u->count; i++)
		if (is_at(&u->servers[i], from))
			return (int)i;
	return -1;
}

/* Too late, twice, or never asked. */
static void count_stray(struct udp_socket *s, uint16_t id, int server)
{
	struct dns_upstream *u = s->upstream;

	for (size_t i = 0; i < LATE_MAX; i++) {
		const struct late *l = &s->late[i];

		if (!l->used || l->id != id || l->server != server)
			continue;
		u->stats.late++;
		/* It is slow, but it lives. */
		upstream_heard(u, l->server, clock_now_ns() - l->sent_ns);
		return;
	}
	u->stats.faults[DNS_REPLY_WRONG_ID]++;
}

static void take(struct udp_socket *s, const struct endpoint *from, size_t len)
{
	struct dns_upstream *u = s->upstream;
	int server = server_at(u, from);
	struct dns_attempt *a;

	if (server < 0) {
		u->stats.wrong_source++;
		return;
	}
	if (len < DNS_HEADER_LEN) {
		u->stats.faults[DNS_REPLY_MALFORMED]++;
		return;
	}
	a = find(u, s, load_be16(u->buffer));
	if (a == NULL)
		count_stray(s, load_be16(u->buffer), server);
	else if (!is_from(a, from))
		u->stats.wrong_source++;
	else
		upstream_reply(a, u->buffer, len);
}

/* An ICMP error comes with our own datagram: that server cannot be asked now.
 * Whoever forges one has to know its port, id and letters. False: there is
 * none. */
static bool take_error(struct udp_socket *s)
{
	uint8_t control[256];
	struct dns_upstream *u = s->upstream;
	struct iovec iov = { u->buffer, DNS_SHORT_MAX };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	uint8_t sent[DNS_SHORT_MAX];
	ssize_t n = recvmsg(s->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);
	struct dns_attempt *a;

	if (n < DNS_HEADER_LEN)
		return n >= 0;
	a = find(u, s, load_be16(u->buffer));
	if (a != NULL && upstream_build(a, sent) == (size_t)n &&
	    memcmp(sent, u->buffer, (size_t)n) == 0)
		upstream_failed(a, DNS_ASK_UNREACHABLE);
	return true;
}

static bool is_closing(const struct udp_socket *s)
{
	return uv_is_closing((const uv_handle_t *)&s->poll);
}

/* False: there is nothing more. */
static bool receive(struct udp_socket *s)
{
	struct sockaddr_storage sa;
	socklen_t sa_len = sizeof(sa);
	struct endpoint from;
	ssize_t n = recvfrom(s->fd, s->upstream->buffer, DNS_MESSAGE_MAX, 0,
			     (struct sockaddr *)&sa, &sa_len);

	/* Another error is the echo of one in the error queue. */
	if (n < 0)
		return errno != EAGAIN && errno != EWOULDBLOCK;
	if (endpoint_from_sockaddr((const struct sockaddr *)&sa, &from) == 0)
		take(s, &from, (size_t)n);
	return true;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct udp_socket *s = poll->data;

	(void)events;
	/* An answer may be the last that it waits for, and close it. */
	for (int i = 0; i < RECEIVES_MAX && !is_closing(s); i++)
		if (!receive(s))
			break;
	if (status == 0)
		return;
	/* There is an error queue; libuv takes that for the end, and stops. */
	for (int i = 0; i < ERRORS_MAX && !is_closing(s); i++)
		if (!take_error(s))
			break;
	if (!is_closing(s))
		(void)uv_poll_start(poll, UV_READABLE, on_readable);
}

static int socket_open(struct dns_upstream *u, int family,
		       struct udp_socket **ret_socket)
{
	struct udp_socket *s = calloc(1, sizeof(*s));
	struct sockaddr_storage any = { .ss_family = (sa_family_t)family };
	const int on = 1;
	int r;

	if (s == NULL)
		return -ENOMEM;
	s->fd = way_socket_open(family, SOCK_DGRAM, u->mark, u->device);
	r = s->fd;
	if (r >= 0) {
		/* Without it errors are not told on a socket like this one. */
		(void)setsockopt(s->fd, IPPROTO_IP, IP_RECVERR, &on,
				 sizeof(on));
		(void)setsockopt(s->fd, IPPROTO_IPV6, IPV6_RECVERR, &on,
				 sizeof(on));
	}
	/* Port 0: the kernel takes a random one. */
	if (r >= 0 && bind(s->fd, (const struct sockaddr *)&any,
			   family == AF_INET ? sizeof(struct sockaddr_in)
					     : sizeof(struct sockaddr_in6)) < 0)
		r = -errno;
	if (r >= 0)
		r = uv_poll_init(u->loop, &s->poll, s->fd);
	if (r < 0) {
		if (s->fd >= 0)
			close(s->fd);
		free(s);
		return r;
	}
	s->upstream = u;
	s->poll.data = s;
	s->since_ns = clock_now_ns();
	u->handles++;
	(void)uv_poll_start(&s->poll, UV_READABLE, on_readable);
	*ret_socket = s;
	return 0;
}

static int choose_socket(struct dns_upstream *u, uint8_t family,
			 struct udp_socket **ret_socket)
{
	struct udp_socket **place =
		&u->sockets[family == AF_INET6]
			   [upstream_random(u) % UDP_SOCKETS];
	int r;

	if (*place != NULL &&
	    ((*place)->uses >= USES_MAX ||
	     clock_now_ns() - (*place)->since_ns > AGE_MAX_NS))
		socket_retire(place);
	if (*place == NULL) {
		r = socket_open(u, family, place);
		if (r < 0)
			return r;
	}
	*ret_socket = *place;
	return 0;
}

static int choose_id(struct dns_upstream *u, const struct udp_socket *s,
		     uint16_t *ret_id)
{
	for (int i = 0; i < ID_TRIES; i++) {
		uint16_t id = (uint16_t)upstream_random(u);

		if (find(u, s, id) == NULL) {
			*ret_id = id;
			return 0;
		}
	}
	return -EBUSY;
}

/* The first error may be what an ICMP message said of another server: the
 * kernel tells it to whoever calls next. */
static int transmit(const struct dns_attempt *a, const struct udp_socket *s)
{
	struct endpoint at = upstream_endpoint(upstream_server_of(a));
	struct sockaddr_storage sa;
	socklen_t sa_len = endpoint_to_sockaddr(&at, &sa);
	uint8_t buf[DNS_SHORT_MAX];
	size_t len = upstream_build(a, buf);
	int tries = SEND_TRIES;

	while (sendto(s->fd, buf, len, MSG_DONTWAIT,
		      (const struct sockaddr *)&sa, sa_len) < 0) {
		/* No room: it counts as lost on the way. */
		if (errno == EAGAIN || errno == ENOBUFS)
			return 0;
		if (--tries == 0)
			return -errno;
	}
	return 0;
}

int upstream_udp_send(struct dns_upstream *u, struct dns_attempt *a)
{
	const struct upstream_server *server = upstream_server_of(a);
	struct dns_attempt **bucket;
	struct udp_socket *s;
	int r = choose_socket(u, server->server.at.addr.family, &s);

	if (r == 0)
		r = choose_id(u, s, &a->id);
	if (r == 0)
		r = transmit(a, s);
	if (r < 0)
		return r;
	u->stats.sent_udp++;
	s->uses++;
	s->pending++;
	a->socket = s;
	bucket = bucket_of(u, s, a->id);
	a->next = *bucket;
	a->link = bucket;
	if (a->next != NULL)
		a->next->link = &a->next;
	*bucket = a;
	return 0;
}

void udp_repeat(struct dns_attempt *a)
{
	a->exchange->upstream->stats.sent_udp++;
	(void)transmit(a, a->socket); /* the first one may still be answered */
}

void upstream_udp_forget(struct dns_upstream *u, struct dns_attempt *a)
{
	struct udp_socket *s = a->socket;

	*a->link = a->next;
	if (a->next != NULL)
		a->next->link = a->link;
	a->socket = NULL;
	s->late[s->late_at++ % LATE_MAX] = (struct late) {
		.id = a->id,
		.used = true,
		.server = (uint8_t)(upstream_server_of(a) - u->servers),
		.sent_ns = a->sent_ns,
	};
	if (--s->pending == 0 && s->retired)
		socket_close(s);
}

void upstream_udp_close(struct dns_upstream *u)
{
	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < UDP_SOCKETS; k++)
			if (u->sockets[i][k] != NULL)
				socket_retire(&u->sockets[i][k]);
	/* Nothing is pending any more, so that none is only retired. */
}
