/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/data/rx.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void rx_init(struct rx *r, bool uso)
{
	r->ring.capacity = RX_STRAYS;
	r->join = &r->joins[0];
	r->spare = &r->joins[1];
	for (size_t i = 0; i < ARRAY_SIZE(r->joins); i++) {
		gso_join_clear(&r->joins[i]);
		r->joins[i].udp = uso;
	}
	for (size_t i = 0; i < RX_MESSAGES; i++) {
		struct msghdr *m = &r->message[i].msg_hdr;

		r->iov[i].iov_base = r->buffer[i];
		r->iov[i].iov_len = sizeof(r->buffer[i]);
		m->msg_iov = &r->iov[i];
		m->msg_iovlen = 1;
		m->msg_name = &r->from[i];
		m->msg_control = r->control[i];
	}
}

/* Writes what was joined, and leaves the join empty. */
static void write_out(struct rx *r)
{
	struct gso_join *j = r->join;
	const uint8_t *p;
	size_t len;
	ssize_t n;

	if (j->len == 0)
		return;
	p = gso_join_finish(j, &len);
	do {
		n = write(r->tun, p, len);
	} while (n < 0 && errno == EINTR);
	counters_add(r->counters, COUNTER_CALL_WRITE, 1);
	if (n < 0) {
		counters_add(r->counters, COUNTER_DROP_TUN, j->count);
		if (errno == EBADFD || errno == EBADF || errno == EPIPE)
			r->tun_error = -ENODEV;
	}
	gso_join_clear(j);
}

static void take_stray(struct rx *r, struct msghdr *m, const uint8_t *p,
		       size_t len)
{
	int i = ring_free(&r->ring);
	struct rx_stray *s;

	if (i < 0 || len > RX_STRAY_MAX) {
		counters_add(r->counters,
			     i < 0 ? COUNTER_DROP_STRAY : COUNTER_DROP_LONG, 1);
		return;
	}
	s = &r->stray[i];
	memcpy(&s->from, m->msg_name, m->msg_namelen);
	s->from_len = m->msg_namelen;
	s->local = udp_local_of(m);
	s->len = len;
	memcpy(s->bytes, p, len);
	ring_put(&r->ring);
	r->strayed = true;
	counters_add(r->counters, COUNTER_STRAYS, 1);
}

/* What came is the peer's own, whatever is in it. An empty record only ends a
 * run: it is a sign of life, and no more. */
static void note_authentic(struct rx *r, struct peer_lane *l,
			   enum record_place place, size_t bytes)
{
	counter_add(&l->rx_placed[place], bytes > 0);
	counter_add(&l->rx_bytes, bytes);
	atomic_store_explicit(&l->last_rx_ns, r->now_ns, memory_order_relaxed);
}

static void note_refused(struct rx *r, struct peer_lane *l,
			 enum record_verdict v)
{
	enum counter c = v == RECORD_EPOCH    ? COUNTER_DROP_EPOCH
			 : v == RECORD_FORGED ? COUNTER_DROP_FORGED
			 : v == RECORD_OLD    ? COUNTER_DROP_OLD
					      : COUNTER_DROP_REPLAYED;

	counters_add(r->counters, c, 1);
	atomic_store_explicit(&l->rx_failures, l->rx.keys.failures,
			      memory_order_relaxed);
}

/* Opens a record behind what is being joined, and joins it if it belongs
 * there. */
static void take_record(struct rx *r, struct peer *p, struct peer_lane *l,
			const struct record_header *h, const uint8_t *record,
			size_t len)
{
	size_t inner = len - RECORD_OVERHEAD;
	bool csum = h->flags & RECORD_FLAG_CSUM;
	struct gso_join *j = r->join;
	struct gso_packet packet;
	enum record_verdict v;
	uint8_t *at;

	/* Behind an empty one the flow goes on. */
	if (inner > 0 && !gso_join_may_take(j, inner))
		write_out(r);
	at = gso_join_place(j);
	v = record_open(&l->rx, h, record, len, at);
	if (v != RECORD_OK) {
		note_refused(r, l, v);
		gso_join_cancel(j);
		return;
	}
	note_authentic(r, l, record_place(h->flags), inner);
	if (inner == 0) {
		gso_join_cancel(j);
		return;
	}
	if (!gso_packet_parse(at, inner, &packet) || (csum && !packet.plain)) {
		counters_add(r->counters, COUNTER_DROP_INNER, 1);
		gso_join_cancel(j);
		return;
	}
	if (!peer_source_allowed(p, l, at)) {
		counters_add(r->counters, COUNTER_DROP_SOURCE, 1);
		gso_join_cancel(j);
		return;
	}
	counters_add(r->counters, COUNTER_RX_PACKETS, 1);
	counters_add(r->counters, COUNTER_RX_BYTES, inner);
	if (gso_join_add(j, &packet, inner, csum))
		return;
	gso_join_move(j, r->spare, &packet, inner, csum);
	write_out(r);
	r->join = r->spare;
	r->spare = j;
}

/* A kernel that glues datagrams looks at their addresses, sizes and hop limits,
 * and not at their lanes. Rare: each lane has a hop limit of its own, unless
 * something on the way makes them equal. What goes this way may be overtaken by
 * later records of its flow. */
static void hand_over(struct rx *r, unsigned int worker, const uint8_t *p,
		      size_t len)
{
	ssize_t n = send(r->inbox[worker], p, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	counters_add(r->counters,
		     n < 0 ? COUNTER_DROP_INBOX : COUNTER_HANDED_OVER, 1);
}

/* The order of the checks is the protocol's (PROTOCOL.md, "Record"): length,
 * first byte, index, epoch, open, replay window, inner packet. */
static void take_datagram(struct rx *r, struct msghdr *m, const uint8_t *p,
			  size_t len)
{
	struct record_header h;
	struct peer_lane *lane;
	struct peer *peer;

	r->datagrams++;
	if (len == 0 || p[0] != RECORD_TYPE) {
		take_stray(r, m, p, len);
		return;
	}
	if (record_parse(p, len, &h) != RECORD_OK) {
		counters_add(r->counters, COUNTER_DROP_SHORT, 1);
		return;
	}
	/* Glued behind a data record of its size, it came to the wrong
	 * socket. */
	if (h.lane == RECORD_LANE_CONTROL) {
		take_stray(r, m, p, len);
		return;
	}
	peer = peer_table_by_index(r->table, h.index);
	if (peer == NULL) {
		counters_add(r->counters, COUNTER_DROP_INDEX, 1);
		return;
	}
	if (h.lane >= peer->lanes) {
		counters_add(r->counters, COUNTER_DROP_LANE, 1);
		return;
	}
	if (h.lane % r->lanes != r->lane) {
		hand_over(r, h.lane % r->lanes, p, len);
		return;
	}
	lane = peer_lane_use(peer, h.lane);
	if (lane == NULL) {
		counters_add(r->counters, COUNTER_DROP_MEMORY, 1);
		return;
	}
	take_record(r, peer, lane, &h, p, len);
}

void rx_message(struct rx *r, struct mmsghdr *message)
{
	struct msghdr *m = &message->msg_hdr;
	const uint8_t *p = m->msg_iov->iov_base;
	size_t len = message->msg_len, segment = udp_segment_of(m, len);

	for (size_t done = 0; done < len; done += segment) {
		size_t n = len - done;

		take_datagram(r, m, p + done, n < segment ? n : segment);
	}
}

/* How many messages, or -errno. */
static int receive(struct rx *r, int udp)
{
	int n;

	for (size_t i = 0; i < RX_MESSAGES; i++) {
		r->message[i].msg_hdr.msg_namelen = sizeof(r->from[i]);
		r->message[i].msg_hdr.msg_controllen = sizeof(r->control[i]);
	}
	n = recvmmsg(udp, r->message, RX_MESSAGES, MSG_DONTWAIT, NULL);
	counters_add(r->counters, COUNTER_CALL_RECVMMSG, 1);
	return n < 0 ? -errno : n;
}

int rx_pump(struct rx *r, int udp, uint64_t now_ns)
{
	int n = 0;

	r->now_ns = now_ns;
	r->strayed = false;
	r->tun_error = 0;
	for (int i = 0; i < RX_RECEIVES; i++) {
		n = receive(r, udp);
		r->datagrams = 0;
		for (int k = 0; k < n; k++)
			rx_message(r, &r->message[k]);
		if (r->datagrams > 0)
			counters_add_batch(r->counters->received, r->datagrams);
		/* A short one emptied the socket: asking again would only
		 * be told so. */
		if (n < RX_MESSAGES)
			break;
	}
	write_out(r);
	if (r->tun_error < 0)
		return r->tun_error;
	if (n == -EBADF || n == -ENOTSOCK)
		return -EBADF;
	return n == RX_MESSAGES;
}
