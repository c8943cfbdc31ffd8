/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/data/tx.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static enum counter drop_of_send_error(int error)
{
	switch (error) {
	case -ENETUNREACH:
	case -EHOSTUNREACH:
	case -ENETDOWN:
	case -EPERM: /* a firewall's */
	case -EACCES:
	case -EADDRNOTAVAIL:
	case -ECONNREFUSED:
		return COUNTER_DROP_UNREACHABLE;
	case -EMSGSIZE:
		return COUNTER_DROP_TOO_BIG;
	case -EAGAIN:
	case -ENOBUFS:
	case -ENOMEM:
		return COUNTER_DROP_FULL;
	default:
		return COUNTER_DROP_SEND;
	}
}

static int send_records(struct tx *t, uint8_t *at, size_t len, size_t count)
{
	struct peer *p = t->peer;
	int r = udp_send_run(t->udp, &p->remote, p->remote_len,
			     &p->lane[t->lane].control, at, len, t->record);

	counters_add(t->counters, COUNTER_CALL_SENDMSG, 1);
	counters_add_batch(t->counters->sent, count);
	return r;
}

/* One by one, where the kernel does not cut. */
static void send_singly(struct tx *t)
{
	for (size_t done = 0; done < t->len; done += t->record) {
		size_t n = t->len - done;
		int r;

		if (n > t->record)
			n = t->record;
		r = send_records(t, t->out + done, n, 1);
		if (r < 0)
			counters_add(t->counters, drop_of_send_error(r), 1);
	}
}

static void run_send(struct tx *t)
{
	struct peer_lane *l = &t->peer->lane[t->lane];
	int r;

	if (t->udp < 0) {
		counters_add(t->counters, COUNTER_DROP_NO_SOCKET, t->count);
		return;
	}
	if (t->count > 1 && t->now_ns < counter_get(&l->single_until_ns)) {
		send_singly(t);
		return;
	}
	r = send_records(t, t->out, t->len, t->count);
	if (r < 0 && t->count > 1 &&
	    (r == -EIO || r == -EINVAL || r == -EMSGSIZE)) {
		/* All three have been seen to mean "cannot cut for this path"
		 * (no checksum offload, segment above its MTU). */
		atomic_store_explicit(&l->single_until_ns,
				      t->now_ns + TX_SINGLE_NS,
				      memory_order_relaxed);
		counters_add(t->counters, COUNTER_GSO_FALLBACKS, 1);
		send_singly(t);
	} else if (r < 0) {
		counters_add(t->counters, drop_of_send_error(r), t->count);
	}
}

static void run_flush(struct tx *t)
{
	if (t->count > 0)
		run_send(t);
	t->peer = NULL;
	t->len = 0;
	t->count = 0;
}

/* Makes room in the run for a record of `len` bytes to `p`. */
static void run_prepare(struct tx *t, struct peer *p, size_t len)
{
	if (t->count > 0 &&
	    (p != t->peer || len > t->record || t->count == UDP_SEGMENTS_MAX ||
	     t->len + len > UDP_RUN_MAX ||
	     /* Its last record is a short one already. */
	     t->len < t->count * t->record))
		run_flush(t);
	if (t->count == 0) {
		t->peer = p;
		t->record = len;
	}
}

static void seal_one(struct tx *t, struct peer *p, struct peer_lane *l,
		     const uint8_t *packet, size_t len, bool csum)
{
	size_t n;

	run_prepare(t, p, len + RECORD_OVERHEAD);
	n = record_seal(&l->tx, p->index, t->lane, csum ? RECORD_FLAG_CSUM : 0,
			packet, len, t->out + t->len);
	if (n == 0) {
		counters_add(t->counters, COUNTER_DROP_USED_UP, 1);
		return;
	}
	t->len += n;
	t->count++;
}

static void take_packet(struct tx *t, size_t len)
{
	uint8_t *packet = t->in + GSO_VNET_LEN, *segment;
	size_t n, bytes = 0;
	struct gso_vnet h;
	struct gso_cut cut;
	struct peer_lane *l;
	struct peer *p;

	memcpy(&h, t->in, sizeof(h));
	if (gso_cut_start(&cut, &h, packet, len) < 0) {
		counters_add(t->counters, COUNTER_DROP_MALFORMED, 1);
		return;
	}
	p = peer_table_by_inner(t->table, packet);
	if (p == NULL || t->lane >= p->lanes) {
		counters_add(t->counters, COUNTER_DROP_NO_PEER, 1);
		return;
	}
	l = peer_lane_use(p, t->lane);
	if (l == NULL) {
		counters_add(t->counters, COUNTER_DROP_USED_UP, 1);
		return;
	}
	while (gso_cut_next(&cut, &segment, &n)) {
		seal_one(t, p, l, segment, n, cut.csum);
		bytes += n;
	}
	counter_add(&l->tx_records, cut.count);
	counter_add(&l->tx_bytes, bytes);
	counters_add(t->counters, COUNTER_TX_PACKETS, cut.count);
	counters_add(t->counters, COUNTER_TX_BYTES, bytes);
}

int tx_pump(struct tx *t, uint64_t now_ns)
{
	int r = 0;

	t->now_ns = now_ns;
	for (unsigned int i = 0; i < TX_READS; i++) {
		ssize_t n = read(t->tun, t->in, sizeof(t->in));

		counters_add(t->counters, COUNTER_CALL_READ, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			r = n < 0 ? -errno : -EPIPE;
			break;
		}
		if (n <= GSO_VNET_LEN)
			counters_add(t->counters, COUNTER_DROP_MALFORMED, 1);
		else
			take_packet(t, (size_t)n - GSO_VNET_LEN);
	}
	/* Nothing may be held over the worker's next pass. */
	run_flush(t);
	return r;
}
