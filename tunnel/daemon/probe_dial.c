/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) From a host to a connection (RFC 8305): names are asked of the uplink's
 * servers, addresses are tried in turn, each a moment after the one before, and
 * the first that answers is it. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tunnel/base/way_socket.h"
#include "tunnel/daemon/probe_private.h"

static void try_next(struct probe *p);

static void attempt_end(struct probe_attempt *a)
{
	if (!a->open)
		return;
	a->open = false;
	uv_close((uv_handle_t *)&a->tcp, probe_handle_closed);
}

void dial_stop(struct probe *p)
{
	dns_upstream_destroy(p->upstream);
	p->upstream = NULL;
	uv_timer_stop(&p->next);
	for (size_t i = 0; i < p->begun; i++)
		if (&p->attempts[i] != p->connected)
			attempt_end(&p->attempts[i]);
}

static bool is_looking(const struct probe *p)
{
	return p->lookups[PROBE_IPV6].pending || p->lookups[PROBE_IPV4].pending;
}

bool dial_has_address(const struct probe *p)
{
	return p->lookups[PROBE_IPV6].count > 0 ||
	       p->lookups[PROBE_IPV4].count > 0;
}

/* Connections. */

static void on_connected(uv_connect_t *connect, int status)
{
	struct probe *p = connect->handle->data;
	struct probe_attempt *a =
		container_of(connect, struct probe_attempt, connect);

	if (!a->open)
		return;
	p->pending--;
	if (status < 0) {
		p->error = status;
		attempt_end(a);
		try_next(p);
		return;
	}
	p->connected = a;
	dial_stop(p);
	probe_ask(p);
}

static int attempt_begin(struct probe *p, const struct ip_addr *addr)
{
	const struct endpoint at = { .addr = *addr, .port = p->port };
	struct probe_attempt *a = &p->attempts[p->begun++];
	int fd = way_socket_open(addr->family, SOCK_STREAM, p->mark, p->device),
	    r;
	struct sockaddr_storage sa;

	if (fd < 0)
		return fd;
	/* It only gets its fields set. */
	(void)uv_tcp_init(p->loop, &a->tcp);
	a->tcp.data = p;
	a->open = true;
	p->handles++;
	r = uv_tcp_open(&a->tcp, fd);
	if (r < 0) {
		close(fd);
	} else {
		endpoint_to_sockaddr(&at, &sa);
		r = uv_tcp_connect(&a->connect, &a->tcp,
				   (const struct sockaddr *)&sa, on_connected);
	}
	if (r < 0)
		attempt_end(a);
	else
		p->pending++;
	return r;
}

/* The families take turns. NULL: none is left, or enough were tried. */
static const struct ip_addr *next_address(struct probe *p)
{
	struct probe_lookup *six = &p->lookups[PROBE_IPV6];
	struct probe_lookup *four = &p->lookups[PROBE_IPV4];
	struct probe_lookup *l = six->tried <= four->tried ? six : four;

	if (l->tried == l->count)
		l = l == six ? four : six;
	if (l->tried == l->count || p->begun == PROBE_ADDRESSES_MAX)
		return NULL;
	return &l->found[l->tried++];
}

static void on_next(uv_timer_t *timer)
{
	try_next(timer->data);
}

static void try_next(struct probe *p)
{
	const struct ip_addr *addr;
	int r = -EAGAIN;

	while (r < 0 && (addr = next_address(p)) != NULL) {
		r = attempt_begin(p, addr);
		if (r < 0)
			p->error = r;
	}
	if (r == 0)
		(void)uv_timer_start(&p->next, on_next, PROBE_NEXT_MS, 0);
	else if (p->pending > 0 || is_looking(p))
		return;
	else if (!dial_has_address(p))
		probe_finish(p, ONDEMAND_PROBE_DNS, p->unresolved);
	else if (p->error == -ETIMEDOUT)
		probe_finish(p, ONDEMAND_PROBE_TIMEOUT, strerror(ETIMEDOUT));
	else
		probe_finish(p, ONDEMAND_PROBE_NO_ANSWER, strerror(-p->error));
}

/* Names. */

static bool is_of(const struct ip_addr *addr, const struct probe_lookup *l)
{
	bool six = l == &l->probe->lookups[PROBE_IPV6];

	return addr->family == (six ? AF_INET6 : AF_INET);
}

static void keep_addresses(struct probe_lookup *l, const struct dns_answer *a)
{
	struct ip_addr addr;
	size_t at = 0;

	while (l->count < PROBE_ADDRESSES_MAX &&
	       dns_answer_address(a, &at, &addr))
		if (is_of(&addr, l))
			l->found[l->count++] = addr;
}

/* Those of IPv6 are waited for a moment. */
static void on_answer(struct dns_ask *ask, enum dns_ask_result result,
		      struct dns_answer *answer)
{
	struct probe_lookup *l = container_of(ask, struct probe_lookup, ask);
	struct probe *p = l->probe;

	l->pending = false;
	if (answer != NULL) {
		keep_addresses(l, answer);
		dns_answer_fini(answer);
		p->unresolved = "the name has no address";
	} else if (p->unresolved == NULL) {
		p->unresolved = dns_ask_result_text(result);
	}
	if (p->connected != NULL ||
	    (p->pending > 0 && uv_is_active((uv_handle_t *)&p->next)))
		return;
	if (p->begun == 0 && l->count > 0 && p->lookups[PROBE_IPV6].pending)
		(void)uv_timer_start(&p->next, on_next, PROBE_PREFER_MS, 0);
	else
		try_next(p);
}

static void look_up(struct probe_lookup *l, uint16_t type)
{
	struct probe *p = l->probe;
	struct dns_query q = {
		.recursion_desired = true,
		.type = type,
		.class = DNS_CLASS_IN,
	};
	enum dns_ask_result r;

	l->ask.done = on_answer;
	if (dns_name_from_text(p->host, &q.name) < 0) {
		p->unresolved = "the name has no address";
		return;
	}
	r = dns_upstream_ask(p->upstream, &q, false, &l->ask);
	l->pending = r == DNS_ASK_ANSWERED;
	if (!l->pending)
		p->unresolved = dns_ask_result_text(r);
}

/* A server on this machine is not reached by the uplink's device. */
static bool is_local(const struct ip_addr *a)
{
	static const struct ip_addr six = { AF_INET6, { [15] = 1 } };

	return (a->family == AF_INET && a->bytes[0] == 127) ||
	       addr_equal(a, &six);
}

static struct dns_upstream *create_upstream(const struct probe *p)
{
	struct dns_upstream_options o = {
		.loop = p->loop,
		.servers = p->servers,
		.count = p->server_count,
		.mark = p->mark,
		.device = p->device,
		.patience_ms = p->limit_ms,
	};

	for (size_t i = 0; i < p->server_count; i++)
		if (is_local(&p->servers[i].at.addr))
			o.device = NULL;
	return dns_upstream_create(&o);
}

void dial_start(struct probe *p)
{
	struct probe_lookup *six = &p->lookups[PROBE_IPV6];
	struct probe_lookup *four = &p->lookups[PROBE_IPV4];
	struct ip_addr addr;

	six->probe = four->probe = p;
	if (addr_parse(p->host, &addr) == 0) {
		struct probe_lookup *l = addr.family == AF_INET6 ? six : four;

		l->found[l->count++] = addr;
		try_next(p);
		return;
	}
	p->upstream = create_upstream(p);
	if (p->upstream == NULL) {
		probe_finish(p, ONDEMAND_PROBE_NO_ANSWER, strerror(ENOMEM));
		return;
	}
	look_up(six, DNS_TYPE_AAAA);
	look_up(four, DNS_TYPE_A);
	if (!is_looking(p))
		try_next(p);
}
