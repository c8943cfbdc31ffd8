/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Segmentation without the kernel: what the TUN device hands over as one
 * super-packet is cut into packets that fit a record each, and opened records
 * of one flow are joined to a super-packet again. No payload is copied, and no
 * checksum over payload is computed. Pure; one thread at a time.
 *
 *   cutting                            joining
 *   1. gso_cut_start(&c, &h, p, n)     1. at = gso_join_place(&j)
 *   2. while (gso_cut_next(&c, ...))   2. open the record to `at`
 *         seal, before the next one    3. gso_join_add or gso_join_cancel
 *                                      4. gso_join_finish, write, clear
 */
#ifndef ADIT_DATA_GSO_H
#define ADIT_DATA_GSO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/attr.h"

/* The virtio network header (virtio 1.2, section 5.1.6), in the host's byte
 * order, as the TUN device has it. */
struct gso_vnet {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size; /* payload of each segment */
	uint16_t csum_start;
	uint16_t csum_offset; /* from csum_start */
};

enum {
	GSO_VNET_NEEDS_CSUM = 1, /* flags */
	GSO_VNET_NONE = 0,	 /* gso_type */
	GSO_VNET_TCP4 = 1,
	GSO_VNET_TCP6 = 4,
	GSO_VNET_UDP = 5,
	GSO_VNET_ECN = 0x80, /* with one of the above: CWR on the first */
};

enum {
	GSO_PACKET_MAX = 65535 + 40, /* IPv6 does not count its header */
	GSO_HEADERS_MAX = 120,	     /* IP and TCP, each with all options */
	GSO_VNET_LEN = sizeof(struct gso_vnet),
	GSO_JOIN_MAX = 65535,	 /* a super-packet that we make */
	GSO_JOIN_UDP_COUNT = 64, /* datagrams in one, at most */
	GSO_JOIN_FRONT = 64,	 /* the virtio header, and the packet aligned */
};

/* Where things are in an inner packet that was looked at and found whole. */
struct gso_packet {
	uint8_t version;  /* 4 or 6 */
	uint8_t protocol; /* behind the IP header; IPv6: its next header */
	/* TCP or UDP with a whole header, directly behind the IP header, and
	 * no fragment: where a checksum may be left to the receiver. */
	bool plain;
	uint16_t transport; /* offset of what follows the IP header */
	uint16_t headers;   /* length up to the payload, if plain */
};

/* True if the `len` bytes are one whole IPv4 or IPv6 packet by its own word. */
bool gso_packet_parse(const uint8_t *p, size_t len,
		      struct gso_packet *ret_packet);

struct gso_cut {
	uint8_t *packet; /* borrowed, and written to */
	size_t payload;	 /* bytes behind the headers */
	size_t done;	 /* bytes of it that were handed out */
	size_t segment;	 /* bytes of it in each segment but the last */
	uint16_t headers;
	uint16_t transport;
	uint16_t pseudo; /* the sum in the checksum field, without length */
	uint16_t count;	 /* segments handed out */
	bool super;	 /* to be cut; else handed out as it is */
	bool udp;
	bool csum; /* the checksum of each is left to the receiver */
	uint8_t header[GSO_HEADERS_MAX]; /* as it came */
};

/* Borrows and changes `packet` until the cut is done. 0, or -EBADMSG for a
 * packet that is not what its virtio header says. A packet that is no
 * super-packet comes out as it is, once. */
int gso_cut_start(struct gso_cut *c, const struct gso_vnet *h, uint8_t *packet,
		  size_t len) ATTR_MUST_CHECK;
/* The next segment, whole and contiguous. Its header is written over the tail
 * of the one before, which must have been used by then. False: no more. */
bool gso_cut_next(struct gso_cut *c, uint8_t **ret_segment, size_t *ret_len);

/* How long that will be; 0: no more. */
static inline size_t gso_cut_peek(const struct gso_cut *c)
{
	size_t left = c->payload - c->done;

	if (left == 0 && (c->count > 0 || !c->super))
		return 0;
	return c->headers + (left < c->segment ? left : c->segment);
}

/* A super-packet under assembly. Room for the virtio header lies in front, so
 * that it is written with one call. */
struct gso_join {
	size_t len;	/* 0: empty */
	size_t segment; /* payload of each packet in it but the last */
	size_t place;	/* where the last record was opened to */
	uint32_t count;
	uint32_t next_seq;
	uint16_t next_id;
	uint8_t flags; /* TCP's, those that may not differ */
	bool open;     /* could take another */
	bool csum;     /* the checksum is left to the kernel */
	bool udp;      /* set by the owner: the kernel takes UDP, too */
	struct gso_packet first;
	uint8_t header[GSO_HEADERS_MAX]; /* the first packet's */
	uint8_t saved[GSO_HEADERS_MAX];	 /* what lies under the last one's */
	/* Opening writes at most a whole packet behind an empty front, or to
	 * within GSO_JOIN_MAX. */
	uint8_t buffer[GSO_JOIN_FRONT + GSO_PACKET_MAX];
};

void gso_join_clear(struct gso_join *j);
/* Can a packet of `len` bytes be joined, as far as is seen from outside? If
 * not, finish and clear first: an empty one takes any. */
bool gso_join_may_take(const struct gso_join *j, size_t len);
/* Where the next record is to be opened, so that its payload lands behind what
 * is there. The bytes under its header are kept. */
uint8_t *gso_join_place(struct gso_join *j);
/* What was opened there is not used: as if it never was. */
void gso_join_cancel(struct gso_join *j);
/* `len` bytes were opened there, and parsed as `p`. False: they do not belong
 * to it and must be moved away, by gso_join_move. */
bool gso_join_add(struct gso_join *j, const struct gso_packet *p, size_t len,
		  bool csum);
/* Moves what gso_join_add refused into `to`, which is empty. */
void gso_join_move(struct gso_join *j, struct gso_join *to,
		   const struct gso_packet *p, size_t len, bool csum);
/* Makes its headers; returns what is to be written to the device. */
const uint8_t *gso_join_finish(struct gso_join *j, size_t *ret_len);

#endif
