/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

enum {
	RECEIVE_MAX = 32768, /* the largest piece the kernel makes of a dump */
	DUMP_TRIES = 5,
	ANSWER_S = 5, /* the kernel answers at once; a hang would be worse */
};

/* An array that grows, of structs of one size. */
struct rows {
	char *data;
	size_t size; /* of one */
	size_t count;
	size_t room;
};

/* What one dump keeps of each message. */
struct dump {
	enum rtnl_dump what;
	uint32_t only; /* ifindex or table; 0: all */
	struct rows rows;
};

static int open_socket(int protocol, struct netlink *ret_nl)
{
	struct netlink nl = { .seq = 1 };
	struct timeval patience = { .tv_sec = ANSWER_S };
	int on = 1;

	nl.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (nl.fd < 0)
		return -errno;
	if (setsockopt(nl.fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) < 0) {
		int error = errno;

		close(nl.fd);
		return -error;
	}
	/* Both only make errors more readable: old kernels lack them. */
	(void)setsockopt(nl.fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(nl.fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	*ret_nl = nl;
	return 0;
}

int netlink_open(struct netlink *ret_nl)
{
	return open_socket(NETLINK_ROUTE, ret_nl);
}

int netlink_open_generic(struct netlink *ret_nl)
{
	return open_socket(NETLINK_GENERIC, ret_nl);
}

void netlink_close(struct netlink *nl)
{
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
}

static int send_request(struct netlink *nl, const void *msg, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	do {
		n = sendto(nl->fd, msg, len, 0, (struct sockaddr *)&kernel,
			   sizeof(kernel));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* One datagram from the kernel: any process may send to a netlink socket. */
static ssize_t receive(struct netlink *nl, void *buf, size_t size)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { .iov_base = buf, .iov_len = size };
		struct msghdr msg = { .msg_name = &from,
				      .msg_namelen = sizeof(from),
				      .msg_iov = &iov,
				      .msg_iovlen = 1 };
		ssize_t n = recvmsg(nl->fd, &msg, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (from.nl_pid != 0)
			continue;
		return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
	}
}

static int rows_add(struct rows *r, const void *row)
{
	if (r->count == r->room) {
		size_t room = r->room ? 2 * r->room : 16;
		char *data = reallocarray(r->data, room, r->size);

		if (!data)
			return -ENOMEM;
		r->data = data;
		r->room = room;
	}
	memcpy(r->data + r->count++ * r->size, row, r->size);
	return 0;
}

static int keep(void *arg, const struct nlmsghdr *n)
{
	struct dump *d = arg;
	union {
		struct rtnl_link link;
		struct rtnl_addr addr;
		struct rtnl_route route;
		struct rtnl_rule rule;
	} row;
	uint32_t key = 0;
	int r = -ENOMSG;

	switch (d->what) {
	case RTNL_LINKS:
		r = rtnl_parse_link(n, &row.link);
		break;
	case RTNL_ADDRS:
		r = rtnl_parse_addr(n, &row.addr);
		key = r ? 0 : row.addr.ifindex;
		break;
	case RTNL_ROUTES:
		r = rtnl_parse_route(n, &row.route);
		key = r ? 0 : row.route.table;
		break;
	case RTNL_RULES:
		r = rtnl_parse_rule(n, &row.rule);
		break;
	}
	if (r == -ENOMSG || (r == 0 && d->only && key != d->only))
		return 0;
	return r ? r : rows_add(&d->rows, &row);
}

/* Reads until the answer to `seq` is complete. */
static int read_answer(struct netlink *nl, uint32_t seq, netlink_cb each,
		       void *arg)
{
	_Alignas(struct nlmsghdr) char buf[RECEIVE_MAX];
	bool interrupted = false;

	for (;;) {
		const struct nlmsghdr *n = (const void *)buf;
		ssize_t got = receive(nl, buf, sizeof(buf));
		int left = (int)got;

		if (got < 0)
			return (int)got;
		for (; mnl_nlmsg_ok(n, left); n = mnl_nlmsg_next(n, &left)) {
			int r;

			if (n->nlmsg_seq != seq)
				continue;
			interrupted |= n->nlmsg_flags & NLM_F_DUMP_INTR;
			if (n->nlmsg_type == NLMSG_ERROR ||
			    n->nlmsg_type == NLMSG_DONE) {
				r = rtnl_parse_ack(n, nl->why, sizeof(nl->why));
				return r == 0 && interrupted ? -EAGAIN : r;
			}
			r = each(arg, n);
			if (r)
				return r;
		}
	}
}

int netlink_ask(struct netlink *nl, const void *msg, size_t len,
		netlink_cb each, void *arg)
{
	uint32_t seq = nl->seq++;
	int r;

	nl->why[0] = '\0';
	r = send_request(nl, msg, len);
	return r ? r : read_answer(nl, seq, each, arg);
}

static int ignore(void *arg ATTR_UNUSED, const struct nlmsghdr *n ATTR_UNUSED)
{
	return 0;
}

/* Only an acknowledgement comes. */
static int request(struct netlink *nl, const void *msg, size_t len)
{
	return netlink_ask(nl, msg, len, ignore, NULL);
}

/* A dump during which the table changed is not a picture of any moment: the
 * kernel says so, and we ask again. */
static int dump(struct netlink *nl, struct dump *d, uint8_t family,
		void *ret_rows, size_t *ret_count)
{
	_Alignas(struct nlmsghdr) char msg[RTNL_MSG_MAX];
	int r = -EAGAIN;

	for (int i = 0; i < DUMP_TRIES && r == -EAGAIN; i++) {
		size_t len = rtnl_build_dump(msg, nl->seq, d->what, family);

		d->rows.count = 0;
		r = netlink_ask(nl, msg, len, keep, d);
	}
	if (r) {
		free(d->rows.data);
		return r;
	}
	memcpy(ret_rows, &d->rows.data, sizeof(d->rows.data));
	*ret_count = d->rows.count;
	return 0;
}

int netlink_link(struct netlink *nl, const struct rtnl_link_set *l)
{
	_Alignas(struct nlmsghdr) char msg[RTNL_MSG_MAX];

	return request(nl, msg, rtnl_build_link(msg, nl->seq, l));
}

int netlink_link_delete(struct netlink *nl, uint32_t ifindex)
{
	_Alignas(struct nlmsghdr) char msg[RTNL_MSG_MAX];

	return request(nl, msg, rtnl_build_link_delete(msg, nl->seq, ifindex));
}

int netlink_veth(struct netlink *nl, const char *name, const char *peer)
{
	_Alignas(struct nlmsghdr) char msg[RTNL_MSG_MAX];

	return request(nl, msg, rtnl_build_veth(msg, nl->seq, name, peer));
}

int netlink_addr(struct netlink *nl, enum rtnl_op op, const struct rtnl_addr *a)
{
	_Alignas(struct nlmsghdr) char msg[RTNL_MSG_MAX];

	return request(nl, msg, rtnl_build_addr(msg, nl->seq, op, a));
}

int netlink_route(struct netlink *nl, enum rtnl_op op,
		  const struct rtnl_route *r)
{
	_Alignas(struct nlmsghdr) char msg[RTNL_MSG_MAX];

	return request(nl, msg, rtnl_build_route(msg, nl->seq, op, r));
}

int netlink_rule(struct netlink *nl, enum rtnl_op op, const struct rtnl_rule *r)
{
	_Alignas(struct nlmsghdr) char msg[RTNL_MSG_MAX];

	return request(nl, msg, rtnl_build_rule(msg, nl->seq, op, r));
}

int netlink_links(struct netlink *nl, struct rtnl_link **ret_links,
		  size_t *ret_count)
{
	struct dump d = { .what = RTNL_LINKS,
			  .rows.size = sizeof(struct rtnl_link) };

	return dump(nl, &d, AF_UNSPEC, ret_links, ret_count);
}

int netlink_addrs(struct netlink *nl, uint32_t ifindex,
		  struct rtnl_addr **ret_addrs, size_t *ret_count)
{
	struct dump d = { .what = RTNL_ADDRS,
			  .only = ifindex,
			  .rows.size = sizeof(struct rtnl_addr) };

	return dump(nl, &d, AF_UNSPEC, ret_addrs, ret_count);
}

int netlink_routes(struct netlink *nl, uint32_t table,
		   struct rtnl_route **ret_routes, size_t *ret_count)
{
	struct dump d = { .what = RTNL_ROUTES,
			  .only = table,
			  .rows.size = sizeof(struct rtnl_route) };

	return dump(nl, &d, AF_UNSPEC, ret_routes, ret_count);
}

int netlink_rules(struct netlink *nl, struct rtnl_rule **ret_rules,
		  size_t *ret_count)
{
	struct dump d = { .what = RTNL_RULES,
			  .rows.size = sizeof(struct rtnl_rule) };

	return dump(nl, &d, AF_UNSPEC, ret_rules, ret_count);
}

struct neighbours {
	uint32_t ifindex;
	struct rows rows;
};

static int keep_neighbour(void *arg, const struct nlmsghdr *n)
{
	struct neighbours *d = arg;
	struct neighbour row;
	int r = neighbour_parse(n, &row);

	if (r == -ENOMSG || (r == 0 && row.ifindex != d->ifindex))
		return 0;
	return r ? r : rows_add(&d->rows, &row);
}

/* Neighbours come and go at any time, and one of them is all that is wanted:
 * an interrupted dump is as good. */
int netlink_neighbours(struct netlink *nl, uint32_t ifindex,
		       struct neighbour **ret_neighbours, size_t *ret_count)
{
	_Alignas(struct nlmsghdr) char msg[RTNL_MSG_MAX];
	struct neighbours d = { .ifindex = ifindex,
				.rows.size = sizeof(struct neighbour) };
	size_t len = neighbour_build_dump(msg, nl->seq, ifindex);
	int r = netlink_ask(nl, msg, len, keep_neighbour, &d);

	if (r && r != -EAGAIN) {
		free(d.rows.data);
		return r;
	}
	*ret_neighbours = (struct neighbour *)d.rows.data;
	*ret_count = d.rows.count;
	return 0;
}
