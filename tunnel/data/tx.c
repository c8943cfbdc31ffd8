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

/* The first `n` of the run have left, with or without its last. */
static void note_sent(struct tx *t, size_t n, bool last)
{
	struct peer_lane *l = &t->peer->lane[t->lane];

	counter_add(&l->tx_placed[RECORD_AMONG], n - last);
	if (last)
		counter_add(&l->tx_placed[t->place], 1);
}

static void send_singly(struct tx *t)
{
	size_t sent = 0;
	bool last = false;

	for (size_t done = 0; done < t->len; done += t->record) {
		size_t n = t->len - done;
		int r;

		if (n > t->record)
			n = t->record;
		r = send_records(t, t->out + done, n, 1);
		if (r < 0)
			counters_add(t->counters, drop_of_send_error(r), 1);
		sent += r == 0;
		last = r == 0;
	}
	note_sent(t, sent, last);
}

/* Where tails get lost there is none behind which an empty record stands.
 * Returns its length. */
static size_t end_shorter(struct tx *t)
{
	struct peer_lane *l = &t->peer->lane[t->lane];

	if (t->tactic != TACTIC_ENDED || t->place != RECORD_TAIL)
		return 0;
	return record_seal(&l->tx, t->peer->index, t->lane, 0, t->out, 0,
			   t->out + t->len);
}

static void run_send(struct tx *t)
{
	struct peer_lane *l = &t->peer->lane[t->lane];
	int r;

	if (t->udp < 0) {
		counters_add(t->counters, COUNTER_DROP_NO_SOCKET, t->count);
		return;
	}
	if (t->count > 1 && (t->tactic == TACTIC_SINGLY ||
			     t->now_ns < counter_get(&l->single_until_ns))) {
		send_singly(t);
		return;
	}
	r = send_records(t, t->out, t->len + end_shorter(t), t->count);
	if (r == 0) {
		note_sent(t, t->count, true);
	} else if (t->count > 1 &&
		   (r == -EIO || r == -EINVAL || r == -EMSGSIZE)) {
		/* All three have been seen to mean "cannot cut for this path"
		 * (no checksum offload, segment above its MTU). */
		atomic_store_explicit(&l->single_until_ns,
				      t->now_ns + PEER_SINGLE_NS,
				      memory_order_relaxed);
		counter_add(&l->refusals, 1);
		counters_add(t->counters, COUNTER_GSO_FALLBACKS, 1);
		send_singly(t);
	} else {
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

static void run_begin(struct tx *t, struct peer *p, size_t record)
{
	t->peer = p;
	t->record = record;
	t->tactic = atomic_load_explicit(&p->tactic, memory_order_relaxed);
	t->most = UDP_SEGMENTS_MAX - (t->tactic == TACTIC_ENDED);
}

/* Would a record of `len` bytes to `p` belong to the run? */
static bool run_may_take(const struct tx *t, const struct peer *p, size_t len)
{
	return p == t->peer && len <= t->record && t->count < t->most &&
	       t->len + len <= UDP_RUN_MAX &&
	       /* Its last record is not a short one already. */
	       t->len == t->count * t->record;
}

/* Seals what is held, now that it is known what comes next: a packet of `len`
 * bytes to `next`, or nothing for now (NULL). Sends the run if this ends it. */
static void seal_held(struct tx *t, const struct peer *next, size_t len)
{
	const struct tx_held *h = &t->held;
	size_t record = h->len + RECORD_OVERHEAD;
	uint8_t flags = h->csum ? RECORD_FLAG_CSUM : 0;
	bool ends;

	if (t->count == 0)
		run_begin(t, h->peer, record);
	t->count++;
	t->len += record;
	ends = !run_may_take(t, next, len + RECORD_OVERHEAD);
	t->place = !ends			    ? RECORD_AMONG
		   : t->count == 1		    ? RECORD_ALONE
		   : t->len == t->count * t->record ? RECORD_TAIL
						    : RECORD_AMONG;
	if (record_seal(&h->peer->lane[t->lane].tx, h->peer->index, t->lane,
			flags | record_place_flag(t->place), h->packet, h->len,
			t->out + t->len - record) == 0) {
		counters_add(t->counters, COUNTER_DROP_USED_UP, 1);
		t->count--;
		t->len -= record;
	}
	t->held.packet = NULL;
	if (ends)
		run_flush(t);
}

static void take_packet(struct tx *t, uint8_t *packet, size_t len)
{
	size_t bytes = 0, n;
	uint8_t *segment;
	struct gso_vnet h;
	struct gso_cut cut;
	struct peer_lane *l;
	struct peer *p;

	memcpy(&h, packet - GSO_VNET_LEN, sizeof(h));
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
	while ((n = gso_cut_peek(&cut)) > 0) {
		/* Its header is about to be written over. */
		if (t->held.packet != NULL)
			seal_held(t, p, n);
		(void)gso_cut_next(&cut, &segment, &n); /* as it was seen */
		t->held = (struct tx_held) {
			.peer = p, .packet = segment, .len = n, .csum = cut.csum
		};
		bytes += n;
	}
	/* The last one stays where it is, beside the next packet. */
	t->turn ^= 1;
	counter_add(&l->tx_records, cut.count);
	counter_add(&l->tx_bytes, bytes);
	counters_add(t->counters, COUNTER_TX_PACKETS, cut.count);
	counters_add(t->counters, COUNTER_TX_BYTES, bytes);
}

int tx_pump(struct tx *t, uint64_t now_ns)
{
	size_t bytes = 0;
	int r = 0;

	t->now_ns = now_ns;
	for (unsigned int i = 0; i < TX_READS && bytes < TX_BYTES; i++) {
		uint8_t *in = t->in[t->turn];
		ssize_t n = read(t->tun, in, sizeof(t->in[0]));

		counters_add(t->counters, COUNTER_CALL_READ, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			r = n < 0 ? -errno : -EPIPE;
			break;
		}
		bytes += (size_t)n;
		if (n <= GSO_VNET_LEN)
			counters_add(t->counters, COUNTER_DROP_MALFORMED, 1);
		else
			take_packet(t, in + GSO_VNET_LEN,
				    (size_t)n - GSO_VNET_LEN);
	}
	/* Nothing may be held over the worker's next pass. */
	if (t->held.packet != NULL)
		seal_held(t, NULL, 0);
	return r;
}
