/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The UDP sockets of one end: one for control and some for each lane, all at
 * the same address and port. The kernel picks by the record's header: lane k's
 * data records go to lane k modulo `lanes`, and there to the share that the
 * session's index falls in; all else (handshakes, lane 255) to the control
 * socket. Unconnected, nonblocking. Control thread.
 *
 * A gateway has several shares, so that a client that floods fills the queue
 * of its share, and the others keep theirs.
 *
 * The kernel may glue datagrams of one sender and size (UDP_GRO), so control
 * reads through udp_receive() and walks what comes in steps of the segment.
 */
#ifndef ADIT_DATA_UDP_H
#define ADIT_DATA_UDP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"
#include "tunnel/data/lane.h"

enum {
	UDP_SEGMENTS_MAX = 64, /* the kernel's UDP_MAX_SEGMENTS */
	UDP_RUN_MAX = 65000,   /* bytes in one send, below either family's */
	UDP_RECEIVE_MAX = 65536,
	UDP_CMSG_MAX = 64, /* room for our address and a segment size */
	UDP_SHARES_MAX = 8,
};

struct udp_options {
	struct endpoint local; /* port 0: any free one */
	bool dual_stack;       /* local is [::]: take IPv4 too */
	bool tell_local;       /* with what comes, to which address it came */
	uint32_t mark;	       /* SO_MARK, 0: none */
	unsigned int lanes;    /* 1 to LANES_MAX */
	unsigned int shares;   /* of each; a power of two, 0: one */
	int buffer_bytes;      /* each way, 0: the default of 4 MiB */
};

struct udp_sockets {
	int control;
	int lane[LANES_MAX][UDP_SHARES_MAX]; /* -1: none, or given away */
	unsigned int lanes, shares;
	uint16_t port;
};

/* What goes to the kernel beside each send to one place: from which of our
 * addresses (if it is not the kernel's choice), and how to cut. One thread's,
 * which writes the size of the cut into it. */
struct udp_control {
	size_t source_len; /* 0: the kernel's choice */
	_Alignas(8) uint8_t bytes[UDP_CMSG_MAX];
};

/* 0 or -errno; EADDRINUSE also when another adit has the port. */
int udp_open(const struct udp_options *o,
	     struct udp_sockets *ret_sockets) ATTR_MUST_CHECK;
/* Closes what is not -1. */
void udp_close(struct udp_sockets *s);

/* One receive: bytes, or -errno (-EAGAIN: nothing there). *ret_segment is the
 * size of each datagram in it but the last; an empty datagram gives 0 and a
 * segment of 1. */
int udp_receive(int fd, void *buf, size_t capacity, struct path *ret_from,
		size_t *ret_segment);

/* Has the kernel keep what ICMP says about datagrams of this socket, until
 * udp_take_error() reads it; a poll says POLLERR until then. Not for workers:
 * with it on, a send may fail with what was said about one before. */
int udp_watch_errors(int fd, bool on) ATTR_MUST_CHECK;
/* The last of it as -errno, and forgets all; 0: nothing. Whoever can guess a
 * port can say such things: a hint for a text, no more. */
int udp_take_error(int fd);

/* How many datagrams the kernel has dropped since the socket was opened, for
 * its queue was full; a run that it had glued counts as one. Any thread. */
uint32_t udp_dropped(int fd);

/* The segment size that came with a message of `len` bytes, as above. */
size_t udp_segment_of(struct msghdr *m, size_t len);
/* Our address that a message came to; family 0 if that is not told. */
struct ip_addr udp_local_of(struct msghdr *m);

/* For a socket of `family`, as in udp_sockaddr. */
void udp_control_init(struct udp_control *c, const struct ip_addr *local,
		      int family);
/* Sends `len` bytes as datagrams of `segment` bytes, the last one shorter, in
 * one call. 0 or -errno; EIO, EINVAL and EMSGSIZE can mean that the kernel
 * does not cut for this path. Any thread. */
int udp_send_run(int fd, const struct sockaddr_storage *to, socklen_t to_len,
		 struct udp_control *control, const uint8_t *buf, size_t len,
		 size_t segment);

/* An endpoint as a socket of `family` wants it: IPv4 becomes ::ffff:a.b.c.d
 * for AF_INET6. Returns the length; 0 if it cannot be reached from there. */
socklen_t udp_sockaddr(const struct endpoint *e, int family,
		       struct sockaddr_storage *ret_sa);

#endif
