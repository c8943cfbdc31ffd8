/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/data/counters.h"

const char *counter_name(enum counter c)
{
	switch (c) {
	case COUNTER_RX_PACKETS:
		return "rx_packets";
	case COUNTER_RX_BYTES:
		return "rx_bytes";
	case COUNTER_TX_PACKETS:
		return "tx_packets";
	case COUNTER_TX_BYTES:
		return "tx_bytes";
	case COUNTER_GSO_FALLBACKS:
		return "gso_fallbacks";
	case COUNTER_STRAYS:
		return "strays";
	case COUNTER_HANDED_OVER:
		return "handed_over";
	case COUNTER_CALL_POLL:
		return "call_poll";
	case COUNTER_CALL_READ:
		return "call_read";
	case COUNTER_CALL_WRITE:
		return "call_write";
	case COUNTER_CALL_SENDMSG:
		return "call_sendmsg";
	case COUNTER_CALL_RECVMMSG:
		return "call_recvmmsg";
	case COUNTER_DROP_SOCKET:
		return "drop_socket";
	case COUNTER_DROP_SHORT:
		return "drop_short";
	case COUNTER_DROP_LONG:
		return "drop_long";
	case COUNTER_DROP_STRAY:
		return "drop_stray";
	case COUNTER_DROP_LANE:
		return "drop_lane";
	case COUNTER_DROP_INBOX:
		return "drop_inbox";
	case COUNTER_DROP_MEMORY:
		return "drop_memory";
	case COUNTER_DROP_INDEX:
		return "drop_index";
	case COUNTER_DROP_EPOCH:
		return "drop_epoch";
	case COUNTER_DROP_FORGED:
		return "drop_forged";
	case COUNTER_DROP_OLD:
		return "drop_old";
	case COUNTER_DROP_REPLAYED:
		return "drop_replayed";
	case COUNTER_DROP_INNER:
		return "drop_inner";
	case COUNTER_DROP_SOURCE:
		return "drop_source";
	case COUNTER_DROP_TUN:
		return "drop_tun";
	case COUNTER_DROP_QUEUE:
		return "drop_queue";
	case COUNTER_DROP_MALFORMED:
		return "drop_malformed";
	case COUNTER_DROP_NO_PEER:
		return "drop_no_peer";
	case COUNTER_DROP_USED_UP:
		return "drop_used_up";
	case COUNTER_DROP_NO_SOCKET:
		return "drop_no_socket";
	case COUNTER_DROP_UNREACHABLE:
		return "drop_unreachable";
	case COUNTER_DROP_TOO_BIG:
		return "drop_too_big";
	case COUNTER_DROP_FULL:
		return "drop_full";
	case COUNTER_DROP_SEND:
		return "drop_send";
	case COUNTER_COUNT:
		break;
	}
	return "unknown";
}

static void gather(_Atomic uint64_t *sum, const _Atomic uint64_t *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		counter_add(&sum[i], counter_get(&c[i]));
}

void counters_gather(struct counters *sum, const struct counters *c)
{
	gather(sum->of, c->of, COUNTER_COUNT);
	gather(sum->sent, c->sent, BATCH_BUCKETS);
	gather(sum->received, c->received, BATCH_BUCKETS);
}
