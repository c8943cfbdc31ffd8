/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/data/udp.h"

#include <assert.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#include "crypto/record.h"

enum {
	BUFFER_DEFAULT = 4 << 20,
	ERRORS_MAX = 64, /* read in one go */
	HOPS_MAX = 255,
};

static_assert(CMSG_SPACE(sizeof(struct in6_pktinfo)) +
			      CMSG_SPACE(sizeof(int)) <=
		      UDP_CMSG_MAX,
	      "UDP_CMSG_MAX is too small");

/*
 * Which of the group's sockets gets a datagram: 0 is control, then come the
 * shares of lane 0, of lane 1, and so on, in the order of their binding. The
 * program sees the UDP payload; a load beyond its end returns 0, which is
 * control. RECORD_INDEX_LAST differs most from one session to the next.
 */
static int attach_steering(int fd, unsigned int lanes, unsigned int shares)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RECORD_TYPE, 0, 10),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 1),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, LANES_MAX, 8, 0),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, lanes),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, shares),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, RECORD_INDEX_LAST),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, shares - 1),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1),
		BPF_STMT(BPF_RET | BPF_A, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
		       sizeof(program)) < 0)
		return -errno;
	return 0;
}

/* With the privilege beyond the system's limit; else as far as that goes. */
static void set_buffers(int fd, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes,
				 sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes,
				 sizeof(bytes));
}

/*
 * A receiver's kernel glues only what has one hop limit. With one of its own
 * for each lane it does not glue lanes: what is glued goes to the first one's
 * worker as a whole, and what that hands over is overtaken by what came later
 * and straight. Without it that is all that happens.
 */
static void add_hops(int fd, int level, int option, unsigned int more)
{
	socklen_t len = sizeof(int);
	int hops;

	if (getsockopt(fd, level, option, &hops, &len) < 0)
		return;
	hops += (int)more;
	if (hops > HOPS_MAX)
		hops = HOPS_MAX;
	(void)setsockopt(fd, level, option, &hops, sizeof(hops));
}

/* An IPv6 socket tells it for IPv4, too, as ::ffff:a.b.c.d. */
static bool tell_local(int fd, int family)
{
	const int one = 1;
	int r = family == AF_INET6
			? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one,
				     sizeof(one))
			: setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one,
				     sizeof(one));

	return r == 0;
}

/*
 * IP_MTU_DISCOVER stays as the system has it (IP_PMTUDISC_WANT): packets that
 * fit go with DF, and those above a path's known MTU leave in fragments rather
 * than not at all. DO would turn a small path into a black hole for as long as
 * nobody probes it and tells the inner hosts.
 */
static int open_one(const struct udp_options *o,
		    const struct sockaddr_storage *sa, socklen_t sa_len,
		    bool share)
{
	int fd, one = 1, v6only = !o->dual_stack, error;

	fd = socket(sa->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0);
	if (fd < 0)
		return -errno;
	if (sa->ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)))
		goto fail;
	if (o->mark != 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_MARK, &o->mark, sizeof(o->mark)) < 0)
		goto fail;
	if (share &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0)
		goto fail;
	/* On control's, too: when the kernel looks whether a flow may be
	 * glued, it picks one of the group by hash, not by our program. */
	(void)setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof(one));
	if (o->tell_local && !tell_local(fd, sa->ss_family))
		goto fail;
	set_buffers(fd, o->buffer_bytes ? o->buffer_bytes : BUFFER_DEFAULT);
	if (bind(fd, (const struct sockaddr *)sa, sa_len) < 0)
		goto fail;
	/* Sharing is allowed only now that the port is ours alone: with it set
	 * before, another adit on the port would be joined, not refused. */
	if (!share &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0)
		goto fail;
	return fd;
fail:
	error = errno;
	(void)close(fd); /* the first error is the one to report */
	return -error;
}

/* Control has the system's hop limit, and each lane one more. */
static int open_lane(const struct udp_options *o,
		     const struct sockaddr_storage *sa, socklen_t sa_len,
		     unsigned int lane)
{
	int fd = open_one(o, sa, sa_len, true);

	if (fd < 0)
		return fd;
	add_hops(fd, IPPROTO_IP, IP_TTL, lane + 1);
	if (sa->ss_family == AF_INET6)
		add_hops(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, lane + 1);
	return fd;
}

static uint16_t *port_of(struct sockaddr_storage *sa)
{
	return sa->ss_family == AF_INET6
		       ? &((struct sockaddr_in6 *)sa)->sin6_port
		       : &((struct sockaddr_in *)sa)->sin_port;
}

int udp_open(const struct udp_options *o, struct udp_sockets *ret_sockets)
{
	struct udp_sockets s = {
		.control = -1,
		.lanes = o->lanes,
		.shares = o->shares ? o->shares : 1,
	};
	struct sockaddr_storage sa = { 0 };
	socklen_t sa_len = endpoint_to_sockaddr(&o->local, &sa);
	int r;

	if (o->lanes == 0 || o->lanes > LANES_MAX ||
	    s.shares > UDP_SHARES_MAX || (s.shares & (s.shares - 1)))
		return -EINVAL;
	memset(s.lane, -1, sizeof(s.lane));
	r = s.control = open_one(o, &sa, sa_len, false);
	if (r < 0)
		return r;
	r = getsockname(s.control, (struct sockaddr *)&sa, &sa_len) < 0 ? -errno
									: 0;
	for (unsigned int i = 0; r >= 0 && i < s.lanes * s.shares; i++)
		r = s.lane[i / s.shares][i % s.shares] =
			open_lane(o, &sa, sa_len, i / s.shares);
	if (r >= 0)
		r = attach_steering(s.control, s.lanes, s.shares);
	if (r < 0) {
		udp_close(&s);
		return r;
	}
	s.port = ntohs(*port_of(&sa));
	*ret_sockets = s;
	return 0;
}

void udp_close(struct udp_sockets *s)
{
	/* Lanes first, so that no datagram is steered by a group that has
	 * already moved its last socket into control's place. */
	for (unsigned int i = s->lanes * s->shares; i-- > 0;) {
		int *fd = &s->lane[i / s->shares][i % s->shares];

		if (*fd >= 0)
			(void)close(*fd);
		*fd = -1;
	}
	if (s->control >= 0)
		(void)close(s->control);
	s->control = -1;
}

uint32_t udp_dropped(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	(void)getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len);
	return info[SK_MEMINFO_DROPS];
}

size_t udp_segment_of(struct msghdr *m, size_t len)
{
	struct cmsghdr *c;
	int segment;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO)
			continue;
		memcpy(&segment, CMSG_DATA(c), sizeof(segment));
		if (segment > 0)
			return (size_t)segment;
	}
	return len > 0 ? len : 1;
}

struct ip_addr udp_local_of(struct msghdr *m)
{
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct endpoint e = { 0 };
	struct in6_pktinfo info6;
	struct in_pktinfo info;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			four.sin_addr = info.ipi_spec_dst;
			(void)endpoint_from_sockaddr((void *)&four, &e);
		} else if (c->cmsg_level == IPPROTO_IPV6 &&
			   c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info6, CMSG_DATA(c), sizeof(info6));
			six.sin6_addr = info6.ipi6_addr;
			(void)endpoint_from_sockaddr((void *)&six, &e);
		}
	}
	return e.addr;
}

int udp_receive(int fd, void *buf, size_t capacity, struct path *ret_from,
		size_t *ret_segment)
{
	_Alignas(struct cmsghdr) uint8_t control[UDP_CMSG_MAX];
	struct sockaddr_storage from = { 0 };
	struct iovec v = { buf, capacity };
	struct msghdr m = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	do {
		n = recvmsg(fd, &m, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (endpoint_from_sockaddr((struct sockaddr *)&from,
				   &ret_from->remote) < 0)
		return -EAFNOSUPPORT;
	ret_from->local = udp_local_of(&m);
	*ret_segment = udp_segment_of(&m, (size_t)n);
	return (int)n;
}

int udp_watch_errors(int fd, bool on)
{
	int family = 0, value = on, r;
	socklen_t len = sizeof(family);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0)
		return -errno;
	r = family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR,
					    &value, sizeof(value))
			       : setsockopt(fd, IPPROTO_IP, IP_RECVERR, &value,
					    sizeof(value));
	if (r < 0)
		return -errno;
	if (!on)
		(void)udp_take_error(fd); /* what was left is nobody's */
	return 0;
}

static int extended_error(struct msghdr *m)
{
	struct sock_extended_err e;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (!(c->cmsg_level == IPPROTO_IP &&
		      c->cmsg_type == IP_RECVERR) &&
		    !(c->cmsg_level == IPPROTO_IPV6 &&
		      c->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		return -(int)e.ee_errno;
	}
	return 0;
}

int udp_take_error(int fd)
{
	/* Of the error and the address that it came from. */
	_Alignas(struct cmsghdr) uint8_t control[128];
	struct msghdr m;
	int error = 0, pending;
	socklen_t len = sizeof(pending);

	for (int i = 0; i < ERRORS_MAX; i++) {
		m = (struct msghdr) {
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			break;
		error = extended_error(&m);
	}
	/* Else the next send fails with it, and sends nothing. */
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &len);
	return error;
}

/* Puts one control message at `at`; returns the room that it takes. */
static size_t put_message(uint8_t *at, int level, int type, const void *data,
			  size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)at;

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	return CMSG_SPACE(len);
}

static size_t put_source(uint8_t *at, const struct ip_addr *local, int family)
{
	struct endpoint e = { .addr = *local };
	struct sockaddr_storage sa;
	struct in6_pktinfo info6 = { 0 };
	struct in_pktinfo info = { 0 };

	if (local->family == 0 || udp_sockaddr(&e, family, &sa) == 0)
		return 0;
	if (family == AF_INET) {
		info.ipi_spec_dst = ((struct sockaddr_in *)&sa)->sin_addr;
		return put_message(at, IPPROTO_IP, IP_PKTINFO, &info,
				   sizeof(info));
	}
	info6.ipi6_addr = ((struct sockaddr_in6 *)&sa)->sin6_addr;
	return put_message(at, IPPROTO_IPV6, IPV6_PKTINFO, &info6,
			   sizeof(info6));
}

void udp_control_init(struct udp_control *c, const struct ip_addr *local,
		      int family)
{
	const uint16_t no_size = 0;

	memset(c, 0, sizeof(*c));
	c->source_len = put_source(c->bytes, local, family);
	(void)put_message(c->bytes + c->source_len, SOL_UDP, UDP_SEGMENT,
			  &no_size, sizeof(no_size)); /* always fits */
}

int udp_send_run(int fd, const struct sockaddr_storage *to, socklen_t to_len,
		 struct udp_control *control, const uint8_t *buf, size_t len,
		 size_t segment)
{
	struct iovec v = { (void *)(uintptr_t)buf, len };
	struct msghdr m = {
		.msg_name = (void *)(uintptr_t)to,
		.msg_namelen = to_len,
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control->bytes,
		.msg_controllen = control->source_len,
	};
	uint16_t size = (uint16_t)segment;
	ssize_t n;

	if (segment < len) {
		memcpy(control->bytes + control->source_len + CMSG_LEN(0),
		       &size, sizeof(size));
		m.msg_controllen += CMSG_SPACE(sizeof(size));
	}
	do {
		n = sendmsg(fd, &m, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

socklen_t udp_sockaddr(const struct endpoint *e, int family,
		       struct sockaddr_storage *ret_sa)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret_sa;

	if (e->addr.family == family)
		return endpoint_to_sockaddr(e, ret_sa);
	if (e->addr.family != AF_INET || family != AF_INET6)
		return 0;
	memset(ret_sa, 0, sizeof(*ret_sa));
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(e->port);
	six->sin6_addr.s6_addr[10] = 0xff;
	six->sin6_addr.s6_addr[11] = 0xff;
	memcpy(six->sin6_addr.s6_addr + 12, e->addr.bytes, 4);
	return sizeof(*six);
}
