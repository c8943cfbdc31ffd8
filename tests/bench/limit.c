/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limit DEVICE LOCAL REMOTE
 *
 * A yardstick, not a tunnel to be used: the floor under what any tunnel in
 * user space costs on this machine. One fixed key, no handshake, no session, no
 * replay window, one peer, one thread, and super-packets of TCP over IPv4
 * alone; cipher and libraries are adit's own (crypto/aead.h), so that what is
 * compared is the path. SIGUSR1 prints what was counted, as JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/aead.h"
#include "tunnel/base/addr.h"
#include "tunnel/base/bytes.h"
#include "tunnel/data/counters.h"
#include "tunnel/data/csum.h"
#include "tunnel/data/tun.h"

enum {
	HEADER = 16, /* 8 bytes of nothing, and the counter */
	OVERHEAD = HEADER + AEAD_TAG_LEN,
	SEND_MAX = 65000,
	SEGMENTS_MAX = 64,
	PACKET_MAX = 65535 + OVERHEAD,
	TURNS = 32, /* reads, or receives, before the other side's turn */
	HEADERS_MAX = 120,
	SOCKET_BUFFER = 8 << 20,
	FIN_PSH = 0x09,
	PSH = 0x08,
};

/* Packets of one flow, opened one behind the other. */
struct super {
	size_t len;	/* 0: empty */
	size_t headers; /* of TCP over IPv4, else 0 */
	size_t segment; /* payload of each but the last */
	uint32_t next;	/* sequence number */
	/* Written with one call: the second directly behind the first. */
	struct virtio_net_hdr vnet;
	uint8_t packet[PACKET_MAX + HEADERS_MAX];
};

struct limit {
	int tun, udp;
	uint64_t counter;
	struct aead aead;
	struct counters counters;
	struct super super;
	uint8_t in[sizeof(struct virtio_net_hdr) + PACKET_MAX];
	uint8_t out[SEND_MAX + PACKET_MAX];
	uint8_t received[PACKET_MAX];
};

static volatile sig_atomic_t asked;

static void ask(int signal)
{
	(void)signal;
	asked = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static size_t ip_header(const uint8_t *p)
{
	return (size_t)(p[0] & 15) * 4;
}

/* IPv4 with a TCP or UDP header directly behind it, and no fragment. */
static bool is_plain(const uint8_t *p, size_t len, uint8_t protocol)
{
	return len >= 28 && p[0] >> 4 == 4 && p[9] == protocol &&
	       (load_be16(p + 6) & 0x3fff) == 0 && ip_header(p) + 8 <= len;
}

/* Length of the headers of TCP over IPv4, or 0. */
static size_t tcp_headers(const uint8_t *p, size_t len)
{
	size_t at = ip_header(p), n;

	if (!is_plain(p, len, IPPROTO_TCP) || at + 20 > len)
		return 0;
	n = at + (size_t)(p[at + 12] >> 4) * 4;
	return n <= len && n <= HEADERS_MAX ? n : 0;
}

/* out: header, ciphertext, tag; `packet` may lie anywhere else. */
static size_t seal(struct limit *l, const uint8_t *packet, size_t len,
		   uint8_t *out)
{
	uint8_t nonce[AEAD_NONCE_LEN] = { 0 };

	store_be64(out, 0);
	store_be64(out + 8, l->counter++);
	memcpy(nonce + 4, out + 8, 8);
	aead_seal(&l->aead, nonce, out, HEADER, packet, len, out + HEADER);
	return len + OVERHEAD;
}

/* Length of the packet that is now at `to`, or 0. */
static size_t unseal(struct limit *l, const uint8_t *record, size_t len,
		     uint8_t *to)
{
	uint8_t nonce[AEAD_NONCE_LEN] = { 0 };

	if (len <= OVERHEAD)
		return 0;
	memcpy(nonce + 4, record + 8, 8);
	if (!aead_open(&l->aead, nonce, record, HEADER, record + HEADER,
		       len - HEADER, to))
		return 0;
	return len - OVERHEAD;
}

static void send_records(struct limit *l, size_t len, size_t segment)
{
	_Alignas(8) char control[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
	struct iovec v = { l->out, len };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	uint16_t cut = (uint16_t)segment;
	struct cmsghdr *c;

	if (segment < len) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(cut));
		memcpy(CMSG_DATA(c), &cut, sizeof(cut));
	}
	/* A full queue drops, as a link would. */
	(void)!sendmsg(l->udp, &m, 0);
	counters_add(&l->counters, COUNTER_CALL_SENDMSG, 1);
	counters_add_batch(l->counters.sent, (len + segment - 1) / segment);
}

/* Seals each segment behind a header of its own, written over the tail of the
 * payload before it, which is sealed already. */
static void cut_and_send(struct limit *l, uint8_t *p, size_t len, size_t mss)
{
	size_t headers = tcp_headers(p, len), at = ip_header(p), filled = 0;
	size_t stride = headers + mss + OVERHEAD, payload = len - headers;
	uint8_t header[HEADERS_MAX];
	uint16_t id = load_be16(p + 4);
	uint32_t seq;

	if (headers == 0 || mss == 0 || stride > SEND_MAX)
		return;
	seq = load_be32(p + at + 4);
	memcpy(header, p, headers);
	for (size_t done = 0; done < payload; done += mss) {
		size_t n = payload - done < mss ? payload - done : mss;
		uint8_t *segment = p + done;

		if (filled + stride > SEND_MAX ||
		    filled == SEGMENTS_MAX * stride) {
			send_records(l, filled, stride);
			filled = 0;
		}
		memcpy(segment, header, headers);
		store_be16(segment + 2, (uint16_t)(headers + n));
		store_be16(segment + 4, id++);
		store_be32(segment + at + 4, seq + (uint32_t)done);
		if (done + n < payload)
			segment[at + 13] &= (uint8_t)~FIN_PSH;
		csum_ipv4_header(segment, at);
		filled += seal(l, segment, headers + n, l->out + filled);
	}
	send_records(l, filled, stride);
}

static bool from_device(struct limit *l)
{
	ssize_t n = read(l->tun, l->in, sizeof(l->in));
	struct virtio_net_hdr v;
	size_t len;

	counters_add(&l->counters, COUNTER_CALL_READ, 1);
	if (n <= (ssize_t)sizeof(v))
		return false;
	memcpy(&v, l->in, sizeof(v));
	len = (size_t)n - sizeof(v);
	if (v.gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		len = seal(l, l->in + sizeof(v), len, l->out);
		send_records(l, len, len);
	} else {
		cut_and_send(l, l->in + sizeof(v), len, v.gso_size);
	}
	return true;
}

/* Lengths, and checksums that the kernel is to finish. */
static void finish_headers(struct super *s)
{
	uint8_t *p = s->packet;
	size_t at = ip_header(p), field = 16;

	s->vnet = (struct virtio_net_hdr) { 0 };
	if (is_plain(p, s->len, IPPROTO_UDP))
		field = 6;
	else if (s->headers == 0)
		return;
	s->vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	s->vnet.csum_start = (uint16_t)at;
	s->vnet.csum_offset = (uint16_t)field;
	if (s->headers > 0 && s->len > s->headers + s->segment) {
		s->vnet.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		s->vnet.gso_size = (uint16_t)s->segment;
		s->vnet.hdr_len = (uint16_t)s->headers;
		store_be16(p + 2, (uint16_t)s->len);
		csum_ipv4_header(p, at);
	}
	store_be16(p + at + field,
		   csum_fold(csum_pseudo(p, p[9], s->len - at)));
}

static void write_out(struct limit *l)
{
	struct super *s = &l->super;

	if (s->len == 0)
		return;
	finish_headers(s);
	(void)!write(l->tun, &s->vnet, sizeof(s->vnet) + s->len);
	counters_add(&l->counters, COUNTER_CALL_WRITE, 1);
	s->len = 0;
}

/* What was just put into the empty super-packet is its first. */
static void begin(struct super *s, size_t len)
{
	s->len = len;
	s->headers = tcp_headers(s->packet, len);
	s->segment = len - s->headers;
	if (s->headers > 0)
		s->next = load_be32(s->packet + ip_header(s->packet) + 4) +
			  (uint32_t)s->segment;
}

/* Does the packet at `p` go on where the super-packet ends? */
static bool continues(const struct super *s, const uint8_t *p, size_t len)
{
	size_t at = ip_header(s->packet), payload = len - s->headers;

	return tcp_headers(p, len) == s->headers && payload > 0 &&
	       payload <= s->segment && ip_header(p) == at &&
	       load_be32(p + at + 4) == s->next &&
	       memcmp(p + 12, s->packet + 12, at - 12 + 4) == 0 &&
	       (p[at + 13] & ~PSH) == (s->packet[at + 13] & ~PSH) &&
	       !(s->packet[at + 13] & PSH);
}

/* Opened so that its payload lands behind what is there; the bytes that its
 * headers overwrite are put back. */
static void open_behind(struct limit *l, const uint8_t *record, size_t len)
{
	struct super *s = &l->super;
	uint8_t *to = s->packet + s->len - s->headers, saved[HEADERS_MAX];
	uint8_t alone[PACKET_MAX];
	size_t n, at = ip_header(s->packet), payload;

	memcpy(saved, to, s->headers);
	n = unseal(l, record, len, to);
	if (n > 0 && continues(s, to, n)) {
		payload = n - s->headers;
		s->packet[at + 13] |= to[at + 13] & PSH;
		/* Acknowledgement, offset, flags stay; the window is new. */
		memcpy(s->packet + at + 14, to + at + 14, 2);
		memcpy(to, saved, s->headers);
		s->len += payload;
		s->next += (uint32_t)payload;
		if (payload < s->segment)
			write_out(l);
		return;
	}
	memcpy(alone, to, n);
	memcpy(to, saved, s->headers);
	if (n == 0)
		return;
	write_out(l);
	memcpy(s->packet, alone, n);
	begin(s, n);
}

static void to_device(struct limit *l, const uint8_t *record, size_t len)
{
	struct super *s = &l->super;
	size_t n;

	if (s->len > 0 && s->headers > 0 && s->segment > 0 &&
	    s->len + len < SEND_MAX) {
		open_behind(l, record, len);
		return;
	}
	write_out(l);
	n = unseal(l, record, len, s->packet);
	if (n > 0)
		begin(s, n);
}

static bool from_socket(struct limit *l)
{
	_Alignas(8) char control[64];
	struct iovec v = { l->received, sizeof(l->received) };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(l->udp, &m, MSG_DONTWAIT);
	size_t len, segment;
	int cut;

	counters_add(&l->counters, COUNTER_CALL_RECVMMSG, 1);
	if (n <= 0)
		return false;
	len = segment = (size_t)n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&cut, CMSG_DATA(c), sizeof(cut));
			segment = (size_t)cut;
		}
	for (size_t done = 0; done < len; done += segment)
		to_device(l, l->received + done,
			  len - done < segment ? len - done : segment);
	counters_add_batch(l->counters.received, (len + segment - 1) / segment);
	return true;
}

static void print_batches(const char *name, const _Atomic uint64_t *of)
{
	printf(", \"%s\": [", name);
	for (int i = 0; i < BATCH_BUCKETS; i++)
		printf("%s{\"up_to\": %d, \"count\": %llu}", i ? ", " : "",
		       1 << i, (unsigned long long)counter_get(&of[i]));
	printf("]");
}

static void print_counts(const struct limit *l)
{
	printf("{\"system_calls\": %llu",
	       (unsigned long long)counters_calls(&l->counters));
	print_batches("records_sent", l->counters.sent);
	print_batches("records_received", l->counters.received);
	printf("}\n");
	fflush(stdout);
}

static void open_device(struct limit *l, const char *name)
{
	struct tun tun;
	int r = tun_open(name, false, &tun);

	if (r < 0) {
		fprintf(stderr, "limit: %s: %s\n", name, tun_error_text(r));
		exit(1);
	}
	if (ioctl(tun.queue[0], TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) < 0)
		die("limit: TUNSETOFFLOAD");
	l->tun = tun.queue[0];
}

static void open_socket(struct limit *l, const char *local, const char *remote)
{
	struct sockaddr_storage a, b;
	struct endpoint from, to;
	const int one = 1, size = SOCKET_BUFFER;

	if (endpoint_parse(local, &from) < 0 ||
	    endpoint_parse(remote, &to) < 0) {
		fprintf(stderr,
			"limit: an endpoint is an address and a port\n");
		exit(2);
	}
	l->udp = socket(from.addr.family,
			SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->udp < 0 ||
	    bind(l->udp, (struct sockaddr *)&a,
		 endpoint_to_sockaddr(&from, &a)) < 0 ||
	    connect(l->udp, (struct sockaddr *)&b,
		    endpoint_to_sockaddr(&to, &b)) < 0 ||
	    setsockopt(l->udp, SOL_UDP, UDP_GRO, &one, sizeof(one)) < 0 ||
	    setsockopt(l->udp, SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)) < 0 ||
	    setsockopt(l->udp, SOL_SOCKET, SO_SNDBUFFORCE, &size,
		       sizeof(size)) < 0)
		die("limit: socket");
}

int main(int argc, char **argv)
{
	static struct limit l;
	static const uint8_t key[AEAD_KEY_LEN] = { 1 };
	struct pollfd p[2];

	if (argc != 4) {
		fprintf(stderr, "usage: limit DEVICE LOCAL REMOTE\n");
		return 2;
	}
	if (aead_init(&l.aead, aead_by_name("AES-256-GCM"), key) < 0)
		die("limit: cipher");
	signal(SIGUSR1, ask);
	open_device(&l, argv[1]);
	open_socket(&l, argv[2], argv[3]);
	p[0] = (struct pollfd) { .fd = l.tun, .events = POLLIN };
	p[1] = (struct pollfd) { .fd = l.udp, .events = POLLIN };
	for (;;) {
		if (asked) {
			asked = 0;
			print_counts(&l);
		}
		counters_add(&l.counters, COUNTER_CALL_POLL, 1);
		if (poll(p, 2, -1) < 0)
			continue;
		for (int i = 0; p[0].revents && i < TURNS; i++)
			if (!from_device(&l))
				break;
		for (int i = 0; p[1].revents && i < TURNS; i++)
			if (!from_socket(&l))
				break;
		write_out(&l);
	}
}
